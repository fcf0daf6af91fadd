/* Writing a stream. Blocks become items; neighbouring texts are parts of one message,
 * which stays open until something else comes. Each item is told twice, as it begins and
 * whole as it ends, and once more in the response that ends the stream: its texts are
 * kept for that, under a ceiling. */
#include "dialect/responses.h"

/* Grows in the arena; what it held before is left behind there. */
struct text {
    char *p;
    size_t n, cap;
};

enum open_item { OPEN_NONE, OPEN_MESSAGE, OPEN_REASONING, OPEN_CALL };

struct stream {
    enum dialect_id from;
    str id, model, service_tier, groups;
    int64_t created_s;
    struct text output; /* items that are whole */
    int64_t index;      /* output_index of the open item, else of the next */
    size_t kept;        /* bytes in all texts */
    bool refused, skip; /* skip: a block that the protocol has no word for */
    bool carried;       /* the open block's signature went ahead of it */
    enum canon_stop stop;
    /* the open item */
    enum open_item open;
    str item_id;
    struct canon_part part; /* of the open block; its strings in the arena */
    struct text content;    /* parts of a message that are whole */
    int64_t content_index;
    /* the open block */
    struct text piece, logprobs, citations;
    int64_t citation_count;
    bool spoken; /* reasoning: its summary part has begun */
};

static struct stream *stream_of(struct canon_encoder *e)
{
    if (!e->state) e->state = arena_zalloc(e->arena, sizeof(struct stream));
    return e->state;
}

/* ---- texts */

static void keep(struct canon_encoder *e, struct text *t, str more)
{
    struct stream *s = stream_of(e);
    s->kept += more.n;
    if (s->kept > CANON_ARGUMENTS_MAX) {
        e->broken = true;
        return;
    }
    if (more.n > t->cap - t->n) {
        size_t cap = t->cap ? t->cap : 256;
        while (cap < t->n + more.n) cap *= 2;
        char *p = arena_alloc(e->arena, cap);
        if (t->n) memcpy(p, t->p, t->n);
        t->p = p;
        t->cap = cap;
    }
    if (more.n) memcpy(t->p + t->n, more.p, more.n);
    t->n += more.n;
}

static str text_str(const struct text *t)
{
    return t->n ? str_of(t->p, t->n) : S("");
}

/* ---- events */

static struct buf *begin(struct canon_encoder *e, str type)
{
    struct buf *out = &e->json;
    buf_add(out, S("{\"type\":\""));
    buf_add(out, type);
    buf_printf(out, "\",\"sequence_number\":%lld", (long long)++e->sequence);
    return out;
}

static void end(struct canon_encoder *e, str type)
{
    buf_add_byte(&e->json, '}');
    canon_emit(e, type);
}

/* ... of the open item. */
static struct buf *begin_item(struct canon_encoder *e, str type)
{
    struct stream *s = stream_of(e);
    struct buf *out = begin(e, type);
    canon_put_text(out, S("item_id"), s->item_id);
    canon_put_i64(out, S("output_index"), s->index);
    return out;
}

/* ... of the open part of it. */
static struct buf *begin_part(struct canon_encoder *e, str type)
{
    struct stream *s = stream_of(e);
    struct buf *out = begin_item(e, type);
    canon_put_i64(out, s->open == OPEN_REASONING ? S("summary_index") : S("content_index"),
                  s->open == OPEN_REASONING ? 0 : s->content_index);
    return out;
}

static void put_string(struct buf *out, str key, str inside)
{
    canon_key(out, key);
    buf_add_byte(out, '"');
    buf_add(out, inside);
    buf_add_byte(out, '"');
}

/* ---- the response itself */

static void emit_response(struct canon_encoder *e, str type, str status, const struct usage *usage)
{
    struct stream *s = stream_of(e);
    bool over = usage != NULL;
    struct response_frame f = {
        .id = s->id,
        .model = s->model,
        .service_tier = s->service_tier,
        .echo = e->echo,
        .created_s = s->created_s,
        .completed_s = str_eq(status, S("completed")) ? s->created_s : 0,
        .status = status,
        .reason = over ? responses_incomplete_reason(s->stop, s->refused) : S(""),
        .failed = over && s->stop == STOP_ERROR,
        .output = text_str(&s->output),
        .usage = usage,
        .cost_usd = over ? e->cost_usd : S(""),
    };
    struct buf *out = begin(e, type);
    canon_key(out, S("response"));
    responses_put_frame(out, &f);
    end(e, type);
}

static void start(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct stream *s = stream_of(e);
    bool own = delta->from == DIALECT_RESPONSES && delta->id.n;
    s->from = delta->from;
    s->id = own ? arena_str(e->arena, delta->id) : responses_id(e->arena, "resp_", e->seed, 0);
    s->model = arena_str(e->arena, delta->model.n ? delta->model : e->model);
    s->service_tier = arena_str(e->arena, delta->service_tier);
    s->created_s = delta->created_s ? delta->created_s : e->created_s;
    s->groups = responses_groups(e->echo, e->arena);
    emit_response(e, S("response.created"), S("in_progress"), NULL);
    emit_response(e, S("response.in_progress"), S("in_progress"), NULL);
}

/* ---- items */

/* An item as `put` writes it, in an event. */
static struct buf *begin_output(struct canon_encoder *e, str type)
{
    struct buf *out = begin(e, type);
    canon_put_i64(out, S("output_index"), stream_of(e)->index);
    canon_key(out, S("item"));
    return out;
}

/* Ends an `output_item.done` whose item stands in the event from `from` on: it belongs to the response, too. */
static void end_output(struct canon_encoder *e, size_t from)
{
    struct stream *s = stream_of(e);
    if (s->output.n) keep(e, &s->output, S(","));
    keep(e, &s->output, str_from_at(buf_str(&e->json), from));
    end(e, S("response.output_item.done"));
    s->index++;
    s->open = OPEN_NONE;
}

static void put_message(struct buf *out, const struct stream *s, str status)
{
    buf_add(out, S("{\"type\":\"message\""));
    canon_put_text(out, S("id"), s->item_id);
    canon_put_text(out, S("status"), status);
    canon_put_text(out, S("role"), S("assistant"));
    canon_key(out, S("content"));
    buf_add_byte(out, '[');
    buf_add(out, text_str(&s->content));
    buf_add(out, S("]}"));
}

/* Only a message outlives its last block. */
static void close_message(struct canon_encoder *e, str status)
{
    struct stream *s = stream_of(e);
    if (s->open != OPEN_MESSAGE) return;
    struct buf *out = begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    put_message(out, s, status);
    end_output(e, from);
}

static void open_item(struct canon_encoder *e, enum open_item open, const struct canon_part *part, const char *prefix)
{
    struct stream *s = stream_of(e);
    s->open = open;
    s->item_id = part->id.n ? arena_str(e->arena, part->id) : responses_id(e->arena, prefix, e->seed, s->index);
}

/* A signature that belongs to another block, as reasoning without words. */
static void emit_carried(struct canon_encoder *e, enum canon_carry use, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    enum dialect_id of = part->signer ? (enum dialect_id)(part->signer - 1) : s->from;
    jraw encrypted = canon_carry(e->arena, of, use, part->signature);
    static const struct canon_part none = {0};
    close_message(e, S("completed"));
    open_item(e, OPEN_REASONING, &none, "rs_");
    struct buf *out = begin_output(e, S("response.output_item.added"));
    responses_put_reasoning(out, s->item_id, RAW_NONE, RAW_NONE, S(""));
    end(e, S("response.output_item.added"));
    out = begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    responses_put_reasoning(out, s->item_id, RAW_NONE, encrypted, S(""));
    end_output(e, from);
}

/* ---- text and refusal */

static void put_open_part(struct buf *out, const struct stream *s, str text)
{
    bool refusal = s->part.kind == PART_REFUSAL;
    buf_add(out, refusal ? S("{\"type\":\"refusal\"") : S("{\"type\":\"output_text\""));
    if (!refusal) {
        canon_key(out, S("annotations"));
        buf_add_byte(out, '[');
        buf_add(out, text_str(&s->citations));
        buf_add_byte(out, ']');
        canon_key(out, S("logprobs"));
        buf_add_byte(out, '[');
        buf_add(out, text_str(&s->logprobs));
        buf_add_byte(out, ']');
    }
    put_string(out, refusal ? S("refusal") : S("text"), text);
    buf_add_byte(out, '}');
}

static void start_text(struct canon_encoder *e, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    struct buf *out;
    if (s->open == OPEN_MESSAGE && part->id.n && !str_eq(part->id, s->item_id)) close_message(e, S("completed"));
    if (s->open != OPEN_MESSAGE) {
        s->content.n = 0;
        s->content_index = 0;
        open_item(e, OPEN_MESSAGE, part, "msg_");
        out = begin_output(e, S("response.output_item.added"));
        put_message(out, s, S("in_progress"));
        end(e, S("response.output_item.added"));
    }
    if (part->kind == PART_REFUSAL) s->refused = true;
    out = begin_part(e, S("response.content_part.added"));
    canon_key(out, S("part"));
    put_open_part(out, s, S(""));
    end(e, S("response.content_part.added"));
}

static void put_logprobs_inside(struct buf *out, str key, str inside)
{
    canon_key(out, key);
    buf_add_byte(out, '[');
    buf_add(out, inside);
    buf_add_byte(out, ']');
}

static void add_text(struct canon_encoder *e, str inside, str logprobs)
{
    struct stream *s = stream_of(e);
    bool refusal = s->part.kind == PART_REFUSAL;
    str type = refusal ? S("response.refusal.delta") : S("response.output_text.delta");
    struct buf *out = begin_part(e, type);
    put_string(out, S("delta"), inside);
    if (!refusal) put_logprobs_inside(out, S("logprobs"), logprobs);
    end(e, type);
    keep(e, &s->piece, inside);
}

static void stop_text(struct canon_encoder *e)
{
    struct stream *s = stream_of(e);
    bool refusal = s->part.kind == PART_REFUSAL;
    str type = refusal ? S("response.refusal.done") : S("response.output_text.done");
    struct buf *out = begin_part(e, type);
    put_string(out, refusal ? S("refusal") : S("text"), text_str(&s->piece));
    if (!refusal) put_logprobs_inside(out, S("logprobs"), text_str(&s->logprobs));
    end(e, type);
    out = begin_part(e, S("response.content_part.done"));
    canon_key(out, S("part"));
    size_t from = out->n;
    put_open_part(out, s, text_str(&s->piece));
    if (s->content.n) keep(e, &s->content, S(","));
    keep(e, &s->content, str_from_at(buf_str(out), from));
    end(e, S("response.content_part.done"));
    s->content_index++;
}

/* They come behind their text: a delta without text brings them. */
static void add_logprobs(struct canon_encoder *e, jraw logprobs)
{
    struct stream *s = stream_of(e);
    struct buf list;
    if (s->open != OPEN_MESSAGE || s->part.kind != PART_TEXT) return;
    buf_init(&list, 0);
    responses_put_logprobs(&list, logprobs);
    if (list.n > 2) {
        str inside = str_of(list.p + 1, list.n - 2);
        add_text(e, S(""), inside);
        if (s->logprobs.n) keep(e, &s->logprobs, S(","));
        keep(e, &s->logprobs, inside);
    }
    buf_free(&list);
}

static void add_citation(struct canon_encoder *e, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    struct buf one;
    if (s->open != OPEN_MESSAGE || s->part.kind != PART_TEXT || !part) return;
    buf_init(&one, 0);
    for (const struct canon_citation *c = part->citations; c; c = c->next) {
        buf_clear(&one);
        if (!responses_put_citation(&one, c)) continue;
        struct buf *out = begin_part(e, S("response.output_text.annotation.added"));
        canon_put_i64(out, S("annotation_index"), s->citation_count++);
        canon_put_raw(out, S("annotation"), (jraw){buf_str(&one)});
        end(e, S("response.output_text.annotation.added"));
        if (s->citations.n) keep(e, &s->citations, S(","));
        keep(e, &s->citations, buf_str(&one));
    }
    buf_free(&one);
}

/* ---- reasoning */

static void start_reasoning(struct canon_encoder *e, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    close_message(e, S("completed"));
    open_item(e, OPEN_REASONING, part, "rs_");
    s->spoken = false;
    struct buf *out = begin_output(e, S("response.output_item.added"));
    responses_put_reasoning(out, s->item_id, RAW_NONE, RAW_NONE, S(""));
    end(e, S("response.output_item.added"));
}

static void put_summary(struct buf *out, str text)
{
    canon_key(out, S("part"));
    buf_add(out, S("{\"type\":\"summary_text\""));
    put_string(out, S("text"), text);
    buf_add_byte(out, '}');
}

static void add_reasoning(struct canon_encoder *e, str inside)
{
    struct stream *s = stream_of(e);
    struct buf *out;
    if (!inside.n) return;
    if (!s->spoken) {
        s->spoken = true;
        out = begin_part(e, S("response.reasoning_summary_part.added"));
        put_summary(out, S(""));
        end(e, S("response.reasoning_summary_part.added"));
    }
    out = begin_part(e, S("response.reasoning_summary_text.delta"));
    put_string(out, S("delta"), inside);
    end(e, S("response.reasoning_summary_text.delta"));
    keep(e, &s->piece, inside);
}

static void stop_reasoning(struct canon_encoder *e)
{
    struct stream *s = stream_of(e);
    str text = text_str(&s->piece);
    struct buf *out;
    if (s->spoken) {
        out = begin_part(e, S("response.reasoning_summary_text.done"));
        put_string(out, S("text"), text);
        end(e, S("response.reasoning_summary_text.done"));
        out = begin_part(e, S("response.reasoning_summary_part.done"));
        put_summary(out, text);
        end(e, S("response.reasoning_summary_part.done"));
    }
    jraw quoted = text.n ? (jraw){arena_printf(e->arena, "\"%" STR_FMT "\"", STR_ARG(text))} : RAW_NONE;
    jraw encrypted = responses_encrypted(e->arena, &s->part, s->from);
    out = begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    responses_put_reasoning(out, s->item_id, quoted, encrypted, S(""));
    end_output(e, from);
}

/* ---- tool calls */

static void put_call(struct buf *out, const struct stream *s, str status, str inside)
{
    const struct canon_tool_use *t = &s->part.tool;
    buf_add(out, t->custom ? S("{\"type\":\"custom_tool_call\"") : S("{\"type\":\"function_call\""));
    canon_put_text(out, S("id"), s->item_id);
    canon_put_text(out, S("status"), status);
    canon_key(out, S("call_id"));
    buf_add_json(out, t->id);
    responses_put_name(out, t->name, t->group, s->groups);
    put_string(out, t->custom ? S("input") : S("arguments"), inside);
    buf_add_byte(out, '}');
}

static void start_call(struct canon_encoder *e, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    close_message(e, S("completed"));
    open_item(e, OPEN_CALL, part, part->tool.custom ? "ctc_" : "fc_");
    if (!s->part.tool.id.n) s->part.tool.id = responses_id(e->arena, "call_", e->seed, s->index);
    struct buf *out = begin_output(e, S("response.output_item.added"));
    put_call(out, s, S("in_progress"), S(""));
    end(e, S("response.output_item.added"));
}

static void add_arguments(struct canon_encoder *e, str inside)
{
    struct stream *s = stream_of(e);
    str type =
        s->part.tool.custom ? S("response.custom_tool_call_input.delta") : S("response.function_call_arguments.delta");
    if (!inside.n) return;
    struct buf *out = begin_item(e, type);
    put_string(out, S("delta"), inside);
    end(e, type);
    keep(e, &s->piece, inside);
}

/* A call without arguments has an empty object of them. */
static void stop_call(struct canon_encoder *e)
{
    struct stream *s = stream_of(e);
    bool custom = s->part.tool.custom;
    str type = custom ? S("response.custom_tool_call_input.done") : S("response.function_call_arguments.done");
    if (!s->piece.n && !custom) add_arguments(e, S("{}"));
    struct buf *out = begin_item(e, type);
    if (!custom) responses_put_name(out, s->part.tool.name, s->part.tool.group, s->groups);
    put_string(out, custom ? S("input") : S("arguments"), text_str(&s->piece));
    end(e, type);
    out = begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    put_call(out, s, S("completed"), text_str(&s->piece));
    end_output(e, from);
}

/* ---- what only this dialect knows */

static void emit_opaque(struct canon_encoder *e, const struct canon_part *part)
{
    close_message(e, S("completed"));
    struct buf *out = begin_output(e, S("response.output_item.added"));
    buf_add(out, part->value.json);
    end(e, S("response.output_item.added"));
    out = begin_output(e, S("response.output_item.done"));
    size_t from = out->n;
    buf_add(out, part->value.json);
    end_output(e, from);
}

/* ---- blocks */

static void keep_part(struct canon_encoder *e, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    s->part = (struct canon_part){.kind = part->kind, .signer = part->signer};
    s->part.tool.id = arena_str(e->arena, part->tool.id);
    s->part.tool.name = arena_str(e->arena, part->tool.name);
    s->part.tool.group = arena_str(e->arena, part->tool.group);
    s->part.tool.custom = part->tool.custom;
    s->piece.n = s->logprobs.n = s->citations.n = 0;
    s->citation_count = 0;
}

static void start_block(struct canon_encoder *e, const struct canon_part *part)
{
    struct stream *s = stream_of(e);
    bool reasoning = part->kind == PART_REASONING || part->kind == PART_REDACTED;
    bool text = part->kind == PART_TEXT || part->kind == PART_REFUSAL;
    s->skip = !reasoning && !text && part->kind != PART_TOOL_CALL;
    s->carried = !reasoning && !s->skip && part->signature.json.p;
    if (s->carried) emit_carried(e, CARRY_NEXT, part);
    keep_part(e, part);
    if (reasoning && part->signature.json.p) s->part.signature.json = arena_str(e->arena, part->signature.json);
    if (text)
        start_text(e, part);
    else if (reasoning)
        start_reasoning(e, part);
    else if (part->kind == PART_TOOL_CALL)
        start_call(e, part);
    else if (part->kind == PART_OPAQUE && part->extras.of == DIALECT_RESPONSES && part->value.json.p && !part->inner)
        emit_opaque(e, part);
}

static void stop_block(struct canon_encoder *e)
{
    struct stream *s = stream_of(e);
    bool late = s->part.signature.json.p && s->open != OPEN_REASONING;
    if (s->skip) return;
    if (s->open == OPEN_MESSAGE)
        stop_text(e);
    else if (s->open == OPEN_REASONING)
        stop_reasoning(e);
    else if (s->open == OPEN_CALL)
        stop_call(e);
    if (late) emit_carried(e, CARRY_LAST, &s->part);
    s->part.signature = RAW_NONE;
}

static void add_piece(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct stream *s = stream_of(e);
    str inside = canon_inside(delta->piece);
    if (s->skip) return;
    if (s->open == OPEN_MESSAGE && inside.n)
        add_text(e, inside, S(""));
    else if (s->open == OPEN_REASONING)
        add_reasoning(e, inside);
    else if (s->open == OPEN_CALL)
        add_arguments(e, inside);
}

static void sign_block(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct stream *s = stream_of(e);
    if (s->carried) return;
    s->part.signature.json = arena_str(e->arena, delta->piece.json);
    if (delta->part) s->part.signer = delta->part->signer;
}

/* ---- the end */

static void finish(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct stream *s = stream_of(e);
    s->stop = delta->stop;
    close_message(e, responses_incomplete_reason(s->stop, s->refused).n ? S("incomplete") : S("completed"));
}

static void end_response(struct canon_encoder *e, const struct canon_delta *delta)
{
    static const struct usage unknown = {0};
    struct stream *s = stream_of(e);
    str status = responses_status(s->stop, s->refused);
    if (delta->service_tier.n) s->service_tier = arena_str(e->arena, delta->service_tier);
    str type = s->stop == STOP_ERROR            ? S("response.failed")
               : str_eq(status, S("completed")) ? S("response.completed")
                                                : S("response.incomplete");
    emit_response(e, type, status, delta->usage ? delta->usage : &unknown);
}

void responses_encode_delta(struct canon_encoder *e, const struct canon_delta *delta)
{
    if (e->broken || delta->choice > 0) return;
    switch (delta->kind) {
    case DELTA_START:
        start(e, delta);
        break;
    case DELTA_BLOCK_START:
        start_block(e, delta->part);
        break;
    case DELTA_TEXT:
    case DELTA_ARGUMENTS:
        add_piece(e, delta);
        break;
    case DELTA_SIGNATURE:
        sign_block(e, delta);
        break;
    case DELTA_CITATION:
        add_citation(e, delta->part);
        break;
    case DELTA_LOGPROBS:
        add_logprobs(e, delta->piece);
        break;
    case DELTA_BLOCK_STOP:
        stop_block(e);
        break;
    case DELTA_FINISH:
        finish(e, delta);
        break;
    case DELTA_PING:
        break;
    case DELTA_END:
        end_response(e, delta);
        break;
    }
}

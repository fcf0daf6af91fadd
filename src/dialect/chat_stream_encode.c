/* Deltas as the chunks that chat's clients read. */
#include "dialect/canon_cite.h"
#include "dialect/chat.h"

struct choice_out {
    bool begun;     /* the chunk with the role has gone out */
    bool refused;   /* a refusal was shown */
    bool custom;    /* the open call takes text, not JSON */
    bool arguments; /* the open call has some */
    bool proven;    /* the open block's signature was shown */
    enum canon_part_kind kind;
    int64_t calls, thoughts;
};

struct encode_state {
    enum dialect_id from;
    str head; /* `{"id":...,"choices":[`, the same in every chunk */
    str tail; /* `}],"usage":null}`, or without the usage */
    struct choice_out *choices[CANON_CHOICES_MAX];
};

/* ---- chunks */

static void write_head(struct canon_encoder *e, struct buf *out, const struct canon_delta *start)
{
    str id = start ? start->id : STR_NONE, model = start ? start->model : STR_NONE;
    int64_t created_s = start ? start->created_s : 0;
    buf_add_byte(out, '{');
    canon_key(out, S("id"));
    if (id.n)
        buf_add_json(out, id);
    else
        buf_printf(out, "\"chatcmpl-%" STR_FMT "\"", STR_ARG(e->seed));
    canon_put_text(out, S("object"), S("chat.completion.chunk"));
    canon_put_i64(out, S("created"), created_s ? created_s : e->created_s);
    canon_put_text(out, S("model"), model.n ? model : e->model);
    if (start)
        canon_put_text(out, S("service_tier"), canon_served_tier(start->service_tier, start->from, DIALECT_CHAT));
    buf_add(out, S(",\"choices\":["));
}

static struct encode_state *state_of(struct canon_encoder *e, const struct canon_delta *start)
{
    struct encode_state *s = e->state;
    if (s) return s;
    struct buf head;
    buf_init(&head, 0);
    write_head(e, &head, start);
    e->state = s = arena_zalloc(e->arena, sizeof(*s));
    s->from = start ? start->from : DIALECT_CHAT;
    s->head = arena_str(e->arena, buf_str(&head));
    s->tail = e->include_usage ? S("}],\"usage\":null}") : S("}]}");
    buf_free(&head);
    return s;
}

static struct choice_out *choice_of(struct canon_encoder *e, int64_t i)
{
    struct encode_state *s = e->state;
    if (i < 0 || i >= CANON_CHOICES_MAX) i = 0;
    if (!s->choices[i]) s->choices[i] = arena_zalloc(e->arena, sizeof(*s->choices[i]));
    return s->choices[i];
}

/* `{..."choices":[{"index":0,"delta":{`: what follows is the delta's members. */
static void open_chunk(struct canon_encoder *e, int64_t choice)
{
    const struct encode_state *s = e->state;
    buf_add(&e->json, s->head);
    if (choice == 0)
        buf_add(&e->json, S("{\"index\":0,\"delta\":{"));
    else
        buf_printf(&e->json, "{\"index\":%lld,\"delta\":{", (long long)choice);
}

static void close_chunk(struct canon_encoder *e, jraw logprobs, str finish)
{
    const struct encode_state *s = e->state;
    buf_add(&e->json, S("},\"logprobs\":"));
    chat_write_logprobs(&e->json, logprobs);
    buf_add(&e->json, S(",\"finish_reason\":"));
    if (finish.n)
        buf_add_json(&e->json, finish);
    else
        buf_add(&e->json, S("null"));
    buf_add(&e->json, s->tail);
    canon_emit(e, S(""));
}

/* The first chunk of a choice has the role, and says whether text is to be expected. */
static void write_role(struct canon_encoder *e, struct choice_out *c, bool text)
{
    if (c->begun) return;
    c->begun = true;
    canon_put_text(&e->json, S("role"), S("assistant"));
    canon_put_raw(&e->json, S("content"), (jraw){text ? S("\"\"") : S("null")});
    canon_put_raw(&e->json, S("refusal"), (jraw){S("null")});
}

static void emit_member(struct canon_encoder *e, int64_t choice, str key, jraw value)
{
    open_chunk(e, choice);
    canon_put_raw(&e->json, key, value);
    close_chunk(e, RAW_NONE, STR_NONE);
}

/* ---- blocks */

/* `"tool_calls":[{"index":0`: what follows is the call's. */
static void open_call(struct canon_encoder *e, const struct choice_out *c)
{
    canon_key(&e->json, S("tool_calls"));
    buf_printf(&e->json, "[{\"index\":%lld", (long long)(c->calls - 1));
}

static void begin_call(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d)
{
    c->custom = d->part->tool.custom;
    c->arguments = false;
    c->calls++;
    open_chunk(e, d->choice);
    write_role(e, c, false);
    open_call(e, c);
    struct buf *out = &e->json;
    str type = c->custom ? S("custom") : S("function");
    canon_put_text(out, S("id"), d->part->tool.id);
    canon_put_text(out, S("type"), type);
    canon_key(out, type);
    buf_add(out, S("{\"name\":"));
    buf_add_json(out, d->part->tool.name);
    buf_add(out, c->custom ? S(",\"input\":\"\"}") : S(",\"arguments\":\"\"}"));
    chat_write_thought_signature(out, d->part, ((struct encode_state *)e->state)->from);
    buf_add(out, S("}]"));
    close_chunk(e, RAW_NONE, STR_NONE);
}

static void emit_detail(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d,
                        const struct canon_part *part)
{
    open_chunk(e, d->choice);
    write_role(e, c, false);
    canon_key(&e->json, S("reasoning_details"));
    buf_add_byte(&e->json, '[');
    chat_write_reasoning_detail(&e->json, part, ((struct encode_state *)e->state)->from, c->thoughts - 1);
    buf_add_byte(&e->json, ']');
    close_chunk(e, RAW_NONE, STR_NONE);
}

static void begin_block(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d)
{
    c->kind = d->part->kind;
    c->proven = d->part->signature.json.p != NULL;
    if (c->kind == PART_TOOL_CALL) {
        begin_call(e, c, d);
        return;
    }
    bool thought = c->kind == PART_REASONING || c->kind == PART_REDACTED;
    c->thoughts += thought;
    if (thought && d->part->signature.json.p) {
        emit_detail(e, c, d, d->part);
        return;
    }
    if (c->begun || c->kind == PART_OPAQUE) return;
    open_chunk(e, d->choice);
    write_role(e, c, !thought);
    close_chunk(e, RAW_NONE, STR_NONE);
}

static void emit_text(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d)
{
    switch (c->kind) {
    case PART_TEXT:
        emit_member(e, d->choice, S("content"), d->piece);
        break;
    case PART_REASONING:
        emit_member(e, d->choice, S("reasoning_content"), d->piece);
        break;
    case PART_REFUSAL:
        c->refused = true;
        emit_member(e, d->choice, S("refusal"), d->piece);
        break;
    default: /* of a block that only another dialect can show */
        break;
    }
}

static void emit_arguments(struct canon_encoder *e, struct choice_out *c, int64_t choice, jraw piece)
{
    if (piece.json.n <= 2 || c->kind != PART_TOOL_CALL) return;
    c->arguments = true;
    open_chunk(e, choice);
    open_call(e, c);
    buf_add(&e->json, c->custom ? S(",\"custom\":{\"input\":") : S(",\"function\":{\"arguments\":"));
    buf_add(&e->json, piece.json);
    buf_add(&e->json, S("}}]"));
    close_chunk(e, RAW_NONE, STR_NONE);
}

/* Known at the start or later, shown once. */
static void emit_signature(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d)
{
    struct canon_part part = {.kind = c->kind, .signature = d->piece, .signer = d->part ? d->part->signer : 0};
    if (c->proven || !d->piece.json.p) return;
    c->proven = true;
    if (c->kind == PART_REASONING || c->kind == PART_REDACTED) {
        emit_detail(e, c, d, &part);
    } else if (c->kind == PART_TOOL_CALL) {
        open_chunk(e, d->choice);
        open_call(e, c);
        chat_write_thought_signature(&e->json, &part, ((struct encode_state *)e->state)->from);
        buf_add(&e->json, S("}]"));
        close_chunk(e, RAW_NONE, STR_NONE);
    }
}

static void emit_citation(struct canon_encoder *e, const struct canon_delta *d)
{
    open_chunk(e, d->choice);
    chat_write_annotations(&e->json, d->part);
    close_chunk(e, RAW_NONE, STR_NONE);
}

static void emit_logprobs(struct canon_encoder *e, const struct canon_delta *d)
{
    open_chunk(e, d->choice);
    close_chunk(e, d->piece, STR_NONE);
}

/* A function that takes nothing: clients parse the arguments as JSON. */
static void end_block(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d)
{
    if (c->kind == PART_TOOL_CALL && !c->arguments && !c->custom) emit_arguments(e, c, d->choice, (jraw){S("\"{}\"")});
}

/* ---- the end */

static void emit_finish(struct canon_encoder *e, struct choice_out *c, const struct canon_delta *d)
{
    open_chunk(e, d->choice);
    write_role(e, c, true);
    close_chunk(e, RAW_NONE, chat_finish(d->stop, c->refused));
}

static void emit_end(struct canon_encoder *e, const struct canon_delta *d)
{
    const struct encode_state *s = e->state;
    if (e->include_usage && d->usage) {
        buf_add(&e->json, s->head);
        buf_add(&e->json, S("],\"usage\":"));
        chat_write_usage(&e->json, d->usage);
        if (e->cost_usd.n) {
            buf_add(&e->json, S(",\"purser\":{"));
            canon_put_text(&e->json, S("cost_usd"), e->cost_usd);
            canon_put_text(&e->json, S("request_id"), e->seed);
            buf_add_byte(&e->json, '}');
        }
        buf_add_byte(&e->json, '}');
        canon_emit(e, S(""));
    }
    buf_add(&e->json, S("[DONE]"));
    canon_emit(e, S(""));
}

static void encode(struct canon_encoder *e, const struct canon_delta *delta)
{
    (void)state_of(e, delta->kind == DELTA_START ? delta : NULL);
    struct choice_out *c = choice_of(e, delta->choice);
    switch (delta->kind) {
    case DELTA_BLOCK_START:
        begin_block(e, c, delta);
        break;
    case DELTA_TEXT:
        emit_text(e, c, delta);
        break;
    case DELTA_ARGUMENTS:
        emit_arguments(e, c, delta->choice, delta->piece);
        break;
    case DELTA_SIGNATURE:
        emit_signature(e, c, delta);
        break;
    case DELTA_CITATION:
        emit_citation(e, delta);
        break;
    case DELTA_LOGPROBS:
        emit_logprobs(e, delta);
        break;
    case DELTA_BLOCK_STOP:
        end_block(e, c, delta);
        break;
    case DELTA_FINISH:
        emit_finish(e, c, delta);
        break;
    case DELTA_END:
        emit_end(e, delta);
        break;
    case DELTA_START: /* nothing is shown before something is said: until then an error can have its status */
    case DELTA_PING:  /* a comment, which is the flow's to send */
        break;
    }
}

/* Its places count in the message's content, which is one text. */
void chat_encode_delta(struct canon_encoder *e, const struct canon_delta *delta)
{
    canon_encode_placed(e, delta, PLACING_ALL, encode);
}

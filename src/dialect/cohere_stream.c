/* Cohere's stream, both ways. Content and tool calls are numbered apart; `tool_calls` of an
 * event is one object, not a list. */
#include "dialect/canon_cite.h"
#include "dialect/cohere.h"
#include "dialect/openai.h" /* openai_edit(): the same names at the same place */

struct decoding {
    bool open, finished;
    int64_t block; /* index of the open or next block */
    struct canon_part part;
};

static struct decoding *state_of(struct canon_decoder *d)
{
    if (!d->state) d->state = arena_zalloc(d->arena, sizeof(struct decoding));
    return d->state;
}

static void start(struct canon_decoder *d, str id)
{
    if (d->started) return;
    d->started = true;
    canon_give(d, &(struct canon_delta){.kind = DELTA_START, .id = id});
}

static void close_block(struct canon_decoder *d)
{
    struct decoding *s = state_of(d);
    if (!s->open) return;
    s->open = false;
    canon_give(d, &(struct canon_delta){.kind = DELTA_BLOCK_STOP, .block = s->block++, .part = &s->part});
}

static void open_block(struct canon_decoder *d, struct canon_part part)
{
    struct decoding *s = state_of(d);
    start(d, STR_NONE);
    close_block(d);
    if (s->block >= CANON_BLOCKS_MAX) d->broken = "the provider's answer has too many blocks";
    s->open = true;
    s->part = part;
    canon_give(d, &(struct canon_delta){.kind = DELTA_BLOCK_START, .block = s->block, .part = &s->part});
}

static void give_piece(struct canon_decoder *d, enum canon_delta_kind kind, jraw piece)
{
    struct decoding *s = state_of(d);
    if (piece.json.n > 2)
        canon_give(d, &(struct canon_delta){.kind = kind, .block = s->block, .part = &s->part, .piece = piece});
}

/* The open block, where it is of that kind; else a new one. */
static void want(struct canon_decoder *d, enum canon_part_kind kind, str id)
{
    struct decoding *s = state_of(d);
    if (!s->open || s->part.kind != kind || !str_eq(s->part.id, id))
        open_block(d, (struct canon_part){.kind = kind, .id = id});
}

static void on_content(struct canon_decoder *d, const struct json *doc, json_ref message)
{
    json_ref content = openai_find(doc, message, S("content"));
    if (!content) return;
    jraw text = canon_raw_string(doc, content, S("text")), thinking = canon_raw_string(doc, content, S("thinking"));
    if (thinking.json.p) {
        want(d, PART_REASONING, STR_NONE);
        give_piece(d, DELTA_TEXT, thinking);
    } else if (text.json.p) {
        want(d, PART_TEXT, STR_NONE);
        give_piece(d, DELTA_TEXT, text);
    }
}

static void on_call(struct canon_decoder *d, const struct json *doc, json_ref message, bool begins)
{
    json_ref call = openai_find(doc, message, S("tool_calls"));
    json_ref function = call ? openai_find(doc, call, S("function")) : JSON_ABSENT;
    if (!call) return;
    if (begins) {
        struct canon_part part = {.kind = PART_TOOL_CALL};
        part.tool.id = arena_str(d->arena, canon_text(doc, call, S("id"), d->arena));
        part.tool.name = arena_str(d->arena, canon_text(doc, function, S("name"), d->arena));
        open_block(d, part);
    } else {
        want(d, PART_TOOL_CALL, STR_NONE);
    }
    give_piece(d, DELTA_ARGUMENTS, canon_raw_string(doc, function, S("arguments")));
}

static void on_citation(struct canon_decoder *d, const struct json *doc, json_ref message)
{
    struct decoding *s = state_of(d);
    json_ref at = openai_find(doc, message, S("citations"));
    if (!at || !s->open || s->part.kind != PART_TEXT) return; /* it has no text to belong to */
    json_ref type = openai_find(doc, at, S("type"));
    if (type && !json_string_is(doc, type, S("TEXT_CONTENT"))) return; /* of thoughts, of a plan */
    struct canon_part with = s->part;
    struct canon_citation *list = cohere_citations(doc, at, d->arena);
    for (struct canon_citation *next; list; list = next) {
        next = list->next;
        list->next = NULL;
        with.citations = list;
        canon_give(d, &(struct canon_delta){.kind = DELTA_CITATION, .block = s->block, .part = &with});
    }
}

static void on_end(struct canon_decoder *d, const struct json *doc, json_ref delta)
{
    struct decoding *s = state_of(d);
    str reason = canon_text(doc, delta, S("finish_reason"), d->arena);
    start(d, STR_NONE);
    close_block(d);
    if (s->finished) return;
    s->finished = true;
    canon_give(d, &(struct canon_delta){.kind = DELTA_FINISH, .stop = cohere_stop(reason), .stop_raw = reason});
}

void cohere_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    str type = answer_event_type(doc, event);
    json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
    json_ref message = delta ? openai_find(doc, delta, S("message")) : JSON_ABSENT;
    struct decoding *s = state_of(d);
    if (str_eq(type, S("message-start"))) {
        start(d, arena_str(d->arena, canon_text(doc, JSON_ROOT, S("id"), d->arena)));
    } else if (str_eq(type, S("content-end")) || str_eq(type, S("tool-call-end"))) {
        close_block(d);
    } else if (str_eq(type, S("message-end")) && delta) {
        on_end(d, doc, delta);
    } else if (!message || s->finished) {
        return;
    } else if (str_eq(type, S("content-start")) || str_eq(type, S("content-delta"))) {
        on_content(d, doc, message);
    } else if (str_eq(type, S("tool-plan-delta"))) {
        want(d, PART_REASONING, S(COHERE_TOOL_PLAN));
        give_piece(d, DELTA_TEXT, canon_raw_string(doc, message, S("tool_plan")));
    } else if (str_eq(type, S("tool-call-start")) || str_eq(type, S("tool-call-delta"))) {
        on_call(d, doc, message, str_eq(type, S("tool-call-start")));
    } else if (str_eq(type, S("citation-start"))) {
        on_citation(d, doc, message);
    }
}

void cohere_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    struct decoding *s = state_of(d);
    if (d->ended) return;
    start(d, STR_NONE);
    close_block(d);
    if (!s->finished) canon_give(d, &(struct canon_delta){.kind = DELTA_FINISH, .stop = STOP_END});
    d->ended = true;
    canon_give(d, &(struct canon_delta){.kind = DELTA_END, .usage = tap->usage.known ? &tap->usage : NULL});
}

/* ---- towards a client */

struct encoding {
    bool started, plan;        /* the open block is a tool plan: it has no start and no end */
    enum canon_part_kind kind; /* of the open block */
    bool shown;                /* it can be shown */
    int64_t contents, calls, citations;
    enum dialect_id from;
    enum canon_stop stop;
    str id;
};

static struct encoding *shown_of(struct canon_encoder *e)
{
    if (!e->state) e->state = arena_zalloc(e->arena, sizeof(struct encoding));
    return e->state;
}

static void emit_start(struct canon_encoder *e)
{
    struct encoding *s = shown_of(e);
    if (s->started) return;
    s->started = true;
    buf_add_byte(&e->json, '{');
    canon_put_text(&e->json, S("id"), s->id.n ? s->id : e->seed);
    buf_add(&e->json, S(",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],"
                        "\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}"));
    canon_emit(e, S("message-start"));
}

static void begin(struct canon_encoder *e, const char *type, int64_t index)
{
    buf_printf(&e->json, "{\"type\":\"%s\",\"index\":%lld", type, (long long)index);
}

static void emit_block_start(struct canon_encoder *e, const struct canon_part *part)
{
    struct encoding *s = shown_of(e);
    s->kind = part->kind;
    s->plan = part->kind == PART_REASONING && str_eq(part->id, S(COHERE_TOOL_PLAN));
    s->shown = part->kind == PART_TEXT || part->kind == PART_REFUSAL || part->kind == PART_REASONING ||
               part->kind == PART_TOOL_CALL;
    if (!s->shown || s->plan) return;
    if (part->kind == PART_TOOL_CALL) {
        begin(e, "tool-call-start", s->calls);
        buf_add(&e->json, S(",\"delta\":{\"message\":{\"tool_calls\":{"));
        canon_key(&e->json, S("id"));
        buf_add_json(&e->json, part->tool.id);
        buf_add(&e->json, S(",\"type\":\"function\",\"function\":{"));
        canon_key(&e->json, S("name"));
        buf_add_json(&e->json, part->tool.name);
        buf_add(&e->json, S(",\"arguments\":\"\"}}}}}"));
        canon_emit(e, S("tool-call-start"));
        return;
    }
    bool thinks = part->kind == PART_REASONING;
    begin(e, "content-start", s->contents);
    buf_add(&e->json, thinks ? S(",\"delta\":{\"message\":{\"content\":{\"type\":\"thinking\",\"thinking\":\"\"}}}}")
                             : S(",\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}"));
    canon_emit(e, S("content-start"));
}

static void emit_text(struct canon_encoder *e, jraw piece)
{
    struct encoding *s = shown_of(e);
    if (!s->shown) return;
    if (s->plan) {
        buf_add(&e->json, S("{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":"));
        buf_add(&e->json, piece.json);
        buf_add(&e->json, S("}}}"));
        canon_emit(e, S("tool-plan-delta"));
        return;
    }
    begin(e, "content-delta", s->contents);
    buf_add(&e->json, s->kind == PART_REASONING ? S(",\"delta\":{\"message\":{\"content\":{\"thinking\":")
                                                : S(",\"delta\":{\"message\":{\"content\":{\"text\":"));
    buf_add(&e->json, piece.json);
    buf_add(&e->json, S("}}}}"));
    canon_emit(e, S("content-delta"));
}

static void emit_arguments(struct canon_encoder *e, jraw piece)
{
    struct encoding *s = shown_of(e);
    if (s->kind != PART_TOOL_CALL) return; /* of a tool that runs at the provider */
    begin(e, "tool-call-delta", s->calls);
    buf_add(&e->json, S(",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":"));
    buf_add(&e->json, piece.json);
    buf_add(&e->json, S("}}}}}"));
    canon_emit(e, S("tool-call-delta"));
}

static void emit_citation(struct canon_encoder *e, const struct canon_citation *c)
{
    struct encoding *s = shown_of(e);
    if (!c) return;
    begin(e, "citation-start", s->citations);
    buf_add(&e->json, S(",\"delta\":{\"message\":{\"citations\":"));
    cohere_write_citation(&e->json, e->arena, c, s->contents);
    buf_add(&e->json, S("}}}"));
    canon_emit(e, S("citation-start"));
    begin(e, "citation-end", s->citations++);
    buf_add_byte(&e->json, '}');
    canon_emit(e, S("citation-end"));
}

static void emit_block_stop(struct canon_encoder *e)
{
    struct encoding *s = shown_of(e);
    if (!s->shown || s->plan) return;
    bool call = s->kind == PART_TOOL_CALL;
    begin(e, call ? "tool-call-end" : "content-end", call ? s->calls++ : s->contents++);
    buf_add_byte(&e->json, '}');
    canon_emit(e, call ? S("tool-call-end") : S("content-end"));
    s->shown = false;
}

static void emit_end(struct canon_encoder *e, const struct usage *usage)
{
    static const struct usage nothing = {0};
    emit_start(e);
    buf_add(&e->json, S("{\"type\":\"message-end\",\"delta\":{"));
    canon_put_text(&e->json, S("finish_reason"), cohere_stop_name(shown_of(e)->stop));
    canon_key(&e->json, S("usage"));
    cohere_write_usage(&e->json, usage ? usage : &nothing);
    buf_add(&e->json, S("}}"));
    canon_emit(e, S("message-end"));
    buf_add(&e->json, S("[DONE]"));
    canon_emit(e, STR_NONE);
}

static void encode(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct encoding *s = shown_of(e);
    if (delta->choice != 0) return; /* Cohere knows one */
    switch (delta->kind) {
    case DELTA_START:
        s->from = delta->from;
        if (delta->id.n) s->id = arena_str(e->arena, delta->id);
        break;
    case DELTA_BLOCK_START:
        emit_start(e);
        emit_block_start(e, delta->part);
        break;
    case DELTA_TEXT:
        emit_text(e, delta->piece);
        break;
    case DELTA_ARGUMENTS:
        emit_arguments(e, delta->piece);
        break;
    case DELTA_CITATION:
        if (delta->part) emit_citation(e, delta->part->citations);
        break;
    case DELTA_BLOCK_STOP:
        emit_block_stop(e);
        break;
    case DELTA_FINISH:
        s->stop = delta->stop;
        break;
    case DELTA_END:
        emit_end(e, delta->usage);
        break;
    case DELTA_SIGNATURE:
    case DELTA_LOGPROBS:
    case DELTA_PING:
        break;
    }
}

void cohere_encode_delta(struct canon_encoder *e, const struct canon_delta *delta)
{
    canon_encode_placed(e, delta, PLACING_BLOCK | PLACING_WORDS, encode);
}

const struct dialect dialect_cohere = {
    .name = STR_INIT("cohere"),
    .kind = CALL_COHERE_CHAT,
    .id_header = STR_INIT("x-debug-trace-id"),
    .read = cohere_read,
    .edit = openai_edit,
    .tap_event = cohere_tap_event,
    .tap_frame = cohere_tap_frame,
    .tap_body = cohere_tap_body,
    .decode_call = cohere_decode_call,
    .encode_call = cohere_encode_call,
    .decode_answer = cohere_decode_answer,
    .encode_answer = cohere_encode_answer,
    .decode_event = cohere_decode_event,
    .decode_end = cohere_decode_end,
    .encode_delta = cohere_encode_delta,
    .error = cohere_error,
    .stream_error = cohere_stream_error,
};

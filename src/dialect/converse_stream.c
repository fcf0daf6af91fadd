/* ConverseStream, both ways. Plain text has no contentBlockStart; a block's index is the
 * provider's, ours counts anew without gaps. */
#include "dialect/converse.h"

struct decoding {
    bool open, finished;
    int64_t theirs; /* the provider's index of the open block */
    int64_t block;  /* ours */
    struct canon_part part;
};

static struct decoding *state_of(struct canon_decoder *d)
{
    if (!d->state) d->state = arena_zalloc(d->arena, sizeof(struct decoding));
    return d->state;
}

static void start(struct canon_decoder *d)
{
    if (d->started) return;
    d->started = true;
    canon_give(d, &(struct canon_delta){.kind = DELTA_START});
}

static void close_block(struct canon_decoder *d)
{
    struct decoding *s = state_of(d);
    if (!s->open) return;
    s->open = false;
    canon_give(d, &(struct canon_delta){.kind = DELTA_BLOCK_STOP, .block = s->block, .part = &s->part});
    s->block++;
}

static void open_block(struct canon_decoder *d, struct canon_part part, int64_t theirs)
{
    struct decoding *s = state_of(d);
    start(d);
    close_block(d);
    if (s->block >= CANON_BLOCKS_MAX) d->broken = "the provider's answer has too many blocks";
    s->open = true;
    s->theirs = theirs;
    s->part = part;
    canon_give(d, &(struct canon_delta){.kind = DELTA_BLOCK_START, .block = s->block, .part = &s->part});
}

static int64_t index_of(const struct json *doc)
{
    int64_t index = 0;
    json_ref at = openai_find(doc, JSON_ROOT, S("contentBlockIndex"));
    return at && json_i64(doc, at, &index) ? index : 0;
}

static void on_start(struct canon_decoder *d, const struct json *doc)
{
    json_ref begin = openai_find(doc, JSON_ROOT, S("start")), use;
    struct canon_part part = {.kind = PART_OPAQUE, .extras.of = DIALECT_CONVERSE, .value = canon_raw(doc, begin)};
    if (begin && (use = openai_find(doc, begin, S("toolUse")))) {
        part = (struct canon_part){.kind = PART_TOOL_CALL};
        str id = canon_text(doc, use, S("toolUseId"), d->arena), name = canon_text(doc, use, S("name"), d->arena);
        part.tool.id = arena_str(d->arena, id);
        part.tool.name = arena_str(d->arena, name);
    } else if (part.value.json.p) {
        part.value.json = arena_str(d->arena, part.value.json);
    }
    open_block(d, part, index_of(doc));
}

/* The open block, where it is of that kind and index; else a new one. */
static void want(struct canon_decoder *d, enum canon_part_kind kind, int64_t theirs)
{
    struct decoding *s = state_of(d);
    if (s->open && s->theirs == theirs && s->part.kind == kind) return;
    open_block(d, (struct canon_part){.kind = kind}, theirs);
}

static void give_piece(struct canon_decoder *d, enum canon_delta_kind kind, jraw piece)
{
    struct decoding *s = state_of(d);
    if (piece.json.p)
        canon_give(d, &(struct canon_delta){.kind = kind, .block = s->block, .part = &s->part, .piece = piece});
}

static void on_reasoning(struct canon_decoder *d, const struct json *doc, json_ref reasoning, int64_t theirs)
{
    jraw redacted = canon_raw_string(doc, reasoning, S("redactedContent"));
    want(d, redacted.json.p ? PART_REDACTED : PART_REASONING, theirs);
    give_piece(d, DELTA_TEXT, canon_raw_string(doc, reasoning, S("text")));
    give_piece(d, DELTA_SIGNATURE, canon_raw_string(doc, reasoning, S("signature")));
    give_piece(d, DELTA_SIGNATURE, redacted);
}

static void on_citation(struct canon_decoder *d, const struct json *doc, json_ref citation, int64_t theirs)
{
    struct decoding *s = state_of(d);
    want(d, PART_TEXT, theirs);
    struct canon_part with = s->part;
    with.citations = converse_citation(doc, citation, d->arena);
    canon_give(d, &(struct canon_delta){.kind = DELTA_CITATION, .block = s->block, .part = &with});
}

static void on_delta(struct canon_decoder *d, const struct json *doc)
{
    json_ref delta = openai_find(doc, JSON_ROOT, S("delta")), at;
    int64_t theirs = index_of(doc);
    if (!delta) return;
    jraw text = canon_raw_string(doc, delta, S("text"));
    if (text.json.p) {
        want(d, PART_TEXT, theirs);
        give_piece(d, DELTA_TEXT, text);
    } else if ((at = openai_find(doc, delta, S("toolUse")))) {
        want(d, PART_TOOL_CALL, theirs);
        give_piece(d, DELTA_ARGUMENTS, canon_raw_string(doc, at, S("input")));
    } else if ((at = openai_find(doc, delta, S("reasoningContent")))) {
        on_reasoning(d, doc, at, theirs);
    } else if ((at = openai_find(doc, delta, S("citation")))) {
        on_citation(d, doc, at, theirs);
    }
}

void converse_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    struct decoding *s = state_of(d);
    if (s->finished) return; /* but for the metadata, which the tap reads, nothing follows the end */
    if (str_eq(event, S("messageStart"))) {
        start(d);
    } else if (str_eq(event, S("contentBlockStart"))) {
        on_start(d, doc);
    } else if (str_eq(event, S("contentBlockDelta"))) {
        on_delta(d, doc);
    } else if (str_eq(event, S("contentBlockStop"))) {
        if (s->open && s->theirs == index_of(doc)) close_block(d);
    } else if (str_eq(event, S("messageStop"))) {
        str reason = canon_text(doc, JSON_ROOT, S("stopReason"), d->arena);
        start(d);
        close_block(d);
        s->finished = true;
        canon_give(d, &(struct canon_delta){.kind = DELTA_FINISH, .stop = converse_stop(reason), .stop_raw = reason});
    }
}

void converse_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    struct decoding *s = state_of(d);
    if (d->ended) return;
    start(d);
    close_block(d);
    if (!s->finished) canon_give(d, &(struct canon_delta){.kind = DELTA_FINISH, .stop = STOP_END});
    d->ended = true;
    canon_give(d, &(struct canon_delta){.kind = DELTA_END,
                                        .usage = tap->usage.known ? &tap->usage : NULL,
                                        .service_tier = tap->service_tier});
}

/* ---- towards a client */

struct encoding {
    bool started, open;
    enum canon_part_kind kind; /* of the open block */
    enum canon_stop stop;
    enum dialect_id from;
    int64_t shown; /* index of the open block, as the client sees it: blocks that cannot be shown have none */
    int64_t next;
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
    buf_add(&e->json, S("{\"role\":\"assistant\"}"));
    canon_emit(e, S("messageStart"));
}

static void begin_index(struct canon_encoder *e, int64_t index)
{
    buf_printf(&e->json, "{\"contentBlockIndex\":%lld", (long long)index);
}

static bool can_show(const struct encoding *s, const struct canon_part *part)
{
    return part->kind != PART_OPAQUE || s->from == DIALECT_CONVERSE;
}

static void emit_block_start(struct canon_encoder *e, const struct canon_part *part)
{
    struct encoding *s = shown_of(e);
    s->open = can_show(s, part);
    s->kind = part->kind;
    if (!s->open) return;
    s->shown = s->next++;
    if (part->kind == PART_TOOL_CALL) {
        begin_index(e, s->shown);
        buf_add(&e->json, S(",\"start\":{\"toolUse\":{"));
        canon_put_text(&e->json, S("toolUseId"), part->tool.id);
        canon_put_text(&e->json, S("name"), part->tool.name);
        buf_add(&e->json, S("}}}"));
        canon_emit(e, S("contentBlockStart"));
    } else if (part->kind == PART_OPAQUE) {
        begin_index(e, s->shown);
        canon_put_raw(&e->json, S("start"), part->value);
        buf_add_byte(&e->json, '}');
        canon_emit(e, S("contentBlockStart"));
    }
}

/* `inner` is the path to the piece, `close` its brackets. */
static void emit_piece(struct canon_encoder *e, str inner, jraw piece, str close)
{
    struct encoding *s = shown_of(e);
    if (!s->open || !piece.json.p) return;
    begin_index(e, s->shown);
    buf_add(&e->json, S(",\"delta\":{"));
    buf_add(&e->json, inner);
    buf_add(&e->json, piece.json);
    buf_add(&e->json, close);
    buf_add(&e->json, S("}}"));
    canon_emit(e, S("contentBlockDelta"));
}

static void emit_citation(struct canon_encoder *e, const struct canon_citation *c)
{
    struct encoding *s = shown_of(e);
    if (!s->open || !c) return;
    begin_index(e, s->shown);
    buf_add(&e->json, S(",\"delta\":{\"citation\":"));
    converse_put_citation(&e->json, c);
    buf_add(&e->json, S("}}"));
    canon_emit(e, S("contentBlockDelta"));
}

static void emit_signature(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct encoding *s = shown_of(e);
    struct canon_part part = {.kind = s->kind,
                              .signature = delta->piece,
                              .signer = delta->part ? delta->part->signer : 0};
    if (part.kind != PART_REDACTED && part.kind != PART_REASONING) return;
    bool own = canon_signature(&part, s->from, DIALECT_CONVERSE).json.p != NULL;
    emit_piece(e,
               part.kind == PART_REDACTED && own ? S("\"reasoningContent\":{\"redactedContent\":")
                                                 : S("\"reasoningContent\":{\"signature\":"),
               converse_signature(e->arena, &part, s->from, true), S("}"));
}

static void emit_end(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct encoding *s = shown_of(e);
    static const struct usage nothing = {0};
    emit_start(e);
    buf_add_byte(&e->json, '{');
    canon_put_text(&e->json, S("stopReason"), converse_stop_name(s->stop));
    buf_add_byte(&e->json, '}');
    canon_emit(e, S("messageStop"));
    buf_add(&e->json, S("{\"usage\":"));
    converse_write_usage(&e->json, delta->usage ? delta->usage : &nothing);
    buf_add(&e->json, S(",\"metrics\":{\"latencyMs\":0}}"));
    canon_emit(e, S("metadata"));
}

void converse_encode_delta(struct canon_encoder *e, const struct canon_delta *delta)
{
    struct encoding *s = shown_of(e);
    if (delta->choice != 0) return; /* Converse knows one */
    switch (delta->kind) {
    case DELTA_START:
        s->from = delta->from;
        break;
    case DELTA_BLOCK_START:
        emit_start(e);
        emit_block_start(e, delta->part);
        break;
    case DELTA_TEXT:
        if (s->kind == PART_REASONING)
            emit_piece(e, S("\"reasoningContent\":{\"text\":"), delta->piece, S("}"));
        else
            emit_piece(e, S("\"text\":"), delta->piece, S(""));
        break;
    case DELTA_ARGUMENTS:
        emit_piece(e, S("\"toolUse\":{\"input\":"), delta->piece, S("}"));
        break;
    case DELTA_SIGNATURE:
        emit_signature(e, delta);
        break;
    case DELTA_CITATION:
        if (delta->part) emit_citation(e, delta->part->citations);
        break;
    case DELTA_BLOCK_STOP:
        if (!s->open) break;
        s->open = false;
        begin_index(e, s->shown);
        buf_add_byte(&e->json, '}');
        canon_emit(e, S("contentBlockStop"));
        break;
    case DELTA_FINISH:
        s->stop = delta->stop;
        break;
    case DELTA_END:
        emit_end(e, delta);
        break;
    case DELTA_LOGPROBS:
    case DELTA_PING:
        break;
    }
}

const struct dialect dialect_converse = {
    .name = STR_INIT("converse"),
    .kind = CALL_CONVERSE,
    .id_header = STR_INIT("x-amzn-requestid"),
    .read = converse_read,
    .edit = converse_edit,
    .tap_event = converse_tap_event,
    .tap_frame = converse_tap_frame,
    .tap_body = converse_tap_body,
    .decode_call = converse_decode_call,
    .decode_count = converse_decode_count,
    .encode_call = converse_encode_call,
    .decode_answer = converse_decode_answer,
    .encode_answer = converse_encode_answer,
    .decode_event = converse_decode_event,
    .decode_end = converse_decode_end,
    .encode_delta = converse_encode_delta,
    .error = converse_error,
    .error_headers = converse_error_headers,
    .stream_error = converse_stream_error,
};

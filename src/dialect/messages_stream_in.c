/* Reading the events of a messages stream as deltas. The protocol's own blocks are
 * those of the canonical form; what servers that imitate it leave out (the start, a
 * block's start or stop) is made up. */
#include "dialect/messages.h"

struct reading {
    int64_t block;           /* the next, or the open one */
    struct canon_part *part; /* the open one; NULL: none */
    bool finished;
    bool wrote; /* arguments came for the open block */
    jraw input; /* arguments that stood in the block's start */
};

static struct reading *reading_of(struct canon_decoder *d)
{
    if (!d->state) d->state = arena_zalloc(d->arena, sizeof(struct reading));
    return d->state;
}

static void give(struct canon_decoder *d, struct canon_delta delta)
{
    struct reading *s = d->state;
    delta.block = s->block;
    if (!delta.part) delta.part = s->part;
    canon_give(d, &delta);
}

static void start(struct canon_decoder *d, const struct json *doc, json_ref message)
{
    struct usage usage = {0};
    struct canon_delta delta = {.kind = DELTA_START};
    if (d->started) return;
    d->started = true;
    if (message) {
        json_ref told = openai_find(doc, message, S("usage"));
        delta.id = canon_text(doc, message, S("id"), d->arena);
        delta.model = canon_text(doc, message, S("model"), d->arena);
        if (told) {
            usage_read_messages(doc, told, &usage);
            delta.service_tier = canon_text(doc, told, S("service_tier"), d->arena);
        }
        if (usage.known) delta.usage = &usage;
    }
    canon_give(d, &delta);
}

/* ---- blocks */

static void close_block(struct canon_decoder *d)
{
    struct reading *s = d->state;
    if (!s->part) return;
    if (!s->wrote && s->input.json.p) give(d, (struct canon_delta){.kind = DELTA_ARGUMENTS, .piece = s->input});
    give(d, (struct canon_delta){.kind = DELTA_BLOCK_STOP});
    s->part = NULL;
    if (++s->block > CANON_BLOCKS_MAX) d->broken = "the answer has too many blocks";
}

static void open_block(struct canon_decoder *d, struct canon_part *part)
{
    struct reading *s = d->state;
    if (s->part) close_block(d);
    s->part = part;
    s->wrote = false;
    s->input = RAW_NONE;
    give(d, (struct canon_delta){.kind = DELTA_BLOCK_START});
}

static bool is_full(jraw string)
{
    return string.json.n > 2;
}

static void start_block(struct canon_decoder *d, const struct json *doc, json_ref block)
{
    struct reading *s = d->state;
    struct call_problem problem;
    struct messages_reader r = {.doc = doc, .arena = d->arena, .problem = &problem};
    struct canon_part *part = NULL;
    if (json_type(doc, block) != JSON_OBJECT || !messages_read_block(&r, block, &part) || !part) return;
    part->next = NULL;
    jraw text = part->text, signature = part->signature;
    str arguments = part->tool.arguments;
    if (part->kind == PART_OPAQUE) part->value = (jraw){arena_str(d->arena, part->value.json)};
    part->tool.id = arena_str(d->arena, part->tool.id); /* the part outlives the event */
    part->tool.name = arena_str(d->arena, part->tool.name);
    part->text = part->signature = RAW_NONE; /* they come as pieces */
    part->tool.arguments = STR_NONE;
    open_block(d, part);
    if (is_full(text)) give(d, (struct canon_delta){.kind = DELTA_TEXT, .piece = text});
    if (is_full(signature)) give(d, (struct canon_delta){.kind = DELTA_SIGNATURE, .piece = signature});
    if (arguments.n > 2) s->input = canon_quote(d->arena, arguments);
}

/* A piece of a block that was not announced, or announced as something else: no text may be lost. */
static void ensure_block(struct canon_decoder *d, enum canon_part_kind kind)
{
    struct reading *s = d->state;
    if (s->part && s->part->kind == kind) return;
    struct canon_part *part = arena_zalloc(d->arena, sizeof(*part));
    part->kind = kind;
    open_block(d, part);
}

static void take_piece(struct canon_decoder *d, const struct json *doc, json_ref delta)
{
    struct reading *s = d->state;
    json_ref type = openai_find(doc, delta, S("type"));
    if (json_string_is(doc, type, S("text_delta"))) {
        jraw piece = canon_raw_string(doc, delta, S("text"));
        ensure_block(d, PART_TEXT);
        if (is_full(piece)) give(d, (struct canon_delta){.kind = DELTA_TEXT, .piece = piece});
    } else if (json_string_is(doc, type, S("thinking_delta"))) {
        jraw piece = canon_raw_string(doc, delta, S("thinking"));
        ensure_block(d, PART_REASONING);
        if (is_full(piece)) give(d, (struct canon_delta){.kind = DELTA_TEXT, .piece = piece});
    } else if (json_string_is(doc, type, S("input_json_delta"))) {
        jraw piece = canon_raw_string(doc, delta, S("partial_json"));
        bool takes = s->part && (s->part->kind == PART_TOOL_CALL || s->part->kind == PART_OPAQUE);
        if (!takes || !is_full(piece)) return;
        s->wrote = true;
        give(d, (struct canon_delta){.kind = DELTA_ARGUMENTS, .piece = piece});
    } else if (json_string_is(doc, type, S("signature_delta"))) {
        jraw piece = canon_raw_string(doc, delta, S("signature"));
        ensure_block(d, PART_REASONING);
        if (is_full(piece)) give(d, (struct canon_delta){.kind = DELTA_SIGNATURE, .piece = piece});
    } else if (json_string_is(doc, type, S("citations_delta"))) {
        json_ref citation = openai_find(doc, delta, S("citation"));
        struct canon_part with = {.kind = PART_TEXT};
        if (!citation || json_type(doc, citation) != JSON_OBJECT) return;
        ensure_block(d, PART_TEXT);
        with.citations = messages_citation(doc, citation, d->arena);
        give(d, (struct canon_delta){.kind = DELTA_CITATION, .part = &with});
    }
}

/* ---- the end */

static void finish(struct canon_decoder *d, const struct json *doc, json_ref delta)
{
    struct reading *s = d->state;
    str reason = delta ? canon_text(doc, delta, S("stop_reason"), d->arena) : STR_NONE;
    if (!reason.n || s->finished) return;
    close_block(d);
    s->finished = true;
    give(d, (struct canon_delta){.kind = DELTA_FINISH,
                                 .stop = messages_stop(reason),
                                 .stop_raw = reason,
                                 .stop_sequence = canon_raw_string(doc, delta, S("stop_sequence"))});
}

void messages_decode_event(struct canon_decoder *d, const struct json *doc, str event)
{
    str type = answer_event_type(doc, event);
    struct reading *s = reading_of(d);
    if (d->ended || d->broken) return;
    if (str_eq(type, S("ping"))) {
        if (d->started) give(d, (struct canon_delta){.kind = DELTA_PING});
        return;
    }
    start(d, doc, str_eq(type, S("message_start")) ? openai_find(doc, JSON_ROOT, S("message")) : JSON_ABSENT);
    if (s->finished) return;
    if (str_eq(type, S("content_block_start"))) {
        json_ref block = openai_find(doc, JSON_ROOT, S("content_block"));
        if (block) start_block(d, doc, block);
    } else if (str_eq(type, S("content_block_delta"))) {
        json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
        if (delta && json_type(doc, delta) == JSON_OBJECT) take_piece(d, doc, delta);
    } else if (str_eq(type, S("content_block_stop"))) {
        close_block(d);
    } else if (str_eq(type, S("message_delta"))) {
        finish(d, doc, openai_find(doc, JSON_ROOT, S("delta")));
    }
}

void messages_decode_end(struct canon_decoder *d, const struct answer *tap)
{
    struct reading *s = reading_of(d);
    if (d->ended) return;
    start(d, NULL, JSON_ABSENT);
    close_block(d);
    if (!s->finished) give(d, (struct canon_delta){.kind = DELTA_FINISH, .stop = STOP_END});
    d->ended = true;
    give(d, (struct canon_delta){.kind = DELTA_END,
                                 .usage = tap->usage.known ? &tap->usage : NULL,
                                 .service_tier = tap->service_tier});
}

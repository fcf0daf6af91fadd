/* Bedrock's Converse on the wire: event-stream frames, or one object. Every frame's
 * payload is padded, text has no contentBlockStart, and metadata comes last, as
 * recorded. Written from AWS's reference, not from src/dialect. */
#include "simulate/sim_answer.h"

#include "base/json.h"
#include "net/event_stream.h"

#include <inttypes.h>

static void prepare(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r)
{
    (void)a, (void)arena, (void)doc, (void)r;
}

/* ---- usage */

static void add_details(const struct sim_units *u, struct buf *out)
{
    buf_add(out, S(",\"cacheDetails\":["));
    if (u->cache_write_1h) buf_printf(out, "{\"ttl\":\"1h\",\"inputTokens\":%" PRId64 "}", u->cache_write_1h);
    if (u->cache_write)
        buf_printf(out, "%s{\"ttl\":\"5m\",\"inputTokens\":%" PRId64 "}", u->cache_write_1h ? "," : "", u->cache_write);
    buf_add(out, S("]"));
}

static void add_usage(const struct sim_answer *a, struct buf *out)
{
    struct sim_units u = sim_answer_units(a);
    int64_t write = u.cache_write + u.cache_write_1h;
    int64_t input = u.input + (a->shape & SIM_USAGE_INCLUSIVE ? write : 0);
    buf_printf(out, "{\"inputTokens\":%" PRId64 ",\"outputTokens\":%" PRId64 ",\"totalTokens\":%" PRId64, input,
               u.output, u.input + u.output + u.cache_read + write);
    if (!(a->shape & SIM_USAGE_PLAIN)) {
        buf_printf(out, ",\"cacheReadInputTokens\":%" PRId64 ",\"cacheWriteInputTokens\":%" PRId64, u.cache_read,
                   write);
        if (a->shape & SIM_USAGE_DUPLICATE)
            buf_printf(out, ",\"cacheReadInputTokenCount\":%" PRId64 ",\"cacheWriteInputTokenCount\":%" PRId64,
                       u.cache_read, write);
        if (write) add_details(&u, out);
    }
    buf_add(out, S("}"));
}

/* ---- streamed */

/* A frame with `payload`, an object that lacks its end. */
static void add_frame(const char *type, struct buf *payload, struct buf *out)
{
    static const char padding[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    int n = (int)(sim_mix(payload->n) % (sizeof padding - 1));
    buf_printf(payload, "%s\"p\":\"%.*s\"}", payload->n > 1 ? "," : "", n, padding);
    event_stream_write(out, str_from(type), buf_str(payload), false);
    buf_free(payload);
}

static void open_stream(struct sim_answer *a, struct buf *out)
{
    (void)a;
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, S("{\"role\":\"assistant\""));
    add_frame("messageStart", &b, out);
}

/* {"contentBlockIndex":N,"delta":{KEYS:"text"}}: `before` and `behind` stand around the text. */
static void add_delta(const struct sim_answer *a, str before, str text, str behind, struct buf *out)
{
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "{\"contentBlockIndex\":%zu,\"delta\":{%.*s", a->item, STR_ARG(before));
    buf_add_json(&b, text);
    buf_printf(&b, "%.*s}", STR_ARG(behind));
    add_frame("contentBlockDelta", &b, out);
}

static void close_block(struct sim_answer *a, struct buf *out)
{
    struct buf b;
    if (a->item_kind == SIM_ITEM_NONE) return;
    if (a->item_kind == SIM_ITEM_REASONING)
        add_delta(a, S("\"reasoningContent\":{\"signature\":"), S(SIM_SIGNATURE), S("}"), out);
    buf_init(&b, 0);
    buf_printf(&b, "{\"contentBlockIndex\":%zu", a->item++);
    add_frame("contentBlockStop", &b, out);
    a->item_kind = SIM_ITEM_NONE;
}

static void open_call(struct sim_answer *a, const struct sim_tool_call *call, struct buf *out)
{
    struct buf b;
    buf_init(&b, 0);
    close_block(a, out);
    a->item_kind = SIM_ITEM_CALL;
    buf_printf(&b, "{\"contentBlockIndex\":%zu,\"start\":{\"toolUse\":{\"toolUseId\":\"%.*s\",\"name\":", a->item,
               STR_ARG(call->id));
    buf_add_json(&b, call->name);
    buf_add(&b, S("}}"));
    add_frame("contentBlockStart", &b, out);
}

static void add_citation(const struct sim_citation *cite, struct buf *out)
{
    buf_add(out, S("{\"title\":"));
    buf_add_json(out, cite->title);
    buf_add(out, S(",\"sourceContent\":[{\"text\":"));
    buf_add_json(out, cite->quote);
    buf_add(out, S("}],\"location\":{\"web\":{\"url\":"));
    buf_add_json(out, cite->url);
    buf_add(out, S(",\"domain\":\"sources.example\"}}}"));
}

/* A block ends where words begin or end to be cited; the citation comes in front of them. */
static void add_text(struct sim_answer *a, str text, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    int64_t now = sim_choice_text_tokens(c) - 1;
    const struct sim_citation *cite = sim_choice_citation_at(c, now);
    bool border = now > 0 && cite != sim_choice_citation_at(c, now - 1);
    bool begins = a->item_kind != SIM_ITEM_MESSAGE || border;
    if (begins) close_block(a, out);
    a->item_kind = SIM_ITEM_MESSAGE;
    if (begins && cite) {
        struct buf b;
        buf_init(&b, 0);
        buf_printf(&b, "{\"contentBlockIndex\":%zu,\"delta\":{\"citation\":", a->item);
        add_citation(cite, &b);
        buf_add(&b, S("}"));
        add_frame("contentBlockDelta", &b, out);
    }
    add_delta(a, S("\"text\":"), text, S(""), out);
}

static void add_piece(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out)
{
    (void)choice;
    switch (p->kind) {
    case SIM_PIECE_HIDDEN:
        a->item_kind = SIM_ITEM_REASONING;
        add_delta(a, S("\"reasoningContent\":{\"text\":"), p->text, S("}"), out);
        break;
    case SIM_PIECE_TEXT:
        add_text(a, p->text, out);
        break;
    case SIM_PIECE_CALL:
        open_call(a, p->call, out);
        break;
    case SIM_PIECE_ARGUMENTS:
        add_delta(a, S("\"toolUse\":{\"input\":"), p->text, S("}"), out);
        break;
    }
}

static const char *stop_of(const struct sim_answer *a)
{
    return sim_choice_end(&a->choices[0], "end_turn", "tool_use", "max_tokens");
}

static void close_stream(struct sim_answer *a, struct buf *out)
{
    struct buf b;
    close_block(a, out);
    buf_init(&b, 0);
    buf_printf(&b, "{\"stopReason\":\"%s\"", stop_of(a));
    add_frame("messageStop", &b, out);
    buf_init(&b, 0);
    buf_add(&b, S("{"));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(&b, S("\"usage\":"));
        add_usage(a, &b);
        buf_add(&b, S(","));
    }
    buf_add(&b, S("\"metrics\":{\"latencyMs\":17}"));
    add_frame("metadata", &b, out);
}

static void fail_stream(struct sim_answer *a, bool response_failed, struct buf *out)
{
    (void)a, (void)response_failed;
    event_stream_write(out, S("modelStreamErrorException"),
                       S("{\"message\":\"The model failed to generate a response.\",\"originalStatusCode\":500}"),
                       true);
}

/* A frame whose checksums hold and whose payload does not. */
static void garble(struct sim_answer *a, struct buf *out)
{
    (void)a;
    event_stream_write(out, S("contentBlockDelta"), S("{\"contentBlockIndex\":0,\"delta\":{\"text\":"), false);
}

/* ---- whole */

static void add_calls(const struct sim_choice *c, const char *comma, struct buf *out)
{
    for (size_t i = 0; i < c->call; i++, comma = ",") {
        buf_printf(out, "%s{\"toolUse\":{\"toolUseId\":\"%.*s\",\"name\":", comma, STR_ARG(c->calls[i].id));
        buf_add_json(out, c->calls[i].name);
        buf_add(out, S(",\"input\":"));
        buf_add(out, sim_choice_call_complete(c, i) ? c->calls[i].arguments : S("{}"));
        buf_add(out, S("}}"));
    }
}

static void add_whole(struct sim_answer *a, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    const char *comma = "";
    buf_add(out, S("{\"metrics\":{\"latencyMs\":17},\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["));
    if (c->reasoning && c->done) {
        buf_add(out, S("{\"reasoningContent\":{\"reasoningText\":{\"text\":"));
        sim_choice_thoughts_json(c, out);
        buf_printf(out, ",\"signature\":\"%s\"}}}", SIM_SIGNATURE);
        comma = ",";
    }
    for (int64_t from = 0, to; from < sim_choice_text_tokens(c); from = to, comma = ",") {
        const struct sim_citation *cite = sim_choice_citation_at(c, from);
        to = sim_choice_block_end(c, from);
        buf_printf(out, "%s{%s\"text\":", comma, cite ? "\"citationsContent\":{\"content\":[{" : "");
        sim_choice_words_json(c, from, to, out);
        if (cite) {
            buf_add(out, S("}],\"citations\":["));
            add_citation(cite, out);
            buf_add(out, S("]}"));
        }
        buf_add(out, S("}"));
    }
    add_calls(c, comma, out);
    buf_printf(out, "]}},\"stopReason\":\"%s\"", stop_of(a));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, out);
    }
    buf_add(out, S("}"));
}

const struct sim_wire sim_wire_converse = {
    .open = open_stream,
    .piece = add_piece,
    .close = close_stream,
    .fail = fail_stream,
    .whole = add_whole,
    .prepare = prepare,
    .garble = garble,
};

/* Anthropic's Messages on the wire: blocks, opened and closed one after the other,
 * between message_start and message_stop; or one object. Written from Anthropic's
 * reference and recordings, not from src/dialect. `head` is the message object up to
 * its content, `item` the index of the block that is open or comes next. */
#include "simulate/sim_answer.h"

#include "base/json.h"

#include <inttypes.h>

static void prepare(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r)
{
    (void)doc;
    struct buf b;
    buf_init(&b, 0);
    if (str_eq(a->tier, S("default"))) a->tier = S("standard");
    buf_printf(&b, "{\"id\":\"%.*s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", STR_ARG(a->id));
    buf_add_json(&b, r->model);
    a->head = arena_str(arena, buf_str(&b));
    buf_free(&b);
}

/* ---- usage */

static void add_writes(const struct sim_answer *a, const struct sim_units *u, struct buf *out)
{
    bool split = !(a->shape & SIM_USAGE_UNATTRIBUTED);
    buf_printf(out, ",\"cache_creation_input_tokens\":%" PRId64 ",\"cache_read_input_tokens\":%" PRId64,
               u->cache_write + u->cache_write_1h, u->cache_read);
    if (a->shape & SIM_USAGE_PLAIN) return;
    buf_printf(out,
               ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":%" PRId64 ",\"ephemeral_1h_input_tokens\":%" PRId64
               "}",
               split ? u->cache_write : 0, split ? u->cache_write_1h : 0);
}

enum moment { AT_START, AT_END, WHOLE };

static void add_usage(const struct sim_answer *a, enum moment moment, struct buf *out)
{
    bool start = moment == AT_START;
    struct sim_units u = sim_answer_units(a);
    int64_t output = start ? 1 : u.output + u.reasoning; /* provisional at the start */
    if (moment == AT_END && (a->shape & SIM_USAGE_OUTPUT_ONLY)) {
        buf_printf(out, "{\"output_tokens\":%" PRId64, output);
    } else {
        if (start && (a->shape & SIM_USAGE_CHANGING)) {
            u.input += 7; /* the end overrides it */
            u.cache_read /= 2;
        }
        buf_printf(out, "{\"input_tokens\":%" PRId64, u.input);
        add_writes(a, &u, out);
        buf_printf(out, ",\"output_tokens\":%" PRId64, output);
    }
    if (!start && sim_usage_tells(a->kind, a->shape))
        buf_printf(out, ",\"output_tokens_details\":{\"thinking_tokens\":%" PRId64 "}", u.reasoning);
    if (!start && u.searches)
        buf_printf(out, ",\"server_tool_use\":{\"web_search_requests\":%" PRId64 ",\"web_fetch_requests\":0}",
                   u.searches);
    buf_add(out, S(",\"service_tier\":"));
    buf_add_json(out, a->tier);
    buf_add(out, S("}"));
}

/* ---- streamed */

static void event_begin(const char *type, struct buf *out)
{
    buf_printf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void event_end(struct buf *out)
{
    buf_add(out, S("}\n\n"));
}

static void open_stream(struct sim_answer *a, struct buf *out)
{
    event_begin("message_start", out);
    buf_add(out, S(",\"message\":"));
    buf_add(out, a->head);
    buf_add(out, S(",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null"));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, AT_START, out);
    }
    buf_add(out, S("}"));
    event_end(out);
    buf_add(out, S("event: ping\ndata: {\"type\": \"ping\"}\n\n"));
}

static void delta_begin(const struct sim_answer *a, const char *type, struct buf *out)
{
    event_begin("content_block_delta", out);
    buf_printf(out, ",\"index\":%zu,\"delta\":{\"type\":\"%s\"", a->item, type);
}

static void add_delta(const struct sim_answer *a, const char *type, const char *key, str text, struct buf *out)
{
    delta_begin(a, type, out);
    buf_printf(out, ",\"%s\":", key);
    buf_add_json(out, text);
    buf_add(out, S("}"));
    event_end(out);
}

static void close_block(struct sim_answer *a, struct buf *out)
{
    if (a->item_kind == SIM_ITEM_NONE) return;
    if (a->item_kind == SIM_ITEM_REASONING) add_delta(a, "signature_delta", "signature", S(SIM_SIGNATURE), out);
    event_begin("content_block_stop", out);
    buf_printf(out, ",\"index\":%zu", a->item++);
    event_end(out);
    a->item_kind = SIM_ITEM_NONE;
}

static void open_block(struct sim_answer *a, int kind, const struct sim_tool_call *call, struct buf *out)
{
    close_block(a, out);
    a->item_kind = kind;
    event_begin("content_block_start", out);
    buf_printf(out, ",\"index\":%zu,\"content_block\":", a->item);
    if (kind == SIM_ITEM_REASONING) buf_add(out, S("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    if (kind == SIM_ITEM_MESSAGE) buf_add(out, S("{\"type\":\"text\",\"text\":\"\"}"));
    if (kind == SIM_ITEM_CALL) {
        buf_printf(out, "{\"type\":\"tool_use\",\"id\":\"%.*s\",\"name\":", STR_ARG(call->id));
        buf_add_json(out, call->name);
        buf_add(out, S(",\"input\":{}}"));
    }
    event_end(out);
}

static void add_citation(const struct sim_citation *cite, struct buf *out)
{
    buf_add(out, S("{\"type\":\"web_search_result_location\",\"cited_text\":"));
    buf_add_json(out, cite->quote);
    buf_add(out, S(",\"url\":"));
    buf_add_json(out, cite->url);
    buf_add(out, S(",\"title\":"));
    buf_add_json(out, cite->title);
    buf_add(out, S(",\"encrypted_index\":\"c2ltdWxhdGVk\"}"));
}

/* A block ends where words begin or end to be cited; the citation comes in front of them. */
static void add_text(struct sim_answer *a, str text, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    int64_t now = sim_choice_text_tokens(c) - 1;
    const struct sim_citation *cite = sim_choice_citation_at(c, now);
    bool border = now > 0 && cite != sim_choice_citation_at(c, now - 1);
    if (a->item_kind != SIM_ITEM_MESSAGE || border) {
        open_block(a, SIM_ITEM_MESSAGE, NULL, out);
        if (cite) {
            delta_begin(a, "citations_delta", out);
            buf_add(out, S(",\"citation\":"));
            add_citation(cite, out);
            buf_add(out, S("}"));
            event_end(out);
        }
    }
    add_delta(a, "text_delta", "text", text, out);
}

static void add_piece(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out)
{
    (void)choice;
    switch (p->kind) {
    case SIM_PIECE_HIDDEN:
        if (a->item_kind == SIM_ITEM_NONE) open_block(a, SIM_ITEM_REASONING, NULL, out);
        if (a->shows) add_delta(a, "thinking_delta", "thinking", p->text, out);
        break;
    case SIM_PIECE_TEXT:
        add_text(a, p->text, out);
        break;
    case SIM_PIECE_CALL:
        open_block(a, SIM_ITEM_CALL, p->call, out);
        add_delta(a, "input_json_delta", "partial_json", S(""), out); /* the first says nothing */
        break;
    case SIM_PIECE_ARGUMENTS:
        add_delta(a, "input_json_delta", "partial_json", p->text, out);
        break;
    }
}

static const char *stop_of(const struct sim_answer *a)
{
    return sim_choice_end(&a->choices[0], "end_turn", "tool_use", "max_tokens");
}

static void close_stream(struct sim_answer *a, struct buf *out)
{
    close_block(a, out);
    event_begin("message_delta", out);
    buf_printf(out, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null}", stop_of(a));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, AT_END, out);
    }
    event_end(out);
    event_begin("message_stop", out);
    buf_add(out, S("      ")); /* padding, as Anthropic sends it */
    event_end(out);
}

static void fail_stream(struct sim_answer *a, bool response_failed, struct buf *out)
{
    (void)a, (void)response_failed;
    event_begin("error", out);
    buf_add(out, S(",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"));
    event_end(out);
}

static void garble(struct sim_answer *a, struct buf *out)
{
    buf_printf(out,
               "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%zu,\"delta\":{\"type\":"
               "\"text_delta\",\"text\":\n\n",
               a->item);
}

/* ---- whole */

static void add_calls(const struct sim_choice *c, const char *comma, struct buf *out)
{
    for (size_t i = 0; i < c->call; i++, comma = ",") {
        buf_printf(out, "%s{\"type\":\"tool_use\",\"id\":\"%.*s\",\"name\":", comma, STR_ARG(c->calls[i].id));
        buf_add_json(out, c->calls[i].name);
        buf_add(out, S(",\"input\":"));
        buf_add(out, sim_choice_call_complete(c, i) ? c->calls[i].arguments : S("{}"));
        buf_add(out, S("}"));
    }
}

static void add_whole(struct sim_answer *a, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    const char *comma = "";
    buf_add(out, a->head);
    buf_add(out, S(",\"content\":["));
    if (c->reasoning && c->done) {
        buf_add(out, S("{\"type\":\"thinking\",\"thinking\":"));
        a->shows ? sim_choice_thoughts_json(c, out) : (void)buf_add(out, S("\"\""));
        buf_printf(out, ",\"signature\":\"%s\"}", SIM_SIGNATURE);
        comma = ",";
    }
    for (int64_t from = 0, to; from < sim_choice_text_tokens(c); from = to, comma = ",") {
        const struct sim_citation *cite = sim_choice_citation_at(c, from);
        to = sim_choice_block_end(c, from);
        buf_printf(out, "%s{\"type\":\"text\",\"text\":", comma);
        sim_choice_words_json(c, from, to, out);
        if (cite) {
            buf_add(out, S(",\"citations\":["));
            add_citation(cite, out);
            buf_add(out, S("]"));
        }
        buf_add(out, S("}"));
    }
    add_calls(c, comma, out);
    buf_printf(out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null", stop_of(a));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, WHOLE, out);
    }
    buf_add(out, S("}"));
}

const struct sim_wire sim_wire_messages = {
    .open = open_stream,
    .piece = add_piece,
    .close = close_stream,
    .fail = fail_stream,
    .whole = add_whole,
    .prepare = prepare,
    .garble = garble,
};

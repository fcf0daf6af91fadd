/* Cohere's chat (v2) on the wire: named events that end in message-end and [DONE], or
 * one object. A stream's `tool_calls` and `content` are objects, a whole answer's are
 * lists. Written from Cohere's reference and recordings, not from src/dialect. */
#include "simulate/sim_answer.h"

#include "base/json.h"

#include <inttypes.h>

enum { PREAMBLE_TOKENS = 60 }; /* Cohere's own, counted and not billed */

static void prepare(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r)
{
    (void)a, (void)arena, (void)doc, (void)r;
}

static void add_usage(const struct sim_answer *a, struct buf *out)
{
    struct sim_units u = sim_answer_units(a);
    int64_t output = u.output + u.reasoning;
    buf_printf(out, "{\"billed_units\":{\"input_tokens\":%" PRId64 ",\"output_tokens\":%" PRId64, u.input, output);
    if (u.searches) buf_printf(out, ",\"search_units\":%" PRId64, u.searches);
    buf_printf(out, "},\"tokens\":{\"input_tokens\":%" PRId64 ",\"output_tokens\":%" PRId64, u.input + PREAMBLE_TOKENS,
               output + 3);
    if (sim_usage_tells(a->kind, a->shape)) buf_printf(out, ",\"reasoning_tokens\":%" PRId64, u.reasoning);
    buf_printf(out, "},\"cached_tokens\":%" PRId64 "}", a->shape & SIM_USAGE_CACHED ? u.input / 2 : 0);
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
    event_begin("message-start", out);
    buf_printf(out,
               ",\"id\":\"%.*s\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\","
               "\"tool_calls\":[],\"citations\":[]}}",
               STR_ARG(a->id));
    event_end(out);
}

static void close_item(struct sim_answer *a, struct buf *out)
{
    if (a->item_kind == SIM_ITEM_NONE) return;
    event_begin(a->item_kind == SIM_ITEM_CALL ? "tool-call-end" : "content-end", out);
    buf_printf(out, ",\"index\":%zu", a->item++);
    event_end(out);
    a->item_kind = SIM_ITEM_NONE;
}

/* An event about a content of the kind that `key` names. */
static void content_event(const struct sim_answer *a, const char *type, const char *key, str text, struct buf *out)
{
    bool start = !strcmp(type, "content-start");
    event_begin(type, out);
    buf_printf(out, ",\"index\":%zu,\"delta\":{\"message\":{\"content\":{", a->item);
    if (start) buf_printf(out, "\"type\":\"%s\",", key);
    buf_printf(out, "\"%s\":", key);
    buf_add_json(out, text);
    buf_add(out, S("}}}"));
    event_end(out);
}

static void content_piece(struct sim_answer *a, int kind, const char *key, str text, struct buf *out)
{
    if ((int)a->item_kind != kind) {
        close_item(a, out);
        a->item_kind = kind;
        content_event(a, "content-start", key, S(""), out);
    }
    content_event(a, "content-delta", key, text, out);
}

static void begin_call(struct sim_answer *a, const struct sim_piece *p, struct buf *out)
{
    close_item(a, out);
    if (p->call_index == 0) {
        a->item = 0; /* calls are counted from 0 */
        event_begin("tool-plan-delta", out);
        buf_add(out, S(",\"delta\":{\"message\":{\"tool_plan\":\"I will ask a tool.\"}}"));
        event_end(out);
    }
    a->item_kind = SIM_ITEM_CALL;
    event_begin("tool-call-start", out);
    buf_printf(out,
               ",\"index\":%zu,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"%.*s\",\"type\":\"function\","
               "\"function\":{\"name\":",
               a->item, STR_ARG(p->call->id));
    buf_add_json(out, p->call->name);
    buf_add(out, S(",\"arguments\":\"\"}}}}"));
    event_end(out);
}

/* `content`: where among the contents the text stands. */
static void add_citation(const struct sim_choice *c, const struct sim_citation *cite, size_t content, struct buf *out)
{
    buf_printf(out, "{\"start\":%" PRId64 ",\"end\":%" PRId64 ",\"text\":", sim_choice_extent(c, cite->from).characters,
               sim_choice_extent(c, cite->to).characters);
    sim_choice_words_json(c, cite->from, cite->to, out);
    size_t n = (size_t)(cite - c->citations);
    buf_printf(out,
               ",\"sources\":[{\"type\":\"document\",\"id\":\"doc:%zu\",\"document\":{\"id\":\"doc:%zu\",\"title\":", n,
               n);
    buf_add_json(out, cite->title);
    buf_add(out, S(",\"url\":"));
    buf_add_json(out, cite->url);
    buf_add(out, S(",\"snippet\":"));
    buf_add_json(out, cite->quote);
    buf_printf(out, "}}],\"type\":\"TEXT_CONTENT\",\"content_index\":%zu}", content);
}

/* The citation whose last words were just sent. */
static void citation_events(const struct sim_answer *a, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    size_t n = sim_choice_cited(c);
    if (!n || c->citations[n - 1].to != sim_choice_text_tokens(c)) return;
    event_begin("citation-start", out);
    buf_printf(out, ",\"index\":%zu,\"delta\":{\"message\":{\"citations\":", n - 1);
    add_citation(c, &c->citations[n - 1], a->item, out);
    buf_add(out, S("}}"));
    event_end(out);
    event_begin("citation-end", out);
    buf_printf(out, ",\"index\":%zu", n - 1);
    event_end(out);
}

static void add_piece(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out)
{
    (void)choice;
    switch (p->kind) {
    case SIM_PIECE_HIDDEN:
        content_piece(a, SIM_ITEM_REASONING, "thinking", p->text, out);
        break;
    case SIM_PIECE_TEXT:
        content_piece(a, SIM_ITEM_MESSAGE, "text", p->text, out);
        citation_events(a, out);
        break;
    case SIM_PIECE_CALL:
        begin_call(a, p, out);
        break;
    case SIM_PIECE_ARGUMENTS:
        event_begin("tool-call-delta", out);
        buf_printf(out, ",\"index\":%zu,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":", a->item);
        buf_add_json(out, p->text);
        buf_add(out, S("}}}}"));
        event_end(out);
        break;
    }
}

static const char *finish_of(const struct sim_answer *a)
{
    return sim_choice_end(&a->choices[0], "COMPLETE", "TOOL_CALL", "MAX_TOKENS");
}

static void close_stream(struct sim_answer *a, struct buf *out)
{
    close_item(a, out);
    event_begin("message-end", out);
    buf_printf(out, ",\"delta\":{\"finish_reason\":\"%s\"", finish_of(a));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, out);
    }
    buf_add(out, S("}"));
    event_end(out);
    buf_add(out, S("data: [DONE]\n\n"));
}

static void fail_stream(struct sim_answer *a, bool response_failed, struct buf *out)
{
    (void)a, (void)response_failed;
    event_begin("message-end", out);
    buf_add(out, S(",\"delta\":{\"error\":\"The model failed to generate a response.\",\"finish_reason\":\"ERROR\"}"));
    event_end(out);
    buf_add(out, S("data: [DONE]\n\n"));
}

static void garble(struct sim_answer *a, struct buf *out)
{
    (void)a;
    buf_add(out, S("event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":\n\n"));
}

/* ---- whole */

static void add_content(const struct sim_choice *c, struct buf *out)
{
    const char *comma = "";
    buf_add(out, S("\"content\":["));
    if (c->reasoning && c->done) {
        buf_add(out, S("{\"type\":\"thinking\",\"thinking\":"));
        sim_choice_thoughts_json(c, out);
        buf_add(out, S("}"));
        comma = ",";
    }
    if (sim_choice_has_text(c)) {
        buf_printf(out, "%s{\"type\":\"text\",\"text\":", comma);
        sim_choice_text_json(c, out);
        buf_add(out, S("}"));
    }
    buf_add(out, S("]"));
}

static void add_calls(const struct sim_choice *c, struct buf *out)
{
    buf_add(out, S(",\"tool_plan\":\"I will ask a tool.\",\"tool_calls\":["));
    for (size_t i = 0; i < c->call; i++) {
        buf_printf(out, "%s{\"id\":\"%.*s\",\"type\":\"function\",\"function\":{\"name\":", i ? "," : "",
                   STR_ARG(c->calls[i].id));
        buf_add_json(out, c->calls[i].name);
        buf_add(out, S(",\"arguments\":"));
        sim_choice_arguments_json(c, i, out);
        buf_add(out, S("}}"));
    }
    buf_add(out, S("]"));
}

static void add_whole(struct sim_answer *a, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    bool content = sim_choice_has_text(c) || c->reasoning;
    buf_printf(out, "{\"id\":\"%.*s\",\"message\":{\"role\":\"assistant\"", STR_ARG(a->id));
    if (content || !c->call) {
        buf_add(out, S(","));
        add_content(c, out);
    }
    if (c->call) add_calls(c, out);
    for (size_t i = 0; i < sim_choice_cited(c); i++) {
        buf_add(out, i ? S(",") : S(",\"citations\":["));
        add_citation(c, &c->citations[i], c->reasoning > 0, out);
    }
    if (sim_choice_cited(c)) buf_add(out, S("]"));
    buf_printf(out, "},\"finish_reason\":\"%s\"", finish_of(a));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, out);
    }
    buf_add(out, S("}"));
}

const struct sim_wire sim_wire_cohere = {
    .open = open_stream,
    .piece = add_piece,
    .close = close_stream,
    .fail = fail_stream,
    .whole = add_whole,
    .prepare = prepare,
    .garble = garble,
};

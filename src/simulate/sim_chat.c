/* Chat and legacy completions on the wire: `data: {...}` events ending in
 * [DONE], or one object. `head` is what every chunk begins with up to the
 * choices; `tail` is not used. */
#include "simulate/sim_answer.h"

#include "base/json.h"

#include <inttypes.h>

static void prepare(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r)
{
    (void)doc;
    struct buf b;
    buf_init(&b, 0);
    const char *object = a->kind == SIM_COMPLETIONS ? "text_completion"
                         : r->stream                ? "chat.completion.chunk"
                                                    : "chat.completion";
    buf_printf(&b, "{\"id\":\"%.*s\",\"object\":\"%s\",\"created\":%" PRId64 ",\"model\":", STR_ARG(a->id), object,
               a->created_s);
    buf_add_json(&b, r->model);
    if (a->kind == SIM_CHAT) {
        buf_add(&b, S(",\"service_tier\":"));
        buf_add_json(&b, a->tier);
    }
    buf_add(&b, S(",\"system_fingerprint\":\"fp_simulate\",\"choices\":["));
    a->head = arena_str(arena, buf_str(&b));
    buf_free(&b);
}

static void add_usage(const struct sim_answer *a, struct buf *out)
{
    struct sim_units u = sim_answer_units(a);
    sim_usage_print(a->kind, a->shape, &u, out);
}

/* ---- streamed */

static void chunk_begin(const struct sim_answer *a, struct buf *out)
{
    buf_add(out, S("data: "));
    buf_add(out, a->head);
}

/* Behind the choices: the usage that this chunk has to carry. `finish`: the last choice's last. */
static void chunk_end(const struct sim_answer *a, bool finish, struct buf *out)
{
    buf_add(out, S("]"));
    if ((a->place & SIM_USAGE_EVERY) || (finish && (a->place & SIM_USAGE_FINISH))) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, out);
    } else if (a->usage_null) {
        buf_add(out, S(",\"usage\":null"));
    }
    if (finish && (a->place & SIM_USAGE_X_GROQ)) {
        buf_add(out, S(",\"x_groq\":{\"id\":\"req_sim\",\"usage\":"));
        add_usage(a, out);
        buf_add(out, S("}"));
    }
    buf_add(out, S("}\n\n"));
}

static void open_stream(struct sim_answer *a, struct buf *out)
{
    if (a->kind == SIM_COMPLETIONS) return;
    for (size_t i = 0; i < a->shown; i++) {
        bool calls = a->choices[i].call_count;
        chunk_begin(a, out);
        buf_printf(out,
                   "{\"index\":%zu,\"delta\":{\"role\":\"assistant\",\"content\":%s,\"refusal\":null},"
                   "\"logprobs\":null,\"finish_reason\":null}",
                   i, calls ? "null" : "\"\"");
        chunk_end(a, false, out);
    }
}

static void add_chat_delta(const struct sim_piece *p, struct buf *out)
{
    switch (p->kind) {
    case SIM_PIECE_CALL:
        buf_printf(out, "\"tool_calls\":[{\"index\":%zu,\"id\":\"%.*s\",\"type\":\"function\",\"function\":{\"name\":",
                   p->call_index, STR_ARG(p->call->id));
        buf_add_json(out, p->call->name);
        buf_add(out, S(",\"arguments\":\"\"}}]"));
        break;
    case SIM_PIECE_ARGUMENTS:
        buf_printf(out, "\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":", p->call_index);
        buf_add_json(out, p->text);
        buf_add(out, S("}}]"));
        break;
    default:
        buf_add(out, S("\"content\":"));
        buf_add_json(out, p->text);
        break;
    }
}

static void add_piece(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out)
{
    if (p->kind == SIM_PIECE_HIDDEN) return;
    chunk_begin(a, out);
    if (a->kind == SIM_COMPLETIONS) {
        buf_add(out, S("{\"text\":"));
        buf_add_json(out, p->text);
        buf_printf(out, ",\"index\":%zu,\"logprobs\":null,\"finish_reason\":null}", choice);
    } else {
        buf_printf(out, "{\"index\":%zu,\"delta\":{", choice);
        add_chat_delta(p, out);
        buf_add(out, S("},\"logprobs\":null,\"finish_reason\":null}"));
    }
    chunk_end(a, false, out);
}

static void add_annotations(const struct sim_choice *c, struct buf *out)
{
    buf_add(out, S("\"annotations\":["));
    for (size_t i = 0; i < sim_choice_cited(c); i++) {
        const struct sim_citation *cite = &c->citations[i];
        buf_printf(out,
                   "%s{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":%" PRId64 ",\"end_index\":%" PRId64
                   ",\"url\":",
                   i ? "," : "", sim_choice_extent(c, cite->from).characters,
                   sim_choice_extent(c, cite->to).characters);
        buf_add_json(out, cite->url);
        buf_add(out, S(",\"title\":"));
        buf_add_json(out, cite->title);
        buf_add(out, S("}}"));
    }
    buf_add(out, S("]"));
}

/* Citations come together, behind the text. */
static void add_annotations_chunk(const struct sim_answer *a, size_t choice, struct buf *out)
{
    if (!sim_choice_cited(&a->choices[choice])) return;
    chunk_begin(a, out);
    buf_printf(out, "{\"index\":%zu,\"delta\":{", choice);
    add_annotations(&a->choices[choice], out);
    buf_add(out, S("},\"logprobs\":null,\"finish_reason\":null}"));
    chunk_end(a, false, out);
}

static void close_stream(struct sim_answer *a, struct buf *out)
{
    for (size_t i = 0; i < a->shown; i++) {
        add_annotations_chunk(a, i, out);
        chunk_begin(a, out);
        const char *finish = sim_choice_end(&a->choices[i], "stop", "tool_calls", "length");
        if (a->kind == SIM_COMPLETIONS) {
            buf_printf(out, "{\"text\":\"\",\"index\":%zu,\"logprobs\":null,\"finish_reason\":\"%s\"}", i, finish);
        } else {
            buf_printf(out, "{\"index\":%zu,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"%s\"}", i, finish);
        }
        chunk_end(a, i + 1 == a->shown, out);
    }
    if (a->place & SIM_USAGE_SEPARATE) {
        chunk_begin(a, out);
        buf_add(out, S("],\"usage\":"));
        add_usage(a, out);
        buf_add(out, S("}\n\n"));
    }
    buf_add(out, S("data: [DONE]\n\n"));
}

static void fail_stream(struct sim_answer *a, bool response_failed, struct buf *out)
{
    (void)a, (void)response_failed;
    buf_add(out, S("data: {\"error\":{\"message\":\"The server had an error while processing your request. Sorry about "
                   "that!\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\ndata: [DONE]\n\n"));
}

/* ---- whole */

static void add_message(const struct sim_choice *c, struct buf *out)
{
    buf_add(out, S("\"message\":{\"role\":\"assistant\",\"content\":"));
    c->call_count ? (void)buf_add(out, S("null")) : sim_choice_text_json(c, out);
    buf_add(out, S(",\"refusal\":null,"));
    add_annotations(c, out);
    for (size_t i = 0; i < c->call; i++) {
        buf_printf(out,
                   "%s{\"id\":\"%.*s\",\"type\":\"function\",\"function\":{\"name\":", i ? "," : ",\"tool_calls\":[",
                   STR_ARG(c->calls[i].id));
        buf_add_json(out, c->calls[i].name);
        buf_add(out, S(",\"arguments\":"));
        sim_choice_arguments_json(c, i, out);
        buf_add(out, S("}}"));
    }
    buf_add(out, c->call ? S("]}") : S("}"));
}

static void add_whole(struct sim_answer *a, struct buf *out)
{
    buf_add(out, a->head);
    for (size_t i = 0; i < a->shown; i++) {
        const struct sim_choice *c = &a->choices[i];
        buf_printf(out, "%s{\"index\":%zu,", i ? "," : "", i);
        if (a->kind == SIM_COMPLETIONS) {
            buf_add(out, S("\"text\":"));
            sim_choice_text_json(c, out);
        } else {
            add_message(c, out);
        }
        buf_printf(out, ",\"logprobs\":null,\"finish_reason\":\"%s\"}",
                   sim_choice_end(c, "stop", "tool_calls", "length"));
    }
    buf_add(out, S("]"));
    if (!(a->shape & SIM_USAGE_ABSENT)) {
        buf_add(out, S(",\"usage\":"));
        add_usage(a, out);
    }
    buf_add(out, S("}"));
}

const struct sim_wire sim_wire_chat = {
    .open = open_stream,
    .piece = add_piece,
    .close = close_stream,
    .fail = fail_stream,
    .whole = add_whole,
    .prepare = prepare,
};

/* The Responses protocol on the wire: named events with contiguous sequence
 * numbers, ending in response.completed or response.incomplete, or one object.
 * `head` and `tail` are the response object's fields in front of and behind
 * those that change (status, output, usage). */
#include "simulate/sim_answer.h"

#include <inttypes.h>

enum { ECHO_MAX = 64 * 1024 }; /* bytes of one field that is repeated in the answer */

/* What of the request is repeated in the response, and what stands there where it said nothing. */
static const struct {
    str key, otherwise;
} echoes[] = {
    {STR_INIT("instructions"), STR_INIT("null")},
    {STR_INIT("max_output_tokens"), STR_INIT("null")},
    {STR_INIT("max_tool_calls"), STR_INIT("null")},
    {STR_INIT("metadata"), STR_INIT("{}")},
    {STR_INIT("parallel_tool_calls"), STR_INIT("true")},
    {STR_INIT("presence_penalty"), STR_INIT("0.0")},
    {STR_INIT("frequency_penalty"), STR_INIT("0.0")},
    {STR_INIT("previous_response_id"), STR_INIT("null")},
    {STR_INIT("prompt_cache_key"), STR_INIT("null")},
    {STR_INIT("reasoning"), STR_INIT("{\"effort\":null,\"summary\":null}")},
    {STR_INIT("safety_identifier"), STR_INIT("null")},
    {STR_INIT("store"), STR_INIT("true")},
    {STR_INIT("temperature"), STR_INIT("1.0")},
    {STR_INIT("text"), STR_INIT("{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"}")},
    {STR_INIT("tool_choice"), STR_INIT("\"auto\"")},
    {STR_INIT("tools"), STR_INIT("[]")},
    {STR_INIT("top_logprobs"), STR_INIT("0")},
    {STR_INIT("top_p"), STR_INIT("1.0")},
    {STR_INIT("truncation"), STR_INIT("\"disabled\"")},
    {STR_INIT("user"), STR_INIT("null")},
};

static void prepare(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r)
{
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b,
               "{\"id\":\"%.*s\",\"object\":\"response\",\"created_at\":%" PRId64 ",\"background\":false,\"model\":",
               STR_ARG(a->id), a->created_s);
    buf_add_json(&b, r->model);
    a->head = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    buf_add(&b, S(",\"service_tier\":"));
    buf_add_json(&b, a->tier);
    for (size_t i = 0; i < COUNT_OF(echoes); i++) {
        json_ref at = json_find(doc, JSON_ROOT, echoes[i].key, NULL);
        str raw = at ? json_raw(doc, at) : STR_NONE;
        if (raw.n == 0 || raw.n > ECHO_MAX || str_eq(raw, S("null"))) raw = echoes[i].otherwise;
        buf_printf(&b, ",\"%.*s\":%.*s", STR_ARG(echoes[i].key), STR_ARG(raw));
    }
    buf_add(&b, S("}"));
    for (size_t i = 0; i < b.n; i++) { /* an event's data is one line */
        if (b.p[i] == '\n' || b.p[i] == '\r') b.p[i] = ' ';
    }
    a->tail = arena_str(arena, buf_str(&b));
    buf_free(&b);
}

/* ---- output items */

static const char *status_of(const struct sim_answer *a, bool ended)
{
    return !ended                                                           ? "in_progress"
           : a->choices[0].cut || a->choices[0].done < a->choices[0].tokens ? "incomplete"
                                                                            : "completed";
}

static void add_summary_part(const struct sim_answer *a, bool ended, struct buf *out)
{
    buf_add(out, S("{\"type\":\"summary_text\",\"text\":"));
    ended ? sim_choice_thoughts_json(&a->choices[0], out) : (void)buf_add(out, S("\"\""));
    buf_add(out, S("}"));
}

static void add_reasoning_item(const struct sim_answer *a, bool ended, struct buf *out)
{
    buf_printf(out, "{\"id\":\"rs_%.*s\",\"type\":\"reasoning\",\"summary\":[", STR_ARG(a->id));
    if (ended && a->shows) add_summary_part(a, true, out);
    buf_add(out, S("]}"));
}

static void add_annotation(const struct sim_choice *c, const struct sim_citation *cite, struct buf *out)
{
    buf_printf(out, "{\"type\":\"url_citation\",\"start_index\":%" PRId64 ",\"end_index\":%" PRId64 ",\"url\":",
               sim_choice_extent(c, cite->from).characters, sim_choice_extent(c, cite->to).characters);
    buf_add_json(out, cite->url);
    buf_add(out, S(",\"title\":"));
    buf_add_json(out, cite->title);
    buf_add(out, S("}"));
}

static void add_text_part(const struct sim_answer *a, bool ended, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    buf_add(out, S("{\"type\":\"output_text\",\"annotations\":["));
    for (size_t i = 0; ended && i < sim_choice_cited(c); i++) {
        if (i) buf_add(out, S(","));
        add_annotation(c, &c->citations[i], out);
    }
    buf_add(out, S("],\"logprobs\":[],\"text\":"));
    ended ? sim_choice_text_json(&a->choices[0], out) : (void)buf_add(out, S("\"\""));
    buf_add(out, S("}"));
}

static void add_message_item(const struct sim_answer *a, bool ended, struct buf *out)
{
    buf_printf(out, "{\"id\":\"msg_%.*s\",\"type\":\"message\",\"status\":\"%s\",\"content\":[", STR_ARG(a->id),
               status_of(a, ended));
    if (ended) add_text_part(a, true, out);
    buf_add(out, S("],\"role\":\"assistant\"}"));
}

static void add_call_item(const struct sim_answer *a, size_t call, bool ended, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    bool complete = ended && (call + 1 < c->call || !c->cut);
    buf_printf(out,
               "{\"id\":\"fc_%.*s_%zu\",\"type\":\"function_call\",\"status\":\"%s\",\"arguments\":", STR_ARG(a->id),
               call, complete ? "completed" : status_of(a, ended));
    ended ? sim_choice_arguments_json(c, call, out) : (void)buf_add(out, S("\"\""));
    buf_printf(out, ",\"call_id\":\"%.*s\",\"name\":", STR_ARG(c->calls[call].id));
    buf_add_json(out, c->calls[call].name);
    buf_add(out, S("}"));
}

static void add_output(const struct sim_answer *a, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    buf_add(out, S("["));
    if (c->reasoning && c->done) add_reasoning_item(a, true, out);
    const char *comma = c->reasoning ? "," : "";
    if (sim_choice_has_text(c)) {
        buf_printf(out, "%s", comma);
        add_message_item(a, true, out);
    }
    for (size_t i = 0; i < c->call; i++) {
        buf_printf(out, "%s", comma);
        add_call_item(a, i, true, out);
        comma = ",";
    }
    buf_add(out, S("]"));
}

/* ---- the response object */

static const char failed[] = "{\"code\":\"server_error\",\"message\":\"The model failed to generate a response.\"}";

static void add_response(const struct sim_answer *a, const char *status, struct buf *out)
{
    bool ended = strcmp(status, "in_progress") != 0, incomplete = !strcmp(status, "incomplete");
    buf_add(out, a->head);
    buf_printf(out, ",\"status\":\"%s\",\"completed_at\":", status);
    strcmp(status, "completed") ? buf_add(out, S("null")) : buf_printf(out, "%" PRId64, a->created_s);
    buf_printf(out, ",\"error\":%s,\"incomplete_details\":%s,\"output\":", strcmp(status, "failed") ? "null" : failed,
               incomplete ? "{\"reason\":\"max_output_tokens\"}" : "null");
    ended ? add_output(a, out) : (void)buf_add(out, S("[]"));
    buf_add(out, S(",\"usage\":"));
    if (ended && !(a->shape & SIM_USAGE_ABSENT)) {
        struct sim_units u = sim_answer_units(a);
        sim_usage_print(SIM_RESPONSES, a->shape, &u, out);
    } else {
        buf_add(out, S("null"));
    }
    buf_add(out, a->tail);
}

/* ---- streamed */

static void event_begin(const char *type, struct buf *out)
{
    buf_printf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void event_end(struct sim_answer *a, struct buf *out)
{
    buf_printf(out, ",\"sequence_number\":%" PRId64 "}\n\n", a->sequence++);
}

static void response_event(struct sim_answer *a, const char *type, const char *status, struct buf *out)
{
    event_begin(type, out);
    buf_add(out, S(",\"response\":"));
    add_response(a, status, out);
    event_end(a, out);
}

static void add_item(const struct sim_answer *a, bool ended, struct buf *out)
{
    if (a->item_kind == SIM_ITEM_REASONING) add_reasoning_item(a, ended, out);
    if (a->item_kind == SIM_ITEM_MESSAGE) add_message_item(a, ended, out);
    if (a->item_kind == SIM_ITEM_CALL) add_call_item(a, a->choices[0].call - 1, ended, out);
}

static void item_event(struct sim_answer *a, bool ended, struct buf *out)
{
    event_begin(ended ? "response.output_item.done" : "response.output_item.added", out);
    buf_printf(out, ",\"output_index\":%zu,\"item\":", a->item);
    add_item(a, ended, out);
    event_end(a, out);
}

static void part_event(struct sim_answer *a, bool ended, struct buf *out)
{
    event_begin(ended ? "response.content_part.done" : "response.content_part.added", out);
    buf_printf(out, ",\"item_id\":\"msg_%.*s\",\"output_index\":%zu,\"content_index\":0,\"part\":", STR_ARG(a->id),
               a->item);
    add_text_part(a, ended, out);
    event_end(a, out);
}

/* An event about the summary, up to its own members. */
static void summary_begin(const struct sim_answer *a, const char *type, struct buf *out)
{
    event_begin(type, out);
    buf_printf(out, ",\"item_id\":\"rs_%.*s\",\"output_index\":%zu,\"summary_index\":0", STR_ARG(a->id), a->item);
}

static void summary_part_event(struct sim_answer *a, bool ended, struct buf *out)
{
    summary_begin(a, ended ? "response.reasoning_summary_part.done" : "response.reasoning_summary_part.added", out);
    buf_add(out, S(",\"part\":"));
    add_summary_part(a, ended, out);
    event_end(a, out);
}

static void summary_delta(struct sim_answer *a, str text, struct buf *out)
{
    summary_begin(a, "response.reasoning_summary_text.delta", out);
    buf_add(out, S(",\"delta\":"));
    buf_add_json(out, text);
    event_end(a, out);
}

static void close_summary(struct sim_answer *a, struct buf *out)
{
    summary_begin(a, "response.reasoning_summary_text.done", out);
    buf_add(out, S(",\"text\":"));
    sim_choice_thoughts_json(&a->choices[0], out);
    event_end(a, out);
    summary_part_event(a, true, out);
}

static void close_item(struct sim_answer *a, struct buf *out)
{
    if (a->item_kind == SIM_ITEM_NONE) return;
    if (a->item_kind == SIM_ITEM_REASONING && a->shows) close_summary(a, out);
    if (a->item_kind == SIM_ITEM_MESSAGE) {
        event_begin("response.output_text.done", out);
        buf_printf(out, ",\"item_id\":\"msg_%.*s\",\"output_index\":%zu,\"content_index\":0,\"logprobs\":[],\"text\":",
                   STR_ARG(a->id), a->item);
        sim_choice_text_json(&a->choices[0], out);
        event_end(a, out);
        part_event(a, true, out);
    } else if (a->item_kind == SIM_ITEM_CALL) {
        size_t call = a->choices[0].call - 1;
        event_begin("response.function_call_arguments.done", out);
        buf_printf(out, ",\"item_id\":\"fc_%.*s_%zu\",\"output_index\":%zu,\"name\":", STR_ARG(a->id), call, a->item);
        buf_add_json(out, a->choices[0].calls[call].name);
        buf_add(out, S(",\"arguments\":"));
        sim_choice_arguments_json(&a->choices[0], call, out);
        event_end(a, out);
    }
    item_event(a, true, out);
    a->item_kind = SIM_ITEM_NONE;
    a->item++;
}

static void open_item(struct sim_answer *a, int kind, struct buf *out)
{
    a->item_kind = kind;
    item_event(a, false, out);
    if (kind == SIM_ITEM_MESSAGE) part_event(a, false, out);
    if (kind == SIM_ITEM_REASONING && a->shows) summary_part_event(a, false, out);
}

static void open_stream(struct sim_answer *a, struct buf *out)
{
    response_event(a, "response.created", "in_progress", out);
    response_event(a, "response.in_progress", "in_progress", out);
}

/* A call's head closes the call before it. The choice has already moved on to the
 * new one, so the old one is told as the last but one. */
static void begin_call(struct sim_answer *a, struct buf *out)
{
    if (a->item_kind == SIM_ITEM_CALL) {
        struct sim_choice *c = &a->choices[0];
        size_t at = c->at;
        c->call--;
        c->at = c->calls[c->call - 1].arguments.n;
        close_item(a, out);
        c->call++;
        c->at = at;
    } else {
        close_item(a, out);
    }
    open_item(a, SIM_ITEM_CALL, out);
}

/* The citation whose last words were just sent. */
static void annotation_event(struct sim_answer *a, struct buf *out)
{
    const struct sim_choice *c = &a->choices[0];
    size_t n = sim_choice_cited(c);
    if (!n || c->citations[n - 1].to != sim_choice_text_tokens(c)) return;
    event_begin("response.output_text.annotation.added", out);
    buf_printf(out,
               ",\"item_id\":\"msg_%.*s\",\"output_index\":%zu,\"content_index\":0,\"annotation_index\":%zu,"
               "\"annotation\":",
               STR_ARG(a->id), a->item, n - 1);
    add_annotation(c, &c->citations[n - 1], out);
    event_end(a, out);
}

static void add_piece(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out)
{
    (void)choice;
    switch (p->kind) {
    case SIM_PIECE_HIDDEN:
        if (a->item_kind == SIM_ITEM_NONE) open_item(a, SIM_ITEM_REASONING, out);
        if (a->shows) summary_delta(a, p->text, out);
        break;
    case SIM_PIECE_CALL:
        begin_call(a, out);
        break;
    case SIM_PIECE_ARGUMENTS:
        event_begin("response.function_call_arguments.delta", out);
        buf_printf(out, ",\"item_id\":\"fc_%.*s_%zu\",\"output_index\":%zu,\"delta\":", STR_ARG(a->id), p->call_index,
                   a->item);
        buf_add_json(out, p->text);
        event_end(a, out);
        break;
    case SIM_PIECE_TEXT:
        if (a->item_kind != SIM_ITEM_MESSAGE) {
            close_item(a, out);
            open_item(a, SIM_ITEM_MESSAGE, out);
        }
        event_begin("response.output_text.delta", out);
        buf_printf(out, ",\"item_id\":\"msg_%.*s\",\"output_index\":%zu,\"content_index\":0,\"delta\":", STR_ARG(a->id),
                   a->item);
        buf_add_json(out, p->text);
        buf_add(out, S(",\"logprobs\":[]"));
        event_end(a, out);
        annotation_event(a, out);
        break;
    }
}

static void close_stream(struct sim_answer *a, struct buf *out)
{
    close_item(a, out);
    bool cut = a->choices[0].cut;
    response_event(a, cut ? "response.incomplete" : "response.completed", cut ? "incomplete" : "completed", out);
}

static void fail_stream(struct sim_answer *a, bool response_failed, struct buf *out)
{
    if (response_failed) {
        response_event(a, "response.failed", "failed", out);
        return;
    }
    event_begin("error", out);
    buf_add(out, S(",\"code\":\"server_error\",\"message\":\"The server had an error while processing your request. "
                   "Sorry about that!\",\"param\":null"));
    event_end(a, out);
}

static void add_whole(struct sim_answer *a, struct buf *out)
{
    add_response(a, a->choices[0].cut ? "incomplete" : "completed", out);
}

const struct sim_wire sim_wire_responses = {
    .open = open_stream,
    .piece = add_piece,
    .close = close_stream,
    .fail = fail_stream,
    .whole = add_whole,
    .prepare = prepare,
};

/* Whole answers of Cohere v2, both ways, their usage, the tap and errors. */
#include "dialect/canon_cite.h"
#include "dialect/cohere.h"

static const struct {
    str reason;
    enum canon_stop stop;
} reasons[] = {
    {STR_INIT("COMPLETE"), STOP_END},
    {STR_INIT("STOP_SEQUENCE"), STOP_SEQUENCE},
    {STR_INIT("MAX_TOKENS"), STOP_LENGTH},
    {STR_INIT("TOOL_CALL"), STOP_TOOL},
    {STR_INIT("ERROR"), STOP_ERROR},
    {STR_INIT("TIMEOUT"), STOP_ERROR},
    {STR_INIT("ERROR_TOXIC"), STOP_FILTER},
    /* said by others, and here in the nearest word */
    {STR_INIT("MAX_TOKENS"), STOP_CONTEXT},
    {STR_INIT("COMPLETE"), STOP_PAUSE},
    {STR_INIT("COMPLETE"), STOP_REFUSAL},
};

enum canon_stop cohere_stop(str reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (str_eq(reasons[i].reason, reason)) return reasons[i].stop;
    return reason.n ? STOP_END : STOP_NONE;
}

str cohere_stop_name(enum canon_stop stop)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].stop == stop) return reasons[i].reason;
    return S("COMPLETE");
}

/* ---- usage */

static int64_t count_in(const struct json *doc, json_ref object, str key, uint32_t *flags)
{
    int64_t v = object ? usage_count(doc, openai_find(doc, object, key), flags) : -1;
    return v;
}

/* Billed units are what is paid: they leave out Cohere's own preamble, which `tokens` counts. */
void usage_read_cohere(const struct json *doc, json_ref usage, struct usage *out)
{
    *out = (struct usage){0};
    if (json_type(doc, usage) != JSON_OBJECT) return;
    json_ref billed = openai_find(doc, usage, S("billed_units")), tokens = openai_find(doc, usage, S("tokens"));
    json_ref from = billed ? billed : tokens;
    int64_t input = count_in(doc, from, S("input_tokens"), &out->flags);
    int64_t output = count_in(doc, from, S("output_tokens"), &out->flags);
    int64_t searches = count_in(doc, billed, S("search_units"), &out->flags);
    int64_t images = count_in(doc, billed, S("images"), &out->flags);
    int64_t reasoning = count_in(doc, tokens, S("reasoning_tokens"), &out->flags);
    if (input < 0 && output < 0 && searches < 0 && images < 0) return;
    if (output < 0) output = 0;
    if (reasoning < 0) reasoning = 0;
    if (reasoning > output) {
        out->flags |= USAGE_CLAMPED;
        reasoning = output;
    }
    out->units[UNIT_INPUT] = input < 0 ? 0 : input;
    out->units[UNIT_OUTPUT] = output - reasoning;
    out->units[UNIT_REASONING] = reasoning;
    out->units[UNIT_SEARCHES] = searches < 0 ? 0 : searches;
    out->units[UNIT_IMAGE] = images < 0 ? 0 : images;
    out->units[UNIT_REQUESTS] = 1;
    out->known = true;
}

void cohere_write_usage(struct buf *out, const struct usage *u)
{
    long long input = (long long)canon_prompt_tokens(u), output = (long long)canon_completion_tokens(u);
    buf_printf(out, "{\"billed_units\":{\"input_tokens\":%lld,\"output_tokens\":%lld", input, output);
    if (u->units[UNIT_SEARCHES]) canon_put_i64(out, S("search_units"), u->units[UNIT_SEARCHES]);
    buf_printf(out, "},\"tokens\":{\"input_tokens\":%lld,\"output_tokens\":%lld", input, output);
    if (u->units[UNIT_REASONING]) canon_put_i64(out, S("reasoning_tokens"), u->units[UNIT_REASONING]);
    buf_add_byte(out, '}');
    if (u->units[UNIT_CACHE_READ]) canon_put_i64(out, S("cached_tokens"), u->units[UNIT_CACHE_READ]);
    buf_add_byte(out, '}');
}

/* ---- answers */

bool cohere_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known[] = {STR_INIT("id"), STR_INIT("finish_reason"), STR_INIT("message"), STR_INIT("usage")};
    static const str known_message[] = {STR_INIT("role"), STR_INIT("content"), STR_INIT("tool_calls"),
                                        STR_INIT("tool_plan")};
    struct cohere_reader r = {doc, out->arena, NULL};
    json_ref message = openai_find(doc, JSON_ROOT, S("message"));
    if (!message || json_type(doc, message) != JSON_OBJECT) return false;
    struct canon_choice *choice = canon_add_choice(out, 0);
    json_ref content = openai_find(doc, message, S("content"));
    if (content) cohere_read_content(&r, content, &choice->parts, S("message.content"));
    cohere_read_calls(&r, message, &choice->parts);
    cohere_read_citations(&r, message, choice->parts);
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    choice->stop_raw = canon_text(doc, JSON_ROOT, S("finish_reason"), out->arena);
    choice->stop = cohere_stop(choice->stop_raw);
    choice->message_extras =
        canon_extras_of(doc, message, known_message, COUNT_OF(known_message), DIALECT_COHERE, out->arena);
    out->usage_value = canon_raw(doc, openai_find(doc, JSON_ROOT, S("usage")));
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_COHERE, out->arena);
    return true;
}

static bool is_plan(const struct canon_part *p)
{
    return p->kind == PART_REASONING && str_eq(p->id, S(COHERE_TOOL_PLAN));
}

/* Cohere's own are among the message's extras. */
static void write_citations(const struct canon_answer *answer, const struct canon_part *parts, struct buf *out)
{
    bool any = false;
    int64_t content = 0;
    if (answer->from == DIALECT_COHERE) return;
    for (const struct canon_part *p = parts; p; p = p->next) {
        struct canon_cursor at = {0};
        int64_t length = p->citations ? canon_length(p->text) : 0;
        for (const struct canon_citation *c = p->citations; c; c = c->next) {
            struct canon_citation placed = canon_placed(c, length, 0);
            if (!any) {
                canon_key(out, S("citations"));
                buf_add_byte(out, '[');
            }
            if (any) buf_add_byte(out, ',');
            any = true;
            str said = canon_span(&at, canon_inside(p->text), placed.start, placed.end);
            if (!placed.said.json.p)
                placed.said = (jraw){arena_printf(answer->arena, "\"%" STR_FMT "\"", STR_ARG(said))};
            cohere_write_citation(out, answer->arena, &placed, content);
        }
        bool thought = p->kind == PART_REASONING && p->text.json.p && !is_plan(p);
        content += thought || p->kind == PART_TEXT || p->kind == PART_REFUSAL;
    }
    if (any) buf_add_byte(out, ']');
}

static void write_content(const struct canon_answer *answer, const struct canon_part *parts, struct buf *out)
{
    size_t from = out->n;
    canon_key(out, S("content"));
    buf_add_byte(out, '[');
    size_t empty = out->n;
    for (const struct canon_part *p = parts; p; p = p->next) {
        bool thought = p->kind == PART_REASONING && p->text.json.p && !is_plan(p);
        if (p->kind == PART_OPAQUE && answer->from == DIALECT_COHERE) {
            canon_comma(out);
            buf_add(out, p->value.json);
        }
        if (!thought && p->kind != PART_TEXT && p->kind != PART_REFUSAL) continue;
        canon_comma(out);
        buf_add(out, thought ? S("{\"type\":\"thinking\",\"thinking\":") : S("{\"type\":\"text\",\"text\":"));
        buf_add(out, p->text.json.p ? p->text.json : S("\"\""));
        buf_add_byte(out, '}');
    }
    if (out->n == empty)
        out->n = from;
    else
        buf_add_byte(out, ']');
}

static void write_calls(const struct canon_part *parts, struct buf *out)
{
    bool any = false;
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (is_plan(p)) canon_put_raw(out, S("tool_plan"), p->text);
        any = any || p->kind == PART_TOOL_CALL;
    }
    if (!any) return;
    canon_key(out, S("tool_calls"));
    buf_add_byte(out, '[');
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL) continue;
        canon_comma(out);
        buf_add_byte(out, '{');
        canon_key(out, S("id"));
        buf_add_json(out, p->tool.id);
        buf_add(out, S(",\"type\":\"function\",\"function\":{"));
        canon_put_text(out, S("name"), p->tool.name);
        canon_key(out, S("arguments"));
        buf_add_json(out, p->tool.arguments.n ? p->tool.arguments : S("{}"));
        buf_add_byte(out, '}');
        canon_put_extras(out, &p->extras, DIALECT_COHERE);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

void cohere_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    const struct canon_choice *c = answer->choices;
    bool own = answer->from == DIALECT_COHERE;
    buf_add_byte(out, '{');
    canon_put_text(out, S("id"), answer->id.n ? answer->id : client->seed);
    canon_key(out, S("message"));
    buf_add(out, S("{\"role\":\"assistant\""));
    if (c) {
        write_content(answer, c->parts, out);
        write_calls(c->parts, out);
        write_citations(answer, c->parts, out);
        canon_put_extras(out, &c->message_extras, DIALECT_COHERE);
    }
    buf_add_byte(out, '}');
    canon_put_text(out, S("finish_reason"), own && c ? c->stop_raw : cohere_stop_name(c ? c->stop : STOP_END));
    canon_key(out, S("usage"));
    if (own && answer->usage_value.json.p)
        buf_add(out, answer->usage_value.json);
    else
        cohere_write_usage(out, &answer->usage);
    canon_put_extras(out, &answer->extras, DIALECT_COHERE);
    buf_add_byte(out, '}');
}

/* ---- errors */

void cohere_error(struct buf *out, enum err e, str message, str param, str code)
{
    (void)param;
    (void)code;
    buf_add_byte(out, '{');
    canon_put_text(out, S("message"), message.n ? message : err_info(e)->text);
    buf_add_byte(out, '}');
}

/* The client throws on an event that is an error; the end that it waits for says so, too. */
void cohere_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence)
{
    struct buf data;
    (void)sequence;
    buf_init(&data, 0);
    buf_add(&data, S("{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":"));
    buf_add_json(&data, message.n ? message : err_info(e)->text);
    buf_add(&data, S("}}"));
    sink->fail(sink, S("message-end"), buf_str(&data));
    buf_free(&data);
}

/* ---- the tap */

static void take_usage(struct answer *a, const struct json *doc, json_ref usage)
{
    struct usage read;
    if (!usage) return;
    usage_read_cohere(doc, usage, &read);
    if (!read.known) {
        a->usage.flags |= read.flags;
        return;
    }
    a->usage = read;
    answer_keep_usage(a, json_raw(doc, usage));
}

static void count(struct answer *a, int64_t bytes)
{
    a->output_events += bytes > 0;
    a->output_bytes += bytes;
}

static int64_t message_bytes(struct answer *a, const struct json *doc, json_ref message)
{
    json_ref content = openai_find(doc, message, S("content")), calls = openai_find(doc, message, S("tool_calls"));
    int64_t bytes = openai_string_bytes(doc, json_find(doc, message, S("tool_plan"), NULL));
    if (content) {
        bool list = json_type(doc, content) == JSON_ARRAY;
        for (json_ref at = list ? json_first(doc, content) : content; at; at = list ? json_next(doc, content, at) : 0)
            bytes += answer_take_text(a, doc, json_find(doc, at, S("text"), NULL)) +
                     openai_string_bytes(doc, json_find(doc, at, S("thinking"), NULL));
    }
    if (calls) {
        bool list = json_type(doc, calls) == JSON_ARRAY;
        for (json_ref at = list ? json_first(doc, calls) : calls; at; at = list ? json_next(doc, calls, at) : 0) {
            json_ref function = openai_find(doc, at, S("function"));
            if (!function) continue;
            bytes += answer_take_text(a, doc, json_find(doc, function, S("name"), NULL));
            bytes += answer_take_text(a, doc, json_find(doc, function, S("arguments"), NULL));
        }
    }
    return bytes;
}

static void finish(struct answer *a, const struct json *doc, json_ref reason)
{
    answer_keep(a, &a->finish, doc, reason);
    a->tool_used = a->tool_used || (reason && json_string_is(doc, reason, S("TOOL_CALL")));
    a->choices_seen = a->choices_finished = 1;
    a->finished = true;
}

void cohere_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc)
{
    (void)quirks;
    take_usage(a, doc, openai_find(doc, JSON_ROOT, S("usage")));
}

enum tap_verdict cohere_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event)
{
    str type = answer_event_type(doc, event);
    json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
    (void)kind;
    (void)quirks;
    if (!delta) return TAP_PASS;
    if (!str_eq(type, S("message-end"))) {
        json_ref message = openai_find(doc, delta, S("message"));
        if (message) count(a, message_bytes(a, doc, message));
        return TAP_PASS;
    }
    json_ref reason = openai_find(doc, delta, S("finish_reason"));
    take_usage(a, doc, openai_find(doc, delta, S("usage")));
    finish(a, doc, reason);
    bool failed = reason && (json_string_is(doc, reason, S("ERROR")) || json_string_is(doc, reason, S("TIMEOUT")));
    if (!failed) return TAP_PASS; /* [DONE] is the end */
    str error = canon_text(doc, delta, S("error"), a->arena);
    answer_fail(a, error.n ? arena_str(a->arena, str_head(error, 1024))
                           : S("the provider ended the answer with an error"));
    a->finished = false;
    return TAP_ERROR;
}

void cohere_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref message = openai_find(doc, JSON_ROOT, S("message"));
    (void)kind;
    cohere_tap_frame(a, quirks, doc);
    if (message) count(a, message_bytes(a, doc, message));
    finish(a, doc, openai_find(doc, JSON_ROOT, S("finish_reason")));
    a->ended = true;
}

/* Whole answers of Converse, both ways, their usage and their errors. */
#include "dialect/canon_cite.h"
#include "dialect/converse.h"

static const struct {
    str reason;
    enum canon_stop stop;
} reasons[] = {
    {STR_INIT("end_turn"), STOP_END},
    {STR_INIT("stop_sequence"), STOP_SEQUENCE},
    {STR_INIT("max_tokens"), STOP_LENGTH},
    {STR_INIT("model_context_window_exceeded"), STOP_CONTEXT},
    {STR_INIT("tool_use"), STOP_TOOL},
    {STR_INIT("content_filtered"), STOP_FILTER},
    {STR_INIT("guardrail_intervened"), STOP_FILTER},
    {STR_INIT("malformed_model_output"), STOP_ERROR},
    {STR_INIT("malformed_tool_use"), STOP_ERROR},
    /* said by others, and here in the nearest word */
    {STR_INIT("content_filtered"), STOP_REFUSAL},
    {STR_INIT("end_turn"), STOP_PAUSE},
};

enum canon_stop converse_stop(str reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (str_eq(reasons[i].reason, reason)) return reasons[i].stop;
    return reason.n ? STOP_END : STOP_NONE;
}

str converse_stop_name(enum canon_stop stop)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].stop == stop) return reasons[i].reason;
    return S("end_turn");
}

/* ---- usage */

static int64_t count_of(const struct json *doc, json_ref usage, str key, uint32_t *flags)
{
    return usage_count(doc, openai_find(doc, usage, key), flags);
}

static int64_t either(const struct json *doc, json_ref usage, str key, str other, uint32_t *flags)
{
    int64_t v = count_of(doc, usage, key, flags);
    if (v < 0) v = count_of(doc, usage, other, flags);
    return v < 0 ? 0 : v;
}

/* What was written for an hour, of all that was written. */
static int64_t written_for_an_hour(const struct json *doc, json_ref usage, uint32_t *flags)
{
    json_ref list = openai_find(doc, usage, S("cacheDetails"));
    int64_t sum = 0;
    for (json_ref at = list ? json_first(doc, list) : JSON_ABSENT; at; at = json_next(doc, list, at)) {
        json_ref ttl = json_find(doc, at, S("ttl"), NULL);
        int64_t tokens = count_of(doc, at, S("inputTokens"), flags);
        if (ttl && json_string_is(doc, ttl, S("1h")) && tokens > 0) sum += tokens;
    }
    return sum;
}

/* inputTokens leaves out what was read from and written to the cache, for most models; the
 * total tells where it does not (OpenAI's models on ConverseStream). */
void usage_read_converse(const struct json *doc, json_ref usage, struct usage *out)
{
    *out = (struct usage){0};
    if (json_type(doc, usage) != JSON_OBJECT) return;
    int64_t input = count_of(doc, usage, S("inputTokens"), &out->flags);
    int64_t output = count_of(doc, usage, S("outputTokens"), &out->flags);
    int64_t total = count_of(doc, usage, S("totalTokens"), &out->flags);
    int64_t read = either(doc, usage, S("cacheReadInputTokens"), S("cacheReadInputTokenCount"), &out->flags);
    int64_t write = either(doc, usage, S("cacheWriteInputTokens"), S("cacheWriteInputTokenCount"), &out->flags);
    if (input < 0 && output < 0) return;
    if (input < 0) input = 0;
    if (output < 0) output = 0;
    if (total >= 0 && total != input + output + read + write) {
        int64_t inside = input + output + read + write - total; /* counted in inputTokens as well */
        if (inside > 0 && (inside == read || inside == write || inside == read + write) && inside <= input)
            input -= inside;
        else
            out->flags |= USAGE_TOTAL_DIFFERS;
    }
    int64_t hour = written_for_an_hour(doc, usage, &out->flags);
    if (hour > write) {
        out->flags |= USAGE_CLAMPED;
        hour = write;
    }
    out->units[UNIT_INPUT] = input;
    out->units[UNIT_OUTPUT] = output;
    out->units[UNIT_CACHE_READ] = read;
    out->units[UNIT_CACHE_WRITE_1H] = hour;
    out->units[UNIT_CACHE_WRITE_5M] = write - hour;
    out->units[UNIT_REQUESTS] = 1;
    out->known = true;
}

void converse_write_usage(struct buf *out, const struct usage *u)
{
    int64_t write = u->units[UNIT_CACHE_WRITE_5M] + u->units[UNIT_CACHE_WRITE_1H];
    int64_t input = canon_prompt_tokens(u) - u->units[UNIT_CACHE_READ] - write;
    int64_t output = canon_completion_tokens(u);
    buf_add_byte(out, '{');
    canon_put_i64(out, S("inputTokens"), input);
    canon_put_i64(out, S("outputTokens"), output);
    canon_put_i64(out, S("totalTokens"), input + output + u->units[UNIT_CACHE_READ] + write);
    if (u->units[UNIT_CACHE_READ] || write) {
        canon_put_i64(out, S("cacheReadInputTokens"), u->units[UNIT_CACHE_READ]);
        canon_put_i64(out, S("cacheWriteInputTokens"), write);
    }
    buf_add_byte(out, '}');
}

/* ---- answers */

static const str known[] = {STR_INIT("output"), STR_INIT("stopReason"), STR_INIT("usage")};

bool converse_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known_message[] = {STR_INIT("role"), STR_INIT("content")};
    struct converse_reader r = {doc, out->arena, NULL};
    json_ref message = json_path(doc, JSON_ROOT, "output", "message", NULL);
    json_ref reason = openai_find(doc, JSON_ROOT, S("stopReason"));
    if (!message && !reason) return false;
    struct canon_choice *choice = canon_add_choice(out, 0);
    json_ref content = message ? openai_find(doc, message, S("content")) : JSON_ABSENT;
    if (content) converse_read_blocks(&r, content, &choice->parts, S("output"));
    choice->stop_raw = canon_text(doc, JSON_ROOT, S("stopReason"), out->arena);
    choice->stop = converse_stop(choice->stop_raw);
    if (message)
        choice->message_extras =
            canon_extras_of(doc, message, known_message, COUNT_OF(known_message), DIALECT_CONVERSE, out->arena);
    json_ref usage = openai_find(doc, JSON_ROOT, S("usage"));
    out->usage_value = canon_raw(doc, usage);
    json_ref tier = openai_find(doc, JSON_ROOT, S("serviceTier"));
    if (tier) out->service_tier = canon_text(doc, tier, S("type"), out->arena);
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_CONVERSE, out->arena);
    return true;
}

void converse_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    struct converse_writer w = {.out = out, .arena = answer->arena, .from = answer->from, .answer = true};
    const struct canon_choice *c = answer->choices;
    bool own = answer->from == DIALECT_CONVERSE;
    (void)client;
    buf_add(out, S("{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["));
    if (c) converse_write_parts(&w, own ? c->parts : canon_cut_cited(answer->arena, c->parts));
    buf_add_byte(out, ']');
    if (c) canon_put_extras(out, &c->message_extras, DIALECT_CONVERSE);
    buf_add(out, S("}}"));
    canon_put_text(out, S("stopReason"), own && c ? c->stop_raw : converse_stop_name(c ? c->stop : STOP_END));
    canon_key(out, S("usage"));
    if (own && answer->usage_value.json.p)
        buf_add(out, answer->usage_value.json);
    else
        converse_write_usage(out, &answer->usage);
    if (!own) buf_add(out, S(",\"metrics\":{\"latencyMs\":0}"));
    canon_put_extras(out, &answer->extras, DIALECT_CONVERSE);
    buf_add_byte(out, '}');
}

/* ---- errors: {"message"}; the type stands in a header, which clients also find in the body's __type */

static str exception_of(enum err e)
{
    switch (err_info(e)->status) {
    case 401:
    case 402:
    case 403:
        return S("AccessDeniedException");
    case 404:
        return S("ResourceNotFoundException");
    case 408:
    case 504:
        return S("ModelTimeoutException");
    case 429:
        return S("ThrottlingException");
    case 502:
        return S("ModelErrorException");
    case 503:
    case 529:
        return S("ServiceUnavailableException");
    default:
        return err_info(e)->status < 500 ? S("ValidationException") : S("InternalServerException");
    }
}

void converse_error(struct buf *out, enum err e, str message, str param, str code)
{
    (void)param;
    (void)code;
    buf_add_byte(out, '{');
    canon_put_text(out, S("__type"), exception_of(e));
    canon_put_text(out, S("message"), message.n ? message : err_info(e)->text);
    buf_add_byte(out, '}');
}

void converse_error_headers(struct buf *out, enum err e)
{
    buf_add(out, S("x-amzn-errortype: "));
    buf_add(out, exception_of(e));
    buf_add(out, S("\r\n"));
}

/* Of the exceptions that the stream's union knows. */
static str stream_exception_of(enum err e)
{
    int status = err_info(e)->status;
    if (status == 429) return S("throttlingException");
    if (status == 400) return S("validationException");
    return status == 503 ? S("serviceUnavailableException") : S("modelStreamErrorException");
}

void converse_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence)
{
    struct buf data;
    (void)sequence;
    buf_init(&data, 0);
    buf_add_byte(&data, '{');
    canon_put_text(&data, S("message"), message.n ? message : err_info(e)->text);
    buf_add_byte(&data, '}');
    sink->fail(sink, stream_exception_of(e), buf_str(&data));
    buf_free(&data);
}

/* ---- the tap */

static int64_t block_bytes(struct answer *a, const struct json *doc, json_ref block)
{
    json_ref use = openai_find(doc, block, S("toolUse")), input = use ? openai_find(doc, use, S("input")) : JSON_ABSENT;
    json_ref reasoning = openai_find(doc, block, S("reasoningContent"));
    json_ref inner = reasoning ? openai_find(doc, reasoning, S("reasoningText")) : JSON_ABSENT;
    int64_t bytes = answer_take_text(a, doc, json_find(doc, block, S("text"), NULL));
    if (input)
        bytes +=
            json_type(doc, input) == JSON_STRING ? answer_take_text(a, doc, input) : answer_take_value(a, doc, input);
    if (reasoning) bytes += openai_string_bytes(doc, json_find(doc, inner ? inner : reasoning, S("text"), NULL));
    return bytes;
}

static void take_usage(struct answer *a, const struct json *doc, json_ref usage)
{
    struct usage read;
    if (!usage) return;
    usage_read_converse(doc, usage, &read);
    if (!read.known) {
        a->usage.flags |= read.flags;
        return;
    }
    a->usage = read;
    answer_keep_usage(a, json_raw(doc, usage));
}

void converse_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc)
{
    (void)quirks;
    json_ref tier = openai_find_in(doc, JSON_ROOT, S("serviceTier"), S("type"));
    take_usage(a, doc, openai_find(doc, JSON_ROOT, S("usage")));
    answer_keep_tier(a, doc, tier);
}

static void finish(struct answer *a, const struct json *doc)
{
    json_ref reason = openai_find(doc, JSON_ROOT, S("stopReason"));
    answer_keep(a, &a->finish, doc, reason);
    a->tool_used = a->tool_used || (reason && json_string_is(doc, reason, S("tool_use")));
    a->choices_seen = a->choices_finished = 1;
    a->finished = true;
}

enum tap_verdict converse_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                    str event)
{
    (void)kind;
    if (str_eq(event, S("contentBlockDelta"))) {
        json_ref delta = openai_find(doc, JSON_ROOT, S("delta"));
        int64_t bytes = delta ? block_bytes(a, doc, delta) : 0;
        a->output_events += bytes > 0;
        a->output_bytes += bytes;
    } else if (str_eq(event, S("contentBlockStart"))) {
        a->tool_used = a->tool_used || openai_find_in(doc, JSON_ROOT, S("start"), S("toolUse"));
    } else if (str_eq(event, S("messageStop"))) {
        finish(a, doc);
    } else if (str_eq(event, S("metadata"))) { /* the last one */
        converse_tap_frame(a, quirks, doc);
        a->ended = true;
        return TAP_END;
    }
    return TAP_PASS;
}

void converse_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref content = json_path(doc, JSON_ROOT, "output", "message", "content", NULL);
    if (kind == CALL_COUNT_CONVERSE) { /* generates nothing, and has no usage */
        a->finished = a->ended = !a->failed;
        return;
    }
    converse_tap_frame(a, quirks, doc);
    for (json_ref at = content && json_type(doc, content) == JSON_ARRAY ? json_first(doc, content) : JSON_ABSENT; at;
         at = json_next(doc, content, at)) {
        int64_t bytes = block_bytes(a, doc, at);
        a->output_events += bytes > 0;
        a->output_bytes += bytes;
    }
    finish(a, doc);
    a->ended = true;
}

/* The tap on chat completions and OpenAI's smaller endpoints: usage objects, chunks
 * and whole bodies. Nothing is held back or changed here. */
#include "dialect/dialect.h"
#include "dialect/openai.h"

/* ---- usage */

/* Digits with a point and an exponent, in dollars times 10^shift, as pico-dollars;
 * what is finer is cut off. -1 for a negative or absurd amount. */
static picousd parse_cost(str s, int64_t shift)
{
    __int128 v = 0;
    int64_t exponent = 12 + shift;
    size_t i = 0;
    bool point = false, full = false;
    for (; i < s.n && (s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9')); i++) {
        if (s.p[i] == '.') {
            point = true;
            continue;
        }
        full = full || v > (__int128)PICOUSD_MAX * PICOUSD_PER_USD; /* further digits cannot matter */
        if (!full) v = v * 10 + (s.p[i] - '0');
        if (full) exponent++;
        exponent -= point;
    }
    if (i < s.n) {
        int64_t e;
        str rest = str_from_at(s, i + 1);
        if (str_starts(rest, S("+"))) rest = str_from_at(rest, 1);
        if ((s.p[i] | 0x20) != 'e' || !str_to_i64(rest, &e) || e > 1000 || e < -1000) return -1;
        exponent += e;
    }
    for (; exponent > 0 && v && v <= PICOUSD_MAX; exponent--) v *= 10;
    for (; exponent < 0 && v; exponent++) v /= 10;
    return v > PICOUSD_MAX ? -1 : (picousd)v;
}

/* OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's ticks of 10^-10
 * dollars: no call of xAI's is free, but Azure's Grok sends 0 ticks always. */
static void take_cost(struct answer *a, const struct json *doc, json_ref usage)
{
    json_ref cost = openai_find(doc, usage, S("cost")), ticks = openai_find(doc, usage, S("cost_in_usd_ticks"));
    if (cost && json_type(doc, cost) == JSON_OBJECT) cost = openai_find(doc, cost, S("total_cost"));
    if (cost && json_type(doc, cost) == JSON_NUMBER) {
        a->provider_cost = parse_cost(json_raw(doc, cost), 0);
    } else if (ticks && json_type(doc, ticks) == JSON_NUMBER) {
        picousd v = parse_cost(json_raw(doc, ticks), -10);
        a->provider_cost = v > 0 ? v : -1;
    }
}

void answer_take_usage(struct answer *a, uint32_t quirks, const struct json *doc, json_ref usage)
{
    if (!usage || json_type(doc, usage) != JSON_OBJECT) return;
    struct usage read;
    usage_read_openai(doc, usage, quirks, &read);
    if (!read.known) {
        a->usage.flags |= read.flags;
        return;
    }
    a->usage = read;
    answer_keep_usage(a, json_raw(doc, usage));
    take_cost(a, doc, usage);
    answer_keep_tier(a, doc, openai_find(doc, usage, S("service_tier"))); /* Mistral */
}

/* ---- chat and completions */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Text, or Mistral's list of parts, each of which may hold a list again. `a` NULL: thoughts. */
static int64_t content_bytes(struct answer *a, const struct json *doc, json_ref at)
{
    if (!at) return 0;
    if (json_type(doc, at) == JSON_STRING) return a ? answer_take_text(a, doc, at) : openai_string_bytes(doc, at);
    if (json_type(doc, at) != JSON_ARRAY) return 0;
    int64_t bytes = 0;
    for (json_ref part = json_first(doc, at); part; part = json_next(doc, at, part))
        bytes += content_bytes(a, doc, openai_find(doc, part, S("text"))) +
                 content_bytes(NULL, doc, openai_find(doc, part, S("thinking")));
    return bytes;
}

static int64_t text_under(struct answer *a, const struct json *doc, json_ref object, str key)
{
    json_ref at = object ? openai_find(doc, object, key) : JSON_ABSENT;
    return content_bytes(a, doc, at);
}

static int64_t function_bytes(struct answer *a, const struct json *doc, json_ref function)
{
    json_ref arguments = function ? openai_find(doc, function, S("arguments")) : JSON_ABSENT;
    int64_t bytes = text_under(a, doc, function, S("name"));
    if (!arguments) return bytes;
    bool text = json_type(doc, arguments) == JSON_STRING; /* some servers send an object */
    return bytes + (text ? answer_take_text(a, doc, arguments) : answer_take_value(a, doc, arguments));
}

static int64_t tool_call_bytes(struct answer *a, const struct json *doc, json_ref delta)
{
    int64_t bytes = 0;
    json_ref calls = openai_find(doc, delta, S("tool_calls"));
    for (json_ref call = calls ? json_first(doc, calls) : JSON_ABSENT; call; call = json_next(doc, calls, call)) {
        if (json_type(doc, call) != JSON_OBJECT) continue;
        json_ref custom = openai_find(doc, call, S("custom"));
        bytes += function_bytes(a, doc, openai_find(doc, call, S("function")));
        bytes += text_under(a, doc, custom, S("name"));
        bytes += text_under(a, doc, custom, S("input"));
        a->tool_used = true;
    }
    json_ref old = openai_find(doc, delta, S("function_call"));
    if (old && json_type(doc, old) == JSON_OBJECT) {
        bytes += function_bytes(a, doc, old);
        a->tool_used = true;
    }
    return bytes;
}

/* A delta or a message. Reasoning comes under either of two names, from some under both. */
static int64_t delta_bytes(struct answer *a, const struct json *doc, json_ref delta)
{
    if (!delta || json_type(doc, delta) != JSON_OBJECT) return 0;
    int64_t bytes =
        larger(text_under(NULL, doc, delta, S("reasoning")), text_under(NULL, doc, delta, S("reasoning_content")));
    bytes += text_under(a, doc, delta, S("content"));
    bytes += text_under(a, doc, delta, S("refusal"));
    bytes += text_under(a, doc, openai_find(doc, delta, S("audio")), S("transcript"));
    return bytes + tool_call_bytes(a, doc, delta);
}

static void mark(uint64_t bits[2], int64_t index, int64_t *count)
{
    uint64_t bit = UINT64_C(1) << (index & 63);
    uint64_t *word = &bits[index >> 6];
    if (!(*word & bit)) ++*count;
    *word |= bit;
}

static void take_finish(struct answer *a, const struct json *doc, json_ref choice, int64_t index)
{
    json_ref finish = openai_find(doc, choice, S("finish_reason"));
    /* an empty one is how some servers write null */
    if (!finish || json_type(doc, finish) != JSON_STRING || json_string_is(doc, finish, S(""))) return;
    answer_keep(a, &a->finish, doc, finish);
    mark(a->done, index, &a->choices_finished);
    if (json_string_is(doc, finish, S("error"))) answer_fail(a, S("the provider ended the answer with `error`"));
}

static void take_choice(struct answer *a, const struct json *doc, json_ref choice, int64_t place)
{
    int64_t index = place;
    json_ref at = openai_find(doc, choice, S("index")), delta = openai_find(doc, choice, S("delta"));
    if (at && !json_i64(doc, at, &index)) index = place;
    index = index < 0 ? 0 : index > 127 ? 127 : index;
    mark(a->seen, index, &a->choices_seen);
    int64_t bytes = delta ? delta_bytes(a, doc, delta) : delta_bytes(a, doc, openai_find(doc, choice, S("message")));
    bytes += text_under(a, doc, choice, S("text"));
    a->output_events += bytes > 0;
    a->output_bytes += bytes;
    str message;
    if (openai_error_find(doc, choice, true, a->arena, &message)) answer_fail_told(a, doc, choice, message);
    take_finish(a, doc, choice, index);
}

void answer_take_choices(struct answer *a, const struct json *doc, json_ref choices)
{
    int64_t place = 0;
    if (!choices || json_type(doc, choices) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, choices); at; at = json_next(doc, choices, at), place++)
        if (json_type(doc, at) == JSON_OBJECT) take_choice(a, doc, at, place);
    bool all = a->choices_seen > 0 && a->choices_finished >= a->choices_seen;
    a->finished = all && a->choices_seen >= a->choices_expected && !a->failed;
}

/* What every chunk and body has beside its output. */
void openai_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc)
{
    answer_keep(a, &a->model, doc, openai_find(doc, JSON_ROOT, S("model")));
    answer_keep_tier(a, doc, openai_find(doc, JSON_ROOT, S("service_tier")));
    json_ref usage = openai_find(doc, JSON_ROOT, S("usage"));
    if (!usage) usage = openai_find_in(doc, JSON_ROOT, S("x_groq"), S("usage"));
    answer_take_usage(a, quirks, doc, usage);
}

/* Nothing but usage and what any chunk carries: plain values, and measurements. */
static bool usage_only(const struct json *doc)
{
    static const str known[] = {STR_INIT("choices"), STR_INIT("usage"),     STR_INIT("x_groq"),
                                STR_INIT("timings"), STR_INIT("time_info"), STR_INIT("latency_checkpoint")};
    for (json_ref key = json_first(doc, JSON_ROOT); key; key = json_next(doc, JSON_ROOT, key + 1)) {
        bool fits = !json_first(doc, key + 1); /* no object or array that holds something */
        for (size_t i = 0; i < COUNT_OF(known) && !fits; i++) fits = json_string_is(doc, key, known[i]);
        if (!fits) return false;
    }
    return true;
}

static enum tap_verdict feed_chunk(struct answer *a, uint32_t quirks, const struct json *doc)
{
    openai_tap_frame(a, quirks, doc);
    json_ref choices = openai_find(doc, JSON_ROOT, S("choices")), usage = openai_find(doc, JSON_ROOT, S("usage"));
    bool before = a->failed;
    a->failed = false;
    answer_take_choices(a, doc, choices);
    bool failed = a->failed;
    a->failed = failed || before;
    if (a->failed) a->finished = false;
    if (failed) return TAP_ERROR;
    bool empty = choices && json_type(doc, choices) == JSON_ARRAY && !json_first(doc, choices);
    if (!empty || !usage || json_type(doc, usage) != JSON_OBJECT) return TAP_PASS;
    return usage_only(doc) ? TAP_USAGE_ONLY : TAP_PASS;
}

enum tap_verdict openai_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event)
{
    return kind == CALL_RESPONSES ? answer_take_event(a, quirks, doc, answer_event_type(doc, event))
                                  : feed_chunk(a, quirks, doc);
}

void openai_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref output = openai_find(doc, JSON_ROOT, S("output"));
    openai_tap_frame(a, quirks, doc);
    if (kind == CALL_RESPONSES) {
        bool has_status = openai_find(doc, JSON_ROOT, S("status")) != JSON_ABSENT;
        answer_take_items(a, doc, output);
        answer_take_response(a, quirks, doc, JSON_ROOT);
        if (!has_status) a->finished = a->ended = output != JSON_ABSENT;
        return;
    }
    answer_take_choices(a, doc, openai_find(doc, JSON_ROOT, S("choices")));
    /* a body that is whole is an answer that is */
    a->finished = a->ended = !a->failed;
}

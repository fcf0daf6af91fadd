#include "flow/mishap.h"

#include "base/time.h"
#include "flow/service.h"

#include <stdio.h>

/* Sentences and codes by which providers say that a prompt is too long for the model.
 * Source: error bodies of OpenAI, Azure, Anthropic, Gemini, Bedrock, Cohere, Mistral, Groq, vLLM, llama.cpp. */
static const str too_long[] = {
    STR_INIT("context_length_exceeded"), STR_INIT("maximum context length"),
    STR_INIT("context window"),          STR_INIT("context length"),
    STR_INIT("prompt is too long"),      STR_INIT("input is too long"),
    STR_INIT("Input is too long"),       STR_INIT("exceeds the maximum number of tokens"),
    STR_INIT("exceed context limit"),    STR_INIT("TOO_MANY_TOKENS"),
    STR_INIT("too many tokens"),         STR_INIT("exceed_context_size_error"),
    STR_INIT("string_above_max_length"),
};

static const str against_policy[] = {
    STR_INIT("content_filter"),
    STR_INIT("content_policy_violation"),
    STR_INIT("ResponsibleAIPolicyViolation"),
    STR_INIT("content management policy"),
    STR_INIT("safety system"),
    STR_INIT("PROHIBITED_CONTENT"),
};

/* Money is out: waiting does not bring it back. */
static const str no_quota[] = {
    STR_INIT("insufficient_quota"),
    STR_INIT("billing_hard_limit_reached"),
    STR_INIT("billing_error"),
};

static bool says(const struct attempt *a, const str *words, size_t count)
{
    enum { LOOKED_AT = 16 * 1024 };
    str body = str_head(buf_str(&a->body.kept), LOOKED_AT), told = a->body.answer.provider_error;
    for (size_t i = 0; i < count; i++)
        if (str_find(body, words[i], 0) != SIZE_MAX || str_find(told, words[i], 0) != SIZE_MAX) return true;
    return false;
}

/* Google and xAI answer a bad key with 400. */
static const str bad_key[] = {
    STR_INIT("API_KEY_INVALID"),
    STR_INIT("API key not valid"),
    STR_INIT("Incorrect API key provided"),
};

int mishap_status(const struct attempt *a)
{
    bool within = a->err == ERR_PROVIDER_ERROR || a->err == ERR_PROVIDER_STREAM_ERROR;
    return within && a->head.status < 300 ? a->body.answer.error_status : a->head.status;
}

bool mishap_is_quota(const struct attempt *a)
{
    int status = mishap_status(a);
    return status == 402 || (status == 429 && says(a, no_quota, COUNT_OF(no_quota)));
}

bool mishap_is_bad_key(const struct attempt *a)
{
    return mishap_status(a) == 400 && says(a, bad_key, COUNT_OF(bad_key));
}

bool mishap_is_refusal(const struct attempt *a)
{
    int status = mishap_status(a);
    return status == 401 || status == 403 || status == 407 || mishap_is_bad_key(a);
}

/* What it says itself counts before what its status means: 1 to be tried again, 0 not to, -1: nothing. */
static int asks_for_retry(const struct attempt *a)
{
    str value = a->head.status ? http_head_find(&a->wire.call.head, S("x-should-retry")) : STR_NONE;
    return str_eq_nocase(value, S("true")) ? 1 : str_eq_nocase(value, S("false")) ? 0 : -1;
}

static enum mishap of_status(const struct attempt *a)
{
    int status = mishap_status(a);
    if (way_is_service(a->way)) /* that it cannot answer is what its ladder is for */
        return status == 408 || status == 504 ? MISHAP_TIMEOUT : status == 429 ? MISHAP_RATE_LIMIT : MISHAP_ERROR;
    if (says(a, too_long, COUNT_OF(too_long)) && status < 500) return MISHAP_CONTEXT_WINDOW;
    if (says(a, against_policy, COUNT_OF(against_policy)) && status < 500) return MISHAP_CONTENT_POLICY;
    if (status == 400 && mishap_is_refusal(a)) return MISHAP_ERROR;
    switch (status) {
    case 408:
    case 504:
    case 524:
        return MISHAP_TIMEOUT;
    case 429:
        return says(a, no_quota, COUNT_OF(no_quota)) ? MISHAP_ERROR : MISHAP_RATE_LIMIT;
    case 401: /* purser's own credentials, its account, or a model that this provider does not have */
    case 402:
    case 403:
    case 404:
    case 407:
    case 409:
        return MISHAP_ERROR;
    default: /* a redirection, which is not followed, is no word on the call either */
        if (asks_for_retry(a) == 1) return MISHAP_ERROR;
        return status < 400 || status >= 500 ? MISHAP_ERROR : MISHAP_COUNT;
    }
}

bool mishap_may_pass(const struct attempt *a)
{
    int asked = asks_for_retry(a);
    if (asked >= 0) return asked;
    return a->head.status != 404 && !mishap_is_refusal(a) && !mishap_is_quota(a);
}

bool mishap_is_empty(const struct attempt *a)
{
    const struct answer *answer = &a->body.answer;
    bool generates = call_kind_generates(a->way->kind) || a->way->kind == CALL_COMPLETIONS;
    bool spoke = answer->output_events || answer->output_bytes || answer->tool_used;
    bool refused = answer->finish.n && !str_eq(answer->finish, S("stop")) && !str_eq(answer->finish, S("completed")) &&
                   !str_eq(answer->finish, S("end_turn")) && !str_eq(answer->finish, S("STOP")) &&
                   !str_eq(answer->finish, S("COMPLETE"));
    const int64_t *units = answer->usage.units;
    bool paid = answer->usage.known && (units[UNIT_OUTPUT] || units[UNIT_REASONING] || units[UNIT_AUDIO_OUT]);
    return generates && a->body.complete && !a->err && !spoke && !refused && !paid;
}

enum mishap mishap_of(const struct attempt *a)
{
    if (mishap_is_empty(a)) return MISHAP_ERROR;
    switch (a->err) {
    case ERR_PROVIDER_TIMEOUT:
        return MISHAP_TIMEOUT;
    case ERR_PROVIDER_ERROR:
    case ERR_PROVIDER_STREAM_ERROR:
        return of_status(a);
    case ERR_PROVIDER_CONNECT:
    case ERR_PROVIDER_TLS:
    case ERR_PROVIDER_PROTOCOL:
    case ERR_PROVIDER_CUT:
    case ERR_STALE:
    case ERR_NO_CREDENTIAL:
    case ERR_TARGET_OPEN:
    case ERR_TARGET_BUSY:
        return MISHAP_ERROR;
    default:
        return MISHAP_COUNT;
    }
}

/* Who asks for longer than a day is not believed.
 * RFC 9110: seconds, or a date. The providers' own SDKs read "0.5", too. */
static int64_t seconds_or_date(str value, int64_t now_us)
{
    char text[32];
    int64_t at_us, us;
    int n = snprintf(text, sizeof(text), "%.*ss", (int)(value.n < sizeof(text) ? value.n : sizeof(text)), value.p);
    bool number = n < (int)sizeof(text) && strchr("0123456789", value.p[value.n - 1]);
    if (number && time_parse_duration(str_of(text, (size_t)n), &us)) return us > US_PER_DAY ? 0 : us;
    return time_parse_http(value, &at_us) && at_us > now_us ? at_us - now_us : 0;
}

/* Gemini: {"@type":"...RetryInfo","retryDelay":"12.5s"} among the error's details. */
static int64_t retry_info_us(const struct attempt *a)
{
    str body = buf_str(&a->body.kept), key = S("\"retryDelay\"");
    size_t at = str_find(body, key, 0);
    if (at == SIZE_MAX) return 0;
    size_t open = str_find_byte(body, '"', at + key.n),
           close = open == SIZE_MAX ? open : str_find_byte(body, '"', open + 1);
    int64_t us;
    if (close == SIZE_MAX || !time_parse_duration(str_of(body.p + open + 1, close - open - 1), &us)) return 0;
    return us > US_PER_DAY ? 0 : us;
}

int64_t mishap_retry_after_us(const struct attempt *a, int64_t now_us)
{
    const struct http_head *head = &a->wire.call.head;
    int64_t ms;
    bool error = a->head.status >= 300 || a->err == ERR_PROVIDER_ERROR || a->err == ERR_PROVIDER_STREAM_ERROR;
    if (!a->head.status || !error) return 0; /* what an answer says is nobody's wish */
    str value = http_head_find(head, S("retry-after-ms"));
    if (value.n && str_to_i64(value, &ms) && ms >= 0 && ms < 86400000) return ms * US_PER_MS;
    value = http_head_find(head, S("retry-after"));
    return value.n ? seconds_or_date(value, now_us) : retry_info_us(a);
}

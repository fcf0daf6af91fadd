#include "simulate/sim_error.h"

#include "base/json.h"

#include <inttypes.h>

static const struct {
    int status;
    str anthropic, google, aws;
} words[] = {
    {400, STR_INIT("invalid_request_error"), STR_INIT("INVALID_ARGUMENT"), STR_INIT("ValidationException")},
    {401, STR_INIT("authentication_error"), STR_INIT("UNAUTHENTICATED"), STR_INIT("UnrecognizedClientException")},
    {404, STR_INIT("not_found_error"), STR_INIT("NOT_FOUND"), STR_INIT("ResourceNotFoundException")},
    {429, STR_INIT("rate_limit_error"), STR_INIT("RESOURCE_EXHAUSTED"), STR_INIT("ThrottlingException")},
    {500, STR_INIT("api_error"), STR_INIT("INTERNAL"), STR_INIT("InternalServerException")},
    {503, STR_INIT("overloaded_error"), STR_INIT("UNAVAILABLE"), STR_INIT("ServiceUnavailableException")},
};

static size_t place_of(const struct sim_problem *p)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (words[i].status == p->status) return i;
    }
    return 4; /* what is not known is an internal error */
}

int sim_problem_status(enum sim_kind kind, const struct sim_problem *p)
{
    kind = sim_kind_family(kind);
    if (kind == SIM_MESSAGES && p->status == 503) return 529;
    if (kind == SIM_GEMINI && p->status == 401) return 400;
    if (kind == SIM_CONVERSE && p->status == 401) return 403;
    return p->status ? p->status : 500;
}

static void print_openai(const struct sim_problem *p, struct buf *out)
{
    buf_add(out, S("{\"error\":{\"message\":"));
    buf_add_json(out, p->message);
    buf_add(out, S(",\"type\":"));
    buf_add_json(out, p->type);
    buf_add(out, S(",\"param\":"));
    p->param.n ? buf_add_json(out, p->param) : buf_add(out, S("null"));
    buf_add(out, S(",\"code\":"));
    p->code.n ? buf_add_json(out, p->code) : buf_add(out, S("null"));
    buf_add(out, S("}}"));
}

/* A bad key is an invalid argument with a reason; a limit says when to come again. */
static void print_google(const struct sim_problem *p, struct buf *out)
{
    bool key = p->status == 401;
    buf_printf(out, "{\n  \"error\": {\n    \"code\": %d,\n    \"message\": ", sim_problem_status(SIM_GEMINI, p));
    buf_add_json(out, p->message);
    buf_printf(out, ",\n    \"status\": \"%.*s\"", STR_ARG(words[key ? 0 : place_of(p)].google));
    if (key)
        buf_add(out, S(",\n    \"details\": [{\"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\", \"reason\": "
                       "\"API_KEY_INVALID\", \"domain\": \"googleapis.com\"}]"));
    if (p->status == 429)
        buf_add(out,
                S(",\n    \"details\": [{\"@type\": \"type.googleapis.com/google.rpc.QuotaFailure\", \"violations\": "
                  "[{\"quotaMetric\": \"generativelanguage.googleapis.com/generate_content_requests\"}]}, {\"@type\": "
                  "\"type.googleapis.com/google.rpc.RetryInfo\", \"retryDelay\": \"1s\"}]"));
    buf_add(out, S("\n  }\n}\n"));
}

void sim_problem_print(enum sim_kind kind, const struct sim_problem *p, uint64_t request_id, struct buf *out)
{
    switch (sim_kind_family(kind)) {
    case SIM_MESSAGES:
        buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%.*s\",\"message\":",
                   STR_ARG(words[place_of(p)].anthropic));
        buf_add_json(out, p->message);
        buf_printf(out, "},\"request_id\":\"sim-%" PRIu64 "\"}", request_id);
        return;
    case SIM_GEMINI:
        print_google(p, out);
        return;
    case SIM_CONVERSE:
        buf_add(out, S("{\"message\":"));
        buf_add_json(out, p->message);
        buf_add(out, S("}"));
        return;
    case SIM_COHERE:
        buf_printf(out, "{\"id\":\"sim-%" PRIu64 "\",\"message\":", request_id);
        buf_add_json(out, p->message);
        buf_add(out, S("}"));
        return;
    default:
        print_openai(p, out);
    }
}

str sim_problem_headers(enum sim_kind kind, const struct sim_problem *p, struct arena *arena)
{
    kind = sim_kind_family(kind);
    if (kind == SIM_CONVERSE)
        return arena_printf(arena, "x-amzn-errortype: %.*s:http://internal.amazon.com/coral/com.amazon.bedrock/\r\n",
                            STR_ARG(words[place_of(p)].aws));
    if (p->status != 429) return S("");
    if (kind == SIM_MESSAGES)
        return S("retry-after: 1\r\nanthropic-ratelimit-requests-limit: 500\r\n"
                 "anthropic-ratelimit-requests-remaining: 0\r\n"
                 "anthropic-ratelimit-requests-reset: 2026-11-21T10:15:31Z\r\n"
                 "anthropic-ratelimit-tokens-limit: 200000\r\nanthropic-ratelimit-tokens-remaining: 199000\r\n"
                 "anthropic-ratelimit-tokens-reset: 2026-11-21T10:15:31Z\r\nx-should-retry: true\r\n");
    if (kind == SIM_GEMINI || kind == SIM_COHERE) return S("");
    return S("retry-after: 1\r\nretry-after-ms: 1000\r\nx-ratelimit-limit-requests: 500\r\n"
             "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1s\r\n"
             "x-ratelimit-limit-tokens: 200000\r\nx-ratelimit-remaining-tokens: 199000\r\n"
             "x-ratelimit-reset-tokens: 300ms\r\n");
}

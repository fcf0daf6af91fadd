/* Which HTTP status an error stands for that came under 200: most say it, as a number or by a name. */
#include "dialect/tap.h"

/* Source: the error tables of OpenAI, Anthropic, Google, Bedrock (its stream's exceptions) and vLLM. */
static const struct {
    str name;
    int status;
} names[] = {
    {STR_INIT("rate_limit_exceeded"), 429},
    {STR_INIT("rate_limit_error"), 429},
    {STR_INIT("RESOURCE_EXHAUSTED"), 429},
    {STR_INIT("throttlingException"), 429},
    {STR_INIT("insufficient_quota"), 429},
    {STR_INIT("billing_error"), 402},
    {STR_INIT("overloaded_error"), 529},
    {STR_INIT("UNAVAILABLE"), 503},
    {STR_INIT("serviceUnavailableException"), 503},
    {STR_INIT("timeout_error"), 504},
    {STR_INIT("DEADLINE_EXCEEDED"), 504},
    {STR_INIT("request_too_large"), 413},
    {STR_INIT("not_found_error"), 404},
    {STR_INIT("NOT_FOUND"), 404},
    {STR_INIT("context_length_exceeded"), 400},
    {STR_INIT("invalid_request_error"), 400},
    {STR_INIT("BadRequestError"), 400},
    {STR_INIT("INVALID_ARGUMENT"), 400},
    {STR_INIT("validationException"), 400},
};

int answer_status_of_name(str name)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(name, names[i].name)) return names[i].status;
    return 0;
}

/* A number, or the same in quotes. */
static int number_at(const struct json *doc, json_ref at)
{
    int64_t n = 0;
    if (json_type(doc, at) == JSON_STRING && !doc->nodes[at].escaped) {
        str raw = json_raw(doc, at);
        if (!str_to_i64(str_of(raw.p + 1, raw.n - 2), &n)) return 0;
    } else if (!json_i64(doc, at, &n)) {
        return 0;
    }
    return n >= 400 && n <= 599 ? (int)n : 0;
}

static int name_at(const struct json *doc, json_ref at)
{
    if (json_type(doc, at) != JSON_STRING || doc->nodes[at].escaped) return 0;
    str raw = json_raw(doc, at);
    return answer_status_of_name(str_of(raw.p + 1, raw.n - 2));
}

int answer_error_status(const struct json *doc, json_ref root)
{
    static const str keys[] = {STR_INIT("status_code"), STR_INIT("statusCode"), STR_INIT("code"), STR_INIT("status"),
                               STR_INIT("type")};
    json_ref error = openai_find(doc, root, S("error")), groq = openai_find_in(doc, root, S("x_groq"), S("error"));
    if (!error && groq) error = groq;
    if (!error || json_type(doc, error) != JSON_OBJECT) error = root;
    int found = 0;
    for (size_t i = 0; i < COUNT_OF(keys) && !found; i++) {
        json_ref at = openai_find(doc, error, keys[i]);
        if (at) found = number_at(doc, at);
    }
    for (size_t i = 0; i < COUNT_OF(keys) && !found; i++) {
        json_ref at = openai_find(doc, error, keys[i]);
        if (at) found = name_at(doc, at);
    }
    return found;
}

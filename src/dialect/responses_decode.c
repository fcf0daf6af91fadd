/* Reading a call: what stands at the root is read where it has a meaning for others, and
 * kept as it stands for the same dialect. */
#include "dialect/responses.h"

enum { UNKNOWN_MAX = 32 }; /* fields named; more are still kept */

struct root {
    const struct json *doc;
    struct canon_call *call;
    struct call_problem *problem;
};

static bool refuse(struct root *r, str param, const char *must)
{
    *r->problem = (struct call_problem){ERR_BAD_FIELD,
                                        arena_printf(r->call->arena, "`%" STR_FMT "` %s", STR_ARG(param), must), param};
    return false;
}

static bool is_type(const struct root *r, json_ref at, enum json_type type)
{
    return json_type(r->doc, at) == type;
}

static void note(struct root *r, enum canon_feature feature, str field)
{
    canon_note(r->call, feature, field);
}

static bool read_reasoning(struct root *r, json_ref at)
{
    static const str efforts[] = {STR_INIT("none"), STR_INIT("minimal"), STR_INIT("low"), STR_INIT("medium"),
                                  STR_INIT("high"), STR_INIT("xhigh"),   STR_INIT("max")};
    struct canon_reasoning *to = &r->call->reasoning;
    if (!is_type(r, at, JSON_OBJECT)) return refuse(r, S("reasoning"), "must be an object.");
    json_ref effort = openai_find(r->doc, at, S("effort"));
    for (size_t i = 0; i < COUNT_OF(efforts) && effort; i++)
        if (json_string_is(r->doc, effort, efforts[i])) to->effort = efforts[i];
    if (effort && !to->effort.n)
        return refuse(r, S("reasoning.effort"), "must be none, minimal, low, medium, high, xhigh or max.");
    if (effort) note(r, FEATURE_REASONING, S("reasoning.effort"));
    to->summary = canon_text(r->doc, at, S("summary"), r->call->arena);
    if (!to->summary.n) to->summary = canon_text(r->doc, at, S("generate_summary"), r->call->arena);
    to->show = to->summary.n > 0;
    if (to->show) note(r, FEATURE_REASONING_SUMMARY, S("reasoning.summary"));
    return true;
}

static bool read_text(struct root *r, json_ref at)
{
    struct canon_output *to = &r->call->output;
    if (!is_type(r, at, JSON_OBJECT)) return refuse(r, S("text"), "must be an object.");
    to->verbosity = canon_text(r->doc, at, S("verbosity"), r->call->arena);
    if (to->verbosity.n) note(r, FEATURE_VERBOSITY, S("text.verbosity"));
    json_ref format = openai_find(r->doc, at, S("format"));
    if (!format) return true;
    if (!is_type(r, format, JSON_OBJECT)) return refuse(r, S("text.format"), "must be an object.");
    json_ref type = openai_find(r->doc, format, S("type"));
    if (json_string_is(r->doc, type, S("json_object"))) {
        to->format = FORMAT_JSON;
        note(r, FEATURE_JSON_OBJECT, S("text.format"));
    } else if (json_string_is(r->doc, type, S("json_schema"))) {
        to->format = FORMAT_SCHEMA;
        to->name = canon_text(r->doc, format, S("name"), r->call->arena);
        to->description = canon_raw_string(r->doc, format, S("description"));
        to->schema = canon_raw(r->doc, json_find(r->doc, format, S("schema"), NULL));
        to->strict = canon_tristate(r->doc, format, S("strict"));
        note(r, FEATURE_JSON_SCHEMA, S("text.format"));
    } else if (!json_string_is(r->doc, type, S("text"))) {
        note(r, FEATURE_UNKNOWN, S("text.format"));
    }
    return true;
}

static bool read_include(struct root *r, json_ref at)
{
    if (!is_type(r, at, JSON_ARRAY)) return refuse(r, S("include"), "must be an array of strings.");
    for (json_ref what = json_first(r->doc, at); what; what = json_next(r->doc, at, what)) {
        if (json_string_is(r->doc, what, S("reasoning.encrypted_content"))) {
            r->call->reasoning.encrypted = true;
            note(r, FEATURE_REASONING_ENCRYPTED, S("include"));
        } else if (json_string_is(r->doc, what, S("message.output_text.logprobs"))) {
            r->call->sampling.logprobs = 1;
            note(r, FEATURE_LOGPROBS, S("include"));
        } else {
            note(r, FEATURE_CLIENT_HINT, S("include"));
        }
    }
    return true;
}

static bool read_top_logprobs(struct root *r, json_ref at)
{
    struct canon_sampling *s = &r->call->sampling;
    if (!json_i64(r->doc, at, &s->top_logprobs) || s->top_logprobs < 0)
        return refuse(r, S("top_logprobs"), "must be a whole number.");
    if (s->top_logprobs == 0) return true;
    s->logprobs = 1;
    note(r, FEATURE_LOGPROBS, S("top_logprobs"));
    return true;
}

static bool read_limit(struct root *r, json_ref at)
{
    if (json_i64(r->doc, at, &r->call->max_output) && r->call->max_output >= 0) return true;
    return refuse(r, S("max_output_tokens"), "must be a whole number.");
}

static bool read_tools(struct root *r, json_ref at)
{
    if (!is_type(r, at, JSON_ARRAY)) return refuse(r, S("tools"), "must be an array of tools.");
    responses_read_tools(r->call, r->doc, at);
    return true;
}

static bool read_tool_choice(struct root *r, json_ref at)
{
    return responses_read_tool_choice(r->call, r->doc, at, r->problem);
}

static bool read_parallel(struct root *r, json_ref at)
{
    enum json_type type = json_type(r->doc, at);
    if (type != JSON_TRUE && type != JSON_FALSE) return refuse(r, S("parallel_tool_calls"), "must be true or false.");
    r->call->choice.parallel = type == JSON_TRUE;
    if (type == JSON_FALSE) note(r, FEATURE_TOOL_PARALLEL_OFF, S("parallel_tool_calls"));
    return true;
}

static bool read_metadata(struct root *r, json_ref at)
{
    if (!is_type(r, at, JSON_OBJECT)) return refuse(r, S("metadata"), "must be an object.");
    if (!json_first(r->doc, at)) return true;
    r->call->metadata = canon_raw(r->doc, at);
    note(r, FEATURE_METADATA, S("metadata"));
    return true;
}

static bool read_stream(struct root *r, json_ref at)
{
    enum json_type type = json_type(r->doc, at);
    if (type != JSON_TRUE && type != JSON_FALSE) return refuse(r, S("stream"), "must be true or false.");
    r->call->stream = type == JSON_TRUE;
    return true;
}

static bool read_truncation(struct root *r, json_ref at)
{
    if (!json_string_is(r->doc, at, S("disabled"))) note(r, FEATURE_TRUNCATION, S("truncation"));
    return true;
}

static bool read_user(struct root *r, json_ref at)
{
    if (!json_string(r->doc, at, r->call->arena, &r->call->user)) return refuse(r, S("user"), "must be a string.");
    if (r->call->user.n) note(r, FEATURE_USER, S("user"));
    return true;
}

static bool read_safety_identifier(struct root *r, json_ref at)
{
    str id;
    if (!json_string(r->doc, at, r->call->arena, &id)) return refuse(r, S("safety_identifier"), "must be a string.");
    if (!r->call->user.n) r->call->user = id;
    if (id.n) note(r, FEATURE_USER, S("safety_identifier"));
    return true;
}

static bool read_cache_key(struct root *r, json_ref at)
{
    if (!json_string(r->doc, at, r->call->arena, &r->call->cache_key))
        return refuse(r, S("prompt_cache_key"), "must be a string.");
    note(r, FEATURE_CACHE_KEY, S("prompt_cache_key"));
    return true;
}

static bool read_service_tier(struct root *r, json_ref at)
{
    if (!json_string(r->doc, at, r->call->arena, &r->call->service_tier))
        return refuse(r, S("service_tier"), "must be a string.");
    if (!str_eq(r->call->service_tier, S("auto"))) note(r, FEATURE_SERVICE_TIER, S("service_tier"));
    return true;
}

static bool read_store(struct root *r, json_ref at)
{
    if (json_is_true(r->doc, at)) note(r, FEATURE_STORE, S("store"));
    return true;
}

static bool read_background(struct root *r, json_ref at)
{
    if (json_is_true(r->doc, at)) note(r, FEATURE_BACKGROUND_CALL, S("background"));
    return true;
}

/* The root's members, in the order in which they are read; those without a function are noted as their feature. */
static const struct field {
    str key;
    bool (*read)(struct root *r, json_ref at);
    enum canon_feature feature;
} fields[] = {
    {STR_INIT("tools"), read_tools, 0},
    {STR_INIT("tool_choice"), read_tool_choice, 0},
    {STR_INIT("parallel_tool_calls"), read_parallel, 0},
    {STR_INIT("reasoning"), read_reasoning, 0},
    {STR_INIT("text"), read_text, 0},
    {STR_INIT("include"), read_include, 0},
    {STR_INIT("top_logprobs"), read_top_logprobs, 0},
    {STR_INIT("max_output_tokens"), read_limit, 0},
    {STR_INIT("metadata"), read_metadata, 0},
    {STR_INIT("stream"), read_stream, 0},
    {STR_INIT("truncation"), read_truncation, 0},
    {STR_INIT("user"), read_user, 0},
    {STR_INIT("safety_identifier"), read_safety_identifier, 0},
    {STR_INIT("prompt_cache_key"), read_cache_key, 0},
    {STR_INIT("service_tier"), read_service_tier, 0},
    {STR_INIT("store"), read_store, 0},
    {STR_INIT("background"), read_background, 0},
    {STR_INIT("temperature"), NULL, FEATURE_TEMPERATURE},
    {STR_INIT("top_p"), NULL, FEATURE_TOP_P},
    {STR_INIT("frequency_penalty"), NULL, FEATURE_FREQUENCY_PENALTY},
    {STR_INIT("presence_penalty"), NULL, FEATURE_PRESENCE_PENALTY},
    {STR_INIT("previous_response_id"), NULL, FEATURE_STORED_CONTEXT},
    {STR_INIT("conversation"), NULL, FEATURE_STORED_CONTEXT},
    {STR_INIT("prompt"), NULL, FEATURE_STORED_CONTEXT},
    {STR_INIT("moderation"), NULL, FEATURE_SAFETY},
    {STR_INIT("max_tool_calls"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("stream_options"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("context_management"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("prompt_cache_options"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("prompt_cache_retention"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("client_metadata"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("provider"), NULL, FEATURE_CLIENT_HINT}, /* OpenRouter: where to go; purser's routes do that */
    {STR_INIT("models"), NULL, FEATURE_CLIENT_HINT},
    {STR_INIT("route"), NULL, FEATURE_CLIENT_HINT},
};

static bool read_sampling(struct root *r)
{
    struct canon_sampling *s = &r->call->sampling;
    const struct {
        str key;
        str *to;
    } numbers[] = {{S("temperature"), &s->temperature},
                   {S("top_p"), &s->top_p},
                   {S("frequency_penalty"), &s->frequency_penalty},
                   {S("presence_penalty"), &s->presence_penalty}};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (!openai_find(r->doc, JSON_ROOT, numbers[i].key)) continue;
        *numbers[i].to = canon_number(r->doc, JSON_ROOT, numbers[i].key);
        if (!numbers[i].to->n) return refuse(r, numbers[i].key, "must be a number.");
    }
    return true;
}

static bool is_known(const struct json *doc, json_ref key)
{
    if (json_string_is(doc, key, S("model")) || json_string_is(doc, key, S("input")) ||
        json_string_is(doc, key, S("instructions")))
        return true;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (json_string_is(doc, key, fields[i].key)) return true;
    return false;
}

static void note_unknown(struct root *r)
{
    int count = 0;
    for (json_ref key = json_first(r->doc, JSON_ROOT); key; key = json_next(r->doc, JSON_ROOT, key + 1)) {
        str name;
        if (is_type(r, key + 1, JSON_NULL) || is_known(r->doc, key) || count++ >= UNKNOWN_MAX) continue;
        note(r, FEATURE_UNKNOWN, json_string(r->doc, key, r->call->arena, &name) ? name : S("?"));
    }
}

bool responses_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    static const str structured[] = {STR_INIT("model"),        STR_INIT("input"),
                                     STR_INIT("stream"),       STR_INIT("max_output_tokens"),
                                     STR_INIT("instructions"), STR_INIT("tools")};
    size_t count = COUNT_OF(structured);
    struct root r = {doc, out, problem};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return refuse(&r, S("body"), "must be a JSON object.");
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        json_ref at = openai_find(doc, JSON_ROOT, fields[i].key);
        if (!at) continue;
        if (!fields[i].read)
            note(&r, fields[i].feature, fields[i].key);
        else if (!fields[i].read(&r, at))
            return false;
    }
    if (!out->tools) count--; /* an empty list is kept as it stands */
    out->extras = canon_extras_of(doc, JSON_ROOT, structured, count, DIALECT_RESPONSES, out->arena);
    note_unknown(&r);
    return read_sampling(&r) && responses_read_prompt(doc, out, problem);
}

/* A chat call's root. One row a member: how it is read, and what it asks for. */
#include "dialect/chat.h"

struct field;
typedef bool read_field(struct chat_reader *r, json_ref at, const struct field *f);

struct field {
    str name;
    read_field *read; /* NULL: only noted */
    enum canon_feature feature;
    bool kept;       /* as extras: the same dialect writes it as it came */
    uint16_t offset; /* of what is read, in canon_call */
};

static void note(struct chat_reader *r, const struct field *f)
{
    chat_note(r, f->feature, f->name);
}

/* ---- values */

static bool read_number(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (json_type(r->doc, at) != JSON_NUMBER) return chat_refuse(r, f->name, "a number");
    *(str *)(void *)((char *)r->call + f->offset) = json_raw(r->doc, at);
    note(r, f);
    return true;
}

/* Penalties of 0 are what clients send who want none. */
static bool read_penalty(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (json_type(r->doc, at) == JSON_NUMBER && canon_is_zero(json_raw(r->doc, at))) return true;
    return read_number(r, at, f);
}

static bool read_string(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (!json_string(r->doc, at, r->arena, (str *)(void *)((char *)r->call + f->offset)))
        return chat_refuse(r, f->name, "a string");
    if (f->feature != FEATURE_COUNT) note(r, f);
    return true;
}

static bool read_bool(struct chat_reader *r, json_ref at, const struct field *f)
{
    enum json_type type = json_type(r->doc, at);
    if (type != JSON_TRUE && type != JSON_FALSE) return chat_refuse(r, f->name, "true or false");
    *(bool *)((char *)r->call + f->offset) = type == JSON_TRUE;
    return true;
}

static bool read_count(struct chat_reader *r, json_ref at, const struct field *f)
{
    int64_t v;
    if (!json_i64(r->doc, at, &v) || v < 0) return chat_refuse(r, f->name, "a whole number of at least 0");
    *(int64_t *)(void *)((char *)r->call + f->offset) = v;
    if (f->feature != FEATURE_COUNT) note(r, f);
    return true;
}

/* ---- fields */

static bool read_messages(struct chat_reader *r, json_ref at, const struct field *f)
{
    (void)f;
    return chat_read_messages(r, at);
}

static bool read_tools(struct chat_reader *r, json_ref at, const struct field *f)
{
    (void)f;
    return chat_read_tools(r, at);
}

static bool read_functions(struct chat_reader *r, json_ref at, const struct field *f)
{
    (void)f;
    return chat_read_functions(r, at);
}

static bool read_tool_choice(struct chat_reader *r, json_ref at, const struct field *f)
{
    (void)f;
    return chat_read_tool_choice(r, at);
}

static bool read_parallel(struct chat_reader *r, json_ref at, const struct field *f)
{
    (void)at;
    r->call->choice.parallel = canon_tristate(r->doc, JSON_ROOT, f->name);
    if (r->call->choice.parallel == 0) note(r, f);
    return true;
}

static bool read_stream_options(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, f->name, "an object");
    r->call->include_usage = canon_tristate(r->doc, at, S("include_usage")) == 1;
    return true;
}

/* The larger of two names holds, as for the bound. */
static bool read_limit(struct chat_reader *r, json_ref at, const struct field *f)
{
    int64_t before = r->call->max_output;
    if (!read_count(r, at, f)) return false;
    if (before > r->call->max_output) r->call->max_output = before;
    return true;
}

static bool read_n(struct chat_reader *r, json_ref at, const struct field *f)
{
    int64_t v;
    if (!json_i64(r->doc, at, &v) || v < 1) return chat_refuse(r, f->name, "a whole number of at least 1");
    r->call->choices = v;
    if (v > 1) note(r, f);
    return true;
}

static bool read_stop(struct chat_reader *r, json_ref at, const struct field *f)
{
    bool list = json_type(r->doc, at) == JSON_ARRAY;
    size_t count = 0, i = 0;
    for (json_ref s = list ? json_first(r->doc, at) : at; s; s = list ? json_next(r->doc, at, s) : JSON_ABSENT) {
        if (json_type(r->doc, s) != JSON_STRING) return chat_refuse(r, f->name, "a string or a list of strings");
        count++;
    }
    if (!count) return true;
    jraw *stop = arena_alloc(r->arena, count * sizeof(*stop));
    for (json_ref s = list ? json_first(r->doc, at) : at; s; s = list ? json_next(r->doc, at, s) : JSON_ABSENT)
        stop[i++] = canon_raw(r->doc, s);
    r->call->stop = stop;
    r->call->stop_count = count;
    note(r, f);
    return true;
}

static bool read_logit_bias(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, f->name, "an object");
    if (!json_first(r->doc, at)) return true;
    r->call->sampling.logit_bias = canon_raw(r->doc, at);
    note(r, f);
    return true;
}

static bool read_logprobs(struct chat_reader *r, json_ref at, const struct field *f)
{
    (void)at;
    r->call->sampling.logprobs = canon_tristate(r->doc, JSON_ROOT, f->name);
    if (r->call->sampling.logprobs == 1) note(r, f);
    return true;
}

static bool read_metadata(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, f->name, "an object");
    r->call->metadata = canon_raw(r->doc, at);
    if (json_first(r->doc, at)) note(r, f);
    return true;
}

/* `user` stands before the name that is newer. */
static bool read_safety_identifier(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (r->call->user.n) return true;
    return read_string(r, at, f);
}

static bool read_format(struct chat_reader *r, json_ref at, const struct field *f)
{
    struct canon_output *output = &r->call->output;
    json_ref type = json_find(r->doc, at, S("type"), NULL), schema = openai_find(r->doc, at, S("json_schema"));
    if (!type) return chat_refuse(r, f->name, "an object with a `type`");
    if (json_string_is(r->doc, type, S("text"))) return true;
    if (json_string_is(r->doc, type, S("json_object"))) {
        output->format = FORMAT_JSON;
        chat_note(r, FEATURE_JSON_OBJECT, f->name);
        schema = openai_find(r->doc, at, S("schema")); /* Together, llama.cpp */
        if (schema) output->format = FORMAT_SCHEMA, output->schema = canon_raw(r->doc, schema);
        return true;
    }
    if (!json_string_is(r->doc, type, S("json_schema"))) {
        chat_note_unknown(r, FEATURE_UNKNOWN, S("response_format."), type);
        return true;
    }
    if (!schema || json_type(r->doc, schema) != JSON_OBJECT)
        return chat_refuse(r, S("response_format.json_schema"), "an object");
    output->format = FORMAT_SCHEMA;
    output->name = canon_text(r->doc, schema, S("name"), r->arena);
    output->description = canon_raw_string(r->doc, schema, S("description"));
    output->schema = canon_raw(r->doc, json_find(r->doc, schema, S("schema"), NULL));
    output->strict = canon_tristate(r->doc, schema, S("strict"));
    if (!output->schema.json.p) output->format = FORMAT_JSON; /* any object fits */
    chat_note(r, FEATURE_JSON_SCHEMA, f->name);
    return true;
}

/* ---- reasoning: an effort, or what other servers call it */

static bool set_effort(struct chat_reader *r, str effort, str field)
{
    static const str known[] = {STR_INIT("none"), STR_INIT("minimal"), STR_INIT("low"), STR_INIT("medium"),
                                STR_INIT("high"), STR_INIT("xhigh"),   STR_INIT("max")};
    if (str_eq(effort, S("default"))) return true; /* Groq */
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (!str_eq(effort, known[i])) continue;
        r->call->reasoning.effort = known[i];
        return true;
    }
    return chat_refuse(r, field, "none, minimal, low, medium, high, xhigh or max");
}

static bool read_effort(struct chat_reader *r, json_ref at, const struct field *f)
{
    str effort;
    if (!json_string(r->doc, at, r->arena, &effort)) return chat_refuse(r, f->name, "a string");
    note(r, f);
    return set_effort(r, effort, f->name);
}

/* OpenRouter's: an effort, a budget, or only on and off. */
static bool read_reasoning(struct chat_reader *r, json_ref at, const struct field *f)
{
    struct canon_reasoning *to = &r->call->reasoning;
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, f->name, "an object");
    str effort = canon_text(r->doc, at, S("effort"), r->arena);
    json_ref budget = openai_find(r->doc, at, S("max_tokens"));
    int8_t enabled = canon_tristate(r->doc, at, S("enabled"));
    if (effort.n && !set_effort(r, effort, S("reasoning.effort"))) return false;
    if (budget && (!json_i64(r->doc, budget, &to->budget_tokens) || to->budget_tokens < 0))
        return chat_refuse(r, S("reasoning.max_tokens"), "a whole number of at least 0");
    if (enabled == 0) to->budget_tokens = 0;
    if (enabled == 1) to->adaptive = true;
    to->show = canon_tristate(r->doc, at, S("exclude")) != 1;
    note(r, f);
    return true;
}

/* {"type": "enabled" or "disabled"}: DeepSeek, z.ai. */
static bool read_thinking(struct chat_reader *r, json_ref at, const struct field *f)
{
    json_ref type = openai_find(r->doc, at, S("type"));
    if (!type) return true;
    if (json_string_is(r->doc, type, S("disabled")))
        r->call->reasoning.budget_tokens = 0;
    else
        r->call->reasoning.adaptive = r->call->reasoning.show = true;
    note(r, f);
    return true;
}

/* Qwen's, at the root or for the chat template. */
static bool read_enable_thinking(struct chat_reader *r, json_ref at, const struct field *f)
{
    json_ref inner = openai_find(r->doc, at, S("enable_thinking"));
    enum json_type type = json_type(r->doc, inner ? inner : at);
    if (type == JSON_FALSE) r->call->reasoning.budget_tokens = 0;
    if (type == JSON_TRUE) r->call->reasoning.adaptive = r->call->reasoning.show = true;
    if (type == JSON_TRUE || type == JSON_FALSE)
        note(r, f);
    else
        chat_note(r, FEATURE_UNKNOWN, f->name);
    return true;
}

static bool read_modalities(struct chat_reader *r, json_ref at, const struct field *f)
{
    if (json_type(r->doc, at) != JSON_ARRAY) return chat_refuse(r, f->name, "a list");
    for (json_ref m = json_first(r->doc, at); m; m = json_next(r->doc, at, m)) {
        if (json_string_is(r->doc, m, S("audio"))) chat_note(r, FEATURE_AUDIO_OUT, f->name);
        if (json_string_is(r->doc, m, S("image"))) chat_note(r, FEATURE_IMAGE_OUT, f->name);
    }
    return true;
}

static bool read_web_search(struct chat_reader *r, json_ref at, const struct field *f)
{
    struct canon_tool *tool = canon_add_tool(r->call, TOOL_WEB_SEARCH);
    tool->name = S("web_search");
    tool->value = canon_raw(r->doc, at);
    note(r, f);
    if (openai_find(r->doc, at, S("user_location")))
        chat_note(r, FEATURE_WEB_SEARCH_PLACE, S("web_search_options.user_location"));
    if (openai_find(r->doc, at, S("search_context_size")))
        chat_note(r, FEATURE_CLIENT_HINT, S("web_search_options.search_context_size"));
    return true;
}

/* A switch that asks for something only where it is on. */
static bool read_switch(struct chat_reader *r, json_ref at, const struct field *f)
{
    enum json_type type = json_type(r->doc, at);
    if (type != JSON_FALSE && !(type == JSON_ARRAY && !json_first(r->doc, at))) note(r, f);
    return true;
}

#define AT(member) (uint16_t) offsetof(struct canon_call, member)
#define HINT(name, feature)                                                                                            \
    {                                                                                                                  \
        STR_INIT(name), read_switch, FEATURE_##feature, true, 0                                                        \
    }
#define SAMPLING(name, feature)                                                                                        \
    {                                                                                                                  \
        STR_INIT(#name), read_number, FEATURE_##feature, false, AT(sampling.name)                                      \
    }
#define PLAIN(name, read, kept)                                                                                        \
    {                                                                                                                  \
        STR_INIT(name), read, FEATURE_COUNT, kept, 0                                                                   \
    }

/* clang-format off */
static const struct field fields[] = {
    {STR_INIT("model"), read_string, FEATURE_COUNT, false, AT(model)},
    PLAIN("messages", read_messages, false),
    PLAIN("tools", read_tools, false),
    PLAIN("functions", read_functions, false),
    PLAIN("tool_choice", read_tool_choice, false),
    PLAIN("function_call", read_tool_choice, false),
    {STR_INIT("parallel_tool_calls"), read_parallel, FEATURE_TOOL_PARALLEL_OFF, false, 0},
    {STR_INIT("stream"), read_bool, FEATURE_COUNT, false, AT(stream)},
    PLAIN("stream_options", read_stream_options, false),
    {STR_INIT("max_completion_tokens"), read_limit, FEATURE_COUNT, false, AT(max_output)},
    {STR_INIT("max_tokens"), read_limit, FEATURE_COUNT, false, AT(max_output)},
    SAMPLING(temperature, TEMPERATURE),
    SAMPLING(top_p, TOP_P),
    SAMPLING(top_k, TOP_K),
    SAMPLING(min_p, MIN_P),
    SAMPLING(seed, SEED),
    {STR_INIT("random_seed"), read_number, FEATURE_SEED, false, AT(sampling.seed)}, /* Mistral */
    {STR_INIT("frequency_penalty"), read_penalty, FEATURE_FREQUENCY_PENALTY, false, AT(sampling.frequency_penalty)},
    {STR_INIT("presence_penalty"), read_penalty, FEATURE_PRESENCE_PENALTY, false, AT(sampling.presence_penalty)},
    {STR_INIT("logit_bias"), read_logit_bias, FEATURE_LOGIT_BIAS, false, 0},
    {STR_INIT("logprobs"), read_logprobs, FEATURE_LOGPROBS, false, 0},
    {STR_INIT("top_logprobs"), read_count, FEATURE_COUNT, false, AT(sampling.top_logprobs)},
    {STR_INIT("stop"), read_stop, FEATURE_STOP, false, 0},
    {STR_INIT("n"), read_n, FEATURE_CHOICES, false, 0},
    PLAIN("response_format", read_format, false),
    {STR_INIT("verbosity"), read_string, FEATURE_VERBOSITY, false, AT(output.verbosity)},
    {STR_INIT("user"), read_string, FEATURE_USER, false, AT(user)},
    {STR_INIT("safety_identifier"), read_safety_identifier, FEATURE_USER, true, AT(user)},
    {STR_INIT("service_tier"), read_string, FEATURE_SERVICE_TIER, false, AT(service_tier)},
    {STR_INIT("prompt_cache_key"), read_string, FEATURE_CACHE_KEY, false, AT(cache_key)},
    {STR_INIT("metadata"), read_metadata, FEATURE_METADATA, false, 0},
    {STR_INIT("reasoning_effort"), read_effort, FEATURE_REASONING, true, 0},
    {STR_INIT("reasoning"), read_reasoning, FEATURE_REASONING, true, 0},
    {STR_INIT("thinking"), read_thinking, FEATURE_REASONING, true, 0},
    {STR_INIT("enable_thinking"), read_enable_thinking, FEATURE_REASONING, true, 0},
    {STR_INIT("chat_template_kwargs"), read_enable_thinking, FEATURE_REASONING, true, 0},
    {STR_INIT("modalities"), read_modalities, FEATURE_AUDIO_OUT, true, 0},
    {STR_INIT("web_search_options"), read_web_search, FEATURE_WEB_SEARCH, true, 0},
    HINT("audio", AUDIO_OUT),
    HINT("prediction", PREDICTION),
    HINT("store", STORE),
    HINT("prompt_cache_retention", CACHE_KEY),
    HINT("prompt_cache_options", CACHE_KEY),
    HINT("documents", RETRIEVED_DOCUMENTS),
    HINT("search_parameters", WEB_SEARCH),
    HINT("enable_search", WEB_SEARCH),
    HINT("plugins", SERVER_TOOL),
    HINT("moderation", SAFETY),
    HINT("reasoning_format", CLIENT_HINT),  /* Groq: how thoughts are shown */
    HINT("include_reasoning", CLIENT_HINT),
    HINT("separate_reasoning", CLIENT_HINT), /* SGLang */
    HINT("stream_reasoning", CLIENT_HINT),
    HINT("usage", CLIENT_HINT),             /* OpenRouter: as stream_options */
    HINT("transforms", TRUNCATION),
    HINT("models", CLIENT_HINT),            /* OpenRouter: where else to go; purser's routes do that */
    HINT("route", CLIENT_HINT),
    HINT("provider", CLIENT_HINT),
    HINT("safe_prompt", SAFETY),
    HINT("add_generation_prompt", CLIENT_HINT), /* vLLM's defaults, which some clients write out */
    HINT("continue_final_message", UNKNOWN),
    HINT("skip_special_tokens", CLIENT_HINT),
    HINT("return_token_ids", CLIENT_HINT),
    HINT("cache_prompt", CLIENT_HINT),      /* llama.cpp */
    HINT("keep_alive", CLIENT_HINT),        /* Ollama */
};
/* clang-format on */

static const struct field *field_find(const struct json *doc, json_ref key)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (json_string_is(doc, key, fields[i].name)) return &fields[i];
    return NULL;
}

static bool read_root(struct chat_reader *r)
{
    for (json_ref key = json_first(r->doc, JSON_ROOT); key; key = json_next(r->doc, JSON_ROOT, key + 1)) {
        const struct field *f = field_find(r->doc, key);
        if (json_type(r->doc, key + 1) == JSON_NULL) continue;
        if (!f)
            chat_note_unknown(r, FEATURE_UNKNOWN, S(""), key);
        else if (!f->read(r, key + 1, f))
            return false;
    }
    return true;
}

static struct canon_extras root_extras(struct chat_reader *r)
{
    str known[COUNT_OF(fields)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (!fields[i].kept) known[count++] = fields[i].name;
    return canon_extras_of(r->doc, JSON_ROOT, known, count, DIALECT_CHAT, r->arena);
}

bool chat_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    struct chat_reader r = {.doc = doc, .arena = out->arena, .call = out, .problem = problem};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return chat_refuse(&r, S("body"), "an object");
    if (!openai_find(doc, JSON_ROOT, S("messages"))) return chat_refuse(&r, S("messages"), "a list of objects");
    if (!read_root(&r)) return false;
    out->extras = root_extras(&r);
    return true;
}

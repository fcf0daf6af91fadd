/* Reading a body of the OpenAI protocol: one pass over the root's members, then
 * each field that purser needs, strictly. What it does not need goes by unread:
 * the provider checks it. */
#include "dialect/openai.h"

enum {
    MODEL_BYTES_MAX = 256,
    USER_BYTES_MAX = 1024,
    TIER_BYTES_MAX = 64,
};

static const str field_names[FIELD_COUNT] = {
#define FIELD(constant, name) [FIELD_##constant] = STR_INIT(name),
    CALL_FIELDS(FIELD)
#undef FIELD
};

static const char *const type_names[] = {
    [JSON_NULL] = "null",       [JSON_FALSE] = "false",    [JSON_TRUE] = "true",        [JSON_NUMBER] = "a number",
    [JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
};

str call_field_name(enum call_field f)
{
    return field_names[f];
}

json_ref call_field_value(const struct call_reader *r, enum call_field f)
{
    json_ref at = r->at[f];
    return at && json_type(r->doc, at) == JSON_NULL ? JSON_ABSENT : at;
}

bool call_refuse(struct call_reader *r, str param, str message)
{
    *r->problem = (struct call_problem){ERR_BAD_FIELD, message, param};
    return false;
}

/* "`n` must be a whole number of at least 0; it is a string" */
static bool refuse_type(struct call_reader *r, str param, const char *wanted, json_ref at)
{
    str raw = json_raw(r->doc, at);
    bool show = json_type(r->doc, at) == JSON_NUMBER && raw.n <= 40;
    str is = show ? raw : str_from(type_names[json_type(r->doc, at)]);
    return call_refuse(r, param,
                       arena_printf(r->arena, "`%" STR_FMT "` must be %s; it is %" STR_FMT ".", STR_ARG(param), wanted,
                                    STR_ARG(is)));
}

static bool field_find(const struct json *doc, json_ref key, enum call_field *out)
{
    bool escaped = doc->nodes[key].escaped;
    size_t n = doc->nodes[key].end - doc->nodes[key].start - 2;
    for (enum call_field f = 0; f < FIELD_COUNT; f++) {
        if (!escaped && n != field_names[f].n) continue;
        if (!json_string_is(doc, key, field_names[f])) continue;
        *out = f;
        return true;
    }
    return false;
}

static bool find_fields(struct call_reader *r)
{
    for (json_ref key = json_first(r->doc, JSON_ROOT); key; key = json_next(r->doc, JSON_ROOT, key + 1)) {
        enum call_field f;
        if (!field_find(r->doc, key, &f)) continue;
        if (r->at[f])
            return call_refuse(r, field_names[f],
                               arena_printf(r->arena, "`%" STR_FMT "` stands twice in the body; send it once.",
                                            STR_ARG(field_names[f])));
        r->at[f] = key + 1;
    }
    return true;
}

static bool read_string(struct call_reader *r, enum call_field f, size_t max, str *out)
{
    json_ref at = call_field_value(r, f);
    if (!at) return true;
    if (json_type(r->doc, at) != JSON_STRING) return refuse_type(r, field_names[f], "a string", at);
    if (!json_string(r->doc, at, r->arena, out))
        return call_refuse(r, field_names[f],
                           arena_printf(r->arena, "`%" STR_FMT "` holds an unpaired surrogate (\\ud800 to \\udfff).",
                                        STR_ARG(field_names[f])));
    if (out->n > max)
        return call_refuse(r, field_names[f],
                           arena_printf(r->arena, "`%" STR_FMT "` is too long: %zu bytes, at most %zu are taken.",
                                        STR_ARG(field_names[f]), out->n, max));
    return true;
}

static bool read_bool(struct call_reader *r, enum call_field f, bool *out)
{
    json_ref at = call_field_value(r, f);
    if (!at) return true;
    enum json_type type = json_type(r->doc, at);
    if (type != JSON_TRUE && type != JSON_FALSE) return refuse_type(r, field_names[f], "true or false", at);
    *out = type == JSON_TRUE;
    return true;
}

/* Leaves `*out` alone where the field is absent. */
static bool read_count(struct call_reader *r, enum call_field f, int64_t *out)
{
    json_ref at = call_field_value(r, f);
    int64_t v;
    if (!at) return true;
    if (!json_i64(r->doc, at, &v) || v < 0)
        return refuse_type(r, field_names[f], "a whole number of at least 0, written without point or exponent", at);
    *out = v;
    return true;
}

static bool read_model(struct call_reader *r)
{
    struct call *call = r->call;
    call->model_ref = r->at[FIELD_MODEL];
    if (!call_field_value(r, FIELD_MODEL)) {
        /* the one kind whose model is optional has a documented default */
        if (call->kind != CALL_MODERATIONS)
            return call_refuse(r, S("model"), S("`model` is missing: name the model to use, as a string."));
        call->model = S("omni-moderation-latest");
        return true;
    }
    if (!read_string(r, FIELD_MODEL, MODEL_BYTES_MAX, &call->model)) return false;
    if (!call->model.n) return call_refuse(r, S("model"), S("`model` is empty: name the model to use."));
    for (size_t i = 0; i < call->model.n; i++) {
        unsigned char c = (unsigned char)call->model.p[i];
        if (c < ' ' || c == 0x7f) return call_refuse(r, S("model"), S("`model` holds a control character."));
    }
    return true;
}

static bool read_include_usage(struct call_reader *r, json_ref options)
{
    struct call *call = r->call;
    bool twice;
    json_ref at = json_find(r->doc, options, S("include_usage"), &twice);
    str param = S("stream_options.include_usage");
    if (twice)
        return call_refuse(r, param, S("`stream_options.include_usage` stands twice in the body; send it once."));
    call->include_usage_ref = at;
    if (!at || json_type(r->doc, at) == JSON_NULL) return true;
    call->include_usage = json_type(r->doc, at) == JSON_TRUE;
    call->include_usage_false = json_type(r->doc, at) == JSON_FALSE;
    if (!call->include_usage && !call->include_usage_false) return refuse_type(r, param, "true or false", at);
    return true;
}

static bool kind_streams(enum call_kind kind)
{
    return kind == CALL_CHAT || kind == CALL_COMPLETIONS || kind == CALL_RESPONSES;
}

static bool read_stream(struct call_reader *r)
{
    struct call *call = r->call;
    if (!read_bool(r, FIELD_STREAM, &call->stream)) return false;
    if (!kind_streams(call->kind)) call->stream = false;
    if (call->kind != CALL_CHAT && call->kind != CALL_COMPLETIONS) return true;
    json_ref options = call->stream_options_ref = r->at[FIELD_STREAM_OPTIONS];
    if (!call_field_value(r, FIELD_STREAM_OPTIONS)) return true;
    if (json_type(r->doc, options) != JSON_OBJECT) return refuse_type(r, S("stream_options"), "an object", options);
    return read_include_usage(r, options);
}

/* Only the names that the kind has: another would be held and not enforced. */
static bool read_limits(struct call_reader *r)
{
    static const enum call_field names[3] = {FIELD_MAX_COMPLETION_TOKENS, FIELD_MAX_TOKENS, FIELD_MAX_OUTPUT_TOKENS};
    struct call *call = r->call;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        bool has = names[i] == FIELD_MAX_TOKENS              ? call->kind == CALL_CHAT || call->kind == CALL_COMPLETIONS
                   : names[i] == FIELD_MAX_COMPLETION_TOKENS ? call->kind == CALL_CHAT
                                                             : call->kind == CALL_RESPONSES;
        if (!has) continue;
        int64_t limit = -1;
        if (!read_count(r, names[i], &limit)) return false;
        call->max_refs[i] = r->at[names[i]];
        if (limit > call->max_output) call->max_output = limit;
    }
    return true;
}

/* How many prompts a completions call holds: one, unless an array of strings or of token arrays. */
static int64_t prompt_count(const struct call_reader *r)
{
    json_ref prompt = call_field_value(r, FIELD_PROMPT);
    int64_t count = 0;
    for (json_ref at = json_first(r->doc, prompt); prompt && at; at = json_next(r->doc, prompt, at))
        count += json_type(r->doc, at) != JSON_NUMBER;
    return count ? count : 1;
}

static bool read_choices(struct call_reader *r)
{
    struct call *call = r->call;
    if (call->kind != CALL_CHAT && call->kind != CALL_COMPLETIONS) return true;
    int64_t n = 1, best_of = 1, prompts = 1;
    if (!read_count(r, FIELD_N, &n)) return false;
    if (call->kind == CALL_COMPLETIONS) {
        if (!read_count(r, FIELD_BEST_OF, &best_of)) return false;
        prompts = prompt_count(r);
    }
    if (n < 1) n = 1;
    if (best_of < n) best_of = n;
    if (__builtin_mul_overflow(best_of, prompts, &call->choices) ||
        __builtin_mul_overflow(n, prompts, &call->choices_returned))
        return call_refuse(r, S("n"), S("`n` times the prompts is out of range."));
    return true;
}

/* What applications say of a call in its `metadata`, where that is an object; the rest is the provider's to check. */
static bool read_metadata(struct call_reader *r)
{
    const struct {
        str name, param;
        str *to;
    } said[] = {
        {S("user_id"), S("metadata.user_id"), &r->call->user},
        {S("feature"), S("metadata.feature"), &r->call->feature},
        {S("task"), S("metadata.task"), &r->call->task},
        {S("session_id"), S("metadata.session_id"), &r->call->session},
        {S("prompt"), S("metadata.prompt"), &r->call->prompt},
    };
    json_ref metadata = call_field_value(r, FIELD_METADATA);
    for (size_t i = 0; metadata && i < COUNT_OF(said); i++) {
        bool twice = false;
        str value = STR_NONE;
        json_ref at = json_find(r->doc, metadata, said[i].name, &twice);
        if (twice)
            return call_refuse(r, said[i].param,
                               arena_printf(r->arena, "`%" STR_FMT "` stands twice in the body; send it once.",
                                            STR_ARG(said[i].param)));
        if (!at || said[i].to->n || json_type(r->doc, at) != JSON_STRING) continue;
        if (json_string(r->doc, at, r->arena, &value) && value.n <= USER_BYTES_MAX) *said[i].to = value;
    }
    return true;
}

static bool read_rest(struct call_reader *r)
{
    struct call *call = r->call;
    if (call->kind == CALL_RESPONSES) {
        if (!read_bool(r, FIELD_BACKGROUND, &call->background)) return false;
        if (!read_count(r, FIELD_MAX_TOOL_CALLS, &call->max_tool_calls)) return false;
    }
    if (!read_string(r, FIELD_SERVICE_TIER, TIER_BYTES_MAX, &call->service_tier)) return false;
    if (!read_string(r, FIELD_SAFETY_IDENTIFIER, USER_BYTES_MAX, &call->user)) return false;
    str user = STR_NONE;
    if (!read_string(r, FIELD_USER, USER_BYTES_MAX, &user)) return false;
    if (user.n) call->user = user;
    return read_metadata(r);
}

bool openai_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem)
{
    *out = (struct call){
        .kind = kind,
        .max_output = -1,
        .max_tool_calls = -1,
        .choices = 1,
        .choices_returned = 1,
        .arena = arena,
    };
    struct call_reader r = {.doc = doc, .arena = arena, .call = out, .problem = problem};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        *problem = (struct call_problem){ERR_BAD_REQUEST, S("The body must be a JSON object."), S("")};
        return false;
    }
    out->at_open = doc->nodes[JSON_ROOT].start + 1;
    out->root_empty = !json_first(doc, JSON_ROOT);
    return find_fields(&r) && read_model(&r) && read_stream(&r) && read_limits(&r) && read_choices(&r) &&
           read_rest(&r) && call_count(&r);
}

/* Reading a body of /v1/messages. What the canonical form holds in other words is kept
 * beside it as it stands (`own`), what it does not know goes into the extras: a call to
 * the same protocol is written again without loss. */
#include "dialect/messages.h"

enum { MODEL_BYTES_MAX = 256, UNKNOWN_NOTES_MAX = 32, STOPS_MAX = 8192 };

/* What becomes of a member of the root. */
enum keep {
    KEEP_READ,  /* the canonical form has it */
    KEEP_OWN,   /* ... in other words: the member itself is kept for the same protocol */
    KEEP_EXTRA, /* only this protocol knows it */
};

/* FIELD(constant, name, what becomes of it, the feature that it is) */
#define MESSAGES_FIELDS(FIELD)                                                                                         \
    FIELD(MODEL, "model", READ, COUNT)                                                                                 \
    FIELD(MESSAGES, "messages", READ, COUNT)                                                                           \
    FIELD(SYSTEM, "system", READ, COUNT)                                                                               \
    FIELD(MAX_TOKENS, "max_tokens", READ, COUNT)                                                                       \
    FIELD(STREAM, "stream", READ, COUNT)                                                                               \
    FIELD(STOP, "stop_sequences", READ, STOP)                                                                          \
    FIELD(TEMPERATURE, "temperature", READ, TEMPERATURE)                                                               \
    FIELD(TOP_P, "top_p", READ, TOP_P)                                                                                 \
    FIELD(TOP_K, "top_k", READ, TOP_K)                                                                                 \
    FIELD(TOOLS, "tools", READ, COUNT)                                                                                 \
    FIELD(TOOL_CHOICE, "tool_choice", OWN, COUNT)                                                                      \
    FIELD(THINKING, "thinking", OWN, REASONING)                                                                        \
    FIELD(OUTPUT_CONFIG, "output_config", OWN, COUNT)                                                                  \
    FIELD(OUTPUT_FORMAT, "output_format", OWN, COUNT)                                                                  \
    FIELD(METADATA, "metadata", OWN, COUNT)                                                                            \
    FIELD(SERVICE_TIER, "service_tier", OWN, SERVICE_TIER)                                                             \
    FIELD(CACHE_CONTROL, "cache_control", EXTRA, CACHE_MARKER)                                                         \
    FIELD(CONTAINER, "container", EXTRA, SERVER_TOOL)                                                                  \
    FIELD(MCP_SERVERS, "mcp_servers", EXTRA, SERVER_ACCESS)                                                            \
    FIELD(THREAD, "thread", EXTRA, STORED_CONTEXT)                                                                     \
    FIELD(CONTEXT_MANAGEMENT, "context_management", EXTRA, CLIENT_HINT)                                                \
    FIELD(INFERENCE_GEO, "inference_geo", EXTRA, CLIENT_HINT)                                                          \
    FIELD(SPEED, "speed", EXTRA, SPEED)                                                                                \
    FIELD(DIAGNOSTICS, "diagnostics", EXTRA, CLIENT_HINT)                                                              \
    FIELD(USER_PROFILE, "user_profile_id", EXTRA, USER)                                                                \
    FIELD(WORKSPACE, "workspace_id", EXTRA, CLIENT_HINT)                                                               \
    FIELD(ANTHROPIC_VERSION, "anthropic_version", EXTRA, CLIENT_HINT)                                                  \
    FIELD(ANTHROPIC_BETA, "anthropic_beta", EXTRA, CLIENT_HINT)                                                        \
    FIELD(BETAS, "betas", EXTRA, CLIENT_HINT)

enum field {
#define FIELD(constant, ...) FIELD_##constant,
    MESSAGES_FIELDS(FIELD)
#undef FIELD
        FIELD_COUNT
};

static const struct {
    str name;
    enum keep keep;
    enum canon_feature feature; /* FEATURE_COUNT: read before it is known */
} fields[FIELD_COUNT] = {
#define FIELD(constant, name, keep, feature) [FIELD_##constant] = {STR_INIT(name), KEEP_##keep, FEATURE_##feature},
    MESSAGES_FIELDS(FIELD)
#undef FIELD
};

/* ---- what the files of the reader share */

bool messages_refuse(struct messages_reader *r, str param, const char *wanted)
{
    *r->problem = (struct call_problem){ERR_BAD_FIELD,
                                        arena_printf(r->arena, "`%" STR_FMT "` %s.", STR_ARG(param), wanted), param};
    return false;
}

void messages_note(struct messages_reader *r, enum canon_feature feature, str field)
{
    if (r->call) canon_note(r->call, feature, field);
}

void messages_note_unknown(struct messages_reader *r, str parent, json_ref key)
{
    str raw = json_raw(r->doc, key), name = str_head(str_of(raw.p + 1, raw.n - 2), 64);
    if (!r->call || r->unknown >= UNKNOWN_NOTES_MAX) return;
    r->unknown++;
    canon_note(r->call, FEATURE_UNKNOWN,
               arena_printf(r->arena, "%" STR_FMT "%" STR_FMT, STR_ARG(parent), STR_ARG(name)));
}

bool messages_member(struct messages_reader *r, json_ref object, str key, json_ref *out)
{
    bool twice;
    json_ref at = json_find(r->doc, object, key, &twice);
    *out = at && json_type(r->doc, at) == JSON_NULL ? JSON_ABSENT : at;
    return !twice || messages_refuse(r, arena_str(r->arena, key), "stands twice in one object; send it once");
}

/* ---- members of the root */

static bool find_fields(struct messages_reader *r, json_ref at[FIELD_COUNT])
{
    for (json_ref key = json_first(r->doc, JSON_ROOT); key; key = json_next(r->doc, JSON_ROOT, key + 1)) {
        enum field f = 0;
        while (f < FIELD_COUNT && !json_string_is(r->doc, key, fields[f].name)) f++;
        if (f == FIELD_COUNT) {
            if (json_type(r->doc, key + 1) != JSON_NULL) messages_note_unknown(r, S(""), key);
            continue;
        }
        if (at[f]) return messages_refuse(r, fields[f].name, "stands twice in the body; send it once");
        at[f] = key + 1;
        bool said = json_type(r->doc, key + 1) != JSON_NULL && !canon_is_nothing(r->doc, key + 1);
        if (said && fields[f].feature != FEATURE_COUNT) messages_note(r, fields[f].feature, fields[f].name);
    }
    return true;
}

/* The members whose like is written in other words, as they stand; and those that only this protocol knows. */
static void keep_members(struct messages_reader *r, const json_ref at[FIELD_COUNT])
{
    str known[FIELD_COUNT];
    size_t count = 0;
    struct buf own;
    buf_init(&own, 0);
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        if (fields[f].keep != KEEP_EXTRA) known[count++] = fields[f].name;
        if (fields[f].keep == KEEP_OWN && at[f]) canon_put_raw(&own, fields[f].name, (jraw){json_raw(r->doc, at[f])});
    }
    r->call->own = (struct canon_extras){DIALECT_MESSAGES, arena_str(r->arena, buf_str(&own))};
    r->call->extras = canon_extras_of(r->doc, JSON_ROOT, known, count, DIALECT_MESSAGES, r->arena);
    buf_free(&own);
}

static bool read_model(struct messages_reader *r, json_ref at)
{
    str model;
    if (!at || json_type(r->doc, at) == JSON_NULL) return true; /* it may stand in the path */
    if (json_type(r->doc, at) != JSON_STRING) return messages_refuse(r, S("model"), "must be a string");
    if (!json_string(r->doc, at, r->arena, &model))
        return messages_refuse(r, S("model"), "holds an unpaired surrogate");
    if (!model.n || model.n > MODEL_BYTES_MAX)
        return messages_refuse(r, S("model"), "must have 1 to 256 bytes: name the model to use");
    for (size_t i = 0; i < model.n; i++)
        if ((unsigned char)model.p[i] < ' ' || model.p[i] == 0x7f)
            return messages_refuse(r, S("model"), "holds a control character");
    r->call->model = model;
    return true;
}

static bool read_limits(struct messages_reader *r, const json_ref at[FIELD_COUNT])
{
    json_ref max = at[FIELD_MAX_TOKENS], stream = at[FIELD_STREAM];
    int64_t limit;
    if (max && json_type(r->doc, max) != JSON_NULL) {
        if (!json_i64(r->doc, max, &limit) || limit < 0)
            return messages_refuse(r, S("max_tokens"),
                                   "must be a whole number of at least 0, written without point or exponent");
        r->call->max_output = limit;
    }
    if (stream && json_type(r->doc, stream) != JSON_NULL) {
        enum json_type type = json_type(r->doc, stream);
        if (type != JSON_TRUE && type != JSON_FALSE) return messages_refuse(r, S("stream"), "must be true or false");
        r->call->stream = type == JSON_TRUE;
    }
    r->call->include_usage = true;
    return true;
}

static bool read_stops(struct messages_reader *r, json_ref list)
{
    size_t count = 0;
    if (!list || json_type(r->doc, list) == JSON_NULL) return true;
    if (json_type(r->doc, list) != JSON_ARRAY) return messages_refuse(r, S("stop_sequences"), "must be an array");
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        if (json_type(r->doc, at) != JSON_STRING || ++count > STOPS_MAX)
            return messages_refuse(r, S("stop_sequences"), "must be an array of strings");
    }
    jraw *stop = arena_alloc(r->arena, (count + 1) * sizeof(*stop));
    r->call->stop = stop;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) *stop++ = canon_raw(r->doc, at);
    r->call->stop_count = count;
    return true;
}

static bool read_sampling(struct messages_reader *r)
{
    struct canon_sampling *s = &r->call->sampling;
    const struct {
        str key;
        str *to;
    } numbers[] = {{S("temperature"), &s->temperature}, {S("top_p"), &s->top_p}, {S("top_k"), &s->top_k}};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        *numbers[i].to = canon_number(r->doc, JSON_ROOT, numbers[i].key);
        if (!numbers[i].to->n && openai_find(r->doc, JSON_ROOT, numbers[i].key))
            return messages_refuse(r, numbers[i].key, "must be a number");
    }
    return true;
}

/* ---- thinking, output, labels */

static bool read_thinking(struct messages_reader *r, json_ref at)
{
    struct canon_reasoning *reasoning = &r->call->reasoning;
    json_ref type, budget;
    if (!at || json_type(r->doc, at) == JSON_NULL) return true;
    if (json_type(r->doc, at) != JSON_OBJECT) return messages_refuse(r, S("thinking"), "must be an object");
    if (!messages_member(r, at, S("type"), &type) || !messages_member(r, at, S("budget_tokens"), &budget)) return false;
    if (json_string_is(r->doc, type, S("disabled"))) {
        reasoning->budget_tokens = 0;
        return true;
    }
    bool enabled = json_string_is(r->doc, type, S("enabled"));
    reasoning->adaptive = !enabled;
    if (enabled && (!json_i64(r->doc, budget, &reasoning->budget_tokens) || reasoning->budget_tokens < 0))
        return messages_refuse(r, S("thinking.budget_tokens"), "must be a whole number of at least 1024");
    reasoning->show = !json_string_is(r->doc, json_find(r->doc, at, S("display"), NULL), S("omitted"));
    return true;
}

static bool read_format(struct messages_reader *r, json_ref at, str field)
{
    json_ref type;
    if (!at) return true;
    if (json_type(r->doc, at) != JSON_OBJECT) return messages_refuse(r, field, "must be an object");
    if (!messages_member(r, at, S("type"), &type)) return false;
    if (!json_string_is(r->doc, type, S("json_schema"))) {
        messages_note(r, FEATURE_UNKNOWN, field);
        return true;
    }
    r->call->output.format = FORMAT_SCHEMA;
    r->call->output.schema = canon_raw(r->doc, json_find(r->doc, at, S("schema"), NULL));
    r->call->output.strict = 1;
    messages_note(r, FEATURE_JSON_SCHEMA, field);
    return true;
}

static bool read_output(struct messages_reader *r, json_ref config, json_ref format)
{
    static const str known[] = {STR_INIT("effort"), STR_INIT("format")};
    json_ref inner = JSON_ABSENT;
    if (config && json_type(r->doc, config) != JSON_NULL) {
        if (json_type(r->doc, config) != JSON_OBJECT)
            return messages_refuse(r, S("output_config"), "must be an object");
        r->call->reasoning.effort = canon_text(r->doc, config, S("effort"), r->arena);
        if (r->call->reasoning.effort.n) messages_note(r, FEATURE_REASONING, S("output_config.effort"));
        for (json_ref key = json_first(r->doc, config); key; key = json_next(r->doc, config, key + 1))
            if (!json_string_is(r->doc, key, known[0]) && !json_string_is(r->doc, key, known[1]))
                messages_note_unknown(r, S("output_config."), key);
        if (!messages_member(r, config, S("format"), &inner)) return false;
    }
    if (format && json_type(r->doc, format) == JSON_NULL) format = JSON_ABSENT;
    return inner ? read_format(r, inner, S("output_config.format")) : read_format(r, format, S("output_format"));
}

static bool read_labels(struct messages_reader *r, json_ref metadata, json_ref tier)
{
    static const str known[] = {STR_INIT("user_id")};
    if (metadata && json_type(r->doc, metadata) != JSON_NULL) {
        json_ref user;
        if (json_type(r->doc, metadata) != JSON_OBJECT) return messages_refuse(r, S("metadata"), "must be an object");
        if (!messages_member(r, metadata, S("user_id"), &user)) return false;
        str id = canon_text(r->doc, metadata, S("user_id"), r->arena);
        if (id.n && id.n <= 1024) r->call->user = id;
        if (id.n) messages_note(r, FEATURE_USER, S("metadata.user_id"));
        struct canon_extras rest = canon_extras_of(r->doc, metadata, known, 1, DIALECT_MESSAGES, r->arena);
        if (rest.members.n) {
            r->call->metadata = (jraw){arena_printf(r->arena, "{%" STR_FMT "}", STR_ARG(rest.members))};
            messages_note(r, FEATURE_METADATA, S("metadata"));
        }
    }
    if (!tier || json_type(r->doc, tier) == JSON_NULL) return true;
    if (json_type(r->doc, tier) != JSON_STRING) return messages_refuse(r, S("service_tier"), "must be a string");
    str said = canon_text(r->doc, JSON_ROOT, S("service_tier"), r->arena);
    r->call->service_tier = str_eq(said, S("standard_only")) ? S("default") : said;
    return true;
}

/* ---- messages */

static bool read_system(struct messages_reader *r, json_ref at)
{
    if (!at || json_type(r->doc, at) == JSON_NULL) return true;
    struct canon_message *m = canon_add_message(r->call, ROLE_SYSTEM);
    m->extras.of = DIALECT_MESSAGES;
    return messages_read_blocks(r, at, S("system"), &m->parts);
}

static bool read_message(struct messages_reader *r, json_ref at)
{
    static const str known[] = {STR_INIT("role"), STR_INIT("content")};
    json_ref role, content;
    if (json_type(r->doc, at) != JSON_OBJECT) return messages_refuse(r, S("messages"), "must be an array of objects");
    if (!messages_member(r, at, S("role"), &role) || !messages_member(r, at, S("content"), &content)) return false;
    enum canon_role is;
    if (json_string_is(r->doc, role, S("user")))
        is = ROLE_USER;
    else if (json_string_is(r->doc, role, S("assistant")))
        is = ROLE_ASSISTANT;
    else if (json_string_is(r->doc, role, S("system")))
        is = ROLE_SYSTEM;
    else
        return messages_refuse(r, S("messages.role"), "must be \"user\", \"assistant\" or \"system\"");
    struct canon_message *m = canon_add_message(r->call, is);
    m->among = is == ROLE_SYSTEM;
    r->last = NULL;
    r->carried = RAW_NONE;
    m->extras = canon_extras_of(r->doc, at, known, COUNT_OF(known), DIALECT_MESSAGES, r->arena);
    if (m->extras.members.n)
        for (json_ref key = json_first(r->doc, at); key; key = json_next(r->doc, at, key + 1))
            if (key + 1 != role && key + 1 != content) messages_note_unknown(r, S("messages."), key);
    return messages_read_blocks(r, content, S("messages.content"), &m->parts);
}

static bool read_messages(struct messages_reader *r, json_ref list)
{
    if (!list || json_type(r->doc, list) != JSON_ARRAY)
        return messages_refuse(r, S("messages"), "must be an array of messages");
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at))
        if (!read_message(r, at)) return false;
    return true;
}

bool messages_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    struct messages_reader r = {.doc = doc, .arena = out->arena, .call = out, .problem = problem};
    json_ref at[FIELD_COUNT] = {0};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        *problem = (struct call_problem){ERR_BAD_REQUEST, S("The body must be a JSON object."), S("")};
        return false;
    }
    if (!find_fields(&r, at)) return false;
    keep_members(&r, at);
    return read_sampling(&r) && read_model(&r, at[FIELD_MODEL]) && read_limits(&r, at) &&
           read_stops(&r, at[FIELD_STOP]) && read_thinking(&r, at[FIELD_THINKING]) &&
           read_output(&r, at[FIELD_OUTPUT_CONFIG], at[FIELD_OUTPUT_FORMAT]) &&
           read_labels(&r, at[FIELD_METADATA], at[FIELD_SERVICE_TIER]) && read_system(&r, at[FIELD_SYSTEM]) &&
           read_messages(&r, at[FIELD_MESSAGES]) && messages_read_tools(&r, at[FIELD_TOOLS]) &&
           messages_read_choice(&r, at[FIELD_TOOL_CHOICE]);
}

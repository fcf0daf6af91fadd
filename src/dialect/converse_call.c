/* A Converse body, read: into the canonical call, and for accounting where it goes on
 * as it came. The model and whether it streams stand in the path. */
#include "dialect/converse.h"

struct call_in {
    struct converse_reader r;
    struct call_problem *problem;
};

static bool refuse(struct call_in *in, str field, const char *what)
{
    *in->problem =
        (struct call_problem){ERR_BAD_FIELD,
                              arena_printf(in->r.arena, "`%" STR_FMT "` must be %s.", STR_ARG(field), what), field};
    return false;
}

/* The member, where it is of that type; absent is fine. */
static bool member(struct call_in *in, json_ref object, str key, enum json_type type, const char *what, json_ref *out)
{
    bool twice = false;
    (void)json_find(in->r.doc, object, key, &twice);
    *out = openai_find(in->r.doc, object, key);
    if (twice) return refuse(in, key, "sent once");
    return !*out || json_type(in->r.doc, *out) == type || refuse(in, key, what);
}

static void note(struct call_in *in, enum canon_feature f, str field)
{
    canon_note(in->r.call, f, field);
}

/* ---- messages */

static bool read_messages(struct call_in *in)
{
    struct canon_call *call = in->r.call;
    json_ref system, list;
    if (!member(in, JSON_ROOT, S("system"), JSON_ARRAY, "an array of blocks", &system)) return false;
    if (!member(in, JSON_ROOT, S("messages"), JSON_ARRAY, "an array of messages", &list)) return false;
    if (system) {
        struct canon_message *m = canon_add_message(call, ROLE_SYSTEM);
        converse_read_blocks(&in->r, system, &m->parts, S("system"));
    }
    int64_t index = 0;
    for (json_ref at = list ? json_first(in->r.doc, list) : JSON_ABSENT; at; at = json_next(in->r.doc, list, at)) {
        str where = arena_printf(in->r.arena, "messages[%lld].content", (long long)index++);
        if (json_type(in->r.doc, at) != JSON_OBJECT) return refuse(in, S("messages"), "an array of objects");
        json_ref role = openai_find(in->r.doc, at, S("role")), content = openai_find(in->r.doc, at, S("content"));
        bool assistant = json_string_is(in->r.doc, role, S("assistant"));
        bool among = json_string_is(in->r.doc, role, S("system"));
        if (!assistant && !among && !json_string_is(in->r.doc, role, S("user")))
            return refuse(in, S("messages.role"), "user, assistant or system");
        struct canon_message *m = canon_add_message(call, assistant ? ROLE_ASSISTANT : among ? ROLE_SYSTEM : ROLE_USER);
        m->among = among;
        if (content && json_type(in->r.doc, content) != JSON_ARRAY) return refuse(in, where, "an array of blocks");
        if (content) converse_read_blocks(&in->r, content, &m->parts, where);
    }
    return true;
}

/* ---- tools */

static void read_tool(struct call_in *in, json_ref tool)
{
    static const str known[] = {STR_INIT("name"), STR_INIT("description"), STR_INIT("inputSchema"), STR_INIT("strict")};
    struct canon_call *call = in->r.call;
    const struct json *doc = in->r.doc;
    json_ref spec = openai_find(doc, tool, S("toolSpec"));
    if (openai_find(doc, tool, S("cachePoint"))) {
        if (call->last_tool) call->last_tool->cache_ttl = 300;
        note(in, FEATURE_CACHE_MARKER, S("toolConfig.tools.cachePoint"));
    } else if (spec) {
        struct canon_tool *t = canon_add_tool(call, TOOL_FUNCTION);
        json_ref schema = openai_find_in(doc, spec, S("inputSchema"), S("json"));
        t->name = canon_text(doc, spec, S("name"), in->r.arena);
        t->description = canon_raw_string(doc, spec, S("description"));
        t->schema = canon_raw(doc, schema);
        t->strict = canon_tristate(doc, spec, S("strict"));
        t->extras = canon_extras_of(doc, spec, known, COUNT_OF(known), DIALECT_CONVERSE, in->r.arena);
        note(in, FEATURE_TOOLS, S("toolConfig.tools"));
        if (t->strict == 1) note(in, FEATURE_TOOL_STRICT, S("toolConfig.tools.toolSpec.strict"));
    } else {
        struct canon_tool *t = canon_add_tool(call, TOOL_OPAQUE);
        t->value = canon_raw(doc, tool);
        t->extras.of = DIALECT_CONVERSE;
        note(in, FEATURE_SERVER_TOOL, S("toolConfig.tools.systemTool"));
    }
}

static bool read_tools(struct call_in *in)
{
    struct canon_call *call = in->r.call;
    const struct json *doc = in->r.doc;
    json_ref config, list, choice;
    if (!member(in, JSON_ROOT, S("toolConfig"), JSON_OBJECT, "an object", &config)) return false;
    if (!config) return true;
    if (!member(in, config, S("tools"), JSON_ARRAY, "an array of tools", &list)) return false;
    if (!member(in, config, S("toolChoice"), JSON_OBJECT, "an object", &choice)) return false;
    for (json_ref at = list ? json_first(doc, list) : JSON_ABSENT; at; at = json_next(doc, list, at)) read_tool(in, at);
    if (!choice) return true;
    json_ref tool = openai_find(doc, choice, S("tool"));
    if (tool) {
        call->choice.mode = CHOICE_REQUIRED;
        call->choice.name = canon_text(doc, tool, S("name"), in->r.arena);
        note(in, FEATURE_TOOL_CHOICE_NAMED, S("toolConfig.toolChoice.tool"));
    } else if (openai_find(doc, choice, S("any"))) {
        call->choice.mode = CHOICE_REQUIRED;
        note(in, FEATURE_TOOL_CHOICE_REQUIRED, S("toolConfig.toolChoice.any"));
    } else {
        call->choice.mode = CHOICE_AUTO;
    }
    return true;
}

/* ---- configuration */

static bool read_stop(struct call_in *in, json_ref config)
{
    json_ref list;
    const struct json *doc = in->r.doc;
    struct canon_call *call = in->r.call;
    if (!member(in, config, S("stopSequences"), JSON_ARRAY, "an array of strings", &list)) return false;
    size_t count = 0;
    for (json_ref at = list ? json_first(doc, list) : JSON_ABSENT; at; at = json_next(doc, list, at)) count++;
    if (!count) return true;
    jraw *stop = arena_alloc(in->r.arena, count * sizeof(*stop));
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        if (json_type(doc, at) != JSON_STRING) return refuse(in, S("inferenceConfig.stopSequences"), "strings");
        stop[call->stop_count++] = canon_raw(doc, at);
    }
    call->stop = stop;
    note(in, FEATURE_STOP, S("inferenceConfig.stopSequences"));
    return true;
}

static bool read_inference(struct call_in *in)
{
    json_ref config, limit;
    struct canon_call *call = in->r.call;
    const struct json *doc = in->r.doc;
    if (!member(in, JSON_ROOT, S("inferenceConfig"), JSON_OBJECT, "an object", &config)) return false;
    if (!config) return true;
    limit = openai_find(doc, config, S("maxTokens"));
    if (limit && (!json_i64(doc, limit, &call->max_output) || call->max_output < 0))
        return refuse(in, S("inferenceConfig.maxTokens"), "a whole number of at least 0");
    call->sampling.temperature = canon_number(doc, config, S("temperature"));
    call->sampling.top_p = canon_number(doc, config, S("topP"));
    if (!call->sampling.temperature.n && openai_find(doc, config, S("temperature")))
        return refuse(in, S("inferenceConfig.temperature"), "a number");
    if (!call->sampling.top_p.n && openai_find(doc, config, S("topP")))
        return refuse(in, S("inferenceConfig.topP"), "a number");
    if (call->sampling.temperature.n) note(in, FEATURE_TEMPERATURE, S("inferenceConfig.temperature"));
    if (call->sampling.top_p.n) note(in, FEATURE_TOP_P, S("inferenceConfig.topP"));
    return read_stop(in, config);
}

/* What models take beside Converse's own fields: Claude's thinking and top_k are understood. */
static bool read_additional(struct call_in *in)
{
    struct canon_call *call = in->r.call;
    const struct json *doc = in->r.doc;
    json_ref fields;
    if (!member(in, JSON_ROOT, S("additionalModelRequestFields"), JSON_OBJECT, "an object", &fields)) return false;
    for (json_ref key = fields ? json_first(doc, fields) : JSON_ABSENT; key; key = json_next(doc, fields, key + 1)) {
        json_ref value = key + 1;
        if (json_string_is(doc, key, S("thinking")) || json_string_is(doc, key, S("reasoning_config"))) {
            json_ref type = openai_find(doc, value, S("type")), budget = openai_find(doc, value, S("budget_tokens"));
            if (!budget || !json_i64(doc, budget, &call->reasoning.budget_tokens)) call->reasoning.budget_tokens = -1;
            call->reasoning.adaptive = type && json_string_is(doc, type, S("adaptive"));
            if (type && json_string_is(doc, type, S("disabled"))) call->reasoning.budget_tokens = 0;
            call->reasoning.show = true;
            note(in, FEATURE_REASONING, S("additionalModelRequestFields.thinking"));
        } else if (json_string_is(doc, key, S("output_config"))) {
            call->reasoning.effort = canon_text(doc, value, S("effort"), in->r.arena);
            note(in, FEATURE_REASONING, S("additionalModelRequestFields.output_config"));
        } else if (json_string_is(doc, key, S("top_k"))) {
            call->sampling.top_k = canon_number(doc, fields, S("top_k"));
            note(in, FEATURE_TOP_K, S("additionalModelRequestFields.top_k"));
        } else {
            str name = STR_NONE;
            if (!json_string(doc, key, in->r.arena, &name)) name = S("?");
            note(in, FEATURE_UNKNOWN,
                 arena_printf(in->r.arena, "additionalModelRequestFields.%" STR_FMT, STR_ARG(str_head(name, 100))));
        }
    }
    return true;
}

static bool read_output(struct call_in *in)
{
    struct canon_call *call = in->r.call;
    const struct json *doc = in->r.doc;
    json_ref config;
    if (!member(in, JSON_ROOT, S("outputConfig"), JSON_OBJECT, "an object", &config)) return false;
    json_ref schema = config ? json_path(doc, config, "textFormat", "structure", "jsonSchema", NULL) : JSON_ABSENT;
    if (!schema || json_type(doc, schema) != JSON_OBJECT) return true;
    str text = canon_text(doc, schema, S("schema"), in->r.arena); /* JSON inside a string */
    struct json inner;
    struct json_fail why;
    json_init(&inner);
    bool ok = json_parse(&inner, text, &why);
    json_free(&inner);
    if (!ok) return refuse(in, S("outputConfig.textFormat.structure.jsonSchema.schema"), "JSON in a string");
    call->output.format = FORMAT_SCHEMA;
    call->output.schema = (jraw){text};
    call->output.name = canon_text(doc, schema, S("name"), in->r.arena);
    call->output.description = canon_raw_string(doc, schema, S("description"));
    note(in, FEATURE_JSON_SCHEMA, S("outputConfig.textFormat"));
    return true;
}

static const struct {
    str name;
    enum canon_feature feature;
} others[] = {
    {STR_INIT("guardrailConfig"), FEATURE_GUARDRAIL},
    {STR_INIT("additionalModelResponseFieldPaths"), FEATURE_CLIENT_HINT},
    {STR_INIT("performanceConfig"), FEATURE_SPEED},
    {STR_INIT("serviceTier"), FEATURE_SERVICE_TIER},
    {STR_INIT("promptVariables"), FEATURE_STORED_CONTEXT},
};

static void read_rest(struct call_in *in)
{
    static const str known[] = {STR_INIT("messages"),        STR_INIT("system"),       STR_INIT("toolConfig"),
                                STR_INIT("inferenceConfig"), STR_INIT("outputConfig"), STR_INIT("requestMetadata")};
    struct canon_call *call = in->r.call;
    const struct json *doc = in->r.doc;
    json_ref tier = openai_find(doc, JSON_ROOT, S("serviceTier"));
    call->metadata = canon_raw(doc, openai_find(doc, JSON_ROOT, S("requestMetadata")));
    if (call->metadata.json.p) note(in, FEATURE_METADATA, S("requestMetadata"));
    if (tier) call->service_tier = canon_text(doc, tier, S("type"), in->r.arena);
    call->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_CONVERSE, in->r.arena);
    for (json_ref key = json_first(doc, JSON_ROOT); key; key = json_next(doc, JSON_ROOT, key + 1)) {
        bool is_known = json_string_is(doc, key, S("additionalModelRequestFields"));
        for (size_t i = 0; i < COUNT_OF(known) && !is_known; i++) is_known = json_string_is(doc, key, known[i]);
        for (size_t i = 0; i < COUNT_OF(others) && !is_known; i++) {
            is_known = json_string_is(doc, key, others[i].name);
            if (is_known) note(in, others[i].feature, others[i].name);
        }
        str name = STR_NONE;
        if (!is_known && json_string(doc, key, in->r.arena, &name)) note(in, FEATURE_UNKNOWN, str_head(name, 100));
    }
}

bool converse_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    struct call_in in = {.r = {doc, out->arena, out}, .problem = problem};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) {
        *problem = (struct call_problem){ERR_BAD_REQUEST, S("The body must be a JSON object."), S("")};
        return false;
    }
    if (!read_messages(&in) || !read_tools(&in) || !read_inference(&in) || !read_additional(&in) || !read_output(&in))
        return false;
    read_rest(&in);
    return true;
}

/* CountTokens takes what Converse takes, inside `input`. */
bool converse_decode_count(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    json_ref input = openai_find(doc, JSON_ROOT, S("input"));
    json_ref at = input && json_type(doc, input) == JSON_OBJECT ? openai_find(doc, input, S("converse")) : JSON_ABSENT;
    struct json inner;
    struct json_fail why;
    if (!at) {
        *problem =
            (struct call_problem){ERR_BAD_FIELD,
                                  S("`input.converse` is missing: it holds what Converse would be asked."), S("input")};
        return false;
    }
    json_init(&inner);
    bool ok = json_parse(&inner, json_raw(doc, at), &why) && converse_decode_call(&inner, out, problem);
    json_free(&inner);
    return ok;
}

/* ---- as it came */

bool converse_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                   struct call_problem *problem)
{
    struct canon_call canon;
    canon_call_init(&canon, DIALECT_CONVERSE, arena);
    *out = (struct call){.kind = kind, .max_output = -1, .max_tool_calls = -1, .choices = 1, .choices_returned = 1};
    out->arena = arena;
    bool counts = kind == CALL_COUNT_CONVERSE;
    if (!(counts ? converse_decode_count : converse_decode_call)(doc, &canon, problem)) return false;
    canon_count(&canon, doc, out);
    if (counts) return true;
    out->at_open = doc->nodes[JSON_ROOT].start + 1;
    out->root_empty = !json_first(doc, JSON_ROOT);
    out->limit_in = openai_find(doc, JSON_ROOT, S("inferenceConfig"));
    out->max_refs[0] = out->limit_in ? json_find(doc, out->limit_in, S("maxTokens"), NULL) : JSON_ABSENT;
    return true;
}

size_t converse_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                     struct json_edit edits[CALL_EDITS_MAX])
{
    int64_t limit = changes->max_output;
    if (call->kind == CALL_COUNT_CONVERSE) return 0;
    if (limit < 0 || (call->max_output >= 0 && call->max_output <= limit)) return 0;
    str number = arena_printf(call->arena, "%lld", (long long)limit);
    if (call->max_refs[0]) {
        const struct json_node *node = &doc->nodes[call->max_refs[0]];
        edits[0] = (struct json_edit){node->start, node->end - node->start, number};
        return 1;
    }
    json_ref null = call->limit_in ? JSON_ABSENT : json_find(doc, JSON_ROOT, S("inferenceConfig"), NULL);
    if (null) {
        const struct json_node *node = &doc->nodes[null];
        str whole = arena_printf(call->arena, "{\"maxTokens\":%" STR_FMT "}", STR_ARG(number));
        edits[0] = (struct json_edit){node->start, node->end - node->start, whole};
        return 1;
    }
    bool empty = call->limit_in ? !json_first(doc, call->limit_in) : call->root_empty;
    const char *comma = empty ? "" : ",";
    size_t at = call->limit_in ? doc->nodes[call->limit_in].start + 1 : call->at_open;
    str text = call->limit_in ? arena_printf(call->arena, "\"maxTokens\":%" STR_FMT "%s", STR_ARG(number), comma)
                              : arena_printf(call->arena, "\"inferenceConfig\":{\"maxTokens\":%" STR_FMT "}%s",
                                             STR_ARG(number), comma);
    edits[0] = (struct json_edit){at, 0, text};
    return 1;
}

/* A call: contents, instruction, and what stands beside them. Model and streaming
 * stand in the path. */
#include "dialect/gemini.h"

enum {
    AT_CONTENTS,
    AT_SYSTEM,
    AT_TOOLS,
    AT_TOOL_CONFIG,
    AT_CONFIG,
    AT_LABELS,
    AT_TIER,
    AT_MODEL,
};

static const struct gemini_field root_fields[] = {
    [AT_CONTENTS] = {STR_INIT("contents"), GEMINI_READ},
    [AT_SYSTEM] = {STR_INIT("systemInstruction"), GEMINI_READ},
    [AT_TOOLS] = {STR_INIT("tools"), GEMINI_READ},
    [AT_TOOL_CONFIG] = {STR_INIT("toolConfig"), GEMINI_READ},
    [AT_CONFIG] = {STR_INIT("generationConfig"), GEMINI_READ},
    [AT_LABELS] = {STR_INIT("labels"), GEMINI_READ},
    [AT_TIER] = {STR_INIT("serviceTier"), GEMINI_READ},
    [AT_MODEL] = {STR_INIT("model"), GEMINI_READ}, /* repeats the path */
    {STR_INIT("safetySettings"), FEATURE_SAFETY},
    {STR_INIT("cachedContent"), FEATURE_CACHE_STORED},
    {STR_INIT("modelArmorConfig"), FEATURE_GUARDRAIL},
    {STR_INIT("store"), FEATURE_STORE},
};

/* `function` and `tool` are what results of functions came from before. */
static bool is_role(const struct json *doc, json_ref at)
{
    static const str names[] = {STR_INIT("user"),     STR_INIT("model"), STR_INIT("system"),
                                STR_INIT("function"), STR_INIT("tool"),  STR_INIT("")};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (json_string_is(doc, at, names[i])) return true;
    return json_type(doc, at) == JSON_NULL;
}

static bool read_content(struct gemini_reader *r, json_ref at, enum canon_role role, bool fixed)
{
    static const struct gemini_field fields[] = {{STR_INIT("role"), GEMINI_READ}, {STR_INIT("parts"), GEMINI_READ}};
    json_ref found[COUNT_OF(fields)];
    struct canon_extras extras;
    struct gemini_parts parts = {0};
    str where = fixed ? S("systemInstruction") : S("contents");
    json_ref list = at;
    extras = (struct canon_extras){.of = DIALECT_GEMINI};
    if (json_type(r->doc, at) == JSON_OBJECT && !gemini_find(r->doc, at, S("text"))) {
        if (!gemini_fields(r, at, where, fields, COUNT_OF(fields), found, &extras)) return false;
        list = found[1];
        if (!fixed && found[0] && json_string_is(r->doc, found[0], S("model"))) role = ROLE_ASSISTANT;
        if (!fixed && found[0] && json_string_is(r->doc, found[0], S("system"))) role = ROLE_SYSTEM;
        if (!fixed && found[0] && !is_role(r->doc, found[0]))
            return gemini_refuse(r, S("contents.role"), S("user, model, function or system"));
    }
    struct canon_message *m = canon_add_message(r->call, role);
    m->extras = extras;
    if (!gemini_read_parts(r, list, where, &parts)) return false;
    m->parts = parts.first;
    return true;
}

static bool read_contents(struct gemini_reader *r, json_ref at)
{
    if (!at) return gemini_refuse(r, S("contents"), S("a list of contents"));
    if (json_type(r->doc, at) == JSON_OBJECT || json_type(r->doc, at) == JSON_STRING)
        return read_content(r, at, ROLE_USER, false);
    if (json_type(r->doc, at) != JSON_ARRAY) return gemini_refuse(r, S("contents"), S("a list of contents"));
    for (json_ref c = json_first(r->doc, at); c; c = json_next(r->doc, at, c)) {
        if (json_type(r->doc, c) != JSON_OBJECT) return gemini_refuse(r, S("contents"), S("a list of objects"));
        if (!read_content(r, c, ROLE_USER, false)) return false;
    }
    return true;
}

static bool read_labels(struct gemini_reader *r, const json_ref *at)
{
    if (at[AT_LABELS] && json_type(r->doc, at[AT_LABELS]) == JSON_OBJECT) {
        r->call->metadata = (jraw){json_raw(r->doc, at[AT_LABELS])};
        if (json_first(r->doc, at[AT_LABELS])) gemini_note(r, FEATURE_METADATA, S("labels"));
    }
    if (at[AT_TIER] && json_type(r->doc, at[AT_TIER]) == JSON_STRING) {
        r->call->service_tier = gemini_string(r, at[AT_TIER]);
        gemini_note(r, FEATURE_SERVICE_TIER, S("serviceTier"));
    }
    return true;
}

/* Members that only Gemini knows; those of objects within keep their object around them. */
static void keep_extras(struct gemini_reader *r, const struct canon_extras *root, const struct canon_extras *config,
                        json_ref tool_config)
{
    struct buf members;
    buf_init(&members, 0);
    buf_add(&members, root->members);
    if (config->members.n) {
        canon_key(&members, S("generationConfig"));
        buf_printf(&members, "{%" STR_FMT "}", STR_ARG(config->members));
    }
    if (tool_config) canon_put_raw(&members, S("toolConfig"), (jraw){json_raw(r->doc, tool_config)});
    r->call->extras = (struct canon_extras){DIALECT_GEMINI, members.n ? arena_str(r->arena, buf_str(&members)) : S("")};
    buf_free(&members);
}

bool gemini_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    struct gemini_reader r = {.doc = doc, .arena = out->arena, .call = out, .problem = problem};
    json_ref at[COUNT_OF(root_fields)];
    struct canon_extras root, config = {0};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return gemini_refuse(&r, S("body"), S("an object"));
    if (!gemini_fields(&r, JSON_ROOT, S(""), root_fields, COUNT_OF(root_fields), at, &root)) return false;
    if (at[AT_SYSTEM] && !read_content(&r, at[AT_SYSTEM], ROLE_SYSTEM, true)) return false;
    if (!read_contents(&r, at[AT_CONTENTS])) return false;
    gemini_join_turns(out);
    if (at[AT_TOOLS] && !gemini_read_tools(&r, at[AT_TOOLS])) return false;
    if (at[AT_TOOL_CONFIG] && !gemini_read_tool_config(&r, at[AT_TOOL_CONFIG])) return false;
    if (at[AT_CONFIG] && !gemini_read_config(&r, at[AT_CONFIG], &config)) return false;
    keep_extras(&r, &root, &config, at[AT_TOOL_CONFIG]);
    return read_labels(&r, at);
}

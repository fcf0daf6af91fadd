/* Tools and how they may be used. */
#include "dialect/gemini.h"

enum { AT_NAME, AT_DESCRIPTION, AT_PARAMETERS, AT_JSON_PARAMETERS };

static const struct gemini_field function_fields[] = {
    [AT_NAME] = {STR_INIT("name"), GEMINI_READ},
    [AT_DESCRIPTION] = {STR_INIT("description"), GEMINI_READ},
    [AT_PARAMETERS] = {STR_INIT("parameters"), GEMINI_READ},
    [AT_JSON_PARAMETERS] = {STR_INIT("parametersJsonSchema"), GEMINI_READ},
    {STR_INIT("response"), FEATURE_CLIENT_HINT},
    {STR_INIT("responseJsonSchema"), FEATURE_CLIENT_HINT},
    {STR_INIT("behavior"), FEATURE_CLIENT_HINT},
};

static bool read_function(struct gemini_reader *r, json_ref at)
{
    json_ref found[COUNT_OF(function_fields)];
    struct canon_extras extras;
    str where = S("tools.functionDeclarations");
    if (json_type(r->doc, at) != JSON_OBJECT) return gemini_refuse(r, where, S("a list of objects"));
    if (!gemini_fields(r, at, where, function_fields, COUNT_OF(function_fields), found, &extras)) return false;
    struct canon_tool *tool = canon_add_tool(r->call, TOOL_FUNCTION);
    tool->name = gemini_string(r, found[AT_NAME]);
    if (found[AT_DESCRIPTION] && json_type(r->doc, found[AT_DESCRIPTION]) == JSON_STRING)
        tool->description = canon_raw(r->doc, found[AT_DESCRIPTION]);
    if (found[AT_JSON_PARAMETERS])
        tool->schema = (jraw){json_raw(r->doc, found[AT_JSON_PARAMETERS])};
    else if (found[AT_PARAMETERS])
        tool->schema = gemini_schema(r->arena, r->doc, found[AT_PARAMETERS]);
    tool->extras = extras;
    gemini_note(r, FEATURE_TOOLS, S("tools"));
    return true;
}

/* A tool that runs at Google: kept as it stands, with its name. */
static void read_server_tool(struct gemini_reader *r, json_ref key)
{
    str raw = json_raw(r->doc, key), name = str_of(raw.p + 1, raw.n - 2);
    bool search = json_string_is(r->doc, key, S("googleSearch")) || json_string_is(r->doc, key, S("google_search")) ||
                  json_string_is(r->doc, key, S("googleSearchRetrieval")) ||
                  json_string_is(r->doc, key, S("google_search_retrieval"));
    struct canon_tool *tool = canon_add_tool(r->call, search ? TOOL_WEB_SEARCH : TOOL_OPAQUE);
    tool->name = arena_str(r->arena, name);
    tool->value =
        (jraw){arena_printf(r->arena, "{%" STR_FMT ":%" STR_FMT "}", STR_ARG(raw), STR_ARG(json_raw(r->doc, key + 1)))};
    tool->extras.of = DIALECT_GEMINI;
    gemini_note(r, search ? FEATURE_WEB_SEARCH : FEATURE_SERVER_TOOL,
                arena_printf(r->arena, "tools.%" STR_FMT, STR_ARG(name)));
}

static bool read_tool(struct gemini_reader *r, json_ref tool)
{
    if (json_type(r->doc, tool) != JSON_OBJECT) return gemini_refuse(r, S("tools"), S("a list of objects"));
    for (json_ref key = json_first(r->doc, tool); key; key = json_next(r->doc, tool, key + 1)) {
        bool functions = json_string_is(r->doc, key, S("functionDeclarations")) ||
                         json_string_is(r->doc, key, S("function_declarations"));
        if (json_type(r->doc, key + 1) == JSON_NULL) continue;
        if (!functions) {
            read_server_tool(r, key);
            continue;
        }
        if (json_type(r->doc, key + 1) != JSON_ARRAY)
            return gemini_refuse(r, S("tools.functionDeclarations"), S("a list"));
        for (json_ref f = json_first(r->doc, key + 1); f; f = json_next(r->doc, key + 1, f))
            if (!read_function(r, f)) return false;
    }
    return true;
}

bool gemini_read_tools(struct gemini_reader *r, json_ref at)
{
    if (json_type(r->doc, at) == JSON_OBJECT) return read_tool(r, at);
    if (json_type(r->doc, at) != JSON_ARRAY) return gemini_refuse(r, S("tools"), S("a list"));
    for (json_ref tool = json_first(r->doc, at); tool; tool = json_next(r->doc, at, tool))
        if (!read_tool(r, tool)) return false;
    return true;
}

/* ---- toolConfig */

static enum canon_choice_mode mode_of(struct gemini_reader *r, json_ref at)
{
    static const struct {
        str name;
        enum canon_choice_mode mode;
    } modes[] = {{STR_INIT("MODE_UNSPECIFIED"), CHOICE_UNSET},
                 {STR_INIT("AUTO"), CHOICE_AUTO},
                 {STR_INIT("ANY"), CHOICE_REQUIRED},
                 {STR_INIT("NONE"), CHOICE_NONE},
                 {STR_INIT("VALIDATED"), CHOICE_AUTO}}; /* by protobuf's number */
    int64_t number;
    if (!at) return CHOICE_UNSET;
    if (json_i64(r->doc, at, &number))
        return number >= 0 && number < (int64_t)COUNT_OF(modes) ? modes[number].mode : CHOICE_UNSET;
    str name = gemini_string(r, at);
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        if (str_eq_nocase(name, modes[i].name)) return modes[i].mode;
    return CHOICE_UNSET;
}

static bool read_allowed(struct gemini_reader *r, json_ref at)
{
    struct canon_tool_choice *choice = &r->call->choice;
    size_t count = 0;
    str field = S("toolConfig.functionCallingConfig.allowedFunctionNames");
    if (!at) return true;
    if (json_type(r->doc, at) != JSON_ARRAY) return gemini_refuse(r, field, S("a list of strings"));
    for (json_ref s = json_first(r->doc, at); s; s = json_next(r->doc, at, s)) count++;
    str *names = arena_alloc(r->arena, (count + 1) * sizeof(*names));
    count = 0;
    for (json_ref s = json_first(r->doc, at); s; s = json_next(r->doc, at, s)) {
        if (json_type(r->doc, s) != JSON_STRING) return gemini_refuse(r, field, S("a list of strings"));
        names[count++] = gemini_string(r, s);
    }
    if (count == 1 && choice->mode == CHOICE_REQUIRED) {
        choice->name = names[0];
        gemini_note(r, FEATURE_TOOL_CHOICE_NAMED, field);
    } else if (count) {
        canon_allow(r->call, names, count);
        gemini_note(r, FEATURE_TOOL_CHOICE_ALLOWED, field);
    }
    return true;
}

bool gemini_read_tool_config(struct gemini_reader *r, json_ref at)
{
    static const struct gemini_field fields[] = {{STR_INIT("functionCallingConfig"), GEMINI_READ},
                                                 {STR_INIT("retrievalConfig"), FEATURE_CLIENT_HINT},
                                                 {STR_INIT("includeServerSideToolInvocations"), FEATURE_CLIENT_HINT}};
    static const struct gemini_field calling[] = {{STR_INIT("mode"), GEMINI_READ},
                                                  {STR_INIT("allowedFunctionNames"), GEMINI_READ},
                                                  {STR_INIT("streamFunctionCallArguments"), FEATURE_CLIENT_HINT}};
    json_ref found[COUNT_OF(fields)], said[COUNT_OF(calling)];
    struct canon_extras extras;
    str where = S("toolConfig.functionCallingConfig");
    if (json_type(r->doc, at) != JSON_OBJECT) return gemini_refuse(r, S("toolConfig"), S("an object"));
    if (!gemini_fields(r, at, S("toolConfig"), fields, COUNT_OF(fields), found, &extras)) return false;
    if (!found[0]) return true;
    if (json_type(r->doc, found[0]) != JSON_OBJECT) return gemini_refuse(r, where, S("an object"));
    if (!gemini_fields(r, found[0], where, calling, COUNT_OF(calling), said, &extras)) return false;
    r->call->choice.mode = mode_of(r, said[0]);
    if (r->call->choice.mode == CHOICE_NONE) gemini_note(r, FEATURE_TOOL_CHOICE_NONE, where);
    if (!read_allowed(r, said[1])) return false;
    if (r->call->choice.mode == CHOICE_REQUIRED && !r->call->choice.name.n)
        gemini_note(r, FEATURE_TOOL_CHOICE_REQUIRED, where);
    return true;
}

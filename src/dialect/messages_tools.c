/* Tools of /v1/messages: functions of the client's own, tools that run at the provider,
 * and tools that the client runs by a definition of the provider's. */
#include "dialect/messages.h"

/* A kind of tool by the beginning of its type; a date follows. */
static const struct {
    str begins;
    enum canon_tool_kind kind;
    bool at_client;
} kinds[] = {
    {STR_INIT("web_search_"), TOOL_WEB_SEARCH, false}, {STR_INIT("bash_"), TOOL_OPAQUE, true},
    {STR_INIT("text_editor_"), TOOL_OPAQUE, true},     {STR_INIT("computer_"), TOOL_OPAQUE, true},
    {STR_INIT("browser_"), TOOL_OPAQUE, true},         {STR_INIT("memory_"), TOOL_OPAQUE, true},
};

static void note_search(struct messages_reader *r, json_ref at)
{
    static const struct {
        str name;
        enum canon_feature feature;
    } terms[] = {{STR_INIT("allowed_domains"), FEATURE_WEB_SEARCH_ALLOWED},
                 {STR_INIT("blocked_domains"), FEATURE_WEB_SEARCH_BLOCKED},
                 {STR_INIT("user_location"), FEATURE_WEB_SEARCH_PLACE},
                 {STR_INIT("max_uses"), FEATURE_WEB_SEARCH_PLACE}};
    for (size_t i = 0; i < COUNT_OF(terms); i++) {
        json_ref value = openai_find(r->doc, at, terms[i].name);
        if (value && !canon_is_nothing(r->doc, value))
            messages_note(r, terms[i].feature, arena_printf(r->arena, "tools.%" STR_FMT, STR_ARG(terms[i].name)));
    }
}

static void read_typed(struct messages_reader *r, json_ref at, str type)
{
    enum canon_tool_kind kind = TOOL_OPAQUE;
    bool at_client = false;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!str_starts(type, kinds[i].begins)) continue;
        kind = kinds[i].kind;
        at_client = kinds[i].at_client;
    }
    struct canon_tool *tool = canon_add_tool(r->call, kind);
    tool->at_client = at_client;
    tool->name = canon_text(r->doc, at, S("name"), r->arena);
    tool->value = canon_raw(r->doc, at);
    tool->extras.of = DIALECT_MESSAGES;
    int64_t uses;
    if (json_i64(r->doc, json_find(r->doc, at, S("max_uses"), NULL), &uses) && uses >= 0) tool->max_uses = uses;
    tool->cache_ttl = messages_cache_ttl(r->doc, at);
    if (kind == TOOL_WEB_SEARCH) note_search(r, at);
    messages_note(r, kind == TOOL_WEB_SEARCH ? FEATURE_WEB_SEARCH : FEATURE_SERVER_TOOL,
                  arena_printf(r->arena, "tools.%" STR_FMT, STR_ARG(str_head(type, 64))));
}

static void note_rest(struct messages_reader *r, json_ref at)
{
    static const str hints[] = {STR_INIT("defer_loading"), STR_INIT("allowed_callers"), STR_INIT("input_examples"),
                                STR_INIT("eager_input_streaming")};
    static const str read[] = {STR_INIT("type"),         STR_INIT("name"),   STR_INIT("description"),
                               STR_INIT("input_schema"), STR_INIT("strict"), STR_INIT("cache_control")};
    for (json_ref key = json_first(r->doc, at); key; key = json_next(r->doc, at, key + 1)) {
        bool known = json_type(r->doc, key + 1) == JSON_NULL;
        for (size_t i = 0; i < COUNT_OF(read) && !known; i++) known = json_string_is(r->doc, key, read[i]);
        for (size_t i = 0; i < COUNT_OF(hints) && !known; i++) {
            known = json_string_is(r->doc, key, hints[i]);
            if (known)
                messages_note(r, FEATURE_CLIENT_HINT, arena_printf(r->arena, "tools.%" STR_FMT, STR_ARG(hints[i])));
        }
        if (!known) messages_note_unknown(r, S("tools."), key);
    }
}

static void read_function(struct messages_reader *r, json_ref at)
{
    static const str known[] = {STR_INIT("name"), STR_INIT("description"), STR_INIT("input_schema"),
                                STR_INIT("strict")};
    struct canon_tool *tool = canon_add_tool(r->call, TOOL_FUNCTION);
    tool->name = canon_text(r->doc, at, S("name"), r->arena);
    tool->description = canon_raw_string(r->doc, at, S("description"));
    tool->schema = canon_raw(r->doc, json_find(r->doc, at, S("input_schema"), NULL));
    tool->strict = canon_tristate(r->doc, at, S("strict"));
    tool->cache_ttl = messages_cache_ttl(r->doc, at);
    tool->extras = canon_extras_of(r->doc, at, known, COUNT_OF(known), DIALECT_MESSAGES, r->arena);
    if (tool->extras.members.n) note_rest(r, at);
    messages_note(r, FEATURE_TOOLS, S("tools"));
    if (tool->strict == 1) messages_note(r, FEATURE_TOOL_STRICT, S("tools.strict"));
    if (tool->cache_ttl) messages_note(r, FEATURE_CACHE_MARKER, S("tools.cache_control"));
}

bool messages_read_tools(struct messages_reader *r, json_ref tools)
{
    if (!tools || json_type(r->doc, tools) == JSON_NULL) return true;
    if (json_type(r->doc, tools) != JSON_ARRAY) return messages_refuse(r, S("tools"), "must be an array");
    for (json_ref at = json_first(r->doc, tools); at; at = json_next(r->doc, tools, at)) {
        json_ref type;
        if (json_type(r->doc, at) != JSON_OBJECT) return messages_refuse(r, S("tools"), "must be an array of objects");
        if (!messages_member(r, at, S("type"), &type)) return false;
        str text = canon_text(r->doc, at, S("type"), r->arena);
        if (!type || str_eq(text, S("custom")))
            read_function(r, at);
        else
            read_typed(r, at, text);
    }
    return true;
}

bool messages_read_choice(struct messages_reader *r, json_ref choice)
{
    static const struct {
        str type;
        enum canon_choice_mode mode;
        enum canon_feature feature;
    } modes[] = {
        {STR_INIT("auto"), CHOICE_AUTO, FEATURE_TOOLS},
        {STR_INIT("any"), CHOICE_REQUIRED, FEATURE_TOOL_CHOICE_REQUIRED},
        {STR_INIT("tool"), CHOICE_REQUIRED, FEATURE_TOOL_CHOICE_NAMED},
        {STR_INIT("none"), CHOICE_NONE, FEATURE_TOOL_CHOICE_NONE},
    };
    struct canon_tool_choice *c = &r->call->choice;
    json_ref type;
    if (!choice || json_type(r->doc, choice) == JSON_NULL) return true;
    if (json_type(r->doc, choice) != JSON_OBJECT) return messages_refuse(r, S("tool_choice"), "must be an object");
    if (!messages_member(r, choice, S("type"), &type)) return false;
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (!json_string_is(r->doc, type, modes[i].type)) continue;
        found = true;
        c->mode = modes[i].mode;
        messages_note(r, modes[i].feature, S("tool_choice"));
    }
    if (!found) messages_note(r, FEATURE_UNKNOWN, S("tool_choice.type"));
    if (json_string_is(r->doc, type, S("tool"))) c->name = canon_text(r->doc, choice, S("name"), r->arena);
    int8_t off = canon_tristate(r->doc, choice, S("disable_parallel_tool_use"));
    if (off >= 0) c->parallel = !off;
    if (off == 1) messages_note(r, FEATURE_TOOL_PARALLEL_OFF, S("tool_choice.disable_parallel_tool_use"));
    return true;
}

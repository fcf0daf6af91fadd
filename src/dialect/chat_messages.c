/* The messages and tools of a chat call. */
#include "dialect/chat.h"

/* What a message may have. The rest is kept as extras and named. */
static const struct {
    str name;
    bool kept; /* as extras, too: the same dialect writes it as it came */
} members[] = {
    {STR_INIT("role"), false},         {STR_INIT("content"), false},
    {STR_INIT("name"), false},         {STR_INIT("tool_calls"), false},
    {STR_INIT("tool_call_id"), false}, {STR_INIT("function_call"), false},
    {STR_INIT("refusal"), false},      {STR_INIT("reasoning_content"), true},
    {STR_INIT("reasoning"), true},     {STR_INIT("reasoning_details"), true},
    {STR_INIT("audio"), true},         {STR_INIT("annotations"), true},
    {STR_INIT("cache_control"), true},
};

/* An empty list, false or null says nothing. */
static bool says_nothing(const struct json *doc, json_ref at)
{
    enum json_type type = json_type(doc, at);
    return type == JSON_NULL || type == JSON_FALSE || (type == JSON_ARRAY && !json_first(doc, at));
}

/* Assistant messages come back with whatever their provider put into them: that is no wish of the client's. */
static void note_members(struct chat_reader *r, json_ref at, bool assistant)
{
    for (json_ref key = json_first(r->doc, at); key; key = json_next(r->doc, at, key + 1)) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(members) && !is_known; i++)
            is_known = json_string_is(r->doc, key, members[i].name);
        if (is_known || says_nothing(r->doc, key + 1)) continue;
        chat_note_unknown(r, assistant ? FEATURE_CLIENT_HINT : FEATURE_UNKNOWN, S("messages."), key);
    }
}

static struct canon_extras extras_of(struct chat_reader *r, json_ref at)
{
    str known[COUNT_OF(members)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (!members[i].kept) known[count++] = members[i].name;
    return canon_extras_of(r->doc, at, known, count, DIALECT_CHAT, r->arena);
}

static bool read_plain(struct chat_reader *r, json_ref at, struct canon_message *m)
{
    struct canon_part **tail = &m->parts;
    m->name = canon_text(r->doc, at, S("name"), r->arena);
    if (m->name.n) chat_note(r, FEATURE_SPEAKER_NAME, S("messages.name"));
    return chat_read_content(r, openai_find(r->doc, at, S("content")), &tail, S("messages.content"));
}

static bool read_assistant(struct chat_reader *r, json_ref at, struct canon_message *m)
{
    struct canon_part **tail = &m->parts;
    json_ref audio = openai_find(r->doc, at, S("audio"));
    if (audio) chat_note(r, FEATURE_STORED_CONTEXT, S("messages.audio"));
    m->name = canon_text(r->doc, at, S("name"), r->arena);
    if (m->name.n) chat_note(r, FEATURE_SPEAKER_NAME, S("messages.name"));
    chat_read_reasoning(r, at, &tail);
    if (!chat_read_content(r, openai_find(r->doc, at, S("content")), &tail, S("messages.content"))) return false;
    jraw refusal = chat_full_string(r->doc, at, S("refusal"));
    if (refusal.json.p) chat_append(r, &tail, PART_REFUSAL)->text = refusal;
    return chat_read_tool_calls(r, at, &tail);
}

/* `tool`, or the older `function`, whose name is all that links it to the call. */
static bool read_result(struct chat_reader *r, json_ref at, struct canon_message *m)
{
    struct canon_part **tail = &m->parts, **inside;
    struct canon_part *part = chat_append(r, &tail, PART_TOOL_RESULT);
    part->tool.id = canon_text(r->doc, at, S("tool_call_id"), r->arena);
    part->tool.name = canon_text(r->doc, at, S("name"), r->arena);
    if (!part->tool.id.n) part->tool.id = r->legacy_call;
    inside = &part->tool.content;
    r->tool_result = true;
    bool ok = chat_read_content(r, openai_find(r->doc, at, S("content")), &inside, S("messages.content"));
    r->tool_result = false;
    return ok;
}

static const struct {
    str name;
    enum canon_role role;
    bool (*read)(struct chat_reader *r, json_ref at, struct canon_message *m);
} roles[] = {
    {STR_INIT("user"), ROLE_USER, read_plain},           {STR_INIT("assistant"), ROLE_ASSISTANT, read_assistant},
    {STR_INIT("tool"), ROLE_USER, read_result},          {STR_INIT("system"), ROLE_SYSTEM, read_plain},
    {STR_INIT("developer"), ROLE_DEVELOPER, read_plain}, {STR_INIT("function"), ROLE_USER, read_result},
};

static bool read_message(struct chat_reader *r, json_ref at)
{
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, S("messages"), "a list of objects");
    json_ref role = openai_find(r->doc, at, S("role"));
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (!role || !json_string_is(r->doc, role, roles[i].name)) continue;
        struct canon_message *m = canon_add_message(r->call, roles[i].role);
        note_members(r, at, m->role == ROLE_ASSISTANT);
        m->extras = extras_of(r, at);
        return roles[i].read(r, at, m);
    }
    return chat_refuse(r, S("messages.role"), "system, developer, user, assistant, tool or function");
}

bool chat_read_messages(struct chat_reader *r, json_ref at)
{
    if (json_type(r->doc, at) != JSON_ARRAY) return chat_refuse(r, S("messages"), "a list of objects");
    r->call->messages = r->call->last_message = NULL;
    for (json_ref m = json_first(r->doc, at); m; m = json_next(r->doc, at, m))
        if (!read_message(r, m)) return false;
    return true;
}

/* ---- tools */

static void read_function(struct chat_reader *r, json_ref function, struct canon_tool *tool)
{
    tool->name = canon_text(r->doc, function, S("name"), r->arena);
    tool->description = canon_raw_string(r->doc, function, S("description"));
    tool->schema = canon_raw(r->doc, json_find(r->doc, function, S("parameters"), NULL));
    tool->strict = canon_tristate(r->doc, function, S("strict"));
    if (tool->strict == 1) chat_note(r, FEATURE_TOOL_STRICT, S("tools.function.strict"));
}

static void note_tool_members(struct chat_reader *r, json_ref at, const str *known, size_t count, str where)
{
    for (json_ref key = json_first(r->doc, at); key; key = json_next(r->doc, at, key + 1)) {
        bool is_known = says_nothing(r->doc, key + 1);
        for (size_t i = 0; i < count && !is_known; i++) is_known = json_string_is(r->doc, key, known[i]);
        if (!is_known) chat_note_unknown(r, FEATURE_UNKNOWN, where, key);
    }
}

static bool read_function_tool(struct chat_reader *r, json_ref at, json_ref function)
{
    static const str outer[] = {STR_INIT("type"), STR_INIT("function"), STR_INIT("cache_control")};
    static const str inner[] = {STR_INIT("name"), STR_INIT("description"), STR_INIT("parameters"), STR_INIT("strict")};
    struct canon_tool *tool = canon_add_tool(r->call, TOOL_FUNCTION);
    json_ref marker = openai_find(r->doc, at, S("cache_control"));
    read_function(r, function, tool);
    if (!tool->name.p) return chat_refuse(r, S("tools.function.name"), "a string");
    note_tool_members(r, at, outer, COUNT_OF(outer), S("tools."));
    note_tool_members(r, function, inner, COUNT_OF(inner), S("tools.function."));
    if (chat_has_more(r->doc, at, outer, 2) || chat_has_more(r->doc, function, inner, COUNT_OF(inner)))
        tool->value = canon_raw(r->doc, at);
    chat_note(r, FEATURE_TOOLS, S("tools"));
    if (!marker) return true;
    json_ref ttl = json_find(r->doc, marker, S("ttl"), NULL);
    tool->cache_ttl = ttl && json_string_is(r->doc, ttl, S("1h")) ? 3600 : 300;
    chat_note(r, FEATURE_CACHE_MARKER, S("cache_control"));
    return true;
}

static bool read_tool(struct chat_reader *r, json_ref at)
{
    if (json_type(r->doc, at) != JSON_OBJECT) return chat_refuse(r, S("tools"), "a list of objects");
    json_ref function = openai_find(r->doc, at, S("function")), custom = openai_find(r->doc, at, S("custom"));
    if (function && json_type(r->doc, function) == JSON_OBJECT) return read_function_tool(r, at, function);
    bool is_custom = custom && json_type(r->doc, custom) == JSON_OBJECT;
    struct canon_tool *tool = canon_add_tool(r->call, is_custom ? TOOL_CUSTOM : TOOL_OPAQUE);
    tool->value = canon_raw(r->doc, at);
    tool->extras.of = DIALECT_CHAT;
    if (is_custom) {
        tool->name = canon_text(r->doc, custom, S("name"), r->arena);
        tool->description = canon_raw_string(r->doc, custom, S("description"));
        chat_note(r, FEATURE_TOOL_CUSTOM, S("tools.custom"));
        return true;
    }
    tool->name = canon_text(r->doc, at, S("type"), r->arena);
    chat_note(r, FEATURE_SERVER_TOOL, arena_printf(r->arena, "tools.%" STR_FMT, STR_ARG(tool->name)));
    return true;
}

bool chat_read_tools(struct chat_reader *r, json_ref at)
{
    if (json_type(r->doc, at) != JSON_ARRAY) return chat_refuse(r, S("tools"), "a list");
    for (json_ref tool = json_first(r->doc, at); tool; tool = json_next(r->doc, at, tool))
        if (!read_tool(r, tool)) return false;
    return true;
}

/* What `tools` was before. */
bool chat_read_functions(struct chat_reader *r, json_ref at)
{
    if (json_type(r->doc, at) != JSON_ARRAY) return chat_refuse(r, S("functions"), "a list");
    for (json_ref f = json_first(r->doc, at); f; f = json_next(r->doc, at, f)) {
        if (json_type(r->doc, f) != JSON_OBJECT) return chat_refuse(r, S("functions"), "a list of objects");
        struct canon_tool *tool = canon_add_tool(r->call, TOOL_FUNCTION);
        read_function(r, f, tool);
        if (!tool->name.p) return chat_refuse(r, S("functions.name"), "a string");
        chat_note(r, FEATURE_TOOLS, S("functions"));
    }
    return true;
}

/* ---- the choice of a tool */

static bool choose(struct chat_reader *r, json_ref at)
{
    static const struct {
        str word;
        enum canon_choice_mode mode;
    } modes[] = {
        {STR_INIT("auto"), CHOICE_AUTO},
        {STR_INIT("none"), CHOICE_NONE},
        {STR_INIT("required"), CHOICE_REQUIRED},
        {STR_INIT("any"), CHOICE_REQUIRED}, /* Mistral */
    };
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (!json_string_is(r->doc, at, modes[i].word)) continue;
        r->call->choice.mode = modes[i].mode;
        return true;
    }
    return chat_refuse(r, S("tool_choice"), "none, auto, required or an object");
}

static str tool_name(struct chat_reader *r, json_ref at)
{
    json_ref inner = openai_find(r->doc, at, S("function"));
    if (!inner) inner = openai_find(r->doc, at, S("custom"));
    return canon_text(r->doc, inner ? inner : at, S("name"), r->arena);
}

static bool read_allowed(struct chat_reader *r, json_ref allowed)
{
    json_ref mode = openai_find(r->doc, allowed, S("mode")), tools = openai_find(r->doc, allowed, S("tools"));
    size_t count = 0, i = 0;
    if (mode && !choose(r, mode)) return false;
    if (!tools || json_type(r->doc, tools) != JSON_ARRAY)
        return chat_refuse(r, S("tool_choice.allowed_tools.tools"), "a list");
    for (json_ref t = json_first(r->doc, tools); t; t = json_next(r->doc, tools, t)) count++;
    str *names = arena_alloc(r->arena, (count + 1) * sizeof(*names));
    for (json_ref t = json_first(r->doc, tools); t; t = json_next(r->doc, tools, t)) names[i++] = tool_name(r, t);
    canon_allow(r->call, names, count);
    if (r->call->choice.mode == CHOICE_UNSET) r->call->choice.mode = CHOICE_AUTO;
    chat_note(r, FEATURE_TOOL_CHOICE_ALLOWED, S("tool_choice.allowed_tools"));
    return true;
}

bool chat_read_tool_choice(struct chat_reader *r, json_ref at)
{
    struct canon_tool_choice *choice = &r->call->choice;
    if (json_type(r->doc, at) == JSON_STRING) {
        if (!choose(r, at)) return false;
    } else {
        json_ref allowed = openai_find(r->doc, at, S("allowed_tools"));
        if (allowed) return read_allowed(r, allowed);
        choice->mode = CHOICE_REQUIRED;
        choice->name = tool_name(r, at);
        if (!choice->name.n) return chat_refuse(r, S("tool_choice"), "a word, or an object that names a function");
    }
    if (choice->mode == CHOICE_NONE) chat_note(r, FEATURE_TOOL_CHOICE_NONE, S("tool_choice"));
    if (choice->mode == CHOICE_REQUIRED)
        chat_note(r, choice->name.n ? FEATURE_TOOL_CHOICE_NAMED : FEATURE_TOOL_CHOICE_REQUIRED, S("tool_choice"));
    return true;
}

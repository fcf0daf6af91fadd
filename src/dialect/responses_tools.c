/* Tools and their choice, read and written. A namespace is one tool on the wire and
 * several here: its functions, named "<namespace>__<name>" for those who know none. */
#include "dialect/responses.h"
#include "dialect/schema_subset.h"

/* ---- reading */

static void read_function(struct canon_call *call, const struct json *doc, json_ref at, str group, jraw value)
{
    struct canon_tool *tool = canon_add_tool(call, TOOL_FUNCTION);
    tool->group = group;
    tool->name = responses_group_name(call->arena, group, canon_text(doc, at, S("name"), call->arena));
    tool->description = canon_raw_string(doc, at, S("description"));
    tool->schema = canon_raw(doc, json_find(doc, at, S("parameters"), NULL));
    tool->strict = canon_tristate(doc, at, S("strict"));
    tool->value = value;
    tool->extras.of = DIALECT_RESPONSES;
    canon_note(call, FEATURE_TOOLS, S("tools"));
    if (tool->strict == 1) canon_note(call, FEATURE_TOOL_STRICT, S("tools.strict"));
}

static void read_custom(struct canon_call *call, const struct json *doc, json_ref at, str group, jraw value)
{
    struct canon_tool *tool = canon_add_tool(call, TOOL_CUSTOM);
    tool->group = group;
    tool->name = responses_group_name(call->arena, group, canon_text(doc, at, S("name"), call->arena));
    tool->description = canon_raw_string(doc, at, S("description"));
    tool->value = value;
    tool->extras.of = DIALECT_RESPONSES;
    canon_note(call, FEATURE_TOOL_CUSTOM, S("tools"));
}

static void read_opaque(struct canon_call *call, const struct json *doc, json_ref at)
{
    struct canon_tool *tool = canon_add_tool(call, TOOL_OPAQUE);
    tool->name = canon_text(doc, at, S("type"), call->arena);
    tool->value = canon_raw(doc, at);
    tool->extras.of = DIALECT_RESPONSES;
    canon_note(call, FEATURE_SERVER_TOOL,
               arena_printf(call->arena, "tools.%" STR_FMT, STR_ARG(str_head(tool->name, 64))));
}

/* "web_search", also with a date or "_preview" behind it. */
static bool is_search(const struct json *doc, json_ref type)
{
    return type && json_type(doc, type) == JSON_STRING && str_starts(json_raw(doc, type), S("\"web_search"));
}

/* Without access to the web it only looks into the provider's own index: agents offer it as a matter of
 * course, and can do without. */
static void read_search(struct canon_call *call, const struct json *doc, json_ref at)
{
    json_ref access = openai_find(doc, at, S("external_web_access"));
    bool cached = access && json_type(doc, access) == JSON_FALSE;
    struct canon_tool *tool = canon_add_tool(call, cached ? TOOL_OPAQUE : TOOL_WEB_SEARCH);
    tool->name = S("web_search");
    tool->value = canon_raw(doc, at);
    tool->extras.of = DIALECT_RESPONSES;
    canon_note(call, cached ? FEATURE_CLIENT_HINT : FEATURE_WEB_SEARCH, S("tools.web_search"));
    if (cached) return;
    json_ref domains = openai_find_in(doc, at, S("filters"), S("allowed_domains"));
    if (domains && !canon_is_nothing(doc, domains))
        canon_note(call, FEATURE_WEB_SEARCH_ALLOWED, S("tools.filters.allowed_domains"));
    if (openai_find(doc, at, S("user_location"))) canon_note(call, FEATURE_WEB_SEARCH_PLACE, S("tools.user_location"));
    if (openai_find(doc, at, S("search_context_size")))
        canon_note(call, FEATURE_CLIENT_HINT, S("tools.search_context_size"));
}

/* The first function of a namespace holds it as it stands; the others only stand in it. */
static void read_namespace(struct canon_call *call, const struct json *doc, json_ref at)
{
    str group = canon_text(doc, at, S("name"), call->arena);
    json_ref tools = openai_find(doc, at, S("tools"));
    if (!group.n || !tools || json_type(doc, tools) != JSON_ARRAY || !json_first(doc, tools)) {
        read_opaque(call, doc, at);
        return;
    }
    jraw value = canon_raw(doc, at);
    for (json_ref tool = json_first(doc, tools); tool; tool = json_next(doc, tools, tool)) {
        if (json_type(doc, tool) != JSON_OBJECT) continue;
        if (json_string_is(doc, openai_find(doc, tool, S("type")), S("custom")))
            read_custom(call, doc, tool, group, value);
        else
            read_function(call, doc, tool, group, value);
        value = RAW_NONE;
    }
}

void responses_read_tools(struct canon_call *call, const struct json *doc, json_ref tools)
{
    for (json_ref at = json_first(doc, tools); at; at = json_next(doc, tools, at)) {
        if (json_type(doc, at) != JSON_OBJECT) continue;
        json_ref type = openai_find(doc, at, S("type"));
        if (!type || json_string_is(doc, type, S("function")))
            read_function(call, doc, at, STR_NONE, canon_raw(doc, at));
        else if (json_string_is(doc, type, S("custom")))
            read_custom(call, doc, at, STR_NONE, canon_raw(doc, at));
        else if (json_string_is(doc, type, S("namespace")))
            read_namespace(call, doc, at);
        else if (is_search(doc, type))
            read_search(call, doc, at);
        else
            read_opaque(call, doc, at);
    }
}

static void read_allowed(struct canon_call *call, const struct json *doc, json_ref at)
{
    json_ref tools = openai_find(doc, at, S("tools"));
    size_t count = 0;
    bool required = json_string_is(doc, openai_find(doc, at, S("mode")), S("required"));
    call->choice.mode = required ? CHOICE_REQUIRED : CHOICE_AUTO;
    canon_note(call, FEATURE_TOOL_CHOICE_ALLOWED, S("tool_choice"));
    if (!tools || json_type(doc, tools) != JSON_ARRAY) return;
    for (json_ref tool = json_first(doc, tools); tool; tool = json_next(doc, tools, tool)) count++;
    str *names = arena_alloc(call->arena, (count + 1) * sizeof(*names));
    count = 0;
    for (json_ref tool = json_first(doc, tools); tool; tool = json_next(doc, tools, tool)) {
        json_ref type = openai_find(doc, tool, S("type"));
        str name = canon_text(doc, tool, S("name"), call->arena);
        if (is_search(doc, type)) name = S("web_search");
        if (!name.n) name = canon_text(doc, tool, S("type"), call->arena); /* as the provider's tools are called here */
        if (name.n) names[count++] = name;
    }
    canon_allow(call, names, count);
}

static bool read_choice_object(struct canon_call *call, const struct json *doc, json_ref at)
{
    json_ref type = openai_find(doc, at, S("type"));
    struct canon_tool_choice *to = &call->choice;
    if (json_string_is(doc, type, S("allowed_tools"))) {
        read_allowed(call, doc, at);
        return true;
    }
    to->mode = CHOICE_REQUIRED;
    to->name = canon_text(doc, at, S("name"), call->arena);
    bool named = json_string_is(doc, type, S("function")) || json_string_is(doc, type, S("custom"));
    if (named) {
        str group = canon_text(doc, at, S("namespace"), call->arena);
        to->name = responses_group_name(call->arena, group, to->name);
        canon_note(call, FEATURE_TOOL_CHOICE_NAMED, S("tool_choice"));
        return to->name.n > 0;
    }
    /* one of the provider's own tools */
    canon_note(call, is_search(doc, type) ? FEATURE_WEB_SEARCH_CHOSEN : FEATURE_SERVER_TOOL, S("tool_choice"));
    to->name = is_search(doc, type) ? S("web_search") : canon_text(doc, at, S("type"), call->arena);
    return to->name.n > 0;
}

bool responses_read_tool_choice(struct canon_call *call, const struct json *doc, json_ref at,
                                struct call_problem *problem)
{
    static const struct {
        str word;
        enum canon_choice_mode mode;
    } words[] = {{STR_INIT("auto"), CHOICE_AUTO},
                 {STR_INIT("none"), CHOICE_NONE},
                 {STR_INIT("required"), CHOICE_REQUIRED}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!json_string_is(doc, at, words[i].word)) continue;
        call->choice.mode = words[i].mode;
        if (words[i].mode == CHOICE_NONE) canon_note(call, FEATURE_TOOL_CHOICE_NONE, S("tool_choice"));
        if (words[i].mode == CHOICE_REQUIRED) canon_note(call, FEATURE_TOOL_CHOICE_REQUIRED, S("tool_choice"));
        return true;
    }
    if (json_type(doc, at) == JSON_OBJECT && read_choice_object(call, doc, at)) return true;
    *problem = (struct call_problem){ERR_BAD_FIELD,
                                     S("`tool_choice` must be auto, none, required, or an object that names a tool."),
                                     S("tool_choice")};
    return false;
}

/* ---- writing */

static void put_function(struct buf *out, const struct canon_call *call, const struct canon_tool *t)
{
    jraw schema = t->schema;
    int8_t strict = t->strict;
    if (call) schema_for_openai(call, &schema, &strict);
    buf_add(out, S("{\"type\":\"function\""));
    canon_put_text(out, S("name"), t->name);
    canon_put_raw(out, S("description"), t->description);
    canon_key(out, S("parameters"));
    buf_add(out, schema.json.p ? schema.json : S("{\"type\":\"object\",\"properties\":{}}"));
    canon_put_bool(out, S("strict"), strict == 1); /* the default here is strict, elsewhere it is not */
    buf_add_byte(out, '}');
}

/* Chat has the grammar one level deeper: {"type":"grammar","grammar":{"syntax","definition"}}. */
static void put_custom_format(struct buf *out, const struct canon_tool *t)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (t->value.json.p && json_parse(&doc, t->value.json, &why)) {
        json_ref custom = openai_find(&doc, JSON_ROOT, S("custom"));
        json_ref format = openai_find(&doc, custom ? custom : JSON_ROOT, S("format"));
        json_ref grammar = format ? openai_find(&doc, format, S("grammar")) : JSON_ABSENT;
        if (grammar) {
            canon_key(out, S("format"));
            buf_add(out, S("{\"type\":\"grammar\""));
            canon_put_raw(out, S("syntax"), canon_raw_string(&doc, grammar, S("syntax")));
            canon_put_raw(out, S("definition"), canon_raw_string(&doc, grammar, S("definition")));
            buf_add_byte(out, '}');
        } else if (format) {
            canon_put_raw(out, S("format"), canon_raw(&doc, format));
        }
    }
    json_free(&doc);
}

static void put_custom(struct buf *out, const struct canon_tool *t)
{
    buf_add(out, S("{\"type\":\"custom\""));
    canon_put_text(out, S("name"), t->name);
    canon_put_raw(out, S("description"), t->description);
    put_custom_format(out, t);
    buf_add_byte(out, '}');
}

/* Another dialect's search: whom it may ask, and where the user is, are said alike. */
static void put_search(struct buf *out, const struct canon_tool *t)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    buf_add(out, S("{\"type\":\"web_search\""));
    if (t->value.json.p && json_parse(&doc, t->value.json, &why)) {
        json_ref domains = openai_find(&doc, JSON_ROOT, S("allowed_domains"));
        json_ref place = openai_find(&doc, JSON_ROOT, S("user_location"));
        if (domains) {
            canon_key(out, S("filters"));
            buf_add(out, S("{\"allowed_domains\":"));
            buf_add(out, json_raw(&doc, domains));
            buf_add_byte(out, '}');
        }
        if (place) canon_put_place(out, &doc, place);
    }
    buf_add_byte(out, '}');
    json_free(&doc);
}

static bool is_own(const struct canon_tool *t)
{
    return t->extras.of == DIALECT_RESPONSES;
}

static void put_tool(struct buf *out, const struct canon_call *call, const struct canon_tool *t)
{
    bool own = is_own(t);
    if (own && !t->value.json.p) return; /* the namespace stands already */
    if (t->kind == TOOL_OPAQUE && !own) return;
    canon_comma(out);
    if (own)
        buf_add(out, t->value.json);
    else if (t->kind == TOOL_CUSTOM)
        put_custom(out, t);
    else if (t->kind == TOOL_WEB_SEARCH)
        put_search(out, t);
    else
        put_function(out, call, t);
}

void responses_put_tools(struct buf *out, const struct canon_call *call)
{
    if (!call->tools) return;
    canon_key(out, S("tools"));
    buf_add_byte(out, '[');
    for (const struct canon_tool *t = call->tools; t; t = t->next) put_tool(out, call, t);
    buf_add_byte(out, ']');
}

static enum canon_tool_kind kind_of(const struct canon_call *call, str name)
{
    for (const struct canon_tool *t = call->tools; t; t = t->next)
        if (str_eq(t->name, name)) return t->kind;
    return TOOL_FUNCTION;
}

static void put_named(struct buf *out, const struct canon_call *call, str name)
{
    enum canon_tool_kind kind = kind_of(call, name);
    if (kind == TOOL_WEB_SEARCH) {
        buf_add(out, S("{\"type\":\"web_search\"}"));
        return;
    }
    buf_add(out, kind == TOOL_CUSTOM ? S("{\"type\":\"custom\"") : S("{\"type\":\"function\""));
    canon_put_text(out, S("name"), name);
    buf_add_byte(out, '}');
}

void responses_put_tool_choice(struct buf *out, const struct canon_call *call)
{
    const struct canon_tool_choice *c = &call->choice;
    static const str words[] = {
        [CHOICE_AUTO] = STR_INIT("auto"), [CHOICE_NONE] = STR_INIT("none"), [CHOICE_REQUIRED] = STR_INIT("required")};
    if (c->mode == CHOICE_UNSET) return;
    if (!c->allowed_count && !c->name.n) {
        canon_put_text(out, S("tool_choice"), words[c->mode]);
        return;
    }
    canon_key(out, S("tool_choice"));
    if (c->name.n) {
        put_named(out, call, c->name);
        return;
    }
    buf_add(out, S("{\"type\":\"allowed_tools\""));
    canon_put_text(out, S("mode"), words[c->mode]);
    canon_key(out, S("tools"));
    buf_add_byte(out, '[');
    for (size_t i = 0; i < c->allowed_count; i++) {
        canon_comma(out);
        put_named(out, call, c->allowed[i]);
    }
    buf_add(out, S("]}"));
}

static void put_or_null(struct buf *out, str key, jraw value)
{
    canon_key(out, key);
    buf_add(out, value.json.p ? value.json : S("null"));
}

void responses_put_tool_echo(struct buf *out, const struct canon_tool *t)
{
    if (t->kind != TOOL_FUNCTION || t->group.n) {
        put_tool(out, NULL, t); /* the client's own, as it stands */
        return;
    }
    canon_comma(out);
    buf_add(out, S("{\"type\":\"function\""));
    canon_put_text(out, S("name"), t->name);
    put_or_null(out, S("description"), t->description);
    put_or_null(out, S("parameters"), t->schema);
    canon_key(out, S("strict"));
    buf_add(out, t->strict == 0 ? S("false") : S("true"));
    buf_add_byte(out, '}');
}

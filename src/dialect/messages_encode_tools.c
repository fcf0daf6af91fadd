/* Tools of a call for a messages target. */
#include "dialect/messages_encode.h"

#include "dialect/schema_subset.h"

enum { NAMES_MAX = 64 };

/* Arguments must be an object's: schemas that leave that open are closed to it. */
static void put_schema(struct messages_encoder *e, jraw schema)
{
    struct json doc;
    struct json_fail why;
    canon_key(e->out, S("input_schema"));
    if (!schema.json.p) {
        buf_add(e->out, S("{\"type\":\"object\",\"properties\":{}}"));
        return;
    }
    if (e->call->from == DIALECT_MESSAGES || str_starts(schema.json, S("{\"type\":\"object\""))) {
        buf_add(e->out, schema.json);
        return;
    }
    json_init(&doc);
    if (!json_parse(&doc, schema.json, &why) || json_type(&doc, JSON_ROOT) != JSON_OBJECT) {
        buf_add(e->out, S("{\"type\":\"object\",\"properties\":{}}"));
    } else if (json_find(&doc, JSON_ROOT, S("type"), NULL)) {
        buf_add(e->out, schema.json);
    } else {
        buf_add(e->out, S("{\"type\":\"object\""));
        struct canon_extras rest = canon_extras_of(&doc, JSON_ROOT, NULL, 0, DIALECT_MESSAGES, e->call->arena);
        canon_put_extras(e->out, &rest, DIALECT_MESSAGES);
        buf_add_byte(e->out, '}');
    }
    json_free(&doc);
}

static void put_cache(struct messages_encoder *e, int64_t ttl)
{
    if (ttl && e->call->from != DIALECT_MESSAGES)
        canon_put_raw(e->out, S("cache_control"),
                      (jraw){ttl > 300 ? S("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}") : S("{\"type\":\"ephemeral\"}")});
}

static void put_function(struct messages_encoder *e, const struct canon_tool *tool)
{
    bool own = e->call->from == DIALECT_MESSAGES;
    jraw schema = tool->schema;
    int8_t strict = tool->strict;
    if (!own && strict == 1 && !schema_subset(tool->schema, SCHEMA_ANTHROPIC, e->call->arena, &schema)) strict = -1;
    if (!own && strict == 0) strict = -1;
    canon_comma(e->out);
    buf_add_byte(e->out, '{');
    canon_put_text(e->out, S("name"), tool->name);
    canon_put_raw(e->out, S("description"), tool->description);
    put_schema(e, schema);
    if (strict >= 0) canon_put_bool(e->out, S("strict"), strict);
    put_cache(e, tool->cache_ttl);
    canon_put_extras(e->out, &tool->extras, DIALECT_MESSAGES);
    buf_add_byte(e->out, '}');
}

/* Where the user is, and which addresses may be searched: Responses says both alike. */
static void put_search_terms(struct messages_encoder *e, jraw value)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (value.json.p && json_parse(&doc, value.json, &why) && json_type(&doc, JSON_ROOT) == JSON_OBJECT) {
        json_ref place = openai_find(&doc, JSON_ROOT, S("user_location"));
        json_ref domains = openai_find_in(&doc, JSON_ROOT, S("filters"), S("allowed_domains"));
        if (place && json_string_is(&doc, json_find(&doc, place, S("type"), NULL), S("approximate")))
            canon_put_place(e->out, &doc, place);
        if (domains && json_first(&doc, domains)) canon_put_raw(e->out, S("allowed_domains"), canon_raw(&doc, domains));
    }
    json_free(&doc);
}

static void put_search(struct messages_encoder *e, const struct canon_tool *tool)
{
    canon_comma(e->out);
    if (tool->extras.of == DIALECT_MESSAGES && tool->value.json.p) {
        buf_add(e->out, tool->value.json);
        return;
    }
    buf_add(e->out, S("{\"type\":\"web_search_20250305\",\"name\":\"web_search\""));
    if (tool->max_uses >= 0) canon_put_i64(e->out, S("max_uses"), tool->max_uses);
    put_search_terms(e, tool->value);
    buf_add_byte(e->out, '}');
}

static bool is_written(const struct messages_encoder *e, const struct canon_tool *tool)
{
    switch (tool->kind) {
    case TOOL_FUNCTION:
        return canon_allows(&e->call->choice, tool->name);
    case TOOL_WEB_SEARCH:
        return true;
    default:
        return tool->extras.of == DIALECT_MESSAGES && tool->value.json.p;
    }
}

static void put_choice(struct messages_encoder *e)
{
    const struct canon_tool_choice *c = &e->call->choice;
    if (e->call->from == DIALECT_MESSAGES) return;
    if (c->mode == CHOICE_UNSET && c->parallel != 0) return;
    canon_key(e->out, S("tool_choice"));
    buf_add_byte(e->out, '{');
    bool named = c->mode == CHOICE_REQUIRED && c->name.n;
    canon_put_text(e->out, S("type"),
                   c->mode == CHOICE_NONE       ? S("none")
                   : named                      ? S("tool")
                   : c->mode == CHOICE_REQUIRED ? S("any")
                                                : S("auto"));
    if (named) canon_put_text(e->out, S("name"), c->name);
    if (c->parallel == 0 && c->mode != CHOICE_NONE) canon_put_bool(e->out, S("disable_parallel_tool_use"), true);
    buf_add_byte(e->out, '}');
}

/* A history with calls of tools is refused where no tools are defined. */
static void put_tools_of_history(struct messages_encoder *e)
{
    str names[NAMES_MAX];
    size_t count = canon_called_tools(e->call, names, NAMES_MAX);
    if (!count) return;
    canon_key(e->out, S("tools"));
    buf_add_byte(e->out, '[');
    for (size_t i = 0; i < count; i++) {
        canon_comma(e->out);
        buf_add_byte(e->out, '{');
        canon_put_text(e->out, S("name"), names[i]);
        canon_key(e->out, S("input_schema"));
        buf_add(e->out, S("{\"type\":\"object\",\"properties\":{}}}"));
    }
    buf_add(e->out, S("],\"tool_choice\":{\"type\":\"none\"}"));
}

void messages_put_tools(struct messages_encoder *e)
{
    bool any = false;
    for (const struct canon_tool *t = e->call->tools; t; t = t->next) {
        if (!is_written(e, t)) continue;
        if (!any) {
            canon_key(e->out, S("tools"));
            buf_add_byte(e->out, '[');
        }
        any = true;
        if (t->kind == TOOL_FUNCTION)
            put_function(e, t);
        else
            put_search(e, t);
    }
    if (any) buf_add_byte(e->out, ']');
    if (any)
        put_choice(e);
    else if (e->call->from != DIALECT_MESSAGES)
        put_tools_of_history(e);
}

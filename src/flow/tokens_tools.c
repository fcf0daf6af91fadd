/* Tools as OpenAI's models read them: a namespace of TypeScript types. Not documented, but found out by many from what
 * is billed (github.com/hmarr/openai-chat-tokens describes it, MIT), and close to it in recorded traffic. */
#include "flow/tokens.h"

enum {
    RENDER_MAX = 256 * 1024,
    DEPTH_MAX = 12,
    TOLD_DEPTH = 2, /* descriptions further inside are left out */
};

struct render {
    const struct json *doc;
    struct arena *arena;
    struct buf *out;
};

static str text_at(const struct render *r, json_ref at)
{
    str text = STR_NONE;
    if (!at || !json_string(r->doc, at, r->arena, &text)) return STR_NONE;
    return text;
}

static void indent(const struct render *r, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) buf_add(r->out, S("  "));
}

static void put_type(const struct render *r, json_ref schema, unsigned depth);

/* "a" | "b": values of an enumeration as they stand. */
static void put_values(const struct render *r, json_ref list)
{
    bool any = false;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        if (any) buf_add(r->out, S(" | "));
        any = true;
        buf_add(r->out, json_raw(r->doc, at));
    }
}

static void put_choice(const struct render *r, json_ref list, unsigned depth)
{
    bool any = false;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        if (any) buf_add(r->out, S(" | "));
        any = true;
        put_type(r, at, depth);
    }
}

static bool is_required(const struct render *r, json_ref schema, json_ref key)
{
    json_ref list = json_find(r->doc, schema, S("required"), NULL);
    if (!list || json_type(r->doc, list) != JSON_ARRAY) return false;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        if (str_eq(json_raw(r->doc, at), json_raw(r->doc, key))) return true;
    }
    return false;
}

static void put_members(const struct render *r, json_ref schema, unsigned depth)
{
    json_ref members = json_find(r->doc, schema, S("properties"), NULL);
    if (!members || json_type(r->doc, members) != JSON_OBJECT) return;
    for (json_ref key = json_first(r->doc, members); key;) {
        json_ref value = json_next(r->doc, members, key);
        str told = text_at(r, json_find(r->doc, value, S("description"), NULL));
        if (told.n && depth < TOLD_DEPTH) {
            indent(r, depth);
            buf_add(r->out, S("// "));
            buf_add(r->out, told);
            buf_add_byte(r->out, '\n');
        }
        indent(r, depth);
        buf_add(r->out, text_at(r, key));
        buf_add(r->out, is_required(r, schema, key) ? S(": ") : S("?: "));
        put_type(r, value, depth);
        buf_add(r->out, S(",\n"));
        key = json_next(r->doc, members, value);
    }
}

static void put_named(const struct render *r, json_ref schema, str type, unsigned depth)
{
    if (str_eq(type, S("object"))) {
        buf_add(r->out, S("{\n"));
        put_members(r, schema, depth + 1);
        indent(r, depth);
        buf_add_byte(r->out, '}');
    } else if (str_eq(type, S("array"))) {
        put_type(r, json_find(r->doc, schema, S("items"), NULL), depth + 1);
        buf_add(r->out, S("[]"));
    } else {
        buf_add(r->out, str_eq(type, S("integer")) ? S("number") : type.n ? type : S("any"));
    }
}

static void put_type(const struct render *r, json_ref schema, unsigned depth)
{
    json_ref type = json_find(r->doc, schema, S("type"), NULL), list;
    if (depth > DEPTH_MAX || !schema || json_type(r->doc, schema) != JSON_OBJECT) {
        buf_add(r->out, S("any"));
    } else if ((list = json_find(r->doc, schema, S("enum"), NULL)) && json_type(r->doc, list) == JSON_ARRAY) {
        put_values(r, list);
    } else if (((list = json_find(r->doc, schema, S("anyOf"), NULL)) ||
                (list = json_find(r->doc, schema, S("oneOf"), NULL))) &&
               json_type(r->doc, list) == JSON_ARRAY) {
        put_choice(r, list, depth);
    } else if (type && json_type(r->doc, type) == JSON_ARRAY) {
        bool any = false;
        for (json_ref at = json_first(r->doc, type); at; at = json_next(r->doc, type, at)) {
            if (any) buf_add(r->out, S(" | "));
            any = true;
            put_named(r, schema, text_at(r, at), depth);
        }
    } else {
        put_named(r, schema, text_at(r, type), depth);
    }
}

static void put_tool(const struct canon_tool *tool, struct arena *arena, struct buf *out)
{
    struct json doc;
    struct json_fail why;
    str told = canon_decode(arena, tool->description);
    json_init(&doc);
    bool takes = tool->schema.json.p && json_parse(&doc, tool->schema.json, &why) &&
                 json_first(&doc, json_find(&doc, JSON_ROOT, S("properties"), NULL));
    struct render r = {&doc, arena, out};
    if (told.n) buf_printf(out, "// %" STR_FMT "\n", STR_ARG(told));
    buf_printf(out, "type %" STR_FMT " = (%s", STR_ARG(tool->name), takes ? "_: {\n" : "");
    if (takes) put_members(&r, JSON_ROOT, 0);
    buf_add(out, takes ? S("}) => any;\n\n") : S(") => any;\n\n"));
    json_free(&doc);
}

str tokens_render_tools(const struct canon_tool *tools, struct arena *arena)
{
    struct buf out;
    buf_init(&out, RENDER_MAX);
    buf_add(&out, S("namespace functions {\n\n"));
    for (const struct canon_tool *t = tools; t; t = t->next) put_tool(t, arena, &out);
    buf_add(&out, S("} // namespace functions"));
    str text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* Trees from JSON and back: bodies of settings that are made at run time. */
#include "settings/tree.h"

#include "base/json.h"

struct making {
    const struct json *doc;
    struct arena *arena;
    uint32_t line, depth;
    str why;
};

static struct tree_node *refuse(struct making *m, str why)
{
    m->why = why;
    return NULL;
}

static bool take_text(struct making *m, json_ref at, str *out)
{
    str text;
    if (!json_string(m->doc, at, m->arena, &text)) {
        m->why = S("a text in it holds half a character (an unpaired surrogate)");
        return false;
    }
    if (tree_has_mark(text)) {
        m->why = S("the characters U+E000 to U+E003 may not stand in settings");
        return false;
    }
    *out = arena_str(m->arena, text);
    return true;
}

static struct tree_node *make(struct making *m, json_ref at);

static bool add_members(struct making *m, json_ref at, struct tree_node *up)
{
    bool map = up->kind == TREE_MAP;
    for (json_ref it = json_first(m->doc, at); it != JSON_ABSENT; it = json_next(m->doc, at, it)) {
        str key = STR_NONE;
        bool twice = false;
        if (map) {
            if (!take_text(m, it, &key)) return false;
            json_ref last = json_find(m->doc, at, key, &twice);
            it = json_next(m->doc, at, it);
            twice = twice && it == last;
        }
        struct tree_node *node = make(m, it);
        if (!node) return false;
        node->twice = twice ? m->line : 0;
        tree_append(up, node, key);
    }
    return true;
}

static struct tree_node *make(struct making *m, json_ref at)
{
    enum json_type type = json_type(m->doc, at);
    struct tree_node *node = arena_zalloc(m->arena, sizeof(*node));
    node->line = node->key_line = m->line;
    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        node->kind = type == JSON_OBJECT ? TREE_MAP : TREE_LIST;
        if (m->depth == TREE_DEPTH_MAX) return refuse(m, S("it is nested deeper than 32 levels"));
        m->depth++;
        bool ok = add_members(m, at, node);
        m->depth--;
        return ok ? node : NULL;
    }
    node->kind = TREE_SCALAR;
    node->plain = type != JSON_STRING;
    if (!node->plain) return take_text(m, at, &node->text) ? node : NULL;
    node->text = arena_str(m->arena, json_raw(m->doc, at));
    return node;
}

struct tree_node *tree_from_json(str text, uint32_t line, struct arena *arena, str *why)
{
    struct json doc;
    struct json_fail fail;
    struct tree_node *node = NULL;
    json_init(&doc);
    if (json_parse(&doc, text, &fail)) {
        struct making m = {.doc = &doc, .arena = arena, .line = line};
        node = make(&m, JSON_ROOT);
        *why = m.why;
    } else {
        *why = arena_printf(arena, "no valid JSON: %s at byte %zu", fail.why, fail.at);
    }
    json_free(&doc);
    return node;
}

/* As YAML's JSON schema has it: what looks like a number is one, unless in quotes. */
bool tree_is_json_word(str s)
{
    if (str_eq(s, S("true")) || str_eq(s, S("false")) || str_eq(s, S("null"))) return true;
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    bool number = s.n && (s.p[0] == '-' || (s.p[0] >= '0' && s.p[0] <= '9')) && json_parse(&doc, s, &why);
    json_free(&doc);
    return number;
}

void tree_to_json(const struct tree_node *n, struct arena *arena, struct buf *out)
{
    if (n->kind == TREE_SCALAR) {
        if (tree_is_null(n))
            buf_add(out, S("null"));
        else if (n->plain && tree_is_json_word(n->text))
            buf_add(out, n->text);
        else
            buf_add_json(out, tree_restore(n->text, arena));
        return;
    }
    bool map = n->kind == TREE_MAP;
    buf_add_byte(out, map ? '{' : '[');
    for (const struct tree_node *it = n->first; it; it = it->next) {
        if (it != n->first) buf_add_byte(out, ',');
        if (map) {
            buf_add_json(out, it->key);
            buf_add_byte(out, ':');
        }
        tree_to_json(it, arena, out);
    }
    buf_add_byte(out, map ? '}' : ']');
}

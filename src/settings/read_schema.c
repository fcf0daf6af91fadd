/* A JSON Schema in the settings: in YAML, as JSON text, or in a file of its own. What is
 * kept is JSON on one line. */
#include "settings/load.h"

#include "base/json.h"
#include "base/utf8.h"

/* ---- JSON on one line, that can be printed among the settings and read back */

static void add_escaped(struct buf *out, str c)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t rune = (unsigned char)c.p[0] & lead[c.n];
    for (size_t i = 1; i < c.n; i++) rune = rune << 6 | ((unsigned char)c.p[i] & 0x3f);
    if (rune >= 0x10000) {
        buf_printf(out, "\\u%04x", 0xd800 + ((rune - 0x10000) >> 10));
        rune = 0xdc00 + ((rune - 0x10000) & 0x3ff);
    }
    buf_printf(out, "\\u%04x", rune);
}

/* `json` is valid. Blanks go; characters that settings may not hold are escaped. */
static void add_line(struct buf *out, str json)
{
    bool inside = false;
    for (size_t i = 0; i < json.n;) {
        str rest = str_from_at(json, i), c = str_head(rest, inside ? utf8_char_len(rest) : 1);
        if (!c.p) break;                             /* not so: for the analyzer */
        bool mark = str_starts(rest, S("\xee\x80")); /* tree.h's marks are among them */
        i += c.n;
        if (c.p[0] == '"') inside = !inside;
        if (inside && c.p[0] == '\\') { /* never ends the string */
            buf_add(out, str_head(rest, 2));
            i++;
        } else if (inside && (mark || load_has_control(c))) {
            add_escaped(out, c);
        } else if (inside || !strchr(" \t\r\n", c.p[0])) {
            buf_add(out, c);
        }
    }
}

/* ---- YAML as JSON */

/* What is wrong with a schema is told with words of it: no secret may be among them. */
static bool refuse_variable(struct loader *l, const struct tree_node *node, str path)
{
    if (!tree_fill(node->text, NULL, &l->scratch).variable) return true;
    load_error(l, node->line, path, "takes no variable within a schema: write '$${' for the characters themselves");
    return false;
}

static bool add_scalar(struct loader *l, const struct tree_node *node, str path, struct buf *out)
{
    struct value v;
    if (tree_is_null(node)) return buf_add(out, S("null"));
    if (!refuse_variable(l, node, path)) return false;
    if (!load_value(l, node, path, false, &v)) return false;
    return node->plain && tree_is_json_word(v.text) ? buf_add(out, v.text) : buf_add_json(out, v.text);
}

static bool add_node(struct loader *l, const struct tree_node *node, str path, struct buf *out)
{
    if (node->kind == TREE_SCALAR) return add_scalar(l, node, path, out);
    bool map = node->kind == TREE_MAP, ok = true;
    size_t i = 0;
    buf_add_byte(out, map ? '{' : '[');
    for (const struct tree_node *it = node->first; it && ok; it = it->next, i++) {
        str at = map ? load_path_key(l, path, load_show(l, it->key)) : load_path_index(l, path, i);
        if (map && it->twice) {
            load_twice(l, it, at);
            return false;
        }
        if (i) buf_add_byte(out, ',');
        if (map) {
            buf_add_json(out, it->key);
            buf_add_byte(out, ':');
        }
        ok = add_node(l, it, at, out);
    }
    return buf_add_byte(out, map ? '}' : ']') && ok;
}

/* ---- */

/* Whether it is JSON, and an object, as schemas are that say something. */
static bool check_json(struct loader *l, const struct value *v, str text, const char *where)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    bool ok = json_parse(&doc, text, &why);
    if (!ok) {
        load_error(l, v->line, v->path, "%s is no JSON: %s at byte %zu", where, why.why, why.at);
    } else if (json_type(&doc, JSON_ROOT) != JSON_OBJECT) {
        load_error(l, v->line, v->path, "%s is no schema: an object is wanted, { \"type\": ... }", where);
        ok = false;
    }
    json_free(&doc);
    return ok;
}

static bool read_text_or_file(struct loader *l, const struct value *v, str *out)
{
    const char *where = "the text";
    *out = v->text;
    if (!v->text.n || (v->text.p[0] != '{' && v->text.p[0] != '[')) {
        where = "the file";
        *out = v->text.n ? load_file(l, v->text) : STR_NONE;
        if (!out->p) {
            load_error(l, v->line, v->path,
                       "'%" STR_FMT "' is neither a schema nor a file that can be read (and is at most 256 kB)",
                       STR_ARG(v->shown));
            return false;
        }
    }
    bool own_file = out->p != v->text.p;
    return (own_file || refuse_variable(l, v->node, v->path)) && check_json(l, v, *out, where);
}

static bool take_schema(struct loader *l, const struct value *v, str text, struct setting_schema *out)
{
    static const struct schema_options options = {.formats = true};
    struct schema_fail why;
    struct schema *code = schema_compile(text, &options, &why);
    if (!code) {
        load_error(l, v->line, v->path, "is no valid schema: %s%s%s", why.where, *why.where ? ": " : "", why.why);
        return false;
    }
    load_keep(l, (struct setting_code){.schema = code});
    *out = (struct setting_schema){text, code};
    return true;
}

bool read_schema(struct loader *l, const struct value *v, void *into)
{
    if (!v->node) return true;
    struct buf text, line;
    str json = STR_NONE;
    buf_init(&text, 0);
    buf_init(&line, 0);
    bool ok;
    if (v->node->kind == TREE_SCALAR) {
        ok = read_text_or_file(l, v, &json);
    } else {
        ok = add_node(l, v->node, v->path, &text);
        json = buf_str(&text);
        ok = ok && check_json(l, v, json, "the value");
    }
    if (ok) {
        add_line(&line, json);
        ok = take_schema(l, v, arena_str(&l->s.arena, buf_str(&line)), into);
    }
    buf_free(&text);
    buf_free(&line);
    return ok;
}

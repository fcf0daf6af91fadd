#include "settings/tree.h"

#include <stdlib.h>
#include <yaml.h>

/* In `{a: ${X}}` YAML takes the inner braces for its own. Before it reads the
 * text, those of variables become characters of Unicode's private area, one for
 * one, so that lines and columns stay; the two others are the braces of `$${X}`. */
static const str mark_open = STR_INIT("\xee\x80\x80");
static const str mark_close = STR_INIT("\xee\x80\x81");
static const str mark_open_literal = STR_INIT("\xee\x80\x82");
static const str mark_close_literal = STR_INIT("\xee\x80\x83");
static const str mark_prefix = STR_INIT("\xee\x80");
enum { MARK_BYTES = 3 };

static bool name_byte(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* Length of "NAME}" at `at`; 0 where there is none. */
static size_t name_length(str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && name_byte(s.p[at + n], n == 0)) n++;
    return n && at + n < s.n && s.p[at + n] == '}' ? n : 0;
}

static bool is_mark(str s, size_t at)
{
    return s.n - at >= MARK_BYTES && memcmp(s.p + at, mark_prefix.p, mark_prefix.n) == 0 &&
           (unsigned char)s.p[at + 2] <= 0x83;
}

bool tree_has_mark(str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (is_mark(text, i)) return true;
    }
    return false;
}

static bool set_marks(str yaml, struct buf *out, struct tree_fail *fail)
{
    uint32_t line = 1;
    for (size_t i = 0; i < yaml.n;) {
        if (yaml.p[i] == '\n') line++;
        if (is_mark(yaml, i)) {
            *fail = (struct tree_fail){line, S("the characters U+E000 to U+E003 may not stand in settings")};
            return false;
        }
        size_t n = yaml.p[i] == '$' && i + 1 < yaml.n && yaml.p[i + 1] == '{' ? name_length(yaml, i + 2) : 0;
        if (!n) {
            buf_add_byte(out, yaml.p[i++]);
            continue;
        }
        bool literal = i && yaml.p[i - 1] == '$';
        buf_add_byte(out, '$');
        buf_add(out, literal ? mark_open_literal : mark_open);
        buf_add(out, str_of(yaml.p + i + 2, n));
        buf_add(out, literal ? mark_close_literal : mark_close);
        i += n + 3;
    }
    return true;
}

str tree_restore(str text, struct arena *arena)
{
    char *copy = arena_alloc(arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        if (!is_mark(text, i)) {
            copy[n++] = text.p[i++];
            continue;
        }
        copy[n++] = (text.p[i + 2] & 1) ? '}' : '{';
        i += MARK_BYTES;
    }
    copy[n] = '\0';
    return str_of(copy, n);
}

struct tree_filled tree_fill(str text, str (*env)(str name), struct arena *arena)
{
    struct tree_filled r = {.missing = STR_NONE};
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < text.n;) {
        str rest = str_from_at(text, i);
        if (str_starts(rest, S("$\xee\x80\x80"))) {
            str name = str_from_at(rest, 1 + MARK_BYTES);
            size_t n = str_find(name, mark_close, 0);
            if (n == SIZE_MAX) { /* the mark came from an escape: "\uE000" */
                r.malformed = true;
                break;
            }
            name.n = n;
            str value = env ? env(name) : STR_NONE;
            r.variable = true;
            if (!value.n && !r.missing.p) r.missing = name;
            buf_add(&out, value);
            i += 1 + MARK_BYTES + name.n + MARK_BYTES;
        } else if (str_starts(rest, S("$$\xee\x80\x82")) || str_starts(rest, S("$${"))) {
            buf_add(&out, S("${"));
            i += rest.p[2] == '{' ? 3 : 2 + MARK_BYTES;
        } else if (is_mark(text, i)) { /* the brace that closes a literal one */
            buf_add_byte(&out, '}');
            i += MARK_BYTES;
        } else {
            if (str_starts(rest, S("${"))) r.malformed = true;
            buf_add_byte(&out, text.p[i++]);
        }
    }
    r.text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return r;
}

void tree_append(struct tree_node *up, struct tree_node *node, str key)
{
    node->key = key;
    if (up->last)
        up->last->next = node;
    else
        up->first = node;
    up->last = node;
    up->count++;
}

/* ---- from libyaml's events to nodes */

struct builder {
    struct arena *arena;
    struct tree_fail *fail;
    struct tree_node *root;
    struct tree_node *open[TREE_DEPTH_MAX]; /* containers that have not ended */
    uint32_t depth;
    str key; /* read, its value comes next */
    uint32_t key_line;
    bool have_key;
    uint32_t documents;
};

static bool refuse(struct builder *b, uint32_t line, str why)
{
    *b->fail = (struct tree_fail){line, why};
    return false;
}

static bool add_node(struct builder *b, struct tree_node *node)
{
    struct tree_node *up = b->depth ? b->open[b->depth - 1] : NULL;
    if (!up) {
        b->root = node;
        return true;
    }
    if (up->kind == TREE_MAP) {
        if (!b->have_key) return refuse(b, node->line, S("a key must be a plain word"));
        node->key = b->key;
        node->key_line = b->key_line;
        b->have_key = false;
    }
    tree_append(up, node, node->key);
    return true;
}

static bool on_scalar(struct builder *b, const yaml_event_t *e, uint32_t line)
{
    str text = str_of((const char *)e->data.scalar.value, e->data.scalar.length);
    struct tree_node *up = b->depth ? b->open[b->depth - 1] : NULL;
    if (up && up->kind == TREE_MAP && !b->have_key) {
        if (str_eq(text, S("<<")))
            return refuse(b, line, S("merge keys ('<<') are not supported: write the settings out"));
        b->key = tree_restore(text, b->arena);
        b->key_line = line;
        b->have_key = true;
        return true;
    }
    struct tree_node *node = arena_zalloc(b->arena, sizeof(*node));
    node->kind = TREE_SCALAR;
    node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->line = line;
    node->text = arena_str(b->arena, text);
    return add_node(b, node);
}

static bool on_open(struct builder *b, enum tree_kind kind, uint32_t line)
{
    struct tree_node *node = arena_zalloc(b->arena, sizeof(*node));
    node->kind = kind;
    node->line = line;
    if (!add_node(b, node)) return false;
    if (b->depth == TREE_DEPTH_MAX) return refuse(b, line, S("the settings are nested deeper than 32 levels"));
    b->open[b->depth++] = node;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct tree_node *x = *(const struct tree_node *const *)a, *y = *(const struct tree_node *const *)b;
    int order = str_cmp(x->key, y->key);
    return order ? order : (x->key_line > y->key_line) - (x->key_line < y->key_line);
}

static void mark_twice(const struct tree_node *map)
{
    if (!map || map->count < 2) return;
    struct tree_node **all = mem_alloc(map->count * sizeof(struct tree_node *));
    size_t n = 0;
    for (struct tree_node *it = map->first; it; it = it->next) all[n++] = it;
    qsort(all, n, sizeof(struct tree_node *), by_key);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(all[i]->key, all[i - 1]->key)) all[i]->twice = all[i - 1]->key_line;
    }
    free(all);
}

static bool on_event(struct builder *b, const yaml_event_t *e)
{
    uint32_t line = (uint32_t)e->start_mark.line + 1;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor, tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag;
        break;
    case YAML_ALIAS_EVENT:
        anchor = e->data.alias.anchor;
        break;
    default:
        break;
    }
    if (anchor) {
        return refuse(b, line,
                      S("anchors (&) and aliases (*) are not supported: write the value out, or put it in quotes"));
    }
    if (tag) return refuse(b, line, S("tags (!) are not supported: leave it out, or put the value in quotes"));
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->documents++ == 0 || refuse(b, line, S("a second document ('---') is not supported"));
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e, line);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, TREE_LIST, line);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, TREE_MAP, line);
    case YAML_MAPPING_END_EVENT:
        mark_twice(b->open[b->depth - 1]); /* fall through */
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}

/* What a newcomer probably meant, for the errors that say least. */
static const char *hint(const char *problem, const char *context)
{
    if (context && (strstr(context, "alias") || strstr(context, "anchor"))) {
        return "; a value that begins with '*' or '&' must stand in quotes: '*'";
    }
    if (strstr(problem, "mapping values are not allowed")) {
        return "; is the indentation right, and a value that holds ': ' in quotes?";
    }
    if (strstr(problem, "cannot start any token")) {
        return "; indent with spaces, not tabs, and put values that begin with '@', '`' or '%' in quotes";
    }
    if (strstr(problem, "expected node content")) {
        return "; values that begin with '[' or '{' but are no list or map stand in quotes";
    }
    return "";
}

static uint32_t line_at(str text, size_t offset)
{
    uint32_t line = 1;
    for (size_t i = 0; text.p && i < text.n && i < offset; i++) line += text.p[i] == '\n';
    return line;
}

static void syntax_error(const yaml_parser_t *p, struct builder *b, str text)
{
    const char *problem = p->problem ? p->problem : "no YAML";
    uint32_t line = (uint32_t)p->problem_mark.line + 1;
    str context = p->context ? arena_printf(b->arena, " %s", p->context) : S("");
    if (p->error == YAML_READER_ERROR) { /* it knows only an offset */
        refuse(b, line_at(text, p->problem_offset), arena_printf(b->arena, "no text in UTF-8: %s", problem));
        return;
    }
    refuse(b, line,
           arena_printf(b->arena, "no valid YAML:%" STR_FMT " %s%s", STR_ARG(context), problem,
                        hint(problem, p->context)));
}

struct tree_node *tree_parse(str yaml, struct arena *arena, struct tree_fail *fail)
{
    struct builder b = {.arena = arena, .fail = fail};
    if (yaml.n > TREE_TEXT_MAX) {
        *fail = (struct tree_fail){1, S("larger than 1 MB, the ceiling for settings")};
        return NULL;
    }
    struct buf marked;
    buf_init(&marked, 0);
    bool ok = set_marks(yaml, &marked, fail);
    yaml_parser_t parser;
    if (!ok || !yaml_parser_initialize(&parser)) {
        buf_free(&marked);
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(marked.p ? marked.p : ""), marked.n);
    for (bool end = false; ok && !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            syntax_error(&parser, &b, buf_str(&marked));
            ok = false;
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        ok = on_event(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    buf_free(&marked);
    if (!ok) return NULL;
    if (b.root && !tree_is_null(b.root)) return b.root;
    struct tree_node *empty = arena_zalloc(arena, sizeof(*empty));
    empty->kind = TREE_MAP;
    empty->line = 1;
    return empty;
}

bool tree_is_null(const struct tree_node *n)
{
    return n->kind == TREE_SCALAR && n->plain &&
           (n->text.n == 0 || str_eq(n->text, S("~")) || str_eq(n->text, S("null")));
}

const struct tree_node *tree_find(const struct tree_node *map, str key)
{
    if (map->kind != TREE_MAP) return NULL;
    for (const struct tree_node *it = map->first; it; it = it->next) {
        if (str_eq(it->key, key)) return it;
    }
    return NULL;
}

const char *tree_kind_name(enum tree_kind k)
{
    return k == TREE_MAP ? "a map" : k == TREE_LIST ? "a list" : "a single value";
}

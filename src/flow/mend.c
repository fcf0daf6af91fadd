#include "flow/mend.h"

enum { DEPTH_MAX = 128 };

/* Brackets that are open, by what closes them. */
struct nesting {
    char close[DEPTH_MAX];
    size_t depth;
    bool in_string, escaped;
};

/* False: this is no JSON. */
static bool take(struct nesting *n, char c)
{
    if (n->in_string) {
        bool ends = c == '"' && !n->escaped;
        n->escaped = c == '\\' && !n->escaped;
        n->in_string = !ends;
        return true;
    }
    if (c == '"') n->in_string = true;
    if (c == '{' || c == '[') {
        if (n->depth == DEPTH_MAX) return false;
        n->close[n->depth++] = c == '{' ? '}' : ']';
    }
    if (c != '}' && c != ']') return true;
    return n->depth && n->close[--n->depth] == c;
}

static str closed(str text, struct nesting *n, struct arena *arena)
{
    char *p = arena_alloc(arena, text.n + n->depth + 1);
    memcpy(p, text.p, text.n);
    size_t end = text.n;
    while (n->depth) p[end++] = n->close[--n->depth];
    return str_of(p, end);
}

static str cut_out(str text, bool may_close, struct arena *arena)
{
    struct nesting n = {.depth = 0};
    for (size_t i = 0; i < text.n; i++) {
        if (!take(&n, text.p[i])) return STR_NONE;
        if (!n.depth) return str_head(text, i + 1);
    }
    if (!may_close || n.in_string) return STR_NONE;
    return closed(str_trim(text), &n, arena);
}

str mend_next(str text, size_t *at, bool may_close, struct arena *arena)
{
    for (size_t i = *at; i < text.n; i++) {
        if (text.p[i] != '{' && text.p[i] != '[') continue;
        str found = cut_out(str_from_at(text, i), may_close, arena);
        *at = i + 1;
        if (found.p) return found;
    }
    *at = text.n;
    return STR_NONE;
}

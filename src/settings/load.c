#include "settings/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROBLEMS_MAX = 100, SHOWN_MAX = 60 };

static void add_place(struct loader *l, struct buf *to, uint32_t line)
{
    const struct entry_draft *d = load_entry(l, line);
    if (d) {
        buf_printf(to, "runtime %" STR_FMT " '%" STR_FMT "'", STR_ARG(d->e.kind), STR_ARG(load_show(l, d->e.name)));
        return;
    }
    buf_add(to, l->s.file);
    if (line) buf_printf(to, ":%u", line);
}

/* Of an entry: it tells what is wrong, and where in its body. */
PRINTF_LIKE(4, 0)
static void add_entry_problem(struct entry_draft *d, size_t *count, str path, const char *fmt, va_list args)
{
    enum { TOLD_MAX = 2000 };
    char text[1024];
    ++*count;
    if (d->problems.n > TOLD_MAX) return;
    vsnprintf(text, sizeof(text), fmt, args);
    if (d->problems.n) buf_add(&d->problems, S("; "));
    if (path.n) buf_printf(&d->problems, "%" STR_FMT ": ", STR_ARG(str_head(path, 200)));
    buf_printf(&d->problems, "%s", text);
}

PRINTF_LIKE(6, 0)
static void add_problem(struct loader *l, struct buf *to, size_t *count, uint32_t line, str path, const char *fmt,
                        va_list args)
{
    if (++*count > PROBLEMS_MAX) return;
    char text[1024];
    vsnprintf(text, sizeof(text), fmt, args);
    add_place(l, to, line);
    buf_add(to, S(": "));
    if (path.n) buf_printf(to, "%" STR_FMT ": ", STR_ARG(str_head(path, 200)));
    buf_printf(to, "%s\n", text);
    if (*count == PROBLEMS_MAX) buf_printf(to, "%" STR_FMT ": further problems are not shown\n", STR_ARG(l->s.file));
}

void load_error(struct loader *l, uint32_t line, str path, const char *fmt, ...)
{
    va_list args;
    struct entry_draft *d = load_entry(l, line);
    va_start(args, fmt);
    if (d)
        add_entry_problem(d, &l->report->error_count, path, fmt, args);
    else
        add_problem(l, &l->report->errors, &l->report->error_count, line, path, fmt, args);
    va_end(args);
}

void load_warn(struct loader *l, uint32_t line, str path, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_problem(l, &l->report->warnings, &l->report->warning_count, line, path, fmt, args);
    va_end(args);
}

bool load_reject(struct loader *l, const struct value *v, const char *what, str suggestion, const char *expected)
{
    if (suggestion.p) {
        load_error(l, v->line, v->path, "'%" STR_FMT "' is no %s; did you mean '%" STR_FMT "'? (%s)", STR_ARG(v->shown),
                   what, STR_ARG(suggestion), expected);
    } else {
        load_error(l, v->line, v->path, "'%" STR_FMT "' is no %s (%s)", STR_ARG(v->shown), what, expected);
    }
    return false;
}

/* What keys of providers and of purser begin with: one that stands in the wrong
 * place must not be printed back. */
static bool looks_secret(str s)
{
    static const str heads[] = {STR_INIT("sk-"),  STR_INIT("sk_"),  STR_INIT("pk-"), STR_INIT("gsk_"),
                                STR_INIT("xai-"), STR_INIT("csk-"), STR_INIT("fw_"), STR_INIT("pplx-"),
                                STR_INIT("tgp_"), STR_INIT("key-")};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        if (s.n > 12 && str_starts(s, heads[i])) return true;
    }
    return false;
}

str settings_mask(str secret, struct arena *arena)
{
    if (secret.n <= 12) return S("***");
    size_t head = looks_secret(secret) ? 3 : 0;
    return arena_printf(arena, "%" STR_FMT "...%" STR_FMT, (int)head, secret.p, 4, secret.p + secret.n - 4);
}

str load_show(struct loader *l, str text)
{
    if (looks_secret(text)) return settings_mask(text, &l->scratch);
    str cut = str_head(text, SHOWN_MAX);
    while (cut.n < text.n && cut.n && ((unsigned char)text.p[cut.n] & 0xc0) == 0x80) cut.n--; /* no half characters */
    char *copy = arena_alloc(&l->scratch, cut.n + 1);
    for (size_t i = 0; i < cut.n; i++) {
        unsigned char c = (unsigned char)cut.p[i];
        copy[i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    if (cut.n == text.n) return str_of(copy, cut.n);
    return arena_printf(&l->scratch, "%" STR_FMT "...", (int)cut.n, copy);
}

str load_path_key(struct loader *l, str path, str key)
{
    if (!path.n) return key;
    return arena_printf(&l->scratch, "%" STR_FMT ".%" STR_FMT, STR_ARG(path), STR_ARG(key));
}

str load_path_index(struct loader *l, str path, size_t i)
{
    return arena_printf(&l->scratch, "%" STR_FMT "[%zu]", STR_ARG(path), i);
}

str load_path_entry(struct loader *l, const struct value *v, const struct tree_node *it, size_t i)
{
    if (load_entry(l, it->line)) return STR_NONE;
    return it->key.p ? load_path_key(l, v->path, load_show(l, it->key)) : load_path_index(l, v->path, i);
}

str load_where(struct loader *l, uint32_t line)
{
    if (load_entry(l, line)) return S(SETTINGS_RUNTIME);
    return arena_printf(&l->s.arena, "%" STR_FMT ":%u", STR_ARG(l->s.file), line);
}

void load_twice(struct loader *l, const struct tree_node *it, str path)
{
    if (load_entry(l, it->key_line))
        load_error(l, it->key_line, path, "stands here more than once");
    else
        load_error(l, it->key_line, path, "stands here again; it is set in line %u already", it->twice);
}

bool load_want(struct loader *l, const struct value *v, enum tree_kind kind, const char *what)
{
    if (!v->node || v->node->kind == kind) return true;
    load_error(l, v->line, v->path, "must be %s (%s), not %s", tree_kind_name(kind), what,
               tree_kind_name(v->node->kind));
    return false;
}

bool load_has_control(str s)
{
    static const str breaks[] = {STR_INIT("\xe2\x80\xa8"), STR_INIT("\xe2\x80\xa9"), STR_INIT("\xef\xbb\xbf"),
                                 STR_INIT("\xef\xbf\xbe"), STR_INIT("\xef\xbf\xbf")};
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f) return true;
        if (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0) return true; /* U+0080 to U+009F */
        for (size_t j = 0; c >= 0xe2 && j < COUNT_OF(breaks); j++) {
            if (str_starts(str_from_at(s, i), breaks[j])) return true;
        }
    }
    return false;
}

bool load_value(struct loader *l, const struct tree_node *node, str path, bool secret, struct value *v)
{
    bool block = node->kind != TREE_SCALAR && node->key_line; /* whose first line may be the next one */
    *v = (struct value){.node = node, .line = block ? node->key_line : node->line, .path = path};
    if (node->kind != TREE_SCALAR) return true;
    struct tree_filled filled = tree_fill(node->text, l->env, &l->s.arena);
    if (filled.malformed) {
        load_error(l, v->line, path,
                   load_entry(l, v->line)
                       ? "'${' would take a value from the environment, as the file alone may; write '$${' for the "
                         "characters themselves"
                       : "'${' begins a variable: ${NAME}; write '$${' for the characters themselves");
        return false;
    }
    /* Variables are often filled from files that end in a line break. */
    v->text = str_trim(filled.text);
    v->shown = load_show(l, tree_restore(node->text, &l->scratch));
    v->missing = filled.missing;
    if (load_has_control(v->text)) {
        load_error(l, v->line, path, "holds a line break or another control character");
        return false;
    }
    if (v->missing.p && !secret) {
        load_warn(l, v->line, path, "the environment variable %" STR_FMT " is not set", STR_ARG(v->missing));
    }
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct unique *x = a, *y = b;
    int order = str_cmp(x->id, y->id);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

void load_keep(struct loader *l, struct setting_code code)
{
    struct setting_code *kept = arena_alloc(&l->s.arena, sizeof(*kept));
    *kept = code;
    kept->next = l->s.compiled;
    l->s.compiled = kept;
}

bool load_unique(struct loader *l, struct unique *all, size_t count, const char *complaint)
{
    bool ok = true;
    qsort(all, count, sizeof(*all), by_id);
    for (size_t i = 1; i < count; i++) {
        if (!str_eq(all[i].id, all[i - 1].id)) continue;
        struct buf place;
        buf_init(&place, 0);
        if (load_entry(l, all[i - 1].line))
            add_place(l, &place, all[i - 1].line);
        else
            buf_printf(&place, "line %u", all[i - 1].line);
        load_error(l, all[i].line, all[i].path, "%s %" STR_FMT, complaint, STR_ARG(buf_str(&place)));
        buf_free(&place);
        ok = false;
    }
    return ok;
}

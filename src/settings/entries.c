/* Settings made at run time: nodes behind the file's in the same tree, so that every check, default and
 * cross-check of the file's holds for them, too. Their line tells them apart, from there on to the message. */
#include "base/utf8.h"
#include "settings/load.h"

#include <stdlib.h>

static const struct entry_kind kinds[] = {
    {STR_INIT("feature"), STR_INIT("features"), TREE_MAP, false},
    {STR_INIT("price"), STR_INIT("prices"), TREE_LIST, false},
    {STR_INIT("budget"), STR_INIT("budgets"), TREE_LIST, true},
    {STR_INIT("limit"), STR_INIT("limits"), TREE_LIST, true},
};

const struct entry_kind *load_entry_kind(size_t i)
{
    return i < COUNT_OF(kinds) ? &kinds[i] : NULL;
}

const struct entry_kind *load_find_kind(str kind)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(kinds[i].kind, kind)) return &kinds[i];
    }
    return NULL;
}

struct entry_draft *load_entry(struct loader *l, uint32_t line)
{
    uint32_t i = line - TREE_LINE_ENTRIES;
    return line >= TREE_LINE_ENTRIES && i < l->entry_count ? &l->entries[i] : NULL;
}

void load_shadowed(struct loader *l, struct entry_draft *d, uint32_t line)
{
    d->e.state = ENTRY_SHADOWED;
    d->e.why = load_where(l, line);
}

bool load_overlaps(struct loader *l, const struct value *v, const char *what, int ceiling)
{
    const struct entry_draft *newest = NULL;
    uint32_t line = v->line;
    str path = v->path;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        const struct entry_draft *d = load_entry(l, it->line);
        if (!d || (newest && newest->e.at_us > d->e.at_us)) continue;
        newest = d;
        line = it->line;
        path = STR_NONE;
    }
    load_error(l, line, path, "one call could match more than %d %s, the ceiling", ceiling, what);
    return false;
}

/* ---- what the file sets */

struct named {
    str name;
    uint32_t line;
};

struct names {
    struct named *of;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static struct names file_names(struct loader *l, const struct tree_node *container, const struct entry_kind *k)
{
    struct names names = {arena_alloc(&l->scratch, (container->count + 1) * sizeof(struct named)), 0};
    for (const struct tree_node *it = container->first; it; it = it->next) {
        const struct tree_node *name = k->named ? tree_find(it, S("name")) : NULL;
        struct named *n = &names.of[names.count];
        if (k->container == TREE_MAP)
            *n = (struct named){it->key, it->key_line};
        else if (name && name->kind == TREE_SCALAR)
            *n = (struct named){str_trim(tree_fill(name->text, l->env, &l->scratch).text), it->line};
        else
            continue; /* prices: read_prices() finds them */
        names.count++;
    }
    qsort(names.of, names.count, sizeof(struct named), by_name);
    return names;
}

/* ---- entries */

/* The name stands in its body once, and is the one under which it is kept. */
static bool take_name(struct loader *l, struct tree_node *body, str name)
{
    const struct tree_node *own = tree_find(body, S("name"));
    if (own && (own->kind != TREE_SCALAR || !str_eq(own->text, name))) {
        load_error(l, body->line, S("name"), "is not that of the entry: leave it out");
        return false;
    }
    if (own) return true;
    struct tree_node *node = arena_zalloc(&l->scratch, sizeof(*node));
    *node = (struct tree_node){.kind = TREE_SCALAR, .line = body->line, .key_line = body->line, .text = name};
    tree_append(body, node, S("name"));
    return true;
}

static struct tree_node *make_node(struct loader *l, const struct entry_kind *k, const struct setting_entry *e,
                                   uint32_t line)
{
    str why;
    struct tree_node *node = tree_from_json(e->body, line, &l->scratch, &why);
    if (!node) {
        load_error(l, line, STR_NONE, "%" STR_FMT, STR_ARG(why));
        return NULL;
    }
    if (node->kind != TREE_MAP) {
        load_error(l, line, STR_NONE, "must be a JSON object");
        return NULL;
    }
    return !k->named || take_name(l, node, e->name) ? node : NULL;
}

/* The container of the file; made where it has none. NULL: it is something else, which is an error already. */
static struct tree_node *find_container(struct loader *l, struct tree_node *root, const struct entry_kind *k)
{
    for (struct tree_node *it = root->first; it; it = it->next) {
        if (!str_eq(it->key, k->group)) continue;
        if (!tree_is_null(it)) return it->kind == k->container ? it : NULL;
        it->kind = k->container;
        it->text = STR_NONE;
        return it;
    }
    struct tree_node *made = arena_zalloc(&l->scratch, sizeof(*made));
    made->kind = k->container;
    tree_append(root, made, k->group);
    return made;
}

static void add_entry(struct loader *l, const struct entry_kind *k, struct tree_node *up, const struct names *names,
                      size_t i)
{
    struct entry_draft *d = &l->entries[i];
    uint32_t line = TREE_LINE_ENTRIES + (uint32_t)i;
    struct named key = {.name = d->e.name};
    const struct named *same = bsearch(&key, names->of, names->count, sizeof(struct named), by_name);
    if (same) {
        load_shadowed(l, d, same->line);
        return;
    }
    struct tree_node *node = make_node(l, k, &d->e, line);
    if (node) tree_append(up, node, k->container == TREE_MAP ? d->e.name : STR_NONE);
}

static void add_kind(struct loader *l, struct tree_node *root, const struct entry_kind *k)
{
    struct tree_node *up = NULL;
    struct names names = {0};
    for (size_t i = 0; i < l->entry_count; i++) {
        const struct setting_entry *e = &l->entries[i].e;
        if (e->state == ENTRY_LEFT_OUT || l->entries[i].problems.n || !str_eq(e->kind, k->kind)) continue;
        if (!up) {
            up = find_container(l, root, k);
            if (!up) return;
            names = file_names(l, up, k);
        }
        add_entry(l, k, up, &names, i);
    }
}

void load_entries(struct loader *l, struct tree_node *root)
{
    if (root->kind != TREE_MAP) return;
    for (uint32_t i = 0; i < l->entry_count; i++) {
        struct setting_entry *e = &l->entries[i].e;
        uint32_t line = TREE_LINE_ENTRIES + i;
        if (e->state == ENTRY_LEFT_OUT) continue;
        bool known = load_find_kind(e->kind), text = utf8_valid(e->name) && !tree_has_mark(e->name);
        if (!known) load_error(l, line, STR_NONE, "no such kind of setting");
        if (!text) load_error(l, line, STR_NONE, "its name is no text");
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) add_kind(l, root, &kinds[i]);
}

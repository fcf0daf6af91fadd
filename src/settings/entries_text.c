/* Settings made at run time as texts: from what somebody sends to what is kept, and from there to YAML. */
#include "settings/load.h"
#include "settings/print.h"

#include <stdio.h>

/* ---- what is kept */

static str text_of(const struct tree_node *body, const char *key)
{
    const struct tree_node *n = tree_find(body, str_from(key));
    return n && n->kind == TREE_SCALAR && !tree_is_null(n) ? n->text : STR_NONE;
}

/* What a price is for, as read_prices() tells prices apart: no two entries have the same. */
static str name_price(str model, str tier, str context, str from, struct arena *arena)
{
    struct buf name;
    buf_init(&name, 0);
    buf_add(&name, model);
    if (tier.n) buf_printf(&name, ",tier=%" STR_FMT, STR_ARG(tier));
    if (context.n) buf_printf(&name, ",context_from=%" STR_FMT, STR_ARG(context));
    if (from.n) buf_printf(&name, ",from=%" STR_FMT, STR_ARG(from));
    str made = arena_str(arena, buf_str(&name));
    buf_free(&name);
    return made;
}

static str name_time(int64_t at_us, char text[40])
{
    return at_us % US_PER_DAY == 0 ? time_format_date(at_us, text) : time_format(at_us, text);
}

/* What is wrong in it is found when it is read. */
static str price_name(const struct tree_node *body, struct arena *arena)
{
    enum price_tier tier;
    int64_t from_us;
    char when[40];
    str tier_text = text_of(body, "tier"), context = text_of(body, "context_from"), from = text_of(body, "from");
    if (price_tier_find(tier_text, &tier)) tier_text = tier == TIER_STANDARD ? STR_NONE : price_tier_name(tier);
    if (from.n && time_parse(from, &from_us)) from = name_time(from_us, when);
    if (str_eq(context, S("0"))) context = STR_NONE;
    return name_price(text_of(body, "model"), tier_text, context, from, arena);
}

/* The name comes first, wherever it stood. */
static void name_first(struct tree_node *body, const struct tree_node *own, str name, struct arena *arena)
{
    struct tree_node *it = body->first, *first = arena_zalloc(arena, sizeof(*first));
    *first = (struct tree_node){.kind = TREE_SCALAR, .text = name};
    body->first = body->last = NULL;
    tree_append(body, first, S("name"));
    while (it) {
        struct tree_node *next = it->next;
        it->next = NULL;
        if (it != own) tree_append(body, it, it->key);
        it = next;
    }
}

bool settings_make_entry(str kind, str name, str body, struct arena *arena, struct setting_entry *out, str *why)
{
    const struct entry_kind *k = load_find_kind(kind);
    *why = S("no such kind of setting");
    struct tree_node *node = k ? tree_from_json(body, 0, arena, why) : NULL;
    if (!node) return false;
    *why = S("must be a JSON object");
    if (node->kind != TREE_MAP) return false;
    const struct tree_node *own = k->named ? tree_find(node, S("name")) : NULL;
    if (own && (own->kind != TREE_SCALAR || !str_eq(own->text, name))) {
        *why = S("name: is not that of the entry: leave it out");
        return false;
    }
    if (str_eq(kind, S("price"))) name = price_name(node, arena);
    if (k->named) name_first(node, own, name, arena);
    struct buf text;
    buf_init(&text, 0);
    tree_to_json(node, arena, &text);
    *out = (struct setting_entry){.kind = k->kind,
                                  .name = arena_str(arena, name),
                                  .body = arena_str(arena, buf_str(&text))};
    buf_free(&text);
    *why = STR_NONE;
    return true;
}

/* ---- what the file sets */

static str file_name(struct loader *l, const struct tree_node *it, const struct entry_kind *k, size_t i)
{
    if (k->container == TREE_MAP) return it->key;
    if (str_eq(k->kind, S("budget"))) return l->s.budgets[i].name;
    if (str_eq(k->kind, S("limit"))) return l->s.limits[i].name; /* of one without a name its scope */
    const struct price *p = &l->prices[i];
    char when[40], context[24];
    int n = snprintf(context, sizeof(context), "%lld", (long long)p->context_from);
    str model = arena_printf(&l->scratch, "%" STR_FMT "/%" STR_FMT, STR_ARG(p->provider), STR_ARG(p->model));
    return name_price(model, p->tier == TIER_STANDARD ? STR_NONE : price_tier_name(p->tier),
                      p->context_from ? str_of(context, (size_t)n) : STR_NONE,
                      p->from_us ? name_time(p->from_us, when) : STR_NONE, &l->s.arena);
}

/* The file's stand first, in the tree as in what was read of it. */
static void add_file_kind(struct loader *l, const struct tree_node *up, const struct entry_kind *k)
{
    struct buf body;
    buf_init(&body, 0);
    size_t i = 0;
    for (const struct tree_node *it = up->first; it && !load_entry(l, it->line); it = it->next, i++) {
        struct setting_entry *e = &l->s.file_entries[l->s.file_entry_count++];
        buf_clear(&body);
        if (tree_is_null(it))
            buf_add(&body, S("{}"));
        else
            tree_to_json(it, &l->scratch, &body);
        *e = (struct setting_entry){.kind = k->kind,
                                    .name = arena_str(&l->s.arena, file_name(l, it, k, i)),
                                    .body = arena_str(&l->s.arena, buf_str(&body)),
                                    .where = load_where(l, k->container == TREE_MAP ? it->key_line : it->line)};
    }
    buf_free(&body);
}

void load_file_entries(struct loader *l, const struct tree_node *root)
{
    size_t room = 1;
    const struct entry_kind *k;
    const struct tree_node *up;
    for (size_t i = 0; (k = load_entry_kind(i)); i++) room += (up = tree_find(root, k->group)) ? up->count : 0;
    l->s.file_entries = arena_zalloc(&l->s.arena, room * sizeof(*l->s.file_entries));
    for (size_t i = 0; (k = load_entry_kind(i)); i++) {
        up = tree_find(root, k->group);
        if (up && up->kind == k->container) add_file_kind(l, up, k);
    }
}

/* ---- YAML */

static void add_comment(struct buf *out, const struct setting_entry *e)
{
    buf_add(out, S("# not here: "));
    print_shown(out, e->kind);
    buf_add_byte(out, ' ');
    print_shown(out, e->name);
    buf_printf(out, e->state == ENTRY_SHADOWED ? ", which the file sets in %" STR_FMT "\n" : ", %" STR_FMT "\n",
               STR_ARG(e->why));
}

static void add_entry(struct buf *out, const struct setting_entry *e, const struct entry_kind *k, struct arena *arena)
{
    str why;
    const struct tree_node *node = tree_from_json(e->body, 0, arena, &why);
    if (!node) return; /* one that holds was read before */
    if (k->container == TREE_MAP) {
        buf_add(out, S("  "));
        print_text(out, e->name);
        buf_add(out, S(": "));
    } else {
        buf_add(out, S("  - "));
    }
    print_node(out, node);
    buf_add_byte(out, '\n');
}

void settings_export(const struct settings *s, struct buf *out)
{
    const struct entry_kind *k;
    struct arena arena;
    arena_init(&arena);
    for (size_t j = 0; (k = load_entry_kind(j)); j++) {
        bool any = false;
        for (size_t i = 0; i < s->entry_count; i++) {
            const struct setting_entry *e = &s->entries[i];
            if (!str_eq(e->kind, k->kind) || e->state != ENTRY_HOLDS) continue;
            if (!any) buf_printf(out, "%" STR_FMT ":\n", STR_ARG(k->group));
            any = true;
            add_entry(out, e, k, &arena);
        }
    }
    for (size_t i = 0; i < s->entry_count; i++) {
        if (s->entries[i].state != ENTRY_HOLDS) add_comment(out, &s->entries[i]);
    }
    arena_free(&arena);
}

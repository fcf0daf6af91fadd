/* Providers and prices: where calls go and what they cost. */
#include "settings/load.h"

bool read_timeouts(struct loader *l, const struct value *v, void *into)
{
    return load_group(l, v->node, v->path, GROUP_TIMEOUTS, into);
}

static bool check_health(struct loader *l, const struct health_rules *r, const struct value *v)
{
    if (r->open_us <= r->open_max_us) return true;
    load_error(l, v->line, v->path, "must not open for longer at first (open) than at most (open_max)");
    return false;
}

bool read_health(struct loader *l, const struct value *v, void *into)
{
    health_rules_default(into);
    return load_group(l, v->node, v->path, GROUP_HEALTH, into) && check_health(l, into, v);
}

bool read_provider_health(struct loader *l, const struct value *v, void *into)
{
    *(struct health_rules *)into = l->s.health; /* read before */
    return load_group(l, v->node, v->path, GROUP_PROVIDER_HEALTH, into) && check_health(l, into, v);
}

bool load_is_plain(str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("-_.", c)) return false;
    }
    return name.n >= 1 && name.n <= 64;
}

bool load_name(struct loader *l, const struct tree_node *it, str path, bool plain)
{
    if (it->twice) {
        load_twice(l, it, path);
        return false;
    }
    bool usual =
        it->key.n && it->key.n <= 200 && !load_has_control(it->key) && str_find(it->key, S("${"), 0) == SIZE_MAX;
    if (usual && (!plain || load_is_plain(it->key))) return true;
    load_error(l, it->key_line, path, "is no name: %s",
               plain ? "1 to 64 letters, digits, '-', '_' and '.'"
                     : "1 to 200 bytes, without variables and control characters");
    return false;
}

bool read_providers(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_MAP, "NAME: { ... }")) return false;
    l->s.providers = arena_zalloc(&l->s.arena, (v->node->count + 1) * sizeof(*l->s.providers));
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        str path = load_path_key(l, v->path, load_show(l, it->key));
        struct provider_draft d = {.p = {.name = arena_str(&l->s.arena, it->key), .cost_per_hour = PRICE_UNSET}};
        ok = load_name(l, it, path, true) && ok;
        bool good = load_group(l, it, path, GROUP_PROVIDER, &d);
        ok = good && load_provider(l, &d, path, it->key_line) && ok;
        if (it->twice)
            credential_drop(d.p.credential); /* an error already, so that nobody else will */
        else
            l->s.providers[l->s.provider_count++] = d.p;
    }
    return ok;
}

static bool finish_price(struct loader *l, struct price_draft *d, str path, uint32_t line)
{
    struct price *p = &d->p;
    size_t before = l->report->error_count, set = 0;
    if (d->cache_write != PRICE_UNSET) {
        if (p->unit[UNIT_CACHE_WRITE_5M] != PRICE_UNSET) {
            load_error(l, line, path, "has both cache_write and cache_write_5m, which are the same");
        }
        p->unit[UNIT_CACHE_WRITE_5M] = d->cache_write;
    }
    for (enum unit u = 0; u < UNIT_COUNT; u++) set += p->unit[u] != PRICE_UNSET;
    if (p->free && set) load_error(l, line, path, "is free and has prices: one of the two");
    if (!p->free && !set) load_error(l, line, path, "has no price: add 'input: 0.15, output: 0.60', or 'free: true'");
    if (p->from_us >= p->until_us) load_error(l, line, path, "ends before it begins: from must be before until");
    p->provider = d->model.provider;
    p->model = d->model.model;
    p->source = load_where(l, line);
    return l->report->error_count == before;
}

static struct price price_unset(void)
{
    struct price p = {.per_hour = PRICE_UNSET, .until_us = INT64_MAX};
    for (enum unit u = 0; u < UNIT_COUNT; u++) p.unit[u] = PRICE_UNSET;
    return p;
}

/* What two prices must not have in common. Where only `from` differs, the later one takes over. */
static str price_id(struct loader *l, const struct price *p)
{
    return arena_printf(&l->scratch, "%" STR_FMT "/%" STR_FMT " %d %lld %lld", STR_ARG(p->provider), STR_ARG(p->model),
                        (int)p->tier, (long long)p->context_from, (long long)p->from_us);
}

/* What the file prices, nothing made at run time does: its prices come first. */
static bool is_shadowed(struct loader *l, const struct unique *ids, size_t count, str id, uint32_t line)
{
    struct entry_draft *d = load_entry(l, line);
    for (size_t i = 0; d && i < count && !load_entry(l, ids[i].line); i++) {
        if (!str_eq(ids[i].id, id)) continue;
        load_shadowed(l, d, ids[i].line);
        return true;
    }
    return false;
}

bool read_prices(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "- { model: provider/model, input: 0.15, output: 0.60 }")) return false;
    l->prices = arena_alloc(&l->scratch, (v->node->count + 1) * sizeof(*l->prices));
    struct unique *ids = arena_alloc(&l->scratch, (v->node->count + 1) * sizeof(*ids));
    size_t count = 0, i = 0;
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct price_draft d = {.p = price_unset(), .cache_write = PRICE_UNSET};
        str path = load_path_entry(l, v, it, i);
        if (!load_group(l, it, path, GROUP_PRICE, &d) || !finish_price(l, &d, path, it->line)) {
            ok = false;
            continue;
        }
        str id = price_id(l, &d.p);
        if (is_shadowed(l, ids, count, id, it->line)) continue;
        ids[count++] = (struct unique){id, it->line, path};
        l->prices[l->price_count++] = d.p;
    }
    return load_unique(l, ids, count, "prices the same model, tier, context and time as") && ok;
}

bool read_ceiling(struct loader *l, const struct value *v, void *into)
{
    struct price *p = into;
    *p = price_unset();
    p->source = load_where(l, v->line);
    return load_group(l, v->node, v->path, GROUP_CEILING, p);
}

bool read_unpriced(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    l->s.unpriced_refuse = true;
    if (str_eq(v->text, S("refuse"))) return true;
    if (!v->node || v->node->kind != TREE_MAP) {
        load_error(l, v->line, v->path,
                   "must be 'refuse', or a ceiling: unpriced: { ceiling: { input: 5, output: 20 } }");
        return false;
    }
    l->s.unpriced_refuse = false;
    return load_group(l, v->node, v->path, GROUP_UNPRICED, l);
}

/* One settings generation as one worker uses it: where model names lead, and the
 * pools of connections, which outlive reloads. */
#include "flow/worker.h"

#include "base/hash.h"
#include "flow/purser.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 256 };

static struct upstream *open_upstream(struct worker *w, const struct setting_provider *p, struct tls_roots *roots)
{
    char key[700];
    int n = snprintf(key, sizeof(key), "%" STR_FMT ":%u tls=%d verify=%d ca=%" STR_FMT " max=%lld", STR_ARG(p->host),
                     p->port, p->tls, p->tls_verify, STR_ARG(p->ca_file), (long long)p->connections);
    str name = str_of(key, (size_t)n < sizeof(key) ? (size_t)n : sizeof(key) - 1);
    LIST_EACH (it, &w->upstreams) {
        struct worker_upstream *u = LIST_ENTRY(it, struct worker_upstream, link);
        if (!str_eq(u->key, name)) continue;
        u->used = true;
        return u->upstream;
    }
    struct upstream_options options = {.loop = &w->loop,
                                       .host = p->host,
                                       .port = p->port,
                                       .tls = p->tls ? tls_client_context(roots) : NULL,
                                       .connections = p->connections > 0 ? (unsigned)p->connections : 4096u,
                                       .idle_us = 30 * 1000000};
    struct worker_upstream *u = mem_zalloc(sizeof(*u));
    u->key = str_of(str_dup(name), name.n);
    u->upstream = upstream_new(&options);
    u->used = true;
    list_add_last(&w->upstreams, &u->link);
    return u->upstream;
}

static void forget_upstream(struct worker_upstream *u)
{
    list_remove(&u->link);
    upstream_drop(u->upstream);
    free((void *)(uintptr_t)u->key.p);
    free(u);
}

void lease_adopt(struct worker *w, struct snapshot *s)
{
    struct lease *l = mem_zalloc(sizeof(*l));
    l->snapshot = s;
    l->current = true;
    l->keys = key_cache_new(s->keys);
    arena_init(&l->arena);
    l->buckets = arena_alloc(&l->arena, BUCKETS * sizeof(*l->buckets));
    for (size_t i = 0; i < BUCKETS; i++) list_init(&l->buckets[i]);
    const struct settings *settings = s->settings;
    size_t providers = settings->provider_count + settings->service_count;
    l->upstreams = arena_zalloc(&l->arena, (providers + 1) * sizeof(*l->upstreams));
    l->services = arena_zalloc(&l->arena, (settings->service_count + 1) * sizeof(struct target *));
    l->hedges = arena_zalloc(&l->arena, (settings->model_count + 1) * sizeof(*l->hedges));
    LIST_EACH (it, &w->upstreams) LIST_ENTRY(it, struct worker_upstream, link)->used = false;
    for (size_t i = 0; i < providers; i++) {
        const struct setting_provider *p = &settings->providers[i];
        if (!p->off) l->upstreams[i] = open_upstream(w, p, trust_of(s->trust, settings, p));
    }
    struct lease *old = w->lease;
    w->lease = l;
    __atomic_store_n(&w->adopted, s->generation, __ATOMIC_RELEASE);
    if (!old) return;
    old->current = false;
    old->uses++; /* so that giving it back frees it when nobody else has it */
    lease_give(w, old);
    LIST_EACH (it, &w->upstreams) {
        struct worker_upstream *u = LIST_ENTRY(it, struct worker_upstream, link);
        if (!u->used) forget_upstream(u);
    }
}

struct lease *lease_take(struct worker *w)
{
    w->lease->uses++;
    return w->lease;
}

void lease_give(struct worker *w, struct lease *l)
{
    (void)w;
    if (--l->uses > 0 || l->current) return;
    key_cache_drop(l->keys);
    snapshot_put(l->snapshot);
    arena_free(&l->arena);
    free(l);
}

void lease_end(struct worker *w)
{
    struct lease *l = w->lease;
    w->lease = NULL;
    l->current = false;
    l->uses++;
    lease_give(w, l);
    LIST_EACH (it, &w->upstreams) forget_upstream(LIST_ENTRY(it, struct worker_upstream, link));
}

/* Paid by the call, or free. */
static void price_service(struct lease *l, struct target *t)
{
    struct price *price = arena_zalloc(&l->arena, sizeof(*price));
    const struct price **row = arena_alloc(&l->arena, sizeof(*row));
    picousd cost = t->provider->service->price;
    *price = (struct price){.provider = t->provider->name,
                            .model = t->model,
                            .until_us = INT64_MAX,
                            .per_hour = PRICE_UNSET,
                            .free = !cost,
                            .source = S("price_usd")};
    for (enum unit u = 0; u < UNIT_COUNT; u++) price->unit[u] = PRICE_UNSET;
    if (cost) price->unit[UNIT_REQUESTS] = cost;
    *row = price;
    t->wants_max_tokens = t->rejects_stream_options = true; /* nothing is to be found out about it */
    t->prices = (struct price_set){.rows = row, .count = 1, .own = true, .own_count = 1};
}

/* In the lease's arena, or in a call's: then it is that call's alone. */
static struct target *make_target(struct worker *w, struct lease *l, struct arena *arena, str model,
                                  const struct setting_target *found)
{
    const struct settings *s = l->snapshot->settings;
    const struct setting_provider *p = found->provider;
    enum token_encoding encoding;
    struct target *t = arena_zalloc(arena, sizeof(*t));
    t->requested = arena_str(arena, model);
    t->model = arena_str(arena, found->model);
    t->name = arena_printf(arena, "%" STR_FMT "/%" STR_FMT, STR_ARG(p->name), STR_ARG(found->model));
    t->provider = p;
    t->healths = w->purser->healths;
    t->protocols = vendor_protocols(p->vendor, &p->protocols, t->model);
    t->upstream = l->upstreams[p - s->providers];
    t->counts_exactly = token_encoding_of_model(t->model, &encoding);
    t->wants_max_tokens = p->flags & PROVIDER_MAX_TOKENS;
    t->rejects_stream_options = p->flags & PROVIDER_NO_STREAM_OPTIONS;
    if (p->service) {
        price_service(l, t);
        return t;
    }
    t->prices = price_book_find_target(s->book, p->name, p->book, t->model, arena);
    if (!s->unpriced_refuse) t->prices.ceiling = &s->unpriced_ceiling;
    return t;
}

struct health *target_health(struct target *t)
{
    if (t->health) return t->health;
    t->health = health_find(t->healths, t->name);
    health_set_rules(t->health, &t->provider->health, time_mono_us());
    return t->health;
}

struct target *lease_service(struct worker *w, struct lease *l, str name)
{
    const struct settings *s = l->snapshot->settings;
    const struct setting_target found = {settings_service(s, name), S("service")};
    struct target **slot = &l->services[found.provider - s->providers - s->provider_count];
    if (!*slot) *slot = make_target(w, l, &l->arena, name, &found);
    return *slot;
}

struct target *lease_target(struct worker *w, struct lease *l, str model, struct arena *arena, str *why)
{
    struct list *bucket = &l->buckets[hash_fnv(model) % BUCKETS];
    LIST_EACH (it, bucket) {
        struct target *t = LIST_ENTRY(it, struct target, link);
        if (str_eq(t->requested, model)) return t;
    }
    struct setting_target found = {0};
    if (!settings_route(l->snapshot->settings, model, arena, &found, why)) return NULL;
    /* names made up by the thousand must neither fill the memory nor be in the way of others */
    if (l->target_count >= WORKER_TARGETS_MAX) return make_target(w, l, arena, model, &found);
    struct target *t = make_target(w, l, &l->arena, model, &found);
    l->target_count++;
    list_add_first(bucket, &t->link);
    return t;
}

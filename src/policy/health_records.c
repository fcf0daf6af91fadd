/* All records: found by name, seen by people. */
#include "policy/health_inner.h"

#include "base/arena.h"
#include "base/hash.h"
#include "policy/mutex.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 1024, OTHERS_MAX = 256 };

struct healths {
    pthread_mutex_t mutex;
    size_t max, count;
    struct health *bucket[BUCKETS];
    struct health *first, **last; /* in the order in which they were made; records never move or die */
};

void health_rules_default(struct health_rules *r)
{
    *r = (struct health_rules){
        .failures_in_a_row = 10,
        .excess_failures = 16,
        .probes = 1,
        .probe_successes = 2,
        .open_us = 5 * US_PER_SECOND,
        .open_max_us = US_PER_MINUTE,
        .limit_max = 4096,
        .queue_max = 256,
        .repeat_tokens = 20,
    };
}

struct healths *healths_new(size_t max)
{
    struct healths *all = mem_zalloc(sizeof(*all));
    pthread_mutex_init(&all->mutex, NULL);
    all->max = max;
    all->last = &all->first;
    return all;
}

static void record_drop(struct health *h)
{
    pthread_mutex_destroy(&h->mutex);
    free((void *)h->name.p);
    free(h);
}

void healths_drop(struct healths *all)
{
    if (!all) return;
    for (struct health *h = all->first, *next; h; h = next) {
        next = h->next;
        record_drop(h);
    }
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

static struct health *record_new(str name)
{
    struct health *h = mem_zalloc(sizeof(*h));
    mutex_init_short(&h->mutex);
    h->name = str_of(str_dup(name), name.n);
    health_rules_default(&h->rules);
    h->repeat_halves = 2 * h->rules.repeat_tokens;
    waiters_init(&h->queue);
    room_init(h);
    return h;
}

static struct health *find(const struct healths *all, str name)
{
    struct health *h = all->bucket[hash_fnv(name) % BUCKETS];
    while (h && !str_eq(h->name, name)) h = h->next_same_hash;
    return h;
}

static struct health *add(struct healths *all, str name)
{
    struct health *h = record_new(name), **bucket = &all->bucket[hash_fnv(name) % BUCKETS];
    h->next_same_hash = *bucket;
    *bucket = h;
    *all->last = h;
    all->last = &h->next;
    all->count++;
    return h;
}

/* "openai/(other)": a provider that is down is down for its models beyond the ceiling, too. */
static struct health *find_other(struct healths *all, str target)
{
    char text[256];
    size_t slash = str_find_byte(target, '/', 0);
    str provider = str_head(target, slash == SIZE_MAX ? 0 : slash);
    int n = snprintf(text, sizeof(text), "%" STR_FMT "/(other)", STR_ARG(str_head(provider, 200)));
    str name = str_of(text, (size_t)n);
    struct health *h = find(all, name);
    if (!h && all->count >= all->max + OTHERS_MAX) {
        name = S("(other)");
        h = find(all, name);
    }
    return h ? h : add(all, name);
}

struct health *health_find(struct healths *all, str target)
{
    pthread_mutex_lock(&all->mutex);
    struct health *h = find(all, target);
    if (!h) h = all->count < all->max ? add(all, target) : find_other(all, target);
    pthread_mutex_unlock(&all->mutex);
    return h;
}

str health_name(const struct health *h)
{
    return h->name;
}

void health_set_rules(struct health *h, const struct health_rules *rules, int64_t now_us)
{
    pthread_mutex_lock(&h->mutex);
    bool at_ceiling = h->room.limit >= h->rules.limit_max;
    uint32_t more = rules->repeat_tokens > h->rules.repeat_tokens ? rules->repeat_tokens - h->rules.repeat_tokens : 0;
    h->rules = *rules;
    if (h->rules.limit_max == 0) h->rules.limit_max = 1;
    if (at_ceiling || h->room.limit > h->rules.limit_max) h->room.limit = h->rules.limit_max;
    h->repeat_halves += 2 * more;
    if (h->repeat_halves > 2 * rules->repeat_tokens) h->repeat_halves = 2 * rules->repeat_tokens;
    waiters_serve(h, now_us);
    pthread_mutex_unlock(&h->mutex);
}

/* ---- seen from outside */

int64_t health_first_token_p50_us(const struct health *h)
{
    return atomic_load_explicit(&h->first_p50_us, memory_order_relaxed);
}

int64_t health_first_token_p95_us(const struct health *h)
{
    return atomic_load_explicit(&h->first_p95_us, memory_order_relaxed);
}

int64_t health_total_p95_us(const struct health *h)
{
    return atomic_load_explicit(&h->total_p95_us, memory_order_relaxed);
}

uint32_t health_in_flight(const struct health *h)
{
    return health_inside(h);
}

void health_see(struct health *h, int64_t now_us, struct health_view *out)
{
    pthread_mutex_lock(&h->mutex);
    *out = (struct health_view){
        .target = h->name,
        .state = h->breaker.state,
        .opened_by = h->breaker.opened_by,
        .since_us = h->breaker.since_us,
        .probe_us = h->breaker.probe_us,
        .resting_us = now_us < h->rest.until_us ? h->rest.until_us : 0,
        .last_us = h->last_us,
        .openings = h->breaker.openings,
        .slow = h->slow,
        .waited = h->waited,
        .refused = h->refused,
        .repeats = h->repeats,
        .repeats_refused = h->repeats_refused,
        .limit = h->room.limit,
        .in_flight = health_inside(h),
        .waiting = h->queue.count,
        .repeat_tokens = h->repeat_halves / 2,
        .first_p50_us = health_first_token_p50_us(h),
        .first_p95_us = health_first_token_p95_us(h),
        .total_p95_us = health_total_p95_us(h),
    };
    memcpy(out->counts, h->counts, sizeof(out->counts));
    memcpy(out->shed, h->shed, sizeof(out->shed));
    pthread_mutex_unlock(&h->mutex);
}

void healths_each(struct healths *all, int64_t now_us, health_visit *visit, void *ctx)
{
    pthread_mutex_lock(&all->mutex);
    for (struct health *h = all->first; h; h = h->next) {
        struct health_view view;
        health_see(h, now_us, &view);
        visit(ctx, &view);
    }
    pthread_mutex_unlock(&all->mutex);
}

uint64_t healths_in_flight(struct healths *all)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&all->mutex);
    for (struct health *h = all->first; h; h = h->next) sum += health_inside(h);
    pthread_mutex_unlock(&all->mutex);
    return sum;
}

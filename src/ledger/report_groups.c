#include "ledger/report_inside.h"
#include "ledger/varint.h"

#include <stdlib.h>

enum {
    GROUPS_MAX = 1000000,
    MADE_AT_ONCE = 16,
    MANY = 4096, /* groups from which they lie in chunks */
    CHUNK_BYTES = 16 << 20,
    HUGE_BYTES = 2 << 20,
    CACHE_LINE = 64,
    DENSE_FROM = 1024,                /* samples from which a spread is dense */
    BUCKETS = 32 + (36 - 5) * 16 + 1, /* ledger/histogram.h: exact below 32, 16 an octave, up to its top */
};

/* Rows come in no order, so that each goes to another group, and with pages of 4 kB the
 * processor would look for each one's address before it looks for what is there. */
struct group_chunk {
    struct group_chunk *next;
    struct group group[] __attribute__((aligned(CACHE_LINE)));
};

static void make_some(struct groups *g)
{
    if (g->count < MANY) {
        g->made_left = MADE_AT_ONCE;
        g->made = arena_zalloc(&g->arena, MADE_AT_ONCE * sizeof(*g->made));
        return;
    }
    struct group_chunk *chunk = mem_map_large(CHUNK_BYTES);
    chunk->next = g->chunks;
    g->chunks = chunk;
    g->made = chunk->group;
    g->made_left = (CHUNK_BYTES - sizeof(*chunk)) / sizeof(struct group);
}

static struct group_slot *slots_new(size_t count)
{
    size_t bytes = count * sizeof(struct group_slot);
    return bytes < HUGE_BYTES ? mem_zalloc(bytes) : mem_map_large(bytes);
}

static void slots_drop(struct groups *g)
{
    size_t bytes = g->slot_count * sizeof(struct group_slot);
    if (bytes < HUGE_BYTES)
        free(g->slots);
    else
        mem_unmap(g->slots, bytes);
}

void groups_init(struct groups *g, struct hash_key secret)
{
    *g = (struct groups){.secret = secret, .slot_count = 1024};
    g->slots = slots_new(g->slot_count);
    arena_init(&g->arena);
}

void group_free(struct group *g)
{
    spread_free(&g->latency);
    spread_free(&g->first_token);
    free(g->rung);
}

void group_empty(struct group *g)
{
    group_free(g);
    g->latency = g->first_token = (struct spread){0};
    g->rung = NULL;
    memset(g->sums, 0, sizeof(g->sums));
}

void groups_free(struct groups *g)
{
    for (size_t i = 0; i < g->slot_count; i++) {
        if (!g->slots[i].group) continue;
        group_free(g->slots[i].group);
    }
    slots_drop(g);
    arena_free(&g->arena);
    for (struct group_chunk *c = g->chunks, *next; c; c = next) {
        next = c->next;
        mem_unmap(c, CHUNK_BYTES);
    }
    for (size_t i = 0; i < g->adopted_count; i++) arena_free(&g->adopted[i]);
    free(g->adopted);
    *g = (struct groups){0};
}

static void grow(struct groups *g)
{
    size_t count = g->slot_count * 2;
    struct group_slot *slots = slots_new(count);
    for (size_t i = 0; i < g->slot_count; i++) {
        if (!g->slots[i].group) continue;
        size_t at = g->slots[i].hash & (count - 1);
        while (slots[at].group) at = (at + 1) & (count - 1);
        slots[at] = g->slots[i];
    }
    slots_drop(g);
    g->slots = slots;
    g->slot_count = count;
}

/* Among many thousand groups a row's lies in cold memory: all of it is fetched at
 * once, and meanwhile the key compared, rather than one line after the other. */
static inline void fetch(const struct group *g)
{
    for (size_t at = 0; at < sizeof(*g); at += CACHE_LINE) __builtin_prefetch((const char *)g + at, 1);
    __builtin_prefetch(g->key.p);
}

/* Where the key is, or the free slot where it belongs. */
static struct group_slot *slot_of(const struct groups *g, uint64_t hash, str key)
{
    size_t at = hash & (g->slot_count - 1);
    for (; g->slots[at].group; at = (at + 1) & (g->slot_count - 1)) {
        if (g->slots[at].hash != hash) continue;
        fetch(g->slots[at].group);
        if (str_eq(g->slots[at].group->key, key)) break;
    }
    return &g->slots[at];
}

struct group *groups_find(const struct groups *g, str key)
{
    return slot_of(g, hash_sip(g->secret, key.p, key.n), key)->group;
}

struct group *groups_at(struct groups *g, str key)
{
    uint64_t hash = hash_sip(g->secret, key.p, key.n);
    if (g->count * 2 >= g->slot_count) grow(g);
    struct group_slot *slot = slot_of(g, hash, key);
    if (slot->group) return slot->group;
    if (g->count == GROUPS_MAX) return NULL;
    if (!g->made_left) make_some(g);
    g->made_left--;
    struct group *made = g->made++;
    if (key.n <= sizeof(made->near)) {
        if (key.n) memcpy(made->near, key.p, key.n);
        made->key = str_of(made->near, key.n);
    } else {
        made->key = arena_str(&g->arena, key);
    }
    *slot = (struct group_slot){hash, made};
    g->count++;
    return made;
}

size_t groups_most(void)
{
    return GROUPS_MAX;
}

str groups_too_many(void)
{
    return S("there are more than a million groups: group by less, or choose with a filter or a shorter time");
}

str report_too_many(void)
{
    return S("there are more groups than there is room for here");
}

/* ---- histograms */

static void make_dense(struct spread *s)
{
    s->dense = mem_zalloc(BUCKETS * sizeof(*s->dense));
    for (uint32_t i = 0; i < s->sparse.n; i++) s->dense[s->sparse.buckets[i].index] = s->sparse.buckets[i].count;
    histogram_free(&s->sparse);
}

static void merge_histogram(struct spread *to, const struct histogram *from)
{
    if (!to->dense && to->sparse.total + from->total >= DENSE_FROM) make_dense(to);
    if (!to->dense) {
        histogram_merge(&to->sparse, from);
        return;
    }
    for (uint32_t i = 0; i < from->n; i++) to->dense[from->buckets[i].index] += from->buckets[i].count;
}

/* Adds the samples that wait in `from`. */
static void merge_waiting(struct spread *to, const struct spread *from)
{
    struct histogram_bucket buckets[COUNT_OF(from->waiting)];
    struct histogram h = {.buckets = buckets, .n = from->waiting_count, .total = from->waiting_count};
    for (uint32_t i = 0; i < h.n; i++) buckets[i] = (struct histogram_bucket){from->waiting[i], 1};
    merge_histogram(to, &h);
}

static void take_waiting(struct spread *s)
{
    merge_waiting(s, s);
    s->waiting_count = 0;
}

void spread_add(struct spread *s, int64_t value)
{
    struct histogram_bucket bucket = {0};
    struct histogram one = {.buckets = &bucket, .cap = 1};
    histogram_add(&one, value); /* has room: tells the bucket, allocates nothing */
    if (s->dense) {
        s->dense[bucket.index]++;
        return;
    }
    if (s->waiting_count == COUNT_OF(s->waiting)) take_waiting(s);
    s->waiting[s->waiting_count++] = (uint16_t)bucket.index;
}

/* Straight into the counters. Fails: false, with nothing added. */
static bool add_dense(uint64_t *dense, str blob)
{
    struct histogram_bucket seen[BUCKETS];
    uint64_t index = 0, step, count;
    uint32_t n = 0;
    while (blob.n) {
        if (!varint_get(&blob, &step) || !varint_get(&blob, &count)) return false;
        index += step;
        if (step >= BUCKETS || index >= BUCKETS || n == BUCKETS || count == 0 || (n && step == 0)) return false;
        seen[n++] = (struct histogram_bucket){(uint32_t)index, count};
    }
    for (uint32_t i = 0; i < n; i++) dense[seen[i].index] += seen[i].count;
    return true;
}

/* Of a user's day there are a few samples, which wait as single ones do: no memory of
 * their own for each of many thousand users. Fails: false, with nothing added. */
static bool add_few(struct spread *s, str blob)
{
    uint64_t index = 0, step, count;
    uint16_t n = s->waiting_count;
    for (bool first = true; blob.n; first = false) {
        if (!varint_get(&blob, &step) || !varint_get(&blob, &count)) return false;
        index += step;
        if (step >= BUCKETS || index >= BUCKETS || (!first && step == 0)) return false;
        if (count == 0 || count > COUNT_OF(s->waiting) - n) return false;
        for (; count; count--) s->waiting[n++] = (uint16_t)index;
    }
    s->waiting_count = n;
    return true;
}

bool spread_add_encoded(struct spread *s, str blob)
{
    if (s->dense ? add_dense(s->dense, blob) : add_few(s, blob)) return true;
    if (!s->dense) {
        if (!histogram_merge_encoded(&s->sparse, blob)) return false;
        if (s->sparse.total >= DENSE_FROM) make_dense(s);
        return true;
    }
    struct histogram h;
    histogram_init(&h);
    bool ok = histogram_merge_encoded(&h, blob);
    if (ok) merge_histogram(s, &h);
    histogram_free(&h);
    return ok;
}

void spread_finish(struct spread *s)
{
    if (s->waiting_count) take_waiting(s);
    if (!s->dense) return;
    struct histogram *h = &s->sparse;
    h->buckets = mem_alloc(BUCKETS * sizeof(*h->buckets));
    h->cap = BUCKETS;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        if (!s->dense[i]) continue;
        h->buckets[h->n++] = (struct histogram_bucket){i, s->dense[i]};
        h->total += s->dense[i];
    }
    free(s->dense);
    s->dense = NULL;
}

void spread_free(struct spread *s)
{
    histogram_free(&s->sparse);
    free(s->dense);
    s->dense = NULL;
}

void spread_merge(struct spread *to, struct spread *from)
{
    if (from->waiting_count) merge_waiting(to, from);
    if (!from->dense) {
        if (from->sparse.n) merge_histogram(to, &from->sparse);
        return;
    }
    if (!to->dense) make_dense(to);
    for (uint32_t i = 0; i < BUCKETS; i++) to->dense[i] += from->dense[i];
}

/* ---- sums */

void group_add(struct group *to, struct group *from)
{
    for (int i = 0; i < SUM_COUNT; i++) to->sums[i] += from->sums[i];
    spread_merge(&to->latency, &from->latency);
    spread_merge(&to->first_token, &from->first_token);
    if (from->rung) rung_add(to, from);
}

static void adopt(struct groups *g, struct arena *arena)
{
    if (g->adopted_count == g->adopted_cap) {
        g->adopted_cap = g->adopted_cap ? g->adopted_cap * 2 : 16;
        g->adopted = mem_realloc(g->adopted, g->adopted_cap * sizeof(*g->adopted));
    }
    g->adopted[g->adopted_count++] = *arena;
    arena_init(arena);
}

bool groups_merge(struct groups *g, struct groups *from)
{
    bool ok = true;
    if (!g->count && !g->adopted_count) { /* as they are */
        struct groups none = *g;
        *g = *from;
        *from = none;
        return true;
    }
    for (size_t i = 0; i < from->slot_count && ok; i++) {
        struct group *group = from->slots[i].group;
        if (!group) continue;
        if (g->count * 2 >= g->slot_count) grow(g);
        struct group_slot *slot = slot_of(g, from->slots[i].hash, group->key);
        if (slot->group) {
            group_add(slot->group, group);
            continue;
        }
        ok = g->count < GROUPS_MAX;
        if (!ok) break;
        *slot = from->slots[i]; /* as it is; its memory follows below */
        from->slots[i].group = NULL;
        g->count++;
    }
    adopt(g, &from->arena);
    from->made_left = 0;
    for (size_t i = 0; i < from->adopted_count; i++) adopt(g, &from->adopted[i]);
    struct group_chunk **end = &g->chunks;
    while (*end) end = &(*end)->next;
    *end = from->chunks;
    from->chunks = NULL;
    return ok;
}

/* Slots lie in runs: one that goes makes all behind it in its run be placed anew. */
static void sweep(struct groups *g)
{
    struct groups kept = *g;
    kept.slots = slots_new(g->slot_count);
    kept.count = 0;
    for (size_t i = 0; i < g->slot_count; i++) {
        struct group *group = g->slots[i].group;
        if (!group) continue;
        if (group->sums[SUM_attempts]) {
            *slot_of(&kept, g->slots[i].hash, group->key) = g->slots[i];
            kept.count++;
        } else {
            group_free(group);
        }
    }
    slots_drop(g);
    *g = kept;
}

void groups_take_back(struct groups *g, struct group *totals, const struct groups *back)
{
    if (!back->count) return;
    for (size_t i = 0; i < back->slot_count; i++) {
        const struct group *less = back->slots[i].group;
        struct group *from = less ? slot_of(g, back->slots[i].hash, less->key)->group : NULL;
        for (int s = 0; from && s < SUM_COUNT; s++) {
            from->sums[s] -= less->sums[s];
            if (totals) totals->sums[s] -= less->sums[s];
        }
    }
    sweep(g);
}

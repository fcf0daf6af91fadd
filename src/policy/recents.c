#include "policy/recents.h"

#include "base/arena.h"
#include "policy/mutex.h"

#include <stdlib.h>

static struct recents_shard *shard_of(struct recents *t, uint64_t id)
{
    return &t->shard[id % RECENTS_SHARDS];
}

static struct recent **bucket_of(const struct recents *t, const struct recents_shard *s, uint64_t id)
{
    return &s->bucket[(id / RECENTS_SHARDS) & t->bucket_mask];
}

void recents_init(struct recents *t, size_t bytes_each, size_t max, void (*end)(void *, struct recent *), void *ctx)
{
    size_t shard_max = (max + RECENTS_SHARDS - 1) / RECENTS_SHARDS, buckets = 1;
    if (shard_max == 0) shard_max = 1;
    while (buckets < shard_max) buckets *= 2;
    t->bytes_each = bytes_each;
    t->shard_max = shard_max;
    t->bucket_mask = buckets - 1;
    t->end = end;
    t->ctx = ctx;
    t->buckets = mem_map(RECENTS_SHARDS * buckets * sizeof(*t->buckets));
    for (int i = 0; i < RECENTS_SHARDS; i++) {
        struct recents_shard *s = &t->shard[i];
        mutex_init_short(&s->mutex);
        s->bucket = t->buckets + (size_t)i * buckets;
        list_init(&s->order);
        s->count = 0;
    }
}

void recents_free(struct recents *t)
{
    for (int i = 0; i < RECENTS_SHARDS; i++) {
        struct recents_shard *s = &t->shard[i];
        LIST_EACH (it, &s->order) free(LIST_ENTRY(it, struct recent, order));
        pthread_mutex_destroy(&s->mutex);
    }
    mem_unmap(t->buckets, RECENTS_SHARDS * (t->bucket_mask + 1) * sizeof(*t->buckets));
}

void recents_remove(struct recents *t, struct recent *r)
{
    struct recents_shard *s = shard_of(t, r->id);
    struct recent **at = bucket_of(t, s, r->id);
    while (*at != r) at = &(*at)->next_same_hash;
    *at = r->next_same_hash;
    list_remove(&r->order);
    s->count--;
    if (t->end) t->end(t->ctx, r);
    free(r);
}

static struct recent *new_one(struct recents *t, struct recents_shard *s, uint64_t id)
{
    if (s->count >= t->shard_max) recents_remove(t, LIST_ENTRY(s->order.prev, struct recent, order));
    struct recent *r = mem_zalloc(t->bytes_each);
    struct recent **bucket = bucket_of(t, s, id);
    r->id = id;
    r->next_same_hash = *bucket;
    *bucket = r;
    list_init(&r->order);
    s->count++;
    return r;
}

static struct recent *find(const struct recents *t, const struct recents_shard *s, uint64_t id)
{
    struct recent *r = *bucket_of(t, s, id);
    while (r && r->id != id) r = r->next_same_hash;
    return r;
}

bool recents_has(struct recents *t, uint64_t id)
{
    struct recents_shard *s = shard_of(t, id);
    pthread_mutex_lock(&s->mutex);
    bool has = find(t, s, id) != NULL;
    pthread_mutex_unlock(&s->mutex);
    return has;
}

struct recent *recents_take(struct recents *t, uint64_t id, int64_t now_us, bool make)
{
    struct recents_shard *s = shard_of(t, id);
    pthread_mutex_lock(&s->mutex);
    struct recent *r = find(t, s, id);
    if (!r && !make) return NULL;
    if (!r) r = new_one(t, s, id);
    list_remove(&r->order);
    list_add_first(&s->order, &r->order);
    r->last_us = now_us;
    return r;
}

void recents_give(struct recents *t, uint64_t id)
{
    pthread_mutex_unlock(&shard_of(t, id)->mutex);
}

void recents_sweep(struct recents *t, int64_t idle_since_us)
{
    for (int i = 0; i < RECENTS_SHARDS; i++) {
        struct recents_shard *s = &t->shard[i];
        pthread_mutex_lock(&s->mutex);
        while (!list_empty(&s->order)) {
            struct recent *r = LIST_ENTRY(s->order.prev, struct recent, order);
            if (r->last_us > idle_since_us) break;
            recents_remove(t, r);
        }
        pthread_mutex_unlock(&s->mutex);
    }
}

size_t recents_count(struct recents *t)
{
    size_t sum = 0;
    for (int i = 0; i < RECENTS_SHARDS; i++) {
        pthread_mutex_lock(&t->shard[i].mutex);
        sum += t->shard[i].count;
        pthread_mutex_unlock(&t->shard[i].mutex);
    }
    return sum;
}

/* A bounded table of records by 64-bit id: the longest unused goes first. Thread: any; a mutex a shard. */
#ifndef POLICY_RECENTS_H
#define POLICY_RECENTS_H

#include "base/list.h"

#include <pthread.h>

/* Begins a record of the caller's. */
struct recent {
    struct list order; /* in its shard, the latest used first */
    struct recent *next_same_hash;
    uint64_t id;
    int64_t last_us;
};

struct recents_shard {
    _Alignas(64) pthread_mutex_t mutex;
    struct recent **bucket;
    struct list order;
    size_t count;
};

enum { RECENTS_SHARDS = 32 };

struct recents {
    size_t bytes_each, shard_max, bucket_mask;
    struct recent **buckets;                  /* of all shards */
    void (*end)(void *ctx, struct recent *r); /* before it goes; under the shard's mutex. May be NULL */
    void *ctx;
    struct recents_shard shard[RECENTS_SHARDS];
};

void recents_init(struct recents *t, size_t bytes_each, size_t max, void (*end)(void *, struct recent *), void *ctx);
/* Without `end`. */
void recents_free(struct recents *t);
/* Found or, with `make`, made: zeroed behind struct recent. Owns: the shard's mutex is held until
 * recents_give(), also where it returns NULL. */
struct recent *recents_take(struct recents *t, uint64_t id, int64_t now_us, bool make);
void recents_give(struct recents *t, uint64_t id);
/* Without using it: it grows no younger. */
bool recents_has(struct recents *t, uint64_t id);
/* Under its mutex; `r` is freed. */
void recents_remove(struct recents *t, struct recent *r);
void recents_sweep(struct recents *t, int64_t idle_since_us);
size_t recents_count(struct recents *t);

#endif

#include "flow/objects.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

/* A shard is a ring of entries in the order they came, found through chains of
 * places: what is full forgets at the ring's oldest place. */
enum { SHARDS = 64, FIRST_ROOM = 16 };

#define NOWHERE UINT32_MAX

struct entry {
    uint64_t id, key; /* hashes */
    uint32_t provider;
    uint32_t next; /* place in the same bucket's chain */
};

struct shard {
    pthread_mutex_t lock;
    struct entry *entries;
    uint32_t *buckets; /* as many as there is room for entries */
    uint32_t room, count;
    uint32_t oldest; /* once the ceiling is met: the next to go */
};

struct objects {
    struct hash_key secret;
    uint32_t shard_max;
    bool loaded; /* atomic */
    struct shard shards[SHARDS];
};

struct objects *objects_new(struct hash_key secret, size_t max)
{
    struct objects *o = mem_zalloc(sizeof(*o));
    o->secret = secret;
    o->shard_max = (uint32_t)((max + SHARDS - 1) / SHARDS);
    if (o->shard_max == 0) o->shard_max = 1;
    for (size_t i = 0; i < SHARDS; i++) pthread_mutex_init(&o->shards[i].lock, NULL);
    return o;
}

void objects_drop(struct objects *o)
{
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&o->shards[i].lock);
        free(o->shards[i].entries);
        free(o->shards[i].buckets);
    }
    free(o);
}

static uint64_t hash_of(const struct objects *o, str s)
{
    return hash_sip(o->secret, s.p, s.n);
}

/* The lowest bits choose the shard, the next ones the bucket. */
static struct shard *shard_of(struct objects *o, uint64_t id)
{
    return &o->shards[id % SHARDS];
}

static uint32_t *bucket_of(const struct shard *s, uint64_t id)
{
    return &s->buckets[id / SHARDS % s->room];
}

static struct entry *find(const struct shard *s, uint64_t id)
{
    if (!s->count) return NULL;
    for (uint32_t at = *bucket_of(s, id); at != NOWHERE; at = s->entries[at].next) {
        if (s->entries[at].id == id) return &s->entries[at];
    }
    return NULL;
}

static void chain(struct shard *s, uint32_t at)
{
    uint32_t *bucket = bucket_of(s, s->entries[at].id);
    s->entries[at].next = *bucket;
    *bucket = at;
}

static void unchain(struct shard *s, uint32_t at)
{
    uint32_t *from = bucket_of(s, s->entries[at].id);
    while (*from != at) from = &s->entries[*from].next;
    *from = s->entries[at].next;
}

static void grow(struct shard *s, uint32_t max)
{
    uint32_t room = s->room ? s->room * 2 : FIRST_ROOM;
    s->room = room < max ? room : max;
    s->entries = mem_realloc(s->entries, s->room * sizeof(*s->entries));
    s->buckets = mem_realloc(s->buckets, s->room * sizeof(*s->buckets));
    memset(s->buckets, 0xff, s->room * sizeof(*s->buckets));
    for (uint32_t i = 0; i < s->count; i++) chain(s, i);
}

static void put(struct objects *o, str id, str key, str provider, bool old)
{
    if (!id.n) return;
    uint64_t hash = hash_of(o, id);
    struct shard *s = shard_of(o, hash);
    pthread_mutex_lock(&s->lock);
    bool full = s->count == o->shard_max;
    if (!find(s, hash) && !(full && old)) {
        if (s->count == s->room && !full) grow(s, o->shard_max);
        uint32_t at = s->count;
        if (full) {
            at = s->oldest;
            s->oldest = (s->oldest + 1) % s->room;
            unchain(s, at);
        } else {
            s->count++;
        }
        s->entries[at] = (struct entry){.id = hash, .key = hash_of(o, key), .provider = (uint32_t)hash_of(o, provider)};
        chain(s, at);
    }
    pthread_mutex_unlock(&s->lock);
}

void objects_put(struct objects *o, str id, str key, str provider)
{
    put(o, id, key, provider, false);
}

void objects_put_old(struct objects *o, str id, str key, str provider)
{
    put(o, id, key, provider, true);
}

bool objects_find(struct objects *o, str id, struct object_owner *out)
{
    uint64_t hash = hash_of(o, id);
    struct shard *s = shard_of(o, hash);
    pthread_mutex_lock(&s->lock);
    const struct entry *e = find(s, hash);
    if (e) *out = (struct object_owner){e->key, e->provider};
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

bool objects_is_owner(const struct objects *o, const struct object_owner *owner, str key)
{
    return owner->key == hash_of(o, key);
}

bool objects_is_at(const struct objects *o, const struct object_owner *owner, str provider)
{
    return owner->provider == (uint32_t)hash_of(o, provider);
}

size_t objects_count(struct objects *o)
{
    size_t sum = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&o->shards[i].lock);
        sum += o->shards[i].count;
        pthread_mutex_unlock(&o->shards[i].lock);
    }
    return sum;
}

void objects_set_loaded(struct objects *o)
{
    __atomic_store_n(&o->loaded, true, __ATOMIC_RELEASE);
}

bool objects_loaded(const struct objects *o)
{
    return __atomic_load_n(&o->loaded, __ATOMIC_ACQUIRE);
}

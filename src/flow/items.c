#include "flow/items.h"

#include "base/list.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 4096, ITEM_BYTES_MAX = 1024 * 1024, BYTES_MAX = 16 * 1024 * 1024 };

struct item {
    struct list link, age;
    uint64_t high, low; /* of owner and id: nobody may ever get another's */
    size_t bytes;
    char json[];
};

struct items {
    struct hash_key secret;
    pthread_mutex_t lock;
    struct list buckets[BUCKETS]; /* zeroes: never used */
    struct list ages;             /* the oldest first */
    size_t bytes;                 /* atomic: read without the lock by items_any() */
};

struct items *items_new(struct hash_key secret)
{
    struct items *t = mem_map(sizeof(*t));
    t->secret = secret;
    pthread_mutex_init(&t->lock, NULL);
    list_init(&t->ages);
    return t;
}

static void forget(struct items *t, struct item *it)
{
    list_remove(&it->link);
    list_remove(&it->age);
    __atomic_fetch_sub(&t->bytes, it->bytes, __ATOMIC_RELAXED);
    free(it);
}

void items_drop(struct items *t)
{
    LIST_EACH (age, &t->ages) forget(t, LIST_ENTRY(age, struct item, age));
    pthread_mutex_destroy(&t->lock);
    mem_unmap(t, sizeof(*t));
}

struct name {
    uint64_t high, low;
};

static struct name name_of(const struct items *t, str owner, str id)
{
    uint64_t parts[3] = {hash_sip(t->secret, owner.p, owner.n), hash_sip(t->secret, id.p, id.n), 0};
    struct name n = {.high = hash_sip(t->secret, parts, sizeof(parts))};
    parts[2] = 1;
    n.low = hash_sip(t->secret, parts, sizeof(parts));
    return n;
}

static struct item *find(struct items *t, struct name n)
{
    struct list *bucket = &t->buckets[n.low % BUCKETS];
    if (!bucket->next) list_init(bucket);
    LIST_EACH (at, bucket) {
        struct item *it = LIST_ENTRY(at, struct item, link);
        if (it->high == n.high && it->low == n.low) return it;
    }
    return NULL;
}

void items_put(struct items *t, str owner, str id, str json)
{
    if (json.n > ITEM_BYTES_MAX) return;
    struct name n = name_of(t, owner, id);
    struct item *it = mem_alloc(sizeof(*it) + json.n);
    it->high = n.high;
    it->low = n.low;
    it->bytes = sizeof(*it) + json.n;
    memcpy(it->json, json.p, json.n);
    pthread_mutex_lock(&t->lock);
    struct item *old = find(t, n);
    if (old) forget(t, old);
    while (t->bytes + it->bytes > BYTES_MAX) forget(t, LIST_ENTRY(t->ages.next, struct item, age));
    list_add_first(&t->buckets[n.low % BUCKETS], &it->link);
    list_add_last(&t->ages, &it->age);
    __atomic_fetch_add(&t->bytes, it->bytes, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&t->lock);
}

bool items_find(struct items *t, str owner, str id, struct arena *arena, str *out)
{
    struct name n = name_of(t, owner, id);
    pthread_mutex_lock(&t->lock);
    struct item *it = find(t, n);
    if (it) *out = arena_str(arena, str_of(it->json, it->bytes - sizeof(*it)));
    pthread_mutex_unlock(&t->lock);
    return it != NULL;
}

bool items_any(const struct items *t)
{
    return __atomic_load_n(&t->bytes, __ATOMIC_RELAXED) > 0;
}

#include "flow/idempotency.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 16, BUCKETS = 1024 };

struct entry {
    struct list age; /* of its shard's kept ones: the oldest first */
    struct entry *next;
    struct idempotency_id id;
    struct kept_answer *answer; /* NULL: it is being made */
    int64_t kept_us, until_us;
    struct list waiters;
};

struct shard {
    _Alignas(64) pthread_mutex_t mutex;
    struct entry *buckets[BUCKETS];
    struct list age;
};

struct idempotency {
    struct hash_key secret;
    size_t entries, bytes; /* kept; atomic */
    size_t room;           /* taken by answers that are being made; atomic */
    struct shard shards[SHARDS];
};

struct idempotency *idempotency_new(struct hash_key secret)
{
    struct idempotency *t = mem_map(sizeof(*t)); /* aligned to cache lines */
    t->secret = secret;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&t->shards[i].mutex, NULL);
        list_init(&t->shards[i].age);
    }
    return t;
}

/* ---- ids */

static uint64_t fold(struct hash_key key, uint64_t before, str s)
{
    return hash_sip((struct hash_key){key.k0 ^ before, key.k1 + s.n}, s.p, s.n);
}

struct idempotency_id idempotency_id(const struct idempotency *t, str owner, str key, str target, str body)
{
    struct hash_key other = {t->secret.k1, t->secret.k0 + 1};
    return (struct idempotency_id){
        .high = fold(t->secret, fold(t->secret, 0, owner), key),
        .low = fold(other, fold(other, 0, owner), key),
        .call = fold(t->secret, fold(t->secret, 1, target), body),
    };
}

static struct shard *shard_of(struct idempotency *t, const struct idempotency_id *id)
{
    return &t->shards[id->high % SHARDS];
}

static struct entry **place_of(struct shard *s, const struct idempotency_id *id)
{
    struct entry **at = &s->buckets[id->low % BUCKETS];
    while (*at && ((*at)->id.high != id->high || (*at)->id.low != id->low)) at = &(*at)->next;
    return at;
}

/* ---- answers */

static struct kept_answer *copy_answer(const struct kept_answer *from)
{
    struct kept_answer *a = mem_alloc(sizeof(*a) + from->headers.n + from->body.n);
    char *text = (char *)(a + 1);
    *a = (struct kept_answer){.uses = 1, .status = from->status};
    if (from->headers.n) memcpy(text, from->headers.p, from->headers.n);
    a->headers = str_of(text, from->headers.n);
    text += from->headers.n;
    if (from->body.n) memcpy(text, from->body.p, from->body.n);
    a->body = str_of(text, from->body.n);
    return a;
}

void kept_answer_put(struct kept_answer *a)
{
    if (__atomic_sub_fetch(&a->uses, 1, __ATOMIC_ACQ_REL) == 0) free(a);
}

static size_t size_of(const struct kept_answer *a)
{
    return sizeof(struct entry) + sizeof(*a) + a->headers.n + a->body.n;
}

/* ---- entries; under the shard's mutex */

/* Whoever waits asks again. */
static void wake_all(struct entry *e)
{
    while (!list_empty(&e->waiters)) {
        struct idempotency_waiter *w = LIST_ENTRY(e->waiters.next, struct idempotency_waiter, link);
        list_remove(&w->link);
        w->wake(w);
    }
}

static void remove_entry(struct idempotency *t, struct shard *s, struct entry *e)
{
    wake_all(e);
    *place_of(s, &e->id) = e->next;
    list_remove(&e->age);
    if (e->answer) {
        __atomic_fetch_sub(&t->entries, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&t->bytes, size_of(e->answer), __ATOMIC_RELAXED);
        kept_answer_put(e->answer);
    }
    free(e);
}

static void add_entry(struct shard *s, const struct idempotency_id *id)
{
    struct entry *e = mem_zalloc(sizeof(*e));
    e->id = *id;
    list_init(&e->age);
    list_init(&e->waiters);
    *place_of(s, id) = e;
}

static void drop_expired(struct idempotency *t, struct shard *s, int64_t now_us)
{
    LIST_EACH (it, &s->age) { /* `keep` may have changed meanwhile: all are looked at */
        struct entry *e = LIST_ENTRY(it, struct entry, age);
        if (e->until_us <= now_us) remove_entry(t, s, e);
    }
}

/* ---- a call */

void idempotency_waiter_init(struct idempotency_waiter *w, void (*wake)(struct idempotency_waiter *w))
{
    list_init(&w->link);
    w->wake = wake;
}

static enum idempotency_verdict judge(struct shard *s, const struct idempotency_id *id,
                                      struct idempotency_waiter *waiter, struct kept_answer **kept)
{
    struct entry *e = *place_of(s, id);
    if (!e) {
        add_entry(s, id);
        return IDEMPOTENCY_MINE;
    }
    if (e->id.call != id->call) return IDEMPOTENCY_OTHER;
    if (!e->answer) {
        if (list_empty(&waiter->link)) list_add_last(&e->waiters, &waiter->link);
        return IDEMPOTENCY_RUNNING;
    }
    __atomic_fetch_add(&e->answer->uses, 1, __ATOMIC_RELAXED);
    *kept = e->answer;
    return IDEMPOTENCY_KEPT;
}

enum idempotency_verdict idempotency_ask(struct idempotency *t, const struct idempotency_id *id, int64_t now_us,
                                         struct idempotency_waiter *waiter, struct kept_answer **kept)
{
    struct shard *s = shard_of(t, id);
    pthread_mutex_lock(&s->mutex);
    struct entry *e = *place_of(s, id);
    if (e && e->answer && e->until_us <= now_us) remove_entry(t, s, e);
    enum idempotency_verdict v = judge(s, id, waiter, kept);
    pthread_mutex_unlock(&s->mutex);
    return v;
}

void idempotency_leave(struct idempotency *t, const struct idempotency_id *id, struct idempotency_waiter *waiter)
{
    struct shard *s = shard_of(t, id);
    pthread_mutex_lock(&s->mutex);
    list_remove(&waiter->link);
    pthread_mutex_unlock(&s->mutex);
}

void idempotency_free(struct idempotency *t, const struct idempotency_id *id)
{
    struct shard *s = shard_of(t, id);
    pthread_mutex_lock(&s->mutex);
    remove_entry(t, s, *place_of(s, id));
    pthread_mutex_unlock(&s->mutex);
}

/* ---- ceilings */

static bool is_above(const struct idempotency *t, const struct setting_idempotency *c)
{
    return __atomic_load_n(&t->entries, __ATOMIC_RELAXED) > (size_t)c->entries ||
           __atomic_load_n(&t->bytes, __ATOMIC_RELAXED) > (size_t)c->bytes;
}

/* The oldest of all: each shard shows its own. Another thread may take it first: then the next one goes. */
static bool drop_oldest(struct idempotency *t)
{
    struct shard *of = NULL;
    int64_t kept_us = INT64_MAX;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &t->shards[i];
        pthread_mutex_lock(&s->mutex);
        const struct entry *e = list_empty(&s->age) ? NULL : LIST_ENTRY(s->age.next, struct entry, age);
        if (e && e->kept_us < kept_us) {
            kept_us = e->kept_us;
            of = s;
        }
        pthread_mutex_unlock(&s->mutex);
    }
    if (!of) return false;
    pthread_mutex_lock(&of->mutex);
    if (!list_empty(&of->age)) remove_entry(t, of, LIST_ENTRY(of->age.next, struct entry, age));
    pthread_mutex_unlock(&of->mutex);
    return true;
}

void idempotency_keep(struct idempotency *t, const struct idempotency_id *id, const struct kept_answer *answer,
                      const struct setting_idempotency *ceilings, int64_t now_us)
{
    struct kept_answer *copy = copy_answer(answer);
    struct shard *s = shard_of(t, id);
    pthread_mutex_lock(&s->mutex);
    struct entry *e = *place_of(s, id);
    e->answer = copy;
    e->kept_us = now_us;
    e->until_us = ceilings->keep_us > INT64_MAX - now_us ? INT64_MAX : now_us + ceilings->keep_us;
    list_add_last(&s->age, &e->age);
    __atomic_fetch_add(&t->entries, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&t->bytes, size_of(copy), __ATOMIC_RELAXED);
    wake_all(e);
    pthread_mutex_unlock(&s->mutex);
    while (is_above(t, ceilings) && drop_oldest(t)) continue;
}

bool idempotency_take_room(struct idempotency *t, size_t bytes, const struct setting_idempotency *ceilings)
{
    size_t taken = __atomic_add_fetch(&t->room, bytes, __ATOMIC_RELAXED);
    if (taken <= (size_t)ceilings->bytes) return true;
    idempotency_give_room(t, bytes);
    return false;
}

void idempotency_give_room(struct idempotency *t, size_t bytes)
{
    __atomic_fetch_sub(&t->room, bytes, __ATOMIC_RELAXED);
}

void idempotency_sweep(struct idempotency *t, int64_t now_us)
{
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&t->shards[i].mutex);
        drop_expired(t, &t->shards[i], now_us);
        pthread_mutex_unlock(&t->shards[i].mutex);
    }
}

void idempotency_see(const struct idempotency *t, struct idempotency_view *out)
{
    out->entries = __atomic_load_n(&t->entries, __ATOMIC_RELAXED);
    out->bytes = __atomic_load_n(&t->bytes, __ATOMIC_RELAXED);
}

void idempotency_drop(struct idempotency *t)
{
    if (!t) return;
    idempotency_sweep(t, INT64_MAX);
    for (int i = 0; i < SHARDS; i++) pthread_mutex_destroy(&t->shards[i].mutex);
    mem_unmap(t, sizeof(*t));
}

/* Answers by Idempotency-Key: a call that comes again gets the answer of before, or waits for
 * the one that is being made. Only finished, good answers are kept; a call that fails frees its key.
 *
 * Shared by all workers: a mutex for each shard, never two at a time. What runs is bounded by the
 * calls in flight, what is kept by the ceilings: above them the oldest go.
 * Units: times are of the monotonic clock and passed in. Thread: any. */
#ifndef FLOW_IDEMPOTENCY_H
#define FLOW_IDEMPOTENCY_H

#include "base/hash.h"
#include "base/list.h"
#include "settings/settings.h"

struct idempotency;

struct idempotency *idempotency_new(struct hash_key secret);
void idempotency_drop(struct idempotency *t);

/* One client's key, and the call that came with it. 128 bits: nobody may ever get another's answer. */
struct idempotency_id {
    uint64_t high, low;
    uint64_t call;
};
/* `owner`: the name of purser's key. `target`: path and query. */
struct idempotency_id idempotency_id(const struct idempotency *t, str owner, str key, str target, str body);

/* A kept answer. Immutable, counted. */
struct kept_answer {
    unsigned uses; /* atomic */
    int status;
    str headers, body; /* behind the struct; headers are raw lines */
};
void kept_answer_put(struct kept_answer *a);

/* Someone who waits for a running call to end. */
struct idempotency_waiter {
    struct list link;
    void (*wake)(struct idempotency_waiter *w); /* on any thread, under a mutex: it only sends mail */
};
void idempotency_waiter_init(struct idempotency_waiter *w, void (*wake)(struct idempotency_waiter *w));

enum idempotency_verdict {
    IDEMPOTENCY_MINE,    /* nobody has it: the caller makes the answer, then keeps or frees it, exactly once */
    IDEMPOTENCY_KEPT,    /* `*kept`; Owns: the caller puts it */
    IDEMPOTENCY_RUNNING, /* another one makes it: `waiter` is woken when that is over, then asks again */
    IDEMPOTENCY_OTHER,   /* the key came with another call */
};
enum idempotency_verdict idempotency_ask(struct idempotency *t, const struct idempotency_id *id, int64_t now_us,
                                         struct idempotency_waiter *waiter, struct kept_answer **kept);
/* Waits no longer: it is not woken any more once this returns. */
void idempotency_leave(struct idempotency *t, const struct idempotency_id *id, struct idempotency_waiter *waiter);
/* The answer is whole. One that is above the ceilings is not kept. */
void idempotency_keep(struct idempotency *t, const struct idempotency_id *id, const struct kept_answer *answer,
                      const struct setting_idempotency *ceilings, int64_t now_us);
/* There is none: whoever waits may make it. */
void idempotency_free(struct idempotency *t, const struct idempotency_id *id);
/* Room for answers that are being made: as much again as for those that are kept. Fails: false
 * where it is used up. Owns: the caller gives it back. */
bool idempotency_take_room(struct idempotency *t, size_t bytes, const struct setting_idempotency *ceilings) MUST_CHECK;
void idempotency_give_room(struct idempotency *t, size_t bytes);
/* Drops what was kept long enough. Called now and then by one thread. */
void idempotency_sweep(struct idempotency *t, int64_t now_us);

struct idempotency_view {
    size_t entries, bytes; /* kept */
};
void idempotency_see(const struct idempotency *t, struct idempotency_view *out);

#endif

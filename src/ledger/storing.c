/* The store thread. */
#include "ledger/storing_inside.h"

#include "base/time.h"

#include <stdlib.h>
#include <time.h>

enum {
    RETRY_US = 200 * 1000,
    RETIRE_EVERY_US = 1000 * 1000,
    STOP_TRIES = 3,
    /* under load batches gather: rollups and commits cost by the batch, rows by the row */
    GATHER_US = 500 * 1000,
    LOAD_PER_SECOND = 500, /* records up to the batch before: that is load */
};

static void wait_until(struct ledger *l, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / US_PER_SECOND;
    until.tv_nsec += us % US_PER_SECOND * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&l->store_wake, &l->lock, &until);
}

/* Sleeps until there is something to do; says whether the thread shall end. */
static bool wait_for_work(struct storing *t, struct forget_wish **wishes)
{
    struct ledger *l = t->l;
    bool keeps = l->options.keep_rows || l->options.keep_us;
    pthread_mutex_lock(&l->lock);
    while (!l->work && !l->stop_store && !l->forget) {
        if (!keeps) {
            pthread_cond_wait(&l->store_wake, &l->lock);
            continue;
        }
        wait_until(l, 10 * RETIRE_EVERY_US);
        break;
    }
    l->work = false;
    *wishes = l->forget;
    l->forget = NULL;
    bool stop = l->stop_store;
    pthread_mutex_unlock(&l->lock);
    return stop;
}

/* Lets a batch grow, unless somebody waits for it. */
static void gather(struct ledger *l)
{
    int64_t until_us = time_mono_us() + GATHER_US;
    pthread_mutex_lock(&l->lock);
    l->gathering = true;
    for (int64_t now_us = time_mono_us(); now_us < until_us && !l->stop_store && !l->flushing;
         now_us = time_mono_us()) {
        wait_until(l, until_us - now_us);
    }
    l->gathering = false;
    l->work = false; /* what came meanwhile is stored now */
    pthread_mutex_unlock(&l->lock);
}

static void tell_stored(struct ledger *l, bool ended)
{
    pthread_mutex_lock(&l->lock);
    l->store_ended = ended;
    pthread_cond_broadcast(&l->stored_wake);
    pthread_mutex_unlock(&l->lock);
}

/* Stores what there is. Fails: false when the store refuses; the caller waits and tries again. */
static bool store_all(struct storing *t)
{
    while (storing_has_work(t)) {
        if (!storing_batch(t)) return false;
        tell_stored(t->l, false);
    }
    return true;
}

/* Stores, and learns whether records come so fast that the next batch shall gather. */
static bool store_and_learn(struct storing *t, bool *load)
{
    const _Atomic uint64_t *stored = &t->l->stored;
    uint64_t before = atomic_load_explicit(stored, memory_order_relaxed);
    bool ok = store_all(t);
    uint64_t records = atomic_load_explicit(stored, memory_order_relaxed) - before;
    int64_t now_us = time_mono_us();
    if (records == 0) return ok;
    *load = (int64_t)records * US_PER_SECOND >= LOAD_PER_SECOND * (now_us - t->stored_us);
    t->stored_us = now_us;
    return ok;
}

static void pause_after_failure(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    if (!l->stop_store) wait_until(l, RETRY_US);
    l->work = true;
    pthread_mutex_unlock(&l->lock);
}

void *ledger_store_main(void *ledger)
{
    struct ledger *l = ledger;
    struct storing t = {.l = l, .reading = mem_zalloc(l->chain_count * sizeof(*t.reading))};
    buf_init(&t.damage, 1024 * 1024);
    unsigned tries = 0;
    bool load = false;
    for (bool stop = false; !stop;) {
        struct forget_wish *wishes;
        bool asked = wait_for_work(&t, &wishes);
        if (!asked && load) gather(l);
        bool ok = store_and_learn(&t, &load);
        storing_grant(&t, wishes);
        if (!ok) pause_after_failure(l);
        /* what a failing store does not take stays in the journal, for the next start */
        stop = asked && (ok || ++tries == STOP_TRIES);
        if (!ok || stop) continue;
        storing_pack(&t);
        storing_fill_mix(&t);
        if (time_mono_us() - t.retired_us < RETIRE_EVERY_US) continue;
        while (storing_retire(&t) && !storing_has_work(&t)) continue;
        t.retired_us = time_mono_us();
    }
    tell_stored(l, true);
    free(t.reading);
    buf_free(&t.damage);
    return NULL;
}

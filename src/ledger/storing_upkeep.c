#include "ledger/storing_inside.h"

#include "base/time.h"

#include <stdlib.h>

enum {
    RETIRE_ROWS = 512, /* a transaction of retention */
    RETIRE_PAGES = 256,
    PACK_ROWS = 4096,         /* of a rollup, between two looks at the clock */
    PACK_FOR_US = 100 * 1000, /* at least, even where there is something to store */
    PACK_EVERY_US = 60 * 1000 * 1000,
};

bool storing_retire(struct storing *t)
{
    struct ledger *l = t->l;
    const struct ledger_options *o = &l->options;
    if (!o->keep_rows && !o->keep_us) return false;
    int64_t before_us = o->keep_us ? time_now_us() - o->keep_us : INT64_MIN;
    uint32_t deleted = 0;
    if (!store_begin(l->store) || !store_retire(l->store, before_us, (uint64_t)o->keep_rows, RETIRE_ROWS, &deleted) ||
        !store_commit(l->store)) {
        store_rollback(l->store);
        storing_count_errors(l, 1);
        return false;
    }
    if (deleted && !store_shrink(l->store, RETIRE_PAGES)) storing_count_errors(l, 1);
    storing_publish(t);
    return deleted == RETIRE_ROWS;
}

/* Does anybody want this thread? */
static bool is_wanted(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    bool wanted = l->work || l->stop_store || l->forget || l->flushing;
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

/* Packs days that are over. An hour later, since a row counts for the day in which its
 * call was admitted. Under load it takes its time all the same: while a day is being
 * read, SQLite cannot begin its write-ahead log anew. */
void storing_pack(struct storing *t)
{
    struct ledger *l = t->l;
    if (t->packed_us && time_mono_us() - t->packed_us < PACK_EVERY_US) return;
    int64_t until_us = time_mono_us() + PACK_FOR_US;
    enum store_packed step;
    do {
        step = store_pack(l->store, time_now_us() - US_PER_HOUR, PACK_ROWS);
    } while (step == STORE_PACK_MORE && (time_mono_us() < until_us || !is_wanted(l)));
    if (step == STORE_PACK_FAILED) storing_count_errors(l, 1);
    t->packed_us = step == STORE_PACK_MORE ? 0 : time_mono_us();
}

/* A store of before rollup_mix: its rows, between other work. */
void storing_fill_mix(struct storing *t)
{
    struct ledger *l = t->l;
    int64_t until_us = time_mono_us() + PACK_FOR_US;
    bool whole = false, ok = true;
    while (ok && !whole && (time_mono_us() < until_us || !is_wanted(l)))
        ok = store_mix_fill(l->store, PACK_ROWS, &whole);
    if (!ok) storing_count_errors(l, 1);
    if (whole) return;
    pthread_mutex_lock(&l->lock);
    l->work = true; /* more of it in the next turn */
    pthread_mutex_unlock(&l->lock);
}

void storing_grant(struct storing *t, struct forget_wish *wishes)
{
    for (struct forget_wish *w = wishes, *next; w; w = next) {
        next = w->next;
        struct store *s = t->l->store;
        if (!store_begin(s) || !store_forget_cells(s, str_of(w->budget, w->budget_bytes), w->before_us) ||
            !store_commit(s)) {
            store_rollback(s);
            storing_count_errors(t->l, 1);
        }
        free(w);
    }
}

/* What the files of the store thread share: synced records into SQLite, one transaction a batch, in which the position
 * reached is stored too: a record is there exactly once. All of it is the store thread's own. */
#ifndef LEDGER_STORING_INSIDE_H
#define LEDGER_STORING_INSIDE_H

#include "ledger/inside.h"

/* One chain, as the running batch has it. */
struct reading {
    struct chain_cursor committed, at;
    bool begun, finished;
    uint32_t records;
};

struct storing {
    struct ledger *l;
    struct reading *reading; /* one a chain */
    uint32_t records, posts; /* of this batch */
    struct buf damage;
    int64_t stored_us; /* when something was stored last */
    int64_t retired_us, packed_us;
};

static inline void storing_count_errors(struct ledger *l, uint64_t n)
{
    atomic_fetch_add_explicit(&l->errors, n, memory_order_relaxed);
}

/* ---- storing_batch.c */

bool storing_has_work(const struct storing *t);
/* One transaction. Fails: false, with nothing changed. */
bool storing_batch(struct storing *t) MUST_CHECK;
/* Tells those who ask how the ledger stands (ledger_state()). */
void storing_publish(struct storing *t);

/* ---- storing_upkeep.c: what is done between batches */

/* Deletes rows that retention does not keep: one slice. Returns whether there may be more. */
bool storing_retire(struct storing *t);
/* Packs days that are over. */
void storing_pack(struct storing *t);
/* Fills what a store of an earlier version does not have yet. */
void storing_fill_mix(struct storing *t);
/* Forgets cells of budgets that are gone. Frees the wishes. */
void storing_grant(struct storing *t, struct forget_wish *wishes);

#endif

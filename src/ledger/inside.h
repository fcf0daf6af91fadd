/* The ledger's inside: shared by its own files, by nobody else.
 *
 * Three threads meet here. A worker appends to its journal. The sync thread makes
 * what was appended durable (group sync), makes segments ahead and wakes workers.
 * The store thread carries synced records into SQLite and frees segments. Each
 * field below belongs to one of them; what crosses over is atomic. */
#ifndef LEDGER_INSIDE_H
#define LEDGER_INSIDE_H

#include "base/arena.h"
#include "ledger/amounts.h"
#include "ledger/chain.h"
#include "ledger/holds.h"
#include "ledger/ledger.h"
#include "ledger/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    READY_MAX = 16, /* segments handed to a worker ahead: a power of two */
    READY_WANTED = 2,
    OPEN_BITS = 1 << 20, /* attempts of a worker told apart while open */
    WORKERS_MAX = 256,   /* one byte of an attempt's id */
    ID_COUNTER_SHIFT = 8,
    ID_EPOCH_SHIFT = 43,
};

/* Where the sync thread sleeps; a worker looks at `asleep` behind each append. */
struct sleeper {
    _Atomic uint32_t asleep; /* a futex */
};
void sleeper_wake(struct sleeper *s);

struct journal {
    /* the worker's own */
    struct segment *segment;
    uint32_t at; /* the next record's offset */
    uint32_t epoch, worker;
    uint64_t seq;        /* of the last record */
    uint64_t counter;    /* of the last attempt */
    uint64_t open;       /* holds without an end */
    uint64_t *open_bits; /* which: a bit for each id, modulo OPEN_BITS */
    struct sleeper *sleeper;

    /* from the worker to the others */
    _Alignas(64) _Atomic uint64_t appended; /* position behind the last record */
    _Atomic uint64_t records;
    _Atomic uint64_t open_now;
    _Atomic uint32_t ready_taken;

    /* from the sync thread to the others */
    _Alignas(64) _Atomic uint64_t synced;
    _Atomic uint32_t ready_put;
    struct segment *ready[READY_MAX];

    /* from the store thread to the others */
    _Alignas(64) _Atomic uint64_t stored;

    /* the sync thread's own */
    struct segment *last;        /* made last */
    struct segment *syncing;     /* holds the synced position */
    uint32_t numbers;            /* segments made */
    struct segment *chain_first; /* the first one made: read by the store thread once `synced` > 0 */
};

/* Makes a segment ready for the worker to take. */
void journal_give(struct journal *j, struct segment *s);
uint32_t journal_segments_ready(const struct journal *j);

struct ledger {
    struct ledger_options options;
    char *dir;
    int lock_fd, journal_fd;
    uint32_t epoch;
    struct hash_key key;
    struct journal *journals; /* one a worker. */
    unsigned journal_count;
    struct sleeper sleeper;
    bool barrier;           /* membarrier() works: deep sleep is safe */
    _Atomic bool dir_dirty; /* segments were made whose names are not synced yet */

    /* the store thread's (and, before it starts, the opener's) */
    struct store *store;
    struct chain *chains; /* by epoch and worker; this boot's last */
    size_t chain_count;
    struct holds holds;

    /* the sync thread's */
    struct segment_making making;
    struct segment_id *spares; /* left over, empty */
    size_t spare_count;
    unsigned making_for;
    int64_t retry_us; /* after a failure: not before */

    /* what recovery found, for ledger_each_cell(); freed by the start */
    struct amounts tail;       /* spent in records that are not stored yet, by cell */
    struct record_cell *named; /* cells named in them; texts in named_texts */
    size_t named_count, named_cap;
    struct arena named_texts;

    pthread_t sync_thread, store_thread;
    bool started;
    pthread_mutex_t lock; /* guards the wishes below */
    pthread_cond_t store_wake, stored_wake;
    bool work; /* there is something to store */
    bool stop_store;
    bool gathering;             /* the store thread lets a batch grow: new work does not wake it */
    unsigned flushing;          /* callers of ledger_flush() that wait: batches are not gathered then */
    uint64_t refusals;          /* of disk and store, so far: whoever waits for a flush gives up at the next one */
    bool store_ended;           /* nobody stores any more */
    struct forget_wish *forget; /* a stack */
    _Atomic bool stop_sync;
    _Atomic uint32_t nudged; /* a futex: a stop or a flush waits, sync now */

    _Atomic uint64_t chains_left; /* journals of earlier starts that are not stored to their end */
    _Atomic uint64_t errors, stored, rows, open_holds, bytes_waiting;
    _Atomic int64_t oldest_us; /* when the oldest record not stored was seen; 0: none is */
};

struct forget_wish {
    struct forget_wish *next;
    int64_t before_us;
    size_t budget_bytes;
    char budget[];
};

/* Recovery (recovery.c): reads what is left, ends what a crash left open. */
bool ledger_recover(struct ledger *l, struct buf *why);
/* Frees what recovery kept for ledger_each_cell(). */
void ledger_forget_recovered(struct ledger *l);
/* One segment for a journal, at once; for recovery and the start. Fails: false, errno set. */
bool ledger_make_segment_now(struct ledger *l, struct journal *j);
/* Ends the sync thread's sleep. Thread: any. */
void ledger_nudge(struct ledger *l);
/* Counts what disk or store refused, and lets those go who wait for a flush. Thread: sync or store. */
void ledger_refused(struct ledger *l);
void *ledger_sync_main(void *ledger);
void *ledger_store_main(void *ledger);

#endif

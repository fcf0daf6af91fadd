/* The ledger: journals (one a worker, in mapped files) and the store behind them.
 *
 * A worker appends; the sync thread brings what was appended to the disk and prepares
 * segments ahead; the store thread carries records into SQLite, exactly once. See
 * docs/ledger.md for files, columns and proofs.
 *
 * Times are microseconds, money is pico-dollars. Opening, starting, stopping and closing
 * are for one thread, with no worker running. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "ledger/row.h"

struct ledger;
struct journal;

struct ledger_options {
    const char *dir;   /* the data folder; made with mode 0700 where missing */
    unsigned workers;  /* journals to keep ready */
    int64_t sync_us;   /* group sync: the most a power cut may lose */
    int64_t keep_rows; /* 0: all */
    int64_t keep_us;   /* 0: for ever */
    /* Wakes a worker whose journal has been synced or has a segment again. Any thread. */
    void (*wake)(void *ctx, unsigned worker);
    void *wake_ctx;
};

/* Locks the folder, opens the store, reads the journals that are left and ends
 * every hold that a crash left open (posted at its estimate, reason `crash`).
 * Records not yet stored are stored later, while serving.
 * On success `why` holds warnings, a line each: what was found damaged or missing.
 * Owns: ledger_close(). Fails: NULL with a sentence in `why` (who holds the lock, what cannot be read). */
struct ledger *ledger_open(const struct ledger_options *options, struct buf *why);
/* For the secret of budget cells: made once per folder. */
struct hash_key ledger_hash_key(const struct ledger *l);
uint32_t ledger_epoch(const struct ledger *l); /* of this boot: 1, 2, ... */

/* Every budget cell as it stands after recovery; before ledger_start(). A cell whose
 * name a power cut took has an empty budget and value: its key still counts. */
typedef void ledger_cell_visit(void *ctx, uint64_t key, str budget, str value, int64_t window_start_us, int64_t spent);
void ledger_each_cell(struct ledger *l, ledger_cell_visit *visit, void *ctx);

/* Starts the ledger's threads. Stop stores everything first; what the store refuses three times stays in the
 * journals, for the next start. */
void ledger_start(struct ledger *l);
void ledger_stop(struct ledger *l);
void ledger_close(struct ledger *l);

/* A worker's journal. Owns: the ledger. */
struct journal *ledger_journal(struct ledger *l, unsigned worker);

/* Room for one more call (its hold, its post and some progress)? If not, admission
 * refuses with ERR_LEDGER_FULL. Thread: the journal's worker, as all of these. */
bool journal_ready(const struct journal *j);
/* The same as other threads see it: perhaps less room for a moment, never more. Thread: any. */
bool journal_seen_ready(const struct journal *j);
uint64_t journal_next_id(struct journal *j);

enum journal_kind {
    JOURNAL_HOLD,     /* before the first byte goes to a provider */
    JOURNAL_PROGRESS, /* at most once a second while it runs: stands for its hold from then on */
    JOURNAL_POST,     /* the truth, before the last byte goes to the client */
    JOURNAL_VOID,     /* nothing was sent: the hold is given back; leaves no row */
};

/* Appends a copy. Returns the journal's position behind it (for journal_synced()),
 * 0 where there was no room. The end of a hold always has room; when nothing else is
 * left its texts are cut short. Never blocks, never allocates. */
uint64_t journal_append(struct journal *j, enum journal_kind kind, const struct row *row);
/* Names a budget cell, before the first hold that uses it. Returns as journal_append(). */
uint64_t journal_append_cell(struct journal *j, uint64_t key, str budget, str value, int64_t window_start_us);
/* Has everything up to `position` reached the disk? */
bool journal_synced(const struct journal *j, uint64_t position);

/* Blocks until all that was appended before is stored. Thread: control threads only.
 * Fails: false once the disk or the store has refused it: it stays in the journals, and is tried again. */
bool ledger_flush(struct ledger *l);
/* The windows of a budget that began before `before_us` are over: their cells go,
 * soon. Call it now and then for each budget with a window. Thread: control threads. */
void ledger_forget_cells(struct ledger *l, str budget, int64_t before_us);
/* Figures for /metrics. Thread: any. */
struct ledger_state {
    uint64_t appended, stored; /* records */
    uint64_t bytes_waiting;
    uint64_t rows;
    int64_t lag_us; /* age of the oldest record not yet stored */
    uint64_t errors;
    uint64_t open_holds;
};
void ledger_state(struct ledger *l, struct ledger_state *out);

/* Spending of the past, for a budget that a reload adds: visits every (value,
 * amount) of attempts admitted from `from_us` on and posted under a generation
 * below `generation` of this boot. `sql_where` and `sql_value` are made by the
 * caller from a scope. Blocks; control threads only. Fails: false where the journals cannot be
 * stored first, or the store cannot be read; what was visited by then is not the whole. */
struct ledger_past {
    int64_t from_us;
    uint32_t generation;
    const char *amount_sql; /* "cost_picousd", "<tokens>", "1" */
    struct {
        str column, equals;
    } match[8];
    size_t match_count;
    str each[8]; /* columns with a `*` */
    size_t each_count;
    int64_t step_us; /* > 0: group by steps of this length (rolling windows) */
};
typedef void ledger_past_visit(void *ctx, const str *values, int64_t step_start_us, int64_t amount);
bool ledger_past(struct ledger *l, const struct ledger_past *ask, ledger_past_visit *visit, void *ctx);

/* Who made what providers store, of rows from `from_us` on, the newest first, at most
 * `count`; an id may come more than once. Blocks; control threads only. Fails: false. */
typedef void ledger_object_visit(void *ctx, str id, str key, str provider);
bool ledger_objects_each(struct ledger *l, int64_t from_us, size_t count, ledger_object_visit *visit, void *ctx);

#endif

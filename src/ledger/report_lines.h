/* The lines of a series while rows come in: report_series.c's and report_scan.c's own.
 *
 * Of each value (a million at most) there is what decides whether it is among the dearest; of each value and step, a
 * cell. When there are too many cells all of them go: then the dearest values are known behind the pass, and a second
 * one makes cells of these alone. Thread: each has lines of its own; `crowded` is shared. */
#ifndef LEDGER_REPORT_LINES_H
#define LEDGER_REPORT_LINES_H

#include "ledger/name_table.h"
#include "ledger/report_series.h"

#include <sqlite3.h>
#include <stdatomic.h>

/* What the threads of a pass have in common. */
struct lines_form {
    int64_t from_us, step_us;
    size_t steps, cells_max; /* of a thread; at least 1 */
    const str *only;         /* of these values alone there are lines; NULL: of all */
    size_t only_count;
    struct hash_key secret;     /* clients choose users and tasks */
    size_t most;                /* lines of a thread, and of both; 0: a million */
    _Atomic bool crowded, full; /* full: of lines */
    struct lines *all;          /* where the threads' lines come together */
};

struct line_rank {
    struct name_head head;
    __int128 cost, unpriced_cost;
    int64_t attempts;
    uint32_t cell; /* the last one that it got, and one; 0: none */
};

#define LINES_COLUMNS ", number, status, cost_state, cost_picousd, saved_picousd, wasted"

struct lines;
/* Owns: lines_drop(). */
struct lines *lines_new(struct lines_form *form);
void lines_drop(struct lines *l);
/* A row: its time, the value, LINES_COLUMNS.
 * Fails: false beyond the ceiling of values. */
bool lines_add_row(struct lines *l, sqlite3_value **row) MUST_CHECK;
/* Adds to a name's rank alone, without steps. Fails: as lines_add_row(). */
bool lines_add_rank(struct lines *l, const struct line_rank *more) MUST_CHECK;
bool lines_has(struct lines *l, str name);
/* Moves `from`'s to `to`. Fails: false beyond the ceiling of values. */
bool lines_merge(struct lines *to, struct lines *from) MUST_CHECK;
size_t lines_count(const struct lines *l);
const struct line_rank *lines_at(const struct lines *l, size_t i);
const struct series_sums *lines_totals(const struct lines *l); /* of each step */
/* Adds a line's cells to the sums of each step. */
void lines_take(const struct lines *l, size_t line, struct series_sums *at);

#endif

/* The inside of tally*.c, shared by nobody else: rows are read into tables of names (tally_rows.c), of which the dearest
 * or all are shown (tally.c). Of more names than a table holds the dearest are found a part of the names at a time, by
 * their hashes: each part is a reading of its own. */
#ifndef LEDGER_TALLY_INSIDE_H
#define LEDGER_TALLY_INSIDE_H

#include "ledger/name_table.h"
#include "ledger/report_inside.h"
#include "ledger/tally.h"

enum { TALLY_BITS_MAX = 20 };

struct tally_entry {
    struct name_head head; /* a group's key, as reports pack it */
    __int128 sums[];       /* in the order of the ask */
};

struct tally_shown {
    const struct tally_entry *entry;
    bool kept; /* in `kept`, not in a table */
};

struct tally {
    const struct tally_ask *ask;
    const struct dim *by[TALLY_BY_MAX];
    size_t place[TALLY_BY_MAX]; /* of a row's columns; of a time 0 */
    struct name_table table;
    __int128 totals[TALLY_SUM_COUNT];
    size_t names; /* of which these are: */
    struct tally_shown *shown;
    size_t shown_count;
    struct arena kept;
};

/* Which names a reading counts. */
struct tally_part {
    uint32_t part, bits;
};

/* What the threads have in common. */
struct tally_reading {
    const struct tally_ask *asks;
    size_t count;
    struct report_ask rows; /* of all tallies: their names, from the first one's beginning to the last one's end */
    struct tally_part part; /* of the dearest alone */
    _Atomic uint32_t bits[TALLIES_MAX]; /* as many as there had to be */
    size_t place;                       /* of the columns behind the texts */
    enum tally_sum sums[TALLY_SUM_COUNT];
    size_t sum_count; /* those that are columns */
    struct hash_key secret;
    struct buf columns;
    struct tallies *all;
};

/* Reads the rows into r->all. Owns: r->all and r->columns in any case. Fails: false with a sentence in `why`. */
bool tally_reading_run(struct tally_reading *r, const char *dir, sqlite3 *db, struct scan_progress progress,
                       struct buf *why) MUST_CHECK;
size_t tally_entry_bytes(const struct tally_ask *ask);

#endif

/* Packs of outcomes: those that came about on one day, as success*.c reads them, each of a call with what the call cost.
 * SQLite takes half a microsecond and more to hand an outcome over and three to weigh a call, and there may be millions.
 *
 * A pack depends on table `outcomes`: outcomes_put() takes those away whose day it changes, in its own transaction, and
 * the store makes them anew. Of calls it depends on their rows: one that comes late takes away the packs of the days on
 * which outcomes of its call came about (store_pack.c). Calls that are older than TOLD_MOST_US, not in the ledger, or
 * young enough to have an attempt on the day that is not over yet (TOLD_LEAST_US before its begin) are not weighed: who
 * reads does.
 *
 *   part 0 = version; number of names, these; number of features, these (length, bytes each); number of tasks, their
 *            columns; when the first and the last call that is in the sums began (microseconds since the begin of the
 *            day before); number of sums, these; number of calls in the sums; number of others, these
 *            Of a day that has too many of anything the version alone: then its outcomes answer, as rows.
 *   part 1 = version; the calls in the sums: weighed ones that began on the day or on the day before. There is none where
 *            there are none.
 *   columns of tasks, each behind its length: hashes (8 bytes, little-endian, ascending; crowd_hash()); places of the
 *            names, twice, with 1 for successes; what they were worth by `unit`, which stands before it, folded. A column
 *            of zeros alone is empty.
 *   sum    = place of the name, twice, with 1 for successes; how many; place of the feature; their cost, its squares and
 *            what they were worth (16 bytes each, little-endian)
 *   call   = place of the name, twice, with 1 where it was a success; what it was worth, folded; the place of its
 *            feature; of a weighed one when it began (microseconds before the day's end) and its cost, folded, of others
 *            0 and its id (8 bytes)
 *
 * Tasks are in the order in which crowds have them, so that both are joined in one sweep (success_tasks.c). Who asks for
 * all of a day's calls reads the sums and the others. There are no sums where they were too many.
 *
 * All other numbers are LEB128 (ledger/varint.h). */
#ifndef LEDGER_TOLD_H
#define LEDGER_TOLD_H

#include "ledger/crowd.h"

enum { TOLD_VERSION = 7, TOLD_TEXTS_MAX = 4096, TOLD_OUTCOMES_MAX = 1000000 };
/* What a weighed call cost at most: of so many of these the squares have room in 128 bits. */
#define TOLD_COST_MAX (INT64_C(1) << 52)

struct told_one {
    str name, feature; /* feature: of a call */
    picousd worth;
    uint64_t task_hash; /* crowd_hash() of the task; 0: it is a call */
    uint64_t call_id;
    bool success;
};
enum { TOLD_LEAST_US = 30 * 60 * 1000 * 1000 };             /* attempts of a call begin within that time */
#define TOLD_MOST_US (INT64_C(7) * 24 * 3600 * 1000 * 1000) /* before the day's end */

/* Outcomes as rows: parameters 1 since, 2 until, 3 a name or ''. */
extern const char told_rows_sql[];
/* Of a row of these; texts live until the statement moves. */
void told_read_row(sqlite3_stmt *q, struct hash_key key, struct told_one *out);

/* ---- making (told_maker.c) */

/* The pack of a day that is over, its last part first. `put` ends it with false, which is returned. Fails: false, see
 * sqlite3_errmsg(). */
bool told_pack(sqlite3 *db, int64_t day_us, struct hash_key key, crowd_put *put, void *ctx) MUST_CHECK;

/* ---- reading */

struct told_task {
    uint64_t hash;
    picousd worth;
    uint32_t name; /* its place */
    bool success;
};

struct told_call {
    uint32_t name, feature; /* their places */
    bool success, weighed;
    picousd worth;
    uint64_t call_id; /* of one that is not weighed */
    int64_t began_us; /* of one that is */
    picousd cost;
};

struct told_sum {
    uint32_t name, feature; /* their places */
    bool success;
    uint64_t units;
    __int128 cost, squares, worth;
};

struct told_pack {
    str *names, *features;
    uint32_t name_count, feature_count;
    struct {
        uint64_t count, at;
        const char *hashes;
        str names, worths;
        bool no_names, no_worths;
        int64_t unit;
    } tasks;
    int64_t end_us;            /* of the day */
    int64_t first_us, last_us; /* when the first and the last of the calls in the sums began */
    uint64_t sums, calls;      /* to be read */
    uint64_t summed;           /* calls of part 1 */
    str rest;
};

/* Else rows answer: of another version, which is to be made anew, or of a day that has too many. */
bool told_has_all(str part_0);
/* Borrows `part_0`; the places are the arena's. Fails: false where it is malformed. */
bool told_open(struct told_pack *p, struct arena *arena, str part_0, int64_t day_us) MUST_CHECK;
/* In order. */
enum pack_step told_next_task(struct told_pack *p, struct told_task *out);
/* All sums come before the first call. */
enum pack_step told_next_sum(struct told_pack *p, struct told_sum *out);
enum pack_step told_next_call(struct told_pack *p, struct told_call *out);
/* The calls in the sums come next. Fails: false where it is malformed. */
bool told_open_summed(struct told_pack *p, str part_1) MUST_CHECK;

#endif

/* The inside of questions for single calls: shared by calls*.c, by nobody else.
 *
 * A list walks the rows backwards in time, by the index `attempts_at`, a stretch at a time (calls_list.c): each
 * stretch is a statement of its own, so that a running server's write-ahead log can be emptied meanwhile. Where the
 * filter names what rollups know, they say which hours or days need not be looked at (calls_skip.c). A row that the
 * filter (calls_filter.c) is true of is one of a call, which is then read whole (calls_read.c). */
#ifndef LEDGER_CALLS_INSIDE_H
#define LEDGER_CALLS_INSIDE_H

#include "ledger/calls.h"
#include "ledger/schema.h"

/* ---- filters (calls_filter.c) */

/* Fails: false with a sentence in `why`. */
bool calls_filter_check(const struct calls_filter *f, struct buf *why) MUST_CHECK;
/* " AND ..." for each condition, over the columns of `attempts`, with parameters numbered from `param` on. */
void calls_filter_write(const struct calls_filter *f, int version, int param, struct buf *sql);
/* Binds these. The filter must live until the statement has run. */
void calls_filter_bind(const struct calls_filter *f, int param, sqlite3_stmt *q);
/* " AND feature IN (...)" where it is scoped. Returns the number of parameters. */
int calls_scope_write(const struct calls_filter *f, int param, struct buf *sql);
void calls_scope_bind(const struct calls_filter *f, int param, sqlite3_stmt *q);

/* ---- reading calls (calls_read.c) */

struct calls_reader {
    sqlite3 *db;
    const struct calls_filter *filter;
    sqlite3_stmt *one, *more; /* an attempt by its id; a call's further ones */
    sqlite3_stmt *weight;     /* of a call's attempts; NULL without the index */
};

/* A call's attempts in order. */
struct calls_read {
    struct call_attempt *attempts;
    size_t count;
};

/* Fails: false; sqlite3_errmsg() says why. */
bool calls_reader_open(struct calls_reader *r, sqlite3 *db, const struct calls_filter *filter) MUST_CHECK;
void calls_reader_close(struct calls_reader *r);
/* `near_us`: when one of its attempts was admitted, for stores without the index. Nothing is read of a call that is
 * not there. Fails: false. */
bool calls_reader_read(struct calls_reader *r, uint64_t call_id, int64_t near_us, struct arena *arena,
                       struct calls_read *out) MUST_CHECK;
bool calls_reader_read_attempt(struct calls_reader *r, uint64_t attempt_id, struct arena *arena,
                               struct calls_read *out) MUST_CHECK;
/* What a whole call cost and how long it took, without reading the rest of it. */
struct calls_weight {
    bool known;
    int64_t attempts; /* 0: there is no such call */
    __int128 cost;
    int64_t began_us, total_us;
};
bool calls_reader_weigh(struct calls_reader *r, uint64_t call_id, struct calls_weight *out) MUST_CHECK;
/* Whether the store has the index of further attempts: one that no server of this version has opened has not. */
bool calls_has_index(sqlite3 *db);

/* All attempts together (calls_sum.c); there is at least one. */
void calls_sum_up(const struct calls_read *call, struct call_row *out);

/* ---- questions (calls_find.c) */

struct calls_page *calls_page_new(void);
/* Checks the filter, too. Fails: NULL with a sentence in `why`. */
sqlite3 *calls_open_store(const char *dir, const struct calls_filter *filter, struct buf *why);

/* ---- calls of several attempts (calls_more.c) */

struct calls_more {
    uint64_t *bits; /* NULL: not known */
};

/* Makes the SQL function may_have_more(call_id): false where the call has one attempt for sure. It lives as long as
 * the connection, and so must `m`. Fails: false. */
bool calls_more_open(struct calls_more *m, sqlite3 *db) MUST_CHECK;
void calls_more_close(struct calls_more *m);

/* ---- what rollups let us skip (calls_skip.c) */

struct calls_skip {
    sqlite3 *db;
    const struct calls_filter *filter;
    sqlite3_stmt *hour, *day;
    str dimension[3], value[3]; /* of rollup_day */
    size_t dimension_count;
    int64_t first_day_us;
};

/* Fails: false. */
bool calls_skip_open(struct calls_skip *s, sqlite3 *db, const struct calls_filter *filter) MUST_CHECK;
void calls_skip_close(struct calls_skip *s);
/* The latest stretch [*from, *until] that may have rows, at or before `*until`, not before `*from`.
 * `*none`: there is none. Fails: false. */
bool calls_skip_find(struct calls_skip *s, int64_t *from, int64_t *until, bool *none) MUST_CHECK;

#endif

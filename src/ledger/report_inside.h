/* The report's inside: shared by report*.c, by nobody else.
 *
 * A question becomes a plan (report_plan.c, report_slices.c, report_days.c): which table answers which stretch of
 * time, in slices. Up to two threads take slices (report_scan.c; report_pack.c and report_crowd.c for
 * days that are packed), each adding rows to groups of its own (report_groups.c); of very many names the
 * cheaper ones become lines (report_most.c, report_lines.c); rows of a series (report_series.c) and of tallies
 * (tally.c) go to a sink in place of groups. The groups are merged, sorted and cut (report.c), then written
 * (report_json.c, report_table.c). */
#ifndef LEDGER_REPORT_INSIDE_H
#define LEDGER_REPORT_INSIDE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/time.h"
#include "ledger/crowd.h"
#include "ledger/histogram.h"
#include "ledger/pack.h"
#include "ledger/report.h"
#include "ledger/report_lines.h"
#include "ledger/schema.h"

#include <stdatomic.h>

/* ---- names */

enum dim_kind { DIM_TEXT, DIM_INT, DIM_DAY, DIM_HOUR, DIM_MINUTE };

/* What a report may group by or filter on. */
struct dim {
    str name; /* the column, but for times */
    enum dim_kind kind;
    bool by, where;       /* may be grouped by, filtered on */
    bool in_hour, in_day; /* a key of rollup_hour; a dimension of rollup_day */
};

/* NULL for an unknown name. */
const struct dim *dim_find(str name);
/* How long a time is. */
static inline int64_t dim_step_us(const struct dim *d)
{
    return d->kind == DIM_DAY ? US_PER_DAY : d->kind == DIM_HOUR ? US_PER_HOUR : US_PER_MINUTE;
}

/* One name's part of a group's key. */
struct key_part {
    int64_t time_us; /* of a day, an hour, a minute */
    str text;
};
/* Takes it off the front. */
struct key_part key_next(const struct dim *d, str *key);

/* ---- sums */

enum sum {
#define MEASURE(field, column, what) SUM_##field,
    ROLLUP_MEASURES(MEASURE)
#undef MEASURE
        SUM_UNITS,
    SUM_COUNT = SUM_UNITS + UNIT_COUNT
};
_Static_assert((int)SUM_UNITS == (int)REPORT_UNITS, "readers of reports count as reports do");
_Static_assert((int)SUM_COUNT == (int)PACK_SUMS, "packs have the sums of reports, in the same order");

/* A histogram that a report adds to: sparse while it is small, then with a counter
 * for every bucket. Single samples wait for each other, since among many groups
 * every look into a histogram is a look into cold memory. */
struct spread {
    struct histogram sparse;
    uint64_t *dense;
    uint16_t waiting[11]; /* buckets */
    uint16_t waiting_count;
};

/* Of a ladder's rung (report_ladder.c). RUNG(constant, what it sums) */
#define RUNG_SUMS(RUNG)                                                                                                \
    RUNG(REACHED, "attempts that were their call's first at the rung")                                                 \
    RUNG(ACCEPTED, "answers that the rung's tests accepted")                                                           \
    RUNG(ANSWERS, "whole answers that have a price, used or not")                                                      \
    RUNG(PROMPT_TOKENS, "of their prompts, cached ones and all")                                                       \
    RUNG(PROMPT_COST, "pico-dollars for these tokens")                                                                 \
    RUNG(ANSWER_COST, "pico-dollars for the rest of these answers: output, searches, time")                            \
    RUNG(USED, "answers that went out, priced or not: one of each call that was answered")                             \
    RUNG(COUNTED, "of these, those that told how many tokens their prompt had: a service tells of none")               \
    RUNG(USED_TOKENS, "of the prompts of these")

enum rung_sum {
#define RUNG(constant, what) RUNG_##constant,
    RUNG_SUMS(RUNG)
#undef RUNG
        RUNG_SUM_COUNT
};

struct rung_sums {
    __int128 of[RUNG_SUM_COUNT];
};

/* Every value of one combination of the names that are grouped by. */
struct group {
    str key;                /* packed: a time as 8 bytes, a text as 4 bytes of length and itself */
    char near[32];          /* a short key's bytes: one look into cold memory less */
    struct rung_sums *rung; /* of a ladder's report; else NULL */
    struct group *next;     /* came behind this one where it came last (report_pack.c); NULL: none yet */
    struct spread latency, first_token;
    __int128 sums[SUM_COUNT];
};

struct group_slot {
    uint64_t hash;
    struct group *group; /* NULL: free */
};

struct groups {
    struct hash_key secret; /* clients choose users and tasks */
    struct arena arena;
    struct arena *adopted; /* of those that were merged into this */
    size_t adopted_count, adopted_cap;
    struct group *made; /* some at a time: `made_left` of them are free */
    size_t made_left;
    struct group_chunk *chunks; /* of very many */
    struct group_slot *slots;   /* open addressing; a power of two */
    size_t slot_count, count;
};

void groups_init(struct groups *g, struct hash_key secret);
void groups_free(struct groups *g);
/* The group with this key, made where it is missing. Fails: NULL beyond the ceiling. */
struct group *groups_at(struct groups *g, str key);
struct group *groups_find(const struct groups *g, str key); /* or NULL */
size_t groups_most(void);                                   /* the ceiling */
str groups_too_many(void);                                  /* the sentence for that */
/* Takes the sums of what was too much off again, of `totals` too unless it is NULL; groups of which nothing is left go. */
void groups_take_back(struct groups *g, struct group *totals, const struct groups *back);
/* Moves `from`'s groups here. Fails: false beyond the ceiling. */
bool groups_merge(struct groups *g, struct groups *from) MUST_CHECK;
void group_add(struct group *to, struct group *from);
void group_free(struct group *g);  /* what it holds */
void group_empty(struct group *g); /* its sums: nothing has been added */
void spread_add(struct spread *s, int64_t value);
/* Fails: false, with nothing added, where the blob is malformed. */
bool spread_add_encoded(struct spread *s, str blob) MUST_CHECK;
/* Makes it sparse, for good: quantiles are read from `sparse`. Nothing is added any more. */
void spread_finish(struct spread *s);
void spread_merge(struct spread *to, struct spread *from);
void spread_free(struct spread *s);

/* ---- the plan */

/* SOURCE_SEEK: the few users, prompts or tasks that a filter names, found day by day in rollup_day. */
enum source {
    SOURCE_HOUR,
    SOURCE_DAY,
    SOURCE_SEEK /* the last rollup */,
    SOURCE_ROWS_BY_TIME,
    SOURCE_ROWS_BY_ID,
    SOURCE_PACK,
    SOURCE_COUNT
};

/* A stretch of one table: [from, until) of its time, or of ids. */
struct slice {
    enum source source;
    int64_t from, until;
    uint32_t part; /* of packs */
    bool back;     /* of rows: what is too much in a packed day that the report begins in; taken off again */
};

struct crowd_at {
    enum pack_kind kind;
    int64_t day_us;
};

struct plan {
    const struct report_ask *ask;
    int version; /* of the store's tables */
    const struct dim *by[REPORT_BY_MAX];
    const struct dim *where[REPORT_WHERE_MAX];
    int64_t where_int[REPORT_WHERE_MAX];
    str dimension;       /* of rollup_day */
    bool wanted;         /* of rows, those alone whose group is in scan->wanted */
    const char *columns; /* of rows for a sink; NULL: those of a report */
    bool seeks;          /* a filter names users, prompts or tasks: these are found one by one */
    enum pack_kind kind;
    int64_t *packed; /* days that packs answer for, in order */
    size_t packed_count, packed_cap;
    bool top;                /* the dearest few of one name: by report_top.c, from crowds of many days */
    struct crowd_at *crowds; /* then, in place of `packed`; in the order of time */
    size_t crowd_count, crowd_cap;
    struct hash_key key;                   /* the store's: by which crowds are in order */
    int64_t whole_from_us, whole_until_us; /* of what rows are counted: days whose rows are gone count as a whole */
    int64_t packs_dropped;                 /* when they were looked up: report_run() looks once more behind the scan */
    enum source main;
    int64_t since_us, until_us;
    struct slice *slices;
    size_t slice_count, slice_cap;
    int64_t rows_from_us; /* rows before this were deleted: the report does not speak of them. INT64_MIN: of all */
};

/* Fails: false with a sentence in `why`. */
bool plan_make(struct plan *p, sqlite3 *db, const struct report_ask *ask, struct buf *why) MUST_CHECK;
/* From rows alone, whatever rollups know, with these columns (", a, b") for a sink; they must outlive the plan. */
bool plan_make_rows(struct plan *p, sqlite3 *db, const struct report_ask *ask, const char *columns,
                    struct buf *why) MUST_CHECK;
void plan_free(struct plan *p);
/* Its slices: report_slices.c. Fails: false, see sqlite3_errmsg(). */
bool plan_slices(struct plan *p, sqlite3 *db) MUST_CHECK;
struct stretch {
    int64_t from, until;
};
/* Of [from, until) what may have rows that the filters let through (report_days.c). Owns: free(*out) in any case.
 * Fails: false, see sqlite3_errmsg(). */
bool plan_stretches(const struct plan *p, sqlite3 *db, int64_t from, int64_t until, struct stretch **out,
                    size_t *count) MUST_CHECK;
/* The query of one source; its first two parameters are a slice's ends. It hands each
 * row to collect(time, the texts that are grouped by, what report_scan.c reads).
 * Owns: the caller finalizes it. Fails: NULL. */
sqlite3_stmt *plan_prepare(const struct plan *p, enum source source, sqlite3 *db);
/* The query of one user, prompt or task on one day: parameters 1 the day, 2 its value. It hands rows to collect(day,
 * the texts that are grouped by, all or with `sums` false the histograms alone). */
sqlite3_stmt *plan_prepare_seek(const struct plan *p, bool sums, sqlite3 *db);
/* Is there anything from parameter 1 until 2, whole hours, as far as rollup_hour knows the filters? `*out`: NULL where it
 * knows none of them. Owns: the caller finalizes it. Fails: false. */
bool plan_prepare_hours(const struct plan *p, sqlite3 *db, sqlite3_stmt **out) MUST_CHECK;
/* The query of one row: parameter 1 its id. As plan_prepare() hands rows over. */
sqlite3_stmt *plan_prepare_row(const struct plan *p, sqlite3 *db);
/* What decides who is shown, of SOURCE_DAY or SOURCE_ROWS_BY_TIME: the value, the cost; then the unpriced cost and
 * attempts, or the cost's state and the row's id. */
sqlite3_stmt *plan_prepare_rank(const struct plan *p, enum source source, sqlite3 *db);

/* Is this one of the days that packs answer for? Another one may have come since the plan was made, whose day is
 * counted from its rows. */
bool plan_has_pack(const struct plan *p, int64_t day_us);
/* Of a crowd's features those that the filters let through; NULL: all. */
bool *plan_features_that_pass(const struct plan *p, const str *features, uint32_t count, struct arena *arena);
/* Fails: false. */
bool plan_packs_dropped(sqlite3 *db, int64_t *out) MUST_CHECK;

/* ---- the scan */

/* A report of a hundred of many thousand users wants the histograms of those hundred. */
enum scan_want {
    SCAN_ALL,
    SCAN_SUMS,       /* of packs: sums alone, and the totals have the histograms of all together */
    SCAN_HISTOGRAMS, /* of packs alone: histograms, of the groups in `wanted` */
    SCAN_SEEKS,      /* the same, from the rollup's rows of the users, prompts or tasks in `values` */
};

struct scan_progress {
    bool (*go_on)(void *ctx, double done);
    void *ctx;
};

/* One pass over the rows, or two once `*more` is set: progress of both together, which only grows. `ctx` of
 * passes_tell(): this. */
struct scan_passes {
    struct scan_progress progress;
    const _Atomic bool *more;
    bool second;
    double told;
};
bool passes_tell(void *passes, double done);

/* Takes rows in place of groups: the lines of a series, tallies. Each thread has its own; they come together in the end.
 * A row: its time, the texts that are grouped by, the plan's columns. */
struct scan_sink {
    void *(*open)(void *ctx);
    /* Fail: with a sentence; else none. */
    str (*add)(void *own, sqlite3_value **row);
    str (*merge)(void *ctx, void *own);
    void (*close)(void *own);
    void *ctx;
};

struct scan {
    const struct plan *plan;
    const char *dir;
    struct scan_progress progress;
    enum scan_want want;
    const struct groups *wanted;
    const uint64_t *wanted_bits; /* of their users, prompts or tasks: see report_pack.c */
    const str *values;           /* these themselves, each once */
    size_t value_count;
    struct lines_form *late; /* for the cheaper names when there are `groups_whole`; NULL: all have groups */
    size_t groups_whole;
    bool rests;                   /* of those in `wanted` there are groups, all others are one: in the totals alone */
    const struct scan_sink *sink; /* takes the rows; NULL: they go to groups */

    /* what the threads share */
    size_t steps;
    _Atomic size_t next, done; /* slices; done: of the steps */
    _Atomic bool failed;
};

struct scanner {
    struct scan *scan;
    sqlite3 *db;
    sqlite3_stmt *q[SOURCE_COUNT], *read_row;
    struct groups groups;
    struct group totals;
    struct buf key, why;
    struct groups back, *to; /* what is to be taken off again; where rows go: to one of the two */
    struct lines *late;      /* names that have no group any more */
    struct group rest;       /* what these had, together */
    void *own;               /* of the sink */
    struct group *last;      /* neighbours are often of one group */
    uint64_t rows;
    bool rollup; /* the rows that come are a rollup's */
    bool tells;  /* on the asker's own thread */
};

/* Runs all slices into `into`, and their sum into `totals` (left alone by SCAN_HISTOGRAMS and SCAN_SEEKS), but those
 * that are to be taken off again into `back`. Fails: false with a sentence in `why`. */
bool scan_run(struct scan *scan, sqlite3 *db, struct groups *into, struct groups *back, struct group *totals,
              struct buf *why) MUST_CHECK;
/* Of a scan whose rows a sink takes. */
bool scan_run_sink(struct scan *scan, sqlite3 *db, struct buf *why) MUST_CHECK;
/* One thread's own: a connection's function collect(), its groups. */
void scanner_init(struct scanner *s, struct scan *scan, struct hash_key secret);
bool scanner_open(struct scanner *s, sqlite3 *db) MUST_CHECK;
/* Moves what it has into these. Fails: false, with what it or the other thread said in `why`; then, and where `into` is
 * NULL, all is dropped. */
bool scanner_end(struct scanner *s, struct groups *into, struct groups *back, struct group *totals,
                 struct buf *why) MUST_CHECK;
void scan_finalize(struct scanner *s); /* its statements */
/* Writes the connection's complaint to s->why, unless there is one, or the other thread has one. */
void scan_tell_fault(struct scanner *s);
/* Of plan->top (report_top.c): the dearest, all they have; how many names there are; the sum of all.
 * Fails: false with a sentence in `why`. */
bool top_run(struct scan *scan, sqlite3 *db, struct groups *into, struct groups *back, size_t *names,
             struct group *totals, struct buf *why) MUST_CHECK;
/* Tells how far it is. Fails: false, nobody waits for the report any more, or the other thread has failed. */
bool scan_may_go_on(struct scanner *s) MUST_CHECK;
/* For SCAN_HISTOGRAMS: the bits of the groups in `wanted`. Owns: free(). */
uint64_t *scan_wanted_bits(const struct plan *p, struct group *const *wanted, size_t count);
/* For SCAN_SEEKS: their users, prompts or tasks. Owns: free(). */
str *scan_wanted_values(const struct plan *p, struct group *const *wanted, size_t count, size_t *values);
/* A slice of SOURCE_PACK (report_pack.c, report_crowd.c). Fail: false, with a sentence in s->why or the connection's. */
bool scan_packs(struct scanner *s, const struct slice *slice) MUST_CHECK;
bool scan_crowds(struct scanner *s, const struct slice *slice) MUST_CHECK;
/* A row of table `packs`, borrowed until the next; empty: there is none. Fails: false. */
bool scan_read_row(struct scanner *s, enum pack_kind kind, int64_t number, int64_t day_us, str *body) MUST_CHECK;

/* ---- the answer */

/* The store, to be read. Owns: sqlite3_close(). Fails: NULL with a sentence in `why`. */
sqlite3 *report_open(const char *dir, struct buf *why);

struct report {
    struct groups groups;
    size_t by_count;
    const struct dim *by[REPORT_BY_MAX];
    size_t group_count;   /* of all; `groups` may have those alone that are shown */
    struct group **shown; /* sorted */
    size_t shown_count;
    bool turned; /* it is a page: */
    size_t next; /* what a further one leaves out; 0: there is none */
    struct group totals;
    int64_t since_us, until_us, rows_from_us;
    enum source main;
    bool ladder; /* by rung, with what only rungs have */
    bool top;    /* chosen by report_rank.c: among those that are alike by their hashes, of which this is the key */
    struct hash_key key;
};

/* ---- the dearest of very many, from rows (report_most.c) */

/* From how many groups on the cheaper ones become lines; SIZE_MAX: the question is none of these. */
size_t most_groups(const struct plan *p);
/* Is this a line's name? Makes room for a group where it is a new one. */
bool most_is_late(struct scanner *s, str key);
/* Runs the plan. Where there were so many, who is shown is chosen then: r->shown. Fails: false with a sentence in `why`. */
bool most_run(struct report *r, struct scan *scan, sqlite3 *db, struct groups *back, struct buf *why) MUST_CHECK;
/* The same where there are more names than lines (report_many.c). */
bool many_run(struct report *r, const struct scan *scan, sqlite3 *db, struct groups *back, struct buf *why) MUST_CHECK;

/* ---- ladders (report_ladder.c) */

/* More columns of a row; they stand behind the others. */
void rung_write_columns(struct buf *sql, int version);
/* A row, as far as the scan has read it. */
struct rung_row {
    bool used, whole, priced; /* its answer went out; was whole, as one that was ended early by a test is not */
    int64_t cost;
    sqlite3_value **units, **more; /* UNIT_COUNT; what rung_write_columns() asks for */
};
void rung_add_row(struct group *g, const struct rung_row *row);
void rung_add(struct group *to, const struct group *from);
__int128 rung_sum(const struct group *g, enum rung_sum sum);
/* Calls that reached the rung; of the totals: that there were. */
__int128 rung_reached(const struct report *r, const struct group *g);
/* What all calls that were answered would have cost at this rung alone. False: nothing says what. */
bool rung_alone_cost(const struct report *r, const struct group *g, __int128 *out) MUST_CHECK;
/* Rungs in their order, what was at none behind them. */
int rung_compare(const struct report *r, const struct group *a, const struct group *b);

/* ---- cells of tables (report_cells.c) */

enum { CELL_BAR_WIDTH = 8 };
void cell_add_count(struct buf *out, __int128 v);                                  /* "1,234,567", "12.35M" */
void cell_add_latency(struct buf *out, const struct spread *s, unsigned permille); /* "850ms", "1.25s", "2m05s" */
void cell_add_rate(struct buf *out, __int128 part, __int128 all);                  /* "0%", "<0.1%", "2.5%" */
void cell_add_bar(struct buf *out, __int128 part, __int128 all);                   /* in eighths of a column */
void cell_add_times(struct buf *out, __int128 v, __int128 of);                     /* "1.25x"; "-" of nothing */

/* Value `i` of a group's key, as people and programs read it. */
str report_value(const struct report *r, const struct group *g, size_t i, char text[40]);

#endif

/* The inside of success*.c, shared by nobody else. By feature, and of all: outcomes as they were told (success_told.c)
 * are joined (success_tasks.c) with what their tasks cost (success_spent.c). By what only rows know: outcomes become units
 * (success_units.c), which get their cost from rows (success_cost.c). Groups of units are the answer (success.c). */
#ifndef LEDGER_SUCCESS_INSIDE_H
#define LEDGER_SUCCESS_INSIDE_H

#include "base/hash.h"
#include "ledger/calls_inside.h"
#include "ledger/crowd.h"
#include "ledger/success.h"
#include "ledger/texts.h"
#include "ledger/told.h"

enum { SUCCESS_OUTCOMES_MAX = 1000000 };

struct costing;

/* ---- groups: of a name, a value */

struct grouping {
    const struct success_ask *ask;
    struct success *out;
    struct hash_key secret;
    struct success_row **slots;
    size_t slot_count, count;
    bool too_many;
};
bool success_sees(const struct calls_filter *scope, str feature);
/* Fails: NULL beyond the ceiling. */
struct success_row *success_group(struct grouping *g, str name, str value);
/* covered: of the cost what has what is asked for. */
void success_add(struct success_row *row, __int128 cost, __int128 covered, bool success, picousd worth);
void success_add_sum(struct success_row *row, const struct told_sum *sum); /* of calls, all of them covered */

/* ---- from outcomes and crowds */

/* Outcomes of tasks in the order of their hashes, as they are walked through. Names are places in told->names. */
struct told_run {
    struct told_task *at, *end, *until; /* those before `end` are looked at */
};
enum { RUN_MAX = 1 << 16 }; /* of a run of rows, which are put in order */

/* Outcomes of tasks; those of calls are in their groups at once. */
struct told {
    struct hash_key key; /* the store's */
    struct grouping *groups;
    struct told_task *tasks; /* those of a run next to each other */
    size_t task_count;
    struct told_run *runs;
    size_t run_count;
    struct texts names, features;
    struct success_row **rows; /* by the key of a name and a feature; open addresses */
    uint64_t *row_keys;        /* 0: free */
    size_t row_slots, row_count, outcomes;
    bool too_many;
};
/* The row of a unit of this feature; NULL: nobody who asks sees it, or there are too many. */
struct success_row *told_row(struct told *t, uint32_t name, uint32_t feature);
/* Counts those of calls that are not in the ledger as missing. Fails: false, with too_many set beyond the ceiling. */
bool told_read(struct told *t, struct costing *c) MUST_CHECK;
void told_free(struct told *t);
/* Adds what each task cost, and then each task to its groups. Fails: false. */
bool told_add_tasks(struct told *t, struct costing *c) MUST_CHECK;

/* Spent on one task, on one day and feature. */
struct spent {
    uint64_t hash;
    int64_t cost, day_us;
    uint32_t feature; /* place in told->features */
};

struct spent_run {
    struct spent *all;
    size_t count, at;
};

/* A head of a crowd as it is walked through. */
struct spent_head {
    int64_t day_us;
    struct crowd_head crowd;
    str places, costs;  /* left */
    uint32_t *features; /* its features' places in told->features */
    uint32_t at;
};

struct spent_heads {
    struct arena arena;
    struct spent_head *all;
    size_t count, cap;
};

/* What was spent on tasks, in the order of their hashes: of days that are packed from the columns of their crowds, of
 * others from the rollup's rows. */
struct spending {
    struct told *told;
    struct costing *c;
    sqlite3_stmt *part; /* the heads of one part */
    int64_t *days;      /* whose crowds have heads for all parts */
    size_t day_count;
    struct spent_heads small, large; /* of all parts; of the one that is walked through */
    struct spent_run *runs;          /* of rows */
    size_t run_count, spent;         /* spent: of all runs */
    uint64_t *wanted;                /* a bit for each hash of a task with an outcome; NULL: rows are few as yet */
    struct spent *taken;
    size_t taken_cap;
    bool damaged;
};
/* Fails: false, with told->too_many set beyond the ceiling, or `damaged`. Owns: spent_close(), then too. */
bool spent_open(struct spending *s, struct told *t, struct costing *c) MUST_CHECK;
void spent_close(struct spending *s);
/* All parts one after the other, and the hashes of each. `wanted`: there are outcomes in it; of another one not all
 * need be taken. Fails: false. */
bool spent_begin_part(struct spending *s, uint32_t part, bool wanted) MUST_CHECK;
/* All with hashes of [first, last], in no order; borrowed until the next. Fails: false. */
bool spent_take(struct spending *s, uint64_t first, uint64_t last, size_t *count) MUST_CHECK;

/* ---- from rows */

struct told_outcome {
    struct told_outcome *next; /* of the same unit */
    str name;
    bool success;
    picousd worth;
};

struct unit_of {
    str task;         /* empty: it is a call */
    uint64_t call_id; /* 0: it is a task */
    struct told_outcome *outcomes;
    bool found; /* something was spent on it, if nothing */
    int64_t began_us;
    __int128 cost;
    bool matched;       /* the conditions are true of one of its attempts; only asked where there are any */
    __int128 covered;   /* the cost of these */
    str feature, value; /* of where most was spent */
    picousd dearest_feature, dearest_value; /* there */
};

/* One copy of each text that units share: features, prompts, users. */
struct text_pool {
    str *slots; /* a power of two; p == NULL: free */
    size_t slot_count, count;
};

struct unit_table {
    struct hash_key secret; /* clients choose tasks */
    struct arena arena;
    struct text_pool texts;
    struct unit_of **slots;
    size_t slot_count, count, tasks, outcomes;
    bool too_many;
};

bool units_init(struct unit_table *t) MUST_CHECK;
void units_free(struct unit_table *t);
/* NULL: there is none. */
struct unit_of *units_find(const struct unit_table *t, str task, uint64_t call_id);
/* All outcomes from `since_us` on. Fails: false, with too_many set beyond the ceiling. */
bool units_read(struct unit_table *t, sqlite3 *db, int64_t since_us, str name) MUST_CHECK;
void unit_add_cost(struct unit_table *t, struct unit_of *u, int64_t at_us, picousd cost, str feature, str value);

struct costing {
    sqlite3 *db;
    const struct success_ask *ask;
    struct unit_table *units;
    struct buf *why;
    struct calls_reader calls; /* of told_read() */
    int64_t from_us;           /* look back that far: a unit that began before its first day is none of the cohorts' */
    bool ended;
};
bool cost_goes_on(struct costing *c, double done);
/* The first and the last of what `sql` says; INT64_MAX and INT64_MIN where there is nothing. Fails: false. */
bool cost_read_extent(sqlite3 *db, const char *sql, int64_t *first, int64_t *last) MUST_CHECK;
/* Fails: false. */
bool cost_from_rows(struct costing *c) MUST_CHECK;

#endif

/* Sums over time, a line for each of a name's dearest values, straight from rows: for what rollups do not know. The
 * same figures as reports by that name, by step and name, and by step, which would read the rows three times.
 * Units and thread: as reports (ledger/report.h). */
#ifndef LEDGER_REPORT_SERIES_H
#define LEDGER_REPORT_SERIES_H

#include "ledger/report.h"

/* What is told of each step. SUM(name for programs, the report's sum) */
#define SERIES_SUMS(SUM)                                                                                               \
    SUM("calls", calls)                                                                                                \
    SUM("attempts", attempts)                                                                                          \
    SUM("errors", errors)                                                                                              \
    SUM("cost_picousd", cost)                                                                                          \
    SUM("wasted_cost_picousd", wasted_cost)                                                                            \
    SUM("saved_cost_picousd", saved_cost)

enum series_sum {
#define SUM(name, sum) SERIES_##sum,
    SERIES_SUMS(SUM)
#undef SUM
        SERIES_SUM_COUNT
};

struct series_sums {
    __int128 of[SERIES_SUM_COUNT];
};

struct series_ask {
    struct report_ask rows;   /* time, filters; `by` has the one name whose values are lines */
    int64_t from_us, step_us; /* the first step's beginning, at or before `since` */
    size_t steps, top;        /* at most so many lines */
};

struct series_line {
    str name;
    struct series_sums *at; /* of each step */
};

struct series {
    struct arena arena;
    struct series_line *lines; /* the dearest first, as a report has them */
    size_t count;
    bool other; /* there are more values than lines */
    struct series_sums *totals;
};

enum { SERIES_CELLS_MAX = 400000 }; /* of values and steps; with more of them the rows are read twice */

/* As report_run(). `cells_max`: SERIES_CELLS_MAX, less for tests. Owns: the caller calls series_free() in any case. */
bool series_run(const char *dir, const struct series_ask *ask, size_t cells_max, bool (*go_on)(void *ctx, double done),
                void *ctx, struct series *out, struct buf *why) MUST_CHECK;
void series_free(struct series *s);

#endif

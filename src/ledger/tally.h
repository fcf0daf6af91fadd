/* Sums of rows by names, several such tallies from one reading of the rows: for filters that rollups do not know, where
 * reports and the mix would read the rows once for each. The same figures as these have.
 * Units and thread: as reports (ledger/report.h). */
#ifndef LEDGER_TALLY_H
#define LEDGER_TALLY_H

#include "ledger/report.h"

enum { TALLY_BY_MAX = REPORT_BY_MAX, TALLIES_MAX = 4 };

/* What may be summed, as rollups do (ledger/schema.h); the units' counts and costs behind it. SUM(field) */
#define TALLY_SUMS(SUM)                                                                                                \
    SUM(calls)                                                                                                         \
    SUM(attempts)                                                                                                      \
    SUM(cost)                                                                                                          \
    SUM(unpriced_cost)                                                                                                 \
    SUM(wasted)                                                                                                        \
    SUM(wasted_cost)                                                                                                   \
    SUM(saved_cost)                                                                                                    \
    SUM(prompt_bytes)                                                                                                  \
    SUM(system_bytes)                                                                                                  \
    SUM(history_bytes)                                                                                                 \
    SUM(retrieved_bytes)                                                                                               \
    SUM(tools_bytes)

enum tally_sum {
#define SUM(field) TALLY_##field,
    TALLY_SUMS(SUM)
#undef SUM
        TALLY_UNITS,
    TALLY_UNIT_COSTS = TALLY_UNITS + UNIT_COUNT, /* nothing for what is unpriced */
    TALLY_SUM_COUNT = TALLY_UNIT_COSTS + UNIT_COUNT
};

struct tally_ask {
    str by[TALLY_BY_MAX]; /* as a report's */
    size_t by_count;
    const enum tally_sum *sums; /* each once */
    size_t sum_count;
    int64_t since_us, until_us; /* admitted in [since, until) */
    size_t limit;               /* the dearest, as a report orders them: of cost, unpriced cost and attempts, which are
                                 * among the sums. 0: all, in no order */
    size_t most;  /* names at a time; 0: a million. Of more the dearest take several readings, and where all
                                 * are asked for it fails */
    str too_many; /* the sentence beyond that; as a report's where there is none */
};

struct tally;

struct tallies {
    struct tally *of[TALLIES_MAX]; /* in the order of the asks */
    size_t count;
    int64_t rows_from_us; /* rows before this were deleted; INT64_MIN: none of those that were asked for */
};

/* `rows`: filters and scope. Owns: tallies_drop(); the asks must live until then. Fails: NULL, as report_run(). */
struct tallies *tallies_run(const char *dir, const struct report_ask *rows, const struct tally_ask *asks, size_t count,
                            bool (*go_on)(void *ctx, double done), void *ctx, struct buf *why);
void tallies_drop(struct tallies *t);

size_t tally_rows(const struct tally *t);
size_t tally_names(const struct tally *t); /* of which these are some */
str tally_name(const struct tally *t, size_t row, size_t by);
int64_t tally_time_us(const struct tally *t, size_t row, size_t by); /* of a day, an hour, a minute */
/* 0 for what was not asked for. REPORT_TOTALS: of all, those that are not shown too. */
__int128 tally_sum(const struct tally *t, size_t row, enum tally_sum sum);

#endif

/* Questions to the store: what `purser report` and /api/v1/report answer. Times are microseconds
 * since 1970 in UTC, money is pico-dollars. Thread: any that may wait; each report is one thread's,
 * though report_run() has a second one help it. */
#ifndef LEDGER_REPORT_H
#define LEDGER_REPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "ledger/row.h"
#include "ledger/schema.h"

enum { REPORT_BY_MAX = 11, REPORT_WHERE_MAX = 128 };

/* The names that may be grouped by and filtered on, each in turn; p == NULL behind the last. */
str report_by_name(size_t i);
str report_where_name(size_t i);

struct report_ask {
    str by[REPORT_BY_MAX]; /* feature,model,user,team,key,provider,prompt,task,reason,day,hour,minute */
    size_t by_count;
    struct {
        str column, equals;
    } where[REPORT_WHERE_MAX];
    size_t where_count; /* several on one column: any of them; on several columns: all of them */
    bool scoped;        /* besides: of these features only, of which there may be none: what an owner may see */
    const str *features;
    size_t feature_count;
    bool ladder;                /* set by report_ask_ladder() */
    int64_t since_us, until_us; /* admitted in [since, until) */
    int64_t limit;              /* groups; totals speak of all */
    size_t groups_whole;        /* at a time, of rows; with more the cheaper ones become lines. 0: as it is best */
    size_t names_most;          /* lines at a time; with more the rows are read several times. 0: a million */
    size_t groups_max;          /* where there is room for about so many in memory: report_too_many(). 0: a million */
};

/* Asks for the rungs of a model's ladder: how many calls reached each, what its tests accepted, what it cost,
 * and what all calls would have cost at it alone. `model`: its public name, which must outlive the ask.
 * In place of what to group by; filters may stand. Fails: false, there are too many filters. */
bool report_ask_ladder(struct report_ask *ask, str model) MUST_CHECK;

struct report;
/* Opens `dir`'s store read-only; works beside a running server. From rollups where
 * they can answer, else over rows, calling `go_on` (may be NULL) now and then; false from it ends the report.
 * Owns: the caller drops it. Fails: NULL with a sentence in `why`; with none where go_on() ended it. */
struct report *report_run(const char *dir, const struct report_ask *ask, bool (*go_on)(void *ctx, double done),
                          void *ctx, struct buf *why);
/* The sentence of a report that was ended for `groups_max`. */
str report_too_many(void);
void report_drop(struct report *r);
/* Does report_run() read rows for that, not rollups alone? False where it refuses, too. */
bool report_reads_rows(const struct report_ask *ask);
/* Leaves out the first `from` rows, which pages before this one had; of days and hours the newest. JSON then has `next`,
 * what the next page leaves out, or null. */
void report_turn(struct report *r, size_t from);
size_t report_next(const struct report *r);                /* 0: there is none */
void report_json(const struct report *r, struct buf *out); /* {"rows":[...],"totals":{...}} */
void report_csv(const struct report *r, struct buf *out);

/* The figures one by one: of a row that is shown, or of all (REPORT_TOTALS). */
enum report_sum {
#define MEASURE(field, column, what) REPORT_##field,
    ROLLUP_MEASURES(MEASURE)
#undef MEASURE
        REPORT_UNITS /* and enum unit behind it */
};
#define REPORT_TOTALS SIZE_MAX
size_t report_rows(const struct report *r);
str report_key(const struct report *r, size_t row, size_t by, char text[40]);
__int128 report_sum(const struct report *r, size_t row, enum report_sum sum);
/* 500, 950, 990. 0: there is none. */
int64_t report_latency_us(const struct report *r, size_t row, unsigned permille);
int64_t report_first_token_us(const struct report *r, size_t row, unsigned permille);

/* Of `counted` attempts, those that took longer: to within a thirtieth of the time. */
uint64_t report_latency_over(const struct report *r, size_t row, int64_t us, uint64_t *counted);
uint64_t report_first_token_over(const struct report *r, size_t row, int64_t us, uint64_t *counted);
/* Rows before this were deleted, and it does not speak of them; INT64_MIN: it speaks of all. */
int64_t report_rows_from_us(const struct report *r);
size_t report_groups(const struct report *r); /* all, those that are not shown too */

struct report_paper {
    bool colour;
    size_t width; /* columns; what has no room is left out, and named. 0: there is no end to it */
};

/* For people: aligned. */
void report_table(const struct report *r, const struct report_paper *paper, struct buf *out);

#endif

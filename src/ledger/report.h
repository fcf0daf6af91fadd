/* Questions to the store: what `purser report` and /api/v1/report answer. Times are microseconds
 * since 1970 in UTC, money is pico-dollars. Thread: any that may wait; each report is one thread's,
 * though report_run() has a second one help it. */
#ifndef LEDGER_REPORT_H
#define LEDGER_REPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "ledger/row.h"

enum { REPORT_BY_MAX = 11, REPORT_WHERE_MAX = 16 };

/* The names that may be grouped by and filtered on, each in turn; p == NULL behind the last. */
str report_by_name(size_t i);
str report_where_name(size_t i);

struct report_ask {
    str by[REPORT_BY_MAX]; /* feature,model,user,team,key,provider,prompt,task,reason,day,hour */
    size_t by_count;
    struct {
        str column, equals;
    } where[REPORT_WHERE_MAX];
    size_t where_count;
    bool ladder;                /* set by report_ask_ladder() */
    int64_t since_us, until_us; /* admitted in [since, until) */
    int64_t limit;              /* groups; totals speak of all */
};

/* Asks for the rungs of a model's ladder: how many calls reached each, what its tests accepted, what it cost,
 * and what all calls would have cost at it alone. `model`: its public name, which must outlive the ask.
 * In place of what to group by; filters may stand. Fails: false, there are too many filters. */
bool report_ask_ladder(struct report_ask *ask, str model) MUST_CHECK;

struct report;
/* Opens `dir`'s store read-only; works beside a running server. From rollups where
 * they can answer, else over rows, calling `progress` (may be NULL) now and then.
 * Owns: the caller drops it. Fails: NULL with a sentence in `why`. */
struct report *report_run(const char *dir, const struct report_ask *ask, void (*progress)(void *ctx, double done),
                          void *ctx, struct buf *why);
void report_drop(struct report *r);
void report_json(const struct report *r, struct buf *out); /* {"rows":[...],"totals":{...}} */
void report_csv(const struct report *r, struct buf *out);

struct report_paper {
    bool colour;
    size_t width; /* columns; what has no room is left out, and named. 0: there is no end to it */
};

/* For people: aligned. */
void report_table(const struct report *r, const struct report_paper *paper, struct buf *out);

#endif

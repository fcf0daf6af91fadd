/* What success costs: outcomes joined with all that was spent on the tasks and calls that they are of.
 *
 * A unit is a task, or a call whose outcome names the call. Its cost is that of all its attempts: retries, failures,
 * wasted ones. It counts in the cohort of the day (UTC) on which it began, once, where most of its cost lies. Only
 * cohorts that are mature are told of: younger ones have too few outcomes yet. Money is pico-dollars, times are
 * microseconds since 1970 in UTC. Thread: any that may wait. */
#ifndef LEDGER_SUCCESS_H
#define LEDGER_SUCCESS_H

#include "ledger/calls.h"

enum success_by { SUCCESS_ALL, SUCCESS_FEATURE, SUCCESS_PROMPT, SUCCESS_MODEL, SUCCESS_USER };

struct success_ask {
    int64_t since_us, until_us; /* units that began on the days of [since, until) */
    int64_t mature_us, now_us;  /* and at least so long ago */
    enum success_by by;         /* prompt, model and user: from each row of the time since, not from rollups */
    str name;                   /* of outcomes; empty: each name apart */
    struct calls_filter scope;  /* `scoped`, features: of units whose feature is one of these; conditions: of units that
                                 * have an attempt of which they are true, then always from rows */
    size_t limit;               /* rows, those with most units first */
    bool (*go_on)(void *ctx, double done); /* as in struct calls_ask; ended early there is no answer */
    void *ctx;
};

struct success_row {
    str name;  /* of the outcomes */
    str value; /* the feature, prompt ...; empty: SUCCESS_ALL, or none is known */
    uint64_t units, successes;
    __int128 cost;         /* of all units */
    __int128 success_cost; /* of those that were a success: the sum of cost times success */
    long double cost_squares;
    __int128 covered; /* of the cost, that of attempts of which the conditions are true */
    __int128 worth;   /* what the outcomes were worth */
    __int128
        spend; /* all that was spent on `value`, with these conditions, in the days of the cohorts, with outcome and
                * without; -1: not known */
};

struct success {
    struct arena arena; /* of all that is in it */
    struct success_row *rows;
    size_t count;
    int64_t from_us, to_us; /* the days of the cohorts; to <= from: none is mature */
    uint64_t missing;       /* outcomes of units that are not in the ledger: deleted by retention, or never there */
};

/* Owns: success_drop(). Fails: NULL with a sentence in `why`; with none where go_on() ended it. */
struct success *success_read(const char *dir, const struct success_ask *ask, struct buf *why);
void success_drop(struct success *s);

#endif

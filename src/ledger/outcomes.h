/* What came of calls and tasks, and what people thought of answers: told from outside, joined with what was spent.
 *
 * An outcome is of a task or of a call, never of both; told again under the same name, it replaces what was told.
 * Times are microseconds since 1970 in UTC, money is pico-dollars. Thread: any that may wait. */
#ifndef LEDGER_OUTCOMES_H
#define LEDGER_OUTCOMES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/money.h"
#include "ledger/calls.h"

struct ledger;

struct outcome {
    int64_t id;
    int64_t at_us, told_us; /* when it came about; when purser was told */
    str task;               /* empty: it is a call's */
    uint64_t call_id;       /* 0: it is a task's */
    str name;               /* "resolved" */
    bool success;
    picousd value; /* what it was worth; may be below zero */
    str feature;   /* of the call, or of the task's latest call; empty: nothing is known of the task yet */
    str who;       /* told it */
};

/* Stores all of them or none; `feature` is looked up. Rows that are not stored yet are not seen: flush first.
 * Fails: ERR_BAD_REQUEST where one is of no call in the ledger, or of both or neither, ERR_INTERNAL; a sentence in `why`. */
enum err outcomes_put(struct ledger *l, const struct outcome *all, size_t count, struct buf *why) MUST_CHECK;

struct feedback {
    int64_t id, at_us;
    uint64_t call_id;
    bool scored;
    int64_t score_ppm; /* in millionths */
    str label, comment;
    str feature; /* of the call */
    str who;
};

/* The very same once more is no second one. Fails: as outcomes_put(). */
enum err feedback_put(struct ledger *l, const struct feedback *all, size_t count, struct buf *why) MUST_CHECK;

struct told_ask {
    int64_t since_us, until_us; /* came about in [since, until) */
    str task, name, feature;    /* empty: any; name: an outcome's, or a feedback's label */
    uint64_t call_id;           /* 0: any */
    bool scoped;                /* of these features only: as in struct calls_filter */
    const str *features;
    size_t feature_count;
    const struct calls_cursor *after; /* attempt_id: the row's */
    size_t limit;
};

/* The newest first, at most ask->limit of them. `next`: where to go on, where there may be more (`*more`).
 * Works beside a running server; a store that is older has none. Fails: false with a sentence in `why`. */
typedef void outcome_visit(void *ctx, const struct outcome *o);
bool outcomes_each(const char *dir, const struct told_ask *ask, outcome_visit *visit, void *ctx,
                   struct calls_cursor *next, bool *more, struct buf *why) MUST_CHECK;
typedef void feedback_visit(void *ctx, const struct feedback *f);
bool feedback_each(const char *dir, const struct told_ask *ask, feedback_visit *visit, void *ctx,
                   struct calls_cursor *next, bool *more, struct buf *why) MUST_CHECK;

#endif

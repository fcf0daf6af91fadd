/* What happened that somebody should know, once each: table `events`.
 *
 * An event is told apart by kind, object, level and window: raised twice, it is there once. */
#ifndef LEDGER_EVENTS_H
#define LEDGER_EVENTS_H

#include "base/buf.h"

struct ledger;

struct ledger_event {
    int64_t at_us;
    str kind;          /* "budget" */
    str object;        /* "team-month", or "user-day of u-17" */
    int64_t level;     /* of a budget: percent */
    int64_t window_us; /* when its window began; 0: it has none */
    str text;          /* for people */
};

enum { EVENTS_KEPT = 100000 }; /* older ones go */

/* All of them or none. `*fresh`: how many were not there before. Fails: false where they cannot be stored.
 * Thread: control threads. */
bool ledger_events_add(struct ledger *l, const struct ledger_event *events, size_t count, size_t *fresh) MUST_CHECK;
/* Deletes what is beyond EVENTS_KEPT. */
bool ledger_events_trim(struct ledger *l);

/* The newest first, those from `since_us` on, at most `limit`. Beside a running server or without one.
 * Fails: false with a sentence in `why`. Blocks. */
typedef void ledger_event_visit(void *ctx, const struct ledger_event *event);
bool ledger_events_each(const char *dir, int64_t since_us, int64_t limit, ledger_event_visit *visit, void *ctx,
                        struct buf *why) MUST_CHECK;

#endif

/* Switching AI off and on in a running server: stored, then taken over by every worker. */
#ifndef FLOW_SWITCHING_H
#define FLOW_SWITCHING_H

#include "ledger/switches.h"

struct purser;
struct worker;

/* What is off, as the last run left it. Before the workers run. Fails: false with a sentence in `why`. */
bool switching_restore(struct purser *p, struct buf *why) MUST_CHECK;
/* Returns once every worker acts on it: a turn of each one's loop. `change->ends_running` also ends the
 * calls that match and run. Fails: nothing was changed; a sentence in `why`. Thread: control threads. */
enum err switching_change(struct purser *p, const struct ledger_switching *change, struct buf *why);
/* The current table, counted; NULL: nothing is off. Thread: control threads. */
struct switches *switching_current(struct purser *p);
void switching_drop(struct purser *p);

/* A worker takes over what it was offered. Thread: the worker's. */
void switching_adopt(struct worker *w);

#endif

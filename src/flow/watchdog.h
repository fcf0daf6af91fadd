/* How long an attempt is waited for: its connection, its first token, each further one; all within its total and its
 * client's deadline. One deadline, set anew at each phase; on_late() in flow.c is what it ends in. */
#ifndef FLOW_WATCHDOG_H
#define FLOW_WATCHDOG_H

#include "flow/request.h"

/* `phase_us` from now. */
void watchdog_set(struct attempt *a, int64_t phase_us);
/* The request is out: the first token is due. */
void watchdog_sent(struct attempt *a);
/* Bytes of the answer have come. */
void watchdog_fed(struct attempt *a);
/* Its client reads again. */
void watchdog_resume(struct attempt *a);
/* The deadline has come. True: it is waited for all the same, with the next one set. */
bool watchdog_waits_on(struct attempt *a) MUST_CHECK;

#endif

/* What is in flight, counted by each worker among its own calls: nothing is counted while nobody asks. */
#ifndef FLOW_CENSUS_H
#define FLOW_CENSUS_H

#include "flow/metrics.h"

struct purser;

struct census {
    uint32_t calls, streams;      /* in flight */
    uint32_t steps[METRIC_STEPS]; /* at each step: calls by theirs, attempts that are not over by theirs */
    unsigned missing;             /* workers that did not answer in time: their calls are not counted */
};

/* Waits for the workers, half a second at most. Thread: control threads; several may ask. */
void census_take(struct purser *p, struct census *out);

#endif

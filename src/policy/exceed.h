/* What happens where a budget is gone, and when it is told that it will be. */
#ifndef POLICY_EXCEED_H
#define POLICY_EXCEED_H

#include "base/str.h"

enum on_exceed {
    ON_EXCEED_BLOCK,     /* the call is refused */
    ON_EXCEED_DEGRADE,   /* it is answered without a provider */
    ON_EXCEED_DOWNGRADE, /* it goes to a cheaper model */
    ON_EXCEED_ALERT,     /* it passes: the budget only counts and raises events */
};

/* "block", "degrade", "downgrade:lab/small", "alert"; `model` is what stands behind the colon. */
bool on_exceed_find(str text, enum on_exceed *out, str *model) MUST_CHECK;
str on_exceed_name(enum on_exceed e);

enum { BUDGET_THRESHOLDS_MAX = 8, BUDGET_THRESHOLD_PERCENT_MAX = 1000 };

/* Shares of a limit at which an event is raised, once a window. Ascending. */
struct budget_thresholds {
    uint16_t percent[BUDGET_THRESHOLDS_MAX];
    uint16_t count;
};

/* A pace that is too fast, see burn.h. */
struct burn_rule {
    int64_t over_us;    /* the long window; 0: not looked at */
    int64_t rate_milli; /* times faster than evenly, in thousandths */
    bool alerts;        /* it only raises an event; else calls are answered without a provider meanwhile */
};

/* The highest threshold that spending reaches on its way from `before` to `after`; 0: none. */
uint16_t budget_threshold_reached(const struct budget_thresholds *t, int64_t limit, int64_t before, int64_t after);

#endif

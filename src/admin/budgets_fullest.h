/* Of each budget the counters that are nearest to their end: a budget of each user may have a million of them.
 * Thread: one. */
#ifndef ADMIN_BUDGETS_FULLEST_H
#define ADMIN_BUDGETS_FULLEST_H

#include "policy/budgets.h"

struct fullest_group {
    const struct budget_rule *rule;
    struct budget_state *of; /* their `value` is a copy */
    size_t count;
    int64_t counters; /* that were offered */
};

struct fullest {
    size_t most; /* counters of each budget */
    struct fullest_group *groups;
    size_t count, last;
};

/* Copies what it keeps. */
void fullest_offer(struct fullest *f, const struct budget_state *s);
/* The fullest first; nothing is offered after that. */
void fullest_sort(struct fullest *f);
void fullest_free(struct fullest *f);

#endif

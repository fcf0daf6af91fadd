/* Burn rate: how many times faster a budget is spent than its limit would last its window evenly.
 *
 * Two windows that end now are looked at, a long one and a twelfth of it: it burns while both are above the rate
 * that is set. The long one tells that it matters, the short one that it still goes on, so that it ends soon after
 * the spending does. Counted is what is posted, for each counter of a budget apart.
 * Source: Google, The Site Reliability Workbook, chapter 5 (multiwindow, multi-burn-rate alerts).
 *
 * Units: wall clock, passed in; amounts in the budget's measure. The table is bounded, the longest unused counter
 * goes first. Thread: any; a mutex a shard. */
#ifndef POLICY_BURN_H
#define POLICY_BURN_H

#include "policy/budgets.h"

enum { BURN_SHORT_PART = 12, BURN_RATE_MILLI_MAX = 1000 * 1000 };
#define BURN_OVER_MIN_US (12 * INT64_C(1000000))

/* How long the limit is meant to last: a month has 30 days; 0 for WINDOW_TOTAL, which has no pace. */
int64_t burn_window_us(const struct window *w);

/* "14.4": the exact decimal. */
str burn_rate_format(int64_t rate_milli, char out[MONEY_TEXT_MAX]);

struct burns; /* outlives reloads */

struct burns *burns_new(struct hash_key key, size_t max);
void burns_drop(struct burns *b);

struct burn_state {
    int64_t spent_long, spent_short;
    int64_t rate_long_milli, rate_short_milli; /* times faster than evenly, in thousandths */
    bool burning;
    bool began;      /* just now: told once for each time that the long window rises above the rate */
    int64_t ends_us; /* while it burns: when it is over if nothing more is spent */
};
/* `value`: of the rule's `*`s, as scope_value() writes it. Rules without `burn` do not come here. */
void burns_note(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, int64_t amount,
                struct burn_state *out);
void burns_look(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, struct burn_state *out);
/* The same for figures: what has just begun is left for calls to find. */
void burns_see(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, struct burn_state *out);
/* What was spent before a start or a reload, before calls count in the rule. All of one `restoring` add up; another one
 * begins anew. Never 0. */
struct burn_past {
    str value;
    int64_t at_us, amount;
};
void burns_restore(struct burns *b, const struct budget_rule *rule, const struct burn_past *past, uint32_t restoring);
/* The parts in which it is counted: moments of one part are the same to it. */
int64_t burn_step_us(const struct burn_rule *rule);

#endif

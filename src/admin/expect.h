/* What spending is to be expected, from the ledger's last weeks; and what that says of budgets.
 * Kept for a while, since the past changes slowly. Thread: any that may wait. */
#ifndef ADMIN_EXPECT_H
#define ADMIN_EXPECT_H

#include "plan/expected.h"
#include "policy/budgets.h"

struct expecting;

struct expecting *expecting_new(void);
void expecting_drop(struct expecting *e);

struct expectation {
    struct expected curve;
    unsigned level_permille; /* how spending goes now against it: 1000 is as expected */
};

/* Of all spending that `scope` speaks of; NULL: all there is. Fails: false, with a sentence in `why`, where the ledger
 * cannot be read; and without one for a scope of models, whose public names the sums by hour do not have. */
bool expect(struct expecting *e, const char *dir, const struct scope *scope, int64_t now_us, struct expectation *out,
            struct buf *why) MUST_CHECK;

/* The same of all spending of these features. */
bool expect_features(struct expecting *e, const char *dir, const str *features, size_t count, int64_t now_us,
                     struct expectation *out, struct buf *why) MUST_CHECK;

/* What was spent of that in [since_us, now_us). Fails: as above. */
bool expect_spent(const char *dir, const struct scope *scope, int64_t since_us, int64_t now_us, picousd *out,
                  struct buf *why) MUST_CHECK;

/* How a budget of money without a `*` goes on. */
struct budget_outlook {
    bool known;         /* false: it has no window, a scope of models, or no limit */
    double burn_rate;   /* of the last hour: 1 is as the plan has it; NaN: there is no plan */
    picousd planned;    /* what the curve expected to be spent by now */
    picousd end;        /* what will be spent at the end of the window, as spending goes */
    int64_t run_out_us; /* INT64_MAX: not before the window ends */
};
void expect_budget(struct expecting *e, const char *dir, const struct budget_state *s, int64_t now_us,
                   struct budget_outlook *out);

#endif

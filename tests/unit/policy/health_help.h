/* What the tests of health share: one target, and a clock of our own. */
#ifndef TESTS_POLICY_HEALTH_HELP_H
#define TESTS_POLICY_HEALTH_HELP_H

#include "help.h"

#include "base/rng.h"
#include "base/time.h"
#include "policy/health.h"

#include <stdio.h>

#define T0    (INT64_C(1000) * US_PER_SECOND)
#define TOOK  (100 * US_PER_MS)
#define AGAIN (8 * US_PER_MINUTE)

struct fixture {
    struct healths *all;
    struct health *h;
    int64_t now_us;
};

static inline struct fixture begin(void)
{
    struct healths *all = healths_new(16);
    return (struct fixture){.all = all, .h = health_find(all, S("openai/m")), .now_us = T0};
}

static inline void end(struct fixture *f)
{
    assert_int_equal(healths_in_flight(f->all), 0);
    healths_drop(f->all);
}

static inline enum health_verdict enter(struct fixture *f, struct health_pass *p)
{
    struct health_ask ask = {.now_us = f->now_us};
    return health_enter(f->h, &ask, NULL, p);
}

static inline void leave(struct fixture *f, struct health_pass *p, enum health_outcome o)
{
    health_leave(p, &(struct health_result){.outcome = o, .err = ERR_PROVIDER_ERROR, .now_us = f->now_us});
}

/* In and out, in no time. */
static inline enum health_verdict call(struct fixture *f, enum health_outcome o)
{
    struct health_pass p;
    enum health_verdict v = enter(f, &p);
    leave(f, &p, o);
    return v;
}

static inline struct health_view view(struct fixture *f)
{
    struct health_view is;
    health_see(f->h, f->now_us, &is);
    return is;
}

/* Calls of this outcome until it opens; -1 where it does not. */
static inline int calls_until_open(struct fixture *f, enum health_outcome o, int most)
{
    for (int i = 1; i <= most; i++) {
        assert_int_equal(call(f, o), HEALTH_GO);
        if (view(f).state == HEALTH_OPEN) return i;
    }
    return -1;
}

#endif

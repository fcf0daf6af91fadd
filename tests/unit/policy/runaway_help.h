/* What the tests of runaways share: one caller, and a clock of our own. */
#ifndef TESTS_POLICY_RUNAWAY_HELP_H
#define TESTS_POLICY_RUNAWAY_HELP_H

#include "help.h"

#include "base/time.h"
#include "policy/runaway.h"

#include <stdio.h>

#define T0 (INT64_C(1000) * US_PER_HOUR) /* where a minute begins */

struct fixture {
    struct runaways *r;
    struct runaway_limits limits;
    struct runaway_where where;
    struct runaway_verdict v; /* the last one */
    int64_t now_us;
};

static inline struct fixture begin(void)
{
    struct runaways_ceilings max = {.sessions = 1000, .tasks = 1000, .features = 8};
    struct fixture f = {.r = runaways_new(TEST_KEY, &max), .now_us = T0};
    runaway_limits_default(&f.limits);
    f.where = (struct runaway_where){.key = S("web"), .feature = S("chat"), .session = S("s1")};
    return f;
}

static inline void end(struct fixture *f)
{
    runaways_drop(f->r);
}

static inline enum runaway_action ask(struct fixture *f, uint64_t message, int64_t tokens)
{
    struct runaway_ask a = {f->where, &f->limits, f->now_us, message, tokens};
    runaway_check(f->r, &a, &f->v);
    assert_true((f->v.action == RUNAWAY_NONE) == (f->v.text[0] == '\0'));
    assert_true((f->v.action == RUNAWAY_SLOW) == (f->v.delay_us > 0));
    return f->v.action;
}

static inline void answer(struct fixture *f, uint64_t message, uint64_t answer_hash, int64_t tokens, picousd cost)
{
    struct runaway_end e = {f->v.at, f->now_us, message, answer_hash, 0, tokens, cost};
    runaway_note(f->r, &e);
}

static inline bool says(const struct fixture *f, const char *part)
{
    return strstr(f->v.text, part) != NULL;
}

#endif

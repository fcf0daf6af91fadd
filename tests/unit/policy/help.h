/* What the tests of budgets share: rules and asks in one line each. */
#ifndef TESTS_POLICY_HELP_H
#define TESTS_POLICY_HELP_H

#include "policy/budgets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CENT (PICOUSD_PER_USD / 100)
/* 2026-11-21T12:00:00Z, a Saturday. */
#define NOON     (INT64_C(1795262400) * US_PER_SECOND)
#define TEST_KEY ((struct hash_key){1, 2})

static inline struct budget_rule money_rule(str name, int64_t limit, enum window_kind window)
{
    return (struct budget_rule){
        .name = name,
        .limit = limit,
        .window = {.kind = window},
        .wait_us = 5 * US_PER_SECOND,
        .enforced = true,
    };
}

static inline struct budget_rule user_rule(str name, int64_t limit, enum window_kind window)
{
    struct budget_rule r = money_rule(name, limit, window);
    r.scope.want[SCOPE_USER] = S("*");
    return r;
}

static inline struct payer payer_user(str user)
{
    struct payer who = {0};
    who.is[SCOPE_USER] = user;
    return who;
}

static inline struct budget_ask money_ask(const struct payer *who, int64_t at_us, int64_t amount)
{
    return (struct budget_ask){.who = who, .at_us = at_us, .amounts = {{amount, 1, 1}}};
}

static inline struct budget_amounts money(int64_t amount)
{
    return (struct budget_amounts){{amount, 1, 1}};
}

/* Holds without waiting. */
static inline enum budget_verdict hold_at(struct budgets *b, const struct budget_rules *rules, str user, int64_t at_us,
                                          int64_t amount, struct hold *h)
{
    struct payer who = payer_user(user);
    struct budget_ask ask = money_ask(&who, at_us, amount);
    struct budget_refusal why;
    return budget_hold(b, rules, &ask, NULL, h, &why);
}

/* Holds and posts the same. */
static inline void spend_at(struct budgets *b, const struct budget_rules *rules, str user, int64_t at_us,
                            int64_t amount)
{
    struct hold h;
    struct budget_amounts used = money(amount);
    assert_int_equal(hold_at(b, rules, user, at_us, amount, &h), BUDGET_HELD);
    budget_post(b, &h, &used);
}

/* What budgets_each() says of one counter. */
struct seen {
    str budget, value;
    int found;
    struct budget_state state;
};

static inline void see(void *ctx, const struct budget_state *s)
{
    struct seen *seen = ctx;
    if (!str_eq(s->rule->name, seen->budget) || !str_eq(s->value, seen->value)) return;
    seen->found++;
    seen->state = *s;
}

static inline struct seen look(struct budgets *b, const struct budget_rules *rules, int64_t now_us, str budget,
                               str value)
{
    struct seen seen = {.budget = budget, .value = value};
    budgets_each(b, rules, now_us, see, &seen);
    return seen;
}

#endif

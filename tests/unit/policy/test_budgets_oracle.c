/* Random schedules against a model that is slow, simple and knows no concurrency:
 * a list of every hold and every post, summed up anew for each question. */
#include "help.h"

#include "base/rng.h"

#include <stdio.h>

enum { RULES = 4, USERS = 3, ACTORS = 12, STEPS = 4000, POSTS = 4000, SCHEDULES = 30 };

struct entry { /* what one call holds or has spent */
    bool held;
    int user;
    int64_t at_us, amount;
};

struct actor {
    struct budget_waiter waiter;
    struct payer who;
    char name[8];
    bool woken, waiting;
    int user;
    int64_t at_us, amount, ticket; /* as the model sees them */
    int queue;                     /* the rule in whose queue it stands */
    int entry;                     /* -1: holds nothing */
    struct hold hold;
};

struct model {
    struct budget_rule rule[RULES];
    struct entry entry[POSTS];
    int entries;
    int64_t tickets;
    struct actor actor[ACTORS];
    int64_t seen_us[RULES][USERS]; /* rolling: the latest moment at which somebody asked */
};

static bool each_user(const struct budget_rule *r)
{
    return r->scope.want[SCOPE_USER].p != NULL;
}

/* Is the entry in the counter that this ask meets? */
static bool counts(const struct model *m, int rule, int user, int64_t at_us, const struct entry *e)
{
    const struct budget_rule *r = &m->rule[rule];
    if (each_user(r) && e->user != user) return false;
    if (r->window.kind != WINDOW_ROLLING) return window_start(&r->window, e->at_us) == window_start(&r->window, at_us);
    int64_t now = m->seen_us[rule][each_user(r) ? user : 0];
    return e->held || window_start(&r->window, e->at_us) + r->window.rolling_us + window_step_us(&r->window) > now;
}

static int64_t sum(const struct model *m, int rule, int user, int64_t at_us, bool with_held)
{
    int64_t total = 0;
    for (int i = 0; i < m->entries; i++) {
        const struct entry *e = &m->entry[i];
        if ((with_held || !e->held) && counts(m, rule, user, at_us, e)) total += e->amount;
    }
    return total;
}

static bool same_counter(const struct model *m, int rule, const struct actor *a, int user, int64_t at_us)
{
    const struct budget_rule *r = &m->rule[rule];
    if (!a->waiting || a->queue != rule || (each_user(r) && a->user != user)) return false;
    return r->window.kind == WINDOW_ROLLING || window_start(&r->window, a->at_us) == window_start(&r->window, at_us);
}

/* Is it the turn of one that asks now? `ticket` 0: a newcomer. */
static bool may_take(const struct model *m, int rule, int user, int64_t at_us, int64_t amount, int64_t ticket)
{
    int64_t room = m->rule[rule].limit - sum(m, rule, user, at_us, true), ahead = 0;
    const struct actor *first = NULL;
    for (int i = 0; i < ACTORS; i++) {
        const struct actor *a = &m->actor[i];
        if (!same_counter(m, rule, a, user, at_us) || (ticket && a->ticket >= ticket)) continue;
        ahead += a->amount;
        if (!first || a->ticket < first->ticket) first = a;
    }
    if (amount > room) return false;
    if (!first || amount <= room - ahead) return true;
    return !ticket && amount < first->amount && at_us - first->waiter.since_us < US_PER_SECOND;
}

static enum budget_verdict expect(struct model *m, struct actor *a)
{
    for (int r = 0; r < RULES; r++) {
        int64_t *seen = &m->seen_us[r][each_user(&m->rule[r]) ? a->user : 0];
        if (a->at_us > *seen) *seen = a->at_us;
    }
    for (int r = 0; r < RULES; r++) {
        if (a->amount > m->rule[r].limit - sum(m, r, a->user, a->at_us, false)) return BUDGET_SPENT;
    }
    for (int r = 0; r < RULES; r++) {
        if (!may_take(m, r, a->user, a->at_us, a->amount, a->ticket)) return BUDGET_WAIT;
    }
    return BUDGET_HELD;
}

static void wake_actor(struct budget_waiter *w)
{
    ((struct actor *)w->owner)->woken = true;
}

static int rule_named(const struct model *m, str name)
{
    for (int r = 0; r < RULES; r++) {
        if (str_eq(m->rule[r].name, name)) return r;
    }
    return -1;
}

static void ask(struct budgets *b, const struct budget_rules *rules, struct model *m, struct actor *a, bool queue)
{
    struct budget_ask ask = money_ask(&a->who, a->at_us, a->amount);
    struct budget_refusal why = {0};
    enum budget_verdict expected = expect(m, a);
    bool was_waiting = a->waiting;
    a->woken = false;
    enum budget_verdict got = was_waiting ? budget_retry(b, rules, &ask, &a->waiter, &a->hold, &why)
                                          : budget_hold(b, rules, &ask, queue ? &a->waiter : NULL, &a->hold, &why);
    assert_int_equal(got, expected);
    a->waiting = got == BUDGET_WAIT && (queue || was_waiting);
    if (!a->waiting) a->ticket = 0;
    if (a->waiting && !was_waiting) a->ticket = ++m->tickets;
    if (a->waiting) a->queue = rule_named(m, why.rule->name);
    if (got != BUDGET_HELD) {
        int r = rule_named(m, why.rule->name);
        int64_t left = m->rule[r].limit - sum(m, r, a->user, a->at_us, false);
        assert_int_equal(why.left, left > 0 ? left : 0);
        return;
    }
    a->entry = m->entries++;
    m->entry[a->entry] = (struct entry){true, a->user, a->at_us, a->amount};
}

static void settle(struct budgets *b, struct model *m, struct actor *a, struct rng *rng)
{
    struct entry *e = &m->entry[a->entry];
    uint64_t kind = rng_below(rng, 10);
    int64_t amount = kind == 0 ? 0 : (int64_t)rng_below(rng, (uint64_t)e->amount + (kind == 1 ? 30 : 1));
    struct budget_amounts used = money(amount);
    if (kind == 0) {
        budget_void(b, &a->hold);
    } else {
        budget_post(b, &a->hold, &used);
    }
    e->held = false;
    e->amount = amount;
    a->entry = -1;
}

/* Whoever could go on has been told so. */
static void check_wakes(const struct model *m)
{
    for (int i = 0; i < ACTORS; i++) {
        const struct actor *a = &m->actor[i];
        if (!a->waiting || a->woken) continue;
        const struct budget_rule *r = &m->rule[a->queue];
        assert_true(a->amount <= r->limit - sum(m, a->queue, a->user, a->at_us, false));
        assert_false(may_take(m, a->queue, a->user, a->at_us, a->amount, a->ticket));
    }
}

static void check_sums(struct budgets *b, const struct budget_rules *rules, const struct model *m, int64_t now_us)
{
    for (int r = 0; r < RULES; r++) {
        for (int user = 0; user < USERS; user++) {
            char value[24] = "";
            if (each_user(&m->rule[r])) snprintf(value, sizeof(value), "user=u%d", user);
            struct seen seen = look(b, rules, now_us, m->rule[r].name, str_from(value));
            int64_t spent = sum(m, r, user, now_us, false), all = sum(m, r, user, now_us, true);
            assert_int_equal(seen.state.spent, spent);
            assert_int_equal(seen.state.held, all - spent);
        }
    }
}

static void act(struct budgets *b, const struct budget_rules *rules, struct model *m, struct rng *rng, int64_t now_us)
{
    struct actor *a = &m->actor[rng_below(rng, ACTORS)];
    if (a->entry >= 0) {
        settle(b, m, a, rng);
    } else if (!a->waiting) {
        a->user = (int)rng_below(rng, USERS);
        snprintf(a->name, sizeof(a->name), "u%d", a->user);
        a->who = payer_user(str_from(a->name));
        a->at_us = now_us;
        a->amount = 1 + (int64_t)rng_below(rng, 60);
        ask(b, rules, m, a, rng_below(rng, 4) != 0);
    } else if (now_us - a->at_us > 20 * US_PER_SECOND) {
        budget_leave(b, &a->waiter);
        a->waiting = false;
        a->ticket = 0;
    } else {
        if (rng_below(rng, 4) == 0) a->amount = 1 + (int64_t)rng_below(rng, (uint64_t)a->amount);
        ask(b, rules, m, a, true);
    }
}

static void run_schedule(uint64_t seed)
{
    static struct model m;
    m = (struct model){
        .rule = {user_rule(S("user-minute"), 100, WINDOW_MINUTE), money_rule(S("hour"), 2000, WINDOW_HOUR),
                 user_rule(S("user-roll"), 400, WINDOW_ROLLING), money_rule(S("minute"), 250, WINDOW_MINUTE)}};
    m.rule[2].window.rolling_us = 8 * US_PER_MINUTE;
    struct budgets *b = budgets_new(TEST_KEY, 1000);
    struct budget_rules *rules = budget_rules_new(m.rule, RULES, 1);
    struct rng rng;
    rng_seed(&rng, seed);
    for (int i = 0; i < ACTORS; i++) {
        m.actor[i].entry = -1;
        budget_waiter_init(&m.actor[i].waiter, wake_actor, &m.actor[i]);
    }
    int64_t now_us = NOON;
    for (int i = 0; i < STEPS && m.entries < POSTS; i++) {
        now_us += (int64_t)rng_below(&rng, US_PER_SECOND);
        act(b, rules, &m, &rng, now_us);
        check_wakes(&m);
        if (i % 64) continue;
        if (i % 512 == 0) budgets_sweep(b, rules, now_us);
        for (int user = 0; user < USERS; user++) m.seen_us[2][user] = now_us; /* looking moves its time on */
        check_sums(b, rules, &m, now_us);
        check_wakes(&m);
    }
    for (int i = 0; i < ACTORS; i++) {
        if (m.actor[i].entry >= 0) settle(b, &m, &m.actor[i], &rng);
        budget_leave(b, &m.actor[i].waiter);
    }
    assert_int_equal(budgets_held(b), 0);
    budget_rules_drop(rules);
    budgets_drop(b);
}

static void test_random_schedules(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SCHEDULES; seed++) run_schedule(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_schedules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

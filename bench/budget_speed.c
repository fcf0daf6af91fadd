/* What a hold and its post cost, with four budgets of which one has a cell for each
 * user: with 10 users, and with 1,000,000 in random order.
 *
 * Usage: budget_speed [users...]. Prints nanoseconds per hold + post, the best of
 * a few rounds that alternate, and the ratio to the first. */
#include "base/arena.h"
#include "base/rng.h"
#include "base/time.h"
#include "policy/budgets.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 400000, ROUNDS = 7, SETS_MAX = 8 };

struct set {
    uint64_t users;
    struct budgets *b;
    struct budget_rules *rules;
    double best_ns;
};

/* Of this thread alone, whatever else the machine does. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct budget_rule rule(str name, enum scope_dim dim, str want, enum window_kind window)
{
    struct budget_rule r = {.name = name, .limit = PICOUSD_MAX / 2, .window = {.kind = window}, .enforced = true};
    if (want.n) r.scope.want[dim] = want;
    return r;
}

static str user_name(uint64_t n, char out[24])
{
    int len = snprintf(out, 24, "user-%08llu", (unsigned long long)n);
    return str_of(out, (size_t)len);
}

static struct payer payer(str user)
{
    struct payer who = {.model_requested = S("gpt-5-mini")};
    who.is[SCOPE_KEY] = S("alice");
    who.is[SCOPE_TEAM] = S("support");
    who.is[SCOPE_USER] = user;
    who.is[SCOPE_FEATURE] = S("support-bot");
    who.is[SCOPE_MODEL] = S("gpt-5-mini");
    who.is[SCOPE_PROVIDER] = S("openai");
    return who;
}

static void call(struct set *s, str user, int64_t at_us)
{
    struct payer who = payer(user);
    struct budget_ask ask = {.who = &who, .at_us = at_us, .amounts = {{1000, 10, 1}}};
    struct budget_amounts used = {{600, 6, 1}};
    struct budget_refusal why;
    struct hold h;
    if (budget_hold(s->b, s->rules, &ask, NULL, &h, &why) != BUDGET_HELD) abort();
    budget_post(s->b, &h, &used);
}

static void set_init(struct set *s, uint64_t users, int64_t at_us)
{
    struct budget_rule rules[4] = {
        rule(S("everything"), SCOPE_KEY, STR_NONE, WINDOW_MONTH),
        rule(S("support-monthly"), SCOPE_TEAM, S("support"), WINDOW_MONTH),
        rule(S("alice-daily"), SCOPE_KEY, S("alice"), WINDOW_DAY),
        rule(S("user-daily"), SCOPE_USER, S("*"), WINDOW_DAY),
    };
    *s = (struct set){.users = users, .best_ns = 1e9};
    s->b = budgets_new((struct hash_key){1, 2}, users + 100);
    s->rules = budget_rules_new(rules, 4, 1);
    char name[24];
    for (uint64_t i = 0; i < users; i++) call(s, user_name(i, name), at_us);
}

static void measure(struct set *s, char (*names)[24], str *user, int64_t at_us)
{
    struct rng rng;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < CALLS; i++) user[i] = user_name(rng_below(&rng, s->users), names[i]);

    int64_t start = cpu_ns();
    for (size_t i = 0; i < CALLS; i++) call(s, user[i], at_us);
    double ns = (double)(cpu_ns() - start) / CALLS;
    if (ns < s->best_ns) s->best_ns = ns;
}

int main(int argc, char **argv)
{
    uint64_t users[SETS_MAX] = {10, 1000000};
    size_t count = 2;
    if (argc > 1) {
        count = 0;
        for (int i = 1; i < argc && count < SETS_MAX; i++) {
            if (!str_to_u64(str_from(argv[i]), &users[count++]) || !users[count - 1]) {
                fprintf(stderr, "usage: budget_speed [users...]\n");
                return 2;
            }
        }
    }
    struct set set[SETS_MAX];
    int64_t at_us = time_now_us();
    char(*names)[24] = mem_alloc(CALLS * sizeof(*names));
    str *user = mem_alloc(CALLS * sizeof(*user));
    for (size_t i = 0; i < count; i++) set_init(&set[i], users[i], at_us);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) measure(&set[i], names, user, at_us);
    }
    printf("hold + post, four budgets, one of them per user (ns, best of %d)\n", ROUNDS);
    printf("%10s %8s %8s\n", "users", "ns", "ratio");
    for (size_t i = 0; i < count; i++) {
        printf("%10llu %8.0f %8.2f\n", (unsigned long long)set[i].users, set[i].best_ns,
               set[i].best_ns / set[0].best_ns);
        budget_rules_drop(set[i].rules);
        budgets_drop(set[i].b);
    }
    free(names);
    free(user);
    return 0;
}

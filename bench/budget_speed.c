/* What a hold and its post cost, with four budgets of which one has a cell for each
 * user: with 10 users, and with 1,000,000 in random order. Twice: one hold after the
 * other and nothing else (cold), and as a call walks, where the budgets are told whose
 * call it is before its body is read (expected: with the cost of telling them, without
 * that of reading the body and looking at the limits, which is measured alone before).
 *
 * Usage: budget_speed [users...]. Prints nanoseconds per hold + post, the best of
 * a few rounds that alternate, and the ratio to the first. */
#include "base/arena.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/time.h"
#include "dialect/call.h"
#include "policy/budgets.h"
#include "policy/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 400000, ROUNDS = 7, SETS_MAX = 8 };

struct set {
    uint64_t users;
    struct budgets *b;
    struct budget_rules *rules;
    double cold_ns, rest_ns, whole_ns; /* the best */
};

/* What a worker does between knowing whose call it is and its hold: reads a body of
 * 1 KB, looks at the limits. */
struct rest {
    struct json doc;
    char body[1024];
    struct limits *limits;
    struct limit_rules *limit_rules;
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

static void rest_init(struct rest *r)
{
    static const char head[] = "{\"model\":\"gpt-5-mini\",\"max_completion_tokens\":800,\"messages\":["
                               "{\"role\":\"system\",\"content\":\"You are helpful.\"},"
                               "{\"role\":\"user\",\"content\":\"";
    static const char tail[] = "\"}]}";
    memset(r->body, 'x', sizeof(r->body));
    memcpy(r->body, head, sizeof(head) - 1);
    memcpy(r->body + sizeof(r->body) - sizeof(tail) + 1, tail, sizeof(tail) - 1);
    json_init(&r->doc);
    struct limit_rule rules[2] = {{.requests_per_minute = 1000000000, .tokens_per_minute = 1000000000000},
                                  {.requests_per_minute = 1000000000}};
    rules[1].scope.want[SCOPE_TEAM] = S("*");
    r->limits = limits_new((struct hash_key){1, 2}, 100);
    r->limit_rules = limit_rules_new(rules, 2);
}

static void rest_free(struct rest *r)
{
    limit_rules_drop(r->limit_rules);
    limits_drop(r->limits);
    json_free(&r->doc);
}

static void parse_body(struct rest *r)
{
    struct json_fail fail;
    if (!json_parse(&r->doc, str_of(r->body, sizeof(r->body)), &fail)) abort();
}

static void read_call(struct rest *r)
{
    struct call_problem problem = {0};
    struct call call;
    struct arena arena;
    arena_init(&arena);
    if (!call_read(CALL_CHAT, &r->doc, &arena, &call, &problem)) abort();
    arena_free(&arena);
}

static void take_limits(struct rest *r, const struct payer *who, int64_t at_us)
{
    struct limit_take take;
    struct limit_state state;
    if (!limits_take(r->limits, r->limit_rules, who, 10, at_us, &take, &state)) abort();
    limits_give_at(r->limits, &take, 10, at_us);
}

/* `rest` NULL: the hold and the post alone. */
static void call(struct set *s, str user, int64_t at_us, struct rest *rest)
{
    struct payer who = payer(user);
    struct budget_expected expected;
    if (rest) {
        budgets_expect(s->b, s->rules, &who, at_us, &expected);
        parse_body(rest);
        budgets_expect_soon(s->b, &expected);
        read_call(rest);
        take_limits(rest, &who, at_us);
    }
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
    *s = (struct set){.users = users, .cold_ns = 1e9, .rest_ns = 1e9, .whole_ns = 1e9};
    s->b = budgets_new((struct hash_key){1, 2}, users + 100);
    s->rules = budget_rules_new(rules, 4, 1);
    char name[24];
    for (uint64_t i = 0; i < users; i++) call(s, user_name(i, name), at_us, NULL);
}

static void keep_best(double *best, double ns)
{
    if (ns < *best) *best = ns;
}

static void measure(struct set *s, char (*names)[24], str *user, int64_t at_us, struct rest *rest)
{
    struct rng rng;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < CALLS; i++) user[i] = user_name(rng_below(&rng, s->users), names[i]);

    int64_t start = cpu_ns();
    for (size_t i = 0; i < CALLS; i++) call(s, user[i], at_us, NULL);
    keep_best(&s->cold_ns, (double)(cpu_ns() - start) / CALLS);

    start = cpu_ns();
    for (size_t i = 0; i < CALLS; i++) {
        struct payer who = payer(user[i]);
        parse_body(rest);
        read_call(rest);
        take_limits(rest, &who, at_us);
    }
    keep_best(&s->rest_ns, (double)(cpu_ns() - start) / CALLS);
    start = cpu_ns();
    for (size_t i = 0; i < CALLS; i++) call(s, user[i], at_us, rest);
    keep_best(&s->whole_ns, (double)(cpu_ns() - start) / CALLS);
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
    struct set set[SETS_MAX] = {0};
    int64_t at_us = time_now_us();
    struct rest rest;
    rest_init(&rest);
    char(*names)[24] = mem_alloc(CALLS * sizeof(*names));
    str *user = mem_alloc(CALLS * sizeof(*user));
    for (size_t i = 0; i < count; i++) set_init(&set[i], users[i], at_us);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) measure(&set[i], names, user, at_us, &rest);
    }
    printf("hold + post, four budgets, one of them per user (ns, best of %d)\n", ROUNDS);
    printf("%10s %8s %8s %12s %8s\n", "users", "cold ns", "ratio", "expected ns", "ratio");
    double first_ns = set[0].whole_ns - set[0].rest_ns;
    for (size_t i = 0; i < count; i++) {
        double expected_ns = set[i].whole_ns - set[i].rest_ns;
        printf("%10llu %8.0f %8.2f %12.0f %8.2f\n", (unsigned long long)set[i].users, set[i].cold_ns,
               set[i].cold_ns / set[0].cold_ns, expected_ns, expected_ns / first_ns);
        budget_rules_drop(set[i].rules);
        budgets_drop(set[i].b);
    }
    rest_free(&rest);
    free(names);
    free(user);
    return 0;
}

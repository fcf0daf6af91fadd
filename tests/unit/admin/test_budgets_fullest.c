/* The fullest counters of each budget, against sorting all of them. */
#include "admin/budgets_fullest.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COUNTERS = 3000, RULES = 3 };

static int falling(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static void offer_all(struct fullest *f, const struct budget_rule *rules, const int64_t used[RULES][COUNTERS])
{
    for (size_t i = 0; i < COUNTERS; i++) {
        for (size_t r = 0; r < RULES; r++) {
            char value[32];
            int n = snprintf(value, sizeof(value), "user=%lld", (long long)used[r][i]);
            /* held as well as spent; the text dies with the visit */
            fullest_offer(f, &(struct budget_state){.rule = &rules[r],
                                                    .value = str_of(value, (size_t)n),
                                                    .spent = used[r][i] - used[r][i] / 3,
                                                    .held = used[r][i] / 3});
        }
    }
    fullest_sort(f);
}

static void check(size_t most, int order)
{
    static int64_t used[RULES][COUNTERS];
    struct budget_rule rules[RULES] = {{.limit = 0}, {.limit = 5}, {.limit = INT64_MAX}};
    struct fullest f = {.most = most};
    struct rng random;
    rng_seed(&random, 7);
    for (size_t r = 0; r < RULES; r++)
        for (size_t i = 0; i < COUNTERS; i++)
            used[r][i] = order > 0 ? (int64_t)i : order < 0 ? COUNTERS - (int64_t)i : (int64_t)(rng_next(&random) >> 2);
    offer_all(&f, rules, used);
    assert_int_equal(f.count, RULES);
    for (size_t r = 0; r < RULES; r++) {
        size_t kept = most < COUNTERS ? most : COUNTERS;
        assert_ptr_equal(f.groups[r].rule, &rules[r]);
        assert_int_equal(f.groups[r].count, kept);
        assert_int_equal(f.groups[r].counters, COUNTERS);
        qsort(used[r], COUNTERS, sizeof(used[r][0]), falling);
        for (size_t i = 0; i < kept; i++) {
            const struct budget_state *s = &f.groups[r].of[i];
            char value[32];
            snprintf(value, sizeof(value), "user=%lld", (long long)used[r][i]);
            assert_true(s->spent + s->held == used[r][i]);
            assert_true(str_eq(s->value, str_from(value)));
        }
    }
    fullest_free(&f);
}

static void test_of_any_order(void **state)
{
    (void)state;
    for (int order = -1; order <= 1; order++) {
        check(1, order);
        check(7, order);
        check(1000, order);
        check(COUNTERS + 1, order);
    }
}

static void test_of_none(void **state)
{
    (void)state;
    struct fullest f = {.most = 7};
    fullest_sort(&f);
    assert_int_equal(f.count, 0);
    fullest_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_any_order), cmocka_unit_test(test_of_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

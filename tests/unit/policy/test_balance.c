/* The order of targets, and who sticks to which. */
#include "policy/balance.h"
#include "policy/sticky.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N = 4 };

static void expect(enum balance how, const struct balance_fact *facts, const char *expected)
{
    for (uint64_t random = 1; random < 40; random += 13) {
        uint8_t order[N];
        char text[N + 1] = {0};
        balance_order(how, facts, N, random, order);
        for (size_t i = 0; i < N; i++) text[i] = (char)('0' + order[i]);
        if (strcmp(text, expected) != 0) fail_msg("%s, but expected %s", text, expected);
    }
}

static void orders(void **state)
{
    (void)state;
    struct balance_fact f[N] = {{.weight = 1, .in_flight = 3, .first_token_us = 500, .cost = 20},
                                {.weight = 1, .in_flight = 1, .first_token_us = 900, .cost = -1},
                                {.weight = 1, .in_flight = 3, .first_token_us = 0, .cost = 0},
                                {.weight = 1, .in_flight = 0, .first_token_us = 100, .cost = 20}};
    expect(BALANCE_ORDERED, f, "0123");
    expect(BALANCE_LEAST_BUSY, f, "3102");
    expect(BALANCE_CHEAPEST, f, "2031");
    f[3].shut = f[0].shut = true; /* last, in the same order among themselves */
    expect(BALANCE_ORDERED, f, "1203");
    expect(BALANCE_LEAST_BUSY, f, "1230");
    expect(BALANCE_CHEAPEST, f, "2103");
}

/* Each has the first place as often as its weight says, and the second one likewise. */
static void weights(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    const struct balance_fact f[3] = {{.weight = 6}, {.weight = 3}, {.weight = 1}};
    int first[3] = {0}, second_of_0[3] = {0};
    uint8_t order[3];
    for (uint64_t i = 0; i < DRAWS; i++) {
        balance_order(BALANCE_WEIGHTED, f, 3, i * 0x9e3779b97f4a7c15u, order);
        assert_int_equal(order[0] + order[1] + order[2], 3);
        first[order[0]]++;
        if (order[0] == 0) second_of_0[order[1]]++;
    }
    assert_in_range(first[0], DRAWS * 0.59, DRAWS * 0.61);
    assert_in_range(first[1], DRAWS * 0.29, DRAWS * 0.31);
    assert_in_range(second_of_0[1], first[0] * 0.74, first[0] * 0.76);
    const struct balance_fact down[3] = {{.weight = 6, .shut = true}, {.weight = 3}, {.weight = 1}};
    for (uint64_t i = 0; i < 1000; i++) {
        balance_order(BALANCE_WEIGHTED, down, 3, i, order);
        assert_int_equal(order[2], 0);
    }
}

/* Mostly the fastest; an unknown one is tried first, a slow one now and then, a shut one never. */
static void fastest(void **state)
{
    (void)state;
    enum { CALLS = 100000 };
    struct balance_fact f[3] = {{.first_token_us = 900},
                                {.first_token_us = 100},
                                {.first_token_us = 500, .shut = true}};
    int first[3] = {0};
    uint8_t order[3];
    for (uint64_t i = 0; i < CALLS; i++) {
        balance_order(BALANCE_FASTEST, f, 3, i * 0x9e3779b97f4a7c15u, order);
        first[order[0]]++;
        assert_int_equal(order[2], 2);
    }
    assert_in_range(first[0], CALLS / 400, CALLS / 50);
    assert_in_range(first[1], CALLS * 0.98, CALLS);
    f[0].first_token_us = 0;
    int unknown = 0;
    for (uint64_t i = 0; i < CALLS; i++) {
        balance_order(BALANCE_FASTEST, f, 3, i * 0x9e3779b97f4a7c15u, order);
        unknown += order[0] == 0;
    }
    assert_true(unknown > CALLS * 0.98);
}

static void prefer(void **state)
{
    (void)state;
    uint8_t order[4] = {2, 0, 3, 1};
    balance_prefer(order, 4, 3);
    assert_memory_equal(order, ((uint8_t[]){3, 2, 0, 1}), 4);
    balance_prefer(order, 4, 3);
    assert_memory_equal(order, ((uint8_t[]){3, 2, 0, 1}), 4);
    balance_prefer(order, 4, 9);
    assert_memory_equal(order, ((uint8_t[]){3, 2, 0, 1}), 4);
}

static void sticks(void **state)
{
    (void)state;
    struct stickies *s = stickies_new();
    const uint64_t a = 0x1234567890abcdefu, same_slot = a ^ (uint64_t)1 << 40, empty = 0;
    assert_false(sticky_is(s, a, 1) || sticky_is(s, empty, 0));
    sticky_note(s, a, 1);
    assert_true(sticky_is(s, a, 1));
    assert_false(sticky_is(s, a, 2) || sticky_is(s, same_slot, 1));
    sticky_note(s, a, 2);
    assert_true(sticky_is(s, a, 2) && !sticky_is(s, a, 1));
    sticky_note(s, same_slot, 7); /* takes the slot */
    assert_true(sticky_is(s, same_slot, 7) && !sticky_is(s, a, 2));
    sticky_note(s, empty, 0);
    assert_true(sticky_is(s, empty, 0));
    stickies_drop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders), cmocka_unit_test(weights), cmocka_unit_test(fastest),
        cmocka_unit_test(prefer), cmocka_unit_test(sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Source: the authors' own C code, with this state. */
static void is_xoshiro(void **state)
{
    (void)state;
    struct rng r = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        uint64_t v = rng_next(&r);
        if (v != expected[i]) fail_msg("%zu: %llu", i, (unsigned long long)v);
    }
}

/* splitmix64 from 0, as its author's code has it. */
static void seeds(void **state)
{
    (void)state;
    struct rng r, again;
    rng_seed(&r, 0);
    assert_true(r.s[0] == 0xe220a8397b1dcdafu && r.s[1] == 0x6e789e6aa1b965f4u);
    assert_true(r.s[2] == 0x06c45d188009454fu && r.s[3] == 0xf88bb8a8724c81ecu);
    rng_seed(&r, 42);
    rng_seed(&again, 42);
    for (int i = 0; i < 1000; i++) assert_true(rng_next(&r) == rng_next(&again));
    rng_seed(&again, 43);
    assert_true(rng_next(&r) != rng_next(&again));
}

static void stays_below(void **state)
{
    (void)state;
    static const uint64_t limits[] = {1, 2, 3, 10, 1000, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    struct rng r;
    rng_seed(&r, 7);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        for (int k = 0; k < 10000; k++) assert_true(rng_below(&r, limits[i]) < limits[i]);
    }
    /* 100,000 throws of a die of six: each face within six standard deviations (of 118) */
    int faces[6] = {0};
    for (int k = 0; k < 100000; k++) faces[rng_below(&r, 6)]++;
    for (int i = 0; i < 6; i++) assert_in_range(faces[i], 16667 - 708, 16667 + 708);
    /* where a quarter of all numbers must be thrown back: a third stays below a third */
    int low = 0;
    for (int k = 0; k < 100000; k++) low += rng_below(&r, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    assert_in_range(low, 33333 - 894, 33333 + 894);
}

static void has_a_unit(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 8);
    double sum = 0, least = 1, most = 0;
    for (int k = 0; k < 100000; k++) {
        double v = rng_unit(&r);
        assert_true(v >= 0 && v < 1);
        sum += v;
        if (v < least) least = v;
        if (v > most) most = v;
    }
    assert_true(sum > 49400 && sum < 50600);
    assert_true(least < 0.001 && most > 0.999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_xoshiro),
        cmocka_unit_test(seeds),
        cmocka_unit_test(stays_below),
        cmocka_unit_test(has_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

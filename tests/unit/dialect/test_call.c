#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialect/call.h"

static int64_t of_all(int64_t limit, int64_t choices, int64_t prediction_bytes)
{
    struct call call = {.choices = choices, .prediction_bytes = prediction_bytes};
    return call_output_of_all(&call, limit);
}

/* 4 x (2^62 + 25) is 100 in 64 bits: a bound that wraps would let any call through any budget. */
static void test_the_output_of_all_choices_never_wraps(void **state)
{
    (void)state;
    assert_int_equal(of_all(100, 3, 7), 307);
    assert_int_equal(of_all(0, 1, 0), 0);
    assert_int_equal(of_all((INT64_C(1) << 62) + 25, 4, 0), CALL_OUTPUT_MOST);
    assert_int_equal(of_all((INT64_C(1) << 62) + 25, 2, 0), CALL_OUTPUT_MOST);
    assert_int_equal(of_all(INT64_MAX, 1, 0), CALL_OUTPUT_MOST);
    assert_int_equal(of_all(INT64_MAX, 1, INT64_MAX), CALL_OUTPUT_MOST);
    assert_int_equal(of_all(5, INT64_MAX / 4, INT64_MAX), CALL_OUTPUT_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_output_of_all_choices_never_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/text.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_number(uint64_t value)
{
    char is[TEXT_NUMBER_MAX], expected[40];
    snprintf(expected, sizeof(expected), "%" PRIu64, value);
    if (!str_eq(str_of(is, text_u64(is, value)), str_from(expected))) fail_msg("unsigned: %s", expected);
    snprintf(expected, sizeof(expected), "%" PRId64, (int64_t)value);
    if (!str_eq(str_of(is, text_i64(is, (int64_t)value)), str_from(expected))) fail_msg("signed: %s", expected);
    snprintf(expected, sizeof(expected), "%" PRIx64, value);
    if (!str_eq(str_of(is, text_hex(is, value)), str_from(expected))) fail_msg("hexadecimal: %s", expected);
}

/* As printf writes them, around every power of ten and of two. */
static void writes_numbers(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 11000; value++) expect_number(value);
    for (int i = 0; i < 64; i++) {
        for (uint64_t value = (UINT64_C(1) << i) - 2, n = 0; n < 4; value++, n++) expect_number(value);
    }
    for (uint64_t ten = 10; ten < UINT64_MAX / 10; ten *= 10) {
        for (uint64_t value = ten - 2; value < ten + 2; value++) expect_number(value);
    }
    expect_number(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

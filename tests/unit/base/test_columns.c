#include "base/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { COUNT = 5 };

/* What is left of columns 4, 3, 5, 2 and 6 wide; all with gaps are 28. */
static void expect_fit(size_t width, const char *left)
{
    struct columns_column columns[COUNT] = {{4, 0, 0}, {3, 2, 0}, {5, 9, 0}, {2, 2, 0}, {6, 1, 0}};
    size_t left_out = 0;
    char got[COUNT + 1] = "";
    size_t told = columns_fit(columns, COUNT, width);
    for (size_t i = 0; i < COUNT; i++) {
        got[i] = columns[i].left_out ? '-' : 'x';
        left_out += columns[i].left_out;
    }
    assert_string_equal(got, left);
    assert_int_equal(told, left_out);
}

static void fit(void **state)
{
    (void)state;
    expect_fit(0, "xxxxx"); /* no end to it */
    expect_fit(28, "xxxxx");
    expect_fit(27, "xx-xx"); /* the highest first */
    expect_fit(21, "xx-xx");
    expect_fit(20, "xx--x"); /* of equals the last */
    expect_fit(17, "xx--x");
    expect_fit(16, "x---x");
    expect_fit(11, "x----");
    expect_fit(1, "x----"); /* what may not leave stays */
}

static void rule(void **state)
{
    (void)state;
    struct columns_column columns[] = {{2, 0, 1}, {3, 0, 0}, {4, 0, 1}, {1, 0, 0}};
    struct buf out;
    buf_init(&out, 0);
    columns_rule(columns, COUNT_OF(columns), &out);
    assert_true(str_eq(buf_str(&out), S("---  -\n")));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fit), cmocka_unit_test(rule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

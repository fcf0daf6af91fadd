/* What happens where a budget is gone, and when it is told. */
#include "policy/exceed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool known;
        enum on_exceed is;
        const char *model;
    } rows[] = {
        {"block", true, ON_EXCEED_BLOCK, ""},
        {"degrade", true, ON_EXCEED_DEGRADE, ""},
        {"alert", true, ON_EXCEED_ALERT, ""},
        {"downgrade:cheap", true, ON_EXCEED_DOWNGRADE, "cheap"},
        {"downgrade: a/b:free ", true, ON_EXCEED_DOWNGRADE, "a/b:free"},
        {"downgrade", false, ON_EXCEED_BLOCK, ""},
        {"downgrade:", false, ON_EXCEED_BLOCK, ""},
        {"block:", false, ON_EXCEED_BLOCK, ""},
        {"alert:cheap", false, ON_EXCEED_BLOCK, ""},
        {"", false, ON_EXCEED_BLOCK, ""},
        {"Block", false, ON_EXCEED_BLOCK, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum on_exceed is = ON_EXCEED_BLOCK;
        str model;
        bool known = on_exceed_find(str_from(rows[i].text), &is, &model);
        if (known != rows[i].known) fail_msg("'%s'", rows[i].text);
        if (!known) continue;
        assert_int_equal(is, rows[i].is);
        assert_true(str_eq(model, str_from(rows[i].model)));
    }
}

static void reached(void **state)
{
    (void)state;
    static const struct budget_thresholds t = {{50, 80, 100}, 3}, none = {{0}, 0};
    static const struct {
        int64_t limit, before, after;
        uint16_t percent;
    } rows[] = {
        {1000, 0, 499, 0},
        {1000, 0, 500, 50},
        {1000, 499, 500, 50},
        {1000, 500, 799, 0},  /* told already */
        {1000, 0, 1000, 100}, /* the highest of three in one step */
        {1000, 999, 5000, 100},
        {1000, 1000, 9000, 0},
        {1000, 900, 400, 0}, /* money that came back */
        {3, 0, 1, 0},
        {3, 1, 2, 50},
        {0, 0, 1, 100}, /* a limit of nothing */
        {0, 0, 0, 0},
        {INT64_MAX, 0, INT64_MAX / 2, 0},
        {INT64_MAX, INT64_MAX / 2, INT64_MAX, 100},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint16_t got = budget_threshold_reached(&t, rows[i].limit, rows[i].before, rows[i].after);
        if (got != rows[i].percent) fail_msg("row %zu: %u", i, got);
        assert_int_equal(budget_threshold_reached(&none, rows[i].limit, rows[i].before, rows[i].after), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(reached)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

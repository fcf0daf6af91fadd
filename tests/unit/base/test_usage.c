/* Names of units and of cost states: settings, SQL and metrics are built on them. */
#include "base/usage.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_every_unit(void **state)
{
    (void)state;
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        enum unit found = UNIT_COUNT;
        assert_true(unit_name(u).n > 0);
        assert_true(unit_find(unit_name(u), &found));
        assert_int_equal(found, u); /* so no name stands twice */
    }
    static const str none[] = {STR_INIT(""), STR_INIT("inputs"), STR_INIT("inpu"), STR_INIT("Input"),
                               STR_INIT("input ")};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        enum unit found;
        assert_false(unit_find(none[i], &found));
    }
}

/* Names in the ledger are for ever. */
static void keeps_names(void **state)
{
    (void)state;
    static const struct {
        enum unit unit;
        str name;
    } units[] = {
        {UNIT_INPUT, STR_INIT("input")},
        {UNIT_CACHE_READ, STR_INIT("cache_read")},
        {UNIT_CACHE_WRITE_5M, STR_INIT("cache_write_5m")},
        {UNIT_CACHE_WRITE_1H, STR_INIT("cache_write_1h")},
        {UNIT_OUTPUT, STR_INIT("output")},
        {UNIT_REASONING, STR_INIT("reasoning")},
        {UNIT_AUDIO_IN, STR_INIT("audio_in")},
        {UNIT_AUDIO_OUT, STR_INIT("audio_out")},
        {UNIT_IMAGE, STR_INIT("image")},
        {UNIT_TOOL_CALLS, STR_INIT("tool_calls")},
        {UNIT_SEARCHES, STR_INIT("searches")},
        {UNIT_SECONDS, STR_INIT("seconds")},
        {UNIT_REQUESTS, STR_INIT("requests")},
    };
    static const str states[COST_STATE_COUNT] = {
        [COST_EXACT] = STR_INIT("exact"),
        [COST_ESTIMATED] = STR_INIT("estimated"),
        [COST_UNPRICED] = STR_INIT("unpriced"),
        [COST_FREE] = STR_INIT("free"),
    };
    assert_int_equal(COUNT_OF(units), UNIT_COUNT);
    for (size_t i = 0; i < COUNT_OF(units); i++) assert_true(str_eq(unit_name(units[i].unit), units[i].name));
    for (enum cost_state s = 0; s < COST_STATE_COUNT; s++) assert_true(str_eq(cost_state_name(s), states[s]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_unit),
        cmocka_unit_test(keeps_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

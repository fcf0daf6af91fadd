/* Control words, in headers' and prompts' form, and the faults they name. */
#include "simulate/sim_control.h"
#include "simulate/sim_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_words(void **state)
{
    (void)state;
    struct sim_control c;
    str bad = STR_NONE;
    sim_control_init(&c);
    assert_true(sim_control_words(&c,
                                  S("tokens=50  usage=cached,every fault=cut after=3 ms=20 times=2 key=a latency=5ms"),
                                  &bad));
    assert_int_equal(c.tokens, 50);
    assert_int_equal(c.usage, SIM_USAGE_CACHED | SIM_USAGE_EVERY);
    assert_int_equal(c.fault, SIM_FAULT_CUT);
    assert_int_equal(c.after, 3);
    assert_int_equal(c.ms, 20);
    assert_int_equal(c.times, 2);
    assert_true(c.first_token_given && !c.between_tokens_given);
    assert_int_equal(c.input_tokens, -1);
}

static void test_calls(void **state)
{
    (void)state;
    struct sim_control c;
    str bad = STR_NONE;
    sim_control_init(&c);
    assert_true(
        sim_control_text(&c, S("[simulate call=set_course arguments={\"to\":%5B\"New%20York\"%5d,\"share\":\"5%\"}]"),
                         &bad));
    assert_string_equal(c.call, "set_course");
    assert_true(sim_control_words(&c, S("text=all%20is%0Awell"), &bad));
    assert_string_equal(c.text, "all is\nwell");
    assert_string_equal(c.arguments, "{\"to\":[\"New York\"],\"share\":\"5%\"}");
}

static void test_wrong_words(void **state)
{
    (void)state;
    static const str wrong[] = {STR_INIT("tokens"),       STR_INIT("tokens="),
                                STR_INIT("tokens=-1"),    STR_INIT("tokenz=1"),
                                STR_INIT("usage=cashed"), STR_INIT("fault=cat"),
                                STR_INIT("seed=x"),       STR_INIT("latency=9"),
                                STR_INIT("flagged=2"),    STR_INIT("tokens=999999999999"),
                                STR_INIT("call="),        STR_INIT("arguments=[1"),
                                STR_INIT("arguments=7"),  STR_INIT("arguments={%0A}"),
                                STR_INIT("text="),        STR_INIT("text=a%00b"),
                                STR_INIT("text=%FF")};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct sim_control c;
        str bad = STR_NONE;
        sim_control_init(&c);
        assert_false(sim_control_words(&c, wrong[i], &bad));
        assert_true(str_eq(bad, wrong[i]));
    }
}

static void test_text(void **state)
{
    (void)state;
    struct sim_control c;
    str bad = STR_NONE;
    sim_control_init(&c);
    assert_true(sim_control_text(&c, S("Dear [friend], [simulate tokens=5] and [simulate fault=429]."), &bad));
    assert_int_equal(c.tokens, 5);
    assert_int_equal(c.fault, SIM_FAULT_429);
    sim_control_init(&c);
    assert_true(sim_control_text(&c, S("a sentence about [simulate without its end"), &bad));
    assert_int_equal(c.tokens, -1);
    assert_false(sim_control_text(&c, S("[simulate fuolt=429]"), &bad));
    assert_true(str_eq(bad, S("fuolt=429")));
}

static void test_every_fault_and_shape_has_a_name(void **state)
{
    (void)state;
    for (int f = 0; f < SIM_FAULT_COUNT; f++) {
        enum sim_fault found;
        assert_true(sim_fault_find(sim_fault_name((enum sim_fault)f), &found));
        assert_int_equal(found, f);
        assert_true(sim_fault_text((enum sim_fault)f).n > 0);
    }
    uint32_t bits;
    assert_true(sim_usage_parse(S("all"), &bits));
    assert_int_equal(bits, SIM_USAGE_ALL);
    assert_true(sim_usage_parse(S("cached, x_groq"), &bits));
    assert_false(sim_usage_parse(S(""), &bits));
    assert_false(sim_usage_parse(S("cached,,every"), &bits));
}

static void test_rates(void **state)
{
    (void)state;
    struct sim_rates rates;
    struct rng r;
    rng_seed(&r, 3);
    assert_true(sim_rates_parse(S("429:0.25, cut:0.5"), &rates));
    int limited = 0, cut = 0, none = 0;
    for (int i = 0; i < 10000; i++) {
        enum sim_fault f = sim_rates_draw(&rates, &r);
        limited += f == SIM_FAULT_429;
        cut += f == SIM_FAULT_CUT;
        none += f == SIM_FAULT_NONE;
    }
    assert_in_range(limited, 2300, 2700);
    assert_in_range(cut, 4800, 5200);
    assert_int_equal(limited + cut + none, 10000);
    static const str wrong[] = {STR_INIT("429"),      STR_INIT("429:2"),      STR_INIT("429:0.6,500:0.6"),
                                STR_INIT("429:x"),    STR_INIT("teapot:0.1"), STR_INIT("none:0.1"),
                                STR_INIT("429:-0.1"), STR_INIT("429:nan")};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) assert_false(sim_rates_parse(wrong[i], &rates));
}

static void test_times(void **state)
{
    (void)state;
    struct sim_times *t = malloc(sizeof *t);
    assert_non_null(t);
    sim_times_init(t);
    assert_true(sim_times_strike(t, 11, 2));
    assert_true(sim_times_strike(t, 12, 1)); /* counted apart */
    assert_true(sim_times_strike(t, 11, 2));
    assert_false(sim_times_strike(t, 11, 2));
    assert_false(sim_times_strike(t, 12, 1));
    sim_times_clear(t);
    assert_true(sim_times_strike(t, 11, 2));
    sim_times_free(t);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_wrong_words),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_fault_and_shape_has_a_name),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

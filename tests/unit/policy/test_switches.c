/* What is off, for whom, and until when. */
#include "help.h"

#include "policy/switches.h"

static const char *why_off(const struct switches *s, const char *feature, int64_t now_us)
{
    const struct ai_switch *found = switches_find(s, str_from(feature), now_us);
    return found ? found->why.p : NULL;
}

static void test_no_table_is_all_on(void **state)
{
    (void)state;
    assert_null(why_off(NULL, "chat", 1));
    struct switches *s = switches_new(NULL, 0, 1);
    assert_null(why_off(s, "chat", 1));
    assert_null(why_off(s, "", 1));
    switches_put(s);
    switches_put(NULL);
}

static void test_a_feature_is_off_alone(void **state)
{
    (void)state;
    const struct ai_switch of[] = {{.feature = S("zebra"), .why = S("z")}, {.feature = S("chat"), .why = S("c")}};
    struct switches *s = switches_new(of, COUNT_OF(of), 7);
    assert_string_equal(why_off(s, "chat", 1), "c");
    assert_string_equal(why_off(s, "zebra", 1), "z");
    assert_null(why_off(s, "cha", 1));
    assert_null(why_off(s, "", 1));
    assert_int_equal(switches_generation(s), 7);
    assert_int_equal(switches_count(s), 2);
    switches_put(s);
}

static void test_all_are_off_until_the_time_is_over(void **state)
{
    (void)state;
    const struct ai_switch of[] = {{.feature = S("chat"), .why = S("own"), .until_us = 50},
                                   {.feature = S(""), .why = S("all"), .until_us = 100}};
    struct switches *s = switches_new(of, COUNT_OF(of), 1);
    assert_string_equal(why_off(s, "chat", 49), "own");
    assert_string_equal(why_off(s, "chat", 50), "all"); /* its own is over, the other is not */
    assert_string_equal(why_off(s, "", 99), "all");
    assert_null(why_off(s, "other", 100));
    switches_put(s);
}

/* Readers keep what they took, whoever else lets go. */
static void test_it_lives_until_the_last_use(void **state)
{
    (void)state;
    const struct ai_switch of[] = {{.feature = S("chat"), .why = S("c")}};
    struct switches *s = switches_new(of, 1, 1);
    assert_ptr_equal(switches_get(s), s);
    switches_put(s);
    assert_string_equal(why_off(s, "chat", 1), "c");
    switches_put(s);
}

static void test_a_change_ends_what_it_means_alone(void **state)
{
    (void)state;
    struct switches *s = switches_new(NULL, 0, 1);
    assert_false(switches_ends(s, S("chat")));
    switches_end_running(s, S("chat"));
    assert_true(switches_ends(s, S("chat")));
    assert_false(switches_ends(s, S("other")));
    assert_false(switches_ends(s, S("")));
    switches_put(s);
    s = switches_new(NULL, 0, 1);
    switches_end_running(s, S(""));
    assert_true(switches_ends(s, S("other")));
    switches_put(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_table_is_all_on),
        cmocka_unit_test(test_a_feature_is_off_alone),
        cmocka_unit_test(test_all_are_off_until_the_time_is_over),
        cmocka_unit_test(test_it_lives_until_the_last_use),
        cmocka_unit_test(test_a_change_ends_what_it_means_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

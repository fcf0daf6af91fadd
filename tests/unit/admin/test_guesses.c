/* Who shows wrong tokens waits; nobody else does. */
#include "admin/guesses.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const int64_t begin_us = 1000 * US_PER_DAY;

static str text(char out[24], const char *prefix, int n)
{
    return str_of(out, (size_t)snprintf(out, 24, "%s%d", prefix, n));
}

static void guess(struct guesses *g, str peer, int count, int64_t at_us)
{
    char token[24];
    for (int i = 0; i < count; i++) {
        str one = text(token, "t", i);
        assert_int_equal(guesses_wait_us(g, peer, at_us), 0);
        guesses_note(g, peer, one, at_us);
    }
}

static void test_ten_are_free(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    guess(g, S("1.2.3.4"), 10, begin_us);
    assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us), US_PER_MINUTE);
    assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us + 59 * US_PER_SECOND), US_PER_SECOND);
    assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us + US_PER_MINUTE), 0);
    guess(g, S("1.2.3.4"), 10, begin_us + US_PER_MINUTE); /* and all over */
    assert_true(guesses_wait_us(g, S("1.2.3.4"), begin_us + US_PER_MINUTE) > 0);
    assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us), 0); /* a clock that went back */
    guesses_drop(g);
}

static void test_one_over_and_over(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    for (int i = 0; i < 30; i++) {
        assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us), 0);
        guesses_note(g, S("1.2.3.4"), i % 2 ? S("old") : S("older"), begin_us);
    }
    guess(g, S("1.2.3.4"), 8, begin_us); /* with these two they are ten */
    assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us), US_PER_MINUTE);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(guesses_wait_us(g, S("5.6.7.8"), begin_us), 0);
        guesses_note(g, S("5.6.7.8"), STR_NONE, begin_us);
    }
    assert_int_equal(guesses_wait_us(g, S("5.6.7.8"), begin_us), US_PER_MINUTE);
    guesses_drop(g);
}

/* What was mistyped long ago counts no more, though another wrong one keeps coming. */
static void test_seldom(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    char token[24];
    for (int i = 0; i < 20; i++) {
        int64_t at_us = begin_us + i * 2 * US_PER_MINUTE / 9;
        assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), at_us), 0);
        guesses_note(g, S("1.2.3.4"), text(token, "t", i), at_us);
        guesses_note(g, S("1.2.3.4"), S("old"), at_us);
    }
    guesses_drop(g);
}

/* Those that take the place of old ones count as these did. */
static void test_new_in_the_place_of_old(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    char token[24];
    guess(g, S("1.2.3.4"), 8, begin_us);
    guesses_note(g, S("1.2.3.4"), S("old"), begin_us + 50 * US_PER_SECOND);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us + 70 * US_PER_SECOND), 0);
        guesses_note(g, S("1.2.3.4"), text(token, "new", i), begin_us + 70 * US_PER_SECOND);
    }
    assert_int_equal(guesses_wait_us(g, S("1.2.3.4"), begin_us + 70 * US_PER_SECOND), US_PER_MINUTE);
    guesses_drop(g);
}

static void test_long_addresses(void **state)
{
    (void)state;
    struct guesses *g = guesses_new();
    char peer[24];
    for (int i = 0; i < 10; i++) {
        char token[24];
        guesses_note(g, text(peer, "2001:db8:0:1::", i + 1), text(token, "t", i), begin_us);
        guesses_note(g, text(peer, "::ffff:10.0.0.", i + 1), text(token, "t", i), begin_us);
        guesses_note(g, text(peer, "fe80::", i + 1), text(token, "t", i), begin_us);
    }
    assert_int_equal(guesses_wait_us(g, S("2001:db8:0:1:a:b:c:d"), begin_us), US_PER_MINUTE);
    assert_int_equal(guesses_wait_us(g, S("2001:db8:0:2::1"), begin_us), 0);
    assert_int_equal(guesses_wait_us(g, S("::ffff:10.0.0.1"), begin_us), 0); /* IPv4, each its own */
    assert_int_equal(guesses_wait_us(g, S("fe80::1"), begin_us), 0);         /* of all neighbours these are alike */
    guesses_drop(g);
}

/* However many guess, whoever does not is let in; and whoever does, waits even among a thousand others. */
static void test_others(void **state)
{
    (void)state;
    enum { OTHERS = 20000 };
    struct guesses *g = guesses_new();
    char peer[24];
    for (int i = 0; i < OTHERS; i++) guess(g, text(peer, "10.", i), 10, begin_us + i);
    for (int i = 0; i < OTHERS; i++) assert_int_equal(guesses_wait_us(g, text(peer, "192.", i), begin_us + OTHERS), 0);
    int waiting = 0;
    for (int i = OTHERS - 1000; i < OTHERS; i++)
        waiting += guesses_wait_us(g, text(peer, "10.", i), begin_us + OTHERS) > 0;
    assert_in_range(waiting, 950, 1000);
    guesses_drop(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_are_free),   cmocka_unit_test(test_one_over_and_over),
        cmocka_unit_test(test_seldom),         cmocka_unit_test(test_new_in_the_place_of_old),
        cmocka_unit_test(test_long_addresses), cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

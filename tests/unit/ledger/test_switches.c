/* Switches, the audit of who changed them, and events: through the store and back. */
#include "fixture.h"

#include "ledger/audit.h"
#include "ledger/events.h"
#include "ledger/switches.h"
#include "ledger/verify.h"

static struct ledger_switching switching(bool off, const char *feature, int64_t at_us, int64_t until_us)
{
    return (struct ledger_switching){.off = off,
                                     .feature = str_from(feature),
                                     .at_us = at_us,
                                     .until_us = until_us,
                                     .who = S("local user ann"),
                                     .why = S("a loop burns money"),
                                     .origin = S("control socket")};
}

static void must_switch(struct ledger *l, struct ledger_switching change)
{
    struct buf why;
    buf_init(&why, 0);
    if (ledger_switch(l, &change, &why) != ERR_NONE) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
}

static void add_name(void *ctx, const struct ledger_switch *s)
{
    struct buf *names = ctx;
    buf_printf(names, "[%" STR_FMT " %lld %" STR_FMT "]", STR_ARG(s->feature), (long long)s->until_us, STR_ARG(s->why));
}

static void expect_switches(const char *dir, int64_t now_us, const char *expected)
{
    struct buf names, why;
    buf_init(&names, 0);
    buf_init(&why, 0);
    assert_true(ledger_switches_each(dir, now_us, add_name, &names, &why));
    buf_add_byte(&names, '\0');
    assert_string_equal(names.p, expected);
    buf_free(&names);
    buf_free(&why);
}

static void test_switches_stay_until_they_end(void **state)
{
    (void)state;
    char *dir = folder_new();
    expect_switches(dir, 100, ""); /* a folder without a store has none */
    struct ledger *l = must_open(dir, 1);
    must_switch(l, switching(true, "", 100, 0));
    must_switch(l, switching(true, "chat", 110, 500));
    expect_switches(dir, 120, "[ 0 a loop burns money][chat 500 a loop burns money]");
    expect_switches(dir, 500, "[ 0 a loop burns money]");
    must_switch(l, switching(true, "chat", 130, 700)); /* the latest word holds */
    must_switch(l, switching(false, "", 140, 0));
    ledger_close(l);
    l = must_open(dir, 1);
    expect_switches(dir, 150, "[chat 700 a loop burns money]");
    ledger_close(l);
    folder_drop(dir);
}

static void test_on_where_all_are_off_says_what_to_do(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    struct ledger_switching on = switching(false, "chat", 100, 0);
    assert_int_equal(ledger_switch(l, &on, &why), ERR_NONE); /* nothing is off: nothing to do, nothing to tell */
    must_switch(l, switching(true, "", 110, 0));
    assert_int_equal(ledger_switch(l, &on, &why), ERR_BAD_REQUEST);
    assert_true(str_find(buf_str(&why), S("purser ai on"), 0) != SIZE_MAX);
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

/* ---- the audit */

static char *audited_folder(void)
{
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    for (int i = 0; i < 4; i++) must_switch(l, switching(i % 2 == 0, i < 2 ? "" : "chat", 100 + i, 0));
    ledger_close(l);
    return dir;
}

static uint64_t problems(const char *dir, const char *expect)
{
    struct verify_result r;
    struct buf why;
    verify_result_init(&r);
    buf_init(&why, 0);
    if (!ledger_verify(dir, &r, NULL, NULL, &why)) fail_msg("%.*s", (int)why.n, why.p);
    if (expect && str_find(buf_str(&r.problems), str_from(expect), 0) == SIZE_MAX)
        fail_msg("'%s' is not in:\n%.*s", expect, (int)r.problems.n, r.problems.p);
    uint64_t n = r.problem_count;
    if (!expect) assert_int_equal(r.audit_rows, 4);
    verify_result_free(&r);
    buf_free(&why);
    return n;
}

#define UNGUARD "DROP TRIGGER audit_never_changed; DROP TRIGGER audit_never_deleted; "

static void after_sql(const char *sql, const char *expect)
{
    char *dir = audited_folder();
    assert_int_equal(problems(dir, NULL), 0);
    assert_int_equal(try_sql(dir, sql), SQLITE_OK);
    assert_int_equal(problems(dir, expect), 1);
    folder_drop(dir);
}

static void test_the_audit_is_only_added_to(void **state)
{
    (void)state;
    char *dir = audited_folder();
    assert_int_not_equal(try_sql(dir, "UPDATE audit SET who = 'nobody' WHERE id = 2"), SQLITE_OK);
    assert_int_not_equal(try_sql(dir, "DELETE FROM audit WHERE id = 2"), SQLITE_OK);
    assert_int_equal(problems(dir, NULL), 0);
    folder_drop(dir);
}

static void test_finds_a_changed_audit_row(void **state)
{
    (void)state;
    after_sql(UNGUARD "UPDATE audit SET who = 'nobody' WHERE id = 2", "audit row 2:");
}

static void test_finds_a_moved_boundary_of_texts(void **state)
{
    (void)state;
    after_sql(UNGUARD "UPDATE audit SET who = who || substr(what, 1, 1), what = substr(what, 2) WHERE id = 3",
              "audit row 3:");
}

static void test_finds_a_cut_end(void **state)
{
    (void)state;
    after_sql(UNGUARD "DELETE FROM audit WHERE id = 4", "does not end where it should");
}

static void test_finds_a_missing_audit_row(void **state)
{
    (void)state;
    char *dir = audited_folder();
    assert_int_equal(try_sql(dir, UNGUARD "DELETE FROM audit WHERE id = 2"), SQLITE_OK);
    assert_true(problems(dir, "rows of the audit are missing") > 0);
    folder_drop(dir);
}

/* ---- events */

static void count_event(void *ctx, const struct ledger_event *e)
{
    (void)e;
    ++*(int *)ctx;
}

static void test_an_event_is_there_once_for_its_window(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    struct ledger_event e = {.at_us = 100, .kind = S("budget"), .object = S("day"), .level = 50, .window_us = 10};
    size_t fresh;
    assert_true(ledger_events_add(l, &e, 1, &fresh));
    assert_int_equal(fresh, 1);
    struct ledger_event more[] = {e, e, e};
    more[1].level = 80;
    more[2].window_us = 20;
    more[2].at_us = 200;
    assert_true(ledger_events_add(l, more, COUNT_OF(more), &fresh));
    assert_int_equal(fresh, 2); /* the first was there */
    ledger_close(l);
    int all = 0, late = 0, one = 0;
    assert_true(ledger_events_each(dir, 0, 100, count_event, &all, &why));
    assert_true(ledger_events_each(dir, 150, 100, count_event, &late, &why));
    assert_true(ledger_events_each(dir, 0, 1, count_event, &one, &why));
    assert_int_equal(all, 3);
    assert_int_equal(late, 1);
    assert_int_equal(one, 1);
    buf_free(&why);
    folder_drop(dir);
}

/* What changes nothing in the store has its rows alone: all of them or none. */
static void test_rows_of_the_audit_alone(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    const struct audit_entry lifts[] = {
        {.at_us = 100, .who = S("local user ann"), .what = S("runaway lift"), .object = S("session s1 of key web")},
        {.at_us = 100, .who = S("local user ann"), .what = S("runaway lift"), .object = S("session s1 of key app")},
    };
    assert_true(ledger_audit(l, lifts, COUNT_OF(lifts), &why));
    must_switch(l, switching(true, "chat", 200, 0)); /* the chain goes on */
    must_switch(l, switching(false, "chat", 300, 0));
    assert_int_equal(why.n, 0);
    ledger_close(l);
    assert_int_equal(problems(dir, NULL), 0);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switches_stay_until_they_end),
        cmocka_unit_test(test_on_where_all_are_off_says_what_to_do),
        cmocka_unit_test(test_the_audit_is_only_added_to),
        cmocka_unit_test(test_finds_a_changed_audit_row),
        cmocka_unit_test(test_finds_a_moved_boundary_of_texts),
        cmocka_unit_test(test_finds_a_cut_end),
        cmocka_unit_test(test_finds_a_missing_audit_row),
        cmocka_unit_test(test_rows_of_the_audit_alone),
        cmocka_unit_test(test_an_event_is_there_once_for_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

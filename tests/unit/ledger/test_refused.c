/* What disk, system or store refuse: nobody waits for ever, and nothing that is there is lost. */
#include "fixture.h"

#include "ledger/inside.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static void never(void *ctx, const str *values, int64_t step_start_us, int64_t amount)
{
    (void)ctx, (void)values, (void)step_start_us, (void)amount;
    fail_msg("the past was told without the rows that wait");
}

static void test_a_flush_ends_where_the_store_refuses(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct ledger_past past = {.amount_sql = "1"};
    ledger_start(l);
    append_pair(ledger_journal(l, 0));
    assert_true(ledger_flush(l));
    run_sql(dir, "CREATE TRIGGER refuse BEFORE INSERT ON positions BEGIN SELECT raise(ABORT, 'no'); END");
    append_pair(ledger_journal(l, 0));
    assert_false(ledger_flush(l));
    assert_false(ledger_past(l, &past, never, NULL));
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 1);
    run_sql(dir, "DROP TRIGGER refuse");
    while (!ledger_flush(l)) usleep(1000); /* by itself: it is tried again and again */
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 2);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 101"), 2 * 700);
    ledger_close(l);
    folder_drop(dir);
}

/* What is refused to the end stays in the journal, and a start later it is a row. */
static void test_what_the_store_refused_is_stored_by_the_next_start(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    run_sql(dir, "CREATE TRIGGER refuse BEFORE INSERT ON details BEGIN SELECT raise(ABORT, 'no'); END");
    append_pair(ledger_journal(l, 0));
    ledger_close(l);
    run_sql(dir, "DROP TRIGGER refuse");
    l = must_open(dir, 1);
    ledger_start(l);
    assert_true(ledger_flush(l));
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 1);
    ledger_close(l);
    folder_drop(dir);
}

/* A write that the disk takes a part of, then room again: the file ends where a segment does. */
static void test_a_write_that_is_cut_short(void **state)
{
    (void)state;
    char *dir = folder_new();
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    struct segment_making m;
    struct stat st;
    assert_true(segment_make_begin(&m, fd, (struct segment_id){1, 0, 1}, NULL));
    signal(SIGXFSZ, SIG_IGN);
    limit_files(100 * 1000);
    assert_false(segment_make_go_on(&m, false));
    assert_int_equal(m.done, 100 * 1000);
    limit_files(RLIM_INFINITY);
    for (int slices = 0; !segment_make_done(&m); slices++) {
        assert_true(slices < 10);
        assert_true(segment_make_go_on(&m, false));
    }
    assert_int_equal(fstat(m.fd, &st), 0);
    assert_int_equal(st.st_size, SEGMENT_BYTES);
    segment_make_cancel(&m);
    close(fd);
    folder_drop(dir);
}

/* ---- segments that a start cannot read */

/* A folder whose journal has a call that is not stored, in segment 1. */
static char *folder_with_unstored(void)
{
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    assert_true(ledger_make_segment_now(l, ledger_journal(l, 0)));
    append_pair(ledger_journal(l, 0));
    ledger_close(l); /* never started: nothing was stored */
    return dir;
}

static void test_a_segment_that_the_system_refuses_stops_the_start(void **state)
{
    (void)state;
    char *dir = folder_with_unstored();
    struct buf why;
    buf_init(&why, 0);
    const char *hide = "cd \"$1\"/journal && mv \"$2\" ../kept && ln -s \"$2\" \"$2\""; /* a link to itself */
    assert_int_equal(shell(hide, dir, "00000001-00-00000001.seg"), 0);
    struct ledger_options options = {.dir = dir, .workers = 1};
    assert_null(ledger_open(&options, &why));
    assert_true(str_find(buf_str(&why), S("journal/00000001-00-00000001.seg: "), 0) != SIZE_MAX);
    assert_int_equal(shell("cd \"$1\"/journal && mv ../kept \"$2\"", dir, "00000001-00-00000001.seg"), 0);
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    assert_true(ledger_flush(l));
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 1);
    buf_free(&why);
    folder_drop(dir);
}

static void test_a_file_that_is_no_segment_is_put_aside(void **state)
{
    (void)state;
    char *dir = folder_with_unstored();
    struct buf why;
    buf_init(&why, 0);
    assert_int_equal(shell("truncate -s 1000 \"$1\"/journal/*.seg", dir, NULL), 0);
    struct ledger_options options = {.dir = dir, .workers = 1};
    struct ledger *l = must_open_with(&options, &why);
    assert_true(str_find(buf_str(&why), S("has 1000 bytes instead of"), 0) != SIZE_MAX);
    ledger_start(l);
    assert_true(ledger_flush(l));
    ledger_close(l);
    l = must_open(dir, 1); /* told once */
    ledger_close(l);
    assert_int_equal(shell("test -s \"$1\"/journal/00000001-00-00000001.damaged", dir, NULL), 0);
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flush_ends_where_the_store_refuses),
        cmocka_unit_test(test_what_the_store_refused_is_stored_by_the_next_start),
        cmocka_unit_test(test_a_write_that_is_cut_short),
        cmocka_unit_test(test_a_segment_that_the_system_refuses_stops_the_start),
        cmocka_unit_test(test_a_file_that_is_no_segment_is_put_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

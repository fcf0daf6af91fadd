#include "fixture.h"

#include "ledger/inside.h"

#include <pthread.h>
#include <signal.h>

/* A journal without its ledger's threads: nothing is synced, stored or made ready. */
static struct journal *bare(struct ledger *l, unsigned segments)
{
    struct journal *j = ledger_journal(l, 0);
    while (segments--) assert_true(ledger_make_segment_now(l, j));
    return j;
}

static void test_without_a_segment_nothing_is_admitted(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct journal *j = bare(l, 0);
    assert_false(journal_ready(j));
    struct row hold = row_hold(j);
    assert_int_equal(journal_append(j, JOURNAL_HOLD, &hold), 0);
    assert_int_equal(journal_append_cell(j, 1, S("b"), S("v"), 0), 0);
    ledger_close(l);
    folder_drop(dir);
}

/* The promise that admission rests on: whatever was held can be posted. */
static void test_every_hold_that_was_taken_can_be_posted(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    char *dir = folder_new();
    static struct row holds[MANY];
    static char usage[ROW_USAGE_MAX];
    memset(usage, 'u', sizeof(usage));
    struct ledger *l = must_open(dir, 1);
    struct journal *j = bare(l, 2);
    size_t held = 0;
    while (held < MANY && journal_ready(j)) {
        holds[held] = row_hold(j);
        assert_true(journal_append(j, JOURNAL_HOLD, &holds[held]) > 0);
        held++;
    }
    assert_in_range(held, 4000, MANY - 1);
    /* progress may be refused, and then takes nothing from the others */
    for (size_t i = 0; i < held; i++) journal_append(j, JOURNAL_PROGRESS, &holds[i]);
    for (size_t i = 0; i < held; i++) {
        struct row post = row_post(&holds[i]);
        post.text[ROW_USAGE_RAW] = str_of(usage, sizeof(usage)); /* far above what was reserved */
        if (!journal_append(j, i % 7 ? JOURNAL_POST : JOURNAL_VOID, &post))
            fail_msg("post %zu of %zu has no room", i, held);
    }
    assert_int_equal(j->open, 0);
    ledger_close(l);
    folder_drop(dir);
}

static void test_ids_are_unique_across_workers_and_starts(void **state)
{
    (void)state;
    char *dir = folder_new();
    uint64_t last = 0;
    for (int start = 0; start < 3; start++) {
        struct ledger *l = must_open(dir, 2);
        uint64_t a = journal_next_id(ledger_journal(l, 0)), b = journal_next_id(ledger_journal(l, 1));
        assert_true(a > last && b > last && a != b);
        last = a > b ? a : b;
        assert_true(last < INT64_MAX);
        ledger_close(l);
    }
    folder_drop(dir);
}

/* ---- appenders at work beside the ledger's threads: for the thread sanitizer, too */

enum { APPENDERS = 3, PAIRS = 4000 };

static void *append_many(void *journal)
{
    for (int i = 0; i < PAIRS; i++) {
        while (!journal_ready(journal)) usleep(500);
        append_pair(journal);
        if (i % 64 == 0) usleep(1000);
    }
    return NULL;
}

static atomic_int wakes;

static void count_wake(void *ctx, unsigned worker)
{
    (void)ctx, (void)worker;
    atomic_fetch_add(&wakes, 1);
}

static void test_concurrent_appenders(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = APPENDERS, .sync_us = 1000, .wake = count_wake};
    struct ledger *l = must_open_with(&options, &why);
    pthread_t threads[APPENDERS];
    ledger_start(l);
    for (unsigned i = 0; i < APPENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, ledger_journal(l, i)), 0);
    for (int i = 0; i < 20; i++) {
        struct ledger_state s;
        ledger_state(l, &s);
        assert_true(s.stored <= s.appended);
        ledger_forget_cells(l, S("nobody"), 1);
        usleep(2000);
    }
    for (unsigned i = 0; i < APPENDERS; i++) pthread_join(threads[i], NULL);
    uint64_t position = atomic_load(&ledger_journal(l, 0)->appended);
    ledger_flush(l);
    assert_true(journal_synced(ledger_journal(l, 0), position));
    assert_false(journal_synced(ledger_journal(l, 0), position + 1));
    assert_true(atomic_load(&wakes) > 0);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), APPENDERS * PAIRS);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 101"), APPENDERS * PAIRS * 700);
    buf_free(&why);
    folder_drop(dir);
}

/* After more than a second of quiet the sync thread sleeps deeply: an append wakes it. */
static void test_an_append_wakes_the_sleeping_ledger(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    for (int i = 0; i < 5000 && !atomic_load(&l->sleeper.asleep); i++) usleep(1000);
    assert_true(atomic_load(&l->sleeper.asleep));
    append_pair(j);
    uint64_t position = atomic_load(&j->appended);
    for (int i = 0; i < 10000 && !journal_synced(j, position); i++) usleep(1000);
    assert_true(journal_synced(j, position));
    ledger_close(l);
    folder_drop(dir);
}

/* ---- a disk without room */

static void test_a_full_disk_refuses_and_loses_nothing(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct ledger_state s;
    struct journal *j = ledger_journal(l, 0);
    assert_false(journal_seen_ready(j)); /* nothing is made yet */
    ledger_start(l);
    assert_true(journal_seen_ready(j));
    append_pair(j);
    ledger_flush(l);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(256 * 1024); /* no new segment, and soon no growing store */
    size_t pairs = 1;
    for (; pairs < 100000 && journal_ready(j); pairs++) {
        assert_true(journal_seen_ready(j));
        append_pair(j);
    }
    assert_false(journal_ready(j)); /* visible to admission */
    assert_false(journal_seen_ready(j));
    do {
        usleep(1000);
        ledger_state(l, &s);
    } while (!s.errors);
    assert_false(journal_ready(j));
    assert_true(s.bytes_waiting > 0 || s.lag_us > 0);
    limit_files(RLIM_INFINITY);
    while (!journal_ready(j)) usleep(1000); /* room again: by itself */
    assert_true(journal_seen_ready(j));
    append_pair(j);
    ledger_flush(l);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), pairs + 1);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 101"), 700 * ((int64_t)pairs + 1));
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_segment_nothing_is_admitted),
        cmocka_unit_test(test_every_hold_that_was_taken_can_be_posted),
        cmocka_unit_test(test_ids_are_unique_across_workers_and_starts),
        cmocka_unit_test(test_concurrent_appenders),
        cmocka_unit_test(test_an_append_wakes_the_sleeping_ledger),
        cmocka_unit_test(test_a_full_disk_refuses_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

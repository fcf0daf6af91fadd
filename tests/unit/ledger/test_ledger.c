#include "fixture.h"

#include <sys/wait.h>

static void test_a_post_becomes_a_row(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    assert_true(journal_ready(j));
    assert_true(journal_append_cell(j, CELL_MONEY, S("daily"), S("key=alice"), 5) > 0);
    append_pair(j);
    append_pair(j);
    ledger_flush(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts WHERE feature = 'support-bot' AND cost_picousd = 700"), 2);
    assert_int_equal(ask(dir, "SELECT sum(input_tokens) FROM attempts"), 100);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 101 AND budget = 'daily' AND value = 'key=alice'"),
                     1400);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 102"), 140);
    assert_int_equal(ask(dir, "SELECT attempts FROM rollup_hour"), 2);
    assert_int_equal(ask(dir, "SELECT cost_picousd FROM rollup_hour"), 1400);
    assert_int_equal(ask(dir, "SELECT count(*) FROM rollup_day"), 3);
    assert_int_equal(ask(dir, "SELECT length(usage_raw) FROM details LIMIT 1"), 43);
    struct ledger_state s;
    ledger_state(l, &s);
    assert_int_equal(s.rows, 2);
    assert_int_equal(s.appended, 5);
    assert_int_equal(s.stored, 5);
    assert_int_equal(s.open_holds, 0);
    assert_int_equal(s.errors, 0);
    ledger_stop(l);
    ledger_close(l);
    folder_drop(dir);
}

static void test_a_void_leaves_no_row(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    struct row hold = row_hold(j);
    journal_append(j, JOURNAL_HOLD, &hold);
    journal_append(j, JOURNAL_VOID, &hold);
    ledger_flush(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 0);
    assert_int_equal(ask(dir, "SELECT count(*) FROM cells"), 0);
    ledger_close(l);
    l = must_open(dir, 1);
    ledger_start(l);
    ledger_flush(l);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 0);
    folder_drop(dir);
}

static void test_a_second_opener_is_refused_and_told_the_pid(void **state)
{
    (void)state;
    char *dir = folder_new(), pid[32];
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = 1};
    assert_null(ledger_open(&options, &why));
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_true(str_find(buf_str(&why), str_from(pid), 0) != SIZE_MAX);
    buf_free(&why);
    ledger_close(l);
    l = must_open(dir, 1);
    assert_int_equal(ledger_epoch(l), 2);
    ledger_close(l);
    folder_drop(dir);
}

struct cells {
    size_t count;
    int64_t money, tokens;
    bool named;
};

static void visit_cell(void *ctx, uint64_t key, str budget, str value, int64_t window_start_us, int64_t spent)
{
    struct cells *c = ctx;
    c->count++;
    if (key == CELL_MONEY) {
        c->money = spent;
        c->named = str_eq(budget, S("daily")) && str_eq(value, S("key=alice")) && window_start_us == 5;
    }
    if (key == CELL_TOKENS) c->tokens = spent;
}

static struct cells cells_of(struct ledger *l)
{
    struct cells c = {0};
    ledger_each_cell(l, visit_cell, &c);
    return c;
}

/* Runs `work` in a child that dies by SIGKILL at its end, with nothing stored or stopped. */
static void in_killed_child(const char *dir, void (*work)(struct ledger *, const char *dir))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        work(must_open(dir, 2), dir);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Never started: nothing is stored, all is in the journal. */
static void work_unstored(struct ledger *l, const char *dir)
{
    (void)dir;
    struct journal *j = ledger_journal(l, 1);
    /* the start makes segments; its threads may store or not before the end comes */
    ledger_start(l);
    journal_append_cell(j, CELL_MONEY, S("daily"), S("key=alice"), 5);
    for (int i = 0; i < 1000; i++) append_pair(j);
    struct row hold = row_hold(j);
    journal_append(j, JOURNAL_HOLD, &hold);
    hold = row_hold(j);
    journal_append(j, JOURNAL_HOLD, &hold);
    hold.n.cost_picousd = 300;
    hold.n.output_seen = 12;
    journal_append(j, JOURNAL_PROGRESS, &hold);
}

static void test_a_crash_loses_nothing_and_ends_open_holds(void **state)
{
    (void)state;
    char *dir = folder_new();
    in_killed_child(dir, work_unstored);
    struct ledger *l = must_open(dir, 2);
    assert_int_equal(ledger_epoch(l), 2);
    struct cells c = cells_of(l);
    /* 1,000 posts, a hold that never spoke (all of it) and one that had used 300 */
    assert_int_equal(c.money, 1000 * 700 + 1000000 + 300);
    assert_int_equal(c.tokens, 1000 * 70 + 500 + 500);
    assert_int_equal(c.count, 2);
    assert_true(c.named);
    ledger_start(l);
    ledger_flush(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 1002);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts WHERE status = 'crash' AND cost_state = 'estimated'"), 2);
    assert_int_equal(ask(dir, "SELECT cost_picousd FROM attempts WHERE status = 'crash' AND output_seen = 12"), 300);
    assert_int_equal(ask(dir, "SELECT cost_max_picousd FROM attempts WHERE status = 'crash' AND output_seen = 12"),
                     1000000);
    assert_int_equal(ask(dir, "SELECT spent FROM cells WHERE key = 101"), 1000 * 700 + 1000000 + 300);
    assert_int_equal(ask(dir, "SELECT count(*) FROM damage"), 0);
    ledger_close(l);
    l = must_open(dir, 2);
    c = cells_of(l);
    assert_int_equal(c.money, 1000 * 700 + 1000000 + 300);
    ledger_close(l);
    folder_drop(dir);
}

static void work_nothing(struct ledger *l, const char *dir)
{
    (void)l, (void)dir;
}

static void test_recovery_that_is_killed_again_and_again_ends_holds_once(void **state)
{
    (void)state;
    char *dir = folder_new();
    in_killed_child(dir, work_unstored);
    for (int i = 0; i < 5; i++) in_killed_child(dir, work_nothing); /* recovered, killed before it could store */
    struct ledger *l = must_open(dir, 2);
    assert_int_equal(cells_of(l).money, 1000 * 700 + 1000000 + 300);
    ledger_start(l);
    ledger_flush(l);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 1002);
    assert_int_equal(ask(dir, "SELECT value FROM totals WHERE name = 'rows'"), 1002);
    assert_int_equal(ask(dir, "SELECT count(*) FROM totals WHERE name = 'doubles'"), 0);
    folder_drop(dir);
}

/* A hold that stays open while many segments fill, is stored and removed. */
static void work_long_hold(struct ledger *l, const char *dir)
{
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    struct row hold = row_hold(j);
    hold.text[ROW_TASK] = S("long");
    journal_append(j, JOURNAL_HOLD, &hold);
    for (int i = 0; i < 60000; i++) {
        while (!journal_ready(j)) usleep(1000);
        append_pair(j);
    }
    ledger_flush(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM open_holds"), 1);
}

static size_t count_segments(const char *dir)
{
    char command[1024];
    snprintf(command, sizeof(command), "ls '%s/journal' | grep -c seg", dir);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = 0;
    assert_int_equal(fscanf(p, "%zu", &n), 1);
    pclose(p);
    return n;
}

static void test_a_long_call_does_not_keep_segments(void **state)
{
    (void)state;
    char *dir = folder_new();
    in_killed_child(dir, work_long_hold);
    assert_in_range(count_segments(dir), 1, 8); /* 34 MB were written: the stored ones are gone */
    struct ledger *l = must_open(dir, 2);
    ledger_start(l);
    ledger_flush(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts WHERE task = 'long' AND status = 'crash'"), 1);
    assert_int_equal(ask(dir, "SELECT count(*) FROM open_holds"), 0);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 60001);
    ledger_close(l);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_post_becomes_a_row),
        cmocka_unit_test(test_a_void_leaves_no_row),
        cmocka_unit_test(test_a_second_opener_is_refused_and_told_the_pid),
        cmocka_unit_test(test_a_crash_loses_nothing_and_ends_open_holds),
        cmocka_unit_test(test_recovery_that_is_killed_again_and_again_ends_holds_once),
        cmocka_unit_test(test_a_long_call_does_not_keep_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Processes beside a running server: none of them may take its write-ahead log away. */
#include "fixture.h"

#include "ledger/report.h"
#include "ledger/store.h"

#include <sys/wait.h>

static void store_row(struct store *s, uint64_t id)
{
    struct row row = {.n = {.attempt_id = id << 8, .call_id = id, .at_us = INT64_C(1790000000000000), .number = 1}};
    assert_true(store_begin(s));
    assert_int_equal(store_post(s, &row), STORE_DONE);
    assert_true(store_commit(s));
}

/* What `purser report` does, in a process of its own: this program again, since SQLite
 * does not survive a fork(). */
static int report_as_child(const char *dir)
{
    struct report_ask ask = {.until_us = INT64_MAX};
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, &ask, NULL, NULL, &why);
    int code = r ? 0 : 1;
    report_drop(r);
    buf_free(&why);
    return code;
}

static void report_elsewhere(const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_report_beside", dir, (char *)NULL);
        _exit(2);
    }
    int status = 1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

/* POSIX locks are the process's: one that a second connection of the server gives up is
 * gone for the first, too, and then whoever closes the store beside it believes to be
 * the last, and deletes the log that the server still writes. */
static void test_report_beside_server(void **state)
{
    (void)state;
    char *dir = folder_new(), wal[600];
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    store_row(s, 1);
    sqlite3 *keys = schema_open(dir, true, &why); /* as for `purser keys add` */
    assert_non_null(keys);
    sqlite3_close(keys);
    report_elsewhere(dir);
    snprintf(wal, sizeof(wal), "%s/purser.db-wal", dir);
    assert_int_equal(access(wal, F_OK), 0);
    store_row(s, 2);
    report_elsewhere(dir);
    store_close(s);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), 2);
    assert_int_equal(ask(dir, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    buf_free(&why);
    folder_drop(dir);
}

int main(int argc, char **argv)
{
    if (argc == 2) return report_as_child(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_report_beside_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

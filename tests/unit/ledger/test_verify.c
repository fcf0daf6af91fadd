#include "fixture.h"

#include "ledger/record.h"
#include "ledger/segment.h"
#include "ledger/verify.h"

#include <fcntl.h>
#include <sys/wait.h>

/* What the verifier finds: the number of problems; with `expect` one of them must say so. */
static uint64_t problems(const char *dir, const char *expect)
{
    struct verify_result r;
    struct buf why, text;
    verify_result_init(&r);
    buf_init(&why, 0);
    buf_init(&text, 0);
    if (!ledger_verify(dir, &r, NULL, NULL, &why)) fail_msg("%.*s", (int)why.n, why.p);
    verify_text(&r, &text);
    if (expect && str_find(buf_str(&r.problems), str_from(expect), 0) == SIZE_MAX)
        fail_msg("'%s' is not in:\n%.*s", expect, (int)text.n, text.p);
    if (!expect && r.problem_count) print_error("%.*s", (int)text.n, text.p);
    uint64_t n = r.problem_count;
    verify_result_free(&r);
    buf_free(&why);
    buf_free(&text);
    return n;
}

/* A stopped ledger with 50 rows. */
static char *stored_ledger(void)
{
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 2);
    ledger_start(l);
    journal_append_cell(ledger_journal(l, 0), CELL_MONEY, S("daily"), S("key=alice"), 5);
    for (int i = 0; i < 50; i++) append_pair(ledger_journal(l, i % 2));
    ledger_flush(l);
    ledger_close(l);
    return dir;
}

static void after_sql(const char *sql, const char *expect)
{
    char *dir = stored_ledger();
    assert_int_equal(problems(dir, NULL), 0);
    run_sql(dir, sql);
    assert_true(problems(dir, expect) > 0);
    folder_drop(dir);
}

#define SOME_ROW "(SELECT attempt_id FROM attempts LIMIT 1 OFFSET 20)"

static void test_finds_a_deleted_row(void **state)
{
    (void)state;
    after_sql("DELETE FROM attempts WHERE attempt_id = " SOME_ROW, "1 rows are missing");
}

static void test_finds_all_rows_deleted(void **state)
{
    (void)state;
    after_sql("DELETE FROM attempts; DELETE FROM details", "rows are missing");
}

static void test_finds_a_doubled_row(void **state)
{
    (void)state;
    after_sql("CREATE TEMP TABLE t AS SELECT * FROM attempts WHERE attempt_id = " SOME_ROW ";"
              "UPDATE t SET attempt_id = attempt_id + 100000; INSERT INTO attempts SELECT * FROM t;"
              "INSERT INTO details SELECT attempt_id, x'', '' FROM t",
              "1 rows are there that were never posted");
}

static void test_finds_a_changed_row(void **state)
{
    (void)state;
    after_sql("UPDATE attempts SET cost_picousd = 701 WHERE attempt_id = " SOME_ROW, "its row was changed");
}

/* Columns that older rows do not have are sealed where they are not 0. */
static void test_finds_a_changed_rung(void **state)
{
    (void)state;
    after_sql("UPDATE attempts SET rung = 1 WHERE attempt_id = " SOME_ROW, "its row was changed");
    after_sql("UPDATE attempts SET rung_number = 1 WHERE attempt_id = " SOME_ROW, "its row was changed");
    after_sql("UPDATE attempts SET accepted = 1 WHERE attempt_id = " SOME_ROW, "its row was changed");
}

/* "user-1" and "user-0" differ in one bit. */
static void test_finds_one_bit_of_a_text(void **state)
{
    (void)state;
    after_sql("UPDATE attempts SET user = 'user-0' WHERE attempt_id = " SOME_ROW, "its row was changed");
}

static void test_finds_one_bit_of_the_raw_usage(void **state)
{
    (void)state;
    after_sql("UPDATE details SET usage_raw = replace(usage_raw, '50', '51') WHERE attempt_id = " SOME_ROW,
              "its row was changed");
}

static void test_finds_a_changed_counter(void **state)
{
    (void)state;
    after_sql("UPDATE cells SET spent = spent - 1 WHERE key = 101", "budget daily, key=alice: its counter says");
}

static void test_finds_a_lost_counter(void **state)
{
    (void)state;
    after_sql("DELETE FROM cells WHERE key = 101", "in budget counters that are gone");
}

static void test_finds_a_changed_rollup(void **state)
{
    (void)state;
    after_sql("UPDATE rollup_hour SET attempts = attempts + 1", "rollup_hour counts 51 attempts");
    after_sql("UPDATE rollup_day SET cost_picousd = 0 WHERE dimension = 'task'", "rollup_day by task does not add up");
}

static void test_finds_a_changed_pack(void **state)
{
    (void)state;
    char *dir = stored_ledger();
    pack_days(dir, INT64_MAX);
    assert_int_equal(problems(dir, NULL), 0);
    /* told by nobody who takes the day's pack away */
    run_sql(dir, "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
                 " SELECT max(at_us), 0, 't', 0, 'done', 1, 0, '', '' FROM attempts");
    assert_int_equal(problems(dir, "the pack of 2026-09-21, told, is not what its rollup makes"), 1);
    run_sql(dir, "DELETE FROM outcomes");
    run_sql(dir, "UPDATE packs SET body = replace(body, x'01', x'02') WHERE kind = 'user.1' AND part = 0");
    /* and the packs of many days that are made of it */
    assert_int_equal(problems(dir, "the pack of 2026-09-21, user.1, is not what its rollup makes"), 2);
    run_sql(dir, "UPDATE packs SET day_us = day_us + 86400000000 WHERE kind = 'user.1' AND part = 0");
    assert_int_equal(problems(dir, "the pack of 2026-09-22, user.1, is not what its rollup makes"), 2);
    folder_drop(dir);
}

/* ---- journals */

enum { UNSTORED = 40 };

/* A folder whose owner was killed before any of its 40 posts was stored. */
static char *killed_ledger(void)
{
    char *dir = folder_new();
    pid_t pid = fork();
    if (pid == 0) {
        struct ledger *l = must_open(dir, 1);
        char path[512];
        sqlite3 *other = NULL;
        snprintf(path, sizeof(path), "%s/purser.db", dir);
        sqlite3_open(path, &other); /* holds the write lock: nothing can be stored */
        sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        ledger_start(l);
        for (int i = 0; i < UNSTORED; i++) append_pair(ledger_journal(l, 0));
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return dir;
}

/* Reads and writes the first segment of such a folder. */
struct tamper {
    char path[600];
    char *bytes;
    struct record record[2 * UNSTORED];
    size_t count;
};

static void tamper_begin(struct tamper *t, const char *dir)
{
    snprintf(t->path, sizeof(t->path), "%s/journal/00000001-00-00000001.seg", dir);
    int fd = open(t->path, O_RDONLY);
    assert_true(fd >= 0);
    t->bytes = malloc(SEGMENT_BYTES);
    assert_int_equal(read(fd, t->bytes, SEGMENT_BYTES), SEGMENT_BYTES);
    close(fd);
    struct buf why;
    buf_init(&why, 0);
    char folder[600];
    snprintf(folder, sizeof(folder), "%s/journal", dir);
    int dir_fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct segment *s = segment_open(dir_fd, (struct segment_id){1, 0, 1}, &why);
    assert_non_null(s);
    t->count = 0;
    uint32_t at = SEGMENT_HEAD_BYTES;
    while (t->count < 2 * UNSTORED &&
           record_read(s->map, SEGMENT_BYTES, s->seed, at, &t->record[t->count]) == RECORD_FOUND) {
        at = t->record[t->count].offset + t->record[t->count].length;
        t->count++;
    }
    assert_int_equal(t->count, 2 * UNSTORED);
    segment_drop(s);
    close(dir_fd);
    buf_free(&why);
}

static void tamper_end(struct tamper *t)
{
    int fd = open(t->path, O_WRONLY);
    assert_int_equal(write(fd, t->bytes, SEGMENT_BYTES), SEGMENT_BYTES);
    close(fd);
    free(t->bytes);
}

/* Found now, told by the next start, noted when it is stored; the rest is stored. */
static void after_tampering(char *dir, const char *expect, int64_t rows)
{
    assert_true(problems(dir, expect) > 0);
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = 1};
    struct ledger *l = must_open_with(&options, &why);
    assert_true(str_find(buf_str(&why), str_from(expect), 0) != SIZE_MAX);
    ledger_start(l);
    ledger_flush(l);
    struct ledger_state s;
    ledger_state(l, &s);
    assert_true(s.errors > 0);
    ledger_close(l);
    assert_int_equal(ask(dir, "SELECT count(*) FROM attempts"), rows);
    assert_true(problems(dir, expect) > 0);
    assert_int_equal(access(dir, F_OK), 0);
    assert_int_equal(shell("ls \"$1\"/journal/*.damaged >/dev/null", dir, NULL), 0);
    buf_free(&why);
    folder_drop(dir);
}

static void test_an_untouched_journal_has_no_problems(void **state)
{
    (void)state;
    char *dir = killed_ledger();
    struct verify_result r;
    struct buf why;
    verify_result_init(&r);
    buf_init(&why, 0);
    assert_true(ledger_verify(dir, &r, NULL, NULL, &why));
    assert_int_equal(r.problem_count, 0);
    assert_int_equal(r.pending.count, UNSTORED);
    assert_true(r.pending.cost == UNSTORED * 700);
    verify_result_free(&r);
    buf_free(&why);
    folder_drop(dir);
}

static void test_finds_a_flipped_bit_in_a_record(void **state)
{
    (void)state;
    struct tamper t = {0};
    char *dir = killed_ledger();
    tamper_begin(&t, dir);
    t.bytes[t.record[21].offset + 60] ^= 4; /* a post: its call is then ended as one that a crash cut off */
    tamper_end(&t);
    after_tampering(dir, "a damaged record", UNSTORED);
}

static void test_finds_a_flipped_bit_in_a_length(void **state)
{
    (void)state;
    struct tamper t = {0};
    char *dir = killed_ledger();
    tamper_begin(&t, dir);
    t.bytes[t.record[21].offset] ^= 8;
    tamper_end(&t);
    after_tampering(dir, "1 records are missing (numbers 22 to 22)", UNSTORED);
}

static void test_finds_a_deleted_record(void **state)
{
    (void)state;
    struct tamper t = {0};
    char *dir = killed_ledger();
    tamper_begin(&t, dir);
    memset(t.bytes + t.record[20].offset, 0, t.record[20].length + t.record[21].length);
    tamper_end(&t);
    after_tampering(dir, "2 records are missing (numbers 21 to 22)", UNSTORED - 1);
}

static void test_finds_a_doubled_record(void **state)
{
    (void)state;
    struct tamper t = {0};
    char *dir = killed_ledger();
    tamper_begin(&t, dir);
    assert_int_equal(t.record[21].length, t.record[23].length);
    memcpy(t.bytes + t.record[23].offset, t.bytes + t.record[21].offset, t.record[21].length);
    tamper_end(&t);
    after_tampering(dir, "a damaged record", UNSTORED);
}

static void test_finds_a_segment_of_another_place(void **state)
{
    (void)state;
    char *dir = killed_ledger();
    assert_int_equal(shell("cp \"$1\"/journal/00000001-00-00000001.seg \"$1\"/journal/00000001-00-00000009.seg", dir,
                           NULL),
                     0);
    assert_true(problems(dir, "is not the segment that its name says") > 0);
    folder_drop(dir);
}

static void test_works_beside_a_running_server(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 2);
    ledger_start(l);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 300; i++) append_pair(ledger_journal(l, i % 2));
        assert_int_equal(problems(dir, NULL), 0);
    }
    ledger_close(l);
    assert_int_equal(problems(dir, NULL), 0);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_a_deleted_row),
        cmocka_unit_test(test_finds_all_rows_deleted),
        cmocka_unit_test(test_finds_a_doubled_row),
        cmocka_unit_test(test_finds_a_changed_row),
        cmocka_unit_test(test_finds_a_changed_rung),
        cmocka_unit_test(test_finds_one_bit_of_a_text),
        cmocka_unit_test(test_finds_one_bit_of_the_raw_usage),
        cmocka_unit_test(test_finds_a_changed_counter),
        cmocka_unit_test(test_finds_a_lost_counter),
        cmocka_unit_test(test_finds_a_changed_rollup),
        cmocka_unit_test(test_finds_a_changed_pack),
        cmocka_unit_test(test_an_untouched_journal_has_no_problems),
        cmocka_unit_test(test_finds_a_flipped_bit_in_a_record),
        cmocka_unit_test(test_finds_a_flipped_bit_in_a_length),
        cmocka_unit_test(test_finds_a_deleted_record),
        cmocka_unit_test(test_finds_a_doubled_record),
        cmocka_unit_test(test_finds_a_segment_of_another_place),
        cmocka_unit_test(test_works_beside_a_running_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What success costs by feature, from crowds, against plain SQL over the rows: of thousands of tasks and calls, told of
 * under several names, over days that are packed and days that are not. */
#include "fixture.h"

#include "ledger/outcomes.h"
#include "ledger/success.h"
#include "ledger/told.h"
#include "ledger/verify.h"

#define DAY_US (INT64_C(1790000000000000) / US_PER_DAY * US_PER_DAY)

enum { DAYS = 20, ROWS = 12000, TASKS = 4000 }; /* the first day has more tasks than a small crowd */

static uint64_t seed = 20261126;

static uint64_t below(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}

/* Few costs, so that many features of a task cost as much as one another. Its days are next to each other, but for
 * some that come again after weeks. */
static void post(struct store *s, uint64_t id, int64_t day, uint64_t of)
{
    static const char *const features[] = {"chat", "mail", "search", ""};
    char task[32];
    struct row row = {.n = {.attempt_id = id, .call_id = below(5) ? id : id - 256, .number = 1}};
    row.n.at_us = DAY_US + day * US_PER_DAY + (int64_t)below(US_PER_DAY);
    row.n.cost_picousd = row.n.cost_max_picousd = (picousd)below(4);
    row.n.cost_state = below(20) ? COST_EXACT : COST_UNPRICED;
    snprintf(task, sizeof(task), "t%llu", (unsigned long long)of);
    row.text[ROW_TASK] = below(10) ? str_from(task) : S("");
    row.text[ROW_FEATURE] = str_from(features[below(4)]);
    assert_int_equal(store_post(s, &row), STORE_DONE);
}

static struct store *must_begin(const char *dir)
{
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    buf_free(&why);
    return s;
}

static void end(struct store *s)
{
    assert_true(store_commit(s));
    store_close(s);
}

static char *folder_with_many(void)
{
    char *dir = folder_new();
    struct store *s = must_begin(dir);
    for (uint64_t i = 1; i <= ROWS; i++) {
        uint64_t of = below(TASKS);
        int64_t day = i <= ROWS / 2 ? 0 : (int64_t)(of % 7 + below(3) + (below(9) ? 0 : 10));
        post(s, i << 8, day, i <= ROWS / 2 ? i % TASKS : of);
    }
    end(s);
    /* every third task and every fourth call; some under two names, some of a task that is not there */
    run_sql(dir,
            "CREATE TEMP TABLE t AS SELECT task, min(at_us) AS at_us, max(at_us) AS last_us FROM attempts WHERE task "
            "!= '' GROUP BY task;"
            "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
            " SELECT at_us + rowid % 3 * 86400000000, 0, task, 0, CASE rowid % 2 WHEN 0 THEN 'done' ELSE 'sold' END,"
            " rowid % 5 > 1, (rowid % 11 - 2) * 2500, '', '' FROM t WHERE rowid % 3 = 0;"
            "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
            " SELECT last_us, 0, task, 0, 'liked', rowid % 2, 5000, '', '' FROM t WHERE rowid % 9 = 0;"
            "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
            " SELECT at_us + 5, 0, '', attempt_id, 'done', number, 7, feature, '' FROM attempts"
            " WHERE attempt_id = call_id AND (attempt_id >> 8) % 4 = 0;"
            /* days later, and some when they are too old to be weighed by then */
            "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
            " SELECT at_us + 3 * (attempt_id >> 8 & 3) * 86400000000, 0, '', attempt_id, 'kept', 1, 3, feature, ''"
            " FROM attempts WHERE attempt_id = call_id AND (attempt_id >> 8) % 16 < 4;"
            "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
            " SELECT at_us, 0, 'gone ' || task, 0, 'done', 1, 2500, '', '' FROM t WHERE rowid % 1000 = 0;");
    return dir;
}

/* "name|feature units/successes cost(of successes) worth;" of each, and what is missing. From rows alone. */
static void tell_by_rows(const char *dir, const struct success *s, int64_t back_us, struct buf *out)
{
    static const char sql[] =
        "WITH priced AS (SELECT *, CASE cost_state WHEN 'unpriced' THEN 0 ELSE cost_picousd END AS cost FROM attempts),"
        " spent AS (SELECT task, at_us / 86400000000 * 86400000000 AS day, feature, sum(cost) AS cost FROM priced"
        "  WHERE task != '' AND at_us >= ?1 - ?3 GROUP BY 1, 2, 3),"
        " dearest AS (SELECT task, feature, row_number() OVER (PARTITION BY task ORDER BY cost DESC, day, feature) AS n"
        "  FROM spent),"
        " task_unit AS (SELECT s.task, d.feature, min(s.day) AS began, sum(s.cost) AS cost FROM spent s"
        "  JOIN dearest d ON d.task = s.task AND d.n = 1 GROUP BY s.task),"
        " call_unit AS (SELECT call_id, min(at_us) AS began, sum(cost) AS cost FROM priced GROUP BY call_id),"
        " told AS (SELECT o.name, u.feature, o.success, o.value_picousd AS worth, u.began, u.cost FROM outcomes o"
        "  LEFT JOIN task_unit u ON u.task = o.task WHERE o.task != '' AND o.at_us >= ?1 - 86400000000"
        "  UNION ALL SELECT o.name, o.feature, o.success, o.value_picousd, u.began, u.cost FROM outcomes o"
        "  LEFT JOIN call_unit u ON u.call_id = o.call_id WHERE o.task = '' AND o.at_us >= ?1 - 86400000000)"
        "SELECT name || '|' || feature || ' ' || count(*) || '/' || sum(success) || ' ' || sum(cost) || '(' ||"
        " sum(cost * success) || ') ' || sum(worth) || ' ' || sum(cost * cost) || ';', name, feature FROM told"
        " WHERE began >= ?1 AND began < ?2 GROUP BY name, feature"
        " UNION ALL SELECT 'missing ' || count(*), x'ff', '' FROM told WHERE began IS NULL ORDER BY 2, 3";
    struct buf why;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, false, &why);
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_bind_int64(q, 1, s->from_us);
    sqlite3_bind_int64(q, 2, s->to_us);
    sqlite3_bind_int64(q, 3, back_us);
    while (sqlite3_step(q) == SQLITE_ROW) buf_printf(out, "%s\n", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_add_byte(out, '\0');
    buf_free(&why);
}

static int by_name(const void *a, const void *b)
{
    const struct success_row *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->value, y->value);
}

static struct success *must_read(const char *dir, const struct success_ask *of)
{
    struct buf why;
    buf_init(&why, 0);
    struct success *s = success_read(dir, of, &why);
    if (!s) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return s;
}

static void expect_as_rows(const char *dir, int64_t since, int64_t until, int64_t mature)
{
    struct success_ask of = {.since_us = DAY_US + since * US_PER_DAY,
                             .until_us = DAY_US + until * US_PER_DAY,
                             .mature_us = mature * US_PER_DAY,
                             .now_us = DAY_US + DAYS * US_PER_DAY,
                             .by = SUCCESS_FEATURE,
                             .limit = 100};
    struct buf out, expected;
    buf_init(&out, 0);
    buf_init(&expected, 0);
    struct success *s = must_read(dir, &of);
    assert_true(s->count > 0);
    qsort(s->rows, s->count, sizeof(*s->rows), by_name);
    for (size_t i = 0; i < s->count; i++) {
        const struct success_row *r = &s->rows[i];
        buf_printf(&out, "%" STR_FMT "|%" STR_FMT " %llu/%llu %lld(%lld) %lld %.0Lf;\n", STR_ARG(r->name),
                   STR_ARG(r->value), (unsigned long long)r->units, (unsigned long long)r->successes,
                   (long long)r->cost, (long long)r->success_cost, (long long)r->worth, r->cost_squares);
    }
    buf_printf(&out, "missing %llu\n", (unsigned long long)s->missing);
    buf_add_byte(&out, '\0');
    tell_by_rows(dir, s, mature > 7 ? mature * US_PER_DAY : 7 * US_PER_DAY, &expected);
    assert_string_equal(out.p, expected.p);
    buf_free(&out);
    buf_free(&expected);
    success_drop(s);
}

static void expect_all(const char *dir)
{
    expect_as_rows(dir, 0, DAYS, 1);
    expect_as_rows(dir, 0, 1, 1);
    expect_as_rows(dir, 2, 6, 3);
    expect_as_rows(dir, 10, DAYS, 1); /* what comes again after weeks begins anew: nobody looks back that far */
    expect_as_rows(dir, 10, DAYS, 9);
}

static void test_as_the_rows_say(void **state)
{
    (void)state;
    char *dir = folder_with_many();
    expect_all(dir); /* from the rollup */
    pack_days(dir, DAY_US + 12 * US_PER_DAY);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'task.1' AND part = 0"), 11);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'task.1' AND part = 63"), 1);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'told' AND part = 0"), 11);
    expect_all(dir); /* from crowds, large and small, and the rollup of the last days */
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    expect_all(dir);
    folder_drop(dir);
}

/* Outcomes of which there is no task and tasks without an outcome: so many that the hashes of a part are more than one
 * stretch, outcomes more than a run, and rows more than are kept unless they are wanted. */
static void test_very_many(void **state)
{
    (void)state;
    char *dir = folder_with_many(), sql[1024];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 140000)"
             "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
             " SELECT %lld + i %% 2 * 86400000000, 0, 'gone ' || i, 0, 'done', 1, 2500, '', '' FROM n;"
             "CREATE TEMP TABLE idle AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)"
             " SELECT r.* FROM (SELECT * FROM rollup_day WHERE dimension = 'task' AND value != '' LIMIT 1) r, n;"
             "UPDATE idle SET value = 'idle ' || rowid; INSERT INTO rollup_day SELECT * FROM idle;",
             (long long)DAY_US);
    run_sql(dir, sql);
    expect_as_rows(dir, 0, DAYS, 1);
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    expect_as_rows(dir, 0, DAYS, 1);
    folder_drop(dir);
}

/* Some once more, on the day that they had or another one; some for the first time. */
static void tell_again(const char *dir)
{
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    for (uint64_t i = 0; i < 200; i++) {
        static const char *const names[] = {"done", "sold", "late"};
        char task[32], call[128];
        struct outcome o = {.at_us = DAY_US + (int64_t)(9 + below(2)) * US_PER_DAY + (int64_t)below(US_PER_DAY),
                            .told_us = DAY_US + DAYS * US_PER_DAY,
                            .name = str_from(names[i % 3]),
                            .success = i % 2,
                            .value = (picousd)i};
        snprintf(task, sizeof(task), "t%llu", (unsigned long long)i * 13);
        snprintf(call, sizeof(call), "SELECT attempt_id FROM attempts WHERE attempt_id = call_id LIMIT 1 OFFSET %d",
                 (int)i);
        if (i % 4)
            o.task = str_from(task);
        else
            o.call_id = (uint64_t)ask(dir, call);
        if (outcomes_put(l, &o, 1, &why) != ERR_NONE) fail_msg("%.*s", (int)why.n, why.p);
    }
    ledger_close(l);
    buf_free(&why);
}

/* Further attempts of tasks with an outcome, on days that are packed and later, and what is told later of both. */
static void test_late_rows_and_outcomes(void **state)
{
    (void)state;
    char *dir = folder_with_many();
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    struct store *s = must_begin(dir);
    for (uint64_t i = 1; i <= 300; i++) post(s, (ROWS + i) << 8, (int64_t)(i % 12), i * 7 % TASKS);
    end(s);
    expect_all(dir);
    tell_again(dir);
    expect_all(dir);
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    expect_all(dir);
    folder_drop(dir);
}

/* Further attempts of calls whose outcome's pack has weighed them: on the day when they were told and began, on the day
 * behind, and on the day when they began, three days before they were told. All days are packed, or those alone before
 * the day behind. */
static void late_attempts(int64_t packed_days, int64_t days)
{
    char *dir = folder_with_many();
    pack_days(dir, DAY_US + packed_days * US_PER_DAY);
    expect_all(dir);
    for (int64_t day = 0; day < days; day++) {
        char sql[256];
        snprintf(sql, sizeof(sql),
                 "SELECT call_id FROM outcomes WHERE call_id > 0 AND at_us %% 86400000000 < 84000000000"
                 " AND at_us / 86400000000 = %lld AND name = '%s' ORDER BY call_id LIMIT 1 OFFSET %lld",
                 (long long)(DAY_US / US_PER_DAY + 3), day < 2 ? "done" : "kept", (long long)(20 + day));
        struct row row = {.n = {.call_id = (uint64_t)ask(dir, sql), .number = 2, .cost_state = COST_EXACT}};
        assert_true(row.n.call_id > 0);
        row.n.attempt_id = row.n.call_id + 1;
        row.n.at_us = DAY_US + (day < 2 ? 3 + day : 0) * US_PER_DAY + US_PER_DAY / 2;
        row.n.cost_picousd = row.n.cost_max_picousd = 1000;
        struct store *s = must_begin(dir);
        assert_int_equal(store_post(s, &row), STORE_DONE);
        end(s);
        expect_all(dir);
        pack_days(dir, DAY_US + packed_days * US_PER_DAY);
        expect_all(dir);
    }
    folder_drop(dir);
}

static void test_late_attempts_of_calls(void **state)
{
    (void)state;
    late_attempts(DAYS, 3);
    late_attempts(4, 2);
}

/* By a store that was open all the while. */
static void test_packs_of_outcomes_are_made_anew(void **state)
{
    (void)state;
    char *dir = folder_with_many();
    const char *count = "SELECT count(*) FROM packs WHERE kind = 'told'";
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    while (store_pack(s, DAY_US + DAYS * US_PER_DAY, 100) == STORE_PACK_MORE) {}
    int64_t packed = ask(dir, count);
    assert_true(packed > 8);
    run_sql(dir,
            "DELETE FROM packs WHERE kind = 'told' AND rowid IN (SELECT max(rowid) FROM packs WHERE kind = 'told')");
    assert_true(ask(dir, count) < packed);
    while (store_pack(s, DAY_US + DAYS * US_PER_DAY, 100) == STORE_PACK_MORE) {}
    assert_int_equal(ask(dir, count), packed);
    store_close(s);
    buf_free(&why);
    folder_drop(dir);
}

static int64_t problems(const char *dir)
{
    struct verify_result r;
    struct buf why;
    buf_init(&why, 0);
    verify_result_init(&r);
    if (!ledger_verify(dir, &r, NULL, NULL, &why)) fail_msg("%.*s", (int)why.n, why.p);
    int64_t count = (int64_t)r.problem_count;
    verify_result_free(&r);
    buf_free(&why);
    return count;
}

static void test_packs_of_another_version_are_made_anew(void **state)
{
    (void)state;
    char *dir = folder_with_many(), ours[128];
    snprintf(ours, sizeof(ours), "SELECT count(*) FROM packs WHERE kind = 'told' AND substr(body, 1, 1) = x'%02x'",
             TOLD_VERSION);
    ledger_close(must_open(dir, 1)); /* the verifier wants a journal */
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    int64_t packed = ask(dir, ours), tidy = problems(dir);
    assert_true(packed > 8);
    run_sql(dir, "UPDATE packs SET body = x'04' || substr(body, 3) WHERE kind = 'told'");
    assert_int_equal(ask(dir, ours), 0);
    expect_all(dir);
    assert_int_equal(problems(dir), tidy);
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    assert_int_equal(ask(dir, ours), packed);
    assert_int_equal(ask(dir, "SELECT count(*) FROM packs WHERE kind = 'told'"), packed);
    expect_all(dir);
    folder_drop(dir);
}

static void test_a_day_of_too_many_names_is_not_packed(void **state)
{
    (void)state;
    char *dir = folder_with_many(), sql[512];
    ledger_close(must_open(dir, 1)); /* the verifier wants a journal */
    int64_t tidy = problems(dir);
    snprintf(sql, sizeof(sql),
             "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
             " SELECT %lld, 0, 't1', 0, 'name ' || attempt_id, 1, 1, '', '' FROM attempts LIMIT %d",
             (long long)(DAY_US + 3 * US_PER_DAY), TOLD_TEXTS_MAX);
    run_sql(dir, sql);
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    while (store_pack(s, DAY_US + DAYS * US_PER_DAY, 100) == STORE_PACK_MORE) {}
    snprintf(
        sql, sizeof(sql),
        "SELECT sum(day_us = %lld) * 100 + count(*) FROM packs WHERE kind = 'told' AND part = 0 AND length(body) > 1",
        (long long)(DAY_US + 3 * US_PER_DAY));
    assert_int_equal(ask(dir, sql), 17);
    run_sql(dir, "UPDATE outcomes SET who = 'another'"); /* of another connection, as outcomes are told: it is known */
    assert_int_equal(store_pack(s, DAY_US + DAYS * US_PER_DAY, 100), STORE_PACK_NOTHING);
    store_close(s);
    buf_free(&why);
    run_sql(dir, "DELETE FROM outcomes WHERE name LIKE 'name %'"); /* more than are asked for below */
    expect_all(dir);
    assert_int_equal(problems(dir), tidy);
    folder_drop(dir);
}

static void test_a_damaged_crowd(void **state)
{
    (void)state;
    char *dir = folder_with_many();
    struct success_ask of = {.since_us = DAY_US,
                             .until_us = INT64_MAX,
                             .now_us = DAY_US + DAYS * US_PER_DAY,
                             .limit = 1};
    struct buf why;
    buf_init(&why, 0);
    pack_days(dir, DAY_US + DAYS * US_PER_DAY);
    run_sql(dir, "UPDATE packs SET body = substr(body, 1, length(body) - 1) WHERE kind = 'task.1' AND part = 9");
    assert_null(success_read(dir, &of, &why));
    assert_true(str_find(buf_str(&why), S("damaged"), 0) < why.n);
    run_sql(dir, "DELETE FROM packs WHERE kind LIKE 'task%'");
    run_sql(dir, "UPDATE packs SET body = substr(body, 1, length(body) - 1) WHERE kind = 'told'");
    buf_clear(&why);
    assert_null(success_read(dir, &of, &why));
    assert_true(str_find(buf_str(&why), S("damaged"), 0) < why.n);
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_rows_say),
        cmocka_unit_test(test_late_rows_and_outcomes),
        cmocka_unit_test(test_late_attempts_of_calls),
        cmocka_unit_test(test_packs_of_outcomes_are_made_anew),
        cmocka_unit_test(test_very_many),
        cmocka_unit_test(test_packs_of_another_version_are_made_anew),
        cmocka_unit_test(test_a_day_of_too_many_names_is_not_packed),
        cmocka_unit_test(test_a_damaged_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Settings made at run time: through the store and back, with the audit of who made them. */
#include "fixture.h"

#include "ledger/runtime.h"
#include "ledger/verify.h"

static const str cap = STR_INIT("{\"name\":\"cap\",\"limit_usd\":5,\"window\":\"day\"}");
static const str wide = STR_INIT("{\"name\":\"cap\",\"limit_usd\":9,\"window\":\"day\"}");

static struct ledger_runtime_change setting(const char *name, str body)
{
    return (struct ledger_runtime_change){.kind = S("budget"),
                                          .name = str_from(name),
                                          .body = body,
                                          .at_us = 100,
                                          .who = S("local user ann"),
                                          .why = S("the month is tight"),
                                          .origin = S("control socket")};
}

static void expect_change(struct ledger *l, struct ledger_runtime_change change, enum runtime_result expected,
                          const char *sentence)
{
    struct buf why;
    buf_init(&why, 0);
    enum runtime_result r = ledger_runtime_change(l, &change, &why);
    if (r != expected) fail_msg("%d: %.*s", (int)r, (int)why.n, why.p);
    if (sentence && str_find(buf_str(&why), str_from(sentence), 0) == SIZE_MAX)
        fail_msg("'%s' is not in: %.*s", sentence, (int)why.n, why.p);
    if (!sentence) assert_int_equal(why.n, 0);
    buf_free(&why);
}

static void add_entry(void *ctx, const struct ledger_runtime *r)
{
    buf_printf(ctx, "[%" STR_FMT " %" STR_FMT " %" STR_FMT " %lld %" STR_FMT "]", STR_ARG(r->kind), STR_ARG(r->name),
               STR_ARG(r->body), (long long)r->at_us, STR_ARG(r->who));
}

static void expect_entries(const char *dir, const char *expected)
{
    struct buf found, why;
    buf_init(&found, 0);
    buf_init(&why, 0);
    if (!ledger_runtime_each(dir, add_entry, &found, &why)) fail_msg("%.*s", (int)why.n, why.p);
    buf_add_byte(&found, '\0');
    assert_string_equal(found.p, expected);
    buf_free(&found);
    buf_free(&why);
}

static void test_they_stay_until_they_are_removed(void **state)
{
    (void)state;
    char *dir = folder_new();
    expect_entries(dir, ""); /* a folder without a store has none */
    struct ledger *l = must_open(dir, 1);
    struct ledger_runtime_change limit = setting("b", S("{\"concurrency\":2}"));
    limit.kind = S("limit");
    expect_change(l, setting("cap", cap), RUNTIME_CHANGED, NULL);
    expect_change(l, limit, RUNTIME_CHANGED, NULL);
    expect_change(l, setting("cap", wide), RUNTIME_CHANGED, NULL);
    ledger_close(l);
    l = must_open(dir, 1);
    expect_entries(dir, "[budget cap {\"name\":\"cap\",\"limit_usd\":9,\"window\":\"day\"} 100 local user ann]"
                        "[limit b {\"concurrency\":2} 100 local user ann]");
    expect_change(l, setting("cap", S("")), RUNTIME_CHANGED, NULL);
    expect_entries(dir, "[limit b {\"concurrency\":2} 100 local user ann]");
    expect_change(l, setting("cap", S("")), RUNTIME_MISSING, "no budget 'cap' was made at run time");
    ledger_close(l);
    folder_drop(dir);
}

static void test_what_somebody_else_changed_is_not_overwritten(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct ledger_runtime_change first = setting("cap", cap), next = setting("cap", wide);
    str none = S("");
    first.expected = &none;
    next.expected = &cap;
    expect_change(l, next, RUNTIME_STALE, "meanwhile: read it again");
    expect_change(l, first, RUNTIME_CHANGED, NULL);
    expect_change(l, first, RUNTIME_STALE, "meanwhile: read it again");
    expect_change(l, next, RUNTIME_CHANGED, NULL);
    expect_entries(dir, "[budget cap {\"name\":\"cap\",\"limit_usd\":9,\"window\":\"day\"} 100 local user ann]");
    ledger_close(l);
    folder_drop(dir);
}

static void expect_audit(const char *dir, const char *expected)
{
    struct buf found;
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    char path[512];
    buf_init(&found, 0);
    snprintf(path, sizeof(path), "%s/purser.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const char *sql = "SELECT who || '|' || what || '|' || object || '|' || before || '|' || after || '|' || why || '|'"
                      " || origin FROM audit ORDER BY id";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) buf_printf(&found, "%s\n", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_add_byte(&found, '\0');
    assert_string_equal(found.p, expected);
    buf_free(&found);
}

static void test_each_change_has_its_row_of_the_audit(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    str none = S("");
    struct ledger_runtime_change stale = setting("cap", wide);
    stale.expected = &none;
    expect_change(l, setting("cap", cap), RUNTIME_CHANGED, NULL);
    expect_change(l, setting("cap", cap), RUNTIME_SAME, NULL);
    expect_change(l, stale, RUNTIME_STALE, "meanwhile");
    expect_change(l, setting("cap", S("")), RUNTIME_CHANGED, NULL);
    expect_change(l, setting("cap", S("")), RUNTIME_MISSING, "no budget");
    ledger_close(l);
#define ROW_END "|the month is tight|control socket\n"
    expect_audit(
        dir, "local user ann|budget set|budget cap||{\"name\":\"cap\",\"limit_usd\":5,\"window\":\"day\"}" ROW_END
             "local user ann|budget removed|budget cap|{\"name\":\"cap\",\"limit_usd\":5,\"window\":\"day\"}|" ROW_END);
    struct verify_result r;
    struct buf why;
    verify_result_init(&r);
    buf_init(&why, 0);
    assert_true(ledger_verify(dir, &r, NULL, NULL, &why));
    assert_int_equal(r.problem_count, 0);
    assert_int_equal(r.audit_rows, 2);
    verify_result_free(&r);
    buf_free(&why);
    folder_drop(dir);
}

/* Where the audit cannot be written, nothing is changed either. */
static void test_no_change_without_its_row_of_the_audit(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    run_sql(dir, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no room'); END");
    expect_change(l, setting("cap", cap), RUNTIME_FAILED, "nothing was changed: no room");
    expect_entries(dir, "");
    ledger_close(l);
    folder_drop(dir);
}

static void test_an_older_store_has_none(void **state)
{
    (void)state;
    char *dir = folder_new();
    ledger_close(must_open(dir, 1));
    run_sql(dir, "DROP TABLE runtime; PRAGMA user_version = 4");
    expect_entries(dir, "");
    folder_drop(dir);
}

static void test_there_is_a_ceiling(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    char sql[256];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO runtime SELECT 'budget', 'b' || i, '{}', 1, '' FROM n",
             RUNTIME_ENTRIES_MAX);
    run_sql(dir, sql);
    expect_change(l, setting("cap", cap), RUNTIME_FAILED, "the ceiling: remove some");
    expect_change(l, setting("b7", cap), RUNTIME_CHANGED, NULL);
    expect_change(l, setting("b8", S("")), RUNTIME_CHANGED, NULL);
    expect_change(l, setting("cap", cap), RUNTIME_CHANGED, NULL);
    ledger_close(l);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_stay_until_they_are_removed),
        cmocka_unit_test(test_what_somebody_else_changed_is_not_overwritten),
        cmocka_unit_test(test_each_change_has_its_row_of_the_audit),
        cmocka_unit_test(test_no_change_without_its_row_of_the_audit),
        cmocka_unit_test(test_an_older_store_has_none),
        cmocka_unit_test(test_there_is_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

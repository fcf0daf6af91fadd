#include "fixture.h"

#include "ledger/sum128.h"

static void assert_sum(sqlite3 *db, const char *sql, const char *want)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    int rc = sqlite3_step(q);
    if (want) {
        assert_int_equal(rc, SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(q, 0), want);
    } else {
        assert_int_equal(rc, SQLITE_ERROR);
    }
    sqlite3_finalize(q);
}

static void test_sums_do_not_overflow(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sum128_register(db), SQLITE_OK);
#define TOP " FROM (VALUES (9223372036854775807), (9223372036854775807), (9223372036854775807))"
    assert_sum(db, "SELECT sum(column1)" TOP, NULL); /* what SQLite's own does: an error */
    assert_sum(db, "SELECT sum128(column1)" TOP, "27670116110564327421");
    assert_sum(db, "SELECT sum128(column1) FROM (VALUES (-9223372036854775808), (-1))", "-9223372036854775809");
    assert_sum(db, "SELECT sum128(column1) FROM (VALUES (1), (NULL), (2))", "3");
    assert_sum(db, "SELECT sum128(1) WHERE 0", "0");
    assert_sum(db, "SELECT sum128(0.5)", NULL);
    assert_sum(db, "SELECT sat_add(9223372036854775807, 1)", "9223372036854775807");
    assert_sum(db, "SELECT sat_add(-9223372036854775808, -1)", "-9223372036854775808");
    assert_sum(db, "SELECT sat_add(40, 2)", "42");
    sqlite3_close(db);
}

static void test_parses_what_it_prints(void **state)
{
    (void)state;
    __int128 v;
    assert_true(sum128_parse(S("27670116110564327421"), &v));
    assert_true(v == (__int128)INT64_MAX * 3);
    assert_true(sum128_parse(S("-170141183460469231731687303715884105728"), &v));
    assert_true((unsigned __int128)v == (unsigned __int128)1 << 127); /* the lowest one */
    assert_false(sum128_parse(S("170141183460469231731687303715884105728"), &v));
    assert_false(sum128_parse(S(""), &v));
    assert_false(sum128_parse(S("-"), &v));
    assert_false(sum128_parse(S("1.5"), &v));
    assert_false(sum128_parse(S("1e3"), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_do_not_overflow),
        cmocka_unit_test(test_parses_what_it_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Keys made at run time: through the store and back, with the audit of who made them. */
#include "fixture.h"

#include "ledger/audit.h"
#include "ledger/keys.h"
#include "ledger/verify.h"

static const struct audit_entry ann = {.at_us = 77,
                                       .who = STR_INIT("ann"),
                                       .why = STR_INIT("a test"),
                                       .origin = STR_INIT("here")};

static const struct ledger_key bob = {.name = STR_INIT("bob"),
                                      .team = STR_INIT("t"),
                                      .models = STR_INIT("gpt-*,cheap"),
                                      .hash = {1, 2, 3},
                                      .created_us = 5};

static void add_row(void *ctx, const struct ledger_key *k)
{
    buf_printf(ctx, "[%" STR_FMT " %" STR_FMT " %" STR_FMT " %d %lld %lld]", STR_ARG(k->name), STR_ARG(k->team),
               STR_ARG(k->models), k->hash[0], (long long)k->revoked_us, (long long)k->expires_us);
}

static void expect_keys(struct ledger *l, const char *expected)
{
    struct buf found, why;
    buf_init(&found, 0);
    buf_init(&why, 0);
    assert_true(ledger_keys_each(l, add_row, &found, &why));
    buf_add_byte(&found, '\0');
    assert_string_equal(found.p, expected);
    buf_free(&found);
    buf_free(&why);
}

static void expect_err(enum err e, enum err expected, struct buf *why, const char *sentence)
{
    if (e != expected) fail_msg("%d: %.*s", (int)e, (int)why->n, why->p);
    if (sentence && str_find(buf_str(why), str_from(sentence), 0) == SIZE_MAX) fail_msg("%.*s", (int)why->n, why->p);
    if (!sentence) assert_int_equal(why->n, 0);
    buf_clear(why);
}

static void test_kept_once_and_revoked_once(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    struct ledger_key again = bob;
    struct audit_entry later = ann;
    buf_init(&why, 0);
    again.hash[0] = 9;
    later.at_us = 99;
    expect_err(ledger_key_add(l, &bob, &ann, &why), ERR_NONE, &why, NULL);
    expect_err(ledger_key_add(l, &again, &ann, &why), ERR_BAD_REQUEST, &why, "'bob' exists");
    expect_keys(l, "[bob t gpt-*,cheap 1 0 0]");
    expect_err(ledger_key_revoke(l, S("bob"), &ann, &why), ERR_NONE, &why, NULL);
    expect_err(ledger_key_revoke(l, S("bob"), &later, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob t gpt-*,cheap 1 77 0]");
    expect_err(ledger_key_revoke(l, S("nobody"), &ann, &why), ERR_NOT_FOUND, &why, "no key is named 'nobody'");
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

static void test_rotation_lets_the_old_secret_hold_for_a_while(void **state)
{
    (void)state;
    static const unsigned char second[32] = {4}, third[32] = {5};
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    expect_err(ledger_key_add(l, &bob, &ann, &why), ERR_NONE, &why, NULL);
    expect_err(ledger_key_rotate(l, S("bob"), second, 500, &ann, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob t gpt-*,cheap 4 0 0][(old) bob t gpt-*,cheap 1 0 500]");
    /* the one before that holds no longer */
    expect_err(ledger_key_rotate(l, S("bob"), third, 900, &ann, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob t gpt-*,cheap 5 0 0][(old) bob t gpt-*,cheap 4 0 900]");
    str team = S("u"), models = S("");
    int64_t expires_us = 700;
    struct ledger_key_change change = {&team, &models, &expires_us};
    expect_err(ledger_key_change(l, S("bob"), &change, &ann, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob u  5 0 700][(old) bob u  4 0 700]");
    expect_err(ledger_key_rotate(l, S("bob"), second, 0, &ann, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob u  4 0 700]");
    expect_err(ledger_key_rotate(l, S("bob"), third, 900, &ann, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob u  5 0 700][(old) bob u  4 0 700]");
    expect_err(ledger_key_revoke(l, S("bob"), &ann, &why), ERR_NONE, &why, NULL);
    expect_keys(l, "[bob u  5 77 700][(old) bob u  4 77 700]");
    expect_err(ledger_key_rotate(l, S("bob"), second, 900, &ann, &why), ERR_BAD_REQUEST, &why, "is revoked");
    expect_err(ledger_key_change(l, S("bob"), &change, &ann, &why), ERR_BAD_REQUEST, &why, "is revoked");
    expect_err(ledger_key_rotate(l, S("eve"), second, 900, &ann, &why), ERR_NOT_FOUND, &why, "no key");
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

static void add_audit(struct buf *out, const char *dir)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    char path[512];
    snprintf(path, sizeof(path), "%s/purser.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const char *sql = "SELECT what || '|' || object || '|' || before || '|' || after FROM audit ORDER BY id";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) buf_printf(out, "%s\n", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_add_byte(out, '\0');
}

static void test_each_change_has_its_row_of_the_audit(void **state)
{
    (void)state;
    static const unsigned char second[32] = {4};
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    struct buf why, audit;
    str team = S("u");
    struct ledger_key_change change = {.team = &team};
    buf_init(&why, 0);
    buf_init(&audit, 0);
    expect_err(ledger_key_add(l, &bob, &ann, &why), ERR_NONE, &why, NULL);
    expect_err(ledger_key_change(l, S("bob"), &change, &ann, &why), ERR_NONE, &why, NULL);
    expect_err(ledger_key_change(l, S("bob"), &change, &ann, &why), ERR_NONE, &why, NULL); /* the same: none */
    expect_err(ledger_key_rotate(l, S("bob"), second, 86400000000, &ann, &why), ERR_NONE, &why, NULL);
    run_sql(dir, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no room'); END");
    expect_err(ledger_key_revoke(l, S("bob"), &ann, &why), ERR_INTERNAL, &why, "no room");
    run_sql(dir, "DROP TRIGGER full");
    expect_keys(l, "[bob u gpt-*,cheap 4 0 0][(old) bob u gpt-*,cheap 1 0 86400000000]");
    expect_err(ledger_key_revoke(l, S("bob"), &ann, &why), ERR_NONE, &why, NULL);
    ledger_close(l);
    add_audit(&audit, dir);
    assert_string_equal(audit.p,
                        "key made|key bob||{\"team\":\"t\",\"models\":\"gpt-*,cheap\",\"expires\":null}\n"
                        "key changed|key bob|{\"team\":\"t\",\"models\":\"gpt-*,cheap\",\"expires\":null}|"
                        "{\"team\":\"u\",\"models\":\"gpt-*,cheap\",\"expires\":null}\n"
                        "key rotated|key bob||a new secret; the old one holds until 1970-01-02T00:00:00.000000Z\n"
                        "key revoked|key bob|{\"team\":\"u\",\"models\":\"gpt-*,cheap\",\"expires\":null}|\n");
    buf_free(&why);
    buf_free(&audit);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_once_and_revoked_once),
        cmocka_unit_test(test_rotation_lets_the_old_secret_hold_for_a_while),
        cmocka_unit_test(test_each_change_has_its_row_of_the_audit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Outcomes and feedback: told, told again, listed; and the list of the audit. */
#include "fixture.h"

#include "ledger/audit.h"
#include "ledger/outcomes.h"

#define BEGIN_US INT64_C(1790000000000000)

static char *folder_with_rows(void)
{
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    static const char *const features[] = {"chat", "mail", "mail"};
    for (uint64_t i = 0; i < 3; i++) { /* 0x100 of task t1; 0x200 and, a day later, 0x300 of t2 */
        struct row row = {.n = {.attempt_id = (i + 1) << 8, .call_id = (i + 1) << 8, .number = 1}};
        row.n.at_us = BEGIN_US + (i == 2) * US_PER_DAY;
        row.n.cost_picousd = 5;
        row.text[ROW_FEATURE] = str_from(features[i]);
        row.text[ROW_TASK] = i ? S("t2") : S("t1");
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

static struct outcome outcome(const char *task, uint64_t call_id, const char *name, bool success)
{
    return (struct outcome){.at_us = BEGIN_US + 10,
                            .told_us = BEGIN_US + 3 * US_PER_DAY,
                            .task = str_from(task),
                            .call_id = call_id,
                            .name = str_from(name),
                            .success = success,
                            .value = success ? 900 : 0,
                            .who = S("app")};
}

static enum err put(struct ledger *l, struct outcome o)
{
    struct buf why;
    buf_init(&why, 0);
    enum err e = outcomes_put(l, &o, 1, &why);
    assert_true((e != ERR_NONE) == (why.n > 0));
    buf_free(&why);
    return e;
}

static void add_outcome(void *ctx, const struct outcome *o)
{
    buf_printf(ctx, "[%" STR_FMT "%llx %" STR_FMT " %d %lld %" STR_FMT "]", STR_ARG(o->task),
               (unsigned long long)o->call_id, STR_ARG(o->name), o->success, (long long)o->value, STR_ARG(o->feature));
}

static struct told_ask ask_all(void)
{
    return (struct told_ask){.since_us = INT64_MIN, .until_us = INT64_MAX, .limit = 100};
}

static void expect(const char *dir, struct told_ask ask, const char *expected)
{
    struct buf out, why;
    struct calls_cursor next;
    bool more;
    buf_init(&out, 0);
    buf_init(&why, 0);
    assert_true(outcomes_each(dir, &ask, add_outcome, &out, &next, &more, &why));
    assert_int_equal(more, false);
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, expected);
    buf_free(&out);
    buf_free(&why);
}

static void test_told_and_told_again(void **state)
{
    (void)state;
    char *dir = folder_with_rows();
    struct ledger *l = must_open(dir, 1);
    assert_int_equal(put(l, outcome("", 0x100, "resolved", false)), ERR_NONE);
    assert_int_equal(put(l, outcome("t2", 0, "resolved", true)), ERR_NONE);
    assert_int_equal(put(l, outcome("t2", 0, "on time", false)), ERR_NONE);
    expect(dir, ask_all(), "[t20 on time 0 0 mail][t20 resolved 1 900 mail][100 resolved 0 0 chat]");
    assert_int_equal(put(l, outcome("", 0x100, "resolved", true)), ERR_NONE); /* the latest word holds */
    expect(dir, ask_all(), "[t20 on time 0 0 mail][t20 resolved 1 900 mail][100 resolved 1 900 chat]");
    assert_int_equal(put(l, outcome("t9", 0, "resolved", true)), ERR_NONE); /* its calls may be yet to come */
    struct outcome later = outcome("", 0x100, "resolved", true);
    later.at_us += 5;
    assert_int_equal(put(l, later), ERR_NONE);
    struct told_ask ask = ask_all();
    ask.since_us = later.at_us;
    expect(dir, ask, "[100 resolved 1 900 chat]");
    ask = ask_all();
    ask.feature = S("chat");
    expect(dir, ask, "[100 resolved 1 900 chat]");
    ask = ask_all();
    ask.task = S("t9");
    expect(dir, ask, "[t90 resolved 1 900 ]");
    ask = ask_all();
    ask.name = S("on time");
    expect(dir, ask, "[t20 on time 0 0 mail]");
    ask = ask_all();
    ask.call_id = 0x100;
    expect(dir, ask, "[100 resolved 1 900 chat]");
    const str mine[] = {S("chat")};
    ask = ask_all();
    ask.scoped = true;
    expect(dir, ask, "");
    ask.features = mine;
    ask.feature_count = 1;
    expect(dir, ask, "[100 resolved 1 900 chat]");
    ask = ask_all();
    ask.since_us = BEGIN_US + 16;
    expect(dir, ask, "");
    ledger_close(l);
    folder_drop(dir);
}

static void test_refused(void **state)
{
    (void)state;
    char *dir = folder_with_rows();
    struct ledger *l = must_open(dir, 1);
    assert_int_equal(put(l, outcome("", 0x999, "resolved", true)), ERR_BAD_REQUEST);
    assert_int_equal(put(l, outcome("t1", 0x100, "resolved", true)), ERR_BAD_REQUEST);
    assert_int_equal(put(l, outcome("", 0, "resolved", true)), ERR_BAD_REQUEST);
    assert_int_equal(put(l, outcome("t1", 0, "", true)), ERR_BAD_REQUEST);
    struct outcome both[] = {outcome("t1", 0, "resolved", true), outcome("", 0x999, "resolved", true)};
    struct buf why;
    buf_init(&why, 0);
    assert_int_equal(outcomes_put(l, both, 2, &why), ERR_BAD_REQUEST); /* all or none */
    expect(dir, ask_all(), "");
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

static void test_pages(void **state)
{
    (void)state;
    char *dir = folder_with_rows();
    struct ledger *l = must_open(dir, 1);
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        struct outcome o = outcome("t1", 0, name, true);
        o.at_us += i / 3; /* some at the very same moment */
        assert_int_equal(put(l, o), ERR_NONE);
    }
    struct buf out, why;
    struct calls_cursor next = {0};
    struct told_ask ask = ask_all();
    bool more = true;
    int pages = 0;
    buf_init(&out, 0);
    buf_init(&why, 0);
    for (ask.limit = 4; more; pages++) {
        struct calls_cursor after = next;
        ask.after = pages ? &after : NULL;
        assert_true(outcomes_each(dir, &ask, add_outcome, &out, &next, &more, &why));
    }
    assert_int_equal(pages, 3);
    buf_add_byte(&out, '\0');
    for (int i = 0; i < 10; i++) {
        char text[24];
        snprintf(text, sizeof(text), "t10 n%d ", i);
        const char *found = strstr(out.p, text);
        assert_non_null(found);
        assert_null(strstr(found + 1, text));
    }
    buf_free(&out);
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

static void add_feedback(void *ctx, const struct feedback *f)
{
    buf_printf(ctx, "[%llx %d %lld %" STR_FMT " %" STR_FMT " %" STR_FMT "]", (unsigned long long)f->call_id, f->scored,
               (long long)f->score_ppm, STR_ARG(f->label), STR_ARG(f->comment), STR_ARG(f->feature));
}

static void test_feedback(void **state)
{
    (void)state;
    char *dir = folder_with_rows();
    struct ledger *l = must_open(dir, 1);
    struct buf out, why;
    struct calls_cursor next;
    bool more;
    buf_init(&out, 0);
    buf_init(&why, 0);
    struct feedback all[] = {
        {.at_us = BEGIN_US, .call_id = 0x100, .scored = true, .score_ppm = 500000, .who = S("u1")},
        {.at_us = BEGIN_US, .call_id = 0x100, .label = S("wrong"), .comment = S("<b>"), .who = S("u2")}};
    assert_int_equal(feedback_put(l, all, 2, &why), ERR_NONE);
    assert_int_equal(feedback_put(l, all, 2, &why), ERR_NONE); /* a client that tries again */
    struct told_ask ask = ask_all();
    assert_true(feedback_each(dir, &ask, add_feedback, &out, &next, &more, &why));
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, "[100 0 0 wrong <b> chat][100 1 500000   chat]");
    all[0].call_id = 0x999;
    assert_int_equal(feedback_put(l, all, 1, &why), ERR_BAD_REQUEST);
    buf_free(&out);
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

static void test_older_store_has_none(void **state)
{
    (void)state;
    char *dir = folder_with_rows();
    run_sql(dir, "DROP TABLE outcomes; DROP TABLE feedback; DROP INDEX attempts_again; PRAGMA user_version = 4");
    expect(dir, ask_all(), "");
    folder_drop(dir);
    dir = folder_new();
    expect(dir, ask_all(), "");
    folder_drop(dir);
}

/* ---- the audit's list */

static void add_audit(void *ctx, const struct audit_row *row)
{
    buf_printf(ctx, "[%lld %" STR_FMT " %" STR_FMT " %02x]", (long long)row->id, STR_ARG(row->entry.who),
               STR_ARG(row->entry.object), row->hash[0]);
}

static void expect_audit(const char *dir, struct audit_ask ask, const char *expected)
{
    struct buf out, why;
    buf_init(&out, 0);
    buf_init(&why, 0);
    if (!ask.limit) ask.limit = 100;
    if (!ask.until_us) ask.until_us = INT64_MAX;
    assert_true(audit_each(dir, &ask, add_audit, &out, &why));
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, expected);
    buf_free(&out);
    buf_free(&why);
}

static void test_audit_is_listed(void **state)
{
    (void)state;
    char *dir = folder_new();
    expect_audit(dir, (struct audit_ask){0}, "");
    struct ledger *l = must_open(dir, 1);
    struct buf why;
    buf_init(&why, 0);
    const char *const objects[] = {"key a", "key b", "feature a"};
    for (int i = 0; i < 3; i++) {
        struct audit_entry e = {.at_us = 100 + i, .who = i ? S("ann") : S("bob"), .object = str_from(objects[i])};
        assert_true(ledger_audit(l, &e, 1, &why));
    }
    char text[200];
    int hash[3];
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text),
                 "SELECT instr('0123456789ABCDEF', substr(hex(hash), 1, 1)) * 16 - 17"
                 " + instr('0123456789ABCDEF', substr(hex(hash), 2, 1)) FROM audit WHERE id = %d",
                 i + 1);
        hash[i] = (int)ask(dir, text);
    }
    snprintf(text, sizeof(text), "[3 ann feature a %02x][2 ann key b %02x][1 bob key a %02x]", hash[2], hash[1],
             hash[0]);
    expect_audit(dir, (struct audit_ask){0}, text);
    snprintf(text, sizeof(text), "[2 ann key b %02x]", hash[1]);
    expect_audit(dir, (struct audit_ask){.who = S("ann"), .object = S("key")}, text);
    expect_audit(dir, (struct audit_ask){.before_id = 3, .limit = 1}, text);
    expect_audit(dir, (struct audit_ask){.since_us = 101, .until_us = 102}, text);
    expect_audit(dir, (struct audit_ask){.what = S("ai")}, "");
    buf_free(&why);
    ledger_close(l);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_and_told_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_feedback),
        cmocka_unit_test(test_older_store_has_none),
        cmocka_unit_test(test_audit_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who owns what providers store: told by rows, also by those that a start finds in journals. */
#include "fixture.h"

struct seen {
    char text[512];
    size_t n;
};

static void note(void *ctx, str id, str key, str provider)
{
    struct seen *s = ctx;
    s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, "%" STR_FMT " %" STR_FMT " %" STR_FMT "\n",
                             STR_ARG(id), STR_ARG(key), STR_ARG(provider));
}

static void post(struct journal *j, const char *id, const char *key, int64_t at_us)
{
    struct row row = row_hold(j);
    row.n.at_us = at_us;
    row.text[ROW_KEY] = str_from(key);
    row.text[ROW_PROVIDER] = S("lab");
    assert_int_not_equal(journal_append(j, JOURNAL_HOLD, &row), 0);
    row.text[ROW_OBJECT] = str_from(id);
    assert_int_not_equal(journal_append(j, JOURNAL_POST, &row), 0);
}

static void test_owners_come_back_newest_first(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct ledger *l = must_open(dir, 1);
    ledger_start(l);
    struct journal *j = ledger_journal(l, 0);
    post(j, "resp_1", "alice", 1000);
    post(j, "", "alice", 2000);
    post(j, "file-2", "bob", 3000);
    post(j, "resp_3", "carol", 4000);

    struct seen all = {0}, some = {0}, late = {0};
    assert_true(ledger_objects_each(l, 0, 100, note, &all));
    assert_string_equal(all.text, "resp_3 carol lab\nfile-2 bob lab\nresp_1 alice lab\n");
    assert_true(ledger_objects_each(l, 0, 1, note, &some));
    assert_string_equal(some.text, "resp_3 carol lab\n");
    assert_true(ledger_objects_each(l, 3000, 100, note, &late));
    assert_string_equal(late.text, "resp_3 carol lab\nfile-2 bob lab\n");
    ledger_stop(l);
    ledger_close(l);

    l = must_open(dir, 1);
    ledger_start(l);
    struct seen again = {0};
    assert_true(ledger_objects_each(l, 0, 100, note, &again));
    assert_string_equal(again.text, all.text);
    ledger_stop(l);
    ledger_close(l);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owners_come_back_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

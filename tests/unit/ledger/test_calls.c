/* Single calls: listed each once over all pages, whole, within what may be seen. */
#include "fixture.h"

#include "ledger/calls.h"
#include "ledger/id.h"

#define BEGIN_US INT64_C(1790000000000000)

/* Attempt `id` of call `call`, so many seconds behind the beginning. */
static struct row attempt(uint64_t id, uint64_t call, int64_t second, int number)
{
    struct row row = {0};
    row.n.attempt_id = id;
    row.n.call_id = call;
    row.n.at_us = BEGIN_US + second * US_PER_SECOND;
    row.n.total_us = 300000;
    row.n.ended_us = row.n.at_us + row.n.total_us;
    row.n.first_byte_us = 100000;
    row.n.number = (uint8_t)number;
    row.n.reason = number == 1 ? REASON_FIRST : REASON_RETRY;
    row.n.units[UNIT_INPUT] = 40;
    row.n.units[UNIT_CACHE_READ] = 10;
    row.n.units[UNIT_OUTPUT] = 7;
    row.n.cost_by_unit[UNIT_INPUT] = 400;
    row.n.cost_by_unit[UNIT_CACHE_READ] = 10;
    row.n.cost_by_unit[UNIT_OUTPUT] = 290; /* no whole price: 7 x 41 is 287 */
    row.n.cost_picousd = row.n.cost_max_picousd = 700;
    row.n.provider_cost_picousd = -1;
    row.text[ROW_KEY] = S("alice");
    row.text[ROW_USER] = S("u1");
    row.text[ROW_FEATURE] = S("chat");
    row.text[ROW_MODEL] = S("m1");
    row.text[ROW_PROVIDER] = S("p1");
    row.text[ROW_USAGE_RAW] = S("{\"n\":1}");
    return row;
}

static void store_rows(const char *dir, const struct row *rows, size_t count)
{
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    if (!s) fail_msg("%.*s", (int)why.n, why.p);
    assert_true(store_begin(s));
    for (size_t i = 0; i < count; i++) assert_int_equal(store_post(s, &rows[i]), STORE_DONE);
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
}

static struct row failed(struct row row)
{
    row.n.err = ERR_PROVIDER_TIMEOUT;
    row.n.wasted = 1;
    row.n.cost_picousd = row.n.cost_max_picousd = 50;
    return row;
}

/* Four calls: 0x100 retried (0x300) long after 0x200 began; 0x200; 0x500, whose first attempt 0x400 left no row,
 * of another feature; 0x600 by another user, hours later. */
static char *folder_with_calls(void)
{
    char *dir = folder_new();
    struct row rows[] = {failed(attempt(0x100, 0x100, 0, 1)), attempt(0x200, 0x200, 1, 1), attempt(0x300, 0x100, 30, 2),
                         attempt(0x500, 0x400, 40, 2), attempt(0x600, 0x600, 100000, 1)};
    rows[3].text[ROW_FEATURE] = S("mail");
    rows[4].text[ROW_USER] = S("u2");
    rows[4].text[ROW_TASK] = S("t1");
    rows[4].n.cost_state = COST_ESTIMATED;
    store_rows(dir, rows, COUNT_OF(rows));
    return dir;
}

static struct calls_ask ask_all(void)
{
    return (struct calls_ask){.until_us = INT64_MAX, .limit = 100};
}

static struct calls_ask ask_where(const char *column, const char *value, bool differs)
{
    struct calls_ask ask = ask_all();
    ask.filter.where[0] = (struct calls_where){str_from(column), str_from(value), differs};
    ask.filter.where_count = 1;
    return ask;
}

static struct calls_page *must_list(const char *dir, const struct calls_ask *ask)
{
    struct buf why;
    buf_init(&why, 0);
    struct calls_page *p = calls_list(dir, ask, &why);
    if (!p) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return p;
}

/* The calls' ids, "600 400 ...". */
static void expect(const char *dir, struct calls_ask ask, const char *expected)
{
    struct calls_page *p = must_list(dir, &ask);
    struct buf ids;
    buf_init(&ids, 0);
    for (size_t i = 0; i < p->count; i++)
        buf_printf(&ids, "%s%llx", i ? " " : "", (unsigned long long)p->rows[i].call_id);
    buf_add_byte(&ids, '\0');
    assert_string_equal(ids.p, expected);
    buf_free(&ids);
    calls_page_drop(p);
}

static void test_list_and_filter(void **state)
{
    (void)state;
    char *dir = folder_with_calls();
    struct calls_ask ask = ask_all();
    expect(dir, ask, "600 400 200 100");
    ask.since_us = BEGIN_US + US_PER_SECOND;
    ask.until_us = BEGIN_US + 100000 * US_PER_SECOND; /* [since, until): 0x100 began before */
    expect(dir, ask, "400 200");
    expect(dir, ask_where("user", "u2", false), "600");
    expect(dir, ask_where("user", "u2", true), "400 200 100");
    expect(dir, ask_where("user", "nobody", false), "");
    expect(dir, ask_where("task", "t1", false), "600");
    expect(dir, ask_where("session", "", false), "600 400 200 100");
    expect(dir, ask_where("status", "ok", true), "100");
    expect(dir, ask_where("reason", "retry", false), "400 100"); /* in the order of what matched */
    expect(dir, ask_where("cost_state", "estimated", false), "600");
    expect(dir, ask_where("wasted", "1", false), "100");
    expect(dir, ask_where("call_id", "0000000000000100", false), "100");
    expect(dir, ask_where("attempt_id", "0000000000000300", false), "100");
    ask = ask_where("user", "u1", false);
    ask.filter.where[1] = (struct calls_where){S("feature"), S("mail"), false};
    ask.filter.where_count = 2;
    expect(dir, ask, "400");
    ask.filter.where[2] = (struct calls_where){S("user"), S("u2"), false}; /* of one column: any of them */
    ask.filter.where[3] = (struct calls_where){S("feature"), S("chat"), false};
    ask.filter.where_count = 3;
    expect(dir, ask, "400");
    ask.filter.where_count = 4;
    expect(dir, ask, "600 400 200 100");
    ask.filter.where[0].differs = ask.filter.where[2].differs = true; /* that differ: none of them */
    expect(dir, ask, "");
    folder_drop(dir);
}

static void test_least_cost_and_time(void **state)
{
    (void)state;
    char *dir = folder_with_calls();
    struct calls_ask ask = ask_all();
    ask.cost_from = 701; /* 700 and 50 together are more */
    expect(dir, ask, "100");
    ask.cost_from = 751;
    expect(dir, ask, "");
    ask.cost_from = 700;
    expect(dir, ask, "600 400 200 100");
    ask = ask_all();
    ask.total_from_us = US_PER_SECOND; /* from its first attempt to the end of its last */
    expect(dir, ask, "100");
    run_sql(dir, "DROP INDEX attempts_again");
    expect(dir, ask, "100");
    ask = ask_all();
    ask.cost_from = 701;
    expect(dir, ask, "100");
    expect(dir, ask_all(), "600 400 200 100");
    folder_drop(dir);
}

static void test_attempts_alone(void **state)
{
    (void)state;
    char *dir = folder_with_calls();
    struct calls_ask ask = ask_all();
    ask.single = true;
    expect(dir, ask, "600 400 100 200 100");
    ask.cost_from = 700;
    expect(dir, ask, "600 400 100 200");
    ask = ask_where("status", "ok", true);
    ask.single = ask.with_attempts = true;
    struct calls_page *p = must_list(dir, &ask);
    assert_int_equal(p->count, 1);
    assert_int_equal(p->rows[0].attempt_count, 1);
    assert_int_equal((int64_t)p->rows[0].cost, 50);
    assert_int_equal(call_number(&p->rows[0].attempts[0], "attempt_id"), 0x100);
    calls_page_drop(p);
    folder_drop(dir);
}

static void test_scope_is_kept(void **state)
{
    (void)state;
    char *dir = folder_with_calls();
    const str mine[] = {S("mail"), S("none such")};
    struct calls_ask ask = ask_all();
    struct buf why;
    buf_init(&why, 0);
    ask.filter = (struct calls_filter){.scoped = true, .features = mine, .feature_count = 2};
    expect(dir, ask, "400");
    struct calls_page *p = calls_find(dir, 0x200, &ask.filter, &why);
    assert_int_equal(p->count, 0);
    calls_page_drop(p);
    p = calls_find_attempt(dir, 0x200, &ask.filter, &why);
    assert_int_equal(p->count, 0);
    calls_page_drop(p);
    p = calls_find(dir, 0x400, &ask.filter, &why);
    assert_int_equal(p->count, 1);
    calls_page_drop(p);
    ask.filter.feature_count = 0; /* who owns nothing sees nothing */
    expect(dir, ask, "");
    p = calls_find(dir, 0x400, &ask.filter, &why);
    assert_int_equal(p->count, 0);
    calls_page_drop(p);
    buf_free(&why);
    folder_drop(dir);
}

static void test_pages_have_each_call_once(void **state)
{
    (void)state;
    enum { CALLS = 500 };
    char *dir = folder_new();
    struct row *rows = mem_zalloc(2 * CALLS * sizeof(*rows));
    size_t count = 0;
    for (uint64_t i = 0; i < CALLS; i++) { /* three at a time at one moment; each tenth again, seven seconds later */
        rows[count++] = attempt((2 * i + 1) << 8, (2 * i + 1) << 8, (int64_t)(i / 3), 1);
        if (i % 10 == 0) rows[count++] = attempt((2 * i + 2) << 8, (2 * i + 1) << 8, (int64_t)(i / 3) + 7, 2);
    }
    store_rows(dir, rows, count);
    struct calls_ask ask = ask_all();
    struct calls_cursor after;
    bool seen[CALLS] = {false};
    size_t found = 0;
    int64_t last_us = INT64_MAX;
    ask.limit = 7;
    for (bool more = true; more;) {
        struct calls_page *p = must_list(dir, &ask);
        for (size_t i = 0; i < p->count; i++) {
            uint64_t n = p->rows[i].call_id >> 9;
            assert_false(seen[n]);
            seen[n] = true;
            found++;
            assert_int_equal(p->rows[i].attempt_count, n % 10 == 0 ? 2 : 1);
            assert_true(p->rows[i].at_us <= last_us);
            last_us = p->rows[i].at_us;
        }
        char text[CALLS_CURSOR_TEXT + 1];
        more = p->more;
        if (more) assert_true(calls_cursor_parse(calls_cursor_format(&p->next, text), &after));
        ask.after = &after;
        calls_page_drop(p);
    }
    assert_int_equal(found, CALLS);
    free(rows);
    folder_drop(dir);
}

static bool never(void *ctx, double done)
{
    int *asked = ctx;
    assert_true(done >= 0 && done <= 1);
    return ++*asked < 3;
}

static void test_search_can_be_ended_and_goes_on(void **state)
{
    (void)state;
    enum { CALLS = 70000 };
    char *dir = folder_new();
    struct row *rows = mem_zalloc(CALLS * sizeof(*rows));
    for (uint64_t i = 0; i < CALLS; i++) rows[i] = attempt((i + 1) << 8, (i + 1) << 8, (int64_t)i, 1);
    rows[5].text[ROW_SESSION] = S("s1");
    store_rows(dir, rows, CALLS);
    int asked = 0, stops = 0;
    struct calls_ask ask = ask_where("session", "s1", false);
    struct calls_cursor after;
    ask.go_on = never;
    ask.ctx = &asked;
    size_t found = 0;
    for (bool more = true; more; stops++) {
        struct calls_page *p = must_list(dir, &ask);
        found += p->count;
        more = p->more;
        assert_int_equal(p->stopped, more);
        after = p->next;
        ask.after = &after;
        ask.go_on = NULL;
        calls_page_drop(p);
    }
    assert_int_equal(found, 1);
    assert_int_equal(stops, 2);
    free(rows);
    folder_drop(dir);
}

static void test_call_is_whole(void **state)
{
    (void)state;
    char *dir = folder_with_calls();
    struct buf why;
    buf_init(&why, 0);
    struct calls_page *p = calls_find(dir, 0x100, NULL, &why);
    assert_int_equal(p->count, 1);
    const struct call_row *c = &p->rows[0];
    assert_int_equal(c->attempt_count, 2);
    assert_int_equal(c->wasted_count, 1);
    assert_int_equal((int64_t)c->cost, 750);
    assert_int_equal((int64_t)c->wasted_cost, 50);
    assert_int_equal(c->input_tokens, 100);
    assert_int_equal(c->cached_tokens, 20);
    assert_int_equal(c->output_tokens, 14);
    assert_int_equal(c->total_us, 30 * US_PER_SECOND + 300000);
    assert_int_equal(c->first_byte_us, 30 * US_PER_SECOND + 100000); /* of the attempt that was used */
    assert_true(str_eq(c->status, S("ok")) && str_eq(c->reason, S("retry")));
    assert_true(str_eq(call_text(&c->attempts[0], "status"), err_info(ERR_PROVIDER_TIMEOUT)->name));
    assert_true(str_eq(c->attempts[1].usage_raw, S("{\"n\":1}")));
    assert_int_equal(call_number(&c->attempts[1], "number"), 2);
    calls_page_drop(p);
    p = calls_find(dir, 0x300, NULL, &why); /* an attempt's id is no call's */
    assert_int_equal(p->count, 0);
    calls_page_drop(p);
    p = calls_find_attempt(dir, 0x300, NULL, &why);
    assert_int_equal(p->count, 1);
    assert_int_equal(p->rows[0].call_id, 0x100);
    assert_int_equal(p->rows[0].attempt_count, 1);
    calls_page_drop(p);
    buf_free(&why);
    folder_drop(dir);
}

static void test_the_least_sure_cost_decides(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct row rows[] = {attempt(0x100, 0x100, 0, 1), attempt(0x200, 0x100, 1, 2)};
    rows[0].n.cost_state = COST_UNPRICED;
    rows[1].n.cost_state = COST_ESTIMATED;
    rows[1].n.cost_max_picousd = 900;
    store_rows(dir, rows, 2);
    struct calls_ask ask = ask_all();
    struct calls_page *p = must_list(dir, &ask);
    assert_int_equal(p->rows[0].cost_state, COST_UNPRICED);
    assert_int_equal((int64_t)p->rows[0].cost, 700); /* what was held for want of a price is no cost */
    assert_int_equal((int64_t)p->rows[0].cost_max, 900);
    calls_page_drop(p);
    ask.cost_from = 701;
    expect(dir, ask, "");
    folder_drop(dir);
}

/* Whatever stands in a row: what the lines say and what no line says is its cost. */
static void test_lines_add_up(void **state)
{
    (void)state;
    char *dir = folder_with_calls();
    struct buf why;
    buf_init(&why, 0);
    struct calls_page *p = calls_find(dir, 0x100, NULL, &why);
    for (size_t i = 0; i < 2; i++) {
        const struct call_attempt *a = &p->rows[0].attempts[i];
        picousd sum = a->rest;
        assert_int_equal(a->line_count, 3);
        for (size_t l = 0; l < a->line_count; l++) {
            sum += a->lines[l].cost;
            if (a->lines[l].each >= 0) assert_int_equal(a->lines[l].each * a->lines[l].count, a->lines[l].cost);
        }
        assert_int_equal(sum, call_number(a, "cost_picousd"));
        assert_int_equal(a->rest, i ? 0 : -650);
    }
    assert_int_equal(p->rows[0].attempts[1].lines[0].each, 10);
    assert_int_equal(p->rows[0].attempts[1].lines[2].each, -1);
    calls_page_drop(p);
    buf_free(&why);
    folder_drop(dir);
}

static void test_idle_time_is_no_call(void **state)
{
    (void)state;
    char *dir = folder_new();
    struct row row = attempt(0x100, 0x100, 0, 0);
    row.n.reason = REASON_IDLE;
    store_rows(dir, &row, 1);
    expect(dir, ask_all(), "");
    expect(dir, ask_where("reason", "idle", false), "100");
    folder_drop(dir);
}

static void expect_why(const char *dir, struct calls_ask ask, const char *part)
{
    struct buf why;
    buf_init(&why, 0);
    assert_null(calls_list(dir, &ask, &why));
    buf_add_byte(&why, '\0');
    if (!strstr(why.p, part)) fail_msg("'%s' is not in: %s", part, why.p);
    buf_free(&why);
}

static void test_wrong_questions(void **state)
{
    (void)state;
    char *dir = folder_new();
    expect_why(dir, ask_all(), "there is no ledger in");
    folder_drop(dir);
    dir = folder_with_calls();
    expect_why(dir, ask_where("colour", "red", false), "'colour' is nothing to filter on; there are: feature,");
    expect_why(dir, ask_where("http_status", "many", false), "'http_status' is a number: 'many' is none");
    expect_why(dir, ask_where("call_id", "256", false), "an id of 16 hexadecimal digits");
    struct calls_ask ask = ask_all();
    ask.filter.id_prefix = S("00x");
    expect_why(dir, ask, "'00x' is no beginning of an id");
    folder_drop(dir);
}

static void test_ids(void **state)
{
    (void)state;
    char text[ID_TEXT + 1];
    uint64_t id = 0, until = 0;
    assert_string_equal(id_format(UINT64_C(0x80000012300), text).p, "0000080000012300");
    assert_true(id_parse(S("0000080000012300"), &id));
    assert_true(id == UINT64_C(0x80000012300));
    assert_true(id_parse(S("ffffffffFFFFFFFF"), &id) && id == UINT64_MAX);
    assert_false(id_parse(S("80000012300"), &id));
    assert_false(id_parse(S("000008000001230g"), &id));
    assert_false(id_parse(S(""), &id));
    assert_true(id_parse_prefix(S("00000800"), &id, &until));
    assert_true(id == UINT64_C(0x80000000000) && until == UINT64_C(0x800ffffffff));
    assert_true(id_parse_prefix(S("0000080000012300"), &id, &until) && id == until);
    assert_false(id_parse_prefix(S("00000800000123000"), &id, &until));
    char *dir = folder_with_calls();
    struct calls_ask ask = ask_all();
    ask.filter.id_prefix = S("000000000000030"); /* an attempt's */
    expect(dir, ask, "100");
    ask.filter.id_prefix = S("00000000000004"); /* a call's, whose first attempt left no row */
    expect(dir, ask, "400");
    ask.filter.id_prefix = S("0");
    expect(dir, ask, "600 400 200 100");
    ask.filter.id_prefix = S("1");
    expect(dir, ask, "");
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_and_filter),
        cmocka_unit_test(test_least_cost_and_time),
        cmocka_unit_test(test_attempts_alone),
        cmocka_unit_test(test_scope_is_kept),
        cmocka_unit_test(test_pages_have_each_call_once),
        cmocka_unit_test(test_search_can_be_ended_and_goes_on),
        cmocka_unit_test(test_call_is_whole),
        cmocka_unit_test(test_the_least_sure_cost_decides),
        cmocka_unit_test(test_lines_add_up),
        cmocka_unit_test(test_idle_time_is_no_call),
        cmocka_unit_test(test_wrong_questions),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tasks and sessions: each listed once, with the sums of all its rows. */
#include "fixture.h"

#include "ledger/chains.h"

#define DAY_US (INT64_C(1790000000000000) / US_PER_DAY * US_PER_DAY)

static uint64_t last_id;

static void store_call(struct store *s, const char *task, const char *session, const char *feature, int64_t at_us,
                       picousd cost)
{
    struct row row = {.n = {.at_us = at_us, .number = 1, .cost_picousd = cost, .cost_max_picousd = cost}};
    row.n.attempt_id = row.n.call_id = ++last_id << 8;
    row.text[ROW_TASK] = str_from(task);
    row.text[ROW_SESSION] = str_from(session);
    row.text[ROW_FEATURE] = str_from(feature);
    assert_int_equal(store_post(s, &row), STORE_DONE);
}

/* "long" on days 0 to 2 and of two features; 200 tasks on day 1, the dearest last; some calls of no task. */
static char *folder_with_tasks(void)
{
    char *dir = folder_new(), task[16];
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (int64_t day = 0; day < 3; day++) store_call(s, "long", "s-long", "chat", DAY_US + day * US_PER_DAY + 5, 10);
    store_call(s, "long", "s-long", "mail", DAY_US + 2 * US_PER_DAY + 9, 100);
    for (int i = 0; i < 200; i++) {
        snprintf(task, sizeof(task), "t%03d", i);
        store_call(s, task, task, "chat", DAY_US + US_PER_DAY + i, 1000 + i);
    }
    store_call(s, "", "", "chat", DAY_US + US_PER_DAY, 1000000);
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

static struct chains_ask ask_all(size_t limit)
{
    return (struct chains_ask){.since_us = INT64_MIN, .until_us = INT64_MAX, .limit = limit};
}

typedef struct chains_page *chains_list(const char *dir, const struct chains_ask *ask, struct buf *why);

static struct chains_page *must_list(const char *dir, chains_list *list, struct chains_ask ask)
{
    struct buf why;
    buf_init(&why, 0);
    struct chains_page *p = list(dir, &ask, &why);
    if (!p) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return p;
}

static void expect_row(const struct chain_row *r, const char *name, const char *feature, int64_t calls, int64_t cost,
                       int64_t first_us, int64_t last_us)
{
    assert_true(str_eq(r->name, str_from(name)));
    assert_true(str_eq(r->feature, str_from(feature)));
    assert_int_equal(r->sums.calls, calls);
    assert_int_equal((int64_t)r->sums.cost, cost);
    assert_int_equal(r->sums.first_us, first_us);
    assert_int_equal(r->sums.last_us, last_us);
}

static void test_latest_tasks_in_pages(void **state)
{
    (void)state;
    char *dir = folder_with_tasks(), after[300] = "";
    struct chains_ask ask = ask_all(7);
    size_t seen = 0;
    for (bool more = true; more; seen++) {
        ask.after = str_from(after);
        struct chains_page *p = must_list(dir, tasks_list, ask);
        if (!seen) expect_row(&p->rows[0], "long", "mail", 4, 130, DAY_US, DAY_US + 2 * US_PER_DAY);
        for (size_t i = !seen; i < p->count; i++) {
            char name[16];
            snprintf(name, sizeof(name), "t%03zu", seen ? seen * 7 + i - 1 : i - 1);
            expect_row(&p->rows[i], name, "chat", 1, 1000 + (int64_t)(seen * 7 + i - 1), DAY_US + US_PER_DAY,
                       DAY_US + US_PER_DAY);
        }
        more = p->next.p != NULL;
        if (more) assert_true(str_copy(after, sizeof(after), p->next));
        chains_page_drop(p);
    }
    assert_int_equal(seen, 29); /* 201 tasks, 7 a page */
    folder_drop(dir);
}

static void test_dearest_tasks(void **state)
{
    (void)state;
    char *dir = folder_with_tasks();
    struct chains_ask ask = ask_all(2);
    ask.dearest_first = true;
    struct chains_page *p = must_list(dir, tasks_list, ask);
    assert_int_equal(p->count, 2); /* what is of no task takes no place */
    assert_null(p->next.p);
    expect_row(&p->rows[0], "t199", "chat", 1, 1199, DAY_US + US_PER_DAY, DAY_US + US_PER_DAY);
    expect_row(&p->rows[1], "t198", "chat", 1, 1198, DAY_US + US_PER_DAY, DAY_US + US_PER_DAY);
    chains_page_drop(p);
    folder_drop(dir);
}

static void test_tasks_within_days_and_scope(void **state)
{
    (void)state;
    char *dir = folder_with_tasks();
    struct chains_ask ask = ask_all(10);
    ask.since_us = DAY_US + 2 * US_PER_DAY + 1000000; /* the whole day counts */
    struct chains_page *p = must_list(dir, tasks_list, ask);
    assert_int_equal(p->count, 1);
    expect_row(&p->rows[0], "long", "mail", 2, 110, DAY_US + 2 * US_PER_DAY, DAY_US + 2 * US_PER_DAY);
    chains_page_drop(p);
    ask = ask_all(10);
    ask.until_us = DAY_US + US_PER_DAY; /* up to midnight */
    p = must_list(dir, tasks_list, ask);
    assert_int_equal(p->count, 1);
    expect_row(&p->rows[0], "long", "chat", 1, 10, DAY_US, DAY_US);
    chains_page_drop(p);
    const str mine[] = {S("mail")};
    ask = ask_all(10);
    ask.filter = (struct calls_filter){.scoped = true, .features = mine, .feature_count = 1};
    for (int dearest = 0; dearest < 2; dearest++) {
        ask.dearest_first = dearest;
        p = must_list(dir, tasks_list, ask);
        assert_int_equal(p->count, 1);
        expect_row(&p->rows[0], "long", "mail", 1, 100, DAY_US + 2 * US_PER_DAY, DAY_US + 2 * US_PER_DAY);
        chains_page_drop(p);
    }
    ask.filter.feature_count = 0;
    p = must_list(dir, tasks_list, ask);
    assert_int_equal(p->count, 0);
    chains_page_drop(p);
    p = must_list(dir, sessions_list, ask);
    assert_int_equal(p->count, 0);
    chains_page_drop(p);
    folder_drop(dir);
}

static void test_sessions(void **state)
{
    (void)state;
    char *dir = folder_with_tasks();
    struct chains_page *p = must_list(dir, sessions_list, ask_all(3));
    assert_int_equal(p->count, 3);
    expect_row(&p->rows[0], "s-long", "mail", 4, 130, DAY_US + 5, DAY_US + 2 * US_PER_DAY + 9);
    expect_row(&p->rows[1], "t199", "chat", 1, 1199, DAY_US + US_PER_DAY + 199, DAY_US + US_PER_DAY + 199);
    chains_page_drop(p);
    struct chains_ask ask = ask_all(1000);
    ask.dearest_first = true;
    ask.since_us = DAY_US + US_PER_DAY + 10;
    ask.until_us = DAY_US + US_PER_DAY + 20;
    p = must_list(dir, sessions_list, ask);
    assert_int_equal(p->count, 10);
    expect_row(&p->rows[0], "t019", "chat", 1, 1019, DAY_US + US_PER_DAY + 19, DAY_US + US_PER_DAY + 19);
    chains_page_drop(p);
    folder_drop(dir);
}

static bool never(void *ctx, double done)
{
    (void)ctx;
    (void)done;
    return false;
}

static void test_one_and_the_end_of_a_search(void **state)
{
    (void)state;
    char *dir = folder_with_tasks();
    struct buf why;
    struct chains_one chain;
    buf_init(&why, 0);
    struct chain_ask ask = {.kind = CHAIN_TASK, .name = S("long"), .since_us = INT64_MIN, .until_us = INT64_MAX};
    assert_true(chains_read(dir, &ask, &chain, &why));
    assert_int_equal(chain.page->count, 4);
    assert_int_equal(chain.sums.calls, 4);
    assert_int_equal((int64_t)chain.sums.cost, 130);
    assert_int_equal(chain.sums.first_us, DAY_US + 5);
    assert_int_equal(chain.sums.last_us, DAY_US + 2 * US_PER_DAY + 9);
    assert_int_equal(chain.page->rows[0].at_us, DAY_US + 2 * US_PER_DAY + 9);
    assert_int_equal(chain.page->rows[0].attempts[0].matched, true);
    chains_one_free(&chain);
    struct chains_ask list = ask_all(1000);
    list.go_on = never;
    assert_null(tasks_list(dir, &list, &why));
    list.dearest_first = true;
    assert_null(tasks_list(dir, &list, &why));
    assert_int_equal(why.n, 0);
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latest_tasks_in_pages),       cmocka_unit_test(test_dearest_tasks),
        cmocka_unit_test(test_tasks_within_days_and_scope), cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_one_and_the_end_of_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

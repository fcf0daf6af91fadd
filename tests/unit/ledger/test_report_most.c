/* Reports of many names from rows: where the cheaper half of the groups become lines, the answer is the same. */
#include "fixture.h"

#include "base/err.h"
#include "base/rng.h"
#include "ledger/report.h"

#include <sched.h>

enum { ROWS = 6000, USERS = 400 };

static const int64_t begin_us = INT64_C(1790000000000000);

/* Users come and go; user 7 is cheap at first and the dearest in the end. */
static char *drawn_folder(void)
{
    char *dir = folder_new(), user[32];
    struct rng rng;
    struct buf why;
    buf_init(&why, 0);
    rng_seed(&rng, 5);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (uint64_t i = 0; i < ROWS; i++) {
        struct row row = {.n = {.number = (uint8_t)(1 + (rng_below(&rng, 5) == 0))}};
        struct row_numbers *n = &row.n;
        uint64_t u = (i * USERS / ROWS + rng_below(&rng, USERS / 2)) % USERS;
        if (i % 97 == 0) u = 7;
        n->attempt_id = n->call_id = (UINT64_C(1) << 43) + (i << 8);
        n->at_us = begin_us + (int64_t)(i * 40 * (uint64_t)US_PER_SECOND);
        n->err = rng_below(&rng, 4) ? ERR_NONE : ERR_BAD_REQUEST;
        n->cost_state = (uint8_t)rng_below(&rng, COST_STATE_COUNT);
        n->cost_picousd = n->cost_state == COST_FREE ? 0 : (int64_t)rng_below(&rng, 100);
        if (u == 7 && i > ROWS * 3 / 4 && n->cost_state != COST_FREE) n->cost_picousd = 100000;
        n->cost_max_picousd = n->cost_picousd;
        n->saved_picousd = (int64_t)rng_below(&rng, 100);
        n->wasted = rng_below(&rng, 10) == 0;
        n->streamed = rng_below(&rng, 2) == 0;
        n->total_us = (int64_t)rng_below(&rng, 3000000);
        n->first_byte_us = (int64_t)rng_below(&rng, 500000);
        for (int unit = 0; unit < UNIT_COUNT; unit++) n->units[unit] = (int64_t)rng_below(&rng, 1000);
        snprintf(user, sizeof(user), u % 3 ? "u%llu" : "somebody-%llu", (unsigned long long)u);
        row.text[ROW_USER] = str_from(user);
        row.text[ROW_MODEL] = u % 2 ? S("small") : rng_below(&rng, 2) ? S("large") : S("");
        row.text[ROW_OPERATION] = rng_below(&rng, 6) ? S("chat") : S("embeddings");
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

static void answer(const char *dir, const struct report_ask *ask, struct buf *out)
{
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, ask, NULL, NULL, &why);
    if (!r) fail_msg("report_run: %.*s", (int)why.n, why.p);
    report_json(r, out);
    report_drop(r);
    buf_free(&why);
}

static void must_be_the_same(const char *dir, struct report_ask ask)
{
    struct buf all, few;
    buf_init(&all, 0);
    buf_init(&few, 0);
    ask.groups_whole = 0;
    answer(dir, &ask, &all);
    for (ask.groups_whole = 2; ask.groups_whole < 2 * USERS; ask.groups_whole = ask.groups_whole * 3 + 1) {
        buf_clear(&few);
        answer(dir, &ask, &few);
        if (!str_eq(buf_str(&all), buf_str(&few))) fail_msg("%zu groups: %.*s", ask.groups_whole, (int)few.n, few.p);
    }
    for (ask.groups_whole = 5, ask.names_most = 20; ask.names_most < 2 * USERS; ask.names_most *= 4) {
        buf_clear(&few); /* more names than lines */
        answer(dir, &ask, &few);
        if (!str_eq(buf_str(&all), buf_str(&few))) fail_msg("%zu names: %.*s", ask.names_most, (int)few.n, few.p);
    }
    buf_free(&all);
    buf_free(&few);
}

static struct report_ask asked(size_t by_count, int64_t limit)
{
    return (struct report_ask){.by = {S("user"), S("model")},
                               .by_count = by_count,
                               .where[0] = {S("operation"), S("chat")},
                               .where_count = 1,
                               .until_us = INT64_MAX,
                               .limit = limit};
}

static void with_few_groups_it_is_the_same(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    static const int64_t limits[] = {1, 5, 60, 1000};
    for (size_t by = 1; by <= 2; by++)
        for (size_t i = 0; i < COUNT_OF(limits); i++) {
            struct report_ask ask = asked(by, limits[i]);
            must_be_the_same(dir, ask);
            ask.since_us = begin_us + 5 * US_PER_HOUR;
            ask.until_us = begin_us + 20 * US_PER_HOUR;
            must_be_the_same(dir, ask);
        }
    folder_drop(dir);
}

/* Where one thread alone reads, what it does first is no accident. What there was before. */
static cpu_set_t use_one_core(void)
{
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    return all;
}

static void on_one_core_it_is_the_same(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    cpu_set_t all = use_one_core();
    must_be_the_same(dir, asked(1, 5));
    must_be_the_same(dir, asked(2, 60));
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    folder_drop(dir);
}

struct told {
    double last;
    int left;
};

static bool note(void *ctx, double done)
{
    struct told *t = ctx;
    assert_true(done >= t->last && done <= 1);
    t->last = done;
    return t->left-- > 0;
}

/* How names fall into parts is chance, and how often it tells; but a third of it comes. */
static void must_tell(const char *dir, const struct report_ask *ask)
{
    struct told told = {.left = INT32_MAX};
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, ask, note, &told, &why);
    assert_non_null(r);
    report_drop(r);
    int times = INT32_MAX - told.left;
    assert_true(times > 2);
    for (int left = 0; left < (ask->names_most ? times / 3 : times); left++) {
        told = (struct told){.left = left};
        assert_null(report_run(dir, ask, note, &told, &why));
        assert_int_equal(why.n, 0);
    }
    buf_free(&why);
}

static void progress_only_grows_and_ends_it(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct report_ask ask = asked(1, 60);
    cpu_set_t all = use_one_core();
    ask.groups_whole = 4;
    must_tell(dir, &ask);
    ask.names_most = 100;
    must_tell(dir, &ask);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    folder_drop(dir);
}

static void more_groups_than_there_is_room_for_end_it(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct report_ask ask = asked(2, 5000); /* so many that none of them become lines */
    struct buf all, same, why;
    buf_init(&all, 0);
    buf_init(&same, 0);
    buf_init(&why, 0);
    answer(dir, &ask, &all);
    ask.groups_max = 10;
    assert_null(report_run(dir, &ask, NULL, NULL, &why));
    assert_true(str_eq(buf_str(&why), report_too_many()));
    ask.groups_max = 2 * 3 * USERS;
    answer(dir, &ask, &same);
    assert_true(str_eq(buf_str(&all), buf_str(&same)));
    buf_free(&all);
    buf_free(&same);
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_few_groups_it_is_the_same),
        cmocka_unit_test(on_one_core_it_is_the_same),
        cmocka_unit_test(progress_only_grows_and_ends_it),
        cmocka_unit_test(more_groups_than_there_is_room_for_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What success costs: units with all that was spent on them, each once, of mature days. */
#include "fixture.h"

#include "ledger/outcomes.h"
#include "ledger/success.h"

#define DAY_US (INT64_C(1790000000000000) / US_PER_DAY * US_PER_DAY)

struct given {
    const char *task, *feature, *model;
    uint64_t id, call_id;
    int64_t day;
    picousd cost;
};

/* t1 succeeds on day 1 after a retry and a second call, t2 fails on day 1, t3 began on day 0, t4 on day 2, t5 on day 8 (too
 * young); call 0x900 is of no task and succeeds on day 2; t6 has no outcome. */
static const struct given rows[] = {
    {"t1", "chat", "small", 0x100, 0x100, 1, 10},  {"t1", "chat", "large", 0x200, 0x100, 1, 30},
    {"t1", "mail", "small", 0x300, 0x300, 2, 5},   {"t2", "chat", "small", 0x400, 0x400, 1, 7},
    {"t3", "chat", "small", 0x500, 0x500, 0, 11},  {"t3", "chat", "small", 0x600, 0x600, 1, 13},
    {"t4", "mail", "large", 0x700, 0x700, 2, 100}, {"t5", "chat", "small", 0x800, 0x800, 8, 17},
    {"", "chat", "small", 0x900, 0x900, 2, 20},    {"", "chat", "small", 0xa00, 0x900, 3, 1},
    {"t6", "chat", "small", 0xb00, 0xb00, 1, 500},
};

static void tell(struct ledger *l, const char *task, uint64_t call_id, const char *name, bool success, picousd worth)
{
    struct outcome o = {.at_us = DAY_US + 3 * US_PER_DAY,
                        .told_us = DAY_US + 9 * US_PER_DAY,
                        .task = str_from(task),
                        .call_id = call_id,
                        .name = str_from(name),
                        .success = success,
                        .value = worth,
                        .who = S("app")};
    struct buf why;
    buf_init(&why, 0);
    if (outcomes_put(l, &o, 1, &why) != ERR_NONE) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
}

static char *folder_with_outcomes(void)
{
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct row row = {.n = {.attempt_id = rows[i].id, .call_id = rows[i].call_id, .number = 1}};
        row.n.at_us = DAY_US + rows[i].day * US_PER_DAY + 1000;
        row.n.cost_picousd = row.n.cost_max_picousd = rows[i].cost;
        row.text[ROW_TASK] = str_from(rows[i].task);
        row.text[ROW_FEATURE] = str_from(rows[i].feature);
        row.text[ROW_USER] = S("u1");
        row.text[ROW_MODEL] = str_from(rows[i].model);
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    struct ledger *l = must_open(dir, 1);
    tell(l, "t1", 0, "resolved", true, 1000);
    tell(l, "t2", 0, "resolved", false, 0);
    tell(l, "t3", 0, "resolved", true, 1);
    tell(l, "t4", 0, "resolved", true, 10);
    tell(l, "t5", 0, "resolved", true, 2);
    tell(l, "", 0x900, "resolved", true, 4);
    tell(l, "t1", 0, "on time", false, 0);
    tell(l, "unheard of", 0, "resolved", true, 0);
    ledger_close(l);
    buf_free(&why);
    return dir;
}

static struct success_ask ask_by(enum success_by by)
{
    return (struct success_ask){.since_us = DAY_US + US_PER_DAY + 5,
                                .until_us = INT64_MAX,
                                .mature_us = 4 * US_PER_DAY,
                                .now_us = DAY_US + 9 * US_PER_DAY + 1,
                                .by = by,
                                .name = S("resolved"),
                                .limit = 100};
}

static struct success *must_read(const char *dir, struct success_ask ask)
{
    struct buf why;
    buf_init(&why, 0);
    struct success *s = success_read(dir, &ask, &why);
    if (!s) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return s;
}

/* "value units/successes cost(of successes) worth of spend;" */
static void expect(const char *dir, struct success_ask ask, const char *expected)
{
    struct success *s = must_read(dir, ask);
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < s->count; i++) {
        const struct success_row *r = &s->rows[i];
        buf_printf(&out, "%" STR_FMT " %llu/%llu %lld(%lld) %lld of %lld;", STR_ARG(r->value),
                   (unsigned long long)r->units, (unsigned long long)r->successes, (long long)r->cost,
                   (long long)r->success_cost, (long long)r->worth, (long long)r->spend);
    }
    buf_add_byte(&out, '\0');
    assert_string_equal(out.p, expected);
    buf_free(&out);
    success_drop(s);
}

static void test_units_with_all_that_they_cost(void **state)
{
    (void)state;
    char *dir = folder_with_outcomes();
    /* t1: 45, t2: 7, t4: 100, call 0x900: 21; spent on days 1 to 4: 10 + 30 + 5 + 7 + 13 + 100 + 20 + 1 + 500 */
    expect(dir, ask_by(SUCCESS_ALL), " 4/3 173(166) 1014 of 686;");
    expect(dir, ask_by(SUCCESS_FEATURE), "chat 3/2 73(66) 1004 of 581;mail 1/1 100(100) 10 of 105;");
    /* t1 counts where its dearest attempt was */
    expect(dir, ask_by(SUCCESS_MODEL), "large 2/2 145(145) 1010 of 130;small 2/1 28(21) 4 of 556;");
    struct success *s = must_read(dir, ask_by(SUCCESS_ALL));
    assert_int_equal(s->from_us, DAY_US + US_PER_DAY);
    assert_int_equal(s->to_us, DAY_US + 5 * US_PER_DAY);
    assert_int_equal(s->missing, 1);
    assert_true(s->rows[0].cost_squares == 45.0L * 45 + 49 + 10000 + 21 * 21);
    success_drop(s);
    folder_drop(dir);
}

static void test_packed_days_are_the_same(void **state)
{
    (void)state;
    char *dir = folder_with_outcomes();
    pack_days(dir, DAY_US + 9 * US_PER_DAY);
    expect(dir, ask_by(SUCCESS_FEATURE), "chat 3/2 73(66) 1004 of 581;mail 1/1 100(100) 10 of 105;");
    folder_drop(dir);
}

static void test_names_scope_and_range(void **state)
{
    (void)state;
    char *dir = folder_with_outcomes();
    struct success_ask ask = ask_by(SUCCESS_ALL);
    ask.name = S("on time");
    expect(dir, ask, " 1/0 45(0) 0 of 686;");
    ask.name = S(""); /* each apart */
    expect(dir, ask, " 4/3 173(166) 1014 of 686; 1/0 45(0) 0 of 686;");
    const str mine[] = {S("mail")};
    ask = ask_by(SUCCESS_FEATURE);
    ask.scope = (struct calls_filter){.scoped = true, .features = mine, .feature_count = 1};
    expect(dir, ask, "mail 1/1 100(100) 10 of 105;");
    ask.by = SUCCESS_MODEL;
    expect(dir, ask, "large 1/1 100(100) 10 of 100;");
    ask.scope.feature_count = 0;
    expect(dir, ask, "");
    ask = ask_by(SUCCESS_ALL);
    ask.since_us = DAY_US + 2 * US_PER_DAY; /* t1 began before */
    expect(dir, ask, " 2/2 121(121) 14 of 126;");
    ask.until_us = DAY_US + 2 * US_PER_DAY;
    expect(dir, ask, "");
    ask = ask_by(SUCCESS_ALL);
    ask.mature_us = 0; /* the day that is not over is none */
    expect(dir, ask, " 5/4 190(183) 1016 of 703;");
    folder_drop(dir);
}

static void test_users_and_prompts(void **state)
{
    (void)state;
    char *dir = folder_with_outcomes();
    /* one user, no prompt: all is of one value; spent on days 1 to 4 */
    expect(dir, ask_by(SUCCESS_USER), "u1 4/3 173(166) 1014 of 686;");
    expect(dir, ask_by(SUCCESS_PROMPT), " 4/3 173(166) 1014 of 686;");
    const str mine[] = {S("mail")};
    struct success_ask ask = ask_by(SUCCESS_USER);
    ask.scope = (struct calls_filter){.scoped = true, .features = mine, .feature_count = 1};
    expect(dir, ask, "u1 1/1 100(100) 10 of 105;");
    ask = ask_by(SUCCESS_USER);
    ask.since_us = INT64_MIN; /* t3, too, and its first day */
    expect(dir, ask, "u1 5/4 197(190) 1015 of 697;");
    folder_drop(dir);
}

static bool never(void *ctx, double done)
{
    (void)ctx;
    return done < 0;
}

static void test_ended_and_older(void **state)
{
    (void)state;
    char *dir = folder_with_outcomes();
    struct buf why;
    buf_init(&why, 0);
    for (enum success_by by = SUCCESS_ALL; by <= SUCCESS_USER; by++) {
        struct success_ask ask = ask_by(by);
        ask.go_on = never;
        assert_null(success_read(dir, &ask, &why));
        assert_int_equal(why.n, 0);
    }
    run_sql(dir, "DROP TABLE outcomes; DROP INDEX attempts_again; PRAGMA user_version = 4");
    expect(dir, ask_by(SUCCESS_ALL), "");
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_with_all_that_they_cost),
        cmocka_unit_test(test_packed_days_are_the_same),
        cmocka_unit_test(test_names_scope_and_range),
        cmocka_unit_test(test_users_and_prompts),
        cmocka_unit_test(test_ended_and_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

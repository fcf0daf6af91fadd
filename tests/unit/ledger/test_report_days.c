/* Of a user, a prompt or a task the rows of those days are read that have some. */
#include "fixture.h"

#include "base/err.h"
#include "ledger/report_inside.h"

enum { DAYS = 20, ROWS_A_DAY = 24 };

static const int64_t begin_us = INT64_C(20000) * US_PER_DAY;

/* Anna on days 3, 4 and 9, Bert on every fifth day, others always; prompt p on odd days, in the afternoon. */
static str user_at(int day, int hour)
{
    if (hour == 7 && (day == 3 || day == 4 || day == 9)) return S("anna");
    if (hour == 8 && day % 5 == 0) return S("bert");
    return hour % 2 ? S("carl") : S("");
}

static str prompt_at(int day, int hour)
{
    return day % 2 && hour >= 7 ? S("p") : S("q");
}

static str operation_at(int hour)
{
    return hour % 3 ? S("chat") : S("embeddings");
}

/* Old ones on the days 6 and 7, and of these those of hour 5 on day 7 failed. */
static str feature_at(int day)
{
    return day == 6 || day == 7 ? S("old") : S("new");
}

static enum err err_at(int day, int hour)
{
    return day == 7 && hour == 5 ? ERR_PROVIDER_CUT : ERR_NONE;
}

static char *filled_folder(void)
{
    char *dir = folder_new();
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (int i = 0; i < DAYS * ROWS_A_DAY; i++) {
        int day = i / ROWS_A_DAY, hour = i % ROWS_A_DAY;
        struct row row = {.n = {.number = 1, .cost_picousd = i}};
        row.n.attempt_id = row.n.call_id = (UINT64_C(1) << 43) + ((uint64_t)i << 8);
        row.n.at_us = begin_us + day * US_PER_DAY + hour * US_PER_HOUR;
        row.text[ROW_USER] = user_at(day, hour);
        row.n.err = err_at(day, hour);
        row.text[ROW_FEATURE] = feature_at(day);
        row.text[ROW_PROMPT] = prompt_at(day, hour);
        row.text[ROW_OPERATION] = operation_at(hour);
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

static bool fits(const struct report_ask *ask, int day, int hour)
{
    for (size_t i = 0; i < ask->where_count; i++) {
        bool any = false;
        for (size_t j = 0; j < ask->where_count; j++) {
            str name = ask->where[j].column;
            if (!str_eq(name, ask->where[i].column)) continue;
            str value = str_eq(name, S("user"))      ? user_at(day, hour)
                        : str_eq(name, S("prompt"))  ? prompt_at(day, hour)
                        : str_eq(name, S("feature")) ? feature_at(day)
                        : str_eq(name, S("status"))  ? err_info(err_at(day, hour))->name
                                                     : operation_at(hour);
            any = any || str_eq(value, ask->where[j].equals);
        }
        if (!any) return false;
    }
    return !ask->scoped || str_eq(feature_at(day), ask->features[0]);
}

/* Days, as bits, of which rows are read; every one: by their ids. */
static uint32_t days_read(const char *dir, const struct report_ask *ask)
{
    struct plan plan;
    struct buf why;
    uint32_t days = 0;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, false, &why);
    assert_non_null(db);
    assert_true(plan_make(&plan, db, ask, &why));
    for (size_t i = 0; i < plan.slice_count; i++) {
        const struct slice *s = &plan.slices[i];
        if (s->source == SOURCE_ROWS_BY_ID) days = (UINT32_C(1) << DAYS) - 1;
        if (s->source != SOURCE_ROWS_BY_TIME) continue;
        for (int64_t d = 0; d < DAYS; d++)
            if (s->from < begin_us + (d + 1) * US_PER_DAY && s->until > begin_us + d * US_PER_DAY)
                days |= UINT32_C(1) << d;
    }
    plan_free(&plan);
    sqlite3_close(db);
    buf_free(&why);
    return days;
}

static void must_read(const char *dir, const struct report_ask *ask, uint32_t days)
{
    __int128 cost = 0, count = 0;
    struct buf why;
    buf_init(&why, 0);
    assert_int_equal(days_read(dir, ask), days);
    struct report *r = report_run(dir, ask, NULL, NULL, &why);
    assert_non_null(r);
    for (int i = 0; i < DAYS * ROWS_A_DAY; i++) {
        int day = i / ROWS_A_DAY, hour = i % ROWS_A_DAY;
        int64_t at_us = begin_us + day * US_PER_DAY + hour * US_PER_HOUR;
        if (at_us < ask->since_us || at_us >= ask->until_us || !fits(ask, day, hour)) continue;
        count++;
        cost += i;
    }
    assert_true(report_sum(r, REPORT_TOTALS, REPORT_attempts) == count);
    assert_true(report_sum(r, REPORT_TOTALS, REPORT_cost) == cost);
    report_drop(r);
    buf_free(&why);
}

static void and (struct report_ask * ask, str column, str equals)
{
    ask->where[ask->where_count].column = column;
    ask->where[ask->where_count++].equals = equals;
}

static void days_without_them_are_passed_over(void **state)
{
    (void)state;
    char *dir = filled_folder();
    enum { ANNA = 1 << 3 | 1 << 4 | 1 << 9, BERT = 1 << 0 | 1 << 5 | 1 << 10 | 1 << 15, ALL = (1 << DAYS) - 1 };
    struct report_ask ask = {.by = {S("model")}, .by_count = 1, .until_us = INT64_MAX};
    must_read(dir, &ask, 0); /* a rollup answers */
    and(&ask, S("user"), S("anna"));
    must_read(dir, &ask, ANNA);
    and(&ask, S("user"), S("bert"));
    must_read(dir, &ask, ANNA | BERT);
    ask.where_count = 1;
    and(&ask, S("prompt"), S("p"));
    must_read(dir, &ask, 1 << 3 | 1 << 9);
    and(&ask, S("operation"), S("embeddings"));
    must_read(dir, &ask, 1 << 3 | 1 << 9);
    ask.where_count = 1;
    ask.since_us = begin_us + 3 * US_PER_DAY + 8 * US_PER_HOUR;
    ask.until_us = begin_us + 9 * US_PER_DAY + 8 * US_PER_HOUR;
    must_read(dir, &ask, ANNA);
    ask.until_us = begin_us + 9 * US_PER_DAY;
    must_read(dir, &ask, 1 << 3 | 1 << 4);
    ask = (struct report_ask){.until_us = INT64_MAX};
    and(&ask, S("operation"), S("chat"));
    and(&ask, S("user"), S("nobody"));
    must_read(dir, &ask, 0);
    ask.where[1].equals = S("");
    must_read(dir, &ask, ALL);
    folder_drop(dir);
}

static void days_without_a_feature_are_passed_over(void **state)
{
    (void)state;
    char *dir = filled_folder();
    static const str old = STR_INIT("old");
    struct report_ask ask = {.by = {S("task")}, .by_count = 1, .until_us = INT64_MAX};
    and(&ask, S("operation"), S("chat"));
    must_read(dir, &ask, (1 << DAYS) - 1);
    and(&ask, S("feature"), S("old"));
    must_read(dir, &ask, 1 << 6 | 1 << 7);
    and(&ask, S("status"), S("provider_cut"));
    must_read(dir, &ask, 1 << 7);
    ask.where[1].equals = S("new");
    must_read(dir, &ask, 0);
    and(&ask, S("feature"), S("old"));
    must_read(dir, &ask, 1 << 7);
    and(&ask, S("user"), S("bert"));
    must_read(dir, &ask, 0);
    ask.where_count = 1;
    ask.scoped = true;
    ask.features = &old;
    ask.feature_count = 1;
    must_read(dir, &ask, 1 << 6 | 1 << 7);
    and(&ask, S("user"), S("anna"));
    must_read(dir, &ask, 0);
    ask.since_us = begin_us + 7 * US_PER_DAY + 8 * US_PER_HOUR;
    ask.where_count = 1;
    must_read(dir, &ask, 1 << 7);
    folder_drop(dir);
}

/* The rows of the day that a report by rollups begins in, and of that it ends in. */
static void ends_of_days_too(void **state)
{
    (void)state;
    char *dir = filled_folder();
    struct report_ask ask = {.by = {S("day")}, .by_count = 1};
    and(&ask, S("user"), S("anna"));
    ask.since_us = begin_us + 3 * US_PER_DAY + 7 * US_PER_HOUR;
    ask.until_us = begin_us + 9 * US_PER_DAY + 7 * US_PER_HOUR;
    must_read(dir, &ask, 1 << 3 | 1 << 9);
    ask.since_us = begin_us + 2 * US_PER_DAY + 7 * US_PER_HOUR;
    ask.until_us = begin_us + 10 * US_PER_DAY + 7 * US_PER_HOUR;
    must_read(dir, &ask, 0);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_without_them_are_passed_over),
        cmocka_unit_test(days_without_a_feature_are_passed_over),
        cmocka_unit_test(ends_of_days_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

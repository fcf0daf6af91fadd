/* Tallies from one reading of the rows, against SQL, and against the reports and mixes whose figures they are. */
#include "fixture.h"

#include "base/err.h"
#include "base/rng.h"
#include "ledger/mix.h"
#include "ledger/tally.h"

#include <sched.h>

enum { ROWS = 5000, HOURS = 90 };

static const int64_t begin_us = INT64_C(1790000000000000); /* amid a day, inside an hour */

static const char *const words[] = {"", "a", "b", "a,b", "d'e", "a name that is longer than thirty-two bytes are"};

static str word(struct rng *r, size_t of)
{
    return str_from(words[rng_below(r, of)]);
}

static void draw_row(struct row *row, struct rng *r, uint64_t i)
{
    static char task[64];
    struct row_numbers *n = &row->n;
    *row = (struct row){0};
    n->attempt_id = n->call_id = ((i / 1500 + 1) << 43) + (i % 1500 << 8);
    n->at_us = begin_us + (int64_t)rng_below(r, (uint64_t)HOURS * US_PER_HOUR);
    n->number = (uint8_t)(1 + rng_below(r, 3));
    n->err = rng_below(r, 4) ? ERR_NONE : ERR_PROVIDER_CUT;
    n->reason = (uint8_t)rng_below(r, 3);
    n->cost_state = (uint8_t)rng_below(r, COST_STATE_COUNT);
    n->wasted = rng_below(r, 4) == 0;
    n->saved_picousd = rng_below(r, 9) ? 0 : 17;
    n->prompt_bytes = (int64_t)rng_below(r, 9000);
    n->tools_bytes = n->prompt_bytes / 11;
    for (int u = 0; u < UNIT_COUNT; u++) {
        if (u != UNIT_INPUT && rng_below(r, 10)) continue;
        n->units[u] = (int64_t)rng_below(r, 3);
        n->cost_by_unit[u] = n->units[u] * 3;
        n->cost_picousd += n->cost_by_unit[u]; /* many cost the same */
    }
    snprintf(task, sizeof(task), rng_below(r, 2) ? "t%u" : "a task of a conversation, number %u",
             (unsigned)rng_below(r, 300));
    row->text[ROW_TASK] = rng_below(r, 5) ? str_from(task) : S("");
    row->text[ROW_FEATURE] = word(r, COUNT_OF(words));
    row->text[ROW_MODEL] = word(r, 3);
    row->text[ROW_PROVIDER] = word(r, 2);
    row->text[ROW_USER] = word(r, COUNT_OF(words));
    row->text[ROW_OPERATION] = rng_below(r, 3) ? S("chat") : S("embeddings");
}

static char *drawn_folder(void)
{
    char *dir = folder_new();
    struct rng rng;
    struct buf why;
    struct row row;
    buf_init(&why, 0);
    rng_seed(&rng, 21);
    struct store *s = store_open(dir, &why);
    assert_non_null(s);
    assert_true(store_begin(s));
    for (uint64_t i = 0; i < ROWS; i++) {
        draw_row(&row, &rng, i);
        assert_int_equal(store_post(s, &row), STORE_DONE);
    }
    assert_true(store_commit(s));
    store_close(s);
    buf_free(&why);
    return dir;
}

/* ---- the asks: of three tallies, each of another stretch, of which none ends with an hour */

static const enum tally_sum base_sums[] = {TALLY_cost,        TALLY_unpriced_cost, TALLY_attempts,  TALLY_calls,
                                           TALLY_wasted_cost, TALLY_wasted,        TALLY_saved_cost};
static const enum tally_sum unit_sums[] = {TALLY_UNITS + UNIT_INPUT,
                                           TALLY_UNIT_COSTS + UNIT_INPUT,
                                           TALLY_UNITS + UNIT_CACHE_READ,
                                           TALLY_UNIT_COSTS + UNIT_CACHE_READ,
                                           TALLY_tools_bytes,
                                           TALLY_calls};
static const char *const base_sql =
    "sum(iif(cost_state = 'unpriced', 0, cost_picousd)), sum(iif(cost_state = 'unpriced', cost_picousd, 0)), count(*),"
    " sum(number = 1), sum(iif(wasted AND cost_state != 'unpriced', cost_picousd, 0)), sum(wasted), sum(saved_picousd)";
static const char *const unit_sql =
    "sum(input_tokens), sum(iif(cost_state = 'unpriced', 0, cost_input_picousd)), sum(cache_read_tokens),"
    " sum(iif(cost_state = 'unpriced', 0, cost_cache_read_picousd)), sum(tools_bytes), sum(number = 1)";

static const struct {
    struct tally_ask ask;
    const char *names, *sums; /* in SQL */
} tallies[] = {
    {{.by = {STR_INIT("reason"), STR_INIT("status")},
      .by_count = 2,
      .sums = base_sums,
      .sum_count = COUNT_OF(base_sums),
      .since_us = 1790000000000000 + 77 * US_PER_MINUTE + 1,
      .until_us = 1790000000000000 + 70 * US_PER_HOUR + 5},
     "reason, status",
     base_sql},
    {{.by = {STR_INIT("provider"), STR_INIT("day"), STR_INIT("model")},
      .by_count = 3,
      .sums = unit_sums,
      .sum_count = COUNT_OF(unit_sums),
      .since_us = 1790000000000000 - 9 * US_PER_HOUR,
      .until_us = 1790000000000000 + 50 * US_PER_HOUR},
     "provider, at_us - at_us % 86400000000, model",
     unit_sql},
    {{.by = {STR_INIT("task"), STR_INIT("feature")},
      .by_count = 2,
      .sums = base_sums,
      .sum_count = COUNT_OF(base_sums),
      .since_us = 1790000000000000 + 20 * US_PER_HOUR + 9,
      .until_us = INT64_MAX},
     "task, feature",
     base_sql},
};
enum { TALLIES = COUNT_OF(tallies) };

static struct tallies *must_run(const char *dir, const struct report_ask *rows, const struct tally_ask *asks,
                                size_t count)
{
    struct buf why;
    buf_init(&why, 0);
    struct tallies *t = tallies_run(dir, rows, asks, count, NULL, NULL, &why);
    if (!t) fail_msg("%.*s", (int)why.n, why.p);
    buf_free(&why);
    return t;
}

/* ---- against SQL */

static bool is_row(sqlite3_stmt *q, const struct tally *t, size_t row, const struct tally_ask *ask)
{
    for (size_t i = 0; i < ask->by_count; i++) {
        if (str_eq(ask->by[i], S("day"))) {
            if (sqlite3_column_int64(q, (int)i) != tally_time_us(t, row, i)) return false;
        } else if (!str_eq(str_from((const char *)sqlite3_column_text(q, (int)i)), tally_name(t, row, i))) {
            return false;
        }
    }
    return true;
}

static void must_be_sql(const char *dir, const char *where, size_t which, const struct tally *t)
{
    const struct tally_ask *ask = &tallies[which].ask;
    __int128 totals[COUNT_OF(base_sums)] = {0};
    char sql[2048];
    struct buf why;
    sqlite3_stmt *q = NULL;
    size_t found = 0;
    buf_init(&why, 0);
    snprintf(sql, sizeof(sql), "SELECT %s, %s FROM attempts WHERE at_us >= %lld AND at_us < %lld AND (%s) GROUP BY %s",
             tallies[which].names, tallies[which].sums, (long long)ask->since_us, (long long)ask->until_us, where,
             tallies[which].names);
    sqlite3 *db = schema_open(dir, false, &why);
    assert_non_null(db);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    for (; sqlite3_step(q) == SQLITE_ROW; found++) {
        size_t row = 0;
        while (row < tally_rows(t) && !is_row(q, t, row, ask)) row++;
        assert_true(row < tally_rows(t));
        for (size_t s = 0; s < ask->sum_count; s++) {
            int64_t want = sqlite3_column_int64(q, (int)(ask->by_count + s));
            assert_true(tally_sum(t, row, ask->sums[s]) == want);
            totals[s] += want;
        }
    }
    assert_int_equal(found, tally_rows(t));
    for (size_t s = 0; s < ask->sum_count; s++) assert_true(tally_sum(t, REPORT_TOTALS, ask->sums[s]) == totals[s]);
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&why);
}

static void must_agree(const char *dir, const struct report_ask *rows, const char *where, size_t at_least)
{
    struct tally_ask asks[TALLIES];
    for (size_t i = 0; i < TALLIES; i++) asks[i] = tallies[i].ask;
    struct tallies *all = must_run(dir, rows, asks, TALLIES);
    assert_true(all->rows_from_us == INT64_MIN);
    for (size_t i = 0; i < TALLIES; i++) must_be_sql(dir, where, i, all->of[i]);
    assert_true(tally_rows(all->of[2]) >= at_least);
    for (size_t i = 0; i < TALLIES; i++) { /* each alone is the same */
        struct tallies *one = must_run(dir, rows, &asks[i], 1);
        must_be_sql(dir, where, i, one->of[0]);
        tallies_drop(one);
    }
    tallies_drop(all);
}

static void and (struct report_ask * rows, str column, str equals)
{
    rows->where[rows->where_count].column = column;
    rows->where[rows->where_count++].equals = equals;
}

static void tallies_are_what_sql_sums(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    static const str own[] = {STR_INIT("a"), STR_INIT("d'e")};
    struct report_ask rows = {0};
    must_agree(dir, &rows, "1", 500);
    and(&rows, S("operation"), S("embeddings"));
    must_agree(dir, &rows, "operation = 'embeddings'", 500);
    and(&rows, S("user"), S("a,b"));
    must_agree(dir, &rows, "operation = 'embeddings' AND user = 'a,b'", 100);
    and(&rows, S("user"), S(""));
    and(&rows, S("status"), S("provider_cut"));
    must_agree(dir, &rows, "operation = 'embeddings' AND user IN ('a,b', '') AND status = 'provider_cut'", 50);
    rows = (struct report_ask){.scoped = true, .features = own, .feature_count = COUNT_OF(own)};
    and(&rows, S("wasted"), S("1"));
    must_agree(dir, &rows, "wasted = 1 AND feature IN ('a', 'd''e')", 100);
    rows.feature_count = 0;
    must_agree(dir, &rows, "0", 0);
    folder_drop(dir);
}

/* Where one thread alone reads. */
static void on_one_core_it_is_the_same(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct report_ask rows = {0};
    cpu_set_t all, one;
    and(&rows, S("operation"), S("chat"));
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    must_agree(dir, &rows, "operation = 'chat'", 500);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    folder_drop(dir);
}

/* ---- the dearest, in the order of a report */

static void must_be_report(const struct tally *t, const struct report *r)
{
    char text[2][40];
    assert_int_equal(tally_rows(t), report_rows(r));
    for (size_t i = 0; i < report_rows(r); i++) {
        for (size_t by = 0; by < 2; by++) assert_true(str_eq(tally_name(t, i, by), report_key(r, i, by, text[by])));
        assert_true(tally_sum(t, i, TALLY_cost) == report_sum(r, i, REPORT_cost));
        assert_true(tally_sum(t, i, TALLY_calls) == report_sum(r, i, REPORT_calls));
        assert_true(tally_sum(t, i, TALLY_wasted_cost) == report_sum(r, i, REPORT_wasted_cost));
    }
    assert_true(tally_sum(t, REPORT_TOTALS, TALLY_cost) == report_sum(r, REPORT_TOTALS, REPORT_cost));
    assert_true(tally_sum(t, REPORT_TOTALS, TALLY_calls) == report_sum(r, REPORT_TOTALS, REPORT_calls));
}

/* With room for all names, and for a part of them at a time; beside another tally, which is read once. */
static void dearest_with_room(const char *dir, size_t most)
{
    struct report_ask rows = {0};
    struct buf why;
    buf_init(&why, 0);
    and(&rows, S("operation"), S("chat"));
    for (size_t limit = 1; limit < 2000; limit = limit * 5 + 1) {
        struct tally_ask asks[2] = {tallies[2].ask, tallies[0].ask};
        struct report_ask same = rows;
        asks[0].limit = limit;
        asks[0].most = most;
        same.by[same.by_count++] = S("task");
        same.by[same.by_count++] = S("feature");
        same.since_us = asks[0].since_us;
        same.until_us = asks[0].until_us;
        same.limit = (int64_t)limit;
        struct tallies *t = must_run(dir, &rows, asks, 2);
        struct report *r = report_run(dir, &same, NULL, NULL, &why);
        assert_non_null(r);
        must_be_report(t->of[0], r);
        must_be_sql(dir, "operation = 'chat'", 0, t->of[1]);
        report_drop(r);
        tallies_drop(t);
    }
    buf_free(&why);
}

static void the_dearest_are_the_reports(void **state)
{
    (void)state;
    static const size_t most[] = {0, 1500, 700, 50, 0};
    char *dir = drawn_folder();
    for (size_t i = 0; i < COUNT_OF(most); i++) dearest_with_room(dir, most[i]);
    folder_drop(dir);
}

/* ---- mixes of several periods */

static void periods_of_a_mix_are_read_together(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    static const int hours[][4] = {{0, 30, 30, 60}, {30, 60, 0, 40}, {0, 20, 71, 73}, {80, 90, 0, 1}, {5, 6, 8, 9}};
    for (size_t i = 0; i < COUNT_OF(hours); i++) {
        struct mix_ask asks[2];
        struct mix *of[2], *alone;
        struct buf why;
        buf_init(&why, 0);
        for (int p = 0; p < 2; p++) {
            asks[p] = (struct mix_ask){.by = {S("model"), S("day"), S("feature")}, .by_count = 3, .where_count = 1};
            asks[p].where[0].column = S("operation");
            asks[p].where[0].equals = S("chat");
            asks[p].since_us = begin_us + hours[i][2 * p] * US_PER_HOUR;
            asks[p].until_us = begin_us + hours[i][2 * p + 1] * US_PER_HOUR;
        }
        assert_true(mix_read_each(dir, asks, 2, of, &why));
        for (int p = 0; p < 2; p++) {
            char sql[512];
            assert_non_null(alone = mix_read(dir, &asks[p], &why));
            assert_int_equal(of[p]->count, alone->count);
            assert_memory_equal(&of[p]->totals, &alone->totals, sizeof(alone->totals));
            int64_t since_us = asks[p].since_us, until_us = asks[p].until_us;
            mix_whole_days(&since_us, &until_us);
            snprintf(sql, sizeof(sql),
                     "SELECT sum(iif(cost_state = 'unpriced', 0, cost_input_picousd)) FROM attempts WHERE operation ="
                     " 'chat' AND at_us >= %lld AND at_us < %lld",
                     (long long)since_us, (long long)until_us);
            assert_int_equal(of[p]->totals.cost_by_unit[UNIT_INPUT], ask(dir, sql));
            mix_drop(alone);
            mix_drop(of[p]);
        }
        buf_free(&why);
    }
    folder_drop(dir);
}

/* ---- ends */

static bool stop(void *ctx, double done)
{
    int *left = ctx;
    assert_true(done >= 0 && done <= 1);
    return (*left)-- > 0;
}

static bool note(void *ctx, double done)
{
    double *last = ctx;
    assert_true(done >= *last);
    *last = done;
    return true;
}

static void progress_only_grows_and_ends_it(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct report_ask rows = {0};
    struct tally_ask asks[TALLIES];
    struct buf why;
    double last = 0;
    buf_init(&why, 0);
    for (size_t i = 0; i < TALLIES; i++) asks[i] = tallies[i].ask;
    for (int parts = 0; parts < 2; parts++) { /* once, and in parts */
        asks[2].limit = parts ? 2 : 0;
        asks[2].most = parts ? 300 : 0;
        last = 0;
        struct tallies *t = tallies_run(dir, &rows, asks, TALLIES, note, &last, &why);
        assert_non_null(t);
        assert_true(last > 0.5);
        tallies_drop(t);
    }
    for (int left = 0; left < 3; left++) {
        int patience = left;
        assert_null(tallies_run(dir, &rows, asks, TALLIES, stop, &patience, &why));
        assert_int_equal(why.n, 0);
    }
    buf_free(&why);
    folder_drop(dir);
}

static void too_many_are_refused(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct report_ask rows = {0};
    struct tally_ask asks[TALLIES];
    struct buf why;
    buf_init(&why, 0);
    for (size_t i = 0; i < TALLIES; i++) asks[i] = tallies[i].ask;
    asks[1].most = 3;
    asks[1].too_many = S("so many!");
    assert_null(tallies_run(dir, &rows, asks, TALLIES, NULL, NULL, &why));
    assert_true(str_eq(buf_str(&why), S("so many!")));
    buf_clear(&why);
    asks[1].by[0] = S("colour");
    assert_null(tallies_run(dir, &rows, asks, TALLIES, NULL, NULL, &why));
    assert_true(str_find(buf_str(&why), S("'colour' is nothing to group by"), 0) == 0);
    buf_free(&why);
    folder_drop(dir);
}

static void what_was_deleted_is_told(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct report_ask rows = {0};
    struct buf why;
    uint32_t deleted;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    assert_true(store_begin(s));
    assert_true(store_retire(s, begin_us + 30 * US_PER_HOUR, 0, ROWS, &deleted));
    assert_true(store_commit(s));
    store_close(s);
    assert_true(deleted > 0);
    int64_t rows_from_us = ask(dir, "SELECT value + 1 FROM totals WHERE name = 'retired_to_us'");
    struct tally_ask one = tallies[0].ask;
    struct tallies *t = must_run(dir, &rows, &one, 1);
    assert_true(t->rows_from_us == rows_from_us);
    tallies_drop(t);
    one.since_us = rows_from_us;
    t = must_run(dir, &rows, &one, 1);
    assert_true(t->rows_from_us == INT64_MIN);
    tallies_drop(t);
    buf_free(&why);
    folder_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tallies_are_what_sql_sums),       cmocka_unit_test(on_one_core_it_is_the_same),
        cmocka_unit_test(the_dearest_are_the_reports),     cmocka_unit_test(periods_of_a_mix_are_read_together),
        cmocka_unit_test(progress_only_grows_and_ends_it), cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(what_was_deleted_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

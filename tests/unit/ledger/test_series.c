/* Series straight from rows, against the reports whose figures they are. */
#include "fixture.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/time.h"
#include "ledger/report_series.h"
#include "ledger/store.h"

#include <sched.h>

enum { ROWS = 6000, USERS = 60, HOURS = 30 };

static const int64_t begin_us = INT64_C(1790000000000000); /* inside an hour */

static void draw_row(struct row *row, struct rng *rng, uint64_t i)
{
    static char user[32];
    struct row_numbers *n = &row->n;
    *row = (struct row){0};
    n->attempt_id = n->call_id = ((i / 1500 + 1) << 43) + (i % 1500 << 8);
    n->at_us = begin_us + (int64_t)rng_below(rng, (uint64_t)HOURS * US_PER_HOUR);
    n->number = (uint8_t)(1 + (rng_below(rng, 5) == 0));
    n->err = rng_below(rng, 4) ? ERR_NONE : ERR_BAD_REQUEST;
    n->cost_state = (uint8_t)rng_below(rng, COST_STATE_COUNT);
    n->cost_picousd = n->cost_state == COST_FREE ? 0 : (int64_t)rng_below(rng, 4); /* many cost the same */
    n->saved_picousd = (int64_t)rng_below(rng, 100);
    n->wasted = rng_below(rng, 10) == 0;
    uint64_t which = rng_below(rng, USERS * USERS);
    for (unsigned u = 0;; u++) { /* the lower, the more seldom; names of several lengths */
        if (which >= (uint64_t)(u + 1) * (u + 1)) continue;
        if (u < 20) n->cost_picousd = 0; /* then attempts decide, and names */
        snprintf(user, sizeof(user), u % 3 ? "u%u" : "somebody-%u", u);
        break;
    }
    row->text[ROW_USER] = str_from(user);
    row->text[ROW_FEATURE] = rng_below(rng, 3) ? S("search") : S("");
    row->text[ROW_OPERATION] = rng_below(rng, 3) ? S("chat") : S("embeddings");
    row->text[ROW_TAGS] = rng_below(rng, 2) ? S("red, blue") : S("red");
}

static char *drawn_folder(void)
{
    char *dir = folder_new();
    struct rng rng;
    struct buf why;
    struct row row;
    buf_init(&why, 0);
    rng_seed(&rng, 11);
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

static struct report *must_report(const char *dir, const struct report_ask *ask)
{
    struct buf why;
    buf_init(&why, 0);
    struct report *r = report_run(dir, ask, NULL, NULL, &why);
    if (!r) fail_msg("report_run: %.*s", (int)why.n, why.p);
    buf_free(&why);
    return r;
}

static const enum report_sum sums[] = {
#define SUM(name, sum) REPORT_##sum,
    SERIES_SUMS(SUM)
#undef SUM
};

/* A report's rows of `name` (p == NULL: all) by step, taken off: nothing may be left. */
static void must_be_nothing_left(const struct series_ask *a, const struct report *r, str name, struct series_sums *at)
{
    char text[2][40];
    for (size_t i = 0; i < report_rows(r); i++) {
        int64_t at_us;
        if (name.p && !str_eq(report_key(r, i, 1, text[1]), name)) continue;
        assert_true(time_parse(report_key(r, i, 0, text[0]), &at_us));
        for (int s = 0; s < SERIES_SUM_COUNT; s++)
            at[(at_us - a->from_us) / a->step_us].of[s] -= report_sum(r, i, sums[s]);
    }
    for (size_t i = 0; i < a->steps; i++)
        for (int s = 0; s < SERIES_SUM_COUNT; s++) assert_true(at[i].of[s] == 0);
}

static void must_agree(const char *dir, const struct series_ask *a, str step, size_t cells_max)
{
    struct report_ask by = a->rows, both = a->rows, all = a->rows;
    struct series series;
    struct buf why;
    char text[40];
    buf_init(&why, 0);
    if (!series_run(dir, a, cells_max, NULL, NULL, &series, &why)) fail_msg("%.*s", (int)why.n, why.p);
    by.limit = (int64_t)a->top;
    both.by[0] = all.by[0] = step;
    both.by[both.by_count++] = a->rows.by[0];
    struct report *lines = must_report(dir, &by), *cells = must_report(dir, &both), *totals = must_report(dir, &all);
    assert_int_equal(series.count, report_rows(lines));
    assert_int_equal(series.other, report_groups(lines) > a->top);
    for (size_t i = 0; i < series.count; i++) {
        str name = report_key(lines, i, 0, text);
        if (!str_eq(series.lines[i].name, name)) fail_msg("line %zu: %.*s", i, (int)name.n, name.p);
        must_be_nothing_left(a, cells, name, series.lines[i].at);
    }
    must_be_nothing_left(a, totals, STR_NONE, series.totals);
    report_drop(lines);
    report_drop(cells);
    report_drop(totals);
    series_free(&series);
    buf_free(&why);
}

static struct series_ask asked(str by, int64_t step_us, size_t top)
{
    struct series_ask a = {.rows = {.by = {by}, .by_count = 1}, .step_us = step_us, .top = top};
    a.rows.since_us = begin_us + 77 * US_PER_MINUTE + 1;
    a.rows.until_us = begin_us + (HOURS - 2) * US_PER_HOUR + 5;
    a.from_us = time_floor_us(a.rows.since_us, step_us);
    a.steps = (size_t)((a.rows.until_us - a.from_us + step_us - 1) / step_us);
    return a;
}

static void series_are_the_reports(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    static const str names[] = {STR_INIT("user"), STR_INIT("operation"), STR_INIT("tags"), STR_INIT("status")};
    static const struct {
        str name;
        int64_t us;
    } steps[] = {{STR_INIT("minute"), US_PER_MINUTE}, {STR_INIT("hour"), US_PER_HOUR}, {STR_INIT("day"), US_PER_DAY}};
    for (size_t n = 0; n < COUNT_OF(names); n++)
        for (size_t s = 0; s < COUNT_OF(steps); s++)
            for (size_t top = 1; top <= USERS + 1; top += 20) {
                struct series_ask a = asked(names[n], steps[s].us, top);
                must_agree(dir, &a, steps[s].name, SERIES_CELLS_MAX);
                a.rows.where[0].column = S("operation");
                a.rows.where[0].equals = S("chat");
                a.rows.where_count = 1;
                must_agree(dir, &a, steps[s].name, SERIES_CELLS_MAX);
            }
    folder_drop(dir);
}

/* Beyond the ceiling of cells: in each thread, where both come together, and at once. */
static void too_many_cells_are_a_second_pass(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct series_ask a = asked(S("user"), US_PER_HOUR, 7);
    for (size_t cells = 2; cells < 4000; cells = cells * 3 / 2 + 1) must_agree(dir, &a, S("hour"), cells);
    folder_drop(dir);
}

/* More values than lines: who is shown is tallied. */
static void too_many_values_are_tallied(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    for (size_t most = 4; most <= 64; most *= 4) {
        struct series_ask a = asked(S("user"), US_PER_HOUR, 7);
        a.rows.names_most = most;
        must_agree(dir, &a, S("hour"), SERIES_CELLS_MAX);
        must_agree(dir, &a, S("hour"), 50);
        a.top = USERS + 1;
        must_agree(dir, &a, S("hour"), SERIES_CELLS_MAX);
    }
    folder_drop(dir);
}

/* Where one thread alone reads. */
static void on_one_core_it_is_the_same(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct series_ask a = asked(S("user"), US_PER_HOUR, 7);
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    must_agree(dir, &a, S("hour"), 100);
    must_agree(dir, &a, S("hour"), SERIES_CELLS_MAX);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    folder_drop(dir);
}

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
    struct series_ask a = asked(S("user"), US_PER_HOUR, 7);
    struct series series;
    struct buf why;
    buf_init(&why, 0);
    for (size_t cells = 50; cells <= SERIES_CELLS_MAX; cells *= SERIES_CELLS_MAX / 50) {
        double last = 0;
        assert_true(series_run(dir, &a, cells, note, &last, &series, &why));
        series_free(&series);
        int left = 0;
        assert_false(series_run(dir, &a, cells, stop, &left, &series, &why));
        assert_int_equal(why.n, 0);
        series_free(&series);
    }
    folder_drop(dir);
}

static void what_is_no_line_is_refused(void **state)
{
    (void)state;
    char *dir = drawn_folder();
    struct series series;
    struct buf why;
    buf_init(&why, 0);
    struct series_ask a = asked(S("minute"), US_PER_HOUR, 7);
    assert_false(series_run(dir, &a, SERIES_CELLS_MAX, NULL, NULL, &series, &why));
    assert_true(str_find(buf_str(&why), S("no time"), 0) != SIZE_MAX);
    series_free(&series);
    buf_clear(&why);
    a = asked(S("colour"), US_PER_HOUR, 7);
    assert_false(series_run(dir, &a, SERIES_CELLS_MAX, NULL, NULL, &series, &why));
    assert_true(str_find(buf_str(&why), S("colour"), 0) != SIZE_MAX);
    series_free(&series);
    buf_free(&why);
    folder_drop(dir);
}

static void it_is_known_what_reads_rows(void **state)
{
    (void)state;
    struct report_ask ask = {.by = {S("user")}, .by_count = 1};
    assert_false(report_reads_rows(&ask));
    ask.by[ask.by_count++] = S("hour");
    assert_true(report_reads_rows(&ask));
    ask = (struct report_ask){.where[0] = {S("operation"), S("chat")}, .where_count = 1};
    assert_true(report_reads_rows(&ask));
    ask.where[0].column = S("colour");
    assert_false(report_reads_rows(&ask));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_the_reports),          cmocka_unit_test(too_many_cells_are_a_second_pass),
        cmocka_unit_test(too_many_values_are_tallied),     cmocka_unit_test(on_one_core_it_is_the_same),
        cmocka_unit_test(progress_only_grows_and_ends_it), cmocka_unit_test(what_is_no_line_is_refused),
        cmocka_unit_test(it_is_known_what_reads_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

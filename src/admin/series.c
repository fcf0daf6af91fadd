/* /api/v1/series: sums by hour or day, stacked by a name: its dearest values, and the rest in one. */
#include "admin/api.h"
#include "admin/inside.h"
#include "base/time.h"
#include "ledger/report_series.h"

enum { TOP_STANDARD = 8, TOP_MAX = 50, STEPS_MAX = 2400 };

static const struct {
    const char *name;
    enum report_sum sum;
} measures[] = {
#define SUM(name, sum) {name, REPORT_##sum},
    SERIES_SUMS(SUM)
#undef SUM
};
enum { MEASURES = COUNT_OF(measures) };

/* Steps, and up to which time one is taken where nothing is said. */
static const struct {
    str name;
    int64_t us, longest_us;
} lengths[] = {
    {STR_INIT("minute"), US_PER_MINUTE, 3 * US_PER_HOUR},
    {STR_INIT("hour"), US_PER_HOUR, 3 * US_PER_DAY},
    {STR_INIT("day"), US_PER_DAY, INT64_MAX},
};

struct question {
    struct report_ask ask; /* time and filters */
    str by;                /* empty: nothing */
    str step;              /* minute, hour, day */
    int64_t step_us, from_us;
    size_t steps;
    int64_t top;
};

struct line {
    str name;
    __int128 *of[MEASURES]; /* a sum for each step */
};

struct picture {
    struct line line[TOP_MAX], totals;
    size_t count;
    bool other; /* there are more values than lines */
};

/* ---- the question */

static bool read_step(struct api_call *c, struct question *q, int64_t until_us)
{
    str asked = api_param(c, S("step"));
    int64_t length_us = until_us - q->ask.since_us;
    for (size_t i = 0; i < COUNT_OF(lengths) && !q->step.n; i++) {
        if (asked.n ? !str_eq(asked, lengths[i].name) : length_us > lengths[i].longest_us) continue;
        q->step = lengths[i].name;
        q->step_us = lengths[i].us;
    }
    if (!q->step.n) {
        api_fail(c, 400, "bad_parameter", "step: minute, hour or day");
        return false;
    }
    q->from_us = time_floor_us(q->ask.since_us, q->step_us);
    int64_t steps = until_us > q->from_us ? (until_us - q->from_us + q->step_us - 1) / q->step_us : 0;
    if (steps < 1 || steps > STEPS_MAX) {
        api_fail(c, 400, "bad_parameter",
                 "since, until: from 1 to %d %" STR_FMT "s lie between them; take longer steps or less time", STEPS_MAX,
                 STR_ARG(q->step));
        return false;
    }
    q->steps = (size_t)steps;
    return true;
}

static bool read_question(struct api_call *c, struct question *q)
{
    struct api_filter filters[REPORT_WHERE_MAX];
    *q = (struct question){.top = TOP_STANDARD, .by = api_param(c, S("by"))};
    if (!api_range(c, &q->ask.since_us, &q->ask.until_us) || !api_param_count(c, S("top"), TOP_MAX, &q->top))
        return false;
    if (!api_filters_asked(c, filters, REPORT_WHERE_MAX, &q->ask.where_count)) return false;
    api_scope_report(&c->scope, &q->ask);
    for (size_t i = 0; i < q->ask.where_count; i++) {
        q->ask.where[i].column = filters[i].column;
        q->ask.where[i].equals = filters[i].equals;
    }
    if (str_eq(q->by, S("day")) || str_eq(q->by, S("hour")) || str_eq(q->by, S("minute"))) {
        api_fail(c, 400, "bad_parameter", "by: a name such as feature; how long a step is, `step` says");
        return false;
    }
    /* what lies ahead is empty: a step more than now */
    int64_t until_us = q->ask.until_us < c->now_us + US_PER_DAY ? q->ask.until_us : c->now_us;
    return read_step(c, q, until_us);
}

/* ---- sums */

/* Fails: NULL after api_fail(). */
static struct report *run(struct api_call *c, const struct report_ask *ask, double from, double to)
{
    struct buf why;
    struct api_part part = {c, from, to};
    buf_init(&why, 0);
    struct report *r = report_run(c->dir, ask, api_part_progress, &part, &why);
    if (!r) api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return r;
}

static void line_init(struct api_call *c, const struct question *q, struct line *l, str name)
{
    l->name = arena_str(&c->arena, name);
    for (size_t m = 0; m < MEASURES; m++) l->of[m] = arena_zalloc(&c->arena, (q->steps + 1) * sizeof(*l->of[m]));
}

/* Which step a row is of; SIZE_MAX: of none. */
static size_t step_of(const struct question *q, const struct report *r, size_t row)
{
    char text[40];
    int64_t at_us;
    if (!time_parse(report_key(r, row, 0, text), &at_us) || at_us < q->from_us) return SIZE_MAX;
    size_t step = (size_t)((at_us - q->from_us) / q->step_us);
    return step < q->steps ? step : SIZE_MAX;
}

static void take(struct line *l, size_t step, const struct report *r, size_t row)
{
    for (size_t m = 0; m < MEASURES; m++) l->of[m][step] += report_sum(r, row, measures[m].sum);
}

/* ---- straight from rows */

/* Reports by the name, by step and name, and by step: do two of them read rows? `*totals`: the last one does. */
static bool reads_rows(const struct question *q, bool *totals)
{
    struct report_ask by = q->ask, both = q->ask, step = q->ask;
    by.by[by.by_count++] = q->by;
    both.by[both.by_count++] = q->step;
    both.by[both.by_count++] = q->by;
    step.by[step.by_count++] = q->step;
    *totals = report_reads_rows(&step);
    return report_reads_rows(&by) + report_reads_rows(&both) + *totals >= 2;
}

static void copy(struct line *l, const struct question *q, const struct series_sums *at)
{
    for (size_t m = 0; m < MEASURES; m++)
        for (size_t s = 0; s < q->steps; s++) l->of[m][s] = at[s].of[m];
}

static bool fill_from_rows(struct api_call *c, const struct question *q, struct picture *a, bool totals)
{
    struct series_ask ask = {
        .rows = q->ask, .from_us = q->from_us, .step_us = q->step_us, .steps = q->steps, .top = (size_t)q->top};
    struct api_part part = {c, 0, totals ? 1 : 0.8};
    struct series series;
    struct buf why;
    buf_init(&why, 0);
    ask.rows.by[ask.rows.by_count++] = q->by;
    bool ok = series_run(c->dir, &ask, SERIES_CELLS_MAX, api_part_progress, &part, &series, &why);
    if (!ok) api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(buf_str(&why)));
    for (size_t i = 0; ok && i < series.count; i++) {
        line_init(c, q, &a->line[a->count], series.lines[i].name);
        copy(&a->line[a->count++], q, series.lines[i].at);
    }
    a->other = series.other;
    if (ok && totals) {
        line_init(c, q, &a->totals, S(""));
        copy(&a->totals, q, series.totals);
    }
    series_free(&series);
    buf_free(&why);
    return ok;
}

/* ---- from reports */

static bool find_lines(struct api_call *c, const struct question *q, struct picture *a)
{
    struct report_ask ask = q->ask;
    ask.by[ask.by_count++] = q->by;
    ask.limit = q->top + 1;
    struct report *r = run(c, &ask, 0, 0.4);
    if (!r) return false;
    a->other = report_rows(r) > (size_t)q->top;
    for (size_t i = 0; i < report_rows(r) && i < (size_t)q->top; i++) {
        char text[40];
        line_init(c, q, &a->line[a->count++], report_key(r, i, 0, text));
    }
    report_drop(r);
    return true;
}

static struct line *find_line(struct picture *a, str name)
{
    for (size_t i = 0; i < a->count; i++) {
        if (str_eq(a->line[i].name, name)) return &a->line[i];
    }
    return NULL;
}

/* Of the values that have lines; filters on the same name have chosen them already. */
static bool fill_lines(struct api_call *c, const struct question *q, struct picture *a)
{
    struct report_ask ask = q->ask;
    size_t kept = 0;
    for (size_t i = 0; i < ask.where_count; i++) {
        if (!str_eq(ask.where[i].column, q->by)) ask.where[kept++] = ask.where[i];
    }
    ask.where_count = kept;
    for (size_t i = 0; i < a->count && ask.where_count < REPORT_WHERE_MAX; i++) {
        ask.where[ask.where_count].column = q->by;
        ask.where[ask.where_count++].equals = a->line[i].name;
    }
    ask.by[ask.by_count++] = q->step;
    ask.by[ask.by_count++] = q->by;
    ask.limit = (int64_t)(q->steps * a->count);
    struct report *r = a->count ? run(c, &ask, 0.4, 0.8) : NULL;
    for (size_t i = 0; r && i < report_rows(r); i++) {
        char text[40];
        struct line *l = find_line(a, report_key(r, i, 1, text));
        size_t step = step_of(q, r, i);
        if (l && step != SIZE_MAX) take(l, step, r, i);
    }
    report_drop(r);
    return r || !a->count;
}

/* The last of the three: what has come in meanwhile is in the rest. */
static bool fill_totals(struct api_call *c, const struct question *q, struct picture *a)
{
    struct report_ask ask = q->ask;
    ask.by[ask.by_count++] = q->step;
    ask.limit = (int64_t)q->steps + 1;
    line_init(c, q, &a->totals, S(""));
    struct report *r = run(c, &ask, q->by.n ? 0.8 : 0, 1);
    if (!r) return false;
    for (size_t i = 0; i < report_rows(r); i++) {
        size_t step = step_of(q, r, i);
        if (step != SIZE_MAX) take(&a->totals, step, r, i);
    }
    report_drop(r);
    return true;
}

/* ---- the answer */

static void add_measures(struct buf *out, const struct question *q, const struct line *l)
{
    for (size_t m = 0; m < MEASURES; m++) {
        buf_printf(out, "%s\"%s\":[", m ? "," : "", measures[m].name);
        for (size_t s = 0; s < q->steps; s++) {
            if (s) buf_add_byte(out, ',');
            api_add_big(out, l->of[m][s]);
        }
        buf_add_byte(out, ']');
    }
}

static void add_line(struct buf *out, const struct question *q, const struct line *l, bool other)
{
    buf_add(out, S("\n{\"name\":"));
    if (other)
        buf_add(out, S("null"));
    else
        buf_add_json(out, l->name);
    buf_printf(out, ",\"other\":%s,", other ? "true" : "false");
    add_measures(out, q, l);
    buf_add_byte(out, '}');
}

static void add_rest(struct api_call *c, const struct question *q, const struct picture *a)
{
    struct line rest;
    line_init(c, q, &rest, S(""));
    for (size_t m = 0; m < MEASURES; m++) {
        for (size_t s = 0; s < q->steps; s++) {
            rest.of[m][s] = a->totals.of[m][s];
            for (size_t i = 0; i < a->count; i++) rest.of[m][s] -= a->line[i].of[m][s];
        }
    }
    if (a->count) buf_add_byte(&c->out, ',');
    add_line(&c->out, q, &rest, true);
}

static void write_answer(struct api_call *c, const struct question *q, const struct picture *a)
{
    struct buf *out = &c->out;
    buf_printf(out, "{\"step\":\"%" STR_FMT "\",\"at\":[", STR_ARG(q->step));
    for (size_t s = 0; s < q->steps; s++) {
        char text[40];
        if (s) buf_add_byte(out, ',');
        buf_add_json(out, time_format(q->from_us + (int64_t)s * q->step_us, text));
    }
    buf_add(out, S("],\n\"series\":["));
    for (size_t i = 0; i < a->count; i++) {
        if (i) buf_add_byte(out, ',');
        add_line(out, q, &a->line[i], false);
    }
    if (a->other) add_rest(c, q, a);
    buf_add(out, S("],\n\"totals\":{"));
    add_measures(out, q, &a->totals);
    buf_add(out, S("}}\n"));
}

void serve_series_get(struct api_call *c)
{
    struct question q;
    struct picture *a = arena_zalloc(&c->arena, sizeof(*a));
    if (!read_question(c, &q)) return;
    (void)ledger_flush(c->admin->purser->ledger);
    bool totals = false, rows = q.by.n && reads_rows(&q, &totals);
    bool ok = !q.by.n || (rows ? fill_from_rows(c, &q, a, totals) : find_lines(c, &q, a) && fill_lines(c, &q, a));
    if (ok && ((rows && totals) || fill_totals(c, &q, a))) write_answer(c, &q, a);
}

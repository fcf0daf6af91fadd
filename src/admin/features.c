/* Features as their owners look at them: what they cost, whether they keep what was promised, what of them grows. */
#include "admin/features.h"

#include "admin/inside.h"
#include "base/time.h"

#include <stdlib.h>

enum { FEATURES_MAX = 1000 };

struct question {
    int64_t since_us, until_us;
    str name; /* one feature; p == NULL: all of them */
    struct api_filter filters[MIX_WHERE_MAX];
    size_t count;
};

/* ---- what is asked of the ledger */

static void scope_mix(const struct api_call *c, struct mix_ask *ask)
{
    ask->scoped = c->scope.restricted;
    ask->features = c->scope.features;
    ask->feature_count = c->scope.count;
}

/* Filters that no question can have are the asker's fault. */
static void fail(struct api_call *c, const struct question *q, const struct buf *why)
{
    bool theirs = q->count > (q->name.p ? 1 : 0) || !why->n;
    str said = why->n ? buf_str(why) : S("It was ended.");
    api_fail(c, theirs ? 400 : 500, theirs ? "bad_parameter" : "internal", "%" STR_FMT, STR_ARG(said));
}

/* Fails: NULL after api_fail(). */
static struct mix *ask_mix(struct api_part part, const struct question *q, int64_t since_us, int64_t until_us,
                           bool days)
{
    struct api_call *c = part.c;
    struct mix_ask ask = {.by = {S("feature"), S("day")},
                          .by_count = days ? 2 : 1,
                          .where_count = q->count,
                          .since_us = since_us,
                          .until_us = until_us,
                          .go_on = api_part_progress,
                          .ctx = &part};
    struct buf why;
    scope_mix(c, &ask);
    for (size_t i = 0; i < q->count; i++) {
        ask.where[i].column = q->filters[i].column;
        ask.where[i].equals = q->filters[i].equals;
    }
    buf_init(&why, 0);
    struct mix *m = mix_read(c->dir, &ask, &why);
    if (!m) fail(c, q, &why);
    buf_free(&why);
    return m;
}

static struct report *ask_report(struct api_part part, const struct question *q, const char *by, int64_t limit)
{
    struct api_call *c = part.c;
    struct report_ask ask = {.by = {str_from(by)},
                             .by_count = 1,
                             .where_count = q->count,
                             .since_us = q->since_us,
                             .until_us = q->until_us,
                             .limit = limit};
    struct buf why;
    for (size_t i = 0; i < q->count; i++) {
        ask.where[i].column = q->filters[i].column;
        ask.where[i].equals = q->filters[i].equals;
    }
    api_scope_report(&c->scope, &ask);
    buf_init(&why, 0);
    struct report *r = report_run(c->dir, &ask, api_part_progress, &part, &why);
    if (!r) fail(c, q, &why);
    buf_free(&why);
    return r;
}

/* ---- a row */

struct material {
    struct report *sums;
    struct mix *before, *after;
};

static const struct mix_sums *find_sums(const struct mix *m, str feature)
{
    for (size_t i = 0; i < m->count; i++) {
        if (str_eq(m->rows[i].by[0], feature)) return &m->rows[i].sums;
    }
    return NULL;
}

static void put_ms(struct api_rows *r, const char *name, int64_t us)
{
    if (us)
        api_put_number(r, name, (double)us / 1000);
    else
        api_put_null(r, name);
}

static void put_each(struct api_rows *r, const char *name, __int128 cost, __int128 of)
{
    if (of > 0)
        api_put_big(r, name, cost / of);
    else
        api_put_null(r, name);
}

/* `row` SIZE_MAX: it had no calls. */
static void put_feature(struct api_rows *r, const struct material *m, str name, size_t row)
{
    static const char *const none = "null";
    const struct setting_feature *f = settings_feature(r->c->snapshot->settings, name);
    const struct report *s = m->sums;
    bool there = row != SIZE_MAX;
    __int128 cost = there ? report_sum(s, row, REPORT_cost) : 0, calls = there ? report_sum(s, row, REPORT_calls) : 0;
    struct buf part;
    buf_init(&part, 0);
    api_put_str(r, "name", name);
    api_put_str(r, "owner", f && f->owner.n ? f->owner : STR_NONE);
    api_put_str(r, "tier", f ? feature_tier_name(f->tier) : STR_NONE);
    api_put_bool(r, "set", f != NULL);
    api_put_big(r, "calls", calls);
    api_put_big(r, "attempts", there ? report_sum(s, row, REPORT_attempts) : 0);
    api_put_big(r, "errors", there ? report_sum(s, row, REPORT_errors) : 0);
    api_put_big(r, "cost_picousd", cost);
    api_put_big(r, "wasted_cost_picousd", there ? report_sum(s, row, REPORT_wasted_cost) : 0);
    put_each(r, "call_picousd", cost, calls);
    put_ms(r, "p50_ms", there ? report_latency_us(s, row, 500) : 0);
    put_ms(r, "p95_ms", there ? report_latency_us(s, row, 950) : 0);
    put_ms(r, "p99_ms", there ? report_latency_us(s, row, 990) : 0);
    put_ms(r, "first_token_p95_ms", there ? report_first_token_us(s, row, 950) : 0);
    feature_add_slo(&part, f, s, row);
    api_put_json(r, "slo", part.n ? buf_str(&part) : str_from(none));
    buf_clear(&part);
    feature_add_growth(&part, find_sums(m->before, name), find_sums(m->after, name));
    api_put_json(r, "growth", buf_str(&part));
    buf_clear(&part);
    feature_add_budgets(&part, r->c, name);
    api_put_json(r, "budgets", buf_str(&part));
    buf_free(&part);
}

/* ---- routes */

/* Of one feature, it is a filter as the others are. */
static bool read_filters(struct api_call *c, struct question *q)
{
    if (!api_filters_asked(c, q->filters, COUNT_OF(q->filters) - 1, &q->count)) return false;
    for (size_t i = 0; q->name.p && i < q->count; i++) {
        if (!str_eq(q->filters[i].column, S("feature"))) continue;
        api_fail(c, 400, "bad_parameter", "where: the address names the feature already");
        return false;
    }
    if (q->name.p) q->filters[q->count++] = (struct api_filter){S("feature"), q->name};
    return true;
}

static bool read_question(struct api_call *c, struct question *q)
{
    if (!api_range(c, &q->since_us, &q->until_us) || !read_filters(c, q)) return false;
    if (q->until_us > c->now_us) q->until_us = c->now_us;
    if (q->since_us < q->until_us) return true;
    api_fail(c, 400, "bad_parameter", "since, until: the period ends before it begins");
    return false;
}

/* Fails: false after api_fail(). Owns: material_free(). */
static bool gather(struct api_call *c, const struct question *q, struct material *m)
{
    int64_t before_us = q->since_us - (q->until_us - q->since_us);
    (void)ledger_flush(c->admin->purser->ledger);
    m->sums = ask_report((struct api_part){c, 0, 0.2}, q, "feature", FEATURES_MAX);
    m->before = m->sums ? ask_mix((struct api_part){c, 0.2, 0.4}, q, before_us, q->since_us, false) : NULL;
    m->after = m->before ? ask_mix((struct api_part){c, 0.4, 0.6}, q, q->since_us, q->until_us, false) : NULL;
    return m->after != NULL;
}

static void material_free(struct material *m)
{
    report_drop(m->sums);
    mix_drop(m->before);
    mix_drop(m->after);
}

static size_t find_row(const struct report *r, str name)
{
    for (size_t i = 0; i < report_rows(r); i++) {
        char text[40];
        if (str_eq(report_key(r, i, 0, text), name)) return i;
    }
    return SIZE_MAX;
}

static void put_all(struct api_rows *r, const struct question *q, const struct material *m)
{
    const struct settings *s = r->c->snapshot->settings;
    for (size_t i = 0; i < report_rows(m->sums); i++) {
        char text[40];
        api_row(r);
        put_feature(r, m, report_key(m->sums, i, 0, text), i);
    }
    for (size_t i = 0; !q->count && i < s->feature_count; i++) { /* those that are set and had no calls */
        str name = s->features[i].name;
        if (find_row(m->sums, name) != SIZE_MAX || !api_sees(r->c, name)) continue;
        api_row(r);
        put_feature(r, m, name, SIZE_MAX);
    }
    api_rows_end(r, STR_NONE);
}

void serve_features_get(struct api_call *c)
{
    struct question q = {.name = STR_NONE};
    struct material m = {NULL};
    struct api_rows r;
    if (read_question(c, &q) && gather(c, &q, &m)) {
        api_rows_begin(&r, c, API_RESOURCE_feature);
        if (api_rows_page(&r)) put_all(&r, &q, &m);
    }
    material_free(&m);
}

/* Calls without a task are in no task, dear or not. */
struct tasks {
    __int128 count, cost;
};

/* Of the dearest the report has each; where the calls without a task are not among them they are asked for. Fails: false
 * after api_fail(). */
static bool ask_tasks(struct api_part part, const struct question *q, struct tasks *out)
{
    struct report *all =
        ask_report((struct api_part){part.c, part.from, (part.from + part.to) / 2}, q, "task", FEATURES_MAX);
    if (!all) return false;
    *out = (struct tasks){(__int128)report_groups(all), report_sum(all, REPORT_TOTALS, REPORT_cost)};
    struct question without = *q;
    bool named = false;
    for (size_t i = 0; i < q->count; i++) named = named || str_eq(q->filters[i].column, S("task"));
    size_t row = 0;
    char text[40];
    while (row < report_rows(all) && report_key(all, row, 0, text).n) row++;
    bool found = row < report_rows(all),
         hidden = !found && !named && q->count < MIX_WHERE_MAX && report_groups(all) > report_rows(all);
    if (found) *out = (struct tasks){out->count - 1, out->cost - report_sum(all, row, REPORT_cost)};
    report_drop(all);
    if (!hidden) return true;
    without.filters[without.count++] = (struct api_filter){.column = S("task"), .equals = S("")};
    struct report *none =
        ask_report((struct api_part){part.c, (part.from + part.to) / 2, part.to}, &without, "task", 1);
    if (!none) return false;
    out->count -= (__int128)report_groups(none);
    out->cost -= report_sum(none, REPORT_TOTALS, REPORT_cost);
    report_drop(none);
    return true;
}

void serve_feature_get(struct api_call *c)
{
    struct question q = {.name = c->path_args[0]};
    struct material m = {NULL};
    struct api_rows r;
    if (!api_sees(c, q.name)) {
        api_fail(c, 404, "not_found", "You have no feature of this name.");
        return;
    }
    if (read_question(c, &q) && gather(c, &q, &m)) {
        struct tasks tasks;
        bool asked = ask_tasks((struct api_part){c, 0.6, 0.8}, &q, &tasks);
        struct mix *days = asked ? ask_mix((struct api_part){c, 0.8, 1}, &q, q.since_us, q.until_us, true) : NULL;
        size_t row = find_row(m.sums, q.name);
        if (days && row == SIZE_MAX && !settings_feature(c->snapshot->settings, q.name)) {
            api_fail(c, 404, "not_found", "No feature of this name is set, and none had calls in this time.");
        } else if (days) {
            struct buf trend;
            buf_init(&trend, 0);
            feature_add_trend(&trend, days);
            api_one_begin(&r, c, API_RESOURCE_feature_whole);
            put_feature(&r, &m, q.name, row);
            api_put_big(&r, "tasks", tasks.count);
            put_each(&r, "task_picousd", tasks.cost, tasks.count);
            api_put_json(&r, "trend", buf_str(&trend));
            api_one_end(&r);
            buf_free(&trend);
        }
        mix_drop(days);
    }
    material_free(&m);
}

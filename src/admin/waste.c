/* /api/v1/waste: what was paid for nothing, and what was not paid. */
#include "admin/waste.h"

#include "admin/inside.h"
#include "base/time.h"

enum { ROWS_MAX = 10000 };

static const struct {
    const char *name, *what;
} kinds[WASTES] = {
#define WASTE(constant, name, what) {name, what},
    WASTE_KINDS(WASTE)
#undef WASTE
};

static enum waste_kind kind_of(str reason, str status)
{
    static const str gone[] = {STR_INIT("client_gone"), STR_INIT("switched_off"), STR_INIT("shutting_down")};
    static const str again[] = {STR_INIT("retry"), STR_INIT("fallback"), STR_INIT("escalation"), STR_INIT("repair"),
                                STR_INIT("hedge")};
    if (str_eq(reason, S("idle"))) return WASTE_IDLE;
    if (str_eq(status, S("ok")) || str_eq(status, S("not_accepted")) || str_eq(status, S("hedge_lost")))
        return WASTE_UNUSED;
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        if (str_eq(status, gone[i])) return WASTE_ABANDONED;
    for (size_t i = 0; i < COUNT_OF(again); i++)
        if (str_eq(reason, again[i])) return WASTE_RETRIES;
    return WASTE_FAILED;
}

/* ---- the question */

static bool read_question(struct api_call *c, struct waste_question *q)
{
    q->rows_from_us = INT64_MIN;
    return api_range(c, &q->since_us, &q->until_us) && api_filters_asked(c, q->filters, MIX_WHERE_MAX, &q->count);
}

void waste_fail(struct api_call *c, const struct buf *why)
{
    api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(why->n ? buf_str(why) : S("It was ended.")));
}

void waste_tell_rows_from(struct waste_question *q, int64_t rows_from_us)
{
    if (rows_from_us > q->rows_from_us) q->rows_from_us = rows_from_us;
}

void waste_ask(const struct api_call *c, const struct waste_question *q, struct report_ask *out)
{
    *out = (struct report_ask){.where_count = q->count, .since_us = q->since_us, .until_us = q->until_us};
    for (size_t i = 0; i < q->count; i++) {
        out->where[i].column = q->filters[i].column;
        out->where[i].equals = q->filters[i].equals;
    }
    api_scope_report(&c->scope, out);
}

/* By one name, or two. */
static struct report_ask ask_by(const struct api_call *c, const struct waste_question *q, const char *first,
                                const char *second)
{
    struct report_ask ask;
    waste_ask(c, q, &ask);
    ask.by[ask.by_count++] = str_from(first);
    if (second) ask.by[ask.by_count++] = str_from(second);
    return ask;
}

/* Fails: NULL after api_fail(). */
static struct report *run(struct api_part part, struct waste_question *q, struct report_ask ask, int64_t limit)
{
    struct buf why;
    buf_init(&why, 0);
    ask.limit = limit;
    struct report *r = report_run(part.c->dir, &ask, api_part_progress, &part, &why);
    if (r)
        waste_tell_rows_from(q, report_rows_from_us(r));
    else
        waste_fail(part.c, &why);
    buf_free(&why);
    return r;
}

/* ---- waste */

void waste_add_kind(struct waste_picture *p, str reason, str status, struct waste_line wasted)
{
    struct waste_line *l = &p->waste[kind_of(reason, status)];
    l->attempts += wasted.attempts;
    l->cost += wasted.cost;
}

static bool sum_waste(struct api_part part, struct waste_question *q, struct waste_picture *p)
{
    struct report *r = run(part, q, ask_by(part.c, q, "reason", "status"), ROWS_MAX);
    if (!r) return false;
    for (size_t i = 0; i < report_rows(r); i++) {
        char text[2][40];
        struct waste_line wasted = {report_sum(r, i, REPORT_wasted), report_sum(r, i, REPORT_wasted_cost)};
        waste_add_kind(p, report_key(r, i, 0, text[0]), report_key(r, i, 1, text[1]), wasted);
    }
    p->cost = report_sum(r, REPORT_TOTALS, REPORT_cost);
    p->ladder = report_sum(r, REPORT_TOTALS, REPORT_saved_cost);
    report_drop(r);
    return true;
}

/* ---- loops: what the dearest tasks cost beyond as many calls as `runaway.steps` leaves any task of a feature; of answers
 * that were used, the others are waste already */

static int64_t steps_of(const struct settings *s, const struct setting_feature *f)
{
    return f ? f->runaway.limits.task_steps_floor : s->runaway.limits.task_steps_floor;
}

/* The fewest of any feature; 0: nowhere is there an end to them. */
static int64_t fewest_steps(const struct settings *s)
{
    int64_t fewest = steps_of(s, NULL);
    for (size_t i = 0; i < s->feature_count; i++) {
        int64_t steps = steps_of(s, &s->features[i]);
        if (steps > 0 && (fewest <= 0 || steps < fewest)) fewest = steps;
    }
    return fewest;
}

void waste_add_loop(const struct api_call *c, struct waste_picture *p, const struct waste_task *t)
{
    const struct settings *s = c->snapshot->settings;
    int64_t steps = steps_of(s, settings_feature(s, t->feature));
    if (!t->task.n || steps <= 0 || t->calls <= steps || t->used_cost <= 0) return;
    p->loops.attempts += t->calls - steps;
    p->loops.cost += t->used_cost * (t->calls - steps) / t->calls;
}

/* Beside a feature no sums of days know what a task is of. */
static bool sums_know(const struct waste_question *q)
{
    for (size_t i = 0; i < q->count; i++) {
        if (!str_eq(q->filters[i].column, S("feature"))) return false;
    }
    return true;
}

static bool ask_loops(struct api_part part, struct waste_question *q, int64_t limit, struct waste_picture *p)
{
    struct report *r = run(part, q, ask_by(part.c, q, "task", "feature"), limit);
    for (size_t i = 0; r && i < report_rows(r); i++) {
        char text[2][40];
        struct waste_task task = {.task = report_key(r, i, 0, text[0]),
                                  .feature = report_key(r, i, 1, text[1]),
                                  .calls = report_sum(r, i, REPORT_calls),
                                  .used_cost = report_sum(r, i, REPORT_cost) - report_sum(r, i, REPORT_wasted_cost)};
        waste_add_loop(part.c, p, &task);
    }
    report_drop(r);
    return r != NULL;
}

/* Few tasks of a thousand have so many calls: of these alone it is asked which features they are of. */
static bool sum_loops(struct api_part part, struct waste_question *q, struct waste_picture *p)
{
    struct api_call *c = part.c;
    double middle = part.from + (part.to - part.from) * 3 / 4;
    int64_t fewest = fewest_steps(c->snapshot->settings);
    if (fewest <= 0) return true;
    if (!sums_know(q)) return ask_loops(part, q, WASTE_LOOPS_MAX, p);
    struct report *tasks = run((struct api_part){c, part.from, middle}, q, ask_by(c, q, "task", NULL), WASTE_LOOPS_MAX);
    bool ok = tasks != NULL;
    for (size_t i = 0; ok && i < report_rows(tasks);) {
        struct waste_question of = *q;
        char text[40];
        for (; i < report_rows(tasks) && of.count < COUNT_OF(of.filters); i++) {
            str task = report_key(tasks, i, 0, text);
            if (!task.n || report_sum(tasks, i, REPORT_calls) <= fewest) continue;
            of.filters[of.count++] = (struct api_filter){S("task"), arena_str(&c->arena, task)};
        }
        if (of.count == q->count) break;
        ok = ask_loops((struct api_part){c, middle, part.to}, &of, ROWS_MAX, p);
    }
    report_drop(tasks);
    return ok;
}

/* ---- savings */

/* What the tokens that a provider read from its cache would have cost as any others, less what they did cost, and what
 * writing them into it cost beyond that. */
static __int128 saved_by_cache(const struct mix_sums *s)
{
    __int128 plain = s->units[UNIT_INPUT], cost = s->cost_by_unit[UNIT_INPUT];
    __int128 read = s->units[UNIT_CACHE_READ];
    __int128 written = s->units[UNIT_CACHE_WRITE_5M] + s->units[UNIT_CACHE_WRITE_1H];
    __int128 paid =
        s->cost_by_unit[UNIT_CACHE_READ] + s->cost_by_unit[UNIT_CACHE_WRITE_5M] + s->cost_by_unit[UNIT_CACHE_WRITE_1H];
    if (plain <= 0 || cost <= 0 || read + written <= 0) return 0; /* what a plain token costs is not known */
    return (read + written) * cost / plain - paid;
}

void waste_add_cache(struct waste_picture *p, const struct mix_sums *of)
{
    p->cache += saved_by_cache(of);
}

static void ask_mix(struct api_part *part, const struct waste_question *q, struct mix_ask *out)
{
    const struct api_call *c = part->c;
    *out = (struct mix_ask){.by = {S("provider"), S("model")},
                            .by_count = 2,
                            .where_count = q->count,
                            .scoped = c->scope.restricted,
                            .features = c->scope.features,
                            .feature_count = c->scope.count,
                            .since_us = q->since_us,
                            .until_us = q->until_us,
                            .go_on = api_part_progress,
                            .ctx = part};
    for (size_t i = 0; i < q->count; i++) {
        out->where[i].column = q->filters[i].column;
        out->where[i].equals = q->filters[i].equals;
    }
}

static bool sum_savings(struct api_part part, struct waste_question *q, struct waste_picture *p)
{
    struct mix_ask ask;
    struct buf why;
    buf_init(&why, 0);
    ask_mix(&part, q, &ask);
    struct mix *m = mix_read(part.c->dir, &ask, &why);
    if (m)
        waste_tell_rows_from(q, m->rows_from_us);
    else
        waste_fail(part.c, &why);
    for (size_t i = 0; m && i < m->count; i++) waste_add_cache(p, &m->rows[i].sums);
    bool ok = m != NULL;
    mix_drop(m);
    buf_free(&why);
    return ok;
}

/* ---- all parts: first those that read rows, together */

static bool sum_all(struct api_call *c, struct waste_question *q, struct waste_picture *p)
{
    static bool (*const sums[])(struct api_part, struct waste_question *, struct waste_picture *) = {
        [WASTE_BY_KIND] = sum_waste, [WASTE_BY_CACHE] = sum_savings, [WASTE_BY_LOOPS] = sum_loops};
    struct report_ask by_kind = ask_by(c, q, "reason", "status"), by_task = ask_by(c, q, "task", "feature");
    struct api_part part = {c, 0, 0.9};
    struct mix_ask mix;
    ask_mix(&part, q, &mix);
    bool rows[WASTE_PARTS] = {[WASTE_BY_KIND] = report_reads_rows(&by_kind),
                              [WASTE_BY_CACHE] = mix_reads_rows(&mix),
                              [WASTE_BY_LOOPS] =
                                  fewest_steps(c->snapshot->settings) > 0 && report_reads_rows(&by_task)};
    bool any = rows[WASTE_BY_KIND] || rows[WASTE_BY_CACHE] || rows[WASTE_BY_LOOPS];
    if (any && !waste_read_rows(part, q, rows, p)) return false;
    double at = any ? part.to : 0, step = (1 - at) / WASTE_PARTS;
    for (int i = 0; i < WASTE_PARTS; i++, at += step) {
        if (rows[i]) continue;
        if (!api_progress(c, at) || !sums[i]((struct api_part){c, at, at + step}, q, p)) return false;
    }
    return true;
}

/* ---- the answer */

static void add_line(struct buf *out, const char *kind, const char *text, const struct waste_line *l, bool first)
{
    buf_printf(out, "%s{\"kind\":\"%s\",\"text\":\"%s\",\"attempts\":", first ? "" : ",", kind, text);
    api_add_big(out, l->attempts);
    buf_add(out, S(",\"cost_picousd\":"));
    api_add_big(out, l->cost);
    buf_add_byte(out, '}');
}

static void add_saving(struct buf *out, const char *kind, const char *text, __int128 saved, bool first)
{
    buf_printf(out, "%s{\"kind\":\"%s\",\"text\":\"%s\",\"saved_picousd\":", first ? "" : ",", kind, text);
    api_add_big(out, saved);
    buf_add_byte(out, '}');
}

static void write_answer(struct api_call *c, const struct waste_question *q, const struct waste_picture *p)
{
    struct buf *out = &c->out;
    __int128 wasted = 0;
    buf_add(out, S("{\"cost_picousd\":"));
    api_add_big(out, p->cost);
    buf_add(out, S(",\n\"waste\":["));
    for (int i = 0; i < WASTES; i++) {
        add_line(out, kinds[i].name, kinds[i].what, &p->waste[i], i == 0);
        wasted += p->waste[i].cost;
    }
    add_line(out, "loops", "the dearest tasks' calls beyond runaway.steps, answers that were used", &p->loops, false);
    buf_add(out, S("],\n\"wasted_cost_picousd\":"));
    api_add_big(out, wasted);
    buf_add(out, S(",\n\"savings\":["));
    add_saving(out, "prompt_cache", "prompts that providers read from their caches, less what writing them there cost",
               p->cache, true);
    add_saving(out, "ladder", "calls that ended at a cheaper rung than the last", p->ladder, false);
    buf_add(out, S("],\n\"rows_from\":"));
    api_add_time(out, q->rows_from_us);
    buf_add(out, S("}\n"));
}

void serve_waste_get(struct api_call *c)
{
    struct waste_question q = {.count = 0};
    struct waste_picture *p = arena_zalloc(&c->arena, sizeof(*p));
    if (!read_question(c, &q)) return;
    (void)ledger_flush(c->admin->purser->ledger);
    if (sum_all(c, &q, p)) write_answer(c, &q, p);
}

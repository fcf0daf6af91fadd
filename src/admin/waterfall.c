/* /api/v1/waterfall: why one period cost more or less than the one before. */
#include "plan/waterfall.h"
#include "admin/api.h"
#include "admin/inside.h"
#include "base/time.h"
#include "ledger/mix.h"

#include <stdlib.h>

struct period {
    int64_t since_us, until_us;
};

struct question {
    struct period of[WATERFALL_PERIODS];
    struct api_filter filters[MIX_WHERE_MAX];
    size_t count;
};

/* ---- the question */

static bool read_question(struct api_call *c, struct question *q)
{
    struct period *after = &q->of[WATERFALL_AFTER], *before = &q->of[WATERFALL_BEFORE];
    if (!api_range(c, &after->since_us, &after->until_us)) return false;
    if (!api_filters_asked(c, q->filters, COUNT_OF(q->filters), &q->count)) return false;
    if (after->until_us > c->now_us) after->until_us = c->now_us;
    mix_whole_days(&after->since_us, &after->until_us);
    *before = (struct period){2 * after->since_us - after->until_us, after->since_us};
    if (!api_param_time(c, S("before_since"), &before->since_us)) return false;
    if (!api_param_time(c, S("before_until"), &before->until_us)) return false;
    mix_whole_days(&before->since_us, &before->until_us);
    for (int p = 0; p < WATERFALL_PERIODS; p++) {
        if (q->of[p].since_us < q->of[p].until_us) continue;
        api_fail(c, 400, "bad_parameter", "%s: the period ends before it begins",
                 p == WATERFALL_AFTER ? "since, until" : "before_since, before_until");
        return false;
    }
    return true;
}

/* Both periods. Fails: false after api_fail(). */
static bool read_mixes(struct api_call *c, const struct question *q, struct mix *out[WATERFALL_PERIODS])
{
    struct mix_ask asks[WATERFALL_PERIODS];
    struct buf why;
    buf_init(&why, 0);
    for (int p = 0; p < WATERFALL_PERIODS; p++) {
        asks[p] = (struct mix_ask){.by = {S("feature"), S("model"), S("provider")},
                                   .by_count = 3,
                                   .where_count = q->count,
                                   .scoped = c->scope.restricted,
                                   .features = c->scope.features,
                                   .feature_count = c->scope.count,
                                   .since_us = q->of[p].since_us,
                                   .until_us = q->of[p].until_us,
                                   .go_on = api_progress,
                                   .ctx = c};
        for (size_t i = 0; i < q->count; i++) {
            asks[p].where[i].column = q->filters[i].column;
            asks[p].where[i].equals = q->filters[i].equals;
        }
    }
    bool ok = mix_read_each(c->dir, asks, WATERFALL_PERIODS, out, &why);
    if (!ok) api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(why.n ? buf_str(&why) : S("It was ended.")));
    buf_free(&why);
    return ok;
}

/* ---- groups of both periods */

static int compare(const struct mix_row *a, const struct mix_row *b)
{
    for (int i = 0; i < 3; i++) {
        int order = str_cmp(a->by[i], b->by[i]);
        if (order) return order;
    }
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    return compare(a, b);
}

static void use(struct waterfall_use *to, const struct mix_row *row)
{
    const struct mix_sums *s = &row->sums;
    to->calls = (int64_t)s->of[MIX_calls];
    memcpy(to->units, s->units, sizeof(to->units));
    memcpy(to->cost_by_unit, s->cost_by_unit, sizeof(to->cost_by_unit));
    to->cost_picousd = s->of[MIX_cost];
    to->wasted_picousd = s->of[MIX_wasted_cost];
}

/* Owns: free(). The texts are the mixes'. */
static struct waterfall_group *join(struct mix *before, struct mix *after, size_t *count)
{
    struct waterfall_group *groups = mem_zalloc((before->count + after->count + 1) * sizeof(*groups));
    size_t b = 0, a = 0, n = 0;
    if (before->count) qsort(before->rows, before->count, sizeof(*before->rows), compare_rows);
    if (after->count) qsort(after->rows, after->count, sizeof(*after->rows), compare_rows);
    while (b < before->count || a < after->count) {
        int order = b == before->count ? 1 : a == after->count ? -1 : compare(&before->rows[b], &after->rows[a]);
        const struct mix_row *name = order <= 0 ? &before->rows[b] : &after->rows[a];
        struct waterfall_group *g = &groups[n++];
        g->feature = name->by[0];
        g->model = name->by[1];
        g->provider = name->by[2];
        if (order <= 0) use(&g->use[WATERFALL_BEFORE], &before->rows[b++]);
        if (order >= 0) use(&g->use[WATERFALL_AFTER], &after->rows[a++]);
    }
    *count = n;
    return groups;
}

/* ---- the answer */

static const char *const texts[] = {
#define EFFECT(constant, name, what) what,
    WATERFALL_EFFECTS(EFFECT)
#undef EFFECT
};

static void add_period(struct buf *out, const char *name, const struct period *p, __int128 cost)
{
    char text[40];
    buf_printf(out, "\"%s\":{\"since\":", name);
    buf_add_json(out, time_format(p->since_us, text));
    buf_add(out, S(",\"until\":"));
    buf_add_json(out, time_format(p->until_us, text));
    buf_add(out, S(",\"cost_picousd\":"));
    api_add_big(out, cost);
    buf_add(out, S("},\n"));
}

static void add_amount(struct buf *out, str name, const char *suffix, __int128 amount)
{
    buf_printf(out, ",\"%" STR_FMT "%s\":", STR_ARG(name), suffix);
    api_add_big(out, amount);
}

static void add_feature(struct buf *out, const struct waterfall_feature *f, bool first)
{
    buf_add(out, first ? S("\n{\"feature\":") : S(",\n{\"feature\":"));
    buf_add_json(out, f->name);
    add_amount(out, S("before"), "_picousd", f->sum.before_picousd);
    add_amount(out, S("after"), "_picousd", f->sum.after_picousd);
    for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++)
        add_amount(out, waterfall_effect_name((enum waterfall_effect)e), "_picousd", f->sum.effect_picousd[e]);
    buf_add_byte(out, '}');
}

struct known {
    bool whole;
    int64_t rows_from_us;
};

static struct known known_of(const struct mix *before, const struct mix *after)
{
    bool later = after->rows_from_us > before->rows_from_us;
    return (struct known){before->whole && after->whole, later ? after->rows_from_us : before->rows_from_us};
}

static void write_answer(struct api_call *c, const struct question *q, const struct waterfall *w, struct known known)
{
    struct buf *out = &c->out;
    buf_add_byte(out, '{');
    add_period(out, "before", &q->of[WATERFALL_BEFORE], w->sum.before_picousd);
    add_period(out, "after", &q->of[WATERFALL_AFTER], w->sum.after_picousd);
    buf_printf(out, "\"complete\":%s,\n\"effects\":[", known.whole ? "true" : "false");
    for (int e = 0; e < WATERFALL_EFFECT_COUNT; e++) {
        str name = waterfall_effect_name((enum waterfall_effect)e);
        buf_printf(out, "%s{\"name\":\"%" STR_FMT "\",\"text\":\"%s\",\"picousd\":", e ? "," : "", STR_ARG(name),
                   texts[e]);
        api_add_big(out, w->sum.effect_picousd[e]);
        buf_add_byte(out, '}');
    }
    buf_add(out, S("],\n\"features\":["));
    for (size_t i = 0; i < w->feature_count; i++) add_feature(out, &w->features[i], i == 0);
    buf_add(out, S("],\n\"rows_from\":"));
    api_add_time(out, known.rows_from_us);
    buf_add(out, S("}\n"));
}

void serve_waterfall_get(struct api_call *c)
{
    struct question q = {.count = 0};
    struct waterfall w;
    size_t count;
    if (!read_question(c, &q)) return;
    struct mix *of[WATERFALL_PERIODS];
    (void)ledger_flush(c->admin->purser->ledger);
    if (!read_mixes(c, &q, of)) return;
    struct mix *before = of[WATERFALL_BEFORE], *after = of[WATERFALL_AFTER];
    struct waterfall_group *groups = join(before, after, &count);
    waterfall_make(groups, count, &w);
    write_answer(c, &q, &w, known_of(before, after));
    waterfall_free(&w);
    free(groups);
    mix_drop(before);
    mix_drop(after);
}

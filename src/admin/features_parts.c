#include "admin/expect.h"
#include "admin/features.h"
#include "admin/inside.h"
#include "admin/now.h"
#include "base/time.h"
#include "plan/growth.h"
#include "plan/slo.h"

#include <math.h>
#include <stdlib.h>

/* ---- what is promised */

static void add_promise(struct buf *out, const char *name, int64_t within_us, int64_t target_ppm, uint64_t counted,
                        uint64_t over)
{
    struct slo slo = {.within_us = within_us, .share_permille = (unsigned)(target_ppm / 1000)};
    struct slo_state s = slo_judge(&slo, counted, over);
    buf_printf(out, "\"%s\":{\"within_ms\":%.3f,\"target\":%.3f,\"counted\":%llu,\"over\":%llu,", name,
               (double)within_us / 1000, (double)target_ppm / 1e6, (unsigned long long)counted,
               (unsigned long long)over);
    buf_printf(out, "\"over_share\":%.6f,\"over_low\":%.6f,\"over_high\":%.6f,\"met\":%s,\"error_budget_left\":%.4f}",
               s.over_share.share, s.over_share.low, s.over_share.high, s.met ? "true" : "false", s.budget_left);
}

void feature_add_slo(struct buf *out, const struct setting_feature *f, const struct report *r, size_t row)
{
    const struct setting_slo *slo = f ? &f->slo : NULL;
    if (!slo || !slo->target_ppm || (!slo->latency_us && !slo->first_token_us)) return;
    bool there = row != SIZE_MAX;
    uint64_t over = 0, counted = 0;
    buf_add_byte(out, '{');
    if (slo->latency_us) {
        if (there) over = report_latency_over(r, row, slo->latency_us, &counted);
        add_promise(out, "latency", slo->latency_us, slo->target_ppm, counted, over);
    }
    if (slo->first_token_us) {
        over = counted = 0;
        if (slo->latency_us) buf_add_byte(out, ',');
        if (there) over = report_first_token_over(r, row, slo->first_token_us, &counted);
        add_promise(out, "first_token", slo->first_token_us, slo->target_ppm, counted, over);
    }
    buf_add_byte(out, '}');
}

/* ---- growth */

static struct growth_use use_of(const struct mix_sums *s)
{
    struct growth_use u = {.calls = 0};
    if (!s) return u;
    __int128 known =
        s->of[MIX_system_bytes] + s->of[MIX_history_bytes] + s->of[MIX_retrieved_bytes] + s->of[MIX_tools_bytes];
    u.calls = (int64_t)s->of[MIX_attempts];
    u.amount[GROWTH_SYSTEM] = s->of[MIX_system_bytes];
    u.amount[GROWTH_HISTORY] = s->of[MIX_history_bytes];
    u.amount[GROWTH_RETRIEVED] = s->of[MIX_retrieved_bytes];
    u.amount[GROWTH_TOOLS] = s->of[MIX_tools_bytes];
    u.amount[GROWTH_REST] = s->of[MIX_prompt_bytes] > known ? s->of[MIX_prompt_bytes] - known : 0;
    u.amount[GROWTH_OUTPUT] = s->units[UNIT_OUTPUT] + s->units[UNIT_REASONING];
    return u;
}

void feature_add_growth(struct buf *out, const struct mix_sums *before, const struct mix_sums *after)
{
    struct growth_use were = use_of(before), are = use_of(after);
    buf_add_byte(out, '[');
    for (int s = 0; s < GROWTH_SEGMENT_COUNT; s++) {
        struct growth g = growth_between(&were, &are, (enum growth_segment)s);
        str name = growth_segment_name((enum growth_segment)s);
        buf_printf(out, "%s{\"segment\":\"%" STR_FMT "\",\"before\":%.1f,\"after\":%.1f,\"change\":", s ? "," : "",
                   STR_ARG(name), g.before, g.after);
        if (g.known)
            buf_printf(out, "%.4f}", g.change);
        else
            buf_add(out, S("null}"));
    }
    buf_add_byte(out, ']');
}

void feature_add_trend(struct buf *out, const struct mix *days)
{
    int64_t first_us = INT64_MAX, last_us = INT64_MIN;
    for (size_t i = 0; i < days->count; i++) {
        int64_t at_us = days->rows[i].day_us;
        if (at_us < first_us) first_us = at_us;
        if (at_us > last_us) last_us = at_us;
    }
    size_t count = last_us >= first_us ? (size_t)((last_us - first_us) / US_PER_DAY) + 1 : 0;
    struct growth_use *uses = mem_zalloc((count + 1) * sizeof(*uses));
    for (size_t i = 0; i < days->count; i++)
        uses[(days->rows[i].day_us - first_us) / US_PER_DAY] = use_of(&days->rows[i].sums);
    buf_add_byte(out, '[');
    bool any = false;
    for (int s = 0; s < GROWTH_SEGMENT_COUNT; s++) {
        struct growth_trend t = growth_trend(uses, count, (enum growth_segment)s);
        str name = growth_segment_name((enum growth_segment)s);
        if (!t.known) continue;
        buf_printf(out, "%s{\"segment\":\"%" STR_FMT "\",\"days\":%u,\"share_per_day\":%.6f,\"chance\":%.6f}",
                   any ? "," : "", STR_ARG(name), t.days, t.share_per_day, t.chance);
        any = true;
    }
    buf_add_byte(out, ']');
    free(uses);
}

/* ---- budgets */

enum { BUDGETS_MAX = 20 };

struct states {
    str feature;
    struct budget_state of[BUDGETS_MAX];
    size_t count;
};

static void take(void *ctx, const struct budget_state *b)
{
    struct states *s = ctx;
    str want = b->rule->scope.want[SCOPE_FEATURE];
    if (b->value.n || b->rule->measure != BUDGET_MONEY || !str_eq(want, s->feature) || s->count == BUDGETS_MAX) return;
    s->of[s->count++] = *b;
}

void feature_add_budgets(struct buf *out, struct api_call *c, str feature)
{
    struct states s = {.feature = feature};
    if (feature.n) budgets_each(c->admin->purser->budgets, c->snapshot->budgets, c->now_us, take, &s);
    buf_add_byte(out, '[');
    for (size_t i = 0; i < s.count; i++) {
        if (i) buf_add_byte(out, ',');
        now_add_budget(out, c, &s.of[i]);
    }
    buf_add_byte(out, ']');
}

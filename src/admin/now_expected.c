/* What is expected of today, of this month and of budgets, by the last weeks. */
#include "admin/api.h"
#include "admin/expect.h"
#include "admin/inside.h"
#include "admin/now.h"
#include "base/time.h"
#include "ledger/report.h"

#include <math.h>

enum { BUDGETS_MAX = 30 };

static void add_hours(struct buf *out, const struct report *r, const struct expected *e, int64_t from_us,
                      int64_t until_us)
{
    int64_t spent[25] = {0}; /* a day has 24, UTC */
    for (size_t i = 0; r && i < report_rows(r); i++) {
        char text[40];
        int64_t at_us;
        if (!time_parse(report_key(r, i, 0, text), &at_us) || at_us < from_us) continue;
        size_t hour = (size_t)((at_us - from_us) / US_PER_HOUR);
        __int128 cost = report_sum(r, i, REPORT_cost);
        if (hour < COUNT_OF(spent)) spent[hour] = cost > INT64_MAX ? INT64_MAX : (int64_t)cost;
    }
    buf_add(out, S(",\"hours\":["));
    for (int64_t at_us = from_us; at_us < until_us; at_us += US_PER_HOUR) {
        char text[40];
        buf_add(out, at_us > from_us ? S(",{\"at\":") : S("{\"at\":"));
        buf_add_json(out, time_format(at_us, text));
        buf_printf(out, ",\"cost_picousd\":%lld", (long long)spent[(at_us - from_us) / US_PER_HOUR]);
        now_add_amount(out, "expected_picousd", expected_between(e, at_us, at_us + US_PER_HOUR), ",");
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

/* Of all spending that the asker may see. */
static bool expect_visible(struct api_call *c, struct expectation *out, struct buf *why)
{
    struct expecting *e = c->admin->expecting;
    const struct api_scope *s = &c->scope;
    return s->restricted ? expect_features(e, c->dir, s->features, s->count, c->now_us, out, why)
                         : expect(e, c->dir, NULL, c->now_us, out, why);
}

void now_add_expected(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    static const struct window month = {.kind = WINDOW_MONTH};
    struct expectation e;
    struct buf why;
    int64_t end_us = s->today_us + US_PER_DAY, month_end_us = window_end(&month, c->now_us);
    struct report_ask ask = {
        .by = {S("hour")}, .by_count = 1, .since_us = s->today_us, .until_us = end_us, .limit = 24};
    api_scope_report(&c->scope, &ask);
    buf_init(&why, 0);
    if (expect_visible(c, &e, &why)) {
        struct report *today = report_run(c->dir, &ask, NULL, NULL, &why);
        __int128 rest = expected_between(&e.curve, c->now_us, month_end_us) * e.level_permille / 1000;
        str basis = expected_basis_name(e.curve.basis);
        buf_printf(out, "{\"basis\":\"%" STR_FMT "\",\"count\":%u,\"level\":%.3f", STR_ARG(basis), e.curve.count,
                   (double)e.level_permille / 1000);
        now_add_amount(out, "today_by_now_picousd", expected_between(&e.curve, s->today_us, c->now_us), ",");
        now_add_amount(out, "today_picousd", expected_between(&e.curve, s->today_us, end_us), ",");
        now_add_amount(out, "month_by_now_picousd", expected_between(&e.curve, s->month_us, c->now_us), ",");
        now_add_amount(out, "month_end_picousd", s->month + rest, ",");
        add_hours(out, today, &e.curve, s->today_us, end_us);
        buf_add_byte(out, '}');
        report_drop(today);
    }
    buf_free(&why);
}

/* ---- budgets */

struct states {
    const struct api_scope *scope;
    struct budget_state of[BUDGETS_MAX];
    size_t count;
};

static void take_budget(void *ctx, const struct budget_state *b)
{
    struct states *s = ctx;
    if (b->value.n || b->rule->measure != BUDGET_MONEY || s->count == BUDGETS_MAX) return;
    if (s->scope->restricted && !api_in_scope(s->scope, b->rule->scope.want[SCOPE_FEATURE])) return;
    s->of[s->count++] = *b; /* its rule lives as long as the snapshot; questions to the ledger come behind the visit */
}

static void add_time(struct buf *out, const char *name, bool known, int64_t at_us)
{
    char text[40];
    buf_printf(out, ",\"%s\":", name);
    if (known && at_us != INT64_MAX)
        buf_add_json(out, time_format(at_us, text));
    else
        buf_add(out, S("null"));
}

void now_add_budget(struct buf *out, struct api_call *c, const struct budget_state *b)
{
    struct budget_outlook look;
    expect_budget(c->admin->expecting, c->dir, b, c->now_us, &look);
    buf_add(out, S("{\"budget\":"));
    buf_add_json(out, b->rule->name);
    now_add_amount(out, "limit_picousd", b->rule->limit, ",");
    now_add_amount(out, "spent_picousd", b->spent, ",");
    now_add_amount(out, "held_picousd", b->held, ",");
    add_time(out, "resets", true, b->resets_us);
    if (look.known && isfinite(look.burn_rate))
        buf_printf(out, ",\"burn_rate\":%.3f", look.burn_rate);
    else
        buf_add(out, S(",\"burn_rate\":null"));
    if (look.known) {
        now_add_amount(out, "planned_picousd", look.planned, ",");
        now_add_amount(out, "end_picousd", look.end, ",");
    } else {
        buf_add(out, S(",\"planned_picousd\":null,\"end_picousd\":null"));
    }
    add_time(out, "run_out", look.known, look.run_out_us);
    buf_add_byte(out, '}');
}

void now_add_budgets(struct buf *out, struct api_call *c)
{
    struct states s = {.scope = &c->scope};
    budgets_each(c->admin->purser->budgets, c->snapshot->budgets, c->now_us, take_budget, &s);
    buf_add_byte(out, '[');
    for (size_t i = 0; i < s.count; i++) {
        if (i) buf_add_byte(out, ',');
        now_add_budget(out, c, &s.of[i]);
    }
    buf_add_byte(out, ']');
}

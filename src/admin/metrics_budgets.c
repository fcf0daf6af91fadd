/* /metrics: what is spent and held of budgets, and how fast. Those with a `*` have counters without bound: `purser budgets`
 * lists them. */
#include "admin/inside.h"

#include "base/time.h"

struct budget_lines {
    struct buf limit, spent, held, waiting;
    size_t count;
};

enum { BUDGET_SERIES_MAX = 1000 };

static void one_budget(struct buf *out, const char *name, const struct budget_state *s, double value)
{
    bool first = true;
    buf_printf(out, "%s", name);
    metric_label(out, "budget", s->rule->name, &first);
    metric_label(out, "scope", s->value, &first);
    metric_number(out, first, value);
}

static void add_budget(void *ctx, const struct budget_state *s)
{
    struct budget_lines *b = ctx;
    if (s->value.n) return; /* a counter for each value of something has no bound: `purser budgets` lists those */
    if (s->rule->measure != BUDGET_MONEY || ++b->count > BUDGET_SERIES_MAX) return;
    one_budget(&b->limit, "purser_budget_limit_usd", s, (double)s->rule->limit / 1e12);
    one_budget(&b->spent, "purser_budget_spent_usd", s, (double)s->spent / 1e12);
    one_budget(&b->held, "purser_budget_held_usd", s, (double)s->held / 1e12);
    one_budget(&b->waiting, "purser_budget_waiting_calls", s, (double)s->waiting);
}

static void write_counters(struct buf *out, struct admin *a)
{
    struct budget_lines b = {0};
    budgets_each(a->purser->budgets, a->snapshot->budgets, time_now_us(), add_budget, &b);
    metric_head(out, "purser_budget_limit_usd", "gauge", "The budget's limit in its current window.");
    buf_add(out, buf_str(&b.limit));
    metric_head(out, "purser_budget_spent_usd", "gauge", "Truly spent of it.");
    buf_add(out, buf_str(&b.spent));
    metric_head(out, "purser_budget_held_usd", "gauge", "Held by calls in flight.");
    buf_add(out, buf_str(&b.held));
    metric_head(out, "purser_budget_waiting_calls", "gauge", "Calls that wait for held headroom.");
    buf_add(out, buf_str(&b.waiting));
    buf_free(&b.limit);
    buf_free(&b.spent);
    buf_free(&b.held);
    buf_free(&b.waiting);
}

static void one_pace(struct buf *out, const char *name, const struct budget_rule *rule, const char *window,
                     double value)
{
    bool first = true;
    buf_printf(out, "%s", name);
    metric_label(out, "budget", rule->name, &first);
    if (window) metric_label(out, "window", str_from(window), &first);
    metric_number(out, first, value);
}

/* Of those without a `*`. */
static void write_paces(struct buf *out, struct admin *a)
{
    const struct budget_rules *rules = a->snapshot->budgets;
    struct buf rate, burning;
    int64_t now_us = time_now_us();
    if (!budget_rules_burn(rules)) return;
    buf_init(&rate, 0);
    buf_init(&burning, 0);
    for (size_t i = 0; i < budget_rules_count(rules); i++) {
        const struct budget_rule *rule = budget_rules_at(rules, i);
        struct burn_state s;
        bool each = false;
        for (int d = 0; d < SCOPE_DIMS; d++) each |= scope_is_each(rule->scope.want[d]);
        if (!rule->burn.over_us || each) continue;
        burns_see(a->purser->burns, rule, S(""), now_us, &s);
        one_pace(&rate, "purser_budget_burn_rate", rule, "long", (double)s.rate_long_milli / 1000);
        one_pace(&rate, "purser_budget_burn_rate", rule, "short", (double)s.rate_short_milli / 1000);
        one_pace(&burning, "purser_budget_burning", rule, NULL, s.burning);
    }
    metric_head(out, "purser_budget_burn_rate", "gauge", "Times faster than its limit would last its window evenly.");
    buf_add(out, buf_str(&rate));
    metric_head(out, "purser_budget_burning", "gauge", "1: it is spent faster than its `burn` allows.");
    buf_add(out, buf_str(&burning));
    buf_free(&rate);
    buf_free(&burning);
}

void admin_write_budgets(struct buf *out, struct admin *a)
{
    write_counters(out, a);
    write_paces(out, a);
}

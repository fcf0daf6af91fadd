#include "flow/past.h"

#include "base/time.h"

#include <stdlib.h>

bool past_same_cells(const struct budget_rule *a, const struct budget_rule *b)
{
    return str_eq(a->cells.n ? a->cells : a->name, b->cells.n ? b->cells : b->name);
}

struct visiting {
    const struct budget_rule *rule;
    past_visit *visit;
    void *ctx;
};

static void on_value(void *ctx, const str *values, int64_t step_start_us, int64_t amount)
{
    struct visiting *v = ctx;
    struct payer who = {0};
    for (size_t d = 0, i = 0; d < SCOPE_DIMS; d++) {
        if (scope_is_each(v->rule->scope.want[d])) who.is[d] = values[i++];
    }
    struct buf value;
    buf_init(&value, 0);
    scope_value(&v->rule->scope, &who, &value);
    v->visit(v->ctx, v->rule, buf_str(&value), step_start_us, amount);
    buf_free(&value);
}

bool past_each(struct purser *p, const struct past_ask *ask, past_visit *visit, void *ctx)
{
    static const char *const amounts[BUDGET_MEASURES] = {"cost_picousd", "<tokens>", "1"};
    const struct budget_rule *rule = ask->rule;
    struct visiting v = {rule, visit, ctx};
    struct ledger_past past = {.from_us = ask->from_us,
                               .step_us = ask->step_us,
                               .generation = ask->generation,
                               .amount_sql = amounts[rule->measure]};
    for (enum scope_dim d = 0; d < SCOPE_DIMS; d++) {
        str want = rule->scope.want[d];
        if (!want.p) continue;
        if (scope_is_each(want)) {
            past.each[past.each_count++] = scope_dim_name(d);
        } else {
            past.match[past.match_count].column = scope_dim_name(d);
            past.match[past.match_count++].equals = want;
        }
    }
    return ledger_past(p->ledger, &past, on_value, &v);
}

/* ---- budgets' counters */

struct counting {
    struct budgets *budgets;
    int64_t window_start_us;
};

static void count(void *ctx, const struct budget_rule *rule, str value, int64_t step_start_us, int64_t amount)
{
    struct counting *c = ctx;
    str cells = rule->cells.n ? rule->cells : rule->name;
    int64_t start_us = rule->window.kind == WINDOW_ROLLING ? step_start_us : c->window_start_us;
    uint64_t key = budgets_cell_key(c->budgets, cells, value, start_us);
    budgets_restore(c->budgets, key, cells, value, start_us, amount);
}

bool past_count(struct purser *p, const struct budget_rule *rule, uint32_t generation)
{
    int64_t now_us = time_now_us();
    struct counting c = {.budgets = p->budgets, .window_start_us = window_start(&rule->window, now_us)};
    struct past_ask ask = {.rule = rule, .from_us = c.window_start_us, .generation = generation};
    if (rule->window.kind == WINDOW_ROLLING) {
        ask.step_us = window_step_us(&rule->window);
        ask.from_us = window_start(&rule->window, now_us - rule->window.rolling_us);
    }
    return past_each(p, &ask, count, &c);
}

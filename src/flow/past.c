#include "flow/past.h"

#include "base/time.h"

#include <stdlib.h>

bool past_same_cells(const struct budget_rule *a, const struct budget_rule *b)
{
    return str_eq(a->cells.n ? a->cells : a->name, b->cells.n ? b->cells : b->name);
}

struct counting {
    struct purser *p;
    const struct budget_rule *rule;
    int64_t window_start_us;
};

static void on_value(void *ctx, const str *values, int64_t step_start_us, int64_t amount)
{
    struct counting *c = ctx;
    const struct budget_rule *rule = c->rule;
    struct payer who = {0};
    for (size_t d = 0, i = 0; d < SCOPE_DIMS; d++) {
        if (scope_is_each(rule->scope.want[d])) who.is[d] = values[i++];
    }
    struct buf value;
    buf_init(&value, 0);
    scope_value(&rule->scope, &who, &value);
    str cells = rule->cells.n ? rule->cells : rule->name;
    int64_t start_us = rule->window.kind == WINDOW_ROLLING ? step_start_us : c->window_start_us;
    struct budgets *b = c->p->budgets;
    budgets_restore(b, budgets_cell_key(b, cells, buf_str(&value), start_us), cells, buf_str(&value), start_us, amount);
    buf_free(&value);
}

bool past_count(struct purser *p, const struct budget_rule *rule, uint32_t generation)
{
    static const char *const amounts[BUDGET_MEASURES] = {"cost_picousd", "<tokens>", "1"};
    int64_t now_us = time_now_us();
    struct counting c = {.p = p, .rule = rule, .window_start_us = window_start(&rule->window, now_us)};
    struct ledger_past ask = {.from_us = c.window_start_us,
                              .generation = generation,
                              .amount_sql = amounts[rule->measure]};
    if (rule->window.kind == WINDOW_ROLLING) {
        ask.step_us = window_step_us(&rule->window);
        ask.from_us = window_start(&rule->window, now_us - rule->window.rolling_us);
    }
    for (enum scope_dim d = 0; d < SCOPE_DIMS; d++) {
        str want = rule->scope.want[d];
        if (!want.p) continue;
        if (scope_is_each(want)) {
            ask.each[ask.each_count++] = scope_dim_name(d);
        } else {
            ask.match[ask.match_count].column = scope_dim_name(d);
            ask.match[ask.match_count++].equals = want;
        }
    }
    return ledger_past(p->ledger, &ask, on_value, &c);
}

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
    size_t model_at; /* place of `model` among the values, where its own name must be left out */
    bool skip_model;
    enum scope_dim dims[SCOPE_DIMS];
    size_t dim_count;
};

static void on_value(void *ctx, const str *values, int64_t step_start_us, int64_t amount)
{
    struct counting *c = ctx;
    const struct budget_rule *rule = c->rule;
    if (c->skip_model && str_eq(values[c->model_at], rule->scope.want[SCOPE_MODEL]))
        return; /* counted under its own name */
    struct payer who = {0};
    for (size_t i = 0; i < c->dim_count; i++) who.is[c->dims[i]] = values[i];
    struct buf value;
    buf_init(&value, 0);
    scope_value(&rule->scope, &who, &value);
    str cells = rule->cells.n ? rule->cells : rule->name;
    int64_t start_us = rule->window.kind == WINDOW_ROLLING ? step_start_us : c->window_start_us;
    struct budgets *b = c->p->budgets;
    budgets_restore(b, budgets_cell_key(b, cells, buf_str(&value), start_us), cells, buf_str(&value), start_us, amount);
    buf_free(&value);
}

static bool count_with(struct purser *p, const struct budget_rule *rule, uint32_t generation, bool by_requested)
{
    static const char *const amounts[BUDGET_MEASURES] = {"cost_picousd", "tokens", "1"};
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
            c.dims[c.dim_count++] = d;
            ask.each[ask.each_count++] = scope_dim_name(d);
        } else {
            bool requested = d == SCOPE_MODEL && by_requested;
            ask.match[ask.match_count].column = requested ? S("model_requested") : scope_dim_name(d);
            ask.match[ask.match_count++].equals = want;
        }
    }
    if (by_requested) { /* grouped by the target's name, too, so that rows under both names count once */
        c.skip_model = true;
        c.model_at = c.dim_count;
        c.dims[c.dim_count++] = SCOPE_MODEL;
        ask.each[ask.each_count++] = S("model");
    }
    return ledger_past(p->ledger, &ask, on_value, &c);
}

bool past_count(struct purser *p, const struct budget_rule *rule, uint32_t generation)
{
    str model = rule->scope.want[SCOPE_MODEL];
    if (!count_with(p, rule, generation, false)) return false;
    if (!model.p || scope_is_each(model)) return true;
    return count_with(p, rule, generation, true);
}

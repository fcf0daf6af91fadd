/* A call that was admitted before a reload posts, too, to the budgets that the
 * reload added: its hold knows nothing of them, and the sum over the past that
 * the reload made did not see it either (see reload.c, add_budgets). */
#include "flow/request.h"

#include "flow/purser.h"

static int64_t amount_in(const struct budget_rule *rule, const struct budget_amounts *used)
{
    return used->of[rule->measure];
}

void late_post(struct attempt *a, const struct budget_amounts *used, struct row *row)
{
    const struct request *r = a->request;
    struct worker *w = r->worker;
    const struct snapshot *now = w->lease->snapshot;
    if (now == r->lease->snapshot) return; /* nearly always */
    for (size_t i = 0; i < budget_rules_count(now->budgets); i++) {
        const struct budget_rule *rule = budget_rules_at(now->budgets, i);
        if (rule->since <= r->lease->snapshot->generation) continue; /* the hold knew it */
        if (!scope_matches(&rule->scope, &a->way->payer) || row->cell_count == ROW_CELLS_MAX) continue;
        struct buf *value = &w->scratch;
        str cells = rule->cells.n ? rule->cells : rule->name;
        int64_t start_us = window_start(&rule->window, a->hold.admitted_us);
        buf_clear(value);
        scope_value(&rule->scope, &a->way->payer, value);
        uint64_t key = budgets_cell_key(w->purser->budgets, cells, buf_str(value), start_us);
        budgets_restore(w->purser->budgets, key, cells, buf_str(value), start_us, amount_in(rule, used));
        journal_append_cell(w->journal, key, cells, buf_str(value), start_us);
        row->cells[row->cell_count++] = (struct ledger_cell){.key = key, .amount = amount_in(rule, used)};
    }
}

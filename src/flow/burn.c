#include "flow/burn.h"

#include "base/time.h"
#include "flow/past.h"
#include "flow/purser.h"
#include "policy/burn.h"

#include <stdio.h>

/* What costs nothing spends nothing. */
static bool is_free(const struct request *r)
{
    return r->receive.reads || tokens_asked(r);
}

/* The value of the rule's `*`s for this attempt; p == NULL: the rule looks at no pace, or not at this one. */
static str value_for(const struct attempt *a, const struct budget_rule *rule, char text[SCOPE_TEXT_MAX])
{
    if (!rule->burn.over_us || !scope_matches(&rule->scope, &a->way->payer)) return STR_NONE;
    struct buf value = {.p = text, .cap = SCOPE_TEXT_MAX, .max = SCOPE_TEXT_MAX};
    scope_value(&rule->scope, &a->way->payer, &value);
    return str_of(text, value.n);
}

static void tell(const struct attempt *a, const struct budget_rule *rule, const struct burn_state *s, int64_t now_us)
{
    if (s->began) thresholds_burning(a->request->worker->purser->thresholds, rule, &a->way->payer, s, now_us);
}

bool burn_allows(struct attempt *a)
{
    struct request *r = a->request;
    const struct budget_rules *rules = r->lease->snapshot->budgets;
    char text[SCOPE_TEXT_MAX];
    if (!budget_rules_burn(rules) || is_free(r)) return true;
    int64_t now_us = time_now_us();
    for (size_t i = 0; i < budget_rules_count(rules); i++) {
        const struct budget_rule *rule = budget_rules_at(rules, i);
        str value = value_for(a, rule, text);
        struct burn_state state;
        if (!value.p) continue;
        burns_look(r->worker->purser->burns, rule, value, now_us, &state);
        tell(a, rule, &state, now_us);
        if (!state.burning || rule->burn.alerts) continue;
        a->hold.burning = rule;
        a->hold.burn = state;
        attempt_fail(a, ERR_DEGRADED, "a budget is spent too fast");
        return false;
    }
    return true;
}

void burn_note(const struct attempt *a, const struct budget_amounts *used)
{
    const struct request *r = a->request;
    const struct budget_rules *rules = r->lease->snapshot->budgets;
    char text[SCOPE_TEXT_MAX];
    if (!budget_rules_burn(rules)) return;
    int64_t now_us = time_now_us();
    for (size_t i = 0; i < budget_rules_count(rules); i++) {
        const struct budget_rule *rule = budget_rules_at(rules, i);
        str value = value_for(a, rule, text);
        struct burn_state state;
        if (!value.p) continue;
        burns_note(r->worker->purser->burns, rule, value, now_us, used->of[rule->measure], &state);
        tell(a, rule, &state, now_us);
    }
}

/* To a hundredth. */
static str pace_text(int64_t rate_milli, char out[MONEY_TEXT_MAX])
{
    return burn_rate_format(rate_milli - rate_milli % 10, out);
}

bool burn_degrades(const struct attempt *a, struct degrading *out)
{
    const struct budget_rule *rule = a->hold.burning;
    const struct burn_state *s = &a->hold.burn;
    char over[40], part[40], fast[MONEY_TEXT_MAX], now[MONEY_TEXT_MAX], most[MONEY_TEXT_MAX];
    if (!rule) return false;
    int64_t over_us = rule->burn.over_us, wait_us = s->ends_us - time_now_us();
    out->why = DEGRADE_BURN_RATE;
    out->retry_after_s = wait_us > 0 ? (wait_us + US_PER_SECOND - 1) / US_PER_SECOND : 1;
    out->message =
        arena_printf(&a->request->arena,
                     "The budget '%" STR_FMT "' was spent %" STR_FMT
                     " times as fast as it would last over the last %" STR_FMT ", %" STR_FMT
                     " times over the last %" STR_FMT "; more than %" STR_FMT
                     " is too fast. Calls go on once it slows down.",
                     STR_ARG(rule->name), STR_ARG(pace_text(s->rate_long_milli, fast)),
                     STR_ARG(time_format_duration(over_us, over)), STR_ARG(pace_text(s->rate_short_milli, now)),
                     STR_ARG(time_format_duration(over_us / BURN_SHORT_PART, part)),
                     STR_ARG(burn_rate_format(rule->burn.rate_milli, most)));
    return true;
}

/* ---- spending of before */

static bool was_known(const struct settings *before, const struct budget_rule *rule)
{
    for (size_t i = 0; before && i < before->budget_count; i++) {
        const struct budget_rule *b = &before->budgets[i];
        if (past_same_cells(b, rule) && b->burn.over_us == rule->burn.over_us) return true;
    }
    return false;
}

static void restore(void *ctx, const struct budget_rule *rule, str value, int64_t at_us, int64_t amount)
{
    struct purser *p = ctx;
    burns_restore(p->burns, rule, value, at_us, amount);
}

void burn_restore(struct purser *p, const struct settings *now, const struct settings *before, uint32_t generation)
{
    int64_t now_us = time_now_us();
    for (size_t i = 0; i < now->budget_count; i++) {
        const struct budget_rule *rule = &now->budgets[i];
        if (!rule->burn.over_us || was_known(before, rule)) continue;
        struct past_ask ask = {.rule = rule,
                               .from_us = now_us - rule->burn.over_us,
                               .step_us = burn_step_us(&rule->burn),
                               .generation = generation};
        if (past_each(p, &ask, restore, p)) continue;
        fprintf(stderr,
                "purser: warning: what was spent of the budget '%" STR_FMT "' cannot be read: its pace begins now\n",
                STR_ARG(rule->name));
    }
}

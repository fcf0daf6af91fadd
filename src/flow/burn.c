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

/* The rules that look at this attempt's pace, one after the other. */
struct paces {
    const struct attempt *a;
    const struct budget_rules *rules;
    size_t next;
    const struct budget_rule *rule;
    str value; /* of its `*`s */
    int64_t now_us;
    char text[SCOPE_TEXT_MAX];
};

static void paces_begin(struct paces *p, const struct attempt *a)
{
    p->a = a;
    p->rules = a->request->lease->snapshot->budgets;
    p->next = 0;
    p->now_us = time_now_us();
}

static bool paces_next(struct paces *p)
{
    const struct payer *who = &p->a->way->payer;
    while (p->next < budget_rules_count(p->rules)) {
        p->rule = budget_rules_at(p->rules, p->next++);
        if (!p->rule->burn.over_us || !scope_matches(&p->rule->scope, who)) continue;
        struct buf value = {.p = p->text, .cap = sizeof(p->text), .max = sizeof(p->text)};
        scope_value(&p->rule->scope, who, &value);
        p->value = str_of(p->text, value.n);
        return true;
    }
    return false;
}

static void tell(const struct paces *p, const struct burn_state *s)
{
    struct thresholds *t = p->a->request->worker->purser->thresholds;
    if (s->began) thresholds_burning(t, p->rule, &p->a->way->payer, s, p->now_us);
}

bool burn_allows(struct attempt *a)
{
    struct request *r = a->request;
    struct paces p;
    struct burn_state state;
    if (!budget_rules_burn(r->lease->snapshot->budgets) || is_free(r)) return true;
    for (paces_begin(&p, a); paces_next(&p);) {
        burns_look(r->worker->purser->burns, p.rule, p.value, p.now_us, &state);
        tell(&p, &state);
        if (!state.burning || p.rule->burn.alerts) continue;
        a->hold.burning = p.rule;
        a->hold.burn = state;
        attempt_fail(a, ERR_DEGRADED, "a budget is spent too fast");
        return false;
    }
    return true;
}

void burn_note(const struct attempt *a, const struct budget_amounts *used)
{
    struct paces p;
    struct burn_state state;
    if (!budget_rules_burn(a->request->lease->snapshot->budgets)) return;
    for (paces_begin(&p, a); paces_next(&p);) {
        burns_note(a->request->worker->purser->burns, p.rule, p.value, p.now_us, used->of[p.rule->measure], &state);
        tell(&p, &state);
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

static bool was_known(const struct settings *now, const struct budget_rule *rule)
{
    for (size_t i = 0; now && i < now->budget_count; i++) {
        const struct budget_rule *b = &now->budgets[i];
        if (past_same_cells(b, rule) && b->burn.over_us == rule->burn.over_us) return true;
    }
    return false;
}

struct restoring {
    struct burns *burns;
    uint32_t number;
};

static void restore(void *ctx, const struct budget_rule *rule, str value, int64_t at_us, int64_t amount)
{
    const struct restoring *r = ctx;
    const struct burn_past past = {value, at_us, amount};
    burns_restore(r->burns, rule, &past, r->number);
}

void burn_restore(struct purser *p, const struct settings *next, const struct settings *now)
{
    struct restoring to = {p->burns, p->generation + 1};
    int64_t now_us = time_now_us();
    for (size_t i = 0; i < next->budget_count; i++) {
        const struct budget_rule *rule = &next->budgets[i];
        if (!rule->burn.over_us || was_known(now, rule)) continue;
        struct past_ask ask = {.rule = rule,
                               .from_us = now_us - rule->burn.over_us,
                               .step_us = burn_step_us(&rule->burn),
                               .generation = UINT32_MAX};
        if (past_each(p, &ask, restore, &to)) continue;
        fprintf(stderr,
                "purser: warning: what was spent of the budget '%" STR_FMT "' cannot be read: its pace begins now\n",
                STR_ARG(rule->name));
    }
}

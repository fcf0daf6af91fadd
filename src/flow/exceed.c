#include "flow/exceed.h"

#include "base/time.h"
#include "flow/purser.h"

void exceed_note(struct attempt *a, const struct budget_refusal *why)
{
    a->hold.refused_by = why->rule;
    thresholds_refused(a->request->worker->purser->thresholds, why->rule, &a->way->payer, a->hold.admitted_us);
}

const struct budget_rule *exceed_rule(const struct attempt *a)
{
    return a->err == ERR_BUDGET_SPENT ? a->hold.refused_by : NULL;
}

bool exceed_degrades(const struct attempt *a, int64_t *retry_after_s)
{
    const struct budget_rule *rule = exceed_rule(a);
    if (!rule || rule->on_exceed != ON_EXCEED_DEGRADE) return false;
    int64_t now_us = time_now_us(), end_us = window_end(&rule->window, now_us);
    *retry_after_s = end_us == INT64_MAX ? 0 : (end_us - now_us) / US_PER_SECOND + 1;
    return true;
}

bool exceed_downgrade(struct request *r)
{
    const struct budget_rule *rule = exceed_rule(r->attempt);
    if (!rule || rule->on_exceed != ON_EXCEED_DOWNGRADE || r->plan.downgraded) return false;
    const enum err refused = r->err;
    const str message = r->err_message, headers = r->err_headers;
    request_forgive(r, REQUEST_answer);
    if (plan_downgrade(r, rule->downgrade_to)) return true;
    request_forgive(r, REQUEST_answer); /* what is wrong with the cheaper model is none of the client's business */
    request_fail(r, refused, message);
    r->err_headers = headers;
    return false;
}

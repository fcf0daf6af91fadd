/* hold: the bound in every budget that applies, or in none; then the journal. */
#include "flow/bound.h"
#include "flow/burn.h"
#include "flow/exceed.h"

#include "base/time.h"
#include "flow/purser.h"
#include "flow/repair.h"

static void wake_from_mail(struct mail *m)
{
    attempt_wake(CONTAINER_OF(m, struct attempt, hold.mail));
}

/* On any thread: the money came back. */
static void on_room(struct budget_waiter *waiter)
{
    struct attempt *a = waiter->owner;
    mail_send(a->request->worker, &a->hold.mail);
}

static void name_cell(void *ctx, uint64_t key, str budget, str value, int64_t window_start_us)
{
    struct attempt *a = ctx;
    journal_append_cell(a->request->worker->journal, key, budget, value, window_start_us);
}

static void set_amounts(struct attempt *a, int64_t max_output)
{
    a->hold.max_output = max_output;
    struct bound b = bound_of(a);
    bound_amounts(&b, &a->hold.amounts);
}

static int64_t output_fitting(const struct attempt *a, const struct budget_amounts *room)
{
    struct bound b = bound_of(a);
    return bound_output_fitting(&b, room);
}

/* Lowers the output limit into `room`, if it may and if what is left is worth a call. */
static bool lower(struct attempt *a, const struct budget_amounts *room, bool clamp)
{
    const struct request *r = a->request;
    if (a->hold.max_output < 0 || !(a->way->lowerable || clamp)) return false;
    int64_t least = a->way->lowerable ? BOUND_LEAST_OUTPUT : call_least_output(&r->attribute.call, a->way->kind);
    int64_t fits = output_fitting(a, room);
    if (fits < least || fits >= a->hold.max_output) return false;
    set_amounts(a, fits);
    a->hold.lowered = true;
    return true;
}

/* Whether the call might fit if its text were counted: else that would only cost. */
static bool may_count(const struct attempt *a, const struct budget_amounts *room)
{
    struct bound own = bound_of(a), best;
    struct budget_amounts asked;
    if (a->hold.counted || a->repair || room->of[BUDGET_REQUESTS] < 1 || !bound_at_best(&own, &best)) return false;
    bound_amounts(&best, &asked);
    return asked.of[BUDGET_MONEY] <= room->of[BUDGET_MONEY] && asked.of[BUDGET_TOKENS] <= room->of[BUDGET_TOKENS];
}

static str amount_text(struct request *r, enum budget_measure measure, int64_t amount)
{
    char text[MONEY_TEXT_MAX];
    if (measure == BUDGET_MONEY) return arena_printf(&r->arena, "$%" STR_FMT, STR_ARG(money_format(amount, text)));
    return arena_printf(&r->arena, "%lld %s", (long long)amount, measure == BUDGET_TOKENS ? "tokens" : "requests");
}

static str window_text(struct request *r, const struct budget_refusal *why)
{
    char text[40];
    if (why->resets_us == INT64_MAX) return S("; it does not reset");
    return arena_printf(&r->arena, "; it resets at %" STR_FMT, STR_ARG(time_format(why->resets_us, text)));
}

static enum verdict refuse(struct attempt *a, bool spent, const struct budget_refusal *why)
{
    struct request *r = a->request;
    const struct budget_rule *rule = why->rule;
    if (a->reason == REASON_HEDGE)
        return attempt_fail(a, spent ? ERR_BUDGET_SPENT : ERR_BUDGET_BUSY, "no money for a second attempt");
    str left = amount_text(r, rule->measure, spent ? why->left : why->free_now),
        limit = amount_text(r, rule->measure, rule->limit);
    str asked = amount_text(r, rule->measure, a->hold.amounts.of[rule->measure]);
    str window = window_text(r, why);
    if (!spent) {
        r->err_headers = S("retry-after: 1\r\nx-should-retry: true\r\n");
        request_fail(r, ERR_BUDGET_BUSY,
                     arena_printf(&r->arena,
                                  "Calls in flight hold what is left of the budget '%" STR_FMT "' (%" STR_FMT
                                  " of %" STR_FMT " free now); this call needs %" STR_FMT ". Please try again in 1s.",
                                  STR_ARG(rule->name), STR_ARG(left), STR_ARG(limit), STR_ARG(asked)));
        return attempt_fail(a, ERR_BUDGET_BUSY, "budget busy");
    }
    exceed_note(a, why);
    int64_t fits = a->hold.max_output < 0 ? -1 : output_fitting(a, &why->all_left);
    str fit =
        fits >= call_least_output(&r->attribute.call, a->way->kind) && fits > 0
            ? arena_printf(&r->arena, " A call with an output limit of at most %lld tokens would fit.", (long long)fits)
            : S(" No call of this size fits any more.");
    r->err_headers = S("x-should-retry: false\r\n");
    request_fail(r, ERR_BUDGET_SPENT,
                 arena_printf(&r->arena,
                              "The budget '%" STR_FMT "' has %" STR_FMT " of %" STR_FMT " left%" STR_FMT
                              ". This call may cost up to %" STR_FMT ".%" STR_FMT,
                              STR_ARG(rule->name), STR_ARG(left), STR_ARG(limit), STR_ARG(window), STR_ARG(asked),
                              STR_ARG(fit)));
    return attempt_fail(a, ERR_BUDGET_SPENT, "budget spent");
}

/* More than the model lets a call cost: nothing is held. Beside an attempt that runs it is that one's turn. */
static enum verdict refuse_money(struct attempt *a, picousd left)
{
    struct request *r = a->request;
    const struct attempt *other = r->attempt == a ? r->rival : r->attempt;
    if (other && !other->over) return attempt_fail(a, ERR_TOO_DEAR, "no money for a second attempt");
    struct budget_amounts room = {{left, INT64_MAX, INT64_MAX}};
    int64_t fits = a->hold.max_output < 0 ? -1 : output_fitting(a, &room);
    str fit = fits >= call_least_output(&r->attribute.call, a->way->kind) && fits > 0
                  ? arena_printf(&r->arena, "with an output limit of at most %lld tokens it would fit", (long long)fits)
                  : S("no output limit makes it fit");
    str asked = amount_text(r, BUDGET_MONEY, a->hold.amounts.of[BUDGET_MONEY]),
        rest = amount_text(r, BUDGET_MONEY, left);
    str all = amount_text(r, BUDGET_MONEY, r->plan.attempts.money);
    r->err_headers = S("x-should-retry: false\r\n");
    request_fail(r, ERR_TOO_DEAR,
                 arena_printf(&r->arena,
                              "This call may cost up to %" STR_FMT ", and a call of the model '%" STR_FMT
                              "' may cost %" STR_FMT " in all (attempts.money_usd), of which %" STR_FMT
                              " is left: %" STR_FMT ".",
                              STR_ARG(asked), STR_ARG(r->attribute.call.model), STR_ARG(all), STR_ARG(rest),
                              STR_ARG(fit)));
    return attempt_fail(a, ERR_TOO_DEAR, "the call may cost more than its model allows");
}

/* STEP_NEXT: all attempts together stay within what the call may cost. */
static enum verdict stay_within(struct attempt *a)
{
    picousd left = bound_left(a->request, a);
    struct budget_amounts room = {{left, INT64_MAX, INT64_MAX}};
    if (a->hold.amounts.of[BUDGET_MONEY] <= left) return STEP_NEXT;
    if (may_count(a, &room)) {
        if (!tokens_bound(a)) return STEP_WAIT;
        set_amounts(a, a->hold.max_output);
        if (a->hold.amounts.of[BUDGET_MONEY] <= left) return STEP_NEXT;
    }
    return lower(a, &room, false) ? STEP_NEXT : refuse_money(a, left);
}

static bool write_hold(struct attempt *a, int64_t now_us)
{
    struct row row;
    row_fill(a, now_us, &row);
    row_guess(a, now_us, &row);
    a->hold.position = journal_append(a->request->worker->journal, JOURNAL_HOLD, &row);
    a->hold.journaled = a->hold.position != 0;
    return a->hold.journaled;
}

static enum verdict got_it(struct attempt *a)
{
    int64_t now_us = a->hold.since_us; /* nearly always it got it at once */
    a->hold.held = true;
    if (a->hold.asked) {
        now_us = time_mono_us();
        a->hold.wait_us = now_us - a->hold.since_us;
        metrics_wait(&a->request->worker->metrics, a->hold.wait_us);
    }
    deadline_clear(&a->deadline);
    if (!write_hold(a, now_us)) return attempt_fail(a, ERR_LEDGER_FULL, "the journal has no room: is the disk full?");
    return STEP_NEXT;
}

/* One try; lowers and tries again as long as that may help. */
static enum verdict try_hold(struct attempt *a)
{
    struct request *r = a->request;
    struct budgets *b = r->worker->purser->budgets;
    const struct budget_rules *rules = r->lease->snapshot->budgets;
    bool late = a->hold.asked && time_mono_us() >= a->hold.until_us;
    for (;;) {
        enum verdict money = stay_within(a);
        if (money != STEP_NEXT) return money;
        struct budget_ask ask = {.who = &a->way->payer,
                                 .at_us = a->hold.admitted_us,
                                 .amounts = a->hold.amounts,
                                 .made = name_cell,
                                 .made_ctx = a};
        struct budget_refusal why;
        bool queued = a->hold.waiter.cell != NULL;
        enum budget_verdict v = queued ? budget_retry(b, rules, &ask, &a->hold.waiter, &a->hold.hold, &why)
                                       : budget_hold(b, rules, &ask, &a->hold.waiter, &a->hold.hold, &why);
        if (v == BUDGET_HELD) return got_it(a);
        if (v == BUDGET_SPENT && may_count(a, &why.all_left)) {
            if (!tokens_bound(a)) return STEP_WAIT;
            set_amounts(a, a->hold.max_output);
            continue;
        }
        if (v == BUDGET_SPENT) {
            if (lower(a, &why.all_left, why.clamp)) continue;
            return refuse(a, true, &why);
        }
        if (!a->hold.asked) {
            a->hold.asked = true;
            a->hold.until_us = a->hold.since_us + why.wait_us;
            if (r->answer.deadline_us && r->answer.deadline_us < a->hold.until_us)
                a->hold.until_us = r->answer.deadline_us;
            late = why.wait_us == 0 || a->reason == REASON_HEDGE; /* it never waits for money */
        }
        if (!late) {
            deadline_set(&r->worker->loop, &a->deadline, a->hold.until_us);
            return STEP_WAIT;
        }
        if (lower(a, &why.all_free, why.clamp)) continue;
        budget_leave(b, &a->hold.waiter);
        return refuse(a, false, &why);
    }
}

enum verdict attempt_hold(struct attempt *a)
{
    struct request *r = a->request;
    if (a->hold.journaled) { /* durability: disk waits here for the group sync */
        if (!journal_synced(r->worker->journal, a->hold.position)) return STEP_WAIT;
        return STEP_NEXT;
    }
    if (!a->hold.since_us) {
        if (!journal_ready(r->worker->journal)) {
            request_fail(r, ERR_LEDGER_FULL, S("purser's ledger cannot take more records: is its disk full?"));
            return attempt_fail(a, ERR_LEDGER_FULL, "the journal has no room: is the disk full?");
        }
        if (!burn_allows(a)) return STEP_JUMP;
        a->hold.since_us = time_mono_us();
        a->hold.admitted_us = time_now_us();
        mail_init(&a->hold.mail, wake_from_mail);
        budget_waiter_init(&a->hold.waiter, on_room, a);
        tokens_bound_begin(a);
        a->hold.input_tokens += repair_bound(a);
        set_amounts(a, a->way->max_output);
    }
    enum verdict v = try_hold(a);
    if (v == STEP_NEXT && r->lease->snapshot->settings->durability_disk &&
        !journal_synced(r->worker->journal, a->hold.position)) {
        return STEP_WAIT; /* woken by the ledger's sync */
    }
    return v;
}

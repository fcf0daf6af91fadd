/* answer: runs attempts, one after the other or two side by side, and lets the winning one
 * speak to the client. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/again.h"
#include "flow/alive.h"
#include "flow/degrade.h"
#include "flow/exceed.h"
#include "flow/ladder.h"
#include "flow/mishap.h"
#include "flow/purser.h"
#include "flow/trial.h"

/* ---- what is told */

/* A limit that is too high is no field that is not known. */
static bool is_about_value(str body)
{
    static const str words[] = {STR_INIT("too large"), STR_INIT("too high"), STR_INIT("at most"), STR_INIT("maximum"),
                                STR_INIT("exceed")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_find(body, words[i], 0) != SIZE_MAX) return true;
    }
    return false;
}

static unsigned field_refused(const struct attempt *a)
{
    str body = buf_str(&a->body.kept);
    unsigned written = wire_fields(a);
    bool names_logprobs = str_find(body, S("ogprobs"), 0) != SIZE_MAX; /* `logprobs`, `responseLogprobs` */
    if (a->err == ERR_PROVIDER_ERROR && a->head.status == 403 && written & TARGET_LOGPROBS && names_logprobs)
        return TARGET_LOGPROBS;
    if (a->err != ERR_PROVIDER_ERROR || (a->head.status != 400 && a->head.status != 422)) return 0;
    if (is_about_value(body)) return 0;
    if (written & TARGET_STREAM_OPTIONS && str_find(body, S("stream_options"), 0) != SIZE_MAX)
        return TARGET_STREAM_OPTIONS;
    if (written & TARGET_LOGPROBS && names_logprobs) return TARGET_LOGPROBS;
    bool limit = written & TARGET_MAX_COMPLETION_TOKENS && str_find(body, S("max_completion_tokens"), 0) != SIZE_MAX;
    return limit ? TARGET_MAX_COMPLETION_TOKENS : 0;
}

/* A target that does not know a field purser wrote says so: the call is tried once more without it, and
 * where it is taken then, that is remembered. Nothing was generated, so it cost nothing. */
static bool goes_without(struct request *r)
{
    struct attempt *a = r->attempt;
    unsigned field = field_refused(a);
    if (!field) return false;
    if (a->way_number > 2 || !r->x || !r->receive.body.p) {
        a->way->target->accepts &= ~field; /* it was known to: the next call may find out */
        return false;
    }
    r->plan.ways[a->way - r->plan.ways].without |= field;
    return true;
}

static void answer_client(struct request *r)
{
    struct attempt *a = r->attempt;
    if (!r->rival) record_settle(r);
    if (degrade_after(r, a)) return;
    if (!a->err) {
        references_keep(r);
        if (r->answer.begun || !a->body.whole)
            client_finish_stream(r, buf_str(&a->body.withheld));
        else
            client_respond_whole(r);
        return;
    }
    if (!r->err) r->err = a->err;
    str why = a->err_why ? str_from(a->err_why) : err_info(a->err)->text;
    str message = arena_printf(&r->arena, "%" STR_FMT " (provider '%" STR_FMT "')", STR_ARG(why),
                               STR_ARG(a->way->target->provider->name));
    if (r->answer.begun)
        client_stream_error(r, client_err_of(a), message);
    else if (a->err == ERR_PROVIDER_ERROR && a->head.status >= 300)
        client_respond_provider_error(r);
    else if (r->err_message.n)
        client_respond_error(r, r->err, r->err_message, r->err_param, r->err_headers);
    else
        client_respond_error(r, client_err_of(a), message, STR_NONE, STR_NONE);
}

static bool succeeded(const struct attempt *a)
{
    return a->over && !a->err && !mishap_is_empty(a);
}

/* Its client has gone, but will ask again. */
static bool is_kept_for_later(const struct request *r)
{
    return !r->x && recall_listens(r) && !r->recall.whole && succeeded(r->attempt);
}

/* ---- running */

static void on_wait_over(struct deadline *d)
{
    struct request *r = CONTAINER_OF(d, struct request, answer.wait);
    r->answer.waits = false;
    request_wake(r);
}

void answer_end_wait(struct request *r)
{
    if (!r->answer.waits) return;
    deadline_clear(&r->answer.wait);
    on_wait_over(&r->answer.wait);
}

/* The slow one gets company. */
static void on_hedge(struct deadline *d)
{
    struct request *r = CONTAINER_OF(d, struct request, answer.hedge);
    if (r->answer.begun || r->rival || !r->attempt || r->attempt->over) return;
    const struct way *way = again_hedge(r, r->attempt);
    if (!way) return;
    r->rival = attempt_new(r, way, REASON_HEDGE);
    request_wake(r);
}

/* How often a stream that a ladder holds back shows that it lives; 0: it does not. */
static int64_t sign_every_us(const struct request *r)
{
    const struct setting_model *m = r->plan.model, *before = r->plan.before;
    if (!r->attribute.call.stream) return 0;
    if (m && m->rung_count && m->keep_alive_us) return m->keep_alive_us;
    return before && before->rung_count ? before->keep_alive_us : 0;
}

static void expect_sign(struct request *r)
{
    int64_t every_us = sign_every_us(r);
    if (every_us) deadline_set(&r->worker->loop, &r->answer.sign, loop_now_us(&r->worker->loop) + every_us);
}

static void on_sign(struct deadline *d)
{
    struct request *r = CONTAINER_OF(d, struct request, answer.sign);
    if (!r->x || r->answer.begun || r->answer.done) return;
    if (r->answer.opened || (r->attempt && trial_holds(r->attempt))) alive_show(r);
    expect_sign(r);
}

static void expect_hedge(struct request *r)
{
    int64_t after_us = again_hedge_after_us(r);
    deadline_clear(&r->answer.hedge);
    if (after_us == INT64_MAX) return;
    deadline_set(&r->worker->loop, &r->answer.hedge, loop_now_us(&r->worker->loop) + after_us);
}

static void begin_first(struct request *r)
{
    r->answer.first_us = loop_now_us(&r->worker->loop);
    deadline_init(&r->answer.sign, on_sign);
    expect_sign(r);
    deadline_init(&r->answer.wait, on_wait_over);
    deadline_init(&r->answer.hedge, on_hedge);
    r->attempt = attempt_new(r, again_first(r), REASON_FIRST);
    expect_hedge(r);
}

static void replace_attempt(struct request *r, const struct way *way, enum attempt_reason reason)
{
    if (!r->attempt->began) r->attempts--; /* it met a closed door: nothing was tried */
    trial_put_away(r->attempt);
    r->attempt = attempt_new(r, way, reason);
}

/* Behind an answer that its rung did not accept. */
static bool climb(struct request *r)
{
    enum attempt_reason reason;
    struct repair *repair;
    const struct way *way = trial_follow(r, &reason, &repair);
    if (!way || r->worker->drain_over) return false;
    replace_attempt(r, way, reason);
    r->attempt->repair = repair;
    return true;
}

/* A budget hands the call on to a cheaper model: it goes the whole way of that one's name. */
static bool downgrade(struct request *r)
{
    if (!exceed_downgrade(r)) return false;
    if (ladder_answers(r)) {
        r->step = REQUEST_answer; /* which goes on here */
        return true;
    }
    replace_attempt(r, again_first(r), r->attempts > 1 ? REASON_FALLBACK : REASON_FIRST); /* the refused one is none */
    expect_hedge(r);
    expect_sign(r);
    return true;
}

/* A hedge that met a closed door, or no money: its target may still have its turn. */
static void forget_unbegun(struct request *r, const struct attempt *a)
{
    if (a->began) return;
    r->attempts--;
    if (a->reason == REASON_HEDGE && a->way != r->attempt->way)
        r->answer.tried &= ~(UINT32_C(1) << (a->way - r->plan.ways));
}

/* Of two attempts that run, one may be over. */
static void settle_rivals(struct request *r)
{
    struct attempt *lead = r->attempt, *rival = r->rival;
    if (!rival) return;
    bool lead_failed = lead->over && !succeeded(lead) && !r->answer.begun;
    if ((succeeded(rival) && !r->answer.begun && !succeeded(lead)) || (lead_failed && !rival->over)) {
        r->attempt = rival;
        r->rival = lead;
    }
    if (succeeded(r->attempt) && !r->rival->over) {
        attempt_fail(r->rival, ERR_HEDGE_LOST, "the other attempt was faster");
        attempt_run(r->rival);
    }
    if (!r->rival->over) return;
    forget_unbegun(r, r->rival);
    trial_put_away(r->rival);
    r->rival = NULL;
}

/* What follows an attempt that failed. False: nothing does. */
static bool follow(struct request *r)
{
    struct again next;
    bool more = !r->worker->drain_over; /* else no attempt begins any more */
    if (r->attempt->err == ERR_NOT_ACCEPTED || trial_passes_over(r)) return climb(r);
    if (more && goes_without(r)) {
        replace_attempt(r, r->attempt->way, REASON_RETRY);
        return true;
    }
    if (more && downgrade(r)) return !r->answer.done;
    if (!r->attempt->err && !mishap_is_empty(r->attempt)) return false;
    bool again = again_decide(r, r->attempt, &next);
    if (ladder_replies(r, again ? next.way : NULL) || !again) return false;
    r->answer.next_way = next.way;
    r->answer.next_reason = next.reason;
    r->answer.waits = next.wait_us > 0;
    if (r->answer.waits) deadline_set(&r->worker->loop, &r->answer.wait, time_mono_us() + next.wait_us);
    return true;
}

enum verdict step_answer(struct request *r)
{
    if (!r->attempt && r->err) {
        record_settle(r);
        if (!r->answer.done) client_respond_error(r, r->err, r->err_message, r->err_param, r->err_headers);
        return STEP_NEXT;
    }
    if (r->count.walk) return tokens_answer(r) ? STEP_NEXT : STEP_WAIT;
    if (!r->attempt) begin_first(r);
    for (;;) {
        bool goes_on = r->x && !r->worker->drain_over;
        if (r->answer.waits && goes_on) return STEP_WAIT;
        if (r->answer.next_way) {
            if (!r->answer.done && goes_on) replace_attempt(r, r->answer.next_way, r->answer.next_reason);
            if (!r->answer.done && goes_on) expect_hedge(r);
            r->answer.next_way = NULL;
        }
        (void)attempt_run(r->attempt);
        if (r->rival) (void)attempt_run(r->rival);
        settle_rivals(r);
        if (!r->attempt->over) return STEP_WAIT;
        if (!r->answer.done && follow(r)) continue;
        if (!r->answer.done) trial_fall_back(r);
        trial_settle(r);
        if (!r->answer.done || is_kept_for_later(r)) answer_client(r);
        if (!r->rival) break;
    }
    deadline_clear(&r->answer.wait);
    deadline_clear(&r->answer.hedge);
    deadline_clear(&r->answer.sign);
    return STEP_NEXT;
}

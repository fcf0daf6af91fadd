/* enter: may a call go to the target now? Its breaker, its rest, its limit and the queue before it.
 *
 * Only where a call may go elsewhere or be repeated: with one target, tried once, its own
 * error says more than ours. */
#include "flow/request.h"

#include "base/hash.h"
#include "base/time.h"
#include "flow/mishap.h"
#include "flow/purser.h"

enum { WAIT_MOST_US = 5 * 1000 * 1000 }; /* in the queue before a target */

static void wake_from_mail(struct mail *m)
{
    attempt_wake(CONTAINER_OF(m, struct attempt, enter.mail));
}

/* On any thread: there is room. */
static void on_room(struct health_waiter *w)
{
    struct attempt *a = w->owner;
    mail_send(a->request->worker, &a->enter.mail);
}

bool enter_guards(const struct request *r)
{
    return r->plan.count > 1 || r->plan.attempts.max > 1;
}

static enum verdict settle(struct attempt *a, enum health_verdict v)
{
    switch (v) {
    case HEALTH_GO:
        deadline_clear(&a->deadline);
        return STEP_NEXT;
    case HEALTH_WAIT:
        return STEP_WAIT;
    case HEALTH_SHED:
        if (a->request->answer.deadline_us && time_mono_us() >= a->request->answer.deadline_us)
            return attempt_fail(a, ERR_PROVIDER_TIMEOUT, "the target had no room before the client's deadline");
        return attempt_fail(a, ERR_TARGET_BUSY,
                            "as many calls as the target bears are under way, and the queue is full");
    case HEALTH_REFUSED:
        return attempt_fail(a, ERR_TARGET_OPEN, "the target has failed too often lately");
    case HEALTH_RESTING:
        return attempt_fail(a, ERR_TARGET_OPEN, "the target has asked to be left alone for a while");
    }
    return STEP_NEXT;
}

enum verdict attempt_enter(struct attempt *a)
{
    struct request *r = a->request;
    if (!enter_guards(r)) return STEP_NEXT;
    int64_t now_us = time_mono_us(), client_us = r->answer.deadline_us;
    if (a->enter.asked) return settle(a, health_collect(&a->enter.waiter, now_us, &a->enter.pass));
    struct health_ask ask = {.now_us = now_us,
                             .until_us =
                                 client_us && client_us < now_us + WAIT_MOST_US ? client_us : now_us + WAIT_MOST_US,
                             .key = hash_fnv(r->authenticate.key->name),
                             .tier = r->attribute.feature ? r->attribute.feature->tier : FEATURE_TIER_NORMAL};
    bool waits = a->reason != REASON_HEDGE;
    a->enter.asked = true;
    mail_init(&a->enter.mail, wake_from_mail);
    health_waiter_init(&a->enter.waiter, on_room, a);
    enum health_verdict v =
        health_enter(target_health(a->way->target), &ask, waits ? &a->enter.waiter : NULL, &a->enter.pass);
    if (v == HEALTH_WAIT) deadline_set(&r->worker->loop, &a->deadline, ask.until_us);
    return settle(a, v);
}

void enter_first_token(struct attempt *a, int64_t now_us)
{
    if (a->enter.pass.health) health_first_token(&a->enter.pass, now_us);
}

static enum health_outcome outcome_of(const struct attempt *a)
{
    int64_t waits_until_us = a->request->answer.deadline_us;
    bool impatient = (waits_until_us && time_mono_us() >= waits_until_us) ||
                     (a->wire.given_up && a->wire.give_up_clients) || a->request->answer.paused;
    if (a->err == ERR_NOT_ACCEPTED) return HEALTH_OK; /* it did answer */
    if (mishap_is_empty(a)) return HEALTH_FAILED;
    if (a->err == ERR_PROVIDER_TIMEOUT && impatient) return HEALTH_CANCELLED; /* the client's fault, not the target's */
    if (a->err == ERR_PROVIDER_TIMEOUT && a->body.first_us) return HEALTH_STALLED;
    if (a->err != ERR_PROVIDER_ERROR && a->err != ERR_PROVIDER_STREAM_ERROR)
        return health_outcome_of(a->err, a->head.status);
    enum mishap mishap = mishap_of(a);
    if (mishap == MISHAP_COUNT || mishap == MISHAP_CONTEXT_WINDOW || mishap == MISHAP_CONTENT_POLICY)
        return HEALTH_CLIENT;
    if (mishap_is_bad_key(a)) return HEALTH_FAILED;
    return health_outcome_of(a->err, mishap_status(a));
}

void enter_leave(struct attempt *a)
{
    struct request *r = a->request;
    if (!a->enter.asked) return;
    int64_t now_us = time_mono_us();
    health_quit(&a->enter.waiter, now_us);
    mail_clear(r->worker, &a->enter.mail);
    if (!a->enter.pass.health) return;
    int64_t asked_us = mishap_retry_after_us(a, time_now_us());
    struct health_result result = {.outcome = a->began ? outcome_of(a) : HEALTH_CANCELLED,
                                   .err = a->err,
                                   .status = mishap_status(a),
                                   .now_us = now_us,
                                   .retry_after_us = asked_us > 0 ? asked_us : 0,
                                   .random = rng_next(&r->worker->rng)};
    health_leave(&a->enter.pass, &result);
    a->enter.pass.health = NULL;
}

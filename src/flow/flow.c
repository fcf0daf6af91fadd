#include "flow/request.h"

#include "base/time.h"
#include "flow/again.h"
#include "flow/purser.h"
#include "flow/trial.h"
#include "flow/watchdog.h"

#include <time.h>

_Static_assert((int)REQUEST_STEPS + (int)ATTEMPT_STEPS == (int)METRIC_STEPS, "metrics have a place for each step");

static enum verdict call_request_step(struct request *r)
{
    switch (r->step) {
#define STEP(name, waits, text)                                                                                        \
    case REQUEST_##name:                                                                                               \
        return step_##name(r);
#include "flow/request.def"
#undef STEP
    case REQUEST_STEPS:
        break;
    }
    return STEP_OVER;
}

static enum verdict call_attempt_step(struct attempt *a)
{
    switch (a->step) {
#define STEP(name, waits, text)                                                                                        \
    case ATTEMPT_##name:                                                                                               \
        return attempt_##name(a);
#include "flow/attempt.def"
#undef STEP
    case ATTEMPT_STEPS:
        break;
    }
    return STEP_OVER;
}

/* ---- where the time of a call goes: a sample, since the clock itself costs */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static enum verdict run_request_step(struct request *r)
{
    if (!r->sampled) return call_request_step(r);
    unsigned step = r->step;
    uint64_t from_ns = now_ns();
    r->inner_ns = 0;
    enum verdict v = call_request_step(r);
    metrics_step(&r->worker->metrics, step, now_ns() - from_ns - r->inner_ns);
    return v;
}

void attempt_time(struct attempt *a, enum attempt_step step, uint64_t from_ns)
{
    struct request *r = a->request;
    uint64_t took_ns = now_ns() - from_ns;
    r->inner_ns += took_ns; /* *answer* runs the attempt: its own time is the rest */
    metrics_step(&r->worker->metrics, REQUEST_STEPS + (unsigned)step, took_ns);
}

uint64_t attempt_clock(const struct attempt *a)
{
    return a->request->sampled ? now_ns() : 0;
}

static enum verdict run_attempt_step(struct attempt *a)
{
    uint64_t from_ns = attempt_clock(a);
    enum attempt_step step = a->step;
    enum verdict v = call_attempt_step(a);
    if (from_ns) attempt_time(a, step, from_ns);
    return v;
}

const char *request_step_name(enum request_step s)
{
    static const char *const names[REQUEST_STEPS] = {
#define STEP(name, waits, text) [REQUEST_##name] = #name,
#include "flow/request.def"
#undef STEP
    };
    return s < REQUEST_STEPS ? names[s] : "over";
}

const char *attempt_step_name(enum attempt_step s)
{
    static const char *const names[ATTEMPT_STEPS] = {
#define STEP(name, waits, text) [ATTEMPT_##name] = #name,
#include "flow/attempt.def"
#undef STEP
    };
    return s < ATTEMPT_STEPS ? names[s] : "over";
}

void attempt_free(struct attempt *a)
{
    struct worker *w = a->request->worker;
    post_write_due(a);
    if (!a->wire_done) http_call_cancel(&a->wire.call);
    enter_leave(a);
    if (a->reason == REASON_HEDGE) again_hedge_over(a->request);
    budget_leave(w->purser->budgets, &a->hold.waiter);
    mail_clear(w, &a->hold.mail);
    deadline_clear(&a->deadline);
    buf_free(&a->wire.head);
    buf_free(&a->wire.body);
    translate_free(a);
    trial_free(a);
    buf_free(&a->body.held);
    buf_free(&a->body.kept);
    buf_free(&a->body.withheld);
    pool_give(&w->spare_attempts, a);
}

static void request_free(struct request *r)
{
    struct worker *w = r->worker;
    if (r->attempt) {
        attempt_free(r->attempt);
        deadline_clear(&r->answer.wait);
        deadline_clear(&r->answer.hedge);
        deadline_clear(&r->answer.sign);
    }
    if (r->refused) attempt_free(r->refused);
    if (r->rival) attempt_free(r->rival);
    list_remove(&r->link);
    task_clear(&r->task);
    w->request_count--;
    __atomic_fetch_sub(&w->purser->request_count, 1, __ATOMIC_RELAXED);
    lease_give(w, r->lease);
    arena_free(&r->arena);
    pool_give(&w->spare_requests, r);
}

static void run(struct task *t)
{
    struct request *r = CONTAINER_OF(t, struct request, task);
    for (;;) {
        switch (run_request_step(r)) {
        case STEP_NEXT:
            r->step++;
            break;
        case STEP_JUMP:
            break;
        case STEP_WAIT:
            return;
        case STEP_OVER:
            request_free(r);
            return;
        }
    }
}

void request_start(struct worker *w, struct http_exchange *x)
{
    struct request *r = pool_ztake(&w->spare_requests);
    arena_init_in(&r->arena, &w->loop.blocks);
    r->worker = w;
    r->lease = lease_take(w);
    r->x = x;
    r->started_us = x->started_us;
    r->at_us = time_now_us();
    r->id = journal_next_id(w->journal);
    r->sampled = (r->id >> 8) % METRIC_SAMPLE_EVERY == 0; /* the counter of an id begins at bit 8 */
    x->user = r;
    task_init(&r->task, run);
    list_add_last(&w->requests, &r->link);
    w->request_count++;
    __atomic_fetch_add(&w->purser->request_count, 1, __ATOMIC_RELAXED);
    run(&r->task);
}

void request_wake(struct request *r)
{
    task_mark(&r->worker->loop, &r->task);
}

enum verdict request_fail(struct request *r, enum err e, str message)
{
    if (!r->err) {
        r->err = e;
        r->err_message = message;
    }
    r->step = REQUEST_answer;
    return STEP_JUMP;
}

enum verdict request_fail_param(struct request *r, enum err e, str message, str param)
{
    if (!r->err) r->err_param = param;
    return request_fail(r, e, message);
}

void request_forgive(struct request *r, enum request_step step)
{
    r->step = step;
    r->err = ERR_NONE;
    r->err_message = r->err_param = r->err_headers = STR_NONE;
}

/* ---- attempts */

static void on_late(struct deadline *d)
{
    struct attempt *a = CONTAINER_OF(d, struct attempt, deadline);
    if (a->step == ATTEMPT_enter) { /* the step sees that the wait is over */
        attempt_wake(a);
    } else if (a->step == ATTEMPT_hold) { /* the wait for held budget is over: the step decides */
        a->hold.until_us = 1;
    } else if (a->over) {
        a->wire_done = true; /* the provider does not end its side: the connection goes */
        http_call_cancel(&a->wire.call);
    } else if (watchdog_waits_on(a)) {
        return;
    } else {
        const char *why = a->wire.call.connected_us == 0 ? "the provider did not accept a connection in time"
                          : a->body.first_us == 0        ? "the provider sent no first token in time"
                                                         : "the provider stopped sending in the middle of its answer";
        attempt_fail(a, ERR_PROVIDER_TIMEOUT, why);
    }
    attempt_wake(a);
}

struct attempt *attempt_new(struct request *r, const struct way *way, enum attempt_reason reason)
{
    struct attempt *a = pool_ztake(&r->worker->spare_attempts);
    a->request = r;
    a->way = way;
    a->reason = reason;
    a->number = ++r->attempts;
    a->id = a->number == 1 ? r->id : journal_next_id(r->worker->journal);
    a->wire_done = true; /* until it begins */
    deadline_init(&a->deadline, on_late);
    r->answer.tried |= UINT32_C(1) << (way - r->plan.ways);
    trial_begin(a);
    return a;
}

void attempt_wake(struct attempt *a)
{
    request_wake(a->request);
}

enum verdict attempt_fail(struct attempt *a, enum err e, const char *why)
{
    if (!a->err) {
        a->err = e;
        a->err_why = why;
    }
    if (a->step < ATTEMPT_post) {
        a->step = ATTEMPT_post;
        if (!a->wire_done) http_call_cancel(&a->wire.call);
        a->wire_done = true;
    }
    return STEP_JUMP;
}

bool attempt_run(struct attempt *a)
{
    while (!a->over) {
        switch (run_attempt_step(a)) {
        case STEP_NEXT:
            a->step++;
            break;
        case STEP_JUMP:
            break;
        case STEP_WAIT:
            return false;
        case STEP_OVER:
            a->over = true;
            break;
        }
    }
    return true;
}

/* ---- leaving early */

void request_cancel(struct request *r, enum err e, const char *why)
{
    if (r->attempt && !r->attempt->over) attempt_fail(r->attempt, e, why);
    if (r->rival && !r->rival->over) attempt_fail(r->rival, e, why);
    request_wake(r);
}

void request_leave_client(struct request *r)
{
    if (!r->x) return;
    r->answer.status = r->x->status;
    r->x = NULL;
}

void request_client_gone(struct request *r)
{
    request_leave_client(r);
    r->answer.done = true;
    struct attempt *a = r->attempt;
    if (!r->err) r->err = ERR_CLIENT_GONE;
    if (!a || (a->over && !r->rival)) {
        request_wake(r);
        return;
    }
    r->receive.body = STR_NONE; /* it was the exchange's */
    bool at_the_provider = a->began && a->wire.call.sent && !a->over;
    if (at_the_provider && r->attribute.finish_on_disconnect) {
        if (r->answer.paused) watchdog_resume(a);
        r->answer.paused = false;
        /* one beside it may still send, or wait to: what it would send goes with the client */
        if (r->rival && !r->rival->over && !(r->rival->began && r->rival->wire.call.sent)) {
            attempt_fail(r->rival, ERR_CLIENT_GONE, "the client hung up");
            request_wake(r);
        }
        return;
    }
    request_cancel(r, ERR_CLIENT_GONE, "the client hung up");
}

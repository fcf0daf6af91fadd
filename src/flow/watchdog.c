#include "flow/watchdog.h"

#include "base/time.h"
#include "flow/again.h"
#include "flow/purser.h"

static int64_t total_by_us(const struct attempt *a)
{
    return a->hold.since_us + a->hold.wait_us + a->way->target->provider->timeouts.total_us;
}

void watchdog_set(struct attempt *a, int64_t phase_us)
{
    struct worker *w = a->request->worker;
    int64_t at_us = loop_now_us(&w->loop) + phase_us, total_us = total_by_us(a);
    int64_t client_us = a->request->answer.deadline_us; /* beyond it nobody waits any more */
    if (total_us < at_us) at_us = total_us;
    if (client_us && client_us < at_us) at_us = client_us;
    deadline_set(&w->loop, &a->deadline, at_us);
}

static void expect_first(struct attempt *a)
{
    int64_t now_us = loop_now_us(&a->request->worker->loop), by_us = a->wire.first_by_us;
    if (a->wire.give_up_us < by_us) by_us = a->wire.give_up_us;
    watchdog_set(a, by_us - now_us);
}

/* The tokens of what generates text are seen, so that what is none counts for less: a server that only says that it
 * lives (comments, pings) brings no first token nearer, and fills a gap only for as long as a first token may take. */
void watchdog_fed(struct attempt *a)
{
    const struct setting_timeouts *t = &a->way->target->provider->timeouts;
    bool seen = !a->body.whole && !a->request->receive.reads &&
                (call_kind_generates(a->way->kind) || a->way->kind == CALL_COMPLETIONS);
    int64_t most_us = t->between_tokens_us;
    if (seen && !a->body.first_us) return; /* the first token's time runs on */
    if (seen) {
        int64_t gap_us = t->first_token_us > most_us ? t->first_token_us : most_us;
        int64_t since_us = a->wire.resumed_us > a->body.last_us ? a->wire.resumed_us : a->body.last_us;
        gap_us -= loop_now_us(&a->request->worker->loop) - since_us;
        if (gap_us < most_us) most_us = gap_us;
    }
    watchdog_set(a, most_us);
}

void watchdog_resume(struct attempt *a)
{
    a->wire.resumed_us = loop_now_us(&a->request->worker->loop);
    if (!a->over && a->body.last_us) watchdog_set(a, a->way->target->provider->timeouts.between_tokens_us);
    http_call_resume(&a->wire.call);
}

bool watchdog_waits_on(struct attempt *a)
{
    const struct request *r = a->request;
    int64_t now_us = loop_now_us(&r->worker->loop), client_us = r->answer.deadline_us;
    if (now_us >= total_by_us(a) || (client_us && now_us >= client_us)) return false;
    if (r->answer.paused && a == r->attempt) { /* its client does not read: the silence is purser's own */
        watchdog_set(a, a->way->target->provider->timeouts.between_tokens_us);
        return true;
    }
    if (a->body.first_us || !a->wire.first_by_us || now_us >= a->wire.first_by_us) return false;
    a->wire.given_up = again_would_go_on(r);
    if (a->wire.given_up) return false;
    a->wire.give_up_us = INT64_MAX;
    expect_first(a);
    return true;
}

void watchdog_sent(struct attempt *a)
{
    a->wire.first_by_us = loop_now_us(&a->request->worker->loop) + a->way->target->provider->timeouts.first_token_us;
    a->wire.give_up_us = again_give_up_us(a->request, &a->wire.give_up_clients);
    if (a->body.first_us)
        watchdog_fed(a);
    else
        expect_first(a);
}

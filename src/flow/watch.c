/* watch: does the call go on with a loop or a burst? Then it is warned, slowed down or refused.
 *
 * Before the limits and the plan: what is refused here takes nothing, and what waits here holds nothing.
 * Loops and bursts are told by minutes: the moment at which the loop's turn began is near enough. */
#include "flow/request.h"

#include "base/time.h"
#include "dialect/call_latest.h"
#include "flow/purser.h"

static const struct setting_runaway *rules_of(const struct request *r)
{
    const struct setting_feature *f = r->attribute.feature;
    return f ? &f->runaway : &r->lease->snapshot->settings->runaway;
}

/* What costs nothing cannot run away. */
static bool is_watched(const struct request *r)
{
    return rules_of(r)->most != RUNAWAY_NONE && !r->receive.reads && !tokens_asked(r);
}

/* Rates smooth: a token is four bytes, corrected when the truth is known. */
static int64_t likely_tokens(const struct call *call)
{
    return call->text_bytes / 4 + 4 * call->messages + 1;
}

/* 0 for kinds that have no last word: vectors of the same text are no loop. */
static uint64_t message_of(struct request *r)
{
    bool talks = call_kind_generates(r->receive.kind) || r->receive.kind == CALL_COMPLETIONS;
    if (!talks || !wire_read_body(r)) return 0;
    return call_latest(&r->worker->json, ledger_hash_key(r->worker->purser->ledger));
}

static void on_wait_over(struct deadline *d)
{
    request_wake(CONTAINER_OF(d, struct request, watch.wait));
}

static enum verdict slow_down(struct request *r, int64_t delay_us)
{
    r->watch.waits = true;
    deadline_init(&r->watch.wait, on_wait_over);
    deadline_set(&r->worker->loop, &r->watch.wait, time_mono_us() + delay_us);
    return STEP_WAIT;
}

static enum verdict refuse(struct request *r, const struct runaway_verdict *v)
{
    int64_t seconds = (v->retry_after_us + US_PER_SECOND - 1) / US_PER_SECOND;
    str wait = seconds > 0 ? arena_printf(&r->arena, "retry-after: %lld\r\n", (long long)seconds) : S("");
    r->err_headers = arena_printf(&r->arena, "%" STR_FMT "x-should-retry: false\r\n", STR_ARG(wait));
    r->watch.at = (struct runaway_at){0}; /* it does not happen: nothing is noted of it */
    return request_fail(r, ERR_RUNAWAY, arena_printf(&r->arena, "Runaway: %s.", v->text));
}

static str warning(struct request *r, str text)
{
    struct buf *line = &r->worker->scratch;
    buf_clear(line);
    buf_add(line, S("x-purser-warning: runaway: "));
    buf_add(line, text);
    buf_add(line, S("\r\n"));
    return arena_str(&r->arena, buf_str(line));
}

static enum verdict look(struct request *r)
{
    const struct setting_runaway *rules = rules_of(r);
    struct runaway_verdict v;
    r->watch.message = message_of(r);
    r->watch.tokens = likely_tokens(&r->attribute.call);
    struct runaway_ask ask = {.where = {.key = r->attribute.payer.is[SCOPE_KEY],
                                        .feature = r->attribute.payer.is[SCOPE_FEATURE],
                                        .session = r->attribute.session,
                                        .task = r->attribute.task},
                              .limits = &rules->limits,
                              .now_us = loop_now_us(&r->worker->loop),
                              .message = r->watch.message,
                              .tokens = r->watch.tokens,
                              .most = rules->most};
    runaway_check(r->worker->purser->runaways, &ask, &v);
    r->watch.at = v.at;
    if (v.action == RUNAWAY_NONE) return STEP_NEXT;
    if (v.action == RUNAWAY_BLOCK) return refuse(r, &v);
    r->watch.headers = warning(r, str_from(v.text));
    return v.action == RUNAWAY_SLOW && v.delay_us > 0 ? slow_down(r, v.delay_us) : STEP_NEXT;
}

enum verdict step_watch(struct request *r)
{
    if (!is_watched(r)) return STEP_NEXT;
    if (!r->watch.waits) return look(r);
    bool stopping = r->worker->drain_over, over = time_mono_us() >= r->watch.wait.at_us;
    if (r->x && !stopping && !over) return STEP_WAIT;
    deadline_clear(&r->watch.wait);
    if (!r->x) return request_fail(r, ERR_CLIENT_GONE, S("the client hung up"));
    return stopping ? request_fail(r, ERR_SHUTTING_DOWN, S("purser is stopping.")) : STEP_NEXT;
}

void watch_end(struct request *r)
{
    const struct attempt *a = r->attempt;
    if (!r->watch.at.session && !r->watch.at.task) return;
    struct runaway_end end = {.at = r->watch.at,
                              .now_us = loop_now_us(&r->worker->loop),
                              .message = r->watch.message,
                              .answer = a && !a->err ? a->body.answer.output_hash : 0,
                              .tokens_asked = r->watch.tokens,
                              .tokens = r->tokens_so_far,
                              .cost = r->cost_so_far};
    runaway_note(r->worker->purser->runaways, &end);
    r->watch.at = (struct runaway_at){0};
}

#include "flow/degrade.h"

#include "base/time.h"
#include "flow/alive.h"
#include "flow/burn.h"
#include "flow/exceed.h"
#include "flow/mishap.h"
#include "flow/purser.h"
#include "flow/reply.h"

enum {
    RETRY_AFTER_S = 60, /* where nobody knows when it will be over */
    RETRY_AFTER_MAX_S = 24 * 3600,
};

str degrade_name(enum degrade_reason why)
{
    static const str names[DEGRADE_COUNT] = {
        [DEGRADE_NONE] = STR_INIT("none"),           [DEGRADE_SWITCH] = STR_INIT("switch"),
        [DEGRADE_BUDGET] = STR_INIT("budget"),       [DEGRADE_OUTAGE] = STR_INIT("outage"),
        [DEGRADE_RUNAWAY] = STR_INIT("runaway"),     [DEGRADE_RULE] = STR_INIT("rule"),
        [DEGRADE_BURN_RATE] = STR_INIT("burn_rate"),
    };
    return why < DEGRADE_COUNT ? names[why] : S("");
}

/* ---- is AI off? */

static const struct ai_switch *switch_of(const struct request *r)
{
    return switches_find(r->worker->switches, r->attribute.payer.is[SCOPE_FEATURE], time_now_us());
}

/* Off by the settings, until they say otherwise. */
static const struct setting_ai *setting_of(const struct request *r)
{
    const struct setting_feature *f = r->attribute.feature;
    return f && f->ai.off ? &f->ai : NULL;
}

bool degrade_asked(const struct request *r)
{
    return setting_of(r) || (switches_count(r->worker->switches) && switch_of(r));
}

/* ---- the set reply */

/* The chain of rules of the feature, else of the model; NULL where none is set. */
static const struct setting_degraded *rules_of(const struct request *r)
{
    const struct setting_feature *f = r->attribute.feature;
    const struct setting_model *m = r->plan.model, *before = r->plan.before;
    if (f && f->degraded.set) return &f->degraded;
    if (m && m->degraded.set) return &m->degraded;
    return before && before->degraded.set ? &before->degraded : NULL;
}

bool degrade_may(const struct request *r)
{
    return rules_of(r) != NULL;
}

/* The first rule that matches: the others are not asked, even where its reply does not fit. */
static const struct setting_degraded *find_rule(struct request *r)
{
    const struct setting_degraded *rule = rules_of(r);
    str question = STR_NONE;
    for (; rule; rule = rule->next) {
        if (!rule->match.code) return rule;
        if (!question.p) question = reply_question(r);
        if (pattern_find(rule->match.code, question) == PATTERN_YES)
            return rule; /* one that gives up matches nothing */
    }
    return NULL;
}

/* Its reply is then the error's message. */
static bool is_error(const struct setting_degraded *rule)
{
    return rule->status >= 400;
}

/* The call in canonical form, as long as its body is still there. */
static bool read_call(struct request *r)
{
    return r->plan.canon || (wire_read_body(r) && translate_read(r));
}

/* NULL where none is set, none matches, or the one that does is no answer to this call. */
static const struct setting_degraded *find_reply(struct request *r)
{
    if (!rules_of(r) || !call_kind_generates(r->receive.kind) || !dialect_of(r->receive.kind)->decode_call) return NULL;
    if (!read_call(r)) return NULL;
    const struct setting_degraded *rule = find_rule(r);
    if (!rule || !rule->reply.n) return NULL;
    return is_error(rule) || reply_fits(r, rule->reply) ? rule : NULL; /* an error is valid for every call */
}

/* ---- answering */

static void write_headers(const struct request *r, str type, struct buf *out)
{
    char text[MONEY_TEXT_MAX];
    buf_add(out, type);
    client_name_call(r, false, out);
    buf_printf(out, "x-purser-degraded: %" STR_FMT "\r\nx-purser-cost-usd: %" STR_FMT "\r\n",
               STR_ARG(degrade_name(r->degrade.why)), STR_ARG(money_format(r->cost_so_far, text)));
    buf_add(out, r->limit.headers);
}

static void send_answer(struct request *r, str reply)
{
    struct buf body, headers;
    buf_init(&body, 0);
    buf_init(&headers, 0);
    reply_write(r, reply, &body);
    write_headers(r, reply_type(r), &headers);
    if (r->answer.opened)
        alive_send(r, buf_str(&body));
    else if (r->x)
        http_respond(r->x, 200, buf_str(&headers), buf_str(&body));
    buf_free(&body);
    buf_free(&headers);
}

/* The client is told in its own shape, and not to hurry back. */
static void send_error(struct request *r, const struct degrading *d, const struct setting_degraded *rule)
{
    int64_t seconds = d->retry_after_s > 0 ? d->retry_after_s : RETRY_AFTER_S;
    if (seconds > RETRY_AFTER_MAX_S) seconds = RETRY_AFTER_MAX_S;
    r->err = d->err ? d->err : d->why == DEGRADE_SWITCH ? ERR_SWITCHED_OFF : ERR_DEGRADED;
    r->err_message = rule ? rule->reply : d->message.n ? d->message : err_info(r->err)->text;
    int status = rule ? (int)rule->status : err_info(r->err)->status;
    if (r->answer.opened) {
        client_respond_error(r, r->err, r->err_message, STR_NONE, STR_NONE);
        return;
    }
    struct buf body, headers;
    buf_init(&body, 0);
    buf_init(&headers, 0);
    write_headers(r, S("content-type: application/json\r\n"), &headers);
    buf_printf(&headers, "retry-after: %lld\r\nx-should-retry: false\r\n", (long long)seconds);
    client_write_error(r, r->err, r->err_message, STR_NONE, buf_str(&headers), &body);
    if (r->x) http_respond(r->x, status, buf_str(&headers), buf_str(&body));
    buf_free(&body);
    buf_free(&headers);
}

static void respond(struct request *r, const struct degrading *d)
{
    r->degrade.why = d->why;
    const struct setting_degraded *rule = find_reply(r);
    r->err = ERR_NONE; /* what failed, or what reading the call found wrong with it, stands below */
    if (rule && !is_error(rule))
        send_answer(r, rule->reply);
    else
        send_error(r, d, rule);
    metrics_degraded(&r->worker->metrics, d->why);
    r->answer.done = true;
}

void degrade_reply(struct request *r, str reply)
{
    r->degrade.why = DEGRADE_RULE;
    r->err = ERR_NONE;
    send_answer(r, reply);
    metrics_degraded(&r->worker->metrics, DEGRADE_RULE);
    r->answer.done = true;
}

enum verdict degrade_answer(struct request *r, const struct degrading *d)
{
    respond(r, d);
    r->step = REQUEST_record;
    return STEP_JUMP;
}

/* ---- a switch */

static str off_text(struct request *r, str feature, str why)
{
    return arena_printf(&r->arena, "AI is switched off%s%" STR_FMT "%s%s%" STR_FMT ".",
                        feature.n ? " for the feature '" : " for all features", STR_ARG(feature), feature.n ? "'" : "",
                        why.n ? ": " : "", STR_ARG(why));
}

static struct degrading by_switch(struct request *r)
{
    const struct ai_switch *off = switch_of(r);
    const struct setting_ai *setting = setting_of(r);
    struct degrading d = {.why = DEGRADE_SWITCH};
    if (setting) {
        d.message = off_text(r, r->attribute.feature->name, setting->why);
    } else if (off) {
        int64_t left_us = off->until_us ? off->until_us - time_now_us() : 0;
        d.retry_after_s = left_us > 0 ? (left_us + US_PER_SECOND - 1) / US_PER_SECOND : 0;
        d.message = off_text(r, off->feature, off->why);
    } else { /* it came on again while this was decided */
        d.message = S("AI was switched off while the call ran. Please try again.");
        d.retry_after_s = 1;
    }
    return d;
}

enum verdict degrade_switched_off(struct request *r)
{
    struct degrading d = by_switch(r);
    return degrade_answer(r, &d);
}

/* ---- an outage */

/* What the client did wrong is its to mend. */
static bool is_outage(const struct attempt *a)
{
    enum mishap mishap = mishap_of(a);
    return a->err == ERR_NOT_ACCEPTED || mishap == MISHAP_ERROR || mishap == MISHAP_TIMEOUT ||
           mishap == MISHAP_RATE_LIMIT;
}

/* No target could even be asked. The first one to be asked again says when; the wait is rounded up. */
static struct degrading all_open(struct request *r, const struct attempt *last)
{
    int64_t now_us = time_mono_us(), soonest_us = last->enter.pass.until_us;
    for (size_t i = 0; i < r->plan.count; i++) {
        const struct way *way = &r->plan.ways[i];
        int64_t until_us =
            way->only_for == MISHAP_COUNT ? health_until_us(target_health(way->target), now_us) : INT64_MAX;
        if (until_us < soonest_us) soonest_us = until_us;
    }
    int64_t wait_us = soonest_us > now_us ? soonest_us - now_us : 1;
    return (struct degrading){.why = DEGRADE_OUTAGE,
                              .err = degrade_may(r) ? ERR_NONE : ERR_TARGET_OPEN,
                              .message = arena_printf(&r->arena, "%s (provider '%" STR_FMT "')", last->err_why,
                                                      STR_ARG(last->way->target->provider->name)),
                              .retry_after_s = (wait_us + US_PER_SECOND - 1) / US_PER_SECOND};
}

bool degrade_after(struct request *r, const struct attempt *last)
{
    struct degrading d = {.why = DEGRADE_OUTAGE};
    if (r->answer.begun) return false;
    if (last->err == ERR_SWITCHED_OFF || (last->err && !last->began && degrade_asked(r)))
        d = by_switch(r);
    else if (burn_degrades(last, &d))
        ; /* it says so itself */
    else if (exceed_degrades(last, &d.retry_after_s))
        d = (struct degrading){.why = DEGRADE_BUDGET, .message = r->err_message, .retry_after_s = d.retry_after_s};
    else if (last->err == ERR_TARGET_OPEN)
        d = all_open(r, last);
    else if (!degrade_may(r) || !is_outage(last))
        return false;
    else if (last->err_why)
        d.message = str_from(last->err_why);
    respond(r, &d);
    return true;
}

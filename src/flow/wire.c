/* connect, send, head: the call to the provider, as bytes and events. */
#include "flow/degrade.h"

#include "base/time.h"
#include "flow/again.h"
#include "flow/purser.h"
#include "flow/service.h"
#include "flow/watchdog.h"

/* ---- the request's body: the client's bytes with the changes spliced in */

bool wire_read_body(struct request *r)
{
    struct worker *w = r->worker;
    struct json_fail fail;
    if (!r->receive.body.p || r->receive.form) return false;
    if (w->json_of == r->id && w->json.count) return true;
    w->json_of = r->id;
    return json_parse(&w->json, r->receive.body, &fail); /* parsed before: cannot fail */
}

unsigned wire_left_out(const struct way *way)
{
    const struct target *t = way->target;
    return way->without | (t->rejects_stream_options ? TARGET_STREAM_OPTIONS : 0) |
           (t->wants_max_tokens ? TARGET_MAX_COMPLETION_TOKENS : 0) | (t->rejects_logprobs ? TARGET_LOGPROBS : 0);
}

bool wire_asks_logprobs(const struct attempt *a)
{
    const struct canon_call *call = a->request->plan.canon;
    enum dialect_id to = call_kind_dialect(a->way->kind);
    bool tells = to == DIALECT_CHAT || to == DIALECT_RESPONSES || to == DIALECT_GEMINI;
    if (!a->trial || !call || way_is_service(a->way) || !a->way->rung->accept.min_confidence_ppm) return false;
    return tells && call->sampling.logprobs != 1 && !(wire_left_out(a->way) & TARGET_LOGPROBS);
}

static size_t plan_edits(struct attempt *a, struct json_edit edits[CALL_EDITS_MAX])
{
    struct request *r = a->request;
    const struct call *call = &r->attribute.call;
    struct target *t = a->way->target;
    unsigned left_out = wire_left_out(a->way);
    a->wire.add_usage = call->stream && !call->include_usage && !(left_out & TARGET_STREAM_OPTIONS) &&
                        (call->kind == CALL_CHAT || call->kind == CALL_COMPLETIONS);
    struct call_changes changes = {
        .model = str_eq(call->model, t->model) ? STR_NONE : t->model,
        .add_usage = a->wire.add_usage,
        .max_output = a->hold.max_output,
        .use_max_tokens = left_out & TARGET_MAX_COMPLETION_TOKENS,
        .body_version = provider_body_version(&t->provider->paths, endpoint_of(call->kind)),
    };
    return call_edit(call, &r->worker->json, &changes, edits);
}

/* A limit that the client gave as `max_tokens` stays what it is. */
static bool writes_completion_limit(const struct attempt *a)
{
    const struct call *call = &a->request->attribute.call;
    if (a->way->kind != CALL_CHAT) return false;
    return a->way->translated || call->max_output < 0 || (call->max_refs[0] && !call->max_refs[1]);
}

unsigned wire_fields(const struct attempt *a)
{
    bool usage =
        a->way->translated ? a->way->kind == CALL_CHAT && a->request->attribute.call.stream : a->wire.add_usage;
    unsigned fields = usage ? TARGET_STREAM_OPTIONS : 0;
    if (writes_completion_limit(a)) fields |= TARGET_MAX_COMPLETION_TOKENS;
    if (wire_asks_logprobs(a)) fields |= TARGET_LOGPROBS;
    return fields & ~wire_left_out(a->way);
}

/* What the target has not yet been seen to accept: if it refuses, the call is made again without it. */
static unsigned on_trial(const struct attempt *a)
{
    return wire_fields(a) & ~a->way->target->accepts;
}

static void remember(const struct attempt *a)
{
    struct target *t = a->way->target;
    t->accepts |= on_trial(a);
    if (a->way->without & TARGET_STREAM_OPTIONS) t->rejects_stream_options = true;
    if (a->way->without & TARGET_MAX_COMPLETION_TOKENS) t->wants_max_tokens = true;
    if (a->way->without & TARGET_LOGPROBS) t->rejects_logprobs = true;
}

void wire_drop_request(struct attempt *a)
{
    struct request *r = a->request;
    buf_free(&a->wire.head);
    buf_free(&a->wire.body);
    r->receive.body = STR_NONE;
    if (r->x) http_drop_request(r->x);
}

/* An attempt that runs beside this one, a hedge or what it hedges, may still stand in a queue, or be sending. */
static bool is_to_be_sent(const struct attempt *a)
{
    return a && !a->over && !(a->began && (a->wire.call.sent || a->head.status));
}

/* For an attempt, or to find the set reply that fits. */
bool wire_needs_request(const struct request *r)
{
    if (is_to_be_sent(r->attempt) || is_to_be_sent(r->rival)) return true;
    return again_possible(r) || (!r->answer.begun && degrade_may(r));
}

static void on_sent(struct http_call *c)
{
    struct attempt *a = CONTAINER_OF(c, struct attempt, wire.call);
    if (!on_trial(a) && !wire_needs_request(a->request)) wire_drop_request(a);
    attempt_wake(a);
}

/* The body as it came, with the changes spliced in. */
static size_t splice_body(struct attempt *a, struct iovec *pieces)
{
    struct request *r = a->request;
    struct json_edit edits[CALL_EDITS_MAX];
    size_t count = 0, at = 0;
    str body = r->receive.body;
    bool other = r->receive.kind == CALL_PASSTHROUGH; /* goes as it came */
    bool fits = !other && (r->receive.form || wire_read_body(r));
    size_t edit_count = fits ? plan_edits(a, edits) : 0;
    for (size_t i = 0; i < edit_count; i++) {
        if (edits[i].at > at) pieces[count++] = iov_of(str_of(body.p + at, edits[i].at - at));
        if (edits[i].with.n) pieces[count++] = iov_of(edits[i].with);
        at = edits[i].at + edits[i].drop;
    }
    if (at < body.n) pieces[count++] = iov_of(str_from_at(body, at));
    return count;
}

static bool write_body(struct attempt *a, struct iovec *pieces, size_t *count)
{
    if (!a->way->translated && !a->repair && !wire_asks_logprobs(a)) {
        *count = splice_body(a, pieces);
        return true;
    }
    buf_init(&a->wire.body, 0);
    if (!translate_call(a, &a->wire.body)) return false;
    const struct call *call = &a->request->attribute.call;
    bool asked = call->include_usage && !a->way->translated;
    a->wire.add_usage = call->stream && !asked && !a->way->target->rejects_stream_options && a->way->kind == CALL_CHAT;
    pieces[0] = iov_of(buf_str(&a->wire.body));
    *count = 1;
    return true;
}

bool wire_start(struct attempt *a)
{
    struct request *r = a->request;
    struct iovec pieces[HTTP_CALL_PIECES_MAX];
    size_t count = 0;
    if (!write_body(a, pieces + 1, &count)) return false;
    if (!head_write(a, pieces + 1, count)) {
        attempt_fail(a, ERR_NOT_FOUND, "the provider has nothing that answers such a call");
        return false;
    }
    pieces[0] = iov_of(buf_str(&a->wire.head));
    a->began = true;
    a->way_number = ++r->answer.met[a->way - r->plan.ways];
    const struct setting_provider *provider = a->way->target->provider;
    if (provider->cost_per_hour != PRICE_UNSET) machine_use(r->worker->purser->machines, provider, 1, time_mono_us());
    a->wire_done = false;
    answer_init(&a->body.answer, &r->arena);
    a->body.answer.choices_expected = r->attribute.call.choices_returned;
    a->wire.call.head_request = str_eq(r->x->request.method, S("HEAD"));
    http_call_start(&a->wire.call, a->way->target->upstream, wire_events(), &r->arena, pieces, count + 1);
    return true;
}

/* ---- steps */

enum verdict attempt_connect(struct attempt *a)
{
    if (!a->began) {
        if (!a->request->x) return attempt_fail(a, ERR_CLIENT_GONE, "the client hung up");
        if (degrade_asked(a->request)) /* the last moment: it may have waited for money, or for its turn */
            return attempt_fail(a, ERR_SWITCHED_OFF, "AI was switched off");
        if (!wire_start(a)) return STEP_JUMP;
        if (a->wire.call.sent) {
            on_sent(&a->wire.call);
            return STEP_NEXT; /* the usual case: a kept connection took it all */
        }
        watchdog_set(a, a->way->target->provider->timeouts.connect_us);
    }
    return a->wire.call.connected_us ? STEP_NEXT : STEP_WAIT;
}

enum verdict attempt_send(struct attempt *a)
{
    a->wire.connect_us = a->wire.call.connected_us - a->hold.since_us - a->hold.wait_us;
    if (a->wire.connect_us < 0) a->wire.connect_us = 0;
    watchdog_sent(a);
    return a->wire.call.sent || a->wire.call.answered ? STEP_NEXT : STEP_WAIT;
}

enum verdict attempt_head(struct attempt *a)
{
    return a->head.status ? STEP_NEXT : STEP_WAIT;
}

/* ---- events */

static struct attempt *of(struct http_call *c)
{
    return CONTAINER_OF(c, struct attempt, wire.call);
}

static void on_head(struct http_call *c)
{
    struct attempt *a = of(c);
    const struct request *r = a->request;
    if (!c->sent) { /* answered before it had read the whole request: the rest is not wanted */
        c->piece_count = c->piece_at;
        c->head.keep_alive = false;
    }
    a->head.status = c->head.status;
    if (c->head.status < 300) remember(a);
    bool settled = !on_trial(a) || (c->head.status != 400 && c->head.status != 422);
    if (settled && !wire_needs_request(a->request)) wire_drop_request(a);
    struct credential *credential = a->way->target->provider->credential;
    if (credential && (c->head.status == 401 || c->head.status == 403)) credential_refuse(credential);
    str type = http_head_find(&c->head, S("content-type"));
    str json = S("application/json");
    a->head.json = type.n >= json.n && str_eq_nocase(str_head(type, json.n), json);
    bool array = !a->way->translated && r->receive.path.framing == FRAMING_JSON_ARRAY;
    a->head.framing = a->body.framer.framing = way_is_service(a->way) ? FRAMING_NONE : framing_of(type, array);
    a->head.length = c->head.framing == HTTP_LENGTH ? c->head.length : 0;
    a->body.whole = a->head.framing == FRAMING_NONE || a->head.status >= 300;
    if (!a->body.whole && !r->attribute.call.stream && r->receive.kind != CALL_PASSTHROUGH)
        attempt_fail(a, ERR_PROVIDER_PROTOCOL, "the provider streams an answer that was to be whole");
    attempt_wake(a);
}

static void on_connected(struct http_call *c)
{
    attempt_wake(of(c)); /* *send* arms its own deadline: a long body may take its time */
}

static void on_body(struct http_call *c, str bytes)
{
    struct attempt *a = of(c);
    if (a->over || a->err) return;
    a->body.bytes += (int64_t)bytes.n;
    uint64_t from_ns = attempt_clock(a);
    body_feed(a, bytes);
    if (from_ns) attempt_time(a, ATTEMPT_body, from_ns);
    if (a->err)
        attempt_wake(a); /* nothing more comes that would */
    else if (!a->over)
        watchdog_fed(a);
}

static void on_end(struct http_call *c)
{
    struct attempt *a = of(c);
    a->wire_done = true;
    if (!a->over && !a->err) body_end(a);
    attempt_wake(a);
}

static void on_fail(struct http_call *c, enum err e, const char *why)
{
    struct attempt *a = of(c);
    a->wire_done = true;
    if (!a->over && !a->err && e == ERR_PROVIDER_CUT && body_has_all(a))
        body_end(a);
    else if (!a->over && !a->body.complete) /* what is whole stays so */
        attempt_fail(a, e, why);
    attempt_wake(a);
}

const struct http_call_events *wire_events(void)
{
    static const struct http_call_events table = {on_sent, on_head, on_body, on_end, on_fail, on_connected};
    return &table;
}

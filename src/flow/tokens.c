/* The endpoints that only count tokens, and what finished calls tell of a target's tokens. */
#include "flow/tokens.h"

#include "flow/purser.h"
#include "flow/request.h"

enum {
    LOOK_FIRST = 16, /* so many calls of a target are looked at, then one in LOOK_EVERY */
    LOOK_EVERY = 256,
    LOOK_BYTES_MAX = 64 * 1024, /* a look takes some 50 us then */
};

bool tokens_asked(const struct request *r)
{
    enum call_kind k = r->receive.kind;
    return k == CALL_COUNT_TOKENS || k == CALL_GEMINI_COUNT || k == CALL_COUNT_RESPONSES || k == CALL_COUNT_CONVERSE;
}

/* ---- plan */

static bool counts_by_itself(const struct target *t, enum call_kind kind)
{
    return protocols_have(&t->protocols, call_kind_dialect(kind)) &&
           t->provider->vendor->serves & 1u << endpoint_of(kind);
}

/* A target of the call's own, whose calls cost nothing. */
static void make_free(struct request *r, struct way *way)
{
    static const struct price nothing = {.free = true, .until_us = INT64_MAX, .source = STR_INIT("token count")};
    static const struct price *const row[] = {&nothing};
    struct target *t = arena_alloc(&r->arena, sizeof(*t));
    *t = *way->target;
    t->prices = (struct price_set){.rows = row, .count = 1};
    way->target = t;
    way->by_call = true;
    way->max_output = -1;
    way->ask = (struct price_bound_ask){.requests = 1};
}

static void wake(struct mail *m)
{
    request_wake(CONTAINER_OF(m, struct tokens_walk, mail)->request);
}

bool tokens_plan(struct request *r, struct way *way)
{
    const struct dialect *dialect = dialect_of(r->receive.kind);
    struct call_problem problem = {0};
    r->plan.count = 1; /* nothing can go wrong with the others' help */
    if (counts_by_itself(way->target, r->receive.kind)) {
        make_free(r, way);
        return true;
    }
    struct canon_call *call = arena_alloc(&r->arena, sizeof(*call));
    canon_call_init(call, call_kind_dialect(r->receive.kind), &r->arena);
    if (!(dialect->decode_count ? dialect->decode_count : dialect->decode_call)(&r->worker->json, call, &problem)) {
        request_fail_param(r, problem.err, problem.message, problem.param);
        return false;
    }
    for (const struct canon_note *n = call->notes; n; n = n->next)
        if (n->feature == FEATURE_STORED_CONTEXT) {
            request_fail_param(
                r, ERR_BAD_FIELD,
                arena_printf(&r->arena,
                             "`%" STR_FMT
                             "` cannot be counted: purser does not know what it stands for. Send the whole input.",
                             STR_ARG(n->field)),
                n->field);
            return false;
        }
    struct tokens_walk *w = tokens_walk_new(call, way->target->model, &r->arena);
    w->request = r;
    mail_init(&w->mail, wake);
    r->count.walk = w;
    return true;
}

/* ---- answer */

static void respond(struct request *r, bool exact, int64_t tokens)
{
    struct buf headers, body;
    buf_init(&headers, 0);
    buf_init(&body, 0);
    client_name_call(r, false, &headers);
    buf_printf(&headers, "content-type: application/json\r\n%" STR_FMT "%s", STR_ARG(r->limit.headers),
               exact ? "" : "x-purser-estimated: true\r\n");
    long long n = (long long)tokens;
    if (r->receive.kind == CALL_GEMINI_COUNT)
        buf_printf(&body,
                   "{\"totalTokens\":%lld,\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%lld}]}", n,
                   n);
    else if (r->receive.kind == CALL_COUNT_CONVERSE)
        buf_printf(&body, "{\"inputTokens\":%lld}", n);
    else if (r->receive.kind == CALL_COUNT_RESPONSES)
        buf_printf(&body, "{\"object\":\"response.input_tokens\",\"input_tokens\":%lld}", n);
    else
        buf_printf(&body, "{\"input_tokens\":%lld}", n);
    http_respond(r->x, 200, buf_str(&headers), buf_str(&body));
    buf_free(&headers);
    buf_free(&body);
    r->answer.done = true;
}

/* The texts are the exchange's: where that has ended there is nothing to read, and nobody to tell. */
bool tokens_answer(struct request *r)
{
    struct tokens_walk *w = r->count.walk;
    if (!r->x) return true;
    if (!tokens_walk_step(w, TOKENS_SLICE)) {
        mail_send(r->worker, &w->mail); /* behind what else came in */
        return false;
    }
    int64_t tokens = w->tokens;
    if (!w->exact) tokens = token_calibration_apply(&r->plan.ways->target->counted, tokens);
    respond(r, w->exact, tokens);
    return true;
}

void tokens_end(struct request *r)
{
    if (r->count.walk) mail_clear(r->worker, &r->count.walk->mail);
}

/* ---- learning */

static bool is_text_alone(const struct call *call)
{
    return !call->images && !call->audio && !call->files && !call->references && !call->server_tools;
}

static bool is_due(struct target *t)
{
    if (t->counted.calls < LOOK_FIRST) return true;
    return ++t->looks % LOOK_EVERY == 0;
}

void tokens_look(struct request *r, const struct way *way)
{
    const struct call *call = &r->attribute.call;
    if (!is_text_alone(call) || !call_kind_generates(r->receive.kind) || r->receive.body_bytes > LOOK_BYTES_MAX) return;
    if (way->target->counts_exactly || !is_due(way->target)) return;
    const struct canon_call *canon = r->plan.canon;
    struct call_problem problem = {0};
    struct canon_call decoded;
    struct arena scratch; /* a stream may wait for long: nothing of the look stays with it */
    arena_init(&scratch);
    if (!canon) {
        canon_call_init(&decoded, call_kind_dialect(r->receive.kind), &scratch);
        if (dialect_of(r->receive.kind)->decode_call(&r->worker->json, &decoded, &problem)) canon = &decoded;
    }
    struct tokens_walk *w = canon ? tokens_walk_new(canon, way->target->model, &scratch) : NULL;
    if (w && tokens_walk_step(w, SIZE_MAX)) r->count.expected = w->tokens;
    arena_free(&scratch);
}

void tokens_learn(const struct attempt *a)
{
    const struct request *r = a->request;
    const struct usage *u = &a->body.answer.usage;
    if (!u->known || a->err || a->repair || !is_text_alone(&r->attribute.call) || !call_kind_generates(r->receive.kind))
        return;
    int64_t billed = price_prompt_tokens(u);
    token_calibration_learn(&a->way->target->weighed, estimate_input_blind(&r->attribute.call), billed);
    if (r->count.expected && a->way == r->plan.ways)
        token_calibration_learn(&a->way->target->counted, r->count.expected, billed);
}

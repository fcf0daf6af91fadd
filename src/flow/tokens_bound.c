/* A smaller bound for a call's input than its bytes, where these do not fit a budget: its texts counted exactly.
 *
 * What is in none of the texts still counts a byte a token, and what providers add is added as ever
 * (plan_input_bound()), so that the bound stays one: a text has exactly so many tokens, wherever it goes. */
#include "flow/tokens.h"

#include "flow/purser.h"
#include "flow/request.h"

enum {
    WORTH_BYTES = 1024,       /* below, the tokens that providers add are most of the bound */
    BYTES_PER_TOKEN_BEST = 8, /* of a text that tokens fit well: no reason to count where even that would not fit */
};

static int64_t bound_with(const struct attempt *a, int64_t text_tokens)
{
    return plan_input_bound(&a->request->attribute.call, &a->way->target->prices.facts, text_tokens);
}

bool tokens_bound_helps(const struct attempt *a, int64_t *best)
{
    const struct request *r = a->request;
    const struct call *call = &r->attribute.call;
    enum token_encoding e;
    if (a->hold.counted || a->repair || !r->x || !call_kind_generates(r->receive.kind) || call->references)
        return false;
    if (call->text_bytes < WORTH_BYTES || a->way->target->provider->cost_per_hour != PRICE_UNSET) return false;
    if (!token_encoding_of_model(a->way->target->model, &e) || !token_encoding_known(e)) return false;
    *best = bound_with(a, call->text_bytes / BYTES_PER_TOKEN_BEST);
    return true;
}

/* The call as the plan decoded it, else decoded now. NULL: it cannot be. */
static const struct canon_call *decoded(struct request *r)
{
    struct worker *w = r->worker;
    struct json_fail fail;
    struct call_problem problem;
    if (r->plan.canon) return r->plan.canon;
    bool fresh = w->json_of == r->id && w->json.count;
    w->json_of = r->id;
    if (!fresh && !json_parse(&w->json, r->receive.body, &fail)) return NULL;
    struct canon_call *call = arena_alloc(&r->arena, sizeof(*call));
    canon_call_init(call, call_kind_dialect(r->receive.kind), &r->arena);
    return dialect_of(r->receive.kind)->decode_call(&w->json, call, &problem) ? call : NULL;
}

bool tokens_bound(struct attempt *a)
{
    struct request *r = a->request;
    struct tokens_walk *w = a->hold.walk;
    if (!w) {
        const struct canon_call *call = decoded(r);
        a->hold.counted = !call;
        if (!call) return true;
        w = a->hold.walk = tokens_walk_new(call, a->way->target->model, &r->arena);
    }
    if (!tokens_walk_step(w, TOKENS_SLICE)) {
        mail_send(r->worker, &a->hold.mail); /* behind what else came in */
        return false;
    }
    a->hold.counted = true;
    int64_t bytes = 0;
    for (size_t i = 0; i < w->count; i++) bytes += (int64_t)w->texts[i].text.n;
    int64_t rest = r->attribute.call.text_bytes > bytes ? r->attribute.call.text_bytes - bytes : 0;
    int64_t bound = bound_with(a, w->tokens - w->fixed + rest);
    if (bound < a->hold.input_tokens) a->hold.input_tokens = bound;
    return true;
}

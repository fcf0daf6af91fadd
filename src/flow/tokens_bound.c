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

static int64_t bound_with(const struct request *r, const struct way *way, int64_t text_tokens)
{
    return plan_input_bound(&r->attribute.call, way->target, text_tokens);
}

bool tokens_bound_helps(const struct request *r, const struct way *way, int64_t *best)
{
    const struct call *call = &r->attribute.call;
    enum token_encoding e;
    if (!r->x || !call_kind_generates(r->receive.kind) || call->references) return false;
    if (call->text_bytes < WORTH_BYTES || way->target->provider->cost_per_hour != PRICE_UNSET) return false;
    if (!token_encoding_of_model(way->target->model, &e) || !token_encoding_known(e)) return false;
    *best = bound_with(r, way, call->text_bytes / BYTES_PER_TOKEN_BEST);
    return true;
}

/* The count of an attempt before that holds for this way too; NULL: there is none. */
static struct tokens_walk *counted_before(const struct request *r, const struct way *way)
{
    enum token_encoding e;
    struct tokens_walk *w = r->count.bound;
    return w && token_encoding_of_model(way->target->model, &e) && e == w->encoding ? w : NULL;
}

int64_t tokens_bound_known(const struct request *r, const struct way *way)
{
    const struct tokens_walk *w = counted_before(r, way);
    int64_t bytes = way->ask.input_tokens;
    int64_t counted = w ? bound_with(r, way, w->tokens - w->fixed + r->count.rest) : bytes;
    return counted < bytes ? counted : bytes;
}

void tokens_bound_begin(struct attempt *a)
{
    a->hold.walk = a->repair ? NULL : counted_before(a->request, a->way); /* which says more than was counted */
    a->hold.counted = a->hold.walk != NULL;
    a->hold.input_tokens = tokens_bound_known(a->request, a->way);
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
    r->count.rest = r->attribute.call.text_bytes > bytes ? r->attribute.call.text_bytes - bytes : 0;
    r->count.bound = w;
    a->hold.input_tokens = tokens_bound_known(r, a->way);
    return true;
}

/* limit: requests and tokens per minute, calls at a time. */
#include "flow/request.h"

#include "base/time.h"
#include "dialect/rate_header.h"
#include "flow/purser.h"

/* Rates smooth, budgets bound: here a token is four bytes, corrected when the truth is known. */
static int64_t likely_tokens(const struct call *call)
{
    int64_t output = call->max_output >= 0 ? call->max_output : 0;
    return call->text_bytes / 4 + 4 * call->messages + call_output_of_all(call, output) + 1;
}

/* In the client's own family of headers. */
static void add_figures(struct request *r, enum rate_kind kind, const int64_t of[RATE_WHAT_COUNT], struct buf *out)
{
    for (enum rate_what what = 0; what < RATE_WHAT_COUNT; what++) {
        struct rate_figure figure = {kind, what, of[what]};
        rate_header_write(r->receive.dialect, &figure, r->at_us, out);
    }
}

static str rate_headers(struct request *r, const struct limit_state *s)
{
    if (!s->limit_requests && !s->limit_tokens) return STR_NONE;
    struct buf *out = &r->worker->scratch;
    const int64_t requests[] = {s->limit_requests, s->remaining_requests, s->reset_requests_us};
    const int64_t tokens[] = {s->limit_tokens, s->remaining_tokens, s->reset_tokens_us};
    buf_clear(out);
    if (s->limit_requests) add_figures(r, RATE_REQUESTS, requests, out);
    if (s->limit_tokens) add_figures(r, RATE_TOKENS, tokens, out);
    return arena_str(&r->arena, buf_str(out));
}

static enum verdict refuse(struct request *r, const struct limit_state *s)
{
    static const char *const what[] = {"requests per minute", "tokens per minute", "calls at a time"};
    const struct limit_rule *rule = s->refused;
    const int64_t figure[] = {rule->requests_per_minute, rule->tokens_per_minute, rule->concurrency};
    int64_t seconds = (s->retry_after_us + US_PER_SECOND - 1) / US_PER_SECOND;
    if (seconds < 1) seconds = 1;
    r->err_headers =
        arena_printf(&r->arena, "%" STR_FMT "retry-after: %lld\r\nretry-after-ms: %lld\r\nx-should-retry: %s\r\n",
                     STR_ARG(r->limit.headers), (long long)seconds, (long long)((s->retry_after_us + 999) / 1000),
                     s->never ? "false" : "true");
    if (s->never) {
        return request_fail(r, ERR_RATE_LIMITED,
                            arena_printf(&r->arena,
                                         "The limit '%" STR_FMT "' allows %lld %s; this call alone is above it.",
                                         STR_ARG(rule->name), (long long)figure[s->kind], what[s->kind]));
    }
    return request_fail(r, ERR_RATE_LIMITED,
                        arena_printf(&r->arena,
                                     "Rate limit reached: '%" STR_FMT "' allows %lld %s. Please try again in %llds.",
                                     STR_ARG(rule->name), (long long)figure[s->kind], what[s->kind],
                                     (long long)seconds));
}

enum verdict step_limit(struct request *r)
{
    struct limit_state state = {0};
    bool ok = limits_take(r->worker->purser->limits, r->lease->snapshot->limits, &r->attribute.payer,
                          likely_tokens(&r->attribute.call), time_mono_us(), &r->limit.take, &state);
    r->limit.headers = rate_headers(r, &state);
    if (!ok) return refuse(r, &state);
    r->limit.taken = true;
    return STEP_NEXT;
}

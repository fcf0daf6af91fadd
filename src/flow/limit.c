/* limit: requests and tokens per minute, calls at a time. */
#include "flow/request.h"

#include "base/text.h"
#include "base/time.h"
#include "flow/purser.h"

/* Rates smooth, budgets bound: here a token is four bytes, corrected when the truth is known. */
static int64_t likely_tokens(const struct call *call)
{
    int64_t output = call->max_output >= 0 ? call->max_output : 0;
    return call->text_bytes / 4 + 4 * call->messages + output * call->choices + 1;
}

/* Tells a figure as OpenAI does: whole numbers, durations such as "120ms". */
static void add_figures(struct buf *out, str what, int64_t limit, int64_t remaining, int64_t reset_us)
{
    char reset[40];
    buf_add(out, S("x-ratelimit-limit-"));
    buf_add(out, what);
    buf_add(out, S(": "));
    buf_add_i64(out, limit);
    buf_add(out, S("\r\nx-ratelimit-remaining-"));
    buf_add(out, what);
    buf_add(out, S(": "));
    buf_add_i64(out, remaining);
    buf_add(out, S("\r\nx-ratelimit-reset-"));
    buf_add(out, what);
    buf_add(out, S(": "));
    if (reset_us < US_PER_SECOND) {
        buf_add_i64(out, (reset_us + US_PER_MS - 1) / US_PER_MS);
        buf_add(out, S("ms\r\n"));
    } else {
        buf_add(out, time_format_duration(reset_us / US_PER_MS * US_PER_MS, reset));
        buf_add(out, S("\r\n"));
    }
}

static str rate_headers(struct request *r, const struct limit_state *s)
{
    if (!s->limit_requests && !s->limit_tokens) return STR_NONE;
    struct buf *out = &r->worker->scratch;
    buf_clear(out);
    if (s->limit_requests) {
        add_figures(out, S("requests"), s->limit_requests, s->remaining_requests, s->reset_requests_us);
    }
    if (s->limit_tokens) add_figures(out, S("tokens"), s->limit_tokens, s->remaining_tokens, s->reset_tokens_us);
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

#include "admin/now.h"

#include "admin/api.h"
#include "admin/inside.h"
#include "base/time.h"
#include "flow/census.h"
#include "flow/request.h"
#include "ledger/report.h"

void now_add_ms(struct buf *out, const char *name, int64_t us)
{
    if (us)
        buf_printf(out, ",\"%s\":%.1f", name, (double)us / 1000);
    else
        buf_printf(out, ",\"%s\":null", name);
}

void now_add_amount(struct buf *out, const char *name, __int128 value, const char *comma)
{
    buf_printf(out, "%s\"%s\":", comma, name);
    api_add_big(out, value);
}

/* ---- in flight */

static void add_step(struct buf *out, const char *name, const char *of, uint32_t count, const char *text, bool first)
{
    buf_printf(out, "%s{\"step\":\"%s\",\"of\":\"%s\",\"count\":%u,\"text\":", first ? "" : ",", name, of, count);
    buf_add_json(out, str_from(text));
    buf_add_byte(out, '}');
}

void now_add_in_flight(struct buf *out, struct purser *p)
{
    struct census c;
    unsigned i = 0;
    census_take(p, &c);
    buf_printf(out, "{\"calls\":%u,\"streams\":%u,\"complete\":%s,\"steps\":[", c.calls, c.streams,
               c.missing ? "false" : "true");
#define STEP(name, waits, text) add_step(out, #name, "call", c.steps[i], text, i == 0), i++;
#include "flow/request.def"
#undef STEP
#define STEP(name, waits, text) add_step(out, #name, "attempt", c.steps[i], text, false), i++;
#include "flow/attempt.def"
#undef STEP
    buf_add(out, S("]}"));
}

/* ---- sums */

static struct report *run(const char *dir, const struct api_scope *scope, struct report_ask *ask, struct buf *why)
{
    api_scope_report(scope, ask);
    return report_run(dir, ask, NULL, NULL, why);
}

static struct report *ask(const char *dir, const struct api_scope *scope, int64_t since_us, struct buf *why)
{
    struct report_ask ask = {.since_us = since_us, .until_us = INT64_MAX, .limit = 1};
    return run(dir, scope, &ask, why);
}

static struct report *ask_targets(const char *dir, const struct api_scope *scope, int64_t since_us, struct buf *why)
{
    struct report_ask ask = {.by = {S("provider"), S("model")},
                             .by_count = 2,
                             .since_us = since_us,
                             .until_us = INT64_MAX,
                             .limit = NOW_TARGETS_MAX};
    return run(dir, scope, &ask, why);
}

static void take_hour(const struct report *r, struct now_sums *out)
{
    out->hour = report_sum(r, REPORT_TOTALS, REPORT_cost);
    out->hour_wasted = report_sum(r, REPORT_TOTALS, REPORT_wasted_cost);
    out->calls = report_sum(r, REPORT_TOTALS, REPORT_calls);
    out->attempts = report_sum(r, REPORT_TOTALS, REPORT_attempts);
    out->errors = report_sum(r, REPORT_TOTALS, REPORT_errors);
    out->p50_us = report_latency_us(r, REPORT_TOTALS, 500);
    out->p95_us = report_latency_us(r, REPORT_TOTALS, 950);
    out->p99_us = report_latency_us(r, REPORT_TOTALS, 990);
    out->first_p50_us = report_first_token_us(r, REPORT_TOTALS, 500);
    out->first_p95_us = report_first_token_us(r, REPORT_TOTALS, 950);
    out->first_p99_us = report_first_token_us(r, REPORT_TOTALS, 990);
}

bool now_sum(const char *dir, const struct api_scope *scope, int64_t now_us, struct now_sums *out, struct buf *why)
{
    static const struct window day = {.kind = WINDOW_DAY}, month = {.kind = WINDOW_MONTH};
    *out = (struct now_sums){.today_us = window_start(&day, now_us), .month_us = window_start(&month, now_us)};
    struct report *today = ask(dir, scope, out->today_us, why);
    struct report *all = today ? ask(dir, scope, out->month_us, why) : NULL;
    struct report *hour = all ? ask_targets(dir, scope, now_us - US_PER_HOUR, why) : NULL;
    if (hour) {
        out->today = report_sum(today, REPORT_TOTALS, REPORT_cost);
        out->month = report_sum(all, REPORT_TOTALS, REPORT_cost);
        take_hour(hour, out);
        out->targets = hour;
    }
    report_drop(today);
    report_drop(all);
    return hour != NULL;
}

void now_sums_free(struct now_sums *s)
{
    report_drop(s->targets);
    s->targets = NULL;
}

static void add_time(struct buf *out, const char *name, int64_t at_us)
{
    char text[40];
    buf_printf(out, ",\"%s\":", name);
    buf_add_json(out, time_format(at_us, text));
}

void now_add_spend(struct buf *out, const struct now_sums *s)
{
    now_add_amount(out, "today_picousd", s->today, "{");
    now_add_amount(out, "month_picousd", s->month, ",");
    add_time(out, "today_since", s->today_us);
    add_time(out, "month_since", s->month_us);
    buf_add_byte(out, '}');
}

void now_add_hour(struct buf *out, const struct now_sums *s)
{
    now_add_amount(out, "calls", s->calls, "{");
    now_add_amount(out, "attempts", s->attempts, ",");
    now_add_amount(out, "errors", s->errors, ",");
    now_add_amount(out, "cost_picousd", s->hour, ",");
    now_add_amount(out, "wasted_cost_picousd", s->hour_wasted, ",");
    buf_printf(out, ",\"error_rate\":%.6f", s->attempts ? (double)s->errors / (double)s->attempts : 0);
    now_add_ms(out, "p50_ms", s->p50_us);
    now_add_ms(out, "p95_ms", s->p95_us);
    now_add_ms(out, "p99_ms", s->p99_us);
    now_add_ms(out, "first_token_p50_ms", s->first_p50_us);
    now_add_ms(out, "first_token_p95_ms", s->first_p95_us);
    now_add_ms(out, "first_token_p99_ms", s->first_p99_us);
    buf_add_byte(out, '}');
}

/* ---- the question */

typedef void add_part(struct buf *out, struct api_call *c, const struct now_sums *s);

static void put(struct api_rows *r, const char *name, add_part *add, const struct now_sums *s)
{
    struct buf out;
    buf_init(&out, 0);
    add(&out, r->c, s);
    api_put_json(r, name, buf_str(&out));
    buf_free(&out);
}

static void part_expected(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    now_add_expected(out, c, s);
}

static void part_budgets(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    (void)s;
    now_add_budgets(out, c);
}

static void part_spend(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    (void)c;
    now_add_spend(out, s);
}

static void part_hour(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    (void)c;
    now_add_hour(out, s);
}

static void part_in_flight(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    (void)s;
    if (!c->scope.restricted) now_add_in_flight(out, c->admin->purser); /* whose calls they are is not counted */
}

static void part_targets(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    now_add_targets(out, c->admin->purser, s, c->scope.restricted);
}

static void part_attention(struct buf *out, struct api_call *c, const struct now_sums *s)
{
    (void)s;
    now_add_attention(out, c);
}

void serve_now_get(struct api_call *c)
{
    struct api_rows r;
    struct now_sums sums;
    struct buf why;
    buf_init(&why, 0);
    (void)ledger_flush(c->admin->purser->ledger);
    if (now_sum(c->dir, &c->scope, c->now_us, &sums, &why)) {
        api_one_begin(&r, c, API_RESOURCE_now);
        api_put_time(&r, "at", c->now_us);
        api_put_time(&r, "started", c->admin->purser->started_us);
        put(&r, "spend", part_spend, &sums);
        put(&r, "expected", part_expected, &sums);
        put(&r, "budgets", part_budgets, &sums);
        put(&r, "hour", part_hour, &sums);
        put(&r, "in_flight", part_in_flight, &sums);
        put(&r, "targets", part_targets, &sums);
        put(&r, "attention", part_attention, &sums);
        api_one_end(&r);
        now_sums_free(&sums);
    } else {
        api_fail(c, 500, "internal", "The ledger cannot be read: %" STR_FMT, STR_ARG(buf_str(&why)));
    }
    buf_free(&why);
}

/* The health of targets: what guards them, and how the last hour went. */
#include "admin/now.h"

#include "base/time.h"
#include "flow/purser.h"
#include "ledger/report.h"

struct targets {
    struct buf *out;
    int64_t now_us;
    const struct report *hour;  /* NULL: not known */
    bool seen[NOW_TARGETS_MAX]; /* rows of `hour` that have been written */
    bool any, used;
};

/* The row of "provider/model" in the last hour; SIZE_MAX: there is none. */
static size_t find_target(const struct targets *t, str target)
{
    for (size_t i = 0; t->hour && i < report_rows(t->hour); i++) {
        char text[40];
        str provider = report_key(t->hour, i, 0, text), rest = target;
        if (!str_starts(rest, provider) || rest.n <= provider.n || rest.p[provider.n] != '/') continue;
        if (str_eq(report_key(t->hour, i, 1, text), str_from_at(rest, provider.n + 1))) return i;
    }
    return SIZE_MAX;
}

static void add_hour_of(struct targets *t, size_t row)
{
    struct buf *out = t->out;
    bool known = row != SIZE_MAX;
    __int128 attempts = known ? report_sum(t->hour, row, REPORT_attempts) : 0;
    __int128 errors = known ? report_sum(t->hour, row, REPORT_errors) : 0;
    now_add_amount(out, "attempts", attempts, ",");
    now_add_amount(out, "errors", errors, ",");
    now_add_amount(out, "cost_picousd", known ? report_sum(t->hour, row, REPORT_cost) : 0, ",");
    now_add_amount(out, "unpriced", known ? report_sum(t->hour, row, REPORT_unpriced) : 0, ",");
    buf_printf(out, ",\"error_rate\":%.6f", attempts ? (double)errors / (double)attempts : 0);
    now_add_ms(out, "p50_ms", known ? report_latency_us(t->hour, row, 500) : 0);
    now_add_ms(out, "p95_ms", known ? report_latency_us(t->hour, row, 950) : 0);
    now_add_ms(out, "first_token_p50_ms", known ? report_first_token_us(t->hour, row, 500) : 0);
    now_add_ms(out, "first_token_p95_ms", known ? report_first_token_us(t->hour, row, 950) : 0);
    buf_add_byte(out, '}');
    if (known) t->seen[row] = true;
}

static void begin_target(struct targets *t, str target)
{
    buf_add(t->out, t->any ? S(",{\"target\":") : S("{\"target\":"));
    t->any = true;
    buf_add_json(t->out, target);
}

static uint64_t failures(const struct health_view *v)
{
    return v->counts[HEALTH_FAILED] + v->counts[HEALTH_TIMED_OUT] + v->counts[HEALTH_STALLED];
}

void now_add_health(struct buf *out, const struct health_view *v, int64_t mono_us)
{
    int64_t rests_us = v->resting_us > mono_us ? v->resting_us - mono_us : 0;
    str state = health_state_name(v->state);
    buf_printf(out, ",\"state\":\"%" STR_FMT "\",\"opened_by\":", STR_ARG(state));
    if (v->state != HEALTH_CLOSED)
        buf_add_json(out, err_info(v->opened_by)->name);
    else
        buf_add(out, S("null"));
    buf_printf(out, ",\"rests_s\":%.1f,\"in_flight\":%u,\"limit\":%u,\"waiting\":%u", (double)rests_us / 1e6,
               v->in_flight, v->limit, v->waiting);
    buf_printf(out, ",\"ok\":%llu,\"failed\":%llu,\"limited\":%llu,\"openings\":%llu,\"refused\":%llu",
               (unsigned long long)v->counts[HEALTH_OK], (unsigned long long)failures(v),
               (unsigned long long)v->counts[HEALTH_LIMITED], (unsigned long long)v->openings,
               (unsigned long long)v->refused);
}

static void add_guarded(void *ctx, const struct health_view *v)
{
    struct targets *t = ctx;
    if (!v->last_us) return; /* nobody has asked it yet */
    if (t->used && find_target(t, v->target) == SIZE_MAX) return;
    begin_target(t, v->target);
    now_add_health(t->out, v, t->now_us);
    add_hour_of(t, find_target(t, v->target));
}

/* What has nothing to fall back on is not guarded: its last hour is all there is to say. */
static void add_unguarded(struct targets *t, size_t row)
{
    char text[2][40];
    str provider = report_key(t->hour, row, 0, text[0]), model = report_key(t->hour, row, 1, text[1]);
    struct buf name;
    if (t->seen[row] || !provider.n) return;
    buf_init(&name, 0);
    buf_printf(&name, "%" STR_FMT "/%" STR_FMT, STR_ARG(provider), STR_ARG(model));
    begin_target(t, buf_str(&name));
    buf_add(t->out, S(",\"state\":null,\"opened_by\":null,\"rests_s\":0,\"in_flight\":null,\"limit\":null,"
                      "\"waiting\":null,\"ok\":null,\"failed\":null,\"limited\":null,\"openings\":null,"
                      "\"refused\":null"));
    add_hour_of(t, row);
    buf_free(&name);
}

void now_add_targets(struct buf *out, struct purser *p, const struct now_sums *s, bool used)
{
    struct targets t = {.out = out, .now_us = time_mono_us(), .hour = s ? s->targets : NULL, .used = used};
    buf_add_byte(out, '[');
    healths_each(p->healths, t.now_us, add_guarded, &t);
    for (size_t i = 0; t.hour && i < report_rows(t.hour); i++) add_unguarded(&t, i);
    buf_add_byte(out, ']');
}

/* /metrics: Prometheus text. GenAI conventions' names (OpenTelemetry v1.41 by the
 * OTLP translation rules) for what they name, `purser_` for the rest. Label sets are
 * bounded where they are counted (flow/metrics.h); a user is never a label. */
#include "admin/inside.h"

#include "base/time.h"
#include "base/utf8.h"
#include "flow/degrade.h"

void metric_label(struct buf *out, const char *name, str value, bool *first)
{
    if (!value.n) return;
    buf_printf(out, "%s%s=\"", *first ? "{" : ",", name);
    for (size_t n; value.n; value = str_from_at(value, n)) {
        char c = value.p[0];
        n = utf8_char_len(value);
        if (c == '"' || c == '\\') buf_add_byte(out, '\\');
        if (c == '\n')
            buf_add(out, S("\\n"));
        else /* one label that is no UTF-8 would lose Prometheus the whole page */
            buf_add(out, n ? str_head(value, n) : S("\xef\xbf\xbd"));
        n = n ? n : 1;
    }
    buf_add_byte(out, '"');
    *first = false;
}

static void open_series(struct buf *out, const char *name, const struct metric_labels *l, bool *first)
{
    buf_printf(out, "%s", name);
    *first = true;
    metric_label(out, "gen_ai_operation_name", l->operation, first);
    metric_label(out, "gen_ai_provider_name", l->vendor, first);
    metric_label(out, "gen_ai_request_model", l->model, first);
    metric_label(out, "purser_provider", l->provider, first);
    metric_label(out, "purser_key", l->key, first);
    metric_label(out, "purser_feature", l->feature, first);
}

void metric_number(struct buf *out, bool first, double value)
{
    buf_add(out, first ? S(" ") : S("} "));
    char text[40];
    int n = snprintf(text, sizeof(text), "%.17g", value);
    buf_add(out, str_of(text, (size_t)n));
    buf_add_byte(out, '\n');
}

void metric_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void histogram(struct buf *out, const char *name, const struct metric_labels *l, const char *extra_name,
                      str extra, const uint64_t *buckets, size_t count, double first_edge, double factor, double sum)
{
    char series[96], text[40];
    uint64_t total = 0;
    double edge = first_edge;
    bool first;
    snprintf(series, sizeof(series), "%s_bucket", name);
    for (size_t i = 0; i <= count; i++, edge *= factor) {
        total += buckets[i];
        open_series(out, series, l, &first);
        if (extra.n) metric_label(out, extra_name, extra, &first);
        int n = i == count ? snprintf(text, sizeof(text), "+Inf") : snprintf(text, sizeof(text), "%.12g", edge);
        metric_label(out, "le", str_of(text, (size_t)n), &first);
        metric_number(out, first, (double)total);
    }
    snprintf(series, sizeof(series), "%s_sum", name);
    open_series(out, series, l, &first);
    if (extra.n) metric_label(out, extra_name, extra, &first);
    metric_number(out, first, sum);
    snprintf(series, sizeof(series), "%s_count", name);
    open_series(out, series, l, &first);
    if (extra.n) metric_label(out, extra_name, extra, &first);
    metric_number(out, first, (double)total);
}

/* Each series that was ever counted, "other" last where it was needed. */
#define EACH_SERIES(s, m)                                                                                              \
    for (size_t i_ = 0; i_ <= METRIC_SERIES_MAX; i_++)                                                                 \
        for (const struct metric_series *s = &(m)->series[i_]; s && s->attempts; s = NULL)

static void write_calls(struct buf *out, const struct metrics *m)
{
    bool first;
    metric_head(out, "purser_attempts_total", "counter", "Attempts at a provider, by how they ended.");
    EACH_SERIES(s, m)
    {
        for (enum err e = 0; e < ERR_COUNT; e++) {
            if (!s->by_err[e]) continue;
            open_series(out, "purser_attempts_total", &s->labels, &first);
            metric_label(out, "error_type", e ? err_info(e)->name : S("none"), &first);
            metric_number(out, first, (double)s->by_err[e]);
        }
    }
    metric_head(out, "purser_cost_usd_total", "counter",
                "Cost of all attempts in US dollars, estimates included, unpriced not.");
    EACH_SERIES(s, m)
    {
        char text[MONEY_TEXT_MAX];
        open_series(out, "purser_cost_usd_total", &s->labels, &first);
        buf_printf(out, "%s%" STR_FMT "\n", first ? " " : "} ", STR_ARG(money_format(s->cost, text)));
    }
    metric_head(out, "purser_cost_estimated_usd_total", "counter", "The part of it that is estimated.");
    EACH_SERIES(s, m)
    {
        char text[MONEY_TEXT_MAX];
        if (!s->cost_estimated) continue;
        open_series(out, "purser_cost_estimated_usd_total", &s->labels, &first);
        buf_printf(out, "%s%" STR_FMT "\n", first ? " " : "} ", STR_ARG(money_format(s->cost_estimated, text)));
    }
    metric_head(out, "purser_unpriced_tokens_total", "counter", "Tokens for which no price is known.");
    EACH_SERIES(s, m)
    {
        if (!s->unpriced_tokens) continue;
        open_series(out, "purser_unpriced_tokens_total", &s->labels, &first);
        metric_number(out, first, (double)s->unpriced_tokens);
    }
    metric_head(out, "purser_units_total", "counter", "What was used, in disjoint units.");
    EACH_SERIES(s, m)
    {
        for (enum unit u = 0; u < UNIT_COUNT; u++) {
            if (!s->units[u]) continue;
            open_series(out, "purser_units_total", &s->labels, &first);
            metric_label(out, "unit", unit_name(u), &first);
            metric_number(out, first, (double)s->units[u]);
        }
    }
}

static void write_histograms(struct buf *out, const struct metrics *m)
{
    const char *duration = "gen_ai_client_operation_duration_seconds";
    const char *first_chunk = "gen_ai_client_operation_time_to_first_chunk_seconds";
    metric_head(out, duration, "histogram", "From the request's first byte to the end of the attempt.");
    EACH_SERIES(s, m)
    histogram(out, duration, &s->labels, NULL, STR_NONE, s->duration, METRIC_BUCKETS, 0.01, 2, s->duration_sum);
    metric_head(out, first_chunk, "histogram", "From the request's first byte to the first output.");
    EACH_SERIES(s, m)
    {
        if (!s->first_token_count) continue;
        histogram(out, first_chunk, &s->labels, NULL, STR_NONE, s->first_token, METRIC_BUCKETS, 0.01, 2,
                  s->first_token_sum);
    }
    const char *chunk = "gen_ai_client_operation_time_per_output_chunk_seconds";
    metric_head(out, chunk, "histogram",
                "From one piece of a stream's output to the next; each attempt's by their mean.");
    EACH_SERIES(s, m)
    {
        if (!s->chunk_count) continue;
        histogram(out, chunk, &s->labels, NULL, STR_NONE, s->chunk, METRIC_BUCKETS, 0.01, 2, s->chunk_sum);
    }
    const char *tokens = "gen_ai_client_token_usage";
    metric_head(out, tokens, "histogram", "Tokens of an attempt, cached ones and reasoning included.");
    EACH_SERIES(s, m)
    {
        histogram(out, tokens, &s->labels, "gen_ai_token_type", S("input"), s->input, METRIC_TOKEN_BUCKETS, 1, 4,
                  (double)s->input_sum);
        histogram(out, tokens, &s->labels, "gen_ai_token_type", S("output"), s->output, METRIC_TOKEN_BUCKETS, 1, 4,
                  (double)s->output_sum);
    }
}

/* What the GenAI conventions are about to count tokens with, by modality; what a provider does not tell apart is text. */
static void write_next(struct buf *out, const struct metrics *m)
{
#define BIT(unit) (1u << UNIT_##unit)
    enum { CACHE_WRITE = BIT(CACHE_WRITE_5M) | BIT(CACHE_WRITE_1H) };
    static const struct {
        const char *name, *modality;
        unsigned units;
    } counters[] = {
        {"input_tokens", "text", BIT(INPUT) | BIT(CACHE_READ) | CACHE_WRITE},
        {"input_tokens", "audio", BIT(AUDIO_IN)},
        {"input_tokens", "image", BIT(IMAGE)},
        {"output_tokens", "text", BIT(OUTPUT) | BIT(REASONING)},
        {"output_tokens", "audio", BIT(AUDIO_OUT)},
        {"cache_read_input_tokens", "unknown", BIT(CACHE_READ)},
        {"cache_write_input_tokens", "unknown", CACHE_WRITE},
        {"reasoning_output_tokens", "text", BIT(REASONING)},
    };
#undef BIT
    const char *last = "";
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        char name[96];
        snprintf(name, sizeof(name), "gen_ai_client_inference_usage_%s_total", counters[i].name);
        if (strcmp(last, counters[i].name) != 0) metric_head(out, name, "counter", "Tokens, of failed attempts too.");
        last = counters[i].name;
        EACH_SERIES(s, m)
        {
            int64_t sum = 0;
            bool first;
            for (enum unit u = 0; u < UNIT_COUNT; u++) sum += counters[i].units >> u & 1 ? s->units[u] : 0;
            if (!sum) continue;
            open_series(out, name, &s->labels, &first);
            metric_label(out, "gen_ai_token_modality", str_from(counters[i].modality), &first);
            metric_number(out, first, (double)sum);
        }
    }
}

static void one_provider(struct buf *out, const char *name, str provider, double value)
{
    bool first = true;
    buf_printf(out, "%s", name);
    metric_label(out, "purser_provider", provider, &first);
    metric_number(out, first, value);
}

/* Providers whose token changes: there, until when, how often it could not be fetched. */
static void write_credentials(struct buf *out, struct admin *a)
{
    const struct settings *s = a->snapshot->settings;
    struct buf usable, expires, failures;
    struct arena arena;
    arena_init(&arena);
    buf_init(&usable, 0);
    buf_init(&expires, 0);
    buf_init(&failures, 0);
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *p = &s->providers[i];
        struct credential_state state;
        if (!p->credential) continue;
        credential_state(p->credential, time_now_us(), &arena, &state);
        one_provider(&usable, "purser_credential_usable", p->name, state.usable);
        one_provider(&failures, "purser_credential_failures_total", p->name, (double)state.failures);
        if (!state.expires_us) continue;
        one_provider(&expires, "purser_credential_expires_timestamp_seconds", p->name, (double)state.expires_us / 1e6);
    }
    metric_head(out, "purser_credential_usable", "gauge", "1: the provider's token is in force.");
    buf_add(out, buf_str(&usable));
    metric_head(out, "purser_credential_expires_timestamp_seconds", "gauge", "When it expires, where that is known.");
    buf_add(out, buf_str(&expires));
    metric_head(out, "purser_credential_failures_total", "counter", "Times that a new one could not be fetched.");
    buf_add(out, buf_str(&failures));
    buf_free(&usable);
    buf_free(&expires);
    buf_free(&failures);
    arena_free(&arena);
}

static void gauge(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    metric_head(out, name, type, help);
    buf_printf(out, "%s %.12g\n", name, value);
}

static void write_runaways(struct buf *out, struct purser *p)
{
    struct runaways_view seen;
    runaways_see(p->runaways, &seen);
    metric_head(out, "purser_runaway_total", "counter", "Calls that went on with a loop or a burst, by what was done.");
    for (enum runaway_reason r = 0; r < RUNAWAY_REASONS; r++) {
        for (enum runaway_action a = RUNAWAY_WARN; a < RUNAWAY_ACTIONS; a++) {
            bool first = true;
            if (!seen.counts[r][a]) continue;
            buf_printf(out, "purser_runaway_total");
            metric_label(out, "action", runaway_action_name(a), &first);
            metric_label(out, "reason", runaway_reason_name(r), &first);
            metric_number(out, first, (double)seen.counts[r][a]);
        }
    }
    gauge(out, "purser_runaway_sessions", "gauge", "Sessions, and streams without a name, that are watched.",
          (double)seen.sessions);
    gauge(out, "purser_runaway_tasks", "gauge", "Tasks that are watched.", (double)seen.tasks);
}

static void write_kept(struct buf *out, struct purser *p, const struct metrics *m)
{
    struct idempotency_view kept;
    idempotency_see(p->idempotency, &kept);
    gauge(out, "purser_replayed_total", "counter", "Calls that got the answer of before, by their Idempotency-Key.",
          (double)m->replayed);
    gauge(out, "purser_kept_answers", "gauge", "Answers kept for that.", (double)kept.entries);
    gauge(out, "purser_kept_answer_bytes", "gauge", "Memory that they take.", (double)kept.bytes);
}

static void write_process(struct buf *out, struct admin *a, const struct metrics *m)
{
    struct purser *p = a->purser;
    struct ledger_state l;
    ledger_state(p->ledger, &l);
    bool first;
    metric_head(out, "purser_refused_total", "counter", "Calls that no provider saw, by reason.");
    for (enum err e = 1; e < ERR_COUNT; e++) {
        if (!m->refused[e]) continue;
        buf_printf(out, "purser_refused_total");
        first = true;
        metric_label(out, "error_type", err_info(e)->name, &first);
        metric_number(out, first, (double)m->refused[e]);
    }
    metric_head(out, "purser_degraded_total", "counter",
                "Calls answered without a provider, by what kept them from one.");
    for (enum degrade_reason why = DEGRADE_NONE + 1; why < DEGRADE_COUNT; why++) {
        buf_printf(out, "purser_degraded_total");
        first = true;
        metric_label(out, "reason", degrade_name(why), &first);
        metric_number(out, first, (double)m->degraded[why]);
    }
    write_runaways(out, p);
    write_kept(out, p, m);
    metric_head(out, "purser_events_total", "counter", "Events raised since the start.");
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        str name = event_kind_name(kind);
        buf_printf(out, "purser_events_total{kind=\"%" STR_FMT "\"} %llu\n", STR_ARG(name),
                   (unsigned long long)thresholds_raised(p->thresholds, kind));
    }
    gauge(out, "purser_requests_in_flight", "gauge", "Requests being served.",
          (double)__atomic_load_n(&p->request_count, __ATOMIC_RELAXED));
    gauge(out, "purser_budget_waits_total", "counter", "Calls that had to wait for held budget.", (double)m->waits);
    gauge(out, "purser_budget_wait_seconds_total", "counter", "How long they waited.", (double)m->wait_us / 1e6);
    metric_head(out, "purser_step_seconds", "summary", "Time of each step of every 32nd request, without waiting.");
    uint64_t sample = m->steps[REQUEST_receive].count;
    for (unsigned i = 0; i < REQUEST_STEPS + ATTEMPT_STEPS; i++) {
        const char *name = i < REQUEST_STEPS ? request_step_name(i) : attempt_step_name(i - REQUEST_STEPS);
        buf_printf(out, "purser_step_seconds_sum{step=\"%s\"} %.9g\n", name, (double)m->steps[i].ns / 1e9);
        buf_printf(out, "purser_step_seconds_count{step=\"%s\"} %llu\n", name, (unsigned long long)sample);
    }
    gauge(out, "purser_overhead_seconds_sum", "counter", "purser's own time before a call is admitted.",
          (double)m->overhead_us / 1e6);
    gauge(out, "purser_overhead_seconds_count", "counter", "Calls in it.", (double)m->overhead_count);
    gauge(out, "purser_ledger_rows_total", "counter", "Rows stored since the start.", (double)l.rows);
    gauge(out, "purser_ledger_lag_seconds", "gauge", "Age of the oldest journal record that is not stored yet.",
          (double)l.lag_us / 1e6);
    gauge(out, "purser_ledger_waiting_bytes", "gauge", "Journal bytes not stored yet.", (double)l.bytes_waiting);
    gauge(out, "purser_ledger_open_holds", "gauge", "Holds without an end, as the ledger sees them.",
          (double)l.open_holds);
    gauge(out, "purser_ledger_errors_total", "counter", "Failed writes to the store, each tried again.",
          (double)l.errors);
    gauge(out, "purser_access_log_dropped_total", "counter", "Access log lines dropped because the log was too slow.",
          (double)access_log_dropped(p->log));
    gauge(out, "purser_held_usd", "gauge", "Held over all budgets: zero when nothing is in flight.",
          (double)budgets_held(p->budgets) / 1e12);
    gauge(out, "process_start_time_seconds", "gauge", "Start of the process since the epoch.",
          (double)p->started_us / 1e6);
}

void admin_serve_metrics(struct admin *a, struct http_exchange *x)
{
    struct metrics all;
    struct buf out;
    metrics_init(&all);
    buf_init(&out, 0);
    for (unsigned i = 0; i < a->purser->worker_count; i++) metrics_merge(&all, &a->purser->workers[i]->metrics);
    write_calls(&out, &all);
    write_histograms(&out, &all);
    if (str_eq(x->request.query, S("genai=next"))) write_next(&out, &all);
    admin_write_budgets(&out, a);
    write_credentials(&out, a);
    admin_write_targets(&out, a->purser->healths);
    write_process(&out, a, &all);
    http_respond(x, 200, S("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), buf_str(&out));
    buf_free(&out);
    metrics_free(&all);
}

/* record: waits until the connection to the provider is free, then the access log
 * and the release of what the request held. */
#include "flow/degrade.h"

#include "base/time.h"
#include "flow/purser.h"

static void add_text(struct buf *line, const char *name, str value)
{
    if (!value.n) return;
    buf_printf(line, ",\"%s\":", name);
    buf_add_json(line, value);
}

static void log_call(struct request *r)
{
    struct access_log *log = r->worker->purser->log;
    const struct attempt *a = r->attempt;
    if (access_log_is_off(log)) return;
    struct buf line;
    char when[40], money[MONEY_TEXT_MAX];
    buf_init(&line, 32 * 1024); /* names are bounded: none makes a line too long to be written */
    buf_reserve(&line, 512);
    int status = r->answer.status ? r->answer.status : err_info(r->err)->status; /* who has left was told nothing */
    buf_printf(&line,
               "{\"time\":\"%" STR_FMT "\",\"request_id\":\"%016llx\",\"status\":%d,\"outcome\":\"%" STR_FMT "\"",
               STR_ARG(time_format(r->at_us, when)), (unsigned long long)r->id, status,
               STR_ARG(err_info(r->err)->name));
    const str *who = a && a->way ? a->way->payer.is : r->attribute.payer.is;
    if (r->authenticate.key) {
        add_text(&line, "operation", r->receive.models ? S("models") : call_kind_operation(r->receive.kind));
        add_text(&line, "key", who[SCOPE_KEY]);
        add_text(&line, "team", who[SCOPE_TEAM]);
        add_text(&line, "user", who[SCOPE_USER]);
        add_text(&line, "feature", who[SCOPE_FEATURE]);
        add_text(&line, "provider", who[SCOPE_PROVIDER]);
        add_text(&line, "model", who[SCOPE_MODEL]);
    }
    if (r->recall.replayed_status) buf_add(&line, S(",\"replayed\":true"));
    if (r->degrade.why) add_text(&line, "degraded", degrade_name(r->degrade.why));
    if (a) {
        const int64_t *units = a->body.answer.usage.units;
        long long input =
            units[UNIT_INPUT] + units[UNIT_CACHE_READ] + units[UNIT_CACHE_WRITE_5M] + units[UNIT_CACHE_WRITE_1H];
        long long output = units[UNIT_OUTPUT] + units[UNIT_REASONING];
        buf_printf(&line,
                   ",\"attempts\":%u,\"stream\":%s,\"input_tokens\":%lld,\"output_tokens\":%lld,\"cost_usd\":%" STR_FMT,
                   r->attempts, r->attribute.call.stream ? "true" : "false", input, output,
                   STR_ARG(money_format(r->cost_so_far, money)));
        add_text(&line, "cost_state", cost_state_name(a->post.cost.state));
        if (a->body.first_us)
            buf_printf(&line, ",\"first_token_ms\":%.3f", (double)(a->body.first_us - r->started_us) / 1e3);
    }
    buf_printf(&line, ",\"duration_ms\":%.3f}\n", (double)(time_mono_us() - r->started_us) / 1e3);
    if (!line.overflow) access_log_write(log, buf_str(&line));
    buf_free(&line);
}

void record_settle(struct request *r)
{
    watch_end(r);
    if (!r->limit.taken) return;
    limits_give(r->worker->purser->limits, &r->limit.take, r->tokens_so_far);
    r->limit.taken = false;
}

enum verdict step_record(struct request *r)
{
    struct attempt *a = r->attempt;
    tokens_end(r);
    record_settle(r);
    recall_end(r);
    if (a && !a->wire_done) return STEP_WAIT; /* the provider's own end of message: the connection can be kept */
    if (r->x) r->x->user = NULL;              /* the exchange goes on alone: its bytes may still be on their way */
    request_leave_client(r);
    if (r->err && !(a && a->began)) metrics_refused(&r->worker->metrics, r->err);
    if (r->authenticate.key || r->err) log_call(r); /* else it was a probe of health: many, and no call */
    return STEP_OVER;
}

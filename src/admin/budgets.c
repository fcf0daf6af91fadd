/* Budgets as they stand, for `purser budgets` and whoever asks the port. */
#include "admin/inside.h"

#include "base/time.h"

enum { BUDGETS_MAX = 10000 };

struct listing {
    struct buf *out;
    size_t count;
};

static void add_text(struct buf *out, const char *name, str value)
{
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, value);
    buf_add_byte(out, ',');
}

static void add(void *ctx, const struct budget_state *s)
{
    static const char *const measures[BUDGET_MEASURES] = {"usd", "tokens", "requests"};
    struct listing *l = ctx;
    if (++l->count > BUDGETS_MAX) return;
    if (l->count > 1) buf_add_byte(l->out, ',');
    int64_t left = s->rule->limit - s->spent - s->held;
    buf_add_byte(l->out, '{');
    add_text(l->out, "budget", s->rule->name);
    add_text(l->out, "scope", s->value);
    add_text(l->out, "measure", str_from(measures[s->rule->measure]));
    char text[40];
    if (s->resets_us != INT64_MAX) add_text(l->out, "resets", time_format(s->resets_us, text));
    buf_printf(l->out,
               "\"limit\":%lld,\"spent\":%lld,\"held\":%lld,\"left\":%lld,\"waiting\":%u,\"window_start_us\":%lld}",
               (long long)s->rule->limit, (long long)s->spent, (long long)s->held, (long long)(left > 0 ? left : 0),
               s->waiting, (long long)s->window_start_us);
}

/* {"rows":[{budget, scope, measure, limit, spent, held, left, waiting, resets}]}; money in pico-dollars. */
void admin_serve_budgets(struct admin *a, struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, 0);
    struct listing l = {&out, 0};
    buf_printf(&out, "{\"rows\":[");
    budgets_each(a->purser->budgets, a->snapshot->budgets, time_now_us(), add, &l);
    buf_printf(&out, "]}\n");
    admin_json(x, 200, &out);
    buf_free(&out);
}

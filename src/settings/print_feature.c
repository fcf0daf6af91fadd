/* Features as purser understood them. */
#include "settings/print.h"

static const char *const actions[] = {
    [RUNAWAY_NONE] = "off", [RUNAWAY_WARN] = "warn", [RUNAWAY_SLOW] = "slow", [RUNAWAY_BLOCK] = "block"};

void print_runaway(struct buf *out, const struct setting_runaway *r)
{
    const struct runaway_limits *l = &r->limits;
    buf_printf(out, "runaway: { action: %s, same: %u", actions[r->most], l->repeat_block);
    print_duration(out, "within", l->within_us);
    buf_printf(out, ", ping_pong: %u, same_answers: %u, tokens_per_minute: %lld, steps: %lld", l->swings_warn,
               l->same_answers, (long long)l->pace_floor, (long long)l->task_steps_floor);
    print_money(out, "cost_usd", l->task_cost_floor);
    buf_add(out, S(" }"));
}

static bool same_runaway(const struct setting_runaway *a, const struct setting_runaway *b)
{
    const struct runaway_limits *x = &a->limits, *y = &b->limits;
    return a->most == b->most && x->repeat_block == y->repeat_block && x->within_us == y->within_us &&
           x->swings_warn == y->swings_warn && x->same_answers == y->same_answers && x->pace_floor == y->pace_floor &&
           x->task_steps_floor == y->task_steps_floor && x->task_cost_floor == y->task_cost_floor;
}

static void print_slo(struct buf *out, const struct setting_slo *slo)
{
    if (!slo->target_ppm) return;
    buf_add(out, S(", slo: { "));
    size_t from = out->n;
    if (slo->latency_us) print_duration(out, "latency", slo->latency_us);
    if (slo->first_token_us) print_duration(out, "first_token", slo->first_token_us);
    print_percent(out, "target", slo->target_ppm);
    print_close(out, from, "");
}

void print_features(struct buf *out, const struct settings *s)
{
    if (s->feature_count) buf_add(out, S("features:\n"));
    for (size_t i = 0; i < s->feature_count; i++) {
        const struct setting_feature *f = &s->features[i];
        buf_add(out, S("  "));
        print_text(out, f->name);
        buf_add(out, S(": { "));
        size_t from = out->n;
        if (f->owner.n) print_pair(out, "owner", f->owner);
        if (f->max_output_tokens) buf_printf(out, ", max_output_tokens: %lld", (long long)f->max_output_tokens);
        if (f->on_disconnect) {
            buf_printf(out, ", on_disconnect: %s", f->on_disconnect == ON_DISCONNECT_CANCEL ? "cancel" : "finish");
        }
        if (f->tier != FEATURE_TIER_NORMAL) print_pair(out, "tier", feature_tier_name(f->tier));
        if (!same_runaway(&f->runaway, &s->runaway)) {
            buf_add(out, S(", "));
            print_runaway(out, &f->runaway);
        }
        if (f->ai.off || f->ai.why.n) {
            buf_printf(out, ", ai: { off: %s", f->ai.off ? "true" : "false");
            if (f->ai.why.n) print_pair(out, "why", f->ai.why);
            buf_add(out, S(" }"));
        }
        print_slo(out, &f->slo);
        print_degraded(out, &f->degraded);
        print_close(out, from, "");
        print_end(out, f->where);
    }
}

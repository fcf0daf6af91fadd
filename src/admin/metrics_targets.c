/* /metrics: how each target does. Targets are bounded where they are made (healths_new()). */
#include "admin/inside.h"

#include "base/time.h"

/* A metric of every target: its lines are gathered, as Prometheus wants those of one metric together. */
struct target_metric {
    const char *name, *type, *help;
    struct buf lines;
};

enum {
    T_STATE,
    T_RESTING,
    T_IN_FLIGHT,
    T_LIMIT,
    T_WAITING,
    T_WAITED,
    T_SHED,
    T_OPENINGS,
    T_OUTCOMES,
    T_REFUSED,
    T_REPEATS,
    T_REPEATS_REFUSED,
    T_REPEAT_TOKENS,
    T_FIRST,
    TARGET_METRICS,
};

struct target_lines {
    int64_t now_us;
    struct target_metric of[TARGET_METRICS];
};

static void line(struct target_metric *m, str target, const char *name, str value, double number)
{
    bool first = true;
    buf_printf(&m->lines, "%s", m->name);
    metric_label(&m->lines, "target", target, &first);
    if (name) metric_label(&m->lines, name, value, &first);
    metric_number(&m->lines, first, number);
}

static void add_target(void *ctx, const struct health_view *v)
{
    struct target_lines *all = ctx;
    struct target_metric *of = all->of;
    int64_t rests_us = v->resting_us > all->now_us ? v->resting_us - all->now_us : 0;
    if (!v->last_us) return; /* no call has gone by its record yet */
    for (enum health_state s = 0; s < HEALTH_STATES; s++)
        line(&of[T_STATE], v->target, "state", health_state_name(s), v->state == s);
    line(&of[T_RESTING], v->target, NULL, STR_NONE, (double)rests_us / 1e6);
    line(&of[T_IN_FLIGHT], v->target, NULL, STR_NONE, v->in_flight);
    line(&of[T_LIMIT], v->target, NULL, STR_NONE, v->limit);
    line(&of[T_WAITING], v->target, NULL, STR_NONE, v->waiting);
    line(&of[T_WAITED], v->target, NULL, STR_NONE, (double)v->waited);
    for (enum feature_tier t = 0; t < FEATURE_TIER_COUNT; t++)
        line(&of[T_SHED], v->target, "tier", feature_tier_name(t), (double)v->shed[t]);
    line(&of[T_OPENINGS], v->target, NULL, STR_NONE, (double)v->openings);
    for (enum health_outcome o = 0; o < HEALTH_OUTCOMES; o++)
        if (v->counts[o]) line(&of[T_OUTCOMES], v->target, "outcome", health_outcome_name(o), (double)v->counts[o]);
    line(&of[T_REFUSED], v->target, NULL, STR_NONE, (double)v->refused);
    line(&of[T_REPEATS], v->target, NULL, STR_NONE, (double)v->repeats);
    line(&of[T_REPEATS_REFUSED], v->target, NULL, STR_NONE, (double)v->repeats_refused);
    line(&of[T_REPEAT_TOKENS], v->target, NULL, STR_NONE, v->repeat_tokens);
    if (v->first_p50_us) line(&of[T_FIRST], v->target, "quantile", S("0.5"), (double)v->first_p50_us / 1e6);
    if (v->first_p95_us) line(&of[T_FIRST], v->target, "quantile", S("0.95"), (double)v->first_p95_us / 1e6);
}

void admin_write_targets(struct buf *out, struct healths *healths)
{
    struct target_lines all = {
        .now_us = time_mono_us(),
        .of = {
            [T_STATE] = {.name = "purser_target_state",
                         .type = "gauge",
                         .help = "1: the state of the target's breaker."},
            [T_RESTING] = {.name = "purser_target_resting_seconds",
                           .type = "gauge",
                           .help = "For how long it has asked to be left alone yet."},
            [T_IN_FLIGHT] = {.name = "purser_target_in_flight", .type = "gauge", .help = "Attempts under way."},
            [T_LIMIT] = {.name = "purser_target_limit",
                         .type = "gauge",
                         .help = "As many may be, by what it bore lately."},
            [T_WAITING] = {.name = "purser_target_waiting",
                           .type = "gauge",
                           .help = "Attempts in the queue before it."},
            [T_WAITED] = {.name = "purser_target_waited_total",
                          .type = "counter",
                          .help = "Attempts that stood in it."},
            [T_SHED] = {.name = "purser_target_shed_total",
                        .type = "counter",
                        .help = "Attempts that found no room, by the tier of their feature."},
            [T_OPENINGS] = {.name = "purser_target_openings_total",
                            .type = "counter",
                            .help = "Times its breaker opened."},
            [T_OUTCOMES] = {.name = "purser_target_outcomes_total",
                            .type = "counter",
                            .help = "What attempts said of it."},
            [T_REFUSED] = {.name = "purser_target_refused_total",
                           .type = "counter",
                           .help = "Attempts that its breaker did not let in."},
            [T_REPEATS] = {.name = "purser_target_repeats_total",
                           .type = "counter",
                           .help = "Calls repeated at the target that had failed them."},
            [T_REPEATS_REFUSED] = {.name = "purser_target_repeats_refused_total",
                                   .type = "counter",
                                   .help = "Repeats that its bucket or breaker did not allow."},
            [T_REPEAT_TOKENS] = {.name = "purser_target_repeat_tokens",
                                 .type = "gauge",
                                 .help = "Repeats that its bucket allows; answers refill it, half a one each."},
            [T_FIRST] = {.name = "purser_target_first_token_seconds",
                         .type = "gauge",
                         .help = "Time to the first token lately."},
        }};
    for (size_t i = 0; i < TARGET_METRICS; i++) buf_init(&all.of[i].lines, 0);
    healths_each(healths, all.now_us, add_target, &all);
    for (size_t i = 0; i < TARGET_METRICS; i++) {
        metric_head(out, all.of[i].name, all.of[i].type, all.of[i].help);
        buf_add(out, buf_str(&all.of[i].lines));
        buf_free(&all.of[i].lines);
    }
}

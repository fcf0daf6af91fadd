/* A public model name as purser understood it. */
#include "settings/print.h"

static const char *const balances[] = {[BALANCE_ORDERED] = "ordered",
                                       [BALANCE_WEIGHTED] = "weighted",
                                       [BALANCE_LEAST_BUSY] = "least_busy",
                                       [BALANCE_FASTEST] = "fastest",
                                       [BALANCE_CHEAPEST] = "cheapest"};
static const char *const stickies[] = {[STICKY_SESSION] = "session", [STICKY_USER] = "user", [STICKY_KEY] = "key"};
static const char *const mishaps[] = {[MISHAP_ERROR] = "error",
                                      [MISHAP_TIMEOUT] = "timeout",
                                      [MISHAP_RATE_LIMIT] = "rate_limit",
                                      [MISHAP_CONTEXT_WINDOW] = "context_window",
                                      [MISHAP_CONTENT_POLICY] = "content_policy"};

/* What `NAME: provider/model` says, and what is printed as such. */
static bool is_plain(const struct setting_model *m)
{
    bool plain = m->target_count == 1 && m->targets[0].weight == 1 && m->balance == BALANCE_ORDERED &&
                 m->attempts.max == 1 && !m->attempts.time_us && m->attempts.money < 0 && !m->hedge.on && !m->sticky &&
                 !m->degraded.set && !m->rung_count && !m->schema.code;
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) plain = plain && m->on[i].what == REACTION_STOP;
    return plain;
}

void print_to(struct buf *out, const struct setting_to *to)
{
    struct buf name;
    buf_init(&name, 0);
    buf_printf(&name, "%" STR_FMT "/%" STR_FMT, STR_ARG(to->provider), STR_ARG(to->model));
    print_text(out, buf_str(&name));
    buf_free(&name);
}

static void add_targets(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("targets: [ "));
    for (size_t i = 0; i < m->target_count; i++) {
        if (i) buf_add(out, S(", "));
        if (m->targets[i].weight != 1) buf_add(out, S("{ target: "));
        print_to(out, &m->targets[i]);
        if (m->targets[i].weight != 1) buf_printf(out, ", weight: %lld }", (long long)m->targets[i].weight);
    }
    buf_printf(out, " ], balance: %s", balances[m->balance]);
}

static void add_attempts(struct buf *out, const struct setting_attempts *a)
{
    buf_printf(out, ", attempts: { max: %lld", (long long)a->max);
    print_duration(out, "time", a->time_us);
    if (a->money >= 0) print_money(out, "money_usd", a->money);
    buf_add(out, S(" }"));
}

static void add_reactions(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S(", on: { "));
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) {
        buf_printf(out, "%s%s: ", i ? ", " : "", mishaps[i]);
        if (m->on[i].what == REACTION_TARGET)
            print_to(out, &m->on[i].to);
        else
            buf_add(out, m->on[i].what == REACTION_NEXT ? S("next") : S("stop"));
    }
    buf_add(out, S(" }"));
}

static void add_hedge(struct buf *out, const struct setting_hedge *h)
{
    if (!h->on) return;
    buf_add(out, S(", hedge: { "));
    size_t from = out->n;
    if (h->after_us)
        print_duration(out, "after", h->after_us);
    else
        buf_add(out, S(", after: p95"));
    print_percent(out, "max_extra_spend", h->max_extra_ppm);
    print_close(out, from, "");
}

void print_degraded(struct buf *out, const struct setting_degraded *d)
{
    if (!d->set) return;
    buf_add(out, S(", degraded: [ "));
    for (const struct setting_degraded *rule = d; rule; rule = rule->next) {
        buf_add(out, rule == d ? S("{ ") : S(", { "));
        size_t from = out->n;
        print_pattern(out, "match", &rule->match);
        if (rule->reply.n) print_pair(out, "reply", rule->reply);
        buf_printf(out, ", status: %lld", (long long)rule->status);
        print_close(out, from, "");
    }
    buf_add(out, S(" ]"));
}

void print_model(struct buf *out, const struct setting_model *m)
{
    buf_add(out, S("  "));
    print_text(out, m->name);
    if (is_plain(m)) {
        buf_add(out, S(": "));
        print_to(out, &m->targets[0]);
        buf_add_byte(out, '\n');
        return;
    }
    buf_add(out, S(": { "));
    if (m->rung_count)
        print_ladder(out, m);
    else
        add_targets(out, m);
    if (m->rung_count) print_duration(out, "keep_alive", m->keep_alive_us);
    if (m->schema.code) print_pair(out, "schema", m->schema.text);
    add_attempts(out, &m->attempts);
    add_reactions(out, m);
    add_hedge(out, &m->hedge);
    if (m->sticky) print_pair(out, "sticky", str_from(stickies[m->sticky]));
    print_degraded(out, &m->degraded);
    buf_add(out, S(" }\n"));
}

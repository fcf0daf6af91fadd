#include "policy/burn.h"

#include "policy/recents.h"

#include <stdlib.h>

enum {
    STEPS_SHORT = 4,
    STEPS_LONG = STEPS_SHORT * BURN_SHORT_PART,
    STEPS = STEPS_LONG + 1, /* of the oldest, as much as the long window still covers */
};

struct burning {
    struct recent recent;
    int64_t step;       /* number of the latest */
    uint32_t restoring; /* of the past in it; 0: it has none */
    bool told;
    int64_t spent[STEPS];
};

struct burns {
    struct hash_key key;
    struct recents table;
};

struct burns *burns_new(struct hash_key key, size_t max)
{
    struct burns *b = mem_map(sizeof(*b)); /* aligned to cache lines */
    b->key = key;
    recents_init(&b->table, sizeof(struct burning), max, NULL, NULL);
    return b;
}

void burns_drop(struct burns *b)
{
    if (!b) return;
    recents_free(&b->table);
    mem_unmap(b, sizeof(*b));
}

int64_t burn_window_us(const struct window *w)
{
    static const int64_t lengths[] = {
        [WINDOW_MINUTE] = US_PER_MINUTE, [WINDOW_HOUR] = US_PER_HOUR,      [WINDOW_DAY] = US_PER_DAY,
        [WINDOW_WEEK] = 7 * US_PER_DAY,  [WINDOW_MONTH] = 30 * US_PER_DAY, [WINDOW_TOTAL] = 0};
    return w->kind == WINDOW_ROLLING ? w->rolling_us : lengths[w->kind];
}

str burn_rate_format(int64_t rate_milli, char out[MONEY_TEXT_MAX])
{
    return money_format((__int128)rate_milli * (PICOUSD_PER_USD / 1000), out);
}

int64_t burn_step_us(const struct burn_rule *rule)
{
    return rule->over_us / STEPS_LONG;
}

/* ---- one counter */

static uint64_t id_of(const struct burns *b, const struct budget_rule *rule, str value)
{
    str cells = rule->cells.n ? rule->cells : rule->name;
    /* calls under the settings of before may still count in other steps */
    struct hash_key of_budget = {b->key.k0 ^ hash_sip(b->key, cells.p, cells.n),
                                 b->key.k1 ^ (uint64_t)rule->burn.over_us};
    uint64_t id = hash_sip(of_budget, value.p, value.n);
    return id ? id : 1;
}

static struct burning *take(struct burns *b, uint64_t id, int64_t now_us, bool make)
{
    struct recent *r = recents_take(&b->table, id, now_us, make);
    return r ? CONTAINER_OF(r, struct burning, recent) : NULL;
}

static int64_t *spent_at(struct burning *c, int64_t step)
{
    return &c->spent[step % STEPS];
}

/* A clock that went back a little lets the latest step go on. */
static void advance(struct burning *c, const struct burn_rule *rule, int64_t now_us)
{
    int64_t step = now_us / burn_step_us(rule);
    if (step - c->step >= STEPS || c->step - step >= STEPS) {
        memset(c->spent, 0, sizeof(c->spent));
        c->step = step;
    }
    while (c->step < step) *spent_at(c, ++c->step) = 0;
}

/* Spent in the last `steps` steps' time before `at_us`, nothing having come since the latest step. */
static int64_t sum(struct burning *c, int64_t step_us, int64_t at_us, int64_t steps)
{
    int64_t last = at_us / step_us > c->step ? at_us / step_us : c->step, all = 0;
    for (int64_t s = last - steps; s <= last; s++) {
        if (s > c->step || s <= c->step - STEPS || s < 0) continue;
        int64_t part = *spent_at(c, s);
        if (s == last - steps) part = (int64_t)((__int128)part * (step_us - at_us % step_us) / step_us);
        all = money_add_sat(all, part);
    }
    return all;
}

static int64_t rate_milli(const struct budget_rule *rule, int64_t spent, int64_t over_us)
{
    int64_t over_ms = over_us / US_PER_MS, window_ms = burn_window_us(&rule->window) / US_PER_MS;
    __int128 rate = (__int128)spent * 1000 * window_ms / ((__int128)rule->limit * over_ms);
    return rate > INT64_MAX ? INT64_MAX : (int64_t)rate;
}

/* Whether both windows that end at `at_us` are above the rate. */
static bool burns_at(struct burning *c, const struct budget_rule *rule, int64_t at_us, struct burn_state *out)
{
    const struct burn_rule *burn = &rule->burn;
    int64_t step_us = burn_step_us(burn);
    out->spent_long = sum(c, step_us, at_us, STEPS_LONG);
    out->spent_short = sum(c, step_us, at_us, STEPS_SHORT);
    out->rate_long_milli = rate_milli(rule, out->spent_long, burn->over_us);
    out->rate_short_milli = rate_milli(rule, out->spent_short, burn->over_us / BURN_SHORT_PART);
    return out->rate_long_milli > burn->rate_milli && out->rate_short_milli > burn->rate_milli;
}

static int64_t end_of(struct burning *c, const struct budget_rule *rule, int64_t now_us)
{
    struct burn_state then;
    int64_t step_us = burn_step_us(&rule->burn), at_us = now_us - now_us % step_us + step_us;
    while (burns_at(c, rule, at_us, &then)) at_us += step_us; /* the short window is empty after five steps */
    return at_us;
}

static void judge(struct burning *c, const struct budget_rule *rule, int64_t now_us, struct burn_state *out)
{
    *out = (struct burn_state){0};
    if (rule->limit <= 0) return; /* spent before it begins */
    out->burning = burns_at(c, rule, now_us, out);
    out->began = out->burning && !c->told;
    c->told = c->told ? out->rate_long_milli > rule->burn.rate_milli : out->burning;
    if (out->burning) out->ends_us = end_of(c, rule, now_us);
}

/* ---- the interface */

void burns_note(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, int64_t amount,
                struct burn_state *out)
{
    uint64_t id = id_of(b, rule, value);
    struct burning *c = take(b, id, now_us, true);
    advance(c, &rule->burn, now_us);
    if (amount > 0) *spent_at(c, c->step) = money_add_sat(*spent_at(c, c->step), amount);
    judge(c, rule, now_us, out);
    recents_give(&b->table, id);
}

static void look(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, bool tells,
                 struct burn_state *out)
{
    uint64_t id = id_of(b, rule, value);
    struct burning *c = take(b, id, now_us, false);
    *out = (struct burn_state){0};
    if (c) {
        bool told = c->told;
        advance(c, &rule->burn, now_us);
        judge(c, rule, now_us, out);
        if (!tells) c->told = told;
    }
    recents_give(&b->table, id);
}

void burns_look(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, struct burn_state *out)
{
    look(b, rule, value, now_us, true, out);
}

void burns_see(struct burns *b, const struct budget_rule *rule, str value, int64_t now_us, struct burn_state *out)
{
    look(b, rule, value, now_us, false, out);
}

void burns_restore(struct burns *b, const struct budget_rule *rule, const struct burn_past *past, uint32_t restoring)
{
    uint64_t id = id_of(b, rule, past->value);
    struct burning *c = take(b, id, past->at_us, true);
    int64_t step = past->at_us / burn_step_us(&rule->burn);
    if (c->restoring != restoring) *c = (struct burning){.recent = c->recent, .step = step, .restoring = restoring};
    if (step > c->step) advance(c, &rule->burn, past->at_us);
    if (past->amount > 0 && step > c->step - STEPS)
        *spent_at(c, step) = money_add_sat(*spent_at(c, step), past->amount);
    recents_give(&b->table, id);
}

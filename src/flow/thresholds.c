#include "flow/thresholds.h"

#include "base/hash.h"
#include "base/time.h"
#include "ledger/events.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    RAISED_SLOTS = 1 << 16, /* a power of two */
    RAISED_MOST = RAISED_SLOTS / 2,
    WAITING_MOST = 2000, /* events not stored yet: what is beyond is found again by the next look */
    LOOK_SHARE = 50,     /* a look takes a fiftieth of the time at most */
    REFUSED_PERCENT = 100,
};

struct batch {
    struct arena texts; /* of the events */
    struct ledger_event events[WAITING_MOST];
    size_t count;
};

struct thresholds {
    pthread_mutex_t lock;
    uint64_t *raised; /* digests of what was told before; 0: free. A cleared one costs a question to the store */
    size_t raised_count;
    struct batch *filling;        /* under the lock, as the two above */
    struct batch *storing;        /* the clockwork's own, as what follows: nobody waits for the disk */
    int64_t next_us;              /* monotonic */
    uint64_t stored[EVENT_KINDS]; /* atomic */
};

static struct batch *batch_new(void)
{
    struct batch *b = mem_map(sizeof(*b));
    arena_init(&b->texts);
    return b;
}

static void batch_clear(struct batch *b)
{
    arena_free(&b->texts);
    arena_init(&b->texts);
    b->count = 0;
}

static void batch_drop(struct batch *b)
{
    arena_free(&b->texts);
    mem_unmap(b, sizeof(*b));
}

struct thresholds *thresholds_new(void)
{
    struct thresholds *t = mem_zalloc(sizeof(*t));
    pthread_mutex_init(&t->lock, NULL);
    t->raised = mem_map(RAISED_SLOTS * sizeof(*t->raised));
    t->filling = batch_new();
    t->storing = batch_new();
    return t;
}

void thresholds_drop(struct thresholds *t)
{
    if (!t) return;
    pthread_mutex_destroy(&t->lock);
    batch_drop(t->filling);
    batch_drop(t->storing);
    mem_unmap(t->raised, RAISED_SLOTS * sizeof(*t->raised));
    free(t);
}

static const str kind_names[EVENT_KINDS] = {
    [EVENT_BUDGET] = STR_INIT("budget"), [EVENT_BURN_RATE] = STR_INIT("burn_rate")};

str event_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

uint64_t thresholds_raised(const struct thresholds *t, enum event_kind kind)
{
    return __atomic_load_n(&t->stored[kind], __ATOMIC_RELAXED);
}

/* ---- what was told before */

/* A rolling window has no start: it is told once in each stretch of its length. */
static int64_t window_of(const struct budget_rule *rule, int64_t now_us)
{
    if (rule->window.kind != WINDOW_ROLLING) return window_start(&rule->window, now_us);
    return now_us - now_us % rule->window.rolling_us;
}

struct reached {
    const struct budget_rule *rule;
    str value;
    int64_t window_us, now_us;
    int64_t spent;   /* -1: a call did not fit */
    int64_t percent; /* of the limit, or of an even pace */
    enum event_kind kind;
    const struct burn_state *burn; /* EVENT_BURN_RATE */
};

static uint64_t digest(const struct reached *r)
{
    uint64_t h = hash_fnv(r->rule->cells) * 1099511628211u + hash_fnv(r->value);
    h = (h * 1099511628211u + (uint64_t)r->window_us) * 1099511628211u + (uint64_t)r->percent;
    h = h * 1099511628211u + r->kind;
    h ^= h >> 29;
    return h ? h : 1;
}

/* Under the lock. False: it was there. */
static bool remember(struct thresholds *t, uint64_t is)
{
    size_t i = is & (RAISED_SLOTS - 1);
    for (; t->raised[i]; i = (i + 1) & (RAISED_SLOTS - 1))
        if (t->raised[i] == is) return false;
    if (t->raised_count == RAISED_MOST) { /* most are of windows that are over */
        memset(t->raised, 0, RAISED_SLOTS * sizeof(*t->raised));
        t->raised_count = 0;
        i = is & (RAISED_SLOTS - 1);
    }
    t->raised[i] = is;
    t->raised_count++;
    return true;
}

/* ---- telling */

static void add_amount(struct buf *out, enum budget_measure measure, int64_t amount)
{
    char text[MONEY_TEXT_MAX];
    if (measure == BUDGET_MONEY)
        buf_printf(out, "$%" STR_FMT, STR_ARG(money_format_short(amount, text)));
    else
        buf_printf(out, "%lld %s", (long long)amount, measure == BUDGET_TOKENS ? "tokens" : "requests");
}

static void add_pace(struct buf *out, const struct reached *r)
{
    char text[40], rate[MONEY_TEXT_MAX];
    const struct burn_state *s = r->burn;
    int64_t over_us = r->rule->burn.over_us;
    buf_printf(out, "is spent more than %" STR_FMT " times as fast as it would last: ",
               STR_ARG(burn_rate_format(r->rule->burn.rate_milli, rate)));
    add_amount(out, r->rule->measure, s->spent_long);
    buf_printf(out, " within %" STR_FMT ", ", STR_ARG(time_format_duration(over_us, text)));
    add_amount(out, r->rule->measure, s->spent_short);
    buf_printf(out, " within %" STR_FMT ", of ", STR_ARG(time_format_duration(over_us / BURN_SHORT_PART, text)));
}

static str sentence(struct arena *texts, const struct reached *r)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "The budget '%" STR_FMT "'%s%" STR_FMT "%s ", STR_ARG(r->rule->name), r->value.n ? " (" : "",
               STR_ARG(r->value), r->value.n ? ")" : "");
    if (r->burn) {
        add_pace(&out, r);
    } else if (r->spent < 0) {
        buf_add(&out, S("has too little left for a call, of "));
    } else {
        buf_printf(&out, "has reached %lld%%: ", (long long)r->percent);
        add_amount(&out, r->rule->measure, r->spent);
        buf_add(&out, S(" of "));
    }
    add_amount(&out, r->rule->measure, r->rule->limit);
    str text = arena_str(texts, buf_str(&out));
    buf_free(&out);
    return text;
}

static void tell(struct thresholds *t, const struct reached *r)
{
    pthread_mutex_lock(&t->lock);
    struct batch *b = t->filling;
    if (b->count < WAITING_MOST && remember(t, digest(r))) {
        str name = r->rule->name, value = r->value;
        b->events[b->count++] = (struct ledger_event){
            .at_us = r->now_us,
            .kind = kind_names[r->kind],
            .object = value.n ? arena_printf(&b->texts, "%" STR_FMT " (%" STR_FMT ")", STR_ARG(name), STR_ARG(value))
                              : arena_str(&b->texts, name),
            .level = r->percent,
            .window_us = r->window_us,
            .text = sentence(&b->texts, r),
        };
    }
    pthread_mutex_unlock(&t->lock);
}

/* The threshold's own words: is it reached by what is spent? */
static bool is_reached(const struct budget_rule *rule, uint16_t percent, int64_t spent)
{
    const struct budget_thresholds one = {{percent}, 1};
    return budget_threshold_reached(&one, rule->limit, 0, spent) == percent;
}

static void tell_of(struct thresholds *t, struct reached *r, const struct payer *who)
{
    char text[SCOPE_TEXT_MAX];
    struct buf value;
    buf_init(&value, sizeof(text));
    scope_value(&r->rule->scope, who, &value);
    r->value = buf_str(&value);
    tell(t, r);
    buf_free(&value);
}

void thresholds_refused(struct thresholds *t, const struct budget_rule *rule, const struct payer *who, int64_t now_us)
{
    bool wanted = false;
    for (size_t i = 0; i < rule->thresholds.count; i++) wanted |= rule->thresholds.percent[i] == REFUSED_PERCENT;
    if (!wanted) return;
    struct reached r = {
        .rule = rule, .window_us = window_of(rule, now_us), .now_us = now_us, .spent = -1, .percent = REFUSED_PERCENT};
    tell_of(t, &r, who);
}

/* Its windows have no start, as those that roll: a burn over a restart is told once, nearly always. */
void thresholds_burning(struct thresholds *t, const struct budget_rule *rule, const struct payer *who,
                        const struct burn_state *state, int64_t now_us)
{
    struct reached r = {.rule = rule,
                        .window_us = now_us - now_us % rule->burn.over_us,
                        .now_us = now_us,
                        .percent = rule->burn.rate_milli / 10,
                        .kind = EVENT_BURN_RATE,
                        .burn = state};
    tell_of(t, &r, who);
}

/* ---- looking */

struct look {
    struct thresholds *t;
    int64_t now_us;
};

static void look_at(void *ctx, const struct budget_state *s)
{
    struct look *l = ctx;
    const struct budget_thresholds *at = &s->rule->thresholds;
    for (size_t i = 0; i < at->count; i++) {
        if (!is_reached(s->rule, at->percent[i], s->spent)) return; /* they ascend */
        struct reached r = {.rule = s->rule,
                            .value = s->value,
                            .window_us = window_of(s->rule, l->now_us),
                            .now_us = l->now_us,
                            .spent = s->spent,
                            .percent = at->percent[i]};
        tell(l->t, &r);
    }
}

/* Those of one kind that stand together. */
static size_t run_length(const struct batch *b, size_t from)
{
    size_t to = from + 1;
    while (to < b->count && str_eq(b->events[to].kind, b->events[from].kind)) to++;
    return to - from;
}

static enum event_kind kind_of(const struct ledger_event *e)
{
    return str_eq(e->kind, kind_names[EVENT_BURN_RATE]) ? EVENT_BURN_RATE : EVENT_BUDGET;
}

/* What cannot be stored now waits for the next second; what was stored before it is no news then. */
static void store(struct thresholds *t, struct ledger *l)
{
    size_t fresh = 0;
    if (!t->storing->count) {
        pthread_mutex_lock(&t->lock);
        struct batch *full = t->filling;
        t->filling = t->storing;
        t->storing = full;
        pthread_mutex_unlock(&t->lock);
    }
    const struct batch *b = t->storing;
    for (size_t at = 0, n; at < b->count; at += n) {
        n = run_length(b, at);
        if (!ledger_events_add(l, &b->events[at], n, &fresh)) return;
        __atomic_fetch_add(&t->stored[kind_of(&b->events[at])], fresh, __ATOMIC_RELAXED);
    }
    batch_clear(t->storing);
}

void thresholds_look(struct thresholds *t, struct budgets *b, const struct budget_rules *rules, struct ledger *l)
{
    int64_t from_us = time_mono_us();
    if (from_us >= t->next_us && budget_rules_count(rules)) {
        struct look look = {t, time_now_us()};
        budgets_each(b, rules, look.now_us, look_at, &look);
        t->next_us = from_us + (time_mono_us() - from_us) * LOOK_SHARE;
    }
    store(t, l);
}

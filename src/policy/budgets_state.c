/* The budgets seen from outside: the past restored, the dead swept, figures. */
#include "policy/budgets_inner.h"

#include <sched.h>
#include <stdlib.h>

enum {
    BATCH = 256, /* cells looked at under one lock */
    RECLAIM_TRIES = 64,
};

#define SWEEP_GRACE_US US_PER_MINUTE
#define UNKNOWN_US     (10 * US_PER_MINUTE)

static bool is_head(const struct budget_cell *c)
{
    return c->id.window_start_us == ROLLING_HEAD;
}

static bool is_step(const struct budget_cell *c)
{
    return !is_head(c) && c->roll.step;
}

/* ---- restore */

static struct budget_cell *find(struct budgets *b, struct cell_want *want, int64_t window_start_us)
{
    want->window_start_us = window_start_us;
    want->hash = cells_hash(want);
    return budget_cell_of(cells_find(b->cells, want));
}

/* A step that its head counts already; or one that its head has yet to learn of. */
static void restore_step(struct budget_cell *step, struct budget_cell *head, int64_t spent)
{
    if (!is_step(step)) {
        if (head) rolling_attach(head, step);
        return;
    }
    struct rolling_step *s = step->roll.step;
    int64_t counted = atomic_load(&s->counted);
    do {
        if (counted == STEP_EXPIRED) return;
    } while (!atomic_compare_exchange_weak(&s->counted, &counted, counted + spent));
    cell_add_spent(s->head, spent);
}

void budgets_restore(struct budgets *b, uint64_t key, str budget, str value, int64_t window_start_us, int64_t spent)
{
    if (spent < 0) spent = 0;
    struct cell_want want = {.name = budget, .name_hash = hash_fnv(budget), .value = str_head(value, SCOPE_TEXT_MAX)};
    want.value_hash = cells_value_hash(b->cells, want.value);
    pthread_mutex_lock(&b->mutex);
    struct budget_cell *head = find(b, &want, ROLLING_HEAD);
    struct budget_cell *c = find(b, &want, window_start_us);
    if (!c) {
        c = cell_make(b, &want, true);
        if (str_eq(cell_value(&c->id), want.value)) c->key = key;
    }
    atomic_store(&c->id.named, true);
    cell_add_spent(c, spent);
    restore_step(c, head, spent);
    queue_wake(is_step(c) ? c->roll.step->head : c);
    pthread_mutex_unlock(&b->mutex);
}

/* ---- forget */

static void forget(struct budget_cell *c)
{
    if (is_head(c)) return; /* has what its steps have */
    if (is_step(c)) {
        int64_t counted = atomic_load(&c->roll.step->counted);
        while (counted > 0 && !atomic_compare_exchange_weak(&c->roll.step->counted, &counted, 0)) continue;
        if (counted > 0) {
            atomic_fetch_sub(&c->roll.step->head->spent, counted);
            atomic_fetch_sub(&c->roll.step->head->used, counted);
        }
    }
    int64_t spent = atomic_exchange(&c->spent, 0);
    atomic_fetch_sub(&c->used, spent);
    queue_wake(is_step(c) ? c->roll.step->head : c);
}

void budgets_forget(struct budgets *b, str budget)
{
    uint64_t hash = hash_fnv(budget);
    for (uint32_t at = 0, end = 1; at < end;) {
        pthread_mutex_lock(&b->mutex);
        end = cells_numbers(b->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            struct budget_cell *c = budget_cell_of(cells_at(b->cells, at));
            if (c && c->id.name->hash == hash && str_eq(c->id.name->text, budget)) forget(c);
        }
        pthread_mutex_unlock(&b->mutex);
    }
}

/* ---- sweep */

/* What began before `keep_from_us` is over. */
static void mark_names(struct budgets *b, const struct budget_rules *rules, int64_t now_us)
{
    int64_t grace_us = SWEEP_GRACE_US;
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->rule[i].is.wait_us + SWEEP_GRACE_US > grace_us)
            grace_us = rules->rule[i].is.wait_us + SWEEP_GRACE_US;
    }
    for (struct cell_name *n = cells_names(b->cells); n; n = n->next) n->keep_from_us = INT64_MAX;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *r = &rules->rule[i];
        struct cell_name *n = cells_name(b->cells, r->is.cells, r->name_hash);
        int64_t then_us = now_us - grace_us;
        n->keep_from_us =
            r->step_us ? then_us - r->is.window.rolling_us - r->step_us : window_start(&r->is.window, then_us);
        n->unknown_since_us = 0;
    }
    /* A budget that no rule has may be one that a reload is just restoring. */
    for (struct cell_name *n = cells_names(b->cells); n; n = n->next) {
        if (n->keep_from_us != INT64_MAX) continue;
        if (!n->unknown_since_us) n->unknown_since_us = now_us;
        if (now_us - n->unknown_since_us < UNKNOWN_US) n->keep_from_us = INT64_MIN;
    }
}

static void sweep_head(struct budgets *b, struct budget_cell *head, int64_t now_us)
{
    rolling_expire(head, now_us);
    queue_wake(head);
    if (head->roll.head->pins == 0 && cell_kill(head)) cells_unlink(b->cells, &head->id);
}

static void sweep_cell(struct budgets *b, struct budget_cell *c, int64_t now_us)
{
    if (is_head(c)) {
        sweep_head(b, c, now_us);
        return;
    }
    if (c->id.window_start_us >= c->id.name->keep_from_us || !cell_kill(c)) return;
    cells_unlink(b->cells, &c->id);
    if (!is_step(c)) return;
    rolling_detach(c);
    sweep_head(b, c->roll.step->head, now_us);
}

void budgets_sweep(struct budgets *b, const struct budget_rules *rules, int64_t now_us)
{
    pthread_mutex_lock(&b->mutex);
    mark_names(b, rules, now_us);
    pthread_mutex_unlock(&b->mutex);
    for (uint32_t at = 0, end = 1; at < end;) {
        pthread_mutex_lock(&b->mutex);
        end = cells_numbers(b->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            struct budget_cell *c = budget_cell_of(cells_at(b->cells, at));
            if (c) sweep_cell(b, c, now_us);
        }
        cells_reclaim(b->cells);
        pthread_mutex_unlock(&b->mutex);
    }
    bool done = false;
    for (int i = 0; i < RECLAIM_TRIES && !done; i++) {
        pthread_mutex_lock(&b->mutex);
        done = cells_reclaim(b->cells);
        pthread_mutex_unlock(&b->mutex);
        if (!done) sched_yield(); /* else at the next sweep */
    }
}

/* ---- figures */

struct known {
    const struct cell_name *name;
    const struct rule *rule;
    int64_t start_us, resets_us;
};

/* Under the mutex: the rules by the name of their cells. */
static void know(struct budgets *b, const struct budget_rules *rules, int64_t now_us, struct known *known)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *r = &rules->rule[i];
        known[i] = (struct known){
            .name = cells_name(b->cells, r->is.cells, r->name_hash),
            .rule = r,
            .start_us = window_start(&r->is.window, now_us),
            .resets_us = window_end(&r->is.window, now_us),
        };
    }
}

static const struct known *known_of(const struct budget_cell *c, const struct known *known, size_t count)
{
    for (const struct known *k = known; k < known + count; k++) {
        if (k->name == c->id.name) return k;
    }
    return NULL;
}

/* Under the mutex: a step that was restored and that no call has met yet has no
 * head; it gets one. */
static void give_head(struct budgets *b, const struct known *k, const struct budget_cell *step, int64_t now_us)
{
    const struct rule *r = k->rule;
    if (!r->step_us || is_head(step) || is_step(step)) return;
    if (step->id.window_start_us + r->is.window.rolling_us + r->step_us <= now_us) return;
    struct place p = {.rule = r, .start_us = k->start_us};
    p.want = (struct cell_want){.name = r->is.cells, .name_hash = r->name_hash, .value = cell_value(&step->id)};
    p.want.value_hash = cells_value_hash(b->cells, p.want.value);
    p.want.window_start_us = ROLLING_HEAD;
    p.want.hash = cells_hash(&p.want);
    rolling_find_head(b, &p);
}

/* Under the mutex. False: not of a current window. */
static bool state_of(struct budget_cell *c, const struct known *k, int64_t now_us, struct budget_state *out)
{
    if (c->id.window_start_us != (k->rule->step_us ? ROLLING_HEAD : k->start_us)) return false;
    if (is_head(c)) {
        rolling_expire(c, now_us);
        queue_wake(c);
    }
    /* `spent` first: a hold posted in between must not make more spent than used. */
    int64_t spent = cell_spent(c), used = cell_used(c);
    *out = (struct budget_state){
        .rule = &k->rule->is,
        .value = cell_value(&c->id),
        .window_start_us = k->start_us,
        .resets_us = k->resets_us,
        .spent = spent,
        .held = used > spent ? used - spent : 0,
        .waiting = atomic_load(&c->waiting),
    };
    return true;
}

static void give_heads(struct budgets *b, const struct known *known, size_t count, int64_t now_us)
{
    for (uint32_t at = 0, end = 1; at < end;) {
        pthread_mutex_lock(&b->mutex);
        end = cells_numbers(b->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            struct budget_cell *c = budget_cell_of(cells_at(b->cells, at));
            const struct known *k = c ? known_of(c, known, count) : NULL;
            if (k) give_head(b, k, c, now_us);
        }
        pthread_mutex_unlock(&b->mutex);
    }
}

void budgets_each(struct budgets *b, const struct budget_rules *rules, int64_t now_us, budget_visit *visit, void *ctx)
{
    struct known *known = mem_zalloc(rules->count * sizeof(*known));
    struct budget_state state[BATCH];
    bool rolling = false;
    pthread_mutex_lock(&b->mutex);
    know(b, rules, now_us, known);
    pthread_mutex_unlock(&b->mutex);
    for (size_t i = 0; i < rules->count; i++) rolling |= rules->rule[i].step_us != 0;
    if (rolling) give_heads(b, known, rules->count, now_us);
    for (uint32_t at = 0, end = 1; at < end;) {
        size_t n = 0;
        unsigned section = cells_enter(b->cells); /* keeps the values' bytes while they are visited */
        pthread_mutex_lock(&b->mutex);
        end = cells_numbers(b->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            struct budget_cell *c = budget_cell_of(cells_at(b->cells, at));
            const struct known *k = c ? known_of(c, known, rules->count) : NULL;
            if (k && state_of(c, k, now_us, &state[n])) n++;
        }
        pthread_mutex_unlock(&b->mutex);
        for (size_t i = 0; i < n; i++) visit(ctx, &state[i]);
        cells_leave(b->cells, section);
    }
    free(known);
}

int64_t budgets_held(struct budgets *b)
{
    int64_t sum = 0;
    for (uint32_t at = 0, end = 1; at < end;) {
        pthread_mutex_lock(&b->mutex);
        end = cells_numbers(b->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            const struct budget_cell *c = budget_cell_of(cells_at(b->cells, at));
            if (!c || is_step(c)) continue; /* a step's holds are its head's */
            int64_t spent = cell_spent(c), used = cell_used(c);
            if (used > spent) sum = money_add_sat(sum, used - spent);
        }
        pthread_mutex_unlock(&b->mutex);
    }
    return sum;
}

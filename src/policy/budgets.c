/* Hold, retry, post: the life of a call's money.
 *
 * A hold first tries without a lock: every cell is there, alive, has room, and
 * nobody waits for it. Anything else is decided under the mutex, from scratch. */
#include "policy/budgets_inner.h"

#include <assert.h>
#include <stdlib.h>

struct budgets *budgets_new(struct hash_key key, size_t max_cells)
{
    struct budgets *b = mem_zalloc(sizeof(*b));
    b->cells = cells_new(key, max_cells, cell_clean);
    b->key = key;
    pthread_mutex_init(&b->mutex, NULL);
    return b;
}

void budgets_drop(struct budgets *b)
{
    if (!b) return;
    cells_drop(b->cells);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

static void place_give_back(struct place *p)
{
    if (p->step) cell_give_back(p->step, p->taken);
    cell_give_back(p->cell, p->taken);
}

static enum take place_take(struct place *p)
{
    enum take took = cell_take(p->cell, p->amount, &p->rule->is, &p->taken);
    if (took != TAKE_OK || !p->step) return took;
    int64_t taken;
    took = cell_take(p->step, p->taken, NULL, &taken);
    if (took == TAKE_OK && taken == p->taken) return TAKE_OK;
    if (took == TAKE_OK) cell_give_back(p->step, taken);
    cell_give_back(p->cell, p->taken);
    return took == TAKE_OK ? TAKE_FULL : took;
}

static bool place_fits(const struct place *p)
{
    const struct budget_rule *r = &p->rule->is;
    return !r->enforced || (r->limit > 0 && p->amount <= r->limit - cell_used(p->cell));
}

/* Takes in all places or in none. Returns how many it could take: all of them, or
 * the number of the first that refused. */
static size_t take_all(struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (place_take(&w->place[i]) == TAKE_OK) continue;
        for (size_t j = i; j-- > 0;) place_give_back(&w->place[j]);
        return i;
    }
    return w->count;
}

/* ---- without a lock */

static bool find_fast(struct budgets *b, struct place *p, int64_t at_us)
{
    p->cell = budget_cell_of(cells_find(b->cells, &p->want));
    if (!p->cell) return false;
    if (!p->rule->step_us) return true;
    struct rolling_head *h = p->cell->roll.head;
    if (at_us >= atomic_load(&h->expires_us)) return false;
    p->step = atomic_load(&h->newest);
    return p->step && p->step->id.window_start_us == p->start_us;
}

/* `*touched`: how many cells were taken and given back, whose waiters may have seen it. */
static bool hold_fast(struct budgets *b, struct walk *w, size_t *touched)
{
    for (size_t i = 0; i < w->each_count; i++) cells_prefetch(b->cells, w->place[i].want.hash);
    for (size_t i = w->count; i-- > 0;) { /* the ones under way last */
        struct place *p = &w->place[i];
        if (!find_fast(b, p, w->ask->at_us) || atomic_load(&p->cell->waiting) || !place_fits(p)) return false;
    }
    size_t taken = take_all(w);
    if (taken == w->count) return true;
    *touched = taken;
    return false;
}

/* ---- under the mutex */

static void find_all(struct budgets *b, struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct place *p = &w->place[i];
        p->step = NULL;
        if (!p->rule->step_us) {
            p->cell = cell_make(b, &p->want, true);
            continue;
        }
        p->cell = rolling_find_head(b, p);
        rolling_expire(p->cell, w->ask->at_us);
        p->step = rolling_find_step(b, p, p->cell);
        queue_wake(p->cell);
    }
}

static bool place_spent(const struct place *p)
{
    const struct budget_rule *r = &p->rule->is;
    return r->enforced && (r->limit <= 0 || p->amount > r->limit - cell_spent(p->cell));
}

/* The number of the place that refuses for good: of several the one that resets
 * last, so that what people are told holds; `count` where there is none. */
static size_t find_spent(const struct walk *w)
{
    size_t found = w->count;
    int64_t latest_us = INT64_MIN;
    for (size_t i = 0; i < w->count; i++) {
        if (!place_spent(&w->place[i])) continue;
        int64_t resets_us = window_end(&w->place[i].rule->is.window, w->ask->at_us);
        if (found < w->count && resets_us <= latest_us) continue;
        found = i;
        latest_us = resets_us;
    }
    return found;
}

/* As take_all(), but in turn with those who wait. */
static size_t take_in_turn(struct walk *w, uint64_t ticket)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct place *p = &w->place[i];
        if (!queue_lets_pass(p->cell, p, ticket, w->ask->at_us) || !place_fits(p)) return i;
    }
    size_t taken = take_all(w);
    for (size_t i = 0; taken < w->count && i < taken; i++) queue_wake(w->place[i].cell);
    return taken;
}

static int64_t at_least_0(int64_t n)
{
    return n > 0 ? n : 0;
}

static void refuse(const struct walk *w, size_t which, bool for_good, struct budget_refusal *why)
{
    const struct place *p = &w->place[which];
    *why = (struct budget_refusal){
        .rule = &p->rule->is,
        .left = at_least_0(p->rule->is.limit - cell_spent(p->cell)),
        .free_now = at_least_0(p->rule->is.limit - cell_used(p->cell)),
        .resets_us = window_end(&p->rule->is.window, w->ask->at_us),
        .wait_us = for_good ? 0 : p->rule->is.wait_us,
    };
    for (int m = 0; m < BUDGET_MEASURES; m++) why->all_left.of[m] = why->all_free.of[m] = INT64_MAX;
    for (size_t i = 0; i < w->count; i++) {
        const struct budget_rule *r = &w->place[i].rule->is;
        if (!r->enforced) continue;
        int64_t left = at_least_0(r->limit - cell_spent(w->place[i].cell));
        int64_t room = at_least_0(r->limit - cell_used(w->place[i].cell));
        if (left < why->all_left.of[r->measure]) why->all_left.of[r->measure] = left;
        if (room < why->all_free.of[r->measure]) why->all_free.of[r->measure] = room;
        why->clamp |= r->clamp;
        if (w->place[i].amount > room && r->wait_us < why->wait_us) why->wait_us = r->wait_us;
    }
}

/* Out of the queue for good; whoever stood behind may fit now. */
static void waiter_done(struct budget_waiter *waiter)
{
    struct budget_cell *c = waiter->cell;
    waiter->ticket = 0;
    if (!c) return;
    queue_leave(waiter);
    queue_wake(c);
}

static enum budget_verdict decide(struct budgets *b, struct walk *w, struct budget_waiter *waiter,
                                  struct budget_refusal *why)
{
    find_all(b, w);
    for (;;) {
        size_t spent = find_spent(w);
        if (spent < w->count) {
            refuse(w, spent, true, why);
            if (waiter) waiter_done(waiter);
            return BUDGET_SPENT;
        }
        size_t taken = take_in_turn(w, waiter ? waiter->ticket : 0);
        if (taken == w->count) {
            if (waiter) waiter_done(waiter);
            return BUDGET_HELD;
        }
        struct place *blocked = &w->place[taken];
        struct budget_cell *before = waiter ? waiter->cell : NULL;
        if (waiter && before && before != blocked->cell) queue_leave(waiter);
        if (waiter) queue_enter(b, blocked->cell, waiter, blocked, w->ask->at_us);
        if (before && before != blocked->cell) queue_wake(before);
        if (!waiter || before == blocked->cell) {
            refuse(w, taken, false, why);
            return BUDGET_WAIT;
        }
        /* It queues here since this moment: what was given back in between nobody
         * told it. So it looks once more. */
    }
}

/* ---- the interface */

static void hold_fill(const struct walk *w, uint32_t generation, struct hold *out)
{
    out->count = (uint32_t)w->count;
    out->generation = generation;
    out->admitted_us = w->ask->at_us;
    for (size_t i = 0; i < w->count; i++) {
        const struct place *p = &w->place[i];
        struct budget_cell *c = p->step ? p->step : p->cell;
        out->part[i] = (struct hold_part){
            .cell = c,
            .key = c->key,
            .amount = p->taken,
            .measure = p->rule->is.measure,
            .rolling = p->step != NULL,
        };
    }
}

/* The cells are pinned by the hold. */
static void name_cells(const struct walk *w, const struct hold *h)
{
    if (!w->ask->made) return;
    for (uint32_t i = 0; i < h->count; i++) {
        struct budget_cell *c = h->part[i].cell;
        if (atomic_load_explicit(&c->id.named, memory_order_relaxed)) continue;
        w->ask->made(w->ask->made_ctx, c->key, c->id.name->text, cell_value(&c->id), c->id.window_start_us);
        atomic_store(&c->id.named, true);
    }
}

static void refuse_too_many(const struct walk *w, struct budget_refusal *why)
{
    *why = (struct budget_refusal){.rule = &w->extra->is, .resets_us = INT64_MAX};
    for (int m = 0; m < BUDGET_MEASURES; m++) why->all_left.of[m] = why->all_free.of[m] = INT64_MAX;
}

enum budget_verdict budget_hold(struct budgets *b, const struct budget_rules *rules, const struct budget_ask *ask,
                                struct budget_waiter *w, struct hold *out, struct budget_refusal *why)
{
    struct walk walk;
    unsigned section = cells_enter(b->cells);
    walk_plan(&walk, b, rules, ask);
    enum budget_verdict verdict = BUDGET_HELD;
    size_t touched = 0;
    if (walk.too_many) {
        refuse_too_many(&walk, why);
        verdict = BUDGET_SPENT;
        budget_leave(b, w);
    } else if ((w && w->cell) || !hold_fast(b, &walk, &touched)) {
        pthread_mutex_lock(&b->mutex);
        for (size_t i = 0; i < touched; i++) queue_wake(walk.place[i].cell);
        verdict = decide(b, &walk, w, why);
        pthread_mutex_unlock(&b->mutex);
    }
    if (verdict == BUDGET_HELD) hold_fill(&walk, rules->generation, out);
    cells_leave(b->cells, section);
    if (verdict == BUDGET_HELD) name_cells(&walk, out);
    return verdict;
}

enum budget_verdict budget_retry(struct budgets *b, const struct budget_rules *rules, const struct budget_ask *ask,
                                 struct budget_waiter *w, struct hold *out, struct budget_refusal *why)
{
    return budget_hold(b, rules, ask, w, out, why);
}

void budget_leave(struct budgets *b, struct budget_waiter *w)
{
    if (!w || !w->cell) return; /* only its own thread changes `cell` */
    pthread_mutex_lock(&b->mutex);
    waiter_done(w);
    pthread_mutex_unlock(&b->mutex);
}

int64_t budget_part_used(const struct hold_part *part, const struct budget_amounts *used)
{
    return at_least_0(used->of[part->measure]);
}

void budget_expect_post(const struct hold *h)
{
    for (uint32_t i = 0; i < h->count; i++) __builtin_prefetch((const char *)h->part[i].cell, 1);
}

void budget_post(struct budgets *b, struct hold *h, const struct budget_amounts *used)
{
    struct budget_cell *waited[BUDGETS_PER_CALL_MAX];
    size_t waited_count = 0;
    /* The last write unpins a cell; the section keeps it readable for `waiting`. */
    unsigned section = cells_enter(b->cells);
    for (uint32_t i = 0; i < h->count; i++) {
        const struct hold_part *part = &h->part[i];
        struct budget_cell *limited = part->rolling ? part->cell->roll.step->head : part->cell;
        int64_t amount = budget_part_used(part, used);
        if (part->rolling) rolling_post(b, part->cell, part->amount, amount);
        cell_post(part->cell, part->amount, amount);
        if (atomic_load(&limited->waiting)) waited[waited_count++] = limited;
    }
    if (waited_count) {
        pthread_mutex_lock(&b->mutex);
        for (size_t i = 0; i < waited_count; i++) queue_wake(waited[i]);
        pthread_mutex_unlock(&b->mutex);
    }
    cells_leave(b->cells, section);
    h->count = 0;
}

void budget_void(struct budgets *b, struct hold *h)
{
    static const struct budget_amounts nothing;
    budget_post(b, h, &nothing);
}

/* One settings snapshot's budgets, with everything computed that stays the same. */
#include "policy/budgets_inner.h"

#include <stdlib.h>

static void rule_copy(struct budget_rules *all, size_t i, const struct budget_rule *from)
{
    struct rule *r = &all->rule[i];
    struct arena *a = &all->arena;
    r->is = *from;
    r->is.name = arena_str(a, from->name);
    r->is.cells = from->cells.n ? arena_str(a, from->cells) : r->is.name;
    r->is.where = arena_str(a, from->where);
    r->is.downgrade_to = arena_str(a, from->downgrade_to);
    if (from->on_exceed == ON_EXCEED_ALERT) r->is.enforced = false; /* it counts, and refuses nobody */
    for (int d = 0; d < SCOPE_DIMS; d++) {
        if (!from->scope.want[d].p) continue;
        r->is.scope.want[d] = arena_str(a, from->scope.want[d]);
        r->each |= scope_is_each(r->is.scope.want[d]);
    }
    r->name_hash = hash_fnv(r->is.cells);
    r->step_us = window_step_us(&from->window);
    r->now = &all->windows[i];
    all->burn |= from->burn.over_us > 0;
}

static bool same_form(const struct scope *a, const struct scope *b)
{
    for (int d = 0; d < SCOPE_DIMS; d++) {
        if (scope_is_each(a->want[d]) != scope_is_each(b->want[d])) return false;
    }
    return true;
}

struct budget_rules *budget_rules_new(const struct budget_rule *rules, size_t count, uint32_t generation)
{
    struct budget_rules *r = mem_zalloc(sizeof(*r));
    arena_init(&r->arena);
    r->rule = mem_zalloc(count * sizeof(*r->rule));
    r->windows = mem_zalloc(count * sizeof(*r->windows));
    r->count = count;
    r->generation = generation;
    r->order = mem_zalloc(count * sizeof(const struct rule *));
    for (size_t i = 0; i < count; i++) {
        rule_copy(r, i, &rules[i]);
        r->rule[i].form = i;
        for (size_t j = i; j-- > 0;) {
            if (same_form(&r->rule[i].is.scope, &r->rule[j].is.scope)) r->rule[i].form = r->rule[j].form;
        }
        if (r->rule[i].each) r->order[r->each_count++] = &r->rule[i];
    }
    for (size_t i = 0, at = r->each_count; i < count; i++) {
        if (!r->rule[i].each) r->order[at++] = &r->rule[i];
    }
    return r;
}

void budget_rules_drop(struct budget_rules *r)
{
    if (!r) return;
    arena_free(&r->arena);
    free(r->rule);
    free(r->windows);
    free(r->order);
    free(r);
}

size_t budget_rules_count(const struct budget_rules *r)
{
    return r->count;
}

const struct budget_rule *budget_rules_at(const struct budget_rules *r, size_t i)
{
    return &r->rule[i].is;
}

bool budget_rules_burn(const struct budget_rules *r)
{
    return r->burn;
}

/* Remembers a window that is newer than the one known; whoever comes second skips it. */
static void window_remember(struct rule_window *now, int64_t start_us, int64_t end_us)
{
    uint32_t version = atomic_load(&now->version);
    if ((version & 1) || (version && atomic_load(&now->start_us) >= start_us)) return;
    if (!atomic_compare_exchange_strong(&now->version, &version, version + 1)) return;
    /* Releases keep the odd version in front of them. */
    atomic_store_explicit(&now->start_us, start_us, memory_order_release);
    atomic_store_explicit(&now->end_us, end_us, memory_order_release);
    atomic_store_explicit(&now->version, version + 2, memory_order_release);
}

int64_t rule_window_start(const struct rule *r, int64_t at_us)
{
    struct rule_window *now = r->now;
    uint32_t version = atomic_load_explicit(&now->version, memory_order_acquire);
    int64_t start = atomic_load_explicit(&now->start_us, memory_order_acquire);
    int64_t end = atomic_load_explicit(&now->end_us, memory_order_acquire);
    bool whole = !(version & 1) && version && atomic_load_explicit(&now->version, memory_order_relaxed) == version;
    if (whole && at_us >= start && at_us < end) return start;

    start = window_start(&r->is.window, at_us);
    end = r->step_us ? start + r->step_us : window_end(&r->is.window, at_us);
    window_remember(now, start, end);
    return start;
}

/* The value of the rule's `*`s, made once for all rules that have the same. */
static void place_value(struct walk *w, const struct budgets *b, struct place *p)
{
    for (struct place *q = w->place; q < p; q++) {
        if (q->rule->form != p->rule->form) continue;
        p->want.value = q->want.value;
        p->want.value_hash = q->want.value_hash;
        return;
    }
    struct buf text = {.p = w->bytes + w->bytes_used, .cap = SCOPE_TEXT_MAX, .max = SCOPE_TEXT_MAX};
    scope_value(&p->rule->is.scope, w->ask->who, &text);
    w->bytes_used += text.n;
    p->want.value = buf_str(&text);
    p->want.value_hash = cells_value_hash(b->cells, p->want.value);
}

/* The window of the cell that has the limit. */
static int64_t place_window(const struct rule *r, int64_t start_us)
{
    return r->step_us ? ROLLING_HEAD : start_us;
}

/* Returns false when the call has all the places it may have. */
static bool plan_rule(struct walk *w, const struct budgets *b, const struct rule *r)
{
    const struct budget_ask *ask = w->ask;
    if (!scope_matches(&r->is.scope, ask->who)) return true;
    if (w->count == BUDGETS_PER_CALL_MAX) {
        w->too_many = true;
        w->extra = r;
        return false;
    }
    /* Field by field: clearing the struct first costs more than all of this. */
    struct place *p = &w->place[w->count++];
    int64_t amount = ask->amounts.of[r->is.measure];
    p->rule = r;
    p->step = NULL;
    p->amount = amount > 0 ? amount : 0;
    p->start_us = rule_window_start(r, ask->at_us);
    p->want.name = r->is.cells;
    p->want.name_hash = r->name_hash;
    p->want.value = STR_NONE;
    p->want.value_hash = 0;
    p->want.window_start_us = place_window(r, p->start_us);
    if (r->each) place_value(w, b, p);
    p->want.hash = cells_hash(&p->want);
    if (r->each) cells_prefetch_slot(b->cells, p->want.hash);
    return true;
}

/* The rules with a `*` come first: their cells are the many that may not be in the
 * cache, and are on their way while the others are looked at. */
void walk_plan(struct walk *w, const struct budgets *b, const struct budget_rules *rules, const struct budget_ask *ask)
{
    w->ask = ask;
    w->count = 0;
    w->too_many = false;
    w->bytes_used = 0;
    for (size_t i = 0; i < rules->each_count; i++) {
        if (!plan_rule(w, b, rules->order[i])) return;
    }
    w->each_count = w->count;
    for (size_t i = rules->each_count; i < rules->count; i++) {
        if (!plan_rule(w, b, rules->order[i])) return;
    }
}

/* Two steps, since the slot says where the cell is: a step that waits for neither. */
void budgets_expect(struct budgets *b, const struct budget_rules *rules, const struct payer *who, int64_t at_us,
                    struct budget_expected *out)
{
    char bytes[SCOPE_TEXT_MAX];
    const struct rule *before = NULL;
    struct cell_want want = {0};
    out->count = 0;
    unsigned section = cells_enter(b->cells);
    for (size_t i = 0; i < rules->each_count && out->count < COUNT_OF(out->hash); i++) {
        const struct rule *r = rules->order[i];
        if (!scope_matches(&r->is.scope, who)) continue;
        if (!before || before->form != r->form) {
            struct buf text = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
            scope_value(&r->is.scope, who, &text);
            want.value_hash = cells_value_hash(b->cells, buf_str(&text));
        }
        before = r;
        want.name_hash = r->name_hash;
        want.window_start_us = place_window(r, rule_window_start(r, at_us));
        uint32_t hash = cells_hash(&want);
        out->hash[out->count++] = hash;
        cells_prefetch_slot(b->cells, hash);
    }
    cells_leave(b->cells, section);
}

void budgets_expect_soon(struct budgets *b, const struct budget_expected *expected)
{
    if (!expected->count) return;
    unsigned section = cells_enter(b->cells);
    for (uint32_t i = 0; i < expected->count; i++) cells_prefetch(b->cells, expected->hash[i]);
    cells_leave(b->cells, section);
}

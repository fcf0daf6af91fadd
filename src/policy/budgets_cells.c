/* One cell: taking, giving back, posting, dying. */
#include "policy/budgets_inner.h"

#include <stdlib.h>

static int64_t room_above(int64_t used)
{
    return INT64_MAX - used;
}

/* A hold of nothing pins by a counter of its own: raise it, then look whether the
 * cell lives; cell_kill() does the two in the other order. */
static enum take take_nothing(struct budget_cell *c, const struct budget_rule *limit, int64_t *taken)
{
    atomic_fetch_add(&c->zero_holds, 1);
    int64_t used = atomic_load(&c->used);
    *taken = 0;
    if (used >= 0 && (!limit || !limit->enforced || (limit->limit > 0 && used <= limit->limit))) return TAKE_OK;
    atomic_fetch_sub(&c->zero_holds, 1);
    return used < 0 ? TAKE_DEAD : TAKE_FULL;
}

/* Adds to `used` where the limit allows it. `limit` NULL: none.
 * `*taken` is the amount, or as much of it as a number can carry where there is no limit. */
enum take cell_take(struct budget_cell *c, int64_t amount, const struct budget_rule *limit, int64_t *taken)
{
    bool limited = limit && limit->enforced;
    int64_t used = atomic_load(&c->used);
    for (;;) {
        if (used < 0) return TAKE_DEAD;
        if (limited && (limit->limit <= 0 || amount > limit->limit - used)) return TAKE_FULL;
        int64_t add = amount < room_above(used) ? amount : room_above(used);
        if (!add) return take_nothing(c, limit, taken);
        if (!atomic_compare_exchange_weak(&c->used, &used, used + add)) continue;
        *taken = add;
        return TAKE_OK;
    }
}

void cell_give_back(struct budget_cell *c, int64_t taken)
{
    if (taken) {
        atomic_fetch_sub(&c->used, taken);
    } else {
        atomic_fetch_sub(&c->zero_holds, 1);
    }
}

/* Raises `used`, stopped at the top; says by how much. */
static int64_t used_add(struct budget_cell *c, int64_t amount)
{
    int64_t used = atomic_load(&c->used);
    int64_t add;
    do {
        add = amount < room_above(used) ? amount : room_above(used);
    } while (!atomic_compare_exchange_weak(&c->used, &used, used + add));
    return add;
}

/* The last step of each branch is the one that unpins. */
void cell_post(struct budget_cell *c, int64_t held, int64_t used)
{
    if (used > held) {
        int64_t above = used_add(c, used - held);
        atomic_fetch_add(&c->spent, held + above);
        if (!held) atomic_fetch_sub(&c->zero_holds, 1);
        return;
    }
    if (used) atomic_fetch_add(&c->spent, used);
    if (used < held || !held) cell_give_back(c, held - used);
}

void cell_add_spent(struct budget_cell *c, int64_t spent)
{
    atomic_fetch_add(&c->spent, used_add(c, spent));
}

/* Under the mutex. Fails: false when something is held here, or just was. */
bool cell_kill(struct budget_cell *c)
{
    if (atomic_load(&c->waiting) || atomic_load(&c->zero_holds)) return false;
    int64_t spent = atomic_load(&c->spent), all = spent;
    if (spent < 0 || !atomic_compare_exchange_strong(&c->used, &all, CELL_DEAD)) return false;
    if (atomic_load(&c->zero_holds) == 0) return true;
    atomic_store(&c->used, spent); /* a free call came between; nothing else changes a dead cell */
    return false;
}

static bool is_head(const struct budget_cell *c)
{
    return c->id.window_start_us == ROLLING_HEAD;
}

void cell_clean(struct cell *id)
{
    struct budget_cell *c = budget_cell_of(id);
    if (is_head(c)) {
        free(c->roll.head);
        c->roll.head = NULL;
    } else {
        free(c->roll.step);
        c->roll.step = NULL;
    }
    free(c->queue);
    c->queue = NULL;
}

uint64_t budgets_cell_key(const struct budgets *b, str budget, str value, int64_t window_start_us)
{
    uint64_t parts[3] = {
        hash_sip(b->key, budget.p, budget.n),
        hash_sip(b->key, value.p, value.n),
        (uint64_t)window_start_us,
    };
    return hash_sip(b->key, parts, sizeof(parts));
}

struct budget_cell *cell_make(struct budgets *b, const struct cell_want *want, bool spill)
{
    struct budget_cell *c = budget_cell_of(cells_find(b->cells, want));
    if (c) return c;
    struct cell_want other = *want;
    if (spill && want->value.n && cells_full(b->cells)) {
        other.value = S("(other)");
        other.value_hash = cells_value_hash(b->cells, other.value);
        other.hash = cells_hash(&other);
        c = budget_cell_of(cells_find(b->cells, &other));
        if (c) return c;
    }
    c = budget_cell_of(cells_prepare(b->cells, &other));
    c->key = budgets_cell_key(b, other.name, other.value, other.window_start_us);
    if (is_head(c)) {
        c->roll.head = mem_zalloc(sizeof(*c->roll.head));
        atomic_init(&c->roll.head->expires_us, INT64_MAX);
        atomic_init(&c->id.named, true); /* the ledger knows steps only */
    }
    cells_publish(b->cells, &c->id);
    return c;
}

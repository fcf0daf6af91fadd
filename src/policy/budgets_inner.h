/* What the files of the budgets share: cells, compiled rules, the walk of a call.
 *
 * Rules of the game:
 * - `used` = spent + held, always >= `spent`; the step between two truths never
 *   lets `used` fall below what is truly spent and held.
 * - Everything on `used`, `spent` and `waiting` is sequentially consistent: a post
 *   lowers `used`, then reads `waiting`; a waiter raises `waiting`, then tries
 *   again. One of the two sees the other: no wake-up is lost.
 * - A cell is pinned while it holds something (used > spent, or `zero_holds`), has
 *   waiters, or is the head of steps. A sweep kills an unpinned cell by swapping
 *   `used` for CELL_DEAD in one step; whoever meets CELL_DEAD looks it up again
 *   under the mutex, where nothing dies.
 * - A rolling window is a head cell, which carries the limit, and a cell a step,
 *   which the ledger knows; a step that is older than the window is taken out of
 *   the head (`counted`), under the mutex. */
#ifndef POLICY_BUDGETS_INNER_H
#define POLICY_BUDGETS_INNER_H

#include "policy/budgets.h"
#include "policy/cells.h"

#include <pthread.h>

#define CELL_DEAD INT64_MIN
/* The window start of a rolling window's head: no moment has it. */
#define ROLLING_HEAD INT64_MIN
/* `counted` of a step that its head no longer counts. */
#define STEP_EXPIRED INT64_MIN

struct budget_queue;

struct rolling_head {
    _Atomic(struct budget_cell *) newest; /* the step of now, most likely */
    _Atomic int64_t expires_us;           /* the oldest counted step does; INT64_MAX: none */
    struct budget_cell *steps;            /* counted ones */
    int64_t span_us;                      /* from a step's start to its expiry */
    uint32_t pins;                        /* steps that point here */
};

struct rolling_step {
    struct budget_cell *head, *next;
    _Atomic int64_t counted; /* its part of the head's `spent` */
};

struct budget_cell {
    _Alignas(64) _Atomic int64_t used;
    _Atomic int64_t spent;
    _Atomic uint32_t waiting;
    _Atomic uint32_t zero_holds; /* holds of nothing: free calls */
    uint64_t key;
    struct budget_queue *queue; /* NULL while nobody waits; under the mutex */
    union {
        struct rolling_head *head; /* where window_start_us is ROLLING_HEAD */
        struct rolling_step *step;
    } roll;
    struct cell id;
};

_Static_assert(offsetof(struct budget_cell, id) == CELL_OWNER_BYTES, "cells.h puts identities there");
_Static_assert(sizeof(struct budget_cell) == CELL_BYTES, "two cache lines");

struct budgets {
    struct cells *cells;
    struct hash_key key;
    pthread_mutex_t mutex; /* every slow path */
    uint64_t tickets;
};

/* The current window of a rule, so that no call does calendar arithmetic: a
 * sequence lock over two numbers. */
struct rule_window {
    _Atomic uint32_t version; /* odd while it is written */
    _Atomic int64_t start_us, end_us;
};

struct rule {
    struct budget_rule is;
    uint64_t name_hash; /* of is.cells */
    int64_t step_us;    /* 0: a calendar window */
    size_t form;        /* the first rule with the same `*`s: same value */
    bool each;          /* has a `*` */
    struct rule_window *now;
};

struct budget_rules {
    struct rule *rule;
    size_t count;
    const struct rule **order; /* those with a `*` first */
    size_t each_count;
    uint32_t generation;
    bool burn; /* of any */
    struct rule_window *windows;
    struct arena arena;
};

/* One rule that applies to a call, and where. */
struct place {
    const struct rule *rule;
    struct cell_want want;    /* the cell's, or the rolling head's */
    int64_t start_us;         /* of the window or step */
    struct budget_cell *cell; /* has the limit */
    struct budget_cell *step; /* rolling: pinned, too; else NULL */
    int64_t amount;           /* asked */
    int64_t taken;            /* held: less than asked only where numbers end */
};

struct walk {
    const struct budget_ask *ask;
    size_t count;
    size_t each_count;        /* the first ones have a `*` */
    bool too_many;            /* more budgets apply than a call may have */
    const struct rule *extra; /* the first one too many */
    struct place place[BUDGETS_PER_CALL_MAX];
    size_t bytes_used;
    char bytes[BUDGETS_PER_CALL_MAX * SCOPE_TEXT_MAX];
};

static inline struct budget_cell *budget_cell_of(struct cell *c)
{
    return c ? CONTAINER_OF(c, struct budget_cell, id) : NULL;
}

/* A step's spending may be taken out of its head before the post has put it in. */
static inline int64_t cell_spent(const struct budget_cell *c)
{
    int64_t spent = atomic_load(&c->spent);
    return spent > 0 ? spent : 0;
}

static inline int64_t cell_used(const struct budget_cell *c)
{
    int64_t used = atomic_load(&c->used);
    return used > 0 ? used : 0;
}

/* ---- budgets_rules.c */
int64_t rule_window_start(const struct rule *r, int64_t at_us);
void walk_plan(struct walk *w, const struct budgets *b, const struct budget_rules *rules, const struct budget_ask *ask);

/* ---- budgets_cells.c: one cell's arithmetic */
enum take { TAKE_OK, TAKE_FULL, TAKE_DEAD };
enum take cell_take(struct budget_cell *c, int64_t amount, const struct budget_rule *limit, int64_t *taken);
void cell_give_back(struct budget_cell *c, int64_t taken);
void cell_post(struct budget_cell *c, int64_t held, int64_t used);
void cell_add_spent(struct budget_cell *c, int64_t spent);
bool cell_kill(struct budget_cell *c);
void cell_clean(struct cell *c);
/* Under the mutex: found or made. `spill`: beyond the ceiling "(other)" is meant. */
struct budget_cell *cell_make(struct budgets *b, const struct cell_want *want, bool spill);

/* ---- budgets_rolling.c, under the mutex but for rolling_post() */
struct budget_cell *rolling_find_head(struct budgets *b, const struct place *p);
struct budget_cell *rolling_find_step(struct budgets *b, const struct place *p, struct budget_cell *head);
void rolling_attach(struct budget_cell *head, struct budget_cell *step);
void rolling_expire(struct budget_cell *head, int64_t now_us);
void rolling_detach(struct budget_cell *step);
void rolling_post(struct budgets *b, struct budget_cell *step, int64_t held, int64_t used);

/* ---- budgets_queue.c, under the mutex */
bool queue_lets_pass(const struct budget_cell *c, const struct place *p, uint64_t ticket, int64_t at_us);
void queue_enter(struct budgets *b, struct budget_cell *c, struct budget_waiter *w, const struct place *p,
                 int64_t at_us);
void queue_leave(struct budget_waiter *w);
void queue_wake(struct budget_cell *c);

#endif

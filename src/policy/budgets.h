/* Hard budgets: hold the worst case before a call, post the truth after it.
 *
 * A counter is a cell: (budget, scope value, window start). `used` = spent + held
 * is one atomic, so that a hold is one compare-and-swap per cell and spending can
 * never pass the limit; `spent` is kept beside it to tell what is truly gone from
 * what is only held. Near the limit calls wait in a fair queue under one mutex. */
#ifndef POLICY_BUDGETS_H
#define POLICY_BUDGETS_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/money.h"
#include "base/time.h"
#include "policy/exceed.h"
#include "policy/scope.h"

enum budget_measure { BUDGET_MONEY, BUDGET_TOKENS, BUDGET_REQUESTS, BUDGET_MEASURES };

struct budget_rule {
    str name;
    struct scope scope;
    enum budget_measure measure;
    int64_t limit; /* pico-dollars, tokens or requests */
    struct window window;
    int64_t wait_us; /* how long a call may wait for held headroom; 0: refused at once */
    bool clamp;      /* the client's own output limit may be lowered, too */
    enum on_exceed on_exceed;
    str downgrade_to; /* ON_EXCEED_DOWNGRADE: a public name, or provider/model */
    struct budget_thresholds thresholds;
    struct burn_rule burn;
    uint32_t since; /* the settings generation from which on calls hold in it */
    bool enforced;  /* false: counted only (alert; and while a reload computes the past) */
    str where;      /* "purser.yaml:31" */
    str cells;      /* its cells' name, for a rule that changed its meaning but not its name; empty: `name` */
};

struct budgets;      /* all cells; outlives reloads. Thread: any */
struct budget_rules; /* one settings snapshot's rules, immutable */
struct budget_cell;

/* `key` seeds cell keys and must be the same for the life of a data folder.
 * Beyond `max_cells` further scope values share the cell of the value "(other)". */
struct budgets *budgets_new(struct hash_key key, size_t max_cells);
void budgets_drop(struct budgets *b);

/* Copies what it keeps. Owns: the caller drops it after the last hold made under
 * it is posted (cells live in `budgets`, not here). */
struct budget_rules *budget_rules_new(const struct budget_rule *rules, size_t count, uint32_t generation);
void budget_rules_drop(struct budget_rules *r);
size_t budget_rules_count(const struct budget_rules *r);
const struct budget_rule *budget_rules_at(const struct budget_rules *r, size_t i);
/* Whether any of them looks at its burn rate. */
bool budget_rules_burn(const struct budget_rules *r);

struct budget_amounts {
    int64_t of[BUDGET_MEASURES]; /* pico-dollars, tokens, requests */
};

enum { BUDGETS_PER_CALL_MAX = 16 }; /* checked when settings are loaded */

/* What a call holds. Plain data; the cells' owner is `budgets`. */
struct hold {
    uint32_t count;
    uint32_t generation;
    int64_t admitted_us;
    struct hold_part {
        struct budget_cell *cell;
        uint64_t key;   /* of the cell, as the ledger knows it */
        int64_t amount; /* held, in the cell's measure */
        enum budget_measure measure;
        bool rolling; /* `cell` is a step of a rolling window */
    } part[BUDGETS_PER_CALL_MAX];
};

enum budget_verdict {
    BUDGET_HELD,
    BUDGET_WAIT,  /* would fit once others settle: the waiter stands in the queue */
    BUDGET_SPENT, /* does not fit in what is truly left: for good, until the window ends */
};

/* Why not, for the client's error, and how low the call would have to go. */
struct budget_refusal {
    const struct budget_rule *rule; /* the one that refuses (lives as long as its rules) */
    int64_t left;                   /* limit - spent there, >= 0 */
    int64_t free_now;               /* limit - spent - held there, >= 0 */
    int64_t resets_us;              /* INT64_MAX: never */
    /* the smallest over every cell that applies, per measure; INT64_MAX where none does */
    struct budget_amounts all_left, all_free;
    bool clamp;      /* a budget that applies lowers the client's own limit */
    int64_t wait_us; /* the shortest `wait` of the budgets that block */
};

/* A place in a queue. Embedded in the waiting request; init once, then hold,
 * then retry until it is held, refused or left. */
struct budget_waiter {
    struct list link;
    struct budget_cell *cell; /* NULL: not waiting */
    int64_t since_us;
    int64_t amount;  /* what it asks of `cell` */
    int64_t limit;   /* of the rule that blocks it there */
    uint64_t ticket; /* order of arrival; 0: none yet */
    bool woken;      /* a wake-up is on its way */
    /* Called on any thread, under the budgets' mutex: must only send a wake-up. */
    void (*wake)(struct budget_waiter *w);
    void *owner;
};

void budget_waiter_init(struct budget_waiter *w, void (*wake)(struct budget_waiter *), void *owner);

/* Called when a cell is first held, so that the ledger learns its names: under no
 * lock, on the worker's thread, before the hold returns. Workers that meet in a new
 * cell are each told, so that each one's journal names it before it is used. */
typedef void budget_cell_made(void *ctx, uint64_t key, str budget, str value, int64_t window_start_us);

/* Holds `ask` in every cell that applies, or in none.
 * Units:  amounts >= 0 where a budget measures them (0: a free call, which passes while
 *         nothing is overspent); at_us: wall clock of the admission, decides the window.
 * Owns:   BUDGET_HELD: the caller must budget_post() or budget_void() exactly once.
 *         BUDGET_WAIT: `w` is queued until budget_retry() says otherwise or budget_leave().
 *         `w` NULL: BUDGET_WAIT queues nothing.
 *         `why` is written unless BUDGET_HELD.
 * Thread: any worker; without a lock while headroom is ample. */
struct budget_ask {
    const struct payer *who;
    int64_t at_us;
    struct budget_amounts amounts;
    budget_cell_made *made;
    void *made_ctx;
};
enum budget_verdict budget_hold(struct budgets *b, const struct budget_rules *rules, const struct budget_ask *ask,
                                struct budget_waiter *w, struct hold *out, struct budget_refusal *why) MUST_CHECK;
/* Again for one that waits, with its place kept; amounts may be lower than before. */
enum budget_verdict budget_retry(struct budgets *b, const struct budget_rules *rules, const struct budget_ask *ask,
                                 struct budget_waiter *w, struct hold *out, struct budget_refusal *why) MUST_CHECK;
/* Hints, for speed alone: of many users' cells none lies in the cache, and reading the
 * body of a call takes longer than fetching them. expect() as soon as it is known who
 * pays, expect_soon() a while later, budget_hold() a while after that. What a hint got
 * wrong, because more was learned of the call, costs time and nothing else. */
struct budget_expected {
    uint32_t count;
    uint32_t hash[4];
};
void budgets_expect(struct budgets *b, const struct budget_rules *rules, const struct payer *who, int64_t at_us,
                    struct budget_expected *out);
void budgets_expect_soon(struct budgets *b, const struct budget_expected *expected);
/* The same before budget_post(): the provider took its time. */
void budget_expect_post(const struct hold *h);
/* Gives up waiting; harmless where it does not wait. */
void budget_leave(struct budgets *b, struct budget_waiter *w);
/* What was truly used, above the hold or below it; the rest comes back and waiters wake. */
void budget_post(struct budgets *b, struct hold *h, const struct budget_amounts *used);
void budget_void(struct budgets *b, struct hold *h);
/* The amount that `used` means for one part: what the ledger writes per cell. */
int64_t budget_part_used(const struct hold_part *part, const struct budget_amounts *used);

/* Counts spending of the past (start, reload): creates the cell where it is missing.
 * `budget` is the name of the rule's cells, `window_start_us` a rolling window's step. */
void budgets_restore(struct budgets *b, uint64_t key, str budget, str value, int64_t window_start_us, int64_t spent);
/* Forgets what was spent under this name of cells (not what is held): before the
 * past of a budget that a reload brings back is restored. */
void budgets_forget(struct budgets *b, str budget);
uint64_t budgets_cell_key(const struct budgets *b, str budget, str value, int64_t window_start_us);
/* Drops cells whose window is over (for a minute and the longest `wait`) or whose
 * budget has been in no rule for ten minutes, and that hold nothing. Called now and
 * then (a minute is fine) by one thread; never keeps the mutex for long. */
void budgets_sweep(struct budgets *b, const struct budget_rules *rules, int64_t now_us);

/* A view for people and metrics. */
struct budget_state {
    const struct budget_rule *rule;
    str value;
    int64_t window_start_us, resets_us;
    int64_t spent, held;
    uint32_t waiting;
};
typedef void budget_visit(void *ctx, const struct budget_state *state);
/* Current windows only. Thread: any. */
void budgets_each(struct budgets *b, const struct budget_rules *rules, int64_t now_us, budget_visit *visit, void *ctx);
/* The sum of all that is held, over all cells: zero after a drain. */
int64_t budgets_held(struct budgets *b);

#endif

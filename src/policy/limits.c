/* Rates and concurrency.
 *
 * GCRA keeps one number per rate: the moment at which the bucket is full again
 * (TAT, the theoretical arrival time). A call of n units moves it on by n units'
 * worth of time and is refused where it would lie more than a minute ahead.
 * Nanoseconds, so that a million tokens a second is still told apart. */
#include "policy/limits.h"

#include "base/arena.h"
#include "base/time.h"
#include "policy/cells.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define BURST_NS (US_PER_MINUTE * 1000)
/* Concurrency frees itself when some call ends; nobody knows when. */
#define CONCURRENCY_RETRY_US US_PER_SECOND
#define IN_FLIGHT_DEAD       INT32_MIN

enum { BATCH = 256, RECLAIM_TRIES = 64 };

struct limit_cell {
    _Alignas(64) _Atomic int64_t requests_tat_ns;
    _Atomic int64_t tokens_tat_ns;
    _Atomic int32_t in_flight; /* pins the cell, too */
    char spare[CELL_OWNER_BYTES - 20];
    struct cell id;
};

_Static_assert(offsetof(struct limit_cell, id) == CELL_OWNER_BYTES, "cells.h puts identities there");
_Static_assert(sizeof(struct limit_cell) == CELL_BYTES, "two cache lines");

struct limits {
    struct cells *cells;
    pthread_mutex_t mutex; /* making and dropping cells */
};

struct rule {
    struct limit_rule is;
    str ident; /* names its cells: name, scope and, of twins, which one */
    uint64_t ident_hash;
};

struct limit_rules {
    struct rule *rule;
    size_t count;
    struct arena arena;
};

struct place {
    const struct rule *rule;
    struct limit_cell *cell;
    int64_t request_ns, tokens_ns; /* what the call costs, 0: no such limit */
    int64_t tokens_until_ns;
};

static struct limit_cell *limit_cell_of(struct cell *c)
{
    return c ? CONTAINER_OF(c, struct limit_cell, id) : NULL;
}

struct limits *limits_new(struct hash_key key, size_t max_cells)
{
    struct limits *l = mem_zalloc(sizeof(*l));
    l->cells = cells_new(key, max_cells, NULL);
    pthread_mutex_init(&l->mutex, NULL);
    return l;
}

void limits_drop(struct limits *l)
{
    if (!l) return;
    cells_drop(l->cells);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* ---- rules */

static str make_ident(struct arena *a, const struct limit_rule *r, size_t twin)
{
    struct buf text;
    buf_init(&text, 0);
    buf_add(&text, r->name);
    for (int d = 0; d < SCOPE_DIMS; d++) {
        str want = r->scope.want[d];
        if (want.p) buf_printf(&text, "|%" STR_FMT "=%zu:%" STR_FMT, STR_ARG(scope_dim_name(d)), want.n, STR_ARG(want));
    }
    if (twin) buf_printf(&text, "#%zu", twin + 1);
    str ident = arena_str(a, buf_str(&text));
    buf_free(&text);
    return ident;
}

static bool ident_taken(const struct limit_rules *r, size_t before, str ident)
{
    for (size_t i = 0; i < before; i++) {
        if (str_eq(r->rule[i].ident, ident)) return true;
    }
    return false;
}

struct limit_rules *limit_rules_new(const struct limit_rule *rules, size_t count)
{
    struct limit_rules *all = mem_zalloc(sizeof(*all));
    arena_init(&all->arena);
    all->rule = mem_zalloc(count * sizeof(*all->rule));
    all->count = count;
    for (size_t i = 0; i < count; i++) {
        struct rule *r = &all->rule[i];
        r->is = rules[i];
        r->is.name = arena_str(&all->arena, rules[i].name);
        r->is.where = arena_str(&all->arena, rules[i].where);
        for (int d = 0; d < SCOPE_DIMS; d++) {
            if (rules[i].scope.want[d].p) r->is.scope.want[d] = arena_str(&all->arena, rules[i].scope.want[d]);
        }
        size_t twin = 0;
        do {
            r->ident = make_ident(&all->arena, &r->is, twin++);
        } while (ident_taken(all, i, r->ident));
        r->ident_hash = hash_fnv(r->ident);
    }
    return all;
}

void limit_rules_drop(struct limit_rules *r)
{
    if (!r) return;
    arena_free(&r->arena);
    free(r->rule);
    free(r);
}

/* ---- the arithmetic */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The time that n units of a minute's limit stand for, rounded up; beyond the burst
 * it does not matter how far. */
static int64_t cost_ns(int64_t n, int64_t per_minute)
{
    if (n <= 0) return 0;
    __int128 ns = ((__int128)n * BURST_NS + per_minute - 1) / per_minute;
    return ns > 1000 * (__int128)BURST_NS ? 1000 * BURST_NS : (int64_t)ns;
}

/* How long until `cost` fits. */
static int64_t gcra_wait(const _Atomic int64_t *tat, int64_t now_ns, int64_t cost)
{
    return later(later(atomic_load(tat), now_ns) + cost - now_ns - BURST_NS, 0);
}

static bool gcra_take(_Atomic int64_t *tat, int64_t now_ns, int64_t cost, int64_t *until_ns)
{
    int64_t old = atomic_load(tat);
    do {
        *until_ns = later(old, now_ns) + cost;
        if (*until_ns - now_ns > BURST_NS) return false;
    } while (!atomic_compare_exchange_weak(tat, &old, *until_ns));
    return true;
}

static int64_t gcra_remaining(const _Atomic int64_t *tat, int64_t now_ns, int64_t per_minute)
{
    int64_t free_ns = BURST_NS - later(atomic_load(tat) - now_ns, 0);
    return free_ns <= 0 ? 0 : (int64_t)((__int128)free_ns * per_minute / BURST_NS);
}

/* ---- taking */

static bool enter_cell(struct limit_cell *c, int64_t concurrency)
{
    int32_t n = atomic_load(&c->in_flight);
    do {
        if (n < 0 || (concurrency && n >= concurrency)) return false;
    } while (!atomic_compare_exchange_weak(&c->in_flight, &n, n + 1));
    return true;
}

static void undo(struct place *p, int64_t request_ns, int64_t tokens_ns)
{
    atomic_fetch_sub(&p->cell->requests_tat_ns, request_ns);
    atomic_fetch_sub(&p->cell->tokens_tat_ns, tokens_ns);
    atomic_fetch_sub(&p->cell->in_flight, 1);
}

static bool take_place(struct place *p, int64_t now_ns)
{
    struct limit_cell *c = p->cell;
    int64_t until_ns;
    p->tokens_until_ns = 0;
    if (!enter_cell(c, p->rule->is.concurrency)) return false;
    if (p->request_ns && !gcra_take(&c->requests_tat_ns, now_ns, p->request_ns, &until_ns)) {
        undo(p, 0, 0);
        return false;
    }
    if (p->tokens_ns && !gcra_take(&c->tokens_tat_ns, now_ns, p->tokens_ns, &p->tokens_until_ns)) {
        undo(p, p->request_ns, 0);
        return false;
    }
    return true;
}

static bool take_all(struct place *place, size_t count, int64_t now_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (take_place(&place[i], now_ns)) continue;
        while (i-- > 0) undo(&place[i], place[i].request_ns, place[i].tokens_ns);
        return false;
    }
    return true;
}

/* ---- finding */

static struct limit_cell *make_cell(struct limits *l, struct cell_want *want)
{
    pthread_mutex_lock(&l->mutex);
    struct cell *c = cells_find(l->cells, want);
    if (!c && want->value.n && cells_full(l->cells)) {
        want->value = S("(other)");
        want->value_hash = cells_value_hash(l->cells, want->value);
        want->hash = cells_hash(want);
        c = cells_find(l->cells, want);
    }
    if (!c) {
        c = cells_prepare(l->cells, want);
        cells_publish(l->cells, c);
    }
    pthread_mutex_unlock(&l->mutex);
    return limit_cell_of(c);
}

static struct limit_cell *find_cell(struct limits *l, const struct rule *r, const struct payer *who)
{
    char bytes[SCOPE_TEXT_MAX];
    struct buf text = {.p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    scope_value(&r->is.scope, who, &text);
    struct cell_want want = {.name = r->ident, .name_hash = r->ident_hash, .value = buf_str(&text)};
    want.value_hash = cells_value_hash(l->cells, want.value);
    want.hash = cells_hash(&want);
    struct limit_cell *c = limit_cell_of(cells_find(l->cells, &want));
    /* A dead one is out of the index by the time its killer lets the mutex go. */
    return c && atomic_load(&c->in_flight) >= 0 ? c : make_cell(l, &want);
}

/* Returns false where more rules match than a call may have. */
static bool find_all(struct limits *l, const struct limit_rules *rules, const struct payer *who, int64_t tokens,
                     struct place *place, size_t *count, const struct limit_rule **extra)
{
    *count = 0;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *r = &rules->rule[i];
        if (!scope_matches(&r->is.scope, who)) continue;
        if (*count == LIMITS_PER_CALL_MAX) {
            *extra = &r->is;
            return false;
        }
        place[(*count)++] = (struct place){
            .rule = r,
            .cell = find_cell(l, r, who),
            .request_ns = r->is.requests_per_minute ? cost_ns(1, r->is.requests_per_minute) : 0,
            .tokens_ns = r->is.tokens_per_minute ? cost_ns(tokens, r->is.tokens_per_minute) : 0,
        };
    }
    return true;
}

/* ---- saying why */

/* The longest wait is the true one; never is longer than any. */
static void note_refusal(struct limit_state *s, const struct place *p, enum limit_kind kind, int64_t wait_us,
                         bool never)
{
    if (wait_us <= 0 && !never) return;
    if (s->refused && (s->never || (!never && wait_us <= s->retry_after_us))) return;
    s->refused = &p->rule->is;
    s->kind = kind;
    s->retry_after_us = wait_us;
    s->never = never;
}

static int64_t us_up(int64_t ns)
{
    return (later(ns, 0) + 999) / 1000;
}

static void find_refusal(const struct place *place, size_t count, int64_t now_ns, struct limit_state *s)
{
    for (const struct place *p = place; p < place + count; p++) {
        const struct limit_cell *c = p->cell;
        if (p->rule->is.concurrency && atomic_load(&c->in_flight) >= p->rule->is.concurrency)
            note_refusal(s, p, LIMIT_CONCURRENCY, CONCURRENCY_RETRY_US, false);
        if (p->request_ns)
            note_refusal(s, p, LIMIT_REQUESTS, us_up(gcra_wait(&c->requests_tat_ns, now_ns, p->request_ns)), false);
        if (p->tokens_ns)
            note_refusal(s, p, LIMIT_TOKENS, us_up(gcra_wait(&c->tokens_tat_ns, now_ns, p->tokens_ns)),
                         p->tokens_ns > BURST_NS);
    }
}

/* The figures of the rule that has least left, each for its own unit. */
static void find_tightest(const struct place *place, size_t count, int64_t now_ns, struct limit_state *s)
{
    for (const struct place *p = place; p < place + count; p++) {
        const struct limit_rule *r = &p->rule->is;
        const struct limit_cell *c = p->cell;
        if (r->requests_per_minute) {
            int64_t left = gcra_remaining(&c->requests_tat_ns, now_ns, r->requests_per_minute);
            if (!s->limit_requests || left < s->remaining_requests) {
                s->limit_requests = r->requests_per_minute;
                s->remaining_requests = left;
                s->reset_requests_us = us_up(atomic_load(&c->requests_tat_ns) - now_ns);
            }
        }
        if (r->tokens_per_minute) {
            int64_t left = gcra_remaining(&c->tokens_tat_ns, now_ns, r->tokens_per_minute);
            if (!s->limit_tokens || left < s->remaining_tokens) {
                s->limit_tokens = r->tokens_per_minute;
                s->remaining_tokens = left;
                s->reset_tokens_us = us_up(atomic_load(&c->tokens_tat_ns) - now_ns);
            }
        }
    }
}

/* ---- the interface */

static void take_fill(const struct place *place, size_t count, int64_t tokens, struct limit_take *out)
{
    out->count = (uint32_t)count;
    out->tokens = tokens > 0 ? tokens : 0;
    for (size_t i = 0; i < count; i++) {
        out->cell[i] = place[i].cell;
        out->rule[i] = &place[i].rule->is;
        out->tokens_until_ns[i] = place[i].tokens_until_ns;
    }
}

bool limits_take(struct limits *l, const struct limit_rules *rules, const struct payer *who, int64_t tokens,
                 int64_t mono_us, struct limit_take *out, struct limit_state *state)
{
    struct place place[LIMITS_PER_CALL_MAX];
    int64_t now_ns = mono_us * 1000;
    size_t count = 0;
    bool taken = false;
    *state = (struct limit_state){0};
    out->count = 0;
    unsigned section = cells_enter(l->cells);
    /* A refusal that nobody can explain was another's that did not last, or a cell
     * that died under our hands: look again. */
    while (!taken && !state->refused) {
        if (!find_all(l, rules, who, tokens, place, &count, &state->refused)) {
            state->never = true;
            break;
        }
        taken = take_all(place, count, now_ns);
        if (!taken) find_refusal(place, count, now_ns, state);
    }
    find_tightest(place, count, now_ns, state);
    if (taken) take_fill(place, count, tokens, out);
    cells_leave(l->cells, section);
    return taken;
}

/* The tokens of a take lie on the time line in front of `until`: what is past has
 * been given back by time, and giving it again would forgive other calls theirs. */
static void correct_tokens(struct limit_cell *c, int64_t per_minute, int64_t until_ns, int64_t more, int64_t now_ns)
{
    if (more < 0) {
        int64_t back_ns = cost_ns(-more, per_minute), ahead_ns = later(until_ns - now_ns, 0);
        atomic_fetch_sub(&c->tokens_tat_ns, back_ns < ahead_ns ? back_ns : ahead_ns);
        return;
    }
    int64_t old = atomic_load(&c->tokens_tat_ns), cost = cost_ns(more, per_minute);
    while (!atomic_compare_exchange_weak(&c->tokens_tat_ns, &old, later(old, now_ns) + cost)) continue;
}

void limits_give_at(struct limits *l, struct limit_take *take, int64_t tokens_used, int64_t mono_us)
{
    (void)l;
    int64_t more = (tokens_used > 0 ? tokens_used : 0) - take->tokens;
    for (uint32_t i = 0; i < take->count; i++) {
        int64_t per_minute = take->rule[i]->tokens_per_minute;
        if (per_minute && more)
            correct_tokens(take->cell[i], per_minute, take->tokens_until_ns[i], more, mono_us * 1000);
        atomic_fetch_sub(&take->cell[i]->in_flight, 1); /* last: it unpins the cell */
    }
    take->count = 0;
}

void limits_give(struct limits *l, struct limit_take *take, int64_t tokens_used)
{
    limits_give_at(l, take, tokens_used, time_mono_us());
}

/* ---- sweeping */

/* Under the mutex. A cell that is full again tells nothing that a new one would not. */
static bool kill_cell(struct limit_cell *c, int64_t now_ns)
{
    int32_t none = 0;
    if (!atomic_compare_exchange_strong(&c->in_flight, &none, IN_FLIGHT_DEAD)) return false;
    if (atomic_load(&c->requests_tat_ns) <= now_ns && atomic_load(&c->tokens_tat_ns) <= now_ns) return true;
    atomic_store(&c->in_flight, 0);
    return false;
}

void limits_sweep(struct limits *l, int64_t mono_us)
{
    for (uint32_t at = 0, end = 1; at < end;) {
        pthread_mutex_lock(&l->mutex);
        end = cells_numbers(l->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            struct limit_cell *c = limit_cell_of(cells_at(l->cells, at));
            if (c && kill_cell(c, mono_us * 1000)) cells_unlink(l->cells, &c->id);
        }
        cells_reclaim(l->cells);
        pthread_mutex_unlock(&l->mutex);
    }
    bool done = false;
    for (int i = 0; i < RECLAIM_TRIES && !done; i++) {
        pthread_mutex_lock(&l->mutex);
        done = cells_reclaim(l->cells);
        pthread_mutex_unlock(&l->mutex);
        if (!done) sched_yield(); /* else at the next sweep */
    }
}

int64_t limits_in_flight(struct limits *l)
{
    int64_t sum = 0;
    for (uint32_t at = 0, end = 1; at < end;) {
        pthread_mutex_lock(&l->mutex);
        end = cells_numbers(l->cells);
        for (uint32_t stop = at + BATCH; at < stop && at < end; at++) {
            const struct limit_cell *c = limit_cell_of(cells_at(l->cells, at));
            if (c) sum += later(atomic_load(&c->in_flight), 0);
        }
        pthread_mutex_unlock(&l->mutex);
    }
    return sum;
}

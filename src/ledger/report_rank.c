#include "ledger/report_rank.h"

#include "base/err.h"

#include <stdlib.h>

/* The dearest of very many: part by part of the hashes, so that a part's names fit into the processor's cache, from
 * the columns that decide it alone. */

enum { LOOSE_MAX = 4 << 20 };

static inline int64_t add_up(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* ---- what no crowd answers for */

static uint32_t *loose_slot(const struct loose *l, uint64_t hash)
{
    size_t mask = 2 * l->cap - 1, at = hash & mask;
    while (l->slots[at] && l->names[l->slots[at] - 1].rank.hash != hash) at = (at + 1) & mask;
    return &l->slots[at];
}

static void loose_grow(struct loose *l)
{
    l->cap = l->cap ? l->cap * 2 : 1024;
    l->names = mem_realloc(l->names, l->cap * sizeof(*l->names));
    free(l->slots);
    l->slots = mem_zalloc(2 * l->cap * sizeof(*l->slots));
    for (size_t i = 0; i < l->count; i++) *loose_slot(l, l->names[i].rank.hash) = (uint32_t)i + 1;
}

/* Fails: NULL beyond the ceiling. */
static struct loose_name *loose_at(struct loose *l, uint64_t hash, str name)
{
    if (l->count == l->cap) loose_grow(l);
    uint32_t *slot = loose_slot(l, hash);
    if (*slot) return &l->names[*slot - 1];
    if (l->count == LOOSE_MAX) return NULL;
    l->names[l->count++] = (struct loose_name){.rank.hash = hash, .name = arena_str(&l->arena, name)};
    *slot = (uint32_t)l->count;
    return &l->names[l->count - 1];
}

const struct loose_name *loose_find(const struct loose *l, uint64_t hash)
{
    if (!l->count) return NULL;
    uint32_t slot = *loose_slot(l, hash);
    return slot ? &l->names[slot - 1] : NULL;
}

static str column_str(sqlite3_stmt *q, int at)
{
    const char *text = sqlite3_column_blob(q, at); /* the same bytes, without a copy for a NUL behind them */
    return str_of(text, (size_t)sqlite3_column_bytes(q, at));
}

static bool take_rollup(struct ranking *r, sqlite3_stmt *q)
{
    str name = column_str(q, 0);
    struct loose_name *n = loose_at(&r->loose, crowd_hash(r->s->scan->plan->key, name), name);
    if (!n) return false;
    n->rank.cost = add_up(n->rank.cost, sqlite3_column_int64(q, 1));
    n->rank.unpriced = add_up(n->rank.unpriced, sqlite3_column_int64(q, 2));
    n->rank.attempts = add_up(n->rank.attempts, sqlite3_column_int64(q, 3));
    return true;
}

static bool take_row(struct ranking *r, sqlite3_stmt *q, bool back)
{
    struct loose *l = &r->loose;
    str name = column_str(q, 0);
    uint64_t hash = crowd_hash(r->s->scan->plan->key, name);
    bool unpriced = str_eq(column_str(q, 2), cost_state_name(COST_UNPRICED));
    int64_t cost = sqlite3_column_int64(q, 1), sign = back ? -1 : 1;
    struct loose_name *n = loose_at(l, hash, name);
    if (!n) return false;
    if (unpriced)
        n->rank.unpriced = add_up(n->rank.unpriced, sign * cost);
    else
        n->rank.cost = add_up(n->rank.cost, sign * cost);
    n->rank.attempts += sign;
    if (l->row_count == l->row_cap) {
        l->row_cap = l->row_cap ? l->row_cap * 2 : 1024;
        l->rows = mem_realloc(l->rows, l->row_cap * sizeof(*l->rows));
    }
    l->rows[l->row_count++] = (struct loose_row){hash, sqlite3_column_int64(q, 3), back};
    return true;
}

static bool read_loose(struct ranking *r, const struct slice *slice)
{
    struct scanner *s = r->s;
    bool rollup = slice->source == SOURCE_DAY, ok = true;
    sqlite3_stmt **q = &s->q[slice->source];
    if (!*q) *q = plan_prepare_rank(s->scan->plan, slice->source, s->db);
    if (!*q) return false;
    sqlite3_bind_int64(*q, 1, slice->from);
    sqlite3_bind_int64(*q, 2, slice->until);
    int rc = SQLITE_ROW;
    for (uint32_t n = 0; ok && (rc = sqlite3_step(*q)) == SQLITE_ROW; n++) {
        ok = rollup ? take_rollup(r, *q) : take_row(r, *q, slice->back);
        if (!ok) buf_add(&s->why, groups_too_many());
        if (n % 4096 == 4095) ok = ok && scan_may_go_on(s);
    }
    sqlite3_reset(*q);
    return ok && rc == SQLITE_DONE;
}

/* ---- a part's names */

/* Slots lie in the order of hashes, and so do the entries of a crowd: adding one up goes through them once. */
struct table {
    struct rank *slots; /* hash 0: free */
    unsigned bits;
    size_t count;
};

static struct rank *slot_of(const struct table *t, uint64_t hash)
{
    size_t mask = ((size_t)1 << t->bits) - 1, at = (size_t)(hash << CROWD_PART_BITS >> (64 - t->bits));
    while (t->slots[at].hash && t->slots[at].hash != hash) at = (at + 1) & mask;
    return &t->slots[at];
}

static void table_clear(struct table *t, size_t expected)
{
    unsigned bits = 10;
    while (((size_t)1 << bits) < 2 * expected) bits++;
    if (bits > t->bits || !t->slots) {
        free(t->slots);
        t->slots = mem_alloc(sizeof(*t->slots) << bits);
        t->bits = bits;
    }
    memset(t->slots, 0, sizeof(*t->slots) << t->bits);
    t->count = 0;
}

static void table_grow(struct table *t)
{
    struct table was = *t;
    t->bits++;
    t->slots = mem_zalloc(sizeof(*t->slots) << t->bits);
    for (size_t i = 0; i < (size_t)1 << was.bits; i++) {
        if (was.slots[i].hash) *slot_of(t, was.slots[i].hash) = was.slots[i];
    }
    free(was.slots);
}

static struct rank *table_at(struct table *t, uint64_t hash)
{
    struct rank *slot = slot_of(t, hash);
    if (slot->hash) return slot;
    if (++t->count * 4 > (size_t)3 << t->bits) {
        table_grow(t);
        slot = slot_of(t, hash);
    }
    slot->hash = hash;
    return slot;
}

/* ---- crowds */

struct open_head {
    struct crowd_head head;
    uint32_t crowd, number;
    bool *passes; /* of each entry; NULL: all do */
};

/* Heads that lie open: a part's, or all of the small crowds, which have but one. */
struct heads {
    struct arena arena;
    struct open_head *of;
    size_t count;
};

/* Which entries the filters let through. */
static bool filter_head(const struct plan *p, struct open_head *h, struct arena *arena)
{
    const bool *features = plan_features_that_pass(p, h->head.features, h->head.feature_count, arena);
    struct crowd_walk walk;
    enum crowd_step step;
    if (!features) return true;
    h->passes = arena_zalloc(arena, h->head.count + 1);
    crowd_walk_begin(&walk, &h->head, h->number);
    for (uint32_t i = 0; (step = crowd_walk_next(&walk)) == CROWD_ENTRY; i++) h->passes[i] = features[walk.place];
    return step == CROWD_END;
}

static bool damaged(struct ranking *r)
{
    buf_add(&r->s->why, S("a packed day is damaged; 'purser ledger verify' tells more"));
    return false;
}

/* Fails: false. Where there is none, or one of the wrong size, nothing is opened. */
static bool open_head(struct ranking *r, size_t crowd, uint32_t number, bool small, struct heads *out)
{
    const struct plan *p = r->s->scan->plan;
    struct open_head *h = &out->of[out->count];
    str body;
    if (!scan_read_row(r->s, p->crowds[crowd].kind, number, p->crowds[crowd].day_us, &body)) return false;
    if (!body.n) return true;
    *h = (struct open_head){.crowd = (uint32_t)crowd, .number = number};
    if (!crowd_open(&h->head, &out->arena, arena_str(&out->arena, body))) return damaged(r);
    if ((h->head.heads == 1) != small) return true;
    if (!filter_head(p, h, &out->arena)) return damaged(r);
    out->count++;
    return true;
}

static bool open_heads(struct ranking *r, uint32_t number, bool small, struct heads *out)
{
    bool ok = true;
    arena_free(&out->arena);
    out->count = 0;
    for (size_t i = 0; ok && i < r->s->scan->plan->crowd_count; i++) ok = open_head(r, i, number, small, out);
    return ok;
}

/* Each entry that passes, in order. Inlined: there are millions. */
static inline __attribute__((always_inline)) bool
each_entry(const struct open_head *h, void (*take)(void *ctx, const struct rank *entry), void *ctx)
{
    str costs = h->head.costs, attempts = h->head.attempts, unpriced = h->head.unpriced;
    bool no_costs = !costs.n, no_attempts = !attempts.n, no_unpriced = !unpriced.n;
    for (uint32_t i = 0; i < h->head.count; i++) {
        uint64_t c, a, u;
        if (!crowd_next(&costs, no_costs, &c) || !crowd_next(&attempts, no_attempts, &a) ||
            !crowd_next(&unpriced, no_unpriced, &u))
            return false;
        if (h->passes && !h->passes[i]) continue;
        take(ctx, &(struct rank){crowd_hash_at(&h->head, i), varint_unfold(c), varint_unfold(u), varint_unfold(a)});
    }
    return true;
}

/* ---- the best */

/* Is `a` in front of `b`? */
static bool is_before(const struct rank *a, const struct rank *b)
{
    if (a->cost != b->cost) return a->cost > b->cost;
    if (a->unpriced != b->unpriced) return a->unpriced > b->unpriced;
    if (a->attempts != b->attempts) return a->attempts > b->attempts;
    return a->hash < b->hash;
}

static void sift_down(struct rank *heap, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(&heap[child], &heap[child + 1])) child++;
        if (is_before(&heap[child], &heap[at])) return;
        struct rank swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

static void sift_up(struct rank *heap, size_t at)
{
    for (size_t up; at && (up = (at - 1) / 2, is_before(&heap[up], &heap[at])); at = up) {
        struct rank swap = heap[at];
        heap[at] = heap[up];
        heap[up] = swap;
    }
}

static void offer(struct ranking *r, const struct rank *candidate)
{
    if (r->best_count < r->best_max) {
        r->best[r->best_count] = *candidate;
        sift_up(r->best, r->best_count++);
    } else if (is_before(candidate, &r->best[0])) {
        r->best[0] = *candidate;
        sift_down(r->best, r->best_count, 0);
    }
}

static int compare_hashes(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

size_t ranking_find(const struct ranking *r, uint64_t hash)
{
    struct rank key = {.hash = hash};
    const struct rank *found =
        r->best_count ? bsearch(&key, r->best, r->best_count, sizeof(key), compare_hashes) : NULL;
    return found ? (size_t)(found - r->best) : SIZE_MAX;
}

/* Where somebody stands in these heads. */
static void note_places(struct ranking *r, const struct heads *heads, uint64_t hash)
{
    for (size_t i = 0; i < heads->count; i++) {
        const struct open_head *h = &heads->of[i];
        for (uint32_t e = crowd_find(&h->head, hash); e < h->head.count && crowd_hash_at(&h->head, e) == hash; e++) {
            if (h->passes && !h->passes[e]) continue;
            if (r->place_count == r->place_cap) {
                r->place_cap = r->place_cap ? r->place_cap * 2 : 4096;
                r->places = mem_realloc(r->places, r->place_cap * sizeof(*r->places));
            }
            r->places[r->place_count++] = (struct rank_place){hash, h->crowd, h->number, e};
        }
    }
}

/* ---- part by part */

/* What has a place in every part: what no crowd answers for, and small crowds. */
struct strays {
    struct rank *all; /* by part */
    size_t count, cap, from[CROWD_PARTS + 1];
};

static void take_stray(void *ctx, const struct rank *entry)
{
    struct strays *s = ctx;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4096;
        s->all = mem_realloc(s->all, s->cap * sizeof(*s->all));
    }
    s->all[s->count++] = *entry;
}

static void sort_strays(struct strays *s)
{
    size_t at[CROWD_PARTS + 1] = {0};
    struct rank *sorted = mem_alloc((s->count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < s->count; i++) at[crowd_part(s->all[i].hash) + 1]++;
    for (int part = 0; part < CROWD_PARTS; part++) at[part + 1] += at[part];
    memcpy(s->from, at, sizeof(at));
    for (size_t i = 0; i < s->count; i++) sorted[at[crowd_part(s->all[i].hash)]++] = s->all[i];
    free(s->all);
    s->all = sorted;
}

static inline void take_entry(void *ctx, const struct rank *entry)
{
    struct table *t = ctx;
    struct rank *to = table_at(t, entry->hash);
    to->cost = add_up(to->cost, entry->cost);
    to->unpriced = add_up(to->unpriced, entry->unpriced);
    to->attempts = add_up(to->attempts, entry->attempts);
}

struct ranker {
    struct strays strays;
    struct heads small, heads;
    struct table table;
};

static bool rank_part(struct ranking *r, struct ranker *k, uint32_t part)
{
    struct table *t = &k->table;
    size_t expected = k->strays.from[part + 1] - k->strays.from[part];
    if (!open_heads(r, part, false, &k->heads)) return false;
    for (size_t i = 0; i < k->heads.count; i++) {
        if (k->heads.of[i].head.count > expected) expected = k->heads.of[i].head.count;
    }
    table_clear(t, expected);
    for (size_t i = k->strays.from[part]; i < k->strays.from[part + 1]; i++) take_entry(t, &k->strays.all[i]);
    for (size_t i = 0; i < k->heads.count; i++) {
        if (!each_entry(&k->heads.of[i], take_entry, t)) return damaged(r);
    }
    for (size_t i = 0; i < (size_t)1 << t->bits; i++) {
        if (!t->slots[i].hash || !t->slots[i].attempts) continue; /* all of it was taken off again */
        r->names++;
        offer(r, &t->slots[i]);
    }
    /* while they lie open: some will be driven out by those of later parts */
    for (size_t i = 0; i < r->best_count; i++) {
        uint64_t hash = r->best[i].hash;
        if (crowd_part(hash) != part) continue;
        note_places(r, &k->heads, hash);
        note_places(r, &k->small, hash);
    }
    return scan_may_go_on(r->s);
}

static bool read_strays(struct ranking *r, struct ranker *k)
{
    const struct plan *p = r->s->scan->plan;
    bool ok = true;
    for (size_t i = 0; ok && i < p->slice_count; i++) ok = read_loose(r, &p->slices[i]);
    for (size_t i = 0; i < r->loose.count; i++) take_stray(&k->strays, &r->loose.names[i].rank);
    ok = ok && open_heads(r, 0, true, &k->small);
    for (size_t i = 0; ok && i < k->small.count; i++) {
        ok = each_entry(&k->small.of[i], take_stray, &k->strays);
        if (!ok) return damaged(r);
    }
    sort_strays(&k->strays);
    return ok;
}

bool ranking_make(struct ranking *r, struct scanner *s, size_t most)
{
    struct ranker k = {0};
    size_t crowds = s->scan->plan->crowd_count;
    *r = (struct ranking){.s = s, .best_max = most};
    r->best = mem_alloc((most + 1) * sizeof(*r->best));
    arena_init(&r->loose.arena);
    arena_init(&k.small.arena);
    arena_init(&k.heads.arena);
    k.small.of = mem_alloc((crowds + 1) * sizeof(*k.small.of));
    k.heads.of = mem_alloc((crowds + 1) * sizeof(*k.heads.of));
    bool ok =
        read_strays(r, &k) && sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK; /* thousands of reads */
    for (uint32_t part = 0; ok && part < CROWD_PARTS; part++) {
        ok = rank_part(r, &k, part);
        atomic_fetch_add(&s->scan->done, 1);
    }
    if (ok && r->best_count) qsort(r->best, r->best_count, sizeof(*r->best), compare_hashes);
    arena_free(&k.small.arena);
    arena_free(&k.heads.arena);
    free(k.small.of);
    free(k.heads.of);
    free(k.strays.all);
    free(k.table.slots);
    return ok;
}

void ranking_free(struct ranking *r)
{
    free(r->best);
    free(r->places);
    free(r->loose.names);
    free(r->loose.slots);
    free(r->loose.rows);
    arena_free(&r->loose.arena);
}

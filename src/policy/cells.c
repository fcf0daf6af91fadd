#include "policy/cells.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    CHUNK_FIRST = 64, /* cells; chunk k has CHUNK_FIRST << k */
    CHUNKS = 26,      /* 64 x (2^26 - 1) cells: the 32 bits of a slot */
    INDEX_BITS_FIRST = 8,
    HUGE_BYTES = 2 * 1024 * 1024,
};

/* Low half of a slot; the high half is the cell's hash. */
enum { SLOT_EMPTY, SLOT_GONE, SLOT_FIRST };

/* The index. */
struct view {
    struct view *next; /* in a list of replaced ones */
    unsigned bits;
    size_t filled; /* slots that are not empty */
    _Alignas(64) _Atomic uint64_t slot[];
};

struct stripe {
    _Alignas(64) _Atomic uint32_t readers;
};

/* Unlinked cells and replaced indexes: `fresh` since the last look, `aging` while
 * the stripes in `unseen` have not been seen empty. */
struct limbo {
    struct cell *fresh, *aging;
    struct view *fresh_views, *aging_views;
    uint64_t unseen;
};

struct cells {
    _Atomic(struct view *) view;
    unsigned char *chunk[CHUNKS];
    struct hash_key key;
    size_t max, live;
    uint32_t numbers; /* ever handed out */
    struct cell *unused;
    struct limbo limbo;
    struct cell_name *names;
    void (*clean)(struct cell *);
    struct stripe stripe[CELL_STRIPES];
};

_Static_assert(CELL_OWNER_BYTES + sizeof(struct cell) == CELL_BYTES, "a cell fills two cache lines");
_Static_assert(CELL_STRIPES == 64, "one bit a stripe");

/* Large pieces ask for huge pages: a million cells in 4 kB pages would miss the
 * TLB at every call. */
static void *alloc_lines(size_t size)
{
    bool huge = size >= HUGE_BYTES;
    size_t align = huge ? HUGE_BYTES : CELL_BYTES;
    size = (size + align - 1) & ~(align - 1);
    void *p = aligned_alloc(align, size);
    if (!p) {
        fprintf(stderr, "purser: out of memory (%zu bytes asked)\n", size);
        abort();
    }
    if (huge) madvise(p, size, MADV_HUGEPAGE); /* a wish: small pages work too */
    return p;
}

static struct view *view_new(unsigned bits)
{
    size_t slots = (size_t)1 << bits;
    struct view *v = alloc_lines(sizeof(*v) + slots * sizeof(v->slot[0]));
    v->next = NULL;
    v->bits = bits;
    v->filled = 0;
    for (size_t i = 0; i < slots; i++) atomic_init(&v->slot[i], 0);
    return v;
}

struct cells *cells_new(struct hash_key key, size_t max, void (*clean)(struct cell *))
{
    struct cells *t = alloc_lines(sizeof(*t));
    memset(t, 0, sizeof(*t));
    t->key = key;
    t->max = max;
    t->clean = clean;
    atomic_init(&t->view, view_new(INDEX_BITS_FIRST));
    return t;
}

static struct cell *cell_numbered(const struct cells *t, uint32_t number)
{
    uint64_t n = (uint64_t)number + CHUNK_FIRST;
    int chunk = 63 - __builtin_clzll(n) - 6; /* CHUNK_FIRST is 2^6 */
    size_t at = n - ((uint64_t)CHUNK_FIRST << chunk);
    return (struct cell *)(void *)(t->chunk[chunk] + at * CELL_BYTES + CELL_OWNER_BYTES);
}

static void cell_clear(struct cells *t, struct cell *c)
{
    if (t->clean) t->clean(c);
    if (c->value_n > CELL_NEAR_BYTES) free(c->value.far);
    c->value_n = 0;
}

static void views_free(struct view *v)
{
    for (struct view *next; v; v = next) {
        next = v->next;
        free(v);
    }
}

void cells_drop(struct cells *t)
{
    if (!t) return;
    for (struct cell *c = t->unused; c; c = c->next) c->number = UINT32_MAX; /* cleared already */
    for (uint32_t i = 0; i < t->numbers; i++) {
        struct cell *c = cell_numbered(t, i);
        if (c->number != UINT32_MAX) cell_clear(t, c);
    }
    for (size_t i = 0; i < COUNT_OF(t->chunk); i++) free(t->chunk[i]);
    for (struct cell_name *n = t->names, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    views_free(t->limbo.fresh_views);
    views_free(t->limbo.aging_views);
    free(atomic_load(&t->view));
    free(t);
}

unsigned cells_enter(struct cells *t)
{
    /* Threads' descriptors lie pages apart: the multiplication spreads them. */
    uint64_t self = (uint64_t)(uintptr_t)pthread_self();
    unsigned section = (unsigned)((self * 0x9e3779b97f4a7c15u) >> 58);
    atomic_fetch_add(&t->stripe[section].readers, 1);
    return section;
}

void cells_leave(struct cells *t, unsigned section)
{
    atomic_fetch_sub(&t->stripe[section].readers, 1);
}

uint64_t cells_value_hash(const struct cells *t, str value)
{
    return value.n ? hash_sip(t->key, value.p, value.n) : 0;
}

/* By the hash's top bits: growing keeps the order, and reads and writes in a line. */
static size_t slot_first(const struct view *v, uint32_t hash)
{
    return hash >> (32 - v->bits);
}

str cell_value(const struct cell *c)
{
    return str_of(c->value_n > CELL_NEAR_BYTES ? c->value.far : c->value.near, c->value_n);
}

static bool cell_is(const struct cell *c, const struct cell_want *w)
{
    return c->window_start_us == w->window_start_us && c->value_n == w->value.n && c->name->hash == w->name_hash &&
           str_eq(c->name->text, w->name) && str_eq(cell_value(c), w->value);
}

void cells_prefetch_slot(const struct cells *t, uint32_t hash)
{
    const struct view *v = atomic_load(&t->view);
    __builtin_prefetch((const char *)&v->slot[slot_first(v, hash)]);
}

void cells_prefetch(const struct cells *t, uint32_t hash)
{
    const struct view *v = atomic_load(&t->view);
    size_t mask = ((size_t)1 << v->bits) - 1;
    for (size_t i = slot_first(v, hash);; i = (i + 1) & mask) {
        uint64_t slot = atomic_load(&v->slot[i]);
        if ((uint32_t)slot == SLOT_EMPTY) return;
        if ((uint32_t)slot == SLOT_GONE || (uint32_t)(slot >> 32) != hash) continue;
        const char *c = (const char *)cell_numbered(t, (uint32_t)slot - SLOT_FIRST);
        __builtin_prefetch(c - CELL_OWNER_BYTES, 1);
        __builtin_prefetch(c - CELL_OWNER_BYTES + 64);
        return;
    }
}

struct cell *cells_find(const struct cells *t, const struct cell_want *want)
{
    const struct view *v = atomic_load(&t->view);
    uint32_t hash = want->hash;
    size_t mask = ((size_t)1 << v->bits) - 1;
    for (size_t i = slot_first(v, hash);; i = (i + 1) & mask) {
        uint64_t slot = atomic_load(&v->slot[i]);
        if ((uint32_t)slot == SLOT_EMPTY) return NULL;
        if ((uint32_t)slot == SLOT_GONE || (uint32_t)(slot >> 32) != hash) continue;
        struct cell *c = cell_numbered(t, (uint32_t)slot - SLOT_FIRST);
        if (cell_is(c, want)) return c;
    }
}

bool cells_full(const struct cells *t)
{
    return t->live >= t->max;
}

static void view_put(struct view *v, uint64_t slot)
{
    size_t mask = ((size_t)1 << v->bits) - 1;
    size_t i = slot_first(v, (uint32_t)(slot >> 32));
    while ((uint32_t)atomic_load_explicit(&v->slot[i], memory_order_relaxed) != SLOT_EMPTY) i = (i + 1) & mask;
    atomic_store(&v->slot[i], slot);
    v->filled++;
}

/* Keeps at least three slots of eight empty: probes stay within a cache line or two. */
static void view_make_room(struct cells *t)
{
    struct view *old = atomic_load(&t->view);
    size_t slots = (size_t)1 << old->bits;
    if ((old->filled + 1) * 8 <= slots * 5) return;
    unsigned bits = old->bits;
    if ((t->live + 1) * 8 > slots * 3) bits++; /* else it is full of gone ones */
    struct view *new = view_new(bits);
    for (size_t i = 0; i < slots; i++) {
        uint64_t slot = atomic_load_explicit(&old->slot[i], memory_order_relaxed);
        if ((uint32_t)slot >= SLOT_FIRST) view_put(new, slot);
    }
    atomic_store(&t->view, new);
    old->next = t->limbo.fresh_views;
    t->limbo.fresh_views = old;
}

static struct cell *cell_unused(struct cells *t)
{
    struct cell *c = t->unused;
    if (c) {
        t->unused = c->next;
        return c;
    }
    uint32_t number = t->numbers++;
    uint64_t n = (uint64_t)number + CHUNK_FIRST;
    int chunk = 63 - __builtin_clzll(n) - 6;
    if (!t->chunk[chunk]) t->chunk[chunk] = alloc_lines(((size_t)CHUNK_FIRST << chunk) * CELL_BYTES);
    c = cell_numbered(t, number);
    c->number = number;
    return c;
}

struct cell *cells_prepare(struct cells *t, const struct cell_want *want)
{
    struct cell *c = cell_unused(t);
    memset((char *)c - CELL_OWNER_BYTES, 0, CELL_OWNER_BYTES);
    c->name = cells_name(t, want->name, want->name_hash);
    c->window_start_us = want->window_start_us;
    c->hash = want->hash;
    c->value_n = (uint16_t)want->value.n;
    c->live = false;
    atomic_init(&c->named, false);
    char *to = c->value.near;
    if (want->value.n > CELL_NEAR_BYTES) to = c->value.far = mem_alloc(want->value.n);
    if (want->value.n) memcpy(to, want->value.p, want->value.n);
    c->next = NULL;
    return c;
}

void cells_publish(struct cells *t, struct cell *c)
{
    view_make_room(t);
    c->live = true;
    t->live++;
    view_put(atomic_load(&t->view), (uint64_t)c->hash << 32 | (c->number + SLOT_FIRST));
}

void cells_unlink(struct cells *t, struct cell *c)
{
    struct view *v = atomic_load(&t->view);
    size_t mask = ((size_t)1 << v->bits) - 1;
    size_t i = slot_first(v, c->hash);
    while ((uint32_t)atomic_load_explicit(&v->slot[i], memory_order_relaxed) != c->number + SLOT_FIRST)
        i = (i + 1) & mask;
    atomic_store(&v->slot[i], SLOT_GONE);
    c->live = false;
    t->live--;
    c->next = t->limbo.fresh;
    t->limbo.fresh = c;
}

bool cells_reclaim(struct cells *t)
{
    struct limbo *l = &t->limbo;
    if (!l->aging && !l->aging_views) {
        l->aging = l->fresh;
        l->aging_views = l->fresh_views;
        l->fresh = NULL;
        l->fresh_views = NULL;
        l->unseen = UINT64_MAX;
        if (!l->aging && !l->aging_views) return true;
    }
    for (unsigned i = 0; i < CELL_STRIPES; i++) {
        if (atomic_load(&t->stripe[i].readers) == 0) l->unseen &= ~(UINT64_C(1) << i);
    }
    if (l->unseen) return false;
    for (struct cell *c = l->aging, *next; c; c = next) {
        next = c->next;
        cell_clear(t, c);
        c->next = t->unused;
        t->unused = c;
    }
    views_free(l->aging_views);
    l->aging = NULL;
    l->aging_views = NULL;
    return !l->fresh && !l->fresh_views;
}

struct cell_name *cells_names(const struct cells *t)
{
    return t->names;
}

struct cell_name *cells_name(struct cells *t, str text, uint64_t hash)
{
    for (struct cell_name *n = t->names; n; n = n->next) {
        if (n->hash == hash && str_eq(n->text, text)) return n;
    }
    struct cell_name *n = mem_alloc(sizeof(*n) + text.n);
    char *copy = (char *)(n + 1);
    if (text.n) memcpy(copy, text.p, text.n);
    *n = (struct cell_name){.next = t->names, .hash = hash, .text = str_of(copy, text.n)};
    t->names = n;
    return n;
}

uint32_t cells_numbers(const struct cells *t)
{
    return t->numbers;
}

struct cell *cells_at(const struct cells *t, uint32_t number)
{
    struct cell *c = cell_numbered(t, number);
    return c->live ? c : NULL;
}

/* A table of counters (cells) that is read without a lock; budgets and limits
 * put their own counters in front of what stands here.
 *
 * - A cell is 128 bytes on cache lines of its own and never moves. Cells lie in
 *   chunks, each twice as large as the last, so that few cost little and a million
 *   lie densely (in huge pages, where the machine has them).
 * - They are found through an index of 8-byte slots: 32 bits of hash, 32 bits of
 *   cell number; one cache miss for the slot, one for the cell. A hit is certain
 *   only when name, value and window start are equal, not the hash alone.
 * - Whatever changes the table (prepare, publish, unlink, reclaim) runs under the
 *   owner's mutex. Readers take no lock: they stand in a read section, which is a
 *   counter in one of 64 stripes, chosen by thread.
 * - An unlinked cell may be used again only when every stripe has been seen at zero
 *   after the unlinking, at any moment, one after the other: whoever was inside
 *   then has left, and whoever came later could no longer find it. (RCU's idea,
 *   with counters for epochs: the sweeper asks, it never waits.)
 * - Whoever keeps a pointer beyond its read section must pin the cell by a counter
 *   of the owner's, which the owner looks at before it unlinks. */
#ifndef POLICY_CELLS_H
#define POLICY_CELLS_H

#include "base/hash.h"
#include "base/str.h"

#include <stdatomic.h>

enum {
    CELL_BYTES = 128,
    CELL_OWNER_BYTES = 48, /* the owner's counters, in front of struct cell */
    CELL_NEAR_BYTES = 40,  /* longer values lie elsewhere */
    CELL_STRIPES = 64,
};

/* A budget's or limit's name, once for all its cells. Lives as long as the table. */
struct cell_name {
    struct cell_name *next;
    uint64_t hash;
    int64_t keep_from_us;     /* for the owner's sweep: windows that began earlier are over */
    int64_t unknown_since_us; /* likewise: no rule has this name; 0: one has */
    str text;
};

struct cell {
    const struct cell_name *name;
    int64_t window_start_us;
    uint32_t hash, number;
    uint16_t value_n;
    bool live;         /* in the index; under the owner's mutex */
    atomic_bool named; /* the ledger knows it */
    union {
        char near[CELL_NEAR_BYTES];
        char *far;
    } value;
    struct cell *next; /* in one of the table's lists of unused cells */
};

/* What is looked for. */
struct cell_want {
    str name, value;
    uint64_t name_hash;  /* hash_fnv() of the name */
    uint64_t value_hash; /* cells_value_hash() of the value */
    int64_t window_start_us;
    uint32_t hash; /* cells_hash() of the rest */
};

struct cells;

/* `clean` frees what the owner hangs on a cell. Beyond `max` cells cells_full(). */
struct cells *cells_new(struct hash_key key, size_t max, void (*clean)(struct cell *));
void cells_drop(struct cells *t);

/* A read section: short, may nest. */
unsigned cells_enter(struct cells *t);
void cells_leave(struct cells *t, unsigned section);

/* Keyed, since peers choose values; 0 for the empty one. */
uint64_t cells_value_hash(const struct cells *t, str value);
static inline uint32_t cells_hash(const struct cell_want *want)
{
    uint64_t h = want->value_hash ^ want->name_hash ^ ((uint64_t)want->window_start_us * 0x9e3779b97f4a7c15u);
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}
/* Brings slot and cell of a cells_hash() into the cache; touches nothing else.
 * Thread: in a read section. */
void cells_prefetch_slot(const struct cells *t, uint32_t hash);
void cells_prefetch(const struct cells *t, uint32_t hash);
/* NULL where there is none. Thread: in a read section or under the mutex. */
struct cell *cells_find(const struct cells *t, const struct cell_want *want);
str cell_value(const struct cell *c);
/* All below: under the owner's mutex. */
bool cells_full(const struct cells *t);
/* A cell that nobody sees yet, the owner's bytes zero; then publish it. */
struct cell *cells_prepare(struct cells *t, const struct cell_want *want);
void cells_publish(struct cells *t, struct cell *c);
/* Takes it out of the index; it is used again after cells_reclaim() says so. */
void cells_unlink(struct cells *t, struct cell *c);
/* Looks whether readers are gone; true when nothing waits for them any more. */
bool cells_reclaim(struct cells *t);
struct cell_name *cells_names(const struct cells *t);
struct cell_name *cells_name(struct cells *t, str text, uint64_t hash);
/* Cells by number, for walks that let the mutex go in between: NULL where none lives. */
uint32_t cells_numbers(const struct cells *t);
struct cell *cells_at(const struct cells *t, uint32_t number);

#endif

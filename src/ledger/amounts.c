#include "ledger/amounts.h"

#include "base/arena.h"

#include <stdlib.h>

void amounts_init(struct amounts *a)
{
    *a = (struct amounts){0};
}

void amounts_free(struct amounts *a)
{
    free(a->slots);
    amounts_init(a);
}

void amounts_clear(struct amounts *a)
{
    if (a->count) memset(a->slots, 0, a->cap * sizeof(*a->slots));
    a->count = 0;
}

/* Keys are hashes under a secret, or our own counters: the high half spreads both. */
static struct amount *slot_of(const struct amounts *a, uint64_t key)
{
    size_t i = (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (a->cap - 1);
    while (a->slots[i].used && a->slots[i].key != key) i = (i + 1) & (a->cap - 1);
    return &a->slots[i];
}

static void grow(struct amounts *a)
{
    struct amounts old = *a;
    a->cap = old.cap ? old.cap * 2 : 256;
    a->slots = mem_zalloc(a->cap * sizeof(*a->slots));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].used) *slot_of(a, old.slots[i].key) = old.slots[i];
    }
    free(old.slots);
}

struct amount *amounts_at(struct amounts *a, uint64_t key)
{
    if ((a->count + 1) * 2 > a->cap) grow(a);
    struct amount *slot = slot_of(a, key);
    if (!slot->used) {
        *slot = (struct amount){.key = key, .used = true};
        a->count++;
    }
    return slot;
}

void amounts_add(struct amounts *a, uint64_t key, int64_t amount)
{
    struct amount *slot = amounts_at(a, key);
    if (__builtin_add_overflow(slot->sum, amount, &slot->sum)) slot->sum = amount < 0 ? INT64_MIN : INT64_MAX;
    slot->wrap += (uint64_t)amount;
}

struct amount *amounts_find(const struct amounts *a, uint64_t key)
{
    if (!a->count) return NULL;
    struct amount *slot = slot_of(a, key);
    return slot->used ? slot : NULL;
}

struct amount *amounts_next(const struct amounts *a, size_t *at)
{
    while (*at < a->cap) {
        struct amount *slot = &a->slots[(*at)++];
        if (slot->used) return slot;
    }
    return NULL;
}

#include "ledger/holds.h"

#include "base/arena.h"

#include <stdlib.h>

void holds_init(struct holds *h)
{
    *h = (struct holds){0};
}

void holds_free(struct holds *h)
{
    free(h->slots);
    holds_init(h);
}

/* Ids are our own counters: a multiplication spreads them enough. */
static size_t home_of(const struct holds *h, uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15u) >> 20) & (h->cap - 1);
}

/* The slot that has `id`, or the free one where it belongs. */
static struct open_hold *slot_of(const struct holds *h, uint64_t id)
{
    size_t i = home_of(h, id);
    while (h->slots[i].attempt_id && h->slots[i].attempt_id != id) i = (i + 1) & (h->cap - 1);
    return &h->slots[i];
}

static void grow(struct holds *h)
{
    struct holds old = *h;
    h->cap = old.cap ? old.cap * 2 : 1024;
    h->slots = mem_zalloc(h->cap * sizeof(*h->slots));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].attempt_id) *slot_of(h, old.slots[i].attempt_id) = old.slots[i];
    }
    free(old.slots);
}

void holds_put(struct holds *h, uint64_t attempt_id, struct segment *segment, uint32_t offset)
{
    if (attempt_id == 0) return; /* journals start at 1 */
    if ((h->count + 1) * 2 > h->cap) grow(h);
    struct open_hold *slot = slot_of(h, attempt_id);
    if (!slot->attempt_id) h->count++;
    if (slot->attempt_id && slot->segment) slot->segment->open_holds--;
    *slot = (struct open_hold){attempt_id, segment, offset};
    if (segment) segment->open_holds++;
}

bool holds_remove(struct holds *h, uint64_t attempt_id, struct open_hold *was)
{
    if (!h->count || attempt_id == 0) return false;
    struct open_hold *slot = slot_of(h, attempt_id);
    if (!slot->attempt_id) return false;
    *was = *slot;
    if (slot->segment) slot->segment->open_holds--;
    h->count--;
    /* the ones behind move up, so that no search ends early */
    size_t hole = (size_t)(slot - h->slots);
    for (size_t i = (hole + 1) & (h->cap - 1); h->slots[i].attempt_id; i = (i + 1) & (h->cap - 1)) {
        size_t home = home_of(h, h->slots[i].attempt_id);
        if (((i - home) & (h->cap - 1)) < ((i - hole) & (h->cap - 1))) continue;
        h->slots[hole] = h->slots[i];
        hole = i;
    }
    h->slots[hole].attempt_id = 0;
    return true;
}

struct open_hold *holds_next(struct holds *h, size_t *at)
{
    while (*at < h->cap) {
        struct open_hold *slot = &h->slots[(*at)++];
        if (slot->attempt_id) return slot;
    }
    return NULL;
}

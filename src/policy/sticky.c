#include "policy/sticky.h"

#include "base/arena.h"

#include <stdatomic.h>

/* The slot is the low half of the hash that a word needs not repeat: there stands the target. */
enum { SLOT_BITS = 16, SLOTS = 1 << SLOT_BITS };

struct stickies {
    _Atomic uint64_t word[SLOTS];
};

struct stickies *stickies_new(void)
{
    return mem_map(sizeof(struct stickies));
}

void stickies_drop(struct stickies *s)
{
    if (s) mem_unmap(s, sizeof(*s));
}

/* Never 0, which is an empty slot. */
static uint64_t word_of(uint64_t who, uint64_t target)
{
    uint64_t tag = target % (SLOTS - 1) + 1;
    return (who & ~(uint64_t)(SLOTS - 1)) | tag;
}

void sticky_note(struct stickies *s, uint64_t who, uint64_t target)
{
    atomic_store_explicit(&s->word[who % SLOTS], word_of(who, target), memory_order_relaxed);
}

bool sticky_is(const struct stickies *s, uint64_t who, uint64_t target)
{
    return atomic_load_explicit(&s->word[who % SLOTS], memory_order_relaxed) == word_of(who, target);
}

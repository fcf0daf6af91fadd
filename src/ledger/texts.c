#include "ledger/texts.h"

#include <stdlib.h>

static uint32_t *slot_of(const struct texts *t, str text)
{
    uint32_t mask = 2 * t->cap - 1, at = (uint32_t)hash_sip(t->secret, text.n ? text.p : "", text.n) & mask;
    while (t->slots[at] && !str_eq(t->all[t->slots[at] - 1], text)) at = (at + 1) & mask;
    return &t->slots[at];
}

uint32_t texts_place(struct texts *t, str text)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->all = mem_realloc(t->all, t->cap * sizeof(*t->all));
        free(t->slots);
        t->slots = mem_zalloc(2 * (size_t)t->cap * sizeof(*t->slots));
        for (uint32_t i = 0; i < t->count; i++) *slot_of(t, t->all[i]) = i + 1;
    }
    uint32_t *slot = slot_of(t, text);
    if (!*slot) {
        t->all[t->count++] = arena_str(&t->arena, text);
        *slot = t->count;
    }
    return *slot - 1;
}

void texts_free(struct texts *t)
{
    arena_free(&t->arena);
    free(t->all);
    free(t->slots);
}

/* Texts by their places, each once: what was seen is known by a small number from then on. Thread: one. */
#ifndef LEDGER_TEXTS_H
#define LEDGER_TEXTS_H

#include "base/arena.h"
#include "base/hash.h"

struct texts {
    struct hash_key secret; /* clients choose the texts */
    struct arena arena;
    str *all;
    uint32_t *slots; /* places from 1; 0: free */
    uint32_t count, cap;
};

/* All zeros but for the secret is empty. Owns: texts_free(). */
uint32_t texts_place(struct texts *t, str text);
void texts_free(struct texts *t);

#endif

/* Names that clients chose, found by how they begin: users, tasks and prompts, of which there may be a million.
 * Thread: any that may wait. */
#ifndef LEDGER_NAMES_H
#define LEDGER_NAMES_H

#include "base/arena.h"
#include "base/buf.h"

enum { NAMES_MAX = 100 };

struct names_ask {
    str dimension;              /* user, task or prompt */
    str prefix;                 /* byte by byte */
    int64_t since_us, until_us; /* on the days (UTC) that touch [since, until) */
    bool scoped;                /* of these features only: what an owner may see */
    const str *features;
    size_t feature_count;
};

struct names {
    str of[NAMES_MAX]; /* the first of them, in the order of their bytes; texts live in the arena that was given */
    size_t count;
    bool more; /* there are others */
};

/* Opens `dir`'s store read-only. Fails: false with a sentence in `why`. */
bool names_find(const char *dir, const struct names_ask *ask, struct arena *arena, struct names *out,
                struct buf *why) MUST_CHECK;

#endif

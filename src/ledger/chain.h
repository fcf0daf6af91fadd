/* A journal as it is read: its segments in order, and what is wrong with them.
 * Thread: the store thread's; before it is started, the opener's. */
#ifndef LEDGER_CHAIN_H
#define LEDGER_CHAIN_H

#include "base/buf.h"
#include "ledger/record.h"
#include "ledger/segment.h"

struct journal;

struct chain {
    uint32_t epoch, worker;
    struct journal *live;   /* NULL: of an earlier start, nothing is added any more */
    struct segment *first;  /* the oldest that is kept. Owns: chain_free() */
    uint64_t position, seq; /* stored up to here, in a committed transaction */
    bool closed;            /* stored to its end */
};

/* A place in a chain while it is read. */
struct chain_cursor {
    struct segment *segment;
    uint32_t offset;
    uint64_t seq;   /* of the last record seen */
    bool seq_known; /* false: the first record read sets it */
};

enum chain_step { CHAIN_RECORD, CHAIN_END };

/* Drops the segments' mappings; the files stay. */
void chain_free(struct chain *c);
/* The first record, with nothing known about what was before. */
struct chain_cursor chain_begin(const struct chain *c);
/* The first record that is not stored yet. */
struct chain_cursor chain_resume(const struct chain *c);
uint64_t chain_position(const struct chain_cursor *at);
/* The next record in front of `limit` (UINT64_MAX: to the end). What is missing or
 * damaged on the way is told in `damage`, a line each; reading goes on behind it. */
enum chain_step chain_next(struct chain_cursor *at, uint64_t limit, struct record *out, struct buf *damage);

#endif

/* Holds without an end, by attempt id: where the record that speaks for each lies.
 * An open-addressed table that grows. Thread: one. */
#ifndef LEDGER_HOLDS_H
#define LEDGER_HOLDS_H

#include "ledger/segment.h"

struct open_hold {
    uint64_t attempt_id;
    struct segment *segment; /* NULL: in the store's table open_holds */
    uint32_t offset;
};

struct holds {
    struct open_hold *slots; /* attempt_id 0: free */
    size_t cap, count;
};

void holds_init(struct holds *h);
void holds_free(struct holds *h);
/* Remembers or moves one; the segments' open_holds follow. */
void holds_put(struct holds *h, uint64_t attempt_id, struct segment *segment, uint32_t offset);
/* Fails: false when it is not there. */
bool holds_remove(struct holds *h, uint64_t attempt_id, struct open_hold *was);
/* Each slot in turn, from *at = 0; NULL at the end. Not across changes. */
struct open_hold *holds_next(struct holds *h, size_t *at);

#endif

/* The checksum of a stored row: over every column in order, the cells and the raw
 * usage. It finds what breaks, not what somebody forges.
 *
 * A mixing multiplication per word; any change of one bit changes the result. */
#ifndef LEDGER_SEAL_H
#define LEDGER_SEAL_H

#include "ledger/row.h"

struct seal {
    uint64_t h;
};

/* `attempts.attempt_id >> SEAL_BLOCK_SHIFT` is the block whose sums a row is in. */
enum { SEAL_BLOCK_SHIFT = 20 };

static inline void seal_int(struct seal *s, int64_t v)
{
    uint64_t h = (s->h ^ (uint64_t)v) * 0x9e3779b97f4a7c15u; /* odd, so that it can be undone: nothing is lost */
    s->h = (h ^ h >> 29) + 0x632be59bd9b4e019u;
}

static inline void seal_bytes(struct seal *s, const void *data, size_t n)
{
    const char *p = data;
    seal_int(s, (int64_t)n);
    for (; n >= 8; p += 8, n -= 8) {
        int64_t v;
        memcpy(&v, p, 8);
        seal_int(s, v);
    }
    if (!n) return;
    int64_t v = 0;
    memcpy(&v, p, n);
    seal_int(s, v);
}

/* A column that older rows do not have. Under its name, so that no two of them are one. */
static inline void seal_late(struct seal *s, str name, int64_t v)
{
    if (!v) return;
    seal_bytes(s, name.p, name.n);
    seal_int(s, v);
}

/* Of a row as the journal carries it. */
int64_t row_checksum(const struct row *row);

static inline int64_t seal_value(const struct seal *s)
{
    return (int64_t)(s->h ^ s->h >> 32);
}

#endif

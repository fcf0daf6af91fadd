/* `purser ledger verify`: proves that the account adds up.
 *
 * - Journals: every checksum holds, no sequence number is missing or there twice,
 *   what is stored of them has its row, what is not yet stored has none.
 * - Rows: each matches its checksum, each block of them its seal (count, checksums
 *   and cost), so that a row deleted, doubled or changed is found.
 * - Cells: what a budget counter says was spent is the sum of the rows' amounts.
 * - Rollups and totals: the same number of rows, the same cost.
 * - The audit: each row is bound to the one before it, and it ends where it should.
 *
 * Works on a stopped ledger and beside a running server, on a snapshot. */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include "base/buf.h"
#include "base/money.h"
#include "ledger/audit.h"

struct verify_sum {
    uint64_t count;
    __int128 cost;
};

struct verify_result {
    struct verify_sum rows;     /* in the store */
    struct verify_sum retired;  /* deleted by retention; cost modulo 2^64 */
    struct verify_sum pending;  /* posted in journals, not stored yet */
    struct verify_sum holds;    /* without an end; cost: what they hold */
    uint64_t segments, records; /* read from journals */
    uint64_t cells;             /* budget counters compared */
    uint64_t audit_rows;
    unsigned char audit_last[AUDIT_HASH_BYTES]; /* the last row's hash: worth noting elsewhere */
    struct buf problems;                        /* a line each, the first thousand */
    uint64_t problem_count;
};

void verify_result_init(struct verify_result *r);
void verify_result_free(struct verify_result *r);
/* `progress` may be NULL. Fails: false with a sentence in `why` when the ledger
 * cannot be read at all; problems found are no failure of this function. */
bool ledger_verify(const char *dir, struct verify_result *out, void (*progress)(void *ctx, double done), void *ctx,
                   struct buf *why);
void verify_text(const struct verify_result *r, struct buf *out);
void verify_json(const struct verify_result *r, struct buf *out);

#endif

/* What was used without a known price, by model: from the rollups of whole hours. */
#ifndef LEDGER_UNPRICED_H
#define LEDGER_UNPRICED_H

#include "base/buf.h"
#include "base/usage.h"

struct ledger_unpriced {
    str provider, model;
    int64_t attempts;          /* without a price */
    int64_t others;            /* with one, of the same hours and kind: their usage cannot be told apart */
    picousd posted;            /* what was posted for them; saturates */
    int64_t first_us, last_us; /* the first and the last hour */
    struct usage usage;        /* saturates */
};

/* Those admitted in [since, until), both taken to the hour's start, the most used first. Works beside a running server;
 * a folder without a store has none. Fails: false with a sentence in `why`. Blocks. */
typedef void ledger_unpriced_visit(void *ctx, const struct ledger_unpriced *u);
bool ledger_unpriced_each(const char *dir, int64_t since_us, int64_t until_us, ledger_unpriced_visit *visit, void *ctx,
                          struct buf *why) MUST_CHECK;

#endif

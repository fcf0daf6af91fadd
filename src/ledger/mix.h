/* What makes a bill: sums of rollup_mix over whole days, by any of its names; with filters on others than these, sums
 * of the rows themselves. For the waterfall, for savings and for what prompts are made of (src/plan).
 * Thread: any that may wait; a mix is one thread's. */
#ifndef LEDGER_MIX_H
#define LEDGER_MIX_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/usage.h"
#include "ledger/schema.h"

enum mix_sum {
#define MIX(field, column, what) MIX_##field,
    MIX_MEASURES(MIX)
#undef MIX
        MIX_SUM_COUNT
};

struct mix_sums {
    __int128 of[MIX_SUM_COUNT];
    __int128 units[UNIT_COUNT];
    __int128 cost_by_unit[UNIT_COUNT]; /* pico-dollars */
};

enum { MIX_BY_MAX = 7, MIX_WHERE_MAX = 16, MIX_ROWS_MAX = 200000, MIX_READ_MAX = 2 };

struct mix_ask {
    str by[MIX_BY_MAX]; /* day and ROLLUP_MIX_KEYS: feature, prompt, model, provider, key, team */
    size_t by_count;
    struct {
        str column, equals; /* as a report's: several on one column: any of them; on several columns: all of them */
    } where[MIX_WHERE_MAX];
    size_t where_count;
    bool scoped; /* of these features only, of which there may be none: what an owner may see */
    const str *features;
    size_t feature_count;
    int64_t since_us, until_us;            /* days of which any moment lies in [since, until): UTC, and whole */
    bool (*go_on)(void *ctx, double done); /* called now and then where rows are read; false ends it. May be NULL */
    void *ctx;
};

struct mix_row {
    str by[MIX_BY_MAX]; /* of a day: '' */
    int64_t day_us;     /* where it is asked for, else 0 */
    struct mix_sums sums;
};

struct mix {
    struct arena arena; /* of the rows and their texts */
    struct mix_row *rows;
    size_t count;
    struct mix_sums totals;
    bool whole;           /* false: an older store whose rows are still being summed; ask again in a minute */
    int64_t rows_from_us; /* rows before this were deleted: nothing of them is in it. INT64_MIN: all is */
};

/* Opens `dir`'s store read-only; works beside a running server. Rows come in no order.
 * Owns: mix_drop(). Fails: NULL with a sentence in `why`; with none where go_on() ended it. */
struct mix *mix_read(const char *dir, const struct mix_ask *ask, struct buf *why);
/* At most MIX_READ_MAX with the same filters and scope, go_on() the first's: where rows answer they are read once. */
bool mix_read_each(const char *dir, const struct mix_ask *asks, size_t count, struct mix **out,
                   struct buf *why) MUST_CHECK;
/* Do rows answer? */
bool mix_reads_rows(const struct mix_ask *ask);
/* The days of which any moment lies in [since, until). */
void mix_whole_days(int64_t *since_us, int64_t *until_us);
void mix_drop(struct mix *m);

#endif

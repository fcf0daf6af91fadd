/* The inside of waste*.c, shared by nobody else. An answer has three parts; each is what reports or the mix know (waste.c)
 * or, where they would read rows for it, comes from one reading of these for all such parts (waste_rows.c). */
#ifndef ADMIN_WASTE_H
#define ADMIN_WASTE_H

#include "admin/api.h"
#include "base/usage.h"
#include "ledger/mix.h"
#include "ledger/report.h"

enum { WASTE_LOOPS_MAX = 1000 };

/* Wasted attempts, each of one kind: the lines add up to the wasted cost. WASTE(constant, name, what it is) */
#define WASTE_KINDS(WASTE)                                                                                             \
    WASTE(FAILED, "failed", "first attempts that failed")                                                              \
    WASTE(RETRIES, "retries", "further attempts that failed: repeats, fallbacks, escalations, hedges, repairs")        \
    WASTE(ABANDONED, "abandoned", "clients hung up, or the call was cancelled")                                        \
    WASTE(UNUSED, "unused", "whole answers that were not used: a hedge was faster, a rung's tests refused them")       \
    WASTE(IDLE, "idle", "machines by the hour that nobody used")

enum waste_kind {
#define WASTE(constant, name, what) WASTE_##constant,
    WASTE_KINDS(WASTE)
#undef WASTE
        WASTES
};

struct waste_line {
    __int128 attempts, cost;
};

struct waste_picture {
    struct waste_line waste[WASTES], loops;
    __int128 cost;
    __int128 ladder, cache; /* saved */
};

struct waste_question {
    struct api_filter filters[REPORT_WHERE_MAX]; /* of the asker at most MIX_WHERE_MAX */
    size_t count;
    int64_t since_us, until_us;
    int64_t rows_from_us; /* nothing of rows before this is known; INT64_MIN: of all */
};

enum waste_part { WASTE_BY_KIND, WASTE_BY_CACHE, WASTE_BY_LOOPS, WASTE_PARTS };

/* A report's ask, but for what to group by. */
void waste_ask(const struct api_call *c, const struct waste_question *q, struct report_ask *out);
void waste_fail(struct api_call *c, const struct buf *why);
void waste_tell_rows_from(struct waste_question *q, int64_t rows_from_us);

/* One group of each part. */
void waste_add_kind(struct waste_picture *p, str reason, str status, struct waste_line wasted);
void waste_add_cache(struct waste_picture *p, const struct mix_sums *of);
struct waste_task {
    str task, feature;
    __int128 calls, used_cost;
};
void waste_add_loop(const struct api_call *c, struct waste_picture *p, const struct waste_task *t);

/* Fails: false after api_fail(). */
bool waste_read_rows(struct api_part part, struct waste_question *q, const bool parts[WASTE_PARTS],
                     struct waste_picture *p) MUST_CHECK;

#endif

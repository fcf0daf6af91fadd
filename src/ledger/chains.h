/* Tasks and sessions: calls that belong together.
 *
 * Tasks are known to the rollups by day, sessions to the rows alone. So a list of tasks counts whole days (UTC) that
 * touch the range, and is quick over months; one of sessions, or of tasks with filters on anything but features, reads
 * each row of the range. Times are microseconds since
 * 1970 in UTC, money is pico-dollars. Thread: any that may wait. */
#ifndef LEDGER_CHAINS_H
#define LEDGER_CHAINS_H

#include "ledger/calls.h"

enum chain_kind { CHAIN_TASK, CHAIN_SESSION };

struct chain_sums {
    int64_t calls, attempts, errors, wasted, estimated, unpriced;
    __int128 cost, wasted_cost; /* unpriced attempts left out */
    int64_t first_us, last_us;  /* the first and the last attempt's; of tasks in a list, the days that they were on */
};

struct chain_row {
    str name;
    str feature; /* which cost most; of sessions, of the latest call */
    struct chain_sums sums;
};

struct chains_ask {
    int64_t since_us, until_us;            /* [since, until) */
    struct calls_filter filter;            /* of tasks: features alone, by `scoped` */
    bool dearest_first;                    /* else the latest; of tasks then by name within a day */
    size_t limit;                          /* 1 to CALLS_LIMIT_MAX */
    str after;                             /* of tasks, the latest first: `next` of the page before */
    bool (*go_on)(void *ctx, double done); /* as in struct calls_ask; a list that is ended early is none */
    void *ctx;
};

struct chains_page {
    struct arena arena; /* of all that is in it */
    struct chain_row *rows;
    size_t count;
    str next; /* p == NULL: this is the last page, or there are no pages */
};

/* Owns: chains_page_drop(). Fails: NULL with a sentence in `why`; with none where go_on() ended it. */
struct chains_page *tasks_list(const char *dir, const struct chains_ask *ask, struct buf *why);
/* Of the rows, as sessions are: with any filter, and without pages. */
struct chains_page *tasks_list_rows(const char *dir, const struct chains_ask *ask, struct buf *why);
struct chains_page *sessions_list(const char *dir, const struct chains_ask *ask, struct buf *why);
void chains_page_drop(struct chains_page *page);

/* One task or session: its calls in order, each with its attempts, and their sums. */
struct chains_one {
    struct calls_page *page; /* calls, the latest first, each with its attempts */
    struct chain_sums sums;  /* of all calls in it */
    bool more;               /* there are older calls than those */
};

struct chain_ask {
    enum chain_kind kind;
    str name;
    int64_t since_us, until_us;       /* a task's days are found without a range */
    const struct calls_filter *scope; /* NULL: any feature */
    bool (*go_on)(void *ctx, double done);
    void *ctx;
};
/* Reads its latest CALLS_LIMIT_MAX calls. Owns: chains_one_free(). Fails: false with a sentence in `why`. */
bool chains_read(const char *dir, const struct chain_ask *ask, struct chains_one *out, struct buf *why) MUST_CHECK;
void chains_one_free(struct chains_one *c);

#endif

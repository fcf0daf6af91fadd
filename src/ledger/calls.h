/* Single calls, for people who look: found, listed newest first, shown whole with all their attempts.
 *
 * A call is the attempts that share its id. Its first attempt has the call's own id; the others are found by the
 * index `attempts_again`, which has no others. Times are microseconds since 1970 in UTC, money is pico-dollars.
 * Each question opens `dir`'s store read-only, and works beside a running server.
 * Thread: any that may wait; an answer is one thread's. */
#ifndef LEDGER_CALLS_H
#define LEDGER_CALLS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "ledger/row.h"

enum { CALLS_WHERE_MAX = 16, CALLS_LIMIT_MAX = 10000, CALLS_CURSOR_TEXT = 32 };

/* A condition on a column of `attempts`, one of those that reports filter on (report_where_name()). Ids are given
 * as text (ledger/id.h). */
struct calls_where {
    str column, value;
    bool differs; /* column != value */
};

/* Which attempts are meant. All conditions hold for one and the same attempt; of several values of one column, any. */
struct calls_filter {
    struct calls_where where[CALLS_WHERE_MAX];
    size_t where_count;
    bool scoped; /* of these features only, of which there may be none: what an owner may see */
    const str *features;
    size_t feature_count;
    str id_prefix; /* the call's or the attempt's id begins so; empty: any */
};

/* A place in the list, between two attempts. */
struct calls_cursor {
    int64_t at_us;
    uint64_t attempt_id;
};
str calls_cursor_format(const struct calls_cursor *c, char out[CALLS_CURSOR_TEXT + 1]);
bool calls_cursor_parse(str s, struct calls_cursor *out) MUST_CHECK;

struct calls_ask {
    struct calls_filter filter;
    int64_t since_us, until_us;       /* admitted in [since, until) */
    picousd cost_from;                /* calls that cost at least this much */
    int64_t total_from_us;            /* and took at least this long */
    const struct calls_cursor *after; /* go on behind it; NULL: begin with the newest */
    size_t limit;                     /* calls: 1 to CALLS_LIMIT_MAX */
    bool with_attempts;
    bool single; /* each attempt that the filter is true of is listed alone, as if it were a call */
    /* Called now and then, with how much of the time asked for is looked through. False ends the search: what was
     * found by then is the answer. NULL: it goes on to the end. */
    bool (*go_on)(void *ctx, double done);
    void *ctx;
};

/* What one unit of an attempt cost. */
struct call_line {
    enum unit unit;
    int64_t count;
    picousd cost;
    picousd each; /* each x count == cost; -1: no whole price does that */
};

/* One attempt: each column of columns.def, and what stands beside it. */
struct call_value {
    int64_t number;
    str text; /* p == NULL: the column is a number */
};
struct call_attempt {
    const struct call_value *values;    /* schema_attempt_columns() of them */
    struct call_line lines[UNIT_COUNT]; /* units that were used or cost something */
    size_t line_count;
    picousd rest; /* of the cost, what no unit says: lines + rest == cost_picousd */
    str usage_raw;
    bool matched; /* the filter is true of it */
};
/* By a column's name, which must exist. */
int64_t call_number(const struct call_attempt *a, const char *column);
str call_text(const struct call_attempt *a, const char *column);

/* One call: all its attempts together. Sums leave unpriced attempts out, as reports do. */
struct call_row {
    uint64_t call_id;
    struct calls_cursor place; /* in the list */
    int64_t at_us;             /* its first attempt's */
    int64_t total_us;          /* from then to the end of the last */
    int64_t first_byte_us;     /* from then to the first byte of the answer that was used; 0: none came */
    str feature, key, team, user, prompt, task, session, operation, model_requested; /* the same in all attempts */
    /* of the attempt that was used; where none was, of the last */
    str model, provider, reason, status, finish_reason;
    int64_t attempt_count, wasted_count;
    enum cost_state cost_state; /* the least sure: unpriced, estimated, exact, free */
    __int128 cost, cost_max, wasted_cost, saved_cost;
    int64_t input_tokens; /* of prompts, cached ones and all (price_prompt_tokens()) */
    int64_t cached_tokens, output_tokens;
    int64_t client_retries;
    bool streamed;
    const struct call_attempt *attempts; /* `attempt_count`, in order; NULL unless asked for */
};

struct calls_page {
    struct arena arena; /* of all that is in it */
    struct call_row *rows;
    size_t count;
    bool more;    /* there is, or may be, more behind `next` */
    bool stopped; /* go_on() ended the search before the page was full */
    struct calls_cursor next;
};

/* Lists calls by their first attempt that the filter is true of, newest first: each call once, over all pages.
 * Owns: the caller drops the page. Fails: NULL with a sentence in `why`. */
struct calls_page *calls_list(const char *dir, const struct calls_ask *ask, struct buf *why);
/* One call, with all its attempts: a page of one row, or of none where there is no such call. `scope`: as in a
 * filter; NULL: any feature. */
struct calls_page *calls_find(const char *dir, uint64_t call_id, const struct calls_filter *scope, struct buf *why);
/* The call of this attempt, with this attempt alone. */
struct calls_page *calls_find_attempt(const char *dir, uint64_t attempt_id, const struct calls_filter *scope,
                                      struct buf *why);
void calls_page_drop(struct calls_page *page);

#endif

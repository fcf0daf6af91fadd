/* Packs: some days of a rollup in a few blobs, for reports.
 *
 * SQLite takes more than a microsecond to hand over a rollup row of thirty columns;
 * a packed one takes less than a tenth of that. A day is packed when it is over, from
 * its rollup rows, which stay and are what counts: a pack may go and be made anew at
 * any time (ledger/packing.h). Users, prompts and tasks, of which there may be very many,
 * are packed as crowds (ledger/crowd.h). This is the format of the others alone, pure functions of bytes.
 *
 *   body   = version, number of names a row has, for each: count, texts (length, bytes);
 *            number of rows; their latency and first_token together (length, bytes each);
 *            rows
 *   row    = hour of the day, for each name: its place among the texts; length, values
 *   values = bits of the sums that are not zero, these sums (cost_max less cost),
 *            latency (length, bytes), first_token (to the end)
 *
 * All numbers are LEB128. Sums that may be negative are folded (ledger/varint.h). */
#ifndef LEDGER_PACK_H
#define LEDGER_PACK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "ledger/schema.h"

/* KIND(constant, name in table `packs`, days in one, dimension of rollup_day; '': rollup_hour, made of) */
#define PACK_KIND_LIST(KIND)                                                                                           \
    KIND(HOUR, "hour", 1, "", HOUR)       /* rollup_hour's rows as they are */                                         \
    KIND(SUM, "sum", 1, "", SUM)          /* without the hours */                                                      \
    KIND(TOLD, "told", 1, "", TOLD)       /* outcomes that came about on the day (ledger/told.h) */                    \
    KIND(USER, "user.1", 1, "user", USER) /* the first crowd, and so are those behind it */                            \
    KIND(PROMPT, "prompt.1", 1, "prompt", PROMPT)                                                                      \
    KIND(TASK, "task.1", 1, "task", TASK)                                                                              \
    KIND(USER_8, "user.8", 8, "user", USER) /* users come again: fewer entries than eight days have */                 \
    KIND(USER_32, "user.32", 32, "user", USER_8)

enum pack_kind {
#define KIND(constant, name, days, dimension, of) PACK_##constant,
    PACK_KIND_LIST(KIND)
#undef KIND
        PACK_KINDS
};
str pack_kind_name(enum pack_kind k);
str pack_kind_dimension(enum pack_kind k);
int64_t pack_kind_days(enum pack_kind k);
enum pack_kind pack_kind_of(enum pack_kind k); /* several of which it is merged; itself: it is made from a rollup */
static inline bool pack_kind_is_crowd(enum pack_kind k)
{
    return k >= PACK_USER;
}
/* The pack of that kind that has this day: where it begins. */
int64_t pack_kind_begin(enum pack_kind k, int64_t day_us);

enum pack_sum {
#define MEASURE(field, column, what) PACK_SUM_##field,
    ROLLUP_MEASURES(MEASURE)
#undef MEASURE
        PACK_SUM_UNITS,
    PACK_SUMS = PACK_SUM_UNITS + UNIT_COUNT
};
enum { PACK_NAMES_MAX = 7 };
_Static_assert(PACK_SUMS <= 32, "a row's bits are 32");

/* The first PACK_SMALL_ROWS rows of a day are in part 0, all there is of a small day; those behind
 * them in the part that their first name (of PACK_HOUR: their hour) leads to: so that a report over
 * many days finds the groups of a part in its caches. */
enum { PACK_PARTS = 64, PACK_SMALL_ROWS = 2048, PACK_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- making */

struct pack_row {
    uint32_t hour;
    str name[PACK_NAMES_MAX];
    int64_t sums[PACK_SUMS]; /* measures, then units */
    str latency, first_token;
};

struct pack_maker;
/* `secret`: clients choose users and tasks. Owns: pack_maker_drop(). */
struct pack_maker *pack_maker_new(enum pack_kind kind, struct hash_key secret);
void pack_maker_drop(struct pack_maker *m);
/* Fails: false beyond PACK_BYTES_MAX, or where a histogram is malformed. */
bool pack_maker_add(struct pack_maker *m, const struct pack_row *row) MUST_CHECK;
/* The sums and histograms of a row, as `values` above has them. */
void pack_put_values(struct buf *out, const struct pack_row *row);
/* Writes the body of one part; nothing for a part without rows, other than part 0. */
void pack_maker_body(const struct pack_maker *m, uint32_t part, struct buf *out);

/* ---- reading */

struct pack_names {
    str *text;
    uint32_t count;
};

struct pack {
    uint32_t name_count;
    struct pack_names names[PACK_NAMES_MAX];
    str latency, first_token; /* of all rows */
    uint64_t rows;            /* left */
    str rest;
};

struct pack_entry {
    uint32_t hour;
    uint32_t name[PACK_NAMES_MAX]; /* places in names[...].text */
    str values;
};

struct pack_values {
    uint32_t present;        /* bits of `sums` */
    int64_t sums[PACK_SUMS]; /* set where present */
    str latency, first_token;
};

/* Borrows `body`; the names' places are the arena's. Fails: false where it is malformed. */
bool pack_open(struct pack *p, struct arena *arena, str body) MUST_CHECK;
enum pack_step { PACK_ENTRY, PACK_END, PACK_BAD };
enum pack_step pack_next(struct pack *p, struct pack_entry *out);
bool pack_values(str values, struct pack_values *out) MUST_CHECK;
/* Adds the sums; `*rest` is the histograms then, for pack_histograms().
 * Fails: false where they are malformed, with some of them added. */
bool pack_add_sums(str values, __int128 sums[PACK_SUMS], str *rest) MUST_CHECK;
bool pack_histograms(str rest, str *latency, str *first_token) MUST_CHECK;

#endif

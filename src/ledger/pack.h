/* Packs: one day of a rollup in a few blobs, for reports.
 *
 * SQLite takes more than a microsecond to hand over a rollup row of thirty columns;
 * a packed one takes less than a tenth of that. A day is packed when it is over, from
 * its rollup rows, which stay and are what counts: a pack may go and be made anew at
 * any time (ledger/packing.h). This is the format alone, pure functions of bytes.
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

enum pack_kind { PACK_HOUR, PACK_USER, PACK_PROMPT, PACK_TASK, PACK_KINDS };
/* "hour": rollup_hour's rows; "user", "prompt", "task": rollup_day's of that dimension. */
str pack_kind_name(enum pack_kind k);
/* How many names a row has: PACK_HOUR's are ROLLUP_HOUR_KEYS, the others' value and feature. */
uint32_t pack_kind_names(enum pack_kind k);

#define PACK_ONE(field, column, what) +1
enum { PACK_SUMS = 0 ROLLUP_MEASURES(PACK_ONE) + UNIT_COUNT, PACK_NAMES_MAX = 7 };
_Static_assert(PACK_SUMS <= 32, "a row's bits are 32");
#undef PACK_ONE

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

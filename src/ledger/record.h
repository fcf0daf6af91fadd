/* Journal records as bytes: pure functions, no files, no threads.
 *
 *   offset  bytes  what
 *        0      4  length of the whole record, a multiple of 8; 0: nothing is here yet
 *        4      4  CRC-32C over everything from offset 8 on, seeded with the
 *                  segment's identity and the record's offset and length: a record
 *                  is valid only where it was written
 *        8      8  sequence number, from 1, without gaps within (epoch, worker)
 *       16      1  kind
 *       17      1  number of cells
 *       18      2  0
 *       20      4  which texts follow, a bit for each
 *       24      8  which of the row's numbers follow, a bit for each 8-byte word
 *       32         those words (the first one is the attempt's id), then the cells
 *                  (key, amount), the texts' lengths (2 bytes each), the texts
 *
 * The first eight bytes are stored last, in one piece: whoever sees a length sees
 * the whole record, be it the ledger thread or the start after a kill -9. */
#ifndef LEDGER_RECORD_H
#define LEDGER_RECORD_H

#include "ledger/row.h"

enum record_kind { RECORD_HOLD = 1, RECORD_PROGRESS, RECORD_POST, RECORD_VOID, RECORD_CELL };

enum {
    RECORD_HEAD_BYTES = 32,
    RECORD_WORDS = sizeof(struct row_numbers) / 8,
    RECORD_MAX = 96 * 1024, /* above the largest row: all texts at their ceilings */
    /* A row with no text above RECORD_TRIM_TEXT is never larger than this. */
    RECORD_TRIM_TEXT = 64,
    RECORD_TRIMMED_MAX = 2048,
};

/* What of a row is written: made once, then used for the size and the copy. */
struct record_plan {
    uint64_t words;
    uint32_t texts;
    uint32_t length;
    uint16_t text_bytes[ROW_TEXT_COUNT];
    uint8_t kind;
    uint8_t cells;
};

/* `text_max`: texts are cut there, at a character's boundary; 0: at their own ceilings. */
void record_plan(struct record_plan *plan, enum record_kind kind, const struct row *row, size_t text_max);
/* Writes to `segment + offset`, which must have plan->length bytes of room. */
void record_write(char *segment, uint32_t offset, uint32_t seed, uint64_t seq, const struct record_plan *plan,
                  const struct row *row);

struct record_cell {
    uint64_t key;
    int64_t window_start_us;
    str budget, value;
};
uint32_t record_cell_length(const struct record_cell *cell);
void record_cell_write(char *segment, uint32_t offset, uint32_t seed, uint64_t seq, const struct record_cell *cell);

/* A record where it lies. Owns: nothing; it borrows the segment. */
struct record {
    const char *at;
    uint32_t length;
    uint32_t offset;
    uint64_t seq;
    enum record_kind kind;
};

enum record_found { RECORD_FOUND, RECORD_NONE, RECORD_BAD };

/* Looks at `offset` (a multiple of 8) of a segment of `size` bytes. */
enum record_found record_read(const char *segment, uint32_t size, uint32_t seed, uint32_t offset, struct record *out);
/* The first valid record at or behind `offset` with a sequence number above
 * `after`: how reading goes on behind damage. Fails: false when there is none. */
bool record_resync(const char *segment, uint32_t size, uint32_t seed, uint32_t offset, uint64_t after,
                   struct record *out) MUST_CHECK;
/* Views bytes that were copied out of a segment, and checked there. */
struct record record_view(const char *bytes, uint32_t length);

/* Of HOLD, PROGRESS, POST and VOID. */
uint64_t record_attempt(const struct record *r);
/* Texts borrow the record. Fails: false when the parts do not add up. */
bool record_row(const struct record *r, struct row *out) MUST_CHECK;
/* The cells alone. Fails: as record_row(). */
bool record_amounts(const struct record *r, struct ledger_cell out[ROW_CELLS_MAX], uint32_t *count) MUST_CHECK;
bool record_cell(const struct record *r, struct record_cell *out) MUST_CHECK;

#endif

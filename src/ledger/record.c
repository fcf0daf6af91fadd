#include "ledger/record.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdatomic.h>

_Static_assert(sizeof(struct row_numbers) % 8 == 0 && RECORD_WORDS <= 64, "one bit a word");
_Static_assert(ROW_TEXT_COUNT <= 32, "one bit a text");
_Static_assert(RECORD_HEAD_BYTES + sizeof(struct row_numbers) + ROW_CELLS_MAX * sizeof(struct ledger_cell) +
                       2 * ROW_TEXT_COUNT + ROW_TEXT_COUNT * RECORD_TRIM_TEXT + 8 <=
                   RECORD_TRIMMED_MAX,
               "a trimmed row fits its reserve");
_Static_assert(RECORD_TRIMMED_MAX + (ROW_TEXT_COUNT - 1) * ROW_TEXT_MAX + ROW_USAGE_MAX <= RECORD_MAX,
               "the largest row fits");

enum { AT_SEQ = 8, AT_KIND = 16, AT_CELLS = 17, AT_ZERO = 18, AT_TEXTS = 20, AT_WORDS = 24, AT_BODY = 32 };

static inline uint32_t load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t round8(size_t n)
{
    return (uint32_t)((n + 7) & ~(size_t)7);
}

static uint32_t checksum(const char *record, uint32_t length, uint32_t seed, uint32_t offset)
{
    /* Three runs side by side: the processor's CRC instruction waits three cycles for
     * its own result, and these wait for each other only at the end. */
    uint32_t place[4] = {offset, length};
    size_t third = (length - AT_SEQ) / 3 & ~(size_t)7;
    const char *p = record + AT_SEQ;
    uint32_t crc = hash_crc32c(seed, p, third);
    place[2] = hash_crc32c(0, p + third, third);
    place[3] = hash_crc32c(0, p + 2 * third, length - AT_SEQ - 2 * third);
    return hash_crc32c(crc, place, sizeof(place));
}

static _Atomic uint64_t *head_of(char *record)
{
    return (_Atomic uint64_t *)(void *)record;
}

/* The record comes to be: length and checksum in one store, behind all others. */
static void publish(char *record, uint32_t length, uint32_t seed, uint32_t offset)
{
    uint64_t head = (uint64_t)checksum(record, length, seed, offset) << 32 | length;
    atomic_store_explicit(head_of(record), head, memory_order_release);
}

/* At most `max` bytes, not cutting a UTF-8 character in two. */
static size_t cut(str s, size_t max)
{
    if (s.n <= max) return s.n;
    size_t n = max;
    while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
    return n ? n : max;
}

void record_plan(struct record_plan *plan, enum record_kind kind, const struct row *row, size_t text_max)
{
    uint32_t cells = row->cell_count < ROW_CELLS_MAX ? row->cell_count : ROW_CELLS_MAX;
    uint64_t words = 1; /* the id, even were it 0 */
    size_t bytes = AT_BODY + cells * sizeof(struct ledger_cell);
    uint32_t texts = 0;
    if (kind != RECORD_VOID) {
        const char *numbers = (const char *)&row->n;
#pragma GCC unroll 64
        for (unsigned i = 0; i < RECORD_WORDS; i++) words |= (uint64_t)(load64(numbers + i * 8) != 0) << i;
#pragma GCC unroll 32
        for (unsigned i = 0; i < ROW_TEXT_COUNT; i++) texts |= (uint32_t)(row->text[i].n != 0) << i;
        for (uint32_t left = texts; left; left &= left - 1) {
            int i = __builtin_ctz(left);
            size_t max = i == ROW_USAGE_RAW ? ROW_USAGE_MAX : ROW_TEXT_MAX, n = row->text[i].n;
            if (text_max && text_max < max) max = text_max;
            if (n > max) n = cut(row->text[i], max);
            plan->text_bytes[i] = (uint16_t)n;
            bytes += 2 + n;
        }
    }
    bytes += (size_t)__builtin_popcountll(words) * 8;
    plan->words = words;
    plan->texts = texts;
    plan->length = round8(bytes);
    plan->kind = (uint8_t)kind;
    plan->cells = (uint8_t)cells;
}

void record_write(char *segment, uint32_t offset, uint32_t seed, uint64_t seq, const struct record_plan *plan,
                  const struct row *row)
{
    char *record = segment + offset, *to = record + AT_BODY;
    const char *numbers = (const char *)&row->n;
    memcpy(record + AT_SEQ, &seq, 8);
    record[AT_KIND] = (char)plan->kind;
    record[AT_CELLS] = (char)plan->cells;
    memset(record + AT_ZERO, 0, 2);
    memcpy(record + AT_TEXTS, &plan->texts, 4);
    memcpy(record + AT_WORDS, &plan->words, 8);
    for (uint64_t left = plan->words; left; left &= left - 1, to += 8)
        memcpy(to, numbers + 8 * __builtin_ctzll(left), 8);
    if (plan->cells) memcpy(to, row->cells, plan->cells * sizeof(struct ledger_cell));
    to += plan->cells * sizeof(struct ledger_cell);
    for (uint32_t left = plan->texts; left; left &= left - 1, to += 2)
        memcpy(to, &plan->text_bytes[__builtin_ctz(left)], 2);
    for (uint32_t left = plan->texts; left; left &= left - 1) {
        int i = __builtin_ctz(left);
        memcpy(to, row->text[i].p, plan->text_bytes[i]);
        to += plan->text_bytes[i];
    }
    memset(to, 0, (size_t)(record + plan->length - to));
    publish(record, plan->length, seed, offset);
}

uint32_t record_cell_length(const struct record_cell *cell)
{
    return round8(AT_BODY + 8 + 4 + cut(cell->budget, ROW_TEXT_MAX) + cut(cell->value, ROW_TEXT_MAX));
}

void record_cell_write(char *segment, uint32_t offset, uint32_t seed, uint64_t seq, const struct record_cell *cell)
{
    char *record = segment + offset, *to = record + AT_BODY;
    uint32_t length = record_cell_length(cell);
    uint16_t sizes[2] = {(uint16_t)cut(cell->budget, ROW_TEXT_MAX), (uint16_t)cut(cell->value, ROW_TEXT_MAX)};
    memset(record + AT_KIND, 0, 8);
    memcpy(record + AT_SEQ, &seq, 8);
    record[AT_KIND] = RECORD_CELL;
    memcpy(record + AT_WORDS, &cell->key, 8);
    memcpy(to, &cell->window_start_us, 8);
    memcpy(to + 8, sizes, 4);
    to += 12;
    if (sizes[0]) memcpy(to, cell->budget.p, sizes[0]);
    to += sizes[0];
    if (sizes[1]) memcpy(to, cell->value.p, sizes[1]);
    to += sizes[1];
    memset(to, 0, (size_t)(record + length - to));
    publish(record, length, seed, offset);
}

struct record record_view(const char *bytes, uint32_t length)
{
    return (struct record){.at = bytes,
                           .length = length,
                           .seq = length >= AT_BODY ? load64(bytes + AT_SEQ) : 0,
                           .kind = length >= AT_BODY ? (enum record_kind)(unsigned char)bytes[AT_KIND] : 0};
}

enum record_found record_read(const char *segment, uint32_t size, uint32_t seed, uint32_t offset, struct record *out)
{
    if (offset > size || size - offset < AT_BODY + 8) return RECORD_NONE;
    const char *at = segment + offset;
    /* the cast drops const only to load: C17 has no atomic load from const */
    uint64_t head = atomic_load_explicit(head_of((char *)(uintptr_t)at), memory_order_acquire);
    if (!head) return RECORD_NONE;
    uint32_t length = (uint32_t)head;
    if (length < AT_BODY + 8 || length > RECORD_MAX || length % 8 || length > size - offset) return RECORD_BAD;
    if (checksum(at, length, seed, offset) != (uint32_t)(head >> 32)) return RECORD_BAD;
    *out = record_view(at, length);
    out->offset = offset;
    return out->kind >= RECORD_HOLD && out->kind <= RECORD_CELL ? RECORD_FOUND : RECORD_BAD;
}

bool record_resync(const char *segment, uint32_t size, uint32_t seed, uint32_t offset, uint64_t after,
                   struct record *out)
{
    for (; offset + AT_BODY + 8 <= size; offset += 8) {
        const char *at = segment + offset;
        uint32_t length = load32(at);
        if (length < AT_BODY + 8 || length > RECORD_MAX || length % 8) continue;
        uint64_t seq = load64(at + AT_SEQ);
        if (seq <= after || seq - after > size) continue; /* cheap, before the checksum */
        if (record_read(segment, size, seed, offset, out) == RECORD_FOUND) return true;
    }
    return false;
}

uint64_t record_attempt(const struct record *r)
{
    return load64(r->at + AT_BODY);
}

/* Where the cells begin; 0 when they do not fit. */
static size_t cells_at(const struct record *r, uint32_t *count)
{
    if (r->length < AT_BODY + 8 || r->kind > RECORD_VOID || r->kind < RECORD_HOLD) return 0;
    uint64_t words = load64(r->at + AT_WORDS);
    if (!(words & 1) || (RECORD_WORDS < 64 && words >> RECORD_WORDS)) return 0;
    size_t at = AT_BODY + (size_t)__builtin_popcountll(words) * 8;
    *count = (unsigned char)r->at[AT_CELLS];
    if (*count > ROW_CELLS_MAX || at + *count * sizeof(struct ledger_cell) > r->length) return 0;
    return at;
}

bool record_amounts(const struct record *r, struct ledger_cell out[ROW_CELLS_MAX], uint32_t *count)
{
    size_t at = cells_at(r, count);
    if (!at) return false;
    memcpy(out, r->at + at, *count * sizeof(*out));
    return true;
}

bool record_row(const struct record *r, struct row *out)
{
    uint32_t cells;
    size_t at = cells_at(r, &cells);
    if (!at) return false;
    memset(&out->n, 0, sizeof(out->n));
    const char *from = r->at + AT_BODY;
    for (uint64_t left = load64(r->at + AT_WORDS); left; left &= left - 1, from += 8)
        memcpy((char *)&out->n + 8 * __builtin_ctzll(left), from, 8);
    out->cell_count = cells;
    memcpy(out->cells, from, cells * sizeof(*out->cells));
    at += cells * sizeof(*out->cells);
    if (out->n.err >= ERR_COUNT || out->n.reason >= REASON_COUNT || out->n.cost_state >= COST_STATE_COUNT) return false;
    uint32_t texts = load32(r->at + AT_TEXTS);
    if (texts >> ROW_TEXT_COUNT) return false;
    size_t text_at = at + 2 * (size_t)__builtin_popcount(texts);
    if (text_at > r->length) return false;
    for (unsigned i = 0; i < ROW_TEXT_COUNT; i++) {
        out->text[i] = STR_NONE;
        if (!(texts >> i & 1)) continue;
        uint16_t n;
        memcpy(&n, r->at + at, 2);
        at += 2;
        if (n > r->length - text_at) return false;
        out->text[i] = str_of(r->at + text_at, n);
        text_at += n;
    }
    return true;
}

bool record_cell(const struct record *r, struct record_cell *out)
{
    uint16_t sizes[2];
    if (r->kind != RECORD_CELL || r->length < AT_BODY + 12) return false;
    out->key = load64(r->at + AT_WORDS);
    out->window_start_us = (int64_t)load64(r->at + AT_BODY);
    memcpy(sizes, r->at + AT_BODY + 8, 4);
    if ((size_t)sizes[0] + sizes[1] > r->length - (AT_BODY + 12)) return false;
    out->budget = str_of(r->at + AT_BODY + 12, sizes[0]);
    out->value = str_of(out->budget.p + sizes[0], sizes[1]);
    return true;
}

/* Journal segments out of arbitrary bytes: reading never leaves them, never stops
 * for good, and tells nothing twice. The first bytes choose how a valid segment is
 * damaged, so that the fuzzer gets past the checksums.
 *
 * Oracles: a row that decodes encodes to the same row again; records come in rising
 * order; every record of an undamaged segment is found. */
#include "base/arena.h"
#include "base/err.h"
#include "ledger/chain.h"
#include "ledger/histogram.h"
#include "ledger/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) abort();
}

enum { SIZE = 64 * 1024, INPUT_MAX = 4096 };

static char map[SIZE] __attribute__((aligned(8))); /* a small segment, zeroed behind each run */

/* Writes a record by hand around `body`, with a checksum that holds where `plan` says so. */
static uint32_t put_row(uint32_t at, uint64_t seq, str body, uint32_t seed)
{
    struct row row = {.n = {.attempt_id = seq}};
    size_t numbers = body.n < sizeof(row.n) ? body.n : sizeof(row.n);
    if (numbers) memcpy(&row.n, body.p, numbers);
    row.n.attempt_id |= 1;
    row.n.err = (uint16_t)(row.n.err % ERR_COUNT);
    row.n.reason = (uint8_t)(row.n.reason % REASON_COUNT);
    row.n.cost_state = (uint8_t)(row.n.cost_state % COST_STATE_COUNT);
    row.text[seq % ROW_TEXT_COUNT] = body;
    row.cell_count = (uint32_t)(seq % ROW_CELLS_MAX);
    struct record_plan plan;
    record_plan(&plan, RECORD_HOLD + (enum record_kind)(seq % 4), &row, seq % 3 ? 0 : RECORD_TRIM_TEXT);
    check(plan.length <= RECORD_MAX);
    if (SIZE - 8 - at < plan.length) return at;
    record_write(map, at, seed, seq, &plan, &row);
    struct record r;
    struct row back;
    check(record_read(map, SIZE, seed, at, &r) == RECORD_FOUND && r.seq == seq);
    check(record_row(&r, &back) && back.n.attempt_id == row.n.attempt_id && back.cell_count == row.cell_count);
    check(r.kind == RECORD_VOID || memcmp(&back.n, &row.n, sizeof(row.n)) == 0);
    return at + plan.length;
}

static uint64_t read_all(struct segment *s, bool damaged)
{
    struct chain chain = {.first = s};
    struct chain_cursor at = chain_begin(&chain);
    struct buf damage;
    struct record r;
    uint64_t count = 0, last = 0;
    buf_init(&damage, 1 << 20);
    while (chain_next(&at, UINT64_MAX, &r, &damage) == CHAIN_RECORD) {
        struct row row;
        struct record_cell cell;
        struct ledger_cell cells[ROW_CELLS_MAX];
        uint32_t n;
        check(r.seq > last);
        check(r.offset + r.length <= SIZE);
        last = r.seq;
        count++;
        if (r.kind == RECORD_CELL) {
            check(!record_cell(&r, &cell) || cell.budget.n + cell.value.n <= r.length);
        } else if (record_row(&r, &row)) {
            check(record_amounts(&r, cells, &n) && n == row.cell_count);
        }
    }
    check(damaged || damage.n == 0);
    check(chain_next(&at, UINT64_MAX, &r, &damage) == CHAIN_END);
    buf_free(&damage);
    return count;
}

/* A record whose content is the fuzzer's own, checksummed so that it is looked at. */
static void decode_raw(const uint8_t *data, size_t size)
{
    char *bytes = mem_alloc(size); /* exactly as long, so that ASan sees a byte too far */
    memcpy(bytes, data, size);
    struct record r = record_view(bytes, (uint32_t)size);
    struct row row;
    struct record_cell cell;
    struct ledger_cell cells[ROW_CELLS_MAX];
    uint32_t n;
    struct histogram h;
    if (record_row(&r, &row)) check(record_amounts(&r, cells, &n) && n == row.cell_count);
    if (record_cell(&r, &cell)) check(cell.budget.n + cell.value.n <= size);
    histogram_init(&h);
    if (histogram_merge_encoded(&h, str_of(bytes, size))) {
        struct buf again;
        struct histogram back;
        buf_init(&again, 0);
        histogram_init(&back);
        check(histogram_encode(&h, &again) && histogram_merge_encoded(&back, buf_str(&again)));
        check(back.total == h.total && back.n == h.n);
        buf_free(&again);
        histogram_free(&back);
    } else {
        check(h.total == 0);
    }
    histogram_free(&h);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8 || size > INPUT_MAX) return 0;
    decode_raw(data, size);
    struct segment s = {.id = {1, 0, 1}, .seed = data[0], .map = map, .size = SIZE};
    uint32_t at = SEGMENT_HEAD_BYTES;
    uint64_t seq = 0;
    str body = str_of((const char *)data + 8, size - 8);
    for (unsigned i = 0; i < 1u + data[1] % 8; i++) {
        size_t part = body.n / (1u + data[1] % 8);
        uint32_t next = put_row(at, seq + 1, str_of(body.p + i * part, part), s.seed);
        seq += next != at;
        at = next;
    }
    check(read_all(&s, false) == seq);
    /* damage: up to four bytes, and a torn copy of the input behind the end */
    for (unsigned i = 0; i < data[2] % 5u; i++) {
        uint32_t where =
            SEGMENT_HEAD_BYTES + (uint32_t)(data[3 + i] * 131u + data[7] * 7u + i) % (at - SEGMENT_HEAD_BYTES + 64);
        map[where] = (char)(map[where] ^ (data[4 + i % 3] | 1));
    }
    if (data[2] & 0x80 && body.n >= 16) memcpy(map + at, body.p, body.n < 4096 ? body.n : 4096);
    check(read_all(&s, true) <= seq + 1);
    memset(map, 0, SIZE);
    return 0;
}

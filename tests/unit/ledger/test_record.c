#include "fixture.h"

#include "base/err.h"
#include "base/rng.h"
#include "ledger/record.h"
#include "ledger/segment.h"

enum { SIZE = 256 * 1024, SEED = 77 };

static char segment[SIZE] __attribute__((aligned(8)));
static char texts[ROW_TEXT_COUNT][ROW_USAGE_MAX + 100];

static struct row random_row(struct rng *rng, size_t text_max)
{
    struct row row = {0};
    char *n = (char *)&row.n;
    for (size_t i = 0; i < sizeof(row.n); i += 8) {
        uint64_t v = rng_below(rng, 3) ? 0 : rng_next(rng);
        memcpy(n + i, &v, 8);
    }
    row.n.attempt_id = rng_next(rng) | 1;
    row.n.err = (uint16_t)rng_below(rng, ERR_COUNT);
    row.n.reason = (uint8_t)rng_below(rng, REASON_COUNT);
    row.n.cost_state = (uint8_t)rng_below(rng, COST_STATE_COUNT);
    for (size_t i = 0; i < ROW_TEXT_COUNT; i++) {
        size_t len = rng_below(rng, 2) ? 0 : rng_below(rng, text_max + 1);
        memset(texts[i], 'a' + (int)i, len);
        row.text[i] = str_of(texts[i], len);
    }
    row.cell_count = (uint32_t)rng_below(rng, ROW_CELLS_MAX + 1);
    for (uint32_t i = 0; i < row.cell_count; i++)
        row.cells[i] = (struct ledger_cell){rng_next(rng), (int64_t)rng_next(rng)};
    return row;
}

static void assert_same_row(const struct row *a, const struct row *b)
{
    assert_memory_equal(&a->n, &b->n, sizeof(a->n));
    for (size_t i = 0; i < ROW_TEXT_COUNT; i++) assert_true(str_eq(a->text[i], b->text[i]));
    assert_int_equal(a->cell_count, b->cell_count);
    assert_memory_equal(a->cells, b->cells, a->cell_count * sizeof(*a->cells));
}

static uint32_t put(uint32_t at, uint64_t seq, const struct row *row)
{
    struct record_plan plan;
    record_plan(&plan, RECORD_POST, row, 0);
    assert_true(plan.length <= RECORD_MAX && plan.length % 8 == 0);
    record_write(segment, at, SEED, seq, &plan, row);
    return plan.length;
}

static void test_rows_come_back(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3);
    for (int i = 0; i < 3000; i++) {
        struct row row = random_row(&rng, i % 3 ? 40 : 2000), back;
        struct record r;
        uint32_t length = put(64, (uint64_t)i + 1, &row);
        assert_int_equal(record_read(segment, SIZE, SEED, 64, &r), RECORD_FOUND);
        assert_int_equal(r.length, length);
        assert_int_equal(r.seq, i + 1);
        assert_int_equal(r.kind, RECORD_POST);
        assert_true(record_attempt(&r) == row.n.attempt_id);
        assert_true(record_row(&r, &back));
        assert_same_row(&row, &back);
        struct ledger_cell cells[ROW_CELLS_MAX];
        uint32_t count;
        assert_true(record_amounts(&r, cells, &count));
        assert_int_equal(count, row.cell_count);
        assert_memory_equal(cells, row.cells, count * sizeof(*cells));
        memset(segment, 0, 64 + length);
    }
}

static void test_every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 5);
    struct row row = random_row(&rng, 30);
    struct record r;
    memset(segment, 0, sizeof(segment));
    uint32_t length = put(64, 1, &row);
    for (uint32_t bit = 0; bit < length * 8; bit++) {
        segment[64 + bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(record_read(segment, SIZE, SEED, 64, &r), RECORD_FOUND);
        segment[64 + bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(record_read(segment, SIZE, SEED, 64, &r), RECORD_FOUND);
    /* nor is it valid anywhere else */
    memmove(segment + 64 + 1024, segment + 64, length);
    assert_int_equal(record_read(segment, SIZE, SEED, 64 + 1024, &r), RECORD_BAD);
    assert_int_equal(record_read(segment, SIZE, SEED + 1, 64, &r), RECORD_BAD);
}

static void test_reading_goes_on_behind_damage(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 6);
    uint32_t at[10];
    memset(segment, 0, sizeof(segment));
    for (uint32_t i = 0, where = 64; i < 10; i++) {
        struct row row = random_row(&rng, 30);
        at[i] = where;
        where += put(where, i + 1, &row);
    }
    memset(segment + at[4], 0xff, at[5] - at[4]);
    struct record r;
    assert_int_equal(record_read(segment, SIZE, SEED, at[4], &r), RECORD_BAD);
    assert_true(record_resync(segment, SIZE, SEED, at[4], 4, &r));
    assert_int_equal(r.offset, at[5]);
    assert_int_equal(r.seq, 6);
    assert_true(record_resync(segment, SIZE, SEED, at[4], 8, &r)); /* only what is newer */
    assert_int_equal(r.seq, 9);
    assert_false(record_resync(segment, SIZE, SEED, at[4], 10, &r));
}

static void test_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct row row = {.n = {.attempt_id = 1}}, back;
    struct record r;
    struct record_plan plan;
    memset(texts[0], 'x', ROW_TEXT_MAX - 1);
    memcpy(texts[0] + ROW_TEXT_MAX - 1, "\xc3\xa9 and more", 12); /* é stands across the ceiling */
    row.text[ROW_USER] = str_of(texts[0], ROW_TEXT_MAX + 8);
    memset(segment, 0, sizeof(segment));
    record_plan(&plan, RECORD_POST, &row, 0);
    record_write(segment, 64, SEED, 1, &plan, &row);
    assert_int_equal(record_read(segment, SIZE, SEED, 64, &r), RECORD_FOUND);
    assert_true(record_row(&r, &back));
    assert_int_equal(back.text[ROW_USER].n, ROW_TEXT_MAX - 1);
}

static void test_the_largest_and_the_trimmed_row_fit_their_bounds(void **state)
{
    (void)state;
    struct row row = {0}, back;
    struct record r;
    struct record_plan plan;
    memset(&row.n, 0x01, sizeof(row.n));
    row.n.err = row.n.reason = row.n.cost_state = 0;
    for (size_t i = 0; i < ROW_TEXT_COUNT; i++) {
        memset(texts[i], 'y', sizeof(texts[i]));
        row.text[i] = str_of(texts[i], sizeof(texts[i]));
    }
    row.cell_count = ROW_CELLS_MAX;
    memset(segment, 0, sizeof(segment));
    record_plan(&plan, RECORD_POST, &row, 0);
    assert_true(plan.length <= RECORD_MAX);
    record_write(segment, 64, SEED, 1, &plan, &row);
    assert_int_equal(record_read(segment, SIZE, SEED, 64, &r), RECORD_FOUND);
    assert_true(record_row(&r, &back));
    assert_int_equal(back.text[ROW_USAGE_RAW].n, ROW_USAGE_MAX);
    assert_int_equal(back.text[ROW_KEY].n, ROW_TEXT_MAX);
    record_plan(&plan, RECORD_POST, &row, RECORD_TRIM_TEXT);
    assert_true(plan.length <= RECORD_TRIMMED_MAX);
}

static void test_cells_and_voids(void **state)
{
    (void)state;
    struct record r;
    struct record_cell cell = {.key = UINT64_MAX, .window_start_us = -5, .budget = S("daily"), .value = S("")}, back;
    memset(segment, 0, sizeof(segment));
    record_cell_write(segment, 64, SEED, 9, &cell);
    assert_int_equal(record_read(segment, SIZE, SEED, 64, &r), RECORD_FOUND);
    assert_true(record_cell(&r, &back));
    assert_true(back.key == UINT64_MAX && back.window_start_us == -5 && str_eq(back.budget, S("daily")) &&
                !back.value.n);
    struct row row = {.n = {.attempt_id = 42, .cost_picousd = 7}, .cell_count = 1}, void_back;
    row.text[ROW_KEY] = S("alice");
    struct record_plan plan;
    record_plan(&plan, RECORD_VOID, &row, 0);
    record_write(segment, 1024, SEED, 10, &plan, &row);
    assert_int_equal(record_read(segment, SIZE, SEED, 1024, &r), RECORD_FOUND);
    assert_true(record_row(&r, &void_back));
    assert_true(void_back.n.attempt_id == 42 && void_back.n.cost_picousd == 0 && !void_back.text[ROW_KEY].n);
    assert_int_equal(void_back.cell_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_reading_goes_on_behind_damage),
        cmocka_unit_test(test_texts_are_cut_between_characters),
        cmocka_unit_test(test_the_largest_and_the_trimmed_row_fit_their_bounds),
        cmocka_unit_test(test_cells_and_voids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

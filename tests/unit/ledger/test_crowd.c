#include "fixture.h"

#include "base/rng.h"
#include "ledger/crowd.h"
#include "ledger/histogram.h"

/* Crowds, there and back: drawn entries in small and large ones, merged where they are the same, damaged. */

enum { LARGE = 3 * CROWD_SMALL, SMALL = 100, ROWS_MAX = 4096 };

static const struct hash_key key = {3, 4};
static const str features[] = {STR_INIT(""), STR_INIT("search"), STR_INIT("support-bot")};

/* What a crowd's rows are, by number. */
struct rows {
    int64_t number[ROWS_MAX];
    struct buf body[ROWS_MAX];
    size_t count;
};

static bool put(void *ctx, int64_t number, str body)
{
    struct rows *r = ctx;
    assert_true(r->count < ROWS_MAX);
    r->number[r->count] = number;
    buf_init(&r->body[r->count], 0);
    buf_add(&r->body[r->count++], body);
    return true;
}

static void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++) buf_free(&r->body[i]);
    r->count = 0;
}

static bool read_row(void *ctx, int64_t number, str *body)
{
    struct rows *r = ctx;
    *body = STR_NONE;
    for (size_t i = 0; i < r->count; i++) {
        if (r->number[i] == number) *body = buf_str(&r->body[i]);
    }
    return true;
}

/* What went in, by name and feature. */
static struct {
    char name[16];
    int64_t sums[PACK_SUMS];
    uint64_t samples;
    bool there, seen;
} in[LARGE][COUNT_OF(features)];

static void add(struct crowd_maker *m, struct rng *rng, int name, int feature)
{
    struct pack_row row = {0};
    struct buf values, latency;
    struct histogram h;
    buf_init(&values, 0);
    buf_init(&latency, 0);
    histogram_init(&h);
    for (int s = 0; s < PACK_SUMS; s++) {
        if (rng_below(rng, 3) == 0) row.sums[s] = (int64_t)rng_below(rng, 100000);
        in[name][feature].sums[s] += row.sums[s];
    }
    for (uint64_t i = rng_below(rng, 3); i; i--) {
        histogram_add(&h, (int64_t)rng_below(rng, 1000000));
        in[name][feature].samples++;
    }
    histogram_encode(&h, &latency);
    row.latency = buf_str(&latency);
    pack_put_values(&values, &row);
    in[name][feature].there = true;
    snprintf(in[name][feature].name, sizeof(in[name][feature].name), "u%d", name);
    str text = str_from(in[name][feature].name);
    assert_true(crowd_maker_add(m, &(struct crowd_entry){.hash = crowd_hash(key, text),
                                                         .name = text,
                                                         .feature = features[feature],
                                                         .values = buf_str(&values),
                                                         .cost = row.sums[PACK_SUM_cost],
                                                         .attempts = row.sums[PACK_SUM_attempts],
                                                         .unpriced = row.sums[PACK_SUM_unpriced_cost]}));
    histogram_free(&h);
    buf_free(&values);
    buf_free(&latency);
}

static void check_entry(struct crowd_walk *w, str name, str values)
{
    struct pack_values v;
    struct histogram h;
    int64_t at = 0;
    int feature = 0;
    assert_true(str_to_i64(str_from_at(name, 1), &at));
    while (!str_eq(features[feature], w->head->features[w->place])) feature++;
    assert_true(w->hash == crowd_hash(key, name));
    assert_true(in[at][feature].there && !in[at][feature].seen);
    in[at][feature].seen = true;
    assert_true(pack_values(values, &v));
    for (int s = 0; s < PACK_SUMS; s++) assert_true((v.present >> s & 1 ? v.sums[s] : 0) == in[at][feature].sums[s]);
    histogram_init(&h);
    assert_true(histogram_merge_encoded(&h, v.latency));
    assert_int_equal(h.total, in[at][feature].samples);
    histogram_free(&h);
}

/* The columns say what the chunks say, and each is found by its hash. */
static size_t check_head(struct rows *rows, uint32_t number, uint32_t heads)
{
    struct crowd_head head;
    struct crowd_walk w;
    struct arena arena;
    str body, name, values;
    assert_true(read_row(rows, number, &body));
    if (!body.n) return 0;
    arena_init(&arena);
    assert_true(crowd_open(&head, &arena, body));
    assert_int_equal(head.heads, heads);
    str costs = head.costs, attempts = head.attempts, unpriced = head.unpriced;
    crowd_walk_begin(&w, &head, number);
    for (uint32_t i = 0; i < head.count; i++) {
        struct pack_values v;
        uint64_t cost = 0, count = 0, without = 0;
        assert_int_equal(crowd_walk_next(&w), CROWD_ENTRY);
        assert_true(heads == 1 || crowd_part(w.hash) == number);
        uint32_t found = crowd_find(&head, w.hash);
        assert_true(found <= i && crowd_hash_at(&head, found) == w.hash);
        assert_true(crowd_find(&head, w.hash + 1) > i);
        assert_true(crowd_next(&costs, !head.costs.n, &cost) && crowd_next(&attempts, !head.attempts.n, &count) &&
                    crowd_next(&unpriced, !head.unpriced.n, &without));
        if (i % 3 == 1) continue; /* not all are looked into */
        assert_int_equal(crowd_walk_detail(&w, read_row, rows, &name, &values), CROWD_ENTRY);
        check_entry(&w, name, values);
        assert_true(pack_values(values, &v));
        assert_true(varint_unfold(cost) == (v.present >> PACK_SUM_cost & 1 ? v.sums[PACK_SUM_cost] : 0));
        assert_true(varint_unfold(count) == (v.present >> PACK_SUM_attempts & 1 ? v.sums[PACK_SUM_attempts] : 0));
        assert_true(varint_unfold(without) ==
                    (v.present >> PACK_SUM_unpriced_cost & 1 ? v.sums[PACK_SUM_unpriced_cost] : 0));
        str again, other;
        assert_true(read_row(rows, crowd_chunk(number, i / CROWD_CHUNK), &body));
        assert_true(crowd_chunk_find(body, i % CROWD_CHUNK, &again, &other));
        assert_true(str_eq(again, name) && str_eq(other, values));
    }
    assert_int_equal(crowd_walk_next(&w), CROWD_END);
    size_t count = head.count;
    arena_free(&arena);
    return count;
}

static void there_and_back(int names, uint32_t heads, uint64_t seed)
{
    static struct rows rows;
    struct rng rng;
    size_t expected = 0, found = 0;
    memset(in, 0, sizeof(in));
    rng_seed(&rng, seed);
    struct crowd_maker *m = crowd_maker_new();
    for (int i = 0; i < names; i++) {
        add(m, &rng, i, 0);
        if (i % 3 == 0) add(m, &rng, i, 2);
        if (i % 5 == 0) add(m, &rng, i / 2, (int)rng_below(&rng, 3)); /* once more: becomes one */
    }
    for (int i = 0; i < names; i++) {
        for (size_t f = 0; f < COUNT_OF(features); f++) expected += in[i][f].there;
    }
    assert_true(crowd_maker_write(m, 0, 0, CROWD_PARTS, put, &rows));
    assert_int_equal(crowd_maker_count(m), expected);
    assert_int_equal(rows.number[rows.count - 1], 0); /* with it the crowd is there */
    for (uint32_t h = 0; h < heads; h++) found += check_head(&rows, h, heads);
    assert_int_equal(found, expected);
    rows_free(&rows);
    crowd_maker_drop(m);
}

static void test_they_come_back_as_they_went_in(void **state)
{
    (void)state;
    there_and_back(0, 1, 1);
    there_and_back(1, 1, 2);
    there_and_back(SMALL, 1, 3);
    there_and_back(LARGE, CROWD_PARTS, 4);
}

/* In whatever order they come, the bytes are the same: the verifier counts on it. */
static void test_the_same_bytes(void **state)
{
    static struct rows rows[2];
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct crowd_maker *m = crowd_maker_new();
        memset(in, 0, sizeof(in));
        for (int i = 0; i < SMALL; i++) {
            int at = way ? SMALL - 1 - i : i;
            struct rng rng;
            for (int f = 0; f < 3; f++) {
                rng_seed(&rng, 3 * (uint64_t)at + (uint64_t)f);
                add(m, &rng, at, f);
            }
        }
        assert_true(crowd_maker_write(m, way ? 0 : 1, 0, CROWD_PARTS, put, &rows[way]));
        crowd_maker_drop(m);
    }
    assert_int_equal(rows[0].count, rows[1].count);
    for (size_t i = 0; i < rows[0].count; i++) {
        assert_int_equal(rows[0].number[i], rows[1].number[i]);
        assert_true(str_eq(buf_str(&rows[0].body[i]), buf_str(&rows[1].body[i])));
    }
    rows_free(&rows[0]);
    rows_free(&rows[1]);
}

/* Reads all there is of a copy of its own size, so that the sanitizers see a step behind it. */
static bool reads(struct rows *rows, size_t which, const char *bytes, size_t n)
{
    struct rows own = *rows;
    struct crowd_head head;
    struct crowd_walk w;
    struct arena arena;
    str body, name, values;
    char *copy = mem_alloc(n ? n : 1);
    memcpy(copy, bytes, n);
    own.body[which] = (struct buf){.p = copy, .n = n};
    arena_init(&arena);
    (void)read_row(&own, 0, &body);
    enum crowd_step step = crowd_open(&head, &arena, body) ? CROWD_ENTRY : CROWD_BAD;
    if (step == CROWD_ENTRY) crowd_walk_begin(&w, &head, 0);
    while (step == CROWD_ENTRY && (step = crowd_walk_next(&w)) == CROWD_ENTRY) {
        struct pack_values v;
        step = crowd_walk_detail(&w, read_row, &own, &name, &values);
        if (step == CROWD_ENTRY && !pack_values(values, &v)) step = CROWD_BAD;
    }
    if (step == CROWD_END) (void)crowd_find(&head, 7);
    arena_free(&arena);
    free(copy);
    return step == CROWD_END;
}

static void test_damaged_bytes_are_met_with_a_refusal(void **state)
{
    static struct rows rows;
    struct rng rng;
    (void)state;
    memset(in, 0, sizeof(in));
    rng_seed(&rng, 6);
    struct crowd_maker *m = crowd_maker_new();
    for (int i = 0; i < SMALL; i++) add(m, &rng, i, i % 3);
    assert_true(crowd_maker_write(m, 0, 0, CROWD_PARTS, put, &rows));
    assert_int_equal(rows.count, 3); /* two chunks, a head */
    for (size_t r = 0; r < rows.count; r++) {
        struct buf *b = &rows.body[r];
        assert_true(reads(&rows, r, b->p, b->n));
        for (size_t n = 0; n < b->n; n++) assert_false(reads(&rows, r, b->p, n));
        for (int i = 0; i < 5000; i++) { /* whatever comes of it, within its bytes */
            size_t at = rng_below(&rng, b->n);
            char was = b->p[at];
            b->p[at] = (char)rng_next(&rng);
            (void)reads(&rows, r, b->p, b->n);
            b->p[at] = was;
        }
    }
    rows_free(&rows);
    crowd_maker_drop(m);
}

/* What is more than 64 bits have stays at the most that they have. */
static void test_sums_without_end(void **state)
{
    static struct rows rows;
    struct crowd_maker *m = crowd_maker_new();
    struct crowd_head head;
    struct arena arena;
    uint64_t cost;
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct pack_row row = {.sums[PACK_SUM_cost] = INT64_MAX - 1, .sums[PACK_SUM_cost_max] = INT64_MAX - 1};
        struct buf values;
        buf_init(&values, 0);
        pack_put_values(&values, &row);
        assert_true(crowd_maker_add(m, &(struct crowd_entry){.hash = 7,
                                                             .name = S("u"),
                                                             .feature = S("f"),
                                                             .values = buf_str(&values),
                                                             .cost = row.sums[PACK_SUM_cost]}));
        buf_free(&values);
    }
    assert_true(crowd_maker_write(m, 0, 0, CROWD_PARTS, put, &rows));
    arena_init(&arena);
    assert_true(crowd_open(&head, &arena, buf_str(&rows.body[rows.count - 1])));
    str costs = head.costs;
    assert_true(head.count == 1 && crowd_next(&costs, false, &cost) && varint_unfold(cost) == INT64_MAX);
    arena_free(&arena);
    rows_free(&rows);
    crowd_maker_drop(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_come_back_as_they_went_in),
        cmocka_unit_test(test_the_same_bytes),
        cmocka_unit_test(test_sums_without_end),
        cmocka_unit_test(test_damaged_bytes_are_met_with_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

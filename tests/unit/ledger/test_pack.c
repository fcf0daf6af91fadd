#include "fixture.h"

#include "base/rng.h"
#include "ledger/pack.h"
#include "ledger/varint.h"

/* Packs, there and back: drawn rows, in parts, with every odd value. */

enum { ROWS = 3 * PACK_SMALL_ROWS };

static const struct hash_key secret = {1, 2};

static char values[ROWS][16];

static void draw_row(struct pack_row *row, struct rng *rng, int i)
{
    static const int64_t odd[] = {0, 1, -1, 63, 64, INT64_MAX, INT64_MIN};
    static const str histograms[] = {STR_INIT(""), STR_INIT("\x05\x01"), STR_INIT("\x00\x80\x01\x07\x02")};
    static const str features[] = {STR_INIT(""), STR_INIT("search"), STR_INIT("support-bot")};
    snprintf(values[i], sizeof(values[i]), "u%05d", i / 3); /* sorted, as a rollup gives them */
    *row = (struct pack_row){.name = {str_from(values[i]), features[i % 3]}};
    for (int s = 0; s < PACK_SUMS; s++) {
        if (rng_below(rng, 2)) row->sums[s] = odd[rng_below(rng, COUNT_OF(odd))];
    }
    row->latency = histograms[rng_below(rng, COUNT_OF(histograms))];
    row->first_token = histograms[rng_below(rng, COUNT_OF(histograms))];
}

static void assert_text(str got, str want)
{
    assert_true(str_eq(got, want));
}

static void assert_entry(const struct pack *p, const struct pack_entry *e, const struct pack_row *want)
{
    struct pack_values v;
    assert_int_equal(e->hour, want->hour);
    for (uint32_t i = 0; i < p->name_count; i++) assert_text(p->names[i].text[e->name[i]], want->name[i]);
    assert_true(pack_values(e->values, &v));
    for (int s = 0; s < PACK_SUMS; s++) {
        bool present = v.present >> s & 1;
        if (!present) assert_int_equal(want->sums[s], 0);
        if (present) assert_true(v.sums[s] == want->sums[s]);
    }
    assert_text(v.latency, want->latency);
    assert_text(v.first_token, want->first_token);
    __int128 sums[PACK_SUMS];
    str rest, latency, first_token;
    for (int s = 0; s < PACK_SUMS; s++) sums[s] = s;
    assert_true(pack_add_sums(e->values, sums, &rest) && pack_histograms(rest, &latency, &first_token));
    for (int s = 0; s < PACK_SUMS; s++) assert_true(sums[s] == (__int128)want->sums[s] + s);
    assert_text(latency, want->latency);
    assert_text(first_token, want->first_token);
}

static void test_rows_come_back_as_they_went_in(void **state)
{
    (void)state;
    static struct pack_row rows[ROWS];
    static bool seen[ROWS];
    struct rng rng;
    rng_seed(&rng, 5);
    struct pack_maker *m = pack_maker_new(PACK_SUM, secret);
    for (int i = 0; i < ROWS; i++) {
        draw_row(&rows[i], &rng, i);
        assert_true(pack_maker_add(m, &rows[i]));
    }
    int found = 0;
    for (uint32_t part = 0; part < PACK_PARTS; part++) {
        struct buf body;
        struct arena arena;
        struct pack p;
        struct pack_entry e;
        buf_init(&body, 0);
        arena_init(&arena);
        pack_maker_body(m, part, &body);
        assert_true(pack_open(&p, &arena, buf_str(&body)));
        enum pack_step step;
        while ((step = pack_next(&p, &e)) == PACK_ENTRY) {
            str value = p.names[0].text[e.name[0]], feature = p.names[1].text[e.name[1]];
            int i = 3 * atoi(value.p + 1) + (feature.n == 0 ? 0 : feature.n == 6 ? 1 : 2);
            assert_false(seen[i]);
            seen[i] = true;
            assert_entry(&p, &e, &rows[i]);
            found++;
        }
        assert_int_equal(step, PACK_END);
        arena_free(&arena);
        buf_free(&body);
    }
    assert_int_equal(found, ROWS);
    pack_maker_drop(m);
}

/* The way without names for what is in it takes and refuses the same. */
static bool adds(str bytes)
{
    __int128 sums[PACK_SUMS] = {0};
    str rest, latency, first_token;
    return pack_add_sums(bytes, sums, &rest) && pack_histograms(rest, &latency, &first_token);
}

/* Reads all there is. Returns whether nothing was wrong. */
static bool reads(str body)
{
    struct arena arena;
    struct pack p;
    struct pack_entry e;
    struct pack_values v;
    arena_init(&arena);
    bool ok = pack_open(&p, &arena, body);
    for (enum pack_step step = PACK_ENTRY; ok && step == PACK_ENTRY;) {
        step = pack_next(&p, &e);
        ok = step == PACK_END || (step == PACK_ENTRY && pack_values(e.values, &v));
        if (step == PACK_ENTRY) assert_true(adds(e.values) == ok);
    }
    arena_free(&arena);
    return ok;
}

/* A copy of its own size, so that the sanitizers see a step behind it. */
static bool reads_copy(const char *bytes, size_t n)
{
    char *copy = mem_alloc(n + 1);
    char *own = mem_realloc(copy, n ? n : 1);
    memcpy(own, bytes, n);
    bool ok = reads(str_of(own, n));
    free(own);
    return ok;
}

static void test_damaged_bytes_are_met_with_a_refusal(void **state)
{
    (void)state;
    struct rng rng;
    struct pack_row row;
    struct buf body;
    rng_seed(&rng, 6);
    struct pack_maker *m = pack_maker_new(PACK_HOUR, secret);
    for (int i = 0; i < 20; i++) {
        draw_row(&row, &rng, i);
        row.hour = (uint32_t)i;
        for (int k = 2; k < PACK_NAMES_MAX; k++) row.name[k] = S("same");
        assert_true(pack_maker_add(m, &row));
    }
    buf_init(&body, 0);
    pack_maker_body(m, 0, &body);
    assert_true(reads(buf_str(&body)));
    for (size_t n = 0; n < body.n; n++) assert_false(reads_copy(body.p, n));
    for (int i = 0; i < 20000; i++) { /* whatever comes of it, within its bytes */
        size_t at = rng_below(&rng, body.n);
        char was = body.p[at];
        body.p[at] = (char)rng_next(&rng);
        (void)reads_copy(body.p, body.n);
        body.p[at] = was;
    }
    buf_free(&body);
    pack_maker_drop(m);
}

static void test_numbers_of_every_size(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 64; shift++) {
        for (int less = 0; less < 2; less++) {
            uint64_t in = (UINT64_C(1) << shift) - (uint64_t)less, out = 0;
            char bytes[VARINT_MAX];
            str s = str_of(bytes, varint_put(bytes, in));
            assert_true(varint_get(&s, &out));
            assert_true(out == in && s.n == 0);
            assert_true(varint_unfold(varint_fold((int64_t)in)) == (int64_t)in);
        }
    }
    uint64_t out;
    str too_long = S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), cut = S("\x80");
    assert_false(varint_get(&too_long, &out));
    assert_false(varint_get(&cut, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back_as_they_went_in),
        cmocka_unit_test(test_damaged_bytes_are_met_with_a_refusal),
        cmocka_unit_test(test_numbers_of_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

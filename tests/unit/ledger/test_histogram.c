#include "fixture.h"

#include "base/rng.h"
#include "ledger/histogram.h"

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void assert_near(int64_t got, int64_t want)
{
    int64_t off = got > want ? got - want : want - got;
    if (off * 20 > want) fail_msg("%lld is more than 5 %% from %lld", (long long)got, (long long)want);
}

/* Durations over seven orders of magnitude. */
static void test_quantiles_are_within_five_percent(void **state)
{
    (void)state;
    enum { N = 20000 };
    static int64_t values[N];
    struct rng rng;
    struct histogram h;
    rng_seed(&rng, 7);
    histogram_init(&h);
    for (int i = 0; i < N; i++) {
        values[i] = (int64_t)(rng_next(&rng) >> (30 + rng_below(&rng, 30)));
        histogram_add(&h, values[i]);
    }
    qsort(values, N, sizeof(*values), compare);
    static const unsigned permilles[] = {1, 10, 100, 250, 500, 750, 900, 950, 990, 999, 1000};
    for (size_t i = 0; i < COUNT_OF(permilles); i++)
        assert_near(histogram_quantile(&h, permilles[i]),
                    values[(size_t)N * permilles[i] / 1000 - (permilles[i] ? 1 : 0)]);
    assert_int_equal(h.total, N);
    histogram_free(&h);
}

static void test_small_values_are_exact_and_ends_are_kept(void **state)
{
    (void)state;
    struct histogram h;
    histogram_init(&h);
    assert_int_equal(histogram_quantile(&h, 500), 0);
    for (int64_t v = 0; v < 32; v++) {
        histogram_clear(&h);
        histogram_add(&h, v);
        assert_int_equal(histogram_quantile(&h, 500), v);
    }
    for (int shift = 5; shift < 36; shift++) { /* both sides of every octave */
        for (int64_t v = (INT64_C(1) << shift) - 1; v <= (INT64_C(1) << shift) + 1; v++) {
            histogram_clear(&h);
            histogram_add(&h, v);
            assert_near(histogram_quantile(&h, 500), v);
        }
    }
    histogram_clear(&h);
    histogram_add(&h, INT64_MAX);
    assert_near(histogram_quantile(&h, 500), HISTOGRAM_TOP);
    histogram_clear(&h);
    histogram_add(&h, -5);
    assert_int_equal(histogram_quantile(&h, 500), 0);
    histogram_free(&h);
}

static void test_a_merge_is_the_histogram_of_both(void **state)
{
    (void)state;
    struct histogram a, b, both, again;
    struct buf blob;
    struct rng rng;
    rng_seed(&rng, 9);
    histogram_init(&a);
    histogram_init(&b);
    histogram_init(&both);
    histogram_init(&again);
    buf_init(&blob, 0);
    for (int i = 0; i < 5000; i++) {
        int64_t v = (int64_t)rng_below(&rng, i % 2 ? 1000 : 10000000);
        histogram_add(i % 3 ? &a : &b, v);
        histogram_add(&both, v);
    }
    assert_true(histogram_encode(&a, &blob));
    assert_true(histogram_merge_encoded(&again, buf_str(&blob)));
    histogram_merge(&again, &b);
    assert_int_equal(again.n, both.n);
    assert_int_equal(again.total, both.total);
    for (uint32_t i = 0; i < both.n; i++) {
        assert_int_equal(again.buckets[i].index, both.buckets[i].index);
        assert_int_equal(again.buckets[i].count, both.buckets[i].count);
    }
    histogram_free(&a);
    histogram_free(&b);
    histogram_free(&both);
    histogram_free(&again);
    buf_free(&blob);
}

static void test_malformed_blobs_are_refused_whole(void **state)
{
    (void)state;
    static const str blobs[] = {
        STR_INIT("\x05"),                                         /* no count */
        STR_INIT("\x05\x01\x00\x01"),                             /* the same bucket again */
        STR_INIT("\x05\x00"),                                     /* nobody in it */
        STR_INIT("\xff\xff\x7f\x01"),                             /* behind the last bucket */
        STR_INIT("\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), /* a count of more than 64 bits */
        STR_INIT("\x05\x01\x85"),                                 /* cut off */
    };
    struct histogram h;
    histogram_init(&h);
    for (size_t i = 0; i < COUNT_OF(blobs); i++) {
        assert_false(histogram_merge_encoded(&h, blobs[i]));
        assert_int_equal(h.total, 0);
        assert_int_equal(h.n, 0);
    }
    assert_true(histogram_merge_encoded(&h, STR_NONE));
    histogram_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_are_within_five_percent),
        cmocka_unit_test(test_small_values_are_exact_and_ends_are_kept),
        cmocka_unit_test(test_a_merge_is_the_histogram_of_both),
        cmocka_unit_test(test_malformed_blobs_are_refused_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

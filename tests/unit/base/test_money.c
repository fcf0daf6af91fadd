#include "base/money.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_str(str is, str expected)
{
    if (!str_eq(is, expected)) fail_msg("'%" STR_FMT "', expected '%" STR_FMT "'", STR_ARG(is), STR_ARG(expected));
}

static void parses(void **state)
{
    (void)state;
    static const struct {
        str text;
        bool is_usd, is_per_million;
        picousd usd, per_million;
    } rows[] = {
        {STR_INIT("0"), true, true, 0, 0},
        {STR_INIT("1"), true, true, 1000000000000, 1000000},
        {STR_INIT("12.5"), true, true, 12500000000000, 12500000},
        {STR_INIT(".5"), true, true, 500000000000, 500000},
        {STR_INIT("5."), true, true, 5000000000000, 5000000},
        {STR_INIT("0.15"), true, true, 150000000000, 150000},
        {STR_INIT("0.000001"), true, true, 1000000, 1},
        {STR_INIT("0.0000001"), true, false, 100000, 0},
        {STR_INIT("0.000000000001"), true, false, 1, 0},
        {STR_INIT("0.0000000000010"), true, false, 1, 0},
        {STR_INIT("0.0000000000001"), false, false, 0, 0},
        {STR_INIT("0.0000000000015"), false, false, 0, 0},
        {STR_INIT("9223372.036854775807"), true, false, PICOUSD_MAX, 0},
        {STR_INIT("9223372.036854775808"), false, false, 0, 0},
        {STR_INIT("9223373"), false, true, 0, 9223373000000},
        {STR_INIT("9223372036854.775807"), false, true, 0, PICOUSD_MAX},
        {STR_INIT("9223372036854.775808"), false, false, 0, 0},
        {STR_INIT("99999999999999999999"), false, false, 0, 0},
        {STR_INIT(""), false, false, 0, 0},
        {STR_INIT("."), false, false, 0, 0},
        {STR_INIT("1.2.3"), false, false, 0, 0},
        {STR_INIT("-1"), false, false, 0, 0},
        {STR_INIT("+1"), false, false, 0, 0},
        {STR_INIT("1e3"), false, false, 0, 0},
        {STR_INIT(" 1"), false, false, 0, 0},
        {STR_INIT("1,5"), false, false, 0, 0},
        {STR_INIT("$1"), false, false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        picousd usd = 0, per_million = 0;
        if (money_parse_usd(rows[i].text, &usd) != rows[i].is_usd || usd != rows[i].usd) fail_msg("%s", rows[i].text.p);
        if (money_parse_per_million(rows[i].text, &per_million) != rows[i].is_per_million ||
            per_million != rows[i].per_million) {
            fail_msg("%s per million", rows[i].text.p);
        }
    }
}

static void formats(void **state)
{
    (void)state;
    static const struct {
        int64_t amount;
        str exact, brief;
    } rows[] = {
        {0, STR_INIT("0"), STR_INIT("0.00")},
        {1, STR_INIT("0.000000000001"), STR_INIT("0.000000000001")},
        {-1, STR_INIT("-0.000000000001"), STR_INIT("-0.000000000001")},
        {123000000, STR_INIT("0.000123"), STR_INIT("0.00012")},
        {31500000000, STR_INIT("0.0315"), STR_INIT("0.032")},
        {PICOUSD_PER_USD, STR_INIT("1"), STR_INIT("1.00")},
        {-3 * PICOUSD_PER_USD / 2, STR_INIT("-1.5"), STR_INIT("-1.50")},
        {12345678900000, STR_INIT("12.3456789"), STR_INIT("12.35")},
        {995000000000, STR_INIT("0.995"), STR_INIT("1.00")},
        {999999999999, STR_INIT("0.999999999999"), STR_INIT("1.00")},
        {94500000000000, STR_INIT("94.5"), STR_INIT("94.50")},
        {PICOUSD_MAX, STR_INIT("9223372.036854775807"), STR_INIT("9223372.04")},
        {INT64_MIN, STR_INIT("-9223372.036854775808"), STR_INIT("-9223372.04")},
    };
    char text[MONEY_TEXT_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_str(money_format(rows[i].amount, text), rows[i].exact);
        assert_int_equal(text[rows[i].exact.n], '\0');
        expect_str(money_format_short(rows[i].amount, text), rows[i].brief);
        assert_int_equal(text[rows[i].brief.n], '\0');
    }
    /* the sum of very many rows */
    __int128 sum = (__int128)INT64_MAX * 1000000000;
    expect_str(money_format(sum, text), S("9223372036854775.807"));
    __int128 top = (__int128)((~(unsigned __int128)0) >> 1);
    expect_str(money_format(top, text), S("170141183460469231731687303.715884105727"));
    expect_str(money_format(-top - 1, text), S("-170141183460469231731687303.715884105728"));
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 5);
    char text[MONEY_TEXT_MAX];
    for (int i = 0; i < 20000; i++) {
        picousd amount = (picousd)(rng_next(&rng) >> (1 + rng_below(&rng, 60))), back = -1;
        assert_true(money_parse_usd(money_format(amount, text), &back));
        assert_int_equal(back, amount);
    }
}

static void checks_arithmetic(void **state)
{
    (void)state;
    picousd out = 0;
    assert_true(money_mul(3000000, 8000, &out)); /* $3 per million, 8,000 tokens */
    assert_int_equal(out, 24000000000);
    assert_true(money_mul(PICOUSD_MAX, 1, &out));
    assert_false(money_mul(PICOUSD_MAX, 2, &out));
    assert_false(money_mul(INT64_C(1) << 32, INT64_C(1) << 31, &out));
    assert_true(money_add(PICOUSD_MAX - 1, 1, &out));
    assert_int_equal(out, PICOUSD_MAX);
    assert_false(money_add(PICOUSD_MAX, 1, &out));
    assert_int_equal(money_add_sat(PICOUSD_MAX, 1), PICOUSD_MAX);
    assert_int_equal(money_add_sat(1, 2), 3);
    assert_int_equal(money_mul_sat(PICOUSD_MAX, 2), PICOUSD_MAX);
    assert_int_equal(money_mul_sat(3, 2), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(formats),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(checks_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

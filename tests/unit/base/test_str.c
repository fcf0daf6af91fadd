#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_str(str is, str expected)
{
    if (!str_eq(is, expected)) fail_msg("'%" STR_FMT "', expected '%" STR_FMT "'", STR_ARG(is), STR_ARG(expected));
}

static void compares(void **state)
{
    (void)state;
    static const struct {
        str a, b;
        int order;
        bool nocase, starts, ends; /* a with b */
    } rows[] = {
        {STR_INIT(""), STR_INIT(""), 0, true, true, true},
        {STR_INIT("a"), STR_INIT(""), 1, false, true, true},
        {STR_INIT(""), STR_INIT("a"), -1, false, false, false},
        {STR_INIT("abc"), STR_INIT("abc"), 0, true, true, true},
        {STR_INIT("abc"), STR_INIT("abd"), -1, false, false, false},
        {STR_INIT("abc"), STR_INIT("ab"), 1, false, true, false},
        {STR_INIT("abc"), STR_INIT("bc"), -1, false, false, true},
        {STR_INIT("Content-Type"), STR_INIT("content-type"), -1, true, false, false},
        {STR_INIT("a["), STR_INIT("A{"), 1, false, false, false}, /* 32 apart, and no letters */
        {STR_INIT("x-Purser-Feature"), STR_INIT("X-pURSER-fEATURE"), 1, true, false, false},
        {STR_INIT("X-purser-a"), STR_INIT("X-purser-b"), -1, false, false, false},
        {STR_INIT("ETag"), STR_INIT("eTAG"), -1, true, false, false},
        {STR_INIT("\xc1\xc1\xc1\xc1"), STR_INIT("\xe1\xe1\xe1\xe1"), -1, false, false, false}, /* above ASCII */
        {STR_INIT("\xff"), STR_INIT("a"), 1, false, false, false},
        {STR_INIT("a\0b"), STR_INIT("a\0c"), -1, false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int order = str_cmp(rows[i].a, rows[i].b), back = str_cmp(rows[i].b, rows[i].a);
        if ((order > 0) - (order < 0) != rows[i].order) fail_msg("row %zu: order", i);
        if ((back > 0) - (back < 0) != -rows[i].order) fail_msg("row %zu: order turned round", i);
        if (str_eq(rows[i].a, rows[i].b) != (rows[i].order == 0)) fail_msg("row %zu: eq", i);
        if (str_eq_nocase(rows[i].a, rows[i].b) != rows[i].nocase) fail_msg("row %zu: nocase", i);
        if (str_starts(rows[i].a, rows[i].b) != rows[i].starts) fail_msg("row %zu: starts", i);
        if (str_ends(rows[i].a, rows[i].b) != rows[i].ends) fail_msg("row %zu: ends", i);
    }
    assert_true(str_eq(STR_NONE, S("")));
    assert_int_equal(str_from(NULL).n, 0);
    assert_int_equal(str_from("abc").n, 3);
}

/* Every pair of bytes, at every place of short and long texts. */
static void compares_without_case(void **state)
{
    (void)state;
    char a[20], b[20];
    for (size_t n = 1; n <= sizeof(a); n += n < 9 ? 1 : 11) {
        memset(a, 'q', n);
        memset(b, 'Q', n);
        for (size_t at = 0; at < n; at++) {
            for (int pair = 0; pair < 65536; pair++) {
                unsigned char x = (unsigned char)(pair & 255), y = (unsigned char)(pair >> 8);
                a[at] = (char)x;
                b[at] = (char)y;
                bool letters = (x ^ y) == 32 && (x | 32) >= 'a' && (x | 32) <= 'z';
                if (str_eq_nocase(str_of(a, n), str_of(b, n)) != (x == y || letters))
                    fail_msg("bytes %02x and %02x at %zu of %zu", x, y, at, n);
            }
            a[at] = 'q';
            b[at] = 'Q';
        }
    }
}

static void takes_parts(void **state)
{
    (void)state;
    expect_str(str_from_at(S("abc"), 0), S("abc"));
    expect_str(str_from_at(S("abc"), 1), S("bc"));
    expect_str(str_from_at(S("abc"), 3), S(""));
    expect_str(str_from_at(S("abc"), SIZE_MAX), S(""));
    expect_str(str_head(S("abc"), 2), S("ab"));
    expect_str(str_head(S("abc"), 9), S("abc"));
    expect_str(str_trim(S(" \t\r\n a b \n\t ")), S("a b"));
    expect_str(str_trim(S(" \t ")), S(""));
    expect_str(str_trim(S("\va\v")), S("\va\v"));
}

static void finds(void **state)
{
    (void)state;
    static const struct {
        str hay, needle;
        size_t from, at;
    } rows[] = {
        {STR_INIT("abcabc"), STR_INIT("bc"), 0, 1},
        {STR_INIT("abcabc"), STR_INIT("bc"), 1, 1},
        {STR_INIT("abcabc"), STR_INIT("bc"), 2, 4},
        {STR_INIT("abcabc"), STR_INIT("bc"), 5, SIZE_MAX},
        {STR_INIT("abcabc"), STR_INIT("bc"), 7, SIZE_MAX},
        {STR_INIT("abcabc"), STR_INIT("cd"), 0, SIZE_MAX},
        {STR_INIT("abc"), STR_INIT("abcd"), 0, SIZE_MAX},
        {STR_INIT("abc"), STR_INIT(""), 2, 2},
        {STR_INIT("abc"), STR_INIT(""), 3, 3},
        {STR_INIT("abc"), STR_INIT(""), 4, SIZE_MAX},
        {STR_INIT("a\0b"), STR_INIT("\0b"), 0, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_find(rows[i].hay, rows[i].needle, rows[i].from) != rows[i].at) fail_msg("row %zu", i);
        if (rows[i].needle.n != 1) continue;
        assert_int_equal(str_find_byte(rows[i].hay, rows[i].needle.p[0], rows[i].from), rows[i].at);
    }
    assert_int_equal(str_find_byte(S("abcabc"), 'c', 0), 2);
    assert_int_equal(str_find_byte(S("abcabc"), 'c', 3), 5);
    assert_int_equal(str_find_byte(S("abcabc"), 'd', 0), SIZE_MAX);
    assert_int_equal(str_find_byte(S("abc"), 'c', 3), SIZE_MAX);
    assert_int_equal(str_find_byte(STR_NONE, 'c', 0), SIZE_MAX);
}

static void cuts(void **state)
{
    (void)state;
    static const str parts[] = {STR_INIT("a"), STR_INIT(""), STR_INIT("bc"), STR_INIT("")};
    str rest = S("a,,bc,");
    size_t n = 0;
    while (rest.p) {
        assert_true(n < COUNT_OF(parts));
        expect_str(str_cut(&rest, ','), parts[n++]);
    }
    assert_int_equal(n, COUNT_OF(parts));
    rest = S("alone");
    expect_str(str_cut(&rest, ','), S("alone"));
    assert_null(rest.p);
}

static void reads_numbers(void **state)
{
    (void)state;
    static const struct {
        str text;
        bool is_u64, is_i64;
        uint64_t u64;
        int64_t i64;
    } rows[] = {
        {STR_INIT("0"), true, true, 0, 0},
        {STR_INIT("-0"), false, true, 0, 0},
        {STR_INIT("42"), true, true, 42, 42},
        {STR_INIT("007"), true, true, 7, 7},
        {STR_INIT("-42"), false, true, 0, -42},
        {STR_INIT("9223372036854775807"), true, true, INT64_MAX, INT64_MAX},
        {STR_INIT("9223372036854775808"), true, false, (uint64_t)INT64_MAX + 1, 0},
        {STR_INIT("-9223372036854775808"), false, true, 0, INT64_MIN},
        {STR_INIT("-9223372036854775809"), false, false, 0, 0},
        {STR_INIT("18446744073709551615"), true, false, UINT64_MAX, 0},
        {STR_INIT("18446744073709551616"), false, false, 0, 0},
        {STR_INIT("99999999999999999999"), false, false, 0, 0},
        {STR_INIT("000000000000000000001"), false, false, 0, 0},
        {STR_INIT(""), false, false, 0, 0},
        {STR_INIT("-"), false, false, 0, 0},
        {STR_INIT("+1"), false, false, 0, 0},
        {STR_INIT("--1"), false, false, 0, 0},
        {STR_INIT(" 1"), false, false, 0, 0},
        {STR_INIT("1 "), false, false, 0, 0},
        {STR_INIT("1.0"), false, false, 0, 0},
        {STR_INIT("0x1"), false, false, 0, 0},
        {STR_INIT("1\0"), false, false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t u = 0;
        int64_t v = 0;
        if (str_to_u64(rows[i].text, &u) != rows[i].is_u64 || u != rows[i].u64) fail_msg("u64 %s", rows[i].text.p);
        if (str_to_i64(rows[i].text, &v) != rows[i].is_i64 || v != rows[i].i64) fail_msg("i64 %s", rows[i].text.p);
    }
}

static void globs(void **state)
{
    (void)state;
    static const struct {
        str pattern, s;
        bool match;
    } rows[] = {
        {STR_INIT(""), STR_INIT(""), true},
        {STR_INIT(""), STR_INIT("a"), false},
        {STR_INIT("*"), STR_INIT(""), true},
        {STR_INIT("*"), STR_INIT("anything"), true},
        {STR_INIT("openai/*"), STR_INIT("openai/gpt-5"), true},
        {STR_INIT("openai/*"), STR_INIT("openai/"), true},
        {STR_INIT("openai/*"), STR_INIT("openai"), false},
        {STR_INIT("openai/*"), STR_INIT("xopenai/gpt"), false},
        {STR_INIT("*-mini"), STR_INIT("gpt-5-mini"), true},
        {STR_INIT("*-mini"), STR_INIT("gpt-5-mini-2"), false},
        {STR_INIT("a*b*c"), STR_INIT("aXbYbZc"), true},
        {STR_INIT("a*b*c"), STR_INIT("aXbYbZ"), false},
        {STR_INIT("**a"), STR_INIT("a"), true},
        {STR_INIT("a?c"), STR_INIT("abc"), false},
        {STR_INIT("a?c"), STR_INIT("a?c"), true},
        {STR_INIT("[a]"), STR_INIT("a"), false},
        {STR_INIT("*aab"), STR_INIT("aaaab"), true},
        {STR_INIT("abc"), STR_INIT("ab"), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_glob(rows[i].pattern, rows[i].s) != rows[i].match) fail_msg("%s %s", rows[i].pattern.p, rows[i].s.p);
    }
}

static void copies(void **state)
{
    (void)state;
    char *copy = str_dup(S("ab\0c"));
    assert_memory_equal(copy, "ab\0c", 5);
    free(copy);
    copy = str_dup(STR_NONE);
    assert_string_equal(copy, "");
    free(copy);
    char small[4];
    assert_true(str_copy(small, sizeof(small), S("abc")));
    assert_string_equal(small, "abc");
    assert_false(str_copy(small, sizeof(small), S("wxyz")));
    assert_string_equal(small, "wxy");
    assert_true(str_copy(small, sizeof(small), STR_NONE));
    assert_string_equal(small, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),    cmocka_unit_test(compares_without_case),
        cmocka_unit_test(takes_parts), cmocka_unit_test(finds),
        cmocka_unit_test(cuts),        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(globs),       cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

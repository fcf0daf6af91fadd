#include "base/buf.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_buf(const struct buf *b, str expected)
{
    str is = buf_str(b);
    if (!str_eq(is, expected)) fail_msg("'%" STR_FMT "', expected '%" STR_FMT "'", STR_ARG(is), STR_ARG(expected));
}

static void grows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 100000; i++) {
        assert_true(buf_add(&b, S("abc")));
        assert_true(buf_add_byte(&b, 'd'));
    }
    assert_int_equal(b.n, 400000);
    for (size_t i = 0; i < b.n; i++) assert_int_equal(b.p[i], "abcd"[i % 4]);
    assert_true(b.cap < 2 * b.n);
    assert_true(buf_add(&b, STR_NONE));
    assert_false(b.overflow);
    buf_free(&b);
    assert_null(b.p);
    assert_int_equal(b.n, 0);
}

static void writes_fields_of_csv(void **state)
{
    (void)state;
    static const struct {
        str of, csv, cell;
    } cases[] = {
        {STR_INIT("plain"), STR_INIT("plain"), STR_INIT("plain")},
        {STR_INIT(""), STR_INIT(""), STR_INIT("")},
        {STR_INIT("a,\"b\"\n"), STR_INIT("\"a,\"\"b\"\"\n\""), STR_INIT("\"a,\"\"b\"\"\n\"")},
        {STR_INIT("-12.5"), STR_INIT("-12.5"), STR_INIT("-12.5")},
        {STR_INIT("+4930"), STR_INIT("+4930"), STR_INIT("+4930")},
        {STR_INIT("-1+cmd"), STR_INIT("-1+cmd"), STR_INIT("'-1+cmd")},
        {STR_INIT("=1"), STR_INIT("=1"), STR_INIT("'=1")},
        {STR_INIT("@SUM(A1,B1)"), STR_INIT("\"@SUM(A1,B1)\""), STR_INIT("\"'@SUM(A1,B1)\"")},
        {STR_INIT("-"), STR_INIT("-"), STR_INIT("'-")},
        {STR_INIT("\t=1"), STR_INIT("\t=1"), STR_INIT("'\t=1")},
        {STR_INIT("caf\xe9,\xff\xc3"), STR_INIT("\"caf\xe9,\xff\xc3\""),
         STR_INIT("\"caf\xef\xbf\xbd,\xef\xbf\xbd\xef\xbf\xbd\"")},
        {STR_INIT("=\xe9\xc3\xa9"), STR_INIT("=\xe9\xc3\xa9"), STR_INIT("'=\xef\xbf\xbd\xc3\xa9")},
        {STR_INIT("\r=1"), STR_INIT("\"\r=1\""), STR_INIT("\"'\r=1\"")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b;
        buf_init(&b, 0);
        buf_add_csv(&b, cases[i].of);
        expect_buf(&b, cases[i].csv);
        buf_clear(&b);
        buf_add_csv_cell(&b, cases[i].of);
        expect_buf(&b, cases[i].cell);
        buf_free(&b);
    }
}

/* What a terminal would obey: C0, DEL, C1 as two bytes and as one. */
static void shows_nothing_that_steers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    buf_add_shown(&b, S("a\033[2J\x7f\xc2\x9b"
                        "2J\x9b|\xc3\xa9\xf0\x9f\x98\x80\xe2\x82"));
    expect_buf(&b, S("a?[2J??2J?|\xc3\xa9\xf0\x9f\x98\x80??"));
    buf_free(&b);
}

/* All of an append or nothing, and what did not fit is remembered. */
static void has_a_ceiling(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_true(buf_add(&b, S("12345678")));
    assert_false(buf_add(&b, S("abc")));
    assert_true(b.overflow);
    expect_buf(&b, S("12345678"));
    assert_true(buf_add(&b, S("90")));
    assert_true(b.overflow);
    assert_false(buf_add_byte(&b, 'x'));
    expect_buf(&b, S("1234567890"));
    assert_true(b.cap <= 10);
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_false(buf_reserve(&b, SIZE_MAX - 5));
    buf_clear(&b);
    assert_false(b.overflow);
    assert_int_equal(b.n, 0);
    assert_true(buf_add(&b, S("abc")));
    buf_free(&b);
    assert_int_equal(b.max, 10);
}

static void prints(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_true(buf_printf(&b, "%s=%d", "a", 1));
    assert_true(buf_printf(&b, "%s", ""));
    assert_true(buf_printf(&b, ";%0500d", 7)); /* past the first 256 bytes */
    assert_int_equal(b.n, 504);
    assert_memory_equal(b.p, "a=1;0", 5);
    assert_int_equal(b.p[503], '7');
    buf_free(&b);
    buf_init(&b, 8);
    assert_false(buf_printf(&b, "%s", "123456789"));
    assert_true(b.overflow);
    assert_int_equal(b.n, 0);
    assert_true(buf_printf(&b, "%s", "1234567"));
    expect_buf(&b, S("1234567"));
    buf_free(&b);
}

static void consumes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, S("abcdef"));
    buf_consume(&b, 0);
    expect_buf(&b, S("abcdef"));
    buf_consume(&b, 2);
    expect_buf(&b, S("cdef"));
    buf_consume(&b, 99);
    expect_buf(&b, S(""));
    buf_free(&b);
}

static void writes_json_strings(void **state)
{
    (void)state;
    static const struct {
        str content, text;
    } rows[] = {
        {STR_INIT(""), STR_INIT("\"\"")},
        {STR_INIT("plain"), STR_INIT("\"plain\"")},
        {STR_INIT("\"\\/"), STR_INIT("\"\\\"\\\\/\"")},
        {STR_INIT("\n\t\r\x01\x1f\x7f"), STR_INIT("\"\\n\\u0009\\u000d\\u0001\\u001f\\u007f\"")},
        {STR_INIT("a\0b"), STR_INIT("\"a\\u0000b\"")},
        {STR_INIT("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"), STR_INIT("\"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\"")},
        {STR_INIT("a\xff"
                  "b\xc3"),
         STR_INIT("\"a\xef\xbf\xbd"
                  "b\xef\xbf\xbd\"")},
        {STR_INIT("\xed\xa0\x80"), STR_INIT("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf b;
        buf_init(&b, 0);
        assert_true(buf_add_json(&b, rows[i].content));
        expect_buf(&b, rows[i].text);
        buf_free(&b);
    }
}

/* Every byte and every pair of bytes becomes a text that our own parser takes. */
static void writes_what_parses(void **state)
{
    (void)state;
    struct json doc;
    struct json_fail why;
    struct buf b;
    json_init(&doc);
    buf_init(&b, 0);
    for (unsigned i = 0; i < 0x10000; i++) {
        char pair[2] = {(char)(i >> 8), (char)i};
        buf_clear(&b);
        assert_true(buf_add_json(&b, str_of(pair, 2)));
        if (!json_parse(&doc, buf_str(&b), &why)) fail_msg("%04x: %s", i, why.why);
    }
    buf_free(&b);
    json_free(&doc);
}

static void writes_json_under_the_ceiling(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 6);
    assert_false(buf_add_json(&b, S("abcdefgh")));
    assert_true(b.overflow);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fields_of_csv),
        cmocka_unit_test(shows_nothing_that_steers),
        cmocka_unit_test(grows),
        cmocka_unit_test(has_a_ceiling),
        cmocka_unit_test(prints),
        cmocka_unit_test(consumes),
        cmocka_unit_test(writes_json_strings),
        cmocka_unit_test(writes_what_parses),
        cmocka_unit_test(writes_json_under_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reading an indexed text and splicing changes into it. */
#include "base/json.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct json doc;
    struct arena arena;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    json_init(&f->doc);
    arena_init(&f->arena);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    json_free(&f->doc);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static struct json *parsed(struct fixture *f, str text)
{
    struct json_fail why;
    if (!json_parse(&f->doc, text, &why)) fail_msg("%s: %zu: %s", text.p, why.at, why.why);
    return &f->doc;
}

static void expect_str(str is, str expected)
{
    if (!str_eq(is, expected)) fail_msg("'%" STR_FMT "', expected '%" STR_FMT "'", STR_ARG(is), STR_ARG(expected));
}

static const struct {
    str text, content;
    bool fails;
} strings[] = {
    {STR_INIT("\"\""), STR_INIT(""), false},
    {STR_INIT("\"plain\""), STR_INIT("plain"), false},
    {STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR_INIT("\"\\/\b\f\n\r\t"), false},
    {STR_INIT("\"a\\nb\""), STR_INIT("a\nb"), false},
    {STR_INIT("\"\\u0000\""), STR_INIT("\0"), false},
    {STR_INIT("\"a\\u0000b\""), STR_INIT("a\0b"), false},
    {STR_INIT("\"\\u0041\\u00e9\\u00E9\""), STR_INIT("A\xc3\xa9\xc3\xa9"), false},
    {STR_INIT("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""), STR_INIT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"),
     false},
    {STR_INIT("\"\\ud83d\\ude00\""), STR_INIT("\xf0\x9f\x98\x80"), false},
    {STR_INIT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), false},
    {STR_INIT("\"\xe4\xb8\xad\\n\xe6\x96\x87\""), STR_INIT("\xe4\xb8\xad\n\xe6\x96\x87"), false},
    {STR_INIT("\"\\\\u0041\""), STR_INIT("\\u0041"), false},
    {STR_INIT("\"\\ud800\""), STR_INIT(""), true},
    {STR_INIT("\"\\udc00\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800x\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800\\n\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800\\u0041\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800\\ud800\""), STR_INIT(""), true},
    {STR_INIT("\"\\udc00\\ud800\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800\\\\udc00\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800xudc00\""), STR_INIT(""), true},
    {STR_INIT("\"\\udc00\\udc00\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud800\\uffff\""), STR_INIT(""), true},
    {STR_INIT("\"\\ud83d\\ude00\\ude00\""), STR_INIT(""), true},
    {STR_INIT("1"), STR_INIT(""), true},
    {STR_INIT("null"), STR_INIT(""), true},
    {STR_INIT("[\"a\"]"), STR_INIT(""), true},
};

static void decodes_strings(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        struct json *doc = parsed(f, strings[i].text);
        str s = STR_NONE;
        bool ok = json_string(doc, JSON_ROOT, &f->arena, &s);
        if (ok == strings[i].fails) fail_msg("%s: %s", strings[i].text.p, ok ? "decoded" : "not decoded");
        if (ok) {
            expect_str(s, strings[i].content);
            assert_true(utf8_valid(s));
        }
        assert_int_equal(json_string_is(doc, JSON_ROOT, strings[i].content), ok);
        assert_false(json_string_is(doc, JSON_ROOT, S("something else")));
        if (!ok || !s.n) continue;
        assert_false(json_string_is(doc, JSON_ROOT, str_head(s, s.n - 1)));
        assert_false(json_string_is(doc, JSON_ROOT, arena_printf(&f->arena, "%.*sx", (int)s.n, s.p)));
    }
}

static void borrows_where_nothing_is_escaped(void **state)
{
    struct fixture *f = *state;
    str text = S("[\"abc\",\"a\\u0062c\"]"), s;
    struct json *doc = parsed(f, text);
    assert_true(json_string(doc, 1, &f->arena, &s));
    assert_ptr_equal(s.p, text.p + 2);
    assert_true(json_string(doc, 2, &f->arena, &s));
    expect_str(s, S("abc"));
    assert_false(s.p >= text.p && s.p < text.p + text.n);
}

static void finds_keys(void **state)
{
    struct fixture *f = *state;
    static const struct {
        str text, key, value; /* value: raw; empty: absent */
        bool twice;
    } rows[] = {
        {STR_INIT("{\"a\":1,\"b\":2}"), STR_INIT("a"), STR_INIT("1"), false},
        {STR_INIT("{\"a\":1,\"b\":2}"), STR_INIT("b"), STR_INIT("2"), false},
        {STR_INIT("{\"a\":1,\"b\":2}"), STR_INIT("c"), STR_INIT(""), false},
        {STR_INIT("{\"a\":1,\"b\":2}"), STR_INIT(""), STR_INIT(""), false},
        {STR_INIT("{\"\":1}"), STR_INIT(""), STR_INIT("1"), false},
        {STR_INIT("{}"), STR_INIT("a"), STR_INIT(""), false},
        {STR_INIT("[\"a\",1]"), STR_INIT("a"), STR_INIT(""), false},
        {STR_INIT("\"a\""), STR_INIT("a"), STR_INIT(""), false},
        /* a value is no key, and neither is a key further in */
        {STR_INIT("{\"b\":\"a\",\"c\":{\"a\":3}}"), STR_INIT("a"), STR_INIT(""), false},
        {STR_INIT("{\"b\":[\"a\",{\"a\":3}],\"a\":4}"), STR_INIT("a"), STR_INIT("4"), false},
        {STR_INIT("{\"ab\":1,\"a\":2}"), STR_INIT("a"), STR_INIT("2"), false},
        {STR_INIT("{\"A\":1}"), STR_INIT("a"), STR_INIT(""), false},
        {STR_INIT("{\"\\u0061\":1}"), STR_INIT("a"), STR_INIT("1"), false},
        {STR_INIT("{\"m\\u006fdel\":1}"), STR_INIT("model"), STR_INIT("1"), false},
        {STR_INIT("{\"a\\/b\":1}"), STR_INIT("a/b"), STR_INIT("1"), false},
        {STR_INIT("{\"\\u0061\":1}"), STR_INIT("\\u0061"), STR_INIT(""), false},
        {STR_INIT("{\"\\\\u0061\":1}"), STR_INIT("\\u0061"), STR_INIT("1"), false},
        {STR_INIT("{\"a\\u0000\":1}"), STR_INIT("a"), STR_INIT(""), false},
        {STR_INIT("{\"a\\u0000\":1}"), STR_INIT("a\0"), STR_INIT("1"), false},
        {STR_INIT("{\"\\ud800\":1}"), STR_INIT("\xed\xa0\x80"), STR_INIT(""), false},
        {STR_INIT("{\"\\ud83d\\ude00\":1}"), STR_INIT("\xf0\x9f\x98\x80"), STR_INIT("1"), false},
        {STR_INIT("{\"a\":1,\"a\":2}"), STR_INIT("a"), STR_INIT("2"), true},
        {STR_INIT("{\"a\":1,\"b\":[],\"\\u0061\":2}"), STR_INIT("a"), STR_INIT("2"), true},
        {STR_INIT("{\"a\":1,\"b\":2,\"b\":3}"), STR_INIT("a"), STR_INIT("1"), false},
        {STR_INIT("{\"a\":1,\"a\":2,\"a\":3}"), STR_INIT("a"), STR_INIT("3"), true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json *doc = parsed(f, rows[i].text);
        bool twice = !rows[i].twice;
        json_ref at = json_find(doc, JSON_ROOT, rows[i].key, &twice);
        assert_int_equal(json_find(doc, JSON_ROOT, rows[i].key, NULL), at);
        if (twice != rows[i].twice) fail_msg("%s: twice is %d", rows[i].text.p, twice);
        if (!rows[i].value.n) {
            if (at != JSON_ABSENT) fail_msg("%s: found %s", rows[i].text.p, rows[i].key.p);
            continue;
        }
        if (at == JSON_ABSENT) fail_msg("%s: %s is not found", rows[i].text.p, rows[i].key.p);
        expect_str(json_raw(doc, at), rows[i].value);
    }
}

static void follows_paths(void **state)
{
    struct fixture *f = *state;
    struct json *doc = parsed(f, S("{\"usage\":{\"details\":{\"cached\":7},\"n\":5},\"x\":null,\"l\":[1]}"));
    int64_t v = 0;
    assert_true(json_i64(doc, json_path(doc, JSON_ROOT, "usage", "details", "cached", NULL), &v));
    assert_int_equal(v, 7);
    assert_true(json_i64(doc, json_path(doc, json_path(doc, JSON_ROOT, "usage", NULL), "n", NULL), &v));
    assert_int_equal(v, 5);
    assert_int_equal(json_path(doc, JSON_ROOT, NULL), JSON_ROOT);
    assert_int_equal(json_path(doc, JSON_ROOT, "nothing", "usage", NULL), JSON_ABSENT);
    assert_int_equal(json_path(doc, JSON_ROOT, "usage", "nothing", "usage", NULL), JSON_ABSENT);
    assert_int_equal(json_path(doc, JSON_ROOT, "x", "usage", NULL), JSON_ABSENT);
    assert_int_equal(json_path(doc, JSON_ROOT, "l", "usage", NULL), JSON_ABSENT);
}

static void walks_containers(void **state)
{
    struct fixture *f = *state;
    struct json *doc = parsed(f, S("{\"list\":[1,[2,3],{\"a\":4},\"x\"],\"empty\":[],\"none\":{}}"));
    static const str items[] = {STR_INIT("1"), STR_INIT("[2,3]"), STR_INIT("{\"a\":4}"), STR_INIT("\"x\"")};
    static const str members[] = {STR_INIT("\"list\""),  STR_INIT("[1,[2,3],{\"a\":4},\"x\"]"),
                                  STR_INIT("\"empty\""), STR_INIT("[]"),
                                  STR_INIT("\"none\""),  STR_INIT("{}")};
    json_ref list = json_find(doc, JSON_ROOT, S("list"), NULL);
    size_t i = 0;
    for (json_ref at = json_first(doc, list); at != JSON_ABSENT; at = json_next(doc, list, at)) {
        assert_true(i < COUNT_OF(items));
        expect_str(json_raw(doc, at), items[i++]);
    }
    assert_int_equal(i, COUNT_OF(items));
    i = 0;
    for (json_ref at = json_first(doc, JSON_ROOT); at != JSON_ABSENT; at = json_next(doc, JSON_ROOT, at)) {
        assert_true(i < COUNT_OF(members));
        expect_str(json_raw(doc, at), members[i++]);
    }
    assert_int_equal(i, COUNT_OF(members));
    assert_int_equal(json_first(doc, json_find(doc, JSON_ROOT, S("empty"), NULL)), JSON_ABSENT);
    assert_int_equal(json_first(doc, json_find(doc, JSON_ROOT, S("none"), NULL)), JSON_ABSENT);
    assert_int_equal(json_first(doc, 1), JSON_ABSENT);
}

static void reads_numbers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        str text;
        bool whole;
        int64_t i64;
        bool finite;
        double real;
    } rows[] = {
        {STR_INIT("0"), true, 0, true, 0},
        {STR_INIT("-0"), true, 0, true, 0},
        {STR_INIT("42"), true, 42, true, 42},
        {STR_INIT("9223372036854775807"), true, INT64_MAX, true, 9223372036854775808.0},
        {STR_INIT("-9223372036854775808"), true, INT64_MIN, true, -9223372036854775808.0},
        {STR_INIT("9223372036854775808"), false, 0, true, 9223372036854775808.0},
        {STR_INIT("1.0"), false, 0, true, 1},
        {STR_INIT("1e3"), false, 0, true, 1000},
        {STR_INIT("-2.5e-1"), false, 0, true, -0.25},
        {STR_INIT("1e400"), false, 0, false, 0},
        {STR_INIT("1e-400"), false, 0, true, 0},
        {STR_INIT("1.00000000000000000000000000000000000000000000000000000000000000000000000000000000"), false, 0, true,
         1},
        {STR_INIT("\"1\""), false, 0, false, 0},
        {STR_INIT("true"), false, 0, false, 0},
        {STR_INIT("[1]"), false, 0, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json *doc = parsed(f, rows[i].text);
        int64_t whole = -1;
        double real = -1;
        if (json_i64(doc, JSON_ROOT, &whole) != rows[i].whole) fail_msg("%s", rows[i].text.p);
        if (json_double(doc, JSON_ROOT, &real) != rows[i].finite) fail_msg("%s", rows[i].text.p);
        if (rows[i].whole) assert_int_equal(whole, rows[i].i64);
        if (rows[i].finite && real != rows[i].real) fail_msg("%s: %.17g", rows[i].text.p, real);
    }
}

static void tells_types(void **state)
{
    struct fixture *f = *state;
    struct json *doc = parsed(f, S("[null,false,true,1,\"s\",[],{}]"));
    static const enum json_type types[] = {JSON_NULL,   JSON_FALSE, JSON_TRUE,  JSON_NUMBER,
                                           JSON_STRING, JSON_ARRAY, JSON_OBJECT};
    for (json_ref at = 1; at < doc->count; at++) {
        assert_int_equal(json_type(doc, at), types[at - 1]);
        assert_int_equal(json_is_true(doc, at), types[at - 1] == JSON_TRUE);
    }
}

/* What could not be parsed holds nothing, and asking it is safe. */
static void holds_nothing_after_a_failure(void **state)
{
    struct fixture *f = *state;
    struct json *doc = parsed(f, S("{\"a\":true}"));
    struct json_fail why;
    str s;
    int64_t v;
    double d;
    assert_false(json_parse(doc, S("{\"a\":true"), &why));
    assert_int_equal(json_type(doc, JSON_ROOT), JSON_NULL);
    assert_int_equal(json_raw(doc, JSON_ROOT).n, 0);
    assert_int_equal(json_first(doc, JSON_ROOT), JSON_ABSENT);
    assert_int_equal(json_find(doc, JSON_ROOT, S("a"), NULL), JSON_ABSENT);
    assert_false(json_string(doc, JSON_ROOT, &f->arena, &s));
    assert_false(json_string_is(doc, JSON_ROOT, S("")));
    assert_false(json_i64(doc, JSON_ROOT, &v));
    assert_false(json_double(doc, JSON_ROOT, &d));
    assert_false(json_is_true(doc, 2));
}

static void splices(void **state)
{
    (void)state;
    static const str text = STR_INIT("{\"a\":1,\"b\":2}");
    static const struct {
        struct json_edit edits[3];
        size_t count;
        str result; /* empty: refused */
    } rows[] = {
        {{{0}}, 0, STR_INIT("{\"a\":1,\"b\":2}")},
        {{{5, 1, STR_INIT("10")}}, 1, STR_INIT("{\"a\":10,\"b\":2}")},
        {{{5, 1, STR_INIT("10")}, {11, 1, STR_INIT("")}}, 2, STR_INIT("{\"a\":10,\"b\":}")},
        {{{1, 0, STR_INIT("\"c\":3,")}, {1, 6, STR_INIT("")}}, 2, STR_INIT("{\"c\":3,\"b\":2}")},
        {{{0, 0, STR_INIT("<")}, {13, 0, STR_INIT(">")}}, 2, STR_INIT("<{\"a\":1,\"b\":2}>")},
        {{{0, 13, STR_INIT("[]")}}, 1, STR_INIT("[]")},
        {{{12, 0, STR_INIT(",\"c\":")}, {12, 0, STR_INIT("3")}}, 2, STR_INIT("{\"a\":1,\"b\":2,\"c\":3}")},
        {{{11, 1, STR_INIT("x")}, {5, 1, STR_INIT("y")}}, 2, STR_INIT("")}, /* not sorted */
        {{{5, 3, STR_INIT("x")}, {7, 1, STR_INIT("y")}}, 2, STR_INIT("")},  /* overlapping */
        {{{13, 1, STR_INIT("x")}}, 1, STR_INIT("")},                        /* beyond the end */
        {{{14, 0, STR_INIT("x")}}, 1, STR_INIT("")},
        {{{5, SIZE_MAX, STR_INIT("x")}}, 1, STR_INIT("")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        buf_init(&out, 0);
        bool ok = json_splice(text, rows[i].edits, rows[i].count, &out);
        if (ok != (rows[i].result.n > 0)) fail_msg("row %zu: %d", i, ok);
        expect_str(buf_str(&out), rows[i].result);
        buf_free(&out);
    }
}

static void splices_under_the_ceiling(void **state)
{
    (void)state;
    struct json_edit edit = {1, 0, STR_INIT("0123456789")};
    struct buf out;
    buf_init(&out, 12);
    assert_true(json_splice(S("[]"), &edit, 1, &out));
    expect_str(buf_str(&out), S("[0123456789]"));
    buf_clear(&out);
    assert_false(json_splice(S("[1]"), &edit, 1, &out));
    assert_int_equal(out.n, 0);
    buf_free(&out);
}

/* Objects of many keys have a table of them: what is found must be what a walk finds. */
static void many_keys(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    char key[64];
    bool twice;
    buf_init(&text, 0);
    buf_add(&text, S("{\"a\\u006eswer\":0,\"\\ud800\":1,\"\":2"));
    for (int i = 0; i < 3000; i++) buf_printf(&text, ",\"%sey%d\":{\"%d\":%d}", i % 2 ? "k" : "\\u006b", i, i, i);
    buf_add(&text, S(",\"\\u006bey7\":\"last\",\"key9\":\"last\",\"answer\":3}"));
    struct json *doc = parsed(f, buf_str(&text));
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        json_ref at = json_find(doc, JSON_ROOT, str_from(key), &twice);
        bool again = i == 7 || i == 9;
        assert_int_equal(twice, again);
        assert_int_equal(json_type(doc, at), again ? JSON_STRING : JSON_OBJECT);
        int64_t value;
        if (again) continue;
        assert_true(json_i64(doc, json_find(doc, at, str_from(key + 3), NULL), &value));
        assert_int_equal(value, i);
    }
    assert_true(str_eq(json_raw(doc, json_find(doc, JSON_ROOT, S("answer"), &twice)), S("3")));
    assert_true(twice);
    assert_int_not_equal(json_find(doc, JSON_ROOT, S(""), &twice), JSON_ABSENT);
    assert_int_equal(json_find(doc, JSON_ROOT, S("\\ud800"), &twice), JSON_ABSENT);
    assert_int_equal(json_find(doc, JSON_ROOT, S("key3000"), &twice), JSON_ABSENT);
    assert_false(twice);
    (void)parsed(f, S("{\"a\":\"\\n\"}")); /* tables of before are gone; a text with escapes has no members */
    assert_int_equal(json_find(doc, json_find(doc, JSON_ROOT, S("a"), NULL), S("b"), NULL), JSON_ABSENT);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(decodes_strings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(borrows_where_nothing_is_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(follows_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(walks_containers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_nothing_after_a_failure, set_up, tear_down),
        cmocka_unit_test(splices),
        cmocka_unit_test(splices_under_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* json_parse(): what is JSON, what is not, and what is said about it. */
#include "base/json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Parses a copy with nothing around it, so that a sanitizer sees a read beyond an end. */
static bool parses(str text, struct json_fail *why)
{
    struct json doc;
    json_init(&doc);
    char *copy = malloc(text.n ? text.n : 1);
    assert_non_null(copy);
    if (text.n) memcpy(copy, text.p, text.n);
    *why = (struct json_fail){SIZE_MAX, NULL};
    bool ok = json_parse(&doc, str_of(copy, text.n), why);
    if (ok) {
        assert_true(doc.count > 0);
        assert_null(why->why);
        assert_int_equal(doc.nodes[0].next, doc.count);
    } else {
        assert_int_equal(doc.count, 0);
        assert_int_equal(doc.text.n, 0);
        assert_non_null(why->why);
        assert_true(why->at <= text.n);
    }
    free(copy);
    json_free(&doc);
    return ok;
}

static const str good[] = {
    STR_INIT("null"),
    STR_INIT(" \t\r\n true \t\r\n "),
    STR_INIT("false"),
    STR_INIT("0"),
    STR_INIT("-0"),
    STR_INIT("-0.0e-0"),
    STR_INIT("123456789012345678901234567890"),
    STR_INIT("1E400"),
    STR_INIT("1.5e+3"),
    STR_INIT("\"\""),
    STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\""),
    STR_INIT("\"\\u0000\""),
    STR_INIT("\"\\ud800\""),
    STR_INIT("\"\x7f\""),
    STR_INIT("[]"),
    STR_INIT("[ ]"),
    STR_INIT("{}"),
    STR_INIT("{ }"),
    STR_INIT("[1,2 , 3]"),
    STR_INIT("[[],{},[[]]]"),
    STR_INIT("{\"\":null}"),
    STR_INIT("{\"a\" : {\"b\" :[{}]} , \"a\":1}"),
    /* the first and last character of every length (RFC 3629) */
    STR_INIT(
        "\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\""),
};

static void accepts_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct json_fail why;
        if (!parses(good[i], &why)) fail_msg("%s refused at %zu: %s", good[i].p, why.at, why.why);
    }
}

static const struct {
    str text;
    size_t at;
    const char *why; /* a part of it */
} bad[] = {
    {STR_INIT(""), 0, "empty"},
    {STR_INIT("  \n"), 3, "empty"},
    {STR_INIT("\xef\xbb\xbf{}"), 0, "byte order mark"},
    {STR_INIT("NaN"), 0, "NaN"},
    {STR_INIT("[Infinity]"), 1, "Infinity"},
    {STR_INIT("-Infinity"), 1, "minus"},
    {STR_INIT("True"), 0, "small letters"},
    {STR_INIT("nul"), 0, "true, false and null"},
    {STR_INIT("nulls"), 4, "behind the end"},
    {STR_INIT("undefined"), 0, "no value"},
    {STR_INIT("// x\n1"), 0, "comments"},
    {STR_INIT("{/**/}"), 1, "key must be a string"},
    {STR_INIT("1 /* x */"), 2, "behind the end"},
    {STR_INIT("{} {}"), 3, "behind the end"},
    {STR_INIT("[1]]"), 3, "behind the end"},
    {STR_INIT("1\0"), 1, "behind the end"},
    {STR_INIT("01"), 1, "begin with 0"},
    {STR_INIT("-01"), 2, "begin with 0"},
    {STR_INIT("+1"), 0, "begin with +"},
    {STR_INIT(".5"), 0, "before its point"},
    {STR_INIT("5."), 2, "decimal point"},
    {STR_INIT("5.e1"), 2, "decimal point"},
    {STR_INIT("1e"), 2, "exponent"},
    {STR_INIT("1e+"), 3, "exponent"},
    {STR_INIT("-"), 1, "minus"},
    {STR_INIT("0x10"), 1, "behind the end"},
    {STR_INIT("1_000"), 1, "behind the end"},
    {STR_INIT("["), 1, "ends where a value"},
    {STR_INIT("[1"), 2, "ends inside an array"},
    {STR_INIT("[1,"), 3, "ends where a value"},
    {STR_INIT("[1,]"), 3, "comma before the end"},
    {STR_INIT("[,1]"), 1, "value is missing"},
    {STR_INIT("[1,,2]"), 3, "value is missing"},
    {STR_INIT("[1 2]"), 3, "comma or ]"},
    {STR_INIT("[1}"), 2, "comma or ]"},
    {STR_INIT("[}"), 1, "value is missing"},
    {STR_INIT("]"), 0, "value is missing"},
    {STR_INIT("{"), 1, "ends inside an object"},
    {STR_INIT("{\"a\""), 4, "ends inside an object"},
    {STR_INIT("{\"a\":"), 5, "ends where a value"},
    {STR_INIT("{\"a\":1"), 6, "ends inside an object"},
    {STR_INIT("{\"a\":1,}"), 7, "comma before the end"},
    {STR_INIT("{,}"), 1, "key must be a string"},
    {STR_INIT("{a:1}"), 1, "key must be a string"},
    {STR_INIT("{1:1}"), 1, "key must be a string"},
    {STR_INIT("{'a':1}"), 1, "key must be a string"},
    {STR_INIT("{\"a\",1}"), 4, "colon"},
    {STR_INIT("{\"a\" 1}"), 5, "colon"},
    {STR_INIT("{\"a\":}"), 5, "value is missing"},
    {STR_INIT("{\"a\"::1}"), 5, "value is missing"},
    {STR_INIT("{\"a\":1 \"b\":2}"), 7, "comma or }"},
    {STR_INIT("{\"a\":1]"), 6, "comma or }"},
    {STR_INIT("'a'"), 0, "double quotes"},
    {STR_INIT("\""), 1, "inside a string"},
    {STR_INIT("\"abc"), 4, "inside a string"},
    {STR_INIT("\"\\\""), 3, "inside a string"},
    {STR_INIT("\"\\"), 1, "escape"},
    {STR_INIT("\"\\x41\""), 1, "escape"},
    {STR_INIT("\"\\U0041\""), 1, "escape"},
    {STR_INIT("\"\\u12\""), 1, "escape"},
    {STR_INIT("\"\\u12g4\""), 1, "escape"},
    {STR_INIT("\"a\nb\""), 2, "control"},
    {STR_INIT("\"a\tb\""), 2, "control"},
    {STR_INIT("\"a\0b\""), 2, "control"},
    {STR_INIT("\"\x1f\""), 1, "control"},
    {STR_INIT("[\x0b]"), 1, "no value"},
    {STR_INIT("[\xc2\xa0]"), 1, "no value"},
};

static void refuses_what_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct json_fail why;
        if (parses(bad[i].text, &why)) fail_msg("%s was accepted", bad[i].text.p);
        if (why.at != bad[i].at || !strstr(why.why, bad[i].why)) {
            fail_msg("%s: refused at %zu (%s), expected at %zu (%s)", bad[i].text.p, why.at, why.why, bad[i].at,
                     bad[i].why);
        }
    }
}

/* Each with its offset inside the string. */
static const struct {
    str bytes;
    size_t at;
} not_utf8[] = {
    {STR_INIT("\x80"), 0},
    {STR_INIT("\xbf"), 0},
    {STR_INIT("\xc0\x80"), 0},
    {STR_INIT("\xc1\xbf"), 0},
    {STR_INIT("\xc2"), 0},
    {STR_INIT("\xc2\x41"), 0},
    {STR_INIT("\xc2\xc2"), 0},
    {STR_INIT("\xe0\x80\x80"), 0},
    {STR_INIT("\xe0\x9f\xbf"), 0},
    {STR_INIT("\xe4\xb8"), 0},
    {STR_INIT("\xe4\xb8\x41"), 0},
    {STR_INIT("\xe4\x41\xad"), 0},
    {STR_INIT("\xed\xa0\x80"), 0},
    {STR_INIT("\xed\xbf\xbf"), 0},
    {STR_INIT("\xf0\x80\x80\x80"), 0},
    {STR_INIT("\xf0\x8f\xbf\xbf"), 0},
    {STR_INIT("\xf0\x9f\x98"), 0},
    {STR_INIT("\xf0\x9f\x98\x41"), 0},
    {STR_INIT("\xf4\x90\x80\x80"), 0},
    {STR_INIT("\xf5\x80\x80\x80"), 0},
    {STR_INIT("\xf8\x88\x80\x80\x80"), 0},
    {STR_INIT("\xfe"), 0},
    {STR_INIT("\xff"), 0},
    {STR_INIT("\xe4\xb8\xad\xe6\x96\x87\xed\xa0\x80"), 6},
};

/* Behind every number of plain bytes, so that each meets every place of the wide steps. */
static void refuses_what_is_not_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(not_utf8); i++) {
        for (size_t before = 0; before <= 70; before++) {
            for (size_t behind = 0; behind <= 20; behind += 4) {
                char text[128] = "\"";
                size_t n = 1;
                memset(text + n, 'a', before);
                memcpy(text + n + before, not_utf8[i].bytes.p, not_utf8[i].bytes.n);
                n += before + not_utf8[i].bytes.n;
                memset(text + n, 'b', behind);
                n += behind;
                text[n++] = '"';
                struct json_fail why;
                assert_false(parses(str_of(text, n), &why));
                if (why.at != 1 + before + not_utf8[i].at) fail_msg("row %zu: at %zu", i, why.at);
                assert_non_null(strstr(why.why, "UTF-8"));
            }
        }
    }
}

/* Every byte at every place of a string of 80: exactly the plain ones leave it one string. */
static void finds_a_special_byte_anywhere(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t place = 1; place <= 80; place++) {
            char text[82];
            memset(text, 'x', sizeof(text));
            text[0] = text[81] = '"';
            text[place] = (char)c;
            struct json_fail why;
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            bool ok = parses(str_of(text, sizeof(text)), &why);
            if (ok != plain) fail_msg("byte %02x at %zu: %s", c, place, ok ? "accepted" : why.why);
        }
    }
}

static void has_a_depth_ceiling(void **state)
{
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1)];
    struct json_fail why;
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(parses(str_of(text, 2 * depth), &why), depth == JSON_DEPTH_MAX);
    }
    assert_int_equal(why.at, JSON_DEPTH_MAX);
    assert_non_null(strstr(why.why, "deep"));
    char objects[5 * (JSON_DEPTH_MAX + 1)];
    for (size_t i = 0; i < sizeof(objects); i++) objects[i] = "{\"a\":"[i % 5];
    assert_false(parses(str_of(objects, sizeof(objects)), &why));
    assert_non_null(strstr(why.why, "deep"));
}

/* The nodes say where everything is; a scalar in 128 containers has depth 128. */
static void indexes_what_it_reads(void **state)
{
    (void)state;
    str text = S(" {\"a\" : [1, \"x\\n\"],\"b\":{}} ");
    static const struct json_node expected[] = {
        {1, 26, 7, JSON_OBJECT, 0, 2},  {2, 5, 2, JSON_STRING, 0, 0},   {8, 18, 5, JSON_ARRAY, 0, 0},
        {9, 10, 4, JSON_NUMBER, 0, 0},  {12, 17, 5, JSON_STRING, 1, 0}, {19, 22, 6, JSON_STRING, 0, 0},
        {23, 25, 7, JSON_OBJECT, 0, 0},
    };
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    assert_true(json_parse(&doc, text, &why));
    assert_int_equal(doc.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct json_node *a = &doc.nodes[i], *b = &expected[i];
        if (a->start != b->start || a->end != b->end || a->next != b->next || a->type != b->type ||
            a->escaped != b->escaped || a->keys != b->keys) {
            fail_msg("node %zu: [%u, %u) next %u type %u escaped %u keys %x", i, a->start, a->end, a->next, a->type,
                     a->escaped, a->keys);
        }
    }
    json_free(&doc);
}

static const char rich[] = "{\"model\":\"gpt-5-mini\",\"n\":1,\"temperature\":-0.5e-1,\"stream\":true,\"stop\":null,"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\\n \xc3\xa9\xe4\xb8\xad"
                           "\xf0\x9f\x98\x80 \\ud83d\\ude00 and some more text\"},{}],\"x\":[[],false]}";

/* The only prefix of an object that is JSON is all of it. */
static void refuses_every_truncation(void **state)
{
    (void)state;
    struct json_fail why;
    for (size_t n = 0; n < sizeof(rich) - 1; n++) {
        if (parses(str_of(rich, n), &why)) fail_msg("the first %zu bytes were accepted", n);
    }
    assert_true(parses(str_from(rich), &why));
    static const char number[] = "-10.25e+17";
    static const bool is_one[] = {false, false, true, true, false, true, true, false, false, true, true};
    for (size_t n = 0; n < sizeof(number); n++) assert_int_equal(parses(str_of(number, n), &why), is_one[n]);
}

/* A document serves many parses, large after small, good after bad. */
static void is_reused(void **state)
{
    (void)state;
    struct json doc;
    struct json_fail why;
    struct buf b;
    json_init(&doc);
    buf_init(&b, 0);
    buf_add_byte(&b, '[');
    for (int i = 0; i < 100000; i++) buf_add(&b, S("0,"));
    buf_add(&b, S("1]"));
    for (int round = 0; round < 3; round++) {
        assert_true(json_parse(&doc, S("[1,2]"), &why));
        assert_int_equal(doc.count, 3);
        assert_false(json_parse(&doc, S("[1,2"), &why));
        assert_int_equal(doc.count, 0);
        assert_true(json_parse(&doc, buf_str(&b), &why));
        assert_int_equal(doc.count, 100002);
        assert_int_equal(doc.nodes[0].next, 100002);
        assert_int_equal(doc.cap, 131072);
    }
    buf_free(&b);
    json_free(&doc);
}

static void has_a_ceiling_on_values(void **state)
{
    (void)state;
    size_t n = 2 * (size_t)JSON_NODES_MAX + 1;
    char *text = malloc(n);
    assert_non_null(text);
    text[0] = '[';
    for (size_t i = 1; i < n; i++) text[i] = i % 2 ? '0' : ',';
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    text[2 * (size_t)JSON_NODES_MAX - 2] = ']'; /* the array and NODES_MAX - 1 zeros */
    assert_true(json_parse(&doc, str_of(text, 2 * (size_t)JSON_NODES_MAX - 1), &why));
    assert_int_equal(doc.count, JSON_NODES_MAX);
    text[2 * (size_t)JSON_NODES_MAX - 2] = ',';
    text[2 * (size_t)JSON_NODES_MAX] = ']';
    assert_false(json_parse(&doc, str_of(text, n), &why));
    assert_string_equal(why.why, "too many values");
    /* Above the ceiling of bytes not one of them is read. */
    assert_false(json_parse(&doc, str_of(text, (size_t)JSON_TEXT_MAX + 1), &why));
    assert_string_equal(why.why, "the text is too long");
    json_free(&doc);
    free(text);
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) buf_add(out, str_of(piece, n));
    fclose(f);
    return true;
}

/* y_ must parse, n_ must not, i_ may do either. */
static void agrees_with_the_parsing_suite(void **state)
{
    (void)state;
    const char *shared = getenv("PURSER_SHARED");
    char folder[512], path[1024];
    snprintf(folder, sizeof(folder), "%s/suites/json/test_parsing", shared ? shared : "../shared");
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: there is no %s\n", folder);
        skip();
        return;
    }
    size_t files = 0, wrong = 0;
    struct buf b;
    buf_init(&b, 0);
    for (struct dirent *e; (e = readdir(dir));) {
        str name = str_from(e->d_name);
        if (!str_ends(name, S(".json"))) continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        buf_clear(&b);
        assert_true(read_file(path, &b));
        struct json_fail why;
        bool ok = parses(buf_str(&b), &why);
        files++;
        if ((name.p[0] == 'y' && !ok) || (name.p[0] == 'n' && ok)) {
            print_error("%s: %s\n", e->d_name, ok ? "accepted" : why.why);
            wrong++;
        }
    }
    closedir(dir);
    buf_free(&b);
    print_message("%zu files\n", files);
    assert_true(files > 300);
    assert_int_equal(wrong, 0);
}

/* Who sets a ceiling of its own learns soon that a text is above it. */
static void grows_no_further_than_asked(void **state)
{
    (void)state;
    struct json doc;
    struct json_fail why;
    char text[1001];
    json_init(&doc);
    doc.most = 100;
    memset(text, '0', sizeof(text));
    for (size_t i = 2; i < sizeof(text) - 1; i += 2) text[i] = ',';
    text[0] = '[';
    text[sizeof(text) - 1] = ']';
    assert_false(json_parse(&doc, str_of(text, sizeof(text)), &why));
    assert_ptr_equal(why.why, json_too_many);
    assert_in_range(why.at, 2 * 100, 2 * 256);
    doc.most = 0;
    assert_true(json_parse(&doc, str_of(text, sizeof(text)), &why));
    json_free(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_no_further_than_asked),
        cmocka_unit_test(accepts_json),
        cmocka_unit_test(refuses_what_is_not),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(finds_a_special_byte_anywhere),
        cmocka_unit_test(has_a_depth_ceiling),
        cmocka_unit_test(indexes_what_it_reads),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(is_reused),
        cmocka_unit_test(has_a_ceiling_on_values),
        cmocka_unit_test(agrees_with_the_parsing_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* schema_compile() and schema_check(): what is said about schemas and documents that are wrong, and
 * the ceilings. What is right is told by the official suite (test_schema_suite.c). */
#include "base/schema.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct schema *compiled(const char *text)
{
    struct schema_fail why;
    struct schema *s = schema_compile(str_from(text), NULL, &why);
    if (!s) print_message("%s: %s: %s\n", text, why.where, why.why);
    assert_non_null(s);
    return s;
}

/* Parsed from a copy with nothing around it, so that a sanitizer sees a read beyond an end. */
static bool checks(const struct schema *schema, const char *text, struct schema_error *error)
{
    struct json doc;
    struct json_fail why;
    str s = str_from(text);
    char *copy = malloc(s.n);
    assert_non_null(copy);
    memcpy(copy, s.p, s.n);
    json_init(&doc);
    assert_true(json_parse(&doc, str_of(copy, s.n), &why));
    bool ok = schema_check(schema, &doc, JSON_ROOT, error);
    json_free(&doc);
    free(copy);
    return ok;
}

static void errors_say_where_and_what(void **state)
{
    (void)state;
    const char *invoice =
        "{\"type\":\"object\",\"required\":[\"id\",\"items\"],\"additionalProperties\":false,\"properties\":{"
        "\"id\":{\"type\":\"string\",\"pattern\":\"^INV-[0-9]+$\",\"maxLength\":12},"
        "\"state\":{\"enum\":[\"open\",\"paid\"]},\"kind\":{\"const\":1},\"a/b~c\":{\"type\":\"null\"},"
        "\"tags\":{\"uniqueItems\":true,\"maxItems\":3,\"items\":{\"type\":[\"string\",\"integer\"]}},"
        "\"note\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"properties\":{\"by\":{\"type\":\"string\"}}}]}"
        ","
        "\"items\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"properties\":{"
        "\"price\":{\"minimum\":0,\"exclusiveMaximum\":1000.5,\"multipleOf\":0.01},\"no\":false}}}}}";
    static const char *const cases[][3] = {
        {"[]", "type", "the whole: must be an object, but is an array"},
        {"{\"id\":\"INV-1\"}", "required", "the whole: lacks the property \"items\""},
        {"{\"id\":\"INV-1\",\"items\":[]}", "minItems", "/items: must have at least 1 item"},
        {"{\"id\":\"INV-1\",\"items\":[{},{},{},{\"price\":-1}]}", "minimum", "/items/3/price: must be at least 0"},
        {"{\"id\":\"INV-1\",\"items\":[{\"price\":1000.50}]}", "exclusiveMaximum",
         "/items/0/price: must be less than 1000.5"},
        {"{\"id\":\"INV-1\",\"items\":[{\"price\":0.015}]}", "multipleOf",
         "/items/0/price: must be a multiple of 0.01"},
        {"{\"id\":\"INV-1\",\"items\":[{\"no\":1}]}", "false", "/items/0/no: must not be there"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"sum\":3}", "additionalProperties",
         "the whole: has a property that is not allowed: \"sum\""},
        {"{\"id\":\"x\",\"items\":[1]}", "pattern", "/id: must match the pattern \"^INV-[0-9]+$\""},
        {"{\"id\":\"INV-123456789\",\"items\":[1]}", "maxLength", "/id: must have at most 12 characters"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"state\":\"new\"}", "enum", "/state: must be one of \"open\", \"paid\""},
        {"{\"id\":\"INV-1\",\"items\":[1],\"kind\":2}", "const", "/kind: must be 1"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"\\u0061\\/b~c\":2}", "type", "/a~1b~0c: must be null, but is a number"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"tags\":[1,\"1\",1.0]}", "uniqueItems",
         "/tags: must not have the same item twice"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"tags\":[1,2,3,4]}", "maxItems", "/tags: must have at most 3 items"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"tags\":[1.5]}", "type",
         "/tags/0: must be a string or a whole number, but is a number"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"note\":1}", "anyOf",
         "/note: fits none of the 2 schemas of which one must hold"},
        {"{\"id\":\"INV-1\",\"items\":[1],\"note\":{\"by\":1}}", "type", "/note/by: must be a string, but is a number"},
    };
    struct schema *s = compiled(invoice);
    assert_true(checks(s, "{\"id\":\"INV-1\",\"items\":[{\"price\":0.07}],\"tags\":[1,\"1\",2e0]}", NULL));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct schema_error error;
        assert_false(checks(s, cases[i][0], &error));
        assert_string_equal(error.message, cases[i][2]);
        assert_string_equal(error.keyword, cases[i][1]);
        assert_false(error.gave_up);
        str head = str_from(error.message);
        assert_true(!error.path[0] || str_starts(head, str_from(error.path)));
    }
    schema_drop(s);
}

static void wrong_schemas_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "", "is no JSON: the text is empty, at byte 0"},
        {"{\"type\":\"str\"}", "/type",
         "must be a type, or a list of types: null, boolean, number, integer, string, array, object"},
        {"{\"properties\":{\"a\":{\"items\":3}}}", "/properties/a/items", "must be a schema: an object, true or false"},
        {"{\"minLength\":-1}", "/minLength", "must be a whole number of at least 0"},
        {"{\"minLength\":1.5}", "/minLength", "must be a whole number of at least 0"},
        {"{\"multipleOf\":0}", "/multipleOf", "must be a number above 0, of at most 18 digits"},
        {"{\"enum\":1}", "/enum", "must be a list of the values that are allowed"},
        {"{\"required\":[1]}", "/required/0", "must be a text: a name"},
        {"{\"anyOf\":[]}", "/anyOf", "must have a schema in it"},
        {"{\"$ref\":\"#/$defs/x\"}", "/$ref", "refers to nothing: #/$defs/x"},
        {"{\"$ref\":\"#x\"}", "/$ref", "refers to nothing: #x"},
        {"{\"$ref\":\"https://example.com/a.json\"}", "/$ref",
         "refers to another schema, which is not at hand: https://example.com/a.json"},
        {"{\"$schema\":\"https://example.com/dialect\"}", "/$schema",
         "names a dialect that is not known: https://example.com/dialect"},
        {"{\"pattern\":\"(a\"}", "/pattern",
         "is a regular expression that cannot be used: missing closing parenthesis"},
        {"{\"pattern\":\"\\\\a\"}", "/pattern",
         "is a regular expression that cannot be used: has an escape that ECMA-262 does not know"},
        {"{\"pattern\":\"(*UTF)a\"}", "/pattern",
         "is a regular expression that cannot be used: has a quantifier with nothing before it"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct schema_fail why;
        struct schema *s = schema_compile(str_from(cases[i][0]), NULL, &why);
        assert_null(s);
        assert_string_equal(why.where, cases[i][1]);
        assert_string_equal(why.why, cases[i][2]);
    }
}

/* Schemas of before 2020-12, as most generators write them. */
static void older_drafts_are_read(void **state)
{
    (void)state;
    struct schema *s =
        compiled("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"definitions\":{\"n\":"
                 "{\"type\":\"number\"}},\"items\":[{\"$ref\":\"#/definitions/n\"},{\"type\":\"string\"}],"
                 "\"additionalItems\":false}");
    assert_true(checks(s, "[1,\"a\"]", NULL));
    assert_false(checks(s, "[\"a\"]", NULL));
    assert_false(checks(s, "[1,\"a\",1]", NULL));
    schema_drop(s);
}

static void formats_hold_only_when_asked_for(void **state)
{
    (void)state;
    struct schema_options strict = {.formats = true};
    struct schema_fail why;
    struct schema *said = compiled("{\"format\":\"date\"}");
    struct schema *held = schema_compile(S("{\"format\":\"date\"}"), &strict, &why);
    assert_non_null(held);
    assert_true(checks(said, "\"2026-02-30\"", NULL));
    assert_false(checks(held, "\"2026-02-30\"", NULL));
    assert_true(checks(held, "\"2028-02-29\"", NULL));
    schema_drop(said);
    schema_drop(held);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *doc;
        bool ok;
    } cases[] = {
        {"{\"multipleOf\":0.1}", "0.3", true},
        {"{\"multipleOf\":0.1}", "12345678901234567890.7", true},
        {"{\"multipleOf\":0.01}", "1e-3", false},
        {"{\"multipleOf\":3}", "1e400", false},
        {"{\"multipleOf\":2}", "1e400", true},
        {"{\"multipleOf\":7}", "70000000000000000000000000000000007", true},
        {"{\"multipleOf\":7}", "70000000000000000000000000000000008", false},
        {"{\"maximum\":18446744073709551616}", "18446744073709551617", false},
        {"{\"maximum\":18446744073709551617}", "18446744073709551616", true},
        {"{\"minimum\":1e-400}", "0", false},
        {"{\"minimum\":0}", "-0.0", true},
        {"{\"const\":1}", "1.000e0", true},
        {"{\"const\":1e3}", "1000.0", true},
        {"{\"const\":100}", "0.001e5", true},
        {"{\"const\":9007199254740993}", "9007199254740992", false},
        {"{\"type\":\"integer\"}", "1.50e1", true},
        {"{\"type\":\"integer\"}", "1.5", false},
        {"{\"type\":\"integer\"}", "1e999999999999999999999", true},
        {"{\"const\":{\"a\":1,\"b\":[2]}}", "{\"b\":[2.0],\"\\u0061\":1}", true},
        {"{\"maxLength\":2}", "\"\\ud83d\\ude00\xf0\x9f\x98\x80\"", true},
        {"{\"maxLength\":2}", "\"abc\"", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct schema *s = compiled(cases[i].schema);
        if (checks(s, cases[i].doc, NULL) != cases[i].ok) fail_msg("%s of %s", cases[i].schema, cases[i].doc);
        schema_drop(s);
    }
}

/* Whatever a stranger writes, a check ends soon, and what was given up is not accepted: not even by a "not". */
static void nothing_runs_away(void **state)
{
    (void)state;
    char as[30001];
    memset(as, 'a', sizeof(as) - 1);
    as[0] = as[sizeof(as) - 2] = '"';
    as[sizeof(as) - 1] = '\0';
    const char *const cases[][2] = {
        {"{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""},
        {"{\"pattern\":\"(a|aa)+b\"}", as},
        {"{\"pattern\":\"a*a*a*a*a*[bc]\"}", as},
        {"{\"not\":{\"pattern\":\"^(a+)+$\"}}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""},
        {"{\"$ref\":\"#\"}", "1"},
        {"{\"not\":{\"$ref\":\"#\"}}", "1"},
        {"{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"},true]}", "1"},
        {"{\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/a\"}]}},\"$ref\":\"#/$defs/a\"}",
         "1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct schema *s = compiled(cases[i][0]);
        struct schema_error error;
        int64_t begun = time_mono_us();
        assert_false(checks(s, cases[i][1], &error));
        int64_t took = time_mono_us() - begun;
        print_message("%s: %ld us\n", cases[i][0], (long)took);
        assert_true(took < 20 * US_PER_SECOND); /* sanitizers, and busy machines */
        assert_int_equal(schema_prefix(s, str_head(str_from(cases[i][1]), 20)), SCHEMA_OPEN);
        schema_drop(s);
    }
}

/* Steps that run out among the names of an object, whose schema says nothing of the others. */
static void many_names_end(void **state)
{
    (void)state;
    struct buf s, d;
    buf_init(&s, 0);
    buf_init(&d, 0);
    for (int i = 0; i < 200; i++) buf_printf(&s, "%s\"a*a*a*%d[bc]\":true", i ? "," : "{\"patternProperties\":{", i);
    for (int i = 0; i < 1000; i++) buf_printf(&d, "%s\"aaaaaaaaaaaaaaaaaaaaaaaa%d\":1", i ? "," : "{", i);
    buf_add(&s, S("}}"));
    buf_add(&d, S("}"));
    buf_add_byte(&s, '\0');
    buf_add_byte(&d, '\0');
    struct schema *schema = compiled(s.p);
    struct schema_error error;
    assert_false(checks(schema, d.p, &error));
    assert_true(error.gave_up);
    schema_drop(schema);
    buf_free(&s);
    buf_free(&d);
}

/* References that search a large object again and again. */
static void long_searches_are_refused(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 40000; i++) buf_printf(&b, "%s%d", i ? "," : "{\"examples\":[", i);
    for (int i = 0; i < 9000; i++) buf_printf(&b, "%s{\"$ref\":\"#/examples/40000\"}", i ? "," : ",{}],\"allOf\":[");
    buf_add(&b, S("]}"));
    struct schema_fail why;
    assert_null(schema_compile(buf_str(&b), NULL, &why));
    assert_string_equal(why.where, "/examples/40000");
    assert_string_equal(why.why, "too many references to it, by long ways");
    buf_free(&b);
}

/* As many references as there may be, into as many definitions: a table finds each. */
static void many_references_are_followed(void **state)
{
    (void)state;
    struct buf b;
    struct schema_fail why;
    buf_init(&b, 0);
    for (int i = 0; i < 4000; i++) buf_printf(&b, "%s\"k%d\":{\"type\":\"null\"}", i ? "," : "{\"$defs\":{", i);
    for (int i = 0; i < 4000; i++) buf_printf(&b, "%s{\"$ref\":\"#/$defs/k%d\"}", i ? "," : "},\"allOf\":[", i);
    buf_add(&b, S("]}"));
    struct schema *schema = schema_compile(buf_str(&b), NULL, &why);
    assert_non_null(schema);
    schema_drop(schema);
    buf_free(&b);
}

/* 2^30 ways through a schema of thirty lines. */
static void doubling_schemas_end(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 30; i++) {
        buf_printf(&b, "\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1, i + 1);
    }
    buf_printf(&b, "\"d30\":{\"type\":\"number\"}}}");
    buf_add_byte(&b, '\0');
    struct schema *s = compiled(b.p);
    struct schema_error error;
    assert_false(checks(s, "1", &error));
    assert_true(error.gave_up);
    assert_false(checks(s, "\"a\"", &error));
    assert_false(error.gave_up);
    schema_drop(s);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_say_where_and_what),
        cmocka_unit_test(wrong_schemas_are_refused),
        cmocka_unit_test(older_drafts_are_read),
        cmocka_unit_test(formats_hold_only_when_asked_for),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(nothing_runs_away),
        cmocka_unit_test(many_names_end),
        cmocka_unit_test(long_searches_are_refused),
        cmocka_unit_test(many_references_are_followed),
        cmocka_unit_test(doubling_schemas_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* schema_prefix(): hopeless as early as it can be told, and never too early. */
#include "base/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char order[] =
    "{\"type\":\"object\",\"required\":[\"id\"],\"additionalProperties\":false,\"properties\":{"
    "\"id\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":500},\"name\":{\"type\":\"string\",\"maxLength\":5},"
    "\"state\":{\"enum\":[\"open\",\"paid\",null]},\"tags\":{\"type\":\"array\",\"maxItems\":2,\"items\":{\"type\":"
    "\"string\",\"pattern\":\"^a\"}},\"any\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"maxProperties\":"
    "1}]},"
    "\"one\":{\"oneOf\":[{\"type\":\"array\"},{\"type\":\"array\",\"maxItems\":0}]},\"not\":{\"not\":{\"type\":"
    "\"array\","
    "\"maxItems\":0}},\"if\":{\"if\":{\"type\":\"object\"},\"then\":{\"properties\":{\"a\":false}},\"else\":{\"type\":"
    "\"null\"}}}}";

/* Hopeless from exactly `at` bytes on; SIZE_MAX: never, it is valid. */
static void hope_ends(const char *schema, const char *text, size_t at)
{
    struct schema_fail why;
    struct schema *s = schema_compile(str_from(schema), NULL, &why);
    assert_non_null(s);
    size_t size = strlen(text);
    for (size_t n = 0; n <= size; n++) {
        char *copy = malloc(n ? n : 1); /* nothing behind the end to read */
        assert_non_null(copy);
        memcpy(copy, text, n);
        enum schema_hope hope = schema_prefix(s, str_of(copy, n)), wanted = n >= at ? SCHEMA_HOPELESS : SCHEMA_OPEN;
        if (hope != wanted) fail_msg("%.*s is %s", (int)n, text, hope ? "hopeless" : "open");
        free(copy);
    }
    schema_drop(s);
}

/* The first hopeless byte is marked by a | in front of it. */
static void ends_at_mark(const char *schema, const char *marked)
{
    char text[512];
    const char *mark = strchr(marked, '|');
    assert_non_null(mark);
    size_t at = (size_t)(mark - marked);
    snprintf(text, sizeof(text), "%.*s%s", (int)at, marked, mark + 1);
    hope_ends(schema, text, at + 1);
}

static void hope_ends_where_it_can_be_told(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "|[1]",                         /* type */
        "Sure|: {}",                    /* no JSON: "S" is, as far as a prefix is read, a word */
        "{\"id\":|\"7\"}",              /* type */
        "{\"id\":|-1}",                 /* minimum: a minus makes it so */
        "{\"id\":501|,\"name\":\"a\"}", /* maximum: 501e-2 would do */
        "{\"id\":1.5|}",                /* 1.5e1 would do */
        "{\"name\":\"abcde|f\"}",       /* maxLength */
        "{\"name\":\"\\ud83d\\ude00abcd|e\"}",
        "{\"state\":\"o|k\"}", /* enum */
        "{\"state\":|1}",      /* enum: no number */
        "{\"tags\":[\"a\",\"a\",|\"a\"]}",
        "{\"tags\":[\"b|\"]}", /* pattern: at the end of the text */
        "{\"tags\":[\"a\",|2]}",
        "{\"nam|\":1}", /* a closed object: at the end of the key */
        "{\"any\":|7}",
        "{\"any\":{\"a\":1,\"b|\":1}}",
        "{\"one\":[|]}", /* two fit: at the end */
        "{\"not\":[|]}",
        "{\"if\":{\"a|\":1}}",
        "{\"if\":|1}",
        "{\"name\":\"a\"|}", /* required: at the end */
        "{\"id\":1}|x",      /* behind the end */
        "{\"id\" |1}",
        "{\"id\":1,|}",
        "{\"id\":0|1}",
        "{\"id\":1 |2}",
        "{\"state\":nu|x}",
        "{\"name\":\"\\|q\"}",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (str_starts(str_from(cases[i]), S("Sure"))) {
            hope_ends(order, "Sure: {}", 1);
        } else {
            ends_at_mark(order, cases[i]);
        }
    }
}

static void what_can_be_mended_is_open(void **state)
{
    (void)state;
    static const char *const valid[] = {
        " { \"id\" : 12 , \"name\" : \"a\\u00e9\\\\\\\"b\" , \"state\" : null , \"tags\" : [ \"ab\" , \"a\" ] } ",
        "{\"id\":5.0e2,\"name\":\"\\ud83d\\ude00\xf0\x9f\x98\x80\xc3\xa9\",\"state\":\"paid\",\"any\":{\"x\":[[{}]]}}",
        "{\"id\":50000e-2,\"one\":[1],\"not\":[1],\"if\":{\"b\":true},\"any\":\"\",\"tags\":[]}",
        "{\"state\":\"\\u006fpen\",\"id\":1,\"if\":null,\"not\":{}}",
    };
    for (size_t i = 0; i < COUNT_OF(valid); i++) hope_ends(order, valid[i], SIZE_MAX);
    static const char *const scalars[] = {"true",  "false",       "null",     " -0 ",     "-1.5e+10",
                                          "[1,2]", "\"\\u0000\"", "[0.5E-1]", "{\"\":{}}"};
    for (size_t i = 0; i < COUNT_OF(scalars); i++) hope_ends("true", scalars[i], SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hope_ends_where_it_can_be_told),
        cmocka_unit_test(what_can_be_mended_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

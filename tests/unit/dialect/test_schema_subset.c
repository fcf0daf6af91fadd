/* Schemas cut down to what providers take. */
#include "dialect/schema_subset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OBJECT(rest) "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"" rest "}},\"required\":[\"a\"]"

static const struct {
    const char *schema, *want[SCHEMA_DIALECT_COUNT]; /* NULL: it does not fit */
} cases[] = {
    {OBJECT("") "}",
     {OBJECT("") ",\"additionalProperties\":false}", OBJECT("") ",\"additionalProperties\":false}", OBJECT("") "}"}},
    /* what a provider does not take, the model can read */
    {OBJECT(",\"minLength\":1,\"description\":\"A \\\"name\\\".\"") ",\"additionalProperties\":false}",
     {OBJECT(",\"description\":\"A \\\"name\\\".\\n\\n{minLength: 1}\"") ",\"additionalProperties\":false}",
      OBJECT(",\"description\":\"A \\\"name\\\".\\n\\n{minLength: 1}\"") ",\"additionalProperties\":false}",
      OBJECT(",\"description\":\"A \\\"name\\\".\\n\\n{minLength: 1}\"") ",\"additionalProperties\":false}"}},
    {OBJECT(",\"pattern\":\"^\\\"a\"") "}",
     {OBJECT(",\"description\":\"{pattern: \\\"^\\\\\\\"a\\\"}\"") ",\"additionalProperties\":false}",
      OBJECT(",\"pattern\":\"^\\\"a\"") ",\"additionalProperties\":false}",
      OBJECT(",\"description\":\"{pattern: \\\"^\\\\\\\"a\\\"}\"") "}"}},
    {"{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1},\"minItems\":1,\"maxItems\":3}",
     {"{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"description\":\"{minimum: 1}\"},\"minItems\":1,"
      "\"description\":\"{maxItems: 3}\"}",
      "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1},\"minItems\":1,\"maxItems\":3}",
      "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1},\"minItems\":1,\"maxItems\":3}"}},
    {"{\"type\":\"array\",\"minItems\":2}",
     {"{\"type\":\"array\",\"description\":\"{minItems: 2}\"}", "{\"type\":\"array\",\"minItems\":2}",
      "{\"type\":\"array\",\"minItems\":2}"}},
    {"{\"oneOf\":[{\"const\":1},{\"type\":\"string\",\"format\":\"uuid\"},{\"type\":\"string\",\"format\":\"x\"}]}",
     {"{\"anyOf\":[{\"const\":1},{\"type\":\"string\",\"format\":\"uuid\"},{\"type\":\"string\",\"description\":"
      "\"{format: \\\"x\\\"}\"}]}",
      "{\"anyOf\":[{\"const\":1},{\"type\":\"string\",\"format\":\"uuid\"},{\"type\":\"string\",\"description\":"
      "\"{format: \\\"x\\\"}\"}]}",
      "{\"anyOf\":[{\"enum\":[1]},{\"type\":\"string\",\"format\":\"uuid\"},{\"type\":\"string\",\"description\":"
      "\"{format: \\\"x\\\"}\"}]}"}},
    /* references: kept where they are taken, else written out */
    {"{\"$schema\":\"s\",\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"number\",\"default\":1}}}",
     {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"number\",\"description\":\"{default: 1}\"}}}",
      "{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"number\",\"description\":\"{default: 1}\"}}}",
      "{\"type\":\"number\",\"description\":\"{default: 1}\"}"}},
    {"{\"allOf\":[{\"$ref\":\"#/definitions/n\"}],\"definitions\":{\"n\":{\"type\":\"null\"}}}",
     {"{\"allOf\":[{\"$ref\":\"#/definitions/n\"}],\"definitions\":{\"n\":{\"type\":\"null\"}}}",
      "{\"anyOf\":[{\"$ref\":\"#/definitions/n\"}],\"definitions\":{\"n\":{\"type\":\"null\"}}}",
      "{\"anyOf\":[{\"type\":\"null\"}]}"}},
    /* pitfall 28 and its worst: a schema that has itself in it */
    {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}}}}",
     {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}}}}",
      "{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}}}}", NULL}},
    {"{\"items\":{\"$ref\":\"#\"}}", {"{\"items\":{\"$ref\":\"#\"}}", "{\"items\":{\"$ref\":\"#\"}}", NULL}},
    /* keys that are free cannot be closed without making the object an empty one */
    {"{\"type\":\"object\"}", {NULL, NULL, "{\"type\":\"object\"}"}},
    {"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"minLength\":1}}",
     {NULL, NULL,
      "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"description\":\"{minLength: 1}\"}}"}},
    /* a property that may be left out */
    {"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":true},\"required\":[\"a\"]}",
     {"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"a\"],\"additionalProperties\":false}",
      NULL, "{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"a\"]}"}},
    {"[]", {NULL, NULL, NULL}},
    {"true", {NULL, NULL, NULL}},
};

static void cuts_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (enum schema_dialect to = 0; to < SCHEMA_DIALECT_COUNT; to++) {
            struct arena arena;
            jraw out = RAW_NONE;
            arena_init(&arena);
            bool ok = schema_subset((jraw){str_from(cases[i].schema)}, to, &arena, &out);
            const char *want = cases[i].want[to];
            if (ok != (want != NULL) || (ok && !str_eq(out.json, str_from(want))))
                fail_msg("case %zu for %d: %s\nexpected %s\ngot      %.*s", i, (int)to, cases[i].schema,
                         want ? want : "none", (int)out.json.n, ok ? out.json.p : "");
            arena_free(&arena);
        }
    }
}

/* Each definition holds the next one twice: 2^40 schemas, were they written out. */
static void survives_a_bomb(void **state)
{
    struct buf bomb;
    struct arena arena;
    jraw out;
    (void)state;
    buf_init(&bomb, 0);
    arena_init(&arena);
    buf_add(&bomb, S("{\"$ref\":\"#/$defs/d0\",\"$defs\":{"));
    for (int i = 0; i < 30; i++)
        buf_printf(&bomb, "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1,
                   i + 1);
    buf_add(&bomb, S("\"d30\":{}}}"));
    assert_false(schema_subset((jraw){buf_str(&bomb)}, SCHEMA_GEMINI, &arena, &out));
    buf_free(&bomb);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cuts_down), cmocka_unit_test(survives_a_bomb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

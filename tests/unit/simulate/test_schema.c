/* JSON that fits its schema. */
#include "answers.h"

#include "simulate/sim_schema.h"

/* Fills the schema with many seeds; `check` looks at each value. */
static void fill(const char *schema, void (*check)(const struct json *doc))
{
    struct json doc, value;
    struct json_fail why;
    json_init(&doc);
    json_init(&value);
    /* a schema never stands at the root of a request */
    char text[2048];
    snprintf(text, sizeof text, "{\"schema\":%s}", schema);
    assert_true(json_parse(&doc, str_from(text), &why));
    json_ref at = json_find(&doc, JSON_ROOT, S("schema"), NULL);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct buf b;
        buf_init(&b, 0);
        assert_true(sim_schema_fill(&doc, at, seed, &b));
        if (!json_parse(&value, buf_str(&b), &why)) fail_msg("%s: %.*s", why.why, STR_ARG(buf_str(&b)));
        assert_true(str_find_byte(buf_str(&b), '\n', 0) == SIZE_MAX);
        check(&value);
        buf_free(&b);
    }
    json_free(&doc);
    json_free(&value);
}

static json_ref at_key(const struct json *doc, const char *key)
{
    return json_find(doc, JSON_ROOT, str_from(key), NULL);
}

static void is_person(const struct json *doc)
{
    assert_int_equal(json_type(doc, at_key(doc, "name")), JSON_STRING);
    int64_t age = number_at(doc, at_key(doc, "age"));
    assert_in_range(age, 18, 21);
    json_ref mood = at_key(doc, "mood");
    assert_true(json_string_is(doc, mood, S("calm")) || json_string_is(doc, mood, S("stormy")));
    enum json_type happy = json_type(doc, at_key(doc, "happy"));
    assert_true(happy == JSON_TRUE || happy == JSON_FALSE);
    json_ref tags = at_key(doc, "tags");
    int count = 0;
    for (json_ref it = json_first(doc, tags); it; it = json_next(doc, tags, it), count++) {
        assert_int_equal(json_type(doc, it), JSON_STRING);
    }
    assert_int_equal(count, 3);
    assert_true(json_string_is(doc, at_key(doc, "version"), S("v1")));
    assert_true(json_string_is(doc, json_path(doc, JSON_ROOT, "home", "mail", NULL), S("purser@example.com")));
    assert_int_equal(json_type(doc, at_key(doc, "nick")), JSON_STRING);
}

static void test_object(void **state)
{
    (void)state;
    fill("{\"type\":\"object\",\n\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":\"integer\","
         "\"minimum\":18,"
         "\"exclusiveMaximum\":22},\"mood\":{\"enum\":[\"calm\",\"stormy\"]},\"happy\":{\"type\":\"boolean\"},\"tags\":"
         "{\"type\":"
         "\"array\",\"minItems\":3,\"maxItems\":3,\"items\":{\"type\":\"string\"}},\"version\":{\"const\":\"v1\"},"
         "\"home\":{\"$ref\":\"#/$defs/home\"},\"nick\":{\"type\":[\"string\",\"null\"]}},"
         "\"$defs\":{\"home\":{\"type\":\"object\",\"properties\":{\"mail\":{\"type\":\"string\",\"format\":\"email\"}}"
         "}},"
         "\"required\":[\"name\"]}",
         is_person);
}

static void in_bounds(const struct json *doc)
{
    double v;
    assert_true(json_double(doc, JSON_ROOT, &v));
    assert_true(v >= -3 && v <= 2);
}

static void is_short(const struct json *doc)
{
    str raw = json_raw(doc, JSON_ROOT);
    assert_in_range(raw.n - 2, 5, 7);
}

static void is_even(const struct json *doc)
{
    int64_t v;
    assert_true(json_i64(doc, JSON_ROOT, &v));
    assert_true(v >= 5 && v % 4 == 0);
}

static void test_scalars(void **state)
{
    (void)state;
    fill("{\"type\":\"number\",\"minimum\":-3,\"maximum\":2}", in_bounds);
    fill("{\"type\":\"string\",\"minLength\":5,\"maxLength\":7}", is_short);
    fill("{\"type\":\"integer\",\"minimum\":5,\"multipleOf\":4}", is_even);
}

static void ends(const struct json *doc)
{
    assert_int_equal(json_type(doc, JSON_ROOT), JSON_OBJECT);
}

/* A list of lists of lists ends, by its empty array or by its null. */
static void test_endless(void **state)
{
    (void)state;
    fill("{\"type\":\"object\",\"properties\":{\"next\":{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"null\"}]}},"
         "\"required\":[\"next\"]}",
         ends);
    fill("{\"type\":\"object\",\"properties\":{\"all\":{\"type\":\"array\",\"maxItems\":1,\"items\":{\"$ref\":\"#\"}}},"
         "\"required\":[\"all\"]}",
         ends);
    fill("{\"type\":\"object\",\"properties\":{\"me\":{\"$ref\":\"#\"}},\"required\":[\"me\"]}", ends);
}

static void is_anything(const struct json *doc)
{
    (void)doc;
}

static void test_odd_schemas(void **state)
{
    (void)state;
    static const char *const odd[] = {"true",
                                      "{}",
                                      "[]",
                                      "7",
                                      "{\"type\":7}",
                                      "{\"enum\":[]}",
                                      "{\"anyOf\":[]}",
                                      "{\"$ref\":\"#/no\"}",
                                      "{\"$ref\":\"http://x/y\"}",
                                      "{\"type\":\"array\",\"items\":false}",
                                      "{\"type\":\"object\",\"properties\":[1]}",
                                      "{\"type\":\"array\",\"minItems\":99999}",
                                      "{\"type\":\"string\",\"maxLength\":-1}",
                                      "{\"type\":\"integer\",\"minimum\":9,\"maximum\":2}"};
    for (size_t i = 0; i < COUNT_OF(odd); i++) fill(odd[i], is_anything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_odd_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

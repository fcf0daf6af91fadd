/* Google's subset of OpenAPI 3.0 as JSON Schema. */
#include "dialect/gemini.h"

/* protobuf's numbers of the types */
static const str types[] = {STR_INIT(""),        STR_INIT("string"), STR_INIT("number"), STR_INIT("integer"),
                            STR_INIT("boolean"), STR_INIT("array"),  STR_INIT("object"), STR_INIT("null")};

/* Counts that protobuf writes as strings. */
static const str counts[] = {STR_INIT("minItems"),  STR_INIT("maxItems"),      STR_INIT("minLength"),
                             STR_INIT("maxLength"), STR_INIT("minProperties"), STR_INIT("maxProperties")};

static void put_value(struct buf *out, const struct json *doc, json_ref at, int depth);

static str type_name(const struct json *doc, json_ref at)
{
    int64_t number;
    if (json_i64(doc, at, &number) && number > 0 && number < (int64_t)COUNT_OF(types)) return types[number];
    if (json_type(doc, at) != JSON_STRING) return STR_NONE;
    str raw = canon_inside((jraw){json_raw(doc, at)});
    for (size_t i = 1; i < COUNT_OF(types); i++)
        if (str_eq_nocase(raw, types[i])) return types[i];
    return STR_NONE;
}

static void put_type(struct buf *out, const struct json *doc, json_ref at, bool nullable)
{
    str name = type_name(doc, at);
    canon_key(out, S("type"));
    if (!name.n) {
        buf_add(out, json_raw(doc, at));
    } else if (nullable) {
        buf_add_byte(out, '[');
        buf_add_json(out, name);
        buf_add(out, S(",\"null\"]"));
    } else {
        buf_add_json(out, name);
    }
}

/* The names in `properties` are the caller's own. */
static void put_properties(struct buf *out, const struct json *doc, json_ref at, int depth)
{
    buf_add_byte(out, '{');
    for (json_ref key = json_first(doc, at); key; key = json_next(doc, at, key + 1)) {
        canon_comma(out);
        buf_add(out, json_raw(doc, key));
        buf_add_byte(out, ':');
        put_value(out, doc, key + 1, depth);
    }
    buf_add_byte(out, '}');
}

static bool is_count(const struct json *doc, json_ref key, json_ref value)
{
    int64_t v;
    if (json_type(doc, value) != JSON_STRING || !gemini_count(doc, value, &v)) return false;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        if (json_string_is(doc, key, counts[i])) return true;
    return false;
}

static bool key_in(const struct json *doc, json_ref key, str camel, str snake)
{
    return json_string_is(doc, key, camel) || json_string_is(doc, key, snake);
}

static void put_member(struct buf *out, const struct json *doc, json_ref key, bool nullable, int depth)
{
    json_ref value = key + 1;
    bool is_object = json_type(doc, value) == JSON_OBJECT;
    if (json_string_is(doc, key, S("type"))) {
        put_type(out, doc, value, nullable);
    } else if (json_string_is(doc, key, S("nullable")) ||
               key_in(doc, key, S("propertyOrdering"), S("property_ordering"))) {
        return; /* said by `type`; an order has no word */
    } else if (json_string_is(doc, key, S("properties")) && is_object) {
        canon_key(out, S("properties"));
        put_properties(out, doc, value, depth);
    } else if (json_string_is(doc, key, S("items")) || key_in(doc, key, S("anyOf"), S("any_of"))) {
        canon_key(out, json_string_is(doc, key, S("items")) ? S("items") : S("anyOf"));
        put_value(out, doc, value, depth);
    } else {
        canon_comma(out);
        buf_add(out, json_raw(doc, key));
        buf_add_byte(out, ':');
        buf_add(out, is_count(doc, key, value) ? canon_inside((jraw){json_raw(doc, value)}) : json_raw(doc, value));
    }
}

/* A schema, or a list of them. The parser's ceiling bounds the depth. */
static void put_value(struct buf *out, const struct json *doc, json_ref at, int depth)
{
    if (depth >= JSON_DEPTH_MAX) {
        buf_add(out, S("{}"));
    } else if (json_type(doc, at) == JSON_ARRAY) {
        buf_add_byte(out, '[');
        for (json_ref item = json_first(doc, at); item; item = json_next(doc, at, item)) {
            canon_comma(out);
            put_value(out, doc, item, depth + 1);
        }
        buf_add_byte(out, ']');
    } else if (json_type(doc, at) == JSON_OBJECT) {
        bool nullable = json_is_true(doc, json_find(doc, at, S("nullable"), NULL));
        buf_add_byte(out, '{');
        for (json_ref key = json_first(doc, at); key; key = json_next(doc, at, key + 1))
            put_member(out, doc, key, nullable, depth + 1);
        buf_add_byte(out, '}');
    } else {
        buf_add(out, json_raw(doc, at));
    }
}

jraw gemini_schema(struct arena *arena, const struct json *doc, json_ref at)
{
    struct buf out;
    buf_init(&out, 0);
    put_value(&out, doc, at, 0);
    jraw schema = {arena_str(arena, buf_str(&out))};
    buf_free(&out);
    return schema;
}

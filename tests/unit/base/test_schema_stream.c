/* A text that comes in pieces against a schema: never hopeless where it may become valid, as early as it looks, and
 * the same however it was cut. */
#include "base/rng.h"
#include "base/schema_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char order[] =
    "{\"type\":\"object\",\"required\":[\"id\"],\"additionalProperties\":false,\"properties\":{"
    "\"id\":{\"type\":\"integer\",\"maximum\":500},\"name\":{\"type\":\"string\",\"maxLength\":40},"
    "\"state\":{\"enum\":[\"open\",\"paid\",null]},\"tags\":{\"type\":\"array\",\"maxItems\":3,\"items\":{"
    "\"$ref\":\"#/properties/name\"}},\"in\":{\"$ref\":\"#\"}}}";

static struct schema *schema_of(const char *text)
{
    struct schema_fail why;
    struct schema *s = schema_compile(str_from(text), NULL, &why);
    if (!s) fail_msg("%s: %s", why.where, why.why);
    return s;
}

/* ---- texts: mostly right, at times not */

static void add_value(struct buf *out, struct rng *rng, int depth);

static void add_word(struct buf *out, struct rng *rng)
{
    static const char *const words[] = {"\"open\"",
                                        "\"paid\"",
                                        "null",
                                        "\"due\"",
                                        "12",
                                        "501",
                                        "1.5e1",
                                        "-0",
                                        "true",
                                        "\"a\\\"}\\u00e4\\ud83d\\ude00\"",
                                        "\"\xc3\xa4{[\"",
                                        "[\"a\",\"b\"]",
                                        "[1]",
                                        "[\"a\",\"b\",\"c\",\"d\"]",
                                        "nope",
                                        "{]",
                                        "\"\n\""};
    size_t usual = rng_next(rng) % 12 ? 4 : COUNT_OF(words);
    buf_add(out, str_from(words[rng_next(rng) % usual]));
}

static void add_member(struct buf *out, struct rng *rng, int depth)
{
    static const char *const right[] = {"\"id\":7", "\"state\":\"open\"", "\"name\":\"some \\\\ text\"",
                                        "\"tags\":[\"x\", \"y\"]", " \"id\" : 5.0e1"};
    static const char *const keys[] = {"\"id\":", "\"name\":", "\"state\":", "\"tags\":", "\"other\":"};
    if (rng_next(rng) % 4) {
        buf_add(out, str_from(right[rng_next(rng) % COUNT_OF(right)]));
    } else if (depth < 4 && rng_next(rng) % 2) {
        buf_add(out, S("\"in\":"));
        add_value(out, rng, depth + 1);
    } else {
        buf_add(out, str_from(keys[rng_next(rng) % COUNT_OF(keys)]));
        add_word(out, rng);
    }
}

static void add_value(struct buf *out, struct rng *rng, int depth)
{
    size_t members = 1 + rng_next(rng) % 6;
    buf_add(out, S("{\"id\":1"));
    for (size_t i = 0; i < members; i++) {
        buf_add_byte(out, ',');
        add_member(out, rng, depth);
    }
    if (rng_next(rng) % 40) buf_add_byte(out, '}');
}

static void make_text(struct buf *out, struct rng *rng)
{
    static const char *const before[] = {"", "", "", " ", "\n\t ", "Sure: ", "[1]: "}, *const after[] = {"", "", " \n",
                                                                                                         " Done."};
    buf_clear(out);
    buf_add(out, str_from(before[rng_next(rng) % COUNT_OF(before)]));
    add_value(out, rng, 0);
    buf_add(out, str_from(after[rng_next(rng) % COUNT_OF(after)]));
}

/* ---- what must hold */

/* From how many bytes on it is hopeless, fed in pieces of at most `most`; SIZE_MAX: never. Bytewise: exactly. */
static size_t hopeless_at(const struct schema *schema, bool one_object, str text, size_t most, struct rng *rng)
{
    struct schema_stream s;
    size_t at = 0;
    enum schema_hope hope = SCHEMA_OPEN;
    schema_stream_init(&s, schema, one_object);
    while (at < text.n && hope == SCHEMA_OPEN) {
        size_t n = most == 1 ? 1 : 1 + rng_next(rng) % most;
        if (n > text.n - at) n = text.n - at;
        hope = schema_stream_feed(&s, str_of(text.p + at, n));
        at += n;
    }
    assert_true(schema_stream_feed(&s, S("}")) >= hope); /* for good */
    schema_stream_free(&s);
    return hope == SCHEMA_HOPELESS ? at : SIZE_MAX;
}

static bool is_valid(const struct schema *schema, str text)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    bool ok = json_parse(&doc, text, &why) && schema_check(schema, &doc, JSON_ROOT, NULL);
    json_free(&doc);
    return ok;
}

/* The object that the text begins with, whole; STR_NONE where there is none. */
static str first_object(str text)
{
    struct json doc;
    struct json_fail why;
    str found = STR_NONE, rest = str_trim(text);
    json_init(&doc);
    for (size_t n = 1; rest.n && rest.p[0] == '{' && n <= rest.n && !found.p; n++)
        if (rest.p[n - 1] == '}' && json_parse(&doc, str_head(rest, n), &why)) found = str_head(rest, n);
    json_free(&doc);
    return found;
}

static void check_text(const struct schema *schema, bool one_object, str text, struct rng *rng, size_t *hopeless)
{
    size_t at = hopeless_at(schema, one_object, text, 1, rng);
    *hopeless += at != SIZE_MAX;
    str counts = one_object ? first_object(text) : text;
    if (at != SIZE_MAX && counts.p && is_valid(schema, counts)) fail_msg("too early, at %zu: %.*s", at, STR_ARG(text));
    for (int i = 0; i < 6; i++) {
        size_t most = 2 + rng_next(rng) % 40, cut = hopeless_at(schema, one_object, text, most, rng);
        if ((at == SIZE_MAX) != (cut == SIZE_MAX) || (at != SIZE_MAX && (cut < at || cut >= at + most)))
            fail_msg("cut by %zu: %zd, not %zd: %.*s", most, cut, at, STR_ARG(text));
    }
    if (one_object) return;
    size_t look = 1; /* as its header says: an eighth more each time */
    while (look <= text.n && schema_prefix(schema, str_head(text, look)) == SCHEMA_OPEN) look += 1 + look / 8;
    if (at != (look <= text.n ? look : SIZE_MAX)) fail_msg("%zd, not %zu: %.*s", at, look, STR_ARG(text));
}

static void however_it_is_cut(void **state)
{
    (void)state;
    struct rng rng;
    struct buf text;
    struct schema *schema = schema_of(order);
    size_t hopeless[2] = {0};
    rng_seed(&rng, 20);
    buf_init(&text, 0);
    for (int i = 0; i < 2000; i++) {
        make_text(&text, &rng);
        check_text(schema, i % 2, buf_str(&text), &rng, &hopeless[i % 2]);
    }
    assert_in_range(hopeless[0], 300, 900); /* both sides were seen */
    assert_in_range(hopeless[1], 100, 900);
    buf_free(&text);
    schema_drop(schema);
}

static void one_object_is_all_that_counts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool hopeless;
    } cases[] = {
        {" {\"id\":1} Hope this helps! {\"id\":\"no\"}", false},
        {"{\"id\":\"7\"}", true},
        {"{\"name\":\"}\\\"}\"}", true}, /* no id: told at its end, which is not within the text */
        {"{\"id\":1,\"x", false},
        {"{\"id\":1,\"x\":", true},
        {"{id: 1}", true},
        {"Sure: {\"id\":\"7\"}", false},
        {"[1]", false},
        {"```json\n{\"id\":\"7\"}\n```", false},
    };
    struct schema *schema = schema_of(order);
    struct rng rng;
    rng_seed(&rng, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool hopeless = hopeless_at(schema, true, str_from(cases[i].text), 1, &rng) != SIZE_MAX;
        if (hopeless != cases[i].hopeless) fail_msg("%s", cases[i].text);
    }
    schema_drop(schema);
}

/* A long text costs its length, not its square; what takes too many steps is let be. */
static void the_work_is_bounded(void **state)
{
    (void)state;
    struct schema *plain = schema_of("{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}");
    struct buf text;
    buf_init(&text, 0);
    buf_add(&text, S("{\"items\":{\"allOf\":[true"));
    for (int i = 0; i < 40; i++) buf_printf(&text, ",{\"type\":\"integer\",\"maximum\":%d}", 100000 + i);
    buf_add(&text, S("]}}"));
    buf_add_byte(&text, '\0');
    struct schema *dear = schema_of(text.p);
    buf_free(&text);
    struct schema_stream s;
    schema_stream_init(&s, plain, false);
    assert_int_equal(schema_stream_feed(&s, S("[")), SCHEMA_OPEN);
    size_t looks = 0, look_at = 0, read = 0, fed = 1;
    for (; fed < 400000; fed += 4) {
        assert_int_equal(schema_stream_feed(&s, S("123,")), SCHEMA_OPEN);
        if (s.look_at != look_at) {
            looks++;
            read += s.text.n;
        }
        look_at = s.look_at;
    }
    assert_in_range(looks, 10, 150);
    assert_in_range(read, fed, 10 * fed);
    assert_int_equal(schema_stream_feed(&s, S("\"")), SCHEMA_OPEN); /* it does not look yet */
    while (fed++ < SCHEMA_STREAM_TEXT_MAX + 8) (void)schema_stream_feed(&s, S(" "));
    assert_true(s.over);
    schema_stream_free(&s);
    schema_stream_init(&s, dear, false);
    (void)schema_stream_feed(&s, S("[1"));
    for (int i = 0; i < 60000 && !s.over; i++) {
        char item[32];
        int n = snprintf(item, sizeof(item), ",%d", i);
        assert_int_equal(schema_stream_feed(&s, str_of(item, (size_t)n)), SCHEMA_OPEN);
    }
    assert_true(s.over && !s.steps);
    schema_stream_free(&s);
    schema_drop(plain);
    schema_drop(dear);
}

static void what_is_wrong_can_be_told(void **state)
{
    (void)state;
    struct schema *schema = schema_of(order);
    struct schema_error error;
    assert_false(schema_prefix_error(schema, S("{\"id\":1"), &error));
    assert_true(schema_prefix_error(schema, S("{\"in\":{\"state\":1"), &error));
    assert_string_equal(error.path, "/in/state");
    assert_string_equal(error.keyword, "enum");
    assert_true(schema_prefix_error(schema, S("Sorry"), &error));
    assert_non_null(strstr(error.message, "no JSON"));
    schema_drop(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_it_is_cut),
        cmocka_unit_test(one_object_is_all_that_counts),
        cmocka_unit_test(the_work_is_bounded),
        cmocka_unit_test(what_is_wrong_can_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

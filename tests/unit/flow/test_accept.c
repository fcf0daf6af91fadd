/* The tests of a ladder's rungs, and what can be cut out of an answer that fails them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "flow/accept.h"
#include "flow/mend.h"

#include <string.h>

static struct arena arena;
static struct json doc;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    json_init(&doc);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    json_free(&doc);
    return 0;
}

static void give(struct accept_reading *r, struct canon_delta d)
{
    r->sink.take(&r->sink, &d);
}

/* One choice: text in two pieces, as JSON strings without quotes. */
static void say(struct accept_reading *r, int64_t choice, const char *one, const char *two, enum canon_stop stop)
{
    struct canon_part text = {.kind = PART_TEXT}, thoughts = {.kind = PART_REASONING};
    const char *pieces[] = {one, two};
    give(r, (struct canon_delta){.kind = DELTA_BLOCK_START, .choice = choice, .part = &thoughts});
    give(r, (struct canon_delta){.kind = DELTA_TEXT, .choice = choice, .piece = {S("\"thoughts\"")}});
    give(r, (struct canon_delta){.kind = DELTA_BLOCK_START, .choice = choice, .part = &text});
    for (int i = 0; i < 2; i++)
        give(r, (struct canon_delta){.kind = DELTA_TEXT,
                                     .choice = choice,
                                     .piece = {arena_printf(&arena, "\"%s\"", pieces[i])}});
    give(r, (struct canon_delta){.kind = DELTA_FINISH, .choice = choice, .stop = stop});
}

static void expect(const struct accept_reading *r, const struct accept_terms *terms, const char *failed)
{
    const char *got = accept_test(r, terms, &doc, &arena);
    if (failed)
        assert_string_equal(got ? got : "nothing", failed);
    else if (got)
        fail_msg("%s", got);
}

static void lengths_and_reasons(void **state)
{
    (void)state;
    struct accept_reading r;
    struct setting_accept a = {.min_length = 4, .max_length = 4};
    struct accept_terms terms = {.accept = &a};
    accept_init(&r, 1, &arena);
    say(&r, 0, "\\u00e4b", "c\\ud83d\\ude00", STOP_LENGTH); /* characters, not bytes; thoughts are no text */
    expect(&r, &terms, NULL);
    a.min_length = 5;
    expect(&r, &terms, "min_length");
    a = (struct setting_accept){.max_length = 3};
    expect(&r, &terms, "max_length");
    a = (struct setting_accept){.finish = 1u << STOP_END | 1u << STOP_TOOL};
    expect(&r, &terms, "finish");
    a.finish = 1u << STOP_LENGTH;
    expect(&r, &terms, NULL);
    accept_free(&r);
}

static void halves_of_a_character(void **state)
{
    (void)state;
    struct accept_reading r;
    struct setting_accept a = {.max_length = 9};
    struct accept_terms terms = {.accept = &a};
    accept_init(&r, 1, &arena);
    say(&r, 0, "\\ud83d", "\\ude00", STOP_END); /* cut between two pieces */
    expect(&r, &terms, NULL);
    accept_free(&r);
    accept_init(&r, 1, &arena);
    say(&r, 0, "\\ud83d", "x", STOP_END);
    expect(&r, &terms, "text");
    accept_free(&r);
}

static void patterns(void **state)
{
    (void)state;
    struct accept_reading r;
    struct accept_terms terms;
    str why;
    struct pattern *p = pattern_compile(S("(?i)don't know"), &arena, &why);
    struct pattern *endless = pattern_compile(S("^(\\w+\\W?)+[0-9]{30}"), &arena, &why);
    struct setting_accept a = {.not_matching = {.code = p}};
    terms = (struct accept_terms){.accept = &a};
    accept_init(&r, 1, &arena);
    say(&r, 0, "I DON'T", " know what those many words are for, nor who wrote them.", STOP_END);
    expect(&r, &terms, "not_matching");
    a = (struct setting_accept){.matching = {.code = p}};
    expect(&r, &terms, NULL);
    a = (struct setting_accept){.not_matching = {.code = endless}}; /* gave up: not passed, either way round */
    expect(&r, &terms, "not_matching");
    a = (struct setting_accept){.matching = {.code = endless}};
    expect(&r, &terms, "matching");
    accept_free(&r);
    pattern_drop(p);
    pattern_drop(endless);
}

static void schemas(void **state)
{
    (void)state;
    struct accept_reading r;
    struct schema_fail why;
    struct schema *schema = schema_compile(S("{\"type\":\"object\",\"required\":[\"a\"]}"), NULL, &why);
    struct setting_accept a = {.json_schema = true};
    struct accept_terms terms = {.accept = &a, .schema = schema, .wants_schema = true};
    accept_init(&r, 2, &arena);
    say(&r, 0, "{\\\"a\\\"", ":1}", STOP_END);
    say(&r, 1, "{\\\"b\\\"", ":1}", STOP_END);
    expect(&r, &terms, "json_schema"); /* of all choices */
    terms = (struct accept_terms){.accept = &a, .wants_object = true};
    expect(&r, &terms, NULL);
    terms = (struct accept_terms){.accept = &a, .wants_schema = true}; /* one that cannot be read */
    expect(&r, &terms, "json_schema");
    terms = (struct accept_terms){.accept = &a};
    expect(&r, &terms, NULL); /* nothing to hold it against */
    say(&r, 2, "x", "y", STOP_END);
    expect(&r, &terms, "length"); /* more than was asked for */
    accept_free(&r);
    schema_drop(schema);
}

static void confidence(void **state)
{
    (void)state;
    struct accept_reading r;
    struct setting_accept a = {.min_confidence_ppm = 750000};
    struct accept_terms terms = {.accept = &a};
    accept_init(&r, 1, &arena);
    say(&r, 0, "a", "b", STOP_END);
    expect(&r, &terms, "min_confidence"); /* not told */
    give(&r, (struct canon_delta){.kind = DELTA_LOGPROBS,
                                  .piece = {S("{\"content\":[{\"token\":\"a\",\"logprob\":0,"
                                              "\"top_logprobs\":[{\"logprob\":-9}]}]}")}});
    give(&r, (struct canon_delta){.kind = DELTA_LOGPROBS, .piece = {S("[{\"token\":\"b\",\"logprob\":-0.6931471}]")}});
    expect(&r, &terms, NULL); /* (1 + 0.5) / 2 */
    a.min_confidence_ppm = 760000;
    expect(&r, &terms, "min_confidence");
    accept_free(&r);
}

static void tools(void **state)
{
    (void)state;
    struct accept_reading r;
    struct canon_part call = {.kind = PART_TOOL_CALL};
    struct setting_accept a = {.json_schema = true, .min_length = 1};
    struct accept_terms terms = {.accept = &a, .wants_object = true};
    accept_init(&r, 1, &arena);
    give(&r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &call});
    give(&r, (struct canon_delta){.kind = DELTA_FINISH, .stop = STOP_TOOL});
    expect(&r, &terms, NULL);
    a.finish = 1u << STOP_END;
    expect(&r, &terms, "finish");
    accept_free(&r);
}

static void mending(void **state)
{
    (void)state;
    static const struct {
        const char *text, *out;
        enum canon_stop stop;
    } cases[] = {
        {"Sure! See [1]:\\n```json\\n{\\\"a\\\":\\\"}\\\\\\\"\\\"}\\n``` Done.", "{\"a\":\"}\\\"\"}", STOP_END},
        {"{\\\"a\\\":[{\\\"b\\\":1}", "{\"a\":[{\"b\":1}]}", STOP_END},
        {"{\\\"a\\\":[{\\\"b\\\":1}", NULL, STOP_LENGTH}, /* half an answer is none */
        {"{\\\"a\\\":\\\"b", NULL, STOP_END},
        {"{\\\"b\\\":1}", NULL, STOP_END},
        {"{\\\"a\\\":1}", NULL, STOP_REFUSAL},
        {"nothing", NULL, STOP_END},
        {" {\\\"a\\\":1}\\nDone {x}.", "{\"a\":1}", STOP_END},
        {"{\\\"b\\\":{\\\"a\\\":1}}", NULL, STOP_END}, /* what begins with a brace is the document itself */
        {"[1] {\\\"a\\\":1}", "{\"a\":1}", STOP_END},
    };
    struct schema_fail why;
    struct schema *schema = schema_compile(S("{\"type\":\"object\",\"required\":[\"a\"]}"), NULL, &why);
    struct setting_accept a = {.json_schema = true};
    struct accept_terms terms = {.accept = &a, .schema = schema, .wants_schema = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct accept_reading r;
        accept_init(&r, 1, &arena);
        say(&r, 0, cases[i].text, "", cases[i].stop);
        str got = accept_mend(&r, &terms, &doc, &arena);
        if (!cases[i].out && got.p) fail_msg("%zu: %.*s", i, STR_ARG(got));
        if (cases[i].out && !str_eq(got, str_from(cases[i].out))) fail_msg("%zu: %.*s", i, STR_ARG(got));
        accept_free(&r);
    }
    schema_drop(schema);
}

/* A test that gave up on one piece of an answer would with the next one, too: it is asked once, not sixteen times. */
static void mending_ends_where_a_test_gives_up(void **state)
{
    (void)state;
    struct buf b;
    struct schema_fail why;
    struct accept_reading r;
    buf_init(&b, 0);
    buf_add(&b, S("{\"if\":{\"required\":[\"a\"]},\"else\":{\"$ref\":\"#/$defs/d0\"},\"$defs\":{"));
    for (int i = 0; i < 30; i++)
        buf_printf(&b, "\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1, i + 1);
    buf_add(&b, S("\"d30\":{\"type\":\"object\"}}}"));
    struct schema *schema = schema_compile(buf_str(&b), NULL, &why);
    assert_non_null(schema);
    struct setting_accept a = {.json_schema = true};
    struct accept_terms terms = {.accept = &a, .schema = schema, .wants_schema = true};
    accept_init(&r, 1, &arena);
    say(&r, 0, "So: {\\\"b\\\":1} or {\\\"a\\\":1}", "", STOP_END);
    assert_null(accept_mend(&r, &terms, &doc, &arena).p);
    accept_free(&r);
    accept_init(&r, 1, &arena);
    say(&r, 0, "So: {\\\"a\\\":1} or {\\\"b\\\":1}", "", STOP_END);
    assert_true(str_eq(accept_mend(&r, &terms, &doc, &arena), S("{\"a\":1}")));
    accept_free(&r);
    schema_drop(schema);
    buf_free(&b);
}

/* ---- while it comes */

static const char closed[] = "{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false,\"properties\":{"
                             "\"a\":{\"type\":\"integer\"},\"b\":{\"enum\":[\"x\",\"\xf0\x9f\x98\x80\"]},\"c\":{}}}";

static struct schema *closed_schema(void)
{
    struct schema_fail why;
    struct schema *schema = schema_compile(str_from(closed), NULL, &why);
    assert_non_null(schema);
    return schema;
}

/* Cuts the inside of a JSON string between its characters and escapes, so that each piece is a string. */
static size_t piece_of(str rest, struct rng *rng, size_t most)
{
    size_t n = 0, units = 1 + rng_next(rng) % most;
    for (; units && n < rest.n; units--) {
        if (rest.p[n] == '\\')
            n += rest.p[n + 1] == 'u' ? 6 : 2;
        else
            for (n++; n < rest.n && ((unsigned char)rest.p[n] & 0xc0) == 0x80; n++) {}
    }
    return n;
}

/* The whole text in pieces; the test that was hopeless at its end. */
static const char *feed(struct accept_reading *r, const struct accept_terms *terms, str text, struct rng *rng,
                        size_t most)
{
    struct canon_part part = {.kind = PART_TEXT};
    accept_init(r, 1, &arena);
    if (terms) accept_watch(r, terms);
    give(r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &part});
    while (text.n) {
        size_t n = piece_of(text, rng, most);
        give(r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {arena_printf(&arena, "\"%.*s\"", (int)n, text.p)}});
        text = str_from_at(text, n);
    }
    give(r, (struct canon_delta){.kind = DELTA_FINISH, .stop = STOP_END});
    return accept_hopeless(r);
}

static void make_answer(struct buf *out, struct rng *rng)
{
    static const char *const parts[] = {"{\\\"a\\\":1",
                                        ",\\\"a\\\":2",
                                        ",\\\"b\\\":\\\"x\\\"",
                                        ",\\\"b\\\":\\\"\\ud83d\\ude00\\\"",
                                        ",\\\"c\\\":[{\\\"a\\\":7},{}]",
                                        ",\\\"c\\\":\\\"}\\\\\\\"{\\u00e4\xc3\xa4\\\"",
                                        ",\\\"c\\\":null",
                                        ",\\\"c\\\":{\\\"a\\\":{\\\"a\\\":3}}",
                                        ",\\\"b\\\":\\\"y\\\"",
                                        ",\\\"d\\\":1",
                                        ",\\\"a\\\":\\\"1\\\"",
                                        "Sure [1]: ",
                                        "\\n```json\\n",
                                        " \\t",
                                        "\\ud83d\\\\",
                                        "}"};
    enum { USUAL = 8 };
    buf_clear(out);
    if (rng_next(rng) % 4 == 0) buf_add(out, str_from(parts[11 + rng_next(rng) % 3]));
    buf_add(out, str_from(parts[0]));
    size_t n = rng_next(rng) % 8;
    for (size_t i = 0; i < n; i++)
        buf_add(out, str_from(parts[1 + rng_next(rng) % (rng_next(rng) % 6 ? USUAL - 1 : COUNT_OF(parts) - 1)]));
    if (rng_next(rng) % 5) buf_add_byte(out, '}');
    if (rng_next(rng) % 4 == 0) buf_add(out, str_from(parts[11 + rng_next(rng) % 4]));
}

/* What is hopeless fails as a whole, and cannot be mended; however it is cut, it is the same. */
static void hopeless_is_hopeless(void **state)
{
    (void)state;
    struct schema *schema = closed_schema();
    struct setting_accept held = {.json_schema = true, .max_length = 60}, early = {.json_schema = true, .early = true};
    struct accept_terms terms[] = {{.accept = &held, .schema = schema, .wants_schema = true},
                                   {.accept = &early, .schema = schema, .wants_schema = true}};
    struct rng rng;
    struct buf text;
    size_t hopeless[2] = {0}, mended = 0;
    rng_seed(&rng, 4);
    buf_init(&text, 0);
    for (int i = 0; i < 3000; i++) {
        const struct accept_terms *t = &terms[i % 2];
        struct accept_reading one, many, whole;
        make_answer(&text, &rng);
        const char *bytes = feed(&one, t, buf_str(&text), &rng, 1), *cut = feed(&many, t, buf_str(&text), &rng, 30);
        (void)feed(&whole, NULL, buf_str(&text), &rng, 1000);
        const char *failed = accept_test(&whole, t, &doc, &arena);
        bool mends =
            failed && !strcmp(failed, "json_schema") && accept_mend(&whole, t, &doc, &arena).p && !t->accept->early;
        if (!bytes != !cut) fail_msg("cut otherwise: %" STR_FMT, STR_ARG(buf_str(&text)));
        if (bytes && (!failed || mends)) fail_msg("%s too early: %" STR_FMT, bytes, STR_ARG(buf_str(&text)));
        hopeless[i % 2] += bytes != NULL;
        mended += mends;
        accept_free(&one);
        accept_free(&many);
        accept_free(&whole);
        if (i % 100 == 99) {
            arena_free(&arena);
            arena_init(&arena);
        }
    }
    assert_in_range(hopeless[0], 100, 1400);
    assert_in_range(hopeless[1], 300, 1400);
    assert_in_range(mended, 100, 1400);
    buf_free(&text);
    schema_drop(schema);
}

static void what_has_been_said(void **state)
{
    (void)state;
    struct schema *schema = closed_schema();
    struct setting_accept a = {.json_schema = true, .early = true}, length = {.max_length = 3, .early = true};
    struct accept_terms terms = {.accept = &a, .schema = schema, .wants_schema = true}, lengths = {.accept = &length};
    struct canon_part text = {.kind = PART_TEXT}, thoughts = {.kind = PART_REASONING}, tool = {.kind = PART_TOOL_CALL};
    struct accept_reading r;
    accept_init(&r, 1, &arena);
    accept_watch(&r, &terms);
    give(&r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &thoughts});
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\"no JSON\"")}});
    assert_null(accept_hopeless(&r));
    give(&r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &text});
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\" \\n\"")}});
    assert_false(accept_has_spoken(&r));
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\"{\"")}});
    assert_true(accept_has_spoken(&r));
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\"no\"")}});
    assert_string_equal(accept_hopeless(&r), "json_schema");
    accept_free(&r);
    accept_init(&r, 1, &arena);
    accept_watch(&r, &terms);
    give(&r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &tool});
    assert_true(accept_has_spoken(&r));
    accept_free(&r);
    accept_init(&r, 1, &arena);
    accept_watch(&r, &lengths);
    give(&r, (struct canon_delta){.kind = DELTA_BLOCK_START, .part = &text});
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\"a\\u00e4\xc3\xa4\"")}});
    assert_null(accept_hopeless(&r));
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\"\\ud83d\"")}});
    assert_null(accept_hopeless(&r)); /* half of one */
    give(&r, (struct canon_delta){.kind = DELTA_TEXT, .piece = {S("\"\\ude00\"")}});
    assert_string_equal(accept_hopeless(&r), "max_length");
    accept_free(&r);
    schema_drop(schema);
}

static void what_a_model_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
        enum canon_stop stop;
    } cases[] = {
        {"{\\\"a\\\":\\\"1\\\"}", "/a: must be a whole number, but is a string (type).", STOP_END},
        {"Here: {\\\"a\\\":\\\"1\\\"}",
         "/a: must be a whole number, but is a string (type). And the JSON must be all there is.", STOP_END},
        {"Sorry", "it is no JSON: ", STOP_END},
        {"{\\\"a\\\":1,\\\"d\\\":", "d", STOP_NONE}, /* ended early */
    };
    struct schema *schema = closed_schema();
    struct setting_accept a = {.json_schema = true};
    struct accept_terms terms = {.accept = &a, .schema = schema, .wants_schema = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct accept_reading r;
        accept_init(&r, 1, &arena);
        say(&r, 0, cases[i].text, "", cases[i].stop);
        str told = accept_explain(&r, &terms, &doc, &arena);
        if (str_find(told, str_from(cases[i].told), 0) == SIZE_MAX)
            fail_msg("%s: %" STR_FMT, cases[i].text, STR_ARG(told));
        assert_true(accept_may_repair(&r));
        r.choices->stop = STOP_LENGTH;
        assert_false(accept_may_repair(&r));
        accept_free(&r);
    }
    schema_drop(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_and_reasons),
        cmocka_unit_test(halves_of_a_character),
        cmocka_unit_test(patterns),
        cmocka_unit_test(schemas),
        cmocka_unit_test(confidence),
        cmocka_unit_test(tools),
        cmocka_unit_test(mending),
        cmocka_unit_test(mending_ends_where_a_test_gives_up),
        cmocka_unit_test(hopeless_is_hopeless),
        cmocka_unit_test(what_has_been_said),
        cmocka_unit_test(what_a_model_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* The tests of a ladder's rungs, and what can be cut out of an answer that fails them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* Token counts: known ones, in slices, and what is estimated where nobody may count. The e2e test holds ten
 * thousand texts against another tokenizer. */
#include "price/tokens_estimate.h"
#include "price/tokens_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void need_ranks(void)
{
    if (!token_encoding_known(TOKENS_O200K)) skip();
}

static void counts_known_texts(void **state)
{
    static const struct {
        str text;
        int64_t o200k, cl100k;
    } cases[] = {
        {STR_INIT(""), 0, 0},
        {STR_INIT("hello world"), 2, 2},
        {STR_INIT("<|endoftext|>"), 7, 7}, /* ordinary text */
        {STR_INIT("\xff\xfe"), 2, 2},
    };
    (void)state;
    need_ranks();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(tokens_of_text(TOKENS_O200K, cases[i].text), cases[i].o200k);
        assert_int_equal(tokens_of_text(TOKENS_CL100K, cases[i].text), cases[i].cl100k);
    }
}

/* A text of short pieces and one that is longer than TOKENS_PIECE_MAX. */
static str long_text(char *room, size_t n)
{
    for (size_t i = 0; i < n; i++) room[i] = i < n / 2 ? "the words, 123 "[i % 15] : "abracadabra"[i % 11];
    return str_of(room, n);
}

static void slices_make_no_difference(void **state)
{
    static char room[3 * TOKENS_PIECE_MAX];
    static const size_t works[] = {1, 7, 100, 4096, SIZE_MAX};
    (void)state;
    need_ranks();
    str text = long_text(room, sizeof(room));
    int64_t whole = tokens_of_text(TOKENS_O200K, text);
    for (size_t i = 0; i < COUNT_OF(works); i++) {
        struct token_count c;
        size_t turns = 1;
        token_count_begin(&c, TOKENS_O200K, text);
        while (!token_count_step(&c, works[i])) turns++;
        assert_int_equal(c.tokens, whole);
        assert_true(works[i] > 100 || turns > 10);
    }
}

/* Cut from left to right, or place by place. */
static void both_ways_agree(void **state)
{
    static const str units[] = {STR_INIT("a"),     STR_INIT(" "),       STR_INIT("ab"),
                                STR_INIT("aaB"),   STR_INIT("="),       STR_INIT("\xe4\xb8\xad"),
                                STR_INIT("xyzzy"), STR_INIT("\xcc\x81")};
    static char room[3000];
    struct tokens_table table;
    (void)state;
    need_ranks();
    assert_true(tokens_table_get(TOKENS_O200K, &table));
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        for (size_t k = 0; k < sizeof(room); k++) room[k] = units[i].p[k % units[i].n];
        struct token_count c;
        size_t work = SIZE_MAX;
        token_count_begin(&c, TOKENS_O200K, str_of(room, sizeof(room)));
        c.piece_end = sizeof(room);
        assert_true(tokens_of_long_piece(&table, &c, &work));
        assert_int_equal(c.tokens, tokens_of_piece(&table, (const uint8_t *)room, sizeof(room)));
    }
}

static void models_have_encodings(void **state)
{
    static const struct {
        str model;
        int encoding; /* -1: none */
    } cases[] = {
        {STR_INIT("gpt-4o-mini"), TOKENS_O200K},
        {STR_INIT("gpt-4.1-nano-2025-04-14"), TOKENS_O200K},
        {STR_INIT("o3-mini"), TOKENS_O200K},
        {STR_INIT("o1"), TOKENS_O200K},
        {STR_INIT("openai/gpt-5-mini"), TOKENS_O200K},
        {STR_INIT("ft:gpt-4o-mini-2024-07-18:acme::abc"), TOKENS_O200K},
        {STR_INIT("gpt-4"), TOKENS_CL100K},
        {STR_INIT("gpt-4-turbo"), TOKENS_CL100K},
        {STR_INIT("gpt-35-turbo"), TOKENS_CL100K},
        {STR_INIT("text-embedding-3-small"), TOKENS_CL100K},
        {STR_INIT("claude-sonnet-4-5"), -1},
        {STR_INIT("mistral-large"), -1},
        {STR_INIT("o10-turbo"), -1},
        {STR_INIT(""), -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum token_encoding e;
        int got = token_encoding_of_model(cases[i].model, &e) ? (int)e : -1;
        assert_int_equal(got, cases[i].encoding);
    }
    assert_int_equal(token_family_permille(S("gpt-4o")), 1000);
    assert_true(token_family_permille(S("anthropic.claude-3-haiku")) > 1000);
}

static void estimates_learn_within_bounds(void **state)
{
    struct token_calibration c = {0};
    (void)state;
    assert_int_equal(token_calibration_apply(&c, 1000), 1000);
    token_calibration_learn(&c, 0, 100);
    token_calibration_learn(&c, 100, 0);
    assert_int_equal(token_calibration_apply(&c, 1000), 1000);
    for (int i = 0; i < 200; i++) token_calibration_learn(&c, 1000, 1300);
    assert_in_range(token_calibration_apply(&c, 1000), 1295, 1300);
    for (int i = 0; i < 1000; i++) token_calibration_learn(&c, 1, 1000000);
    assert_in_range(token_calibration_apply(&c, 1000), 2400, CALIBRATION_HIGH);
    for (int i = 0; i < 1000; i++) token_calibration_learn(&c, 1000000, 1);
    assert_in_range(token_calibration_apply(&c, 1000), CALIBRATION_LOW, 450);
}

static void estimates_are_near(void **state)
{
    static const str texts[] = {
        STR_INIT("It was a bright cold day in April, and the clocks were striking thirteen."),
        STR_INIT("for (size_t i = 0; i < n; i++) { sum += values[i] * 2; }\n"),
        STR_INIT("{\"id\":\"call_1\",\"name\":\"weather\",\"arguments\":{\"city\":\"Paris\",\"days\":3}}"),
        STR_INIT("\xe6\x88\x91\xe8\x83\xbd\xe5\x90\x9e\xe4\xb8\x8b\xe7\x8e\xbb\xe7\x92\x83\xe8\x80\x8c\xe4\xb8\x8d\xe4"
                 "\xbc\xa4\xe8\xba\xab\xe4\xbd\x93"),
    };
    (void)state;
    need_ranks();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct token_features f = {0};
        token_features_add(&f, texts[i]);
        int64_t exact = tokens_of_text(TOKENS_O200K, texts[i]), estimate = token_estimate(S("gpt-4o"), &f);
        assert_in_range(estimate, exact * 6 / 10, exact * 15 / 10 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_known_texts),
        cmocka_unit_test(slices_make_no_difference),
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(models_have_encodings),
        cmocka_unit_test(estimates_learn_within_bounds),
        cmocka_unit_test(estimates_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The price book: names, history, tiers, own prices; data in tests/cases/price. */
#include "price/book.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/time.h"
#include "price/names.h"

static const char small_book[] =
    "# made: 2026-08-21\n# source: a test\n# fallback: shop acme\n"
    "provider,model,tier,context_from,from,until,input,cache_read,cache_write_5m,cache_write_1h,output,reasoning,"
    "audio_in,audio_out,image,tool_calls,searches,seconds,requests,free,names,context_window,max_output,source,"
    "checked\n"
    "acme,m,standard,,,2026-06-01,2,,,,8,,,,,,,,,,m m-alias big-m~,1000,100,t,2026-08-21\n"
    "acme,m,standard,,2026-06-01,,1,,,,4,,,,,,,,,,,,,t,2026-08-21\n"
    "acme,m,standard,501,2026-06-01,,3,,,,5,,,,,,,,,,,,,t,2026-08-21\n"
    "acme,m,flex,,2026-06-01,,0.5,,,,2,,,,,,,,,,,,,t,2026-08-21\n"
    "acme,broken,standard,,,,1.2345678,,,,,,,,,,,,,,broken,,,t,2026-08-21\n"
    "acme,gratis,standard,,,,,,,,,,,,,,,,,free,gratis,,,t,2026-08-21\n";

static int64_t day(const char *text)
{
    int64_t at;
    assert_true(time_parse(str_from(text), &at));
    return at;
}

static const struct price *pick(const struct price_set *set, enum price_tier tier, int64_t prompt, const char *date)
{
    bool missing;
    return price_pick(set, tier, prompt, day(date), &missing);
}

static void test_embedded_book_is_whole(void **state)
{
    (void)state;
    struct price_book *book = price_book_new();
    assert_int_equal(book->bad_lines, 0);
    assert_true(price_book_count(book) > 1000);
    assert_true(book->model_count > 1000);
    assert_true(price_book_date(book) >= day("2026-08-21"));
    assert_true(str_starts(price_book_source(book), S("genai-prices")));
    for (size_t i = 0; i < book->row_count; i++) {
        struct price space;
        const struct price *row = price_book_at(book, i, &space);
        assert_int_equal(row->id, i);
        assert_true(row->source.n > 0 && row->checked_us > 0 && row->from_us < row->until_us);
    }
    assert_null(price_book_at(book, price_book_count(book), NULL));
    price_book_drop(book);
}

/* Every name in the book leads to the model that it stands at. */
static void test_the_text_outlives_its_reading(void **state)
{
    (void)state;
    str csv = price_book_data();
    char *copy = mem_alloc(csv.n);
    memcpy(copy, csv.p, csv.n);
    price_book_drop(price_book_new()); /* which gives its pages back */
    assert_memory_equal(csv.p, copy, csv.n);
    assert_int_equal(csv.p[csv.n], '\0');
    free(copy);
}

static void test_names_lead_back(void **state)
{
    (void)state;
    struct price_book *book = price_book_new();
    for (size_t i = 0; i < book->name_count; i++) {
        const struct book_model *m = &book->models[book->names[i].model];
        const struct book_model *found = book_find_model(book, m->provider, book->names[i].text);
        if (found != m) fail_msg("%.*s", STR_ARG(book->names[i].text));
    }
    for (size_t i = 0; i < book->pattern_count; i++) {
        const struct book_model *m = &book->models[book->patterns[i].model];
        str literal = book->patterns[i].text;
        if (literal.p[0] == '*') literal = str_from_at(literal, 1);
        if (literal.p[literal.n - 1] == '~' || literal.p[literal.n - 1] == '*') literal.n--;
        const struct book_model *found = book_find_model(book, m->provider, literal);
        if (found != m) fail_msg("%.*s", STR_ARG(book->patterns[i].text));
    }
    price_book_drop(book);
}

static void test_cases_names(void **state)
{
    (void)state;
    struct price_book *book = price_book_new();
    FILE *f = fopen("tests/cases/price/names.txt", "r");
    assert_non_null(f);
    char line[512], provider[64], spelled[200], model[200];
    int cases = 0;
    while (fgets(line, sizeof(line), f)) {
        if (line[0] == '#' || line[0] == '\n') continue;
        assert_int_equal(sscanf(line, "%63s %199s %199s", provider, spelled, model), 3);
        const struct book_model *found = book_find_model(book, str_from(provider), str_from(spelled));
        str got = found ? found->model : S("-");
        if (!str_eq(got, str_from(model))) fail_msg("%s %s: %.*s, not %s", provider, spelled, STR_ARG(got), model);
        cases++;
    }
    assert_true(cases > 50);
    assert_int_equal(fclose(f), 0);
    price_book_drop(book);
}

static void test_history_context_and_tier(void **state)
{
    (void)state;
    struct price_book *book = price_book_parse(str_from(small_book));
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(book->bad_lines, 1); /* finer than an amount can hold */
    struct price_set set = price_book_find(book, S("acme"), S("M-Alias"), &arena);
    assert_int_equal(set.count, 4);
    assert_int_equal(set.facts.context_window, 1000);
    assert_int_equal(set.facts.max_output, 100);
    assert_int_equal(pick(&set, TIER_STANDARD, 10, "2026-05-31")->unit[UNIT_INPUT], 2000000);
    assert_int_equal(pick(&set, TIER_STANDARD, 10, "2026-06-01")->unit[UNIT_INPUT], 1000000);
    assert_int_equal(pick(&set, TIER_STANDARD, 500, "2026-06-01")->unit[UNIT_INPUT], 1000000);
    assert_int_equal(pick(&set, TIER_STANDARD, 501, "2026-06-01")->unit[UNIT_INPUT], 3000000);
    bool missing = true;
    assert_int_equal(price_pick(&set, TIER_FLEX, 10, day("2026-06-01"), &missing)->unit[UNIT_INPUT], 500000);
    assert_false(missing);
    assert_int_equal(price_pick(&set, TIER_FLEX, 501, day("2026-06-01"), &missing)->unit[UNIT_INPUT], 3000000);
    assert_true(missing);
    assert_int_equal(price_pick(&set, TIER_FLEX, 10, day("2026-05-01"), &missing)->unit[UNIT_INPUT], 2000000);
    assert_true(missing);
    assert_int_equal(price_pick(&set, TIER_PRIORITY, 10, day("2026-06-01"), &missing)->tier, TIER_STANDARD);
    assert_true(missing);
    assert_int_equal(price_book_find(book, S("shop"), S("m"), &arena).count, 4);
    assert_int_equal(price_book_find(book, S("acme"), S("m2"), &arena).count, 0);
    assert_true(pick(&(struct price_set){0}, TIER_STANDARD, 0, "2026-06-01") == NULL);
    arena_free(&arena);
    price_book_drop(book);
}

static struct price own_price(str provider, str model, const char *from, picousd input)
{
    struct price p = {.provider = provider,
                      .model = model,
                      .from_us = from ? day(from) : INT64_MIN,
                      .until_us = INT64_MAX,
                      .per_hour = PRICE_UNSET,
                      .source = S("purser.yaml:3")};
    for (enum unit u = 0; u < UNIT_COUNT; u++) p.unit[u] = PRICE_UNSET;
    p.unit[UNIT_INPUT] = input;
    return p;
}

static void test_own_prices_stand_in_front(void **state)
{
    (void)state;
    struct price_book *book = price_book_parse(str_from(small_book));
    struct arena arena;
    arena_init(&arena);
    char name[] = "m";
    struct price own = own_price(S("prod"), str_of(name, 1), "2026-07-01", 7);
    struct price lab = own_price(S("lab"), S("sim-small"), NULL, 9);
    price_book_add(book, &own);
    price_book_add(book, &lab);
    name[0] = 'x'; /* copied */
    price_book_seal(book);
    struct price_set set = price_book_find_target(book, S("prod"), S("acme"), S("m-alias"), &arena);
    assert_true(set.own);
    assert_int_equal(set.own_count, 1);
    assert_int_equal(set.count, 5);
    assert_int_equal(set.facts.max_output, 100);
    assert_int_equal(pick(&set, TIER_STANDARD, 10, "2026-06-30")->unit[UNIT_INPUT], 1000000);
    assert_int_equal(pick(&set, TIER_STANDARD, 10, "2026-07-01")->unit[UNIT_INPUT], 7);
    /* A negotiated price is the whole price: the book's context and tier rows are gone with it. */
    assert_int_equal(pick(&set, TIER_STANDARD, 900, "2026-07-01")->unit[UNIT_INPUT], 7);
    bool missing;
    assert_int_equal(price_pick(&set, TIER_FLEX, 10, day("2026-07-01"), &missing)->unit[UNIT_INPUT], 7);
    assert_true(missing);
    set = price_book_find(book, S("lab"), S("sim-small"), &arena);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.rows[0]->unit[UNIT_INPUT], 9);
    assert_int_equal(price_book_find(book, S("lab"), S("sim-small-2"), &arena).count, 0);
    assert_int_equal(price_book_find(book, S("lab"), S("Sim-Small-2026-01-01"), &arena).count, 1);
    struct price space;
    for (size_t i = 0; i < price_book_count(book); i++) assert_int_equal(price_book_at(book, i, &space)->id, i);
    arena_free(&arena);
    price_book_drop(book);
}

static void test_malformed_texts_are_left_out(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n\n",
                                        "#",
                                        "# made",
                                        "# made: soon\n",
                                        "a,b,c\n",
                                        "head\na,b\n",
                                        "head\n,,,,,,,,,,,,,,,,,,,,,,,,,,\n",
                                        "head\nacme,m,gold,,,,,,,,,,,,,,,,,,,,,,\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct price_book *book = price_book_parse(str_from(texts[i]));
        assert_int_equal(price_book_count(book), 0);
        assert_null(book_find_model(book, S("acme"), S("m")));
        price_book_drop(book);
    }
    char name[300];
    memset(name, 'a', sizeof(name));
    struct price_book *book = price_book_parse(str_from(small_book));
    assert_null(book_find_model(book, S("acme"), str_of(name, sizeof(name))));
    assert_null(book_find_model(book, S("acme"), STR_NONE));
    price_book_drop(book);
}

static void test_tier_names(void **state)
{
    (void)state;
    enum price_tier t = TIER_FLEX;
    assert_true(price_tier_find(STR_NONE, &t) && t == TIER_STANDARD);
    assert_true(price_tier_find(S("default"), &t) && t == TIER_STANDARD);
    assert_true(price_tier_find(S("scale"), &t) && t == TIER_STANDARD);
    assert_true(price_tier_find(S("priority"), &t) && t == TIER_PRIORITY);
    assert_false(price_tier_find(S("turbo"), &t));
    assert_true(str_eq(price_tier_name(TIER_BATCH), S("batch")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embedded_book_is_whole),
        cmocka_unit_test(test_the_text_outlives_its_reading),
        cmocka_unit_test(test_names_lead_back),
        cmocka_unit_test(test_cases_names),
        cmocka_unit_test(test_history_context_and_tier),
        cmocka_unit_test(test_own_prices_stand_in_front),
        cmocka_unit_test(test_malformed_texts_are_left_out),
        cmocka_unit_test(test_tier_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

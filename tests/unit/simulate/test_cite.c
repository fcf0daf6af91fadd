/* Citations as they are simulated: apart from each other, of the words that they say, whole and streamed, in each
 * family's own form. That the gateway reads them is for tests/e2e/pairs.test.mjs. */
#include "answers.h"

#include "net/event_stream.h"

static void test_planned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (int64_t tokens = 0; tokens < 60; tokens++) {
        struct sim_citation *list;
        size_t n = sim_citations_plan(&arena, 7, 4, tokens, &list);
        int64_t room = tokens > 0 ? (tokens - 1) / 2 : 0;
        assert_int_equal(n, room < 4 ? room : 4);
        int64_t before = 0;
        for (size_t i = 0; i < n; before = list[i++].to)
            assert_true(list[i].from > before && list[i].to > list[i].from && list[i].to < tokens);
    }
    arena_free(&arena);
}

/* "Ä aöbcde" in tokens of up to four bytes: "Ä a", "öbc", "de", of which the second is cited. */
static const struct {
    enum sim_kind kind;
    const char *body, *whole, *streamed;
} forms[] = {
    {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
     "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":3,\"end_index\":6,\"url\":\"https:/"
     "/",
     "\"delta\":{\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":3,\"end_index\":6,"},
    {SIM_RESPONSES, "{\"model\":\"m\",\"input\":\"%s\"}",
     "\"annotations\":[{\"type\":\"url_citation\",\"start_index\":3,\"end_index\":6,\"url\":\"https://",
     "\"annotation_index\":0,\"annotation\":{\"type\":\"url_citation\",\"start_index\":3,\"end_index\":6,"},
    {SIM_MESSAGES, "{\"model\":\"m\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
     "{\"type\":\"text\",\"text\":\"öbc\",\"citations\":[{\"type\":\"web_search_result_location\",\"cited_text\":\"As ",
     "\"index\":1,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"type\":\"web_search_result_location\","},
    {SIM_GEMINI, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"%s\"}]}]}",
     "\"groundingSupports\":[{\"segment\":{\"endIndex\":8,\"startIndex\":4,\"text\":\"öbc\"},\"groundingChunk",
     "\"groundingSupports\":[{\"segment\":{\"endIndex\":8,\"startIndex\":4,\"text\":\"öbc\"},"},
    {SIM_CONVERSE, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"%s\"}]}]}",
     "{\"citationsContent\":{\"content\":[{\"text\":\"öbc\"}],\"citations\":[{\"title\":\"H",
     "{\"contentBlockIndex\":1,\"delta\":{\"citation\":{\"title\":\"H"},
    {SIM_COHERE, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
     "\"citations\":[{\"start\":3,\"end\":6,\"text\":\"öbc\",\"sources\":[{\"type\":\"document\",\"id\":\"doc:0\",",
     "\"citations\":{\"start\":3,\"end\":6,\"text\":\"öbc\",\"sources\":[{\"type\":\"document\",\"id\":\"doc:0\","},
};

static struct asked *ask_form(size_t i, const char *words)
{
    char body[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, forms[i].body, words);
#pragma GCC diagnostic pop
    return ask(forms[i].kind, body);
}

static void test_told_in_each_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct asked *a = ask_form(i, "[simulate text=%C3%84%20aöbcde seed=1 citations=1]");
        struct sim_answer *sim = plan(a);
        struct buf whole, streamed = stream_of(plan(a));
        buf_init(&whole, 0);
        sim_answer_whole(sim, &whole);
        if (str_find(buf_str(&whole), str_from(forms[i].whole), 0) == SIZE_MAX)
            fail_msg("%.*s: %.*s", STR_ARG(sim_kind_name(forms[i].kind)), STR_ARG(buf_str(&whole)));
        if (str_find(buf_str(&streamed), str_from(forms[i].streamed), 0) == SIZE_MAX)
            fail_msg("%.*s: %.*s", STR_ARG(sim_kind_name(forms[i].kind)), STR_ARG(buf_str(&streamed)));
        buf_free(&whole);
        buf_free(&streamed);
        forget(a);
    }
}

/* Not asked for, or of a call or JSON: none. */
static void test_only_where_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct asked *a = ask_form(i, "[simulate tokens=20]");
        assert_int_equal(plan(a)->choices[0].citation_count, 0);
        forget(a);
    }
    struct asked *json = ask(SIM_CHAT, "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"},\"messages\":[{"
                                       "\"role\":\"user\",\"content\":\"[simulate citations=2]\"}]}");
    assert_int_equal(plan(json)->choices[0].citation_count, 0);
    forget(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planned),
        cmocka_unit_test(test_told_in_each_form),
        cmocka_unit_test(test_only_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is read of a request: its limits, its choices, and what its input counts. */
#include "answers.h"

#include "simulate/sim_text.h"

static void test_token_rule(void **state)
{
    (void)state;
    static const struct {
        str text;
        int64_t tokens;
    } cases[] = {
        {STR_INIT(""), 0},
        {STR_INIT("a"), 1},
        {STR_INIT("abcdef"), 1},
        {STR_INIT("abcdefg"), 2},
        {STR_INIT("a b"), 2},  /* the blank belongs to the word */
        {STR_INIT("a  b"), 3}, /* two are a token */
        {STR_INIT("a, b."), 4},
        {STR_INIT(" "), 1},
        {STR_INIT("\n"), 1},
        {STR_INIT("a \n b"), 3},
        {STR_INIT("\xc3\xa4\xc3\xa4"), 1},
        {STR_INIT("{\"a\":1}"), 7},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (sim_count_tokens(cases[i].text) != cases[i].tokens) fail_msg("'%.*s'", STR_ARG(cases[i].text));
    }
    /* never more tokens than bytes: bounds by bytes hold */
    struct rng r;
    rng_seed(&r, 5);
    for (int round = 0; round < 2000; round++) {
        char text[40];
        size_t n = rng_below(&r, sizeof text);
        for (size_t i = 0; i < n; i++) text[i] = (char)rng_below(&r, 256);
        assert_true(sim_count_tokens(str_of(text, n)) <= (int64_t)n);
    }
}

static void test_words_are_tokens(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        for (int64_t i = 0; i < 50; i++) assert_int_equal(sim_count_tokens(sim_word(seed, i, 49)), 1);
    }
}

static void test_pieces_keep_characters_whole(void **state)
{
    (void)state;
    const str text = S("{\"gr\xc3\xbc\xc3\x9f"
                       "e\":\"\xf0\x9f\x9a\xa2\xf0\x9f\x9a\xa2\"}");
    int64_t pieces = 0;
    for (size_t at = 0; at < text.n; pieces++) {
        size_t n = sim_piece_len(text, at);
        assert_true(n > 0 && n <= SIM_PIECE_BYTES);
        assert_true(((unsigned char)text.p[at] & 0xc0) != 0x80);
        at += n;
    }
    assert_int_equal(sim_count_pieces(text), pieces);
}

static int64_t tokens_of(enum sim_kind kind, const char *body)
{
    struct asked *a = ask(kind, body);
    if (!a->good) fail_msg("%.*s: %s", STR_ARG(a->problem.message), body);
    int64_t n = a->request.text_tokens;
    forget(a);
    return n;
}

static void test_input_counts(void **state)
{
    (void)state;
    assert_int_equal(tokens_of(SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
                     1 + 6);
    assert_int_equal(tokens_of(SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},"
                                         "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]}]}"),
                     2 + 1 + 9);
    /* escapes count as what they stand for */
    assert_int_equal(tokens_of(SIM_CHAT,
                               "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\\u0068ello\"}]}"),
                     1 + 6);
    /* an image counts the same whatever its bytes */
    assert_int_equal(tokens_of(SIM_CHAT,
                               "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                               "\"image_url\":{\"url\":\"data:image/png;base64,AAAAAAAAAAAAAAAAAAAA\"}}]}]}"),
                     SIM_IMAGE_TOKENS + 6);
    assert_int_equal(tokens_of(SIM_RESPONSES, "{\"model\":\"m\",\"input\":\"hello\"}"), 1 + 6);
    assert_int_equal(tokens_of(SIM_RESPONSES, "{\"model\":\"m\",\"instructions\":\"be kind\",\"input\":\"hello\"}"),
                     3 + 9);
    assert_int_equal(tokens_of(SIM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"hello\"}"), 1);
    assert_int_equal(tokens_of(SIM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"hello\",\"you\"]}"), 2);
    assert_int_equal(tokens_of(SIM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2,3]}"), 3);
    assert_int_equal(tokens_of(SIM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2],[3]]}"), 3);
    assert_true(
        tokens_of(SIM_CHAT,
                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],\"tools\":[{\"type\":"
                  "\"function\",\"function\":{\"name\":\"sail\"}}]}") > 7);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        enum sim_kind kind;
        const char *fields;
        int64_t max;
    } cases[] = {
        {SIM_CHAT, "", -1},
        {SIM_CHAT, ",\"max_tokens\":5", 5},
        {SIM_CHAT, ",\"max_completion_tokens\":6", 6},
        {SIM_CHAT, ",\"max_tokens\":5,\"max_completion_tokens\":6", 6},
        {SIM_CHAT, ",\"max_tokens\":null", -1},
        {SIM_RESPONSES, ",\"max_output_tokens\":7", 7},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"model\":\"m\",%s%s}",
                 cases[i].kind == SIM_CHAT ? "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]" : "\"input\":\"x\"",
                 cases[i].fields);
        struct asked *a = ask(cases[i].kind, body);
        assert_true(a->good);
        assert_int_equal(a->request.max_output, cases[i].max);
        forget(a);
    }
    struct asked *a = ask(SIM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"n\":2,\"best_of\":3}");
    assert_true(a->good);
    assert_int_equal(a->request.choices, 4);
    assert_int_equal(a->request.generated, 6);
    forget(a);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        enum sim_kind kind;
        const char *body, *param;
    } cases[] = {
        {SIM_CHAT, "[]", ""},
        {SIM_CHAT, "{}", "model"},
        {SIM_CHAT, "{\"model\":\"m\"}", "messages"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[]}", "messages"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":-1}",
         "max_tokens"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":1.5}",
         "max_tokens"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":0}", "n"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":129}", "n"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":\"yes\"}",
         "stream"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream_options\":{}}",
         "stream_options"},
        {SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"[simulate tokns=1]\"}]}",
         "messages"},
        {SIM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"x\",\"best_of\":2,\"stream\":true}", "best_of"},
        {SIM_RESPONSES, "{\"model\":\"m\"}", "input"},
        {SIM_EMBEDDINGS, "{\"model\":\"m\",\"input\":[]}", "input"},
        {SIM_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\",\"dimensions\":99999}", "dimensions"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asked *a = ask(cases[i].kind, cases[i].body);
        if (a->good) fail_msg("taken: %s", cases[i].body);
        assert_int_equal(a->problem.status, 400);
        assert_true(a->problem.message.n > 0);
        if (!str_eq(a->problem.param, str_from(cases[i].param))) {
            fail_msg("%s: about '%.*s'", cases[i].body, STR_ARG(a->problem.param));
        }
        forget(a);
    }
}

/* The system's words stand for every call, the last user turn's for this one; older turns are history. */
static void test_which_control_words_count(void **state)
{
    (void)state;
    struct asked *a =
        ask(SIM_CHAT, "{\"model\":\"m\",\"messages\":["
                      "{\"role\":\"system\",\"content\":\"[simulate tokens=5 usage=cached]\"},"
                      "{\"role\":\"user\",\"content\":\"[simulate fault=500]\"},"
                      "{\"role\":\"assistant\",\"content\":\"[simulate fault=503]\"},"
                      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"[simulate tokens=6]\"}]}]}");
    assert_true(a->good);
    assert_int_equal(a->request.control.tokens, 6);
    assert_int_equal(a->request.control.usage, SIM_USAGE_CACHED);
    assert_false(a->request.control.fault_given);
    forget(a);
}

static void test_tools(void **state)
{
    (void)state;
    const char *tools =
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"sail\"}},{\"type\":\"function\",\"function\":"
        "{\"name\":\"dock\"}}]";
    char body[512];
    snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"please dock\"}],%s}",
             tools);
    struct asked *a = ask(SIM_CHAT, body);
    assert_true(a->good && a->request.tools.mentioned);
    assert_int_equal(a->request.tools.choice, SIM_TOOLS_AUTO);
    assert_int_equal(a->request.tools.count, 2);
    assert_true(str_eq(a->request.tools.list[0].name, S("sail")));
    forget(a);
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],%s,\"tool_choice\":"
             "{\"type\":\"function\",\"function\":{\"name\":\"dock\"}}}",
             tools);
    a = ask(SIM_CHAT, body);
    assert_int_equal(a->request.tools.choice, SIM_TOOLS_NAMED);
    assert_true(str_eq(a->request.tools.name, S("dock")));
    forget(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_rule),
        cmocka_unit_test(test_words_are_tokens),
        cmocka_unit_test(test_pieces_keep_characters_whole),
        cmocka_unit_test(test_input_counts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_which_control_words_count),
        cmocka_unit_test(test_tools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

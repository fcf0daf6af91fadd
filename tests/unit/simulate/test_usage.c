/* Usage: the truth in disjoint units, and every shape in which it is told. */
#include "answers.h"

static str printed(enum sim_kind kind, uint32_t shape, struct sim_units u, struct buf *b)
{
    buf_clear(b);
    sim_usage_print(kind, sim_usage_for(kind, shape), &u, b);
    return buf_str(b);
}

static void test_shapes_on_the_wire(void **state)
{
    (void)state;
    static const struct {
        enum sim_kind kind;
        uint32_t shape;
        const char *text;
    } cases[] = {
        {SIM_CHAT, SIM_USAGE_PLAIN, "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140}"},
        {SIM_CHAT, 0,
         "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140,\"prompt_tokens_details\":{\"cached_"
         "tokens\":0,"
         "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
         "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"},
        {SIM_CHAT, SIM_USAGE_ALL,
         "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140,\"prompt_tokens_details\":{\"cached_"
         "tokens\":50,"
         "\"audio_tokens\":12,\"cache_write_tokens\":25},\"completion_tokens_details\":{\"reasoning_tokens\":20,"
         "\"audio_tokens\":5,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"},
        {SIM_CHAT, SIM_USAGE_DEEPSEEK | SIM_USAGE_REASONING,
         "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140,\"prompt_cache_hit_tokens\":50,"
         "\"prompt_cache_miss_tokens\":50,\"completion_tokens_details\":{\"reasoning_tokens\":20}}"},
        {SIM_CHAT, SIM_USAGE_FLAT_CACHED,
         "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140,\"cached_tokens\":50}"},
        {SIM_CHAT, SIM_USAGE_MISTRAL_AUDIO,
         "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":191,\"prompt_tokens_details\":{\"cached_"
         "tokens\":0,"
         "\"audio_tokens\":51},\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
         "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"},
        {SIM_CHAT, SIM_USAGE_FLAT_CACHED | SIM_USAGE_ABSURD,
         "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140,\"cached_tokens\":201}"},
        {SIM_RESPONSES, SIM_USAGE_ALL,
         "{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":50,\"cache_write_tokens\":25},\"output_"
         "tokens\":40,"
         "\"output_tokens_details\":{\"reasoning_tokens\":20},\"total_tokens\":140}"},
        {SIM_EMBEDDINGS, SIM_USAGE_ALL, "{\"prompt_tokens\":100,\"total_tokens\":100}"},
    };
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t shape = sim_usage_for(cases[i].kind, cases[i].shape);
        struct sim_units u = sim_units_in(shape, 100, 0);
        u.reasoning = sim_reasoning_of(shape, 40);
        u.audio_out = sim_audio_of(shape, 40);
        u.output = 40 - u.reasoning - u.audio_out;
        str text = printed(cases[i].kind, cases[i].shape, u, &b);
        if (!str_eq(text, str_from(cases[i].text))) fail_msg("case %zu:\n%.*s\n%s", i, STR_ARG(text), cases[i].text);
    }
    buf_free(&b);
}

/* Whatever the shape: no token is in two units, none is lost, none is negative. */
static void test_units_are_disjoint(void **state)
{
    (void)state;
    for (uint32_t shape = 0; shape < 1u << 14; shape++) {
        for (int64_t text = 0; text < 40; text += 3) {
            uint32_t s = sim_usage_for(SIM_CHAT, shape);
            struct sim_units u = sim_units_in(s, text, 2);
            int64_t outside = s & SIM_USAGE_MISTRAL_AUDIO && !(s & SIM_USAGE_ABSURD) ? text / 2 + 1 : 0;
            assert_true(u.input >= 0 && u.cache_read >= 0 && u.cache_write >= 0 && u.audio_in >= 2);
            assert_int_equal(u.input + u.cache_read + u.cache_write + u.audio_in, text + 2 + outside);
            assert_int_equal(u.output + u.reasoning + u.audio_out, 0);
        }
    }
}

static void test_places(void **state)
{
    (void)state;
    assert_int_equal(sim_usage_place(0, false), SIM_USAGE_ABSENT);
    assert_int_equal(sim_usage_place(0, true), SIM_USAGE_SEPARATE);
    assert_int_equal(sim_usage_place(SIM_USAGE_CACHED, true), SIM_USAGE_SEPARATE);
    assert_int_equal(sim_usage_place(SIM_USAGE_ABSENT | SIM_USAGE_FINISH, true), SIM_USAGE_ABSENT);
    assert_int_equal(sim_usage_place(SIM_USAGE_FINISH, false), SIM_USAGE_FINISH);
    assert_int_equal(sim_usage_place(SIM_USAGE_DEEPSEEK, false), SIM_USAGE_FINISH);
    assert_int_equal(sim_usage_place(SIM_USAGE_DEEPSEEK | SIM_USAGE_EVERY, false), SIM_USAGE_EVERY);
}

/* How often and under which names the usage stands in a stream. */
static void count_usage(const char *words, bool asked, int *usage, int *groq, int *nulls, bool *alone)
{
    char body[256];
    snprintf(
        body, sizeof body,
        "{\"model\":\"m\",\"stream\":true%s,\"messages\":[{\"role\":\"user\",\"content\":\"[simulate tokens=4 %s]\"}]}",
        asked ? ",\"stream_options\":{\"include_usage\":true}" : "", words);
    struct asked *a = ask(SIM_CHAT, body);
    struct buf b = stream_of(plan(a));
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    *usage = *groq = *nulls = 0;
    *alone = false;
    str rest = buf_str(&b), name, data;
    while (next_event(&rest, &name, &data)) {
        if (str_eq(data, S("[DONE]"))) continue;
        assert_true(json_parse(&doc, data, &why));
        json_ref at = json_find(&doc, JSON_ROOT, S("usage"), NULL);
        bool object = at && json_type(&doc, at) == JSON_OBJECT;
        *usage += object;
        *nulls += at && !object;
        *groq += json_path(&doc, JSON_ROOT, "x_groq", "usage", "total_tokens", NULL) != JSON_ABSENT;
        if (object && !json_first(&doc, json_find(&doc, JSON_ROOT, S("choices"), NULL))) *alone = true;
    }
    json_free(&doc);
    buf_free(&b);
    forget(a);
}

static void test_usage_in_streams(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        bool asked;
        int usage, groq, nulls;
        bool alone;
    } cases[] = {
        {"", false, 0, 0, 0, false},
        {"", true, 1, 0, 6, true},
        {"usage=absent", true, 0, 0, 0, false},
        {"usage=finish", true, 1, 0, 0, false},
        {"usage=finish", false, 1, 0, 0, false},
        {"usage=separate", false, 1, 0, 0, true},
        {"usage=every", false, 6, 0, 0, false},
        {"usage=x_groq", false, 0, 1, 0, false},
        {"usage=x_groq,finish", true, 1, 1, 0, false},
        {"usage=deepseek", false, 1, 0, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int usage, groq, nulls;
        bool alone;
        count_usage(cases[i].words, cases[i].asked, &usage, &groq, &nulls, &alone);
        if (usage != cases[i].usage || groq != cases[i].groq || nulls != cases[i].nulls || alone != cases[i].alone) {
            fail_msg("'%s': %d usage, %d x_groq, %d null, alone %d", cases[i].words, usage, groq, nulls, alone);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_on_the_wire),
        cmocka_unit_test(test_units_are_disjoint),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_usage_in_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

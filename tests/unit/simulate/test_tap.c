/* The two ends held against each other: what the gateway's tap reads of a
 * simulated answer is the truth, in every shape of usage; and the gateway's count
 * of a prompt's bytes is above the simulator's count of its tokens. */
#include "answers.h"

#include "dialect/call.h"
#include "simulate/sim_text.h"

struct protocol {
    enum sim_kind kind;
    enum call_kind call;
    const char *body; /* two holes: fields, control words */
};

static const struct protocol protocols[] = {
    {SIM_CHAT, CALL_CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"All of the cargo, please. [simulate "
     "%2$s]\"}]%1$s}"},
    {SIM_COMPLETIONS, CALL_COMPLETIONS,
     "{\"model\":\"m\",\"prompt\":\"All of the cargo, please. [simulate %2$s]\"%1$s}"},
    {SIM_RESPONSES, CALL_RESPONSES, "{\"model\":\"m\",\"input\":\"All of the cargo, please. [simulate %2$s]\"%1$s}"},
};

static const struct {
    const char *words;
    uint32_t quirks;
} shapes[] = {
    {"usage=plain", 0},
    {"usage=cached", 0},
    {"usage=cache_write", 0},
    {"usage=reasoning", 0},
    {"usage=audio", 0},
    {"usage=all", 0},
    {"usage=all,finish", 0},
    {"usage=all,separate", 0},
    {"usage=all,every", QUIRK_CUMULATIVE},
    {"usage=all,x_groq", QUIRK_X_GROQ},
    {"usage=all,x_groq,finish", QUIRK_X_GROQ},
    {"usage=deepseek,reasoning", QUIRK_CACHE_MISS},
    {"usage=flat_cached", QUIRK_FLAT_CACHED},
    {"usage=mistral_audio", QUIRK_AUDIO_OUTSIDE},
    {"usage=absurd", 0},
};

static struct asked *ask_for(const struct protocol *p, bool stream, const char *words)
{
    char body[512], all[128];
    const char *fields = !stream                    ? ""
                         : p->kind == SIM_RESPONSES ? ",\"stream\":true"
                                                    : ",\"stream\":true,\"stream_options\":{\"include_usage\":true}";
    snprintf(all, sizeof all, "tokens=40 %s", words);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, p->body, fields, all);
#pragma GCC diagnostic pop
    return ask(p->kind, body);
}

static void test_usage_is_read_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols) * COUNT_OF(shapes) * 2; i++) {
        const struct protocol *p = &protocols[i / 2 % COUNT_OF(protocols)];
        size_t shape = i / 2 / COUNT_OF(protocols);
        bool stream = i & 1;
        struct asked *a = ask_for(p, stream, shapes[shape].words);
        struct sim_answer *sim = plan(a);
        struct answer tap;
        struct json doc;
        struct buf b;
        char what[128];
        snprintf(what, sizeof what, "%.*s%s %s", STR_ARG(sim_kind_name(p->kind)), stream ? ", streamed" : "",
                 shapes[shape].words);
        json_init(&doc);
        answer_init(&tap, &a->arena);
        if (stream) {
            b = stream_of(sim);
            str rest = buf_str(&b), name, data;
            while (next_event(&rest, &name, &data)) {
                if (answer_feed(&tap, p->call, shapes[shape].quirks, &doc, name, data) == TAP_ERROR)
                    fail_msg("%s: an error", what);
            }
        } else {
            buf_init(&b, 0);
            sim_answer_whole(sim, &b);
            assert_true(answer_read(&tap, p->call, shapes[shape].quirks, &doc, buf_str(&b)));
        }
        struct sim_units truth = sim_answer_units(sim);
        if (!tap.usage.known || !answer_complete(&tap) || tap.failed) fail_msg("%s: unknown or incomplete", what);
        compare_units(&truth, &tap.usage, what);
        bool absurd = strstr(shapes[shape].words, "absurd") != NULL;
        assert_int_equal((tap.usage.flags & USAGE_CLAMPED) != 0, absurd);
        json_free(&doc);
        buf_free(&b);
        forget(a);
    }
}

/* No token is counted for which the gateway holds no byte. */
static void test_bytes_bound_tokens(void **state)
{
    (void)state;
    static const struct {
        enum sim_kind kind;
        enum call_kind call;
        const char *body;
    } cases[] = {
        {SIM_CHAT, CALL_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"!!!!!!\"},{\"role\":\"user\",\"name\":\"!!!"
         "!\","
         "\"content\":[{\"type\":\"text\",\"text\":\"\\u0021????\"}]}]}"},
        {SIM_CHAT, CALL_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":"
         "null,"
         "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f.f.f.f\",\"arguments\":"
         "\"{\\\"a\\\":[1,2,3]}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"...!!...\"}],\"tools\":[{"
         "\"type\":\"function\",\"function\":{\"name\":\"f.f\",\"description\":\"?!?!?!\",\"parameters\":{\"type\":"
         "\"object\",\"properties\":{\"a-b-c\":{\"enum\":[\"--\",\"++\"]}}}}}],\"response_format\":{\"type\":"
         "\"json_schema\",\"json_schema\":{\"name\":\"s\",\"schema\":{\"type\":\"object\",\"properties\":{\"(x)\":{"
         "\"type\":\"string\"}}}}}}"},
        {SIM_COMPLETIONS, CALL_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"!!!!\",\"????\"]}"},
        {SIM_COMPLETIONS, CALL_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[1,2,3,4,5]}"},
        {SIM_EMBEDDINGS, CALL_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"!!!!\",\"????\"]}"},
        {SIM_EMBEDDINGS, CALL_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2],[3,4,5]]}"},
        {SIM_MODERATIONS, CALL_MODERATIONS, "{\"model\":\"m\",\"input\":\"!!!!\"}"},
        {SIM_RESPONSES, CALL_RESPONSES,
         "{\"model\":\"m\",\"instructions\":\"!!!\",\"input\":[{\"role\":\"user\",\"content\":\"????\"},{\"type\":"
         "\"function_call\",\"call_id\":\"c\",\"name\":\"f.f\",\"arguments\":\"{}{}\"},{\"type\":"
         "\"function_call_output\",\"call_id\":\"c\",\"output\":\"!!!!\"}],\"tools\":[{\"type\":\"function\","
         "\"name\":\"f.f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"?\":{\"type\":\"string\"}}}}]}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asked *a = ask(cases[i].kind, cases[i].body);
        struct call call = {0};
        struct call_problem problem;
        assert_true(a->good);
        if (!call_read(cases[i].call, &a->doc, &a->arena, &call, &problem)) fail_msg("%.*s", STR_ARG(problem.message));
        int64_t constants =
            cases[i].kind == SIM_CHAT || cases[i].kind == SIM_RESPONSES ? SIM_MESSAGE_TOKENS * (call.messages + 2) : 0;
        if (a->request.text_tokens > call.text_bytes + constants) {
            fail_msg("case %zu: %lld tokens in %lld bytes and %lld messages", i, (long long)a->request.text_tokens,
                     (long long)call.text_bytes, (long long)call.messages);
        }
        forget(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage_is_read_as_it_was),
        cmocka_unit_test(test_bytes_bound_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

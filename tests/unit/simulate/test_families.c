/* Anthropic, Gemini, Bedrock and Cohere as they are simulated: the gateway's taps read
 * the truth in every shape of usage, whole and streamed answers are one, and what the
 * real ones refuse is refused. */
#include "answers.h"

#include "dialect/call.h"
#include "net/event_stream.h"
#include "simulate/sim_error.h"

struct family {
    enum sim_kind kind;
    enum call_kind call;
    const char *body; /* one hole: control words */
};

static const struct family families[] = {
    {SIM_MESSAGES, CALL_MESSAGES,
     "{\"model\":\"m\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":\"All of the cargo, please, "
     "and all of the crew. [simulate %s]\"}]}"},
    {SIM_GEMINI, CALL_GENERATE,
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"All of the cargo, please. [simulate %s]\"}]}],"
     "\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":0}}}"},
    {SIM_CONVERSE, CALL_CONVERSE,
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"All of the cargo, please. [simulate %s]\"}]}]}"},
    {SIM_COHERE, CALL_COHERE_CHAT,
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"All of the cargo. [simulate %s]\"}]}"},
};

static const char *const shapes[] = {
    "plain",
    "cached",
    "cache_write",
    "cache_1h",
    "all",
    "reasoning",
    "audio",
    "cached,cache_write,cache_1h,reasoning",
    "unattributed",
    "output_only,cached",
    "changing,cached,reasoning",
    "searches",
    "tool_prompt,cached",
    "duplicate,cached,cache_write",
    "inclusive,cache_write",
    "finish",
};

static struct asked *ask_for(const struct family *f, const char *words)
{
    char body[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, f->body, words);
#pragma GCC diagnostic pop
    struct asked *a = ask(f->kind, body);
    if (!a->good) fail_msg("%.*s", STR_ARG(a->problem.message));
    return a;
}

/* The next event of any family's stream. */
static bool next_of(enum sim_kind kind, str *rest, str *name, str *data)
{
    struct event_stream_frame frame;
    const char *why;
    if (kind != SIM_CONVERSE) return next_event(rest, name, data);
    if (rest->n == 0) return false;
    size_t n = event_stream_next(*rest, &frame, &why);
    assert_true(n && n != SIZE_MAX && !frame.exception);
    *rest = str_from_at(*rest, n);
    *name = frame.type;
    *data = frame.payload;
    return true;
}

/* ---- usage */

static void check_usage(const struct family *f, const char *shape, bool stream)
{
    char words[128], what[192];
    snprintf(words, sizeof words, "tokens=40 usage=%s", shape);
    snprintf(what, sizeof what, "%.*s%s %s", STR_ARG(sim_kind_name(f->kind)), stream ? ", streamed" : "", shape);
    struct asked *a = ask_for(f, words);
    struct sim_answer *sim = plan(a);
    struct answer tap;
    struct json doc;
    struct buf b;
    json_init(&doc);
    answer_init(&tap, &a->arena);
    if (stream) {
        b = stream_of(sim);
        str rest = buf_str(&b), name, data;
        while (next_of(f->kind, &rest, &name, &data)) {
            if (answer_feed(&tap, f->call, 0, &doc, name, data) == TAP_ERROR) fail_msg("%s: an error", what);
        }
    } else {
        buf_init(&b, 0);
        sim_answer_whole(sim, &b);
        assert_true(answer_read(&tap, f->call, 0, &doc, buf_str(&b)));
    }
    struct sim_units truth = sim_answer_units(sim);
    if (!tap.usage.known || !answer_complete(&tap) || tap.failed) fail_msg("%s: unknown or incomplete", what);
    compare_units(&truth, &tap.usage, what);
    assert_int_equal(truth.output + truth.reasoning + truth.audio_out, 40);
    json_free(&doc);
    buf_free(&b);
    forget(a);
}

static void test_usage_is_read_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        for (size_t s = 0; s < COUNT_OF(shapes); s++) {
            check_usage(&families[i], shapes[s], false);
            check_usage(&families[i], shapes[s], true);
        }
    }
}

/* ---- content */

struct told {
    char text[8192];
    size_t n;
};

/* Everything that stands under one of these keys, in order: what a client shows. */
static void gather(struct told *t, const struct json *doc, json_ref at, struct arena *arena)
{
    static const str keys[] = {STR_INIT("text"), STR_INIT("thinking"), STR_INIT("partial_json"), STR_INIT("arguments")};
    if (json_type(doc, at) == JSON_ARRAY) {
        for (json_ref it = json_first(doc, at); it; it = json_next(doc, at, it)) gather(t, doc, it, arena);
    }
    if (json_type(doc, at) != JSON_OBJECT) return;
    for (json_ref key = json_first(doc, at); key;) {
        json_ref value = json_next(doc, at, key);
        str s, name;
        assert_true(json_string(doc, key, arena, &name));
        bool raw = str_eq(name, S("args")) || (str_eq(name, S("input")) && json_first(doc, value));
        bool shown = false;
        for (size_t i = 0; i < COUNT_OF(keys); i++) shown = shown || str_eq(name, keys[i]);
        if (str_eq(name, S("input"))) shown = json_type(doc, value) == JSON_STRING;
        if (raw && json_type(doc, value) == JSON_OBJECT) {
            s = json_raw(doc, value);
        } else if (!shown || !json_string(doc, value, arena, &s)) {
            gather(t, doc, value, arena);
            s = STR_NONE;
        }
        assert_true(t->n + s.n < sizeof t->text);
        if (s.n) memcpy(t->text + t->n, s.p, s.n);
        t->n += s.n;
        key = json_next(doc, at, value);
    }
}

static void check_content(const struct family *f, const char *words)
{
    struct asked *a = ask_for(f, words);
    struct told streamed = {.n = 0}, whole = {.n = 0};
    struct buf b = stream_of(plan(a)), body;
    struct json doc;
    struct json_fail why;
    str rest = buf_str(&b), name, data;
    json_init(&doc);
    while (next_of(f->kind, &rest, &name, &data)) {
        if (str_eq(data, S("[DONE]"))) continue;
        assert_true(json_parse(&doc, data, &why));
        gather(&streamed, &doc, JSON_ROOT, &a->arena);
    }
    buf_init(&body, 0);
    sim_answer_whole(plan(a), &body);
    assert_true(json_parse(&doc, buf_str(&body), &why));
    gather(&whole, &doc, JSON_ROOT, &a->arena);
    assert_true(whole.n > 0);
    if (!str_eq(str_of(whole.text, whole.n), str_of(streamed.text, streamed.n)))
        fail_msg("%.*s %s: %.*s / %.*s", STR_ARG(sim_kind_name(f->kind)), words, (int)whole.n, whole.text,
                 (int)streamed.n, streamed.text);
    json_free(&doc);
    buf_free(&b);
    buf_free(&body);
    forget(a);
}

static const char *const tools[] = {
    "{\"model\":\"m\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":\"[simulate %s]\"}],"
    "\"tools\":[{\"name\":\"sail\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"to\":{\"type\":\"string\"}}}"
    "}],"
    "\"tool_choice\":{\"type\":\"any\"}}",
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"[simulate %s]\"}]}],\"tools\":[{\"functionDeclarations\":"
    "[{\"name\":\"sail\",\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"to\":{\"type\":\"STRING\"}}}}]}],"
    "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\"}}}",
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"[simulate %s]\"}]}],\"toolConfig\":{\"tools\":[{"
    "\"toolSpec\":{\"name\":\"sail\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{\"to\":{\"type\":"
    "\"string\"}}}}}}],\"toolChoice\":{\"any\":{}}}}",
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"[simulate %s]\"}],\"tools\":[{\"type\":"
    "\"function\",\"function\":{\"name\":\"sail\",\"parameters\":{\"type\":\"object\",\"properties\":{\"to\":{\"type\":"
    "\"string\"}}}}}],\"tool_choice\":\"REQUIRED\"}",
};

static void test_whole_and_streamed_are_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        struct family calling = families[i];
        calling.body = tools[i];
        check_content(&families[i], "tokens=12");
        check_content(&families[i], "tokens=12 usage=reasoning");
        check_content(&calling, "usage=cached");
    }
}

/* Without alt=sse Gemini streams one array of JSON. */
static void test_array(void **state)
{
    (void)state;
    struct asked *a = ask_for(&families[1], "tokens=3");
    struct json doc;
    struct json_fail why;
    a->request.array = true;
    struct buf b = stream_of(plan(a));
    json_init(&doc);
    assert_true(json_parse(&doc, buf_str(&b), &why));
    size_t count = 0;
    for (json_ref it = json_first(&doc, JSON_ROOT); it; it = json_next(&doc, JSON_ROOT, it)) count++;
    assert_int_equal(count, 4); /* three tokens and the end */
    json_free(&doc);
    buf_free(&b);
    forget(a);
}

/* ---- refusals */

static void test_what_the_real_ones_refuse(void **state)
{
    (void)state;
    static const struct {
        enum sim_kind kind;
        const char *body, *field;
    } cases[] = {
        {SIM_MESSAGES, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "max_tokens"},
        {SIM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":9,\"n\":2,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "n"},
        {SIM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":9,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"messages\":[{"
         "\"role\":\"user\",\"content\":\"x\"}]}",
         "max_tokens"},
        {SIM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
         "\"tool_use_id\":\"a\",\"content\":\"x\"}]}]}",
         "messages"},
        {SIM_MESSAGES,
         "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
         "\"id\":\"a\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":\"x\"}]}",
         "messages"},
        {SIM_MESSAGES, /* on from a call whose thoughts another has signed */
         "{\"model\":\"m\",\"max_tokens\":2048,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"messages\":"
         "[{"
         "\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"x\"},{\"type\":"
         "\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"
         "\"tool_result\",\"tool_use_id\":\"a\",\"content\":\"x\"}]}]}",
         "messages"},
        {SIM_GEMINI, "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"n\":1}", "n"},
        {SIM_GEMINI, "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"generationConfig\":{\"max_tokens\":1}}",
         "max_tokens"},
        {SIM_GEMINI,
         "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
         "\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"OBJECT\",\"additionalProperties\":"
         "false}}}}]}]}",
         "additionalProperties"},
        {SIM_GEMINI,
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]}",
         "contents"},
        {SIM_CONVERSE, "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"text\":\"x\"}]}]}", "messages"},
        {SIM_CONVERSE,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":\"user\",\"content\":[{\"text\":"
         "\"x\"}]}]}",
         "messages"},
        {SIM_CONVERSE,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":\"assistant\",\"content\":[{"
         "\"toolUse\":{\"toolUseId\":\"a\",\"name\":\"f\",\"input\":{}}}]},{\"role\":\"user\",\"content\":[{"
         "\"toolResult\":{\"toolUseId\":\"a\",\"content\":[{\"text\":\"1\"}]}}]}]}",
         "toolConfig"},
        {SIM_CONVERSE,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":\"assistant\",\"content\":[{"
         "\"toolUse\":{\"toolUseId\":\"a\",\"name\":\"f\",\"input\":{}}}]},{\"role\":\"user\",\"content\":[{"
         "\"toolResult\":{\"toolUseId\":\"a\",\"content\":[]}},{\"toolResult\":{\"toolUseId\":\"a\",\"content\":[]}}]}]"
         "}",
         "messages"},
        {SIM_COHERE, "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"x\"}]}",
         "messages"},
        {SIM_CONVERSE, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\" \"}]}]}", "messages"},
        {SIM_CONVERSE,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":\"assistant\",\"content\":[{"
         "\"text\":\"It is \"}]}]}",
         "messages"},
        {SIM_GEMINI,
         "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}}"
         "}",
         "toolConfig"},
        {SIM_COHERE, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":1}", "n"},
        {SIM_COHERE,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"response_format\":{\"type\":"
         "\"json_object\"},\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
         "response_format"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct asked *a = ask(cases[i].kind, cases[i].body);
        if (a->good) fail_msg("case %zu is taken", i);
        assert_int_equal(a->problem.status, 400);
        if (!str_eq(a->problem.param, str_from(cases[i].field)))
            fail_msg("case %zu: %.*s", i, STR_ARG(a->problem.message));
        forget(a);
    }
}

/* Gemini 3 takes both. */
static void test_json_beside_tools(void **state)
{
    (void)state;
    const char *body = "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"generationConfig\":{\"responseMimeType\":"
                       "\"application/json\"},\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]}";
    struct asked *before = ask_model(SIM_GEMINI, "gemini-2.5-flash", body);
    assert_false(before->good);
    assert_true(str_find(before->problem.message, S("response mime type"), 0) != SIZE_MAX);
    forget(before);
    struct asked *now = ask_model(SIM_GEMINI, "gemini-3-pro-preview", body);
    assert_true(now->good);
    forget(now);
}

static void test_search_beside_functions(void **state)
{
    (void)state;
    const char *body = "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}],\"tools\":[{\"functionDeclarations\":[{\"name\":"
                       "\"f\"}]},{\"googleSearch\":{}}]}";
    struct asked *before = ask_model(SIM_GEMINI, "gemini-2.5-flash", body);
    assert_false(before->good);
    assert_true(str_eq(before->problem.param, S("tools")));
    forget(before);
    struct asked *now = ask_model(SIM_GEMINI, "gemini-3-flash", body);
    assert_true(now->good);
    forget(now);
}

static void test_errors_in_their_own_words(void **state)
{
    (void)state;
    static const struct {
        enum sim_kind kind;
        int status, told;
        const char *body, *header;
    } cases[] = {
        {SIM_CHAT, 429, 429, "\"code\":null", "x-ratelimit-remaining-requests: 0"},
        {SIM_MESSAGES, 503, 529, "\"type\":\"overloaded_error\"", ""},
        {SIM_MESSAGES, 429, 429, "\"type\":\"rate_limit_error\"", "anthropic-ratelimit-requests-remaining: 0"},
        {SIM_GEMINI, 429, 429, "google.rpc.RetryInfo", ""},
        {SIM_GEMINI, 401, 400, "API_KEY_INVALID", ""},
        {SIM_CONVERSE, 429, 429, "{\"message\":\"slower\"}", "x-amzn-errortype: ThrottlingException:"},
        {SIM_CONVERSE, 401, 403, "{\"message\":\"slower\"}", "UnrecognizedClientException"},
        {SIM_COHERE, 429, 429, "{\"id\":\"sim-3\",\"message\":\"slower\"}", ""},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sim_problem p = {.status = cases[i].status, .message = S("slower")};
        struct buf b;
        buf_init(&b, 0);
        sim_problem_print(cases[i].kind, &p, 3, &b);
        assert_int_equal(sim_problem_status(cases[i].kind, &p), cases[i].told);
        assert_true(str_find(buf_str(&b), str_from(cases[i].body), 0) != SIZE_MAX);
        str headers = sim_problem_headers(cases[i].kind, &p, &arena);
        if (cases[i].header[0]) assert_true(str_find(headers, str_from(cases[i].header), 0) != SIZE_MAX);
        buf_free(&b);
    }
    arena_free(&arena);
}

/* What the vendors take though their references do not say so, and popular clients send. */
static void test_what_clients_send(void **state)
{
    (void)state;
    struct asked *a =
        ask(SIM_GEMINI,
            "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"sail\"},{\"inline_data\":{\"mime_type\":"
            "\"image/png\",\"data\":\"AAAA\"}}]},{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":"
            "\"sail\",\"args\":{}}}]},{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},{\"role\":\"user\","
            "\"parts\":[{\"functionResponse\":{\"name\":\"sail\",\"response\":{}}}]}],\"tools\":"
            "{\"function_declarations\":[{\"name\":\"sail\",\"parameters_json_schema\":{\"type\":\"object\"}}]},"
            "\"generation_config\":{\"max_output_tokens\":7}}");
    if (!a->good) fail_msg("%.*s", STR_ARG(a->problem.message));
    assert_int_equal(a->request.tools.count, 1);
    assert_int_equal(a->request.max_output, 7);
    assert_int_equal(a->request.images, 1);
    forget(a);
    a = ask(SIM_GEMINI, "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]},{\"role\":\"model\",\"parts\":"
                        "[{\"functionCall\":{\"name\":\"sail\"}}]},{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},"
                        "{\"role\":\"user\",\"parts\":[{\"text\":\"no result\"}]}]}");
    assert_false(a->good);
    forget(a);

    a = ask(SIM_MESSAGES, "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"x\"},"
                          "{\"role\":\"system\",\"content\":\"Be brief.\"}]}");
    assert_true(a->good);
    forget(a);
    const char *const result =
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
        "\"t\",\"content\":\"sunny\"}]}]}";
    char body[512];
    snprintf(body, sizeof body, "{\"model\":\"m\",\"max_tokens\":9,%s", result);
    a = ask(SIM_MESSAGES, body);
    assert_false(a->good); /* of what? */
    forget(a);
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"max_tokens\":9,\"thread\":{\"type\":\"continue\",\"previous_message_id\":\"p\"},%s",
             result);
    a = ask(SIM_MESSAGES, body);
    assert_true(a->good);
    forget(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage_is_read_as_it_was),
        cmocka_unit_test(test_whole_and_streamed_are_one),
        cmocka_unit_test(test_array),
        cmocka_unit_test(test_what_the_real_ones_refuse),
        cmocka_unit_test(test_json_beside_tools),
        cmocka_unit_test(test_search_beside_functions),
        cmocka_unit_test(test_errors_in_their_own_words),
        cmocka_unit_test(test_what_clients_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

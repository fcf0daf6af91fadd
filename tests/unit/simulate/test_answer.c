/* Answers: the same whole and streamed, within their limits, true to their usage. */
#include "answers.h"

#include "simulate/sim_text.h"

struct told {
    char text[4096], arguments[4096], finish[32];
    size_t n, arguments_n;
    int calls;
    struct json doc;
    struct buf stream;
};

static void append(char *to, size_t size, size_t *n, str s)
{
    assert_true(*n + s.n < size);
    if (s.n) memcpy(to + *n, s.p, s.n);
    *n += s.n;
    to[*n] = '\0';
}

static void append_string(struct told *t, const struct json *doc, json_ref at, struct arena *arena, bool arguments)
{
    str s;
    if (!at || !json_string(doc, at, arena, &s)) return;
    if (arguments)
        append(t->arguments, sizeof t->arguments, &t->arguments_n, s);
    else
        append(t->text, sizeof t->text, &t->n, s);
}

/* What a client puts together from a chat stream with one choice. */
static void tell_chat(struct asked *a, struct told *t)
{
    *t = (struct told){0};
    json_init(&t->doc);
    t->stream = stream_of(plan(a));
    str rest = buf_str(&t->stream), name, data, last = STR_NONE;
    struct json_fail why;
    while (next_event(&rest, &name, &data)) {
        last = data;
        if (str_eq(data, S("[DONE]"))) continue;
        assert_true(json_parse(&t->doc, data, &why));
        json_ref choice = json_first(&t->doc, json_find(&t->doc, JSON_ROOT, S("choices"), NULL));
        if (!choice) continue;
        json_ref delta = json_find(&t->doc, choice, S("delta"), NULL);
        append_string(t, &t->doc, json_find(&t->doc, delta, S("content"), NULL), &a->arena, false);
        json_ref call = json_find(&t->doc, delta, S("tool_calls"), NULL);
        if (call) {
            call = json_first(&t->doc, call);
            t->calls += json_find(&t->doc, call, S("id"), NULL) != JSON_ABSENT;
            append_string(t, &t->doc, json_path(&t->doc, call, "function", "arguments", NULL), &a->arena, true);
        }
        str finish;
        json_ref at = json_find(&t->doc, choice, S("finish_reason"), NULL);
        if (json_string(&t->doc, at, &a->arena, &finish)) assert_true(str_copy(t->finish, sizeof t->finish, finish));
    }
    assert_true(str_eq(last, S("[DONE]")));
}

static void free_told(struct told *t)
{
    json_free(&t->doc);
    buf_free(&t->stream);
}

/* The content of the whole answer to the same request, and its number of output tokens. */
static int64_t whole_content(struct asked *a, str *content, str *finish)
{
    struct buf b;
    struct json doc;
    struct json_fail why;
    buf_init(&b, 0);
    json_init(&doc);
    sim_answer_whole(plan(a), &b);
    assert_true(json_parse(&doc, buf_str(&b), &why));
    json_ref choice = json_first(&doc, json_find(&doc, JSON_ROOT, S("choices"), NULL));
    str s;
    *content = STR_NONE;
    if (json_string(&doc, json_path(&doc, choice, "message", "content", NULL), &a->arena, &s))
        *content = arena_str(&a->arena, s);
    assert_true(json_string(&doc, json_find(&doc, choice, S("finish_reason"), NULL), &a->arena, &s));
    *finish = arena_str(&a->arena, s);
    int64_t tokens = number_at(&doc, json_path(&doc, JSON_ROOT, "usage", "completion_tokens", NULL));
    json_free(&doc);
    buf_free(&b);
    return tokens;
}

static void test_whole_and_streamed_are_one(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *finish;
        int64_t tokens;
    } cases[] = {
        {"", "stop", 10},
        {",\"max_tokens\":4", "length", 4},
        {",\"max_tokens\":10", "stop", 10},
        {",\"max_tokens\":0", "length", 0},
        {",\"response_format\":{\"type\":\"json_object\"}", "stop", -1},
        {",\"response_format\":{\"type\":\"json_object\"},\"max_tokens\":3", "length", 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]%s}",
                 cases[i].fields);
        struct asked *a = ask(SIM_CHAT, body);
        struct told t;
        str content, finish;
        tell_chat(a, &t);
        int64_t tokens = whole_content(a, &content, &finish);
        if (cases[i].tokens >= 0) assert_int_equal(tokens, cases[i].tokens);
        assert_true(str_eq(content, str_of(t.text, t.n)));
        assert_true(str_eq(finish, str_from(t.finish)));
        assert_string_equal(t.finish, cases[i].finish);
        if (i < 4) assert_int_equal(sim_count_tokens(content), tokens); /* the text holds as many as are billed */
        free_told(&t);
        forget(a);
    }
}

static const char tool[] =
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"sail\",\"parameters\":{\"type\":\"object\","
    "\"properties\":{\"to\":{\"type\":\"string\"},\"knots\":{\"type\":\"integer\",\"minimum\":3,"
    "\"maximum\":9}},\"required\":[\"to\",\"knots\"]}}}]";

static int calls_made(const char *content, const char *more, const char *model, bool answered)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}%s],%s%s}",
             model, content, answered ? ",{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"done\"}" : "", tool,
             more);
    struct asked *a = ask(SIM_CHAT, body);
    struct told t;
    tell_chat(a, &t);
    int calls = t.calls;
    assert_string_equal(t.finish, calls ? "tool_calls" : "stop");
    if (calls == 1) {
        struct json_fail why;
        assert_true(json_parse(&t.doc, str_of(t.arguments, t.arguments_n), &why));
        int64_t knots = number_at(&t.doc, json_find(&t.doc, JSON_ROOT, S("knots"), NULL));
        assert_in_range(knots, 3, 9);
    } else {
        assert_true(calls > 1 || t.n > 0);
    }
    free_told(&t);
    forget(a);
    return calls;
}

static void test_when_tools_are_called(void **state)
{
    (void)state;
    assert_int_equal(calls_made("hello", "", "m", false), 0);
    assert_int_equal(calls_made("please sail", "", "m", false), 1);
    assert_int_equal(calls_made("please sail", ",\"tool_choice\":\"none\"", "m", false), 0);
    assert_int_equal(calls_made("hello", ",\"tool_choice\":\"required\"", "m", false), 1);
    assert_int_equal(calls_made("hello", "", "sim-tools", false), 1);
    assert_int_equal(calls_made("[simulate tools=3]", "", "m", false), 3);
    assert_int_equal(calls_made("sail [simulate tools=0]", "", "m", false), 0);
    assert_int_equal(calls_made("please sail", "", "m", true), 0); /* the tool has answered */
}

/* The tool and the arguments that the prompt says, whichever tool stands first; a tool that the request itself names
 * comes before them. */
static void test_which_tool_is_called(void **state)
{
    (void)state;
    static const struct {
        const char *content, *more, *name, *arguments;
    } cases[] = {
        {"[simulate call=log]", "", "log", "{}"},
        {"[simulate call=log arguments={\\\"a\\\":%5B1%5D}]", "", "log", "{\"a\":[1]}"},
        {"[simulate arguments={\\\"a\\\":2}]", ",\"tool_choice\":\"required\"", "sail", "{\"a\":2}"},
        {"[simulate call=log]", ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"sail\"}}", "sail",
         NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"tools\":[{\"type\":"
                 "\"function\",\"function\":{\"name\":\"sail\"}},{\"type\":\"function\",\"function\":{\"name\":"
                 "\"log\"}}]%s}",
                 cases[i].content, cases[i].more);
        struct asked *a = ask(SIM_CHAT, body);
        struct sim_answer *answer = plan(a);
        assert_int_equal(answer->choices[0].call_count, 1);
        assert_true(str_eq(answer->choices[0].calls[0].name, str_from(cases[i].name)));
        if (cases[i].arguments)
            assert_true(str_eq(answer->choices[0].calls[0].arguments, str_from(cases[i].arguments)));
        forget(a);
    }
}

/* ... in pieces, each a token, as long as the limit allows; a schema comes before it. */
static void test_text_that_is_told(void **state)
{
    (void)state;
    struct asked *a = ask(SIM_CHAT, "{\"model\":\"m\",\"max_tokens\":3,\"messages\":[{\"role\":\"user\",\"content\":"
                                    "\"[simulate text=all%20is%20well%20here tokens=50]\"}]}");
    struct sim_answer *answer = plan(a);
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(answer->planned, 3);
    sim_answer_skip(answer, 3);
    sim_choice_text_json(&answer->choices[0], &b);
    assert_true(str_eq(buf_str(&b), S("\"all is well \"")));
    buf_free(&b);
    forget(a);
    a = ask(SIM_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"[simulate text=no]\"}],"
                      "\"response_format\":{\"type\":\"json_object\"}}");
    assert_int_equal(plan(a)->choices[0].json.p[0], '{');
    forget(a);
}

/* The units say what the steps did, at any moment. */
static void test_units_follow_the_steps(void **state)
{
    (void)state;
    struct asked *a = ask(SIM_CHAT, "{\"model\":\"m\",\"n\":2,\"messages\":[{\"role\":\"user\",\"content\":"
                                    "\"[simulate tokens=16 usage=all input-tokens=80]\"}]}");
    struct sim_answer *answer = plan(a);
    struct buf b;
    buf_init(&b, 0);
    for (int64_t steps = 0; steps <= 32; steps++) {
        struct sim_units u = sim_answer_units(answer);
        assert_int_equal(answer->generated, steps);
        assert_int_equal(u.output + u.reasoning + u.audio_out, steps);
        assert_int_equal(u.reasoning, steps < 16 ? steps : 16); /* two choices, eight each, first */
        assert_int_equal(u.audio_out, steps > 28 ? steps - 28 : 0);
        assert_int_equal(u.input + u.cache_read + u.cache_write + u.audio_in, 80);
        assert_int_equal(u.cache_read, 40);
        assert_int_equal(sim_answer_step(answer, &b), steps < 32);
    }
    buf_free(&b);
    forget(a);
}

static void test_reasoning_counts_inside_the_limit(void **state)
{
    (void)state;
    struct asked *a =
        ask(SIM_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":3,\"messages\":[{\"role\":\"user\",\"content\":"
                      "\"[simulate tokens=100 usage=reasoning]\"}]}");
    struct sim_answer *answer = plan(a);
    struct buf b = stream_of(answer);
    struct sim_units u = sim_answer_units(answer);
    assert_int_equal(u.reasoning, 3); /* it never came to speak */
    assert_int_equal(u.output, 0);
    assert_true(str_find(buf_str(&b), S("\"finish_reason\":\"length\""), 0) != SIZE_MAX);
    buf_free(&b);
    forget(a);
}

/* best_of generates and bills more than it shows. */
static void test_best_of(void **state)
{
    (void)state;
    struct asked *a = ask(SIM_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"x\",\"best_of\":3,\"max_tokens\":5}");
    struct sim_answer *answer = plan(a);
    struct buf b;
    buf_init(&b, 0);
    sim_answer_whole(answer, &b);
    assert_int_equal(sim_answer_units(answer).output, 15);
    assert_true(str_find(buf_str(&b), S("\"index\":0"), 0) != SIZE_MAX);
    assert_true(str_find(buf_str(&b), S("\"index\":1"), 0) == SIZE_MAX);
    buf_free(&b);
    forget(a);
}

/* ---- Responses */

static const char *const text_events[] = {"response.created",           "response.in_progress",
                                          "response.output_item.added", "response.content_part.added",
                                          "response.output_text.delta", "response.output_text.delta",
                                          "response.output_text.done",  "response.content_part.done",
                                          "response.output_item.done",  "response.completed"};
static const char *const reasoning_events[] = {"response.created",           "response.in_progress",
                                               "response.output_item.added", "response.output_item.done",
                                               "response.output_item.added", "response.content_part.added",
                                               "response.output_text.delta", "response.output_text.done",
                                               "response.content_part.done", "response.output_item.done",
                                               "response.completed"};
static const char *const cut_events[] = {"response.created",           "response.in_progress",
                                         "response.output_item.added", "response.content_part.added",
                                         "response.output_text.delta", "response.output_text.done",
                                         "response.content_part.done", "response.output_item.done",
                                         "response.incomplete"};

static void check_events(const char *body, const char *const *names, size_t count)
{
    struct asked *a = ask(SIM_RESPONSES, body);
    struct buf b = stream_of(plan(a));
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    str rest = buf_str(&b), name, data;
    size_t i = 0;
    for (; next_event(&rest, &name, &data); i++) {
        assert_true(i < count);
        if (!str_eq(name, str_from(names[i]))) fail_msg("event %zu is %.*s", i, STR_ARG(name));
        assert_true(json_parse(&doc, data, &why));
        assert_true(json_string_is(&doc, json_find(&doc, JSON_ROOT, S("type"), NULL), name));
        assert_int_equal(number_at(&doc, json_find(&doc, JSON_ROOT, S("sequence_number"), NULL)), (int64_t)i);
    }
    assert_int_equal(i, count);
    /* the last one tells what a whole answer would have told */
    struct buf whole;
    buf_init(&whole, 0);
    sim_answer_whole(plan(a), &whole);
    assert_true(str_eq(json_raw(&doc, json_find(&doc, JSON_ROOT, S("response"), NULL)), buf_str(&whole)));
    buf_free(&whole);
    json_free(&doc);
    buf_free(&b);
    forget(a);
}

static void test_responses_events(void **state)
{
    (void)state;
    check_events("{\"model\":\"m\",\"input\":\"[simulate tokens=2]\"}", text_events, COUNT_OF(text_events));
    check_events("{\"model\":\"m\",\"input\":\"[simulate tokens=2 usage=reasoning]\"}", reasoning_events,
                 COUNT_OF(reasoning_events));
    check_events(
        "{\"model\":\"m\",\n \"metadata\":{\n\"a\":\"b\"},\"input\":\"[simulate tokens=2]\",\"max_output_tokens\":1}",
        cut_events, COUNT_OF(cut_events));
}

/* Two calls: each item is closed with its own arguments before the next begins. */
static void test_responses_calls(void **state)
{
    (void)state;
    struct asked *a =
        ask(SIM_RESPONSES, "{\"model\":\"m\",\"input\":\"[simulate tools=2]\",\"tools\":[{\"type\":\"function\","
                           "\"name\":\"sail\",\"parameters\":{\"type\":\"object\",\"properties\":{\"to\":"
                           "{\"type\":\"string\"}},\"required\":[\"to\"]}}]}");
    struct buf b = stream_of(plan(a));
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    char arguments[512];
    size_t n = 0;
    int done = 0;
    str rest = buf_str(&b), name, data, s;
    while (next_event(&rest, &name, &data)) {
        assert_true(json_parse(&doc, data, &why));
        if (str_eq(name, S("response.output_item.added"))) n = 0;
        if (str_eq(name, S("response.function_call_arguments.delta"))) {
            assert_true(json_string(&doc, json_find(&doc, JSON_ROOT, S("delta"), NULL), &a->arena, &s));
            append(arguments, sizeof arguments, &n, s);
        }
        if (str_eq(name, S("response.output_item.done"))) {
            assert_int_equal(number_at(&doc, json_find(&doc, JSON_ROOT, S("output_index"), NULL)), done);
            assert_true(json_string(&doc, json_path(&doc, JSON_ROOT, "item", "arguments", NULL), &a->arena, &s));
            assert_true(str_eq(s, str_of(arguments, n)));
            assert_true(n > 2);
            done++;
        }
    }
    assert_int_equal(done, 2);
    json_free(&doc);
    buf_free(&b);
    forget(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_and_streamed_are_one),
        cmocka_unit_test(test_when_tools_are_called),
        cmocka_unit_test(test_which_tool_is_called),
        cmocka_unit_test(test_text_that_is_told),
        cmocka_unit_test(test_units_follow_the_steps),
        cmocka_unit_test(test_reasoning_counts_inside_the_limit),
        cmocka_unit_test(test_best_of),
        cmocka_unit_test(test_responses_events),
        cmocka_unit_test(test_responses_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

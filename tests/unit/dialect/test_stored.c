/* What answers tell of what providers store, and other paths' answers, of which little is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dialect/call.h"

struct fixture {
    struct arena arena;
    struct json doc;
    struct answer answer;
};

static void begin(struct fixture *f)
{
    arena_init(&f->arena);
    json_init(&f->doc);
    answer_init(&f->answer, &f->arena);
}

static void end(struct fixture *f)
{
    json_free(&f->doc);
    arena_free(&f->arena);
}

static str id_of(struct fixture *f, enum call_kind kind, const char *body)
{
    begin(f);
    assert_true(answer_read(&f->answer, kind, 0, &f->doc, str_from(body)));
    return f->answer.id;
}

static void test_a_response_that_is_stored_has_an_id(void **state)
{
    (void)state;
    struct fixture f;
    assert_true(
        str_eq(id_of(&f, CALL_RESPONSES, "{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[]}"), S("resp_1")));
    end(&f);
    assert_true(
        str_eq(id_of(&f, CALL_RESPONSES, "{\"id\":\"resp_1\",\"status\":\"completed\",\"store\":true,\"output\":[]}"),
               S("resp_1")));
    end(&f);
    assert_int_equal(
        id_of(&f, CALL_RESPONSES, "{\"id\":\"resp_1\",\"status\":\"completed\",\"store\":false,\"output\":[]}").n, 0);
    end(&f);
}

static void test_a_streamed_response_tells_it_at_once(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    str created = S("{\"type\":\"response.created\",\"response\":{\"id\":\"resp_7\",\"status\":\"in_progress\"}}");
    assert_int_equal(answer_feed(&f.answer, CALL_RESPONSES, 0, &f.doc, S("response.created"), created), TAP_PASS);
    assert_true(str_eq(f.answer.id, S("resp_7")));
    end(&f);
}

static void test_other_paths_tell_id_and_usage(void **state)
{
    (void)state;
    struct fixture f;
    str id = id_of(&f, CALL_PASSTHROUGH,
                   "{\"id\":\"file-1\",\"object\":\"file\",\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}");
    assert_true(str_eq(id, S("file-1")));
    assert_true(f.answer.usage.known);
    assert_int_equal(f.answer.usage.units[UNIT_INPUT], 7);
    assert_int_equal(f.answer.usage.units[UNIT_OUTPUT], 3);
    assert_true(f.answer.finished && !f.answer.failed);
    end(&f);
}

/* Whatever an event says, it passes: nothing is known of how these streams end or fail. */
static void test_events_of_other_paths_pass(void **state)
{
    (void)state;
    static const char *const events[] = {
        "[DONE]",
        "no JSON at all",
        "{\"error\":{\"message\":\"it failed\"}}",
        "[1,2]",
        "{\"type\":\"transcript.text.done\",\"usage\":{\"input_tokens\":14,\"output_tokens\":5}}",
        "{\"id\":\"run_1\",\"object\":\"thread.run\"}",
        "{\"id\":\"msg_1\",\"object\":\"thread.message\"}",
    };
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        enum tap_verdict v =
            answer_feed(&f.answer, CALL_PASSTHROUGH, 0, &f.doc, i == 2 ? S("error") : S(""), str_from(events[i]));
        assert_int_equal(v, TAP_PASS);
    }
    assert_false(f.answer.failed);
    assert_int_equal(f.answer.usage.units[UNIT_INPUT], 14);
    assert_true(str_eq(f.answer.id, S("run_1"))); /* what was made comes first */
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_response_that_is_stored_has_an_id),
        cmocka_unit_test(test_a_streamed_response_tells_it_at_once),
        cmocka_unit_test(test_other_paths_tell_id_and_usage),
        cmocka_unit_test(test_events_of_other_paths_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

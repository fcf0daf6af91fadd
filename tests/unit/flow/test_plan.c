/* The most input tokens that a call may be billed for, by what is known of who adds to it. */
#include "flow/purser.h"
#include "flow/request.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TEXT = 100, MESSAGES = 2, LITTLE = TEXT + 2 * 16 + 64, MUCH = TEXT + 2 * 64 + 768, TOOL = 64 };

static int64_t bound(const char *host, const char *model, const struct call *more, int64_t added, int64_t window)
{
    const struct setting_provider p = {.host = str_from(host), .added_tokens = added};
    const struct target t = {.provider = &p, .model = str_from(model), .prices = {.facts = {.context_window = window}}};
    struct call call = *more;
    call.messages = MESSAGES;
    return plan_input_bound(&call, &t, TEXT);
}

static void only_openai_is_known_to_add_little(void **state)
{
    static const struct call plain = {0}, tools = {.tools = 1}, server_tools = {.server_tools = 1};
    (void)state;
    assert_int_equal(bound("api.openai.com", "gpt-5-mini", &plain, 0, 0), LITTLE);
    assert_int_equal(bound("eu.api.openai.com", "gpt-4o", &plain, 0, 0), LITTLE);
    static const char *const others[] = {"api.openai.com.example", "fakeapi.openai.com", "openai.com", "api.groq.com",
                                         "127.0.0.1"};
    for (size_t i = 0; i < COUNT_OF(others); i++) assert_int_equal(bound(others[i], "gpt-5-mini", &plain, 0, 0), MUCH);
    assert_int_equal(bound("api.openai.com", "gpt-4o-search-preview", &plain, 0, 0), MUCH);
    assert_int_equal(bound("api.openai.com", "o3-deep-research", &plain, 0, 0), MUCH);
    assert_int_equal(bound("api.openai.com", "somebodys-own", &plain, 0, 0), MUCH);
    assert_int_equal(bound("api.openai.com", "gpt-5-mini", &tools, 0, 0), MUCH + TOOL);
    assert_int_equal(bound("api.openai.com", "gpt-5-mini", &server_tools, 0, 0), MUCH);
}

static void what_a_provider_says_counts(void **state)
{
    static const struct call plain = {0}, tools = {.tools = 2}, stored = {.references = 1};
    (void)state;
    assert_int_equal(bound("api.groq.com", "x", &plain, 10, 0), TEXT + 2 * 16 + 10);
    assert_int_equal(bound("api.openai.com", "gpt-5-mini", &tools, 500, 0), TEXT + 2 * 16 + 2 * TOOL + 500);
    assert_int_equal(bound("api.groq.com", "x", &plain, 10, 120), 120); /* no more than it can read */
    assert_int_equal(bound("api.groq.com", "x", &stored, 10, 5000), 5000);
    assert_true(bound("api.groq.com", "x", &stored, 10, 0) >= 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_openai_is_known_to_add_little),
        cmocka_unit_test(what_a_provider_says_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

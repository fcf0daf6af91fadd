/* What a call is about stays the same while the conversation around it grows, in every protocol. */
#include "dialect/call_latest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct hash_key key = {1, 2};

static uint64_t latest(const char *body)
{
    struct json doc;
    struct json_fail fail;
    json_init(&doc);
    if (!json_parse(&doc, str_from(body), &fail)) fail_msg("%s at %zu: %s", fail.why, fail.at, body);
    uint64_t hash = call_latest(&doc, key);
    json_free(&doc);
    return hash;
}

struct sample {
    const char *name, *body, *same, *other;
};

static const struct sample questions[] = {
    {"chat", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
     "{\"messages\":[{\"role\":\"system\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"b\"},"
     "{\"role\":\"assistant\",\"content\":\"c\"},{\"role\":\"user\",\"content\":\"a\"}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}"},
    {"responses", "{\"input\":\"a\"}", "{\"input\":\"a\",\"instructions\":\"x\"}", "{\"input\":\"b\"}"},
    {"responses, items", "{\"input\":[{\"role\":\"user\",\"content\":\"a\"}]}",
     "{\"input\":[{\"role\":\"user\",\"content\":\"q\"},{\"type\":\"message\",\"role\":\"user\",\"content\":\"a\"}]}",
     "{\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"q\"}]}"},
    {"prefill", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"{\"}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"b\"},{\"role\":\"assistant\",\"content\":\"{\"}]}"},
    {"gemini", "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}",
     "{\"contents\":[{\"role\":\"model\",\"parts\":[]},{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}]}",
     "{\"contents\":[{\"parts\":[{\"text\":\"b\"}]}]}"},
};

static const struct sample tools[] = {
    {"chat",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\","
     "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"\"},"
     "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"2\",\"type\":\"function\","
     "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"another\"}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\","
     "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{1}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}]}"},
    {"messages",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\","
     "\"input\":{\"a\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}]}",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"now\"},"
     "{\"type\":\"tool_use\",\"id\":\"2\",\"name\":\"f\",\"input\":{\"a\":1}}]},"
     "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"2\",\"content\":\"r\"}]}]}",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\","
     "\"input\":{\"a\":2}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}]}"},
    {"responses",
     "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"f\",\"arguments\":\"{}\"},"
     "{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"r\"}]}",
     "{\"input\":[{\"role\":\"user\",\"content\":\"q\"},{\"type\":\"function_call\",\"call_id\":\"7\",\"name\":\"f\","
     "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"7\",\"output\":\"s\"}]}",
     "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"1\",\"name\":\"g\",\"arguments\":\"{}\"},"
     "{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"r\"}]}"},
    {"responses, stored at the provider",
     "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"r\"}]}",
     "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"2\",\"output\":\"r\"}]}",
     "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"s\"}]}"},
    {"gemini",
     "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}}]},"
     "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]}",
     "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"9\",\"name\":\"f\",\"args\":{\"a\":1}}}"
     "]},"
     "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"r\":1}}}]}]}",
     "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":2}}}]},"
     "{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]}"},
    {"converse",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"1\",\"name\":\"f\","
     "\"input\":{}}}]},{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"1\",\"content\":[]}}]}]}",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"2\",\"name\":\"f\","
     "\"input\":{}}}]},{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"2\",\"content\":[]}}]}]}",
     "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"1\",\"name\":\"f\","
     "\"input\":{\"x\":1}}}]},{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"1\"}}]}]}"},
};

static void check(const struct sample *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = latest(s[i].body);
        if (!hash) fail_msg("%s: nothing was found", s[i].name);
        if (latest(s[i].same) != hash) fail_msg("%s: the same differs", s[i].name);
        if (latest(s[i].other) == hash) fail_msg("%s: another is the same", s[i].name);
    }
}

static void finds_the_question(void **state)
{
    (void)state;
    check(questions, COUNT_OF(questions));
}

static void finds_tool_calls(void **state)
{
    (void)state;
    check(tools, COUNT_OF(tools));
}

static void has_nothing_to_say(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{}",
                                         "[]",
                                         "1",
                                         "{\"messages\":[]}",
                                         "{\"messages\":[1,null,[]]}",
                                         "{\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        if (latest(bodies[i])) fail_msg("%s", bodies[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_question),
        cmocka_unit_test(finds_tool_calls),
        cmocka_unit_test(has_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

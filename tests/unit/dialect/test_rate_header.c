#include "dialect/rate_header.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void converts(void **state)
{
    static const struct {
        enum dialect_id client;
        const char *name, *value, *line; /* "": not told */
    } cases[] = {
        {DIALECT_MESSAGES, "x-ratelimit-limit-requests", "500", "anthropic-ratelimit-requests-limit: 500\r\n"},
        {DIALECT_MESSAGES, "X-RateLimit-Remaining-Tokens", "7", "anthropic-ratelimit-tokens-remaining: 7\r\n"},
        {DIALECT_MESSAGES, "x-ratelimit-reset-requests", "1m30s",
         "anthropic-ratelimit-requests-reset: 2026-01-01T00:01:30Z\r\n"},
        {DIALECT_MESSAGES, "x-ratelimit-reset-tokens", "60",
         "anthropic-ratelimit-tokens-reset: 2026-01-01T00:01:00Z\r\n"},
        {DIALECT_MESSAGES, "x-ratelimit-limit-req-minute", "30", "anthropic-ratelimit-requests-limit: 30\r\n"},
        {DIALECT_CHAT, "anthropic-ratelimit-requests-limit", "50", "x-ratelimit-limit-requests: 50\r\n"},
        {DIALECT_CHAT, "anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:02Z", "x-ratelimit-reset-tokens: 2s\r\n"},
        {DIALECT_CHAT, "anthropic-ratelimit-tokens-reset", "2025-01-01T00:00:02Z", "x-ratelimit-reset-tokens: 0ms\r\n"},
        {DIALECT_CHAT, "anthropic-ratelimit-input-tokens-limit", "50", ""},
        {DIALECT_RESPONSES, "x-ratelimit-reset-requests", "17.399999999s", "x-ratelimit-reset-requests: 17.399s\r\n"},
        {DIALECT_CHAT, "x-ratelimit-limit-requests", "many", ""},
        {DIALECT_CHAT, "x-ratelimit-limit-requests", "-1", ""},
        {DIALECT_CHAT, "x-ratelimit-limit", "5", ""},
        {DIALECT_CHAT, "anthropic-ratelimit-unified-status", "allowed", ""},
        {DIALECT_CHAT, "content-type", "text/plain", ""},
    };
    (void)state;
    int64_t now_us = time_from_civil(2026, 1, 1, 0, 0, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;
        buf_init(&out, 0);
        rate_header_convert(cases[i].client, str_from(cases[i].name), str_from(cases[i].value), now_us, &out);
        if (!str_eq(buf_str(&out), str_from(cases[i].line)))
            fail_msg("%s: %s gave %.*s", cases[i].name, cases[i].value, (int)out.n, out.p);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(converts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Anthropic's protocol: errors in its shape, and hostile calls that stay cheap. */
#include "dialect/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_buf(struct buf *b, const char *want)
{
    if (!str_eq(buf_str(b), str_from(want))) fail_msg("expected %s, got %.*s", want, (int)b->n, b->p);
    buf_clear(b);
}

static void renders_errors(void **state)
{
    static const struct {
        enum err err;
        const char *type;
    } types[] = {
        {ERR_BAD_JSON, "invalid_request_error"},  {ERR_UNAUTHENTICATED, "authentication_error"},
        {ERR_BUDGET_SPENT, "billing_error"},      {ERR_FORBIDDEN, "permission_error"},
        {ERR_MODEL_NOT_FOUND, "not_found_error"}, {ERR_TOO_LARGE, "request_too_large"},
        {ERR_RATE_LIMITED, "rate_limit_error"},   {ERR_INTERNAL, "api_error"},
        {ERR_PROVIDER_CUT, "api_error"},          {ERR_PROVIDER_TIMEOUT, "timeout_error"},
        {ERR_OVERLOADED, "overloaded_error"},
    };
    struct buf b;
    (void)state;
    buf_init(&b, 0);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char want[256];
        (void)snprintf(want, sizeof(want), "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\"}}",
                       types[i].type);
        dialect_error(&b, CALL_MESSAGES, types[i].err, S("m"), S(""), S(""));
        assert_buf(&b, want);
    }
    /* the field's name has no place of its own */
    dialect_error(&b, CALL_MESSAGES, ERR_BAD_FIELD, S("It is \"wrong\"."), S("top_k"), S(""));
    assert_buf(&b, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"top_k: It is "
                   "\\\"wrong\\\".\"}}");
    dialect_error(&b, CALL_COUNT_TOKENS, ERR_BAD_FIELD, S("`top_k` is wrong."), S("top_k"), S(""));
    assert_buf(&b, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"`top_k` is "
                   "wrong.\"}}");
    dialect_stream_error(&b, CALL_MESSAGES, ERR_PROVIDER_CUT, S("cut"), 7);
    assert_buf(&b,
               "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"cut\"}}\n\n");
    buf_free(&b);
}

/* Fields that nobody knows are kept, whatever their number, and told a few times. */
static void bounds_notes(void **state)
{
    struct json doc;
    struct json_fail why;
    struct arena arena;
    struct canon_call call;
    struct call_problem problem;
    struct buf body;
    size_t notes = 0;
    (void)state;
    json_init(&doc);
    arena_init(&arena);
    buf_init(&body, 0);
    buf_add(&body, S("{\"model\":\"c\",\"max_tokens\":1,\"messages\":[]"));
    for (int i = 0; i < 50000; i++) buf_printf(&body, ",\"x%d\":1", i);
    buf_add_byte(&body, '}');
    assert_true(json_parse(&doc, buf_str(&body), &why));
    canon_call_init(&call, DIALECT_MESSAGES, &arena);
    assert_true(dialect_messages.decode_call(&doc, &call, &problem));
    for (const struct canon_note *n = call.notes; n; n = n->next) notes++;
    assert_in_range(notes, 1, 64);
    assert_true(str_find(call.extras.members, S("\"x49999\":1"), 0) != SIZE_MAX);
    buf_free(&body);
    arena_free(&arena);
    json_free(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_errors), cmocka_unit_test(bounds_notes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which path asks for what, and what each names: the families' own, and the other addresses of their clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/paths.h"

struct path_case {
    const char *path, *query, *model, *deployment; /* NULL: none */
    int kind;                                      /* -1: nothing is served there */
    bool stream, body_version;
    enum framing framing;
};

static str text(const char *s)
{
    return s ? str_from(s) : STR_NONE;
}

static void test_paths(void **state)
{
    (void)state;
    static const struct path_case cases[] = {
        {"/v1/chat/completions", NULL, NULL, NULL, CALL_CHAT, false, false, FRAMING_SSE},
        {"/v1/responses/input_tokens", NULL, NULL, NULL, CALL_COUNT_RESPONSES, false, false, FRAMING_SSE},
        {"/v1beta/models/g:generateContent", NULL, "g", NULL, CALL_GENERATE, false, false, FRAMING_SSE},
        {"/v1beta/models/a/g:streamGenerateContent", NULL, "a/g", NULL, CALL_GENERATE, true, false, FRAMING_JSON_ARRAY},
        {"/v1/models/g:streamGenerateContent", "key=x&alt=sse", "g", NULL, CALL_GENERATE, true, false,
         FRAMING_SSE_CRLF},
        {"/v1/models/g:countTokens", NULL, "g", NULL, CALL_GEMINI_COUNT, false, false, FRAMING_SSE},
        {"/v1/models/g:batchEmbedContents", NULL, "g", NULL, CALL_EMBED_CONTENTS, false, false, FRAMING_SSE},
        {"/v1/models/g:predict", NULL, NULL, NULL, -1, false, false, 0},
        {"/v1/models/:generateContent", NULL, NULL, NULL, -1, false, false, 0},
        {"/model/a%2Fb/converse", NULL, "a%2Fb", NULL, CALL_CONVERSE, false, false, FRAMING_EVENT_STREAM},
        {"/model/a/converse-stream", NULL, "a", NULL, CALL_CONVERSE, true, false, FRAMING_EVENT_STREAM},
        {"/model/a/invoke", NULL, NULL, NULL, -1, false, false, 0},

        /* Azure */
        {"/openai/v1/chat/completions", NULL, NULL, NULL, CALL_CHAT, false, false, FRAMING_SSE},
        {"/openai/v1/audio/speech", NULL, NULL, NULL, CALL_SPEECH, false, false, FRAMING_SSE},
        {"/openai/responses", "api-version=x", NULL, NULL, CALL_RESPONSES, false, false, FRAMING_SSE},
        {"/openai/deployments/gpt/chat/completions", NULL, NULL, "gpt", CALL_CHAT, false, false, FRAMING_SSE},
        {"/openai/deployments/a/b/completions", NULL, NULL, "a/b", CALL_COMPLETIONS, false, false, FRAMING_SSE},
        {"/openai/deployments/e/embeddings", NULL, NULL, "e", CALL_EMBEDDINGS, false, false, FRAMING_SSE},
        {"/openai/deployments/w/audio/transcriptions", NULL, NULL, "w", CALL_TRANSCRIPTIONS, false, false, FRAMING_SSE},
        {"/openai/deployments/x/responses", NULL, NULL, NULL, -1, false, false, 0},
        {"/openai/deployments/chat/completions", NULL, NULL, "chat", CALL_COMPLETIONS, false, false, FRAMING_SSE},
        {"/openai/deployments//embeddings", NULL, NULL, NULL, -1, false, false, 0},
        {"/openai/deployments/embeddings", NULL, NULL, NULL, -1, false, false, 0},
        {"/openai/v1/messages", NULL, NULL, NULL, -1, false, false, 0},

        /* Vertex */
        {"/v1beta1/publishers/google/models/g:generateContent", NULL, "g", NULL, CALL_GENERATE, false, false,
         FRAMING_SSE},
        {"/v1/publishers/google/models/g:embedContent", NULL, "g", NULL, CALL_EMBED_CONTENT, false, false, FRAMING_SSE},
        {"/v1/projects/p/locations/l/publishers/google/models/g:predict", NULL, "g", NULL, CALL_PREDICT, false, false,
         FRAMING_SSE},
        {"/v1beta1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent", "alt=sse", "g", NULL,
         CALL_GENERATE, true, false, FRAMING_SSE_CRLF},
        {"/v1/projects/p/publishers/google/models/g:generateContent", NULL, NULL, NULL, -1, false, false, 0},
        {"/v1/projects/p/locations/l/publishers/meta/models/g:generateContent", NULL, NULL, NULL, -1, false, false, 0},
        {"/v1/projects/p/locations", NULL, NULL, NULL, -1, false, false, 0},
        {"/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict", NULL, NULL, "c", CALL_MESSAGES,
         false, true, FRAMING_SSE},
        {"/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict", NULL, NULL, NULL,
         CALL_COUNT_TOKENS, false, true, FRAMING_SSE},
        {"/v1/projects/p/locations/l/publishers/anthropic/models/c:predict", NULL, NULL, NULL, -1, false, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct path_case *c = &cases[i];
        struct call_path_found got;
        if (paths_find(str_from(c->path), text(c->query), &got) != (c->kind >= 0)) fail_msg("%s", c->path);
        if (c->kind < 0) continue;
        bool names = str_eq(got.model, text(c->model)) && str_eq(got.deployment, text(c->deployment));
        bool flags = got.stream == c->stream && got.framing == c->framing && got.body_version == c->body_version;
        if ((int)got.kind != c->kind || !names || !flags)
            fail_msg("%s: kind %d, model '%.*s', deployment '%.*s'", c->path, (int)got.kind, STR_ARG(got.model),
                     STR_ARG(got.deployment));
    }
}

static void test_whose_shape_an_error_has(void **state)
{
    (void)state;
    assert_int_equal(paths_dialect(S("/v1/projects/p/locations/l/publishers/google/models/")), DIALECT_GEMINI);
    assert_int_equal(paths_dialect(S("/v1/projects/p/locations/l/publishers/anthropic/models/c:rawPredict")),
                     DIALECT_MESSAGES);
    assert_int_equal(paths_dialect(S("/openai/deployments/x/chat/completions")), DIALECT_CHAT);
    assert_int_equal(paths_dialect(S("/openai/responses")), DIALECT_RESPONSES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_whose_shape_an_error_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

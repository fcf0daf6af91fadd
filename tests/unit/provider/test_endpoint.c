#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "provider/provider.h"

struct want {
    str kind, base_path, api_version;
    enum endpoint e;
    str model;
    bool stream;
    str query, path; /* empty: there is no such endpoint */
};

static const struct want wants[] = {
    {STR_INIT("openai"),
     STR_INIT("/v1"),
     {0},
     ENDPOINT_CHAT,
     STR_INIT("m"),
     true,
     {0},
     STR_INIT("/v1/chat/completions")},
    {STR_INIT("openai"),
     STR_INIT("/v1"),
     {0},
     ENDPOINT_TRANSCRIPTIONS,
     STR_INIT("m"),
     false,
     {0},
     STR_INIT("/v1/audio/transcriptions")},
    {STR_INIT("perplexity"),
     STR_INIT(""),
     {0},
     ENDPOINT_CHAT,
     STR_INIT("m"),
     false,
     STR_INIT("a=b&key=k"),
     STR_INIT("/chat/completions?a=b")},
    {STR_INIT("openai"), STR_INIT("/v1"), {0}, ENDPOINT_CONVERSE, STR_INIT("m"), false, {0}, {0}},

    /* Azure: its v1, and deployments */
    {STR_INIT("azure"),
     STR_INIT("/openai/v1"),
     {0},
     ENDPOINT_CHAT,
     STR_INIT("gpt"),
     false,
     {0},
     STR_INIT("/openai/v1/chat/completions")},
    {STR_INIT("azure"),
     STR_INIT("/openai/v1"),
     STR_INIT("preview"),
     ENDPOINT_RESPONSES,
     STR_INIT("gpt"),
     false,
     {0},
     STR_INIT("/openai/v1/responses?api-version=preview")},
    {STR_INIT("azure"),
     STR_INIT("/openai/v1"),
     STR_INIT("2025-04-01-preview"),
     ENDPOINT_CHAT,
     STR_INIT("gpt"),
     false,
     {0},
     STR_INIT("/openai/deployments/gpt/chat/completions?api-version=2025-04-01-preview")},
    {STR_INIT("azure"),
     STR_INIT(""),
     {0},
     ENDPOINT_CHAT,
     STR_INIT("my gpt"),
     false,
     STR_INIT("api-version=1"),
     STR_INIT("/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21")},
    {STR_INIT("azure"),
     STR_INIT("/openai"),
     {0},
     ENDPOINT_RESPONSES,
     STR_INIT("gpt"),
     false,
     STR_INIT("a=1"),
     STR_INIT("/openai/responses?a=1&api-version=2024-10-21")},
    {STR_INIT("azure"),
     STR_INIT("/models"),
     STR_INIT("2024-05-01-preview"),
     ENDPOINT_CHAT,
     STR_INIT("g"),
     false,
     {0},
     STR_INIT("/models/chat/completions?api-version=2024-05-01-preview")},
    {STR_INIT("azure"),
     STR_INIT("/openai/deployments/d"),
     {0},
     ENDPOINT_CHAT,
     STR_INIT("g"),
     false,
     {0},
     STR_INIT("/openai/deployments/d/chat/completions?api-version=2024-10-21")},

    {STR_INIT("anthropic"),
     STR_INIT(""),
     {0},
     ENDPOINT_MESSAGES,
     STR_INIT("c"),
     true,
     STR_INIT("beta=true"),
     STR_INIT("/v1/messages?beta=true")},
    {STR_INIT("anthropic"),
     STR_INIT("/v1"),
     {0},
     ENDPOINT_COUNT_MESSAGES,
     STR_INIT("c"),
     false,
     {0},
     STR_INIT("/v1/messages/count_tokens")},
    {STR_INIT("anthropic"),
     STR_INIT("/anthropic"),
     {0},
     ENDPOINT_MESSAGES,
     STR_INIT("c"),
     false,
     {0},
     STR_INIT("/anthropic/v1/messages")},

    {STR_INIT("gemini"),
     STR_INIT(""),
     {0},
     ENDPOINT_GENERATE,
     STR_INIT("gemini-2.5-flash"),
     false,
     STR_INIT("key=secret"),
     STR_INIT("/v1beta/models/gemini-2.5-flash:generateContent")},
    {STR_INIT("gemini"),
     STR_INIT("/v1beta"),
     {0},
     ENDPOINT_GENERATE,
     STR_INIT("models/g"),
     true,
     STR_INIT("alt=json&x=1"),
     STR_INIT("/v1beta/models/g:streamGenerateContent?alt=sse&x=1")},
    {STR_INIT("gemini"),
     STR_INIT(""),
     STR_INIT("v1alpha"),
     ENDPOINT_COUNT_GENERATE,
     STR_INIT("g"),
     false,
     {0},
     STR_INIT("/v1alpha/models/g:countTokens")},
    {STR_INIT("gemini"),
     STR_INIT(""),
     {0},
     ENDPOINT_EMBED_CONTENTS,
     STR_INIT("e"),
     false,
     {0},
     STR_INIT("/v1beta/models/e:batchEmbedContents")},
    {STR_INIT("gemini"),
     STR_INIT(""),
     {0},
     ENDPOINT_CHAT,
     STR_INIT("g"),
     true,
     {0},
     STR_INIT("/v1beta/openai/chat/completions")},

    {STR_INIT("vertex"),
     STR_INIT(""),
     {0},
     ENDPOINT_GENERATE,
     STR_INIT("g"),
     true,
     {0},
     STR_INIT("/v1/projects/proj/locations/europe-west4/publishers/google/models/g:streamGenerateContent?alt=sse")},
    {STR_INIT("vertex"),
     STR_INIT("/v1beta1"),
     {0},
     ENDPOINT_MESSAGES,
     STR_INIT("claude-x@20250101"),
     false,
     {0},
     STR_INIT(
         "/v1beta1/projects/proj/locations/europe-west4/publishers/anthropic/models/claude-x%4020250101:rawPredict")},
    {STR_INIT("vertex"),
     STR_INIT(""),
     {0},
     ENDPOINT_MESSAGES,
     STR_INIT("publishers/anthropic/models/c"),
     true,
     {0},
     STR_INIT("/v1/projects/proj/locations/europe-west4/publishers/anthropic/models/c:streamRawPredict")},

    {STR_INIT("bedrock"),
     STR_INIT(""),
     {0},
     ENDPOINT_CONVERSE,
     STR_INIT("us.anthropic.c-v1:0"),
     false,
     {0},
     STR_INIT("/model/us.anthropic.c-v1%3A0/converse")},
    {STR_INIT("bedrock"),
     STR_INIT("/proxy"),
     {0},
     ENDPOINT_CONVERSE,
     STR_INIT("arn:aws:bedrock:us-east-1:1:inference-profile/p"),
     true,
     {0},
     STR_INIT("/proxy/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fp/converse-stream")},

    {STR_INIT("cohere"), STR_INIT(""), {0}, ENDPOINT_COHERE_CHAT, STR_INIT("c"), true, {0}, STR_INIT("/v2/chat")},
    {STR_INIT("cohere"),
     STR_INIT("/v2"),
     {0},
     ENDPOINT_COHERE_RERANK,
     STR_INIT("c"),
     false,
     {0},
     STR_INIT("/v2/rerank")},
    {STR_INIT("cohere"), STR_INIT("/v2"), {0}, ENDPOINT_MODELS, {0}, false, {0}, STR_INIT("/v1/models")},
};

static void paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wants); i++) {
        const struct want *w = &wants[i];
        struct provider_paths p = {.project = S("proj"), .location = S("europe-west4")};
        struct buf out;
        buf_init(&out, 0);
        buf_add(&out, S("POST "));
        provider_paths_init(&p, vendor_find(w->kind)->paths, w->base_path, w->api_version);
        bool there = provider_path(&p, w->e, w->model, w->stream, w->query, &out);
        assert_int_equal(there, w->path.n > 0);
        str got = str_from_at(buf_str(&out), 5);
        if (!str_eq(got, w->path)) fail_msg("%.*s, not %.*s", STR_ARG(got), STR_ARG(w->path));
        buf_free(&out);
    }
}

static void passthrough(void **state)
{
    (void)state;
    static const struct {
        str kind, base_path, path, want;
    } rows[] = {
        {STR_INIT("openai"), STR_INIT("/v1"), STR_INIT("/v1/files/f-1"), STR_INIT("/v1/files/f-1?a=b")},
        {STR_INIT("groq"), STR_INIT("/openai/v1"), STR_INIT("/v1/files"), STR_INIT("/openai/v1/files?a=b")},
        {STR_INIT("azure"), STR_INIT(""), STR_INIT("/v1/files"), STR_INIT("/openai/files?a=b&api-version=2024-10-21")},
        {STR_INIT("anthropic"), STR_INIT("/v1"), STR_INIT("/v1/files"), STR_INIT("/v1/files?a=b")},
        {STR_INIT("gemini"), STR_INIT(""), STR_INIT("/v1beta/files/x"), STR_INIT("/v1beta/files/x?a=b")},
        {STR_INIT("bedrock"), STR_INIT("/p"), STR_INIT("/model/m/invoke"), STR_INIT("/p/model/m/invoke?a=b")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct provider_paths p = {0};
        struct buf out;
        buf_init(&out, 0);
        provider_paths_init(&p, vendor_find(rows[i].kind)->paths, rows[i].base_path, STR_NONE);
        provider_passthrough(&p, rows[i].path, S("a=b&key=secret"), &out);
        str got = buf_str(&out);
        if (!str_eq(got, rows[i].want)) fail_msg("%.*s, not %.*s", STR_ARG(got), STR_ARG(rows[i].want));
        buf_free(&out);
    }
}

static void base_urls(void **state)
{
    (void)state;
    static const struct {
        enum provider_family family;
        str where, url;
    } rows[] = {
        {FAMILY_BEDROCK, STR_INIT("eu-central-1"), STR_INIT("https://bedrock-runtime.eu-central-1.amazonaws.com")},
        {FAMILY_BEDROCK, STR_INIT("cn-north-1"), STR_INIT("https://bedrock-runtime.cn-north-1.amazonaws.com.cn")},
        {FAMILY_VERTEX, STR_INIT("global"), STR_INIT("https://aiplatform.googleapis.com")},
        {FAMILY_VERTEX, STR_INIT("us-central1"), STR_INIT("https://us-central1-aiplatform.googleapis.com")},
        {FAMILY_VERTEX, STR_INIT("eu"), STR_INIT("https://aiplatform.eu.rep.googleapis.com")},
    };
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_clear(&out);
        assert_true(provider_base_url(rows[i].family, rows[i].where, &out));
        assert_true(str_eq(buf_str(&out), rows[i].url));
    }
    assert_false(provider_base_url(FAMILY_BEDROCK, STR_NONE, &out));
    assert_false(provider_base_url(FAMILY_OPENAI, S("eu"), &out));
    buf_free(&out);
}

static bool speaks(str kind, str model, enum dialect_id first, size_t count)
{
    const struct vendor *v = vendor_find(kind);
    struct protocols p = vendor_protocols(v, &v->protocols, model);
    return p.count == count && p.at[0] == first;
}

static void by_model(void **state)
{
    (void)state;
    assert_true(speaks(S("openai"), S("gpt-5-mini"), DIALECT_CHAT, 2));
    assert_true(speaks(S("openai"), S("gpt-5.1-codex"), DIALECT_RESPONSES, 1));
    assert_true(speaks(S("vertex"), S("claude-sonnet-4-5@20250929"), DIALECT_MESSAGES, 1));
    assert_true(speaks(S("vertex"), S("gemini-2.5-pro"), DIALECT_GEMINI, 1));
    assert_true(speaks(S("vertex"), S("meta/llama-4"), DIALECT_CHAT, 1));
    assert_true(speaks(S("gemini"), S("gemini-2.5-pro"), DIALECT_GEMINI, 1));
    assert_true(speaks(S("gemini"), S("claude-sonnet-4-5"), 0, 0));
    assert_true(speaks(S("voyage"), S("voyage-3.5"), 0, 0));
    /* What the settings leave is all there is. */
    struct protocols chat = {1, {DIALECT_CHAT}};
    assert_int_equal(vendor_protocols(vendor_find(S("openai")), &chat, S("o1-pro")).at[0], DIALECT_CHAT);
}

/* Every protocol and endpoint that a vendor is said to have, its paths have. */
static void whole(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; vendor_at(i); i++) {
        const struct vendor *v = vendor_at(i);
        struct provider_paths p = {0};
        provider_paths_init(&p, v->paths, STR_NONE, STR_NONE);
        for (size_t j = 0; j < v->protocols.count; j++)
            assert_true(provider_path(&p, endpoint_of_dialect(v->protocols.at[j]), S("m"), true, STR_NONE, &out));
        for (enum endpoint e = 0; e < ENDPOINT_COUNT; e++) {
            if (v->serves & UINT32_C(1) << e) assert_true(provider_path(&p, e, S("m"), false, STR_NONE, &out));
        }
    }
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++)
        if (k != CALL_COUNT_RESPONSES) assert_true(endpoint_of(k) < ENDPOINT_COUNT);
    assert_int_equal(endpoint_of(CALL_COUNT_RESPONSES), ENDPOINT_NONE); /* purser counts itself */
    assert_int_equal(endpoint_of(CALL_PASSTHROUGH), ENDPOINT_NONE);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),    cmocka_unit_test(passthrough), cmocka_unit_test(base_urls),
        cmocka_unit_test(by_model), cmocka_unit_test(whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "provider/provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void find(void **state)
{
    (void)state;
    assert_non_null(vendor_find(S("groq")));
    assert_null(vendor_find(S("Groq")));
    assert_null(vendor_find(S("")));
    assert_true(str_eq(vendor_find(S("xai"))->book, S("x-ai")));
    assert_int_equal(vendor_find(S("perplexity"))->quirks, QUIRK_CUMULATIVE);
    assert_int_equal(vendor_find(S("deepseek"))->quirks, QUIRK_CACHE_MISS);
    assert_int_equal(vendor_find(S("together"))->quirks, QUIRK_FLAT_CACHED);
    assert_int_equal(vendor_find(S("mistral"))->quirks, QUIRK_AUDIO_OUTSIDE);
    assert_int_equal(vendor_find(S("openrouter"))->quirks, QUIRK_OWN_COST);
    assert_true(vendor_find(S("ollama"))->flags & PROVIDER_KEY_OPTIONAL);
}

/* A row is whole: an address or a reason to set one, and nothing twice. */
static void rows(void **state)
{
    (void)state;
    size_t count = 0;
    for (; vendor_at(count); count++) {
        const struct vendor *v = vendor_at(count);
        assert_ptr_equal(vendor_find(v->kind), v); /* no other has that kind */
        assert_true(v->base_url.n == 0 || str_starts(v->base_url, S("http")));
        assert_false(str_ends(v->base_url, S("/")));
        if (v->flags & PROVIDER_KEY_OPTIONAL)
            assert_int_equal(v->book.n, 0);
        else
            assert_true(str_ends(v->key_env, S("_API_KEY")) || v->paths == FAMILY_BEDROCK || v->paths == FAMILY_VERTEX);
    }
    assert_true(count >= 17);
}

static void by_url(void **state)
{
    (void)state;
    assert_true(str_eq(vendor_find_url(S("https://api.groq.com/openai/v1"))->kind, S("groq")));
    assert_true(str_eq(vendor_find_url(S("https://API.openai.com"))->kind, S("openai")));
    assert_true(str_eq(vendor_find_url(S("https://my.openai.azure.com/openai/v1"))->kind, S("azure")));
    assert_null(vendor_find_url(S("https://api.openai.com.example.org/v1")));
    assert_null(vendor_find_url(S("https://example.org/api.openai.com")));
    assert_null(vendor_find_url(S("http://127.0.0.1:8000/v1"))); /* not surely vLLM */
    assert_null(vendor_find_url(S("api.openai.com")));
    assert_null(vendor_find_url(S("")));
}

static void quirks(void **state)
{
    (void)state;
    uint32_t seen = 0, seen_flags = 0;
    for (size_t i = 0; quirk_at(i); i++) {
        const struct quirk *q = quirk_at(i);
        assert_int_equal(__builtin_popcount(q->quirks) + __builtin_popcount(q->flags), 1);
        assert_int_equal((seen & q->quirks) | (seen_flags & q->flags), 0);
        seen |= q->quirks;
        seen_flags |= q->flags;
        assert_ptr_equal(quirk_find(q->name), q);
    }
    for (size_t i = 0; vendor_at(i); i++) assert_int_equal(vendor_at(i)->quirks & ~seen, 0);
    assert_null(quirk_find(S("x_grok")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find),
        cmocka_unit_test(rows),
        cmocka_unit_test(by_url),
        cmocka_unit_test(quirks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

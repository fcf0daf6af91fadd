/* What cases cannot say: rendered errors, names, and that the tap stays bounded. */
#include "dialect/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_buf(const struct buf *b, const char *want)
{
    if (!str_eq(buf_str(b), str_from(want))) fail_msg("expected %s, got %.*s", want, (int)b->n, b->p);
}

static void renders_errors(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    openai_render_error(&b, ERR_BAD_FIELD, S("`n` \"is\"\nwrong"), S("n"), S(""));
    assert_buf(&b, "{\"error\":{\"message\":\"`n` \\\"is\\\"\\nwrong\",\"type\":\"invalid_request_error\","
                   "\"param\":\"n\",\"code\":\"invalid_value\"}}");
    buf_clear(&b);
    /* no message: the table's text; no code of its own: null */
    openai_render_error(&b, ERR_BAD_REQUEST, S(""), S(""), S(""));
    assert_buf(&b, "{\"error\":{\"message\":\"the request is malformed\",\"type\":\"invalid_request_error\","
                   "\"param\":null,\"code\":null}}");
    buf_clear(&b);
    openai_render_error(&b, ERR_BUDGET_SPENT, S("spent"), S(""), S("alice-daily"));
    assert_buf(&b, "{\"error\":{\"message\":\"spent\",\"type\":\"insufficient_quota\",\"param\":null,"
                   "\"code\":\"alice-daily\"}}");
    buf_free(&b);
}

/* Our own error events are errors to our own tap, in every kind. */
static void renders_stream_errors(void **state)
{
    (void)state;
    static const enum call_kind kinds[] = {CALL_CHAT, CALL_COMPLETIONS, CALL_RESPONSES};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct buf b;
        struct arena arena;
        struct json doc;
        struct answer a;
        buf_init(&b, 0);
        arena_init(&arena);
        json_init(&doc);
        answer_init(&a, &arena);
        dialect_stream_error(&b, kinds[i], ERR_PROVIDER_CUT, S("cut"), 7);
        str text = buf_str(&b), event = STR_NONE;
        assert_true(str_ends(text, S("\n\n")));
        if (str_starts(text, S("event: "))) event = str_from_at(str_cut(&text, '\n'), 7);
        assert_true(str_starts(text, S("data: ")));
        assert_int_equal(event.n != 0, kinds[i] == CALL_RESPONSES);
        assert_int_equal(answer_feed(&a, kinds[i], 0, &doc, event, str_from_at(text, 6)), TAP_ERROR);
        assert_true(str_eq(a.provider_error, S("cut")));
        if (kinds[i] == CALL_RESPONSES) {
            int64_t sequence;
            assert_true(json_i64(&doc, json_find(&doc, JSON_ROOT, S("sequence_number"), NULL), &sequence));
            assert_int_equal(sequence, 7);
        }
        json_free(&doc);
        arena_free(&arena);
        buf_free(&b);
    }
}

static void names_kinds(void **state)
{
    (void)state;
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        assert_true(str_starts(call_path(k), S("/")));
        assert_true(call_kind_name(k).n > 0);
        assert_true(call_kind_operation(k).n > 0);
        assert_true(call_kind_dialect(k) < DIALECT_COUNT);
    }
    assert_true(str_eq(call_path(CALL_CHAT), S("/v1/chat/completions")));
    assert_true(str_eq(call_kind_name(CALL_COMPLETIONS), S("text_completion")));
    assert_int_equal(call_min_output(CALL_RESPONSES), 16);
}

/* A provider that changes everything with every chunk does not make the answer grow. */
static void stays_bounded(void **state)
{
    (void)state;
    struct arena arena;
    struct json doc;
    struct answer a;
    char chunk[1024];
    arena_init(&arena);
    json_init(&doc);
    answer_init(&a, &arena);
    size_t early = 0;
    for (int i = 0; i < 20000; i++) {
        int n = snprintf(chunk, sizeof(chunk),
                         "{\"model\":\"m-%d\",\"service_tier\":\"t\\u0041%d\",\"choices\":[{\"index\":%d,\"delta\":"
                         "{\"content\":\"x\"},\"finish_reason\":\"f%d\"}],\"usage\":{\"prompt_tokens\":%d}}",
                         i, i, i, i, i);
        assert_int_equal(answer_feed(&a, CALL_CHAT, 0, &doc, S(""), str_of(chunk, (size_t)n)), TAP_PASS);
        if (i == 1000) early = arena.total;
    }
    assert_int_equal(arena.total, early);
    assert_true(early < 16 * 1024);
    assert_int_equal(a.usage.units[UNIT_INPUT], 19999);
    assert_int_equal(a.choices_seen, 128);
    assert_int_equal(a.output_events, 20000);
    json_free(&doc);
    arena_free(&arena);
}

/* The raw usage is kept up to its ceiling; what it says is read above it too. */
static void bounds_raw_usage(void **state)
{
    (void)state;
    static const size_t pads[] = {10, 3000, 16 * 1024, 100};
    struct arena arena;
    struct json doc;
    struct answer a;
    arena_init(&arena);
    json_init(&doc);
    answer_init(&a, &arena);
    for (size_t i = 0; i < COUNT_OF(pads); i++) {
        struct buf b;
        buf_init(&b, 0);
        buf_add(&b, S("{\"choices\":[],\"usage\":{\"prompt_tokens\":"));
        buf_printf(&b, "%zu,\"pad\":\"%0*d\"}}", i, (int)pads[i], 0);
        assert_int_equal(answer_feed(&a, CALL_CHAT, 0, &doc, S(""), buf_str(&b)), TAP_USAGE_ONLY);
        assert_int_equal(a.usage.units[UNIT_INPUT], i);
        assert_int_equal(a.usage_raw.n != 0, pads[i] < 16 * 1024);
        if (a.usage_raw.n) assert_true(str_ends(a.usage_raw, S("0\"}")) && a.usage_raw.n > pads[i]);
        buf_free(&b);
    }
    json_free(&doc);
    arena_free(&arena);
}

/* ---- what an answer says, told apart by a hash */

struct said {
    enum call_kind kind;
    const char *event, *piece; /* of a stream; %s: text */
    const char *thought;       /* NULL: the protocol has none */
    const char *body;
};

static const struct said said[] = {
    {CALL_CHAT, "", "{\"id\":\"%d\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}",
     "{\"id\":\"%d\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"%s\"}}]}",
     "{\"id\":\"%d\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}"},
    {CALL_CHAT, "",
     "{\"id\":\"%d\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"%s\"}}]}}]}",
     NULL,
     "{\"id\":\"%d\",\"choices\":[{\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":\"%s\"}}]},"
     "\"finish_reason\":\"stop\"}]}"},
    {CALL_RESPONSES, "response.output_text.delta",
     "{\"type\":\"response.output_text.delta\",\"sequence_number\":%d,\"delta\":\"%s\"}",
     "{\"type\":\"response.reasoning_summary_text.delta\",\"sequence_number\":%d,\"delta\":\"%s\"}",
     "{\"status\":\"completed\",\"n\":%d,\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\","
     "\"text\":"
     "\"%s\"}]}]}"},
    {CALL_MESSAGES, "content_block_delta",
     "{\"type\":\"content_block_delta\",\"n\":%d,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}",
     "{\"type\":\"content_block_delta\",\"n\":%d,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"%s\"}}",
     "{\"type\":\"message\",\"n\":%d,\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],\"stop_reason\":\"end_turn\"}"},
    {CALL_GENERATE, "", "{\"n\":%d,\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%s\"}]}}]}",
     "{\"n\":%d,\"candidates\":[{\"content\":{\"parts\":[{\"thought\":true,\"text\":\"%s\"}]}}]}",
     "{\"n\":%d,\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%s\"}]},\"finishReason\":\"STOP\"}]}"},
    {CALL_CONVERSE, "contentBlockDelta", "{\"n\":%d,\"delta\":{\"text\":\"%s\"}}",
     "{\"n\":%d,\"delta\":{\"reasoningContent\":{\"text\":\"%s\"}}}",
     "{\"n\":%d,\"output\":{\"message\":{\"content\":[{\"text\":\"%s\"}]}},\"stopReason\":\"end_turn\"}"},
    {CALL_COHERE_CHAT, "content-delta",
     "{\"type\":\"content-delta\",\"n\":%d,\"delta\":{\"message\":{\"content\":{\"text\":\"%s\"}}}}",
     "{\"type\":\"content-delta\",\"n\":%d,\"delta\":{\"message\":{\"content\":{\"thinking\":\"%s\"}}}}",
     "{\"id\":\"%d\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]},\"finish_reason\":\"COMPLETE\"}"},
};

static void fill(char out[512], const char *form, int n, const char *text)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    assert_true(snprintf(out, 512, form, n, text) < 512);
#pragma GCC diagnostic pop
}

/* Of a stream of these texts; one that begins with `~` is a thought. */
static uint64_t hash_streamed(const struct said *s, const char *const *texts, struct arena *arena)
{
    struct answer a;
    struct json doc;
    char event[512];
    json_init(&doc);
    answer_init(&a, arena);
    for (int i = 0; texts[i]; i++) {
        bool thought = texts[i][0] == '~';
        if (thought && !s->thought) continue;
        fill(event, thought ? s->thought : s->piece, i, texts[i] + thought);
        assert_int_equal(answer_feed(&a, s->kind, 0, &doc, str_from(s->event), str_from(event)), TAP_PASS);
    }
    json_free(&doc);
    return a.output_hash;
}

static uint64_t hash_whole(const struct said *s, int n, const char *text, struct arena *arena)
{
    struct answer a;
    struct json doc;
    char body[512];
    json_init(&doc);
    answer_init(&a, arena);
    fill(body, s->body, n, text);
    assert_true(answer_read(&a, s->kind, 0, &doc, str_from(body)));
    json_free(&doc);
    return a.output_hash;
}

static void tells_answers_apart(void **state)
{
    (void)state;
    static const char *const one[] = {"Nothing ", "\\\"new\\\".", NULL},
                             *const cut[] = {"No", "thing \\\"n", "ew\\\".", NULL},
                             *const thought[] = {"~Hm. ", "Nothing ", "~So?", "\\\"new\\\".", NULL},
                             *const other[] = {"Nothing ", "old.", NULL}, *const none[] = {"~Hm.", NULL};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        const struct said *s = &said[i];
        uint64_t hash = hash_streamed(s, one, &arena);
        if (!hash || hash != hash_streamed(s, cut, &arena)) fail_msg("row %zu: cut elsewhere", i);
        if (hash != hash_streamed(s, thought, &arena)) fail_msg("row %zu: other thoughts", i);
        if (hash == hash_streamed(s, other, &arena)) fail_msg("row %zu: another text", i);
        assert_int_equal(hash_streamed(s, none, &arena), 0);
        hash = hash_whole(s, 1, "Nothing new.", &arena);
        if (!hash || hash != hash_whole(s, 2, "Nothing new.", &arena)) fail_msg("row %zu: whole", i);
        if (hash == hash_whole(s, 1, "Nothing old.", &arena)) fail_msg("row %zu: whole, another text", i);
        assert_int_equal(hash_whole(s, 1, "", &arena), 0);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_errors),   cmocka_unit_test(renders_stream_errors),
        cmocka_unit_test(names_kinds),      cmocka_unit_test(stays_bounded),
        cmocka_unit_test(bounds_raw_usage), cmocka_unit_test(tells_answers_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Citations whose places no text and no source has: no sum with one overflows, and what cannot be is not told. Texts
 * that are larger than what is kept of one. */
#include "dialect/canon_cite.h"
#include "dialect/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define BEYOND "9223372036854775807"

static const struct {
    enum dialect_id from;
    const char *body;
} answers[] = {
    {DIALECT_CHAT, "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Old.\","
                   "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":" BEYOND
                   ",\"end_index\":" BEYOND ",\"url\":\"https://a/x\"}}]},\"finish_reason\":\"stop\"}]}"},
    {DIALECT_RESPONSES,
     "{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":["
     "{\"type\":\"output_text\",\"text\":\"Before.\"},{\"type\":\"output_text\",\"text\":\"Old.\",\"annotations\":["
     "{\"type\":\"url_citation\",\"start_index\":0,\"end_index\":" BEYOND ",\"url\":\"https://a/x\"},"
     "{\"type\":\"file_citation\",\"file_id\":\"f\",\"index\":" BEYOND "}]}]}]}"},
    {DIALECT_MESSAGES,
     "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Old.\","
     "\"citations\":[{\"type\":\"page_location\",\"cited_text\":\"x\",\"document_index\":" BEYOND
     ",\"start_page_number\":" BEYOND "}]}],\"stop_reason\":\"end_turn\"}"},
    {DIALECT_GEMINI,
     "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Before.\"},{\"text\":\"Old.\"}]},\"finishReason\":\"STOP\","
     "\"groundingMetadata\":{\"groundingChunks\":[{\"retrievedContext\":{\"uri\":\"g-1\",\"pageNumber\":" BEYOND "}}],"
     "\"groundingSupports\":[{\"segment\":{\"partIndex\":1,\"startIndex\":" BEYOND ",\"endIndex\":" BEYOND
     "},\"groundingChunkIndices\":[0]}]}}]}"},
    {DIALECT_CONVERSE,
     "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"citationsContent\":{\"content\":[{\"text\":"
     "\"Old.\"}],\"citations\":[{\"source\":\"s\",\"location\":{\"documentPage\":{\"documentIndex\":" BEYOND
     ",\"start\":" BEYOND "}}}]}}]}},\"stopReason\":\"end_turn\"}"},
    {DIALECT_COHERE,
     "{\"id\":\"c\",\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
     "\"text\":\"Before.\"},{\"type\":\"text\",\"text\":\"Old.\"}],\"citations\":[{\"start\":" BEYOND ",\"end\":" BEYOND
     ",\"text\":\"Old.\",\"content_index\":1,\"sources\":[{\"type\":\"document\",\"id\":\"d\"}]}]}}"},
};

static void expect_possible(const struct canon_citation *c)
{
    const int64_t numbers[] = {c->start, c->end, c->source, c->from, c->to};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) assert_in_range(numbers[i] + 1, 0, INT64_C(1) << 41);
}

static void places_beyond_any_text_are_none(void **state)
{
    static const struct canon_client client = {.model = STR_INIT("m"), .seed = STR_INIT("5eed"), .created_s = 1};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct canon_answer answer;
        struct arena arena;
        struct json doc;
        struct json_fail why;
        int cited = 0;
        arena_init(&arena);
        json_init(&doc);
        if (!json_parse(&doc, str_from(answers[i].body), &why)) fail_msg("%zu: %s", i, why.why);
        canon_answer_init(&answer, answers[i].from, &arena);
        assert_true(dialect_at(answers[i].from)->decode_answer(&doc, &answer));
        for (const struct canon_part *p = answer.choices->parts; p; p = p->next)
            for (const struct canon_citation *c = p->citations; c; c = c->next, cited++) expect_possible(c);
        assert_true(cited > 0);
        for (enum dialect_id to = 0; to < DIALECT_COUNT; to++) {
            struct buf out;
            buf_init(&out, 0);
            dialect_at(to)->encode_answer(&answer, &client, &out);
            assert_true(to == answers[i].from || str_find(buf_str(&out), S("92233720368547758"), 0) == SIZE_MAX);
            buf_free(&out);
        }
        json_free(&doc);
        arena_free(&arena);
    }
}

/* ---- what is kept of a text */

static struct buf heard;

static void emit(struct event_sink *sink, str name, str data)
{
    (void)sink, (void)name;
    buf_add(&heard, data);
}

static void block(struct canon_encoder *e, int64_t at, str piece, size_t times)
{
    struct canon_citation c = {.url = {S("\"https://a/x\"")}, .start = -1, .end = -1, .source = -1};
    struct canon_part part = {.kind = PART_TEXT}, cited = {.kind = PART_TEXT, .citations = &c};
    const struct dialect *d = dialect_at(e->dialect);
    d->encode_delta(e, &(struct canon_delta){.kind = DELTA_BLOCK_START, .block = at, .part = &part});
    for (size_t i = 0; i < times; i++)
        d->encode_delta(e, &(struct canon_delta){.kind = DELTA_TEXT, .block = at, .piece = {piece}});
    d->encode_delta(e, &(struct canon_delta){.kind = DELTA_CITATION, .block = at, .part = &cited});
    d->encode_delta(e, &(struct canon_delta){.kind = DELTA_BLOCK_STOP, .block = at});
}

/* Cohere repeats the words: those of a text above the ceiling are left out, and the next one's are told again. */
static void a_text_above_the_ceiling_hides_no_other(void **state)
{
    struct arena arena;
    struct event_sink sink = {emit, emit};
    (void)state;
    arena_init(&arena);
    buf_init(&heard, 0);
    struct canon_encoder e = {
        .dialect = DIALECT_COHERE, .sink = &sink, .arena = &arena, .model = S("m"), .seed = S("5eed"), .sequence = -1};
    str piece = arena_printf(&arena, "\"%0100000d\"", 1);
    dialect_at(e.dialect)->encode_delta(&e, &(struct canon_delta){.kind = DELTA_START, .from = DIALECT_MESSAGES});
    block(&e, 0, piece, 50);
    buf_clear(&heard);
    block(&e, 1, S("\"Short.\""), 1);
    assert_true(str_find(buf_str(&heard), S("\"end\":6,\"text\":\"Short.\""), 0) != SIZE_MAX);
    canon_encoder_free(&e);
    buf_free(&heard);
    arena_free(&arena);
}

/* ---- places in a text */

/* From any place to any other, in any order; and what was looked for is where the next one is looked for from. */
static void places_are_found_in_any_order(void **state)
{
    static const str chars[] = {
        STR_INIT("a"), STR_INIT("\\n"), STR_INIT("\\u00e9"), STR_INIT("é"), STR_INIT("\\ud83d\\ude00"),
        STR_INIT("😀"), STR_INIT("\\\\")};
    struct buf text;
    size_t begins[COUNT_OF(chars) + 1];
    (void)state;
    buf_init(&text, 0);
    for (size_t i = 0; i < COUNT_OF(chars); i++) {
        begins[i] = text.n;
        buf_add(&text, chars[i]);
    }
    begins[COUNT_OF(chars)] = text.n;
    for (int64_t before = 0; before <= (int64_t)COUNT_OF(chars) + 1; before++)
        for (int64_t start = 0; start <= (int64_t)COUNT_OF(chars); start++)
            for (int64_t end = start; end <= (int64_t)COUNT_OF(chars); end++) {
                struct canon_cursor at = {0};
                (void)canon_seek(&at, buf_str(&text), before);
                str words = canon_span(&at, buf_str(&text), start, end);
                assert_ptr_equal(words.p, text.p + begins[start]);
                assert_int_equal(words.n, begins[end] - begins[start]);
                assert_int_equal(at.chars, start);
                assert_int_equal(at.bytes, begins[start]);
            }
    buf_free(&text);
}

/* ---- cutting */

static struct canon_citation *cite(struct arena *arena, int64_t start, int64_t end, struct canon_citation *next)
{
    struct canon_citation *c = canon_cite_new(arena, DIALECT_CHAT);
    c->start = start;
    c->end = end;
    c->next = next;
    return c;
}

/* In any order, and what overlaps is one piece, up to the last of its ends. */
static void what_overlaps_is_one_piece(void **state)
{
    static const struct {
        const char *text;
        int citations;
    } want[] = {{"\"a\"", 0}, {"\"bcdefgh\"", 3}, {"\"i\"", 1}, {"\"j\"", 1}};
    struct arena arena;
    (void)state;
    arena_init(&arena);
    struct canon_citation *list = cite(&arena, 8, 9, cite(&arena, 3, 8, cite(&arena, 1, 5, cite(&arena, 6, 7, NULL))));
    struct canon_part part = {.kind = PART_TEXT, .text = {S("\"abcdefghij\"")}, .citations = list};
    list->next->next->next->next = cite(&arena, -1, -1, NULL); /* of all of it: at the end */
    const struct canon_part *p = canon_cut_cited(&arena, &part);
    for (size_t i = 0; i < COUNT_OF(want); i++, p = p->next) {
        int n = 0;
        assert_non_null(p);
        assert_true(str_eq(p->text.json, str_from(want[i].text)));
        for (const struct canon_citation *c = p->citations; c; c = c->next) n++;
        assert_int_equal(n, want[i].citations);
    }
    assert_null(p);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_overlaps_is_one_piece),
        cmocka_unit_test(places_are_found_in_any_order),
        cmocka_unit_test(a_text_above_the_ceiling_hides_no_other),
        cmocka_unit_test(places_beyond_any_text_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Citations of every family, whole and streamed, as the clients of every family get them: 72 ways. Each answer says the
 * same of the same text; what is read of it at the client must be what was read of it at the provider, but for what
 * the client's protocol has no place for, which `can` says. */
#include "dialect/canon_cite.h"
#include "dialect/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define BEGIN "Köln 😀 "
#define WEB   "is old."
#define DOC   "It has a dome."
#define TEXT  BEGIN WEB " " DOC

static const struct {
    bool quote_of_web, quote_of_document, pages, id, words_of_document, places_in_streams;
} can[DIALECT_COUNT] = {
    [DIALECT_CHAT] = {true, true, false, false, true, true},
    [DIALECT_RESPONSES] = {false, false, false, true, false, true}, /* a file_citation has a number alone */
    [DIALECT_MESSAGES] = {true, true, true, true, true, false},     /* a block's end is its citations' end */
    [DIALECT_GEMINI] = {false, true, true, true, true, true},
    [DIALECT_CONVERSE] = {true, true, true, true, true, false},
    [DIALECT_COHERE] = {true, true, false, true, true, true},
};

#define CHAT_LIST                                                                                                      \
    "[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":7,\"end_index\":14,\"url\":\"https://a/x\","        \
    "\"title\":\"A\",\"content\":\"since 38 BC\"}}]"
#define RESPONSES_WEB                                                                                                  \
    "{\"type\":\"url_citation\",\"start_index\":7,\"end_index\":14,\"url\":\"https://a/x\",\"title\":\"A\"}"
#define RESPONSES_DOC "{\"type\":\"file_citation\",\"file_id\":\"g-1\",\"filename\":\"Guide\",\"index\":0}"
#define MESSAGES_WEB                                                                                                   \
    "{\"type\":\"web_search_result_location\",\"cited_text\":\"since 38 BC\",\"encrypted_index\":\"I\","               \
    "\"title\":\"A\",\"url\":\"https://a/x\"}"
#define MESSAGES_DOC                                                                                                   \
    "{\"type\":\"page_location\",\"cited_text\":\"157 m\",\"document_index\":0,\"document_title\":\"Guide\","          \
    "\"start_page_number\":3,\"end_page_number\":4,\"file_id\":\"g-1\"}"
#define GEMINI_META                                                                                                    \
    "\"groundingMetadata\":{\"groundingChunks\":[{\"web\":{\"uri\":\"https://a/x\",\"title\":\"A\"}},"                 \
    "{\"retrievedContext\":{\"uri\":\"g-1\",\"title\":\"Guide\",\"text\":\"157 m\",\"pageNumber\":3}}],"               \
    "\"groundingSupports\":[{\"segment\":{\"startIndex\":11,\"endIndex\":18,\"text\":\"is old.\"},"                    \
    "\"groundingChunkIndices\":[0]},{\"segment\":{\"startIndex\":19,\"endIndex\":33},\"groundingChunkIndices\":[1]}]}"
#define CONVERSE_WEB                                                                                                   \
    "{\"title\":\"A\",\"sourceContent\":[{\"text\":\"since 38 "                                                        \
    "BC\"}],\"location\":{\"web\":{\"url\":\"https://a/x\"}}}"
#define CONVERSE_DOC                                                                                                   \
    "{\"title\":\"Guide\",\"source\":\"g-1\",\"sourceContent\":[{\"text\":\"157 m\"}],"                                \
    "\"location\":{\"documentPage\":{\"documentIndex\":0,\"start\":3,\"end\":4}}}"
#define COHERE_WEB                                                                                                     \
    "{\"start\":7,\"end\":14,\"text\":\"is old.\",\"sources\":[{\"type\":\"document\",\"id\":\"d-0\",\"document\":"    \
    "{\"id\":\"d-0\",\"title\":\"A\",\"url\":\"https://a/x\",\"snippet\":\"since 38 BC\"}}],"                          \
    "\"content_index\":0,\"type\":\"TEXT_CONTENT\"}"
#define COHERE_DOC                                                                                                     \
    "{\"start\":15,\"end\":29,\"text\":\"It has a dome.\",\"sources\":[{\"type\":\"document\",\"id\":\"g-1\","         \
    "\"document\":{\"id\":\"g-1\",\"title\":\"Guide\",\"snippet\":\"157 m\"}}],"                                       \
    "\"content_index\":0,\"type\":\"TEXT_CONTENT\"}"

static const char *const wholes[DIALECT_COUNT] = {
    [DIALECT_CHAT] =
        "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":"
        "0,\"message\":{\"role\":\"assistant\",\"content\":\"" TEXT "\",\"annotations\":" CHAT_LIST
        "},\"finish_reason\":\"stop\"}]}",
    [DIALECT_RESPONSES] =
        "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":"
        "\"message\",\"id\":\"msg\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"" TEXT
        "\",\"annotations\":[" RESPONSES_WEB "," RESPONSES_DOC "]}]}]}",
    [DIALECT_MESSAGES] =
        "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\","
        "\"text\":\"" BEGIN "\"},{\"type\":\"text\",\"text\":\"" WEB "\",\"citations\":[" MESSAGES_WEB
        "]},{\"type\":\"text\",\"text\":\" \"},{\"type\":\"text\",\"text\":\"" DOC "\",\"citations\":[" MESSAGES_DOC
        "]}],\"stop_reason\":\"end_turn\"}",
    [DIALECT_GEMINI] = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" TEXT
                       "\"}],\"role\":\"model\"},\"finishReason\":\"STOP\"," GEMINI_META "}]}",
    [DIALECT_CONVERSE] =
        "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"" BEGIN
        "\"},{\"citationsContent\":{\"content\":[{\"text\":\"" WEB "\"}],\"citations\":[" CONVERSE_WEB
        "]}},{\"text\":\" \"},{\"citationsContent\":{\"content\":[{\"text\":\"" DOC "\"}],\"citations\":[" CONVERSE_DOC
        "]}}]}},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":1,\"outputTokens\":1}}",
    [DIALECT_COHERE] = "{\"id\":\"c\",\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":\"assistant\",\"content\":[{"
                       "\"type\":\"text\",\"text\":\"" TEXT "\"}],\"citations\":[" COHERE_WEB "," COHERE_DOC "]}}",
};

#define CHUNK(delta)         "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n"
#define EVENT(type, members) "event: " type "\ndata: {\"type\":\"" type "\"," members "}\n"
#define OF_ITEM              "\"item_id\":\"msg\",\"output_index\":0,\"content_index\":0,"
#define BLOCK(i, delta)      EVENT("content_block_delta", "\"index\":" i ",\"delta\":{" delta "}")
#define BLOCK_START(i)                                                                                                 \
    EVENT("content_block_start", "\"index\":" i ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
#define BLOCK_STOP(i)            EVENT("content_block_stop", "\"index\":" i)
#define PIECE(text)              "\"type\":\"text_delta\",\"text\":\"" text "\""
#define CITE(c)                  "\"type\":\"citations_delta\",\"citation\":" c
#define CONVERSE_DELTA(i, delta) "event: contentBlockDelta\ndata: {\"contentBlockIndex\":" i ",\"delta\":{" delta "}}\n"
#define CONVERSE_STOP(i)         "event: contentBlockStop\ndata: {\"contentBlockIndex\":" i "}\n"
#define COHERE_TEXT(text)                                                                                              \
    EVENT("content-delta", "\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"" text "\"}}}")
#define COHERE_CITE(c)     EVENT("citation-start", "\"index\":0,\"delta\":{\"message\":{\"citations\":" c "}}")
#define GEMINI_CHUNK(text) "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text "\"}]}}]}\n"

static const char *const streams[DIALECT_COUNT] = {
    [DIALECT_CHAT] = CHUNK("\"role\":\"assistant\",\"content\":\"\"") CHUNK("\"content\":\"" BEGIN WEB "\"")
        CHUNK("\"content\":\" " DOC "\"") CHUNK("\"annotations\":" CHAT_LIST),
    [DIALECT_RESPONSES] = EVENT("response.output_text.delta", OF_ITEM "\"delta\":\"" BEGIN WEB "\"")
        EVENT("response.output_text.annotation.added", OF_ITEM "\"annotation_index\":0,\"annotation\":" RESPONSES_WEB)
            EVENT("response.output_text.delta", OF_ITEM "\"delta\":\" " DOC "\"")
                EVENT("response.output_text.annotation.added",
                      OF_ITEM "\"annotation_index\":1,\"annotation\":" RESPONSES_DOC),
    [DIALECT_MESSAGES] =
        BLOCK_START("0") BLOCK("0", PIECE(BEGIN)) BLOCK_STOP("0") BLOCK_START("1") BLOCK("1", CITE(MESSAGES_WEB))
            BLOCK("1", PIECE("is ")) BLOCK("1", PIECE("old.")) BLOCK_STOP("1") BLOCK_START("2") BLOCK("2", PIECE(" "))
                BLOCK_STOP("2") BLOCK_START("3") BLOCK("3", PIECE(DOC)) BLOCK("3", CITE(MESSAGES_DOC)) BLOCK_STOP("3"),
    [DIALECT_GEMINI] =
        GEMINI_CHUNK(BEGIN "is") GEMINI_CHUNK(" old. " DOC) "data: "
                                                            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]"
                                                            "},\"finishReason\":\"STOP\"," GEMINI_META "}]}\n",
    [DIALECT_CONVERSE] = CONVERSE_DELTA("0", "\"text\":\"" BEGIN "\"") CONVERSE_STOP("0")
        CONVERSE_DELTA("1", "\"text\":\"" WEB "\"") CONVERSE_DELTA("1", "\"citation\":" CONVERSE_WEB) CONVERSE_STOP("1")
            CONVERSE_DELTA("2", "\"text\":\" \"") CONVERSE_STOP("2") CONVERSE_DELTA("3", "\"citation\":" CONVERSE_DOC)
                CONVERSE_DELTA("3", "\"text\":\"" DOC "\"") CONVERSE_STOP("3"),
    [DIALECT_COHERE] =
        EVENT("content-start", "\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}")
            COHERE_TEXT(BEGIN WEB) COHERE_CITE(COHERE_WEB) COHERE_TEXT(" " DOC) COHERE_CITE(COHERE_DOC)
                EVENT("content-end", "\"index\":0"),
};

/* ---- what is said */

struct reading {
    struct canon_sink sink;
    struct canon_encoder encoder; /* of the client; of no use where `to` is NULL */
    const struct dialect *to;
    struct arena *arena;
    struct canon_choice choice; /* what came of a stream, as a whole answer's */
    struct buf text;
};

static void take(struct canon_sink *sink, const struct canon_delta *d)
{
    struct reading *r = CONTAINER_OF(sink, struct reading, sink);
    if (r->to) r->to->encode_delta(&r->encoder, d);
    struct canon_choice *c = &r->choice;
    if (d->kind == DELTA_BLOCK_START) {
        c->last_part = canon_add_part(r->arena, &c->parts, d->part->kind);
        r->text.n = 0;
    } else if (d->kind == DELTA_TEXT) {
        buf_add(&r->text, canon_inside(d->piece));
    } else if (d->kind == DELTA_CITATION) {
        assert_non_null(d->part);
        struct canon_citation **end = &c->last_part->citations, *own = canon_cite_keep(r->arena, d->part->citations);
        while (*end) end = &(*end)->next;
        assert_null(d->part->citations->next);
        *end = own;
    } else if (d->kind == DELTA_BLOCK_STOP) {
        c->last_part->text = (jraw){arena_printf(r->arena, "\"%" STR_FMT "\"", STR_ARG(buf_str(&r->text)))};
    }
}

/* Bytes of so many characters. */
static size_t bytes_of(str text, int64_t chars)
{
    size_t i = 0;
    for (int64_t n = 0; i < text.n; i++)
        if (((unsigned char)text.p[i] & 0xc0) != 0x80 && n++ == chars) return i;
    return text.n;
}

static void say(struct buf *out, struct arena *arena, const struct canon_part *parts, enum dialect_id client,
                bool words_of_web, bool words_of_document)
{
    for (const struct canon_part *p = parts; p; p = p->next)
        for (const struct canon_citation *c = p->citations; c; c = c->next) {
            bool web = c->url.json.p != NULL;
            str text = canon_decode(arena, p->text);
            size_t from = bytes_of(text, c->start), to = c->start < 0 ? text.n : bytes_of(text, c->end);
            if (c->start < 0) from = 0;
            buf_printf(out, "%s %" STR_FMT, web ? "web" : "document", STR_ARG(c->title.json));
            if (web) buf_printf(out, " %" STR_FMT, STR_ARG(c->url.json));
            if (!web && can[client].id) buf_printf(out, " %" STR_FMT, STR_ARG(c->id.json));
            if (web ? words_of_web : words_of_document)
                buf_printf(out, " of '%" STR_FMT "'", STR_ARG(str_of(text.p + from, to - from)));
            if (c->quote.json.n > 2 && (web ? can[client].quote_of_web : can[client].quote_of_document))
                buf_printf(out, " says %" STR_FMT, STR_ARG(c->quote.json));
            if (c->place == PLACE_PAGES && can[client].pages) buf_printf(out, " pages %d-%d", (int)c->from, (int)c->to);
            buf_add_byte(out, '\n');
        }
}

static void read_whole(struct json *doc, str body, enum dialect_id of, struct canon_answer *out, struct arena *arena)
{
    struct json_fail why;
    if (!json_parse(doc, body, &why)) fail_msg("%.*s: %s", (int)body.n, body.p, why.why);
    canon_answer_init(out, of, arena);
    assert_true(dialect_at(of)->decode_answer(doc, out));
    assert_non_null(out->choices);
}

static void read_stream(struct json *doc, str text, enum dialect_id of, struct reading *r)
{
    struct canon_decoder decoder = {.dialect = of, .arena = r->arena, .sink = &r->sink};
    struct answer tap;
    struct json_fail why;
    str event = STR_NONE;
    answer_init(&tap, r->arena);
    r->sink.take = take;
    buf_init(&r->text, 0);
    for (str rest = text; rest.p;) {
        str line = str_cut(&rest, '\n');
        if (str_starts(line, S("event:"))) event = str_trim(str_from_at(line, 6));
        str data = str_trim(str_from_at(line, str_starts(line, S("data:")) ? 5 : line.n));
        if (!data.n || str_eq(data, S("[DONE]"))) continue;
        if (!json_parse(doc, data, &why)) fail_msg("%.*s: %s", (int)data.n, data.p, why.why);
        dialect_at(of)->decode_event(&decoder, doc, event);
        event = STR_NONE;
    }
    dialect_at(of)->decode_end(&decoder, &tap);
    assert_null(decoder.broken);
    buf_free(&r->text);
}

static void compare(enum dialect_id from, enum dialect_id to, const char *how, struct buf *want, struct buf *got)
{
    if (!str_eq(buf_str(want), buf_str(got)))
        fail_msg("%.*s to %.*s, %s: expected\n%.*sgot\n%.*s", (int)dialect_at(from)->name.n, dialect_at(from)->name.p,
                 (int)dialect_at(to)->name.n, dialect_at(to)->name.p, how, (int)want->n, want->p, (int)got->n, got->p);
    assert_true(want->n > 20);
}

static void one_whole(enum dialect_id from, enum dialect_id to)
{
    struct arena arena;
    struct json doc, again;
    struct canon_answer told, heard;
    const struct canon_client client = {.model = S("m"), .seed = S("0123456789abcdef"), .created_s = 1};
    struct buf want, got, body;
    arena_init(&arena);
    json_init(&doc);
    json_init(&again);
    buf_init(&want, 0);
    buf_init(&got, 0);
    buf_init(&body, 0);
    read_whole(&doc, str_from(wholes[from]), from, &told, &arena);
    bool words = can[to].words_of_document && can[from].words_of_document;
    say(&want, &arena, told.choices->parts, to, true, words);
    dialect_at(to)->encode_answer(&told, &client, &body);
    read_whole(&again, buf_str(&body), to, &heard, &arena);
    say(&got, &arena, heard.choices->parts, to, true, words);
    compare(from, to, "whole", &want, &got);
    buf_free(&want);
    buf_free(&got);
    buf_free(&body);
    json_free(&doc);
    json_free(&again);
    arena_free(&arena);
}

/* Where the provider's citations come when their text is gone, a client of blocks has them at the whole text. */
static void one_stream(enum dialect_id from, enum dialect_id to)
{
    struct arena arena;
    struct json doc;
    struct buf want, got, body;
    struct sse_sink sse;
    arena_init(&arena);
    json_init(&doc);
    buf_init(&want, 0);
    buf_init(&got, 0);
    buf_init(&body, 0);
    sse_sink_init(&sse, &body, false);
    struct reading told = {.to = dialect_at(to), .arena = &arena}, heard = {.arena = &arena};
    told.encoder = (struct canon_encoder){.dialect = to,
                                          .sink = &sse.sink,
                                          .arena = &arena,
                                          .model = S("m"),
                                          .seed = S("0123456789abcdef"),
                                          .created_s = 1,
                                          .sequence = -1};
    bool web = can[to].places_in_streams || !can[from].places_in_streams;
    bool document = web && can[to].words_of_document && can[from].words_of_document;
    read_stream(&doc, str_from(streams[from]), from, &told);
    say(&want, &arena, told.choice.parts, to, web, document);
    read_stream(&doc, buf_str(&body), to, &heard);
    say(&got, &arena, heard.choice.parts, to, web, document);
    compare(from, to, "streamed", &want, &got);
    canon_encoder_free(&told.encoder);
    buf_free(&want);
    buf_free(&got);
    buf_free(&body);
    json_free(&doc);
    arena_free(&arena);
}

static void whole_answers_keep_their_citations(void **state)
{
    (void)state;
    for (enum dialect_id from = 0; from < DIALECT_COUNT; from++)
        for (enum dialect_id to = 0; to < DIALECT_COUNT; to++) one_whole(from, to);
}

static void streams_keep_their_citations(void **state)
{
    (void)state;
    for (enum dialect_id from = 0; from < DIALECT_COUNT; from++)
        for (enum dialect_id to = 0; to < DIALECT_COUNT; to++) one_stream(from, to);
}

/* What the pairs are compared with is itself what was written above: read wrongly twice would be equal, too. */
static void providers_are_understood(void **state)
{
    struct arena arena;
    struct json doc;
    struct buf got;
    (void)state;
    for (enum dialect_id from = 0; from < DIALECT_COUNT; from++) {
        struct canon_answer told;
        struct reading r = {.arena = &arena};
        arena_init(&arena);
        json_init(&doc);
        buf_init(&got, 0);
        read_whole(&doc, str_from(wholes[from]), from, &told, &arena);
        say(&got, &arena, told.choices->parts, DIALECT_MESSAGES, true, true);
        read_stream(&doc, str_from(streams[from]), from, &r);
        size_t whole = got.n;
        say(&got, &arena, r.choice.parts, DIALECT_MESSAGES, true, true);
        str a = str_head(buf_str(&got), whole), b = str_from_at(buf_str(&got), whole);
        assert_true(str_eq(a, b));
        assert_true(str_starts(a, S("web \"A\" \"https://a/x\" of 'is old.'")));
        bool quote = from != DIALECT_RESPONSES && from != DIALECT_GEMINI;
        assert_int_equal(quote, str_find(a, S("says \"since 38 BC\""), 0) != SIZE_MAX);
        bool document = from != DIALECT_CHAT, words = document && from != DIALECT_RESPONSES;
        assert_int_equal(document, str_find(a, S("document \"Guide\" \"g-1\""), 0) != SIZE_MAX);
        assert_int_equal(words, str_find(a, S("of 'It has a dome.' says \"157 m\""), 0) != SIZE_MAX);
        assert_int_equal(words && from != DIALECT_COHERE, str_find(a, S("pages 3-4"), 0) != SIZE_MAX);
        buf_free(&got);
        json_free(&doc);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(providers_are_understood),
        cmocka_unit_test(whole_answers_keep_their_citations),
        cmocka_unit_test(streams_keep_their_citations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

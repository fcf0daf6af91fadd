/* A translated stream that goes on for hours does not make the call's arena grow: what its events bring dies with
 * them. Citations, signatures and calls leave something, up to a ceiling (flow/translate.c). */
#include "dialect/codec.h"

#include "cases.h"

struct shape {
    const char *what;
    enum call_kind kind;
    const char *name; /* of the event */
    const char *opening[4];
    const char *event;
};

#define ESCAPED "a\\n\\\"b\\\" \\u00e9 \\ud83d\\ude00 tail"

static const struct shape shapes[] = {
    {"chat text",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\\u0041\",\"model\":\"m\\u0041\",\"service_tier\":\"d\\u0041\",\"choices\":[{\"index\":0,\"delta\":{"
     "\"content\":\"" ESCAPED "\"},\"finish_reason\":null}]}"},
    {"chat logprobs",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" ESCAPED
     "\"},\"logprobs\":{\"content\":[{\"token\":\"a\\n\",\"logprob\":-1,\"bytes\":[1],\"top_logprobs\":[]}]}}]}"},
    {"chat reasoning",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"" ESCAPED "\"}}]}"},
    {"chat reasoning_details",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":"
     "\"" ESCAPED "\",\"id\":\"r\\u0041\",\"index\":0}]}}]}"},
    {"chat refusal",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"" ESCAPED "\"}}]}"},
    {"chat usage",
     CALL_CHAT,
     "",
     {"{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}"},
     "{\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}"},
    {"chat extras",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\",\"system_fingerprint\":\"f\\u0041\",\"choices\":[{\"index\":0,\"x\":\"y\",\"delta\":{\"content\":"
     "\"x\",\"z\":\"y\\u0041\"}}]}"},
    {"chat sources, of which one is of another kind",
     CALL_CHAT,
     "",
     {0},
     "{\"id\":\"c\",\"search_results\":[{\"url\":\"https://a/x\",\"title\":\"" ESCAPED "\"},{\"title\":\"x\"}],"
     "\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"" ESCAPED "\"}}]}"},
    {"messages text",
     CALL_MESSAGES,
     "content_block_delta",
     {"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{\"input_tokens\":1}}}",
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"},
     "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" ESCAPED "\"}}"},
    {"messages thinking",
     CALL_MESSAGES,
     "content_block_delta",
     {"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{\"input_tokens\":1}}}",
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\","
      "\"signature\":\"\"}}"},
     "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"" ESCAPED
     "\"}}"},
    {"messages ping",
     CALL_MESSAGES,
     "ping",
     {"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{\"input_tokens\":1}}}"},
     "{\"type\":\"ping\"}"},
    {"messages start again",
     CALL_MESSAGES,
     "message_start",
     {0},
     "{\"type\":\"message_start\",\"message\":{\"id\":\"m\\u0041\",\"model\":\"m\\u0041\",\"usage\":{\"input_tokens\":"
     "1}}}"},
    {"messages delta",
     CALL_MESSAGES,
     "message_delta",
     {"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"m\",\"usage\":{\"input_tokens\":1}}}"},
     "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end\\u005fturn\"},\"usage\":{\"output_tokens\":5}}"},
    {"gemini text",
     CALL_GENERATE,
     "",
     {0},
     "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"" ESCAPED
     "\"}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":2},\"modelVersion\":"
     "\"g\\u0041\",\"responseId\":\"r\\u0041\"}"},
    {"gemini thought",
     CALL_GENERATE,
     "",
     {0},
     "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" ESCAPED "\",\"thought\":true}]}}],\"responseId\":\"r\"}"},
    {"gemini without id",
     CALL_GENERATE,
     "",
     {0},
     "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" ESCAPED "\"}]}}]}"},
    {"gemini empty parts",
     CALL_GENERATE,
     "",
     {0},
     "{\"candidates\":[{\"content\":{\"parts\":[]}}],\"responseId\":\"r\"}"},
    {"converse text",
     CALL_CONVERSE,
     "contentBlockDelta",
     {0},
     "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"" ESCAPED "\"},\"p\":\"abc\"}"},
    {"converse thought",
     CALL_CONVERSE,
     "contentBlockDelta",
     {0},
     "{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":\"" ESCAPED "\"}},\"p\":\"abc\"}"},
    {"cohere text",
     CALL_COHERE_CHAT,
     "",
     {"{\"type\":\"message-start\",\"id\":\"i\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}",
      "{\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}"
      "}"},
     "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"" ESCAPED "\"}}}}"},
    {"cohere citation",
     CALL_COHERE_CHAT,
     "",
     {"{\"type\":\"message-start\",\"id\":\"i\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}",
      "{\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}"
      "}"},
     "{\"type\":\"citation-start\",\"index\":0,\"delta\":{\"message\":{\"citations\":{\"start\":0,\"end\":1,\"text\":"
     "\"" ESCAPED "\",\"sources\":[{\"type\":\"document\",\"id\":\"d\",\"document\":{\"title\":\"t\\u0041\"}}]}}}}"},
    {"responses reasoning",
     CALL_RESPONSES,
     "response.reasoning_summary_text.delta",
     {"{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"model\":\"m\",\"output\":[]}}",
      "{\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"i\","
      "\"type\":\"reasoning\",\"summary\":[]}}",
      "{\"type\":\"response.reasoning_summary_part.added\",\"sequence_number\":2,\"item_id\":\"i\",\"output_index\":0,"
      "\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\"\"}}"},
     "{\"type\":\"response.reasoning_summary_text.delta\",\"sequence_number\":3,\"item_id\":\"i\",\"output_index\":0,"
     "\"summary_index\":0,\"delta\":\"" ESCAPED "\"}"},
    {"responses annotation",
     CALL_RESPONSES,
     "response.output_text.annotation.added",
     {"{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"model\":\"m\",\"output\":[]}}",
      "{\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"i\","
      "\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}}",
      "{\"type\":\"response.content_part.added\",\"sequence_number\":2,\"item_id\":\"i\",\"output_index\":0,\"content_"
      "index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}"},
     "{\"type\":\"response.output_text.annotation.added\",\"sequence_number\":3,\"item_id\":\"i\",\"output_index\":0,"
     "\"content_index\":0,\"annotation_index\":0,\"annotation\":{\"type\":\"url_citation\",\"url\":\"https:\\/\\/"
     "x\",\"title\":\"t\\u0041\",\"start_index\":0,\"end_index\":1}}"},
    {"responses item without end",
     CALL_RESPONSES,
     "response.output_item.added",
     {"{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"model\":\"m\",\"output\":[]}"
      "}"},
     "{\"type\":\"response.output_item.added\",\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"i\\u0041\","
     "\"type\":\"web_search_call\",\"status\":\"x\\u0041\"}}"},
};

struct counter {
    struct canon_sink sink;
    struct canon_encoder *encoder;
};

static void take(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct canon_encoder *e = CONTAINER_OF(sink, struct counter, sink)->encoder;
    dialect_at(e->dialect)->encode_delta(e, delta);
}

static void emit(struct event_sink *sink, str name, str data)
{
    (void)sink, (void)name, (void)data;
}

struct stream {
    struct json doc;
    struct arena arena;
    struct answer tap;
    struct canon_decoder decoder;
    struct canon_encoder encoder;
    struct counter counter;
    struct event_sink out;
};

static bool feed(struct stream *s, const struct shape *shape, const char *event)
{
    str data = str_from(event);
    enum tap_verdict v = answer_feed(&s->tap, shape->kind, 0, &s->doc, S(""), data);
    if (shape->kind == CALL_CONVERSE) v = answer_feed(&s->tap, shape->kind, 0, &s->doc, str_from(shape->name), data);
    if (v == TAP_ERROR || v == TAP_END) return false;
    dialect_of(shape->kind)->decode_event(&s->decoder, &s->doc, str_from(shape->name));
    return !s->decoder.broken && !s->encoder.broken;
}

static void begin(struct stream *s, const struct shape *shape, enum dialect_id to)
{
    *s = (struct stream){.out = {emit, emit}};
    json_init(&s->doc);
    arena_init(&s->arena);
    answer_init(&s->tap, &s->arena);
    s->counter = (struct counter){{take}, &s->encoder};
    s->decoder =
        (struct canon_decoder){.dialect = call_kind_dialect(shape->kind), .arena = &s->arena, .sink = &s->counter.sink};
    s->encoder = (struct canon_encoder){.dialect = to,
                                        .sink = &s->out,
                                        .arena = &s->arena,
                                        .model = S("m"),
                                        .seed = S("5eed"),
                                        .include_usage = true,
                                        .sequence = -1};
}

enum { EARLY = 400, ALL = 2000 };

static size_t left_by(const struct shape *shape, enum dialect_id to)
{
    struct stream s;
    size_t early = 0;
    begin(&s, shape, to);
    for (size_t i = 0; i < COUNT_OF(shape->opening) && shape->opening[i]; i++)
        assert_true(feed(&s, shape, shape->opening[i]));
    for (int n = 0; n < ALL; n++) {
        if (!feed(&s, shape, shape->event)) fail_msg("%s: ended at %d", shape->what, n);
        if (n == EARLY) early = s.arena.total;
    }
    size_t left = s.arena.total - early;
    canon_encoder_free(&s.encoder);
    json_free(&s.doc);
    arena_free(&s.arena);
    return left;
}

/* What a stream may keep of each event. A client of Responses is told at the end all that it was told. Clients of Gemini
 * and Cohere are told the words that a citation is of, and Gemini's own places are bytes of the text: it is kept, up to
 * a ceiling (canon_words). Citations wait for the end of their text. */
static size_t may_keep(const struct shape *shape, enum dialect_id to)
{
    bool text = to == DIALECT_RESPONSES || to == DIALECT_GEMINI || to == DIALECT_COHERE || shape->kind == CALL_GENERATE;
    return text || strstr(shape->what, "citation") ? 4 * strlen(shape->event) : 0;
}

static void nothing_is_left_of_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        for (enum dialect_id to = 0; to < DIALECT_COUNT; to++) {
            size_t left = left_by(&shapes[i], to);
            if (left > may_keep(&shapes[i], to) * ALL)
                fail_msg("%s to %d: %zu bytes are left", shapes[i].what, (int)to, left);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_events),
    };
    return cmocka_run_group_tests_name("dialect/long_streams", tests, NULL, NULL);
}

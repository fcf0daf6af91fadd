/* The tier that served an answer, from every family to every other's clients, whole and streamed: by its meaning, in a
 * word that the client's protocol knows. OpenAI's and Anthropic's tell it; the others' clients are not told. */
#include "dialect/canon_stream.h"
#include "dialect/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* An answer of each family; one hole: the tier. */
static const struct {
    enum dialect_id of;
    const char *body;
} families[] = {
    {DIALECT_CHAT, "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"service_tier\":\"%s\","
                   "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Aye\"},"
                   "\"finish_reason\":\"stop\"}]}"},
    {DIALECT_RESPONSES, "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"model\":\"m\",\"status\":"
                        "\"completed\",\"service_tier\":\"%s\",\"output\":[{\"type\":\"message\",\"id\":\"msg_1\","
                        "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Aye\"}]}]}"},
    {DIALECT_MESSAGES,
     "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{"
     "\"type\":\"text\",\"text\":\"Aye\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,"
     "\"output_tokens\":1,\"service_tier\":\"%s\"}}"},
    {DIALECT_GEMINI, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Aye\"}]},"
                     "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":1,\"serviceTier\":\"%s\"}}"},
    {DIALECT_CONVERSE, "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"Aye\"}]}},"
                       "\"stopReason\":\"end_turn\",\"serviceTier\":{\"type\":\"%s\"}}"},
};

/* What clients of OpenAI and Anthropic read. Every word that is recorded or in a client's types. */
static const struct {
    const char *served, *openai, *anthropic;
} tiers[] = {
    {"default", "default", "standard"},   {"standard", "default", "standard"},
    {"STANDARD", "default", "standard"},  {"unspecified", "default", "standard"},
    {"on_demand", "default", "standard"}, {"flex", "flex", "batch"},
    {"batch", "flex", "batch"},           {"priority", "priority", "priority"},
    {"scale", "scale", "priority"},       {"reserved", "scale", "priority"},
    {"provisioned", "scale", "priority"}, {"never_heard_of", NULL, "standard"},
};

struct collected {
    struct canon_sink sink;
    struct event_sink events;
    struct canon_encoder encoder;
    const struct dialect *to;
    struct buf text;
};

static void collect(struct event_sink *sink, str name, str data)
{
    struct collected *c = CONTAINER_OF(sink, struct collected, events);
    (void)name;
    buf_printf(&c->text, "%.*s\n", STR_ARG(data));
}

static void relay(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct collected *c = CONTAINER_OF(sink, struct collected, sink);
    struct canon_delta d = *delta;
    c->to->encode_delta(&c->encoder, &d);
}

/* Every `"service_tier":"..."` is that word; NULL: there is none. Returns how many there are. */
static size_t check_words(const char *what, str text, const char *word)
{
    const str key = S("\"service_tier\":\"");
    size_t count = 0;
    for (size_t at = 0; (at = str_find(text, key, at)) != SIZE_MAX; count++) {
        at += key.n;
        str rest = str_from_at(text, at), value = str_cut(&rest, '"');
        if (!word || !str_eq(value, str_from(word)))
            fail_msg("%s: '%.*s' instead of '%s'", what, STR_ARG(value), word ? word : "nothing");
    }
    if (word && !count) fail_msg("%s: no tier in %.*s", what, STR_ARG(text));
    return count;
}

static void check(size_t f, size_t t, enum dialect_id client)
{
    struct arena arena;
    struct json doc;
    struct json_fail why;
    struct canon_answer answer;
    char body[1024], what[128];
    const struct dialect *from = dialect_at(families[f].of), *to = dialect_at(client);
    bool anthropic = client == DIALECT_MESSAGES, responses = client == DIALECT_RESPONSES;
    const char *word = anthropic ? tiers[t].anthropic : tiers[t].openai;
    if (responses && !word) word = "default"; /* the member must stand there */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, families[f].body, tiers[t].served);
#pragma GCC diagnostic pop
    snprintf(what, sizeof what, "%.*s by %s to %.*s", STR_ARG(from->name), tiers[t].served, STR_ARG(to->name));
    arena_init(&arena);
    json_init(&doc);
    assert_true(json_parse(&doc, arena_str(&arena, str_from(body)), &why));
    canon_answer_init(&answer, families[f].of, &arena);
    assert_true(kind_decode_answer(from->kind, &doc, &answer));

    struct canon_client whole = {.model = S("m"), .seed = S("0123456789abcdef"), .created_s = 1};
    struct buf out;
    buf_init(&out, 0);
    kind_encode_answer(to->kind, &answer, &whole, &out);
    check_words(what, buf_str(&out), word);
    buf_free(&out);

    struct collected c = {.sink = {relay}, .events = {.emit = collect, .fail = collect}, .to = to};
    buf_init(&c.text, 0);
    c.encoder = (struct canon_encoder){.dialect = client,
                                       .sink = &c.events,
                                       .arena = &arena,
                                       .model = S("m"),
                                       .seed = S("0123456789abcdef"),
                                       .created_s = 1,
                                       .sequence = -1};
    canon_replay(&answer, &c.sink);
    check_words(what, buf_str(&c.text), word);
    canon_encoder_free(&c.encoder);
    buf_free(&c.text);
    json_free(&doc);
    arena_free(&arena);
}

static void test_tiers(void **state)
{
    (void)state;
    static const enum dialect_id clients[] = {DIALECT_CHAT, DIALECT_RESPONSES, DIALECT_MESSAGES};
    for (size_t f = 0; f < COUNT_OF(families); f++)
        for (size_t t = 0; t < COUNT_OF(tiers); t++)
            for (size_t c = 0; c < COUNT_OF(clients); c++)
                if (clients[c] != families[f].of) check(f, t, clients[c]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tiers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

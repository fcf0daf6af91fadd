/* Every recorded answer through its own dialect: decoded and encoded it has lost no
 * field; a stream decoded, encoded and decoded again says the same. */
#include "dialect/dialect.h"

#include "../recordings.h"
#include "net/event_stream.h"
#include "net/sse.h"

static const char *const files[] = {
    "anthropic",  "azure-foundry", "azure",    "bedrock",     "cerebras", "cohere", "deepseek",
    "gemini",     "gpustack",      "groq",     "huggingface", "mistral",  "ollama", "openai",
    "openrouter", "perplexity",    "together", "vertex",      "xai",      "zai",
};

/* Which dialect an address speaks. */
static const struct {
    const char *ends;
    enum dialect_id dialect;
} addresses[] = {
    {"/chat/completions", DIALECT_CHAT},        {"/responses", DIALECT_RESPONSES},
    {"/v1/messages", DIALECT_MESSAGES},         {":generateContent", DIALECT_GEMINI},
    {":streamGenerateContent", DIALECT_GEMINI}, {"/converse", DIALECT_CONVERSE},
    {"/converse-stream", DIALECT_CONVERSE},     {"/v2/chat", DIALECT_COHERE},
};

struct tally {
    int answers, streams, lost;
};

struct bench {
    struct json doc, again;
    struct tally of[DIALECT_COUNT];
};

static enum dialect_id dialect_of_path(str path)
{
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        if (str_ends(path, str_from(addresses[i].ends))) return addresses[i].dialect;
    return DIALECT_COUNT;
}

static void wrong(const struct recording *r, const char *what, str more)
{
    fail_msg("%.*s %.*s: %s: %.*s", (int)r->provider.n, r->provider.p, (int)r->id.n, r->id.p, what,
             (int)(more.n < 2000 ? more.n : 2000), more.n ? more.p : "");
}

/* ---- whole answers */

static void check_answer(struct recording *r, struct bench *b, enum dialect_id id)
{
    const struct dialect *d = dialect_at(id);
    struct answer tap;
    struct canon_answer answer;
    struct canon_client client = {.model = S("asked"), .seed = S("seed"), .created_s = 1};
    struct buf out, where;
    struct json_fail why;
    answer_init(&tap, r->arena);
    canon_answer_init(&answer, id, r->arena);
    if (!answer_read(&tap, d->kind, 0, &b->doc, r->response) || tap.failed) return;
    if (!d->decode_answer(&b->doc, &answer)) wrong(r, "not decoded", r->response);
    answer.usage = tap.usage;
    buf_init(&out, 0);
    buf_init(&where, 0);
    d->encode_answer(&answer, &client, &out);
    if (!json_parse(&b->again, buf_str(&out), &why)) wrong(r, why.why, buf_str(&out));
    if (!json_alike(&b->doc, JSON_ROOT, &b->again, JSON_ROOT, &where)) {
        print_message("%.*s: differs at %.*s\n", (int)r->id.n, r->id.p, (int)where.n, where.n ? where.p : "");
        b->of[id].lost++;
    }
    b->of[id].answers++;
    buf_free(&out);
    buf_free(&where);
}

/* ---- streams, as a transcript: what was said in which block */

struct transcript {
    struct canon_sink sink;
    struct buf text;
    bool open, ended, arguments; /* a call without arguments has an empty object of them */
    struct arena *arena;
};

static void write_down(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct transcript *t = CONTAINER_OF(sink, struct transcript, sink);
    assert_false(t->ended);
    switch (delta->kind) {
    case DELTA_BLOCK_START:
        assert_false(t->open);
        t->open = true;
        t->arguments = delta->part->kind != PART_TOOL_CALL;
        buf_printf(&t->text, "\n%d %.*s ", (int)delta->part->kind, (int)delta->part->tool.name.n,
                   delta->part->tool.name.n ? delta->part->tool.name.p : "");
        break;
    case DELTA_TEXT:
    case DELTA_ARGUMENTS:
    case DELTA_SIGNATURE: {
        assert_true(t->open);
        t->arguments = t->arguments || canon_inside(delta->piece).n > 0;
        str text = canon_decode(t->arena, delta->piece);
        buf_add(&t->text, text.p ? text : canon_inside(delta->piece));
        break;
    }
    case DELTA_BLOCK_STOP:
        assert_true(t->open);
        if (!t->arguments) buf_add(&t->text, S("{}"));
        t->open = false;
        break;
    case DELTA_FINISH:
        buf_printf(&t->text, "\nstop %d", (int)delta->stop);
        break;
    case DELTA_END:
        t->ended = true;
        break;
    default:
        break;
    }
}

static bool next_event(enum dialect_id id, str *rest, struct sse_place *resume, struct buf *joined, str *name,
                       str *data)
{
    if (id == DIALECT_CONVERSE) {
        struct event_stream_frame f;
        const char *why = NULL;
        size_t n = event_stream_next(*rest, &f, &why);
        if (!n || n == SIZE_MAX) return false;
        *rest = str_from_at(*rest, n);
        *name = f.exception ? S("error") : f.type;
        *data = f.payload;
        return true;
    }
    struct sse_event e;
    size_t n = sse_next(*rest, resume, joined, &e);
    if (!n) return false;
    *rest = str_from_at(*rest, n);
    *name = e.name;
    *data = e.data;
    return true;
}

/* False: the stream failed by its own account. */
static bool feed(struct bench *b, enum dialect_id id, str events, struct canon_sink *sink, struct arena *arena,
                 struct answer *tap)
{
    const struct dialect *d = dialect_at(id);
    struct canon_decoder decoder = {.dialect = id, .arena = arena, .sink = sink};
    struct buf joined;
    str name, data;
    struct sse_place resume = {0};
    buf_init(&joined, 0);
    answer_init(tap, arena);
    while (!tap->failed && next_event(id, &events, &resume, &joined, &name, &data)) {
        if (!data.p) continue;
        if (answer_feed(tap, d->kind, 0, &b->doc, name, data) == TAP_ERROR) break;
        if (!str_eq(str_trim(data), S("[DONE]"))) d->decode_event(&decoder, &b->doc, name);
    }
    buf_free(&joined);
    if (tap->failed || decoder.broken) return false;
    d->decode_end(&decoder, tap);
    return true;
}

struct relay {
    struct canon_sink sink;
    struct transcript first;
    struct canon_encoder encoder;
};

static void relay_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);
    struct canon_delta one = *delta;
    if (one.kind == DELTA_START) one.from = r->encoder.dialect;
    write_down(&r->first.sink, &one);
    dialect_at(r->encoder.dialect)->encode_delta(&r->encoder, &one);
}

/* Frames of Converse are written as frames, everything else as server-sent events. */
struct frames {
    struct event_sink sink;
    struct buf out;
};

static void emit_frame(struct event_sink *sink, str name, str data)
{
    struct frames *f = CONTAINER_OF(sink, struct frames, sink);
    event_stream_write(&f->out, name, data, false);
}

static void check_stream(struct recording *r, struct bench *b, enum dialect_id id)
{
    struct answer tap, again;
    struct frames frames = {.sink = {emit_frame, emit_frame}};
    struct sse_sink sse;
    struct relay relay = {.sink = {relay_delta}, .first = {.sink = {write_down}, .arena = r->arena}};
    struct transcript second = {.sink = {write_down}, .arena = r->arena};
    buf_init(&frames.out, 0);
    buf_init(&relay.first.text, 0);
    buf_init(&second.text, 0);
    sse_sink_init(&sse, &frames.out, false);
    relay.encoder = (struct canon_encoder){.dialect = id,
                                           .sink = id == DIALECT_CONVERSE ? &frames.sink : &sse.sink,
                                           .arena = r->arena,
                                           .model = S("asked"),
                                           .seed = S("seed"),
                                           .created_s = 1,
                                           .include_usage = true,
                                           .sequence = -1};
    if (feed(b, id, r->response, &relay.sink, r->arena, &tap)) {
        if (!relay.first.ended) wrong(r, "the stream is not ended", STR_NONE);
        if (!feed(b, id, buf_str(&frames.out), &second.sink, r->arena, &again))
            wrong(r, "what was encoded is not decoded", buf_str(&frames.out));
        if (!str_eq(buf_str(&relay.first.text), buf_str(&second.text))) {
            print_message("first:%.*s\n", (int)relay.first.text.n, relay.first.text.p);
            wrong(r, "another transcript", buf_str(&second.text));
        }
        b->of[id].streams++;
    }
    canon_encoder_free(&relay.encoder);
    buf_free(&frames.out);
    buf_free(&relay.first.text);
    buf_free(&second.text);
}

static bool is_stream(enum dialect_id id, str body)
{
    str trimmed = str_trim(body);
    if (id == DIALECT_CONVERSE) return body.n > 0 && body.p[0] == 0;
    return str_starts(trimmed, S("data:")) || str_starts(trimmed, S("event:")) || str_starts(trimmed, S(":"));
}

static void check(struct recording *r, void *ctx)
{
    struct bench *b = ctx;
    enum dialect_id id = dialect_of_path(recording_path(r));
    const struct dialect *d = dialect_at(id);
    if (!d || !d->decode_answer || !str_eq(r->method, S("POST")) || r->status >= 300 || !r->response.n) return;
    if (is_stream(id, r->response))
        check_stream(r, b, id);
    else
        check_answer(r, b, id);
}

static void keeps_everything(void **state)
{
    struct bench b = {0};
    int found, lost = 0, all = 0;
    (void)state;
    json_init(&b.doc);
    json_init(&b.again);
    found = recordings_read(files, COUNT_OF(files), check, &b);
    json_free(&b.doc);
    json_free(&b.again);
    recordings_found(found);
    for (enum dialect_id id = 0; id < DIALECT_COUNT; id++) {
        if (!dialect_at(id) || !dialect_at(id)->decode_answer) continue;
        print_message("%.*s: %d answers, %d of them lost a field; %d streams say the same again\n",
                      (int)dialect_at(id)->name.n, dialect_at(id)->name.p, b.of[id].answers, b.of[id].lost,
                      b.of[id].streams);
        lost += b.of[id].lost;
        all += b.of[id].answers;
        assert_true(b.of[id].answers > 5); /* a test that reads nothing proves nothing */
    }
    assert_true(all > 100);
    assert_int_equal(lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_everything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

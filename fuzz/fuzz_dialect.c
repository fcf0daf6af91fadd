/* Each dialect by itself: what is decoded and encoded is decoded to the same, a second round
 * changes nothing, and a stream says the same however its bytes are cut. Byte 0 chooses the
 * dialect, byte 1 what the rest is (a call, an answer, a stream of an event a line), byte 2 where
 * a stream is cut. fuzz/seeds.mjs makes inputs of tests/cases/translate. */
#include "flow/frames.h"

#include <stdio.h>
#include <stdlib.h>

#include "../tests/unit/dialect/gathered.h"
#include "../tests/unit/dialect/said.h"

enum { INPUT_MAX = 32 * 1024 };

struct bench {
    const struct dialect *d;
    enum dialect_id id;
    struct json doc;
    struct arena arena;
    size_t step; /* of the cuts, in bytes */
};

#define check(holds)                                                                                                   \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static bool parse(struct bench *b, str text)
{
    struct json_fail why;
    return json_parse(&b->doc, text, &why) && json_type(&b->doc, JSON_ROOT) == JSON_OBJECT;
}

static void check_same(str a, str b)
{
    if (!str_eq(a, b)) fprintf(stderr, "%.*s\n----\n%.*s\n", (int)a.n, a.p, (int)b.n, b.n ? b.p : "");
    check(str_eq(a, b));
}

static bool is_plain(str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!((id.p[i] | 0x20) >= 'a' && (id.p[i] | 0x20) <= 'z') && !(id.p[i] >= '0' && id.p[i] <= '9') &&
            id.p[i] != '_' && id.p[i] != '-')
            return false;
    return id.n > 0 && id.n <= 40;
}

/* What nobody gave is made up: ids of calls, which Gemini need not give and which must fit, and why it ended. */
static void check_alike(const struct bench *b, struct gathered *first, const struct gathered *again)
{
    for (int i = 0; i < GATHERED_CHOICES; i++) {
        struct gathered_choice *c = &first->choices[i];
        const struct gathered_choice *d = &again->choices[i];
        for (int k = 0; k < c->count && k < d->count; k++)
            if (!is_plain(c->calls[k].id) || b->id == DIALECT_GEMINI) c->calls[k].id = d->calls[k].id;
        bool blocked = b->id == DIALECT_GEMINI && c->stop == STOP_FILTER; /* a prompt: its reasons are no finish */
        if (c->stop == STOP_NONE || blocked) c->stop = d->stop;
    }
    const char *what = gathered_differs(first, again);
    if (what)
        fprintf(stderr, "another: %s\n%.*s\n%.*s\n", what, (int)first->choices[0].text.n, first->choices[0].text.p,
                (int)again->choices[0].text.n, again->choices[0].text.p);
    check(!what);
}

/* ---- calls */

/* Decoded, told where it is in order, and encoded again. */
static bool call_round(struct bench *b, str text, struct buf *said, struct buf *out)
{
    struct canon_call call;
    struct call_problem problem = {0};
    struct canon_target target = {.model = S("m"), .max_output = -1};
    if (!parse(b, text)) return false;
    canon_call_init(&call, b->id, &b->arena);
    if (!b->d->decode_call(&b->doc, &call, &problem)) {
        check(problem.message.n > 0);
        return false;
    }
    if (said_is_orderly(&call)) said_call(said, &call, true);
    target.stream = call.stream;
    bool ok = b->d->encode_call(&call, &target, out, &problem);
    check(ok || problem.message.n > 0);
    return ok;
}

/* What comes may be in any disorder: what is written of it says the same once more. */
static void fuzz_call(struct bench *b, str text)
{
    struct buf wire[3], said[3];
    for (int i = 0; i < 3; i++) {
        buf_init(&wire[i], 0);
        buf_init(&said[i], 0);
    }
    if (call_round(b, text, &said[0], &wire[0])) {
        check(call_round(b, buf_str(&wire[0]), &said[1], &wire[1]));
        check(call_round(b, buf_str(&wire[1]), &said[2], &wire[2]));
        if (said[1].n) check_same(buf_str(&said[1]), buf_str(&said[2]));
    }
    for (int i = 0; i < 3; i++) {
        buf_free(&wire[i]);
        buf_free(&said[i]);
    }
}

/* ---- answers */

static bool answer_round(struct bench *b, str text, struct gathered *said, struct buf *out)
{
    const struct canon_client client = {.model = S("m"), .seed = S("0123456789abcdef"), .created_s = 1};
    struct answer tap;
    struct canon_answer answer;
    answer_init(&tap, &b->arena);
    canon_answer_init(&answer, b->id, &b->arena);
    if (!answer_read(&tap, b->d->kind, 0, &b->doc, text) || tap.failed) return false;
    for (enum unit u = 0; u < UNIT_COUNT; u++) check(tap.usage.units[u] >= 0);
    if (!b->d->decode_answer(&b->doc, &answer)) return false;
    answer.usage = tap.usage;
    canon_replay(&answer, &said->sink);
    b->d->encode_answer(&answer, &client, out);
    return true;
}

static void fuzz_answer(struct bench *b, str text)
{
    struct buf once, twice;
    struct gathered said, again;
    buf_init(&once, 0);
    buf_init(&twice, 0);
    gathered_init(&said, &b->arena);
    gathered_init(&again, &b->arena);
    bool both = answer_round(b, text, &said, &once) && answer_round(b, buf_str(&once), &again, &twice);
    if (both && !said.wrong) /* two choices of one index, say */
        check_alike(b, &said, &again);
    gathered_free(&said);
    gathered_free(&again);
    buf_free(&once);
    buf_free(&twice);
}

/* ---- streams */

/* A stream on its way through: what it says, and its bytes when it is encoded again. */
struct relay {
    struct canon_sink sink;
    struct gathered said;
    struct canon_encoder encoder;
    struct canon_decoder decoder;
    struct frame_writer writer;
    struct answer tap;
    struct buf wire;
    bool over, bad;
};

static enum framing framing_of_dialect(const struct bench *b)
{
    return b->id == DIALECT_CONVERSE ? FRAMING_EVENT_STREAM : b->id == DIALECT_GEMINI ? FRAMING_SSE_CRLF : FRAMING_SSE;
}

static void take_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);
    gathered_take(&r->said.sink, delta);
    check(!r->said.wrong);
    dialect_at(r->encoder.dialect)->encode_delta(&r->encoder, delta);
}

static void relay_init(struct relay *r, struct bench *b)
{
    *r = (struct relay){.sink = {take_delta}};
    buf_init(&r->wire, 0);
    gathered_init(&r->said, &b->arena);
    answer_init(&r->tap, &b->arena);
    frame_writer_init(&r->writer, framing_of_dialect(b), &r->wire);
    r->decoder = (struct canon_decoder){.dialect = b->id, .arena = &b->arena, .sink = &r->sink};
    r->encoder = (struct canon_encoder){.dialect = b->id,
                                        .sink = &r->writer.sink,
                                        .arena = &b->arena,
                                        .model = S("m"),
                                        .seed = S("0123456789abcdef"),
                                        .created_s = 1,
                                        .include_usage = true,
                                        .sequence = -1};
}

static void relay_free(struct relay *r)
{
    canon_encoder_free(&r->encoder);
    gathered_free(&r->said);
    buf_free(&r->wire);
}

static void take_event(struct relay *r, struct bench *b, str name, str data)
{
    if (r->over || r->bad || !data.p) return;
    enum tap_verdict v = answer_feed(&r->tap, b->d->kind, 0, &b->doc, name, data);
    if (v == TAP_ERROR)
        r->bad = true; /* the flow ends such a stream with an error of its own */
    else if (str_trim(data).n && !str_eq(str_trim(data), S("[DONE]")))
        b->d->decode_event(&r->decoder, &b->doc, name);
    r->over = v == TAP_END;
    r->bad = r->bad || r->decoder.broken || r->encoder.broken;
}

/* False: it fails, or is cut, and the client would be told so. */
static bool relay_end(struct relay *r, struct bench *b)
{
    if (r->bad || !answer_complete(&r->tap)) return false;
    b->d->decode_end(&r->decoder, &r->tap);
    return !r->decoder.broken && !r->encoder.broken;
}

static bool read_lines(struct relay *r, struct bench *b, str text)
{
    while (text.p) {
        str data = str_cut(&text, '\n'), name = S("");
        if (data.n && data.p[0] != '{' && data.p[0] != '[') name = str_cut(&data, ' ');
        take_event(r, b, name, data);
    }
    return relay_end(r, b);
}

static bool read_bytes(struct relay *r, struct bench *b, str bytes, size_t step)
{
    struct framer framer = {.framing = framing_of_dialect(b)};
    struct frame f;
    struct buf pending, joined;
    const char *why = NULL;
    buf_init(&pending, 0);
    buf_init(&joined, 0);
    for (size_t at = 0, n; at < bytes.n; at += step) {
        buf_add(&pending, str_head(str_from_at(bytes, at), step));
        while ((n = frame_next(&framer, buf_str(&pending), &joined, &f, &why))) {
            check(n != SIZE_MAX);
            take_event(r, b, f.name, f.data);
            buf_consume(&pending, n);
        }
    }
    check(pending.n == 0); /* every event that is written is whole */
    buf_free(&pending);
    buf_free(&joined);
    return relay_end(r, b);
}

static void check_again(struct bench *b, struct relay *first, size_t step)
{
    struct relay again, third;
    relay_init(&again, b);
    relay_init(&third, b);
    check(read_bytes(&again, b, buf_str(&first->wire), step));
    check_alike(b, &first->said, &again.said);
    for (enum unit u = 0; u < UNIT_COUNT; u++) check(again.tap.usage.units[u] >= 0);
    check(read_bytes(&third, b, buf_str(&again.wire), again.wire.n));
    check_alike(b, &again.said, &third.said);
    relay_free(&again);
    relay_free(&third);
}

static void fuzz_stream(struct bench *b, str text)
{
    struct relay first;
    relay_init(&first, b);
    if (read_lines(&first, b, text) && first.wire.n) {
        check_again(b, &first, first.wire.n);
        check_again(b, &first, b->step);
    }
    relay_free(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(struct bench *, str) = {fuzz_call, fuzz_answer, fuzz_stream};
    if (size < 4 || size > INPUT_MAX) return 0;
    struct bench b = {.id = (enum dialect_id)((unsigned)(data[0] - '0') % DIALECT_COUNT), .step = 1 + data[2] % 97u};
    b.d = dialect_at(b.id);
    json_init(&b.doc);
    arena_init(&b.arena);
    targets[(unsigned)(data[1] - '0') % COUNT_OF(targets)](&b, str_of((const char *)data + 3, size - 3));
    arena_free(&b.arena);
    json_free(&b.doc);
    return 0;
}

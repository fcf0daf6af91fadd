/* Translation between any two dialects: bytes 0 and 1 choose them, byte 2 what is translated,
 * the rest is JSON, or for a stream one event a line ("name {...}").
 *
 * Whatever comes: what is written is JSON that the other dialect reads again, no text, call or
 * limit vanishes on the way, and the deltas of a stream keep to their rules (canon.h). */
#include "dialect/dialect.h"

#include <stdio.h>
#include <stdlib.h>

#include "../tests/unit/dialect/gathered.h"
#include "../tests/unit/dialect/said.h"

enum { INPUT_MAX = 64 * 1024 };

struct bench {
    const struct dialect *from, *to;
    struct json doc, again;
    struct arena arena;
};

#define check(holds)                                                                                                   \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static enum dialect_id id_of(const struct dialect *d)
{
    return call_kind_dialect(d->kind);
}

static void parse_written(struct bench *b, const struct buf *out)
{
    struct json_fail why;
    check(!out->overflow);
    check(json_parse(&b->again, buf_str(out), &why));
}

/* ---- what is said: bytes of text by value, white space left out, so that joining and moving do not matter */

struct said {
    int64_t bytes[256];
    int64_t calls;
    bool unread; /* a text has no UTF-8 form: nothing can be compared */
};

static void say_text(struct bench *b, struct said *s, jraw text)
{
    if (!text.json.p) return;
    str plain = canon_decode(&b->arena, text);
    if (!plain.p) {
        s->unread = true;
        return;
    }
    for (size_t i = 0; i < plain.n; i++) s->bytes[(unsigned char)plain.p[i]] += (unsigned char)plain.p[i] > ' ';
}

/* `thoughts`: text may have become a thought (Cohere's plan of its tools), but no thought text. */
static void say_parts(struct bench *b, struct said *s, const struct canon_part *parts, bool thoughts)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) say_text(b, s, p->text);
        if (p->kind == PART_REASONING && thoughts) say_text(b, s, p->text);
        s->calls += p->kind == PART_TOOL_CALL && p->tool.name.n;
        say_parts(b, s, p->tool.content, thoughts);
    }
}

static void say_call(struct bench *b, struct said *s, const struct canon_call *call, bool thoughts)
{
    *s = (struct said){.calls = 0};
    for (const struct canon_message *m = call->messages; m; m = m->next) say_parts(b, s, m->parts, thoughts);
}

/* A dialect may add words of its own ("Error: ..."), but none may vanish. */
static void check_said(const struct said *before, const struct said *after)
{
    if (before->unread || after->unread) return;
    check(after->calls == before->calls);
    for (int i = 0; i < 256; i++) check(after->bytes[i] >= before->bytes[i]);
}

/* ---- calls */

static bool decode_call(struct bench *b, const struct dialect *d, const struct json *doc, struct canon_call *call)
{
    struct call_problem problem = {0};
    canon_call_init(call, id_of(d), &b->arena);
    if (d->decode_call(doc, call, &problem)) return true;
    check(problem.message.n > 0 && problem.err);
    return false;
}

static void translate_call(struct bench *b, str text)
{
    struct json_fail why;
    struct call_problem problem = {0};
    struct canon_call call, again;
    struct canon_dropped dropped;
    struct said before, after;
    struct buf out;
    if (!b->from->decode_call || !b->to->encode_call || !json_parse(&b->doc, text, &why)) return;
    if (!decode_call(b, b->from, &b->doc, &call)) return;
    struct canon_target target = {.model = S("m"), .max_output = 4096, .stream = call.stream};
    if (!canon_check(&call, id_of(b->to), true, &dropped, &problem)) {
        /* nothing but an effort that no words name, names of functions, tools that must be called and are not there,
         * and calls that say nothing are refused where all may be dropped */
        bool chooses = call.choice.mode == CHOICE_REQUIRED || call.choice.allowed_count;
        bool silent = str_find(problem.message, S("says nothing"), 0) != SIZE_MAX;
        check(problem.message.n > 0 && (call.reasoning.effort.n || call.tools || chooses || silent));
        return;
    }
    buf_init(&out, 0);
    if (b->to->encode_call(&call, &target, &out, &problem)) {
        parse_written(b, &out);
        check(decode_call(b, b->to, &b->again, &again));
        say_call(b, &before, &call, false);
        say_call(b, &after, &again, true);
        if (said_is_orderly(&call)) check_said(&before, &after);
        check(call.max_output < 1 || again.max_output >= 1);
    }
    buf_free(&out);
}

/* ---- answers */

static void replay(struct bench *b, const struct canon_answer *answer, struct gathered *g)
{
    gathered_init(g, &b->arena);
    canon_replay(answer, &g->sink);
    check(answer->choices == NULL || g->ended);
}

static void check_choice(const struct gathered *before, const struct gathered *after)
{
    const struct gathered_choice *a = &before->choices[0], *b = &after->choices[0];
    if (a->count >= GATHERED_CALLS || !a->finished) return;
    for (int i = 0; i < a->count; i++)
        if (!a->calls[i].name.n) return;
    check(a->refusal.n || b->refusal.n || str_eq(buf_str(&a->text), buf_str(&b->text)));
    check(a->count == b->count);
    for (int i = 0; i < a->count; i++) check(str_eq(a->calls[i].name, b->calls[i].name));
    check((a->stop == STOP_LENGTH) <= (b->stop == STOP_LENGTH || b->stop == STOP_CONTEXT));
}

static void translate_answer(struct bench *b, str text)
{
    const struct canon_client client = {.model = S("asked"), .seed = S("0123456789abcdef"), .created_s = 1};
    struct answer tap;
    struct canon_answer answer, again;
    struct gathered before, after;
    struct buf out;
    if (!b->from->decode_answer || !b->to->encode_answer) return;
    answer_init(&tap, &b->arena);
    if (!answer_read(&tap, b->from->kind, 0, &b->doc, text) || tap.failed) return;
    canon_answer_init(&answer, id_of(b->from), &b->arena);
    if (!b->from->decode_answer(&b->doc, &answer)) return;
    answer.usage = tap.usage;
    buf_init(&out, 0);
    b->to->encode_answer(&answer, &client, &out);
    parse_written(b, &out);
    canon_answer_init(&again, id_of(b->to), &b->arena);
    bool read = b->to->decode_answer(&b->again, &again);
    check(read || !answer.choices); /* an answer that says nothing need not look like one */
    replay(b, &answer, &before);
    replay(b, &again, &after);
    if (read && answer.choices && !answer.choices->next && answer.choices->index == 0) check_choice(&before, &after);
    gathered_free(&before);
    gathered_free(&after);
    buf_free(&out);
}

/* ---- streams */

struct relay {
    struct canon_sink sink;
    struct event_sink events;
    struct gathered gathered;
    struct canon_encoder encoder;
    struct canon_decoder decoder; /* reads again what is written */
    struct answer tap;
    struct gathered again;
    struct bench *b;
    bool failed;
};

static void relay_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);
    gathered_take(&r->gathered.sink, delta);
    check(!r->gathered.wrong);
    r->b->to->encode_delta(&r->encoder, delta);
}

static void relay_event(struct event_sink *events, str name, str data)
{
    struct relay *r = CONTAINER_OF(events, struct relay, events);
    struct json_fail why;
    if (str_eq(data, S("[DONE]"))) return;
    check(json_parse(&r->b->again, data, &why));
    if (answer_feed(&r->tap, r->b->to->kind, 0, &r->b->again, name, data) == TAP_ERROR) r->failed = true;
    if (!r->failed && !r->decoder.broken) r->b->to->decode_event(&r->decoder, &r->b->again, name);
}

static void feed(struct relay *r, struct canon_decoder *decoder, struct answer *tap, str text)
{
    while (text.p && !decoder->broken && !r->encoder.broken) {
        str data = str_cut(&text, '\n'), event = S("");
        if (data.n && data.p[0] != '{') event = str_cut(&data, ' ');
        if (!data.p || answer_feed(tap, r->b->from->kind, 0, &r->b->doc, event, data) == TAP_ERROR) {
            r->failed = true; /* the flow ends such a stream with an error of its own */
            return;
        }
        r->b->from->decode_event(decoder, &r->b->doc, event);
    }
}

static bool is_comparable(const struct relay *r)
{
    for (int i = 1; i < GATHERED_CHOICES; i++)
        if (r->gathered.choices[i].finished) return false; /* not all dialects have several */
    return !r->failed && !r->decoder.broken && !r->encoder.broken && r->gathered.choices[0].block >= 0;
}

static bool is_finished(const struct gathered *g)
{
    for (int i = 0; i < GATHERED_CHOICES; i++)
        if (g->choices[i].finished) return true;
    return g->beyond;
}

static void end(struct relay *r, struct canon_decoder *decoder, const struct answer *tap)
{
    r->b->from->decode_end(decoder, tap);
    check(r->gathered.ended && is_finished(&r->gathered));
    r->b->from->decode_end(decoder, tap); /* a second end says nothing: the sink would see it */
    if (!r->decoder.broken && !r->failed) {
        r->b->to->decode_end(&r->decoder, &r->tap);
        check(!r->again.wrong && r->again.ended);
    }
    if (is_comparable(r)) check_choice(&r->gathered, &r->again);
}

static void translate_stream(struct bench *b, str text)
{
    struct relay r = {.sink = {relay_delta}, .events = {relay_event, relay_event}, .b = b};
    struct answer tap;
    if (!b->from->decode_event || !b->to->encode_delta || !b->to->decode_event) return;
    answer_init(&tap, &b->arena);
    answer_init(&r.tap, &b->arena);
    gathered_init(&r.gathered, &b->arena);
    gathered_init(&r.again, &b->arena);
    struct canon_decoder decoder = {.dialect = id_of(b->from), .arena = &b->arena, .sink = &r.sink};
    r.decoder = (struct canon_decoder){.dialect = id_of(b->to), .arena = &b->arena, .sink = &r.again.sink};
    r.encoder = (struct canon_encoder){.dialect = id_of(b->to),
                                       .sink = &r.events,
                                       .arena = &b->arena,
                                       .model = S("asked"),
                                       .seed = S("0123456789abcdef"),
                                       .created_s = 1,
                                       .include_usage = true,
                                       .cost_usd = S("0.1"),
                                       .sequence = -1};
    feed(&r, &decoder, &tap, text);
    if (!r.failed && !decoder.broken) end(&r, &decoder, &tap);
    canon_encoder_free(&r.encoder);
    gathered_free(&r.gathered);
    gathered_free(&r.again);
}

static const struct dialect *dialect_chosen(uint8_t byte)
{
    return dialect_at((enum dialect_id)((unsigned)(byte - '0') % DIALECT_COUNT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const translate[])(struct bench *, str) = {translate_call, translate_answer, translate_stream};
    if (size < 4 || size > INPUT_MAX) return 0;
    struct bench b = {.from = dialect_chosen(data[0]), .to = dialect_chosen(data[1])};
    if (!b.from || !b.to) return 0;
    json_init(&b.doc);
    json_init(&b.again);
    arena_init(&b.arena);
    translate[(unsigned)(data[2] - '0') % COUNT_OF(translate)](&b, str_of((const char *)data + 3, size - 3));
    arena_free(&b.arena);
    json_free(&b.doc);
    json_free(&b.again);
    return 0;
}

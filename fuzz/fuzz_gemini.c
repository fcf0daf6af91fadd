/* Gemini's calls, answers and streams: whatever is decoded is encoded as JSON, and what is
 * encoded decodes to the same. The first byte chooses what the rest is. */
#include "dialect/dialect.h"

#include <stdlib.h>

enum { INPUT_MAX = 16 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

static bool parse(struct json *doc, str text)
{
    struct json_fail why;
    return json_parse(doc, text, &why);
}

/* ---- calls */

static bool call_round(struct arena *arena, str text, str vendor, struct buf *out)
{
    struct json doc;
    struct canon_call call;
    struct call_problem problem = {0};
    struct canon_target target = {.model = S("gemini-2.5-flash"), .max_output = -1, .vendor = vendor};
    json_init(&doc);
    bool ok = parse(&doc, text);
    if (ok) {
        canon_call_init(&call, DIALECT_GEMINI, arena);
        ok = dialect_gemini.decode_call(&doc, &call, &problem);
        check(ok || problem.message.n > 0);
        if (ok) check(dialect_gemini.encode_call(&call, &target, out, &problem));
    }
    json_free(&doc);
    return ok;
}

static void fuzz_call(str text)
{
    struct arena arena;
    struct buf once, twice;
    struct json doc;
    arena_init(&arena);
    json_init(&doc);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (call_round(&arena, text, S("gemini"), &once)) {
        check(parse(&doc, buf_str(&once)));
        if (call_round(&arena, buf_str(&once), S("gemini"), &twice)) check(parse(&doc, buf_str(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    json_free(&doc);
    arena_free(&arena);
}

/* Reading and lowering the limit: the edited body reads as asked. */
static void fuzz_edit(str text)
{
    struct arena arena;
    struct json doc, again;
    struct call call, after;
    struct call_problem problem = {0};
    struct call_changes changes = {.model = S("m"), .max_output = 9};
    struct json_edit edits[CALL_EDITS_MAX];
    struct buf out;
    arena_init(&arena);
    json_init(&doc);
    json_init(&again);
    buf_init(&out, 0);
    if (parse(&doc, text) && call_read(CALL_GENERATE, &doc, &arena, &call, &problem)) {
        size_t count = call_edit(&call, &doc, &changes, edits);
        check(count <= CALL_EDITS_MAX && json_splice(doc.text, edits, count, &out));
        check(parse(&again, buf_str(&out)));
        check(call_read(CALL_GENERATE, &again, &arena, &after, &problem));
        check(after.max_output >= 0 && after.max_output <= 9);
    }
    buf_free(&out);
    json_free(&doc);
    json_free(&again);
    arena_free(&arena);
}

/* ---- answers */

static bool answer_round(struct arena *arena, str text, struct buf *out)
{
    struct json doc;
    struct answer tap;
    struct canon_answer answer;
    struct canon_client client = {.model = S("m"), .seed = S("s")};
    json_init(&doc);
    answer_init(&tap, arena);
    bool ok = answer_read(&tap, CALL_GENERATE, 0, &doc, text) && !tap.failed;
    for (enum unit u = 0; u < UNIT_COUNT; u++) check(tap.usage.units[u] >= 0);
    canon_answer_init(&answer, DIALECT_GEMINI, arena);
    ok = ok && dialect_gemini.decode_answer(&doc, &answer);
    answer.usage = tap.usage;
    if (ok) dialect_gemini.encode_answer(&answer, &client, out);
    json_free(&doc);
    return ok;
}

static void fuzz_answer(str text)
{
    struct arena arena;
    struct buf once, twice;
    arena_init(&arena);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    if (answer_round(&arena, text, &once)) {
        check(answer_round(&arena, buf_str(&once), &twice));
        check(str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    arena_free(&arena);
}

/* ---- streams: an event a line */

struct relay {
    struct canon_sink sink;
    struct canon_encoder encoder;
    struct event_sink events;
    struct buf wire;
    int64_t open; /* blocks */
    bool ended;
};

static void add_event(struct event_sink *sink, str name, str data)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, events);
    check(name.n == 0);
    buf_add(&r->wire, data);
    buf_add_byte(&r->wire, '\n');
}

static void take_delta(struct canon_sink *sink, const struct canon_delta *d)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);
    r->open += d->kind == DELTA_BLOCK_START;
    r->open -= d->kind == DELTA_BLOCK_STOP;
    check(r->open >= 0 && r->open <= CANON_CHOICES_MAX && !r->ended);
    r->ended = d->kind == DELTA_END;
    dialect_gemini.encode_delta(&r->encoder, d);
}

static void stream_round(struct arena *arena, str text, struct buf *out)
{
    struct json doc;
    struct answer tap;
    struct relay r = {.sink = {take_delta}, .events = {add_event, add_event}};
    struct canon_decoder d = {.dialect = DIALECT_GEMINI, .arena = arena, .sink = &r.sink};
    r.encoder = (struct canon_encoder){
        .dialect = DIALECT_GEMINI, .sink = &r.events, .arena = arena, .model = S("m"), .seed = S("s")};
    json_init(&doc);
    buf_init(&r.wire, 0);
    answer_init(&tap, arena);
    for (str rest = text; rest.p;) {
        str line = str_cut(&rest, '\n');
        if (!str_trim(line).n) continue;
        if (answer_feed(&tap, CALL_GENERATE, 0, &doc, STR_NONE, line) == TAP_PASS)
            dialect_gemini.decode_event(&d, &doc, STR_NONE);
    }
    dialect_gemini.decode_end(&d, &tap);
    check(r.open == 0 && r.ended);
    buf_add(out, buf_str(&r.wire));
    canon_encoder_free(&r.encoder);
    buf_free(&r.wire);
    json_free(&doc);
}

static void fuzz_stream(str text)
{
    struct arena arena;
    struct buf once, twice, thrice;
    struct json doc;
    arena_init(&arena);
    json_init(&doc);
    buf_init(&once, 0);
    buf_init(&twice, 0);
    buf_init(&thrice, 0);
    stream_round(&arena, text, &once);
    for (str rest = buf_str(&once); rest.p;) {
        str line = str_cut(&rest, '\n');
        if (line.n) check(parse(&doc, line));
    }
    stream_round(&arena, buf_str(&once), &twice);
    stream_round(&arena, buf_str(&twice), &thrice);
    check(str_eq(buf_str(&twice), buf_str(&thrice)));
    buf_free(&once);
    buf_free(&twice);
    buf_free(&thrice);
    json_free(&doc);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX) return 0;
    str text = str_of((const char *)data + 1, size - 1);
    void (*const targets[])(str) = {fuzz_call, fuzz_edit, fuzz_answer, fuzz_stream};
    targets[data[0] % COUNT_OF(targets)](text);
    return 0;
}

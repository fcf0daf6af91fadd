/* Recorded traffic of Anthropic's protocol: calls are read, edited and written again without
 * loss; answers are tapped, and what comes out is held against the recording's own counts; answers
 * decoded and encoded lose no field; streams decoded, encoded and decoded again are the same.
 * Without the recordings the test says that it skips. */
#include "dialect/canon_cite.h"
#include "dialect/dialect.h"

#include "../recordings.h"

static const char *const providers[] = {"anthropic", "bedrock"};

static struct totals {
    int requests, rewritten, answers, streams, usages, errors, counted, edited;
} totals;

struct bench {
    struct json doc, again;
    struct arena arena;
    str id;
};

static void wrong(const struct bench *b, const char *what, str more)
{
    fail_msg("%.*s: %s\n%.*s", (int)b->id.n, b->id.p, what, (int)more.n, more.n ? more.p : "");
}

/* ---- the same JSON, whatever the order of its members */

static bool same(const struct json *a, json_ref x, const struct json *b, json_ref y);

/* "text", and [{"type":"text","text":"text"}]. */
static bool same_as_block(const struct json *a, json_ref text, const struct json *b, json_ref list)
{
    json_ref block = json_first(b, list);
    if (!block || json_next(b, list, block)) return false;
    json_ref type = json_find(b, block, S("type"), NULL), inner = json_find(b, block, S("text"), NULL);
    return json_string_is(b, type, S("text")) && inner && same(a, text, b, inner);
}

static size_t length(const struct json *doc, json_ref at)
{
    size_t n = 0;
    for (json_ref i = json_first(doc, at); i; i = json_next(doc, at, i)) n++;
    return n;
}

static bool same_objects(const struct json *a, json_ref x, const struct json *b, json_ref y)
{
    if (length(a, x) != length(b, y)) return false;
    for (json_ref key = json_first(a, x); key; key = json_next(a, x, key + 1)) {
        str raw = json_raw(a, key);
        json_ref other = json_find(b, y, str_of(raw.p + 1, raw.n - 2), NULL);
        if (!other || !same(a, key + 1, b, other)) return false;
    }
    return true;
}

static bool same(const struct json *a, json_ref x, const struct json *b, json_ref y)
{
    enum json_type s = json_type(a, x), t = json_type(b, y);
    if (s == JSON_STRING && t == JSON_ARRAY) return same_as_block(a, x, b, y);
    if (s == JSON_ARRAY && t == JSON_STRING) return same_as_block(b, y, a, x);
    if (s != t) return false;
    if (s == JSON_OBJECT) return same_objects(a, x, b, y);
    if (s != JSON_ARRAY) return str_eq(json_raw(a, x), json_raw(b, y));
    json_ref i = json_first(a, x), k = json_first(b, y);
    for (; i && k; i = json_next(a, x, i), k = json_next(b, y, k))
        if (!same(a, i, b, k)) return false;
    return !i && !k;
}

static void must_be_same(struct bench *b, const char *what, str written)
{
    struct json_fail why;
    if (!json_parse(&b->again, written, &why)) wrong(b, why.why, written);
    if (!same(&b->doc, JSON_ROOT, &b->again, JSON_ROOT)) {
        (void)fprintf(stderr, "expected\n%.*s\n", (int)b->doc.text.n, b->doc.text.p);
        wrong(b, what, written);
    }
}

/* ---- calls */

static void check_request(struct bench *b, str body, enum call_kind kind)
{
    struct json_fail why;
    struct call_problem problem;
    struct call call;
    struct canon_call canon;
    struct buf out;
    if (!json_parse(&b->doc, body, &why)) wrong(b, why.why, body);
    totals.requests++;
    if (!call_read(kind, &b->doc, &b->arena, &call, &problem)) wrong(b, "the call is refused", problem.message);
    const struct call_segments *s = &call.segments;
    if (s->system_bytes + s->history_bytes + s->retrieved_bytes + s->tools_bytes + s->user_bytes != call.text_bytes)
        wrong(b, "the segments do not make the text", body);
    buf_init(&out, 0);
    if (kind == CALL_MESSAGES) {
        const struct call_changes changes = {.model = S("claude-x"), .max_output = 2000};
        struct json_edit edits[CALL_EDITS_MAX];
        struct call again;
        size_t n = call_edit(&call, &b->doc, &changes, edits);
        if (!json_splice(body, edits, n, &out) || !json_parse(&b->again, buf_str(&out), &why))
            wrong(b, "the edits cannot be spliced", buf_str(&out));
        if (!call_read(kind, &b->again, &b->arena, &again, &problem)) wrong(b, "the edited call is refused", body);
        if (!str_eq(again.model, changes.model) || again.max_output > 2000) wrong(b, "not edited", buf_str(&out));
        int64_t budget;
        if (again.budget_ref && json_i64(&b->again, again.budget_ref, &budget) && budget >= again.max_output)
            wrong(b, "the budget is not below the limit", buf_str(&out));
        totals.edited++;
    }
    buf_clear(&out);
    canon_call_init(&canon, DIALECT_MESSAGES, &b->arena);
    if (!dialect_messages.decode_call(&b->doc, &canon, &problem)) wrong(b, "the call is not decoded", problem.message);
    struct canon_target target = {.max_output = -1, .stream = canon.stream};
    if (kind == CALL_MESSAGES) {
        if (!dialect_messages.encode_call(&canon, &target, &out, &problem)) wrong(b, "not encoded", problem.message);
        json_ref stream = json_find(&b->doc, JSON_ROOT, S("stream"), NULL);
        if (stream && !canon.stream) { /* false is what is left out */
            str text = buf_str(&out);
            out.n = text.n - 1;
            buf_add(&out, S(",\"stream\":false}"));
        }
        must_be_same(b, "the call written again is another", buf_str(&out));
        totals.rewritten++;
    }
    buf_free(&out);
}

/* ---- answers */

static int64_t number(const struct json *doc, json_ref object, const char *key)
{
    int64_t v = 0;
    json_ref at = json_find(doc, object, str_from(key), NULL);
    return at && json_i64(doc, at, &v) ? v : 0;
}

/* By the written arithmetic: what the object says, and what its steps say beside it. */
static void check_usage(struct bench *b, const struct answer *a)
{
    const int64_t *u = a->usage.units;
    struct json_fail why;
    if (!json_parse(&b->again, a->usage_raw, &why)) wrong(b, "the raw usage is no JSON", a->usage_raw);
    const struct json *doc = &b->again;
    int64_t input = number(doc, JSON_ROOT, "input_tokens"), output = number(doc, JSON_ROOT, "output_tokens");
    int64_t read = number(doc, JSON_ROOT, "cache_read_input_tokens"),
            write = number(doc, JSON_ROOT, "cache_creation_input_tokens");
    json_ref steps = json_find(doc, JSON_ROOT, S("iterations"), NULL);
    for (json_ref at = steps ? json_first(doc, steps) : JSON_ABSENT; at; at = json_next(doc, steps, at)) {
        if (json_string_is(doc, json_find(doc, at, S("type"), NULL), S("message"))) continue;
        input += number(doc, at, "input_tokens");
        output += number(doc, at, "output_tokens");
        read += number(doc, at, "cache_read_input_tokens");
        write += number(doc, at, "cache_creation_input_tokens");
    }
    if (u[UNIT_INPUT] != input || u[UNIT_CACHE_READ] != read ||
        u[UNIT_CACHE_WRITE_5M] + u[UNIT_CACHE_WRITE_1H] != write || u[UNIT_OUTPUT] + u[UNIT_REASONING] != output)
        wrong(b, "the units are not the recording's counts", a->usage_raw);
    json_ref tools = json_find(doc, JSON_ROOT, S("server_tool_use"), NULL);
    if (tools && u[UNIT_SEARCHES] != number(doc, tools, "web_search_requests"))
        wrong(b, "the searches are others", a->usage_raw);
    totals.usages++;
}

static void check_body(struct bench *b, str body, int64_t status)
{
    struct answer tap;
    struct canon_answer answer;
    struct canon_client client = {.model = S("asked"), .seed = S("5eed")};
    struct buf out;
    answer_init(&tap, &b->arena);
    if (!answer_read(&tap, CALL_MESSAGES, 0, &b->doc, body)) wrong(b, "the body is not read", body);
    totals.answers++;
    if (status >= 400) {
        if (!tap.failed || !tap.provider_error.n) wrong(b, "an error is not seen", body);
        totals.errors++;
        return;
    }
    if (tap.failed || !answer_complete(&tap)) wrong(b, "a whole body is not complete", body);
    if (!tap.usage.known || !tap.model.n) wrong(b, "usage or model are not read", body);
    check_usage(b, &tap);
    buf_init(&out, 0);
    canon_answer_init(&answer, DIALECT_MESSAGES, &b->arena);
    if (!dialect_messages.decode_answer(&b->doc, &answer)) wrong(b, "the answer is not decoded", body);
    answer.usage = tap.usage;
    dialect_messages.encode_answer(&answer, &client, &out);
    must_be_same(b, "the answer written again is another", buf_str(&out));
    buf_free(&out);
}

/* ---- streams */

/* Deltas as lines, and on to an encoder where there is one. */
struct listener {
    struct canon_sink sink;
    struct buf lines;
    struct canon_encoder *to;
};

static void say(struct buf *out, const char *name, str s)
{
    if (s.n) buf_printf(out, " %s=%.*s", name, (int)s.n, s.p);
}

static void listen(struct canon_sink *sink, const struct canon_delta *d)
{
    struct listener *l = CONTAINER_OF(sink, struct listener, sink);
    if (l->to) dialect_messages.encode_delta(l->to, d);
    if (d->kind == DELTA_PING) return;
    buf_printf(&l->lines, "%d %lld", (int)d->kind, (long long)d->block);
    if (d->kind == DELTA_BLOCK_START) {
        buf_printf(&l->lines, " kind=%d", (int)d->part->kind);
        say(&l->lines, "id", d->part->tool.id);
        say(&l->lines, "name", d->part->tool.name);
        say(&l->lines, "value", d->part->value.json);
    }
    if (d->part)
        for (const struct canon_citation *c = d->part->citations; c; c = c->next)
            say(&l->lines, "citation", c->value.json);
    say(&l->lines, "piece", d->piece.json);
    say(&l->lines, "stop", d->stop_raw);
    say(&l->lines, "sequence", d->stop_sequence.json);
    say(&l->lines, "id", d->id);
    say(&l->lines, "model", d->model);
    for (enum unit u = 0; d->usage && u < UNIT_COUNT; u++)
        buf_printf(&l->lines, " %lld", (long long)d->usage->units[u]);
    buf_add_byte(&l->lines, '\n');
}

static void decode_stream(struct bench *b, str text, struct listener *l, struct answer *tap)
{
    struct canon_decoder decoder = {.dialect = DIALECT_MESSAGES, .arena = &b->arena, .sink = &l->sink};
    str event = STR_NONE;
    answer_init(tap, &b->arena);
    for (str rest = text; rest.p;) {
        str line = str_trim(str_cut(&rest, '\n'));
        if (!line.n) event = STR_NONE;
        if (str_starts(line, S("event:"))) event = str_trim(str_from_at(line, 6));
        if (!str_starts(line, S("data:"))) continue;
        enum tap_verdict v = answer_feed(tap, CALL_MESSAGES, 0, &b->doc, event, str_trim(str_from_at(line, 5)));
        if (v == TAP_ERROR) wrong(b, "an error in a stream", tap->provider_error);
        dialect_messages.decode_event(&decoder, &b->doc, event);
    }
    dialect_messages.decode_end(&decoder, tap);
    if (decoder.broken) wrong(b, decoder.broken, text);
}

static void check_stream(struct bench *b, str text)
{
    struct answer tap, tap_again;
    struct buf written;
    struct sse_sink sse;
    struct canon_encoder encoder = {
        .dialect = DIALECT_MESSAGES, .arena = &b->arena, .model = S("asked"), .seed = S("5eed"), .sequence = -1};
    struct listener first = {.sink = {listen}, .to = &encoder}, second = {.sink = {listen}};
    buf_init(&written, 0);
    sse_sink_init(&sse, &written, false);
    encoder.sink = &sse.sink;
    decode_stream(b, text, &first, &tap);
    totals.streams++;
    if (!answer_complete(&tap) || !tap.finished || !tap.ended) wrong(b, "a whole stream is not complete", text);
    check_usage(b, &tap);
    decode_stream(b, buf_str(&written), &second, &tap_again);
    if (!str_eq(buf_str(&first.lines), buf_str(&second.lines))) {
        (void)fprintf(stderr, "first\n%.*s\nsecond\n%.*s\n", (int)first.lines.n, first.lines.p, (int)second.lines.n,
                      second.lines.p);
        wrong(b, "the stream written again is another", buf_str(&written));
    }
    canon_encoder_free(&encoder);
    buf_free(&written);
    buf_free(&first.lines);
    buf_free(&second.lines);
}

/* ---- recordings */

static void read_one(struct bench *b, const struct recording *r)
{
    str path = recording_path(r);
    if (str_ends(path, S("/v1/messages/count_tokens"))) {
        if (r->request.n) check_request(b, r->request, CALL_COUNT_TOKENS);
        totals.counted++;
    }
    bool bedrock = str_find(path, S("anthropic."), 0) != SIZE_MAX && str_ends(path, S("/invoke")) &&
                   str_find(r->response, S("\"usage\""), 0) != SIZE_MAX;
    if (bedrock) check_body(b, r->response, r->status);
    if (!str_ends(path, S("api.anthropic.com/v1/messages"))) return;
    if (r->request.n) check_request(b, r->request, CALL_MESSAGES);
    if (str_starts(str_trim(r->response), S("{")))
        check_body(b, r->response, r->status);
    else
        check_stream(b, r->response);
}

static void take(struct recording *r, void *ctx)
{
    struct bench *b = ctx;
    b->id = r->id;
    read_one(b, r);
    arena_free(&b->arena);
}

static void reads_recordings(void **state)
{
    struct bench b = {0};
    (void)state;
    json_init(&b.doc);
    json_init(&b.again);
    int files = recordings_read(providers, COUNT_OF(providers), take, &b);
    json_free(&b.doc);
    json_free(&b.again);
    recordings_found(files);
    print_message("%d requests, %d edited, %d written again; %d answers and %d streams, %d with usage, %d errors; %d "
                  "counts of tokens\n",
                  totals.requests, totals.edited, totals.rewritten, totals.answers, totals.streams, totals.usages,
                  totals.errors, totals.counted);
    assert_true(totals.rewritten > 200 && totals.answers > 180 && totals.streams > 20 && totals.usages > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_recordings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Recorded traffic of Gemini and Vertex: every call is read, edited and written again, every
 * answer tapped, decoded and encoded without loss, every stream decoded, encoded and decoded to
 * the same blocks. Without recordings the test says that it skips. */
#include "dialect/dialect.h"

#include "../recordings.h"

static const char *const providers[] = {"gemini", "vertex"};

static struct totals {
    int calls, answers, streams, chunks, usages, errors, unknown;
} totals;

struct bench {
    struct json doc, again;
    struct arena arena;
    str id;
};

static void wrong(const struct bench *b, const char *what, str detail)
{
    fail_msg("%.*s: %s: %.*s", (int)b->id.n, b->id.p, what, (int)(detail.n < 4000 ? detail.n : 4000),
             detail.n ? detail.p : "");
}

static void parse(struct bench *b, struct json *doc, str text)
{
    struct json_fail why;
    if (!json_parse(doc, text, &why)) wrong(b, why.why, text);
}

/* ---- equal, whatever the order of members */

static bool same_json(const struct json *a, json_ref x, const struct json *b, json_ref y)
{
    if (json_type(a, x) != json_type(b, y)) return false;
    if (json_type(a, x) == JSON_ARRAY) {
        json_ref v = json_first(b, y);
        for (json_ref u = json_first(a, x); u; u = json_next(a, x, u), v = json_next(b, y, v))
            if (!v || !same_json(a, u, b, v)) return false;
        return !v;
    }
    if (json_type(a, x) != JSON_OBJECT) return str_eq(json_raw(a, x), json_raw(b, y));
    int members = 0;
    for (json_ref k = json_first(a, x); k; k = json_next(a, x, k + 1), members++) {
        str raw = json_raw(a, k);
        json_ref v = json_find(b, y, str_of(raw.p + 1, raw.n - 2), NULL);
        if (!v || !same_json(a, k + 1, b, v)) return false;
    }
    for (json_ref k = json_first(b, y); k; k = json_next(b, y, k + 1)) members--;
    return members == 0;
}

/* ---- calls */

static str encode(struct bench *b, const struct json *doc, const char *vendor)
{
    struct canon_call call;
    struct call_problem problem = {0};
    struct canon_target target = {.model = S("gemini-3-pro"), .max_output = -1, .vendor = str_from(vendor)};
    struct buf out;
    buf_init(&out, 0);
    canon_call_init(&call, DIALECT_GEMINI, &b->arena);
    if (!dialect_gemini.decode_call(doc, &call, &problem)) wrong(b, "the call is refused", problem.message);
    for (const struct canon_note *n = call.notes; n; n = n->next)
        if (n->feature == FEATURE_UNKNOWN) totals.unknown++;
    assert_true(dialect_gemini.encode_call(&call, &target, &out, &problem));
    str text = arena_str(&b->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void check_edit(struct bench *b, const struct call *call)
{
    struct call_changes changes = {.max_output = 7};
    struct json_edit edits[CALL_EDITS_MAX];
    struct buf out;
    struct call again;
    struct call_problem problem = {0};
    buf_init(&out, 0);
    size_t count = call_edit(call, &b->doc, &changes, edits);
    assert_true(json_splice(b->doc.text, edits, count, &out));
    parse(b, &b->again, buf_str(&out));
    if (!call_read(CALL_GENERATE, &b->again, &b->arena, &again, &problem)) wrong(b, "edited", problem.message);
    assert_int_equal(again.max_output, call->max_output >= 0 && call->max_output < 7 ? call->max_output : 7);
    buf_free(&out);
}

static void check_call(struct bench *b, str body)
{
    struct call call;
    struct call_problem problem = {0};
    parse(b, &b->doc, body);
    if (!call_read(CALL_GENERATE, &b->doc, &b->arena, &call, &problem)) wrong(b, "refused", problem.message);
    check_edit(b, &call);
    str once = encode(b, &b->doc, "gemini");
    parse(b, &b->again, once);
    str twice = encode(b, &b->again, "gemini");
    if (!str_eq(once, twice))
        wrong(b, "a second round changes the call",
              arena_printf(&b->arena, "%.*s\n----\n%.*s", (int)once.n, once.p, (int)twice.n, twice.p));
    str vertex = encode(b, &b->doc, "vertex");
    if (str_find(vertex, S("\"functionCall\":{\"id\""), 0) != SIZE_MAX) wrong(b, "an id for Vertex", vertex);
    totals.calls++;
}

/* ---- answers */

static int64_t count_at(const struct json *doc, json_ref usage, const char *key)
{
    int64_t v = 0;
    json_ref at = json_find(doc, usage, str_from(key), NULL);
    return at && json_i64(doc, at, &v) ? v : 0;
}

/* The units against the raw counts, by sums. */
static void check_usage(const struct json *doc, const struct answer *a)
{
    const int64_t *u = a->usage.units;
    json_ref usage = json_find(doc, JSON_ROOT, S("usageMetadata"), NULL);
    if (!usage || !count_at(doc, usage, "totalTokenCount")) return;
    int64_t read = u[UNIT_INPUT] + u[UNIT_CACHE_READ] + u[UNIT_AUDIO_IN];
    int64_t made = u[UNIT_OUTPUT] + u[UNIT_AUDIO_OUT] + u[UNIT_IMAGE];
    assert_true(a->usage.known);
    assert_int_equal(read, count_at(doc, usage, "promptTokenCount") + count_at(doc, usage, "toolUsePromptTokenCount"));
    assert_int_equal(made, count_at(doc, usage, "candidatesTokenCount"));
    assert_int_equal(u[UNIT_REASONING], count_at(doc, usage, "thoughtsTokenCount"));
    assert_int_equal(u[UNIT_CACHE_READ], count_at(doc, usage, "cachedContentTokenCount"));
    bool sum = read + made + u[UNIT_REASONING] == count_at(doc, usage, "totalTokenCount");
    assert_int_equal(!sum, (a->usage.flags & USAGE_TOTAL_DIFFERS) != 0);
    totals.usages++;
}

static void check_answer(struct bench *b, str body)
{
    struct answer tap;
    struct canon_answer answer;
    struct canon_client client = {.model = S("asked"), .seed = S("seed"), .created_s = 1};
    struct buf out;
    answer_init(&tap, &b->arena);
    if (!answer_read(&tap, CALL_GENERATE, 0, &b->doc, body)) wrong(b, "no answer", body);
    if (json_find(&b->doc, JSON_ROOT, S("error"), NULL)) {
        assert_true(tap.failed && tap.provider_error.n);
        totals.errors++;
        return;
    }
    if (!answer_complete(&tap)) wrong(b, "not complete", body);
    check_usage(&b->doc, &tap);
    buf_init(&out, 0);
    canon_answer_init(&answer, DIALECT_GEMINI, &b->arena);
    if (!dialect_gemini.decode_answer(&b->doc, &answer)) wrong(b, "not decoded", body);
    answer.usage = tap.usage;
    dialect_gemini.encode_answer(&answer, &client, &out);
    parse(b, &b->again, buf_str(&out));
    if (!same_json(&b->doc, JSON_ROOT, &b->again, JSON_ROOT)) wrong(b, "a field is lost", buf_str(&out));
    buf_free(&out);
    totals.answers++;
}

/* ---- streams */

struct notes {
    struct canon_sink sink;
    struct canon_encoder encoder; /* writes the same blocks again */
    struct event_sink events;
    struct buf said, wire;
    bool open;
};

static void add_event(struct event_sink *sink, str name, str data)
{
    struct notes *n = CONTAINER_OF(sink, struct notes, events);
    assert_int_equal(name.n, 0);
    buf_add(&n->wire, data);
    buf_add(&n->wire, S("\n"));
}

/* Pieces of one block say the same whether they come in one or in many. */
static void note_delta(struct canon_sink *sink, const struct canon_delta *d)
{
    struct notes *n = CONTAINER_OF(sink, struct notes, sink);
    const struct canon_part *p = d->part;
    dialect_gemini.encode_delta(&n->encoder, d);
    switch (d->kind) {
    case DELTA_START:
        buf_printf(&n->said, "id %.*s model %.*s", (int)d->id.n, d->id.p, (int)d->model.n, d->model.p);
        break;
    case DELTA_BLOCK_START:
        assert_false(n->open);
        n->open = true;
        buf_printf(&n->said, "\n%lld.%lld kind %d %.*s %.*s value %.*s: ", (long long)d->choice, (long long)d->block,
                   (int)p->kind, (int)p->tool.id.n, p->tool.id.p, (int)p->tool.name.n, p->tool.name.p,
                   (int)p->value.json.n, p->value.json.p);
        break;
    case DELTA_SIGNATURE:
        buf_add(&n->said, S(" signed "));
        buf_add(&n->said, d->piece.json);
        break;
    case DELTA_TEXT:
    case DELTA_ARGUMENTS:
        buf_add(&n->said, canon_inside(d->piece));
        break;
    case DELTA_BLOCK_STOP:
        assert_true(n->open);
        n->open = false;
        break;
    case DELTA_FINISH:
        buf_printf(&n->said, "\nstop %d %.*s", (int)d->stop, (int)d->stop_raw.n, d->stop_raw.p);
        break;
    default:
        break;
    }
}

static void run_events(struct bench *b, str events, str prefix, struct answer *tap, struct notes *n)
{
    struct canon_decoder d = {.dialect = DIALECT_GEMINI, .arena = &b->arena, .sink = &n->sink};
    n->sink.take = note_delta;
    n->events = (struct event_sink){add_event, add_event};
    n->encoder = (struct canon_encoder){
        .dialect = DIALECT_GEMINI, .sink = &n->events, .arena = &b->arena, .model = S("m"), .seed = S("s")};
    buf_init(&n->said, 0);
    buf_init(&n->wire, 0);
    answer_init(tap, &b->arena);
    for (str rest = events; rest.p;) {
        str line = str_trim(str_cut(&rest, '\n'));
        if (!line.n || !str_starts(line, prefix)) continue;
        enum tap_verdict v = answer_feed(tap, CALL_GENERATE, 0, &b->doc, STR_NONE, str_from_at(line, prefix.n));
        assert_int_equal(v, TAP_PASS);
        dialect_gemini.decode_event(&d, &b->doc, STR_NONE);
        totals.chunks++;
    }
    dialect_gemini.decode_end(&d, tap);
    if (d.broken) wrong(b, d.broken, STR_NONE);
    assert_false(n->encoder.broken);
}

static void check_stream(struct bench *b, str body)
{
    struct answer tap, second;
    struct notes first = {0}, again = {0};
    run_events(b, body, S("data:"), &tap, &first);
    if (!answer_complete(&tap)) wrong(b, "a stream is not complete", body);
    check_usage(&b->doc, &tap);
    run_events(b, buf_str(&first.wire), S(""), &second, &again);
    if (!str_eq(buf_str(&first.said), buf_str(&again.said)))
        wrong(b, "a second round changes the stream",
              arena_printf(&b->arena, "%.*s\n----\n%.*s", (int)first.said.n, first.said.p, (int)again.said.n,
                           again.said.p));
    assert_true(answer_complete(&second));
    if (tap.usage.known) {
        assert_int_equal(canon_completion_tokens(&tap.usage), canon_completion_tokens(&second.usage));
        assert_int_equal(canon_prompt_tokens(&tap.usage), canon_prompt_tokens(&second.usage));
    }
    struct notes *both[] = {&first, &again};
    for (int i = 0; i < 2; i++) {
        buf_free(&both[i]->said);
        buf_free(&both[i]->wire);
        canon_encoder_free(&both[i]->encoder);
    }
    totals.streams++;
}

/* ---- recordings */

static void take(struct recording *r, void *ctx)
{
    struct bench *b = ctx;
    str path = recording_path(r), body = str_trim(r->response);
    if (!str_ends(path, S(":streamGenerateContent")) && !str_ends(path, S(":generateContent"))) return;
    b->id = r->id;
    if (r->request.n) check_call(b, r->request);
    if (str_starts(body, S("data:")))
        check_stream(b, body);
    else if (str_starts(body, S("{")))
        check_answer(b, body);
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
    print_message("%d calls (%d unknown fields), %d answers and %d streams (%d chunks with those written again), %d "
                  "usages, %d errors\n",
                  totals.calls, totals.unknown, totals.answers, totals.streams, totals.chunks, totals.usages,
                  totals.errors);
    assert_true(totals.calls > 300 && totals.answers > 280 && totals.streams >= 20 && totals.usages > 280);
}

/* ---- without recordings */

static void expect_error(enum err e, const char *param, const char *want)
{
    struct buf out;
    buf_init(&out, 0);
    dialect_gemini.error(&out, e, S("why"), str_from(param), STR_NONE);
    if (!str_eq(buf_str(&out), str_from(want))) fail_msg("%.*s", (int)out.n, out.p);
    buf_free(&out);
}

#define INFO(reason)                                                                                                   \
    "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"" reason "\",\"domain\":\"purser\"}"

static void says_when_to_come_back(void **state)
{
    const struct {
        int64_t wait_ms;
        const char *delay;
    } cases[] = {{3000, "3s"}, {250, "0.250s"}, {90001, "90.001s"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;
        char want[512];
        buf_init(&out, 0);
        dialect_gemini.error(&out, ERR_OVERLOADED, S("why"), STR_NONE, STR_NONE);
        dialect_gemini.error_wait(&out, cases[i].wait_ms);
        (void)snprintf(want, sizeof want,
                       ",{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"%s\"}]}}",
                       cases[i].delay);
        if (!str_ends(buf_str(&out), str_from(want))) fail_msg("%.*s", (int)out.n, out.p);
        buf_free(&out);
    }
}

static void renders_errors(void **state)
{
    (void)state;
    expect_error(ERR_BUDGET_SPENT, "",
                 "{\"error\":{\"code\":402,\"message\":\"why\",\"status\":\"FAILED_PRECONDITION\",\"details\":[" INFO(
                     "INSUFFICIENT_QUOTA") "]}}");
    expect_error(ERR_RATE_LIMITED, "",
                 "{\"error\":{\"code\":429,\"message\":\"why\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[" INFO(
                     "RATE_LIMIT_EXCEEDED") "]}}");
    expect_error(ERR_BAD_FIELD, "a.b",
                 "{\"error\":{\"code\":400,\"message\":\"why\",\"status\":\"INVALID_ARGUMENT\",\"details\":[" INFO(
                     "INVALID_VALUE") ",{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":["
                                      "{\"field\":\"a.b\",\"description\":\"why\"}]}]}}");
}

static void expect_stop(const char *reason, const char *part, enum canon_stop want)
{
    struct json doc;
    struct json_fail why;
    struct arena arena;
    struct canon_answer answer;
    arena_init(&arena);
    json_init(&doc);
    str body =
        arena_printf(&arena, "{\"candidates\":[{\"content\":{\"parts\":[%s]},\"finishReason\":%s}]}", part, reason);
    assert_true(json_parse(&doc, body, &why));
    canon_answer_init(&answer, DIALECT_GEMINI, &arena);
    assert_true(dialect_gemini.decode_answer(&doc, &answer));
    if (answer.choices->stop != want) fail_msg("%s: %d", reason, (int)answer.choices->stop);
    json_free(&doc);
    arena_free(&arena);
}

static void tells_stop_reasons(void **state)
{
    (void)state;
    static const char *const filtered[] = {
        "SAFETY",       "RECITATION",       "BLOCKLIST",   "PROHIBITED_CONTENT",      "SPII",
        "IMAGE_SAFETY", "IMAGE_RECITATION", "MODEL_ARMOR", "IMAGE_PROHIBITED_CONTENT"};
    static const char *const failed[] = {"MALFORMED_FUNCTION_CALL",
                                         "UNEXPECTED_TOOL_CALL",
                                         "TOO_MANY_TOOL_CALLS",
                                         "LANGUAGE",
                                         "OTHER",
                                         "NO_IMAGE",
                                         "IMAGE_OTHER",
                                         "CONTINUATION"};
    const char *text = "{\"text\":\"a\"}", *call = "{\"functionCall\":{\"name\":\"f\"}}";
    char quoted[64];
    for (size_t i = 0; i < COUNT_OF(filtered); i++) {
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", filtered[i]);
        expect_stop(quoted, call, STOP_FILTER);
    }
    for (size_t i = 0; i < COUNT_OF(failed); i++) {
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", failed[i]);
        expect_stop(quoted, call, STOP_ERROR);
    }
    expect_stop("\"SOMETHING_NEW\"", text, STOP_ERROR);
    expect_stop("\"SOMETHING_NEW\"", call, STOP_TOOL); /* the call is there all the same */
    expect_stop("\"STOP\"", text, STOP_END);
    expect_stop("\"STOP\"", call, STOP_TOOL);
    expect_stop("\"MAX_TOKENS\"", call, STOP_LENGTH);
    expect_stop("1", text, STOP_END);
    expect_stop("2", text, STOP_LENGTH);
    expect_stop("null", text, STOP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_recordings), cmocka_unit_test(renders_errors),
                                       cmocka_unit_test(says_when_to_come_back), cmocka_unit_test(tells_stop_reasons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

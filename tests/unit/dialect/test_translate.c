/* Translations: tests/cases/translate/<from>_<to>_<what>.case. See README there. */
#include "dialect/codec.h"

#include "cases.h"

#define CASES "tests/cases/translate"

struct translation {
    struct case_file file;
    const struct dialect *from, *to; /* the client's, the provider's */
    enum call_kind from_kind, to_kind;
    struct json doc;
    struct arena arena;
    struct canon_call call;
    str echo;
    bool called;
};

/* A dialect's name stands for its generating kind; the others have names of their own. */
static const struct dialect *dialect_in(const struct translation *t, str name, enum call_kind *kind)
{
    str value = case_value(t->file.headers, name);
    enum dialect_id id = dialect_find(value);
    for (enum call_kind k = 0; id == DIALECT_COUNT && k < CALL_KIND_COUNT; k++) {
        *kind = k;
        if (str_eq(call_kind_name(k), value)) return dialect_of(k);
    }
    if (id == DIALECT_COUNT) fail_msg("%s: no such dialect in `%.*s:`", t->file.path, (int)name.n, name.p);
    *kind = dialect_at(id)->kind;
    return dialect_at(id);
}

static void same(const struct translation *t, const char *what, str want, str got)
{
    got = str_trim(got);
    if (str_eq(want, got)) return;
    /* longer than cmocka's messages may be */
    (void)fprintf(stderr, "%s: %s: expected\n%.*s\ngot\n%.*s\n", t->file.path, what, (int)want.n, want.p, (int)got.n,
                  got.n ? got.p : "");
    fail_msg("%s: %s differs", t->file.path, what);
}

static void parse(struct translation *t, str text, const char *what)
{
    struct json_fail why;
    if (!json_parse(&t->doc, text, &why)) fail_msg("%s: %s is no JSON: %s", t->file.path, what, why.why);
}

/* What a section is compared with must itself be JSON: a wrong case is no proof. */
static void must_be_json(const struct translation *t, str text, const char *what)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (!json_parse(&doc, text, &why))
        fail_msg("%s: %s is no JSON: %s\n%.*s", t->file.path, what, why.why, (int)text.n, text.p);
    json_free(&doc);
}

static void compare_problem(const struct translation *t, str want, const struct call_problem *problem)
{
    str param = case_value(want, S("param")), message = case_value(want, S("message"));
    if (param.p) same(t, "param", param, problem->param);
    if (message.p && str_find(problem->message, message, 0) == SIZE_MAX) same(t, "message", message, problem->message);
}

/* What was dropped at once, and what only while it was written. */
static str all_dropped(struct translation *t, str dropped, str left_out)
{
    return arena_printf(&t->arena, "%" STR_FMT "%s%" STR_FMT, STR_ARG(dropped), dropped.n && left_out.n ? ", " : "",
                        STR_ARG(left_out));
}

/* The client's call, and what the provider is sent. */
static void run_call(struct translation *t, str body)
{
    struct call_problem problem = {0};
    struct canon_dropped dropped = {0};
    struct buf out, left_out;
    str want, headers = t->file.headers, number = case_value(headers, S("max_output"));
    bool lenient = str_eq(case_value(headers, S("compat")), S("lenient"));
    struct canon_target target = {.model = case_value(headers, S("model")), .max_output = -1, .left_out = &left_out};
    if (number.p) assert_true(str_to_i64(number, &target.max_output));
    target.vendor = case_value(headers, S("vendor"));
    target.max_tokens = str_eq(case_value(headers, S("max_tokens")), S("yes"));
    buf_init(&out, 0);
    buf_init(&left_out, 0);
    parse(t, body, "the call");
    canon_call_init(&t->call, call_kind_dialect(t->from_kind), &t->arena);
    bool ok = kind_decode_call(t->from_kind, &t->doc, &t->call, &problem);
    if (!t->call.model.n) t->call.model = case_value(headers, S("path_model")); /* it stands in the path */
    if (str_eq(case_value(headers, S("path_stream")), S("yes"))) t->call.stream = true;
    target.stream = t->call.stream;
    ok = ok && canon_check_at(&t->call, call_kind_dialect(t->to_kind), &target, lenient, &dropped, &problem) &&
         kind_encode_call(t->to_kind, &t->call, &target, &out, &problem);
    if (case_section(&t->file, "refused", &want)) {
        if (ok) fail_msg("%s: it is not refused:\n%.*s", t->file.path, (int)out.n, out.p);
        compare_problem(t, want, &problem);
    } else {
        if (!ok) fail_msg("%s: refused: %.*s", t->file.path, (int)problem.message.n, problem.message.p);
        must_be_json(t, buf_str(&out), "what is sent");
        if (case_section(&t->file, "sent", &want)) same(t, "sent", want, buf_str(&out));
        if (case_section(&t->file, "dropped", &want))
            same(t, "dropped", want, all_dropped(t, dropped.fields, buf_str(&left_out)));
        if (t->from->echo && call_kind_generates(t->from_kind)) t->echo = t->from->echo(&t->call);
    }
    t->called = true;
    buf_free(&left_out);
    buf_free(&out);
}

static void tap_whole(struct translation *t, str body, struct answer *tap)
{
    answer_init(tap, &t->arena);
    if (!answer_read(tap, t->to_kind, 0, &t->doc, body)) fail_msg("%s: the answer is no JSON object", t->file.path);
}

static void run_answer(struct translation *t, str body)
{
    struct answer tap;
    struct canon_answer answer;
    struct canon_client client = {.model = S("asked"),
                                  .seed = S("0123456789abcdef"),
                                  .created_s = 1700000000,
                                  .echo = t->echo,
                                  .call = t->called && !call_kind_generates(t->from_kind) ? &t->call : NULL};
    struct buf out;
    str want;
    buf_init(&out, 0);
    tap_whole(t, body, &tap);
    canon_answer_init(&answer, call_kind_dialect(t->to_kind), &t->arena);
    if (!kind_decode_answer(t->to_kind, &t->doc, &answer))
        fail_msg("%s: no answer of the provider's dialect", t->file.path);
    answer.usage = tap.usage;
    kind_encode_answer(t->from_kind, &answer, &client, &out);
    must_be_json(t, buf_str(&out), "what is received");
    assert_true(case_section(&t->file, "received", &want));
    same(t, "received", want, buf_str(&out));
    buf_free(&out);
}

/* ---- streams */

struct relay {
    struct canon_sink sink;
    struct canon_encoder encoder;
    const struct dialect *to_client;
};

static void relay_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);
    r->to_client->encode_delta(&r->encoder, delta);
}

/* Events: `event:` and `data:` lines up to an empty line. Framing has its own tests. */
static void run_stream(struct translation *t, str text)
{
    struct answer tap;
    struct buf out;
    struct sse_sink sse;
    struct relay relay = {.sink = {relay_delta}, .to_client = t->from};
    str want, event = STR_NONE;
    buf_init(&out, 0);
    sse_sink_init(&sse, &out, false);
    answer_init(&tap, &t->arena);
    relay.encoder = (struct canon_encoder){.dialect = call_kind_dialect(t->from_kind),
                                           .sink = &sse.sink,
                                           .arena = &t->arena,
                                           .model = S("asked"),
                                           .seed = S("0123456789abcdef"),
                                           .created_s = 1700000000,
                                           .include_usage = t->called ? t->call.include_usage : true,
                                           .echo = t->echo,
                                           .sequence = -1};
    struct canon_decoder decoder = {.dialect = call_kind_dialect(t->to_kind), .arena = &t->arena, .sink = &relay.sink};
    for (str rest = text; rest.p;) {
        str line = str_cut(&rest, '\n');
        if (!str_trim(line).n) event = STR_NONE;
        if (str_starts(line, S("event:"))) event = str_trim(str_from_at(line, 6));
        if (!str_starts(line, S("data:"))) continue;
        str data = str_trim(str_from_at(line, 5));
        enum tap_verdict v = answer_feed(&tap, t->to_kind, 0, &t->doc, event, data);
        if (v == TAP_ERROR) {
            t->from->stream_error(&sse.sink, ERR_PROVIDER_STREAM_ERROR, tap.provider_error, relay.encoder.sequence + 1);
            break;
        }
        if (!str_eq(data, S("[DONE]"))) t->to->decode_event(&decoder, &t->doc, event);
    }
    if (!tap.failed) t->to->decode_end(&decoder, &tap);
    if (decoder.broken) buf_printf(&out, "broken: %s\n", decoder.broken);
    assert_true(case_section(&t->file, "received-stream", &want));
    same(t, "received-stream", want, buf_str(&out));
    canon_encoder_free(&relay.encoder);
    buf_free(&out);
}

static void runs_case(void **state)
{
    struct translation t = {0};
    str part;
    bool any = false;
    case_open(&t.file, *state);
    json_init(&t.doc);
    arena_init(&t.arena);
    t.from = dialect_in(&t, S("from"), &t.from_kind);
    t.to = dialect_in(&t, S("to"), &t.to_kind);
    if (case_section(&t.file, "call", &part)) run_call(&t, part), any = true;
    if (case_section(&t.file, "answer", &part)) run_answer(&t, part), any = true;
    if (case_section(&t.file, "stream", &part)) run_stream(&t, part), any = true;
    if (!any) fail_msg("%s: no section call, answer or stream", t.file.path);
    json_free(&t.doc);
    arena_free(&t.arena);
    case_close(&t.file);
}

int main(void)
{
    return cases_run("translations", CASES, runs_case, 0);
}

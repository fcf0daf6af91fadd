/* Recorded chat traffic through the canonical form: no field of a call or an answer is lost,
 * and what is written in the words of another dialect's call or answer says the same again.
 * Without recordings the test says that it skips. */
#include "dialect/dialect.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "gathered.h"
#include "recordings.h"
#include "said.h"
#include "same_json.h"

static const char *const providers[] = {"openai",   "azure",  "azure-foundry", "cerebras",   "deepseek", "groq",
                                        "mistral",  "ollama", "openrouter",    "perplexity", "together", "xai",
                                        "gpustack", "zai",    "huggingface",   "bedrock"};

static struct totals {
    int calls, answers, streams, foreign_calls, foreign_answers, tool_calls;
} totals;

struct bench {
    struct json doc, again;
    struct arena arena;
    const struct recording *r;
};

static void wrong(const struct bench *b, const char *what, const char *where)
{
    print_message("%s %.*s: %s: %s\n", b->r->provider.p, (int)b->r->id.n, b->r->id.p, what, where);
    fail_msg("%s %.*s: %s: %s", b->r->provider.p, (int)b->r->id.n, b->r->id.p, what, where);
}

static void reparse(struct bench *b, const struct buf *text)
{
    struct json_fail why;
    if (!json_parse(&b->again, buf_str(text), &why)) wrong(b, "what is written is no JSON", why.why);
}

/* ---- calls */

static bool is_nothing(const struct json *a, json_ref at)
{
    enum json_type type = json_type(a, at);
    return type == JSON_NULL || type == JSON_FALSE || (type == JSON_ARRAY && !json_first(a, at)) ||
           (type == JSON_NUMBER && str_find_byte(json_raw(a, at), '1', 0) == SIZE_MAX &&
            str_find_byte(json_raw(a, at), '.', 0) != SIZE_MAX);
}

/* [{"type":"text","text":...}] is the string. */
static bool is_text_alone(const struct json *a, json_ref at, const struct json *b, json_ref bt)
{
    if (json_type(a, at) != JSON_ARRAY || !bt || json_type(b, bt) != JSON_STRING) return false;
    json_ref first = json_first(a, at);
    if (!first || json_next(a, at, first)) return false;
    return str_eq(json_raw(a, json_find(a, first, S("text"), NULL)), json_raw(b, bt));
}

static bool forgive_call(const struct json *a, json_ref at, const struct json *b, json_ref bt, const char *path)
{
    static const char *const renamed[] = {"stream_options", "max_tokens", "max_completion_tokens", "functions",
                                          "function_call",  "stream",     "response_format"};
    for (size_t i = 0; i < COUNT_OF(renamed); i++)
        if (strcmp(path, renamed[i]) == 0) return !bt;
    if (!bt && at && is_nothing(a, at)) return true;
    if (strcmp(path, "n") == 0 && str_eq(json_raw(a, at), S("1"))) return true;
    if (strcmp(path, "stop") == 0 && json_type(a, at) == JSON_STRING) return bt && json_type(b, bt) == JSON_ARRAY;
    if (strcmp(path, "tool_choice") == 0 && json_string_is(a, at, S("any")))
        return json_string_is(b, bt, S("required"));
    if (strcmp(path, "messages[].function_call") == 0) return true; /* becomes tool_calls */
    if (strcmp(path, "messages[].role") == 0 && json_string_is(a, at, S("function"))) return true;
    if (strcmp(path, "messages[].content") != 0) return false;
    return is_text_alone(a, at, b, bt) || is_nothing(a, at);
}

static void decode_call(struct bench *b, const struct json *doc, struct canon_call *call)
{
    struct call_problem problem = {0};
    canon_call_init(call, DIALECT_CHAT, &b->arena);
    if (!dialect_chat.decode_call(doc, call, &problem)) wrong(b, "a call is refused", problem.message.p);
}

static void encode_call(struct bench *b, const struct canon_call *call, struct buf *out)
{
    struct call_problem problem = {0};
    struct canon_target target = {.model = call->model, .max_output = -1, .stream = call->stream};
    buf_clear(out);
    if (!dialect_chat.encode_call(call, &target, out, &problem)) wrong(b, "a call is not written", problem.message.p);
    reparse(b, out);
}

static void disown(struct canon_call *call)
{
    call->from = DIALECT_MESSAGES;
    call->extras = (struct canon_extras){DIALECT_MESSAGES, {0}};
    call->output.strict = -1; /* schemas that must be enforced are cut down: test_schema_subset.c */
    for (struct canon_tool *t = call->tools; t; t = t->next) t->strict = -1;
    for (struct canon_message *m = call->messages; m; m = m->next) {
        m->extras = call->extras;
        for (const struct canon_part *p = m->parts; p; p = p->next) totals.tool_calls += p->kind == PART_TOOL_CALL;
    }
}

/* As if another dialect had decoded it: nothing stands as it came, all must be written anew. */
static void check_foreign_call(struct bench *b, struct canon_call *call)
{
    struct buf out, before, after;
    struct canon_call again;
    buf_init(&out, 0);
    buf_init(&before, 0);
    buf_init(&after, 0);
    disown(call);
    encode_call(b, call, &out);
    decode_call(b, &b->again, &again);
    said_call(&before, call, false);
    said_call(&after, &again, false);
    for (const struct canon_note *n = again.notes; n; n = n->next)
        if (n->feature == FEATURE_UNKNOWN) wrong(b, "another dialect's call has unknown fields", n->field.p);
    if (!str_eq(buf_str(&before), buf_str(&after))) {
        print_message("%.*s\n---\n%.*s\n", (int)before.n, before.p, (int)after.n, after.p);
        wrong(b, "a call", "says something else");
    }
    totals.foreign_calls++;
    buf_free(&out);
    buf_free(&before);
    buf_free(&after);
}

/* Joined texts, video and moved media have their cases: here the plain ones. */
static bool is_plain(const struct canon_call *call)
{
    for (const struct canon_message *m = call->messages; m; m = m->next) {
        int texts = 0;
        for (const struct canon_part *p = m->parts; p; p = p->next) {
            texts += p->kind == PART_TEXT;
            if (p->kind == PART_VIDEO || p->kind == PART_OPAQUE || (p->kind == PART_DOCUMENT && p->media.url.json.p))
                return false;
            if (p->tool.content && p->tool.content->next) return false;
        }
        if (texts > 1 && m->role != ROLE_USER) return false;
    }
    return true;
}

static void check_call(struct bench *b)
{
    struct json_fail why;
    struct canon_call call;
    struct buf out;
    char where[512];
    if (!b->r->request.n || !json_parse(&b->doc, b->r->request, &why)) return;
    decode_call(b, &b->doc, &call);
    if (!call.model.n) call.model = S("in-the-path"); /* Azure */
    buf_init(&out, 0);
    encode_call(b, &call, &out);
    if (!json_kept(&b->doc, &b->again, forgive_call, where, sizeof(where))) wrong(b, "a call loses", where);
    totals.calls++;
    if (is_plain(&call)) check_foreign_call(b, &call);
    buf_free(&out);
}

/* ---- answers */

static void gather_answer(struct bench *b, const struct canon_answer *answer, struct gathered *g)
{
    gathered_init(g, &b->arena);
    canon_replay(answer, &g->sink);
    if (g->wrong) wrong(b, "a replayed answer", g->wrong);
}

static void decode_answer(struct bench *b, const struct json *doc, struct canon_answer *answer,
                          const struct answer *tap)
{
    canon_answer_init(answer, DIALECT_CHAT, &b->arena);
    if (!dialect_chat.decode_answer(doc, answer)) wrong(b, "an answer", "is not read");
    answer->usage = tap->usage;
}

static void check_usage(struct bench *b, const struct usage *u)
{
    struct usage again;
    usage_read_openai(&b->again, json_find(&b->again, JSON_ROOT, S("usage"), NULL), 0, &again);
    if (u->known != again.known) wrong(b, "usage", "is lost");
    if (canon_prompt_tokens(u) != canon_prompt_tokens(&again)) wrong(b, "usage", "has another prompt");
    if (canon_completion_tokens(u) != canon_completion_tokens(&again)) wrong(b, "usage", "has another completion");
    if (u->units[UNIT_CACHE_READ] != again.units[UNIT_CACHE_READ]) wrong(b, "usage", "has another cache");
    if (u->units[UNIT_REASONING] != again.units[UNIT_REASONING]) wrong(b, "usage", "has other reasoning");
}

static void check_foreign_answer(struct bench *b, struct canon_answer *answer, const struct answer *tap)
{
    const struct canon_client client = {.model = S("asked"), .seed = S("0"), .created_s = 1};
    struct canon_answer again;
    struct gathered said, said_again;
    struct buf out;
    gather_answer(b, answer, &said);
    answer->from = DIALECT_MESSAGES;
    answer->extras.of = DIALECT_MESSAGES;
    for (struct canon_choice *c = answer->choices; c; c = c->next)
        c->extras.of = c->message_extras.of = DIALECT_MESSAGES;
    buf_init(&out, 0);
    dialect_chat.encode_answer(answer, &client, &out);
    reparse(b, &out);
    check_usage(b, &answer->usage);
    decode_answer(b, &b->again, &again, tap);
    gather_answer(b, &again, &said_again);
    const char *differs = gathered_differs(&said, &said_again);
    if (differs) wrong(b, "an answer shows another", differs);
    gathered_free(&said);
    gathered_free(&said_again);
    totals.foreign_answers++;
    buf_free(&out);
}

static void check_answer(struct bench *b)
{
    const struct canon_client client = {.model = S("asked"), .seed = S("0"), .created_s = 1};
    struct canon_answer answer;
    struct answer tap;
    struct buf out;
    char where[512];
    answer_init(&tap, &b->arena);
    if (!answer_read(&tap, CALL_CHAT, 0, &b->doc, b->r->response) || tap.failed) return;
    decode_answer(b, &b->doc, &answer, &tap);
    buf_init(&out, 0);
    dialect_chat.encode_answer(&answer, &client, &out);
    reparse(b, &out);
    if (!json_kept(&b->doc, &b->again, NULL, where, sizeof(where))) wrong(b, "an answer loses", where);
    if (!json_kept(&b->again, &b->doc, NULL, where, sizeof(where)) &&
        strcmp(where, "choices[].message.tool_calls[].type") != 0)
        wrong(b, "an answer gains", where);
    totals.answers++;
    check_foreign_answer(b, &answer, &tap);
    buf_free(&out);
}

/* ---- streams */

struct relay {
    struct canon_sink sink;
    struct canon_encoder encoder;
    struct gathered *gathered;
};

static void relay_delta(struct canon_sink *sink, const struct canon_delta *delta)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);
    if (r->gathered) r->gathered->sink.take(&r->gathered->sink, delta);
    dialect_chat.encode_delta(&r->encoder, delta);
}

/* The events of `text` to the sink; false where the stream fails. */
static bool decode_stream(struct bench *b, str text, struct canon_sink *sink)
{
    struct canon_decoder decoder = {.dialect = DIALECT_CHAT, .arena = &b->arena, .sink = sink};
    struct answer tap;
    str event, data;
    answer_init(&tap, &b->arena);
    while (recording_event(&text, &b->arena, &event, &data)) {
        if (answer_feed(&tap, CALL_CHAT, 0, &b->doc, event, data) == TAP_ERROR) return false;
        if (!str_eq(data, S("[DONE]"))) dialect_chat.decode_event(&decoder, &b->doc, event);
        if (decoder.broken) wrong(b, "a stream is broken", decoder.broken);
    }
    dialect_chat.decode_end(&decoder, &tap);
    return true;
}

/* What a client that only knows `delta.content` gathers, without any of our code. */
static void plain_text(struct bench *b, str text, struct buf *out)
{
    str event, data;
    struct json_fail why;
    while (recording_event(&text, &b->arena, &event, &data)) {
        if (!json_parse(&b->again, data, &why)) continue;
        json_ref choices = json_find(&b->again, JSON_ROOT, S("choices"), NULL);
        json_ref first = choices ? json_first(&b->again, choices) : JSON_ABSENT;
        json_ref content = first ? json_path(&b->again, first, "delta", "content", NULL) : JSON_ABSENT;
        str piece;
        if (content && json_string(&b->again, content, &b->arena, &piece)) buf_add(out, piece);
    }
}

static void check_stream(struct bench *b)
{
    struct gathered said, again;
    struct buf out, plain;
    struct sse_sink sse;
    buf_init(&out, 0);
    buf_init(&plain, 0);
    sse_sink_init(&sse, &out, false);
    gathered_init(&said, &b->arena);
    gathered_init(&again, &b->arena);
    struct relay relay = {.sink = {relay_delta}, .gathered = &said};
    relay.encoder = (struct canon_encoder){.dialect = DIALECT_CHAT,
                                           .sink = &sse.sink,
                                           .arena = &b->arena,
                                           .model = S("asked"),
                                           .seed = S("0"),
                                           .include_usage = true,
                                           .sequence = -1};
    if (decode_stream(b, b->r->response, &relay.sink)) {
        if (said.wrong) wrong(b, "a stream's deltas", said.wrong);
        for (int i = 0; i < said.choices[0].count; i++)
            if (!said.choices[0].calls[i].id.n) wrong(b, "a stream's call", "has no id");
        if (!decode_stream(b, buf_str(&out), &again.sink)) wrong(b, "a stream", "fails when it is read again");
        if (again.wrong) wrong(b, "a stream's deltas, again", again.wrong);
        const char *differs = gathered_differs(&said, &again);
        if (differs) wrong(b, "a stream shows another", differs);
        plain_text(b, b->r->response, &plain);
        if (!str_eq(buf_str(&plain), buf_str(&said.choices[0].text))) wrong(b, "a stream", "shows another text");
        totals.streams++;
    }
    canon_encoder_free(&relay.encoder);
    gathered_free(&said);
    gathered_free(&again);
    buf_free(&plain);
    buf_free(&out);
}

/* ---- recordings */

static struct bench bench;

static void take(struct recording *r, void *ctx)
{
    struct bench *b = ctx;
    b->r = r;
    if (str_find(r->uri, S("chat/completions"), 0) == SIZE_MAX) return;
    check_call(b);
    if (r->status == 200 && r->response.n) {
        if (recording_is_stream(r->response))
            check_stream(b);
        else
            check_answer(b);
    }
    arena_free(&b->arena);
}

static void keeps_recordings(void **state)
{
    (void)state;
    json_init(&bench.doc);
    json_init(&bench.again);
    int files = recordings_read(providers, COUNT_OF(providers), take, &bench);
    json_free(&bench.doc);
    json_free(&bench.again);
    recordings_found(files);
    print_message("%d calls, %d answers and %d streams lose nothing; %d calls with %d tool calls and %d answers say "
                  "the same when they are written anew\n",
                  totals.calls, totals.answers, totals.streams, totals.foreign_calls, totals.tool_calls,
                  totals.foreign_answers);
    assert_true(totals.calls > 800 && totals.answers > 700 && totals.streams > 100);
    assert_true(totals.foreign_calls > 700 && totals.foreign_answers > 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_recordings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

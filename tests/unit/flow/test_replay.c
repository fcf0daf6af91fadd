/* Every recorded exchange of every family through the step that reads answers (body.c), as its
 * bytes would come off the wire: whole, byte by byte, at each event's edge and one byte beside
 * it, at 64 seeded random splits (splits.h). However they come, the usage is the one that the
 * raw fields give by the written arithmetic (raw_usage.h), and everything else that is read of
 * the answer is the same. Without recordings the test says that it skips. */
#include "flow/request.h"

#include "../recordings.h"
#include "../splits.h"
#include "provider/provider.h"
#include "raw_usage.h"

static const char *const files[] = {
    "anthropic",  "azure-foundry", "azure",    "bedrock",     "cerebras", "cohere", "deepseek",
    "gemini",     "gpustack",      "groq",     "huggingface", "mistral",  "ollama", "openai",
    "openrouter", "perplexity",    "together", "vertex",      "voyage",   "xai",    "zai",
};

/* What an address asks for. */
static const struct {
    const char *ends;
    enum call_kind kind;
} addresses[] = {
    {"/chat/completions", CALL_CHAT},
    {"/completions", CALL_COMPLETIONS},
    {"/responses", CALL_RESPONSES},
    {"/embeddings", CALL_EMBEDDINGS},
    {"/moderations", CALL_MODERATIONS},
    {"/v1/rerank", CALL_RERANK},
    {"/audio/transcriptions", CALL_TRANSCRIPTIONS},
    {"/audio/translations", CALL_TRANSLATIONS},
    {"/v1/messages", CALL_MESSAGES},
    {":generateContent", CALL_GENERATE},
    {":streamGenerateContent", CALL_GENERATE},
    {":batchEmbedContents", CALL_EMBED_CONTENTS},
    {":predict", CALL_PREDICT},
    {"/converse", CALL_CONVERSE},
    {"/converse-stream", CALL_CONVERSE},
    {"/v2/chat", CALL_COHERE_CHAT},
    {"/v2/embed", CALL_COHERE_EMBED},
    {"/v2/rerank", CALL_COHERE_RERANK},
};

static struct totals {
    int exchanges[DIALECT_COUNT], streams[DIALECT_COUNT], usages[DIALECT_COUNT];
    int errors, replays;
} totals;

/* A request whose client is gone, on a worker that does not run: all that the step needs. */
static struct rig {
    struct worker worker;
    struct request request;
    struct setting_provider provider;
    struct target target;
    struct way way;
    struct attempt attempt;
    struct buf wire;           /* where the bytes lie while they are read */
    struct buf said, expected; /* what was read, as text; of this way to cut, and of the first */
    const struct recording *r;
    raw_units units;
    bool told;
} rig;

static void nothing_runs(struct task *t)
{
    (void)t;
}

static void wrong(const char *way, const size_t *cuts, size_t count, const char *what)
{
    struct buf at;
    if (!count) buf_add(&rig.said, buf_str(&rig.expected));
    buf_init(&at, 0);
    for (size_t i = 0; i < count && i < 12; i++) buf_printf(&at, " %zu", cuts[i]);
    fail_msg("%.*s %.*s, %s%.*s: %s\n%.*s\nbut whole\n%.*s", (int)rig.r->provider.n, rig.r->provider.p,
             (int)rig.r->id.n, rig.r->id.p, way, (int)at.n, at.n ? at.p : "", what, (int)rig.said.n, rig.said.p,
             (int)rig.expected.n, rig.expected.n ? rig.expected.p : "");
}

/* ---- one replay */

static void begin(void)
{
    const struct recording *r = rig.r;
    struct attempt *a = &rig.attempt;
    arena_init(&rig.request.arena);
    *a = (struct attempt){.request = &rig.request, .way = &rig.way, .step = ATTEMPT_body, .wire_done = true};
    a->wire.add_usage = true;
    a->head.status = (int)r->status;
    a->head.framing = a->body.framer.framing = framing_of(r->type, false);
    a->head.json = str_starts(r->type, S("application/json"));
    a->body.whole = a->head.framing == FRAMING_NONE || r->status >= 300;
    answer_init(&a->body.answer, &rig.request.arena);
}

/* As the wire gives them: from a buffer that others write into a moment later. */
static void feed(str piece)
{
    if (rig.attempt.err) return;
    buf_clear(&rig.wire);
    buf_add(&rig.wire, piece);
    body_feed(&rig.attempt, buf_str(&rig.wire));
    memset(rig.wire.p, '?', rig.wire.n);
}

static void say(struct buf *out, const char *name, str s)
{
    buf_printf(out, " %s='%.*s'", name, (int)s.n, s.n ? s.p : "");
}

static void write_down(struct buf *out)
{
    const struct attempt *a = &rig.attempt;
    const struct answer *answer = &a->body.answer;
    buf_clear(out);
    buf_printf(out, "err=%d complete=%d known=%d flags=%x", (int)a->err, a->body.complete, answer->usage.known,
               answer->usage.flags);
    for (enum unit u = 0; u < UNIT_COUNT; u++) buf_printf(out, " %lld", (long long)answer->usage.units[u]);
    buf_printf(out, " cost=%lld output=%lld/%lld choices=%lld/%lld finished=%d ended=%d tool=%d",
               (long long)answer->provider_cost, (long long)answer->output_events, (long long)answer->output_bytes,
               (long long)answer->choices_seen, (long long)answer->choices_finished, answer->finished, answer->ended,
               answer->tool_used);
    say(out, "id", answer->id);
    say(out, "model", answer->model);
    say(out, "finish", answer->finish);
    say(out, "tier", answer->service_tier);
    say(out, "error", answer->provider_error);
    say(out, "usage", answer->usage_raw);
    say(out, "withheld", buf_str(&a->body.withheld));
}

static void end(void)
{
    struct attempt *a = &rig.attempt;
    buf_free(&a->body.kept);
    buf_free(&a->body.withheld);
    buf_free(&a->body.held);
    task_clear(&rig.request.task);
    arena_free(&rig.request.arena);
}

/* Responses and Gemini show what their tools did, usage tells nothing of it. */
static bool is_told_by_content(enum unit u)
{
    enum dialect_id id = call_kind_dialect(rig.way.kind);
    return (u == UNIT_SEARCHES || u == UNIT_TOOL_CALLS) && (id == DIALECT_RESPONSES || id == DIALECT_GEMINI) &&
           !rig.units[u];
}

static void check_usage(const char *way, const size_t *cuts, size_t count)
{
    const struct usage *u = &rig.attempt.body.answer.usage;
    if (rig.r->status >= 300) return; /* an error: nothing is billed by it */
    if (u->known != rig.told) wrong(way, cuts, count, rig.told ? "usage is not read" : "usage is read where none is");
    for (enum unit i = 0; rig.told && i < UNIT_COUNT; i++)
        if (u->units[i] != rig.units[i] && !is_told_by_content(i)) wrong(way, cuts, count, unit_name(i).p);
}

static void replay(const size_t *cuts, size_t count, const char *way, void *ctx)
{
    str rest = rig.r->response;
    size_t from = 0;
    (void)ctx;
    begin();
    for (size_t i = 0; i < count; i++) {
        feed(str_of(rest.p + from, cuts[i] - from));
        from = cuts[i];
    }
    feed(str_from_at(rest, from));
    if (!rig.attempt.err) body_end(&rig.attempt);
    /* of a whole body as many bytes are withheld as came last: of no meaning */
    if (rig.attempt.body.whole) buf_clear(&rig.attempt.body.withheld);
    write_down(count ? &rig.said : &rig.expected);
    check_usage(way, cuts, count);
    if (count && !str_eq(buf_str(&rig.said), buf_str(&rig.expected))) wrong(way, cuts, count, "something else is read");
    end();
    totals.replays++;
}

/* ---- recordings */

static bool kind_of(str path, enum call_kind *out)
{
    if (str_find(path, S("/api/embeddings"), 0) != SIZE_MAX) return false; /* Ollama's own */
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        *out = addresses[i].kind;
        if (str_ends(path, str_from(addresses[i].ends))) return true;
    }
    return false;
}

static void take(struct recording *r, void *ctx)
{
    enum call_kind kind;
    uint64_t *serial = ctx;
    if (!str_eq(r->method, S("POST")) || !r->response.n || !kind_of(recording_path(r), &kind)) return;
    const struct vendor *v = vendor_find(r->provider);
    enum dialect_id id = call_kind_dialect(kind);
    if (str_eq(r->provider, S("cohere")) && id != DIALECT_COHERE) return; /* its old protocol */
    rig.r = r;
    rig.provider.quirks = v ? v->quirks : 0;
    rig.way.kind = rig.request.receive.kind = kind;
    rig.request.attribute.call.stream = framing_of(r->type, false) != FRAMING_NONE;
    rig.told = raw_usage_of(kind, r->response, rig.units);
    splits_each(r->response, framing_of(r->type, false), ++*serial, replay, NULL);
    totals.exchanges[id]++;
    totals.streams[id] += rig.request.attribute.call.stream;
    totals.usages[id] += rig.told;
    totals.errors += r->status >= 300;
}

static void same_at_every_split(void **state)
{
    uint64_t serial = 0;
    int all = 0;
    (void)state;
    list_init(&rig.worker.loop.runnable);
    json_init(&rig.worker.event_json);
    task_init(&rig.request.task, nothing_runs);
    rig.request.worker = &rig.worker;
    rig.way.target = &rig.target;
    rig.target.provider = &rig.provider;
    int found = recordings_read(files, COUNT_OF(files), take, &serial);
    json_free(&rig.worker.event_json);
    buf_free(&rig.worker.joined);
    buf_free(&rig.wire);
    buf_free(&rig.said);
    buf_free(&rig.expected);
    recordings_found(found);
    for (enum dialect_id id = 0; id < DIALECT_COUNT; id++) {
        print_message("%.*s: %d exchanges, %d of them streams, %d with usage\n", (int)dialect_at(id)->name.n,
                      dialect_at(id)->name.p, totals.exchanges[id], totals.streams[id], totals.usages[id]);
        all += totals.exchanges[id];
        assert_true(totals.streams[id] > 5 && totals.usages[id] > 30); /* a test that reads nothing proves nothing */
    }
    print_message("%d replays, %d exchanges are errors\n", totals.replays, totals.errors);
    assert_true(all > 1500 && totals.errors > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_at_every_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

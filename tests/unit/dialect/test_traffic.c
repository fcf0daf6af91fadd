/* Recorded traffic of the OpenAI family: every body is read, every answer tapped
 * whole, and what comes out is held against the recording's own counts. Without
 * recordings the test says that it skips. */
#include "dialect/dialect.h"

#include "recordings.h"

static const struct provider {
    const char *name;
    uint32_t quirks;
} providers[] = {
    {"openai", 0},
    {"azure", 0},
    {"azure-foundry", 0},
    {"cerebras", 0},
    {"deepseek", QUIRK_CACHE_MISS},
    {"groq", QUIRK_X_GROQ},
    {"huggingface", QUIRK_FLAT_CACHED},
    {"mistral", QUIRK_AUDIO_OUTSIDE},
    {"ollama", 0},
    {"openrouter", QUIRK_OWN_COST},
    {"perplexity", QUIRK_CUMULATIVE | QUIRK_OWN_COST},
    {"together", QUIRK_FLAT_CACHED},
    {"xai", QUIRK_REASONING_OUTSIDE | QUIRK_OWN_COST},
    {"zai", 0},
    {"gpustack", 0},
};

/* One exchange. */
struct row {
    const struct provider *provider;
    str id;
    enum call_kind kind;
    int64_t status;
    str request, response;
    struct call call;
    bool read; /* the request, so that `call` holds */
};

static struct totals {
    int requests, without_model, edited;
    int answers, streams, usages, errors, stream_errors, clamped, costs, unfinished, unended, bounded, little;
} totals;

struct bench {
    const struct provider *provider;
    struct json doc, again;
    struct arena arena;
};

static void wrong(const struct row *r, const char *what)
{
    fail_msg("%s %.*s (%.*s): %s", r->provider->name, (int)r->id.n, r->id.p, (int)call_kind_name(r->kind).n,
             call_kind_name(r->kind).p, what);
}

/* ---- requests */

static bool is_edited_key(const struct json *doc, json_ref key)
{
    static const str keys[] = {STR_INIT("model"), STR_INIT("stream_options"), STR_INIT("max_tokens"),
                               STR_INIT("max_completion_tokens"), STR_INIT("max_output_tokens")};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (json_string_is(doc, key, keys[i])) return true;
    return false;
}

/* Members that call_edit() has no business with: how many, and their bytes in a row. */
static size_t other_members(const struct json *doc, struct buf *bytes)
{
    size_t count = 0;
    for (json_ref key = json_first(doc, JSON_ROOT); key; key = json_next(doc, JSON_ROOT, key + 1)) {
        if (is_edited_key(doc, key)) continue;
        buf_add(bytes, json_raw(doc, key));
        buf_add(bytes, json_raw(doc, key + 1));
        count++;
    }
    return count;
}

static void check_edited(struct bench *b, const struct row *r, const struct call *call)
{
    const struct call_changes changes = {.model = S("vendor/model-x"), .add_usage = true, .max_output = 300};
    struct json_edit edits[CALL_EDITS_MAX];
    struct buf text, before, after;
    struct json_fail why;
    struct call reread;
    struct call_problem problem;
    buf_init(&text, 0);
    buf_init(&before, 0);
    buf_init(&after, 0);
    size_t count = call_edit(call, &b->doc, &changes, edits);
    if (!json_splice(b->doc.text, edits, count, &text)) wrong(r, "the edits cannot be spliced");
    if (!json_parse(&b->again, buf_str(&text), &why)) wrong(r, why.why);
    if (!call_read(r->kind, &b->again, &b->arena, &reread, &problem)) wrong(r, "the edited body is refused");
    if (!str_eq(reread.model, changes.model)) wrong(r, "the model was not replaced");
    bool chat = r->kind == CALL_CHAT || r->kind == CALL_COMPLETIONS;
    if (chat && call->stream && !reread.include_usage) wrong(r, "usage was not asked for");
    if (!call->stream && reread.include_usage != call->include_usage) wrong(r, "usage was asked for");
    int64_t limit = call->max_output >= 0 && call->max_output < 300 ? call->max_output : 300;
    if ((chat || r->kind == CALL_RESPONSES) && reread.max_output != limit) wrong(r, "the limit is another");
    if (reread.text_bytes != call->text_bytes) wrong(r, "the prompt has changed");
    if (other_members(&b->doc, &before) != other_members(&b->again, &after) ||
        !str_eq(buf_str(&before), buf_str(&after)))
        wrong(r, "something else was changed");
    if (call_edit(&reread, &b->again, &changes, edits)) wrong(r, "a second edit changes something again");
    buf_free(&text);
    buf_free(&before);
    buf_free(&after);
    totals.edited++;
}

static void check_request(struct bench *b, struct row *r)
{
    struct json_fail why;
    struct call_problem problem;
    if (!json_parse(&b->doc, r->request, &why)) return; /* multipart, or not kept */
    totals.requests++;
    if (!call_read(r->kind, &b->doc, &b->arena, &r->call, &problem)) {
        /* Azure names the deployment in the path */
        if (!str_eq(problem.param, S("model"))) wrong(r, problem.message.p);
        totals.without_model++;
        return;
    }
    r->read = true;
    const struct call_segments *s = &r->call.segments;
    int64_t sum = s->system_bytes + s->history_bytes + s->retrieved_bytes + s->tools_bytes + s->user_bytes;
    if (sum != r->call.text_bytes) wrong(r, "the segments do not make the text");
    check_edited(b, r, &r->call);
}

/* ---- answers */

static int64_t number_at(const struct json *doc, const char *key, const char *other)
{
    int64_t v = 0;
    json_ref at = json_find(doc, JSON_ROOT, str_from(key), NULL);
    if (!at) at = json_find(doc, JSON_ROOT, str_from(other), NULL);
    return json_i64(doc, at, &v) ? v : 0;
}

/* What was counted of the body bounds what was billed, with constants for what
 * providers add: measured here, up to 500 tokens where tools are used. Groq's
 * compound models search by themselves. */
static void check_bound(const struct row *r, int64_t prompt)
{
    const struct call *c = &r->call;
    if (!r->read || c->references || c->server_tools || c->images || c->audio) return;
    if (str_starts(c->model, S("compound"))) return;
    if (prompt > c->text_bytes + 768 + 64 * (c->messages + c->tools)) wrong(r, "more was billed than was counted");
    bool little =
        strcmp(r->provider->name, "openai") == 0 && !c->tools && str_find(c->model, S("search"), 0) == SIZE_MAX;
    if (little && prompt > c->text_bytes + 64 + 16 * c->messages) wrong(r, "OpenAI added more than is known");
    totals.bounded++;
    totals.little += little;
}

/* The units make up what the provider said, and no tokens stand in two of them. */
static void check_sums(struct bench *b, const struct row *r, const struct answer *a)
{
    const int64_t *u = a->usage.units;
    struct json_fail why;
    for (enum unit i = 0; i < UNIT_COUNT; i++)
        if (u[i] < 0) wrong(r, "a unit is negative");
    if (!a->usage_raw.n || !json_parse(&b->again, a->usage_raw, &why)) {
        wrong(r, "the raw usage is no JSON");
        return;
    }
    int64_t in = u[UNIT_INPUT] + u[UNIT_CACHE_READ] + u[UNIT_CACHE_WRITE_5M] + u[UNIT_AUDIO_IN];
    int64_t out = u[UNIT_OUTPUT] + u[UNIT_REASONING] + u[UNIT_AUDIO_OUT];
    int64_t prompt = number_at(&b->again, "prompt_tokens", "input_tokens");
    int64_t completion = number_at(&b->again, "completion_tokens", "output_tokens");
    int64_t total = number_at(&b->again, "total_tokens", "total_tokens");
    if (r->provider->quirks & QUIRK_AUDIO_OUTSIDE && total > prompt + completion) prompt += u[UNIT_AUDIO_IN];
    check_bound(r, prompt);
    if (in != prompt) wrong(r, "the units in do not make the prompt");
    if (out != completion) wrong(r, "the units out do not make the completion");
    if (in + out != total) wrong(r, "the units do not make the total");
    if (a->usage.flags & ~(uint32_t)USAGE_CLAMPED) wrong(r, "a flag is raised");
    totals.usages++;
    totals.clamped += (a->usage.flags & USAGE_CLAMPED) != 0;
    totals.costs += a->provider_cost >= 0;
}

/* A usage object with a number in it, found in the text alone. */
static bool says_usage(str text)
{
    static const str keys[] = {STR_INIT("\"total_tokens\":")};
    for (size_t at = 0; (at = str_find(text, keys[0], at)) != SIZE_MAX; at++) {
        str rest = str_trim(str_from_at(text, at + keys[0].n));
        if (rest.n && rest.p[0] >= '0' && rest.p[0] <= '9') return true;
    }
    return false;
}

static void check_body(struct bench *b, const struct row *r)
{
    struct answer a;
    answer_init(&a, &b->arena);
    if (!answer_read(&a, r->kind, r->provider->quirks, &b->doc, r->response)) wrong(r, "the body is not read");
    totals.answers++;
    if (r->status >= 400) {
        if (!a.failed || !a.provider_error.n) wrong(r, "an error is not seen");
        totals.errors++;
        return;
    }
    if (a.failed) wrong(r, a.provider_error.p);
    bool background = r->kind == CALL_RESPONSES && str_find(r->response, S("\"queued\""), 0) != SIZE_MAX;
    if (!background && (!a.finished || !a.ended || !answer_complete(&a))) wrong(r, "a whole body is not finished");
    if (!a.model.n) wrong(r, "no model");
    if (says_usage(r->response) != a.usage.known) wrong(r, "usage is not read");
    if (a.usage.known) check_sums(b, r, &a);
}

static bool has_choices(struct bench *b, str data)
{
    struct json_fail why;
    if (!json_parse(&b->again, data, &why)) return true;
    json_ref choices = json_find(&b->again, JSON_ROOT, S("choices"), NULL);
    return !choices || json_first(&b->again, choices);
}

static void check_stream(struct bench *b, const struct row *r)
{
    struct answer a;
    str rest = r->response, event, data;
    int events = 0, last = 0, usage_only = 0;
    answer_init(&a, &b->arena);
    while (recording_event(&rest, &b->arena, &event, &data)) {
        enum tap_verdict v = answer_feed(&a, r->kind, r->provider->quirks, &b->doc, event, data);
        events++;
        usage_only += v == TAP_USAGE_ONLY;
        if (v == TAP_END) last = events;
        if (v == TAP_USAGE_ONLY && (!a.usage.known || has_choices(b, data)))
            wrong(r, "a chunk that is not only usage would be dropped");
    }
    totals.answers++;
    totals.streams++;
    bool error = str_find(r->response, S("\"error\":{"), 0) != SIZE_MAX;
    if (a.failed != error) wrong(r, a.failed ? a.provider_error.p : "an error is not seen");
    /* a response may consist of a tool call that comes in one piece */
    bool deltas = r->kind != CALL_RESPONSES || str_find(r->response, S(".delta\""), 0) != SIZE_MAX;
    totals.stream_errors += error;
    if (!error && !answer_complete(&a)) wrong(r, "a whole stream is not complete");
    if (!error && a.ended && last != events) wrong(r, "something follows the end");
    totals.unfinished += !error && !a.finished;
    totals.unended += !error && !a.ended;
    if (!a.model.n) wrong(r, "no model");
    if (!error && deltas && !a.output_events && a.usage.units[UNIT_OUTPUT]) wrong(r, "no output was counted");
    if (usage_only > 1) wrong(r, "more than one chunk would be dropped");
    if (says_usage(r->response) != a.usage.known) wrong(r, "usage is not read");
    if (a.usage.known) check_sums(b, r, &a);
}

/* ---- recordings */

static bool kind_of(const struct provider *p, str path, enum call_kind *out)
{
    if (strcmp(p->name, "ollama") == 0 && str_find(path, S("/api/"), 0) != SIZE_MAX)
        return false; /* its own protocol */
    for (enum call_kind k = 0; k < CALL_KIND_COUNT; k++) {
        bool openai = call_kind_dialect(k) == DIALECT_CHAT || call_kind_dialect(k) == DIALECT_RESPONSES;
        /* test_embed.c reads those; a count has neither a model nor a usage */
        bool other = call_kind_makes_media(k) || k == CALL_RERANK || k == CALL_COUNT_RESPONSES;
        if (!openai || other || !str_ends(path, str_from_at(call_path(k), 3))) continue;
        *out = k;
        return true;
    }
    return false;
}

static void take(struct recording *recorded, void *ctx)
{
    struct bench *b = ctx;
    struct row r = {.provider = b->provider,
                    .id = recorded->id,
                    .status = recorded->status,
                    .request = recorded->request,
                    .response = recorded->response};
    if (!kind_of(r.provider, recording_path(recorded), &r.kind)) return;
    if (r.request.n) check_request(b, &r);
    if (r.response.n && recording_is_stream(r.response))
        check_stream(b, &r);
    else if (r.response.n)
        check_body(b, &r);
    arena_free(&b->arena);
}

static void reads_recordings(void **state)
{
    struct bench b = {0};
    int files = 0;
    (void)state;
    json_init(&b.doc);
    json_init(&b.again);
    for (b.provider = providers; b.provider < providers + COUNT_OF(providers); b.provider++)
        files += recordings_each(b.provider->name, take, &b);
    json_free(&b.doc);
    json_free(&b.again);
    recordings_found(files);
    print_message("%d requests (%d without a model), %d edited; %d answers, %d of them streams, %d with usage (%d "
                  "clamped, %d with the provider's own cost), %d errors and %d in a stream; %d streams end without a "
                  "finish reason, %d without a last event\n",
                  totals.requests, totals.without_model, totals.edited, totals.answers, totals.streams, totals.usages,
                  totals.clamped, totals.costs, totals.errors, totals.stream_errors, totals.unfinished, totals.unended);
    /* a test that reads nothing proves nothing */
    assert_true(totals.edited > 1000 && totals.answers > 1000 && totals.streams > 100 && totals.usages > 1000);
    assert_true(totals.little > 400);
    assert_true(totals.errors > 20 && totals.stream_errors > 0 && totals.clamped > 0 && totals.costs > 0 &&
                totals.bounded > 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_recordings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Recorded embeddings, ranks and sound: what each says it used is what is read, by the
 * arithmetic of its protocol, and an answer that is decoded and written in its own
 * protocol again has lost nothing. Without the recordings the test says that it skips. */
#include "dialect/codec.h"

#include "recordings.h"

static struct {
    int answers, usages, silent, kept, calls;
} totals;

static void wrong(const struct recording *r, const char *what)
{
    fail_msg("%.*s %.*s: %s", (int)r->provider.n, r->provider.p, (int)r->id.n, r->id.p, what);
}

static bool kind_of(const struct recording *r, enum call_kind *out)
{
    static const struct {
        str end;
        enum call_kind kind;
    } ends[] = {
        {STR_INIT("/embeddings"), CALL_EMBEDDINGS},
        {STR_INIT(":batchEmbedContents"), CALL_EMBED_CONTENTS},
        {STR_INIT(":predict"), CALL_PREDICT},
        {STR_INIT("/v2/embed"), CALL_COHERE_EMBED},
        {STR_INIT("/v2/rerank"), CALL_COHERE_RERANK},
        {STR_INIT("/v1/rerank"), CALL_RERANK},
        {STR_INIT("/audio/transcriptions"), CALL_TRANSCRIPTIONS},
    };
    if (str_find(r->uri, S("/api/embeddings"), 0) != SIZE_MAX) return false; /* Ollama's own */
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        *out = ends[i].kind;
        if (str_ends(recording_path(r), ends[i].end)) return true;
    }
    return false;
}

static int64_t number(const struct json *doc, json_ref at)
{
    int64_t v = 0;
    return at && json_i64(doc, at, &v) ? v : 0;
}

static int64_t predicted(const struct json *doc)
{
    int64_t sum = 0;
    json_ref list = json_find(doc, JSON_ROOT, S("predictions"), NULL);
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at))
        sum += number(doc, json_path(doc, at, "embeddings", "statistics", "token_count", NULL));
    return sum;
}

/* The raw fields, found by their places. */
static void check_usage(const struct recording *r, enum call_kind kind, const struct json *doc, const struct usage *u)
{
    json_ref usage = json_find(doc, JSON_ROOT, S("usage"), NULL);
    int64_t input = number(doc, json_path(doc, JSON_ROOT, "usage", "total_tokens", NULL));
    int64_t searches = number(doc, json_path(doc, JSON_ROOT, "meta", "billed_units", "search_units", NULL));
    int64_t audio = number(doc, json_path(doc, JSON_ROOT, "usage", "input_token_details", "audio_tokens", NULL));
    int64_t output = number(doc, json_path(doc, JSON_ROOT, "usage", "output_tokens", NULL));
    int64_t seconds = number(doc, json_path(doc, JSON_ROOT, "usage", "seconds", NULL));
    if (kind == CALL_EMBED_CONTENTS)
        input = number(doc, json_path(doc, JSON_ROOT, "usageMetadata", "promptTokenCount", NULL));
    if (kind == CALL_COHERE_EMBED)
        input = number(doc, json_path(doc, JSON_ROOT, "meta", "billed_units", "input_tokens", NULL));
    if (kind == CALL_PREDICT) input = predicted(doc);
    if (kind == CALL_TRANSCRIPTIONS) input -= output + audio;
    bool told = usage || input || searches;
    if (told != u->known) wrong(r, "usage is not read");
    if (u->units[UNIT_INPUT] != input) wrong(r, "the input is another");
    if (u->units[UNIT_SEARCHES] != searches) wrong(r, "the searches are others");
    if (u->units[UNIT_AUDIO_IN] != audio || u->units[UNIT_SECONDS] != seconds) wrong(r, "the sound is another");
    if (u->units[UNIT_OUTPUT] != output) wrong(r, "the output is another");
    if (u->flags) wrong(r, "a flag is raised");
    totals.usages += told;
    totals.silent += !told;
}

static void check_kept(const struct recording *r, enum call_kind kind, const struct json *doc, const struct usage *u)
{
    struct canon_answer answer;
    struct canon_client client = {.model = S("m"), .seed = S("0123456789abcdef")};
    struct json_cover cover = {.want = doc};
    struct json got;
    struct json_fail why;
    struct buf out;
    buf_init(&out, 0);
    json_init(&got);
    canon_answer_init(&answer, call_kind_dialect(kind), r->arena);
    if (!kind_decode_answer(kind, doc, &answer)) wrong(r, "it is no answer");
    answer.usage = *u;
    kind_encode_answer(kind, &answer, &client, &out);
    if (!json_parse(&got, buf_str(&out), &why)) wrong(r, why.why);
    cover.got = &got;
    if (!json_covers(&cover, JSON_ROOT, JSON_ROOT, "")) wrong(r, cover.lost);
    totals.kept++;
    json_free(&got);
    buf_free(&out);
}

static void check_call(const struct recording *r, enum call_kind kind)
{
    struct json doc;
    struct json_fail why;
    struct call call;
    struct call_problem problem = {0};
    json_init(&doc);
    if (r->request.n && json_parse(&doc, r->request, &why)) {
        if (!call_read(kind, &doc, r->arena, &call, &problem)) wrong(r, problem.message.p);
        if (call.text_bytes <= 0) wrong(r, "nothing was counted");
        totals.calls++;
    }
    json_free(&doc);
}

static void take(struct recording *r, void *ctx)
{
    (void)ctx;
    enum call_kind kind;
    struct answer a;
    struct json doc;
    if (!kind_of(r, &kind) || r->status != 200 || !r->response.n) return;
    json_init(&doc);
    answer_init(&a, r->arena);
    if (!answer_read(&a, kind, 0, &doc, r->response) || a.failed || !answer_complete(&a)) wrong(r, "it is not read");
    totals.answers++;
    check_usage(r, kind, &doc, &a.usage);
    bool translated = kind_operation(kind) != OPERATION_OWN && kind != CALL_PREDICT;
    if (translated) check_kept(r, kind, &doc, &a.usage);
    json_free(&doc);
    check_call(r, kind);
}

static void reads_recordings(void **state)
{
    static const char *const providers[] = {"openai",  "azure",  "azure-foundry", "openrouter", "perplexity",
                                            "mistral", "voyage", "cohere",        "gemini",     "vertex"};
    (void)state;
    recordings_found(recordings_read(providers, COUNT_OF(providers), take, NULL));
    print_message("%d answers, %d with usage (%d tell none), %d lose nothing, %d calls\n", totals.answers,
                  totals.usages, totals.silent, totals.kept, totals.calls);
    assert_true(totals.answers > 50 && totals.usages > 45 && totals.kept > 45 && totals.calls > 45);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_recordings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

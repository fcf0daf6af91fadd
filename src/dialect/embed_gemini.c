/* Gemini's embedContent and batchEmbedContents. A batch is a list of the former, each with
 * settings of its own. Some models tell what they used (usageMetadata), others nothing.
 * Source: Google's API reference; Google's own client always sends a batch. */
#include "dialect/embed.h"
#include "dialect/gemini.h"

static const struct {
    str name;
    enum embed_task task;
} tasks[] = {
    {STR_INIT("RETRIEVAL_QUERY"), TASK_QUERY},          {STR_INIT("RETRIEVAL_DOCUMENT"), TASK_DOCUMENT},
    {STR_INIT("SEMANTIC_SIMILARITY"), TASK_SIMILARITY}, {STR_INIT("CLASSIFICATION"), TASK_CLASSIFICATION},
    {STR_INIT("CLUSTERING"), TASK_CLUSTERING},          {STR_INIT("QUESTION_ANSWERING"), TASK_ANSWERING},
    {STR_INIT("FACT_VERIFICATION"), TASK_VERIFICATION}, {STR_INIT("CODE_RETRIEVAL_QUERY"), TASK_CODE},
};

str embed_gemini_task(enum embed_task task)
{
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        if (tasks[i].task == task) return tasks[i].name;
    return S("");
}

enum embed_task embed_gemini_task_of(str name)
{
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        if (str_eq(tasks[i].name, name)) return tasks[i].task;
    return TASK_NONE;
}

/* As Google's own client tells them apart. */
bool embed_gemini_takes(str model)
{
    size_t at = str_find(model, S("gemini"), 0);
    return at != SIZE_MAX && str_find(model, S("gemini-embedding-001"), 0) == SIZE_MAX;
}

/* ---- the call, read */

enum { AT_CONTENT, AT_MODEL, AT_TASK, AT_TITLE, AT_DIMENSIONS, AT_TRUNCATE };

static const struct gemini_field fields[] = {
    [AT_CONTENT] = {STR_INIT("content"), GEMINI_READ},
    [AT_MODEL] = {STR_INIT("model"), GEMINI_READ}, /* repeats the path */
    [AT_TASK] = {STR_INIT("taskType"), GEMINI_READ},
    [AT_TITLE] = {STR_INIT("title"), GEMINI_READ},
    [AT_DIMENSIONS] = {STR_INIT("outputDimensionality"), GEMINI_READ},
    [AT_TRUNCATE] = {STR_INIT("autoTruncate"), GEMINI_READ},
};

struct settings_read {
    str task, dimensions;
    jraw title;
    enum embed_cut cut;
};

static bool read_settings(struct gemini_reader *r, const json_ref *at, struct settings_read *out)
{
    int64_t v;
    out->task = at[AT_TASK] ? gemini_string(r, at[AT_TASK]) : STR_NONE;
    if (at[AT_TITLE] && json_type(r->doc, at[AT_TITLE]) == JSON_STRING) out->title = canon_raw(r->doc, at[AT_TITLE]);
    if (at[AT_TRUNCATE]) out->cut = json_is_true(r->doc, at[AT_TRUNCATE]) ? CUT_END : CUT_REFUSE;
    if (!at[AT_DIMENSIONS]) return true;
    if (!gemini_count(r->doc, at[AT_DIMENSIONS], &v) || v < 1)
        return gemini_refuse(r, S("outputDimensionality"), S("a whole number of at least 1"));
    out->dimensions = arena_printf(r->arena, "%lld", (long long)v);
    return true;
}

static void take_settings(struct canon_call *call, const struct settings_read *s, bool first)
{
    struct canon_embed *e = embed_of(call);
    bool same = str_eq(e->task_raw, s->task) && str_eq(e->dimensions, s->dimensions) &&
                str_eq(e->title.json, s->title.json) && e->cut == s->cut;
    if (!first) {
        if (!same) canon_note(call, FEATURE_EMBED_MIXED, S("requests"));
        return;
    }
    e->task_raw = s->task;
    e->dimensions = s->dimensions;
    e->title = s->title;
    e->cut = s->cut;
    e->task = embed_gemini_task_of(s->task);
    if (s->task.n) canon_note(call, FEATURE_EMBED_TASK, S("taskType"));
    if (s->title.json.p) canon_note(call, FEATURE_EMBED_TITLE, S("title"));
    if (s->dimensions.n) canon_note(call, FEATURE_EMBED_DIMENSIONS, S("outputDimensionality"));
    if (s->cut) canon_note(call, FEATURE_EMBED_CUT, S("autoTruncate"));
}

/* Text and images have their words elsewhere; other media only Gemini knows. */
static void note_parts(struct canon_call *call, const struct canon_part *parts)
{
    for (const struct canon_part *p = parts; p; p = p->next) {
        if (p->kind == PART_TEXT) continue;
        canon_note(call, p->kind == PART_IMAGE ? FEATURE_EMBED_IMAGE : FEATURE_UNKNOWN, S("content.parts"));
    }
}

/* Everything beside content and model, as it stands: what the same dialect is sent again. */
static struct canon_extras beside(struct canon_call *call, const struct json *doc, json_ref object)
{
    static const str known[] = {STR_INIT("content"), STR_INIT("model")};
    return canon_extras_of(doc, object, known, COUNT_OF(known), DIALECT_GEMINI, call->arena);
}

static bool read_request(struct gemini_reader *r, json_ref object, bool first)
{
    json_ref at[COUNT_OF(fields)];
    struct canon_extras extras;
    struct settings_read settings = {0};
    struct gemini_parts parts = {0};
    if (json_type(r->doc, object) != JSON_OBJECT) return gemini_refuse(r, S("requests"), S("a list of objects"));
    if (!gemini_fields(r, object, S(""), fields, COUNT_OF(fields), at, &extras)) return false;
    if (!at[AT_CONTENT]) return gemini_refuse(r, S("content"), S("an object with parts"));
    if (!read_settings(r, at, &settings)) return false;
    struct canon_embed_input *input = embed_add(r->call);
    json_ref list = json_type(r->doc, at[AT_CONTENT]) == JSON_OBJECT ? gemini_find(r->doc, at[AT_CONTENT], S("parts"))
                                                                     : at[AT_CONTENT];
    if (!list || !gemini_read_parts(r, list, S("content"), &parts))
        return gemini_refuse(r, S("content.parts"), S("a list of parts"));
    input->parts = parts.first;
    input->own = canon_raw(r->doc, at[AT_CONTENT]);
    input->extras = beside(r->call, r->doc, object);
    note_parts(r->call, input->parts);
    take_settings(r->call, &settings, first);
    return true;
}

bool embed_gemini_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("requests"), STR_INIT("model")};
    struct gemini_reader r = {.doc = doc, .arena = out->arena, .call = out, .problem = problem};
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return gemini_refuse(&r, S("body"), S("an object"));
    json_ref list = openai_find(doc, JSON_ROOT, S("requests"));
    embed_of(out)->single = !list;
    if (!list) return read_request(&r, JSON_ROOT, true);
    if (json_type(doc, list) != JSON_ARRAY || !json_first(doc, list))
        return gemini_refuse(&r, S("requests"), S("a list of objects"));
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at))
        if (!read_request(&r, at, !out->embed->count)) return false;
    out->extras = embed_rest(out, doc, JSON_ROOT, known, COUNT_OF(known));
    return true;
}

/* ---- the call, written */

static void put_content(const struct canon_call *call, const struct canon_embed_input *input, struct buf *out)
{
    struct gemini_writer w = {.out = out, .arena = call->arena, .from = call->from};
    canon_key(out, S("content"));
    buf_add(out, S("{\"parts\":["));
    for (const struct canon_part *p = input->parts; p; p = p->next) {
        if (p->kind != PART_TEXT && p->kind != PART_IMAGE) continue;
        canon_comma(out);
        (void)gemini_put_part(&w, p);
    }
    buf_add(out, S("]}"));
}

static void put_settings(const struct canon_embed *e, bool vertex, struct buf *out)
{
    canon_put_text(out, S("taskType"), embed_gemini_task(e->task));
    canon_put_raw(out, S("title"), e->title);
    canon_put_number(out, S("outputDimensionality"), e->dimensions);
    if (vertex && e->cut) canon_put_bool(out, S("autoTruncate"), e->cut != CUT_REFUSE);
}

/* Vertex has the model in the path alone. */
static void put_request(const struct canon_call *call, const struct canon_embed_input *input,
                        const struct canon_target *target, struct buf *out)
{
    bool vertex = str_eq(target->vendor, S("vertex"));
    str prefix = str_starts(target->model, S("models/")) ? S("") : S("models/");
    buf_add_byte(out, '{');
    if (!vertex)
        canon_put_text(out, S("model"),
                       arena_printf(call->arena, "%" STR_FMT "%" STR_FMT, STR_ARG(prefix), STR_ARG(target->model)));
    if (call->from == DIALECT_GEMINI && input->own.json.p) {
        canon_put_raw(out, S("content"), input->own);
        canon_put_extras(out, &input->extras, DIALECT_GEMINI);
    } else {
        put_content(call, input, out);
        put_settings(call->embed, vertex, out);
    }
    buf_add_byte(out, '}');
}

bool embed_gemini_encode_one(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                             struct call_problem *problem)
{
    if (call->embed->count != 1)
        return embed_refuse(problem, call->arena, S("input"),
                            "a single text: the model's provider embeds one in each call");
    put_request(call, call->embed->inputs, target, out);
    return true;
}

bool embed_gemini_encode_batch(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                               struct call_problem *problem)
{
    (void)problem;
    buf_add(out, S("{\"requests\":["));
    for (const struct canon_embed_input *in = call->embed->inputs; in; in = in->next) {
        canon_comma(out);
        put_request(call, in, target, out);
    }
    buf_add_byte(out, ']');
    canon_put_extras(out, &call->extras, DIALECT_GEMINI);
    buf_add_byte(out, '}');
    return true;
}

/* ---- the answer */

static bool read_vector(struct canon_answer *out, const struct json *doc, json_ref at)
{
    static const str known[] = {STR_INIT("values")};
    json_ref values = openai_find(doc, at, S("values"));
    if (!values || json_type(doc, values) != JSON_ARRAY) return false;
    struct canon_vector *v = embed_add_vector(out);
    v->of[EMBED_FLOAT] = canon_raw(doc, values);
    v->extras = canon_extras_of(doc, at, known, COUNT_OF(known), DIALECT_GEMINI, out->arena);
    return true;
}

bool embed_gemini_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known[] = {STR_INIT("embedding"), STR_INIT("embeddings"), STR_INIT("usageMetadata")};
    json_ref one = openai_find(doc, JSON_ROOT, S("embedding")), list = openai_find(doc, JSON_ROOT, S("embeddings"));
    out->usage_value = canon_raw(doc, openai_find(doc, JSON_ROOT, S("usageMetadata")));
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_GEMINI, out->arena);
    if (one) return read_vector(out, doc, one);
    if (!list || json_type(doc, list) != JSON_ARRAY) return false;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at))
        if (!read_vector(out, doc, at)) return false;
    return true;
}

static void put_vector(struct buf *out, const struct canon_vector *v)
{
    buf_add_byte(out, '{');
    canon_key(out, S("values"));
    (void)embed_put_vector(out, v, EMBED_FLOAT);
    canon_put_extras(out, &v->extras, DIALECT_GEMINI);
    buf_add_byte(out, '}');
}

static void put_end(const struct canon_answer *answer, struct buf *out)
{
    int64_t tokens = canon_prompt_tokens(&answer->usage);
    if (answer->from == DIALECT_GEMINI) {
        canon_put_raw(out, S("usageMetadata"), answer->usage_value);
        canon_put_extras(out, &answer->extras, DIALECT_GEMINI);
    } else if (answer->usage.known) {
        canon_key(out, S("usageMetadata"));
        buf_printf(out, "{\"promptTokenCount\":%lld,\"totalTokenCount\":%lld}", (long long)tokens, (long long)tokens);
    }
    buf_add_byte(out, '}');
}

void embed_gemini_answer_one(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    static const struct canon_vector none;
    const struct canon_vector *first = answer->vectors ? answer->vectors->list : NULL;
    (void)client;
    buf_add(out, S("{\"embedding\":"));
    put_vector(out, first ? first : &none);
    put_end(answer, out);
}

void embed_gemini_answer_batch(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    (void)client;
    buf_add(out, S("{\"embeddings\":["));
    for (const struct canon_vector *v = answer->vectors ? answer->vectors->list : NULL; v; v = v->next) {
        canon_comma(out);
        put_vector(out, v);
    }
    buf_add_byte(out, ']');
    put_end(answer, out);
}

/* ---- what it used */

/* Each modality has a price of its own; what is left of the sum is text. Video has none that is known. */
static void take_details(struct answer *a, const struct json *doc, json_ref usage)
{
    json_ref list = openai_find(doc, usage, S("promptTokenDetails"));
    if (!list) list = openai_find(doc, usage, S("promptTokensDetails"));
    if (!list || json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        int64_t v = usage_count(doc, openai_find(doc, at, S("tokenCount")), &a->usage.flags);
        json_ref modality = openai_find(doc, at, S("modality"));
        bool image = json_string_is(doc, modality, S("IMAGE")), audio = json_string_is(doc, modality, S("AUDIO"));
        if (json_string_is(doc, modality, S("VIDEO")) && v > 0) a->usage.flags |= USAGE_OTHER_RATE;
        if (v <= 0 || !(image || audio)) continue;
        if (v > a->usage.units[UNIT_INPUT]) {
            a->usage.flags |= USAGE_CLAMPED;
            v = a->usage.units[UNIT_INPUT];
        }
        a->usage.units[UNIT_INPUT] -= v;
        a->usage.units[image ? UNIT_IMAGE : UNIT_AUDIO_IN] += v;
    }
}

void embed_gemini_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref usage = openai_find(doc, JSON_ROOT, S("usageMetadata"));
    (void)kind, (void)quirks;
    a->finished = a->ended = !a->failed;
    if (!usage || json_type(doc, usage) != JSON_OBJECT) return;
    int64_t tokens = usage_count(doc, openai_find(doc, usage, S("promptTokenCount")), &a->usage.flags);
    if (tokens < 0) return;
    a->usage.units[UNIT_INPUT] = tokens;
    a->usage.units[UNIT_REQUESTS] = 1;
    a->usage.known = true;
    take_details(a, doc, usage);
    answer_keep_usage(a, json_raw(doc, usage));
}

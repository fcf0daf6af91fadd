/* Vertex's :predict of text embeddings, for the models that know no :embedContent. */
#include "dialect/embed.h"
#include "dialect/tap.h"

/* ---- the call */

static bool read_instance(struct canon_call *call, const struct json *doc, json_ref at, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("content"), STR_INIT("task_type"), STR_INIT("taskType"), STR_INIT("title"),
                                STR_INIT("mimeType")};
    struct canon_embed *e = embed_of(call);
    bool first = !e->count;
    jraw text = canon_raw_string(doc, at, S("content")), title = canon_raw_string(doc, at, S("title"));
    str task = canon_text(doc, at, S("task_type"), call->arena);
    if (!task.n) task = canon_text(doc, at, S("taskType"), call->arena);
    if (!text.json.p) return embed_refuse(problem, call->arena, S("instances.content"), "a string");
    struct canon_embed_input *input = embed_add(call);
    embed_add_text(call, input, text);
    input->extras = embed_rest(call, doc, at, known, COUNT_OF(known));
    if (!first) {
        bool same = str_eq(task, e->task_raw) && str_eq(title.json, e->title.json);
        if (!same) canon_note(call, FEATURE_EMBED_MIXED, S("instances"));
        return true;
    }
    e->task_raw = task;
    e->task = embed_gemini_task_of(task);
    e->title = title;
    if (task.n) canon_note(call, FEATURE_EMBED_TASK, S("instances.task_type"));
    if (title.json.p) canon_note(call, FEATURE_EMBED_TITLE, S("instances.title"));
    return true;
}

static bool read_parameters(struct canon_call *call, const struct json *doc, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("outputDimensionality"), STR_INIT("autoTruncate")};
    struct canon_embed *e = embed_of(call);
    json_ref at = openai_find(doc, JSON_ROOT, S("parameters"));
    if (!at) return true;
    if (json_type(doc, at) != JSON_OBJECT) return embed_refuse(problem, call->arena, S("parameters"), "an object");
    if (!embed_count(doc, at, S("outputDimensionality"), call->arena, &e->dimensions, problem)) return false;
    int8_t cut = canon_tristate(doc, at, S("autoTruncate"));
    if (e->dimensions.n) canon_note(call, FEATURE_EMBED_DIMENSIONS, S("parameters.outputDimensionality"));
    if (cut >= 0) {
        e->cut = cut ? CUT_END : CUT_REFUSE;
        canon_note(call, FEATURE_EMBED_CUT, S("parameters.autoTruncate"));
    }
    (void)embed_rest(call, doc, at, known, COUNT_OF(known));
    return true;
}

bool embed_predict_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("instances"), STR_INIT("parameters")};
    json_ref list = openai_find(doc, JSON_ROOT, S("instances"));
    if (!list || json_type(doc, list) != JSON_ARRAY || !json_first(doc, list))
        return embed_refuse(problem, out->arena, S("instances"), "a list of objects");
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at))
        if (!read_instance(out, doc, at, problem)) return false;
    out->extras = embed_rest(out, doc, JSON_ROOT, known, COUNT_OF(known));
    return read_parameters(out, doc, problem);
}

static bool takes_text_alone(const struct canon_call *call, struct call_problem *problem)
{
    for (const struct canon_embed_input *in = call->embed->inputs; in; in = in->next) {
        for (const struct canon_part *p = in->parts; p; p = p->next)
            if (p->kind != PART_TEXT)
                return embed_refuse(problem, call->arena, S("input"), "text: the model embeds nothing else");
    }
    return true;
}

bool embed_predict_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                               struct call_problem *problem)
{
    const struct canon_embed *e = call->embed;
    (void)target;
    if (!takes_text_alone(call, problem)) return false;
    buf_add(out, S("{\"instances\":["));
    for (const struct canon_embed_input *in = e->inputs; in; in = in->next) {
        canon_comma(out);
        buf_add_byte(out, '{');
        canon_put_raw(out, S("content"), embed_text(call->arena, in));
        canon_put_text(out, S("task_type"), embed_gemini_task(e->task));
        canon_put_raw(out, S("title"), e->title);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    if (e->dimensions.n || e->cut) {
        canon_key(out, S("parameters"));
        buf_add_byte(out, '{');
        canon_put_number(out, S("outputDimensionality"), e->dimensions);
        if (e->cut) canon_put_bool(out, S("autoTruncate"), e->cut != CUT_REFUSE);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, '}');
    return true;
}

/* ---- the answer */

bool embed_predict_decode_answer(const struct json *doc, struct canon_answer *out)
{
    json_ref list = openai_find(doc, JSON_ROOT, S("predictions"));
    if (!list || json_type(doc, list) != JSON_ARRAY) return false;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        json_ref values = openai_find_in(doc, at, S("embeddings"), S("values"));
        if (!values || json_type(doc, values) != JSON_ARRAY) return false;
        embed_add_vector(out)->of[EMBED_FLOAT] = canon_raw(doc, values);
    }
    return true;
}

void embed_predict_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    (void)client;
    buf_add(out, S("{\"predictions\":["));
    for (const struct canon_vector *v = answer->vectors ? answer->vectors->list : NULL; v; v = v->next) {
        canon_comma(out);
        buf_add(out, S("{\"embeddings\":{"));
        canon_key(out, S("values"));
        (void)embed_put_vector(out, v, EMBED_FLOAT);
        /* a sum belongs to no text: it is told where there is one */
        bool one = answer->vectors->list == answer->vectors->last && answer->usage.known;
        long long tokens = (long long)canon_prompt_tokens(&answer->usage);
        if (one) buf_printf(out, ",\"statistics\":{\"truncated\":false,\"token_count\":%lld}", tokens);
        buf_add(out, S("}}"));
    }
    buf_add(out, S("]}"));
}

/* Each prediction tells its own tokens. */
void embed_predict_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref list = openai_find(doc, JSON_ROOT, S("predictions"));
    int64_t sum = 0;
    bool all = true;
    (void)kind, (void)quirks;
    a->finished = a->ended = !a->failed;
    if (!list || json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        json_ref statistics = openai_find_in(doc, at, S("embeddings"), S("statistics"));
        json_ref count = statistics ? openai_find(doc, statistics, S("token_count")) : JSON_ABSENT;
        int64_t v = usage_count(doc, count, &a->usage.flags);
        all = all && v >= 0;
        if (v > 0 && __builtin_add_overflow(sum, v, &sum)) all = false;
    }
    if (!all || !json_first(doc, list)) return;
    a->usage.units[UNIT_INPUT] = sum;
    a->usage.units[UNIT_REQUESTS] = 1;
    a->usage.known = true;
    answer_keep_usage(a, arena_printf(a->arena, "{\"token_count\":%lld}", (long long)sum));
}

/* Cohere's v2 embed. Vectors come by type, each a list as long as the inputs.
 * Source: Cohere API reference, Embed (v2). */
#include "dialect/embed.h"

#include "dialect/cohere.h"

/* ---- the call, read */

static bool each_string(struct canon_call *call, const struct json *doc, str key, bool images,
                        struct call_problem *problem)
{
    json_ref list = openai_find(doc, JSON_ROOT, key);
    if (!list) return true;
    if (json_type(doc, list) != JSON_ARRAY) return embed_refuse(problem, call->arena, key, "a list of strings");
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        if (json_type(doc, at) != JSON_STRING) return embed_refuse(problem, call->arena, key, "a list of strings");
        if (images)
            embed_add_image(call, embed_add(call), canon_raw(doc, at), key);
        else
            embed_add_text(call, embed_add(call), canon_raw(doc, at));
    }
    return true;
}

static void read_content(struct canon_call *call, const struct json *doc, json_ref list)
{
    struct canon_embed_input *input = embed_add(call);
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        jraw text = canon_raw_string(doc, at, S("text"));
        json_ref image = openai_find(doc, at, S("image_url"));
        jraw url = image ? canon_raw_string(doc, image, S("url")) : RAW_NONE;
        if (text.json.p) {
            embed_add_text(call, input, text);
        } else if (url.json.p) {
            embed_add_image(call, input, url, S("inputs.content.image_url"));
        } else {
            canon_add_part(call->arena, &input->parts, PART_OPAQUE)->value = canon_raw(doc, at);
            canon_note(call, FEATURE_UNKNOWN, S("inputs.content"));
        }
    }
}

static bool read_inputs(struct canon_call *call, const struct json *doc, struct call_problem *problem)
{
    json_ref list = openai_find(doc, JSON_ROOT, S("inputs"));
    if (!each_string(call, doc, S("texts"), false, problem) || !each_string(call, doc, S("images"), true, problem))
        return false;
    bool array = list && json_type(doc, list) == JSON_ARRAY;
    if (list && !array) return embed_refuse(problem, call->arena, S("inputs"), "a list of objects with content");
    for (json_ref at = array ? json_first(doc, list) : JSON_ABSENT; at; at = json_next(doc, list, at)) {
        json_ref content = openai_find(doc, at, S("content"));
        if (!content || json_type(doc, content) != JSON_ARRAY)
            return embed_refuse(problem, call->arena, S("inputs.content"), "a list of parts");
        read_content(call, doc, content);
    }
    if (call->embed && call->embed->count) return true;
    return embed_refuse(problem, call->arena, S("texts"), "a list of strings with something in it");
}

static const struct {
    str name;
    enum embed_task task;
} tasks[] = {
    {STR_INIT("search_document"), TASK_DOCUMENT},
    {STR_INIT("search_query"), TASK_QUERY},
    {STR_INIT("classification"), TASK_CLASSIFICATION},
    {STR_INIT("clustering"), TASK_CLUSTERING},
    /* said by others, and here in the nearest word */
    {STR_INIT("search_query"), TASK_ANSWERING},
    {STR_INIT("search_query"), TASK_VERIFICATION},
    {STR_INIT("search_query"), TASK_CODE},
    {STR_INIT("clustering"), TASK_SIMILARITY},
};

static void read_task(struct canon_call *call, const struct json *doc)
{
    struct canon_embed *e = embed_of(call);
    e->task_raw = canon_text(doc, JSON_ROOT, S("input_type"), call->arena);
    if (!e->task_raw.n) return;
    for (size_t i = COUNT_OF(tasks); i > 0; i--)
        if (str_eq(tasks[i - 1].name, e->task_raw)) e->task = tasks[i - 1].task;
    canon_note(call, FEATURE_EMBED_TASK, S("input_type"));
}

static bool read_types(struct canon_call *call, const struct json *doc, struct call_problem *problem)
{
    json_ref list = openai_find(doc, JSON_ROOT, S("embedding_types"));
    struct canon_embed *e = embed_of(call);
    int count = 0;
    if (!list) return true;
    if (json_type(doc, list) != JSON_ARRAY)
        return embed_refuse(problem, call->arena, S("embedding_types"), "a list of names");
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        str name;
        if (json_type(doc, at) != JSON_STRING || !json_string(doc, at, call->arena, &name)) name = S("");
        enum embed_type type = embed_type_of(name);
        if (type == EMBED_TYPES)
            return embed_refuse(problem, call->arena, S("embedding_types"),
                                "a list of float, int8, uint8, binary, ubinary and base64");
        count += !(e->types & 1u << type) && type != EMBED_BASE64;
        e->types |= 1u << type;
        if (type > EMBED_BASE64) canon_note(call, FEATURE_EMBED_TYPE, S("embedding_types"));
    }
    if (count > 1) canon_note(call, FEATURE_EMBED_TYPES, S("embedding_types"));
    return true;
}

static void read_cut(struct canon_call *call, const struct json *doc)
{
    str cut = canon_text(doc, JSON_ROOT, S("truncate"), call->arena);
    if (!cut.n) return;
    call->embed->cut = str_eq(cut, S("NONE")) ? CUT_REFUSE : str_eq(cut, S("START")) ? CUT_START : CUT_END;
    canon_note(call, FEATURE_EMBED_CUT, S("truncate"));
}

bool embed_cohere_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("model"),      STR_INIT("texts"),
                                STR_INIT("images"),     STR_INIT("inputs"),
                                STR_INIT("input_type"), STR_INIT("embedding_types"),
                                STR_INIT("truncate"),   STR_INIT("output_dimension"),
                                STR_INIT("max_tokens"), STR_INIT("priority")};
    struct canon_embed *e = embed_of(out);
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    if (!read_inputs(out, doc, problem) || !read_types(out, doc, problem) ||
        !embed_count(doc, JSON_ROOT, S("output_dimension"), out->arena, &e->dimensions, problem) ||
        !embed_count(doc, JSON_ROOT, S("max_tokens"), out->arena, &e->max_tokens, problem))
        return false;
    read_task(out, doc);
    read_cut(out, doc);
    if (e->dimensions.n) canon_note(out, FEATURE_EMBED_DIMENSIONS, S("output_dimension"));
    if (e->max_tokens.n) canon_note(out, FEATURE_EMBED_MAX_TOKENS, S("max_tokens"));
    if (json_find(doc, JSON_ROOT, S("priority"), NULL)) canon_note(out, FEATURE_CLIENT_HINT, S("priority"));
    jraw texts = canon_raw(doc, json_find(doc, JSON_ROOT, S("texts"), NULL));
    if (texts.json.p) e->texts = (jraw){arena_str(out->arena, texts.json)};
    out->extras = embed_rest(out, doc, JSON_ROOT, known, COUNT_OF(known));
    return true;
}

/* ---- the call, written */

enum shape { SHAPE_TEXTS, SHAPE_IMAGES, SHAPE_MIXED };

static enum shape shape_of(const struct canon_embed *e)
{
    bool texts = true, images = true;
    for (const struct canon_embed_input *in = e->inputs; in; in = in->next) {
        bool one = in->parts && !in->parts->next;
        images = images && one && in->parts->kind == PART_IMAGE;
        for (const struct canon_part *p = in->parts; p; p = p->next) texts = texts && p->kind == PART_TEXT;
    }
    return texts ? SHAPE_TEXTS : images ? SHAPE_IMAGES : SHAPE_MIXED;
}

static void put_image(struct buf *out, const struct canon_media *m)
{
    if (!m->data.p) {
        buf_add(out, m->url.json.p ? m->url.json : S("\"\""));
        return;
    }
    buf_printf(out, "\"data:%" STR_FMT ";base64,", STR_ARG(m->type));
    buf_add(out, m->data);
    buf_add_byte(out, '"');
}

static void put_content(struct buf *out, const struct canon_embed_input *input)
{
    buf_add(out, S("{\"content\":["));
    for (const struct canon_part *p = input->parts; p; p = p->next) {
        if (p->kind != PART_TEXT && p->kind != PART_IMAGE) continue;
        canon_comma(out);
        if (p->kind == PART_TEXT) {
            buf_add(out, S("{\"type\":\"text\",\"text\":"));
            buf_add(out, p->text.json.p ? p->text.json : S("\"\""));
            buf_add_byte(out, '}');
        } else {
            buf_add(out, S("{\"type\":\"image_url\",\"image_url\":{\"url\":"));
            put_image(out, &p->media);
            buf_add(out, S("}}"));
        }
    }
    buf_add(out, S("]}"));
}

static void put_inputs(const struct canon_call *call, enum shape shape, struct buf *out)
{
    canon_key(out, shape == SHAPE_TEXTS ? S("texts") : shape == SHAPE_IMAGES ? S("images") : S("inputs"));
    buf_add_byte(out, '[');
    for (const struct canon_embed_input *in = call->embed->inputs; in; in = in->next) {
        canon_comma(out);
        if (shape == SHAPE_TEXTS)
            buf_add(out, embed_text(call->arena, in).json);
        else if (shape == SHAPE_IMAGES)
            put_image(out, &in->parts->media);
        else
            put_content(out, in);
    }
    buf_add_byte(out, ']');
}

/* Its models want to be told what the vectors are for: documents, where nobody said. */
static str task_name(const struct canon_embed *e, enum shape shape)
{
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        if (tasks[i].task == e->task) return tasks[i].name;
    return shape == SHAPE_IMAGES ? S("image") : S("search_document");
}

bool embed_cohere_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                              struct call_problem *problem)
{
    static const str cuts[] = {
        [CUT_REFUSE] = STR_INIT("NONE"), [CUT_START] = STR_INIT("START"), [CUT_END] = STR_INIT("END")};
    const struct canon_embed *e = call->embed;
    enum shape shape = shape_of(e);
    uint32_t types = e->types & ~(1u << EMBED_BASE64); /* a list can be made base64 here */
    (void)problem;
    buf_add_byte(out, '{');
    canon_put_text(out, S("model"), target->model);
    put_inputs(call, shape, out);
    canon_put_text(out, S("input_type"), task_name(e, shape));
    canon_key(out, S("embedding_types"));
    buf_add_byte(out, '[');
    for (enum embed_type t = 0; t < EMBED_TYPES; t++) {
        if (!(types ? types & 1u << t : t == EMBED_FLOAT)) continue;
        canon_comma(out);
        buf_add_json(out, embed_type_name(t));
    }
    buf_add_byte(out, ']');
    canon_put_number(out, S("output_dimension"), e->dimensions);
    canon_put_number(out, S("max_tokens"), e->max_tokens);
    if (e->cut) canon_put_text(out, S("truncate"), cuts[e->cut]);
    canon_put_extras(out, &call->extras, DIALECT_COHERE);
    buf_add_byte(out, '}');
    return true;
}

/* ---- the answer */

static struct canon_vector *vector_at(struct canon_answer *out, struct canon_vector *before)
{
    if (before) return before->next ? before->next : embed_add_vector(out);
    return out->vectors && out->vectors->list ? out->vectors->list : embed_add_vector(out);
}

static void read_list(struct canon_answer *out, const struct json *doc, json_ref list, enum embed_type type)
{
    struct canon_vector *v = NULL;
    if (json_type(doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, list); at; at = json_next(doc, list, at)) {
        v = vector_at(out, v);
        v->of[type] = canon_raw(doc, at);
    }
}

bool embed_cohere_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known[] = {STR_INIT("id"), STR_INIT("embeddings"), STR_INIT("meta"), STR_INIT("response_type")};
    json_ref all = openai_find(doc, JSON_ROOT, S("embeddings"));
    if (!all) return false;
    if (json_type(doc, all) == JSON_ARRAY) read_list(out, doc, all, EMBED_FLOAT);
    for (enum embed_type t = 0; t < EMBED_TYPES; t++) {
        json_ref list = openai_find(doc, all, embed_type_name(t));
        if (list) read_list(out, doc, list, t);
    }
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    out->usage_value = canon_raw(doc, openai_find(doc, JSON_ROOT, S("meta")));
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), DIALECT_COHERE, out->arena);
    return out->vectors != NULL;
}

/* What another protocol calls a list is what was asked for: whole numbers are no other list. */
static void put_type(struct buf *out, const struct canon_answer *answer, enum embed_type type)
{
    canon_key(out, embed_type_name(type));
    buf_add_byte(out, '[');
    for (const struct canon_vector *v = answer->vectors ? answer->vectors->list : NULL; v; v = v->next) {
        bool as_list = type > EMBED_BASE64 && type < EMBED_TYPES && !v->of[type].json.p;
        canon_comma(out);
        (void)embed_put_vector(out, v, as_list ? EMBED_FLOAT : type);
    }
    buf_add_byte(out, ']');
}

static void put_meta(struct buf *out, const struct canon_answer *answer)
{
    const struct usage *u = &answer->usage;
    canon_key(out, S("meta"));
    if (answer->from == DIALECT_COHERE && answer->usage_value.json.p) {
        buf_add(out, answer->usage_value.json);
        return;
    }
    buf_printf(out, "{\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"input_tokens\":%lld",
               (long long)(canon_prompt_tokens(u) - u->units[UNIT_IMAGE]));
    if (u->units[UNIT_IMAGE]) canon_put_i64(out, S("image_tokens"), u->units[UNIT_IMAGE]);
    buf_add(out, S("}}"));
}

void embed_cohere_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    const struct canon_embed *asked = client->call ? client->call->embed : NULL;
    uint32_t types = asked ? asked->types : 0;
    for (enum embed_type t = 0; !asked && t < EMBED_TYPES; t++)
        if (answer->vectors && answer->vectors->list->of[t].json.p) types |= 1u << t;
    if (!types) types = 1u << EMBED_FLOAT;
    buf_add_byte(out, '{');
    canon_put_text(out, S("id"), answer->from == DIALECT_COHERE && answer->id.n ? answer->id : client->seed);
    if (asked && answer->from != DIALECT_COHERE) canon_put_raw(out, S("texts"), asked->texts);
    canon_key(out, S("embeddings"));
    buf_add_byte(out, '{');
    for (enum embed_type t = 0; t < EMBED_TYPES; t++)
        if (types & 1u << t) put_type(out, answer, t);
    buf_add_byte(out, '}');
    put_meta(out, answer);
    canon_put_text(out, S("response_type"), S("embeddings_by_type"));
    canon_put_extras(out, &answer->extras, DIALECT_COHERE);
    buf_add_byte(out, '}');
}

/* ---- what it used */

/* Billed units stand under `meta`: tokens, images' tokens, or, of older models, images. */
void embed_cohere_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc)
{
    json_ref meta = openai_find(doc, JSON_ROOT, S("meta"));
    struct usage read;
    (void)kind, (void)quirks;
    a->finished = a->ended = !a->failed;
    if (!meta || json_type(doc, meta) != JSON_OBJECT) return;
    usage_read_cohere(doc, meta, &read);
    json_ref billed = openai_find(doc, meta, S("billed_units"));
    int64_t tokens = billed ? usage_count(doc, openai_find(doc, billed, S("image_tokens")), &read.flags) : -1;
    if (tokens >= 0) {
        read.units[UNIT_IMAGE] = tokens;
        read.units[UNIT_REQUESTS] = 1;
        read.known = true;
    }
    if (!read.known) {
        a->usage.flags |= read.flags;
        return;
    }
    a->usage = read;
    answer_keep_usage(a, json_raw(doc, meta));
}

/* OpenAI's embeddings, and those that are like them: Mistral, Voyage, Jina and others say
 * some fields in other words (output_dimension, output_dtype, input_type, truncation).
 * Source: the vendors' API references. */
#include "dialect/embed.h"
#include "dialect/tap.h"

/* ---- the call, read */

static void read_object(struct canon_call *call, const struct json *doc, json_ref at)
{
    struct canon_embed_input *input = embed_add(call);
    jraw text = canon_raw_string(doc, at, S("text")), image = canon_raw_string(doc, at, S("image"));
    if (text.json.p) embed_add_text(call, input, text);
    if (image.json.p) embed_add_image(call, input, image, S("input"));
    if (text.json.p || image.json.p) return;
    canon_add_part(call->arena, &input->parts, PART_OPAQUE)->value = canon_raw(doc, at);
    canon_note(call, FEATURE_UNKNOWN, S("input"));
}

static bool read_item(struct canon_call *call, const struct json *doc, json_ref at, struct call_problem *problem)
{
    switch (json_type(doc, at)) {
    case JSON_STRING:
        embed_add_text(call, embed_add(call), canon_raw(doc, at));
        return true;
    case JSON_ARRAY:
        embed_add(call)->tokens = canon_raw(doc, at);
        canon_note(call, FEATURE_EMBED_TOKENS, S("input"));
        return true;
    case JSON_OBJECT:
        read_object(call, doc, at);
        return true;
    default:
        return embed_refuse(problem, call->arena, S("input"), "a string, a list of strings, or token ids");
    }
}

static bool read_input(struct canon_call *call, const struct json *doc, struct call_problem *problem)
{
    json_ref at = openai_find(doc, JSON_ROOT, S("input"));
    bool list = at && json_type(doc, at) == JSON_ARRAY;
    json_ref first = list ? json_first(doc, at) : JSON_ABSENT;
    if (!at || (list && !first))
        return embed_refuse(problem, call->arena, S("input"), "a string, a list of strings, or token ids");
    embed_of(call)->single = !list || json_type(doc, first) == JSON_NUMBER;
    if (embed_of(call)->single) return read_item(call, doc, at, problem);
    for (json_ref item = first; item; item = json_next(doc, at, item))
        if (!read_item(call, doc, item, problem)) return false;
    return true;
}

static bool read_type(struct canon_call *call, const struct json *doc, str key, struct call_problem *problem)
{
    str name = canon_text(doc, JSON_ROOT, key, call->arena);
    enum embed_type type = embed_type_of(name);
    if (!name.n) return true;
    if (type == EMBED_TYPES) return embed_refuse(problem, call->arena, key, "float or base64");
    embed_of(call)->types |= 1u << type;
    if (type > EMBED_BASE64) canon_note(call, FEATURE_EMBED_TYPE, key);
    return true;
}

static void read_task(struct canon_call *call, const struct json *doc)
{
    struct canon_embed *e = embed_of(call);
    e->task_raw = canon_text(doc, JSON_ROOT, S("input_type"), call->arena);
    if (!e->task_raw.n) return;
    e->task = str_eq(e->task_raw, S("query"))      ? TASK_QUERY
              : str_eq(e->task_raw, S("document")) ? TASK_DOCUMENT
                                                   : TASK_NONE;
    canon_note(call, FEATURE_EMBED_TASK, S("input_type"));
}

bool embed_openai_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    static const str known[] = {STR_INIT("model"),      STR_INIT("input"),           STR_INIT("dimensions"),
                                STR_INIT("user"),       STR_INIT("encoding_format"), STR_INIT("output_dimension"),
                                STR_INIT("input_type"), STR_INIT("output_dtype"),    STR_INIT("truncation"),
                                STR_INIT("metadata")};
    struct canon_embed *e = embed_of(out);
    str dimensions = STR_NONE;
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    if (!read_input(out, doc, problem) || !read_type(out, doc, S("encoding_format"), problem) ||
        !read_type(out, doc, S("output_dtype"), problem) ||
        !embed_count(doc, JSON_ROOT, S("dimensions"), out->arena, &dimensions, problem))
        return false;
    if (!dimensions.n && !embed_count(doc, JSON_ROOT, S("output_dimension"), out->arena, &dimensions, problem))
        return false;
    e->dimensions = dimensions;
    if (dimensions.n) canon_note(out, FEATURE_EMBED_DIMENSIONS, S("dimensions"));
    read_task(out, doc);
    int8_t cut = canon_tristate(doc, JSON_ROOT, S("truncation"));
    if (cut >= 0) {
        e->cut = cut ? CUT_END : CUT_REFUSE;
        canon_note(out, FEATURE_EMBED_CUT, S("truncation"));
    }
    out->user = canon_text(doc, JSON_ROOT, S("user"), out->arena);
    if (out->user.n) canon_note(out, FEATURE_EMBED_USER, S("user"));
    out->metadata = canon_raw(doc, json_find(doc, JSON_ROOT, S("metadata"), NULL));
    if (out->metadata.json.p) canon_note(out, FEATURE_METADATA, S("metadata"));
    out->extras = embed_rest(out, doc, JSON_ROOT, known, COUNT_OF(known));
    return true;
}

/* ---- the call, written */

static void put_input(const struct canon_call *call, const struct canon_embed_input *input, struct buf *out)
{
    canon_comma(out);
    if (input->tokens.json.p)
        buf_add(out, input->tokens.json);
    else if (input->parts && input->parts->kind == PART_OPAQUE)
        buf_add(out, input->parts->value.json);
    else
        buf_add(out, embed_text(call->arena, input).json);
}

static void put_inputs(const struct canon_call *call, struct buf *out)
{
    const struct canon_embed *e = call->embed;
    canon_key(out, S("input"));
    if (!e->single) buf_add_byte(out, '[');
    for (const struct canon_embed_input *in = e->inputs; in; in = in->next) put_input(call, in, out);
    if (!e->single) buf_add_byte(out, ']');
}

/* Voyage knows two uses and takes what stands for them; the others have no word for it. */
static str task_word(const struct canon_embed *e)
{
    switch (e->task) {
    case TASK_QUERY:
    case TASK_ANSWERING:
    case TASK_VERIFICATION:
    case TASK_CODE:
        return S("query");
    case TASK_DOCUMENT:
        return S("document");
    default:
        return S("");
    }
}

bool embed_openai_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                              struct call_problem *problem)
{
    const struct canon_embed *e = call->embed;
    bool voyage = str_eq(target->vendor, S("voyage")), mistral = str_eq(target->vendor, S("mistral"));
    (void)problem;
    buf_add_byte(out, '{');
    canon_put_text(out, S("model"), target->model);
    put_inputs(call, out);
    canon_put_number(out, voyage || mistral ? S("output_dimension") : S("dimensions"), e->dimensions);
    if (e->types & 1u << EMBED_BASE64) canon_put_text(out, S("encoding_format"), S("base64"));
    for (enum embed_type t = EMBED_INT8; t < EMBED_TYPES && (voyage || mistral); t++)
        if (e->types & 1u << t) canon_put_text(out, S("output_dtype"), embed_type_name(t));
    if (voyage) canon_put_text(out, S("input_type"), task_word(e));
    if (voyage && e->cut) canon_put_bool(out, S("truncation"), e->cut != CUT_REFUSE);
    if (!voyage && !mistral) canon_put_text(out, S("user"), call->user);
    if (mistral && call->from == DIALECT_CHAT) canon_put_raw(out, S("metadata"), call->metadata);
    canon_put_extras(out, &call->extras, DIALECT_CHAT);
    buf_add_byte(out, '}');
    return true;
}

/* ---- the answer */

bool embed_openai_decode_answer(const struct json *doc, struct canon_answer *out)
{
    static const str known[] = {STR_INIT("object"), STR_INIT("data"), STR_INIT("model"), STR_INIT("usage"),
                                STR_INIT("id")};
    static const str known_item[] = {STR_INIT("object"), STR_INIT("index"), STR_INIT("embedding")};
    json_ref data = openai_find(doc, JSON_ROOT, S("data"));
    if (!data || json_type(doc, data) != JSON_ARRAY) return false;
    for (json_ref item = json_first(doc, data); item; item = json_next(doc, data, item)) {
        json_ref at = openai_find(doc, item, S("embedding"));
        if (!at) return false;
        struct canon_vector *v = embed_add_vector(out);
        v->of[json_type(doc, at) == JSON_STRING ? EMBED_BASE64 : EMBED_FLOAT] = canon_raw(doc, at);
        v->extras = canon_extras_of(doc, item, known_item, COUNT_OF(known_item), out->from, out->arena);
    }
    out->id = canon_text(doc, JSON_ROOT, S("id"), out->arena);
    out->model = canon_text(doc, JSON_ROOT, S("model"), out->arena);
    out->usage_value = canon_raw(doc, openai_find(doc, JSON_ROOT, S("usage")));
    out->extras = canon_extras_of(doc, JSON_ROOT, known, COUNT_OF(known), out->from, out->arena);
    return true;
}

/* Where the client did not say which, it gets what OpenAI gives: a list. */
static enum embed_type wanted(const struct canon_client *client, const struct canon_vector *v)
{
    bool told = client->call && client->call->embed;
    uint32_t types = told ? client->call->embed->types : 0;
    if (!told) return v->of[EMBED_FLOAT].json.p ? EMBED_FLOAT : EMBED_BASE64;
    for (enum embed_type t = EMBED_INT8; t < EMBED_TYPES; t++)
        if (types & 1u << t && v->of[t].json.p) return t;
    return types & 1u << EMBED_BASE64 ? EMBED_BASE64 : EMBED_FLOAT;
}

void embed_openai_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out)
{
    int64_t index = 0;
    buf_add(out, S("{\"object\":\"list\",\"data\":["));
    for (const struct canon_vector *v = answer->vectors ? answer->vectors->list : NULL; v; v = v->next) {
        canon_comma(out);
        buf_printf(out, "{\"object\":\"embedding\",\"index\":%lld,\"embedding\":", (long long)index++);
        (void)embed_put_vector(out, v, wanted(client, v));
        canon_put_extras(out, &v->extras, DIALECT_CHAT);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    canon_put_text(out, S("model"), answer->model.n ? answer->model : client->model);
    canon_key(out, S("usage"));
    int64_t tokens = canon_prompt_tokens(&answer->usage);
    if (answer->from == DIALECT_CHAT && answer->usage_value.json.p)
        buf_add(out, answer->usage_value.json);
    else
        buf_printf(out, "{\"prompt_tokens\":%lld,\"total_tokens\":%lld}", (long long)tokens, (long long)tokens);
    if (answer->from == DIALECT_CHAT) canon_put_text(out, S("id"), answer->id);
    canon_put_extras(out, &answer->extras, DIALECT_CHAT);
    buf_add_byte(out, '}');
}

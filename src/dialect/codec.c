#include "dialect/codec.h"

#include "dialect/embed.h"
#include "dialect/media.h"
#include "dialect/openai.h"
#include "dialect/rerank.h"

/* Accounting from the canonical form. Where the model stands in the body, OpenAI's reader knows how to
 * read and to replace it: the same name at the same place. */
static bool read_small(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                       struct call_problem *problem)
{
    struct canon_call canon;
    bool in_body = call_kind_dialect(kind) != DIALECT_GEMINI;
    if (in_body && !openai_read(kind, doc, arena, out, problem)) return false;
    struct call kept = in_body ? *out : (struct call){.user = STR_NONE};
    canon_call_init(&canon, call_kind_dialect(kind), arena);
    if (json_type(doc, JSON_ROOT) != JSON_OBJECT) return embed_refuse(problem, arena, S("body"), "a JSON object");
    if (!kind_decode_call(kind, doc, &canon, problem)) return false;
    *out = (struct call){
        .kind = kind,
        .model = kept.model,
        .user = kept.user,
        .max_output = -1,
        .max_tool_calls = -1,
        .choices = 1,
        .choices_returned = 1,
        .arena = arena,
        .at_open = kept.at_open,
        .root_empty = kept.root_empty,
        .model_ref = kept.model_ref,
    };
    if (!in_body) out->model = canon.model;
    if (canon.embed) embed_account(&canon, out);
    if (canon.rank) rerank_account(&canon, out);
    return true;
}

/* OpenAI's own reader counts the text; which words it uses decides whether its likes understand it. */
static bool read_embeddings(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                            struct call_problem *problem)
{
    if (!openai_read(kind, doc, arena, out, problem)) return false;
    json_ref format = openai_find(doc, JSON_ROOT, S("encoding_format"));
    out->openai_words = openai_find(doc, JSON_ROOT, S("dimensions")) || openai_find(doc, JSON_ROOT, S("user")) ||
                        (format && json_string_is(doc, format, S("float")));
    return true;
}

static const struct codec codecs[] = {
    {.kind = CALL_EMBEDDINGS,
     .operation = OPERATION_EMBED,
     .read = read_embeddings,
     .decode_call = embed_openai_decode_call,
     .encode_call = embed_openai_encode_call,
     .decode_answer = embed_openai_decode_answer,
     .encode_answer = embed_openai_encode_answer},
    {.kind = CALL_EMBED_CONTENTS,
     .operation = OPERATION_EMBED,
     .read = read_small,
     .tap_body = embed_gemini_tap,
     .decode_call = embed_gemini_decode_call,
     .encode_call = embed_gemini_encode_batch,
     .decode_answer = embed_gemini_decode_answer,
     .encode_answer = embed_gemini_answer_batch},
    {.kind = CALL_EMBED_CONTENT,
     .operation = OPERATION_EMBED,
     .takes = embed_gemini_takes,
     .read = read_small,
     .tap_body = embed_gemini_tap,
     .decode_call = embed_gemini_decode_call,
     .encode_call = embed_gemini_encode_one,
     .decode_answer = embed_gemini_decode_answer,
     .encode_answer = embed_gemini_answer_one},
    {.kind = CALL_PREDICT,
     .operation = OPERATION_EMBED,
     .read = read_small,
     .tap_body = embed_predict_tap,
     .decode_call = embed_predict_decode_call,
     .encode_call = embed_predict_encode_call,
     .decode_answer = embed_predict_decode_answer,
     .encode_answer = embed_predict_encode_answer},
    {.kind = CALL_COHERE_EMBED,
     .operation = OPERATION_EMBED,
     .read = read_small,
     .tap_body = embed_cohere_tap,
     .decode_call = embed_cohere_decode_call,
     .encode_call = embed_cohere_encode_call,
     .decode_answer = embed_cohere_decode_answer,
     .encode_answer = embed_cohere_encode_answer},
    {.kind = CALL_RERANK,
     .operation = OPERATION_RERANK,
     .read = read_small,
     .tap_body = rerank_tap,
     .decode_call = rerank_decode_call,
     .encode_call = rerank_encode_call,
     .decode_answer = rerank_decode_answer,
     .encode_answer = rerank_encode_answer},
    {.kind = CALL_COHERE_RERANK,
     .operation = OPERATION_RERANK,
     .read = read_small,
     .tap_body = rerank_tap,
     .decode_call = rerank_decode_call,
     .encode_call = rerank_cohere_encode_call,
     .decode_answer = rerank_decode_answer,
     .encode_answer = rerank_encode_answer},
#define MEDIA(k)                                                                                                       \
    {                                                                                                                  \
        .kind = CALL_##k, .read = media_read, .tap_event = media_tap_event, .tap_body = media_tap_body                 \
    }
    MEDIA(IMAGES),
    MEDIA(IMAGE_EDITS),
    MEDIA(IMAGE_VARIATIONS),
    MEDIA(SPEECH),
    MEDIA(TRANSCRIPTIONS),
    MEDIA(TRANSLATIONS),
#undef MEDIA
};

const struct codec *codec_of(enum call_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(codecs); i++)
        if (codecs[i].kind == kind) return &codecs[i];
    return NULL;
}

enum operation kind_operation(enum call_kind kind)
{
    if (kind >= CALL_KIND_COUNT) return OPERATION_OWN;
    if (call_kind_generates(kind)) return OPERATION_GENERATE;
    const struct codec *c = codec_of(kind);
    return c ? c->operation : OPERATION_OWN;
}

bool kind_takes(enum call_kind kind, str vendor, str model)
{
    const struct codec *c = codec_of(kind);
    bool by_model = c && c->takes && str_eq(vendor, S("vertex"));
    return !by_model || c->takes(model);
}

/* Fireworks and Voyage answer a rerank under `data`, and Voyage asks for `top_k`. */
bool kind_goes_as_it_came(const struct call *call, str vendor, str model)
{
    bool voyage = str_eq(vendor, S("voyage"));
    switch (call->kind) {
    case CALL_EMBEDDINGS:
        return !call->openai_words || !(voyage || str_eq(vendor, S("mistral")));
    case CALL_EMBED_CONTENT:
    case CALL_EMBED_CONTENTS: /* each request of a batch repeats the model */
        return str_eq(call->model, model) && kind_takes(call->kind, vendor, model);
    case CALL_RERANK:
        return !voyage && !str_eq(vendor, S("fireworks"));
    default:
        return true;
    }
}

bool kind_decode_call(enum call_kind kind, const struct json *doc, struct canon_call *out, struct call_problem *problem)
{
    const struct codec *c = codec_of(kind);
    return c ? c->decode_call(doc, out, problem) : dialect_of(kind)->decode_call(doc, out, problem);
}

bool kind_encode_call(enum call_kind kind, const struct canon_call *call, const struct canon_target *target,
                      struct buf *out, struct call_problem *problem)
{
    const struct codec *c = codec_of(kind);
    if (c) return c->encode_call(call, target, out, problem);
    struct canon_call settled = *call;
    settled.choice = canon_choice(call, call_kind_dialect(kind));
    return dialect_of(kind)->encode_call(&settled, target, out, problem);
}

bool kind_decode_answer(enum call_kind kind, const struct json *doc, struct canon_answer *out)
{
    const struct codec *c = codec_of(kind);
    return c ? c->decode_answer(doc, out) : dialect_of(kind)->decode_answer(doc, out);
}

void kind_encode_answer(enum call_kind kind, const struct canon_answer *answer, const struct canon_client *client,
                        struct buf *out)
{
    const struct codec *c = codec_of(kind);
    if (c)
        c->encode_answer(answer, client, out);
    else
        dialect_of(kind)->encode_answer(answer, client, out);
}

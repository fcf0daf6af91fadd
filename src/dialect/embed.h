/* Embeddings, whichever protocol they are asked for in: what canon_call.embed and
 * canon_answer.vectors hold, and what the files embed_*.c share.
 *
 * Vectors are never read as numbers to be passed on: a list goes on as it stands. Only
 * where the client wants base64 and the provider gave a list (or the other way round)
 * is one made of the other. */
#ifndef DIALECT_EMBED_H
#define DIALECT_EMBED_H

#include "dialect/codec.h"

/* How the numbers of a vector are written. */
enum embed_type { EMBED_FLOAT, EMBED_BASE64, EMBED_INT8, EMBED_UINT8, EMBED_BINARY, EMBED_UBINARY, EMBED_TYPES };

/* What the vectors are for. */
enum embed_task {
    TASK_NONE,
    TASK_QUERY,
    TASK_DOCUMENT,
    TASK_SIMILARITY,
    TASK_CLASSIFICATION,
    TASK_CLUSTERING,
    TASK_ANSWERING,
    TASK_VERIFICATION,
    TASK_CODE,
};

/* What is done with a text that is too long. */
enum embed_cut { CUT_UNSET, CUT_REFUSE, CUT_START, CUT_END };

struct canon_embed_input {
    struct canon_embed_input *next;
    struct canon_part *parts;   /* PART_TEXT, PART_IMAGE, PART_OPAQUE */
    jraw tokens;                /* instead of parts: an array of token ids */
    jraw own;                   /* Gemini's content as it stands, for the same dialect */
    struct canon_extras extras; /* of its item, where each has one: all that stands beside the content */
};

struct canon_embed {
    struct canon_embed_input *inputs, *last;
    int64_t count;
    bool single;    /* one input, not a list of one */
    str dimensions; /* as it stands */
    enum embed_task task;
    str task_raw;   /* as the client wrote it */
    jraw title;     /* string */
    uint32_t types; /* of enum embed_type, a bit each; 0: not told */
    enum embed_cut cut;
    str max_tokens; /* of each input, as it stands */
    jraw texts;     /* Cohere repeats them: a copy that outlives the body */
};

struct canon_vector {
    struct canon_vector *next;
    jraw of[EMBED_TYPES];       /* lists of numbers, or a string of base64 */
    struct canon_extras extras; /* of its item */
};

struct canon_vectors {
    struct canon_vector *list, *last;
};

/* ---- building (embed.c) */

struct canon_embed *embed_of(struct canon_call *call); /* made at the first use */
struct canon_embed_input *embed_add(struct canon_call *call);
/* A text, or an image by its address or as data. */
void embed_add_text(struct canon_call *call, struct canon_embed_input *input, jraw text);
void embed_add_image(struct canon_call *call, struct canon_embed_input *input, jraw url, str field);
struct canon_vector *embed_add_vector(struct canon_answer *answer);
/* Members that are not among `known` become extras and notes of FEATURE_UNKNOWN. */
struct canon_extras embed_rest(struct canon_call *call, const struct json *doc, json_ref object, const str *known,
                               size_t count);
/* "`input` must be a string or a list". Fails: always false. */
bool embed_refuse(struct call_problem *problem, struct arena *arena, str field, const char *wanted);
/* A whole number of at least 1 at the root, as it stands; absent is fine. */
bool embed_count(const struct json *doc, json_ref object, str key, struct arena *arena, str *out,
                 struct call_problem *problem) MUST_CHECK;
/* What accounting wants to know. */
void embed_account(const struct canon_call *canon, struct call *call);

/* "int8"; EMBED_TYPES where the name is none. */
enum embed_type embed_type_of(str name);
str embed_type_name(enum embed_type type);

/* ---- the codecs: embed_openai.c, embed_gemini.c, embed_predict.c, embed_cohere.c */

bool embed_openai_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool embed_openai_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                              struct call_problem *problem);
bool embed_openai_decode_answer(const struct json *doc, struct canon_answer *out);
void embed_openai_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);

bool embed_gemini_takes(str model); /* on Vertex: the others are asked by :predict */
bool embed_gemini_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool embed_gemini_encode_one(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                             struct call_problem *problem);
bool embed_gemini_encode_batch(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                               struct call_problem *problem);
bool embed_gemini_decode_answer(const struct json *doc, struct canon_answer *out);
void embed_gemini_answer_one(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void embed_gemini_answer_batch(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void embed_gemini_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);
str embed_gemini_task(enum embed_task task);
enum embed_task embed_gemini_task_of(str name);

bool embed_predict_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool embed_predict_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                               struct call_problem *problem);
bool embed_predict_decode_answer(const struct json *doc, struct canon_answer *out);
void embed_predict_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void embed_predict_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);

bool embed_cohere_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool embed_cohere_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                              struct call_problem *problem);
bool embed_cohere_decode_answer(const struct json *doc, struct canon_answer *out);
void embed_cohere_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void embed_cohere_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);

/* ---- writing */

/* The vector as `type`, made of the other form where it must be. False: there is none. */
bool embed_put_vector(struct buf *out, const struct canon_vector *v, enum embed_type type);
/* The text of an input whose target takes nothing else; joined where it has several. */
jraw embed_text(struct arena *arena, const struct canon_embed_input *input);

/* A list of numbers as base64 of float32, little-endian, and back. Fail: false where it is none. */
bool embed_pack(str list, struct buf *out);
bool embed_unpack(str base64, struct buf *out);

#endif

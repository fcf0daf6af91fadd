/* Rerank: a query and documents in, their order out. Most providers have Cohere's shape, with
 * fields more or fewer; `/v1/rerank` is what they share.
 * Source: the API references of Cohere (v1, v2), Voyage, Jina, Together, Fireworks. */
#ifndef DIALECT_RERANK_H
#define DIALECT_RERANK_H

#include "dialect/codec.h"

struct canon_document {
    struct canon_document *next;
    jraw value; /* a string, or an object */
    jraw text;  /* string: what a target is sent that takes nothing else */
};

struct canon_rerank {
    jraw query; /* string */
    struct canon_document *list, *last;
    int64_t count;
    str top_n; /* as it stands */
    jraw fields;
    str max_tokens;          /* of each document, as it stands */
    int8_t return_documents; /* -1: not told */
    const str *texts;        /* return_documents: the documents, which outlive the body */
};

struct canon_rank {
    struct canon_rank *next;
    int64_t index;
    jraw score;    /* a number */
    jraw document; /* a string, or an object */
    struct canon_extras extras;
};

struct canon_ranking {
    struct canon_rank *list, *last;
};

bool rerank_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool rerank_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem);
bool rerank_cohere_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                               struct call_problem *problem);
bool rerank_decode_answer(const struct json *doc, struct canon_answer *out);
void rerank_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void rerank_tap(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);

/* What accounting wants to know: text as it is paid, and how many searches it may be. */
void rerank_account(const struct canon_call *canon, struct call *call);

#endif

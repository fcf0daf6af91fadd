/* Kinds of calls beside the generating ones: how each is read, tapped and translated.
 *
 * A dialect's own functions are about its generating call. What else a protocol can be
 * asked for (embeddings, rerank, images ...) has a row here, and stands in the same
 * canonical call and answer. Kinds of one operation translate into each other. */
#ifndef DIALECT_CODEC_H
#define DIALECT_CODEC_H

#include "dialect/dialect.h"

enum operation {
    OPERATION_OWN, /* only as it came */
    OPERATION_GENERATE,
    OPERATION_EMBED,
    OPERATION_RERANK,
};

/* NULL: the dialect's own serves, or the kind cannot be translated. */
struct codec {
    enum call_kind kind;
    enum operation operation;
    bool (*takes)(str model); /* whether it can be asked of this model; NULL: of all */
    bool (*read)(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem);
    enum tap_verdict (*tap_event)(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event);
    void (*tap_body)(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);
    bool (*decode_call)(const struct json *doc, struct canon_call *out, struct call_problem *problem);
    bool (*encode_call)(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem);
    bool (*decode_answer)(const struct json *doc, struct canon_answer *out);
    void (*encode_answer)(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
};

/* NULL: the dialect's own functions are all there is. */
const struct codec *codec_of(enum call_kind kind);

enum operation kind_operation(enum call_kind kind);
/* Whether a vendor (its kind: "vertex") can be asked it for this model: there, some models know some kinds only. */
bool kind_takes(enum call_kind kind, str vendor, str model);
/* Whether the body means the same to a vendor that serves its kind; else it is said in the vendor's words. */
bool kind_goes_as_it_came(const struct call *call, str vendor, str model);

/* As the fields of struct dialect, by kind. */
bool kind_decode_call(enum call_kind kind, const struct json *doc, struct canon_call *out,
                      struct call_problem *problem) MUST_CHECK;
bool kind_encode_call(enum call_kind kind, const struct canon_call *call, const struct canon_target *target,
                      struct buf *out, struct call_problem *problem) MUST_CHECK;
bool kind_decode_answer(enum call_kind kind, const struct json *doc, struct canon_answer *out) MUST_CHECK;
void kind_encode_answer(enum call_kind kind, const struct canon_answer *answer, const struct canon_client *client,
                        struct buf *out);

#endif

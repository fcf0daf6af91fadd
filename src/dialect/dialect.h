/* Wire formats: a table row each. Adding one is a `struct dialect` in files of its own
 * and a line in dialect.c; no dialect knows another.
 *
 * A call goes on as it came where client and target speak the same dialect: then only
 * `read`, `edit` and the tap are used. Else it is decoded, checked against what the
 * target's dialect can say (canon_check), and encoded; its answer takes the way back. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "dialect/canon_check.h"
#include "dialect/canon_stream.h"

struct dialect {
    str name;            /* in `protocols:`, metrics and messages */
    enum call_kind kind; /* of its generating call */
    str id_header;       /* in an answer's head: the id of the call; empty: the family has none */

    /* ---- as it came: accounting and the tap (call.h tells what each fills in) */
    bool (*read)(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem);
    size_t (*edit)(const struct call *call, const struct json *doc, const struct call_changes *changes,
                   struct json_edit edits[CALL_EDITS_MAX]);
    /* One event of a stream, parsed: an object. */
    enum tap_verdict (*tap_event)(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event);
    /* What an event or body that reports an error says beside it: usage, model. */
    void (*tap_frame)(struct answer *a, uint32_t quirks, const struct json *doc);
    /* A whole body, parsed: an object. */
    void (*tap_body)(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);

    /* ---- translation */
    /* Reads a body. Wrong types of fields that it understands are problems; what it does not
     * understand becomes extras, PART_OPAQUE or a note of FEATURE_UNKNOWN.
     * Fails: false with the problem filled in. */
    bool (*decode_call)(const struct json *doc, struct canon_call *out, struct call_problem *problem);
    /* Writes a body for a target. canon_check() has been there: what the dialect cannot say is left out.
     * Fails: false with the problem filled in, for what only shows while writing. */
    bool (*encode_call)(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem);
    /* The same of a body that only asks for a count; NULL: it looks like a call's. */
    bool (*decode_count)(const struct json *doc, struct canon_call *out, struct call_problem *problem);
    /* Fails: false where the body is no answer of this dialect. `out` was initialised. */
    bool (*decode_answer)(const struct json *doc, struct canon_answer *out);
    void (*encode_answer)(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
    /* One event, parsed: gives deltas to the sink. `doc` is an object. */
    void (*decode_event)(struct canon_decoder *d, const struct json *doc, str event);
    /* The stream is over as far as the tap is concerned: closes what is open, gives DELTA_END once. */
    void (*decode_end)(struct canon_decoder *d, const struct answer *tap);
    void (*encode_delta)(struct canon_encoder *e, const struct canon_delta *delta);
    /* Members of the call that its answer repeats, as text in the call's arena; NULL: the protocol repeats nothing. */
    str (*echo)(const struct canon_call *call);

    /* ---- errors, in the client's shape */
    void (*error)(struct buf *out, enum err e, str message, str param, str code);
    /* Headers beside such a body, each with its line end; NULL: none. */
    void (*error_headers)(struct buf *out, enum err e);
    /* Says in such a body, just written, in how long the call may come again; NULL: only headers say that. */
    void (*error_wait)(struct buf *body, int64_t wait_ms);
    /* The event that ends a stream; `sequence` is its number, where events are numbered. */
    void (*stream_error)(struct event_sink *sink, enum err e, str message, int64_t sequence);
};

/* NULL where the dialect is not spoken (yet). */
const struct dialect *dialect_at(enum dialect_id id);
const struct dialect *dialect_of(enum call_kind kind);
/* By its name; DIALECT_COUNT where there is none. */
enum dialect_id dialect_find(str name);

extern const struct dialect dialect_chat;
extern const struct dialect dialect_responses;
extern const struct dialect dialect_messages;
extern const struct dialect dialect_gemini;
extern const struct dialect dialect_converse;
extern const struct dialect dialect_cohere;

/* An error in the shape of the client's protocol: as a body, and as the server-sent event that ends a stream. */
void dialect_error(struct buf *out, enum call_kind kind, enum err e, str message, str param, str code);
void dialect_stream_error(struct buf *out, enum call_kind kind, enum err e, str message, int64_t sequence);

/* For decoders: gives a delta to the sink. */
void canon_give(struct canon_decoder *d, const struct canon_delta *delta);
/* For encoders: the JSON under construction becomes an event. */
void canon_emit(struct canon_encoder *e, str name);
void canon_encoder_free(struct canon_encoder *e);

/* A sink that writes server-sent events into a buffer. */
struct sse_sink {
    struct event_sink sink;
    struct buf *out;
    str line_end; /* "\n"; Gemini's "\r\n" */
};
void sse_sink_init(struct sse_sink *s, struct buf *out, bool crlf);

#endif

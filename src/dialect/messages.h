/* What the files of the messages dialect share. Nobody else includes it. */
#ifndef DIALECT_MESSAGES_H
#define DIALECT_MESSAGES_H

#include "dialect/tap.h"

/* Anthropic's least budget for thinking. */
enum { MESSAGES_BUDGET_MIN = 1024 };

/* A body being read: a call's, or an answer's. */
struct messages_reader {
    const struct json *doc;
    struct arena *arena;
    struct canon_call *call; /* NULL: an answer, which notes nothing */
    struct call_problem *problem;
    bool in_result;          /* inside a tool's result */
    unsigned unknown;        /* fields noted so far */
    struct canon_part *last; /* read in this message, for a signature that is carried behind it */
    jraw carried;            /* the signature of the part to come */
    uint8_t carried_signer;
};

/* Fills in the problem; false, for `return messages_refuse(...)`. */
bool messages_refuse(struct messages_reader *r, str param, const char *wanted);
/* The call uses a feature; of an answer nothing is noted. */
void messages_note(struct messages_reader *r, enum canon_feature feature, str field);
/* ... at most so often: a hostile body may have any number of unknown fields. */
void messages_note_unknown(struct messages_reader *r, str parent, json_ref key);
/* The member's value, JSON_ABSENT where it is missing or null.
 * Fails: false where it stands twice, since two readers might take different ones. */
bool messages_member(struct messages_reader *r, json_ref object, str key, json_ref *out) MUST_CHECK;

/* A string, or a list of blocks, appended to `parts`. `where` names it in problems. */
bool messages_read_block(struct messages_reader *r, json_ref at, struct canon_part **list) MUST_CHECK;
bool messages_read_blocks(struct messages_reader *r, json_ref content, str where, struct canon_part **parts) MUST_CHECK;
bool messages_read_tools(struct messages_reader *r, json_ref tools) MUST_CHECK;
bool messages_read_choice(struct messages_reader *r, json_ref choice) MUST_CHECK;
/* A citation of a text block. */
struct canon_citation *messages_citation(const struct json *doc, json_ref at, struct arena *arena);
/* Seconds of a cache marker; 0: none. */
int64_t messages_cache_ttl(const struct json *doc, json_ref object);

/* ---- writing */

/* Blocks being written: of a call for a target, or of an answer for a client. */
struct messages_writer {
    struct buf *out;
    struct arena *arena;
    enum dialect_id from; /* where the parts come from */
    bool answer;
};

/* Whether the part has a form here; the others are left out. */
bool messages_has_form(const struct messages_writer *w, const struct canon_part *part);
/* The block that the part is; nothing where it has no form. */
void messages_put_part(struct messages_writer *w, const struct canon_part *part);
/* Reasoning's signature as a client of this protocol sends it back: the protocol's own, or
 * another's, wrapped. Of a call for a target only the own. */
jraw messages_signature(const struct messages_writer *w, const struct canon_part *part, enum canon_carry use);
/* A thinking block that carries the signature of the part before it. */
void messages_put_carrier(struct messages_writer *w, const struct canon_part *part);
/* Arguments as the object that `input` must be. */
void messages_put_input(struct buf *out, str arguments);
void messages_put_tool_id(struct buf *out, str key, str id);
void messages_put_citation(struct buf *out, struct arena *arena, const struct canon_citation *c);
/* A whole usage object, with every key that clients read. */
void messages_put_usage(struct buf *out, const struct usage *u, str tier, str cost_usd);
str messages_stop_name(enum canon_stop stop);
enum canon_stop messages_stop(str name);

/* Generations of Claude differ in what they take. Other models are taken for old ones that know the newer words. */
struct messages_model {
    bool claude;
    int64_t major, minor;
};
struct messages_model messages_model_of(str name);

/* ---- the row of dialect_messages */
bool messages_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                   struct call_problem *problem) MUST_CHECK;
size_t messages_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                     struct json_edit edits[CALL_EDITS_MAX]);
enum tap_verdict messages_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                    str event);
void messages_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc);
void messages_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);
bool messages_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool messages_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                          struct call_problem *problem);
bool messages_decode_answer(const struct json *doc, struct canon_answer *out);
void messages_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void messages_decode_event(struct canon_decoder *d, const struct json *doc, str event);
void messages_decode_end(struct canon_decoder *d, const struct answer *tap);
void messages_encode_delta(struct canon_encoder *e, const struct canon_delta *delta);
void messages_render_error(struct buf *out, enum err e, str message, str param, str code);
void messages_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence);

#endif

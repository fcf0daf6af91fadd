/* What the files of the Bedrock Converse dialect share. Nobody else includes it.
 * Source: Amazon Bedrock Runtime API reference, Converse and ConverseStream. */
#ifndef DIALECT_CONVERSE_H
#define DIALECT_CONVERSE_H

#include "dialect/tap.h"

str converse_type(str format);
str converse_format(str type);

/* A body under way. */
struct converse_reader {
    const struct json *doc;
    struct arena *arena;
    struct canon_call *call; /* NULL for an answer: nothing is noted */
};

/* A list of content blocks into parts. `where` is the list's path for notes: "messages[2].content". */
void converse_read_blocks(struct converse_reader *r, json_ref list, struct canon_part **parts, str where);
/* The blocks of a part list, as the members of an array that is open. `from` tells whose signatures they are. */
struct converse_writer {
    struct buf *out;
    struct arena *arena;
    enum dialect_id from;
    int64_t documents; /* named so far: names must differ */
    bool answer;       /* to a client, who is shown thoughts of any family */
};
/* The signature of a part as a client of Converse is to send it back: Bedrock's own, or another's, wrapped. */
jraw converse_signature(struct arena *arena, const struct canon_part *part, enum dialect_id from, bool answer);
void converse_write_parts(struct converse_writer *w, const struct canon_part *parts);
void converse_write_cache_point(struct buf *out, int64_t ttl);

/* A citation of a block's text (converse_cite.c). */
struct canon_citation *converse_citation(const struct json *doc, json_ref at, struct arena *arena);
void converse_put_citation(struct buf *out, const struct canon_citation *c);

/* "end_turn" and the like, both ways. */
enum canon_stop converse_stop(str reason);
str converse_stop_name(enum canon_stop stop);
/* Writes {"inputTokens":...}. `value` is the provider's own object, written as it stands where it is Bedrock's. */
void converse_write_usage(struct buf *out, const struct usage *u);

void usage_read_converse(const struct json *doc, json_ref usage, struct usage *out);

bool converse_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                   struct call_problem *problem) MUST_CHECK;
size_t converse_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                     struct json_edit edits[CALL_EDITS_MAX]);
enum tap_verdict converse_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                    str event);
void converse_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc);
void converse_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);
bool converse_decode_count(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool converse_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem) MUST_CHECK;
bool converse_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                          struct call_problem *problem) MUST_CHECK;
bool converse_decode_answer(const struct json *doc, struct canon_answer *out) MUST_CHECK;
void converse_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void converse_decode_event(struct canon_decoder *d, const struct json *doc, str event);
void converse_decode_end(struct canon_decoder *d, const struct answer *tap);
void converse_encode_delta(struct canon_encoder *e, const struct canon_delta *delta);
void converse_error(struct buf *out, enum err e, str message, str param, str code);
void converse_error_headers(struct buf *out, enum err e);
void converse_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence);

#endif

/* Inside Gemini's dialect (generateContent and streamGenerateContent, also as Vertex's
 * publishers/google models speak it). Only src/dialect/gemini_*.c include it.
 *
 * Google reads protobuf's JSON: every field goes by two names (`maxOutputTokens` and
 * `max_output_tokens`), a number may stand as a string, an enum as a number, base64 may
 * be of the kind that is safe in URLs, and what is zero is left out. */
#ifndef DIALECT_GEMINI_H
#define DIALECT_GEMINI_H

#include "base/hash.h"
#include "dialect/tap.h"

enum { GEMINI_FIELDS_MAX = 32 };

/* What becomes of a known field; a FEATURE_... of canon.h: kept for the same dialect, and noted as that. */
enum { GEMINI_READ = -1, GEMINI_KEPT = -2 };

struct gemini_field {
    str name; /* in camel case */
    int becomes;
};

/* A call of the conversation that has had no result yet. */
struct gemini_open_call {
    struct gemini_open_call *next;
    str id, name;
};

struct gemini_reader {
    const struct json *doc;
    struct arena *arena;
    struct canon_call *call; /* NULL: an answer is read */
    struct call_problem *problem;
    struct gemini_open_call *open, *last_open;
    int64_t calls;   /* function calls seen: what ids are made of */
    int64_t unknown; /* notes of unknown fields */
    str id_seed;     /* answers: what made-up ids begin with */
};

/* A list of parts under construction. */
struct gemini_parts {
    struct canon_part *first, *last;
};

/* ---- gemini_fields.c */

/* Sorts the members of `object` by `fields`: `at[i]` is the value of one that is GEMINI_READ
 * (JSON_ABSENT where it is missing or null); everything else goes to `*extras` and is noted.
 * Fails: false with the problem filled in when a field stands twice, under whichever names. */
bool gemini_fields(struct gemini_reader *r, json_ref object, str where, const struct gemini_field *fields, size_t count,
                   json_ref *at, struct canon_extras *extras) MUST_CHECK;
/* The member under either of its names; JSON_ABSENT where it is missing. Nulls are found. */
json_ref gemini_find(const struct json *doc, json_ref object, str name);
void gemini_note(struct gemini_reader *r, enum canon_feature feature, str field);
/* "`generationConfig.seed` must be a number". Fails: always false. */
bool gemini_refuse(struct gemini_reader *r, str field, str wanted);
/* A whole number, also as a string; false where it is something else. */
bool gemini_count(const struct json *doc, json_ref at, int64_t *out) MUST_CHECK;
/* The string's content, decoded; STR_NONE where it is none. */
str gemini_string(const struct gemini_reader *r, json_ref at);

/* ---- gemini_parts.c */
bool gemini_read_part(struct gemini_reader *r, json_ref at, struct gemini_parts *list) MUST_CHECK;
/* An array of parts, one part, or a string. */
bool gemini_read_parts(struct gemini_reader *r, json_ref at, str where, struct gemini_parts *list) MUST_CHECK;

/* ---- gemini_config.c, gemini_tools.c, gemini_schema.c */
bool gemini_read_config(struct gemini_reader *r, json_ref at, struct canon_extras *extras) MUST_CHECK;
bool gemini_read_tools(struct gemini_reader *r, json_ref at) MUST_CHECK;
bool gemini_read_tool_config(struct gemini_reader *r, json_ref at) MUST_CHECK;
/* Google's subset of OpenAPI as JSON Schema: types in lower case, `nullable` as a type, counts as numbers. */
jraw gemini_schema(struct arena *arena, const struct json *doc, json_ref at);

/* ---- gemini_call.c, gemini_turns.c, gemini_read.c */
void gemini_join_turns(struct canon_call *call);
bool gemini_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool gemini_decode_count(const struct json *doc, struct canon_call *out, struct call_problem *problem);
bool gemini_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem);
size_t gemini_edit(const struct call *call, const struct json *doc, const struct call_changes *changes,
                   struct json_edit edits[CALL_EDITS_MAX]);

/* ---- gemini_write.c, gemini_encode.c, gemini_model.c */

struct gemini_writer {
    struct buf *out;
    struct arena *arena;
    enum dialect_id from;            /* of the call or answer */
    bool own;                        /* ... which is Gemini's: written as it was read */
    bool to_client;                  /* an answer, not a call */
    bool no_ids;                     /* Vertex refuses the ids of function calls */
    bool signed_call;                /* this turn has had its first function call */
    int generation;                  /* of the target's model */
    struct gemini_open_call **calls; /* of the history so far, by their ids: chains, the last one first */
    size_t call_room;                /* a power of two */
};

/* The chain that the id's call is in. */
static inline struct gemini_open_call **gemini_calls_of(const struct gemini_writer *w, str id)
{
    return &w->calls[hash_in(w->calls, id) & (w->call_room - 1)];
}
/* Fails: false where nothing is written. */
bool gemini_put_part(struct gemini_writer *w, const struct canon_part *part);
/* Whether it writes one. */
bool gemini_has_form(const struct gemini_writer *w, const struct canon_part *part);
void gemini_put_args(struct buf *out, const struct canon_tool_use *tool);
bool gemini_is_object(str text);
int gemini_generation(str model);
/* The tier that Vertex served by, told as a kind of traffic; none: it is the usual one, or told in another way. */
str gemini_traffic_tier(const struct json *doc, json_ref usage);
void gemini_put_thinking(const struct canon_call *call, const struct canon_target *target, int64_t max_output,
                         jraw rest, struct buf *out);
bool gemini_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem);

/* ---- gemini_stop.c, gemini_logprobs.c, gemini_grounding.c */
enum canon_stop gemini_stop(str reason, bool tool_seen);
str gemini_reason(enum canon_stop stop);
void gemini_put_reason(struct buf *out, enum dialect_id from, enum canon_stop stop, str raw);
/* A logprobsResult in OpenAI's form; none where it holds no tokens. */
jraw gemini_read_logprobs(struct arena *arena, const struct json *doc, json_ref at);
void gemini_put_logprobs(struct buf *out, jraw logprobs);
/* What the places of a candidate count in: all its text, decoded (p == NULL: not at hand, places are left out), and
 * how many bytes of it stand before each part. */
struct gemini_text {
    str all;
    const int64_t *parts;
    int64_t part_count;
};
/* Places count in all of the text. */
struct canon_citation *gemini_read_citations(struct arena *arena, const struct json *doc, json_ref candidate,
                                             const struct gemini_text *text);
bool gemini_cites(const struct json *doc, json_ref candidate);
/* Citations of one part, and its text, decoded. */
struct gemini_cited {
    const struct canon_citation *list;
    str text;
    int64_t part;
};
void gemini_put_citations(struct buf *out, const struct gemini_cited *lists, size_t count);

/* ---- gemini_answer.c, gemini_events.c, gemini_chunks.c */
bool gemini_decode_answer(const struct json *doc, struct canon_answer *out);
void gemini_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void gemini_put_usage(struct buf *out, const struct usage *u);
/* The enum's name, or its number. */
str gemini_reason_text(const struct gemini_reader *r, json_ref at);
/* What made-up ids of an answer begin with: its own id, else a hash of it. */
str gemini_id_seed(struct arena *arena, str id, const struct json *doc);
void gemini_decode_event(struct canon_decoder *d, const struct json *doc, str event);
void gemini_decode_end(struct canon_decoder *d, const struct answer *tap);
void gemini_encode_delta(struct canon_encoder *e, const struct canon_delta *delta);

/* ---- gemini_usage.c, gemini_tap.c */

/* usageMetadata made disjoint. */
void gemini_usage(const struct json *doc, json_ref at, struct usage *out);
enum tap_verdict gemini_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event);
void gemini_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc);
void gemini_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);

/* ---- gemini_error.c */
void gemini_error(struct buf *out, enum err e, str message, str param, str code);
void gemini_error_wait(struct buf *body, int64_t wait_ms);
void gemini_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence);

#endif

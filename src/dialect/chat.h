/* What the files that translate chat completions share. Nobody else includes it.
 *
 * What a body has beyond the canonical form is kept as extras of DIALECT_CHAT, or in
 * `value`, and written again where the other side speaks chat, too (`from`). */
#ifndef DIALECT_CHAT_H
#define DIALECT_CHAT_H

#include "dialect/tap.h"

/* What a search engine says beside its choices that it has read: the text names them by number, from 1. */
struct chat_source {
    jraw url, title, quote;
};
struct chat_sources {
    struct chat_source *list;
    size_t count;
};

/* A body being decoded. In an answer nothing is noted and nothing refused: `call` and `problem` are NULL. */
struct chat_reader {
    const struct json *doc;
    struct arena *arena;
    struct canon_call *call;
    struct call_problem *problem;
    uint64_t seed;               /* of ids that must be made up */
    int64_t made;                /* ids made up so far */
    int64_t unknown;             /* fields noted as such: bounded */
    str legacy_call;             /* the id made up for the last `function_call` */
    bool tool_result;            /* within one */
    struct chat_sources sources; /* of an answer */
};

/* Fills in the problem; false in a call, true in an answer, where the value is skipped. */
bool chat_refuse(struct chat_reader *r, str param, const char *wanted);
void chat_note(struct chat_reader *r, enum canon_feature feature, str field);
/* ... a field of the body that purser does not know: "messages.prefix". */
void chat_note_unknown(struct chat_reader *r, enum canon_feature feature, str where, json_ref key);
/* "call_5b1c..." */
str chat_make_id(struct chat_reader *r);
/* Has the object members that are not among `known`? */
bool chat_has_more(const struct json *doc, json_ref object, const str *known, size_t count);
/* A string that is neither missing nor empty. */
jraw chat_full_string(const struct json *doc, json_ref object, str key);

/* Content: a string, a part, or a list of parts. Appends to `*tail`. */
bool chat_read_content(struct chat_reader *r, json_ref at, struct canon_part ***tail, str where);
/* A part of its own kind at the end of the list. */
struct canon_part *chat_append(struct chat_reader *r, struct canon_part ***tail, enum canon_part_kind kind);
void chat_read_reasoning(struct chat_reader *r, json_ref message, struct canon_part ***tail);
bool chat_read_tool_calls(struct chat_reader *r, json_ref message, struct canon_part ***tail);
/* One citation of `annotations`; NULL where it is none. */
struct canon_citation *chat_read_citation(struct chat_reader *r, json_ref at);

/* Those of the body or chunk, instead of those before; nothing where it has none. */
void chat_read_sources(const struct json *doc, struct arena *arena, struct chat_sources *out);
/* How many there are. */
size_t chat_count_sources(const struct json *doc);
/* Copies their strings, which outlive the chunk then. */
void chat_keep_sources(struct chat_sources *s, struct arena *arena);
/* The citations of a text, as inside a JSON string. */
struct canon_citation *chat_cite_sources(const struct chat_sources *sources, str inside, struct arena *arena);
bool chat_read_messages(struct chat_reader *r, json_ref at);
bool chat_read_tools(struct chat_reader *r, json_ref at);
bool chat_read_functions(struct chat_reader *r, json_ref at);
bool chat_read_tool_choice(struct chat_reader *r, json_ref at);

/* How the parts of an answer's stream or body end. */
enum canon_stop chat_stop(str finish);
str chat_finish(enum canon_stop stop, bool refused);

/* ---- writing */

struct chat_writer {
    const struct canon_call *call;
    const struct canon_target *target;
    struct buf *out;
    bool same;    /* the call came as chat: written as it was */
    bool openai;  /* the target is OpenAI's own: knows its newer words */
    bool mistral; /* rejects what it does not know, and ids that are not its own kind */
};

void chat_write_messages(struct chat_writer *w);
void chat_write_tools(struct chat_writer *w);
/* "id","type","function" of a call, without the braces. */
void chat_write_tool_call(struct buf *out, const struct canon_part *part, str id);
/* `"annotations":[...]` of the citations of all parts; nothing where there are none. */
void chat_write_annotations(struct buf *out, const struct canon_part *parts);
void chat_write_citation(struct buf *out, const struct canon_citation *c);
/* A member of `reasoning_details`, for a part that came from dialect `from`. */
void chat_write_reasoning_detail(struct buf *out, const struct canon_part *part, enum dialect_id from, int64_t index);
/* The proof of a detail, and whose it is. */
void chat_read_proof(const struct json *doc, json_ref detail, struct arena *arena, struct canon_part *part);
/* `"extra_content":{...}`: Gemini's signature of a call; nothing where there is none. */
void chat_write_thought_signature(struct buf *out, const struct canon_part *part, enum dialect_id from);
/* ... of a call that was read: none, or Gemini's. */
void chat_read_thought_signature(const struct json *doc, json_ref call, struct canon_part *part);
/* The texts of all parts of a kind in one JSON string. False where there are none: nothing is written. */
bool chat_write_joined(struct buf *out, str key, const struct canon_part *parts, enum canon_part_kind kind,
                       str between);
void chat_write_usage(struct buf *out, const struct usage *u);
/* The shape of chat's `logprobs`; Responses has only the list. */
void chat_write_logprobs(struct buf *out, jraw logprobs);

/* ---- the rows of dialect_chat */
bool chat_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem) MUST_CHECK;
bool chat_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                      struct call_problem *problem) MUST_CHECK;
bool chat_decode_answer(const struct json *doc, struct canon_answer *out) MUST_CHECK;
void chat_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void chat_decode_event(struct canon_decoder *d, const struct json *doc, str event);
void chat_decode_end(struct canon_decoder *d, const struct answer *tap);
void chat_encode_delta(struct canon_encoder *e, const struct canon_delta *delta);

#endif

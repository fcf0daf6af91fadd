/* What the files of the Cohere v2 dialect share. Nobody else includes it.
 * Source: Cohere API reference, Chat (v2). */
#ifndef DIALECT_COHERE_H
#define DIALECT_COHERE_H

#include "dialect/tap.h"

/* A part's `id` that says: this reasoning stood under `tool_plan`, beside tool calls. */
#define COHERE_TOOL_PLAN "rs_tool_plan" /* as ids of thoughts begin in Responses, where it is shown */

/* A body under way. */
struct cohere_reader {
    const struct json *doc;
    struct arena *arena;
    struct canon_call *call; /* NULL for an answer: nothing is noted */
};

/* Content: a string, or a list of parts; `where` is its path for notes. */
void cohere_read_content(struct cohere_reader *r, json_ref content, struct canon_part **parts, str where);
/* tool_plan and tool_calls of an assistant's message. */
void cohere_read_calls(struct cohere_reader *r, json_ref message, struct canon_part **parts);

enum canon_stop cohere_stop(str reason);
str cohere_stop_name(enum canon_stop stop);
void cohere_write_usage(struct buf *out, const struct usage *u);
/* Each source of a citation is one here. */
struct canon_citation *cohere_citations(const struct json *doc, json_ref at, struct arena *arena);
/* A message's `citations`, each at the text that it is of. */
void cohere_read_citations(struct cohere_reader *r, json_ref message, struct canon_part *parts);
/* `content`: the place of its text in the message's content. */
void cohere_write_citation(struct buf *out, struct arena *arena, const struct canon_citation *c, int64_t content);

void usage_read_cohere(const struct json *doc, json_ref usage, struct usage *out);

bool cohere_read(enum call_kind kind, const struct json *doc, struct arena *arena, struct call *out,
                 struct call_problem *problem) MUST_CHECK;
enum tap_verdict cohere_tap_event(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc,
                                  str event);
void cohere_tap_frame(struct answer *a, uint32_t quirks, const struct json *doc);
void cohere_tap_body(struct answer *a, enum call_kind kind, uint32_t quirks, const struct json *doc);
bool cohere_decode_call(const struct json *doc, struct canon_call *out, struct call_problem *problem) MUST_CHECK;
bool cohere_encode_call(const struct canon_call *call, const struct canon_target *target, struct buf *out,
                        struct call_problem *problem) MUST_CHECK;
bool cohere_decode_answer(const struct json *doc, struct canon_answer *out) MUST_CHECK;
void cohere_encode_answer(const struct canon_answer *answer, const struct canon_client *client, struct buf *out);
void cohere_decode_event(struct canon_decoder *d, const struct json *doc, str event);
void cohere_decode_end(struct canon_decoder *d, const struct answer *tap);
void cohere_encode_delta(struct canon_encoder *e, const struct canon_delta *delta);
void cohere_error(struct buf *out, enum err e, str message, str param, str code);
void cohere_stream_error(struct event_sink *sink, enum err e, str message, int64_t sequence);

#endif

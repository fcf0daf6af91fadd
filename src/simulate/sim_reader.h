/* What the readers of requests share, a file a family: sim_request.c (OpenAI's),
 * sim_request_messages.c, sim_request_gemini.c, sim_request_converse.c,
 * sim_request_cohere.c. */
#ifndef SIMULATE_SIM_READER_H
#define SIMULATE_SIM_READER_H

#include "simulate/sim_request.h"

struct sim_reader {
    const struct json *doc;
    json_ref root; /* the request: counting endpoints have it inside another object */
    struct arena *keep, *scratch;
    struct sim_request *r;
    struct sim_problem *problem;
    json_ref last_user; /* the content of the last user turn that has text */
    bool thoughtless;   /* the call that is answered last stands there without the thoughts before it */
};

/* Fills the problem in; false, for `return`. */
bool sim_reader_refuse(struct sim_reader *rd, str param, str message);
bool sim_reader_refuse_field(struct sim_reader *rd, const char *field, const char *what);
/* A member of the request. */
json_ref sim_top(struct sim_reader *rd, str key);
/* An object's member; JSON_ABSENT where it has none or is no object. */
json_ref sim_at(struct sim_reader *rd, json_ref object, str key);
/* Google takes "mimeType" as "mime_type", too, and its clients mix them. */
json_ref sim_at_google(struct sim_reader *rd, json_ref object, str key);
json_ref sim_top_google(struct sim_reader *rd, str key);
/* Whether that is this string. */
bool sim_is(struct sim_reader *rd, json_ref object, str key, str value);
/* A string's text; p == NULL where `at` is none. */
str sim_reader_text(struct sim_reader *rd, json_ref at);
/* The tokens of every string value under `at`; in schemas of the keys too. */
void sim_reader_count(struct sim_reader *rd, json_ref at, bool keys_too);
/* Control words in a string, a part with a text, or a list of parts. */
bool sim_reader_control(struct sim_reader *rd, json_ref content) MUST_CHECK;
/* All of a message's text in one piece, for the search of a tool's name. */
str sim_reader_joined(struct sim_reader *rd, json_ref content);
/* A whole number, if it is there. Fails: false where it is none or outside. */
bool sim_reader_number(struct sim_reader *rd, json_ref at, const char *name, int64_t least, int64_t *out) MUST_CHECK;

/* Offers a tool; those behind SIM_TOOLS_MAX are not called. */
void sim_reader_add_tool(struct sim_reader *rd, json_ref name, json_ref parameters);
/* When all are there: counts `list`, and finds out whether the last user turn names one. */
void sim_reader_end_tools(struct sim_reader *rd, json_ref list);
/* A user turn: remembered where it has text. `answered`: it holds a tool's result. */
void sim_reader_turn(struct sim_reader *rd, json_ref role, json_ref content, bool answered);
/* The first name among an object's keys that is not one of `known` (words, blank between them). */
bool sim_reader_known(struct sim_reader *rd, json_ref object, const char *known, str *stranger) MUST_CHECK;

bool sim_request_read_messages(struct sim_reader *rd) MUST_CHECK;
bool sim_request_read_gemini(struct sim_reader *rd) MUST_CHECK;
bool sim_request_read_converse(struct sim_reader *rd) MUST_CHECK;
bool sim_request_read_cohere(struct sim_reader *rd) MUST_CHECK;
bool sim_request_read_embed(struct sim_reader *rd) MUST_CHECK;
bool sim_request_read_rerank(struct sim_reader *rd) MUST_CHECK;
bool sim_request_read_media(struct sim_reader *rd) MUST_CHECK;

#endif

/* An answer being generated: which tokens it has, and how they stand on the
 * wire. Pure: bytes go to a buffer, whoever drives it decides when.
 *
 * Each choice is `reasoning` hidden tokens, then words, generated JSON or tool
 * calls. A step generates one token; the truth counts steps. */
#ifndef SIMULATE_SIM_ANSWER_H
#define SIMULATE_SIM_ANSWER_H

#include "simulate/sim_cite.h"
#include "simulate/sim_request.h"

struct sim_tool_call {
    str name, id;
    str arguments; /* JSON */
};

struct sim_choice {
    int64_t tokens;    /* all of it, reasoning included, within the limit */
    int64_t reasoning; /* hidden, first */
    int64_t audio;     /* last */
    int64_t done;      /* generated so far */
    bool cut;          /* the limit ends it */
    uint64_t seed;     /* of its words */
    str json;          /* structured output, or the text that was told; p == NULL: words */
    struct sim_tool_call *calls;
    size_t call_count;
    struct sim_citation *citations; /* of the text, in order, apart from each other */
    size_t citation_count;
    /* where the next piece is */
    size_t at;   /* in json, or in the running call's arguments */
    size_t call; /* 1 + index of the running call; 0: none yet */
};

enum sim_piece_kind { SIM_PIECE_HIDDEN, SIM_PIECE_TEXT, SIM_PIECE_CALL, SIM_PIECE_ARGUMENTS };

struct sim_piece {
    enum sim_piece_kind kind;
    str text;
    const struct sim_tool_call *call;
    size_t call_index;
};

struct sim_answer {
    enum sim_kind kind;
    uint32_t shape;
    uint32_t place;      /* of a stream's usage */
    struct sim_units in; /* the input side */
    struct sim_choice *choices;
    size_t choice_count, shown;
    size_t turn;       /* the choice that steps next */
    int64_t generated; /* tokens, over all choices */
    int64_t planned;
    bool usage_null; /* every chunk says "usage":null, as OpenAI does where usage was asked for */
    /* texts, in the arena */
    str id, head, tail; /* see sim_chat.c and sim_responses.c */
    str tier;
    int64_t sequence; /* Responses: of the next event */
    size_t item;      /* index of the open output item or block */
    enum { SIM_ITEM_NONE, SIM_ITEM_REASONING, SIM_ITEM_MESSAGE, SIM_ITEM_CALL } item_kind;
    bool shows; /* thoughts stand in the answer */
    bool signs; /* Gemini 3: calls are signed, thoughts or not */
    bool array; /* Gemini: a stream is one array of JSON */
    bool begun; /* Gemini: something stands in it */
    int64_t created_s;
};

enum { SIM_OUTPUT_MAX = 200 * 1000 }; /* tokens of one choice, whatever was asked for */

/* What is drawn outside and what the answer is known by. */
struct sim_draw {
    uint64_t id; /* of the call */
    uint64_t seed;
    int64_t tokens; /* of each choice, as long as nothing shortens it */
    int64_t now_s;
};

/* Plans the answer to a request that is answered with tokens.
 * Owns: everything lives in `arena`; neither `doc` nor `r` is needed afterwards. */
struct sim_answer *sim_answer_new(struct arena *arena, const struct json *doc, const struct sim_request *r,
                                  const struct sim_control *c, const struct sim_draw *draw);
/* The units so far: all of the input, of the output what was generated. */
struct sim_units sim_answer_units(const struct sim_answer *a);
/* Counts `tokens` as generated, without bytes: for an answer that is not streamed. */
void sim_answer_skip(struct sim_answer *a, int64_t tokens);

/* A stream: what comes before the tokens; one token (false: there is none left);
 * what comes behind them (usage included), without HTTP's end. */
void sim_answer_open(struct sim_answer *a, struct buf *out);
bool sim_answer_step(struct sim_answer *a, struct buf *out);
void sim_answer_close(struct sim_answer *a, struct buf *out);
/* An error in the middle of a stream, as the protocol has it, with its end.
 * `response_failed`: by the Responses' event of that name. */
void sim_answer_fail(struct sim_answer *a, bool response_failed, struct buf *out);
/* An event that is no valid JSON. */
void sim_answer_garble(struct sim_answer *a, struct buf *out);
/* The whole body of an answer that is not streamed. Generates what is left. */
void sim_answer_whole(struct sim_answer *a, struct buf *out);

/* ---- for the protocols' files */

/* The next piece of a choice; false: it is complete. */
bool sim_choice_next(struct sim_choice *c, struct sim_piece *out);
/* The text of a choice as far as it was generated, as a JSON string. */
void sim_choice_text_json(const struct sim_choice *c, struct buf *out);
/* A tool call's arguments as far as they were generated, as a JSON string. */
void sim_choice_arguments_json(const struct sim_choice *c, size_t call, struct buf *out);
/* What it thought so far, as a JSON string. */
void sim_choice_thoughts_json(const struct sim_choice *c, struct buf *out);
/* Whether a tool call's arguments are complete: with the choice's last piece they may be cut. */
bool sim_choice_call_complete(const struct sim_choice *c, size_t call);
bool sim_choice_has_text(const struct sim_choice *c);
/* Of the text: its tokens so far; those from `from` to before `to` as a JSON string; what the first `tokens` take. */
int64_t sim_choice_text_tokens(const struct sim_choice *c);
void sim_choice_words_json(const struct sim_choice *c, int64_t from, int64_t to, struct buf *out);
struct sim_extent sim_choice_extent(const struct sim_choice *c, int64_t tokens);
/* Citations whose words are all there: the first so many. */
size_t sim_choice_cited(const struct sim_choice *c);
/* The citation that has the text's token `i` among its words; NULL: none. */
const struct sim_citation *sim_choice_citation_at(const struct sim_choice *c, int64_t i);
/* Where a block that begins with token `i` ends, for those that cite by blocks: at the next border of a citation, or
 * where the text ends for now. */
int64_t sim_choice_block_end(const struct sim_choice *c, int64_t i);
/* The reason that it ended, as one of three words. */
const char *sim_choice_end(const struct sim_choice *c, const char *stop, const char *tools, const char *limit);

/* How a protocol writes an answer. */
struct sim_wire {
    void (*open)(struct sim_answer *a, struct buf *out);
    void (*piece)(struct sim_answer *a, size_t choice, const struct sim_piece *p, struct buf *out);
    void (*close)(struct sim_answer *a, struct buf *out);
    void (*fail)(struct sim_answer *a, bool response_failed, struct buf *out);
    void (*whole)(struct sim_answer *a, struct buf *out);
    void (*prepare)(struct sim_answer *a, struct arena *arena, const struct json *doc, const struct sim_request *r);
    void (*garble)(struct sim_answer *a, struct buf *out); /* NULL: an event that ends in the middle */
};
extern const struct sim_wire sim_wire_chat; /* chat and completions */
extern const struct sim_wire sim_wire_responses;
extern const struct sim_wire sim_wire_messages;
extern const struct sim_wire sim_wire_gemini;
extern const struct sim_wire sim_wire_converse;
extern const struct sim_wire sim_wire_cohere;

#endif

/* How many tokens a call's input has, before a provider says it: exactly where the model's encoding is public,
 * else estimated. Slices of TOKENS_SLICE, so that no other call of the worker waits for it. */
#ifndef FLOW_TOKENS_H
#define FLOW_TOKENS_H

#include "dialect/canon.h"
#include "flow/worker.h"
#include "price/tokens_estimate.h"

struct request;
struct attempt;
struct way;

struct tokens_text {
    str text;
    bool quoted; /* a JSON string as it stands on the wire */
};

/* A call's texts, one after the other; they borrow from its body. */
struct tokens_walk {
    struct arena *arena;
    const struct tokens_text *texts;
    size_t count, at;
    int64_t fixed; /* tokens that are in no text: of messages, tools, images */
    bool exact;
    str model;
    enum token_encoding encoding;
    bool begun; /* the text `at` is under way */
    struct token_count slice;
    struct token_features features;
    int64_t tokens; /* so far; once it is over: all */
    struct mail mail;
    struct request *request;
};

/* For a target's model. Owns: everything lies in `arena` or borrows from the call. */
struct tokens_walk *tokens_walk_new(const struct canon_call *call, str model, struct arena *arena);
/* Goes on for about `work` bytes. True: it is over. */
bool tokens_walk_step(struct tokens_walk *w, size_t work) MUST_CHECK;

/* tokens_tools.c: tools as OpenAI's models read them. */
str tokens_render_tools(const struct canon_tool *tools, struct arena *arena);

/* ---- the endpoints that only count (tokens.c) */

bool tokens_asked(const struct request *r);
/* Passed on, free of charge, where the target counts by itself; else counted here. Fails: false with the request
 * failed. */
bool tokens_plan(struct request *r, struct way *way) MUST_CHECK;
/* The answer to one that is counted here: STEP_WAIT between slices. */
bool tokens_answer(struct request *r) MUST_CHECK;
/* Before the request is freed. */
void tokens_end(struct request *r);

/* ---- a smaller bound, where the bytes of a call do not fit a budget (tokens_bound.c) */

/* Whether counting may lower the input bound, `*best` being the lowest that can be hoped for. */
bool tokens_bound_helps(const struct request *r, const struct way *way, int64_t *best) MUST_CHECK;
/* The input bound as far as it is known: where an attempt before was counted in the same encoding, that count's. */
int64_t tokens_bound_known(const struct request *r, const struct way *way);
/* The same for an attempt that begins to hold. */
void tokens_bound_begin(struct attempt *a);
/* Counts in slices. True: counted, `hold.input_tokens` is the smaller bound; false: the attempt is woken to go on. */
bool tokens_bound(struct attempt *a) MUST_CHECK;

/* ---- what finished calls tell of a target */

/* Looks at the texts of a call now and then, while they are there. */
void tokens_look(struct request *r, const struct way *way);
void tokens_learn(const struct attempt *a);

#endif

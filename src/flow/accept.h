/* The tests of a rung: is this answer good enough? Pure: what an answer says comes as deltas, whoever reads them. */
#ifndef FLOW_ACCEPT_H
#define FLOW_ACCEPT_H

#include "base/schema_stream.h"
#include "dialect/canon_stream.h"
#include "settings/model.h"

/* What one choice of an answer says, as far as tests look at it. */
struct accept_choice {
    struct buf text;     /* inside of a JSON string, as it stood on the wire */
    struct buf logprobs; /* the provider's own values, with commas between them */
    enum canon_stop stop;
    bool in_text;     /* the block that runs is text, not thoughts or a refusal */
    bool calls_tools; /* it asks for a tool */
    /* While it comes: */
    struct schema_stream stream;
    size_t told;          /* bytes of `text` that were looked at */
    int64_t characters;   /* in those */
    const char *hopeless; /* a test that nothing which may follow could make hold; NULL: none */
};

struct accept_terms {
    const struct setting_accept *accept;
    const struct schema *schema; /* that json_schema means; NULL: none */
    bool wants_schema;           /* a schema is asked for: without one that can be read, nothing is valid */
    bool wants_object;           /* a JSON object of any kind is asked for */
};

/* Give its sink the answer's deltas. Owns: accept_free(). */
struct accept_reading {
    struct canon_sink sink;
    struct accept_choice *choices;
    size_t count;
    const struct accept_terms *watched; /* it is tested as it comes; NULL: it is not */
    bool partial;                       /* there was more than could be kept: no test holds */
};

void accept_init(struct accept_reading *reading, size_t choices, struct arena *arena);
void accept_free(struct accept_reading *reading);
/* A whole answer at once. */
void accept_read(struct accept_reading *reading, const struct canon_answer *answer);
/* From here on, before anything has come, the text is tested as it comes, by json_schema and max_length: as it is
 * where it is tested `early`; else only so far as accept_mend() could do nothing about it. */
void accept_watch(struct accept_reading *reading, const struct accept_terms *terms);
/* The test that nothing which may follow could make hold; NULL: none. accept_test() of the whole then fails. */
const char *accept_hopeless(const struct accept_reading *reading);
/* Text has come, or a call of a tool. */
bool accept_has_spoken(const struct accept_reading *reading);

/* NULL: it is accepted, in all its choices; else the test that does not hold, by its key: static text.
 * `doc` is scratch. */
const char *accept_test(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                        struct arena *arena);
/* What of an answer that failed json_schema would hold all tests of the text, cut out of it; STR_NONE: nothing. What
 * begins with a brace is the document itself: what stands behind it goes, brackets that are missing come. */
str accept_mend(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                struct arena *arena);

/* Whether asking once more may help: one text, that was not cut off by a limit. */
bool accept_may_repair(const struct accept_reading *reading);
/* The text of the first choice; empty where it holds half a character. */
str accept_text(const struct accept_reading *reading, struct arena *arena);
/* What is wrong with it by json_schema, in a sentence for a model: where, and what would be right. */
str accept_explain(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                   struct arena *arena);

#endif

/* The tests of a rung: is this answer good enough? Pure: what an answer says comes as deltas, whoever reads them. */
#ifndef FLOW_ACCEPT_H
#define FLOW_ACCEPT_H

#include "dialect/canon.h"
#include "settings/model.h"

/* What one choice of an answer says, as far as tests look at it. */
struct accept_choice {
    struct buf text;     /* inside of a JSON string, as it stood on the wire */
    struct buf logprobs; /* the provider's own values, with commas between them */
    enum canon_stop stop;
    bool in_text;     /* the block that runs is text, not thoughts or a refusal */
    bool calls_tools; /* it asks for a tool */
};

/* Give its sink the answer's deltas. Owns: accept_free(). */
struct accept_reading {
    struct canon_sink sink;
    struct accept_choice *choices;
    size_t count;
    bool partial; /* there was more than could be kept: no test holds */
};

void accept_init(struct accept_reading *reading, size_t choices, struct arena *arena);
void accept_free(struct accept_reading *reading);
/* A whole answer at once. */
void accept_read(struct accept_reading *reading, const struct canon_answer *answer);

struct accept_terms {
    const struct setting_accept *accept;
    const struct schema *schema; /* that json_schema means; NULL: none */
    bool wants_schema;           /* a schema is asked for: without one that can be read, nothing is valid */
    bool wants_object;           /* a JSON object of any kind is asked for */
};

/* NULL: it is accepted, in all its choices; else the test that does not hold, by its key: static text.
 * `doc` is scratch. */
const char *accept_test(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                        struct arena *arena);
/* What of an answer that failed json_schema would hold all tests of the text, cut out of it; STR_NONE: nothing. */
str accept_mend(const struct accept_reading *reading, const struct accept_terms *terms, struct json *doc,
                struct arena *arena);

#endif

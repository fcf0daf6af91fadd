/* Who and what a rule speaks of: any of six dimensions, all must match.
 * Pure functions, for any thread; texts are borrowed. */
#ifndef POLICY_SCOPE_H
#define POLICY_SCOPE_H

#include "base/buf.h"
#include "base/str.h"

#define SCOPE_DIMENSIONS(DIM)                                                                                          \
    DIM(KEY, "key")                                                                                                    \
    DIM(TEAM, "team") DIM(USER, "user") DIM(FEATURE, "feature") DIM(MODEL, "model") DIM(PROVIDER, "provider")

enum scope_dim {
#define DIM(constant, name) SCOPE_##constant,
    SCOPE_DIMENSIONS(DIM)
#undef DIM
        SCOPE_DIMS
};

/* Of a rule: p == NULL: any value; "*": any value, each with a counter of its own. */
struct scope {
    str want[SCOPE_DIMS];
};

/* Of a call; empty where nothing is known, which is a value like any other. */
struct payer {
    str is[SCOPE_DIMS];  /* SCOPE_MODEL: the target's name for the model */
    str model_requested; /* the name the client used: a rule's `model` may be either */
};

str scope_dim_name(enum scope_dim d);
bool scope_dim_find(str name, enum scope_dim *out) MUST_CHECK;
bool scope_matches(const struct scope *s, const struct payer *who);
/* Is it the `*` that gives each value a counter of its own? */
bool scope_is_each(str want);

enum {
    SCOPE_VALUE_MAX = 128, /* bytes of one dimension's value; a longer one is cut and ends in its digest */
    SCOPE_DIGEST_BYTES = 16,
    /* The longest text of scope_value(): each byte escaped, a name, `=` and `,` each. */
    SCOPE_TEXT_MAX = SCOPE_DIMS * (2 * SCOPE_VALUE_MAX + 10),
};

/* "user=bob,feature=chat" of the dimensions with a `*`; empty where none has one.
 * Two payers have the same text only if they have the same values. */
void scope_value(const struct scope *s, const struct payer *who, struct buf *out);

#endif

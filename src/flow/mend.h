/* Models wrap JSON into prose and fences, and forget a bracket at the end: what they meant can be cut out. Pure. */
#ifndef FLOW_MEND_H
#define FLOW_MEND_H

#include "base/arena.h"

/* The next object or list in the text that may be JSON, from `*at` on; `*at` moves behind its first byte.
 * `may_close`: brackets that are missing at the text's end are added; not where the text was cut off, as half an
 * answer is none. STR_NONE: there is none any more. Whether it is JSON is for the caller to see. */
str mend_next(str text, size_t *at, bool may_close, struct arena *arena);

#endif

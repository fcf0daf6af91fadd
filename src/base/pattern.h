/* Patterns of the settings, in PCRE2's language, and those of JSON Schemas, in ECMA-262's, matched
 * against what strangers write.
 *
 * Compiled once and then only read: any number of threads may match. A pattern that goes
 * through a text in too many ways is stopped: it then says that it gave up, and whoever
 * asked decides what that means. */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    PATTERN_BYTES_MAX = 4096,
    PATTERN_STEPS_MAX = 1000000, /* of one match: some 30 ms */
};

struct pattern;

enum pattern_found { PATTERN_NO, PATTERN_YES, PATTERN_GAVE_UP };

/* Owns: the caller drops it; `text` may go. Fails: NULL, `why` in `arena`: "missing closing parenthesis at 7". */
struct pattern *pattern_compile(str text, struct arena *arena, str *why) MUST_CHECK;
/* The same for ECMA-262's language with the flag u. Patterns that look behind by a length that varies are refused. */
struct pattern *pattern_compile_ecma(str text, struct arena *arena, str *why) MUST_CHECK;
/* Whether ECMA-262 has it, even where we cannot run it. */
bool pattern_is_ecma(str text);
/* The words of PCRE2 for it. Fails: false with static text. */
bool pattern_from_ecma(str ecma, struct buf *out, const char **why) MUST_CHECK;
void pattern_drop(struct pattern *p);

/* Whether it matches anywhere in `subject`. What is no UTF-8 there matches nothing. */
enum pattern_found pattern_find(const struct pattern *p, str subject) MUST_CHECK;
/* The same, paid from `*steps`; some 30 ns each. Gives up where they do not suffice. */
enum pattern_found pattern_find_paid(const struct pattern *p, str subject, uint64_t *steps) MUST_CHECK;
/* Bytes that it takes. */
size_t pattern_size(const struct pattern *p);

#endif

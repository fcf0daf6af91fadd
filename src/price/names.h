/* How the price book spells model names, and how a provider's spelling is held
 * against them. All texts are lower case.
 *
 *   gpt-5-mini        that name; a full date may follow: gpt-5-mini-2025-08-07
 *   claude-opus-4-5~  that name; versions may follow: -20251101, @20251101, -latest, -v1:0
 *   *claude-3-opus~   the same, with a path before it: us.anthropic., publishers/anthropic/models/
 *   ft:gpt-4o-2024-*  whatever follows: fine-tuned models, whose names end in the customer's
 *
 * There is no plain prefix match: what follows a name is a version or the model
 * is another one, of which nothing is known. */
#ifndef PRICE_NAMES_H
#define PRICE_NAMES_H

#include "base/str.h"

/* Longest model name that is looked up; longer ones are unknown. */
enum { NAME_MAX_BYTES = 256 };

/* A form other than the first. */
bool name_is_pattern(str form);
/* How many bytes of the form are literal when `name` matches it; 0: it does not. */
size_t name_match(str form, str name);
/* `name` without a full date at its end; itself when there is none. */
str name_without_date(str name);
/* `name` without a path that only says whose it is: "models/", "<provider>/",
 * "projects/p/locations/l/publishers/google/models/". Itself when there is none. */
str name_without_path(str name, str provider);
/* Writes `name` in lower case. Fails: false when it is empty or too long. */
bool name_lower(str name, char out[NAME_MAX_BYTES], str *lower) MUST_CHECK;

#endif

/* What answers in OpenAI's Responses said, an item each, by the ids that purser gave them.
 *
 * A client that trusts in the provider's store names an item of an earlier answer by its id
 * alone. Where the answer came from another family, no provider stored it: so purser keeps
 * the latest ones in memory. What is forgotten is refused by name, as any id that nobody knows.
 * Thread: any; one mutex, held while an item is copied. */
#ifndef FLOW_ITEMS_H
#define FLOW_ITEMS_H

#include "base/arena.h"
#include "base/hash.h"

struct items;

/* Owns: the caller drops it. At most 16 MB, which it takes as it fills; the oldest go first. */
struct items *items_new(struct hash_key secret) __attribute__((returns_nonnull));
void items_drop(struct items *t);

/* `owner`: the name of purser's key; another key's ids are not found. One above 1 MB is not kept. */
void items_put(struct items *t, str owner, str id, str json);
/* Fails: false where it is not known. `out` is in `arena`. */
bool items_find(struct items *t, str owner, str id, struct arena *arena, str *out) MUST_CHECK;
/* Whether any is kept: asked before a call is looked through. */
bool items_any(const struct items *t);

#endif

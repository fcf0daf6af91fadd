/* Where the last call of a session, user or key was answered, so that the next one finds its
 * prompt cached there.
 *
 * A table of one word a slot without locks and without a queue: two that share a slot forget
 * each other, which costs a cache hit and nothing else. Kept over reloads. Thread: any. */
#ifndef POLICY_STICKY_H
#define POLICY_STICKY_H

#include "base/str.h"

struct stickies;

/* Owns: the caller drops it. 2^16 slots, half a megabyte that is touched as it fills. */
struct stickies *stickies_new(void) __attribute__((returns_nonnull));
void stickies_drop(struct stickies *s);

/* `who`: a keyed hash of the model's name and of whom it sticks to; clients choose those names.
 * `target`: any hash of the target's name. */
void sticky_note(struct stickies *s, uint64_t who, uint64_t target);
/* Whether `who` was last answered by that target. False where it is not known, too. */
bool sticky_is(const struct stickies *s, uint64_t who, uint64_t target);

#endif

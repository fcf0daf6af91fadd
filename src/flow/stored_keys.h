/* The keys that were made at run time, as the store has them. */
#ifndef FLOW_STORED_KEYS_H
#define FLOW_STORED_KEYS_H

#include "flow/purser.h"

struct stored_keys {
    struct arena arena;
    struct key *keys;
    size_t count, cap;
};

/* Where the store cannot be read, those that hold now: false, and the log has it; the clockwork tries again. They live as
 * long as p->current does. `control` is held, or nothing runs yet.
 * Owns: the caller frees it in any case. Blocks; control threads only. */
bool stored_keys_load(struct purser *p, struct stored_keys *s);
void stored_keys_free(struct stored_keys *s);

#endif

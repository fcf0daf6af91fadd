/* Who owns what providers store: responses, files, batches ... by their ids.
 *
 * Purser's keys share one account at a provider, whose ids would open everything to
 * everybody. So each id that a call made is kept with the key that made it, and where.
 * In memory: 24 bytes an object and 4 for its bucket, grown as needed up to a ceiling,
 * above which the oldest go. Over restarts: the ledger's rows.
 * Thread: any; a mutex for each shard. */
#ifndef FLOW_OBJECTS_H
#define FLOW_OBJECTS_H

#include "base/hash.h"

enum { OBJECTS_MAX = 1000000 };

struct objects;

struct object_owner {
    uint64_t key;      /* hash of the owner's name */
    uint32_t provider; /* hash of the provider's name */
};

/* `secret`: nobody outside can make two ids meet. */
struct objects *objects_new(struct hash_key secret, size_t max);
void objects_drop(struct objects *o);
/* The first owner of an id stays its owner. */
void objects_put(struct objects *o, str id, str key, str provider);
/* The same for one of the past: only where there is room. */
void objects_put_old(struct objects *o, str id, str key, str provider);
bool objects_find(struct objects *o, str id, struct object_owner *out) MUST_CHECK;
bool objects_is_owner(const struct objects *o, const struct object_owner *owner, str key);
bool objects_is_at(const struct objects *o, const struct object_owner *owner, str provider);
size_t objects_count(struct objects *o);
/* Until then an id that is not found may be one of the past. */
void objects_set_loaded(struct objects *o);
bool objects_loaded(const struct objects *o);

#endif

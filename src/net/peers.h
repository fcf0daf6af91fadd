/* How many connections each address has, over all the servers that share the count.
 * As many entries as there are connections at most. Thread: any. */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "base/hash.h"

#include <stdbool.h>

struct peers;

struct peers *peers_new(struct hash_key key);
void peers_drop(struct peers *p);
/* One more of `peer`; false where it has `most` already. */
bool peers_enter(struct peers *p, const char *peer, unsigned most) MUST_CHECK;
/* Once for each that entered. */
void peers_leave(struct peers *p, const char *peer);

#endif

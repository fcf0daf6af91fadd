/* Entries by name, of which there may be a million: they stay where they are, and most of what is looked at lies in
 * one place. Thread: one's own. */
#ifndef LEDGER_NAME_TABLE_H
#define LEDGER_NAME_TABLE_H

#include "base/arena.h"
#include "base/hash.h"

/* What every entry begins with. */
struct name_head {
    str name;
    char near[32]; /* a short name's bytes: one look into cold memory less */
};

struct name_table {
    struct hash_key secret; /* clients choose names */
    size_t entry_bytes, most, count;
    char **chunks; /* of so many entries as fit */
    size_t chunk_count;
    struct name_slot *slots; /* open addressing; a power of two */
    size_t slot_count, last; /* last: neighbours often have one name; a place, and one */
    uint32_t part, bits;     /* of all names those alone whose hash has `part` in so many bits */
    struct arena names;
};

/* At most `most` entries of `entry_bytes`, which are zeros where they are made. */
void name_table_init(struct name_table *t, struct hash_key secret, size_t entry_bytes, size_t most);
void name_table_free(struct name_table *t);
/* Its place, and one; 0: there is none, or no room for it; NAME_ELSEWHERE: it is of another part. */
#define NAME_ELSEWHERE SIZE_MAX
size_t name_table_find(struct name_table *t, str name, bool make);
/* Keeps those of its part in so many bits, as many as it has or more: about half of them for each further one. */
void name_table_split(struct name_table *t, uint32_t bits);
void *name_table_at(const struct name_table *t, size_t place);

#endif

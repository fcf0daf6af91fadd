/* Crowds: days of users, prompts or tasks in a few blobs, made so that the dearest of very many are found
 * fast, and that single ones are found at all.
 *
 * Of a million users a report shows a hundred. So what decides who is shown (hash, feature, cost, attempts) stands in
 * columns of its own, some fourteen bytes an entry; everything else stands in chunks of 64 entries, of which only
 * those are read that somebody shown is in. Entries are sorted by a keyed hash of the user's name: the same user lies
 * at about the same place in all of them, so that many days are added up in one sweep without hashing a name. Two names
 * with the same 64 bits would be taken for one: of ten million names that happens once in 400,000 stores.
 *
 * A crowd has a head for each of 64 parts of the hashes, or a single one where it is small, and for each head its
 * chunks. Each is a row of table `packs`, under its number (crowd_chunk()). This is the format alone, pure
 * functions of bytes.
 *
 *   head   = version, number of heads, number of features, these (length, bytes), number of entries; then columns, each
 *            behind its length: hashes (8 bytes, little-endian, ascending), places of features, costs, attempts,
 *            unpriced costs. A column of zeros alone is empty.
 *   chunk  = for each entry: the name (length, bytes), values (length, bytes; ledger/pack.h)
 *
 * All other numbers are LEB128; costs and attempts are folded (ledger/varint.h). */
#ifndef LEDGER_CROWD_H
#define LEDGER_CROWD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "ledger/pack.h"
#include "ledger/varint.h"

enum {
    CROWD_PART_BITS = 6,
    CROWD_PARTS = 1 << CROWD_PART_BITS,
    CROWD_SMALL = 2048, /* entries that have a single head */
    CROWD_CHUNK = 64,
    CROWD_CHUNKS_MAX = 1 << 20, /* of a head */
    CROWD_BYTES_MAX = 64 * 1024 * 1024,
};

/* Never 0. `key`: the store's (store_key()), since clients choose the names. */
uint64_t crowd_hash(struct hash_key key, str name);
static inline uint32_t crowd_part(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - CROWD_PART_BITS));
}
/* The number of a head's chunk, behind those of the heads (0 to 63). */
static inline int64_t crowd_chunk(uint32_t head, uint32_t chunk)
{
    return CROWD_PARTS + (int64_t)head * CROWD_CHUNKS_MAX + chunk;
}

/* ---- making */

struct crowd_entry {
    uint64_t hash;
    str name, feature;
    str values; /* as pack_put_values() writes them */
    int64_t cost, attempts, unpriced;
};

struct crowd_maker;
/* Owns: crowd_maker_drop(). */
struct crowd_maker *crowd_maker_new(void);
void crowd_maker_drop(struct crowd_maker *m);
/* In any order; of the same name and feature all become one. Copies. Fails: false beyond CROWD_BYTES_MAX. */
bool crowd_maker_add(struct crowd_maker *m, const struct crowd_entry *e) MUST_CHECK;
size_t crowd_maker_count(const struct crowd_maker *m);
/* Puts them in order, each once; crowd_maker_write() does so, too. Fails: false where values are malformed, or beyond
 * CROWD_BYTES_MAX. */
bool crowd_maker_sort(struct crowd_maker *m) MUST_CHECK;
/* Hands over the rows of heads `from` to `until` - 1 of a crowd with so many heads (1, CROWD_PARTS, or 0: as its entries
 * need), a head behind its chunks and the first head last, since with that the crowd is there. What has no entries has
 * no row, but for head 0. `put` ends it with false, which is returned. Fails: false where values are malformed, too.
 * Nothing is added any more. */
typedef bool crowd_put(void *ctx, int64_t number, str body);
bool crowd_maker_write(struct crowd_maker *m, uint32_t heads, uint32_t from, uint32_t until, crowd_put *put,
                       void *ctx) MUST_CHECK;

/* ---- reading */

struct crowd_head {
    uint32_t heads, count; /* heads of the crowd, entries of this one */
    uint32_t feature_count;
    str *features;
    const char *hashes;
    str feature_places, costs, attempts, unpriced; /* columns */
};

/* Borrows `body`; the features' places are the arena's. Fails: false where it is malformed. */
bool crowd_open(struct crowd_head *h, struct arena *arena, str body) MUST_CHECK;
static inline uint64_t crowd_hash_at(const struct crowd_head *h, uint32_t i)
{
    uint64_t v;
    memcpy(&v, h->hashes + 8 * (size_t)i, 8);
    return v;
}
/* The first entry whose hash is not below this one; h->count: there is none. */
uint32_t crowd_find(const struct crowd_head *h, uint64_t hash);

/* Takes the next number of a column, which may be empty: zeros. Fails: false where it ends. */
static inline bool crowd_next(str *column, bool empty, uint64_t *out)
{
    *out = 0;
    if (empty) return true;
    if (column->n && !(*column->p & 0x80)) {
        *out = (unsigned char)*column->p;
        *column = (str){column->p + 1, column->n - 1};
        return true;
    }
    return varint_get(column, out);
}

/* The entry that is so many places into a chunk. Fails: false where it is malformed, or not so long. */
bool crowd_chunk_find(str chunk, uint32_t at, str *name, str *values) MUST_CHECK;

/* All entries of a head, in order, with what stands in its chunks where it is asked for. */
struct crowd_walk {
    const struct crowd_head *head;
    uint32_t number;                /* of the head among the crowd's */
    uint32_t next;                  /* entry */
    str places;                     /* left */
    str chunk;                      /* left of the one that was read */
    uint32_t chunk_first, chunk_at; /* its first entry, and the one that it is at */
    uint64_t hash;                  /* of the entry, and the place of its feature */
    uint32_t place;
};
/* Reads a row of the crowd, borrowed until the next; an empty one: there is none. Fails: false. */
typedef bool crowd_read(void *ctx, int64_t number, str *body);
void crowd_walk_begin(struct crowd_walk *w, const struct crowd_head *head, uint32_t number);
enum crowd_step { CROWD_ENTRY, CROWD_END, CROWD_BAD, CROWD_UNREAD };
enum crowd_step crowd_walk_next(struct crowd_walk *w);
/* Of the entry that came last. UNREAD: `read` failed. */
enum crowd_step crowd_walk_detail(struct crowd_walk *w, crowd_read *read, void *ctx, str *name, str *values);

#endif

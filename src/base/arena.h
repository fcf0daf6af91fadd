/* Memory that lives and dies together: one arena a request, freed at once.
 *
 * Small allocations never fail: when the machine has no memory left the process
 * ends, which the journal makes safe. Sizes that a peer chooses go through
 * mem_try_alloc(), whose caller answers with an error. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/pool.h"
#include "base/str.h"

/* malloc and friends that end the process rather than return NULL. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
/* Gives what was freed back to the system, of every thread. */
void mem_trim(void);
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
/* Zeroed, in pages of its own that cost nothing until they are touched: for large
 * tables that fill slowly, if ever (calloc() may hand out used memory, and clears it). */
void *mem_map(size_t size) __attribute__((malloc, returns_nonnull));
/* The same in large pages where there are such: for what is filled soon, since each costs a fault, or is looked into
 * here and there. */
void *mem_map_large(size_t size) __attribute__((malloc, returns_nonnull));
void mem_unmap(void *p, size_t size);
/* Of what is embedded in the program: pages that were read through once are no longer held. Who reads them again gets
 * them from the program's file. */
void mem_unread(const void *p, size_t size);
/* May return NULL. */
void *mem_try_alloc(size_t size) MUST_CHECK;

struct arena_block;

struct arena {
    struct arena_block *block;
    char *at, *end;
    size_t total;        /* bytes taken from malloc or `blocks` */
    struct pool *blocks; /* of pieces of ARENA_BLOCK_BYTES; NULL: malloc */
};

enum { ARENA_BLOCK_BYTES = 2048 - 64 }; /* a waiting stream keeps one of these: small */

void arena_init(struct arena *a);
/* Its blocks come from a pool, which must outlive it. */
void arena_init_in(struct arena *a, struct pool *blocks);
void arena_free(struct arena *a);
/* Aligned to 16 bytes, not zeroed. Owns: the arena. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* A copy, with a NUL behind it that is not counted. */
str arena_str(struct arena *a, str s);
str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif

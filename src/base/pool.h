/* Pieces of one size that every call needs and gives back: the last one given is the
 * next one taken, and still in the cache. At most POOL_SPARE_MAX rest; what is above
 * comes from the heap and goes back to it. Thread: one at a time. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/str.h"

enum { POOL_SPARE_MAX = 32 };

struct pool {
    size_t size;
    unsigned count;
    void *spare[POOL_SPARE_MAX];
};

void pool_init(struct pool *p, size_t size);
/* Frees what rests; what is still taken must be free()d, not given. */
void pool_free(struct pool *p);
/* Not zeroed. Owns: the caller gives it back, or free()s it. */
void *pool_take(struct pool *p) __attribute__((returns_nonnull));
void *pool_ztake(struct pool *p) __attribute__((returns_nonnull));
void pool_give(struct pool *p, void *piece);

#endif

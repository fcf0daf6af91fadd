#include "base/pool.h"

#include "base/arena.h"

#include <stdlib.h>

/* A sanitizer sees what is used after it was given back only where it is freed. */
#if defined(__SANITIZE_ADDRESS__)
static const bool reuses = false;
#else
static const bool reuses = true;
#endif

void pool_init(struct pool *p, size_t size)
{
    *p = (struct pool){.size = size};
}

void pool_free(struct pool *p)
{
    while (p->count) free(p->spare[--p->count]);
}

void *pool_take(struct pool *p)
{
    return p->count ? p->spare[--p->count] : mem_alloc(p->size);
}

void *pool_ztake(struct pool *p)
{
    return memset(pool_take(p), 0, p->size);
}

void pool_give(struct pool *p, void *piece)
{
    if (reuses && p->count < POOL_SPARE_MAX)
        p->spare[p->count++] = piece;
    else
        free(piece);
}

#include "base/arena.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGN = 16 };

struct arena_block {
    _Alignas(ALIGN) struct arena_block *next;
    bool pooled;
};

enum { BLOCK_ROOM = ARENA_BLOCK_BYTES - sizeof(struct arena_block) };

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "purser: out of memory (%zu bytes asked)\n", size);
    abort();
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void *mem_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void mem_trim(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    malloc_trim(
        0); /* a sanitizer has an allocator of its own: the C library's was never set up, and crashes at times */
#endif
}

void *mem_realloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) out_of_memory(size);
    return p;
}

void *mem_map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) out_of_memory(size);
    return p;
}

void *mem_map_large(size_t size)
{
    void *p = mem_map(size);
    (void)madvise(p, size, MADV_HUGEPAGE); /* an advice: small ones do as well */
    return p;
}

void mem_unmap(void *p, size_t size)
{
    if (p) munmap(p, size);
}

void mem_unread(const void *p, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t before = (page - (uintptr_t)p % page) % page;
    if (size < before + page) return;
    size = (size - before) / page * page;
    madvise((char *)(uintptr_t)p + before, size, MADV_DONTNEED); /* where it fails they stay */
}

void *mem_try_alloc(size_t size)
{
    return malloc(size ? size : 1);
}

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_init_in(struct arena *a, struct pool *blocks)
{
    *a = (struct arena){.blocks = blocks};
}

void arena_free(struct arena *a)
{
    for (struct arena_block *b = a->block, *next; b; b = next) {
        next = b->next;
        if (b->pooled)
            pool_give(a->blocks, b);
        else
            free(b);
    }
    arena_init_in(a, a->blocks);
}

/* Room for `size` bytes: in the current block from here on, or in one of its own. */
static void *new_block(struct arena *a, size_t size)
{
    bool own = size > BLOCK_ROOM / 4; /* a large piece gets its own block, the current one stays in use */
    bool pooled = !own && a->blocks;
    size_t room = own ? size : BLOCK_ROOM;
    struct arena_block *b = pooled ? pool_take(a->blocks) : mem_alloc(sizeof(*b) + room);
    char *piece = (char *)(b + 1);
    b->pooled = pooled;
    a->total += sizeof(*b) + room;
    if (own && a->block) {
        b->next = a->block->next;
        a->block->next = b;
        return piece;
    }
    b->next = a->block;
    a->block = b;
    a->at = piece + size;
    a->end = piece + room;
    return piece;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    if (size > (size_t)(a->end - a->at)) return new_block(a, size);
    void *p = a->at;
    a->at += size;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

str arena_str(struct arena *a, str s)
{
    char *copy = arena_alloc(a, s.n + 1);
    if (s.n) memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return str_of(copy, s.n);
}

str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    char *here = a->at; /* where it fits the next allocation begins here: most texts are formatted once */
    int n = vsnprintf(here, (size_t)(a->end - a->at), fmt, args);
    va_end(args);
    if (n < 0) n = 0;
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p != here) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return str_of(p, (size_t)n);
}

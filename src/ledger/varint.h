/* LEB128: seven bits a byte, the lowest first; small numbers are one byte. */
#ifndef LEDGER_VARINT_H
#define LEDGER_VARINT_H

#include "base/str.h"

enum { VARINT_MAX = 10 };

static inline size_t varint_put(char *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) to[n++] = (char)(v | 0x80);
    to[n++] = (char)v;
    return n;
}

/* Takes one off the front. Fails: false where none is there, or more than 64 bits. */
static inline bool varint_get(str *from, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < from->n && i < VARINT_MAX; i++) {
        unsigned char byte = (unsigned char)from->p[i];
        if (i == VARINT_MAX - 1 && byte > 1) return false;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        *from = str_of(from->p + i + 1, from->n - i - 1);
        *out = v;
        return true;
    }
    return false;
}

/* Signed numbers near zero are small too. */
static inline uint64_t varint_fold(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unfold(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

#endif

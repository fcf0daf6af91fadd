/* Numbers as text, for the path of every call: what printf would take a
 * microsecond for. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

enum { TEXT_NUMBER_MAX = 24 };

/* Decimal; returns the length, at most TEXT_NUMBER_MAX. Nothing is terminated. */
size_t text_u64(char *out, uint64_t value);
size_t text_i64(char *out, int64_t value);
/* Exactly 16 lower-case digits. */
size_t text_hex64(char *out, uint64_t value);
/* Lower-case digits without leading zeros. */
size_t text_hex(char *out, uint64_t value);

bool buf_add_u64(struct buf *b, uint64_t value);
bool buf_add_i64(struct buf *b, int64_t value);
bool buf_add_hex64(struct buf *b, uint64_t value);

#endif

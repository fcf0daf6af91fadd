/* A growing run of owned bytes with a ceiling. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

#include <stdlib.h>

struct buf {
    char *p;
    size_t n, cap;
    size_t max;    /* ceiling in bytes; 0: none */
    bool overflow; /* an append was refused: the ceiling was met */
};

static inline void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}
static inline void buf_free(struct buf *b)
{
    if (b->p) free(b->p); /* most hold nothing: not worth a call */
    buf_init(b, b->max);
}
/* Makes room for `more` bytes behind the end. Fails: false at the ceiling. */
bool buf_reserve(struct buf *b, size_t more);
/* Appends all of it or nothing; a refusal is remembered in `overflow`. Inline: of a literal little is left. */
static inline bool buf_add(struct buf *b, str s)
{
    if (s.n > b->cap - b->n && !buf_reserve(b, s.n)) return false;
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n); // NOLINT(clang-analyzer-core.NonNullParamChecker): with bytes comes a pointer
    b->n += s.n;
    return true;
}
static inline bool buf_add_byte(struct buf *b, char c)
{
    return buf_add(b, str_of(&c, 1));
}
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD. */
bool buf_add_json(struct buf *b, str s);
/* As a field of CSV (RFC 4180): in quotes where it needs them. */
void buf_add_csv(struct buf *b, str s);
/* The same for spreadsheets: what they would take for a formula, which a number is not, gets an apostrophe in front;
 * bytes that are no UTF-8 become U+FFFD.
 * Source: OWASP, CSV Injection. */
void buf_add_csv_cell(struct buf *b, str s);
/* For a terminal: controls, C1 among them, and bytes that are no UTF-8 become `?`. */
void buf_add_shown(struct buf *b, str s);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

static inline str buf_str(const struct buf *b)
{
    return str_of(b->p, b->n);
}

static inline void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

#endif

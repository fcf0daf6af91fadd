/* The embedded tables, as the counting reads them. */
#ifndef PRICE_TOKENS_TABLE_H
#define PRICE_TOKENS_TABLE_H

#include "price/tokens.h"
#include "price/tokens_blob.h"

struct tokens_table {
    const uint64_t *trie;
    const uint32_t *pairs;
    const struct tokens_split *splits;
    const uint16_t *class_index;
    const uint8_t (*classes)[128];
    uint32_t pair_bits;
};

/* Fails: false where the build had no rank file. */
bool tokens_table_get(enum token_encoding e, struct tokens_table *out) MUST_CHECK;

/* ---- tokens_split.c: where the piece that begins at `at` ends. `at` < text.n; the answer is above it. */
size_t tokens_piece_end(const struct tokens_table *t, enum token_encoding e, str text, size_t at);

/* ---- tokens_merge.c */
enum { TOKENS_PIECE_MAX = 16 * 1024 };
/* Tokens of one piece of at most TOKENS_PIECE_MAX bytes. */
uint32_t tokens_of_piece(const struct tokens_table *t, const uint8_t *p, size_t n);
/* Goes on with a long piece until it is over or `*work` is used up. True: over. */
bool tokens_of_long_piece(const struct tokens_table *t, struct token_count *c, size_t *work);

#endif

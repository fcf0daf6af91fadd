/* The tables that tools/build-tokens.c writes and the binary embeds: offsets into one read-only blob.
 *
 * Nothing in it needs relocating, so that a page of it takes memory only once it is read: a purser
 * that counts nothing pays for none of it. */
#ifndef PRICE_TOKENS_BLOB_H
#define PRICE_TOKENS_BLOB_H

#include <stdint.h>

enum {
    TOKENS_MAGIC = 0x314b4f54, /* "TOK1" */
    TOKENS_NONE = 0x3ffff,     /* no token: one more than any id */
    TOKENS_LENGTH_MAX = 128,   /* bytes of the longest token */
    TOKENS_NO_LABEL = 0x100,   /* of a cell that nothing leads to */
};

/* What a code point is to the patterns. */
enum token_class {
    CLASS_UPPER = 1,   /* Lu Lt Lm Lo M */
    CLASS_LOWER = 2,   /* Ll Lm Lo M */
    CLASS_LETTER = 4,  /* L */
    CLASS_NUMBER = 8,  /* N */
    CLASS_SPACE = 16,  /* JavaScript's \s */
    CLASS_NEWLINE = 32 /* CR, LF; also a space */
};

/* A cell of the trie, 64 bits: token | label << 18 | base << 27. Every base is used by one state
 * alone, so that the label proves where a step came from. */
#define TOKENS_CELL(base, label, token) ((uint64_t)(base) << 27 | (uint64_t)(label) << 18 | (uint64_t)(token))

static inline uint32_t tokens_cell_token(uint64_t cell)
{
    return (uint32_t)cell & TOKENS_NONE;
}

static inline uint32_t tokens_cell_label(uint64_t cell)
{
    return (uint32_t)(cell >> 18) & 0x1ff;
}

static inline uint32_t tokens_cell_base(uint64_t cell)
{
    return (uint32_t)(cell >> 27);
}

/* Where the search for a pair begins. */
static inline uint32_t tokens_pair_hash(uint32_t left, uint32_t right, uint32_t bits)
{
    uint64_t key = ((uint64_t)left << 18 | right) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(key >> (64 - bits));
}

struct tokens_split {
    uint32_t left, right; /* what the token was merged of; a single byte's: itself, twice */
};

struct tokens_blob_encoding {
    uint32_t count;     /* tokens; 0: the rank file was not there */
    uint32_t trie;      /* offset: uint64_t cells, the root first */
    uint32_t pairs;     /* offset: uint32_t tokens by the hash of their halves */
    uint32_t pair_bits; /* log2 of the slots */
    uint32_t splits;    /* offset: struct tokens_split by token */
};

struct tokens_blob {
    uint32_t magic;
    uint32_t class_index; /* offset: uint16_t block by code point / 128 */
    uint32_t classes;     /* offset: uint8_t [128] blocks */
    struct tokens_blob_encoding encoding[2];
};

#endif

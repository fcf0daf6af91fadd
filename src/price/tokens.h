/* Token counting: exact for OpenAI's encodings, by the public rank files that the build takes in.
 *
 * Special tokens in a text count as ordinary text. Bytes that are no UTF-8 count as themselves.
 * Thread: any; the tables are read only and embedded in the binary. */
#ifndef PRICE_TOKENS_H
#define PRICE_TOKENS_H

#include "base/str.h"

enum token_encoding { TOKENS_O200K, TOKENS_CL100K, TOKEN_ENCODINGS };

/* "o200k_base"; both this and the short "o200k" are found. */
str token_encoding_name(enum token_encoding e);
bool token_encoding_find(str name, enum token_encoding *out) MUST_CHECK;
/* Whether the binary has the ranks; without them the encoding cannot be counted. */
bool token_encoding_known(enum token_encoding e);

enum {
    TOKENS_SLICE = 16 * 1024, /* work of one turn: bytes of usual text */
    TOKENS_WINDOW = 256,      /* places of a long piece that are remembered: more than the longest token */
};

/* A count in slices. The text must stay until it is done.
 *
 * A piece of text (a word, a run of spaces) that is longer than TOKENS_PIECE_MAX is counted place by place
 * instead of at once: `last` and `counts` say, for each of the latest places, which token ends there when the
 * piece is cut there, and how many there are up to it. So a piece of a megabyte needs no memory of its own and
 * can be left and taken up anywhere. */
struct token_count {
    str text;
    enum token_encoding encoding;
    size_t at; /* counted up to here */
    int64_t tokens;
    size_t piece_end; /* of a long piece under way; 0: none */
    size_t place;     /* in it, from its beginning `at` */
    uint32_t last[TOKENS_WINDOW];
    int64_t counts[TOKENS_WINDOW];
};

void token_count_begin(struct token_count *c, enum token_encoding e, str text);
/* Goes on for about `work` bytes. True: the whole text is counted, `tokens` is final. */
bool token_count_step(struct token_count *c, size_t work) MUST_CHECK;

/* All at once: for short texts, and where nobody waits. -1 where the encoding is not known. */
int64_t tokens_of_text(enum token_encoding e, str text);

#endif

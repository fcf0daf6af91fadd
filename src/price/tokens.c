/* Counts a text in slices: piece by piece, a long piece place by place. */
#include "price/tokens.h"

#include "price/tokens_table.h"

static const str names[TOKEN_ENCODINGS] = {STR_INIT("o200k_base"), STR_INIT("cl100k_base")};

str token_encoding_name(enum token_encoding e)
{
    return names[e];
}

bool token_encoding_find(str name, enum token_encoding *out)
{
    for (enum token_encoding e = 0; e < TOKEN_ENCODINGS; e++) {
        str whole = names[e], brief = str_head(whole, whole.n - 5);
        if (!str_eq(name, whole) && !str_eq(name, brief)) continue;
        *out = e;
        return true;
    }
    return false;
}

void token_count_begin(struct token_count *c, enum token_encoding e, str text)
{
    c->text = text;
    c->encoding = e;
    c->at = 0;
    c->tokens = 0;
    c->piece_end = 0;
    c->place = 0;
}

bool token_count_step(struct token_count *c, size_t work)
{
    struct tokens_table table;
    if (!tokens_table_get(c->encoding, &table)) {
        c->tokens = -1;
        return true;
    }
    while (c->at < c->text.n) {
        if (!work) return false;
        size_t end = c->piece_end ? c->piece_end : tokens_piece_end(&table, c->encoding, c->text, c->at);
        size_t n = end - c->at;
        if (n <= TOKENS_PIECE_MAX) {
            c->tokens += tokens_of_piece(&table, (const uint8_t *)c->text.p + c->at, n);
            work -= n < work ? n : work;
        } else {
            c->piece_end = end;
            if (!tokens_of_long_piece(&table, c, &work)) return false;
            c->piece_end = c->place = 0;
        }
        c->at = end;
    }
    return true;
}

int64_t tokens_of_text(enum token_encoding e, str text)
{
    struct token_count count;
    token_count_begin(&count, e, text);
    while (!token_count_step(&count, SIZE_MAX)) continue;
    return count.tokens;
}

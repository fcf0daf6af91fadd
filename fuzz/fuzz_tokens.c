/* Token counts: the same however the work is sliced, never more than bytes, and pieces cover the text. Long pieces
 * are counted in another way than short ones: both must agree. */
#include "price/tokens_table.h"

#include <stdlib.h>

static void check(bool holds)
{
    if (!holds) abort();
}

static int64_t in_slices(enum token_encoding e, str text, size_t work)
{
    struct token_count c;
    token_count_begin(&c, e, text);
    while (!token_count_step(&c, work)) check(c.at <= text.n);
    return c.tokens;
}

/* A piece counted place by place. */
static int64_t long_way(const struct tokens_table *t, enum token_encoding e, str piece)
{
    struct token_count c;
    size_t work = SIZE_MAX;
    token_count_begin(&c, e, piece);
    c.piece_end = piece.n;
    check(tokens_of_long_piece(t, &c, &work));
    return c.tokens;
}

static void check_text(enum token_encoding e, str text, size_t work)
{
    struct tokens_table table;
    if (!tokens_table_get(e, &table)) return;
    int64_t sum = 0;
    for (size_t at = 0, end; at < text.n; at = end) {
        end = tokens_piece_end(&table, e, text, at);
        check(end > at && end <= text.n);
        sum += long_way(&table, e, str_of(text.p + at, end - at));
    }
    check(sum == tokens_of_text(e, text));
    check(sum == in_slices(e, text, work));
    check(sum <= (int64_t)text.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    size_t work = 1 + data[0], times = data[1] % 4 ? 1 : 1 + data[1];
    size_t n = size - 2;
    char *text = malloc(n * times); /* of its exact size: a byte behind it is found out */
    if (!text) return 0;
    for (size_t i = 0; i < n * times; i++) text[i] = (char)data[2 + i % n];
    for (enum token_encoding e = 0; e < TOKEN_ENCODINGS; e++) check_text(e, str_of(text, n * times), work);
    free(text);
    return 0;
}

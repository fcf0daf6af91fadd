#include "base/text.h"

size_t text_u64(char *out, uint64_t value)
{
    char reversed[TEXT_NUMBER_MAX];
    size_t n = 0;
    do reversed[n++] = (char)('0' + value % 10);
    while (value /= 10);
    for (size_t i = 0; i < n; i++) out[i] = reversed[n - 1 - i];
    return n;
}

size_t text_i64(char *out, int64_t value)
{
    if (value >= 0) return text_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + text_u64(out + 1, 0 - (uint64_t)value);
}

size_t text_hex64(char *out, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--, value >>= 4) out[i] = digits[value & 15];
    return 16;
}

size_t text_hex(char *out, uint64_t value)
{
    char all[TEXT_NUMBER_MAX];
    size_t skip = 0;
    text_hex64(all, value);
    while (skip < 15 && all[skip] == '0') skip++;
    memcpy(out, all + skip, 16 - skip);
    return 16 - skip;
}

bool buf_add_u64(struct buf *b, uint64_t value)
{
    char text[TEXT_NUMBER_MAX];
    return buf_add(b, str_of(text, text_u64(text, value)));
}

bool buf_add_i64(struct buf *b, int64_t value)
{
    char text[TEXT_NUMBER_MAX];
    return buf_add(b, str_of(text, text_i64(text, value)));
}

bool buf_add_hex64(struct buf *b, uint64_t value)
{
    char text[TEXT_NUMBER_MAX];
    return buf_add(b, str_of(text, text_hex64(text, value)));
}

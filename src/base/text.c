#include "base/text.h"

size_t text_u64(char *out, uint64_t value)
{
    /* two digits a division, from the last on */
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char all[TEXT_NUMBER_MAX];
    size_t at = sizeof(all);
    for (; value >= 10; value /= 100) {
        at -= 2;
        memcpy(all + at, pairs + 2 * (value % 100), 2);
    }
    if (value || at == sizeof(all)) all[--at] = (char)('0' + value);
    memcpy(out, all + at, sizeof(all) - at);
    return sizeof(all) - at;
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

#include "base/utf8.h"

static bool is_tail(str s, size_t at)
{
    return at < s.n && ((unsigned char)s.p[at] & 0xc0) == 0x80;
}

size_t utf8_char_len(str s)
{
    if (s.n == 0) return 0;
    unsigned char a = (unsigned char)s.p[0];
    if (a < 0x80) return 1;
    unsigned char b = s.n > 1 ? (unsigned char)s.p[1] : 0;
    if (a >= 0xc2 && a <= 0xdf) return is_tail(s, 1) ? 2 : 0;
    if (a >= 0xe0 && a <= 0xef) {
        unsigned char lo = a == 0xe0 ? 0xa0 : 0x80, hi = a == 0xed ? 0x9f : 0xbf;
        return b >= lo && b <= hi && is_tail(s, 2) ? 3 : 0;
    }
    if (a >= 0xf0 && a <= 0xf4) {
        unsigned char lo = a == 0xf0 ? 0x90 : 0x80, hi = a == 0xf4 ? 0x8f : 0xbf;
        return b >= lo && b <= hi && is_tail(s, 2) && is_tail(s, 3) ? 4 : 0;
    }
    return 0;
}

bool utf8_valid(str s)
{
    while (s.n) {
        size_t len = utf8_char_len(s);
        if (!len) return false;
        s = str_from_at(s, len);
    }
    return true;
}

size_t utf8_encode(uint32_t rune, char out[4])
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xc0 | (rune >> 6));
        out[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        out[0] = (char)(0xe0 | (rune >> 12));
        out[1] = (char)(0x80 | ((rune >> 6) & 0x3f));
        out[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (rune >> 18));
    out[1] = (char)(0x80 | ((rune >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((rune >> 6) & 0x3f));
    out[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

int64_t utf8_length(str s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

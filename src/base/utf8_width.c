#include "base/utf8.h"

/* Good enough for names: East Asian wide ranges and emoji take two columns,
 * combining marks and joiners none. Source: Unicode's EastAsianWidth, coarsened. */
static size_t rune_width(uint32_t r)
{
    if ((r >= 0x300 && r <= 0x36f) || (r >= 0x200b && r <= 0x200f) || (r >= 0xfe00 && r <= 0xfe0f)) return 0;
    if ((r >= 0x1100 && r <= 0x115f) || (r >= 0x2e80 && r <= 0xa4cf) || (r >= 0xac00 && r <= 0xd7a3)) return 2;
    if ((r >= 0xf900 && r <= 0xfaff) || (r >= 0xfe30 && r <= 0xfe6f) || (r >= 0xff00 && r <= 0xff60)) return 2;
    if ((r >= 0x1f300 && r <= 0x1faff) || (r >= 0x20000 && r <= 0x3fffd)) return 2;
    return 1;
}

static uint32_t rune_at(str s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (len == 2) return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    if (len == 3) return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    if (len == 4) {
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 |
               (p[3] & 0x3f);
    }
    return p[0];
}

size_t utf8_width(str s)
{
    size_t width = 0;
    while (s.n) {
        size_t len = utf8_char_len(s);
        width += len ? rune_width(rune_at(s, len)) : 1;
        s = str_from_at(s, len ? len : 1);
    }
    return width;
}

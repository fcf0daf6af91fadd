/* The hot loop of every call: a chat request is mostly a few long strings.
 *
 * Sixteen bytes at a time are asked one question: is there a quote, a
 * backslash, a control byte or a byte above 0x7f? As signed bytes the last two
 * are both "less than 0x20", so three comparisons do. Only at such a byte is
 * anything looked at singly, and UTF-8 is checked only where a string leaves
 * ASCII. SSE2 is what every x86-64 has; other machines take eight bytes at a
 * time in a plain word. */
#include "base/json_scan.h"
#include "base/hex.h"

#include "base/utf8.h"

#if defined(__SSE2__)
enum { STEP = JSON_SCAN_STEP };

/* The first special byte, or where fewer than STEP bytes are left. */
static inline const char *skip_plain_steps(const char *p, const char *end)
{
    for (; end - p >= 4 * STEP; p += 4 * STEP) {
        __m128i a = json_special_in(p), b = json_special_in(p + STEP);
        __m128i c = json_special_in(p + 2 * STEP), d = json_special_in(p + 3 * STEP);
        if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0) continue;
        uint64_t mask = (uint64_t)_mm_movemask_epi8(a) | (uint64_t)_mm_movemask_epi8(b) << 16 |
                        (uint64_t)_mm_movemask_epi8(c) << 32 | (uint64_t)_mm_movemask_epi8(d) << 48;
        return p + __builtin_ctzll(mask);
    }
    for (; end - p >= STEP; p += STEP) {
        int mask = _mm_movemask_epi8(json_special_in(p));
        if (mask) return p + __builtin_ctz((unsigned)mask);
    }
    return p;
}
#else
enum { STEP = 8 };

/* Non-zero where one of eight bytes is special. Source: Warren, Hacker's Delight, 6-1. */
static inline uint64_t special_in(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    uint64_t quote = v ^ (ones * '"'), backslash = v ^ (ones * '\\');
    uint64_t hit = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((v - ones * 0x20) & ~v) | v;
    return hit & tops;
}

static inline const char *skip_plain_steps(const char *p, const char *end)
{
    while (end - p >= STEP && special_in(p) == 0) p += STEP;
    return p;
}
#endif

static inline bool is_special(unsigned char c)
{
    return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

static inline const char *skip_plain(const char *p, const char *end)
{
    p = skip_plain_steps(p, end);
    while (p < end && !is_special((unsigned char)*p)) p++;
    return p;
}

/* utf8_char_len() for four readable bytes of which the first is above 0x7f:
 * one load and a mask per length (RFC 3629, section 4). */
static inline size_t wide_char_len(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    uint32_t w = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    if ((w & 0x00c0c0f0u) == 0x008080e0u) {
        uint32_t lead = w & 0x200fu; /* e0 80-9f is overlong, ed a0-bf a surrogate */
        return lead != 0 && lead != 0x200du ? 3 : 0;
    }
    if ((w & 0xc0e0u) == 0x80c0u) return w & 0x1eu ? 2 : 0; /* c0 and c1 are overlong */
    if ((w & 0xc0c0c0f8u) == 0x808080f0u) {
        uint32_t plane = (w & 7u) << 2 | (w >> 12 & 3u); /* 0 is overlong, above 16 there is nothing */
        return plane >= 1 && plane <= 16 ? 4 : 0;
    }
    return 0;
}

/* Behind the last character above ASCII; where it stops for being invalid, `*valid` is false. */
static inline const char *skip_wide(const char *p, const char *end, bool *valid)
{
    while (p < end && (unsigned char)*p >= 0x80) {
        size_t len = end - p >= 4 ? wide_char_len(p) : utf8_char_len(str_of(p, (size_t)(end - p)));
        if (!len) {
            *valid = false;
            return p;
        }
        p += len;
    }
    return p;
}

/* The length of the escape at `p` (a backslash); 0 where there is no such escape. */
static inline size_t escape_len(const char *p, const char *end)
{
    if (end - p < 2) return 0;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        return end - p >= 6 && hex_digit_of(p[2]) >= 0 && hex_digit_of(p[3]) >= 0 && hex_digit_of(p[4]) >= 0 &&
                       hex_digit_of(p[5]) >= 0
                   ? 6
                   : 0;
    default:
        return 0;
    }
}

struct json_scan json_scan_string(const char *p, const char *end)
{
    bool escaped = false, valid = true;
    for (;;) {
        p = skip_plain(p, end);
        if (p >= end) return (struct json_scan){p, "the text ends inside a string", escaped};
        unsigned char c = (unsigned char)*p;
        if (c == '"') return (struct json_scan){p, NULL, escaped};
        if (c == '\\') {
            size_t len = escape_len(p, end);
            if (!len) return (struct json_scan){p, "a backslash that begins no escape", escaped};
            escaped = true;
            p += len;
        } else if (c >= 0x80) {
            p = skip_wide(p, end, &valid);
            if (!valid) return (struct json_scan){p, "bytes that are not UTF-8", escaped};
        } else {
            return (struct json_scan){p, "a control character in a string (write it as an escape, such as \\n)",
                                      escaped};
        }
    }
}

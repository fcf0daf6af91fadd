#include "base/str.h"

#include "base/arena.h"

/* The last bytes, eight at most, of `n` at `p` as one word. Of fewer than eight some
 * stand in it twice: words of equal length are equal where their bytes are. */
static inline uint64_t last_word(const char *p, size_t n)
{
    uint64_t v;
    uint32_t first, last;
    if (n >= 8) {
        memcpy(&v, p + n - 8, 8);
        return v;
    }
    if (n >= 4) {
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        return first | (uint64_t)last << 32;
    }
    return (unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 | (uint64_t)(unsigned char)p[n - 1] << 16;
}

/* Eight bytes in small letters: in each byte the top bits of two sums tell what lies between A and Z. */
static inline uint64_t lower8(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t low = v & ~tops, from_a = low + (0x80 - 'A') * ones, above_z = low + (0x7f - 'Z') * ones;
    return v | (from_a & ~above_z & ~v & tops) >> 2;
}

static inline bool same8(uint64_t a, uint64_t b)
{
    const uint64_t cases = 0x2020202020202020u; /* what a small letter has and its capital lacks */
    return a == b || (((a ^ b) & ~cases) == 0 && lower8(a) == lower8(b));
}

bool str_same_nocase(str a, str b)
{
    for (size_t n = 8; n < a.n; n += 8) {
        if (!same8(last_word(a.p, n), last_word(b.p, n))) return false;
    }
    return same8(last_word(a.p, a.n), last_word(b.p, a.n));
}

int str_cmp(str a, str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order) return order;
    return (a.n > b.n) - (a.n < b.n);
}

size_t str_find(str hay, str needle, size_t from)
{
    if (from > hay.n || hay.n - from < needle.n) return SIZE_MAX;
    if (needle.n == 0) return from;
    const char *hit = memmem(hay.p + from, hay.n - from, needle.p, needle.n);
    return hit ? (size_t)(hit - hay.p) : SIZE_MAX;
}

size_t str_find_byte(str hay, char byte, size_t from)
{
    if (from >= hay.n) return SIZE_MAX;
    const char *hit = memchr(hay.p + from, byte, hay.n - from);
    return hit ? (size_t)(hit - hay.p) : SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str str_trim(str s)
{
    while (s.n && is_blank(s.p[0])) s = str_from_at(s, 1);
    while (s.n && is_blank(s.p[s.n - 1])) s.n--;
    return s;
}

str str_cut(str *rest, char sep)
{
    size_t at = str_find_byte(*rest, sep, 0);
    str part = *rest;
    if (at == SIZE_MAX) {
        *rest = STR_NONE;
        return part;
    }
    part.n = at;
    *rest = (str){rest->p + at + 1, rest->n - at - 1};
    return part;
}

bool str_to_u64(str s, uint64_t *out)
{
    if (s.n == 0 || s.n > 20) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');
        if (digit > 9) return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) return false;
    }
    *out = v;
    return true;
}

bool str_to_i64(str s, int64_t *out)
{
    bool minus = s.n && s.p[0] == '-';
    uint64_t v;
    if (!str_to_u64(minus ? str_from_at(s, 1) : s, &v)) return false;
    if (v > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Linear in practice: on a mismatch only the last `*` is widened. */
bool str_glob(str pattern, str s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;
    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = i;
        } else if (p < pattern.n && pattern.p[p] == s.p[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') p++;
    return p == pattern.n;
}

char *str_dup(str s)
{
    char *copy = mem_alloc(s.n + 1);
    if (s.n) memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

bool str_copy(char *to, size_t size, str s)
{
    size_t n = s.n < size ? s.n : size - 1;
    if (n) memcpy(to, s.p, n);
    to[n] = '\0';
    return n == s.n;
}

/* Numbers as decimal digits: 0.1 is a tenth, and 2^64 + 1 is not 2^64. */
#include "base/schema_inside.h"

enum { DIVISOR_DIGITS_MAX = 18 }; /* so that a remainder, ten times over, fits into 64 bits */

/* Larger exponents are all the same: a text that means them exactly would not fit on this machine. */
#define EXPONENT_MAX INT64_C(1000000000000)

static inline char digit_at(const struct schema_number *n, uint32_t i)
{
    return i < n->count ? n->digits[i + (i >= n->point)] : '0';
}

static int64_t read_exponent(str s)
{
    bool negative = s.n && s.p[0] == '-';
    int64_t e = 0;
    for (size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'); i < s.n && e < EXPONENT_MAX; i++) {
        e = e * 10 + (s.p[i] - '0');
    }
    if (e > EXPONENT_MAX) e = EXPONENT_MAX;
    return negative ? -e : e;
}

struct schema_number schema_number_read(str raw)
{
    struct schema_number n = {.negative = raw.n && raw.p[0] == '-'};
    if (n.negative) raw = str_from_at(raw, 1);
    size_t size = 0, point = 0, first = SIZE_MAX, last = 0, digits = 0, first_digit = 0;
    bool pointed = false;
    for (; size < raw.n && raw.p[size] != 'e' && raw.p[size] != 'E'; size++) {
        if (raw.p[size] == '.') {
            pointed = true;
            point = digits;
            continue;
        }
        if (raw.p[size] != '0') {
            if (first == SIZE_MAX) {
                first = size;
                first_digit = digits;
            }
            last = digits;
        }
        digits++;
    }
    if (first == SIZE_MAX) return (struct schema_number){0};
    if (!pointed) point = digits;
    n.digits = raw.p + first;
    n.count = (uint32_t)(last - first_digit + 1);
    n.point = point > first_digit ? (uint32_t)(point - first_digit) : UINT32_MAX;
    n.top = (int64_t)point - 1 - (int64_t)first_digit + read_exponent(str_from_at(raw, size + 1));
    return n;
}

bool schema_number_is_whole(const struct schema_number *n)
{
    return n->count == 0 || n->top >= (int64_t)n->count - 1;
}

static int cmp_sizes(const struct schema_number *a, const struct schema_number *b)
{
    if (!a->count || !b->count) return (a->count > 0) - (b->count > 0);
    if (a->top != b->top) return a->top < b->top ? -1 : 1;
    uint32_t count = a->count > b->count ? a->count : b->count;
    for (uint32_t i = 0; i < count; i++) {
        int d = digit_at(a, i) - digit_at(b, i);
        if (d) return d;
    }
    return 0;
}

int schema_number_cmp(const struct schema_number *a, const struct schema_number *b)
{
    if (a->negative != b->negative) return a->negative ? -1 : 1; /* zero is never negative */
    return a->negative ? cmp_sizes(b, a) : cmp_sizes(a, b);
}

uint64_t schema_number_hash(const struct schema_number *n)
{
    uint64_t h = (uint64_t)n->top * 31 + n->negative;
    for (uint32_t i = 0; i < n->count; i++) h = h * 1099511628211u + (unsigned char)digit_at(n, i);
    return h;
}

bool schema_number_is_divisor(const struct schema_number *n)
{
    return n->count && !n->negative && n->count <= DIVISOR_DIGITS_MAX;
}

static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t m)
{
    return (uint64_t)((unsigned __int128)a * b % m);
}

static uint64_t ten_to(uint64_t exponent, uint64_t m)
{
    uint64_t r = 1 % m, base = 10 % m;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1) r = mul_mod(r, base, m);
        base = mul_mod(base, base, m);
    }
    return r;
}

/* Both as digits times a power of ten: D·10^d divides N·10^n where n >= d and D divides
 * N·10^(n-d). With n < d it cannot: N would have to end in a zero, which was taken off. */
bool schema_number_divides(const struct schema_number *divisor, const struct schema_number *n)
{
    if (!n->count) return true;
    int64_t shift = (n->top - (int64_t)n->count) - (divisor->top - (int64_t)divisor->count);
    if (shift < 0) return false;
    uint64_t d = 0, rest = 0;
    for (uint32_t i = 0; i < divisor->count; i++) d = d * 10 + (uint64_t)(digit_at(divisor, i) - '0');
    if (!d) return false; /* schema_number_is_divisor() would have said so */
    for (uint32_t i = 0; i < n->count; i++) rest = (rest * 10 + (uint64_t)(digit_at(n, i) - '0')) % d;
    return mul_mod(rest, ten_to((uint64_t)shift, d), d) == 0;
}

bool schema_number_count(const struct schema_number *n, uint32_t *out)
{
    if (n->negative || !schema_number_is_whole(n)) return false;
    *out = n->count ? UINT32_MAX : 0;
    if (n->count == 0 || n->top > 9) return true;
    uint64_t v = 0;
    for (uint32_t i = 0; i <= n->top; i++) v = v * 10 + (uint64_t)(digit_at(n, i) - '0');
    *out = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
    return true;
}

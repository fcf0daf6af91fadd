/* Money is int64_t pico-dollars, 10^-12 US dollars. No floating point.
 * An amount tops out at $9,223,372; sums over many rows are __int128. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/str.h"

typedef int64_t picousd;

#define PICOUSD_PER_USD INT64_C(1000000000000)
#define PICOUSD_MAX     INT64_MAX
/* Room for the longest text of an amount and its NUL. */
#define MONEY_TEXT_MAX 48

/* "12.5", "0.000001", ".5": digits with at most one point; no sign, exponent or blanks.
 * Fails: false when malformed, finer than a pico-dollar, or above the top. */
bool money_parse_usd(str s, picousd *out) MUST_CHECK;
/* US dollars per million units -> pico-dollars per unit: at most six decimals.
 * Fails: as money_parse_usd(). */
bool money_parse_per_million(str s, picousd *out) MUST_CHECK;
/* The exact amount in dollars, without trailing zeros: "0.000123", "-1.5", "0". */
str money_format(__int128 amount, char out[MONEY_TEXT_MAX]);
/* For people: two decimals from a dollar up, else up to `digits` significant ones: "12.35", "0.00123". */
str money_format_short(__int128 amount, char out[MONEY_TEXT_MAX]);

/* *out = price x count, rounded to nothing: both are whole. Fails: false on overflow. */
static inline bool money_mul(picousd price, int64_t count, picousd *out)
{
    return !__builtin_mul_overflow(price, count, out);
}

static inline bool money_add(picousd a, picousd b, picousd *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* a + b, stopped at the top instead of wrapping. For bounds, never for costs. */
static inline picousd money_add_sat(picousd a, picousd b)
{
    picousd sum;
    return __builtin_add_overflow(a, b, &sum) ? PICOUSD_MAX : sum;
}

static inline picousd money_mul_sat(picousd price, int64_t count)
{
    picousd product;
    return __builtin_mul_overflow(price, count, &product) ? PICOUSD_MAX : product;
}

#endif

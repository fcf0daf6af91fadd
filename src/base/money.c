#include "base/money.h"

/* Reads a decimal number as a whole count of 10^-places. */
static bool parse_scaled(str s, int places, int64_t *out)
{
    int64_t value = 0;
    int decimals = -1; /* digits seen behind the point; -1 before it */
    size_t digits = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9') return false;
        digits++;
        if (decimals >= places) {
            if (c != '0') return false; /* finer than what is counted */
            continue;
        }
        if (decimals >= 0) decimals++;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, c - '0', &value)) return false;
    }
    if (!digits) return false;
    for (int i = decimals < 0 ? 0 : decimals; i < places; i++) {
        if (__builtin_mul_overflow(value, 10, &value)) return false;
    }
    *out = value;
    return true;
}

bool money_parse_usd(str s, picousd *out)
{
    return parse_scaled(s, 12, out);
}

bool money_parse_per_million(str s, picousd *out)
{
    return parse_scaled(s, 6, out);
}

str money_format(__int128 amount, char out[MONEY_TEXT_MAX])
{
    bool minus = amount < 0;
    unsigned __int128 v = minus ? -(unsigned __int128)amount : (unsigned __int128)amount;
    uint64_t fraction = (uint64_t)(v % PICOUSD_PER_USD);
    v /= PICOUSD_PER_USD;
    char reversed[MONEY_TEXT_MAX];
    size_t digits = 0, n = 0;
    if (v <= UINT64_MAX) { /* nearly always: no 128-bit divisions */
        uint64_t small = (uint64_t)v;
        do reversed[digits++] = (char)('0' + small % 10);
        while (small /= 10);
    } else {
        do reversed[digits++] = (char)('0' + (int)(v % 10));
        while (v /= 10);
    }
    if (minus) out[n++] = '-';
    while (digits) out[n++] = reversed[--digits];
    if (fraction) {
        out[n++] = '.';
        int places = 12;
        for (; fraction % 10 == 0; places--) fraction /= 10;
        for (int i = places - 1; i >= 0; i--, fraction /= 10) out[n + (size_t)i] = (char)('0' + fraction % 10);
        n += (size_t)places;
    }
    out[n] = '\0';
    return str_of(out, n);
}

str money_format_short(__int128 amount, char out[MONEY_TEXT_MAX])
{
    bool minus = amount < 0;
    unsigned __int128 v = minus ? -(unsigned __int128)amount : (unsigned __int128)amount;
    int keep = 2; /* decimals */
    if (v && v < PICOUSD_PER_USD) {
        unsigned __int128 top = PICOUSD_PER_USD;
        for (keep = 2; v * 10 < top; top /= 10) keep++;
        if (keep > 12) keep = 12;
    }
    unsigned __int128 unit = 1;
    for (int i = keep; i < 12; i++) unit *= 10;
    v = (v + unit / 2) / unit * unit; /* round half up */
    str s = money_format(minus ? -(__int128)v : (__int128)v, out);
    size_t n = s.n, point = str_find_byte(s, '.', 0);
    if (point == SIZE_MAX) {
        point = n;
        out[n++] = '.';
    }
    while (n - point - 1 < 2) out[n++] = '0';
    out[n] = '\0';
    return str_of(out, n);
}

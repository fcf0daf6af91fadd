/* The dates of HTTP (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". Its two obsolete
 * forms are not read: no provider has been seen to write them. */
#include "base/time.h"

static bool two_digits(str s, size_t at, int *out)
{
    char a = s.p[at], b = s.p[at + 1];
    *out = (a - '0') * 10 + (b - '0');
    return a >= '0' && a <= '9' && b >= '0' && b <= '9';
}

static bool month_of(str name, int *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        *out = i + 1;
        if (memcmp(names + 3 * (size_t)i, name.p, 3) == 0) return true;
    }
    return false;
}

bool time_parse_http(str s, int64_t *at_us)
{
    int day, month, century, year, hour, minute, second;
    if (s.n != sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1 || !str_ends(s, S(" GMT"))) return false;
    if (s.p[3] != ',' || s.p[19] != ':' || s.p[22] != ':') return false;
    if (!two_digits(s, 5, &day) || !month_of(str_from_at(s, 8), &month) || !two_digits(s, 12, &century) ||
        !two_digits(s, 14, &year) || !two_digits(s, 17, &hour) || !two_digits(s, 20, &minute) ||
        !two_digits(s, 23, &second))
        return false;
    if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return false;
    *at_us = time_from_civil(century * 100 + year, month, day, hour, minute, second);
    return true;
}

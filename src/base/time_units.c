/* Quantities with units, as people write them in settings: "2.5s", "64KiB". */
#include "base/text.h"
#include "base/time.h"

struct unit_row {
    str name;
    int64_t scale;
};

static const struct unit_row duration_units[] = {
    {STR_INIT("us"), 1},
    {STR_INIT("ms"), US_PER_MS},
    {STR_INIT("s"), US_PER_SECOND},
    {STR_INIT("m"), US_PER_MINUTE},
    {STR_INIT("h"), US_PER_HOUR},
    {STR_INIT("d"), US_PER_DAY},
    {STR_INIT("w"), 7 * US_PER_DAY},
};

#define KIB INT64_C(1024)

static const struct unit_row size_units[] = {
    {STR_INIT(""), 1},
    {STR_INIT("B"), 1},
    {STR_INIT("K"), KIB},
    {STR_INIT("KB"), KIB},
    {STR_INIT("KiB"), KIB},
    {STR_INIT("M"), KIB *KIB},
    {STR_INIT("MB"), KIB *KIB},
    {STR_INIT("MiB"), KIB *KIB},
    {STR_INIT("G"), KIB *KIB *KIB},
    {STR_INIT("GB"), KIB *KIB *KIB},
    {STR_INIT("GiB"), KIB *KIB *KIB},
    {STR_INIT("T"), KIB *KIB *KIB *KIB},
    {STR_INIT("TB"), KIB *KIB *KIB *KIB},
    {STR_INIT("TiB"), KIB *KIB *KIB *KIB},
};

/* A decimal number at the head of `*s` as digits / divisor: "2.50" is 250 / 100. */
static bool take_decimal(str *s, int64_t *digits, int64_t *divisor)
{
    bool point = false;
    size_t i = 0, seen = 0, behind = 0;
    *digits = 0;
    *divisor = 1;
    for (; i < s->n; i++) {
        char c = s->p[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        seen++;
        if (__builtin_mul_overflow(*digits, 10, digits) || __builtin_add_overflow(*digits, c - '0', digits))
            return false;
        if (!point) continue;
        behind++;
        if (__builtin_mul_overflow(*divisor, 10, divisor)) return false;
    }
    *s = str_from_at(*s, i);
    return seen > behind && (!point || behind); /* a digit on either side of the point */
}

/* A number and one of `units`; what is no whole count of the smallest unit is refused. */
static bool parse_quantity(str s, const struct unit_row *units, size_t count, bool (*same)(str, str), int64_t *out)
{
    int64_t digits, divisor;
    if (!s.n || !take_decimal(&s, &digits, &divisor)) return false;
    for (size_t i = 0; i < count; i++) {
        if (!same(units[i].name, s)) continue;
        __int128 scaled = (__int128)digits * units[i].scale;
        if (scaled % divisor || scaled / divisor > INT64_MAX) return false;
        *out = (int64_t)(scaled / divisor);
        return true;
    }
    return false;
}

static bool same_case(str a, str b)
{
    return str_eq(a, b);
}

bool time_parse_duration(str s, int64_t *us)
{
    if (str_eq(s, S("0"))) { /* the only number that needs no unit */
        *us = 0;
        return true;
    }
    return parse_quantity(s, duration_units, COUNT_OF(duration_units), same_case, us);
}

bool size_parse(str s, int64_t *bytes)
{
    return parse_quantity(s, size_units, COUNT_OF(size_units), str_eq_nocase, bytes);
}

/* Below a minute a decimal is easier to read than a long count. */
static const struct unit_row *natural_unit(uint64_t us)
{
    enum { US, MS, SECOND, MINUTE, HOUR, DAY };
    if (us == 0) return &duration_units[SECOND];
    if (us < US_PER_MS) return &duration_units[US];
    if (us < US_PER_SECOND) return &duration_units[MS];
    for (int i = DAY; i > SECOND; i--) {
        if (us % (uint64_t)duration_units[i].scale == 0) return &duration_units[i];
    }
    return &duration_units[SECOND];
}

str time_format_duration(int64_t us, char out[40])
{
    uint64_t v = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    const struct unit_row *unit = natural_unit(v);
    uint64_t scale = (uint64_t)unit->scale, rest = v % scale;
    size_t n = 0;
    if (us < 0) out[n++] = '-';
    n += text_u64(out + n, v / scale);
    if (rest) out[n++] = '.';
    for (; rest; rest = rest * 10 % scale) out[n++] = (char)('0' + rest * 10 / scale);
    memcpy(out + n, unit->name.p, unit->name.n + 1); /* with its NUL */
    return str_of(out, n + unit->name.n);
}

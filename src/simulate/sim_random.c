#include "simulate/sim_random.h"

#include "base/time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A plain decimal such as "80" or "0.5". */
static bool parse_number(str s, double *out)
{
    char text[32];
    if (s.n == 0 || !str_copy(text, sizeof text, s)) return false;
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.') return false;
    }
    char *end;
    *out = strtod(text, &end);
    return end == text + s.n && *out <= DIST_MAX;
}

static bool parse_count(str s, double *out)
{
    uint64_t count;
    if (!str_to_u64(s, &count) || (double)count > DIST_MAX) return false;
    *out = (double)count;
    return true;
}

static bool parse_us(str s, double *out)
{
    int64_t us;
    if (!time_parse_duration(s, &us) || us < 0 || (double)us > DIST_MAX) return false;
    *out = (double)us;
    return true;
}

static bool parse_dist(str s, bool (*value)(str, double *), struct dist *out)
{
    size_t dots = str_find(s, S(".."), 0);
    if (dots != SIZE_MAX) {
        out->kind = DIST_UNIFORM;
        return value(str_head(s, dots), &out->a) && value(str_from_at(s, dots + 2), &out->b) && out->a <= out->b;
    }
    size_t colon = str_find_byte(s, ':', 0);
    if (colon == SIZE_MAX) {
        out->kind = DIST_FIXED;
        return value(s, &out->a);
    }
    str name = str_head(s, colon), args = str_from_at(s, colon + 1);
    if (str_eq(name, S("fixed"))) {
        out->kind = DIST_FIXED;
        return value(args, &out->a);
    }
    if (str_eq(name, S("exponential"))) {
        out->kind = DIST_EXPONENTIAL;
        return value(args, &out->a);
    }
    str first = str_cut(&args, ',');
    if (str_eq(name, S("uniform"))) {
        out->kind = DIST_UNIFORM;
        return value(first, &out->a) && value(args, &out->b) && out->a <= out->b;
    }
    out->kind = DIST_LOGNORMAL;
    return str_eq(name, S("lognormal")) && value(first, &out->a) && parse_number(args, &out->b) && out->b <= 10;
}

bool dist_parse_count(str s, struct dist *out)
{
    *out = (struct dist){0};
    return parse_dist(s, parse_count, out);
}

bool dist_parse_duration(str s, struct dist *out)
{
    *out = (struct dist){0};
    return parse_dist(s, parse_us, out);
}

/* Standard normal. Source: Box and Muller, 1958. */
static double draw_normal(struct rng *r)
{
    double u = 1.0 - rng_unit(r); /* (0, 1]: its logarithm is finite */
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * rng_unit(r));
}

int64_t dist_draw(const struct dist *d, struct rng *r)
{
    double v = d->a;
    switch (d->kind) {
    case DIST_FIXED:
        break;
    case DIST_UNIFORM:
        return (int64_t)d->a + (int64_t)rng_below(r, (uint64_t)(d->b - d->a) + 1);
    case DIST_LOGNORMAL:
        v = d->a * exp(d->b * draw_normal(r));
        break;
    case DIST_EXPONENTIAL:
        v = -d->a * log(1.0 - rng_unit(r));
        break;
    }
    return (int64_t)(v < DIST_MAX ? v + 0.5 : DIST_MAX);
}

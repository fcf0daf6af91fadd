#include "plan/ratio.h"

#include <math.h>

/* Of the normal distribution, 97.5 % lie below. */
static const double z95 = 1.959963984540054;

void ratio_add(struct ratio *r, picousd cost, uint64_t successes)
{
    long double c = (long double)cost, s = (long double)successes;
    r->units++;
    r->successes += successes;
    r->cost_picousd += cost;
    r->cost_squares += c * c;
    r->success_squares += s * s;
    r->products += c * s;
}

void ratio_merge(struct ratio *to, const struct ratio *from)
{
    to->units += from->units;
    to->successes += from->successes;
    to->cost_picousd += from->cost_picousd;
    to->cost_squares += from->cost_squares;
    to->success_squares += from->success_squares;
    to->products += from->products;
}

struct ratio_cost ratio_cost_each(const struct ratio *r)
{
    struct ratio_cost out = {0};
    if (!r->successes) return out;
    long double n = (long double)r->units, successes = (long double)r->successes;
    long double each = (long double)r->cost_picousd / successes;
    out.known = true;
    out.each_picousd = out.low_picousd = out.high_picousd =
        (r->cost_picousd + (__int128)(r->successes / 2)) / (__int128)r->successes;
    if (r->units < 2) return out;
    out.bounded = true;
    /* of cost less its successes' share: the sum of squares of what is left of each unit */
    long double left = r->cost_squares - 2 * each * r->products + each * each * r->success_squares;
    if (left <= 0 || each <= 0) return out;
    long double error = sqrtl(left * n / (n - 1)) / successes, wide = expl(z95 * error / each);
    out.low_picousd = (__int128)roundl(each / wide);
    out.high_picousd = (__int128)fminl(roundl(each * wide), 1e37L); /* of two units it may be anything */
    return out;
}

struct ratio_share ratio_share(uint64_t part, uint64_t of)
{
    if (!of) return (struct ratio_share){0, 0, 1};
    double n = (double)of, p = (double)part / n, zz = z95 * z95 / n;
    double middle = (p + zz / 2) / (1 + zz), half = z95 * sqrt(p * (1 - p) / n + zz / (4 * n)) / (1 + zz);
    return (struct ratio_share){p, fmax(middle - half, 0), fmin(middle + half, 1)};
}

/* Choosing among the rows of a price_set. */
#ifndef PRICE_SET_H
#define PRICE_SET_H

#include "price/price.h"

/* The rows of a set that are in force: own prices hide the book's. Borrows from `set`. */
struct price_rows {
    const struct price *const *rows;
    size_t count;
    int64_t at_us;
};

struct price_rows price_rows_at(const struct price_set *set, int64_t at_us);

static inline bool price_is_valid(const struct price *p, int64_t at_us)
{
    return p->from_us <= at_us && at_us < p->until_us;
}

/* A unit's figure, its own or that of what it is a part of; PRICE_UNSET when there
 * is none: then it costs nothing if it is no token, and is unpriced if it is one. */
picousd price_unit(const struct price *p, enum unit u);

#endif

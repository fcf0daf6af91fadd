/* Columns of a table for people: which of them a terminal has room for, and the rule below their titles. */
#ifndef BASE_COLUMNS_H
#define BASE_COLUMNS_H

#include "base/buf.h"

enum { COLUMNS_GAP = 2 }; /* spaces between two columns */

struct columns_column {
    size_t width;    /* columns of the terminal */
    unsigned leaves; /* the highest leaves first where there is no room; 0: it stays, whatever happens */
    bool left_out;   /* columns_fit() says so */
};

/* Leaves columns out until the others fit into `width`, or none may leave. 0: there is room for all. Returns how many
 * were left out. */
size_t columns_fit(struct columns_column *columns, size_t count, size_t width);
/* "-----  ---" and a line feed, of those that are not left out. */
void columns_rule(const struct columns_column *columns, size_t count, struct buf *out);

#endif

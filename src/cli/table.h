/* A table for people (aligned, colours where the terminal takes them) and for
 * programs (CSV, JSON), filled cell by cell. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/buf.h"
#include "cli/options.h"

struct table_column {
    const char *title; /* above the column */
    const char *key;   /* in JSON and CSV: "cost_picousd" */
    bool right;        /* numbers: aligned at the right */
    bool number;       /* its raw cells are JSON values (numbers, true, null), not strings */
    unsigned leaves;   /* where the terminal is too narrow: see columns.h */
};

enum { TABLE_COLUMNS_MAX = 64 };

struct table_cell {
    uint32_t at, n;         /* as shown */
    uint32_t raw_at, raw_n; /* for programs */
};

struct table {
    const struct table_column *columns; /* borrowed */
    size_t column_count;
    struct buf text; /* of all cells */
    struct table_cell *cells;
    size_t cell_count, cell_cap;
    size_t total_from; /* first cell of the total line, SIZE_MAX: none */
};

/* Owns: table_free(). */
void table_init(struct table *t, const struct table_column *columns, size_t count);
void table_free(struct table *t);
void table_clear(struct table *t); /* no row is in it any more */
/* The next cell, row by row. Copies. */
void table_add(struct table *t, str cell);
void table_addf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* People see `shown`, programs read `raw`. */
void table_add_both(struct table *t, str shown, str raw);
/* The row that begins with the next cell is the total: set apart for people,
 * left out for programs. */
void table_total(struct table *t);

struct table_paper {
    bool colour;
    size_t width; /* of the terminal; 0: there is no end to it */
};

/* JSON is an array of objects. */
void table_write(const struct table *t, enum output_format format, const struct table_paper *paper, struct buf *out);
/* The same onto a stream, with colours where it takes them, as wide as it is. */
void table_print(const struct table *t, enum output_format format, FILE *out);
/* As table_print(), JSON as {"rows": [...]}. */
void table_print_rows(const struct table *t, enum output_format format, FILE *out);

#endif

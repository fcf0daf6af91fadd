#include "cli/table.h"

#include "base/arena.h"
#include "base/columns.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

void table_init(struct table *t, const struct table_column *columns, size_t count)
{
    *t = (struct table){.columns = columns, .column_count = count, .total_from = SIZE_MAX};
    buf_init(&t->text, 0);
}

void table_free(struct table *t)
{
    buf_free(&t->text);
    free(t->cells);
    t->cells = NULL;
    t->cell_count = t->cell_cap = 0;
}

void table_clear(struct table *t)
{
    buf_clear(&t->text);
    t->cell_count = 0;
    t->total_from = SIZE_MAX;
}

void table_add_both(struct table *t, str shown, str raw)
{
    if (t->cell_count == t->cell_cap) {
        t->cell_cap = t->cell_cap ? t->cell_cap * 2 : 64;
        t->cells = mem_realloc(t->cells, t->cell_cap * sizeof(*t->cells));
    }
    struct table_cell *cell = &t->cells[t->cell_count++];
    cell->at = (uint32_t)t->text.n;
    /* A name that somebody else chose must not steer the terminal. */
    buf_add_shown(&t->text, shown);
    cell->n = (uint32_t)t->text.n - cell->at;
    cell->raw_at = (uint32_t)t->text.n;
    cell->raw_n = (uint32_t)raw.n;
    buf_add(&t->text, raw);
}

void table_add(struct table *t, str cell)
{
    table_add_both(t, cell, cell);
}

void table_addf(struct table *t, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    table_add(t, str_of(text, len));
}

void table_total(struct table *t)
{
    t->total_from = t->cell_count;
}

static str shown(const struct table *t, size_t i)
{
    return str_of(t->text.p + t->cells[i].at, t->cells[i].n);
}

static str raw(const struct table *t, size_t i)
{
    return str_of(t->text.p + t->cells[i].raw_at, t->cells[i].raw_n);
}

static size_t columns_of(const struct table *t)
{
    assert(t->column_count >= 1 && t->column_count <= TABLE_COLUMNS_MAX);
    return t->column_count;
}

static void measure(const struct table *t, struct columns_column *columns, size_t count)
{
    for (size_t c = 0; c < count; c++) {
        columns[c].width = utf8_width(str_from(t->columns[c].title));
        columns[c].leaves = t->columns[c].leaves;
    }
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t width = utf8_width(shown(t, i));
        if (width > columns[i % count].width) columns[i % count].width = width;
    }
}

/* `last`: of the columns that are not left out; nothing is to be padded behind it. */
static void add_cell(const struct table *t, size_t c, str s, const struct columns_column *columns, size_t last,
                     struct buf *out)
{
    size_t own = utf8_width(s);
    int gap = columns[c].width > own ? (int)(columns[c].width - own) : 0;
    bool right = t->columns[c].right;
    if (columns[c].left_out) return;
    if (c) buf_printf(out, "%*s", COLUMNS_GAP, "");
    if (right) buf_printf(out, "%*s", gap, "");
    buf_add(out, s);
    if (!right && c != last) buf_printf(out, "%*s", gap, "");
}

static void write_left_out(const struct table *t, const struct columns_column *columns, size_t count, struct buf *out)
{
    const char *between = "left out in so narrow a terminal: ";
    for (size_t c = 0; c < count; c++) {
        if (!columns[c].left_out) continue;
        buf_printf(out, "%s%s", between, t->columns[c].title);
        between = ", ";
    }
    buf_add(out, S(" (--format csv has all)\n"));
}

static void write_table(const struct table *t, const struct table_paper *paper, struct buf *out)
{
    struct columns_column columns[TABLE_COLUMNS_MAX] = {{0}};
    size_t count = columns_of(t), last = count - 1;
    measure(t, columns, count);
    size_t left_out = columns_fit(columns, count, paper->width);
    while (columns[last].left_out) last--;
    if (paper->colour) buf_add(out, S("\033[1m"));
    for (size_t c = 0; c <= last; c++) add_cell(t, c, str_from(t->columns[c].title), columns, last, out);
    if (paper->colour) buf_add(out, S("\033[0m"));
    buf_add_byte(out, '\n');
    columns_rule(columns, count, out);
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t c = i % count;
        if (i == t->total_from) columns_rule(columns, count, out);
        if (paper->colour && i == t->total_from) buf_add(out, S("\033[1m"));
        add_cell(t, c, shown(t, i), columns, last, out);
        if (c + 1 < count) continue;
        if (paper->colour && i >= t->total_from) buf_add(out, S("\033[0m"));
        buf_add_byte(out, '\n');
    }
    if (left_out) write_left_out(t, columns, count, out);
}

/* Cells before the total line. */
static size_t body_cells(const struct table *t)
{
    return t->total_from < t->cell_count ? t->total_from : t->cell_count;
}

static void write_csv(const struct table *t, struct buf *out)
{
    size_t count = columns_of(t);
    for (size_t c = 0; c < count; c++) {
        buf_add_csv(out, str_from(t->columns[c].key));
        buf_add_byte(out, c + 1 < count ? ',' : '\n');
    }
    for (size_t i = 0; i < body_cells(t); i++) {
        buf_add_csv_cell(out, raw(t, i));
        buf_add_byte(out, (i + 1) % count ? ',' : '\n');
    }
}

static void write_json(const struct table *t, struct buf *out)
{
    size_t count = columns_of(t);
    buf_add_byte(out, '[');
    for (size_t i = 0; i < body_cells(t); i++) {
        const struct table_column *column = &t->columns[i % count];
        if (i % count == 0)
            buf_add(out, i ? S(",\n {") : S("{"));
        else
            buf_add(out, S(", "));
        buf_add_json(out, str_from(column->key));
        buf_add(out, S(": "));
        str value = raw(t, i);
        if (!column->number)
            buf_add_json(out, value);
        else
            buf_add(out, value.n ? value : S("null"));
        if (i % count == count - 1) buf_add_byte(out, '}');
    }
    buf_add(out, S("]\n"));
}

void table_write(const struct table *t, enum output_format format, const struct table_paper *paper, struct buf *out)
{
    switch (format) {
    case OUTPUT_TABLE:
        write_table(t, paper, out);
        break;
    case OUTPUT_CSV:
        write_csv(t, out);
        break;
    case OUTPUT_JSON:
        write_json(t, out);
        break;
    }
}

void table_print(const struct table *t, enum output_format format, FILE *out)
{
    struct buf text;
    buf_init(&text, 0);
    table_write(t, format, &(struct table_paper){colour_wanted(out), terminal_width(out)}, &text);
    fwrite(text.p, 1, text.n, out);
    buf_free(&text);
}

void table_print_rows(const struct table *t, enum output_format format, FILE *out)
{
    if (format == OUTPUT_JSON) fputs("{\"rows\": ", out);
    table_print(t, format, out);
    if (format == OUTPUT_JSON) fputs("}\n", out);
}

#include "cli/table.h"

#include "base/arena.h"
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

static void add_padded(struct buf *out, str s, size_t width, bool right, bool last)
{
    size_t own = utf8_width(s), gap = width > own ? width - own : 0;
    if (right) buf_printf(out, "%*s", (int)gap, "");
    buf_add(out, s);
    if (!right && !last) buf_printf(out, "%*s", (int)gap, "");
}

static void add_line(struct buf *out, const size_t *widths, size_t count)
{
    for (size_t c = 0; c < count; c++) {
        if (c) buf_add(out, S("  "));
        for (size_t i = 0; i < widths[c]; i++) buf_add_byte(out, '-');
    }
    buf_add_byte(out, '\n');
}

static size_t columns_of(const struct table *t)
{
    assert(t->column_count >= 1 && t->column_count <= TABLE_COLUMNS_MAX);
    return t->column_count;
}

static void write_table(const struct table *t, bool colour, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0}, count = columns_of(t);
    for (size_t c = 0; c < count; c++) widths[c] = utf8_width(str_from(t->columns[c].title));
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t w = utf8_width(shown(t, i));
        if (w > widths[i % count]) widths[i % count] = w;
    }
    if (colour) buf_add(out, S("\033[1m"));
    for (size_t c = 0; c < count; c++) {
        if (c) buf_add(out, S("  "));
        add_padded(out, str_from(t->columns[c].title), widths[c], t->columns[c].right, c + 1 == count);
    }
    if (colour) buf_add(out, S("\033[0m"));
    buf_add_byte(out, '\n');
    add_line(out, widths, count);
    for (size_t i = 0; i < t->cell_count; i++) {
        size_t c = i % count;
        if (i == t->total_from) add_line(out, widths, count);
        if (colour && i == t->total_from) buf_add(out, S("\033[1m"));
        if (c) buf_add(out, S("  "));
        add_padded(out, shown(t, i), widths[c], t->columns[c].right, c + 1 == count);
        if (c + 1 < count) continue;
        if (colour && i >= t->total_from) buf_add(out, S("\033[0m"));
        buf_add_byte(out, '\n');
    }
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

void table_write(const struct table *t, enum output_format format, bool colour, struct buf *out)
{
    switch (format) {
    case OUTPUT_TABLE:
        write_table(t, colour, out);
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
    table_write(t, format, colour_wanted(out), &text);
    fwrite(text.p, 1, text.n, out);
    buf_free(&text);
}

void table_print_rows(const struct table *t, enum output_format format, FILE *out)
{
    if (format == OUTPUT_JSON) fputs("{\"rows\": ", out);
    table_print(t, format, out);
    if (format == OUTPUT_JSON) fputs("}\n", out);
}

#include "base/columns.h"

static size_t width_of(const struct columns_column *columns, size_t count)
{
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        if (columns[i].left_out) continue;
        width += columns[i].width + (width ? COLUMNS_GAP : 0);
    }
    return width;
}

/* Of those that leave at the same time the last goes first. NULL: none may. */
static struct columns_column *next_to_leave(struct columns_column *columns, size_t count)
{
    struct columns_column *next = NULL;
    for (size_t i = 0; i < count; i++) {
        struct columns_column *c = &columns[i];
        if (!c->left_out && c->leaves && (!next || c->leaves >= next->leaves)) next = c;
    }
    return next;
}

size_t columns_fit(struct columns_column *columns, size_t count, size_t width)
{
    size_t left_out = 0;
    struct columns_column *next;
    while (width && width_of(columns, count) > width && (next = next_to_leave(columns, count))) {
        next->left_out = true;
        left_out++;
    }
    return left_out;
}

void columns_rule(const struct columns_column *columns, size_t count, struct buf *out)
{
    bool any = false;
    for (size_t c = 0; c < count; c++) {
        if (columns[c].left_out) continue;
        if (any) buf_printf(out, "%*s", COLUMNS_GAP, "");
        for (size_t i = 0; i < columns[c].width; i++) buf_add_byte(out, '-');
        any = true;
    }
    buf_add_byte(out, '\n');
}

#include "ledger/report_lines.h"

#include "base/err.h"
#include "base/usage.h"
#include "ledger/row.h"

#include <stdlib.h>

enum { LINES_MAX = 1000000, SLOTS_LEAST = 1024 };

struct cell {
    uint32_t line, step;
    struct series_sums sums;
};

struct lines {
    struct lines_form *form;
    struct name_table table; /* of struct line_rank */
    struct cell *cells;
    size_t cell_count, cell_cap, cell_slot_count;
    uint32_t *cell_slots; /* a cell's place, and one */
    struct series_sums *totals;
};

static struct line_rank *line_at(const struct lines *l, size_t i)
{
    return name_table_at(&l->table, i);
}

/* Its place, and one; 0: there is none, or no room for it. */
static uint32_t find_line(struct lines *l, str name, bool make)
{
    size_t line = name_table_find(&l->table, name, make);
    if (!line && make) atomic_store(&l->form->full, true);
    return (uint32_t)line;
}

/* ---- cells */

static void drop_cells(struct lines *l)
{
    free(l->cells);
    free(l->cell_slots);
    l->cells = NULL;
    l->cell_slots = NULL;
    l->cell_count = l->cell_cap = l->cell_slot_count = 0;
}

static uint32_t *cell_slot(const struct lines *l, uint32_t line, uint32_t step)
{
    uint64_t hash = ((uint64_t)line << 32 | step) * UINT64_C(0x9e3779b97f4a7c15);
    size_t mask = l->cell_slot_count - 1, at = (hash >> 32) & mask;
    for (; l->cell_slots[at]; at = (at + 1) & mask) {
        const struct cell *c = &l->cells[l->cell_slots[at] - 1];
        if (c->line == line && c->step == step) break;
    }
    return &l->cell_slots[at];
}

static void grow_cells(struct lines *l)
{
    l->cell_cap = l->cell_cap ? l->cell_cap * 2 : SLOTS_LEAST;
    if (l->cell_cap > l->form->cells_max) l->cell_cap = l->form->cells_max;
    l->cells = mem_realloc(l->cells, l->cell_cap * sizeof(*l->cells));
    for (l->cell_slot_count = SLOTS_LEAST; l->cell_slot_count < 2 * l->cell_cap;) l->cell_slot_count *= 2;
    free(l->cell_slots);
    l->cell_slots = mem_zalloc(l->cell_slot_count * sizeof(*l->cell_slots));
    for (size_t i = 0; i < l->cell_count; i++) *cell_slot(l, l->cells[i].line, l->cells[i].step) = (uint32_t)i + 1;
}

/* NULL: there are too many, or none any more. */
static struct series_sums *find_cell(struct lines *l, uint32_t line, uint32_t step)
{
    struct line_rank *of = line_at(l, line);
    if (atomic_load_explicit(&l->form->crowded, memory_order_relaxed)) {
        if (l->cells) drop_cells(l);
        return NULL;
    }
    if (l->cells && of->cell && l->cells[of->cell - 1].step == step)
        return &l->cells[of->cell - 1].sums; /* rows come as time goes */
    if (!l->cells || (l->cell_count == l->cell_cap && l->cell_cap < l->form->cells_max)) grow_cells(l);
    uint32_t *slot = cell_slot(l, line, step);
    if (!*slot) {
        if (l->cell_count == l->cell_cap) {
            atomic_store(&l->form->crowded, true);
            drop_cells(l);
            return NULL;
        }
        l->cells[l->cell_count++] = (struct cell){.line = line, .step = step};
        *slot = (uint32_t)l->cell_count;
    }
    of->cell = *slot;
    return &l->cells[of->cell - 1].sums;
}

/* ---- rows */

static str text_of(sqlite3_value *v)
{
    const char *text = (const char *)sqlite3_value_text(v);
    return str_of(text, (size_t)sqlite3_value_bytes(v));
}

/* As ledger/rollup.c sums it. What an unpriced row cost is returned. */
static int64_t read_sums(sqlite3_value **row, struct series_sums *sums)
{
    enum { AT, VALUE, NUMBER, STATUS, STATE, COST, SAVED, WASTED };
    bool priced = !str_eq(text_of(row[STATE]), cost_state_name(COST_UNPRICED));
    int64_t posted = sqlite3_value_int64(row[COST]), cost = priced ? posted : 0;
    sums->of[SERIES_calls] = sqlite3_value_int64(row[NUMBER]) == 1;
    sums->of[SERIES_attempts] = 1;
    sums->of[SERIES_errors] = !str_eq(text_of(row[STATUS]), err_info(ERR_NONE)->name);
    sums->of[SERIES_cost] = cost;
    sums->of[SERIES_wasted_cost] = sqlite3_value_int64(row[WASTED]) ? cost : 0;
    sums->of[SERIES_saved_cost] = sqlite3_value_int64(row[SAVED]);
    return priced ? 0 : posted;
}

static void add(struct series_sums *to, const struct series_sums *more)
{
    for (int i = 0; i < SERIES_SUM_COUNT; i++) to->of[i] += more->of[i];
}

bool lines_add_row(struct lines *l, sqlite3_value **row)
{
    const struct lines_form *f = l->form;
    struct series_sums sums;
    int64_t at_us = sqlite3_value_int64(row[0]);
    uint64_t step = at_us < f->from_us ? UINT64_MAX : (uint64_t)(at_us - f->from_us) / (uint64_t)f->step_us;
    int64_t unpriced_cost = read_sums(row, &sums);
    uint32_t line = find_line(l, text_of(row[1]), !f->only);
    if (!line && !f->only) return false;
    if (line) {
        struct line_rank *rank = line_at(l, line - 1);
        rank->cost += sums.of[SERIES_cost];
        rank->attempts++;
        rank->unpriced_cost += unpriced_cost;
    }
    if (step >= f->steps) return true;
    add(&l->totals[step], &sums);
    struct series_sums *cell = line ? find_cell(l, line - 1, (uint32_t)step) : NULL;
    if (cell) add(cell, &sums);
    return true;
}

bool lines_add_rank(struct lines *l, const struct line_rank *more)
{
    uint32_t line = find_line(l, more->head.name, true);
    if (!line) return false;
    struct line_rank *sum = line_at(l, line - 1);
    sum->cost += more->cost;
    sum->unpriced_cost += more->unpriced_cost;
    sum->attempts += more->attempts;
    return true;
}

bool lines_has(struct lines *l, str name)
{
    return find_line(l, name, false) != 0;
}

bool lines_merge(struct lines *to, struct lines *from)
{
    if (!to->table.count) { /* as they are: nothing came before */
        struct lines none = *to;
        *to = *from;
        *from = none;
        return true;
    }
    for (size_t i = 0; i < to->form->steps; i++) add(&to->totals[i], &from->totals[i]);
    for (size_t i = 0; i < from->table.count; i++)
        if (!lines_add_rank(to, line_at(from, i))) return false;
    for (size_t i = 0; i < from->cell_count; i++) {
        const struct cell *c = &from->cells[i];
        uint32_t line = find_line(to, line_at(from, c->line)->head.name, true);
        struct series_sums *cell = line ? find_cell(to, line - 1, c->step) : NULL;
        if (cell) add(cell, &c->sums);
    }
    return true;
}

/* ---- reading */

size_t lines_count(const struct lines *l)
{
    return l->table.count;
}

const struct line_rank *lines_at(const struct lines *l, size_t i)
{
    return line_at(l, i);
}

const struct series_sums *lines_totals(const struct lines *l)
{
    return l->totals;
}

void lines_take(const struct lines *l, size_t line, struct series_sums *at)
{
    for (size_t i = 0; i < l->cell_count; i++)
        if (l->cells[i].line == line) add(&at[l->cells[i].step], &l->cells[i].sums);
}

/* ---- life */

struct lines *lines_new(struct lines_form *form)
{
    struct lines *l = mem_zalloc(sizeof(*l));
    l->form = form;
    l->totals = mem_zalloc((form->steps + 1) * sizeof(*l->totals));
    name_table_init(&l->table, form->secret, sizeof(struct line_rank), form->most ? form->most : LINES_MAX);
    for (size_t i = 0; i < form->only_count; i++) (void)find_line(l, form->only[i], true);
    return l;
}

void lines_drop(struct lines *l)
{
    if (!l) return;
    name_table_free(&l->table);
    drop_cells(l);
    free(l->totals);
    free(l);
}

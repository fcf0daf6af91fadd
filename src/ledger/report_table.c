/* A report for people: aligned, short numbers, money in dollars, and no column
 * that would hold nothing. */
#include "base/columns.h"
#include "base/money.h"
#include "base/time.h"
#include "base/utf8.h"
#include "ledger/report_inside.h"

#include <stdlib.h>

enum cell_kind {
    CELL_COUNT,
    CELL_MONEY,
    CELL_LATENCY,
    CELL_FIRST_TOKEN,
    CELL_RATE,
    CELL_BAR,
    CELL_AMPLIFIED,
    /* of a ladder's rungs */
    CELL_REACHED,
    CELL_ACCEPTED,
    CELL_ACCEPTED_BAR,
    CELL_ALONE,
    CELL_ALONE_BAR,
    CELL_SAVES,
};

struct column {
    const char *title;
    enum cell_kind kind;
    unsigned of;     /* a sum or a permille */
    bool always;     /* else only where it holds something */
    unsigned leaves; /* where the terminal is too narrow: see columns.h */
};

static const struct column report_columns[] = {
    {"calls", CELL_COUNT, SUM_calls, true, 0},
    {"attempts", CELL_COUNT, SUM_attempts, true, 70},
    {"cost $", CELL_MONEY, SUM_cost, true, 0},
    {"", CELL_BAR, SUM_cost, true, 60},
    {"up to $", CELL_MONEY, SUM_cost_max, false, 75},
    {"wasted $", CELL_MONEY, SUM_wasted_cost, false, 10},
    {"amplified", CELL_AMPLIFIED, SUM_wasted_cost, false, 90},
    {"saved $", CELL_MONEY, SUM_saved_cost, false, 15},
    {"input", CELL_COUNT, SUM_UNITS + UNIT_INPUT, true, 30},
    {"cached", CELL_COUNT, SUM_UNITS + UNIT_CACHE_READ, false, 50},
    {"write 5m", CELL_COUNT, SUM_UNITS + UNIT_CACHE_WRITE_5M, false, 80},
    {"write 1h", CELL_COUNT, SUM_UNITS + UNIT_CACHE_WRITE_1H, false, 80},
    {"output", CELL_COUNT, SUM_UNITS + UNIT_OUTPUT, true, 30},
    {"reasoning", CELL_COUNT, SUM_UNITS + UNIT_REASONING, false, 80},
    {"audio in", CELL_COUNT, SUM_UNITS + UNIT_AUDIO_IN, false, 85},
    {"audio out", CELL_COUNT, SUM_UNITS + UNIT_AUDIO_OUT, false, 85},
    {"image", CELL_COUNT, SUM_UNITS + UNIT_IMAGE, false, 85},
    {"tool calls", CELL_COUNT, SUM_UNITS + UNIT_TOOL_CALLS, false, 85},
    {"searches", CELL_COUNT, SUM_UNITS + UNIT_SEARCHES, false, 85},
    {"seconds", CELL_COUNT, SUM_UNITS + UNIT_SECONDS, false, 85},
    {"requests", CELL_COUNT, SUM_UNITS + UNIT_REQUESTS, false, 88},
    {"p50", CELL_LATENCY, 500, true, 20},
    {"p95", CELL_LATENCY, 950, true, 25},
    {"p99", CELL_LATENCY, 990, true, 92},
    {"first p50", CELL_FIRST_TOKEN, 500, false, 40},
    {"first p95", CELL_FIRST_TOKEN, 950, false, 95},
    {"errors", CELL_RATE, SUM_errors, true, 5},
    {"estimated", CELL_RATE, SUM_estimated, false, 55},
    {"unpriced", CELL_RATE, SUM_unpriced, false, 8},
};

static const struct column ladder_columns[] = {
    {"reached", CELL_REACHED, 0, true, 0},
    {"accepted", CELL_ACCEPTED, 0, true, 0},
    {"", CELL_ACCEPTED_BAR, 0, true, 60},
    {"attempts", CELL_COUNT, SUM_attempts, true, 70},
    {"cost $", CELL_MONEY, SUM_cost, true, 0},
    {"up to $", CELL_MONEY, SUM_cost_max, false, 75},
    {"wasted $", CELL_MONEY, SUM_wasted_cost, true, 40},
    {"alone $", CELL_ALONE, 0, true, 0},
    {"", CELL_ALONE_BAR, 0, true, 60},
    {"ladder saves", CELL_SAVES, 0, true, 0},
    {"errors", CELL_RATE, SUM_errors, true, 50},
    {"unpriced", CELL_RATE, SUM_unpriced, false, 30},
};

enum { NAME_MAX_WIDTH = 40, COLUMNS_MAX = REPORT_BY_MAX + (int)COUNT_OF(report_columns) };

/* One run of cells: as texts one behind the other. */
struct grid {
    struct buf text;
    uint32_t *ends; /* of each cell */
    size_t count, cap;
    size_t column_count;
    const struct column *shown[COUNT_OF(report_columns)];
    size_t shown_count;
};

static void end_cell(struct grid *g)
{
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 256;
        g->ends = mem_realloc(g->ends, g->cap * sizeof(*g->ends));
    }
    g->ends[g->count++] = (uint32_t)g->text.n;
}

static str cell_at(const struct grid *g, size_t i)
{
    uint32_t from = i ? g->ends[i - 1] : 0;
    return str_of(g->text.p + from, g->ends[i] - from);
}

/* ---- cells */

/* Of what the ladder and each rung alone cost, the most. */
static __int128 dearest(const struct report *r)
{
    __int128 most = r->totals.sums[SUM_cost], alone;
    for (size_t i = 0; i < r->shown_count; i++)
        if (rung_alone_cost(r, r->shown[i], &alone) && alone > most) most = alone;
    return most;
}

static void add_alone(struct buf *out, const struct report *r, const struct group *g, enum cell_kind kind)
{
    char money[MONEY_TEXT_MAX];
    __int128 ladder = r->totals.sums[SUM_cost], alone;
    bool total = g == &r->totals, known = !total && rung_alone_cost(r, g, &alone);
    if (kind == CELL_ALONE_BAR) {
        if (total || known) cell_add_bar(out, total ? ladder : alone, dearest(r));
    } else if (!known) {
        if (!total) buf_add_byte(out, '-');
    } else if (kind == CELL_ALONE) {
        buf_add_byte(out, '~');
        buf_add(out, money_format_short(alone, money));
    } else {
        if (ladder > alone) buf_add_byte(out, '-');
        cell_add_rate(out, ladder > alone ? ladder - alone : alone - ladder, alone);
    }
}

static void add_cell(struct grid *t, const struct report *r, const struct group *g, const struct column *c)
{
    char money[MONEY_TEXT_MAX];
    switch (c->kind) {
    case CELL_COUNT:
        cell_add_count(&t->text, g->sums[c->of]);
        break;
    case CELL_MONEY:
        buf_add(&t->text, money_format_short(g->sums[c->of], money));
        break;
    case CELL_LATENCY:
        cell_add_latency(&t->text, &g->latency, c->of);
        break;
    case CELL_FIRST_TOKEN:
        cell_add_latency(&t->text, &g->first_token, c->of);
        break;
    case CELL_RATE:
        cell_add_rate(&t->text, g->sums[c->of], g->sums[SUM_attempts]);
        break;
    case CELL_BAR:
        if (g != &r->totals) cell_add_bar(&t->text, g->sums[c->of], r->totals.sums[c->of]);
        break;
    case CELL_AMPLIFIED:
        cell_add_times(&t->text, g->sums[SUM_cost], g->sums[SUM_cost] - g->sums[SUM_wasted_cost]);
        break;
    case CELL_REACHED:
        cell_add_count(&t->text, rung_reached(r, g));
        break;
    case CELL_ACCEPTED:
        cell_add_rate(&t->text, rung_sum(g, RUNG_ACCEPTED), rung_reached(r, g));
        break;
    case CELL_ACCEPTED_BAR:
        if (g != &r->totals) cell_add_bar(&t->text, rung_sum(g, RUNG_ACCEPTED), rung_reached(r, g));
        break;
    case CELL_ALONE:
    case CELL_ALONE_BAR:
    case CELL_SAVES:
        add_alone(&t->text, r, g, c->kind);
        break;
    }
    end_cell(t);
}

/* A name that somebody else chose must not steer the terminal, nor fill it. */
static void add_name(struct grid *t, str name)
{
    if (!name.n) name = S("(none)");
    size_t width = 0;
    for (size_t n; name.n; name = str_from_at(name, n)) {
        n = utf8_char_len(name);
        unsigned char c = (unsigned char)name.p[0];
        /* C1 controls are two bytes in UTF-8 */
        bool control = n == 0 || c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)name.p[1] < 0xa0);
        if (n == 0) n = 1;
        if (++width == NAME_MAX_WIDTH && name.n > n) {
            buf_add(&t->text, S("…"));
            break;
        }
        buf_add(&t->text, control ? S("?") : str_head(name, n));
    }
    end_cell(t);
}

static void add_line(struct grid *t, const struct report *r, const struct group *g)
{
    char text[40];
    bool total = g == &r->totals;
    for (size_t i = 0; i < r->by_count; i++) {
        if (total) {
            if (i == 0) buf_add(&t->text, S("total"));
            end_cell(t);
        } else {
            str value = report_value(r, g, i, text);
            if (r->by[i]->kind == DIM_HOUR || r->by[i]->kind == DIM_MINUTE) { /* "2026-11-21 10:00" */
                text[10] = ' ';
                value = str_of(text, 16);
            }
            add_name(t, value);
        }
    }
    for (size_t c = 0; c < t->shown_count; c++) add_cell(t, r, g, t->shown[c]);
}

/* ---- the whole */

static bool is_shown(const struct report *r, const struct column *c, bool colour)
{
    const __int128 *sums = r->totals.sums;
    if (c->kind == CELL_BAR) return colour && r->by_count && r->shown_count > 1;
    if (c->kind == CELL_ACCEPTED_BAR || c->kind == CELL_ALONE_BAR) return colour;
    if (c->always) return true;
    if (c->kind == CELL_FIRST_TOKEN) return r->totals.first_token.sparse.total > 0;
    if (c->of == SUM_UNITS + UNIT_REQUESTS && c->kind == CELL_COUNT && sums[c->of] == sums[SUM_attempts]) return false;
    if (c->of == SUM_cost_max && c->kind == CELL_MONEY) return sums[SUM_cost_max] != sums[SUM_cost];
    return sums[c->of] != 0;
}

static void add_header(struct grid *t, const struct report *r)
{
    for (size_t i = 0; i < r->by_count; i++) {
        buf_add(&t->text, r->by[i]->name);
        end_cell(t);
    }
    for (size_t c = 0; c < t->shown_count; c++) {
        buf_add(&t->text, str_from(t->shown[c]->title));
        end_cell(t);
    }
}

static void write_line(const struct grid *t, size_t line, const struct columns_column *columns, size_t names,
                       struct buf *out)
{
    size_t last = t->column_count - 1;
    while (columns[last].left_out) last--;
    for (size_t c = 0; c <= last; c++) {
        if (columns[c].left_out) continue;
        str cell = cell_at(t, line * t->column_count + c);
        bool left = c < names || t->shown[c - names]->title[0] == '\0';
        int gap = (int)(columns[c].width - utf8_width(cell));
        if (c) buf_printf(out, "%*s", COLUMNS_GAP, "");
        if (!left) buf_printf(out, "%*s", gap, "");
        buf_add(out, cell);
        if (left && c != last) buf_printf(out, "%*s", gap, "");
    }
}

static void measure(const struct grid *t, size_t names, struct columns_column *columns)
{
    for (size_t i = 0; i < t->count; i++) {
        size_t width = utf8_width(cell_at(t, i));
        if (width > columns[i % t->column_count].width) columns[i % t->column_count].width = width;
    }
    for (size_t c = 0; c < t->shown_count; c++) columns[names + c].leaves = t->shown[c]->leaves;
}

static void write_left_out(const struct grid *t, const struct columns_column *columns, size_t names, struct buf *out)
{
    const char *between = "left out in so narrow a terminal: ";
    for (size_t c = 0; c < t->shown_count; c++) {
        if (!columns[names + c].left_out || !t->shown[c]->title[0]) continue;
        buf_printf(out, "%s%s", between, t->shown[c]->title);
        between = ", ";
    }
    if (*between == ',') buf_add(out, S(" (--format csv has all)\n"));
}

static void write_grid(const struct grid *t, size_t names, const struct report_paper *paper, struct buf *out)
{
    struct columns_column columns[COLUMNS_MAX] = {{0}};
    size_t lines = t->count / t->column_count;
    measure(t, names, columns);
    columns_fit(columns, t->column_count, paper->width);
    for (size_t line = 0; line < lines; line++) {
        bool total = line + 1 == lines, bold = paper->colour && (line == 0 || total);
        if (total) columns_rule(columns, t->column_count, out);
        if (bold) buf_add(out, S("\033[1m"));
        write_line(t, line, columns, names, out);
        if (bold) buf_add(out, S("\033[0m"));
        buf_add_byte(out, '\n');
        if (line == 0) columns_rule(columns, t->column_count, out);
    }
    write_left_out(t, columns, names, out);
}

static void write_notes(const struct report *r, struct buf *out)
{
    char text[40];
    if (r->shown_count < r->group_count)
        buf_printf(out, "%zu of %zu groups; the total speaks of all (--limit shows more)\n", r->shown_count,
                   r->group_count);
    if (r->rows_from_us != INT64_MIN)
        buf_printf(out, "rows from before %" STR_FMT " were deleted (ledger.keep) and are not in this report\n",
                   STR_ARG(time_format(r->rows_from_us, text)));
    if (r->ladder && r->totals.sums[SUM_attempts])
        buf_add(out, rung_sum(&r->totals, RUNG_REACHED)
                         ? S("alone $: estimated, had each answered call gone to that rung alone (docs/reports.md)\n")
                         : S("none of these attempts was at a rung: is it the name of a model with a ladder?\n"));
    if (r->totals.sums[SUM_unpriced])
        buf_add(out, S("unpriced attempts are not in the cost: 'purser prices check' names the models\n"));
}

void report_table(const struct report *r, const struct report_paper *paper, struct buf *out)
{
    struct grid t = {0};
    if (r->totals.sums[SUM_attempts] == 0) {
        buf_add(out, S("No attempts in that time.\n"));
        write_notes(r, out);
        return;
    }
    buf_init(&t.text, 0);
    const struct column *from = r->ladder ? ladder_columns : report_columns;
    size_t count = r->ladder ? COUNT_OF(ladder_columns) : COUNT_OF(report_columns);
    for (size_t i = 0; i < count; i++) {
        if (is_shown(r, &from[i], paper->colour)) t.shown[t.shown_count++] = &from[i];
    }
    t.column_count = r->by_count + t.shown_count;
    add_header(&t, r);
    for (size_t i = 0; i < r->shown_count && r->by_count; i++) add_line(&t, r, r->shown[i]);
    add_line(&t, r, &r->totals);
    write_grid(&t, r->by_count, paper, out);
    write_notes(r, out);
    buf_free(&t.text);
    free(t.ends);
}

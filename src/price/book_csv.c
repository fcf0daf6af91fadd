/* Reads the price book's text: one pass, no copies, two allocations a table. Every row
 * is read once to see that it is sound, and again by whoever wants it: a process needs
 * a few of them, and all of them read are twenty times as large as their places.
 * A line that is malformed is left out and counted; the tests hold that at zero. */
#include "price/book.h"

#include "base/hash.h"
#include "base/time.h"
#include "price/names.h"

#include <stdlib.h>

/* The columns, in the order in which tools/build-prices writes them. */
enum {
    COL_PROVIDER,
    COL_MODEL,
    COL_TIER,
    COL_CONTEXT_FROM,
    COL_FROM,
    COL_UNTIL,
    COL_UNITS,
    COL_FREE = COL_UNITS + UNIT_COUNT,
    COL_NAMES,
    COL_CONTEXT_WINDOW,
    COL_MAX_OUTPUT,
    COL_SOURCE,
    COL_CHECKED,
    COL_COUNT
};

static bool split_line(str line, str cells[COL_COUNT])
{
    size_t n = 0;
    while (line.p && n < COL_COUNT) cells[n++] = str_cut(&line, ',');
    return n == COL_COUNT && !line.p;
}

static bool parse_count(str s, int64_t *out)
{
    *out = 0;
    return !s.n || (str_to_i64(s, out) && *out >= 0);
}

static bool parse_date(str s, int64_t empty, int64_t *out)
{
    *out = empty;
    return !s.n || time_parse(s, out);
}

static bool parse_row(const str cells[COL_COUNT], struct price *row)
{
    *row = (struct price){.provider = cells[COL_PROVIDER],
                          .model = cells[COL_MODEL],
                          .per_hour = PRICE_UNSET,
                          .free = cells[COL_FREE].n > 0,
                          .source = cells[COL_SOURCE]};
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        str text = cells[COL_UNITS + u];
        row->unit[u] = PRICE_UNSET;
        if (text.n && !money_parse_per_million(text, &row->unit[u])) return false;
    }
    return row->provider.n && row->model.n && price_tier_find(cells[COL_TIER], &row->tier) &&
           parse_count(cells[COL_CONTEXT_FROM], &row->context_from) &&
           parse_date(cells[COL_FROM], INT64_MIN, &row->from_us) &&
           parse_date(cells[COL_UNTIL], INT64_MAX, &row->until_us) &&
           parse_date(cells[COL_CHECKED], 0, &row->checked_us);
}

/* "# made: 2026-08-21", "# source: ...", "# fallback: azure openai anthropic" */
static void read_header(struct price_book *book, str line)
{
    str rest = line;
    str key = str_trim(str_from_at(str_cut(&rest, ':'), 1));
    str value = str_trim(rest);
    if (str_eq(key, S("made"))) {
        if (!time_parse(value, &book->made_us)) book->bad_lines++;
    } else if (str_eq(key, S("source"))) {
        book->source = value;
    } else if (str_eq(key, S("fallback")) && book->fallback_count < BOOK_FALLBACKS_MAX) {
        struct book_fallback *f = &book->fallbacks[book->fallback_count++];
        f->others = value;
        f->provider = str_cut(&f->others, ' ');
    }
}

static void add_names(struct price_book *book, str names, uint32_t model)
{
    while (names.p && names.n) {
        struct book_name name = {str_cut(&names, ' '), model};
        if (!name.text.n) continue;
        if (name_is_pattern(name.text)) {
            book->patterns[book->pattern_count++] = name;
        } else {
            book->names[book->name_count++] = name;
        }
    }
}

static bool is_of(const struct book_model *model, const struct price *row)
{
    return str_eq(model->model, row->model) && str_eq(model->provider, row->provider);
}

static bool add_model(struct price_book *book, const struct price *row, const str cells[COL_COUNT])
{
    struct book_model model = {.provider = row->provider, .model = row->model, .first = (uint32_t)book->row_count};
    if (!parse_count(cells[COL_CONTEXT_WINDOW], &model.facts.context_window) ||
        !parse_count(cells[COL_MAX_OUTPUT], &model.facts.max_output)) {
        return false;
    }
    add_names(book, cells[COL_NAMES], (uint32_t)book->model_count);
    book->models[book->model_count++] = model;
    return true;
}

static bool read_row(struct price_book *book, str line)
{
    str cells[COL_COUNT];
    struct price row;
    if (!split_line(line, cells) || !parse_row(cells, &row)) return false;
    bool more = book->model_count && is_of(&book->models[book->model_count - 1], &row);
    if (!more && !add_model(book, &row, cells)) return false;
    book->rows[book->row_count++] = line.p;
    book->models[book->model_count - 1].count++;
    return true;
}

void book_read_row(const struct price_book *book, size_t i, struct price *out)
{
    const char *from = book->rows[i], *end = book->text.p + book->text.n;
    str rest = str_of(from, (size_t)(end - from)), cells[COL_COUNT];
    if (!split_line(str_cut(&rest, '\n'), cells) || !parse_row(cells, out)) abort(); /* it was sound before */
    out->id = (uint32_t)i;
}

/* Upper bounds of what the text holds: lines, and words in them. */
static void count_text(str csv, size_t *lines, size_t *words)
{
    *lines = *words = 1;
    for (size_t i = 0; i < csv.n; i++) {
        *lines += csv.p[i] == '\n';
        *words += csv.p[i] == '\n' || csv.p[i] == ' ';
    }
}

static void index_names(struct price_book *book)
{
    book->slot_count = 16;
    while (book->slot_count < book->name_count * 2) book->slot_count *= 2;
    book->slots = arena_zalloc(&book->arena, book->slot_count * sizeof(*book->slots));
    for (size_t i = 0; i < book->name_count; i++) {
        size_t at = hash_fnv(book->names[i].text) & (book->slot_count - 1);
        while (book->slots[at]) at = (at + 1) & (book->slot_count - 1);
        book->slots[at] = (uint32_t)i + 1;
    }
}

struct price_book *price_book_parse(str csv)
{
    struct price_book *book = mem_zalloc(sizeof(*book));
    arena_init(&book->arena);
    book->text = csv;
    size_t lines, words;
    count_text(csv, &lines, &words);
    book->rows = arena_alloc(&book->arena, lines * sizeof(*book->rows));
    book->models = arena_alloc(&book->arena, lines * sizeof(*book->models));
    book->names = arena_alloc(&book->arena, words * sizeof(*book->names));
    book->patterns = arena_alloc(&book->arena, words * sizeof(*book->patterns));
    bool head_seen = false;
    while (csv.p && csv.n) {
        str line = str_cut(&csv, '\n');
        if (!line.n) continue;
        if (line.p[0] == '#') {
            read_header(book, line);
        } else if (!head_seen) {
            head_seen = true; /* the columns' names */
        } else if (!read_row(book, line)) {
            book->bad_lines++;
        }
    }
    index_names(book);
    return book;
}

#include "price/book.h"

#include <stdlib.h>

struct price_book *price_book_new(void)
{
    str csv = price_book_data();
    struct price_book *book = price_book_parse(csv);
    mem_unread(csv.p, csv.n); /* of its rows few are asked for */
    return book;
}

void price_book_drop(struct price_book *book)
{
    if (!book) return;
    free(book->own);
    arena_free(&book->arena);
    free(book);
}

void price_book_add(struct price_book *book, const struct price *own)
{
    if (book->own_count == book->own_cap) {
        book->own_cap = book->own_cap ? book->own_cap * 2 : 16;
        book->own = mem_realloc(book->own, book->own_cap * sizeof(struct price *));
    }
    struct price *copy = arena_alloc(&book->arena, sizeof(*copy));
    *copy = *own;
    copy->provider = arena_str(&book->arena, own->provider);
    copy->model = arena_str(&book->arena, own->model);
    copy->source = arena_str(&book->arena, own->source);
    copy->id = (uint32_t)(book->row_count + book->own_count);
    book->own[book->own_count++] = copy;
}

static int compare_own(const void *a, const void *b)
{
    const struct price *x = *(struct price *const *)a, *y = *(struct price *const *)b;
    int order = str_cmp(x->provider, y->provider);
    if (!order) order = str_cmp(x->model, y->model);
    if (!order) order = (int)x->tier - (int)y->tier;
    if (!order) order = (x->from_us > y->from_us) - (x->from_us < y->from_us);
    if (!order) order = (x->context_from > y->context_from) - (x->context_from < y->context_from);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

void price_book_seal(struct price_book *book)
{
    if (book->own_count) qsort(book->own, book->own_count, sizeof(struct price *), compare_own);
    for (size_t i = 0; i < book->own_count; i++) book->own[i]->id = (uint32_t)(book->row_count + i);
}

int64_t price_book_date(const struct price_book *book)
{
    return book->made_us;
}

str price_book_source(const struct price_book *book)
{
    return book->source;
}

size_t price_book_count(const struct price_book *book)
{
    return book->row_count + book->own_count;
}

const struct price *price_book_at(const struct price_book *book, size_t i, struct price *space)
{
    if (i >= book->row_count) return i - book->row_count < book->own_count ? book->own[i - book->row_count] : NULL;
    book_read_row(book, i, space);
    return space;
}

size_t price_book_first_own(const struct price_book *book)
{
    return book->row_count;
}

bool price_book_is_own(const struct price_book *book, const struct price *row)
{
    return row->id >= book->row_count;
}

str price_book_seller(const struct price_book *book, size_t i)
{
    return i < book->model_count ? book->models[i].provider : STR_NONE;
}

str price_book_names(const struct price_book *book, const struct price *row, size_t i)
{
    if (price_book_is_own(book, row)) return STR_NONE;
    for (size_t n = 0; n < book->name_count + book->pattern_count; n++) {
        bool exact = n < book->name_count;
        const struct book_name *name = exact ? &book->names[n] : &book->patterns[n - book->name_count];
        const struct book_model *m = &book->models[name->model];
        if (row->id < m->first || row->id >= m->first + m->count) continue;
        if (i-- == 0) return name->text;
    }
    return STR_NONE;
}

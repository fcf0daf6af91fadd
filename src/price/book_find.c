/* Which model a name means, and the prices that belong to it. */
#include "price/book.h"

#include "base/hash.h"
#include "price/names.h"

static const struct book_model *find_exact(const struct price_book *book, str provider, str name)
{
    size_t mask = book->slot_count - 1;
    for (size_t at = hash_fnv(name) & mask; book->slots[at]; at = (at + 1) & mask) {
        const struct book_name *n = &book->names[book->slots[at] - 1];
        const struct book_model *m = &book->models[n->model];
        if (str_eq(n->text, name) && str_eq(m->provider, provider)) return m;
    }
    return NULL;
}

/* The longest literal wins: "claude-opus-4-5~" before "claude-opus-4~". */
static const struct book_model *find_pattern(const struct price_book *book, str provider, str name)
{
    const struct book_model *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < book->pattern_count; i++) {
        const struct book_model *m = &book->models[book->patterns[i].model];
        if (!str_eq(m->provider, provider)) continue;
        size_t n = name_match(book->patterns[i].text, name);
        if (n > longest) {
            longest = n;
            best = m;
        }
    }
    return best;
}

static const struct book_model *find_spelling(const struct price_book *book, str provider, str name)
{
    const struct book_model *m = find_exact(book, provider, name);
    str undated = name_without_date(name);
    if (!m && undated.n != name.n) m = find_exact(book, provider, undated);
    return m ? m : find_pattern(book, provider, name);
}

static const struct book_model *find_at(const struct price_book *book, str provider, str name)
{
    const struct book_model *m = find_spelling(book, provider, name);
    str bare = name_without_path(name, provider);
    return m || bare.n == name.n ? m : find_spelling(book, provider, bare);
}

const struct book_model *book_find_model(const struct price_book *book, str provider, str name)
{
    char bytes[NAME_MAX_BYTES];
    str lower;
    if (!name_lower(name, bytes, &lower)) return NULL;
    const struct book_model *m = find_at(book, provider, lower);
    for (size_t i = 0; !m && i < book->fallback_count; i++) {
        if (!str_eq(book->fallbacks[i].provider, provider)) continue;
        str others = book->fallbacks[i].others;
        while (!m && others.p) m = find_at(book, str_cut(&others, ' '), lower);
    }
    return m;
}

/* Own prices name a model as the settings do, or by the book's id of it. */
static bool own_is_for(const struct price *own, str provider, str model, const struct book_model *known)
{
    if (!str_eq(own->provider, provider)) return false;
    if (str_eq_nocase(own->model, model)) return true;
    if (known && str_eq_nocase(own->model, known->model)) return true;
    return str_eq_nocase(own->model, name_without_date(name_without_path(model, provider)));
}

struct price_set price_book_find_target(const struct price_book *book, str name, str vendor, str model,
                                        struct arena *arena)
{
    struct price_set set = {0};
    const struct book_model *known = vendor.n ? book_find_model(book, vendor, model) : NULL;
    for (size_t i = 0; i < book->own_count; i++) set.own_count += own_is_for(book->own[i], name, model, known);
    set.own = set.own_count > 0;
    set.count = set.own_count + (known ? known->count : 0);
    if (!set.count) return set;
    const struct price **rows = arena_alloc(arena, set.count * sizeof(const struct price *));
    size_t n = 0;
    for (size_t i = 0; i < book->own_count; i++) {
        if (own_is_for(book->own[i], name, model, known)) rows[n++] = book->own[i];
    }
    struct price *read = known ? arena_alloc(arena, known->count * sizeof(*read)) : NULL;
    for (uint32_t i = 0; known && i < known->count; i++) {
        book_read_row(book, known->first + i, &read[i]);
        rows[n++] = &read[i];
    }
    set.rows = rows;
    if (known) set.facts = known->facts;
    return set;
}

struct price_set price_book_find(const struct price_book *book, str provider, str model, struct arena *arena)
{
    return price_book_find_target(book, provider, provider, model, arena);
}

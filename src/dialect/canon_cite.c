/* Citations: finding their places, and cutting texts at them. */
#include "dialect/canon_cite.h"

enum { WORDS_MAX = 4 * 1024 * 1024, CUT_MAX = 1024, PLACE_MAX = 1 << 30 };

struct canon_citation *canon_cite_new(struct arena *arena, enum dialect_id of)
{
    struct canon_citation *c = arena_zalloc(arena, sizeof(*c));
    c->start = c->end = c->source = c->from = c->to = -1;
    c->of = of;
    return c;
}

struct canon_citation *canon_cite_keep(struct arena *arena, const struct canon_citation *c)
{
    struct canon_citation *kept = arena_alloc(arena, sizeof(*kept));
    *kept = *c;
    kept->next = NULL;
    kept->url = canon_keep(arena, c->url);
    kept->title = canon_keep(arena, c->title);
    kept->id = canon_keep(arena, c->id);
    kept->quote = canon_keep(arena, c->quote);
    kept->said = canon_keep(arena, c->said);
    kept->value = canon_keep(arena, c->value);
    return kept;
}

int64_t canon_cite_count(const struct json *doc, json_ref object, str key)
{
    int64_t v;
    json_ref at = json_find(doc, object, key, NULL);
    return at && json_i64(doc, at, &v) && v >= 0 && v <= PLACE_MAX ? v : -1;
}

void canon_cite_span(struct canon_citation *c, const struct json *doc, json_ref object, str start, str end)
{
    c->start = canon_cite_count(doc, object, start);
    c->end = canon_cite_count(doc, object, end);
    if (c->start < 0 || c->end < 0) c->start = c->end = -1;
}

jraw canon_cite_id(struct arena *arena, const struct canon_citation *c)
{
    if (c->id.json.p) return c->id;
    if (c->title.json.p) return c->title;
    long long source = c->source < 0 ? 0 : c->source;
    return (jraw){arena_printf(arena, "\"document_%lld\"", source)};
}

struct canon_citation canon_placed(const struct canon_citation *c, int64_t length, int64_t before)
{
    struct canon_citation placed = *c;
    placed.start = c->start < 0 ? before : c->start + before;
    placed.end = c->start < 0 ? before + length : c->end + before;
    return placed;
}

/* Behind the character at `i` of a JSON string's inside. */
static size_t next_char(str inside, size_t i)
{
    size_t width = inside.p[i] != '\\' ? 1 : i + 1 < inside.n && inside.p[i + 1] == 'u' ? 6 : 2;
    i = i + width > inside.n ? inside.n : i + width;
    while (i < inside.n && ((unsigned char)inside.p[i] & 0xc0) == 0x80) i++;
    str rest = str_from_at(inside, i);
    bool low = rest.n >= 6 && rest.p[0] == '\\' && rest.p[1] == 'u' && (rest.p[2] | 0x20) == 'd' &&
               (rest.p[3] | 0x20) >= 'c'; /* the second half of a pair is no character */
    return width == 6 && low ? i + 6 : i;
}

size_t canon_seek(struct canon_cursor *at, str inside, int64_t chars)
{
    if (chars < at->chars) *at = (struct canon_cursor){0};
    for (; at->chars < chars && at->bytes < inside.n; at->chars++) at->bytes = next_char(inside, at->bytes);
    return at->bytes;
}

str canon_span(struct canon_cursor *at, str inside, int64_t start, int64_t end)
{
    size_t from = canon_seek(at, inside, start);
    struct canon_cursor ahead = *at; /* the next one may begin before this one's end */
    size_t to = end > start ? canon_seek(&ahead, inside, end) : from;
    return str_of(inside.p + from, to - from);
}

/* ---- cutting */

static int by_start(const void *a, const void *b)
{
    const struct canon_citation *x = *(struct canon_citation *const *)a, *y = *(struct canon_citation *const *)b;
    return x->start < y->start ? -1 : x->start > y->start;
}

struct cut {
    struct arena *arena;
    const struct canon_part *part;
    str inside;
    struct canon_cursor at; /* given so far */
    struct canon_part *first, **end;
};

static struct canon_part *add_piece(struct cut *c, int64_t to)
{
    struct canon_part *piece = arena_alloc(c->arena, sizeof(*piece));
    size_t from = c->at.bytes;
    str text = str_of(c->inside.p + from, canon_seek(&c->at, c->inside, to) - from);
    *piece = *c->part;
    piece->next = NULL;
    piece->citations = NULL;
    piece->cache_ttl = 0;
    piece->signature = RAW_NONE;
    piece->text = (jraw){arena_printf(c->arena, "\"%" STR_FMT "\"", STR_ARG(text))};
    *c->end = piece;
    c->end = &piece->next;
    return piece;
}

/* The pieces of a text, from first to last. `list` has its citations in order. */
static struct cut cut_text(struct arena *arena, const struct canon_part *part, struct canon_citation **list, size_t n)
{
    struct cut c = {.arena = arena, .part = part, .inside = canon_inside(part->text)};
    c.end = &c.first;
    for (size_t i = 0; i < n;) {
        int64_t start = list[i]->start, end = list[i]->end;
        size_t next = i + 1;
        for (; next < n && list[next]->start < end; next++)
            if (list[next]->end > end) end = list[next]->end;
        if (start > c.at.chars) (void)add_piece(&c, start);
        struct canon_part *piece = add_piece(&c, end);
        for (struct canon_citation **at = &piece->citations; i < next; i++) {
            *at = list[i];
            list[i]->start = list[i]->end = -1;
            list[i]->next = NULL;
            at = &list[i]->next;
        }
    }
    struct canon_part *last = c.at.bytes < c.inside.n ? add_piece(&c, INT64_MAX) : NULL;
    for (struct canon_part *p = c.first; p && !last; p = p->next)
        if (!p->next) last = p;
    last->cache_ttl = part->cache_ttl;
    last->signature = part->signature;
    struct canon_citation **at = &last->citations;
    while (*at) at = &(*at)->next;
    for (const struct canon_citation *whole = part->citations; whole; whole = whole->next) {
        if (whole->start >= 0) continue; /* of all pieces: at their end */
        *at = arena_alloc(arena, sizeof(**at));
        **at = *whole;
        (*at)->next = NULL;
        at = &(*at)->next;
    }
    return c;
}

/* Those with a place, copied and in order. 0: it is not to be cut. */
static size_t placed_of(struct arena *arena, const struct canon_part *part, struct canon_citation ***list)
{
    size_t n = 0;
    for (const struct canon_citation *c = part->citations; c; c = c->next) n += c->start >= 0;
    if (!n || n > CUT_MAX) return 0;
    int64_t length = canon_length(part->text);
    *list = arena_alloc(arena, n * sizeof(**list));
    n = 0;
    for (const struct canon_citation *c = part->citations; c; c = c->next) {
        if (c->start < 0) continue;
        struct canon_citation *copy = arena_alloc(arena, sizeof(*copy));
        *copy = *c;
        if (copy->end > length) copy->end = length;
        if (copy->start >= copy->end) return 0; /* it is of no words */
        (*list)[n++] = copy;
    }
    qsort(*list, n, sizeof(**list), by_start);
    return n;
}

struct canon_part *canon_cut_cited(struct arena *arena, struct canon_part *parts)
{
    struct canon_part *first = NULL, **end = &first;
    bool any = false;
    for (const struct canon_part *p = parts; p; p = p->next) any = any || p->citations;
    if (!any) return parts;
    for (const struct canon_part *p = parts; p; p = p->next) {
        struct canon_citation **list = NULL;
        size_t n = p->kind == PART_TEXT && p->text.json.p ? placed_of(arena, p, &list) : 0;
        if (n) {
            struct cut c = cut_text(arena, p, list, n);
            *end = c.first;
            end = c.end;
            continue;
        }
        struct canon_part *copy = arena_alloc(arena, sizeof(*copy));
        *copy = *p;
        copy->next = NULL;
        *end = copy;
        end = &copy->next;
    }
    return first;
}

/* ---- text under construction */

void canon_words_add(struct canon_words *w, struct arena *arena, str more)
{
    if (w->full || !more.n) return;
    if (w->n + more.n > WORDS_MAX) {
        *w = (struct canon_words){.full = true};
        return;
    }
    if (w->n + more.n > w->cap) {
        size_t cap = (w->n + more.n) * 2;
        char *p = arena_alloc(arena, cap);
        if (w->n) memcpy(p, w->p, w->n);
        w->p = p;
        w->cap = cap;
    }
    memcpy(w->p + w->n, more.p, more.n);
    w->n += more.n;
}

/* Citations: what Google found them in (groundingMetadata) or took them from
 * (citationMetadata), and the canonical form. Google counts bytes of UTF-8, canon characters. */
#include "dialect/canon_cite.h"
#include "dialect/gemini.h"

enum { CITATIONS_MAX = 1024 };

struct grounding {
    const struct json *doc;
    struct arena *arena;
    const struct gemini_text *text;
    struct canon_cursor at; /* in it */
    struct canon_citation *first, *last;
    int count;
};

static bool begins_char(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* Characters in the first `bytes` of the text; -1 where that is not known. */
static int64_t characters(struct canon_cursor *at, str text, int64_t bytes)
{
    if (!text.p || bytes < 0 || bytes > (int64_t)text.n) return -1;
    if ((size_t)bytes < at->bytes) *at = (struct canon_cursor){0};
    for (; at->bytes < (size_t)bytes; at->bytes++) at->chars += begins_char(text.p[at->bytes]);
    return at->chars;
}

/* Bytes of the first `chars` characters; -1 where it has less, or is not at hand. */
static int64_t bytes_at(struct canon_cursor *at, str text, int64_t chars)
{
    if (!text.p || chars < 0) return -1;
    if (chars < at->chars) *at = (struct canon_cursor){0};
    for (; at->bytes < text.n; at->bytes++) {
        if (!begins_char(text.p[at->bytes])) continue;
        if (at->chars == chars) break;
        at->chars++;
    }
    return at->chars == chars ? (int64_t)at->bytes : -1;
}

static struct canon_citation *add(struct grounding *g)
{
    if (g->count++ >= CITATIONS_MAX) return NULL;
    struct canon_citation *c = canon_cite_new(g->arena, DIALECT_GEMINI);
    if (g->last)
        g->last->next = c;
    else
        g->first = c;
    g->last = c;
    return c;
}

static void set_place(struct grounding *g, struct canon_citation *c, json_ref segment)
{
    int64_t end = canon_cite_count(g->doc, segment, S("endIndex")), base = 0;
    if (end < 0) return;
    int64_t part = canon_cite_count(g->doc, segment, S("partIndex"));
    int64_t start = canon_cite_count(g->doc, segment, S("startIndex")); /* zeros are left out */
    if (part > 0 && part < g->text->part_count) base = g->text->parts[part];
    c->start = characters(&g->at, g->text->all, base + (start < 0 ? 0 : start));
    struct canon_cursor ahead = g->at; /* the next one may begin before this one's end */
    c->end = characters(&ahead, g->text->all, base + end);
    if (c->start < 0 || c->end < 0) c->start = c->end = -1;
}

static json_ref list_in(const struct json *doc, json_ref object, str key)
{
    json_ref at = object ? json_find(doc, object, key, NULL) : JSON_ABSENT;
    return at && json_type(doc, at) == JSON_ARRAY ? at : JSON_ABSENT;
}

/* Where words were found. JSON_ABSENT: the list has no such entry. */
static json_ref find_source(const struct grounding *g, json_ref chunks, int64_t index)
{
    int64_t i = 0;
    json_ref chunk = chunks ? json_first(g->doc, chunks) : JSON_ABSENT;
    for (; chunk && i < index && i < CITATIONS_MAX; i++) chunk = json_next(g->doc, chunks, chunk);
    bool found = chunk && i == index && json_type(g->doc, chunk) == JSON_OBJECT && json_first(g->doc, chunk);
    return found ? chunk : JSON_ABSENT;
}

static void set_source(struct grounding *g, struct canon_citation *c, json_ref chunk)
{
    json_ref source = json_first(g->doc, chunk) + 1; /* web, retrievedContext, maps */
    jraw uri = canon_raw_string(g->doc, source, S("uri"));
    bool web = str_starts(canon_inside(uri), S("http:")) || str_starts(canon_inside(uri), S("https:"));
    bool document = json_string_is(g->doc, json_first(g->doc, chunk), S("retrievedContext"));
    c->title = canon_raw_string(g->doc, source, S("title"));
    c->quote = canon_raw_string(g->doc, source, S("text"));
    if (web || !document)
        c->url = uri;
    else /* "gs://..." is where a document is stored, no address */
        c->id = uri;
    if (!document) return;
    if (!c->id.json.p) c->id = canon_raw_string(g->doc, source, S("documentName"));
    c->from = canon_cite_count(g->doc, source, S("pageNumber"));
    if (c->from < 0) return;
    c->place = PLACE_PAGES;
    c->to = c->from + 1;
}

static void read_supports(struct grounding *g, json_ref metadata)
{
    json_ref supports = list_in(g->doc, metadata, S("groundingSupports"));
    json_ref chunks = list_in(g->doc, metadata, S("groundingChunks"));
    for (json_ref s = supports ? json_first(g->doc, supports) : JSON_ABSENT; s; s = json_next(g->doc, supports, s)) {
        json_ref segment = json_find(g->doc, s, S("segment"), NULL);
        json_ref indices = list_in(g->doc, s, S("groundingChunkIndices"));
        for (json_ref i = indices ? json_first(g->doc, indices) : JSON_ABSENT; i; i = json_next(g->doc, indices, i)) {
            int64_t index;
            if (!json_i64(g->doc, i, &index) || index < 0 || index >= CITATIONS_MAX) continue;
            json_ref source = find_source(g, chunks, index);
            struct canon_citation *c = source ? add(g) : NULL; /* a place without a source cites nothing */
            if (!c) continue;
            set_source(g, c, source);
            if (!segment) continue;
            c->said = canon_raw_string(g->doc, segment, S("text"));
            set_place(g, c, segment);
        }
    }
    /* sources without a place in the text */
    json_ref chunk = chunks && !g->count ? json_first(g->doc, chunks) : JSON_ABSENT;
    for (; chunk; chunk = json_next(g->doc, chunks, chunk)) {
        if (json_type(g->doc, chunk) != JSON_OBJECT || !json_first(g->doc, chunk)) continue;
        struct canon_citation *c = add(g);
        if (!c) return;
        set_source(g, c, chunk);
    }
}

struct canon_citation *gemini_read_citations(struct arena *arena, const struct json *doc, json_ref candidate,
                                             const struct gemini_text *text)
{
    struct grounding g = {.doc = doc, .arena = arena, .text = text};
    json_ref grounding = json_find(doc, candidate, S("groundingMetadata"), NULL);
    json_ref cited = list_in(doc, json_find(doc, candidate, S("citationMetadata"), NULL), S("citations"));
    if (grounding) read_supports(&g, grounding);
    for (json_ref at = cited ? json_first(doc, cited) : JSON_ABSENT; at; at = json_next(doc, cited, at)) {
        if (json_type(doc, at) != JSON_OBJECT) continue;
        struct canon_citation *c = add(&g);
        if (!c) break;
        c->url = canon_raw_string(doc, at, S("uri"));
        c->title = canon_raw_string(doc, at, S("title"));
        set_place(&g, c, at);
    }
    return g.first;
}

bool gemini_cites(const struct json *doc, json_ref candidate)
{
    return openai_find(doc, candidate, S("groundingMetadata")) || openai_find(doc, candidate, S("citationMetadata"));
}

/* ---- writing */

static void put_source(struct buf *out, const struct canon_citation *c)
{
    bool web = c->url.json.p && c->place == PLACE_NONE;
    canon_comma(out);
    buf_add(out, web ? S("{\"web\":{") : S("{\"retrievedContext\":{"));
    canon_put_raw(out, S("uri"), c->url.json.p ? c->url : c->id);
    canon_put_raw(out, S("title"), c->title);
    if (!web) canon_put_raw(out, S("text"), c->quote);
    if (c->place == PLACE_PAGES && c->from >= 0) canon_put_i64(out, S("pageNumber"), c->from);
    buf_add(out, S("}}"));
}

/* `of` is the part that it counts in. */
static void put_support(struct buf *out, const struct canon_citation *c, const struct gemini_cited *of,
                        struct canon_cursor *at, int index)
{
    int64_t from = bytes_at(at, of->text, c->start);
    struct canon_cursor ahead = *at;
    int64_t to = bytes_at(&ahead, of->text, c->end);
    bool placed = from >= 0 && to >= from && c->start >= 0;
    canon_comma(out);
    buf_add(out, S("{\"segment\":{"));
    if (of->part > 0) canon_put_i64(out, S("partIndex"), of->part);
    if (placed) {
        canon_put_i64(out, S("startIndex"), from);
        canon_put_i64(out, S("endIndex"), to);
        canon_put_text(out, S("text"), str_of(of->text.p + from, (size_t)(to - from)));
    } else {
        canon_put_raw(out, S("text"), c->said);
    }
    buf_printf(out, "},\"groundingChunkIndices\":[%d]}", index);
}

void gemini_put_citations(struct buf *out, const struct gemini_cited *lists, size_t count)
{
    int n = 0;
    for (size_t i = 0; i < count; i++)
        for (const struct canon_citation *c = lists[i].list; c && n < CITATIONS_MAX; c = c->next, n++) {
            if (!n) {
                canon_key(out, S("groundingMetadata"));
                buf_add(out, S("{\"groundingChunks\":["));
            }
            put_source(out, c);
        }
    if (!n) return;
    buf_add(out, S("],\"groundingSupports\":["));
    n = 0;
    for (size_t i = 0; i < count; i++) {
        struct canon_cursor at = {0};
        for (const struct canon_citation *c = lists[i].list; c && n < CITATIONS_MAX; c = c->next, n++)
            put_support(out, c, &lists[i], &at, n);
    }
    buf_add(out, S("]}"));
}

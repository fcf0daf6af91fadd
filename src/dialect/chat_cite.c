/* Citations of chat: OpenAI's annotations, and the lists that search engines give beside their choices
 * (Perplexity's search_results and citations, xAI's citations), which the text names by number: "[2]". */
#include "dialect/canon_cite.h"
#include "dialect/chat.h"

enum { SOURCES_MAX = 256, MARKS_MAX = 1024 };

struct canon_citation *chat_read_citation(struct chat_reader *r, json_ref at)
{
    json_ref url = openai_find(r->doc, at, S("url_citation"));
    if (!url || json_type(r->doc, url) != JSON_OBJECT) return NULL;
    struct canon_citation *c = canon_cite_new(r->arena, DIALECT_CHAT);
    c->value = canon_raw(r->doc, at);
    c->url = canon_raw_string(r->doc, url, S("url"));
    if (c->url.json.n <= 2) c->url = RAW_NONE;
    c->title = canon_raw_string(r->doc, url, S("title"));
    c->quote = canon_raw_string(r->doc, url, S("content"));
    canon_cite_span(c, r->doc, url, S("start_index"), S("end_index"));
    return c;
}

/* ---- sources that the text names by number */

static json_ref list_of(const struct json *doc, str key)
{
    json_ref at = openai_find(doc, JSON_ROOT, key);
    return at && json_type(doc, at) == JSON_ARRAY && json_first(doc, at) ? at : JSON_ABSENT;
}

static json_ref sources_of(const struct json *doc)
{
    json_ref results = list_of(doc, S("search_results"));
    return results ? results : list_of(doc, S("citations"));
}

size_t chat_count_sources(const struct json *doc)
{
    size_t n = 0;
    json_ref list = sources_of(doc);
    for (json_ref at = list ? json_first(doc, list) : JSON_ABSENT; at && n < SOURCES_MAX; at = json_next(doc, list, at))
        n++;
    return n;
}

void chat_read_sources(const struct json *doc, struct arena *arena, struct chat_sources *out)
{
    json_ref list = sources_of(doc);
    if (!list) return;
    if (!out->list) out->list = arena_alloc(arena, SOURCES_MAX * sizeof(*out->list));
    out->count = 0;
    for (json_ref at = json_first(doc, list); at && out->count < SOURCES_MAX; at = json_next(doc, list, at)) {
        struct chat_source *s = &out->list[out->count];
        bool object = json_type(doc, at) == JSON_OBJECT;
        *s = (struct chat_source){0};
        if (object) {
            s->url = canon_raw_string(doc, at, S("url"));
            s->title = canon_raw_string(doc, at, S("title"));
            s->quote = canon_raw_string(doc, at, S("snippet"));
        } else if (json_type(doc, at) == JSON_STRING) {
            s->url = canon_raw(doc, at);
        }
        out->count++; /* also where it has none: those behind it keep their numbers */
    }
}

void chat_keep_sources(struct chat_sources *s, struct arena *arena)
{
    for (size_t i = 0; i < s->count; i++) {
        s->list[i].url = canon_keep(arena, s->list[i].url);
        s->list[i].title = canon_keep(arena, s->list[i].title);
        s->list[i].quote = canon_keep(arena, s->list[i].quote);
    }
}

struct marks {
    struct arena *arena;
    const struct chat_sources *sources;
    struct canon_citation *first, **end;
    size_t count;
};

static void add(struct marks *m, size_t source, int64_t start, int64_t end)
{
    if (!m->sources->list[source].url.json.p || m->count++ >= MARKS_MAX) return;
    struct canon_citation *c = canon_cite_new(m->arena, DIALECT_CHAT);
    c->url = m->sources->list[source].url;
    c->title = m->sources->list[source].title;
    c->quote = m->sources->list[source].quote;
    c->start = start;
    c->end = end;
    *m->end = c;
    m->end = &c->next;
}

/* "[12]" at the beginning of `text`: the number, and how long it is; 0: it is none. */
static size_t mark_at(str text, size_t *number)
{
    size_t i = 1;
    *number = 0;
    for (; i < text.n && i < 5 && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        *number = *number * 10 + (size_t)(text.p[i] - '0');
    return i > 1 && i < text.n && text.p[i] == ']' ? i + 1 : 0;
}

/* A source that no mark names is of the whole text: it was read for it. */
struct canon_citation *chat_cite_sources(const struct chat_sources *sources, str inside, struct arena *arena)
{
    struct marks m = {.arena = arena, .sources = sources, .end = &m.first};
    bool named[SOURCES_MAX] = {false};
    size_t done = 0;
    int64_t chars = 0;
    for (size_t i = 0; i < inside.n; i++) {
        size_t number, width;
        if (inside.p[i] != '[' || !(width = mark_at(str_from_at(inside, i), &number))) continue;
        if (!number || number > sources->count) continue;
        str before = str_of(inside.p + done, i - done);
        chars += canon_length((jraw){arena_printf(arena, "\"%" STR_FMT "\"", STR_ARG(before))});
        done = i;
        named[number - 1] = true;
        add(&m, number - 1, chars, chars + (int64_t)width);
    }
    for (size_t i = 0; i < sources->count; i++)
        if (!named[i]) add(&m, i, -1, -1);
    return m.first;
}

/* ---- writing */

void chat_write_citation(struct buf *out, const struct canon_citation *c)
{
    canon_comma(out);
    if (c->of == DIALECT_CHAT && c->value.json.p) {
        buf_add(out, c->value.json);
        return;
    }
    buf_add(out, S("{\"type\":\"url_citation\",\"url_citation\":{"));
    canon_put_i64(out, S("start_index"), c->start > 0 ? c->start : 0);
    canon_put_i64(out, S("end_index"), c->end > 0 ? c->end : 0);
    canon_put_raw(out, S("url"), c->url.json.p ? c->url : (jraw){S("\"\"")}); /* a document: by its title */
    jraw title = c->title.json.p ? c->title : c->id;
    canon_put_raw(out, S("title"), title.json.p ? title : (jraw){S("\"\"")});
    canon_put_raw(out, S("content"), c->quote);
    buf_add(out, S("}}"));
}

void chat_write_annotations(struct buf *out, const struct canon_part *parts)
{
    bool any = false;
    int64_t before = 0;
    for (const struct canon_part *p = parts; p; p = p->next) {
        int64_t length = p->kind == PART_TEXT && p->text.json.p ? canon_length(p->text) : 0;
        for (const struct canon_citation *c = p->citations; c; c = c->next) {
            if (!any) {
                canon_key(out, S("annotations"));
                buf_add_byte(out, '[');
                any = true;
            }
            struct canon_citation placed = canon_placed(c, length, before);
            chat_write_citation(out, &placed);
        }
        before += length;
    }
    if (any) buf_add_byte(out, ']');
}

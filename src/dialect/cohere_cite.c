/* Citations of Cohere: beside the content, each with the words of the answer that it is of and its sources, of which
 * each is one citation here. */
#include "dialect/canon_cite.h"
#include "dialect/cohere.h"

enum { SOURCES_MAX = 64 };

static jraw first_string(const struct json *doc, json_ref object, const str *keys, size_t count)
{
    jraw found = RAW_NONE;
    for (size_t i = 0; i < count && object && !found.json.p; i++) found = canon_raw_string(doc, object, keys[i]);
    return found;
}

static void read_source(const struct json *doc, json_ref source, struct canon_citation *c)
{
    static const str quotes[] = {STR_INIT("snippet"), STR_INIT("text"), STR_INIT("content")};
    static const str urls[] = {STR_INIT("url"), STR_INIT("link")};
    json_ref document = openai_find(doc, source, S("document"));
    if (!document) document = openai_find(doc, source, S("tool_output"));
    c->id = canon_raw_string(doc, source, S("id"));
    if (!document || json_type(doc, document) != JSON_OBJECT) return;
    c->title = canon_raw_string(doc, document, S("title"));
    c->url = first_string(doc, document, urls, COUNT_OF(urls));
    c->quote = first_string(doc, document, quotes, COUNT_OF(quotes));
}

struct canon_citation *cohere_citations(const struct json *doc, json_ref at, struct arena *arena)
{
    struct canon_citation *first = NULL, **end = &first;
    json_ref sources = openai_find(doc, at, S("sources")), source;
    bool list = sources && json_type(doc, sources) == JSON_ARRAY;
    source = list ? json_first(doc, sources) : JSON_ABSENT;
    for (int n = 0; n < SOURCES_MAX && (source || !n); n++) {
        struct canon_citation *c = canon_cite_new(arena, DIALECT_COHERE);
        canon_cite_span(c, doc, at, S("start"), S("end"));
        c->said = canon_raw_string(doc, at, S("text"));
        if (source && json_type(doc, source) == JSON_OBJECT) read_source(doc, source, c);
        if (!n) c->value = canon_raw(doc, at); /* whole, once */
        *end = c;
        end = &c->next;
        source = source ? json_next(doc, sources, source) : JSON_ABSENT;
    }
    return first;
}

/* The text that a citation counts in, by its content_index; the first one where there is none. */
static struct canon_part *text_at(struct canon_part *parts, int64_t index)
{
    struct canon_part *first = NULL;
    int64_t n = 0;
    for (struct canon_part *p = parts; p; p = p->next) {
        bool plan = p->kind == PART_REASONING && str_eq(p->id, S(COHERE_TOOL_PLAN));
        if (p->kind == PART_TEXT && (!first || n == index)) first = p;
        if (p->kind == PART_TEXT && n == index) return p;
        n += !plan && p->kind != PART_TOOL_CALL;
    }
    return first;
}

void cohere_read_citations(struct cohere_reader *r, json_ref message, struct canon_part *parts)
{
    json_ref list = openai_find(r->doc, message, S("citations"));
    if (!list || json_type(r->doc, list) != JSON_ARRAY) return;
    for (json_ref at = json_first(r->doc, list); at; at = json_next(r->doc, list, at)) {
        int64_t index;
        if (json_type(r->doc, at) != JSON_OBJECT) continue;
        json_ref type = openai_find(r->doc, at, S("type")), content = openai_find(r->doc, at, S("content_index"));
        if (type && !json_string_is(r->doc, type, S("TEXT_CONTENT"))) continue; /* of thoughts, of a plan */
        if (!content || !json_i64(r->doc, content, &index)) index = -1;
        struct canon_part *text = text_at(parts, index);
        if (!text) return;
        struct canon_citation **end = &text->citations;
        while (*end) end = &(*end)->next;
        *end = cohere_citations(r->doc, at, r->arena);
    }
}

void cohere_write_citation(struct buf *out, struct arena *arena, const struct canon_citation *c, int64_t content)
{
    if (c->of == DIALECT_COHERE && c->value.json.p) {
        buf_add(out, c->value.json);
        return;
    }
    buf_add_byte(out, '{');
    if (c->start >= 0) canon_put_i64(out, S("start"), c->start);
    if (c->end >= 0) canon_put_i64(out, S("end"), c->end);
    canon_put_raw(out, S("text"), c->said);
    /* documents are known by ids: an address is as good a one */
    jraw id = c->id.json.p ? c->id : c->url.json.p ? c->url : canon_cite_id(arena, c);
    canon_key(out, S("sources"));
    buf_add(out, S("[{\"type\":\"document\""));
    canon_put_raw(out, S("id"), id);
    canon_key(out, S("document"));
    buf_add_byte(out, '{');
    canon_put_raw(out, S("id"), id);
    canon_put_raw(out, S("title"), c->title);
    canon_put_raw(out, S("url"), c->url);
    canon_put_raw(out, S("snippet"), c->quote);
    buf_add(out, S("}}]"));
    canon_put_i64(out, S("content_index"), content);
    buf_add(out, S(",\"type\":\"TEXT_CONTENT\"}"));
}

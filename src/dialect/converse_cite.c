/* Citations of Converse: a block of its own, whose content they are of. */
#include "dialect/canon_cite.h"
#include "dialect/converse.h"

static const struct {
    str name, source;
    enum canon_place place;
} locations[] = {
    {STR_INIT("documentChar"), STR_INIT("documentIndex"), PLACE_CHARS},
    {STR_INIT("documentPage"), STR_INIT("documentIndex"), PLACE_PAGES},
    {STR_INIT("documentChunk"), STR_INIT("documentIndex"), PLACE_BLOCKS},
    {STR_INIT("searchResultLocation"), STR_INIT("searchResultIndex"), PLACE_RESULT},
};

struct canon_citation *converse_citation(const struct json *doc, json_ref at, struct arena *arena)
{
    enum { QUOTES_MAX = 16 };
    struct canon_citation *c = canon_cite_new(arena, DIALECT_CONVERSE);
    json_ref location = openai_find(doc, at, S("location")), quotes = openai_find(doc, at, S("sourceContent"));
    jraw texts[QUOTES_MAX];
    size_t count = 0;
    c->title = canon_raw_string(doc, at, S("title"));
    c->id = canon_raw_string(doc, at, S("source"));
    c->value = canon_raw(doc, at);
    bool list = quotes && json_type(doc, quotes) == JSON_ARRAY;
    for (json_ref q = list ? json_first(doc, quotes) : JSON_ABSENT; q && count < QUOTES_MAX;
         q = json_next(doc, quotes, q)) {
        jraw text = canon_raw_string(doc, q, S("text"));
        if (text.json.p) texts[count++] = text;
    }
    if (count) c->quote = canon_join(arena, texts, count, S(""));
    json_ref web = location ? openai_find(doc, location, S("web")) : JSON_ABSENT;
    if (web) c->url = canon_raw_string(doc, web, S("url"));
    for (size_t i = 0; i < COUNT_OF(locations) && location; i++) {
        json_ref place = openai_find(doc, location, locations[i].name);
        if (!place) continue;
        c->place = locations[i].place;
        c->source = canon_cite_count(doc, place, locations[i].source);
        c->from = canon_cite_count(doc, place, S("start"));
        c->to = canon_cite_count(doc, place, S("end"));
    }
    return c;
}

static void put_location(struct buf *out, const struct canon_citation *c)
{
    if (c->place == PLACE_NONE && !c->url.json.p) return;
    canon_key(out, S("location"));
    buf_add_byte(out, '{');
    if (c->place == PLACE_NONE) {
        buf_add(out, S("\"web\":{"));
        canon_put_raw(out, S("url"), c->url);
        buf_add(out, S("}}"));
        return;
    }
    size_t i = 0;
    while (locations[i].place != c->place) i++;
    canon_key(out, locations[i].name);
    buf_add_byte(out, '{');
    if (c->source >= 0) canon_put_i64(out, locations[i].source, c->source);
    if (c->from >= 0) canon_put_i64(out, S("start"), c->from);
    if (c->to >= 0) canon_put_i64(out, S("end"), c->to);
    buf_add(out, S("}}"));
}

void converse_put_citation(struct buf *out, const struct canon_citation *c)
{
    canon_comma(out);
    if (c->of == DIALECT_CONVERSE && c->value.json.p) {
        buf_add(out, c->value.json);
        return;
    }
    buf_add_byte(out, '{');
    canon_put_raw(out, S("title"), c->title);
    canon_put_raw(out, S("source"), c->id.json.p ? c->id : c->place == PLACE_RESULT ? c->url : RAW_NONE);
    if (c->quote.json.p) {
        canon_key(out, S("sourceContent"));
        buf_add(out, S("[{\"text\":"));
        buf_add(out, c->quote.json);
        buf_add(out, S("}]"));
    }
    put_location(out, c);
    buf_add_byte(out, '}');
}

/* Citations of text blocks. One stands at its block: its place in the answer is the whole of it. */
#include "dialect/canon_cite.h"
#include "dialect/messages.h"

static const struct {
    str type, from, to, source;
    enum canon_place place;
} locations[] = {
    {STR_INIT("char_location"), STR_INIT("start_char_index"), STR_INIT("end_char_index"), STR_INIT("document_index"),
     PLACE_CHARS},
    {STR_INIT("page_location"), STR_INIT("start_page_number"), STR_INIT("end_page_number"), STR_INIT("document_index"),
     PLACE_PAGES},
    {STR_INIT("content_block_location"), STR_INIT("start_block_index"), STR_INIT("end_block_index"),
     STR_INIT("document_index"), PLACE_BLOCKS},
    {STR_INIT("search_result_location"), STR_INIT("start_block_index"), STR_INIT("end_block_index"),
     STR_INIT("search_result_index"), PLACE_RESULT},
};

struct canon_citation *messages_citation(const struct json *doc, json_ref at, struct arena *arena)
{
    struct canon_citation *c = canon_cite_new(arena, DIALECT_MESSAGES);
    json_ref type = json_find(doc, at, S("type"), NULL);
    c->url = canon_raw_string(doc, at, S("url"));
    c->title = canon_raw_string(doc, at, S("title"));
    if (!c->title.json.p) c->title = canon_raw_string(doc, at, S("document_title"));
    c->id = canon_raw_string(doc, at, S("file_id"));
    c->quote = canon_raw_string(doc, at, S("cited_text"));
    c->value = canon_raw(doc, at);
    for (size_t i = 0; i < COUNT_OF(locations); i++) {
        if (!type || !json_string_is(doc, type, locations[i].type)) continue;
        c->place = locations[i].place;
        c->source = canon_cite_count(doc, at, locations[i].source);
        c->from = canon_cite_count(doc, at, locations[i].from);
        c->to = canon_cite_count(doc, at, locations[i].to);
    }
    if (c->place != PLACE_RESULT) return c;
    jraw source = canon_raw_string(doc, at, S("source")); /* an address, or whatever the client calls it */
    if (str_starts(canon_inside(source), S("http:")) || str_starts(canon_inside(source), S("https:")))
        c->url = source;
    else
        c->id = source;
    return c;
}

static void put_or_null(struct buf *out, str key, jraw value)
{
    canon_put_raw(out, key, value.json.p ? value : (jraw){S("null")});
}

static void put_location(struct buf *out, size_t i, const struct canon_citation *c)
{
    bool result = locations[i].place == PLACE_RESULT;
    int64_t from = c->from < 0 ? 0 : c->from, to = c->to < 0 ? from + 1 : c->to;
    canon_put_i64(out, locations[i].source, c->source < 0 ? 0 : c->source);
    if (!result) put_or_null(out, S("document_title"), c->title);
    canon_put_i64(out, locations[i].from, from);
    canon_put_i64(out, locations[i].to, to);
    if (!result) put_or_null(out, S("file_id"), c->id);
}

/* A source without an address is a document where its place in it is told, else a result that was given. */
void messages_put_citation(struct buf *out, struct arena *arena, const struct canon_citation *c)
{
    canon_comma(out);
    if (c->of == DIALECT_MESSAGES && c->value.json.p) {
        buf_add(out, c->value.json);
        return;
    }
    bool web = c->url.json.p && c->place == PLACE_NONE;
    enum canon_place place = c->place == PLACE_NONE ? PLACE_RESULT : c->place;
    size_t i = 0;
    while (locations[i].place != place) i++;
    buf_add(out, S("{\"type\":"));
    buf_add_json(out, web ? S("web_search_result_location") : locations[i].type);
    canon_put_raw(out, S("cited_text"), c->quote.json.p ? c->quote : (jraw){S("\"\"")});
    if (web) {
        canon_put_raw(out, S("encrypted_index"), (jraw){S("\"\"")});
    } else {
        put_location(out, i, c);
        if (place == PLACE_RESULT) canon_put_raw(out, S("source"), c->url.json.p ? c->url : canon_cite_id(arena, c));
    }
    if (web || place == PLACE_RESULT) put_or_null(out, S("title"), c->title);
    if (web) canon_put_raw(out, S("url"), c->url);
    buf_add_byte(out, '}');
}

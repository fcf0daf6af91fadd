/* Annotations of output texts. */
#include "dialect/canon_cite.h"
#include "dialect/responses.h"

struct canon_citation *responses_read_citation(const struct json *doc, json_ref at, struct arena *arena)
{
    struct canon_citation *c = canon_cite_new(arena, DIALECT_RESPONSES);
    c->url = canon_raw_string(doc, at, S("url"));
    c->title = canon_raw_string(doc, at, S("title"));
    if (!c->title.json.p) c->title = canon_raw_string(doc, at, S("filename"));
    c->id = canon_raw_string(doc, at, S("file_id"));
    c->source = canon_cite_count(doc, at, S("index"));
    canon_cite_span(c, doc, at, S("start_index"), S("end_index"));
    c->value = canon_raw(doc, at);
    return c;
}

/* Of the web by its address and place; of a document by its name and number: the protocol has no more of it. */
void responses_put_citation(struct buf *out, struct arena *arena, const struct canon_citation *c)
{
    canon_comma(out);
    if (c->of == DIALECT_RESPONSES && c->value.json.p) {
        buf_add(out, c->value.json);
        return;
    }
    if (!c->url.json.p) {
        jraw id = canon_cite_id(arena, c);
        buf_add(out, S("{\"type\":\"file_citation\""));
        canon_put_raw(out, S("file_id"), id);
        canon_put_raw(out, S("filename"), c->title.json.p ? c->title : id);
        canon_put_i64(out, S("index"), c->source < 0 ? 0 : c->source);
        buf_add_byte(out, '}');
        return;
    }
    buf_add(out, S("{\"type\":\"url_citation\""));
    canon_put_i64(out, S("start_index"), c->start < 0 ? 0 : c->start);
    canon_put_i64(out, S("end_index"), c->end < 0 ? 0 : c->end);
    canon_put_raw(out, S("url"), c->url);
    canon_key(out, S("title"));
    buf_add(out, c->title.json.p ? c->title.json : S("\"\""));
    buf_add_byte(out, '}');
}

void responses_put_citations(struct buf *out, struct arena *arena, const struct canon_part *part)
{
    int64_t length = part->citations ? canon_length(part->text) : 0;
    buf_add_byte(out, '[');
    for (const struct canon_citation *c = part->citations; c; c = c->next) {
        struct canon_citation placed = canon_placed(c, length, 0);
        responses_put_citation(out, arena, &placed);
    }
    buf_add_byte(out, ']');
}

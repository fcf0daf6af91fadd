/* References of Responses to items that purser itself made: spelled out before the call is read,
 * so that everything behind it sees what is meant. */
#include "flow/request.h"

#include "flow/items.h"
#include "flow/purser.h"

enum { REFERENCES_MAX = 1000 };

static str owner_of(const struct request *r)
{
    return r->authenticate.key->name;
}

/* Fails: false where the item is no reference, or to something that is not kept. */
static bool spell(struct request *r, const struct json *doc, json_ref item, struct json_edit *edit)
{
    str id, with, raw = json_raw(doc, item);
    if (json_type(doc, item) != JSON_OBJECT) return false;
    if (!json_string_is(doc, json_find(doc, item, S("type"), NULL), S("item_reference"))) return false;
    if (!json_string(doc, json_find(doc, item, S("id"), NULL), &r->arena, &id)) return false;
    if (!items_find(r->worker->purser->items, owner_of(r), id, &r->arena, &with)) return false;
    *edit = (struct json_edit){(size_t)(raw.p - r->receive.body.p), raw.n, with};
    return true;
}

bool references_spell_out(struct request *r)
{
    const struct json *doc = &r->worker->json;
    if (r->receive.kind != CALL_RESPONSES) return false;
    r->attribute.unstored = json_type(doc, json_find(doc, JSON_ROOT, S("store"), NULL)) == JSON_FALSE;
    if (!items_any(r->worker->purser->items)) return false;
    json_ref input = json_find(doc, JSON_ROOT, S("input"), NULL);
    if (json_type(doc, input) != JSON_ARRAY) return false;
    struct json_edit *edits = NULL;
    struct buf body;
    size_t count = 0;
    for (json_ref at = json_first(doc, input); at && count < REFERENCES_MAX; at = json_next(doc, input, at)) {
        struct json_edit edit;
        if (!spell(r, doc, at, &edit)) continue;
        if (!edits) edits = arena_alloc(&r->arena, REFERENCES_MAX * sizeof(*edits));
        edits[count++] = edit;
    }
    if (!count) return false;
    buf_init(&body, (size_t)r->lease->snapshot->settings->ceilings.body_bytes);
    bool fits = json_splice(r->receive.body, edits, count, &body);
    if (fits) r->receive.body = arena_str(&r->arena, buf_str(&body));
    buf_free(&body);
    return fits;
}

/* The response: of a whole answer the body, of a stream what its last event holds; others may stand before it, closing what was open. */
static str response_of(const struct attempt *a)
{
    const str data = S("\ndata: ");
    if (a->body.whole) return buf_str(&a->body.kept);
    str end = buf_str(&a->body.withheld);
    size_t at = SIZE_MAX;
    for (size_t i = 0; (i = str_find(end, data, i)) != SIZE_MAX; i += data.n) at = i;
    if (at == SIZE_MAX) return STR_NONE;
    end = str_from_at(end, at + data.n);
    return str_head(end, str_find_byte(end, '\n', 0));
}

void references_keep(struct request *r)
{
    const struct attempt *a = r->attempt;
    struct json *doc = &r->worker->json;
    struct json_fail why;
    if (r->receive.kind != CALL_RESPONSES || !a->way->translated || r->attribute.unstored) return;
    str text = response_of(a);
    r->worker->json_of = 0; /* a body that was read before is gone */
    if (!text.n || !json_parse(doc, text, &why)) return;
    json_ref response = a->body.whole ? JSON_ROOT : json_find(doc, JSON_ROOT, S("response"), NULL);
    json_ref output = json_find(doc, response, S("output"), NULL);
    if (json_type(doc, output) != JSON_ARRAY) return;
    for (json_ref at = json_first(doc, output); at; at = json_next(doc, output, at)) {
        str id;
        if (json_string(doc, json_find(doc, at, S("id"), NULL), &r->arena, &id))
            items_put(r->worker->purser->items, owner_of(r), id, json_raw(doc, at));
    }
}

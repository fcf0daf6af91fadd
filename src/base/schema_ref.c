/* What a reference means: a resource by its URI, a place in it by a pointer or an anchor. */
#include "base/schema_inside.h"

static struct schema_resource *find_resource(const struct schema *s, str uri)
{
    for (uint32_t i = 0; i < s->resource_count; i++) {
        if (str_eq(s->resources[i].uri, uri)) return &s->resources[i];
    }
    for (uint32_t i = 0; i < s->doc_count; i++) { /* a document is known by where it came from, too */
        struct schema_doc *doc = s->docs[i];
        if (str_eq(doc->uri, uri)) return &s->resources[doc->resource_of[JSON_ROOT]];
    }
    return NULL;
}

static bool find_elsewhere(struct schema_compiler *c, const struct schema_place *p, json_ref value, str uri)
{
    str text;
    if (!c->options->find || !c->options->find(c->options->ctx, uri, &text)) {
        return schema_refuse(c, p->doc, value, "refers to another schema, which is not at hand: %" STR_FMT,
                             STR_ARG(uri));
    }
    return schema_doc_add(c, uri, text) != NULL;
}

/* ~1 and ~0 of a pointer's token. */
static str unescape_token(struct arena *arena, str token)
{
    if (str_find_byte(token, '~', 0) == SIZE_MAX) return token;
    char *out = arena_alloc(arena, token.n);
    size_t n = 0;
    for (size_t i = 0; i < token.n; i++) {
        bool escape = token.p[i] == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1');
        out[n++] = !escape ? token.p[i] : token.p[++i] == '0' ? '~' : '/';
    }
    return str_of(out, n);
}

static json_ref find_item(struct schema_compiler *c, const struct json *doc, json_ref array, str token)
{
    uint64_t i;
    if (!str_to_u64(token, &i) || (token.n > 1 && token.p[0] == '0')) return JSON_ABSENT;
    json_ref m = json_first(doc, array);
    for (; i && m != JSON_ABSENT; i--, c->searched++) m = json_next(doc, array, m);
    return m;
}

/* Where the pointer leads, noting what is a schema there only because somebody points at it. */
static bool follow_pointer(struct schema_compiler *c, struct schema_resource *from, str pointer, json_ref *out)
{
    struct schema_doc *doc = from->doc;
    uint32_t resource = doc->resource_of[from->at];
    json_ref at = from->at;
    str rest = str_from_at(pointer, 1);
    while (pointer.n && rest.p) {
        str token = unescape_token(&c->schema->arena, str_cut(&rest, '/'));
        enum json_type type = json_type(&doc->json, at);
        at = type == JSON_OBJECT  ? json_find(&doc->json, at, token, NULL)
             : type == JSON_ARRAY ? find_item(c, &doc->json, at, token)
                                  : JSON_ABSENT;
        if (at == JSON_ABSENT) return false;
        if (c->searched > SCHEMA_SEARCHES_MAX)
            return schema_refuse(c, doc, at, "too many references to it, by long ways");
        if (doc->resource_of[at] != SCHEMA_ABSENT) resource = doc->resource_of[at];
    }
    *out = at;
    return schema_scan(c, doc, at, resource);
}

static const struct schema_anchor *find_anchor(const struct schema *s, uint32_t resource, str name)
{
    for (uint32_t i = 0; i < s->anchor_count; i++) {
        if (s->anchors[i].resource == resource && str_eq(s->anchors[i].name, name)) return &s->anchors[i];
    }
    return NULL;
}

bool schema_follow(struct schema_compiler *c, const struct schema_place *p, json_ref value, schema_ref *node,
                   str *anchor)
{
    struct schema *s = c->schema;
    *anchor = STR_NONE;
    if (json_type(&p->doc->json, value) != JSON_STRING) {
        return schema_refuse(c, p->doc, value, "must be a text: a URI reference");
    }
    str ref = schema_text(&p->doc->json, value, &s->arena);
    str fragment = schema_uri_decode(&s->arena, schema_uri_split(ref).fragment);
    struct schema_resource *to = &s->resources[p->resource];
    if (ref.n && ref.p[0] != '#') {
        str uri = schema_uri_resolve(&s->arena, to->uri, ref);
        to = find_resource(s, uri);
        if (!to && !find_elsewhere(c, p, value, uri)) return false;
        if (!to) to = find_resource(s, uri);
        if (!to) return schema_refuse(c, p->doc, value, "refers to nothing: %" STR_FMT, STR_ARG(ref));
    }
    json_ref at = to->at;
    struct schema_doc *doc = to->doc;
    if (fragment.n && fragment.p[0] != '/') {
        const struct schema_anchor *found = find_anchor(s, doc->resource_of[at], fragment);
        if (!found) return schema_refuse(c, p->doc, value, "refers to nothing: %" STR_FMT, STR_ARG(ref));
        at = found->at;
        if (found->dynamic) *anchor = found->name;
    } else if (!follow_pointer(c, to, fragment, &at)) {
        return schema_refuse(c, p->doc, value, "refers to nothing: %" STR_FMT, STR_ARG(ref));
    }
    *node = schema_node_for(c, doc, at);
    return *node != SCHEMA_ABSENT;
}

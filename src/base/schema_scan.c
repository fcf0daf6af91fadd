/* Before anything is compiled: which URIs and anchors a document gives to its parts.
 *
 * Only places that a keyword declares to be schemas are walked: an "$id" in an enum is data. */
#include "base/schema_inside.h"

#define DRAFT S("https://json-schema.org/draft/2020-12/")

static bool scan_value(struct schema_compiler *c, struct schema_doc *doc, json_ref at, uint32_t resource,
                       enum schema_holds holds)
{
    enum json_type type = json_type(&doc->json, at);
    /* An old "items" may be a list, an old dependency a list of names. */
    if (holds == SCHEMA_HOLDS_ONE && type != JSON_ARRAY) return schema_scan(c, doc, at, resource);
    if (type != JSON_ARRAY && (type != JSON_OBJECT || holds == SCHEMA_HOLDS_LIST)) return true;
    for (json_ref m = json_first(&doc->json, at); m != JSON_ABSENT; m = json_next(&doc->json, at, m)) {
        if (type == JSON_OBJECT) m++;
        if (!schema_scan(c, doc, m, resource)) return false;
    }
    return true;
}

/* A vocabulary that is required and not known makes the schema unreadable. */
static bool read_vocabularies(struct schema_compiler *c, const struct schema_doc *doc, json_ref map, uint8_t *out)
{
    static const struct {
        str name;
        uint8_t bit;
    } known[] = {
        {STR_INIT("core"), SCHEMA_CORE},
        {STR_INIT("applicator"), SCHEMA_APPLICATOR},
        {STR_INIT("validation"), SCHEMA_VALIDATION},
        {STR_INIT("unevaluated"), SCHEMA_UNEVALUATED},
        {STR_INIT("format-assertion"), SCHEMA_FORMAT},
        {STR_INIT("format-annotation"), 0},
        {STR_INIT("meta-data"), 0},
        {STR_INIT("content"), 0},
    };
    *out = SCHEMA_CORE;
    for (json_ref k = json_first(&doc->json, map); k != JSON_ABSENT; k = json_next(&doc->json, map, k + 1)) {
        str uri = schema_text(&doc->json, k, &c->schema->arena);
        bool found = false;
        if (str_starts(uri, DRAFT)) {
            str name = str_from_at(uri, DRAFT.n);
            for (size_t i = 0; i < COUNT_OF(known) && str_starts(name, S("vocab/")); i++) {
                if (!str_eq(known[i].name, str_from_at(name, 6))) continue;
                *out |= known[i].bit;
                found = true;
            }
        }
        if (!found && json_is_true(&doc->json, k + 1)) {
            return schema_refuse(c, doc, map, "needs a vocabulary that is not known: %" STR_FMT, STR_ARG(uri));
        }
    }
    return true;
}

/* What "$schema" says of the keywords that count. Older drafts are read as this one where they agree. */
static bool read_dialect(struct schema_compiler *c, struct schema_doc *doc, json_ref at, uint8_t *out)
{
    if (json_type(&doc->json, at) != JSON_STRING) {
        return schema_refuse(c, doc, at, "must be a text: the URI of a dialect");
    }
    str uri = schema_text(&doc->json, at, &c->schema->arena);
    if (uri.n && uri.p[uri.n - 1] == '#') uri.n--;
    bool ours = str_starts(uri, S("https://json-schema.org/draft/")) || str_starts(uri, S("http://json-schema.org/"));
    uint8_t asserted = c->options->formats ? SCHEMA_FORMAT : 0;
    if (ours) {
        bool old = !str_eq(uri, S("https://json-schema.org/draft/2020-12/schema")) &&
                   !str_eq(uri, S("https://json-schema.org/draft/next/schema")) &&
                   !str_eq(uri, S("http://json-schema.org/schema"));
        *out = SCHEMA_ALL | asserted | (old ? SCHEMA_OLD : 0);
        return true;
    }
    str text;
    if (!c->options->find || !c->options->find(c->options->ctx, uri, &text)) {
        return schema_refuse(c, doc, at, "names a dialect that is not known: %" STR_FMT, STR_ARG(uri));
    }
    struct schema_doc meta = {0}; /* only looked into, never compiled */
    struct json_fail why;
    json_init(&meta.json);
    bool ok = json_parse(&meta.json, text, &why);
    json_ref map = ok ? json_find(&meta.json, JSON_ROOT, S("$vocabulary"), NULL) : JSON_ABSENT;
    if (!ok) schema_refuse(c, doc, at, "names a dialect whose text is no JSON: %s", why.why);
    *out = SCHEMA_ALL | asserted;
    if (map != JSON_ABSENT) ok = read_vocabularies(c, &meta, map, out);
    if (asserted) *out |= SCHEMA_FORMAT;
    json_free(&meta.json);
    return ok;
}

static bool add_resource(struct schema_compiler *c, struct schema_doc *doc, json_ref at, str uri, uint8_t vocabularies,
                         uint32_t *out)
{
    struct schema *s = c->schema;
    if (s->resource_count == SCHEMA_RESOURCES_MAX) {
        return schema_refuse(c, doc, at, "too many schemas with an $id (%d are allowed)", SCHEMA_RESOURCES_MAX);
    }
    s->resources = schema_roomier(s->resources, s->resource_count, sizeof(*s->resources));
    s->resources[s->resource_count] = (struct schema_resource){uri, doc, at, vocabularies};
    *out = s->resource_count++;
    return true;
}

/* A schema that begins a resource: the root of a document, or one with an $id. */
static bool begin_resource(struct schema_compiler *c, struct schema_doc *doc, json_ref at, uint32_t *resource)
{
    struct schema *s = c->schema;
    bool root = *resource == SCHEMA_ABSENT;
    json_ref id = json_find(&doc->json, at, S("$id"), NULL), dialect = json_find(&doc->json, at, S("$schema"), NULL);
    if (!root && id == JSON_ABSENT) return true;
    str base = root ? doc->uri : s->resources[*resource].uri, uri = base;
    uint8_t vocabularies =
        root ? (uint8_t)(SCHEMA_ALL | (c->options->formats ? SCHEMA_FORMAT : 0)) : s->resources[*resource].vocabularies;
    if (id != JSON_ABSENT) {
        if (json_type(&doc->json, id) != JSON_STRING) return schema_refuse(c, doc, id, "must be a text: a URI");
        uri = schema_uri_resolve(&s->arena, base, schema_text(&doc->json, id, &s->arena));
    }
    if (dialect != JSON_ABSENT && !read_dialect(c, doc, dialect, &vocabularies)) return false;
    return add_resource(c, doc, at, uri, vocabularies, resource);
}

static bool add_anchor(struct schema_compiler *c, struct schema_doc *doc, json_ref at, uint32_t resource, bool dynamic)
{
    struct schema *s = c->schema;
    json_ref name = json_find(&doc->json, at, dynamic ? S("$dynamicAnchor") : S("$anchor"), NULL);
    if (name == JSON_ABSENT) return true;
    if (json_type(&doc->json, name) != JSON_STRING) return schema_refuse(c, doc, name, "must be a text: a name");
    if (s->anchor_count == SCHEMA_ANCHORS_MAX) {
        return schema_refuse(c, doc, name, "too many anchors (%d are allowed)", SCHEMA_ANCHORS_MAX);
    }
    s->anchors = schema_roomier(s->anchors, s->anchor_count, sizeof(*s->anchors));
    s->anchors[s->anchor_count++] = (struct schema_anchor){
        .name = schema_text(&doc->json, name, &s->arena),
        .resource = resource,
        .at = at,
        .dynamic = dynamic,
        .node = SCHEMA_ABSENT,
    };
    return true;
}

bool schema_scan(struct schema_compiler *c, struct schema_doc *doc, json_ref at, uint32_t resource)
{
    enum json_type type = json_type(&doc->json, at);
    if (doc->resource_of[at] != SCHEMA_ABSENT) return true;
    if (type != JSON_OBJECT) {
        if (resource == SCHEMA_ABSENT && !begin_resource(c, doc, at, &resource)) return false;
        doc->resource_of[at] = resource;
        return true;
    }
    if (!begin_resource(c, doc, at, &resource)) return false;
    doc->resource_of[at] = resource;
    if (!add_anchor(c, doc, at, resource, false) || !add_anchor(c, doc, at, resource, true)) return false;
    uint8_t vocabularies = c->schema->resources[resource].vocabularies;
    for (json_ref k = json_first(&doc->json, at); k != JSON_ABSENT; k = json_next(&doc->json, at, k + 1)) {
        enum schema_holds holds = schema_keyword_holds(schema_text(&doc->json, k, &c->schema->arena), vocabularies);
        if (holds && !scan_value(c, doc, k + 1, resource, holds)) return false;
    }
    return true;
}

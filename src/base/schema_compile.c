/* From a text to rules. Subschemas are compiled when something leads to them, one after
 * the other from a queue: a schema that refers to itself is no recursion here. */
#include "base/schema_inside.h"

#include <stdarg.h>
#include <stdio.h>

enum schema_read schema_refuse(struct schema_compiler *c, const struct schema_doc *doc, json_ref at, const char *fmt,
                               ...)
{
    if (c->failed) return SCHEMA_READ_FAILED;
    c->failed = true;
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->fail->why, sizeof(c->fail->why), fmt, args);
    va_end(args);
    c->fail->where[0] = '\0';
    if (doc && doc->json.count) schema_pointer(&doc->json, JSON_ROOT, at, c->fail->where, sizeof(c->fail->where));
    return SCHEMA_READ_FAILED;
}

void *schema_roomier(void *array, uint32_t count, size_t size)
{
    bool full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    if (!full) return array;
    return mem_realloc(array, (count ? 2 * (size_t)count : 8) * size);
}

static schema_ref *absent_of_each(struct arena *arena, uint32_t count)
{
    schema_ref *refs = arena_alloc(arena, count * sizeof(*refs));
    memset(refs, 0xff, count * sizeof(*refs));
    return refs;
}

struct schema_doc *schema_doc_add(struct schema_compiler *c, str uri, str text)
{
    struct schema *s = c->schema;
    if (s->doc_count == SCHEMA_DOCS_MAX || text.n > SCHEMA_TEXT_MAX - c->text_bytes) {
        schema_refuse(c, NULL, JSON_ROOT, "is too large: %d bytes in %d documents are allowed", SCHEMA_TEXT_MAX,
                      SCHEMA_DOCS_MAX);
        return NULL;
    }
    c->text_bytes += text.n;
    struct schema_doc *doc = arena_zalloc(&s->arena, sizeof(*doc));
    struct json_fail why;
    json_init(&doc->json);
    doc->uri = arena_str(&s->arena, uri);
    if (!json_parse(&doc->json, arena_str(&s->arena, text), &why)) {
        schema_refuse(c, NULL, JSON_ROOT, "is no JSON: %s, at byte %zu", why.why, why.at);
        json_free(&doc->json);
        return NULL;
    }
    s->docs = schema_roomier(s->docs, s->doc_count, sizeof(*s->docs));
    s->docs[s->doc_count++] = doc;
    doc->node_of = absent_of_each(&s->arena, doc->json.count);
    doc->resource_of = absent_of_each(&s->arena, doc->json.count);
    return schema_scan(c, doc, JSON_ROOT, SCHEMA_ABSENT) ? doc : NULL;
}

schema_ref schema_node_for(struct schema_compiler *c, struct schema_doc *doc, json_ref at)
{
    struct schema *s = c->schema;
    if (doc->node_of[at] != SCHEMA_ABSENT) return doc->node_of[at];
    enum json_type type = json_type(&doc->json, at);
    if (type != JSON_OBJECT && type != JSON_TRUE && type != JSON_FALSE) {
        schema_refuse(c, doc, at, "must be a schema: an object, true or false");
        return SCHEMA_ABSENT;
    }
    if (s->node_count == SCHEMA_NODES_MAX) {
        schema_refuse(c, doc, at, "too many schemas (%d are allowed)", SCHEMA_NODES_MAX);
        return SCHEMA_ABSENT;
    }
    s->nodes = schema_roomier(s->nodes, s->node_count, sizeof(*s->nodes));
    s->nodes[s->node_count] = (struct schema_node){
        .doc = doc,
        .at = at,
        .resource = doc->resource_of[at],
        .verdict = type == JSON_TRUE    ? SCHEMA_ALWAYS
                   : type == JSON_FALSE ? SCHEMA_NEVER
                                        : SCHEMA_BY_RULES,
    };
    return doc->node_of[at] = s->node_count++;
}

/* The keywords of one subschema become its rules. */
static bool compile_node(struct schema_compiler *c, schema_ref ref)
{
    struct schema *s = c->schema;
    struct schema_node *node = &s->nodes[ref];
    if (node->verdict != SCHEMA_BY_RULES) return true;
    struct schema_place place = {node->doc, node->at, node->resource};
    uint8_t vocabularies = s->resources[node->resource].vocabularies;
    struct schema_rule rules[SCHEMA_KEYWORDS];
    uint8_t count = 0;
    bool must_see = false;
    for (int k = 0; k < SCHEMA_KEYWORDS; k++) {
        const struct schema_keyword_row *row = &schema_keywords[k];
        if (!(row->vocabulary & vocabularies)) continue;
        json_ref value = json_find(&place.doc->json, place.at, row->name, NULL);
        if (value == JSON_ABSENT) continue;
        rules[count] = (struct schema_rule){.keyword = (enum schema_keyword)k, .value = value};
        enum schema_read read = row->read(c, &place, &rules[count]);
        if (read == SCHEMA_READ_FAILED) return false;
        must_see |= row->vocabulary == SCHEMA_UNEVALUATED;
        if (read == SCHEMA_READ_RULE) count++;
    }
    node = &s->nodes[ref]; /* it may have moved */
    node->must_see = must_see;
    node->rule_count = count;
    node->rules = arena_alloc(&s->arena, count * sizeof(*rules) + 1);
    memcpy(node->rules, rules, count * sizeof(*rules));
    if (!count) node->verdict = SCHEMA_ALWAYS;
    return true;
}

/* A dynamic anchor may be met from anywhere: once one is referred to, all are compiled. */
static bool compile_dynamic(struct schema_compiler *c)
{
    struct schema *s = c->schema;
    for (uint32_t i = 0; i < s->anchor_count; i++) {
        if (!s->anchors[i].dynamic || s->anchors[i].node != SCHEMA_ABSENT) continue;
        schema_ref node = schema_node_for(c, s->resources[s->anchors[i].resource].doc, s->anchors[i].at);
        if (node == SCHEMA_ABSENT) return false;
        s->anchors[i].node = node;
    }
    return true;
}

static bool compile_all(struct schema_compiler *c, str text)
{
    struct schema *s = c->schema;
    struct schema_doc *doc = schema_doc_add(c, S(""), text);
    if (!doc) return false;
    s->root = schema_node_for(c, doc, JSON_ROOT);
    if (s->root == SCHEMA_ABSENT) return false;
    for (schema_ref next = 0; next < s->node_count;) {
        if (!compile_node(c, next++)) return false;
        if (next == s->node_count && c->dynamic && !compile_dynamic(c)) return false;
    }
    return true;
}

struct schema *schema_compile(str text, const struct schema_options *options, struct schema_fail *why)
{
    static const struct schema_options none = {0};
    struct schema *s = mem_zalloc(sizeof(*s));
    arena_init(&s->arena);
    struct schema_compiler c = {.schema = s, .options = options ? options : &none, .fail = why};
    *why = (struct schema_fail){0};
    if (compile_all(&c, text)) return s;
    schema_drop(s);
    return NULL;
}

void schema_drop(struct schema *s)
{
    if (!s) return;
    for (uint32_t i = 0; i < s->pattern_count; i++) pattern_drop(s->patterns[i]);
    for (uint32_t i = 0; i < s->doc_count; i++) json_free(&s->docs[i]->json);
    free(s->patterns);
    free(s->docs);
    free(s->anchors);
    free(s->resources);
    free(s->nodes);
    arena_free(&s->arena);
    free(s);
}

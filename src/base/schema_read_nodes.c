/* Keywords whose values are schemas themselves. */
#include "base/schema_inside.h"

schema_read_fn schema_read_one, schema_read_several, schema_read_if, schema_read_ref, schema_read_dynamic_ref,
    schema_read_members, schema_read_elements, schema_read_contains, schema_read_dependents;

static json_ref sibling(const struct schema_place *p, str name)
{
    return json_find(&p->doc->json, p->at, name, NULL);
}

/* The schema under `name`, if there is one. */
static bool read_optional(struct schema_compiler *c, const struct schema_place *p, str name, schema_ref *out)
{
    json_ref at = sibling(p, name);
    *out = SCHEMA_ABSENT;
    if (at == JSON_ABSENT) return true;
    *out = schema_node_for(c, p->doc, at);
    return *out != SCHEMA_ABSENT;
}

enum schema_read schema_read_one(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    rule->node = schema_node_for(c, p->doc, rule->value);
    return rule->node != SCHEMA_ABSENT ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

static bool read_list(struct schema_compiler *c, const struct schema_place *p, json_ref at, struct schema_list *out)
{
    const struct json *json = &p->doc->json;
    if (json_type(json, at) != JSON_ARRAY) return schema_refuse(c, p->doc, at, "must be a list of schemas");
    uint32_t count = 0;
    for (json_ref m = json_first(json, at); m != JSON_ABSENT; m = json_next(json, at, m)) count++;
    out->nodes = arena_alloc(&c->schema->arena, count * sizeof(schema_ref) + 1);
    for (json_ref m = json_first(json, at); m != JSON_ABSENT; m = json_next(json, at, m)) {
        schema_ref node = schema_node_for(c, p->doc, m);
        if (node == SCHEMA_ABSENT) return false;
        out->nodes[out->count++] = node;
    }
    return true;
}

enum schema_read schema_read_several(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    if (!read_list(c, p, rule->value, &rule->list)) return SCHEMA_READ_FAILED;
    return rule->list.count ? SCHEMA_READ_RULE : schema_refuse(c, p->doc, rule->value, "must have a schema in it");
}

enum schema_read schema_read_if(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    struct schema_if *r = &rule->condition;
    r->condition = schema_node_for(c, p->doc, rule->value);
    bool ok = r->condition != SCHEMA_ABSENT && read_optional(c, p, S("then"), &r->yes) &&
              read_optional(c, p, S("else"), &r->no);
    return ok ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED; /* alone it still sees members */
}

enum schema_read schema_read_ref(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    str anchor;
    return schema_follow(c, p, rule->value, &rule->node, &anchor) ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

enum schema_read schema_read_dynamic_ref(struct schema_compiler *c, const struct schema_place *p,
                                         struct schema_rule *rule)
{
    struct schema_dynamic *r = &rule->dynamic;
    c->dynamic = true;
    return schema_follow(c, p, rule->value, &r->node, &r->anchor) ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

static int by_size_and_bytes(const void *a, const void *b)
{
    const struct schema_member *x = a, *y = b;
    if (x->key.n != y->key.n) return x->key.n < y->key.n ? -1 : 1;
    return x->key.n ? memcmp(x->key.p, y->key.p, x->key.n) : 0;
}

static uint32_t count_keys(const struct json *json, json_ref map)
{
    uint32_t count = 0;
    for (json_ref k = json_first(json, map); k != JSON_ABSENT; k = json_next(json, map, k + 1)) count++;
    return count;
}

static bool is_map(struct schema_compiler *c, const struct schema_place *p, json_ref at)
{
    return json_type(&p->doc->json, at) == JSON_OBJECT || schema_refuse(c, p->doc, at, "must be an object of schemas");
}

static bool read_named(struct schema_compiler *c, const struct schema_place *p, json_ref map,
                       struct schema_members *out)
{
    const struct json *json = &p->doc->json;
    if (map == JSON_ABSENT) return true;
    if (!is_map(c, p, map)) return false;
    out->named = arena_alloc(&c->schema->arena, count_keys(json, map) * sizeof(*out->named) + 1);
    for (json_ref k = json_first(json, map); k != JSON_ABSENT; k = json_next(json, map, k + 1)) {
        str key = schema_text(json, k, &c->schema->arena);
        schema_ref node = schema_node_for(c, p->doc, k + 1);
        if (node == SCHEMA_ABSENT) return false;
        out->named[out->named_count++] = (struct schema_member){key, node};
    }
    if (out->named_count) qsort(out->named, out->named_count, sizeof(*out->named), by_size_and_bytes);
    return true;
}

static bool read_matchers(struct schema_compiler *c, const struct schema_place *p, json_ref map,
                          struct schema_members *out)
{
    const struct json *json = &p->doc->json;
    if (map == JSON_ABSENT) return true;
    if (!is_map(c, p, map)) return false;
    out->matchers = arena_alloc(&c->schema->arena, count_keys(json, map) * sizeof(*out->matchers) + 1);
    for (json_ref k = json_first(json, map); k != JSON_ABSENT; k = json_next(json, map, k + 1)) {
        const struct pattern *pattern = schema_pattern_add(c, p, k);
        schema_ref node = pattern ? schema_node_for(c, p->doc, k + 1) : SCHEMA_ABSENT;
        if (node == SCHEMA_ABSENT) return false;
        out->matchers[out->matcher_count++] = (struct schema_matcher){pattern, node};
    }
    return true;
}

/* The three go together, in the rule of the first that is there. */
enum schema_read schema_read_members(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    json_ref named = sibling(p, S("properties")), matched = sibling(p, S("patternProperties"));
    bool first = rule->keyword == SCHEMA_properties || named == JSON_ABSENT;
    if (rule->keyword == SCHEMA_additional_properties) first = first && matched == JSON_ABSENT;
    if (!first) return SCHEMA_READ_NOTHING;
    struct schema_members *m = rule->members = arena_zalloc(&c->schema->arena, sizeof(*m));
    bool ok = read_named(c, p, named, m) && read_matchers(c, p, matched, m) &&
              read_optional(c, p, S("additionalProperties"), &m->others);
    return ok ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

/* Before 2020-12 a list in "items" was what prefixItems is now, "additionalItems" what items is. */
static enum schema_read read_old_elements(struct schema_compiler *c, const struct schema_place *p,
                                          struct schema_rule *rule)
{
    rule->elements.others = SCHEMA_ABSENT;
    if (rule->keyword == SCHEMA_prefix_items) return SCHEMA_READ_NOTHING;
    if (json_type(&p->doc->json, rule->value) != JSON_ARRAY) {
        rule->elements.others = schema_node_for(c, p->doc, rule->value);
        return rule->elements.others != SCHEMA_ABSENT ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
    }
    bool ok = read_list(c, p, rule->value, &rule->elements.first) &&
              read_optional(c, p, S("additionalItems"), &rule->elements.others);
    return ok ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

/* prefixItems and items go together, in the rule of the first that is there. */
enum schema_read schema_read_elements(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    if (c->schema->resources[p->resource].vocabularies & SCHEMA_OLD) return read_old_elements(c, p, rule);
    json_ref first = sibling(p, S("prefixItems"));
    if (rule->keyword == SCHEMA_items && first != JSON_ABSENT) return SCHEMA_READ_NOTHING;
    bool ok = (first == JSON_ABSENT || read_list(c, p, first, &rule->elements.first)) &&
              read_optional(c, p, S("items"), &rule->elements.others);
    return ok ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

static bool read_optional_count(struct schema_compiler *c, const struct schema_place *p, str name, uint32_t *out)
{
    json_ref at = sibling(p, name);
    if (at == JSON_ABSENT || !(c->schema->resources[p->resource].vocabularies & SCHEMA_VALIDATION)) return true;
    return schema_count_read(c, p, at, out);
}

enum schema_read schema_read_contains(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    struct schema_contains *r = &rule->contains;
    *r = (struct schema_contains){.min = 1, .max = UINT32_MAX};
    r->node = schema_node_for(c, p->doc, rule->value);
    bool ok = r->node != SCHEMA_ABSENT && read_optional_count(c, p, S("minContains"), &r->min) &&
              read_optional_count(c, p, S("maxContains"), &r->max);
    return ok ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

enum schema_read schema_read_dependents(struct schema_compiler *c, const struct schema_place *p,
                                        struct schema_rule *rule)
{
    const struct json *json = &p->doc->json;
    struct schema_dependents *r = &rule->dependents;
    if (json_type(json, rule->value) != JSON_OBJECT) return schema_refuse(c, p->doc, rule->value, "must be an object");
    r->rows = arena_zalloc(&c->schema->arena, count_keys(json, rule->value) * sizeof(*r->rows) + 1);
    for (json_ref k = json_first(json, rule->value); k != JSON_ABSENT; k = json_next(json, rule->value, k + 1)) {
        struct schema_dependent *row = &r->rows[r->count++];
        row->key = schema_text(json, k, &c->schema->arena);
        row->node = SCHEMA_ABSENT;
        bool names = rule->keyword == SCHEMA_dependent_required ||
                     (rule->keyword == SCHEMA_dependencies && json_type(json, k + 1) == JSON_ARRAY);
        if (names && !schema_names_read(c, p, k + 1, &row->needs)) return SCHEMA_READ_FAILED;
        if (!names) row->node = schema_node_for(c, p->doc, k + 1);
        if (!names && row->node == SCHEMA_ABSENT) return SCHEMA_READ_FAILED;
    }
    return SCHEMA_READ_RULE;
}

/* Rules that go into objects and arrays. */
#include "base/schema_run.h"

schema_check_fn schema_check_properties, schema_check_pattern_properties, schema_check_additional_properties,
    schema_check_property_names, schema_check_prefix_items, schema_check_items, schema_check_contains,
    schema_check_dependent_required, schema_check_dependent_schemas, schema_check_dependencies,
    schema_check_unevaluated_items, schema_check_unevaluated_properties;

static schema_ref find_named(const struct schema_members *m, str key)
{
    uint32_t low = 0, high = m->named_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        str at = m->named[mid].key;
        int d = at.n != key.n ? (at.n < key.n ? -1 : 1) : key.n ? memcmp(at.p, key.p, key.n) : 0;
        if (d == 0) return m->named[mid].node;
        if (d < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return SCHEMA_ABSENT;
}

static bool check_member(struct schema_check *c, const struct schema_rule *rule, json_ref key, uint32_t ordinal,
                         bool *stranger)
{
    const struct schema_members *m = rule->members;
    str name = schema_key(c, key);
    schema_ref named = find_named(m, name);
    bool known = named != SCHEMA_ABSENT;
    *stranger = false;
    if (known && !schema_check_child(c, named, key + 1)) return false;
    for (uint32_t i = 0; i < m->matcher_count; i++) {
        bool matches = schema_matches(c, m->matchers[i].pattern, name);
        known |= matches;
        if (matches && !schema_check_child(c, m->matchers[i].node, key + 1)) return false;
    }
    if (c->gave_up) return false;
    *stranger = !known;
    if (!known && m->others == SCHEMA_ABSENT) return true;
    schema_see(c, ordinal);
    return known || schema_check_child(c, m->others, key + 1);
}

bool schema_check_properties(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    uint32_t ordinal = 0;
    for (json_ref k = json_first(c->doc, at); k != JSON_ABSENT; k = json_next(c->doc, at, k + 1)) {
        bool stranger;
        if (!schema_spend(c, 1)) return false;
        if (check_member(c, rule, k, ordinal++, &stranger)) continue;
        schema_ref others = rule->members->others;
        bool closed = stranger && c->schema->nodes[others].verdict == SCHEMA_NEVER;
        if (!closed) return false;
        return schema_fail_at(c, SCHEMA_additional_properties, rule, at, schema_key(c, k));
    }
    return true;
}

bool schema_check_pattern_properties(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_check_properties(c, rule, at);
}

bool schema_check_additional_properties(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_check_properties(c, rule, at);
}

bool schema_check_property_names(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    for (json_ref k = json_first(c->doc, at); k != JSON_ABSENT; k = json_next(c->doc, at, k + 1)) {
        if (!schema_check_child(c, rule->node, k)) {
            return c->gave_up ? false : schema_fail_at(c, rule->keyword, rule, at, schema_key(c, k));
        }
    }
    return true;
}

/* ---- arrays */

bool schema_check_items(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    const struct schema_elements *e = &rule->elements;
    uint32_t i = 0;
    for (json_ref m = json_first(c->doc, at); m != JSON_ABSENT; m = json_next(c->doc, at, m), i++) {
        schema_ref node = i < e->first.count ? e->first.nodes[i] : e->others;
        if (node == SCHEMA_ABSENT) return true;
        schema_see(c, i);
        if (schema_check_child(c, node, m)) continue;
        bool closed = i >= e->first.count && c->schema->nodes[node].verdict == SCHEMA_NEVER;
        return closed ? schema_fail_at(c, SCHEMA_items, rule, at, STR_NONE) : false;
    }
    return true;
}

bool schema_check_prefix_items(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_check_items(c, rule, at);
}

bool schema_check_contains(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    const struct schema_contains *r = &rule->contains;
    uint32_t found = 0, i = 0;
    for (json_ref m = json_first(c->doc, at); m != JSON_ABSENT; m = json_next(c->doc, at, m), i++) {
        if (found >= r->min && r->max == UINT32_MAX && !c->seen) return true;
        bool holds = schema_check_child(c, r->node, m);
        if (c->gave_up) return false;
        found += holds;
        if (holds) schema_see(c, i);
    }
    return (found >= r->min && found <= r->max) || schema_fails(c, rule, at);
}

/* ---- what one member asks of the others */

static bool check_dependents(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    uint32_t cost = (c->doc->nodes[at].next - at) / 4 + 1;
    for (uint32_t i = 0; i < rule->dependents.count; i++) {
        const struct schema_dependent *row = &rule->dependents.rows[i];
        if (!schema_spend(c, cost * (1 + (uint64_t)row->needs.count))) return false;
        if (json_find(c->doc, at, row->key, NULL) == JSON_ABSENT) continue;
        for (uint32_t k = 0; k < row->needs.count; k++) {
            str name = row->needs.names[k];
            if (json_find(c->doc, at, name, NULL) == JSON_ABSENT) {
                return schema_fail_at(c, rule->keyword, rule, at, name);
            }
        }
        if (row->node != SCHEMA_ABSENT && !schema_check_here(c, row->node, at)) return false;
    }
    return true;
}

bool schema_check_dependent_required(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return check_dependents(c, rule, at);
}

bool schema_check_dependent_schemas(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return check_dependents(c, rule, at);
}

bool schema_check_dependencies(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return check_dependents(c, rule, at);
}

/* ---- what nobody looked at */

bool schema_check_unevaluated_items(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    uint32_t i = 0;
    for (json_ref m = json_first(c->doc, at); m != JSON_ABSENT; m = json_next(c->doc, at, m), i++) {
        if (schema_was_seen(c, i)) continue;
        bool ok = schema_check_child(c, rule->node, m);
        schema_see(c, i);
        if (ok) continue;
        bool closed = c->schema->nodes[rule->node].verdict == SCHEMA_NEVER;
        return closed ? schema_fails(c, rule, at) : false;
    }
    return true;
}

bool schema_check_unevaluated_properties(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    uint32_t i = 0;
    for (json_ref k = json_first(c->doc, at); k != JSON_ABSENT; k = json_next(c->doc, at, k + 1), i++) {
        if (schema_was_seen(c, i)) continue;
        bool ok = schema_check_child(c, rule->node, k + 1);
        schema_see(c, i);
        if (ok) continue;
        bool closed = c->schema->nodes[rule->node].verdict == SCHEMA_NEVER;
        return closed ? schema_fail_at(c, rule->keyword, rule, at, schema_key(c, k)) : false;
    }
    return true;
}

/* Rules of a value by itself: its type, its size, what it must equal. */
#include "base/schema_run.h"

schema_check_fn schema_check_type, schema_check_const, schema_check_enum, schema_check_multiple_of,
    schema_check_maximum, schema_check_exclusive_maximum, schema_check_minimum, schema_check_exclusive_minimum,
    schema_check_max_length, schema_check_min_length, schema_check_pattern, schema_check_format, schema_check_max_items,
    schema_check_min_items, schema_check_max_properties, schema_check_min_properties, schema_check_required,
    schema_check_unique_items;

static struct schema_number number_at(const struct schema_check *c, json_ref at)
{
    return schema_number_read(json_raw(c->doc, at));
}

bool schema_check_type(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    enum json_type type = json_type(c->doc, at);
    if (rule->types >> type & 1) return true;
    if (type == JSON_NUMBER && rule->types & SCHEMA_INTEGER) {
        struct schema_number n = number_at(c, at);
        if (schema_is_open(c, at) || schema_number_is_whole(&n)) return true; /* 1.5 may become 1.5e1 */
    }
    return schema_fails(c, rule, at);
}

/* Whether an open value may still become `wanted`. */
static bool may_become(struct schema_check *c, json_ref at, const struct json *doc, json_ref wanted)
{
    enum json_type type = json_type(c->doc, at);
    if (type != json_type(doc, wanted)) return false;
    if (type != JSON_STRING || c->doc->nodes[at].escaped || doc->nodes[wanted].escaped) return true;
    str so_far = json_raw(c->doc, at); /* its last quote is ours */
    return str_starts(json_raw(doc, wanted), str_head(so_far, so_far.n - 1));
}

/* The most that a comparison looks at: the other side may be larger, but then it differs. */
static uint64_t cost_of(const struct schema_check *c, json_ref at)
{
    const struct json_node *node = &c->doc->nodes[at];
    return 1 + (node->next - at) + (node->end - node->start) / 16;
}

static bool equals(struct schema_check *c, json_ref at, json_ref wanted)
{
    const struct json *doc = &c->node->doc->json;
    if (json_type(c->doc, at) != json_type(doc, wanted)) return false;
    if (!schema_spend(c, cost_of(c, at))) return false;
    if (schema_is_open(c, at)) return may_become(c, at, doc, wanted);
    return schema_equal(doc, wanted, c->doc, at, &c->steps);
}

bool schema_check_const(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return equals(c, at, rule->value) || schema_fails(c, rule, at);
}

bool schema_check_enum(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    const struct json *doc = &c->node->doc->json;
    for (json_ref m = json_first(doc, rule->value); m != JSON_ABSENT; m = json_next(doc, rule->value, m)) {
        if (equals(c, at, m)) return true;
        if (!schema_spend(c, 1)) return false;
    }
    return schema_fails(c, rule, at);
}

/* ---- numbers */

bool schema_check_multiple_of(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    struct schema_number n = number_at(c, at);
    return schema_number_divides(&rule->number, &n) || schema_fails(c, rule, at);
}

/* Compares with the limit. Of an open number only the sign is sure: an exponent may follow, so one that may be as
 * near to zero as it likes is taken for zero, and where larger would do no number is ever wrong. */
static bool is_beyond(const struct schema_check *c, const struct schema_rule *rule, json_ref at, int side, bool equal)
{
    struct schema_number n = number_at(c, at);
    if (schema_is_open(c, at)) {
        int sign = str_starts(json_raw(c->doc, at), S("-")) ? -1 : 1;
        if (sign != side) return false;
        n = (struct schema_number){0};
    }
    int d = schema_number_cmp(&n, &rule->number) * side;
    return equal ? d >= 0 : d > 0;
}

bool schema_check_maximum(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return !is_beyond(c, rule, at, 1, false) || schema_fails(c, rule, at);
}

bool schema_check_exclusive_maximum(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return !is_beyond(c, rule, at, 1, true) || schema_fails(c, rule, at);
}

bool schema_check_minimum(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return !is_beyond(c, rule, at, -1, false) || schema_fails(c, rule, at);
}

bool schema_check_exclusive_minimum(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return !is_beyond(c, rule, at, -1, true) || schema_fails(c, rule, at);
}

/* ---- texts */

bool schema_check_max_length(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_text_length(c->doc, at) <= rule->count || schema_fails(c, rule, at);
}

bool schema_check_min_length(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_text_length(c->doc, at) >= rule->count || schema_fails(c, rule, at);
}

bool schema_check_pattern(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_matches(c, rule->pattern, schema_key(c, at)) || schema_fails(c, rule, at);
}

bool schema_check_format(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    if (!schema_spend(c, rule->format->steps)) return false;
    return rule->format->holds(schema_key(c, at)) || schema_fails(c, rule, at);
}

/* ---- sizes */

bool schema_check_max_items(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_count(c->doc, at) <= rule->count || schema_fails(c, rule, at);
}

bool schema_check_min_items(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_count(c->doc, at) >= rule->count || schema_fails(c, rule, at);
}

bool schema_check_max_properties(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_count(c->doc, at) <= rule->count || schema_fails(c, rule, at);
}

bool schema_check_min_properties(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_count(c->doc, at) >= rule->count || schema_fails(c, rule, at);
}

bool schema_check_required(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    uint32_t cost = (c->doc->nodes[at].next - at) / 4 + 1; /* what a search looks at */
    for (uint32_t i = 0; i < rule->names.count; i++) {
        str name = rule->names.names[i];
        if (!schema_spend(c, cost)) return false;
        if (json_find(c->doc, at, name, NULL) == JSON_ABSENT) {
            return schema_fail_at(c, rule->keyword, rule, at, name);
        }
    }
    return true;
}

struct hashed {
    uint64_t hash;
    json_ref at; /* JSON_ROOT is no item: the place is free */
};

/* Puts the item into the table, unless its equal is there. */
static bool add_item(struct schema_check *c, struct hashed *table, size_t mask, json_ref at)
{
    uint64_t hash = schema_hash(c->doc, at);
    size_t i = hash & mask;
    for (; table[i].at != JSON_ROOT; i = (i + 1) & mask) {
        if (!schema_spend(c, 1)) return false;
        if (table[i].hash != hash) continue;
        if (!schema_spend(c, cost_of(c, at))) return false;
        if (schema_equal(c->doc, table[i].at, c->doc, at, &c->steps)) return false;
    }
    table[i] = (struct hashed){hash, at};
    return true;
}

bool schema_check_unique_items(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    uint32_t count = schema_count(c->doc, at);
    size_t size = 4;
    if (count < 2) return true;
    if (!schema_spend(c, cost_of(c, at))) return false;
    while (size < 2 * (size_t)count) size *= 2;
    struct hashed *table = arena_zalloc(&c->arena, size * sizeof(*table));
    for (json_ref m = json_first(c->doc, at); m != JSON_ABSENT; m = json_next(c->doc, at, m)) {
        if (!add_item(c, table, size - 1, m)) return schema_fails(c, rule, at);
    }
    return true;
}

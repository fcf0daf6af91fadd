/* The engine: a value against the rules of a schema, one after the other until one fails. */
#include "base/schema_run.h"

void schema_check_init(struct schema_check *c, const struct schema *schema, const struct json *doc)
{
    /* Field by field: the scope need not be cleared. */
    c->schema = schema;
    c->doc = doc;
    arena_init(&c->arena);
    c->steps = SCHEMA_STEPS_MAX + (uint64_t)doc->count * SCHEMA_STEPS_PER_VALUE;
    c->gave_up = NULL;
    c->node = NULL;
    c->seen = NULL;
    c->depth = c->level = 0;
    c->failure = (struct schema_failure){.keyword = SCHEMA_KEYWORD_NONE};
    c->known = SIZE_MAX;
    c->unknown = JSON_ABSENT;
    c->scope_count = 0;
}

void schema_check_free(struct schema_check *c)
{
    arena_free(&c->arena);
}

bool schema_fail_at(struct schema_check *c, enum schema_keyword keyword, const struct schema_rule *rule, json_ref at,
                    str name)
{
    c->failure = (struct schema_failure){keyword, rule, c->node, at, name, c->level};
    return false;
}

uint32_t schema_count(const struct json *doc, json_ref at)
{
    uint32_t n = 0;
    bool object = json_type(doc, at) == JSON_OBJECT;
    for (json_ref m = json_first(doc, at); m != JSON_ABSENT; m = json_next(doc, at, m + object)) n++;
    return n;
}

str schema_key(struct schema_check *c, json_ref key)
{
    const struct json_node *node = &c->doc->nodes[key];
    if (!node->escaped) return str_of(c->doc->text.p + node->start + 1, node->end - node->start - 2);
    if (!schema_spend(c, (node->end - node->start) / 8)) return STR_NONE; /* the arena is not emptied before the end */
    return schema_text(c->doc, key, &c->arena);
}

/* A step of a pattern takes as long as some of ours. */
enum { STEPS_OF_PATTERN = 4 };

bool schema_matches(struct schema_check *c, const struct pattern *pattern, str s)
{
    uint64_t steps = c->steps / STEPS_OF_PATTERN;
    enum pattern_found found = pattern_find_paid(pattern, s, &steps);
    c->steps = found == PATTERN_GAVE_UP ? 0 : steps * STEPS_OF_PATTERN;
    return schema_spend(c, 1) && found == PATTERN_YES;
}

/* ---- what was seen */

static void begin_seen(struct schema_check *c, json_ref at, struct schema_seen *seen)
{
    seen->words = schema_count(c->doc, at) / 64 + 1;
    if (!schema_spend(c, 4 + seen->words)) seen->words = 1;
    seen->bits = arena_zalloc(&c->arena, seen->words * sizeof(*seen->bits));
}

static void add_seen(struct schema_seen *to, const struct schema_seen *more)
{
    for (uint32_t i = 0; i < to->words && i < more->words; i++) to->bits[i] |= more->bits[i];
}

void schema_see(struct schema_check *c, uint32_t ordinal)
{
    if (c->seen && ordinal / 64 < c->seen->words) c->seen->bits[ordinal / 64] |= UINT64_C(1) << (ordinal % 64);
}

bool schema_was_seen(const struct schema_check *c, uint32_t ordinal)
{
    return ordinal / 64 < c->seen->words && c->seen->bits[ordinal / 64] >> (ordinal % 64) & 1;
}

/* ---- schemas */

static bool check_rules(struct schema_check *c, const struct schema_node *node, json_ref at)
{
    uint8_t bit = (uint8_t)(1 << json_type(c->doc, at));
    bool open = schema_is_open(c, at);
    /* What a rule may have to look at, whether it does or not: thousands of rules over one large value are work. */
    const struct json_node *value = &c->doc->nodes[at];
    uint64_t cost = value->type >= JSON_ARRAY ? (value->next - at) / 8 : (value->end - value->start) / 16;
    for (uint8_t i = 0; i < node->rule_count; i++) {
        const struct schema_rule *rule = &node->rules[i];
        const struct schema_keyword_row *row = &schema_keywords[rule->keyword];
        if (!(row->values & bit) || (open && !row->early)) continue;
        if (!schema_spend(c, cost) || !row->check(c, rule, at)) return false;
    }
    return true;
}

bool schema_check_here(struct schema_check *c, schema_ref ref, json_ref at)
{
    const struct schema_node *node = &c->schema->nodes[ref], *outer = c->node;
    if (node->verdict == SCHEMA_NEVER) return schema_fail_at(c, SCHEMA_KEYWORD_NONE, NULL, at, STR_NONE);
    if (!schema_spend(c, 1)) return false;
    if (node->verdict == SCHEMA_ALWAYS || (c->unknown != JSON_ABSENT && at == c->unknown)) return true;
    if (c->depth == SCHEMA_DEPTH_MAX) {
        c->gave_up = "the schema goes in circles, or too deep";
        return false;
    }
    uint32_t scope_count = c->scope_count;
    if (!scope_count || c->scope[scope_count - 1] != node->resource) c->scope[c->scope_count++] = node->resource;
    struct schema_seen *asked = c->seen, own;
    if (node->must_see) {
        begin_seen(c, at, &own);
        c->seen = &own;
    }
    c->depth++;
    c->node = node;
    bool ok = check_rules(c, node, at) && !c->gave_up;
    if (node->must_see && ok && asked) add_seen(asked, &own);
    c->node = outer;
    c->seen = asked;
    c->depth--;
    c->scope_count = scope_count;
    return ok;
}

bool schema_check_try(struct schema_check *c, schema_ref ref, json_ref at)
{
    struct schema_seen *asked = c->seen, own;
    if (!asked) return schema_check_here(c, ref, at);
    begin_seen(c, at, &own);
    c->seen = &own;
    bool ok = schema_check_here(c, ref, at);
    c->seen = asked;
    if (ok) add_seen(asked, &own);
    return ok;
}

bool schema_check_child(struct schema_check *c, schema_ref ref, json_ref at)
{
    struct schema_seen *asked = c->seen;
    c->seen = NULL;
    c->level++;
    bool ok = schema_check_here(c, ref, at);
    c->level--;
    c->seen = asked;
    return ok;
}

bool schema_check(const struct schema *schema, const struct json *doc, json_ref at, struct schema_error *first)
{
    struct schema_check c;
    schema_check_init(&c, schema, doc);
    bool ok = schema_check_here(&c, schema->root, at);
    if (!ok && first) schema_error_write(&c, at, first);
    schema_check_free(&c);
    return ok;
}

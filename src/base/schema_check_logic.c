/* Rules that hold the same value against other schemas. */
#include "base/schema_run.h"

schema_check_fn schema_check_ref, schema_check_dynamic_ref, schema_check_all_of, schema_check_any_of,
    schema_check_one_of, schema_check_not, schema_check_if;

bool schema_check_ref(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_check_here(c, rule->node, at);
}

/* The outermost resource on the way here that has the anchor decides. */
static schema_ref find_dynamic(struct schema_check *c, const struct schema_dynamic *r)
{
    const struct schema *s = c->schema;
    for (uint32_t i = 0; r->anchor.p && i < c->scope_count; i++) {
        if (!schema_spend(c, s->anchor_count / 16 + 1)) break;
        for (uint32_t k = 0; k < s->anchor_count; k++) {
            const struct schema_anchor *a = &s->anchors[k];
            if (a->dynamic && a->resource == c->scope[i] && str_eq(a->name, r->anchor)) return a->node;
        }
    }
    return r->node;
}

bool schema_check_dynamic_ref(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_check_here(c, find_dynamic(c, &rule->dynamic), at);
}

bool schema_check_all_of(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    for (uint32_t i = 0; i < rule->list.count; i++) {
        if (!schema_check_here(c, rule->list.nodes[i], at)) return false;
    }
    return true;
}

/* Nobody fits. Where one went further into the value than the others, its reason says more than "none". */
static bool none_fits(struct schema_check *c, const struct schema_rule *rule, json_ref at,
                      const struct schema_failure *furthest)
{
    if (c->gave_up) return false;
    schema_fails(c, rule, at);
    if (furthest->level > c->level) c->failure = *furthest;
    return false;
}

bool schema_check_any_of(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    struct schema_failure furthest = {0};
    bool any = false;
    for (uint32_t i = 0; i < rule->list.count; i++) {
        bool fits = schema_check_try(c, rule->list.nodes[i], at);
        if (c->gave_up) return false;
        if (fits && !c->seen) return true;
        any |= fits;
        if (!fits && c->failure.level > furthest.level) furthest = c->failure;
    }
    return any || none_fits(c, rule, at, &furthest);
}

/* Of an open value a second that fits may yet fail. */
bool schema_check_one_of(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    struct schema_failure furthest = {0};
    uint32_t fitting = 0;
    bool open = schema_is_open(c, at);
    for (uint32_t i = 0; i < rule->list.count && fitting < 2; i++) {
        bool fits = schema_check_try(c, rule->list.nodes[i], at);
        if (c->gave_up) return false;
        if (fits && open) return true;
        fitting += fits;
        if (!fits && c->failure.level > furthest.level) furthest = c->failure;
    }
    if (fitting == 1) return true;
    if (fitting == 0) return none_fits(c, rule, at, &furthest);
    return schema_fail_at(c, rule->keyword, rule, at, S("two"));
}

bool schema_check_not(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    struct schema_seen *asked = c->seen;
    c->seen = NULL;
    bool fits = schema_check_here(c, rule->node, at);
    c->seen = asked;
    if (c->gave_up) return false;
    return !fits || schema_fails(c, rule, at);
}

static bool check_optional(struct schema_check *c, schema_ref ref, json_ref at)
{
    return ref == SCHEMA_ABSENT || schema_check_here(c, ref, at);
}

/* Of an open value a condition that holds so far may yet fail: either way must be closed then. */
bool schema_check_if(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    const struct schema_if *r = &rule->condition;
    bool holds = schema_check_try(c, r->condition, at);
    if (c->gave_up) return false;
    if (!holds) return check_optional(c, r->no, at);
    if (check_optional(c, r->yes, at)) return true;
    return schema_is_open(c, at) && check_optional(c, r->no, at);
}

/* A check while it runs. Private to schema_*.c. */
#ifndef BASE_SCHEMA_RUN_H
#define BASE_SCHEMA_RUN_H

#include "base/schema_inside.h"

/* Which members or items of one value some keyword has looked at, a bit for each: what unevaluated* asks. */
struct schema_seen {
    uint64_t *bits;
    uint32_t words;
};

/* What failed last. Rendered only where somebody wants to know. */
struct schema_failure {
    enum schema_keyword keyword;
    const struct schema_rule *rule; /* NULL: a `false` */
    const struct schema_node *node; /* whose rule it is */
    json_ref at;
    str name;       /* of a property that is there or is not */
    uint32_t level; /* how deep in the document */
};

struct schema_check {
    const struct schema *schema;
    const struct json *doc;
    struct arena arena;
    uint64_t steps; /* left */
    const char *gave_up;
    const struct schema_node *node; /* at hand */
    struct schema_seen *seen;       /* of the value at hand; NULL: nobody asks */
    uint32_t depth, level;
    struct schema_failure failure;
    /* Of a prefix: values that end behind `known` bytes are open, of `unknown` not even the type is known. */
    size_t known;
    json_ref unknown;
    uint32_t scope_count;
    uint32_t scope[SCHEMA_DEPTH_MAX]; /* resources on the way here, for $dynamicRef */
};

void schema_check_init(struct schema_check *c, const struct schema *schema, const struct json *doc);
void schema_check_free(struct schema_check *c);

/* Whether the value may go on beyond what is known of it. */
static inline bool schema_is_open(const struct schema_check *c, json_ref at)
{
    const struct json_node *node = &c->doc->nodes[at];
    if (node->end < c->known) return false;
    if (node->type == JSON_NUMBER) return true; /* further digits may follow */
    return node->end > c->known && (node->type >= JSON_STRING || at == c->unknown);
}

/* Pays for work. False: there is nothing left, and the check is over. */
static inline bool schema_spend(struct schema_check *c, uint64_t steps)
{
    if (steps < c->steps) {
        c->steps -= steps;
        return true;
    }
    c->steps = 0;
    if (!c->gave_up) c->gave_up = "the check took too many steps";
    return false;
}

/* Always false. */
bool schema_fail_at(struct schema_check *c, enum schema_keyword keyword, const struct schema_rule *rule, json_ref at,
                    str name);
static inline bool schema_fails(struct schema_check *c, const struct schema_rule *rule, json_ref at)
{
    return schema_fail_at(c, rule->keyword, rule, at, STR_NONE);
}

/* The same value against another schema, which may add to what was seen. */
bool schema_check_here(struct schema_check *c, schema_ref ref, json_ref at);
/* The same, where the check goes on when it fails: what was seen counts only if it does not. */
bool schema_check_try(struct schema_check *c, schema_ref ref, json_ref at);
/* A member or an item. */
bool schema_check_child(struct schema_check *c, schema_ref ref, json_ref at);

void schema_see(struct schema_check *c, uint32_t ordinal);
bool schema_was_seen(const struct schema_check *c, uint32_t ordinal);

/* Whether the pattern is somewhere in `s`, paid from the check's steps. */
bool schema_matches(struct schema_check *c, const struct pattern *pattern, str s);
/* A key's text, with escapes in the check's arena. */
str schema_key(struct schema_check *c, json_ref key);
/* Members of an object, or items. */
uint32_t schema_count(const struct json *doc, json_ref at);

/* What went wrong, for people. */
void schema_error_write(const struct schema_check *c, json_ref from, struct schema_error *out);

#endif

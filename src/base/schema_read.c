/* The values of keywords: what they must be, and what is kept of them. */
#include "base/schema_inside.h"

schema_read_fn schema_read_type, schema_read_const, schema_read_enum, schema_read_divisor, schema_read_number,
    schema_read_count, schema_read_pattern, schema_read_format, schema_read_required, schema_read_unique;

static bool is_type(const struct schema_place *p, json_ref at, enum json_type type)
{
    return json_type(&p->doc->json, at) == type;
}

static bool add_type(const struct schema_place *p, json_ref at, uint8_t *types)
{
    static const struct {
        str name;
        uint8_t bits;
    } names[] = {
        {STR_INIT("null"), 1 << JSON_NULL},     {STR_INIT("boolean"), 1 << JSON_FALSE | 1 << JSON_TRUE},
        {STR_INIT("number"), 1 << JSON_NUMBER}, {STR_INIT("string"), 1 << JSON_STRING},
        {STR_INIT("array"), 1 << JSON_ARRAY},   {STR_INIT("object"), 1 << JSON_OBJECT},
        {STR_INIT("integer"), SCHEMA_INTEGER},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!json_string_is(&p->doc->json, at, names[i].name)) continue;
        *types |= names[i].bits;
        return true;
    }
    return false;
}

enum schema_read schema_read_type(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    static const char *const wanted = "must be a type, or a list of types: null, boolean, number, integer, string, "
                                      "array, object";
    if (!is_type(p, rule->value, JSON_ARRAY)) {
        if (add_type(p, rule->value, &rule->types)) return SCHEMA_READ_RULE;
        return schema_refuse(c, p->doc, rule->value, "%s", wanted);
    }
    const struct json *json = &p->doc->json;
    for (json_ref m = json_first(json, rule->value); m != JSON_ABSENT; m = json_next(json, rule->value, m)) {
        if (!add_type(p, m, &rule->types)) return schema_refuse(c, p->doc, m, "%s", wanted);
    }
    return SCHEMA_READ_RULE;
}

enum schema_read schema_read_const(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    (void)c;
    (void)p;
    (void)rule;
    return SCHEMA_READ_RULE;
}

enum schema_read schema_read_enum(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    if (is_type(p, rule->value, JSON_ARRAY)) return SCHEMA_READ_RULE;
    return schema_refuse(c, p->doc, rule->value, "must be a list of the values that are allowed");
}

enum schema_read schema_read_number(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    if (!is_type(p, rule->value, JSON_NUMBER)) return schema_refuse(c, p->doc, rule->value, "must be a number");
    rule->number = schema_number_read(json_raw(&p->doc->json, rule->value));
    return SCHEMA_READ_RULE;
}

enum schema_read schema_read_divisor(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    enum schema_read read = schema_read_number(c, p, rule);
    if (read == SCHEMA_READ_FAILED || schema_number_is_divisor(&rule->number)) return read;
    return schema_refuse(c, p->doc, rule->value, "must be a number above 0, of at most 18 digits");
}

bool schema_count_read(struct schema_compiler *c, const struct schema_place *p, json_ref at, uint32_t *out)
{
    if (is_type(p, at, JSON_NUMBER)) {
        struct schema_number n = schema_number_read(json_raw(&p->doc->json, at));
        if (schema_number_count(&n, out)) return true;
    }
    return schema_refuse(c, p->doc, at, "must be a whole number of at least 0");
}

enum schema_read schema_read_count(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    return schema_count_read(c, p, rule->value, &rule->count) ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

enum schema_read schema_read_unique(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    if (is_type(p, rule->value, JSON_TRUE)) return SCHEMA_READ_RULE;
    if (is_type(p, rule->value, JSON_FALSE)) return SCHEMA_READ_NOTHING;
    return schema_refuse(c, p->doc, rule->value, "must be true or false");
}

const struct pattern *schema_pattern_add(struct schema_compiler *c, const struct schema_place *p, json_ref at)
{
    struct schema *s = c->schema;
    str why;
    if (!is_type(p, at, JSON_STRING)) {
        schema_refuse(c, p->doc, at, "must be a text: a regular expression");
        return NULL;
    }
    if (s->pattern_count == SCHEMA_PATTERNS_MAX) {
        schema_refuse(c, p->doc, at, "too many patterns (%d are allowed)", SCHEMA_PATTERNS_MAX);
        return NULL;
    }
    struct pattern *made = pattern_compile_ecma(schema_text(&p->doc->json, at, &s->arena), &s->arena, &why);
    if (!made) {
        schema_refuse(c, p->doc, at, "is a regular expression that cannot be used: %" STR_FMT, STR_ARG(why));
        return NULL;
    }
    s->patterns = schema_roomier(s->patterns, s->pattern_count, sizeof(struct pattern *));
    s->patterns[s->pattern_count++] = made;
    s->pattern_bytes += pattern_size(made);
    if (s->pattern_bytes <= SCHEMA_PATTERNS_BYTES_MAX) return made;
    schema_refuse(c, p->doc, at, "is one pattern too many: together they are too large");
    return NULL;
}

enum schema_read schema_read_pattern(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    rule->pattern = schema_pattern_add(c, p, rule->value);
    return rule->pattern ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

enum schema_read schema_read_format(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    if (!is_type(p, rule->value, JSON_STRING)) {
        return schema_refuse(c, p->doc, rule->value, "must be a text: the name of a format");
    }
    rule->format = schema_format_find(schema_text(&p->doc->json, rule->value, &c->schema->arena));
    return rule->format ? SCHEMA_READ_RULE : SCHEMA_READ_NOTHING;
}

bool schema_names_read(struct schema_compiler *c, const struct schema_place *p, json_ref at, struct schema_names *out)
{
    const struct json *json = &p->doc->json;
    if (!is_type(p, at, JSON_ARRAY)) return schema_refuse(c, p->doc, at, "must be a list of names");
    out->names = arena_alloc(&c->schema->arena, (json->nodes[at].next - at) * sizeof(str));
    for (json_ref m = json_first(json, at); m != JSON_ABSENT; m = json_next(json, at, m)) {
        if (!is_type(p, m, JSON_STRING)) return schema_refuse(c, p->doc, m, "must be a text: a name");
        out->names[out->count++] = schema_text(json, m, &c->schema->arena);
    }
    return true;
}

enum schema_read schema_read_required(struct schema_compiler *c, const struct schema_place *p, struct schema_rule *rule)
{
    return schema_names_read(c, p, rule->value, &rule->names) ? SCHEMA_READ_RULE : SCHEMA_READ_FAILED;
}

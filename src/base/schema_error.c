/* What went wrong, in words: where, and what would be right. */
#include "base/schema_run.h"

#include <stdarg.h>
#include <stdio.h>

enum { SHOWN_BYTES = 60, LISTED_VALUES = 8 };

/* A text that fills up without ever cutting a character. */
struct out {
    char *p;
    size_t n, size;
};

static void add(struct out *o, str s)
{
    size_t room = o->size - 1 - o->n, n = s.n < room ? s.n : room;
    while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
    if (n) memcpy(o->p + o->n, s.p, n);
    o->n += n;
    o->p[o->n] = '\0';
}

static void addf(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void addf(struct out *o, const char *fmt, ...)
{
    char room[SCHEMA_WHERE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(room, sizeof(room), fmt, args);
    va_end(args);
    add(o, str_from(room));
}

/* A value as it stands, shortened. */
static void add_short(struct out *o, str s)
{
    if (s.n <= SHOWN_BYTES) {
        add(o, s);
        return;
    }
    size_t n = SHOWN_BYTES;
    while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80) n--;
    add(o, str_head(s, n));
    add(o, S("..."));
}

static void add_name(struct out *o, str name)
{
    add(o, S("\""));
    add_short(o, name);
    add(o, S("\""));
}

/* A key as a token of a pointer. */
static void add_token(struct out *o, const struct json *doc, json_ref key)
{
    struct arena arena;
    arena_init(&arena);
    str s = schema_text(doc, key, &arena);
    while (s.n) {
        size_t plain = 0;
        while (plain < s.n && s.p[plain] != '~' && s.p[plain] != '/') plain++;
        add(o, str_head(s, plain));
        if (plain < s.n) add(o, s.p[plain] == '~' ? S("~0") : S("~1"));
        s = str_from_at(s, plain + 1);
    }
    arena_free(&arena);
}

void schema_pointer(const struct json *doc, json_ref from, json_ref at, char *out, size_t size)
{
    struct out o = {out, 0, size};
    out[0] = '\0';
    while (from != at) {
        bool object = json_type(doc, from) == JSON_OBJECT;
        uint32_t i = 0;
        json_ref m = json_first(doc, from);
        while (m != JSON_ABSENT && (object ? doc->nodes[m + 1].next : doc->nodes[m].next) <= at) {
            m = json_next(doc, from, m + object);
            i++;
        }
        if (m == JSON_ABSENT || (object && m == at)) return; /* a key is named by its object */
        add(&o, S("/"));
        if (object) {
            add_token(&o, doc, m);
        } else {
            addf(&o, "%u", i);
        }
        from = m + object;
    }
}

/* ---- messages */

static const char *type_name(const struct schema_check *c, json_ref at)
{
    static const char *const names[] = {"null",     "a boolean", "a boolean", "a number",
                                        "a string", "an array",  "an object"};
    return names[json_type(c->doc, at)];
}

static void add_types(struct out *o, uint8_t types)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {
        {1 << JSON_STRING, "a string"}, {1 << JSON_NUMBER, "a number"},  {SCHEMA_INTEGER, "a whole number"},
        {1 << JSON_TRUE, "a boolean"},  {1 << JSON_OBJECT, "an object"}, {1 << JSON_ARRAY, "an array"},
        {1 << JSON_NULL, "null"},
    };
    const char *between = "";
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!(types & names[i].bit)) continue;
        if (names[i].bit == SCHEMA_INTEGER && types & 1 << JSON_NUMBER) continue;
        addf(o, "%s%s", between, names[i].name);
        between = " or ";
    }
    if (!*between) add(o, S("nothing at all"));
}

static str rule_value(const struct schema_failure *f)
{
    return json_raw(&f->node->doc->json, f->rule->value);
}

static void add_enum(struct out *o, const struct schema_failure *f)
{
    const struct json *doc = &f->node->doc->json;
    int n = 0;
    add(o, S("must be one of "));
    for (json_ref m = json_first(doc, f->rule->value); m != JSON_ABSENT; m = json_next(doc, f->rule->value, m)) {
        if (n) add(o, S(", "));
        if (n++ == LISTED_VALUES) {
            add(o, S("..."));
            return;
        }
        add_short(o, json_raw(doc, m));
    }
}

/* What stands in front of the keyword's own value. */
static const char *const limits[SCHEMA_KEYWORDS] = {
    [SCHEMA_const] = "must be ",
    [SCHEMA_multiple_of] = "must be a multiple of ",
    [SCHEMA_maximum] = "must be at most ",
    [SCHEMA_exclusive_maximum] = "must be less than ",
    [SCHEMA_minimum] = "must be at least ",
    [SCHEMA_exclusive_minimum] = "must be more than ",
    [SCHEMA_pattern] = "must match the pattern ",
    [SCHEMA_format] = "must have the format ",
};

static void add_count(struct out *o, const char *text, uint32_t count, const char *what)
{
    addf(o, "%s%u %s%s", text, count, what, count == 1 ? "" : "s");
}

static void add_contains(struct out *o, const struct schema_contains *r)
{
    addf(o, "must have %u", r->min);
    if (r->max != UINT32_MAX) addf(o, " to %u", r->max);
    add(o, r->max == UINT32_MAX ? S(" or more items of the kind that is asked for")
                                : S(" items of the kind that is asked for"));
}

/* Rules about names of members. */
static void add_about_names(struct out *o, const struct schema_failure *f)
{
    switch (f->keyword) {
    case SCHEMA_required:
        add(o, S("lacks the property "));
        break;
    case SCHEMA_property_names:
        add(o, S("has a property with a name that is not allowed: "));
        break;
    case SCHEMA_dependent_required:
    case SCHEMA_dependencies:
        add(o, S("lacks a property that another one asks for: "));
        break;
    default:
        add(o, S("has a property that is not allowed: "));
    }
    add_name(o, f->name);
}

static void add_about_size(struct out *o, const struct schema_failure *f)
{
    uint32_t n = f->rule->count;
    switch (f->keyword) {
    case SCHEMA_max_length:
        add_count(o, "must have at most ", n, "character");
        break;
    case SCHEMA_min_length:
        add_count(o, "must have at least ", n, "character");
        break;
    case SCHEMA_max_items:
        add_count(o, "must have at most ", n, "item");
        break;
    case SCHEMA_min_items:
        add_count(o, "must have at least ", n, "item");
        break;
    case SCHEMA_max_properties:
        addf(o, "must have at most %u properties", n);
        break;
    default:
        addf(o, "must have at least %u properties", n);
    }
}

static void add_reason(struct out *o, const struct schema_check *c, const struct schema_failure *f)
{
    if (f->keyword < SCHEMA_KEYWORDS && limits[f->keyword]) {
        add(o, str_from(limits[f->keyword]));
        add_short(o, rule_value(f));
        return;
    }
    switch (f->keyword) {
    case SCHEMA_KEYWORD_NONE:
        add(o, S("must not be there"));
        break;
    case SCHEMA_type:
        add(o, S("must be "));
        add_types(o, f->rule->types);
        addf(o, ", but is %s", type_name(c, f->at));
        break;
    case SCHEMA_enum:
        add_enum(o, f);
        break;
    case SCHEMA_unique_items:
        add(o, S("must not have the same item twice"));
        break;
    case SCHEMA_items:
    case SCHEMA_unevaluated_items:
        add(o, S("has an item that is not allowed there"));
        break;
    case SCHEMA_contains:
        add_contains(o, &f->rule->contains);
        break;
    case SCHEMA_any_of:
    case SCHEMA_one_of:
        addf(o, "fits %s of the %u schemas of which %s must hold", f->name.p ? "more than one" : "none",
             f->rule->list.count, f->keyword == SCHEMA_one_of ? "exactly one" : "one");
        break;
    case SCHEMA_not:
        add(o, S("is what it must not be"));
        break;
    default:
        if (f->name.p) {
            add_about_names(o, f);
        } else {
            add_about_size(o, f);
        }
    }
}

void schema_error_write(const struct schema_check *c, json_ref from, struct schema_error *out)
{
    const struct schema_failure *f = &c->failure;
    struct out o = {out->message, 0, sizeof(out->message)};
    *out = (struct schema_error){.keyword = "", .gave_up = c->gave_up != NULL};
    if (c->gave_up) {
        add(&o, str_from(c->gave_up));
        return;
    }
    out->keyword = f->keyword < SCHEMA_KEYWORDS ? schema_keywords[f->keyword].name.p : "false";
    schema_pointer(c->doc, from, f->at, out->path, sizeof(out->path));
    add(&o, out->path[0] ? str_from(out->path) : S("the whole"));
    add(&o, S(": "));
    add_reason(&o, c, f);
}

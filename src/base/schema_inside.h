/* What a compiled schema is made of. Private to schema_*.c. */
#ifndef BASE_SCHEMA_INSIDE_H
#define BASE_SCHEMA_INSIDE_H

#include "base/pattern.h"
#include "base/schema.h"

struct schema_check;
struct schema_compiler;

/* ---- numbers: their digits as written, so that nothing is rounded */

struct schema_number {
    const char *digits; /* the first digit that is not 0; the point may stand among them */
    uint32_t count;     /* digits without zeros at either end; 0: the number is zero */
    uint32_t point;     /* the point stands before this digit; at or behind `count`: nowhere within */
    int64_t top;        /* the first digit's power of ten */
    bool negative;
};

struct schema_number schema_number_read(str raw);
bool schema_number_is_whole(const struct schema_number *n);
/* Below 0, 0 or above 0, as memcmp() has it. */
int schema_number_cmp(const struct schema_number *a, const struct schema_number *b);
uint64_t schema_number_hash(const struct schema_number *n);
/* A divisor that schema_number_divides() can take: above 0, of at most 18 digits. */
bool schema_number_is_divisor(const struct schema_number *n);
bool schema_number_divides(const struct schema_number *divisor, const struct schema_number *n);
/* A whole number of at least 0, at most UINT32_MAX ("2.0" is one; larger ones become UINT32_MAX). */
bool schema_number_count(const struct schema_number *n, uint32_t *out);

/* ---- values: equal by what they mean */

/* A string's content, with escapes in `arena`. Half a surrogate pair has no UTF-8: such a string stays as written. */
str schema_text(const struct json *doc, json_ref at, struct arena *arena);
/* In code points. Two halves of a pair count once. */
size_t schema_text_length(const struct json *doc, json_ref at);
/* Takes the search for keys in another order from `*steps`; at 0 nothing is known. */
bool schema_equal(const struct json *a, json_ref at, const struct json *b, json_ref other, uint64_t *steps);
/* The same for equal values. */
uint64_t schema_hash(const struct json *doc, json_ref at);

/* ---- URIs: RFC 3986 */

struct schema_uri {
    str scheme, authority, path, query, fragment; /* p == NULL: it is not there (a path always is) */
};

struct schema_uri schema_uri_split(str s);
/* `ref` against `base` (section 5.2), without its fragment. */
str schema_uri_resolve(struct arena *arena, str base, str ref);
/* With %41 and the like decoded. */
str schema_uri_decode(struct arena *arena, str s);

/* ---- formats */

struct schema_format {
    str name;
    bool (*holds)(str s);
    uint32_t steps; /* what it costs before the first byte is read */
};
/* NULL for a format that is not known, which then holds for everything. */
const struct schema_format *schema_format_find(str name);

bool schema_format_date(str s);
bool schema_format_time(str s);
bool schema_format_date_time(str s);
bool schema_format_duration(str s);
bool schema_format_ipv4(str s);
bool schema_format_ipv6(str s);
bool schema_format_hostname(str s);
bool schema_format_idn_hostname(str s);
bool schema_format_email(str s);
bool schema_format_idn_email(str s);
bool schema_format_uri(str s);
bool schema_format_uri_reference(str s);
bool schema_format_iri(str s);
bool schema_format_iri_reference(str s);
bool schema_format_uri_template(str s);
bool schema_format_uuid(str s);
bool schema_format_json_pointer(str s);
bool schema_format_relative_json_pointer(str s);

/* ---- what is compiled */

enum schema_keyword {
#define KEYWORD(id, name, vocabulary, values, open, reader) SCHEMA_##id,
#include "base/schema_keywords.def"
#undef KEYWORD
    SCHEMA_KEYWORDS,
    SCHEMA_KEYWORD_NONE, /* a `false` on its own */
};

enum schema_vocabulary {
    SCHEMA_CORE = 1,
    SCHEMA_APPLICATOR = 2,
    SCHEMA_VALIDATION = 4,
    SCHEMA_UNEVALUATED = 8,
    SCHEMA_FORMAT = 16, /* formats are asserted */
    SCHEMA_OLD = 32,    /* a draft before 2020-12: items may be a list, there is no prefixItems */
    SCHEMA_ALL = SCHEMA_CORE | SCHEMA_APPLICATOR | SCHEMA_VALIDATION | SCHEMA_UNEVALUATED,
};

enum schema_values {
    SCHEMA_NUMBER = 1 << JSON_NUMBER,
    SCHEMA_STRING = 1 << JSON_STRING,
    SCHEMA_ARRAY = 1 << JSON_ARRAY,
    SCHEMA_OBJECT = 1 << JSON_OBJECT,
    SCHEMA_ANY = 0x7f,
    SCHEMA_INTEGER = 0x80, /* in "type" only */
};

/* Names are indexes: nodes move while there are more of them. */
typedef uint32_t schema_ref;
#define SCHEMA_ABSENT UINT32_MAX

struct schema_member {
    str key;
    schema_ref node;
};

struct schema_matcher {
    const struct pattern *pattern;
    schema_ref node;
};

/* properties, patternProperties, additionalProperties: each key is looked at once. */
struct schema_members {
    struct schema_member *named; /* sorted by length, then bytes */
    struct schema_matcher *matchers;
    uint32_t named_count, matcher_count;
    schema_ref others; /* SCHEMA_ABSENT: anything */
};

struct schema_list {
    schema_ref *nodes;
    uint32_t count;
};

/* prefixItems and items. */
struct schema_elements {
    struct schema_list first;
    schema_ref others;
};

struct schema_contains {
    schema_ref node;
    uint32_t min, max;
};

struct schema_if {
    schema_ref condition, yes, no;
};

struct schema_names {
    str *names;
    uint32_t count;
};

/* With `key` there, `needs` must be there and `node` hold. */
struct schema_dependent {
    str key;
    struct schema_names needs;
    schema_ref node;
};

struct schema_dependents {
    struct schema_dependent *rows;
    uint32_t count;
};

struct schema_dynamic {
    schema_ref node; /* what $ref would give */
    str anchor;      /* p == NULL: it is an ordinary reference */
};

/* One keyword of a subschema. */
struct schema_rule {
    enum schema_keyword keyword;
    json_ref value; /* in the node's document */
    union {
        uint8_t types;
        uint32_t count;
        struct schema_number number;
        const struct pattern *pattern;
        const struct schema_format *format;
        schema_ref node;
        struct schema_list list;
        struct schema_members *members;
        struct schema_elements elements;
        struct schema_contains contains;
        struct schema_if condition;
        struct schema_names names;
        struct schema_dependents dependents;
        struct schema_dynamic dynamic;
    };
};

enum schema_verdict { SCHEMA_BY_RULES, SCHEMA_ALWAYS, SCHEMA_NEVER };

struct schema_node {
    struct schema_doc *doc;
    json_ref at;
    uint32_t resource;
    uint8_t verdict;
    bool must_see; /* has unevaluatedItems or unevaluatedProperties */
    uint8_t rule_count;
    struct schema_rule *rules;
};

struct schema_doc {
    str uri;
    struct json json;
    schema_ref *node_of;   /* by json_ref; SCHEMA_ABSENT: not compiled */
    uint32_t *resource_of; /* by json_ref; SCHEMA_ABSENT: no schema, as far as we know */
};

/* A schema with a URI of its own. */
struct schema_resource {
    str uri;
    struct schema_doc *doc;
    json_ref at;
    uint8_t vocabularies;
};

struct schema_anchor {
    str name;
    uint32_t resource;
    json_ref at;
    bool dynamic;
    schema_ref node; /* of dynamic ones, once one is referred to */
};

struct schema {
    struct arena arena;
    struct schema_node *nodes;
    struct schema_resource *resources;
    struct schema_anchor *anchors;
    struct pattern **patterns;
    size_t pattern_bytes;
    struct schema_doc **docs;
    uint32_t node_count, resource_count, anchor_count, pattern_count, doc_count;
    schema_ref root;
};

/* ---- compiling */

/* A subschema while its keywords are read. */
struct schema_place {
    struct schema_doc *doc;
    json_ref at;
    uint32_t resource;
};

struct schema_compiler {
    struct schema *schema;
    const struct schema_options *options;
    struct schema_fail *fail;
    size_t text_bytes;
    uint64_t searched; /* by references */
    bool failed;
    bool dynamic; /* a $dynamicRef was seen: dynamic anchors are to be compiled */
};

enum schema_read { SCHEMA_READ_FAILED, SCHEMA_READ_NOTHING, SCHEMA_READ_RULE };
typedef enum schema_read schema_read_fn(struct schema_compiler *c, const struct schema_place *p,
                                        struct schema_rule *rule);
typedef bool schema_check_fn(struct schema_check *c, const struct schema_rule *rule, json_ref at);

struct schema_keyword_row {
    str name;
    uint8_t vocabulary, values;
    bool early;
    schema_read_fn *read;
    schema_check_fn *check;
};
extern const struct schema_keyword_row schema_keywords[SCHEMA_KEYWORDS];

/* How a keyword holds schemas. */
enum schema_holds { SCHEMA_HOLDS_NONE, SCHEMA_HOLDS_ONE, SCHEMA_HOLDS_LIST, SCHEMA_HOLDS_MAP };
enum schema_holds schema_keyword_holds(str name, uint8_t vocabularies);

/* Always SCHEMA_READ_FAILED and remembers the first reason. */
enum schema_read schema_refuse(struct schema_compiler *c, const struct schema_doc *doc, json_ref at, const char *fmt,
                               ...) PRINTF_LIKE(4, 5);
/* The node for the schema at `at`, to be compiled in its turn; SCHEMA_ABSENT when it is refused. */
schema_ref schema_node_for(struct schema_compiler *c, struct schema_doc *doc, json_ref at);
/* The array with room for one more behind `count`. */
void *schema_roomier(void *array, uint32_t count, size_t size);
/* Notes ids and anchors in what stands at `at`. */
bool schema_scan(struct schema_compiler *c, struct schema_doc *doc, json_ref at, uint32_t resource);
/* Reads a document and notes what is in it. NULL: refused. */
struct schema_doc *schema_doc_add(struct schema_compiler *c, str uri, str text);
/* What `ref` in the resource means. Fails: false. `anchor` is set where it is a dynamic one. */
bool schema_follow(struct schema_compiler *c, const struct schema_place *p, json_ref value, schema_ref *node,
                   str *anchor);
/* A compiled pattern, owned by the schema. NULL: refused. */
const struct pattern *schema_pattern_add(struct schema_compiler *c, const struct schema_place *p, json_ref at);
/* A whole number of at least 0. Fails: false. */
bool schema_count_read(struct schema_compiler *c, const struct schema_place *p, json_ref at, uint32_t *out);
/* A list of texts. Fails: false. */
bool schema_names_read(struct schema_compiler *c, const struct schema_place *p, json_ref at, struct schema_names *out);
/* "/a/b" of the value at `at`, cut where it does not fit. */
void schema_pointer(const struct json *doc, json_ref from, json_ref at, char *out, size_t size);

#endif

/* JSON as an index over its bytes: strict RFC 8259, valid UTF-8, a depth ceiling.
 * Nothing is copied or decoded until it is asked for; changes are made by
 * splicing the original bytes (json_edit). */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* One value. In an object the members are key, value, key, value ... */
struct json_node {
    uint32_t start, end; /* the value's bytes, quotes and brackets included: [start, end) */
    uint32_t next;       /* index of the node behind this value and all that is in it */
    uint8_t type;        /* enum json_type */
    uint8_t escaped;     /* a string with a backslash in it; an object of so many keys that it has a table of them */
    uint16_t keys; /* an object: a bit for each length of a key, modulo 16: most searches end here; or its table */
};

/* A parsed text. The nodes are owned and reused by the next parse: one struct a
 * worker serves all its calls. Thread: one at a time. */
struct json {
    str text;                /* borrowed */
    struct json_node *nodes; /* nodes[0] is the root */
    uint32_t count, cap;
    struct json_index *indexes; /* of objects of many keys: json_index.c */
    uint32_t *slots;
    uint32_t index_count, index_cap, slot_count, slot_cap;
    uint64_t secret; /* for hashes */
    uint32_t most;   /* nodes that it may grow beyond only once; 0: JSON_NODES_MAX. The caller's */
};

/* 0 is the root and so never a member: it stands for "there is none". */
typedef uint32_t json_ref;
#define JSON_ROOT   0u
#define JSON_ABSENT 0u

enum {
    JSON_DEPTH_MAX = 128,
    JSON_NODES_MAX = 4 * 1024 * 1024,
    JSON_TEXT_MAX = 256 * 1024 * 1024,
};

extern const char json_too_many[]; /* a `why` */

/* Where and why a text is refused. */
struct json_fail {
    size_t at;       /* byte offset */
    const char *why; /* static text: "a key must be a string" */
};

void json_init(struct json *doc);
void json_free(struct json *doc);
/* Fails: false with `why` filled in; `doc` then holds nothing. */
bool json_parse(struct json *doc, str text, struct json_fail *why) MUST_CHECK;

static inline enum json_type json_type(const struct json *doc, json_ref at)
{
    return at < doc->count ? (enum json_type)doc->nodes[at].type : JSON_NULL;
}
/* The value's bytes as they stand. */
str json_raw(const struct json *doc, json_ref at);
/* The first member of an array, the first key of an object; JSON_ABSENT when empty. */
json_ref json_first(const struct json *doc, json_ref container);
/* What follows `at` in `container` (behind a key: its value; behind a value: the next key). */
json_ref json_next(const struct json *doc, json_ref container, json_ref at);

/* json_find() of an object that has keys of that length, or a table. */
json_ref json_find_key(const struct json *doc, json_ref object, str key, bool *twice);
/* The value under `key`, compared after unescaping. The last one where a key
 * stands twice; `twice` (may be NULL) tells. JSON_ABSENT when there is none or
 * `object` is no object. */
static inline json_ref json_find(const struct json *doc, json_ref object, str key, bool *twice)
{
    bool may_have = object < doc->count && (doc->nodes[object].escaped || doc->nodes[object].keys >> (key.n & 15) & 1);
    if (may_have) return json_find_key(doc, object, key, twice);
    if (twice) *twice = false;
    return JSON_ABSENT;
}
/* json_find() along a path of keys: json_path(doc, JSON_ROOT, "usage", "prompt_tokens", NULL). */
json_ref json_path(const struct json *doc, json_ref from, ...) __attribute__((sentinel));

/* A string's content, decoded: into `arena` where it has escapes, else borrowed
 * from the text. Fails: false when `at` is no string, or holds an unpaired
 * surrogate (which UTF-8 cannot express). */
bool json_string(const struct json *doc, json_ref at, struct arena *arena, str *out) MUST_CHECK;
/* Equal to `s` after unescaping. */
bool json_string_is(const struct json *doc, json_ref at, str s);
/* A whole number in range, without point or exponent ("1.0" and "1e3" fail). */
bool json_i64(const struct json *doc, json_ref at, int64_t *out) MUST_CHECK;
bool json_double(const struct json *doc, json_ref at, double *out) MUST_CHECK;
bool json_is_true(const struct json *doc, json_ref at);

/* A change: the bytes [at, at + drop) become `with`. */
struct json_edit {
    size_t at, drop;
    str with;
};

/* Writes the text with `edits` (sorted by `at`, not overlapping) applied. */
bool json_splice(str text, const struct json_edit *edits, size_t count, struct buf *out) MUST_CHECK;

#endif

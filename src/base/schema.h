/* JSON Schema, draft 2020-12: does a JSON text have the shape that was asked for?
 *
 * A schema is compiled once and then only read: any number of threads may check
 * against it. Schemas and documents come from strangers, so everything has a
 * ceiling: a check that takes too many steps ends with `gave_up`, a pattern that
 * backtracks without end is one such. Nothing is fetched: what a $ref names
 * must be in the schema itself, or come from the caller's `find`. */
#ifndef BASE_SCHEMA_H
#define BASE_SCHEMA_H

#include "base/json.h"

struct schema;

enum {
    SCHEMA_TEXT_MAX = 1024 * 1024, /* bytes of all documents of one schema */
    SCHEMA_NODES_MAX = 10000,      /* subschemas */
    SCHEMA_DOCS_MAX = 64,
    SCHEMA_RESOURCES_MAX = 2000,
    SCHEMA_ANCHORS_MAX = 2000,
    SCHEMA_PATTERNS_MAX = 2000,
    SCHEMA_PATTERNS_BYTES_MAX = 4 * 1024 * 1024, /* of all, compiled */
    SCHEMA_DEPTH_MAX = 600,                      /* schemas within schemas at one time of a check */
    SCHEMA_STEPS_MAX = 300000,                   /* of a check: schemas, members, places of a pattern; and ... */
    SCHEMA_STEPS_PER_VALUE = 4,                  /* ... these for each value of the document */
    SCHEMA_SEARCHES_MAX = 2000000,               /* members of lists that references may make the compiler walk over */
    SCHEMA_WHERE_BYTES = 256,
};

struct schema_options {
    bool formats; /* "format" must hold; without it is only a remark */
    /* The text of the schema that a $ref names by `uri`, valid until schema_compile() is back; false: unknown. */
    bool (*find)(void *ctx, str uri, str *text);
    void *ctx;
};

/* What is wrong with a schema, and where in it. */
struct schema_fail {
    char where[SCHEMA_WHERE_BYTES]; /* JSON pointer, "" for the whole */
    char why[SCHEMA_WHERE_BYTES];
};

/* What is wrong with a document. */
struct schema_error {
    char path[SCHEMA_WHERE_BYTES]; /* JSON pointer to the value, "" for the whole */
    const char *keyword;           /* static text: "minimum" */
    char message[512];             /* "/items/3/price: must be at least 0" */
    bool gave_up;                  /* nothing is known: the check took too long, or went too deep */
};

/* Owns: the caller drops it; `text` may go. `options` may be NULL.
 * Fails: NULL with `*why`; so does a $ref to what is neither in the schema nor found. */
struct schema *schema_compile(str text, const struct schema_options *options, struct schema_fail *why) MUST_CHECK;
void schema_drop(struct schema *schema);

/* Whether the value at `at` is valid. `first` (may be NULL) tells what is wrong otherwise. */
bool schema_check(const struct schema *schema, const struct json *doc, json_ref at,
                  struct schema_error *first) MUST_CHECK;

enum schema_hope {
    SCHEMA_OPEN,     /* it may become valid */
    SCHEMA_HOPELESS, /* whatever follows, it will be no valid document */
};

/* What can be said of a document of which only the first bytes are known. Errs towards
 * SCHEMA_OPEN: syntax, types, enums, closed properties and maxima are looked at. Reads all of
 * `so_far` each time: ask when the text has grown by a good part. */
enum schema_hope schema_prefix(const struct schema *schema, str so_far) MUST_CHECK;
/* The same, paid from `*steps`: with none left it is SCHEMA_OPEN. */
enum schema_hope schema_prefix_paid(const struct schema *schema, str so_far, uint64_t *steps) MUST_CHECK;
/* What makes it hopeless. False: nothing does. */
bool schema_prefix_error(const struct schema *schema, str so_far, struct schema_error *out) MUST_CHECK;

/* The schema that schemas must satisfy, made from the table of keywords. */
bool schema_write_meta(struct buf *out) MUST_CHECK;

#endif

/* JSON as it stands on the wire, borrowed: read from a document, and written into another, without being decoded. */
#ifndef DIALECT_CANON_RAW_H
#define DIALECT_CANON_RAW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "dialect/call.h"

/* A JSON value as it stands on the wire: a string with quotes and escapes, an
 * object, a number ... json.p == NULL: there is none. */
typedef struct jraw {
    str json;
} jraw;

#define RAW_NONE ((jraw){{NULL, 0}})

static inline jraw raw_of(str json)
{
    return (jraw){json};
}

/* Members that only `of` understands: `"key":value,"key":value`; n == 0: none. */
struct canon_extras {
    enum dialect_id of;
    str members;
};

/* ---- reading (canon.c) */

/* The members of `object` that are not among `known`, as extras. */
struct canon_extras canon_extras_of(const struct json *doc, json_ref object, const str *known, size_t count,
                                    enum dialect_id of, struct arena *arena);

/* The value as it stands; none where it is absent or null. */
jraw canon_raw(const struct json *doc, json_ref at);
/* A string member of `object` as it stands; none where it is absent, null or no string. */
jraw canon_raw_string(const struct json *doc, json_ref object, str key);
/* A copy in `arena`; none of none. */
jraw canon_keep(struct arena *arena, jraw raw);
/* A string member, decoded; STR_NONE where it is absent, null, no string or holds an unpaired surrogate. */
str canon_text(const struct json *doc, json_ref object, str key, struct arena *arena);
/* A number member as written; STR_NONE otherwise. */
str canon_number(const struct json *doc, json_ref object, str key);
/* -1 absent, null or no boolean; else 0 or 1. */
int8_t canon_tristate(const struct json *doc, json_ref object, str key);
/* "text" of a jraw string without its quotes. */
str canon_inside(jraw string);
/* A decoded text as a jraw string. */
jraw canon_quote(struct arena *arena, str text);
/* The content of a jraw string, decoded. Fails: STR_NONE for an unpaired surrogate. */
str canon_decode(struct arena *arena, jraw string);
/* Raw strings joined into one, `between` (already escaped) between them. */
jraw canon_join(struct arena *arena, const jraw *strings, size_t count, str between);
/* Bytes of base64 once decoded. */
int64_t canon_base64_size(str data);
/* Characters of a JSON string. */
int64_t canon_length(jraw text);
/* A JSON string that holds nothing but white space, or none at all. */
bool canon_is_blank(jraw text);
/* A JSON string without the white space at its end: Claude takes none behind the beginning of an answer. */
jraw canon_without_end(struct arena *arena, jraw text);
/* A number that is zero, as it is written. */
bool canon_is_zero(str number);
/* A list or object without members, or false: what clients send who want nothing. */
bool canon_is_nothing(const struct json *doc, json_ref at);

/* ---- writing (canon.c): the value, or nothing */

/* Writes `"key":` with a comma before it unless the buffer ends in `{` or `[`. */
void canon_key(struct buf *out, str key);
/* A comma unless the buffer ends in `{`, `[` or `,`. */
void canon_comma(struct buf *out);
void canon_put_raw(struct buf *out, str key, jraw value);    /* nothing where there is none */
void canon_put_text(struct buf *out, str key, str text);     /* nothing where it is empty */
void canon_put_number(struct buf *out, str key, str number); /* nothing where it is empty */
void canon_put_i64(struct buf *out, str key, int64_t v);
void canon_put_bool(struct buf *out, str key, bool v);
/* The extras of this dialect; those of another are not written. */
void canon_put_extras(struct buf *out, const struct canon_extras *extras, enum dialect_id of);

#endif

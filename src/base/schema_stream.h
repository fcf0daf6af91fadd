/* schema_prefix() over a text that comes in pieces: as soon as nothing that may follow can make it valid, it says so.
 *
 * It looks again whenever the text has grown by an eighth, at places that only the count of bytes decides: so the
 * verdict after so many bytes is the same however they were cut, and all looks together read about ten times the
 * text. Beyond SCHEMA_STREAM_TEXT_MAX bytes, or with its steps used up, it looks no more: then hope stays. */
#ifndef BASE_SCHEMA_STREAM_H
#define BASE_SCHEMA_STREAM_H

#include "base/schema.h"

enum {
    SCHEMA_STREAM_TEXT_MAX = 1024 * 1024,
    SCHEMA_STREAM_STEPS = 4 * SCHEMA_STEPS_MAX, /* of all looks */
};

struct schema_stream {
    const struct schema *schema;
    struct buf text; /* so far */
    size_t look_at;  /* bytes of text at which the next look is due */
    uint64_t steps;  /* left */
    uint32_t depth;  /* brackets that are open */
    bool one_object; /* the text up to the end of its first value, where that is an object, is all that counts */
    bool in_string, escaped;
    bool begun; /* something but blanks has come */
    bool over;  /* no further look */
    enum schema_hope hope;
};

/* `schema` must outlive it. Owns: schema_stream_free().
 * `one_object`: what stands behind an object is nobody's, and of a text that begins otherwise nothing is said. */
void schema_stream_init(struct schema_stream *s, const struct schema *schema, bool one_object);
void schema_stream_free(struct schema_stream *s);
/* HOPELESS is for good. */
enum schema_hope schema_stream_feed(struct schema_stream *s, str piece);

#endif

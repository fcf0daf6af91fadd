/* A JSON array as a stream, a pure function of bytes: finds whole elements, however they
 * are cut. Google streams so where it is not asked for server-sent events: `[{`, an element,
 * `,`, an element, ... `]`, each piece as it becomes known. */
#ifndef NET_JSON_ARRAY_H
#define NET_JSON_ARRAY_H

#include "base/str.h"

enum { JSON_ARRAY_DEPTH_MAX = 128 };

/* Where the search in an incomplete element stands; {0} at the beginning of the array, then kept
 * from call to call. */
struct json_array {
    size_t at;        /* bytes searched */
    size_t from;      /* where the element begins */
    uint32_t depth;   /* brackets open within it */
    bool opened;      /* the array's own bracket was seen */
    bool closed;      /* ... and the one that ends it */
    bool in_element;  /* `from` is set */
    bool in_string;   /* ... and within a string */
    bool after_slash; /* ... behind a backslash */
    bool wrong;       /* this is no array, or one too deep: nothing more is found */
};

struct json_element {
    str raw;  /* its bytes, with what stands before it: brackets, commas, white space */
    str data; /* the element */
};

/* The first whole element in `bytes`: its length (out->raw's), or 0 when more bytes are needed,
 * when the array is over (`closed`) or wrong. Elements are not checked to be JSON, only their
 * brackets and strings are followed. `data` borrows from `bytes`.
 * A body that is one object instead of an array (an error) counts as an array of one. */
size_t json_array_next(str bytes, struct json_array *state, struct json_element *out);

#endif

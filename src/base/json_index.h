/* The keys of an object that has many: without it each of the hundred questions that a call is asked would walk over
 * all the keys that a stranger may put into one object. Private to json_*.c. */
#ifndef BASE_JSON_INDEX_H
#define BASE_JSON_INDEX_H

#include "base/json.h"

enum { JSON_INDEX_FROM_KEYS = 64 }; /* below, a walk over them is as fast */

/* Where an object's table begins in json.slots, and how long it is: mask + 1, a power of two. */
struct json_index {
    uint32_t from, mask;
};

/* Makes the table of an object that has just been closed, if it has many keys. Without memory there is none. */
void json_index_object(struct json *doc, uint32_t object);
/* json_find() of an object that has a table. */
json_ref json_index_find(const struct json *doc, json_ref object, str key, bool *twice);

#endif

/* The inside of a JSON string: found, checked, not decoded. Private to json_*.c. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/str.h"

struct json_scan {
    const char *at;  /* the closing quote, or where the string is wrong */
    const char *why; /* NULL: it is a string */
    bool escaped;    /* it has a backslash */
};

/* `p` stands behind the opening quote. */
struct json_scan json_scan_string(const char *p, const char *end);

#endif

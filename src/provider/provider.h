/* Vendors: a row each in vendors.def. A vendor of the OpenAI family is data, not code. */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/str.h"
#include "dialect/call.h"

enum provider_flag {
    PROVIDER_NO_STREAM_OPTIONS = 1 << 0, /* rejects stream_options: usage comes by itself or not at all */
    PROVIDER_MAX_TOKENS = 1 << 1,        /* knows `max_tokens`, not `max_completion_tokens` */
    PROVIDER_API_KEY_HEADER = 1 << 2,    /* takes its key as `api-key: ...`, not as `Authorization: Bearer ...` */
    PROVIDER_KEY_OPTIONAL = 1 << 3,      /* works without a key: runs on one's own machines */
};

struct vendor {
    str kind;        /* `kind:` in the settings */
    str base_url;    /* where none is set; empty: must be set */
    str book;        /* the price book's id of it; empty: own prices only */
    str key_env;     /* the environment variable that holds its key by habit */
    uint32_t quirks; /* enum answer_quirk */
    uint32_t flags;  /* enum provider_flag */
};

/* NULL where no vendor has that kind. */
const struct vendor *vendor_find(str kind);
/* The one that a base URL belongs to ("https://api.groq.com/..."), NULL where none does. */
const struct vendor *vendor_find_url(str base_url);
const struct vendor *vendor_at(size_t i); /* NULL behind the last */

/* An oddity that the settings may name (`quirks: [x_groq]`): one bit, either of
 * enum answer_quirk or of enum provider_flag. */
struct quirk {
    str name;
    uint32_t quirks, flags;
    str text;
};
const struct quirk *quirk_find(str name);
const struct quirk *quirk_at(size_t i); /* NULL behind the last */

#endif

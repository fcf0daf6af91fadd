/* Vendors: a row each in vendors.def. A vendor is data, not code: where it is, which
 * protocols it speaks, how it wants to be shown a key, what its oddities are. */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/str.h"
#include "dialect/call.h"
#include "provider/endpoint.h"

enum provider_flag {
    PROVIDER_NO_STREAM_OPTIONS = 1 << 0, /* rejects stream_options: usage comes by itself or not at all */
    PROVIDER_MAX_TOKENS = 1 << 1,        /* knows `max_tokens`, not `max_completion_tokens` */
    PROVIDER_API_KEY_HEADER = 1 << 2,    /* takes its key as `api-key: ...`, not as `Authorization: Bearer ...` */
    PROVIDER_KEY_OPTIONAL = 1 << 3,      /* works without a key: runs on one's own machines */
};

/* How a call shows who it is from. */
enum provider_auth {
    AUTH_BEARER,    /* authorization: Bearer KEY */
    AUTH_API_KEY,   /* api-key: KEY */
    AUTH_ANTHROPIC, /* x-api-key: KEY, and the protocol's version */
    AUTH_GOOGLE,    /* x-goog-api-key: KEY; a token goes as a bearer */
    AUTH_AWS,       /* Signature Version 4; an API key goes as a bearer */
};

/* Protocols that a provider speaks, the preferred one first. */
struct protocols {
    uint8_t count;
    uint8_t at[DIALECT_COUNT]; /* enum dialect_id */
};

struct vendor {
    str kind;                   /* `kind:` in the settings */
    str base_url;               /* where none is set; empty: must be set, or is made from region or location */
    str book;                   /* the price book's id of it; empty: own prices only */
    str key_env;                /* environment variables that hold its key by habit, the first one set counts */
    enum provider_family paths; /* how its paths look */
    enum provider_auth auth;
    struct protocols protocols;
    uint32_t serves; /* further endpoints, a bit each: SERVES(EMBEDDINGS) | ... */
    uint32_t quirks; /* enum answer_quirk */
    uint32_t flags;  /* enum provider_flag */
};

/* NULL where no vendor has that kind. */
const struct vendor *vendor_find(str kind);
/* The one that a base URL belongs to ("https://api.groq.com/..."), NULL where none does. */
const struct vendor *vendor_find_url(str base_url);
const struct vendor *vendor_at(size_t i); /* NULL behind the last */

/* "chat", "messages": as `protocols:` and the dialects call them; DIALECT_COUNT where there is none of that name. */
str protocol_name(enum dialect_id id);
enum dialect_id protocol_find(str name);
/* The `i`th variable of `key_env`; p == NULL behind the last. */
str vendor_key_env(const struct vendor *v, size_t i);
bool protocols_have(const struct protocols *p, enum dialect_id id);
/* Those of `all` that the vendor speaks for this model: at some, a model decides (models.def).
 * None: it has no such model, or generates nothing. */
struct protocols vendor_protocols(const struct vendor *v, const struct protocols *all, str model);

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

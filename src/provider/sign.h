/* What a call shows to its provider, so that it is let in. Pure: secrets and time are passed in. */
#ifndef PROVIDER_SIGN_H
#define PROVIDER_SIGN_H

#include <sys/uio.h>

#include "provider/provider.h"
#include "provider/sigv4.h"

struct provider_secret {
    str key;              /* an API key or a token; empty: none */
    bool token;           /* it is a token that expires, not a key */
    struct sigv4_key aws; /* where there is no key */
};

struct sign_call {
    str method;
    str host;   /* as the header Host has it: with the port where that is not the usual one */
    str target; /* path and query, as they are sent */
    const struct iovec *body;
    size_t body_count;
    str region;            /* AWS */
    str anthropic_version; /* the client's own header; empty: the version that purser knows */
    int64_t now_us;
};

/* Appends header lines, each with its CRLF: "authorization: Bearer ...\r\n"; nothing where there is no secret. */
void provider_sign(enum provider_auth auth, const struct provider_secret *secret, const struct sign_call *call,
                   struct buf *out);

#endif

/* AWS Signature Version 4, in the headers. Pure: the time is passed in.
 * Source: AWS, "Create a signed AWS API request". */
#ifndef PROVIDER_SIGV4_H
#define PROVIDER_SIGV4_H

#include <sys/uio.h>

#include "base/buf.h"

enum {
    SIGV4_HASH_HEX = 64,
    SIGV4_DATE_BYTES = 16, /* 20261125T121530Z */
    SIGV4_HEADERS_MAX = 24,
    SIGV4_QUERY_MAX = 64,
};

struct sigv4_key {
    str id, secret, session; /* session: empty where there is none */
};

struct sigv4_header {
    str name, value;
};

struct sigv4_request {
    str method;
    str path, query; /* as they are sent */
    /* All that are signed: at least host and x-amz-date. Names that stand twice are joined in their order. */
    const struct sigv4_header *headers;
    size_t header_count;
    str body_hash;   /* sigv4_hash() */
    bool plain_path; /* . and .. and double slashes in the path stay as they are */
    str region, service;
    int64_t now_us;
};

/* "20261125T121530Z" */
void sigv4_date(int64_t now_us, char out[SIGV4_DATE_BYTES]);
/* SHA-256 of the pieces, one behind the other, in lower-case hex. */
void sigv4_hash(const struct iovec *pieces, size_t count, char hex[SIGV4_HASH_HEX]);
/* Appends the text whose hash is signed. Fails: false above the ceilings. */
bool sigv4_canonical(const struct sigv4_request *r, struct buf *out) MUST_CHECK;
/* Appends the value of the header Authorization. Fails: as above. */
bool sigv4_authorization(const struct sigv4_key *key, const struct sigv4_request *r, struct buf *out) MUST_CHECK;

#endif

/* Content-Encoding of a request's body: gzip, deflate (zlib) and zstd. */
#ifndef NET_HTTP_DECODE_H
#define NET_HTTP_DECODE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the decoded body to `out`, whose ceiling holds: a small body may not
 * become a large one. Fails: ERR_BAD_MEDIA_TYPE, ERR_BAD_REQUEST, ERR_TOO_LARGE. */
enum err http_decode(str encoding, str body, struct buf *out, const char **why);

#endif

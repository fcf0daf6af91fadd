/* HTTP/1.1 heads and bodies as pure functions of bytes: llhttp in strict mode,
 * and the rules of RFC 9112 that keep two parsers from disagreeing (smuggling). */
#ifndef NET_HTTP1_H
#define NET_HTTP1_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <llhttp.h>

struct http_header {
    str name, value; /* value: trimmed */
};

enum { HTTP_HEADERS_MAX = 100 };

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_UNTIL_CLOSE };

/* One head, request or response. Pointers into the bytes it was read from. */
struct http_head {
    str method, target; /* requests */
    int status;         /* responses */
    int version_minor;  /* HTTP/1.x */
    struct http_header *headers;
    size_t header_count;
    uint64_t name_lengths; /* a bit for each length of a name, modulo 64: most searches end here */
    enum http_framing framing;
    uint64_t length; /* HTTP_LENGTH */
    bool keep_alive;
    bool expect_continue;
    bool upgrade_websocket;
};

/* http_head_find() in a head that has names of that length. */
str http_head_search(const struct http_head *h, str name);
static inline str http_head_find(const struct http_head *h, str name)
{
    return h->name_lengths >> (name.n & 63) & 1 ? http_head_search(h, name) : STR_NONE;
}

/* The value of a list that may stand in several lines, joined by commas. Lives in `arena` where there are several.
 * Source: RFC 9110, 5.3. */
str http_head_list(const struct http_head *h, str name, struct arena *arena);
/* Whether the value of `Connection:` names the header, which is hop-by-hop then, too. Source: RFC 9110, 7.6.1. */
bool http_connection_names(str connection, str name);

/* Where the head that `bytes` begins with ends (behind its empty line).
 * 0: not yet. SIZE_MAX: a line ends in a bare LF, holds a bare CR or a NUL, is
 * folded over two lines, or is a header without a name.
 * `seen` bytes were looked at before (0 at first), so that slow senders cost no more. */
size_t http1_head_end(str bytes, size_t seen);

/* Reads a whole head (as http1_head_end() measured it); `why` gets the sentence.
 * Fails: ERR_BAD_REQUEST, ERR_HEAD_TOO_LARGE (too many headers), ERR_EXPECTATION_FAILED. */
enum err http1_read_request(str head, struct arena *arena, struct http_head *out, const char **why);
/* `head_request`: the answer to HEAD has no body. Fails: ERR_PROVIDER_PROTOCOL. */
enum err http1_read_response(str head, bool head_request, struct arena *arena, struct http_head *out, const char **why);

/* Takes the chunks off a body, however it is cut (http1_chunks.c). */
struct http1_chunks {
    void (*piece)(void *ctx, str bytes);
    void *ctx;
    uint64_t left;  /* of the chunk: its size while that is read, then the bytes to come */
    uint32_t extra; /* bytes of extensions and trailers so far */
    uint8_t state, digits;
    bool request; /* nothing forgiven */
    bool done, bad;
};

/* What one message may spend on extensions and trailers, which are dropped. */
enum { HTTP1_CHUNK_EXTRA_MAX = 16 * 1024 };

void http1_chunks_init(struct http1_chunks *c, bool request, void (*piece)(void *ctx, str bytes), void *ctx);
/* Calls `piece` for what is body. Returns how many bytes belong to this message:
 * fewer than given once `done`. Check `bad` after it. */
size_t http1_chunks_feed(struct http1_chunks *c, str bytes);

#endif

/* HTTP/1.1 towards clients: strict RFC 9112, keep-alive, pipelining one at a
 * time, TLS, back-pressure. Knows nothing of AI: the gateway, the admin port,
 * the control socket and the simulator all stand on it.
 *
 * Thread: everything here is the loop's thread's. Times are microseconds. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/http1.h"
#include "net/loop.h"
#include "net/peers.h"

#include <sys/uio.h>

/* A request, whole. Pointers live until the exchange ends, the body until
 * http_drop_body(). */
struct http_request {
    struct http_head *head;
    str method, target; /* as they came */
    str path, query;    /* path: no decoding */
    struct http_header *headers;
    size_t header_count;
    str body;          /* chunked and compressed bodies are decoded */
    int version_minor; /* HTTP/1.x */
    bool keep_alive;
    str peer; /* "127.0.0.1" */
};

/* The first header of that name, trimmed; p == NULL where there is none. */
static inline str http_header_find(const struct http_request *r, str name)
{
    return http_head_find(r->head, name);
}

struct http_server;
struct http_exchange; /* one request and its answer */

struct http_handler {
    /* A whole request has come. Answer now or later; `user` of the exchange is yours. */
    void (*request)(struct http_exchange *x);
    /* What was queued has gone out: there is room again. May be NULL. */
    void (*drained)(struct http_exchange *x);
    /* The client sent its end of file: it hung up, or closed only its sending half.
     * True: take it as gone. NULL: as true. */
    bool (*half_closed)(struct http_exchange *x);
    /* The client hung up or broke before the answer was complete: `x` is invalid
     * once this returns. May be NULL. */
    void (*gone)(struct http_exchange *x);
    /* The answer was handed over whole: `x` is invalid once this returns. May be NULL. */
    void (*done)(struct http_exchange *x);
    /* A request that is malformed, too large or too slow, for counting. May be NULL. */
    void (*refused)(struct http_server *s, enum err e);
    /* The body of the answer to such a request, as JSON. NULL: {"error":{"message":...}}. */
    void (*render)(struct buf *out, enum err e, str message);
    str rendered_type; /* its content type; empty: application/json */
};

struct http_exchange {
    struct http_server *server;
    struct http_request request;
    void *user;
    struct arena arena; /* freed when the exchange ends */
    int64_t started_us; /* monotonic: first byte of the request */
    int status;         /* of the answer; 0: it has not begun */
};

struct http_limits {
    size_t header_bytes, body_bytes;
    unsigned connections;        /* 0: none of these */
    unsigned connections_per_ip; /* over all servers with the same `peers` */
    int64_t request_us, idle_us, write_us;
    size_t queue_bytes; /* ceiling of what is kept for a slow reader: http_send() refuses above */
};
void http_limits_default(struct http_limits *l);

struct http_server_options {
    struct loop *loop;
    const struct http_handler *handler;
    struct http_limits limits;
    struct peers *peers; /* NULL: connections_per_ip bounds nothing. Outlives the server */
    void *owner;
};

/* `options` is copied. Owns: http_server_drop(). */
struct http_server *http_server_new(const struct http_server_options *options);
void *http_server_owner(const struct http_server *s);
/* Listens on "127.0.0.1", "::1", "0.0.0.0" or "unix:/path"; port 0 picks one.
 * `cert` and `key` (PEM paths, NULL: plain). Every loop listens by itself (SO_REUSEPORT).
 * Fails: false with a sentence in `why`. */
bool http_server_listen(struct http_server *s, const char *host, uint16_t port, const char *cert, const char *key,
                        struct buf *why);
/* Takes a listening descriptor over (systemd). Fails: as http_server_listen(). */
bool http_server_adopt(struct http_server *s, int fd, const char *cert, const char *key, struct buf *why);
uint16_t http_server_port(const struct http_server *s); /* of the first listener */
unsigned http_server_connections(const struct http_server *s);
/* Bytes that all its slow readers have not taken yet. Looks at each connection. */
size_t http_server_queued(const struct http_server *s);
/* Takes no more connections and closes idle ones; those with a request go on, then close. */
void http_server_drain(struct http_server *s);
void http_server_set_limits(struct http_server *s, const struct http_limits *limits);
/* Closes everything at once. The struct is freed with the loop's turn. */
void http_server_drop(struct http_server *s);

/* ---- answering; `headers` is raw lines "name: value\r\n" without framing headers */

/* The whole answer. `body` is copied only where the socket does not take it at once. */
void http_respond(struct http_exchange *x, int status, str headers, str body);
/* Head of an answer of unknown length: chunked (HTTP/1.0: until close). */
void http_begin(struct http_exchange *x, int status, str headers);
/* Head of an answer of known length, whose bytes follow by http_send(). */
void http_begin_length(struct http_exchange *x, int status, str headers, uint64_t length);
/* Sends a piece: to the socket if it takes it, else a copy is queued. False: the
 * queue is above its ceiling; the piece was queued all the same, stop until `drained`. */
bool http_send(struct http_exchange *x, const struct iovec *pieces, size_t count);
bool http_send_str(struct http_exchange *x, str piece);
/* Bytes as they are, without framing: to misbehave on purpose. */
bool http_send_raw(struct http_exchange *x, str bytes);
size_t http_queued(const struct http_exchange *x);
/* The proper end of http_begin()'s or http_begin_length()'s answer. */
void http_end(struct http_exchange *x);
/* A last piece and the end, in one write. */
void http_send_last(struct http_exchange *x, const struct iovec *pieces, size_t count);
/* Cuts the connection without an end. `gone` is not called. */
void http_abort(struct http_exchange *x);
/* Frees the request's body early: headers stay. */
void http_drop_body(struct http_exchange *x);
/* Frees everything of the request, its head and `arena` too: a stream that waits keeps little. */
void http_drop_request(struct http_exchange *x);

/* Did the request come over TLS? */
bool http_is_tls(const struct http_exchange *x);
/* "OK" for 200. */
const char *http_reason(int status);

#endif

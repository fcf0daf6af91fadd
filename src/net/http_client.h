/* HTTP/1.1 towards providers: kept connections, one pool a provider and loop,
 * names resolved off the loop, TLS sessions resumed. Knows nothing of AI.
 *
 * A request is written again on a fresh connection only while not one byte of it
 * has been written; afterwards a dead connection is the caller's to account for.
 * Source of the rule: RFC 9110, 9.2.2: nobody but the caller knows what may be repeated.
 *
 * Thread: everything here is the loop's thread's. Times are microseconds of its monotonic clock. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/conn.h"
#include "net/http1.h"

struct upstream;
struct client_conn;

struct upstream_options {
    struct loop *loop;
    str host; /* a name or an address; copied */
    uint16_t port;
    struct tls_context *tls; /* NULL: plain. Owns: the upstream from here on */
    unsigned connections;    /* ceiling; further calls wait in order */
    int64_t idle_us;         /* how long a kept connection may rest */
};

/* Owns: upstream_drop(). Never fails: names are resolved when the first call needs them. */
struct upstream *upstream_new(const struct upstream_options *options);
/* Closes idle connections now; the rest, and itself, when its last call ends. */
void upstream_drop(struct upstream *u);
/* Its connections, and how many of them rest. */
void upstream_counts(const struct upstream *u, unsigned *open, unsigned *idle);

struct http_call;

/* What happens to a call. Never called from within http_call_start(). In each the
 * caller may cancel or free the call. After `end` or `fail` it is over. */
struct http_call_events {
    void (*sent)(struct http_call *c);            /* the request is with the kernel: its bytes may go. May be NULL */
    void (*head)(struct http_call *c);            /* `c->head` is filled in (never a 1xx) */
    void (*body)(struct http_call *c, str bytes); /* framing taken off; valid only now */
    void (*end)(struct http_call *c);             /* whole, by its framing */
    void (*fail)(struct http_call *c, enum err e, const char *why);
    void (*connected)(struct http_call *c); /* `c->connected_us` is set, writing begins. May be NULL */
};

enum { HTTP_CALL_PIECES_MAX = 24 };

/* One request and its answer: embedded in whoever makes it. */
struct http_call {
    struct upstream *upstream;
    struct client_conn *conn; /* NULL: waiting for one, or over */
    const struct http_call_events *on;
    struct arena *arena;  /* for the answer's head */
    struct list link;     /* in the pool's queue */
    struct iovec *pieces; /* of the request, what is not written yet */
    size_t piece_count, piece_at;
    struct http_head head;
    bool head_request;
    bool sent, written_any, answered; /* all of it; a byte of it; a byte came back */
    bool starting;                    /* http_call_start() is on the stack */
    bool reused;                      /* a kept connection */
    bool resumed;                     /* its TLS continues an earlier session */
    bool truncated;                   /* the answer ended by the connection, with an error */
    int64_t connected_us;             /* monotonic: when a connection was ready; 0: not yet */
    struct task failing;              /* tells a failure after http_call_start() has returned */
    enum err failed;
    const char *failed_why;
};

/* Begins. The bytes that `pieces` point at must stay until `sent` (check `c->sent`
 * after the return), `head` (an early answer ends the sending) or the end; `c` until
 * `end`, `fail` or http_call_cancel(). */
void http_call_start(struct http_call *c, struct upstream *u, const struct http_call_events *on, struct arena *arena,
                     const struct iovec *pieces, size_t count);
/* Stops and starts reading; what has been read is still delivered. */
void http_call_pause(struct http_call *c);
void http_call_resume(struct http_call *c);
/* Ends it without further events: a connection in use is closed. Harmless when over. */
void http_call_cancel(struct http_call *c);

#endif

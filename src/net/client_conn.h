/* Inside of the HTTP client: one connection to a provider. Used by http_client.c
 * (calls and the pool), client_conn.c (connecting, writing) and client_answer.c
 * (reading) only. */
#ifndef NET_CLIENT_CONN_H
#define NET_CLIENT_CONN_H

#include "base/buf.h"
#include "net/http_client.h"
#include "net/resolver.h"

enum client_state {
    CLIENT_RESOLVING,
    CLIENT_CONNECTING,
    CLIENT_HANDSHAKE,
    CLIENT_WAITING, /* request being written, or its answer's head awaited */
    CLIENT_BODY,
    CLIENT_IDLE,
    CLIENT_CLOSED,
};

struct client_conn {
    struct conn io;
    struct upstream *upstream;
    struct list link; /* upstream's idle or busy list */
    struct http_call *call;
    enum client_state state;
    struct buf in; /* a head that came in parts */
    uint64_t left; /* HTTP_LENGTH: bytes of body to come */
    struct http1_chunks chunks;
    unsigned address;          /* which of the resolver's is tried */
    int error;                 /* errno of the last one that failed */
    struct client_conn *rival; /* older, still connecting to an earlier address: whoever is first wins */
    struct deadline next_try;  /* the next address gets its chance */
    unsigned interim;
    int64_t idle_since_us;
    bool open;         /* it has a socket */
    bool write_broken; /* the rest of the request is not sent: it broke, or the answer came first */
    bool paused;
};

struct upstream {
    struct upstream_options options;
    struct resolver resolver;
    char *host;
    struct list idle, busy; /* of struct client_conn; idle: last used first */
    struct list waiting;    /* of struct http_call */
    unsigned open, idle_count;
    bool dropped, freeing;
    bool serving; /* the waiting are being looked after further up the stack */
    struct deadline idle_check;
    struct corpse corpse;
};

/* Gives waiting calls what is free: an idle connection, or a new one under the ceiling. */
void upstream_serve(struct upstream *u);
void upstream_maybe_free(struct upstream *u);

/* Opens a connection for the call. */
void client_conn_open(struct upstream *u, struct http_call *call);
/* Tries the address that `c` is at, or the next ones. */
void client_conn_connect(struct client_conn *c);
/* It is ready: writes its call's request. */
void client_conn_begin(struct client_conn *c, bool reused);
void client_conn_update_want(struct client_conn *c);
void client_conn_close(struct client_conn *c);
/* Closes; the call fails at the end of the turn. */
void client_conn_fail(struct client_conn *c, enum err e, const char *why);
/* Closes; the call, of which no byte was written, gets another connection. */
void client_conn_retry(struct client_conn *c);
/* Reads what has come (WAITING, BODY, IDLE). */
void client_conn_read(struct client_conn *c);

/* The call is over, or wholly written: its pieces are not needed any more. */
void http_call_drop_pieces(struct http_call *c);

#endif

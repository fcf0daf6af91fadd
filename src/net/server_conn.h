/* Inside of the HTTP server: one client's connection. Used by http_server.c
 * (listening), server_conn.c (its life), server_request.c (reading) and
 * server_answer.c (writing) only. */
#ifndef NET_SERVER_CONN_H
#define NET_SERVER_CONN_H

#include "net/conn.h"
#include "net/http_server.h"

struct http_server {
    struct http_server_options options;
    struct list listeners; /* of struct listener */
    struct list conns;     /* of struct server_conn */
    unsigned conn_count;
    struct pool exchanges; /* of struct server_exchange */
    bool draining, dropped;
    struct corpse corpse;
};

enum server_state {
    SERVER_HANDSHAKE, /* TLS */
    SERVER_HEAD,      /* waiting for a request, or in its head */
    SERVER_BODY,
    SERVER_ANSWERING, /* the handler has it */
    SERVER_LINGERING, /* answered and half closed: reads what is still on its way, so that the answer is not lost */
    SERVER_CLOSED,
};

enum answer_framing { ANSWER_NONE, ANSWER_WHOLE, ANSWER_CHUNKED, ANSWER_LENGTH, ANSWER_UNTIL_CLOSE };

struct server_exchange {
    struct http_exchange pub; /* first */
    struct server_conn *conn;
    struct http_head head;
    struct http1_chunks chunks; /* a chunked request's */
    char *body;                 /* owned: raw or decoded */
    size_t body_have;
    struct buf gathered; /* chunked or decoded body */
    enum answer_framing framing;
    uint64_t length_left; /* ANSWER_LENGTH */
    bool no_body;         /* to HEAD, 204, 304: a head only */
    bool finished, continued;
};

struct server_conn {
    struct conn io;
    struct http_server *server;
    struct list link;
    struct task drive; /* finishes exchanges and begins the next */
    struct deadline deadline;
    struct buf in;  /* bytes not yet understood */
    size_t in_seen; /* of them, looked at for the head's end */
    struct buf out; /* bytes not yet taken by the socket */
    size_t out_at;
    struct server_exchange *x;
    enum server_state state;
    bool close_after; /* no further request on this connection */
    bool reading_paused, peer_closed;
    bool corked;      /* a head waits for its first piece, or for the end of the turn */
    bool held;        /* bytes wait because the socket was full */
    bool emptied;     /* they have gone: `drained` is owed */
    bool broken;      /* a write failed: closed at the end of the turn */
    bool head_method; /* a head that cannot be read begins with HEAD */
    int64_t begun_us; /* monotonic: first byte of the request, or the begin of lingering; 0: idle */
    size_t lingered;
    bool counted; /* in the server's `peers` */
    char peer[46];
};

/* `counted`: its address entered the server's `peers`; it leaves when the connection closes. */
void server_conn_new(struct http_server *s, int fd, struct tls_context *tls, const char *peer, bool counted);
void server_conn_close(struct server_conn *c);
enum { SERVER_PIPELINED_BYTES = 64 * 1024 }; /* kept of requests that come while one is answered */
/* Understands as much of `bytes` as it can; the rest is kept in `in`. */
void server_request_take(struct server_conn *c, str bytes);
/* The body is whole: hands the request to the handler. */
void server_request_dispatch(struct server_conn *c);
/* Frees the exchange, telling nobody. */
void server_conn_end_exchange(struct server_conn *c);
/* Answers a request that could not be read, then closes. */
void server_conn_refuse(struct server_conn *c, enum err e, const char *why);
/* From here on what the client still sends is read and dropped, within bounds. */
void server_conn_linger(struct server_conn *c);
/* Tells the client that no more comes. */
void server_conn_half_close(struct server_conn *c);
enum { SERVER_PIECES_MAX = 16 };
/* Says these, SERVER_PIECES_MAX at most, behind what is queued. Where the connection is broken it is closed at the end of
 * the turn. */
void server_conn_write(struct server_conn *c, struct iovec *pieces, size_t count);
/* Writes what is queued. False: the connection broke and is closed. */
bool server_conn_flush(struct server_conn *c);
/* The deadline that the state asks for. */
void server_conn_set_deadline(struct server_conn *c);
void server_conn_update_want(struct server_conn *c);

#endif

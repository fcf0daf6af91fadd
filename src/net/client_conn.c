/* A connection to a provider: connecting, its address list, TLS, writing the request.
 *
 * Of several addresses the next is tried when one fails, and beside it when one takes
 * long (RFC 8305 in its simple form): each has a connection of its own, chained from
 * call->conn, the newest, to the oldest by `rival`. */
#include "net/client_conn.h"

#include "base/time.h"

#include <errno.h>
#include <stdlib.h>

enum { NEXT_TRY_US = 250 * 1000 }; /* RFC 8305, 8: Connection Attempt Delay */

/* ---- ending */

static void bury(struct conn *io)
{
    struct client_conn *c = CONTAINER_OF(io, struct client_conn, io);
    struct upstream *u = c->upstream;
    buf_free(&c->in);
    free(c);
    u->open--;
    upstream_serve(u);
    upstream_maybe_free(u);
}

/* Its call lives on without it. */
static void close_alone(struct client_conn *c)
{
    c->call = NULL;
    c->rival = NULL;
    client_conn_close(c);
}

static void close_rivals(struct client_conn *c)
{
    for (struct client_conn *r = c->rival, *next; r; r = next) {
        next = r->rival;
        close_alone(r);
    }
    c->rival = NULL;
}

void client_conn_close(struct client_conn *c)
{
    if (c->state == CLIENT_CLOSED) return;
    close_rivals(c);
    deadline_clear(&c->next_try);
    if (c->state == CLIENT_IDLE) c->upstream->idle_count--;
    c->state = CLIENT_CLOSED;
    if (c->call) c->call->conn = NULL;
    c->call = NULL;
    list_remove(&c->link);
    if (c->open)
        conn_close(&c->io, bury);
    else
        bury(&c->io);
}

/* Told by a task: nobody's stack is under it then. */
static void fail_call(struct http_call *call, enum err e, const char *why)
{
    if (call->failed) return;
    call->failed = e;
    call->failed_why = arena_str(call->arena, str_from(why)).p;
    http_call_drop_pieces(call);
    task_mark(call->upstream->options.loop, &call->failing);
}

void client_conn_fail(struct client_conn *c, enum err e, const char *why)
{
    if (c->call) fail_call(c->call, e, why);
    client_conn_close(c);
}

void client_conn_retry(struct client_conn *c)
{
    struct http_call *call = c->call;
    struct upstream *u = c->upstream;
    client_conn_close(c);
    list_add_first(&u->waiting, &call->link);
    upstream_serve(u);
}

/* ---- writing */

void client_conn_update_want(struct client_conn *c)
{
    if (c->state != CLIENT_WAITING && c->state != CLIENT_BODY) return; /* the other states know theirs */
    unsigned want = c->paused ? 0 : CONN_READ;
    if (!c->call->sent && !c->write_broken) want |= CONN_WRITE;
    conn_want(&c->io, want);
}

static void advance(struct http_call *call, size_t gone)
{
    if (gone) call->written_any = true;
    while (call->piece_at < call->piece_count) {
        struct iovec *p = &call->pieces[call->piece_at];
        size_t step = gone < p->iov_len ? gone : p->iov_len;
        p->iov_base = (char *)p->iov_base + step;
        p->iov_len -= step;
        gone -= step;
        if (p->iov_len) return;
        call->piece_at++;
    }
}

/* Writes what the socket takes. The callback of `sent` may end the call: look at nothing after it. */
static void write_request(struct client_conn *c)
{
    struct http_call *call = c->call;
    while (call->piece_at < call->piece_count) {
        ssize_t took = conn_write(&c->io, call->pieces + call->piece_at, call->piece_count - call->piece_at);
        if (took >= 0) {
            advance(call, (size_t)took);
            continue;
        }
        if (took == CONN_BROKEN && !call->written_any) {
            if (call->reused) /* died while it rested, and not a byte was written: safe to try again */
                client_conn_retry(c);
            else
                client_conn_fail(c, ERR_PROVIDER_CONNECT, "the provider closed the connection at once");
            return;
        }
        if (took == CONN_BROKEN) c->write_broken = true; /* an answer may still be there to be read */
        client_conn_update_want(c);
        return;
    }
    call->sent = true;
    http_call_drop_pieces(call);
    client_conn_update_want(c);
    if (!call->starting && call->on->sent) call->on->sent(call);
}

void client_conn_begin(struct client_conn *c, bool reused)
{
    struct http_call *call = c->call;
    c->state = CLIENT_WAITING;
    c->write_broken = false;
    c->interim = 0;
    call->reused = reused;
    call->resumed = c->io.tls && tls_resumed(c->io.tls);
    call->connected_us = time_mono_us();
    if (!call->starting && call->on->connected) {
        call->on->connected(call);
        if (c->call != call) return; /* cancelled */
    }
    write_request(c);
}

/* ---- connecting */

static void handshake(struct client_conn *c)
{
    int result = tls_handshake(c->io.tls);
    if (result == 1) {
        client_conn_begin(c, false);
    } else if (result == TLS_BROKEN) {
        bool distrusted = tls_is_distrusted(c->io.tls);
        str why = arena_printf(c->call->arena, "TLS with the provider failed: %s%s", tls_error(c->io.tls),
                               distrusted ? "; its certificate must be for the name in base_url, by an authority that "
                                            "the system or the provider's `ca_file` knows"
                                          : "");
        client_conn_fail(c, ERR_PROVIDER_TLS, why.p);
    } else {
        conn_want(&c->io, result == TLS_WANTS_WRITE ? CONN_READ | CONN_WRITE : CONN_READ);
    }
}

static struct client_conn *conn_new(struct upstream *u, struct http_call *call);

/* The call gets a connection at the next address, in front of those in `rival`. */
static void try_next(struct client_conn *c, struct client_conn *rival)
{
    struct client_conn *next = conn_new(c->upstream, c->call);
    next->address = c->address + 1;
    next->error = c->error;
    next->paused = c->paused;
    next->rival = rival;
    client_conn_connect(next);
}

static void on_next_try(struct deadline *d)
{
    struct client_conn *c = CONTAINER_OF(d, struct client_conn, next_try);
    try_next(c, c);
}

/* A socket failed: its call lives on at the next address, or with those that still try. */
static void move_on(struct client_conn *c)
{
    struct client_conn *newest = c->call->conn;
    if (newest == c) {
        try_next(c, c->rival);
    } else {
        while (newest->rival != c) newest = newest->rival;
        newest->rival = c->rival;
    }
    close_alone(c);
}

/* The others may go; those who connect from now on try this address first. */
static void win(struct client_conn *c)
{
    struct client_conn *newest = c->call->conn;
    deadline_clear(&c->next_try);
    resolver_prefer(&c->upstream->resolver, c->address);
    c->paused = newest->paused;
    c->call->conn = c;
    while (newest != c) {
        struct client_conn *loser = newest;
        newest = loser->rival;
        close_alone(loser);
    }
    close_rivals(c);
}

static void on_connected(struct client_conn *c)
{
    c->error = conn_connect_result(&c->io);
    if (c->error) {
        move_on(c);
        return;
    }
    win(c);
    if (!c->upstream->options.tls) {
        client_conn_begin(c, false);
    } else {
        c->io.tls = tls_connect(c->upstream->options.tls, c->io.fd, c->upstream->host);
        c->state = CLIENT_HANDSHAKE;
        handshake(c);
    }
}

static void on_readable(struct conn *io)
{
    struct client_conn *c = CONTAINER_OF(io, struct client_conn, io);
    if (c->state == CLIENT_CONNECTING)
        on_connected(c);
    else if (c->state == CLIENT_HANDSHAKE)
        handshake(c);
    else
        client_conn_read(c);
}

static void on_writable(struct conn *io)
{
    struct client_conn *c = CONTAINER_OF(io, struct client_conn, io);
    if (c->state == CLIENT_CONNECTING)
        on_connected(c);
    else if (c->state == CLIENT_HANDSHAKE)
        handshake(c);
    else if (c->call && !c->call->sent && !c->write_broken)
        write_request(c);
}

static const struct conn_events *events(void)
{
    static const struct conn_events table = {on_readable, on_writable};
    return &table;
}

void client_conn_connect(struct client_conn *c)
{
    struct upstream *u = c->upstream;
    struct resolver *r = &u->resolver;
    for (; c->address < r->count; c->address++) {
        int fd = conn_socket_connect((struct sockaddr *)&r->address[c->address], r->length[c->address]);
        if (fd < 0) {
            c->error = errno;
            continue;
        }
        if (!conn_init(&c->io, u->options.loop, fd, events())) continue;
        c->open = true;
        c->state = CLIENT_CONNECTING;
        conn_want(&c->io, CONN_WRITE);
        if (c->address + 1 < r->count) deadline_set(u->options.loop, &c->next_try, time_mono_us() + NEXT_TRY_US);
        return;
    }
    if (c->rival) { /* the last address was no help: those before are still at it */
        c->call->conn = c->rival;
        c->rival->paused = c->paused;
        close_alone(c);
        return;
    }
    str why = r->count
                  ? arena_printf(c->call->arena, "no connection to the provider: %s",
                                 c->error ? strerror(c->error) : "the event loop refuses the socket")
                  : arena_printf(c->call->arena, "the provider's name '%s' cannot be resolved: %s", u->host, r->why);
    client_conn_fail(c, ERR_PROVIDER_CONNECT, why.p);
}

static struct client_conn *conn_new(struct upstream *u, struct http_call *call)
{
    struct client_conn *c = mem_zalloc(sizeof(*c));
    c->upstream = u;
    c->call = call;
    call->conn = c;
    deadline_init(&c->next_try, on_next_try);
    list_add_last(&u->busy, &c->link);
    u->open++;
    return c;
}

void client_conn_open(struct upstream *u, struct http_call *call)
{
    struct client_conn *c = conn_new(u, call);
    if (resolver_ready(&u->resolver) || !u->resolver.running) client_conn_connect(c);
}

/* A connection from a client: its life, its deadlines, what wakes it. */
#include "net/server_conn.h"

#include "base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    LINGER_US = 2 * 1000 * 1000,        /* without a byte */
    LINGER_TOTAL_US = 30 * 1000 * 1000, /* with whatever comes */
    LINGER_BYTES = 64 * 1024 * 1024,
    LINGER_READS = 16, /* at one event: others want to live, too */
};

static void free_exchange(struct server_exchange *x)
{
    free(x->body);
    buf_free(&x->gathered);
    arena_free(&x->pub.arena);
    pool_give(&x->conn->server->exchanges, x);
}

void server_conn_end_exchange(struct server_conn *c)
{
    if (c->x) free_exchange(c->x);
    c->x = NULL;
}

static void bury(struct conn *io)
{
    struct server_conn *c = CONTAINER_OF(io, struct server_conn, io);
    buf_free(&c->in);
    buf_free(&c->out);
    free(c);
}

void server_conn_close(struct server_conn *c)
{
    if (c->state == SERVER_CLOSED) return;
    bool answering = c->state == SERVER_ANSWERING;
    c->state = SERVER_CLOSED;
    if (c->counted) peers_leave(c->server->options.peers, c->peer);
    struct server_exchange *x = c->x;
    c->x = NULL;
    if (x) {
        const struct http_handler *h = c->server->options.handler;
        if (answering && h->gone) h->gone(&x->pub);
        free_exchange(x);
    }
    deadline_clear(&c->deadline);
    task_clear(&c->drive);
    list_remove(&c->link);
    c->server->conn_count--;
    conn_close(&c->io, bury);
}

void server_conn_set_deadline(struct server_conn *c)
{
    const struct http_limits *limits = &c->server->options.limits;
    int64_t in_us = 0;
    switch (c->state) {
    case SERVER_HANDSHAKE:
        in_us = limits->request_us;
        break;
    case SERVER_HEAD:
    case SERVER_BODY:
        if (c->begun_us) { /* one deadline for head and body: a byte now and then buys no time */
            if (limits->request_us)
                deadline_set(c->io.loop, &c->deadline, c->begun_us + limits->request_us);
            else
                deadline_clear(&c->deadline);
            return;
        }
        in_us = limits->idle_us;
        break;
    case SERVER_ANSWERING:
        in_us = c->out.n ? limits->write_us : 0;
        break;
    case SERVER_LINGERING:
        in_us = LINGER_US;
        break;
    case SERVER_CLOSED:
        return;
    }
    if (in_us)
        deadline_set(c->io.loop, &c->deadline, loop_now_us(c->io.loop) + in_us);
    else
        deadline_clear(&c->deadline);
}

void server_conn_update_want(struct server_conn *c)
{
    unsigned want = 0;
    if (!c->reading_paused && !c->peer_closed) want |= CONN_READ;
    if (c->out.n > c->out_at && !c->corked) want |= CONN_WRITE;
    conn_want(&c->io, want);
}

static void on_late(struct deadline *d)
{
    struct server_conn *c = CONTAINER_OF(d, struct server_conn, deadline);
    bool begun = c->begun_us && (c->state == SERVER_BODY || c->state == SERVER_HEAD);
    c->head_method = str_starts(buf_str(&c->in), S("HEAD "));
    if (begun)
        server_conn_refuse(c, ERR_REQUEST_TIMEOUT, "the request did not come whole in time");
    else
        server_conn_close(c);
}

/* ---- events */

static void peer_ended(struct server_conn *c, bool broken)
{
    c->peer_closed = true;
    if (c->state != SERVER_ANSWERING || broken) {
        server_conn_close(c);
        return;
    }
    const struct http_handler *h = c->server->options.handler;
    bool answered = c->x->finished; /* only let it drain */
    if (!answered && (!h->half_closed || h->half_closed(&c->x->pub)))
        server_conn_close(c);
    else
        server_conn_update_want(c);
}

void server_conn_linger(struct server_conn *c)
{
    c->state = SERVER_LINGERING;
    c->reading_paused = false;
    c->begun_us = time_mono_us();
    buf_free(&c->in);
    server_conn_set_deadline(c);
    server_conn_update_want(c);
}

/* Reads and drops, below TLS: closing with unread bytes would reset the
 * connection and could destroy the answer on its way. */
static void linger(struct server_conn *c)
{
    for (int i = 0; i < LINGER_READS; i++) {
        ssize_t n = recv(c->io.fd, c->io.loop->read_buffer, LOOP_READ_BYTES, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
        c->lingered += n > 0 ? (size_t)n : 0;
        if (n <= 0 || c->lingered > LINGER_BYTES) {
            server_conn_close(c);
            return;
        }
    }
    int64_t at_us = time_mono_us() + LINGER_US, last_us = c->begun_us + LINGER_TOTAL_US;
    deadline_set(c->io.loop, &c->deadline, at_us < last_us ? at_us : last_us);
}

static bool handshake(struct server_conn *c)
{
    int result = tls_handshake(c->io.tls);
    if (result == 1) {
        c->state = SERVER_HEAD;
        server_conn_set_deadline(c);
        server_conn_update_want(c);
        return true;
    }
    if (result == TLS_BROKEN)
        server_conn_close(c);
    else
        conn_want(&c->io, result == TLS_WANTS_WRITE ? CONN_READ | CONN_WRITE : CONN_READ);
    return false;
}

static void on_readable(struct conn *io)
{
    struct server_conn *c = CONTAINER_OF(io, struct server_conn, io);
    if (c->state == SERVER_HANDSHAKE && !handshake(c)) return;
    while (c->state != SERVER_CLOSED && !c->reading_paused) {
        if (c->state == SERVER_LINGERING) {
            linger(c);
            return;
        }
        char *to = io->loop->read_buffer;
        size_t room = LOOP_READ_BYTES;
        struct server_exchange *x = c->x;
        bool direct = c->state == SERVER_BODY && x->head.framing == HTTP_LENGTH && c->in.n == 0;
        if (direct) { /* a long body needs no copy */
            to = x->body + x->body_have;
            room = (size_t)x->head.length - x->body_have;
        }
        ssize_t n = conn_read(io, to, room);
        if (n == CONN_AGAIN) return;
        if (n <= 0) {
            peer_ended(c, n < 0);
            return;
        } else if (direct) {
            x->body_have += (size_t)n;
            x->pub.request.body = str_of(x->body, x->body_have);
            if (x->body_have == x->head.length) {
                server_request_dispatch(c);
                if (c->state == SERVER_ANSWERING) server_conn_update_want(c);
                if (!io->tls) return; /* what may follow wakes us again */
            }
        } else {
            server_request_take(c, str_of(to, (size_t)n));
        }
        if (!conn_has_more(io, (size_t)n, room)) return;
    }
}

static void on_writable(struct conn *io)
{
    struct server_conn *c = CONTAINER_OF(io, struct server_conn, io);
    if (c->state == SERVER_HANDSHAKE) {
        handshake(c);
        return;
    }
    server_conn_flush(c);
}

static const struct conn_events *events(void)
{
    static const struct conn_events table = {on_readable, on_writable};
    return &table;
}

static void tell_drained(struct server_conn *c)
{
    const struct http_handler *h = c->server->options.handler;
    c->emptied = false;
    if (c->state == SERVER_ANSWERING && !c->x->finished && h->drained) h->drained(&c->x->pub);
}

/* The next request of this connection, if it may have one. */
static void go_on(struct server_conn *c)
{
    bool more = c->in.n > 0; /* pipelined: answered even if the client has closed its sending half */
    c->begun_us = 0;
    c->reading_paused = false;
    if (c->close_after || c->server->draining || (c->peer_closed && !more)) {
        if (c->peer_closed) {
            server_conn_close(c);
            return;
        }
        server_conn_half_close(c);
        server_conn_linger(c);
        return;
    }
    c->state = SERVER_HEAD;
    if (!more) {
        server_conn_set_deadline(c);
        server_conn_update_want(c);
        return;
    }
    server_request_take(c, STR_NONE);
    if (c->peer_closed && c->state != SERVER_CLOSED) peer_ended(c, false); /* each exchange is asked anew */
}

/* Ends an answered exchange and goes on to the next request, if it is there already. */
static void drive(struct task *t)
{
    struct server_conn *c = CONTAINER_OF(t, struct server_conn, drive);
    c->corked = false;
    if (c->broken) {
        server_conn_close(c);
        return;
    }
    if (!server_conn_flush(c)) return;
    if (c->emptied) tell_drained(c);
    struct server_exchange *x = c->x;
    if (!x || !x->finished || c->out.n) return;
    const struct http_handler *h = c->server->options.handler;
    c->x = NULL; /* first: `done` may drop the server */
    if (h->done) h->done(&x->pub);
    free_exchange(x);
    if (c->state != SERVER_CLOSED) go_on(c);
}

void server_conn_new(struct http_server *s, int fd, struct tls_context *tls, const char *peer, bool counted)
{
    struct server_conn *c = mem_zalloc(sizeof(*c));
    if (!conn_init(&c->io, s->options.loop, fd, events())) {
        if (counted) peers_leave(s->options.peers, peer);
        free(c);
        return;
    }
    c->server = s;
    c->counted = counted;
    c->state = tls ? SERVER_HANDSHAKE : SERVER_HEAD;
    if (tls) c->io.tls = tls_accept(tls, fd);
    str_copy(c->peer, sizeof(c->peer), str_from(peer));
    buf_init(&c->in, s->options.limits.header_bytes + LOOP_READ_BYTES + SERVER_PIPELINED_BYTES);
    buf_init(&c->out, 0); /* bounded by http_send()'s callers and queue_bytes */
    task_init(&c->drive, drive);
    deadline_init(&c->deadline, on_late);
    list_add_last(&s->conns, &c->link);
    s->conn_count++;
    server_conn_set_deadline(c);
    conn_want(&c->io, CONN_READ);
    on_readable(&c->io); /* the first request often came with the connection */
}

#include "net/http_client.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "net/resolver.h"

#include <errno.h>
#include <stdlib.h>

enum { HEAD_BYTES_MAX = 64 * 1024, INTERIM_MAX = 8 };

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
    unsigned address; /* which of the resolver's is tried */
    unsigned interim;
    int64_t idle_since_us;
    bool open, write_broken, paused;
};

struct upstream {
    struct upstream_options options;
    struct resolver resolver;
    char *host;
    struct list idle, busy; /* of struct client_conn; idle: last used first */
    struct list waiting;    /* of struct http_call */
    unsigned open, idle_count;
    bool dropped;
    struct deadline idle_check;
};

static void connect_next(struct client_conn *c);
static void serve_waiting(struct upstream *u);

/* ---- life of an upstream */

static void free_upstream(struct resolver *r)
{
    struct upstream *u = r->owner;
    deadline_clear(&u->idle_check);
    tls_context_drop(u->options.tls);
    free(u->host);
    free(u);
}

static void maybe_free(struct upstream *u)
{
    if (u->dropped && u->open == 0 && list_empty(&u->waiting)) {
        u->dropped = false; /* once */
        resolver_drop(&u->resolver, free_upstream);
    }
}

static void bury(struct conn *io)
{
    struct client_conn *c = CONTAINER_OF(io, struct client_conn, io);
    struct upstream *u = c->upstream;
    buf_free(&c->in);
    free(c);
    u->open--;
    serve_waiting(u);
    maybe_free(u);
}

static void close_conn(struct client_conn *c)
{
    if (c->state == CLIENT_CLOSED) return;
    if (c->state == CLIENT_IDLE) c->upstream->idle_count--;
    c->state = CLIENT_CLOSED;
    if (c->call) c->call->conn = NULL;
    c->call = NULL;
    list_remove(&c->link);
    if (c->open) {
        conn_close(&c->io, bury);
        return;
    }
    bury(&c->io);
}

static void on_idle_check(struct deadline *d)
{
    struct upstream *u = CONTAINER_OF(d, struct upstream, idle_check);
    int64_t now_us = time_mono_us();
    LIST_EACH (it, &u->idle) {
        struct client_conn *c = LIST_ENTRY(it, struct client_conn, link);
        if (now_us - c->idle_since_us >= u->options.idle_us) close_conn(c);
    }
    if (!list_empty(&u->idle)) deadline_set(u->options.loop, d, now_us + u->options.idle_us / 4);
}

/* ---- failing */

static void tell_failure(struct task *t)
{
    struct http_call *call = CONTAINER_OF(t, struct http_call, failing);
    call->on->fail(call, call->failed, call->failed_why);
}

/* Always through a task: nobody's stack is under it then. */
static void fail_call(struct http_call *call, enum err e, const char *why)
{
    if (call->failed) return;
    call->failed = e;
    call->failed_why = arena_str(call->arena, str_from(why)).p;
    list_remove(&call->link);
    task_mark(call->upstream->options.loop, &call->failing);
}

static void fail_conn(struct client_conn *c, enum err e, const char *why)
{
    struct http_call *call = c->call;
    if (call) fail_call(call, e, why);
    close_conn(c);
}

/* The connection ended under a call that was not complete. */
static void cut(struct client_conn *c, const char *why)
{
    struct http_call *call = c->call;
    if (!call) {
        close_conn(c);
        return;
    }
    if (call->answered)
        fail_conn(c, ERR_PROVIDER_CUT, why);
    else if (call->reused)
        fail_conn(c, ERR_STALE, "the provider closed a kept connection while the request was on its way");
    else
        fail_conn(c, ERR_PROVIDER_CUT, "the provider closed the connection without an answer");
}

/* ---- writing */

static void start_body_wait(struct client_conn *c)
{
    conn_want(&c->io, c->paused ? 0 : CONN_READ);
}

/* Writes what the socket takes. False: broken before the first byte. */
static bool write_request(struct client_conn *c)
{
    struct http_call *call = c->call;
    while (call->piece_at < call->piece_count) {
        ssize_t took = conn_write(&c->io, call->pieces + call->piece_at, call->piece_count - call->piece_at);
        if (took == CONN_AGAIN) {
            conn_want(&c->io, CONN_READ | CONN_WRITE);
            return true;
        }
        if (took < 0) {
            if (!call->written_any) return false;
            c->write_broken = true; /* an answer may still be there to be read */
            start_body_wait(c);
            return true;
        }
        if (took > 0) call->written_any = true;
        for (size_t gone = (size_t)took; call->piece_at < call->piece_count;) {
            struct iovec *p = &call->pieces[call->piece_at];
            size_t step = gone < p->iov_len ? gone : p->iov_len;
            p->iov_base = (char *)p->iov_base + step;
            p->iov_len -= step;
            gone -= step;
            if (p->iov_len) break;
            call->piece_at++;
        }
    }
    call->sent = true;
    start_body_wait(c);
    return true;
}

/* A connection is ready for its call. */
static void begin_call(struct client_conn *c, bool reused)
{
    struct http_call *call = c->call;
    c->state = CLIENT_WAITING;
    c->paused = c->write_broken = false;
    c->interim = 0;
    call->reused = reused;
    call->connected_us = time_mono_us();
    if (!write_request(c)) {
        c->call = NULL;
        call->conn = NULL;
        close_conn(c);
        if (reused) { /* died while it rested, and not a byte was written: safe to try again */
            list_add_first(&call->upstream->waiting, &call->link);
            serve_waiting(call->upstream);
        } else {
            fail_call(call, ERR_PROVIDER_CONNECT, "the provider closed the connection at once");
        }
    }
}

/* ---- reading */

static void finish_answer(struct client_conn *c)
{
    struct http_call *call = c->call;
    struct upstream *u = c->upstream;
    bool keep = call->head.keep_alive && call->sent && !u->dropped && !c->write_broken;
    c->call = NULL;
    call->conn = NULL;
    if (keep) {
        c->state = CLIENT_IDLE;
        c->idle_since_us = time_mono_us();
        buf_free(&c->in);
        list_remove(&c->link);
        list_add_first(&u->idle, &c->link);
        u->idle_count++;
        conn_want(&c->io, CONN_READ);
        if (!u->idle_check.at_us) deadline_set(u->options.loop, &u->idle_check, c->idle_since_us + u->options.idle_us);
    } else {
        close_conn(c);
    }
    call->on->end(call);
    serve_waiting(u);
}

static void chunk_piece(void *ctx, str bytes)
{
    struct client_conn *c = ctx;
    if (c->call) c->call->on->body(c->call, bytes);
}

static void take_body(struct client_conn *c, str bytes)
{
    struct http_call *call = c->call;
    switch (call->head.framing) {
    case HTTP_NO_BODY:
        break;
    case HTTP_LENGTH: {
        str mine = str_head(bytes, c->left < bytes.n ? (size_t)c->left : bytes.n);
        c->left -= mine.n;
        if (mine.n) call->on->body(call, mine);
        if (c->call && c->left == 0) {
            if (mine.n < bytes.n) call->head.keep_alive = false; /* bytes behind the end: trust nothing more */
            finish_answer(c);
        }
        return;
    }
    case HTTP_CHUNKED: {
        size_t used = http1_chunks_feed(&c->chunks, bytes);
        if (!c->call) return; /* cancelled in a callback */
        if (c->chunks.bad) {
            fail_conn(c, ERR_PROVIDER_PROTOCOL, "the provider's chunked answer is malformed");
        } else if (c->chunks.done) {
            if (used < bytes.n) call->head.keep_alive = false;
            finish_answer(c);
        }
        return;
    }
    case HTTP_UNTIL_CLOSE:
        if (bytes.n) call->on->body(call, bytes);
        return;
    }
}

/* The head is whole: 1xx are skipped. Returns its length, 0 when more is needed or all is over. */
static size_t take_head(struct client_conn *c, str bytes)
{
    struct http_call *call = c->call;
    size_t end = http1_head_end(bytes, 0);
    if (end == 0) {
        if (bytes.n > HEAD_BYTES_MAX) fail_conn(c, ERR_PROVIDER_PROTOCOL, "the answer's head is above 64 kB");
        return 0;
    }
    const char *why = "the answer's head is malformed";
    enum err e = ERR_PROVIDER_PROTOCOL;
    if (end != SIZE_MAX) {
        str head = arena_str(call->arena, str_head(bytes, end));
        e = http1_read_response(head, call->head_request, call->arena, &call->head, &why);
    }
    if (e) {
        fail_conn(c, e, why);
        return 0;
    }
    if (call->head.status < 200) {
        if (++c->interim > INTERIM_MAX || call->head.status == 101) {
            fail_conn(c, ERR_PROVIDER_PROTOCOL,
                      "too many interim answers, or a switch of protocols that nobody asked for");
            return 0;
        }
        return end;
    }
    c->state = CLIENT_BODY;
    c->left = call->head.length;
    if (call->head.framing == HTTP_CHUNKED) http1_chunks_init(&c->chunks, false, chunk_piece, c);
    call->on->head(call);
    return end;
}

static void take_bytes(struct client_conn *c, str bytes)
{
    c->call->answered = true;
    bool kept = c->in.n > 0;
    if (kept) {
        buf_add(&c->in, bytes);
        bytes = buf_str(&c->in);
    }
    size_t used = 0;
    while (c->state == CLIENT_WAITING) {
        size_t took = take_head(c, str_from_at(bytes, used));
        if (c->state == CLIENT_CLOSED || !c->call) return;
        if (!took) break;
        used += took;
    }
    if (c->state == CLIENT_WAITING) {
        if (kept)
            buf_consume(&c->in, used);
        else
            buf_add(&c->in, str_from_at(bytes, used));
        return;
    }
    if (c->state != CLIENT_BODY) return;
    if (c->call->head.framing == HTTP_NO_BODY) {
        if (used < bytes.n) c->call->head.keep_alive = false;
        finish_answer(c);
    } else if (used < bytes.n) {
        struct buf own = c->in; /* the callbacks may end the connection: keep the bytes alive */
        c->in = (struct buf){0};
        take_body(c, str_from_at(bytes, used));
        buf_free(&own);
    } else if (kept) {
        buf_free(&c->in);
    }
}

static void on_end_of_file(struct client_conn *c, bool broken)
{
    struct http_call *call = c->call;
    if (call && c->state == CLIENT_BODY && call->head.framing == HTTP_UNTIL_CLOSE && !broken) {
        finish_answer(c);
        return;
    }
    cut(c, broken ? "the connection to the provider broke before the answer was whole"
                  : "the provider closed the connection before the answer was whole");
}

static void handshake(struct client_conn *c)
{
    int result = tls_handshake(c->io.tls);
    if (result == 1) {
        begin_call(c, false);
    } else if (result == TLS_BROKEN) {
        char why[160];
        str_copy(why, sizeof(why),
                 arena_printf(c->call->arena, "TLS with the provider failed: %s", tls_error(c->io.tls)));
        fail_conn(c, ERR_PROVIDER_TLS, why);
    } else {
        conn_want(&c->io, result == TLS_WANTS_WRITE ? CONN_READ | CONN_WRITE : CONN_READ);
    }
}

static void on_connected(struct client_conn *c)
{
    int error = conn_connect_result(&c->io);
    if (error) {
        c->address++;
        connect_next(c);
        return;
    }
    if (!c->upstream->options.tls) {
        begin_call(c, false);
        return;
    }
    c->io.tls = tls_connect(c->upstream->options.tls, c->io.fd, c->upstream->host);
    c->state = CLIENT_HANDSHAKE;
    handshake(c);
}

static void on_readable(struct conn *io)
{
    struct client_conn *c = CONTAINER_OF(io, struct client_conn, io);
    if (c->state == CLIENT_CONNECTING) {
        on_connected(c);
        return;
    }
    if (c->state == CLIENT_HANDSHAKE) {
        handshake(c);
        return;
    }
    while (c->state != CLIENT_CLOSED && !c->paused) {
        ssize_t n = conn_read(io, io->loop->read_buffer, LOOP_READ_BYTES);
        if (n == CONN_AGAIN) return;
        if (c->state == CLIENT_IDLE) { /* nothing may come now: closed, or talking out of turn */
            close_conn(c);
            return;
        }
        if (n <= 0) {
            on_end_of_file(c, n < 0);
            return;
        }
        take_bytes(c, str_of(io->loop->read_buffer, (size_t)n));
        if ((size_t)n < LOOP_READ_BYTES && !io->tls) return;
    }
}

static void on_writable(struct conn *io)
{
    struct client_conn *c = CONTAINER_OF(io, struct client_conn, io);
    if (c->state == CLIENT_CONNECTING) {
        on_connected(c);
    } else if (c->state == CLIENT_HANDSHAKE) {
        handshake(c);
    } else if (c->call && !c->call->sent && !c->write_broken) {
        write_request(c); /* something was written before, or it waits for its first byte */
        if (c->call && c->call->sent && c->call->on->sent) c->call->on->sent(c->call);
    }
}

static const struct conn_events *events(void)
{
    static const struct conn_events table = {on_readable, on_writable};
    return &table;
}

/* ---- connecting */

static void connect_next(struct client_conn *c)
{
    struct upstream *u = c->upstream;
    struct resolver *r = &u->resolver;
    if (c->open) { /* the last address failed: its socket goes, the call moves to a new one */
        struct http_call *call = c->call;
        unsigned address = c->address;
        c->call = NULL;
        if (address >= r->count) {
            fail_call(call, ERR_PROVIDER_CONNECT, "the provider refuses connections");
            call->conn = NULL;
            close_conn(c);
            return;
        }
        struct client_conn *next = mem_zalloc(sizeof(*next));
        next->upstream = u;
        next->address = address;
        next->call = call;
        call->conn = next;
        list_init(&next->link);
        list_add_last(&u->busy, &next->link);
        u->open++;
        close_conn(c);
        connect_next(next);
        return;
    }
    for (; c->address < r->count; c->address++) {
        int fd = conn_socket_connect((struct sockaddr *)&r->address[c->address], r->length[c->address]);
        if (fd < 0) continue;
        if (!conn_init(&c->io, u->options.loop, fd, events())) continue;
        c->open = true;
        c->state = CLIENT_CONNECTING;
        conn_want(&c->io, CONN_WRITE);
        return;
    }
    fail_conn(c, ERR_PROVIDER_CONNECT, r->count ? "no connection to the provider" : r->why);
}

static void on_resolved(struct resolver *r)
{
    struct upstream *u = r->owner;
    LIST_EACH (it, &u->busy) {
        struct client_conn *c = LIST_ENTRY(it, struct client_conn, link);
        if (c->state == CLIENT_RESOLVING) connect_next(c);
    }
}

static void open_for(struct upstream *u, struct http_call *call)
{
    struct client_conn *c = mem_zalloc(sizeof(*c));
    c->upstream = u;
    c->call = call;
    call->conn = c;
    list_add_last(&u->busy, &c->link);
    u->open++;
    if (resolver_ready(&u->resolver))
        connect_next(c);
    else if (!u->resolver.running)
        fail_conn(c, ERR_PROVIDER_CONNECT, "the provider's name cannot be resolved");
}

static void serve_waiting(struct upstream *u)
{
    while (!list_empty(&u->waiting)) {
        struct http_call *call = LIST_ENTRY(u->waiting.next, struct http_call, link);
        if (!list_empty(&u->idle)) {
            struct client_conn *c = LIST_ENTRY(u->idle.next, struct client_conn, link);
            list_remove(&call->link);
            list_remove(&c->link);
            list_add_last(&u->busy, &c->link);
            u->idle_count--;
            c->call = call;
            call->conn = c;
            begin_call(c, true);
        } else if (u->open < u->options.connections) {
            list_remove(&call->link);
            open_for(u, call);
        } else {
            return;
        }
    }
}

/* ---- the public face */

struct upstream *upstream_new(const struct upstream_options *options)
{
    struct upstream *u = mem_zalloc(sizeof(*u));
    u->options = *options;
    u->host = str_dup(options->host);
    list_init(&u->idle);
    list_init(&u->busy);
    list_init(&u->waiting);
    deadline_init(&u->idle_check, on_idle_check);
    resolver_init(&u->resolver, options->loop, options->host, options->port, on_resolved, u);
    return u;
}

void upstream_drop(struct upstream *u)
{
    u->dropped = true;
    while (!list_empty(&u->idle)) close_conn(LIST_ENTRY(u->idle.next, struct client_conn, link));
    maybe_free(u);
}

void upstream_counts(const struct upstream *u, unsigned *open, unsigned *idle)
{
    *open = u->open;
    *idle = u->idle_count;
}

void http_call_start(struct http_call *c, struct upstream *u, const struct http_call_events *on, struct arena *arena,
                     const struct iovec *pieces, size_t count)
{
    bool head_request = c->head_request;
    *c =
        (struct http_call){.upstream = u, .on = on, .arena = arena, .piece_count = count, .head_request = head_request};
    if (count > HTTP_CALL_PIECES_MAX) abort(); /* a caller's mistake */
    memcpy(c->pieces, pieces, count * sizeof(*pieces));
    task_init(&c->failing, tell_failure);
    list_init(&c->link);
    list_add_last(&u->waiting, &c->link);
    serve_waiting(u);
}

void http_call_pause(struct http_call *c)
{
    if (!c->conn || c->conn->paused) return;
    c->conn->paused = true;
    if (c->conn->open) conn_want(&c->conn->io, c->sent ? 0 : CONN_WRITE);
}

void http_call_resume(struct http_call *c)
{
    if (!c->conn || !c->conn->paused) return;
    c->conn->paused = false;
    if (c->conn->open) conn_want(&c->conn->io, c->sent ? CONN_READ : CONN_READ | CONN_WRITE);
}

void http_call_cancel(struct http_call *c)
{
    if (!c->on) return;
    task_clear(&c->failing);
    list_remove(&c->link);
    struct client_conn *conn = c->conn;
    struct upstream *u = c->upstream;
    c->conn = NULL;
    c->on = NULL;
    if (!conn) {
        maybe_free(u);
        return;
    }
    conn->call = NULL;
    close_conn(conn);
}

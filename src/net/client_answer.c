/* Reading a provider's answer: heads, bodies in every framing, and early ends. */
#include "net/client_conn.h"

enum { HEAD_BYTES_MAX = 64 * 1024, INTERIM_MAX = 8 };

/* The connection ended under a call that was not complete. */
static void cut(struct client_conn *c, const char *why)
{
    struct http_call *call = c->call;
    if (!call) {
        client_conn_close(c);
    } else if (call->answered) {
        call->truncated = c->state == CLIENT_BODY;
        client_conn_fail(c, ERR_PROVIDER_CUT, why);
    } else if (!call->reused) {
        client_conn_fail(c, ERR_PROVIDER_CUT, "the provider closed the connection without an answer");
    } else if (!call->written_any) {
        client_conn_retry(c);
    } else {
        client_conn_fail(c, ERR_STALE, "the provider closed a kept connection while the request was on its way");
    }
}

static void rest(struct client_conn *c)
{
    struct upstream *u = c->upstream;
    c->state = CLIENT_IDLE;
    c->paused = false;
    c->idle_since_us = loop_now_us(c->io.loop);
    buf_free(&c->in);
    list_remove(&c->link);
    list_add_first(&u->idle, &c->link);
    u->idle_count++;
    conn_want(&c->io, CONN_READ);
    if (!u->idle_check.at_us) deadline_set(u->options.loop, &u->idle_check, c->idle_since_us + u->options.idle_us);
}

static void finish_answer(struct client_conn *c)
{
    struct http_call *call = c->call;
    struct upstream *u = c->upstream;
    const struct http_call_events *on = call->on;
    bool more = c->io.tls && tls_pending(c->io.tls); /* behind the end: it would answer the next call */
    bool keep = call->head.keep_alive && call->sent && !more && !u->dropped && !c->write_broken;
    c->call = NULL;
    call->conn = NULL;
    call->on = NULL;
    http_call_drop_pieces(call);
    if (keep)
        rest(c);
    else
        client_conn_close(c);
    on->end(call);
    upstream_serve(u);
}

static void chunk_piece(void *ctx, str bytes)
{
    struct client_conn *c = ctx;
    if (c->call) c->call->on->body(c->call, bytes);
}

static void take_chunked(struct client_conn *c, str bytes)
{
    size_t used = http1_chunks_feed(&c->chunks, bytes);
    if (!c->call) return; /* cancelled in a callback */
    if (c->chunks.bad) {
        client_conn_fail(c, ERR_PROVIDER_PROTOCOL, "the provider's chunked answer is malformed");
    } else if (c->chunks.done) {
        if (used < bytes.n) c->call->head.keep_alive = false; /* bytes behind the end: trust nothing more */
        finish_answer(c);
    }
}

static void take_length(struct client_conn *c, str bytes)
{
    str mine = str_head(bytes, c->left < bytes.n ? (size_t)c->left : bytes.n);
    c->left -= mine.n;
    if (mine.n) c->call->on->body(c->call, mine);
    if (!c->call || c->left) return;
    if (mine.n < bytes.n) c->call->head.keep_alive = false;
    finish_answer(c);
}

static void take_body(struct client_conn *c, str bytes)
{
    switch (c->call->head.framing) {
    case HTTP_NO_BODY:
        break;
    case HTTP_LENGTH:
        take_length(c, bytes);
        break;
    case HTTP_CHUNKED:
        take_chunked(c, bytes);
        break;
    case HTTP_UNTIL_CLOSE:
        c->call->on->body(c->call, bytes);
        break;
    }
}

/* The head is whole: 1xx are skipped. Returns its length, 0 when more is needed or all is over. */
static size_t take_head(struct client_conn *c, str bytes)
{
    struct http_call *call = c->call;
    size_t end = http1_head_end(bytes, 0);
    if (end == 0) {
        if (bytes.n > HEAD_BYTES_MAX) client_conn_fail(c, ERR_PROVIDER_PROTOCOL, "the answer's head is above 64 kB");
        return 0;
    }
    const char *why = "the answer's head is malformed";
    enum err e = ERR_PROVIDER_PROTOCOL;
    if (end != SIZE_MAX) {
        str head = arena_str(call->arena, str_head(bytes, end));
        e = http1_read_response(head, call->head_request, call->arena, &call->head, &why);
    }
    if (e) {
        client_conn_fail(c, e, why);
        return 0;
    }
    if (call->head.status < 200) {
        if (++c->interim > INTERIM_MAX || call->head.status == 101) {
            client_conn_fail(c, ERR_PROVIDER_PROTOCOL,
                             "too many interim answers, or a switch of protocols that nobody asked for");
            return 0;
        }
        return end;
    }
    c->state = CLIENT_BODY;
    c->left = call->head.length;
    if (call->head.framing == HTTP_CHUNKED) http1_chunks_init(&c->chunks, false, chunk_piece, c);
    if (!call->sent) { /* answered early: the rest of the request is not wanted */
        c->write_broken = true;
        http_call_drop_pieces(call);
        client_conn_update_want(c);
    }
    call->on->head(call);
    return end;
}

/* Keeps what is not understood yet. */
static void keep_rest(struct client_conn *c, bool kept, str bytes, size_t used)
{
    if (kept)
        buf_consume(&c->in, used);
    else
        buf_add(&c->in, str_from_at(bytes, used));
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
        keep_rest(c, kept, bytes, used);
        return;
    }
    if (c->call->head.framing == HTTP_NO_BODY) {
        if (used < bytes.n) c->call->head.keep_alive = false;
        finish_answer(c);
        return;
    }
    struct buf own = c->in; /* the callbacks may end the connection: keep the bytes alive */
    c->in = (struct buf){0};
    if (used < bytes.n) take_body(c, str_from_at(bytes, used));
    buf_free(&own);
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

void client_conn_read(struct client_conn *c)
{
    char *buffer = c->io.loop->read_buffer;
    while (c->state != CLIENT_CLOSED && !c->paused) {
        ssize_t n = conn_read(&c->io, buffer, LOOP_READ_BYTES);
        if (n == CONN_AGAIN) return;
        if (c->state == CLIENT_IDLE) { /* nothing may come now: closed, or talking out of turn */
            client_conn_close(c);
            return;
        }
        if (n <= 0) {
            on_end_of_file(c, n < 0);
            return;
        }
        take_bytes(c, str_of(buffer, (size_t)n));
        if (!conn_has_more(&c->io, (size_t)n, LOOP_READ_BYTES)) return;
    }
}

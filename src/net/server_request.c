/* Reading a request: from the bytes that a connection brings to the handler. */
#include "net/server_conn.h"

#include "base/time.h"
#include "net/http_decode.h"

#include <stdlib.h>

/* ---- the head */

static void split_target(struct http_request *r)
{
    size_t mark = str_find_byte(r->target, '?', 0);
    r->path = mark == SIZE_MAX ? r->target : str_head(r->target, mark);
    r->query = mark == SIZE_MAX ? STR_NONE : str_from_at(r->target, mark + 1);
    if (str_starts(r->path, S("http://")) || str_starts(r->path, S("https://"))) { /* RFC 9112, 3.2.2 */
        size_t slash = str_find_byte(r->path, '/', 8);
        r->path = slash == SIZE_MAX ? S("/") : str_from_at(r->path, slash);
    }
}

static struct server_exchange *exchange_new(struct server_conn *c)
{
    struct server_exchange *x = pool_ztake(&c->server->exchanges);
    x->conn = c;
    x->pub.server = c->server;
    x->pub.started_us = c->begun_us;
    arena_init_in(&x->pub.arena, &c->io.loop->blocks);
    buf_init(&x->gathered, c->server->options.limits.body_bytes);
    c->x = x;
    return x;
}

void server_request_dispatch(struct server_conn *c)
{
    struct server_exchange *x = c->x;
    struct http_request *r = &x->pub.request;
    str encoding = r->body.n ? http_head_find(&x->head, S("content-encoding")) : STR_NONE;
    if (encoding.n && !str_eq_nocase(encoding, S("identity"))) {
        struct buf plain;
        buf_init(&plain, c->server->options.limits.body_bytes);
        const char *why = NULL;
        enum err e = http_decode(encoding, r->body, &plain, &why);
        if (e) {
            buf_free(&plain);
            server_conn_refuse(c, e, why);
            return;
        }
        buf_free(&x->gathered);
        free(x->body);
        x->body = NULL;
        x->gathered = plain;
        r->body = buf_str(&plain);
    }
    c->state = SERVER_ANSWERING;
    deadline_clear(&c->deadline);
    c->server->options.handler->request(&x->pub);
}

static void gather_piece(void *ctx, str piece)
{
    struct server_exchange *x = ctx;
    buf_add(&x->gathered, piece);
}

/* The head is read: what is known of the body decides what comes next. */
static bool begin_body(struct server_conn *c)
{
    struct server_exchange *x = c->x;
    const struct http_head *h = &x->head;
    size_t ceiling = c->server->options.limits.body_bytes;
    if (h->upgrade_websocket) {
        server_conn_refuse(c, ERR_BAD_REQUEST,
                           "WebSocket is not spoken here: use a plain POST, streamed by \"stream\": true");
        return false;
    }
    if (h->framing == HTTP_LENGTH) {
        if (h->length > ceiling) {
            server_conn_refuse(c, ERR_TOO_LARGE, "the body is above the ceiling (setting `ceilings.body`)");
            return false;
        }
        x->body = mem_try_alloc((size_t)h->length);
        if (!x->body) {
            server_conn_refuse(c, ERR_OVERLOADED, "no memory for the body");
            return false;
        }
    } else if (h->framing == HTTP_CHUNKED) {
        http1_chunks_init(&x->chunks, true, gather_piece, x);
    }
    c->state = SERVER_BODY;
    return true;
}

static size_t refuse_head(struct server_conn *c, str bytes, enum err e, const char *why)
{
    c->head_method = str_starts(bytes, S("HEAD "));
    server_conn_refuse(c, e, why);
    return 0;
}

/* Takes the head off `bytes`; returns its length, 0 when it is not whole yet or was refused. */
static size_t take_head(struct server_conn *c, str bytes)
{
    size_t ceiling = c->server->options.limits.header_bytes;
    size_t end = http1_head_end(bytes, c->in_seen);
    if (end > ceiling && end != SIZE_MAX) end = 0;
    if (end == 0 && bytes.n > ceiling)
        return refuse_head(c, bytes, ERR_HEAD_TOO_LARGE, "the head is above the ceiling (setting `ceilings.header`)");
    if (end == SIZE_MAX)
        return refuse_head(
            c, bytes, ERR_BAD_REQUEST,
            "a line of the head ends in a bare LF, holds a bare CR or NUL, or begins with a blank or a colon");
    c->in_seen = bytes.n;
    if (end == 0) return 0;
    c->in_seen = 0;
    struct server_exchange *x = exchange_new(c);
    str head = arena_str(&x->pub.arena, str_head(bytes, end));
    const char *why = NULL;
    enum err e = http1_read_request(head, &x->pub.arena, &x->head, &why);
    x->no_body = str_eq(x->head.method, S("HEAD"));
    if (e) return refuse_head(c, bytes, e, why);
    struct http_request *r = &x->pub.request;
    *r = (struct http_request){.head = &x->head,
                               .method = x->head.method,
                               .target = x->head.target,
                               .headers = x->head.headers,
                               .header_count = x->head.header_count,
                               .version_minor = x->head.version_minor,
                               .keep_alive = x->head.keep_alive,
                               .peer = str_from(c->peer)};
    split_target(r);
    if (!x->head.keep_alive) c->close_after = true;
    return begin_body(c) ? end : 0;
}

/* ---- the body */

static void ask_for_body(struct server_conn *c)
{
    struct server_exchange *x = c->x;
    if (!x->head.expect_continue || x->continued) return;
    x->continued = true;
    buf_add(&c->out, S("HTTP/1.1 100 Continue\r\n\r\n"));
    server_conn_flush(c);
}

/* Takes body bytes; returns how many were this request's. */
static size_t take_body(struct server_conn *c, str bytes)
{
    struct server_exchange *x = c->x;
    size_t used = 0;
    bool whole = true;
    if (x->head.framing == HTTP_LENGTH) {
        size_t need = (size_t)x->head.length - x->body_have;
        used = bytes.n < need ? bytes.n : need;
        if (used) memcpy(x->body + x->body_have, bytes.p, used);
        x->body_have += used;
        whole = x->body_have == x->head.length;
        x->pub.request.body = str_of(x->body, x->body_have);
    } else if (x->head.framing == HTTP_CHUNKED) {
        used = http1_chunks_feed(&x->chunks, bytes);
        if (x->gathered.overflow) {
            server_conn_refuse(c, ERR_TOO_LARGE, "the body is above the ceiling (setting `ceilings.body`)");
            return used;
        }
        if (x->chunks.bad) {
            server_conn_refuse(c, ERR_BAD_REQUEST, "the chunked body is malformed");
            return used;
        }
        whole = x->chunks.done;
        x->pub.request.body = buf_str(&x->gathered);
    }
    if (whole)
        server_request_dispatch(c);
    else if (x->head.expect_continue && bytes.n == 0)
        ask_for_body(c); /* a client that has begun to send does not wait */
    return used;
}

void server_request_take(struct server_conn *c, str bytes)
{
    bool kept = c->in.n > 0, first = c->state == SERVER_HEAD && !c->begun_us;
    if (first) c->begun_us = time_mono_us();
    if (kept) {
        if (!buf_add(&c->in, bytes)) {
            server_conn_close(c);
            return;
        }
        bytes = buf_str(&c->in);
    }
    size_t used = 0;
    while (c->state == SERVER_HEAD || c->state == SERVER_BODY) {
        enum server_state before = c->state;
        str rest = str_from_at(bytes, used);
        if (rest.n == 0 && c->state == SERVER_HEAD) break;
        size_t took = before == SERVER_HEAD ? take_head(c, rest) : take_body(c, rest);
        used += took;
        if (c->state == before) break; /* needs more */
    }
    if (c->state == SERVER_CLOSED || c->state == SERVER_LINGERING) return;
    if (kept)
        buf_consume(&c->in, used);
    else if (used < bytes.n)
        buf_add(&c->in, str_from_at(bytes, used));
    if (c->in.n == 0 && c->in.cap) buf_free(&c->in);
    c->reading_paused = c->state == SERVER_ANSWERING && c->in.n >= SERVER_PIPELINED_BYTES;
    server_conn_update_want(c);
    if (first && c->state != SERVER_ANSWERING) server_conn_set_deadline(c);
}

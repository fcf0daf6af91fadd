/* Answers: their heads, how they are framed, how they end. */
#include "net/server_conn.h"

#include "base/text.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static struct server_exchange *of(struct http_exchange *x)
{
    return CONTAINER_OF(x, struct server_exchange, pub);
}

static str date_line(char out[64])
{
    /* one formatting a second and thread is enough */
    static _Thread_local time_t last;
    static _Thread_local char line[64];
    static _Thread_local int length;
    time_t now = time(NULL);
    if (now != last) {
        struct tm tm;
        gmtime_r(&now, &tm);
        length = (int)strftime(line, sizeof(line), "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        last = now;
    }
    memcpy(out, line, (size_t)length);
    return str_of(out, (size_t)length);
}

enum { HEAD_MAX = 256 };

static size_t put(char *out, size_t at, str s)
{
    if (s.n) memcpy(out + at, s.p, s.n);
    return at + s.n;
}

/* Status line and the headers that are ours; returns its length. */
static size_t head_line(struct server_conn *c, int status, char out[HEAD_MAX], str framing)
{
    char date[64];
    bool http10 = c->x->head.version_minor == 0;
    size_t n = put(out, 0, S("HTTP/1.1 "));
    n += text_u64(out + n, (uint64_t)status);
    out[n++] = ' ';
    n = put(out, n, str_from(http_reason(status)));
    n = put(out, n, S("\r\n"));
    n = put(out, n, date_line(date));
    if (c->close_after || c->server->draining)
        n = put(out, n, S("connection: close\r\n"));
    else if (http10)
        n = put(out, n, S("connection: keep-alive\r\n"));
    return put(out, n, framing);
}

/* "content-length: 123\r\n" */
static str length_line(char out[64], uint64_t length)
{
    size_t n = put(out, 0, S("content-length: "));
    n += text_u64(out + n, length);
    return str_of(out, put(out, n, S("\r\n")));
}

/* RFC 9110, 6.4.1: these answers end with their head. */
static bool is_bodiless(int status)
{
    return status == 204 || status == 304;
}

static void finish(struct server_exchange *x)
{
    x->finished = true;
    task_mark(x->conn->io.loop, &x->conn->drive);
}

void http_respond(struct http_exchange *pub, int status, str headers, str body)
{
    struct server_exchange *x = of(pub);
    char framing[64], head[HEAD_MAX];
    size_t n = head_line(x->conn, status, head, is_bodiless(status) ? STR_NONE : length_line(framing, body.n));
    x->framing = ANSWER_WHOLE;
    pub->status = status;
    struct iovec pieces[] = {
        {head, n},
        iov_of(headers),
        iov_of(S("\r\n")),
        iov_of(x->no_body || is_bodiless(status) ? STR_NONE : body),
    };
    server_conn_write(x->conn, pieces, COUNT_OF(pieces));
    finish(x);
}

/* The head waits for the first piece, or for the end of the turn. */
static void begin(struct server_exchange *x, int status, str headers, str framing)
{
    struct server_conn *c = x->conn;
    char head[HEAD_MAX];
    x->pub.status = status;
    if (is_bodiless(status)) {
        x->no_body = true;
        x->framing = ANSWER_WHOLE;
        framing = STR_NONE;
    }
    size_t n = head_line(c, status, head, framing);
    c->corked = c->out.n == 0;
    buf_add(&c->out, str_of(head, n));
    buf_add(&c->out, headers);
    buf_add(&c->out, S("\r\n"));
    if (c->corked) task_mark(c->io.loop, &c->drive);
}

void http_begin(struct http_exchange *pub, int status, str headers)
{
    struct server_exchange *x = of(pub);
    if (x->head.version_minor == 0) {
        x->framing = ANSWER_UNTIL_CLOSE;
        x->conn->close_after = true;
        begin(x, status, headers, STR_NONE);
        return;
    }
    x->framing = ANSWER_CHUNKED;
    begin(x, status, headers, S("transfer-encoding: chunked\r\n"));
}

void http_begin_length(struct http_exchange *pub, int status, str headers, uint64_t length)
{
    struct server_exchange *x = of(pub);
    char framing[64];
    x->framing = ANSWER_LENGTH;
    x->length_left = length;
    begin(x, status, headers, length_line(framing, length));
}

static void send_framed(struct server_exchange *x, const struct iovec *pieces, size_t count, bool last)
{
    size_t total = 0, n = 0;
    struct iovec all[SERVER_PIECES_MAX];
    char size[TEXT_NUMBER_MAX + 2];
    bool chunked = x->framing == ANSWER_CHUNKED;
    if (count > SERVER_PIECES_MAX - 2) abort(); /* a caller's mistake */
    for (size_t i = 0; i < count; i++) total += pieces[i].iov_len;
    if (x->framing == ANSWER_LENGTH) {
        if (total > x->length_left) abort(); /* a caller's mistake: it would break the framing */
        x->length_left -= total;
    }
    if (x->no_body) total = 0;
    if (total) {
        if (chunked) {
            size_t digits = text_hex(size, total);
            all[n++] = (struct iovec){size, put(size, digits, S("\r\n"))};
        }
        for (size_t i = 0; i < count; i++) all[n++] = pieces[i];
    }
    if (chunked && !x->no_body) {
        if (total)
            all[n++] = iov_of(last ? S("\r\n0\r\n\r\n") : S("\r\n"));
        else if (last)
            all[n++] = iov_of(S("0\r\n\r\n"));
    }
    if (n) server_conn_write(x->conn, all, n);
}

bool http_send(struct http_exchange *pub, const struct iovec *pieces, size_t count)
{
    struct server_exchange *x = of(pub);
    send_framed(x, pieces, count, false);
    return http_queued(pub) <= x->conn->server->options.limits.queue_bytes;
}

bool http_send_str(struct http_exchange *pub, str piece)
{
    struct iovec one = iov_of(piece);
    return http_send(pub, &one, 1);
}

bool http_send_raw(struct http_exchange *pub, str bytes)
{
    struct server_exchange *x = of(pub);
    struct iovec one = iov_of(bytes);
    server_conn_write(x->conn, &one, 1);
    return http_queued(pub) <= x->conn->server->options.limits.queue_bytes;
}

size_t http_queued(const struct http_exchange *pub)
{
    const struct server_conn *c = CONTAINER_OF(pub, const struct server_exchange, pub)->conn;
    return c->out.n - c->out_at;
}

void http_send_last(struct http_exchange *pub, const struct iovec *pieces, size_t count)
{
    struct server_exchange *x = of(pub);
    send_framed(x, pieces, count, true);
    if (x->framing == ANSWER_LENGTH && x->length_left && !x->no_body)
        x->conn->close_after = true; /* fell short: the client must notice */
    finish(x);
}

void http_end(struct http_exchange *pub)
{
    http_send_last(pub, NULL, 0);
}

void http_abort(struct http_exchange *pub)
{
    struct server_exchange *x = of(pub);
    struct server_conn *c = x->conn;
    c->corked = false;
    c->state = SERVER_LINGERING;            /* so that `gone` is not called */
    if (x->framing == ANSWER_UNTIL_CLOSE) { /* an orderly end would say that the answer is whole */
        struct linger reset = {.l_onoff = 1};
        setsockopt(c->io.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        if (c->io.tls) tls_abandon(c->io.tls);
    } else if (!server_conn_flush(c)) {
        return;
    }
    server_conn_close(c);
}

void http_drop_body(struct http_exchange *pub)
{
    struct server_exchange *x = of(pub);
    free(x->body);
    x->body = NULL;
    buf_free(&x->gathered);
    pub->request.body = STR_NONE;
}

void server_conn_half_close(struct server_conn *c)
{
    if (c->io.tls) tls_shutdown(c->io.tls);
    shutdown(c->io.fd, SHUT_WR);
}

void server_conn_refuse(struct server_conn *c, enum err e, const char *why)
{
    const struct http_handler *h = c->server->options.handler;
    struct buf body, out;
    buf_init(&body, 0);
    buf_init(&out, 0);
    if (h->refused) h->refused(c->server, e);
    if (h->render) {
        h->render(&body, e, str_from(why));
    } else {
        buf_printf(&body, "{\"error\":{\"message\":");
        buf_add_json(&body, str_from(why));
        buf_printf(&body, "}}\n");
    }
    int status = err_info(e)->status;
    char date[64];
    buf_printf(&out, "HTTP/1.1 %d %s\r\n%" STR_FMT, status, http_reason(status), STR_ARG(date_line(date)));
    str type = h->rendered_type.n ? h->rendered_type : S("application/json");
    buf_printf(&out, "content-type: %" STR_FMT "\r\ncontent-length: %zu\r\nconnection: close\r\n", STR_ARG(type),
               body.n);
    buf_printf(&out, "x-should-retry: %s\r\n\r\n", err_info(e)->retry_may_help ? "true" : "false");
    bool no_body = c->head_method || (c->x && c->x->no_body);
    if (!no_body) buf_add(&out, buf_str(&body));
    c->close_after = true;
    struct iovec piece = {out.p, out.n};
    server_conn_write(c, &piece, 1);
    if (c->out.n == 0) server_conn_half_close(c);
    buf_free(&body);
    buf_free(&out);
    server_conn_end_exchange(c); /* its body may be large, and lingering long */
    server_conn_linger(c);
}

void http_drop_request(struct http_exchange *pub)
{
    http_drop_body(pub);
    arena_free(&pub->arena);
    pub->request = (struct http_request){0};
    struct server_exchange *x = of(pub);
    x->head.headers = NULL;
    x->head.header_count = 0;
    x->head.name_lengths = 0;
}

bool http_is_tls(const struct http_exchange *x)
{
    return CONTAINER_OF(x, const struct server_exchange, pub)->conn->io.tls != NULL;
}

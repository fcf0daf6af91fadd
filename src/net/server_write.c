/* What a connection has to say: to the socket, and into a queue what that does not take. */
#include "net/server_conn.h"

bool server_conn_flush(struct server_conn *c)
{
    while (c->out_at < c->out.n && !c->corked) {
        struct iovec piece = {c->out.p + c->out_at, c->out.n - c->out_at};
        ssize_t took = conn_write(&c->io, &piece, 1);
        if (took == CONN_AGAIN) break;
        if (took < 0) {
            server_conn_close(c);
            return false;
        }
        c->out_at += (size_t)took;
        server_conn_set_deadline(c);
    }
    if (c->out_at == c->out.n && c->out.n) {
        c->out_at = 0;
        buf_free(&c->out); /* a connection that waits keeps nothing */
        server_conn_set_deadline(c);
        c->emptied = c->emptied || c->held;
        c->held = false;
        if (c->state == SERVER_LINGERING)
            server_conn_half_close(c);
        else if (c->x && (c->x->finished || c->emptied))
            task_mark(c->io.loop, &c->drive);
    }
    server_conn_update_want(c);
    return true;
}

enum { COMPACT_BYTES = 64 * 1024 };

/* To the socket at once where nothing is queued before it, the rest into the queue. */
void server_conn_write(struct server_conn *c, struct iovec *pieces, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += pieces[i].iov_len;
    struct iovec all[SERVER_PIECES_MAX + 1];
    size_t queued = c->out.n - c->out_at;
    bool uncork = c->corked && queued;
    ssize_t took = 0;
    if (queued == 0 || uncork) {
        size_t n = 0;
        if (queued) all[n++] = (struct iovec){c->out.p + c->out_at, queued};
        for (size_t i = 0; i < count; i++) all[n++] = pieces[i];
        took = conn_write(&c->io, all, n);
        c->corked = false;
        if (took == CONN_BROKEN) {
            took = (ssize_t)(total + queued); /* dropped; closed when nobody's stack is under it */
            c->broken = true;
            task_mark(c->io.loop, &c->drive);
        }
        if (took < 0) took = 0;
    }
    size_t gone = (size_t)took;
    size_t from_queue = gone < queued ? gone : queued;
    c->out_at += from_queue;
    gone -= from_queue;
    if (c->out_at == c->out.n && c->out.n) {
        c->out_at = 0;
        buf_free(&c->out);
    }
    if (c->out_at > COMPACT_BYTES && c->out_at > c->out.n / 2) { /* a queue that never empties must not grow */
        buf_consume(&c->out, c->out_at);
        c->out_at = 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t skip = gone < pieces[i].iov_len ? gone : pieces[i].iov_len;
        gone -= skip;
        buf_add(&c->out, str_of((char *)pieces[i].iov_base + skip, pieces[i].iov_len - skip));
    }
    if (c->out.n) {
        c->held = true;
        if (!c->deadline.at_us) server_conn_set_deadline(c);
        server_conn_update_want(c);
    }
}

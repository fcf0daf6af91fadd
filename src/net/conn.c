#include "net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *c = poll->data;
    struct loop *l = c->loop;
    if (status < 0) { /* libuv has stopped polling; the owner's next read or write finds the error */
        c->polled = 0;
        events = (c->want & CONN_READ ? UV_READABLE : 0) | (c->want & CONN_WRITE ? UV_WRITABLE : 0);
    }
    if (c->tls_flip && (events & UV_WRITABLE)) {
        c->tls_flip = false;
        conn_want(c, c->want);
        events |= UV_READABLE;
    }
    if ((events & (UV_READABLE | UV_DISCONNECT)) && !c->closed) c->on->readable(c);
    if ((events & UV_WRITABLE) && !c->closed && (c->want & CONN_WRITE)) c->on->writable(c);
    if (status < 0) conn_want(c, c->want); /* it still reads what came before the error */
    loop_turn(l);
}

static void read_again(struct task *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, again);
    if (!c->closed && (c->want & CONN_READ)) c->on->readable(c);
}

bool conn_init(struct conn *c, struct loop *l, int fd, const struct conn_events *on)
{
    *c = (struct conn){.loop = l, .fd = fd, .on = on};
    task_init(&c->again, read_again);
    if (uv_poll_init(&l->uv, &c->poll, fd) != 0) {
        close(fd);
        return false;
    }
    c->poll.data = c;
    return true;
}

static void poll_for(struct conn *c, unsigned events)
{
    if (events == c->polled) return;
    c->polled = (uint8_t)events;
    if (events == 0) {
        uv_poll_stop(&c->poll);
        return;
    }
    int mask = (events & CONN_READ ? UV_READABLE : 0) | (events & CONN_WRITE ? UV_WRITABLE : 0);
    uv_poll_start(&c->poll, mask, on_poll);
}

void conn_want(struct conn *c, unsigned want)
{
    if (c->closed) return;
    bool resumes = want & CONN_READ && !(c->want & CONN_READ);
    if (resumes && c->tls && tls_pending(c->tls)) task_mark(c->loop, &c->again);
    c->want = (uint8_t)want;
    poll_for(c, want | (c->tls_flip ? CONN_WRITE : 0u));
}

ssize_t conn_read(struct conn *c, char *to, size_t size)
{
    if (c->closed) return CONN_BROKEN;
    if (c->tls) {
        ssize_t n = tls_read(c->tls, to, size);
        if (n == TLS_WANTS_WRITE) {
            c->tls_flip = true;
            conn_want(c, c->want);
            return CONN_AGAIN;
        }
        return n == TLS_WANTS_READ ? CONN_AGAIN : n;
    }
    for (;;) {
        ssize_t n = recv(c->fd, to, size, 0);
        if (n >= 0) return n;
        if (errno == EINTR) continue;
        return errno == EAGAIN || errno == EWOULDBLOCK ? CONN_AGAIN : CONN_BROKEN;
    }
}

bool conn_has_more(const struct conn *c, size_t got, size_t size)
{
    return c->tls ? tls_pending(c->tls) : got == size;
}

enum { GATHER_BYTES = 4096 };

/* All pieces behind one another; 0 where they do not fit. */
static size_t gather(const struct iovec *pieces, size_t count, char to[GATHER_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more = pieces[i].iov_len;
        if (more > GATHER_BYTES - n) return 0;
        if (more) memcpy(to + n, pieces[i].iov_base, more); /* empty ones may be NULL, which memcpy() may not see */
        n += more;
    }
    return n;
}

/* A few kilobytes are copied faster than the kernel takes a list of pieces. */
static ssize_t write_plain(struct conn *c, const struct iovec *pieces, size_t count)
{
    char together[GATHER_BYTES];
    size_t small = gather(pieces, count, together);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = count};
    for (;;) {
        ssize_t n = small ? send(c->fd, together, small, MSG_NOSIGNAL) : sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n >= 0) return n;
        if (errno == EINTR) continue;
        return errno == EAGAIN || errno == EWOULDBLOCK ? CONN_AGAIN : CONN_BROKEN;
    }
}

/* A TLS record holds up to 16 kB: small pieces are gathered, so that a head, a
 * chunk and its frame leave as one record. */
static ssize_t write_tls(struct conn *c, const struct iovec *pieces, size_t count)
{
    char record[16 * 1024];
    size_t total = 0;
    for (size_t i = 0; i < count;) {
        const char *from = pieces[i].iov_base;
        size_t n = pieces[i].iov_len;
        size_t used = i + 1;
        if (n == 0) { /* also NULL, which memcpy() may not see */
            i = used;
            continue;
        }
        if (n < sizeof(record) && used < count) {
            memcpy(record, from, n);
            for (; used < count && n + pieces[used].iov_len <= sizeof(record); used++) {
                if (pieces[used].iov_len) memcpy(record + n, pieces[used].iov_base, pieces[used].iov_len);
                n += pieces[used].iov_len;
            }
            from = record;
        }
        for (size_t at = 0; at < n;) {
            ssize_t took = tls_write(c->tls, from + at, n - at);
            if (took <= 0) {
                if (total) return (ssize_t)total;
                return took == TLS_WANTS_READ || took == TLS_WANTS_WRITE ? CONN_AGAIN : CONN_BROKEN;
            }
            at += (size_t)took;
            total += (size_t)took;
        }
        i = used;
    }
    return (ssize_t)total;
}

ssize_t conn_write(struct conn *c, const struct iovec *pieces, size_t count)
{
    if (c->closed) return CONN_BROKEN;
    return c->tls ? write_tls(c, pieces, count) : write_plain(c, pieces, count);
}

static void after_close(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    struct loop *l = c->loop;
    if (c->on_closed) c->on_closed(c);
    loop_turn(l);
}

void conn_close(struct conn *c, void (*on_closed)(struct conn *c))
{
    if (c->closed) return;
    c->closed = true;
    task_clear(&c->again);
    c->on_closed = on_closed;
    if (c->tls) tls_drop(c->tls);
    c->tls = NULL;
    uv_close((uv_handle_t *)&c->poll, after_close); /* takes the descriptor out of epoll now, calls back later */
    close(c->fd);                                   /* only then: another thread may be given the number at once */
}

int conn_connect_result(const struct conn *c)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

int conn_socket_connect(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int on = 1;
    if (address->sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    if (connect(fd, address, length) == 0 || errno == EINPROGRESS) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

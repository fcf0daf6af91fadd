/* One non-blocking socket, plain or TLS, on a loop. Reading and writing are done
 * by the owner when it is told that they may succeed. Thread: the loop's. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/loop.h"
#include "net/tls.h"

#include <sys/uio.h>

struct conn;

struct conn_events {
    void (*readable)(struct conn *c);
    void (*writable)(struct conn *c);
};

struct conn {
    struct loop *loop;
    const struct conn_events *on;
    struct tls *tls; /* NULL: plain */
    int fd;
    uint8_t want;   /* what the owner waits for */
    uint8_t polled; /* what libuv was told */
    bool tls_flip;  /* TLS waits for the other direction */
    bool closed;
    uv_poll_t poll;
    struct task again; /* reads what TLS has held back while nobody wanted it */
    void (*on_closed)(struct conn *c);
};

enum conn_want { CONN_READ = 1, CONN_WRITE = 2 };

/* A piece for conn_write(): struct iovec has no const. */
static inline struct iovec iov_of(str s)
{
    return (struct iovec){(void *)(uintptr_t)s.p, s.n};
}

/* Results below zero of conn_read() and conn_write(). */
enum { CONN_AGAIN = -1, CONN_BROKEN = -2 };

/* Takes the descriptor over. Fails: false when the loop refuses it; it is then closed. */
bool conn_init(struct conn *c, struct loop *l, int fd, const struct conn_events *on) MUST_CHECK;
/* Changes what is waited for; costs a system call only when it changes. */
void conn_want(struct conn *c, unsigned want);
/* Bytes read, 0 at the peer's end, CONN_AGAIN, CONN_BROKEN. */
ssize_t conn_read(struct conn *c, char *to, size_t size);
/* Whether another conn_read() may bring something, when `got` of `size` bytes came; if not, a
 * poll will tell when it may. */
bool conn_has_more(const struct conn *c, size_t got, size_t size);
/* Bytes taken, CONN_AGAIN, CONN_BROKEN. */
ssize_t conn_write(struct conn *c, const struct iovec *pieces, size_t count);
/* Closes at once; `on_closed` runs in a later turn, when the struct may be freed. */
void conn_close(struct conn *c, void (*on_closed)(struct conn *c));
/* SO_ERROR of a connect() that has ended: 0 or an errno. */
int conn_connect_result(const struct conn *c);
/* Non-blocking, close-on-exec, TCP_NODELAY, keep-alive probes. -1 with errno. */
int conn_socket_connect(const struct sockaddr *address, socklen_t length);

#endif

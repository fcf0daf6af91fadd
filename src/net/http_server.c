#include "net/server_conn.h"

#include "base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, REST_US = 100 * 1000 };

struct listener {
    struct list link;
    struct http_server *server;
    struct conn io;       /* only polled: accept() instead of read() */
    struct deadline rest; /* out of descriptors: looks again then, not at once and for ever */
    struct tls_context *tls;
    uint16_t port;
};

void http_limits_default(struct http_limits *l)
{
    *l = (struct http_limits){
        .header_bytes = 32 * 1024,
        .body_bytes = 32 * 1024 * 1024,
        .connections = 10000,
        .request_us = 30 * 1000000,
        .idle_us = 75 * 1000000,
        .write_us = 60 * 1000000,
        .queue_bytes = 256 * 1024,
    };
}

struct http_server *http_server_new(const struct http_server_options *options)
{
    struct http_server *s = mem_zalloc(sizeof(*s));
    s->options = *options;
    list_init(&s->listeners);
    list_init(&s->conns);
    pool_init(&s->exchanges, sizeof(struct server_exchange));
    return s;
}

void *http_server_owner(const struct http_server *s)
{
    return s->options.owner;
}

/* Whether there is room for one more; `*counted`: it has been counted for its address. */
static bool has_room(const struct http_server *s, const char *peer, bool *counted)
{
    const struct http_limits *limits = &s->options.limits;
    *counted = false;
    if (limits->connections && s->conn_count >= limits->connections) return false;
    if (!limits->connections_per_ip || !s->options.peers || !*peer) return true;
    *counted = peers_enter(s->options.peers, peer, limits->connections_per_ip);
    return *counted;
}

static void describe_peer(const struct sockaddr_storage *from, char out[46])
{
    out[0] = '\0';
    if (from->ss_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr, out, 46);
    } else if (from->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, out, 46);
    }
}

static void on_rested(struct deadline *d)
{
    conn_want(&CONTAINER_OF(d, struct listener, rest)->io, CONN_READ);
}

/* One more than there may be: told so, and closed. */
static void turn_away(struct listener *l, int fd)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n"
                               "connection: close\r\n\r\n";
    struct http_server *s = l->server;
    if (!l->tls && send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        shutdown(fd, SHUT_WR); /* what is unread at close() would reset it: take what came already */
        while (recv(fd, s->options.loop->read_buffer, LOOP_READ_BYTES, MSG_DONTWAIT) == LOOP_READ_BYTES) continue;
    }
    close(fd);
    if (s->options.handler->refused) s->options.handler->refused(s, ERR_OVERLOADED);
}

static void on_acceptable(struct conn *io)
{
    struct listener *l = CONTAINER_OF(io, struct listener, io);
    for (int i = 0; i < ACCEPTS_PER_TURN && !io->closed; i++) { /* a handler may have closed the listener */
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        from.ss_family = AF_UNSPEC;
        int fd = accept4(io->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (!exhausted) return;
            conn_want(io, 0);
            deadline_set(io->loop, &l->rest, time_mono_us() + REST_US);
            return;
        }
        char peer[46];
        describe_peer(&from, peer);
        struct http_server *s = l->server;
        bool counted;
        if (!has_room(s, peer, &counted)) {
            turn_away(l, fd);
            continue;
        }
        if (from.ss_family != AF_UNIX) {
            int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        }
        server_conn_new(s, fd, l->tls, peer, counted);
    }
}

static const struct conn_events *listener_events(void)
{
    static const struct conn_events table = {on_acceptable, NULL};
    return &table;
}

static bool fail(struct buf *why, int fd, const char *what)
{
    int error = errno;
    buf_printf(why, "%s: %s", what, strerror(error));
    if (fd >= 0) close(fd);
    errno = error;
    return false;
}

static bool add_listener(struct http_server *s, int fd, const char *cert, const char *key, uint16_t port,
                         struct buf *why)
{
    struct tls_context *tls = NULL;
    if (cert && *cert && !(tls = tls_server_context(cert, key, why))) {
        close(fd);
        return false;
    }
    struct listener *l = mem_zalloc(sizeof(*l));
    l->server = s;
    l->tls = tls;
    l->port = port;
    deadline_init(&l->rest, on_rested);
    if (!conn_init(&l->io, s->options.loop, fd, listener_events())) {
        tls_context_drop(tls);
        free(l);
        buf_printf(why, "the event loop refuses the socket");
        return false;
    }
    list_add_last(&s->listeners, &l->link);
    conn_want(&l->io, CONN_READ);
    return true;
}

static bool listen_unix(struct http_server *s, const char *path, struct buf *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!str_copy(address.sun_path, sizeof(address.sun_path), str_from(path))) {
        buf_printf(why, "%s: the path of a socket holds at most %zu bytes", path, sizeof(address.sun_path) - 1);
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(why, fd, path);
    unlink(path); /* the data folder's lock says that its old owner is gone */
    mode_t mask = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0) return fail(why, fd, path);
    return add_listener(s, fd, NULL, NULL, 0, why);
}

static bool parse_address(const char *host, uint16_t port, struct sockaddr_storage *out, socklen_t *size)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    *out = (struct sockaddr_storage){0};
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (!*host || strcmp(host, "*") == 0) host = "0.0.0.0";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *size = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *size = sizeof(*v6);
        return true;
    }
    return false;
}

bool http_server_listen(struct http_server *s, const char *host, uint16_t port, const char *cert, const char *key,
                        struct buf *why)
{
    if (strncmp(host, "unix:", 5) == 0) return listen_unix(s, host + 5, why);
    struct sockaddr_storage address;
    socklen_t size;
    if (!parse_address(host, port, &address, &size)) {
        buf_printf(why, "'%s' is no IP address to listen on", host);
        return false;
    }
    char what[128];
    snprintf(what, sizeof(what), "%s port %u", host, port);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(why, fd, what);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0) return fail(why, fd, what);
    size = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &size);
    uint16_t bound = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port); /* at the same place in both families */
    return add_listener(s, fd, cert, key, bound, why);
}

bool http_server_adopt(struct http_server *s, int fd, const char *cert, const char *key, struct buf *why)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return fail(why, copy, "inherited socket");
    fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK);
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    getsockname(copy, (struct sockaddr *)&address, &size);
    bool ip = address.ss_family == AF_INET || address.ss_family == AF_INET6;
    return add_listener(s, copy, cert, key, ip ? ntohs(((struct sockaddr_in *)(void *)&address)->sin_port) : 0, why);
}

uint16_t http_server_port(const struct http_server *s)
{
    return list_empty(&s->listeners) ? 0 : LIST_ENTRY(s->listeners.next, struct listener, link)->port;
}

unsigned http_server_connections(const struct http_server *s)
{
    return s->conn_count;
}

size_t http_server_queued(const struct http_server *s)
{
    size_t n = 0;
    LIST_EACH (it, &s->conns) {
        const struct server_conn *c = LIST_ENTRY(it, const struct server_conn, link);
        n += c->out.n - c->out_at;
    }
    return n;
}

static void bury_listener(struct conn *io)
{
    struct listener *l = CONTAINER_OF(io, struct listener, io);
    tls_context_drop(l->tls);
    free(l);
}

static void close_listeners(struct http_server *s)
{
    while (!list_empty(&s->listeners)) {
        struct listener *l = LIST_ENTRY(s->listeners.next, struct listener, link);
        list_remove(&l->link);
        deadline_clear(&l->rest);
        conn_close(&l->io, bury_listener);
    }
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    close_listeners(s);
    LIST_EACH (it, &s->conns) {
        struct server_conn *c = LIST_ENTRY(it, struct server_conn, link);
        if (c->state == SERVER_HANDSHAKE || (c->state == SERVER_HEAD && !c->begun_us)) server_conn_close(c);
    }
}

void http_server_set_limits(struct http_server *s, const struct http_limits *limits)
{
    s->options.limits = *limits;
}

static void bury_server(struct corpse *corpse)
{
    struct http_server *s = CONTAINER_OF(corpse, struct http_server, corpse);
    pool_free(&s->exchanges);
    free(s);
}

void http_server_drop(struct http_server *s)
{
    if (s->dropped) return;
    s->dropped = true;
    close_listeners(s);
    while (!list_empty(&s->conns)) server_conn_close(LIST_ENTRY(s->conns.next, struct server_conn, link));
    loop_bury(s->options.loop, &s->corpse, bury_server);
}

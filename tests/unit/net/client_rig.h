/* A provider that misbehaves by script, on a thread of its own, and calls to it
 * from a loop that the test turns by hand. */
#ifndef TEST_NET_CLIENT_RIG_H
#define TEST_NET_CLIENT_RIG_H

#include "help.h"

#include "base/buf.h"
#include "base/time.h"
#include "net/http_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct provider {
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_int accepted;
    atomic_bool stop;
    const char *answer;                                 /* sent for each request of a connection, unless: */
    void (*serve)(struct provider *p, int nth, int fd); /* closes nothing */
    void *extra;
};

static inline bool provider_send(int fd, str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes = str_from_at(bytes, (size_t)n);
    }
    return true;
}

/* Reads a request's head and its body of content-length. False: the client ended. */
static inline bool provider_read(int fd)
{
    char text[64 * 1024];
    size_t n = 0;
    for (;;) {
        ssize_t got = recv(fd, text + n, 1, 0);
        if (got <= 0) return false;
        n++;
        if (n >= 4 && memcmp(text + n - 4, "\r\n\r\n", 4) == 0) break;
    }
    size_t at = str_find(str_of(text, n), S("content-length: "), 0);
    size_t length = at == SIZE_MAX ? 0 : strtoul(text + at + 16, NULL, 10);
    while (length) {
        ssize_t got = recv(fd, text, length < sizeof(text) ? length : sizeof(text), 0);
        if (got <= 0) return false;
        length -= (size_t)got;
    }
    return true;
}

static inline void *provider_thread(void *arg)
{
    struct provider *p = arg;
    for (int nth = 0;; nth++) {
        int fd = accept(p->listener, NULL, NULL);
        if (p->stop || fd < 0) {
            if (fd >= 0) close(fd);
            return NULL;
        }
        struct timeval limit = {.tv_sec = 10};
        int on = 1;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        p->accepted++;
        if (p->serve) {
            p->serve(p, nth, fd);
        } else {
            while (provider_read(fd) && provider_send(fd, str_from(p->answer))) continue;
        }
        close(fd);
    }
}

static inline int dial_loopback(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) return fd;
    close(fd);
    return -1;
}

static inline void provider_start(struct provider *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(p->listener, 64), 0);
    getsockname(p->listener, (struct sockaddr *)&at, &size);
    p->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, provider_thread, p), 0);
}

static inline void provider_stop(struct provider *p)
{
    p->stop = true;
    int fd = dial_loopback(p->port);
    pthread_join(p->thread, NULL);
    if (fd >= 0) close(fd);
    close(p->listener);
}

/* ---- calls */

enum event { EVENT_NONE, EVENT_CONNECTED, EVENT_SENT, EVENT_HEAD, EVENT_BODY, EVENT_END, EVENT_FAIL };

struct caller {
    struct http_call call;
    struct arena arena;
    struct buf body;
    int connected, sent, head, ended, failed;
    int status;
    enum err err;
    char why[200];
    enum event cancel_in; /* where the call is cancelled */
    bool cancelled;
    bool pause_in_body;
};

static inline void caller_event(struct http_call *c, enum event e)
{
    struct caller *a = CONTAINER_OF(c, struct caller, call);
    if (a->cancelled) fail_msg("event %d after cancel", e);
    if (a->ended || a->failed) fail_msg("event %d after the end", e);
    if (a->cancel_in != e) return;
    a->cancelled = true;
    http_call_cancel(c);
}

static inline void caller_connected(struct http_call *c)
{
    CONTAINER_OF(c, struct caller, call)->connected++;
    caller_event(c, EVENT_CONNECTED);
}

static inline void caller_sent(struct http_call *c)
{
    CONTAINER_OF(c, struct caller, call)->sent++;
    caller_event(c, EVENT_SENT);
}

static inline void caller_head(struct http_call *c)
{
    struct caller *a = CONTAINER_OF(c, struct caller, call);
    a->head++;
    a->status = c->head.status;
    caller_event(c, EVENT_HEAD);
}

static inline void caller_body(struct http_call *c, str bytes)
{
    struct caller *a = CONTAINER_OF(c, struct caller, call);
    buf_add(&a->body, bytes);
    if (a->pause_in_body) http_call_pause(c);
    caller_event(c, EVENT_BODY);
}

static inline void caller_end(struct http_call *c)
{
    struct caller *a = CONTAINER_OF(c, struct caller, call);
    caller_event(c, EVENT_END);
    a->ended++;
}

static inline void caller_fail(struct http_call *c, enum err e, const char *why)
{
    struct caller *a = CONTAINER_OF(c, struct caller, call);
    caller_event(c, EVENT_FAIL);
    a->failed++;
    a->err = e;
    str_copy(a->why, sizeof(a->why), str_from(why));
}

static inline void caller_start(struct caller *a, struct upstream *u, const struct iovec *pieces, size_t count)
{
    static const struct http_call_events events = {caller_sent, caller_head, caller_body,
                                                   caller_end,  caller_fail, caller_connected};
    arena_init(&a->arena);
    buf_init(&a->body, 0);
    http_call_start(&a->call, u, &events, &a->arena, pieces, count);
    if (a->call.sent) a->sent++;
}

static inline void caller_get(struct caller *a, struct upstream *u)
{
    struct iovec pieces[] = {iov_of(S("GET / HTTP/1.1\r\n")), iov_of(S("host: a\r\n\r\n"))};
    caller_start(a, u, pieces, 2);
}

static inline bool caller_over(const struct caller *a)
{
    return a->ended || a->failed || a->cancelled;
}

static inline void caller_free(struct caller *a)
{
    http_call_cancel(&a->call); /* harmless when over */
    arena_free(&a->arena);
    buf_free(&a->body);
}

/* ---- the loop */

struct turner {
    struct loop loop;
    struct deadline beat; /* keeps the tick going, so that a turn never sleeps for long */
    int64_t until_us;
};

static inline void never(struct deadline *d)
{
    (void)d;
    fail_msg("the test takes too long");
}

static inline void turner_init(struct turner *t)
{
    loop_init(&t->loop, t);
    deadline_init(&t->beat, never);
    deadline_set(&t->loop, &t->beat, time_mono_us() + 60 * US_PER_SECOND);
}

static inline void turn_once(struct turner *t)
{
    uv_run(&t->loop.uv, UV_RUN_ONCE);
}

#define TURN_UNTIL(t, condition)                                                                                       \
    do {                                                                                                               \
        while (!(condition)) turn_once(t);                                                                             \
    } while (0)

static inline void turner_free(struct turner *t)
{
    deadline_clear(&t->beat);
    loop_free(&t->loop);
}

static inline struct upstream *upstream_to(struct turner *t, const char *host, uint16_t port, unsigned connections)
{
    struct upstream_options options = {.loop = &t->loop,
                                       .host = str_from(host),
                                       .port = port,
                                       .connections = connections,
                                       .idle_us = 30 * US_PER_SECOND};
    return upstream_new(&options);
}

/* ---- all of it: a provider, and a loop with an upstream to it */

struct rig {
    struct provider provider;
    struct turner turner;
    struct upstream *upstream;
};

static inline void rig_begin(struct rig *r, unsigned connections)
{
    provider_start(&r->provider);
    turner_init(&r->turner);
    r->upstream = upstream_to(&r->turner, "127.0.0.1", r->provider.port, connections);
}

static inline void rig_end(struct rig *r)
{
    upstream_drop(r->upstream);
    turner_free(&r->turner);
    provider_stop(&r->provider);
}

#endif

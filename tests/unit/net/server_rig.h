/* A server on a thread of its own whose answers the path chooses, and clients on
 * plain blocking sockets. */
#ifndef TEST_NET_SERVER_RIG_H
#define TEST_NET_SERVER_RIG_H

#include "help.h"

#include "base/time.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RIG_BIG = 8 * 1024 * 1024 };

struct rig {
    struct loop loop;
    struct http_server *server;
    pthread_t thread;
    uint16_t port;
    atomic_int requests, done, gone, aborted, drained, refused, half_closed, turns;
    atomic_bool stop, drain;
    struct http_limits limits;
    struct peers *peers;
    const char *cert, *key;
};

/* What is being answered; lives as long as its exchange. */
struct job {
    struct rig *rig;
    struct http_exchange *x;
    struct deadline later;
    size_t left;
    bool keeps; /* a half-closed client is served */
};

static inline void job_end(struct job *j)
{
    deadline_clear(&j->later);
    free(j);
}

static inline void job_pump(struct job *j)
{
    static const char piece[64 * 1024] = {'x'};
    while (j->left) {
        size_t n = j->left < sizeof(piece) ? j->left : sizeof(piece);
        j->left -= n;
        if (!http_send_str(j->x, str_of(piece, n)) && j->left) return;
    }
    http_end(j->x);
}

static inline void job_abort(struct job *j)
{
    struct http_exchange *x = j->x;
    j->rig->aborted++;
    job_end(j);
    http_abort(x);
}

static inline void job_late(struct deadline *d)
{
    struct job *j = CONTAINER_OF(d, struct job, later);
    if (str_eq(j->x->request.path, S("/late-abort")))
        job_abort(j);
    else
        http_respond(j->x, 200, S("content-type: text/plain\r\n"), S("later"));
}

static inline void rig_answer_now(struct job *j, struct http_exchange *x)
{
    str path = x->request.path, none = STR_NONE;
    if (str_eq(path, S("/stream"))) {
        http_begin(x, 200, none);
        http_send_str(x, S("one"));
        http_send_str(x, S("two"));
        http_end(x);
    } else if (str_eq(path, S("/empty-stream"))) {
        http_begin(x, 200, none);
        http_end(x);
    } else if (str_eq(path, S("/short"))) {
        http_begin_length(x, 200, none, 10);
        http_send_str(x, S("12345"));
        http_end(x);
    } else if (str_eq(path, S("/length"))) {
        http_begin_length(x, 200, none, 5);
        http_send_str(x, S("12345"));
        http_end(x);
    } else if (str_eq(path, S("/204"))) {
        http_respond(x, 204, none, S("must not go out"));
    } else if (str_eq(path, S("/begin-204"))) {
        http_begin(x, 204, none);
        http_send_str(x, S("must not go out"));
        http_end(x);
    } else if (str_eq(path, S("/abort"))) {
        http_begin(x, 200, none);
        http_send_str(x, S("part"));
        job_abort(j);
    } else if (str_eq(path, S("/info"))) {
        http_respond(x, 200, none,
                     arena_printf(&x->arena, "%.*s %.*s %.*s %zu", STR_ARG(x->request.method), STR_ARG(path),
                                  STR_ARG(x->request.query), x->request.body.n));
    } else {
        http_respond(x, 200, none, x->request.body);
    }
}

static inline void rig_request(struct http_exchange *x)
{
    struct rig *r = http_server_owner(x->server);
    struct job *j = calloc(1, sizeof(*j));
    r->requests++;
    j->rig = r;
    j->x = x;
    x->user = j;
    deadline_init(&j->later, job_late);
    str path = x->request.path;
    if (str_eq(path, S("/hold"))) return;
    if (str_eq(path, S("/hold-stream"))) {
        http_begin(x, 200, STR_NONE);
        http_send_str(x, S("one"));
    } else if (str_eq(path, S("/later")) || str_eq(path, S("/late-abort")) || str_eq(path, S("/finish"))) {
        j->keeps = str_eq(path, S("/finish"));
        deadline_set(&r->loop, &j->later, time_mono_us() + 1000);
    } else if (str_eq(path, S("/big")) || str_eq(path, S("/big-length"))) {
        j->left = RIG_BIG;
        if (str_eq(path, S("/big")))
            http_begin(x, 200, STR_NONE);
        else
            http_begin_length(x, 200, STR_NONE, RIG_BIG);
        job_pump(j);
    } else {
        rig_answer_now(j, x);
    }
}

static inline void rig_drained(struct http_exchange *x)
{
    struct job *j = x->user;
    j->rig->drained++;
    if (j->left) job_pump(j);
}

static inline bool rig_half_closed(struct http_exchange *x)
{
    struct job *j = x->user;
    j->rig->half_closed++;
    return !j->keeps;
}

static inline void rig_gone(struct http_exchange *x)
{
    struct job *j = x->user;
    j->rig->gone++;
    job_end(j);
}

static inline void rig_done(struct http_exchange *x)
{
    struct job *j = x->user;
    j->rig->done++;
    job_end(j);
}

static inline void rig_refused(struct http_server *s, enum err e)
{
    struct rig *r = http_server_owner(s);
    (void)e;
    r->refused++;
}

static inline void rig_mail(struct loop *l)
{
    struct rig *r = l->owner;
    if (r->drain) http_server_drain(r->server);
    if (r->stop) loop_stop(l);
}

static inline void rig_count_turn(uv_prepare_t *p)
{
    struct rig *r = p->data;
    r->turns++;
}

static inline void *rig_thread(void *arg)
{
    struct rig *r = arg;
    uv_prepare_t count;
    uv_prepare_init(&r->loop.uv, &count);
    count.data = r;
    uv_prepare_start(&count, rig_count_turn);
    loop_run(&r->loop);
    http_server_drop(r->server);
    loop_turn(&r->loop);
    loop_free(&r->loop);
    return NULL;
}

static inline struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    http_limits_default(&r->limits);
    return r;
}

static inline void rig_start(struct rig *r)
{
    static const struct http_handler handler = {
        .request = rig_request,
        .drained = rig_drained,
        .half_closed = rig_half_closed,
        .gone = rig_gone,
        .done = rig_done,
        .refused = rig_refused,
    };
    struct buf why;
    buf_init(&why, 0);
    loop_init(&r->loop, r);
    r->loop.on_mail = rig_mail;
    struct http_server_options options = {
        .loop = &r->loop, .handler = &handler, .limits = r->limits, .peers = r->peers, .owner = r};
    r->server = http_server_new(&options);
    if (!http_server_listen(r->server, "127.0.0.1", 0, r->cert, r->key, &why)) fail_msg("%.*s", STR_ARG(buf_str(&why)));
    r->port = http_server_port(r->server);
    assert_int_equal(pthread_create(&r->thread, NULL, rig_thread, r), 0);
}

/* Every request ended in exactly one way. */
static inline void rig_stop(struct rig *r)
{
    r->stop = true;
    loop_wake(&r->loop);
    pthread_join(r->thread, NULL);
    assert_int_equal(r->requests, r->done + r->gone + r->aborted);
    free(r);
}

static inline bool rig_waits(atomic_int *count, int least)
{
    for (int i = 0; i < 5000; i++) {
        if (*count >= least) return true;
        usleep(1000);
    }
    return false;
}

/* ---- clients */

static inline int rig_dial(const struct rig *r)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(r->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static inline bool rig_send(int fd, str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes = str_from_at(bytes, (size_t)n);
    }
    return true;
}

/* Reads until the peer ends; `*clean`: by an orderly end. Owns: the caller frees. */
static inline struct buf rig_read_all(int fd, bool *clean)
{
    struct buf all;
    char piece[16 * 1024];
    ssize_t n;
    buf_init(&all, 0);
    while ((n = recv(fd, piece, sizeof(piece), 0)) > 0) buf_add(&all, str_of(piece, (size_t)n));
    if (clean) *clean = n == 0;
    buf_add_byte(&all, '\0');
    all.n--;
    return all;
}

/* Reads at least until `mark` stands in what came. */
static inline struct buf rig_read_until(int fd, const char *mark)
{
    struct buf all;
    char piece[4096];
    buf_init(&all, 0);
    while (str_find(buf_str(&all), str_from(mark), 0) == SIZE_MAX) {
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n <= 0) {
            fail_msg("the server ended before '%s': %.*s", mark, STR_ARG(buf_str(&all)));
        }
        buf_add(&all, str_of(piece, (size_t)n));
    }
    return all;
}

/* One connection's bytes and all that comes back. */
static inline struct buf rig_talk(const struct rig *r, str bytes)
{
    int fd = rig_dial(r);
    rig_send(fd, bytes);
    struct buf all = rig_read_all(fd, NULL);
    close(fd);
    return all;
}

static inline size_t rig_count(str all, const char *what)
{
    size_t n = 0;
    for (size_t at = 0; (at = str_find(all, str_from(what), at)) != SIZE_MAX; at++) n++;
    return n;
}

static inline void rig_expect(str all, const char *what)
{
    if (str_find(all, str_from(what), 0) == SIZE_MAX) fail_msg("no '%s' in: %.*s", what, STR_ARG(all));
}

#endif

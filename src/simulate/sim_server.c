#include "simulate/sim_error.h"
#include "simulate/sim_worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void sim_options_default(struct sim_options *o)
{
    *o = (struct sim_options){
        .host = "127.0.0.1",
        .port = 9100,
        .threads = 1,
        .output_tokens = {.kind = DIST_UNIFORM, .a = 20, .b = 200},
        .first_token = dist_fixed(0),
        .between_tokens = dist_fixed(0),
        .truth_keep = SIM_TRUTH_KEEP,
    };
}

/* ---- what the HTTP server calls */

static void on_drained(struct http_exchange *x)
{
    if (x->user) sim_call_drained(x->user);
}

static void on_gone(struct http_exchange *x)
{
    if (x->user) sim_call_gone(x->user);
}

static void on_done(struct http_exchange *x)
{
    if (x->user) sim_call_done(x->user);
}

static void render(struct buf *out, enum err e, str message)
{
    struct sim_problem p = {.status = err_info(e)->status, .message = message, .type = S("invalid_request_error")};
    sim_problem_print(SIM_CHAT, &p, 0, out);
}

static const struct http_handler handler = {
    .request = sim_route,
    .drained = on_drained,
    .gone = on_gone,
    .done = on_done,
    .render = render,
};

/* ---- threads */

static void stop_worker(struct loop *l)
{
    loop_stop(l); /* close_worker() hangs up */
}

void sim_stop(struct sim *s)
{
    for (unsigned i = 0; i < s->worker_count; i++) loop_wake(&s->workers[i].loop);
}

static void on_signal(uv_signal_t *watcher, int signum)
{
    (void)signum;
    sim_stop(watcher->data);
}

static bool open_worker(struct sim *s, struct sim_worker *w, uint16_t port, struct buf *why)
{
    const struct sim_options *o = &s->options;
    w->sim = s;
    list_init(&w->calls);
    list_init(&w->spare);
    json_init(&w->doc);
    buf_init(&w->out, 0);
    loop_init(&w->loop, w);
    w->loop.on_mail = stop_worker;
    struct http_server_options options = {.loop = &w->loop, .handler = &handler, .owner = w};
    http_limits_default(&options.limits);
    options.limits.connections = 0; /* what is tested may open as many as it likes */
    options.limits.body_bytes = 64 * 1024 * 1024;
    w->server = http_server_new(&options);
    return http_server_listen(w->server, o->host, port, o->tls_cert, o->tls_key, why);
}

/* Every loop listens for itself on a shared port, which the kernel also grants to
 * another process of the same user: two simulators would share the calls between
 * them and tell half of the truth each. So the port is asked for alone first. */
static bool port_is_free(const struct sim_options *o, struct buf *why)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {0};
    socklen_t size = sizeof at.v4;
    const char *host = strcmp(o->host, "localhost") == 0 ? "127.0.0.1" : o->host;
    if (inet_pton(AF_INET, host, &at.v4.sin_addr) == 1) {
        at.v4.sin_family = AF_INET;
        at.v4.sin_port = htons(o->port);
    } else if (inet_pton(AF_INET6, host, &at.v6.sin6_addr) == 1) {
        at.v6.sin6_family = AF_INET6;
        at.v6.sin6_port = htons(o->port);
        size = sizeof at.v6;
    } else {
        return true; /* no address: http_server_listen() says so */
    }
    int on = 1, fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return true;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool is_free = bind(fd, &at.any, size) == 0 || errno != EADDRINUSE;
    close(fd);
    if (!is_free) {
        buf_printf(why, "port %u of %s is taken: end what listens there, or choose another port with --listen", o->port,
                   o->host);
    }
    return is_free;
}

static void close_worker(struct sim_worker *w)
{
    http_server_drop(w->server);
    loop_free(&w->loop);
    sim_calls_free(w);
    json_free(&w->doc);
    buf_free(&w->out);
}

static void watch_signal(struct sim *s, uv_signal_t *watcher, int signum)
{
    uv_signal_init(&s->workers[0].loop.uv, watcher);
    watcher->data = s;
    uv_signal_start(watcher, on_signal, signum);
}

struct sim *sim_new(const struct sim_options *o, struct buf *why)
{
    if (o->port && !port_is_free(o, why)) return NULL;
    unsigned threads = o->threads ? o->threads : 1;
    struct sim *s = mem_zalloc(sizeof *s + threads * sizeof s->workers[0]);
    s->options = *o;
    sim_truth_init(&s->truth, o->truth_keep);
    sim_capture_init(&s->capture);
    sim_times_init(&s->times);
    for (unsigned i = 0; i < threads; i++) {
        s->worker_count = i + 1;
        uint16_t port = i ? sim_port(s) : o->port;
        if (!open_worker(s, &s->workers[i], port, why)) {
            sim_drop(s);
            return NULL;
        }
    }
    watch_signal(s, &s->workers[0].on_term, SIGTERM);
    watch_signal(s, &s->workers[0].on_int, SIGINT);
    return s;
}

uint16_t sim_port(const struct sim *s)
{
    return http_server_port(s->workers[0].server);
}

static void *run_worker(void *arg)
{
    struct sim_worker *w = arg;
    loop_run(&w->loop);
    return NULL;
}

void sim_run(struct sim *s)
{
    struct sim_worker *first = &s->workers[0];
    for (unsigned i = 1; i < s->worker_count; i++) {
        if (pthread_create(&s->workers[i].thread, NULL, run_worker, &s->workers[i]) != 0) abort();
    }
    loop_run(&first->loop);
    for (unsigned i = 1; i < s->worker_count; i++) pthread_join(s->workers[i].thread, NULL);
}

void sim_drop(struct sim *s)
{
    for (unsigned i = 0; i < s->worker_count; i++) close_worker(&s->workers[i]);
    sim_truth_free(&s->truth);
    sim_capture_free(&s->capture);
    sim_times_free(&s->times);
    free(s);
}

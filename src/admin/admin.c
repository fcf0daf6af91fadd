#include "admin/inside.h"
#include "admin/pages.h"

#include "admin/api.h"
#include "admin/expect.h"
#include "admin/live.h"
#include "base/time.h"
#include "base/utf8.h"
#include "net/http_origin.h"

#include <stdlib.h>

/* `code` may be empty. */
static void write_problem(struct buf *out, int status, str code, str detail)
{
    buf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,", http_reason(status), status);
    if (code.n) buf_printf(out, "\"code\":\"%" STR_FMT "\",", STR_ARG(code));
    buf_add(out, S("\"detail\":"));
    buf_add_json(out, detail);
    buf_add(out, S("}\n"));
}

static void render(struct buf *out, enum err e, str message)
{
    write_problem(out, err_info(e)->status, err_info(e)->name, message);
}

static void problem(struct http_exchange *x, int status, str headers, const char *message)
{
    struct buf body, all;
    buf_init(&body, 0);
    buf_init(&all, 0);
    buf_add(&all, headers);
    buf_add(&all, S("content-type: application/problem+json\r\ncache-control: no-store\r\n"));
    write_problem(&body, status, STR_NONE, str_from(message));
    http_respond(x, status, buf_str(&all), buf_str(&body));
    buf_free(&body);
    buf_free(&all);
}

void admin_error(struct http_exchange *x, int status, const char *message)
{
    problem(x, status, S(""), message);
}

/* ---- what is asked, and by whom */

enum { TEXT_CHARACTERS_MAX = 500 };

bool admin_is_plain(str s)
{
    size_t characters = 0;
    if (!utf8_valid(s)) return false;
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
        characters += (s.p[i] & 0xc0) != 0x80; /* not those that go on with one */
    }
    return characters <= TEXT_CHARACTERS_MAX;
}

bool admin_is_tls(const struct admin *a, const struct http_exchange *x)
{
    return x->server != a->socket && http_is_tls(x);
}

/* ---- routes */

struct route {
    const char *method, *path;
    bool socket_only;
    void (*serve)(struct admin *a, struct http_exchange *x);
};

static void serve_health(struct admin *a, struct http_exchange *x)
{
    (void)a;
    http_respond(x, 200, S("content-type: text/plain\r\n"), S("ok\n"));
}

static void serve_flush(struct admin *a, struct http_exchange *x)
{
    bool stored = ledger_flush(a->purser->ledger);
    http_respond(x, stored ? 200 : 503, S("content-type: text/plain\r\n"),
                 stored ? S("ok\n")
                        : S("the store refuses rows now: see /metrics and the log; the journals keep them\n"));
}

static const struct route routes[] = {
    {"GET", "/healthz", false, serve_health},
    {"GET", "/metrics", false, admin_serve_metrics},
    {"POST", "/control/flush", true, serve_flush},
};

/* A stranger is told nothing but that the port lives. */
static bool is_welcome(struct admin *a, struct http_exchange *x, const struct route *r)
{
    if (r->serve == serve_health || x->server == a->socket) return true;
    const char *why = "";
    str foreign = http_foreign(&x->request);
    if (foreign.n) {
        admin_error(x, 403, foreign.p);
        return false;
    }
    struct visitor v = visitor_of(a, x, &why);
    if (v.wait_us) {
        str wait = arena_printf(&x->arena, "retry-after: %lld\r\n", visitor_wait_seconds(v.wait_us));
        problem(x, 429, wait, why);
    } else if (v.role < ROLE_VIEWER) {
        admin_error(x, 401, *why ? why : "This takes the role viewer.");
    }
    return v.role >= ROLE_VIEWER;
}

static void on_request(struct http_exchange *x)
{
    struct admin *a = http_server_owner(x->server);
    str takes = STR_NONE;
    admin_refresh(a);
    if (api_serve(a, x)) return;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const struct route *r = &routes[i];
        if (!str_eq(x->request.path, str_from(r->path))) continue;
        if (r->socket_only && x->server != a->socket) continue;
        takes = str_from(r->method);
        if (!str_eq(x->request.method, str_from(r->method))) continue;
        if (is_welcome(a, x, r)) r->serve(a, x);
        return;
    }
    if (!takes.n && admin_serve_page(x)) return;
    if (takes.n)
        problem(x, 405, arena_printf(&x->arena, "allow: %" STR_FMT "\r\n", STR_ARG(takes)),
                "The path takes another method.");
    else
        admin_error(x, 404, "There is nothing at this path: try /metrics, or /api/v1/openapi.json.");
}

static void on_gone(struct http_exchange *x)
{
    if (x->user) api_gone(x->user);
}

static const struct http_handler *handler(void)
{
    static const struct http_handler table = {.request = on_request,
                                              .gone = on_gone,
                                              .render = render,
                                              .rendered_type = STR_INIT("application/problem+json")};
    return &table;
}

/* ---- life */

void admin_refresh(struct admin *a)
{
    struct snapshot *now = purser_shown(a->purser);
    snapshot_put(a->snapshot);
    a->snapshot = now;
}

static void on_mail(struct loop *l)
{
    struct admin *a = l->owner;
    if (__atomic_load_n(&a->stopping, __ATOMIC_ACQUIRE)) loop_stop(&a->loop);
}

static bool listen_all(struct admin *a, struct buf *why)
{
    const struct settings *s = a->snapshot->settings;
    for (size_t i = 0; i < s->admin_listener_count; i++) {
        const struct setting_listener *l = &s->admin_listeners[i];
        char *host = str_dup(l->host), *cert = str_dup(l->tls_cert), *key = str_dup(l->tls_key);
        bool ok = http_server_listen(a->port, host, l->port, cert, key, why);
        free(host);
        free(cert);
        free(key);
        if (!ok) return false;
    }
    struct buf path;
    buf_init(&path, 0);
    buf_printf(&path, "unix:%" STR_FMT "/purser.sock", STR_ARG(s->data));
    bool ok = http_server_listen(a->socket, path.p, 0, NULL, NULL, why);
    buf_free(&path);
    return ok;
}

struct admin *admin_new(struct purser *p, struct buf *why)
{
    struct admin *a = mem_zalloc(sizeof(*a));
    a->purser = p;
    loop_init(&a->loop, a);
    a->loop.on_mail = on_mail;
    a->visitors = visitors_new();
    api_init(a);
    struct http_server_options options = {.loop = &a->loop, .handler = handler(), .owner = a};
    http_limits_default(&options.limits);
    options.limits.body_bytes = 1024 * 1024;
    options.limits.connections = 256;
    a->port = http_server_new(&options);
    a->socket = http_server_new(&options);
    admin_refresh(a);
    visitors_reload(a);
    a->live = live_new(a);
    a->expecting = expecting_new();
    if (listen_all(a, why)) return a;
    admin_drop(a);
    return NULL;
}

static void *thread_main(void *arg)
{
    struct admin *a = arg;
    pthread_setname_np(pthread_self(), "admin");
    loop_run(&a->loop);
    return NULL;
}

void admin_start(struct admin *a)
{
    if (pthread_create(&a->thread, NULL, thread_main, a) != 0) abort();
    a->running = true;
}

void admin_drop(struct admin *a)
{
    if (a->running) {
        __atomic_store_n(&a->stopping, true, __ATOMIC_RELEASE);
        loop_wake(&a->loop);
        pthread_join(a->thread, NULL);
    }
    api_stop(a);
    http_server_drop(a->port);
    http_server_drop(a->socket);
    loop_free(&a->loop);
    live_drop(a->live);
    expecting_drop(a->expecting);
    visitors_drop(a->visitors);
    snapshot_put(a->snapshot);
    free(a);
}

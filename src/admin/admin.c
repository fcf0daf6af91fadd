#include "admin/inside.h"

#include "base/time.h"
#include "net/http_origin.h"

#include <stdlib.h>

/* ---- who may ask */

/* The socket's file mode is its guard; the port asks for the token. */
bool admin_allowed(const struct admin *a, struct http_exchange *x)
{
    if (x->server == a->socket) return true;
    str value = http_header_find(&x->request, S("authorization"));
    if (value.n <= 7 || !str_eq_nocase(str_head(value, 7), S("bearer "))) return false;
    str token = str_trim(str_from_at(value, 7));
    const struct settings *s = a->snapshot->settings;
    if (s->admin_token.n) return secret_equal(token, s->admin_token);
    unsigned char hash[KEY_HASH_BYTES];
    key_hash(token, hash);
    return a->has_token &&
           secret_equal(str_of((char *)hash, sizeof(hash)), str_of((const char *)a->token_hash, sizeof(hash)));
}

void admin_json(struct http_exchange *x, int status, struct buf *body)
{
    http_respond(x, status, S("content-type: application/json\r\ncache-control: no-store\r\n"), buf_str(body));
}

void admin_error(struct http_exchange *x, int status, const char *message)
{
    struct buf body;
    buf_init(&body, 0);
    buf_printf(&body, "{\"error\":{\"message\":");
    buf_add_json(&body, str_from(message));
    buf_printf(&body, "}}\n");
    admin_json(x, status, &body);
    buf_free(&body);
}

/* ---- what is asked, and by whom */

enum { TEXT_BYTES_MAX = 500 };

bool admin_is_plain(str s)
{
    if (s.n > TEXT_BYTES_MAX) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
    return true;
}

bool admin_text(const struct json *doc, struct arena *arena, str name, str *out)
{
    json_ref at = json_find(doc, JSON_ROOT, name, NULL);
    return at == JSON_ABSENT || (json_string(doc, at, arena, out) && admin_is_plain(*out));
}

str admin_who(const struct admin *a, struct http_exchange *x, str who)
{
    const char *kind = x->server == a->socket ? "local user" : "admin token";
    return who.n ? arena_printf(&x->arena, "%s %" STR_FMT, kind, STR_ARG(who)) : str_from(kind);
}

str admin_origin(const struct admin *a, const struct http_exchange *x)
{
    return x->server == a->socket ? S("control socket") : x->request.peer;
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
    {"GET", "/api/v1/report", false, admin_serve_report},
    {"GET", "/api/v1/budgets", false, admin_serve_budgets},
    {"GET", "/api/v1/switches", false, admin_serve_switches},
    {"POST", "/api/v1/switches", false, admin_serve_switch},
    {"GET", "/api/v1/events", false, admin_serve_events},
    {"POST", "/control/flush", true, serve_flush},
    {"POST", "/control/runaway/lift", true, admin_serve_runaway_lift},
    {"POST", "/control/keys", true, admin_serve_key_add},
    {"POST", "/control/keys/revoke", true, admin_serve_key_revoke},
};

static void on_request(struct http_exchange *x)
{
    struct admin *a = http_server_owner(x->server);
    bool path_known = false;
    admin_refresh(a);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!str_eq(x->request.path, str_from(routes[i].path))) continue;
        if (routes[i].socket_only && x->server != a->socket) continue;
        path_known = true;
        if (!str_eq(x->request.method, str_from(routes[i].method))) continue;
        bool open = routes[i].serve == serve_health;
        str foreign = open || x->server == a->socket ? STR_NONE : http_foreign(&x->request);
        if (foreign.n) {
            admin_error(x, 403, foreign.p);
            return;
        }
        if (!open && !admin_allowed(a, x)) {
            admin_error(x, 401, "Send the admin token as 'Authorization: Bearer ...'.");
            return;
        }
        routes[i].serve(a, x);
        return;
    }
    if (path_known)
        admin_error(x, 405, "The path takes another method.");
    else
        admin_error(x, 404,
                    "There is nothing at this path: try /metrics, /api/v1/report, /api/v1/budgets, "
                    "/api/v1/switches or /api/v1/events.");
}

static const struct http_handler *handler(void)
{
    static const struct http_handler table = {.request = on_request, .gone = admin_gone};
    return &table;
}

/* ---- life */

void admin_refresh(struct admin *a)
{
    pthread_mutex_lock(&a->purser->control);
    struct snapshot *now = snapshot_get(a->purser->current);
    pthread_mutex_unlock(&a->purser->control);
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
    struct http_server_options options = {.loop = &a->loop, .handler = handler(), .owner = a};
    http_limits_default(&options.limits);
    options.limits.body_bytes = 1024 * 1024;
    options.limits.connections = 256;
    a->port = http_server_new(&options);
    a->socket = http_server_new(&options);
    admin_refresh(a);
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
    http_server_drop(a->port);
    http_server_drop(a->socket);
    loop_free(&a->loop);
    snapshot_put(a->snapshot);
    free(a);
}

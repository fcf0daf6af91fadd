/* Calls to a provider, and the pool of connections that carries them. */
#include "net/client_conn.h"

#include "base/time.h"

#include <stdlib.h>

/* ---- the pool */

static void free_upstream(struct resolver *r)
{
    struct upstream *u = r->owner;
    deadline_clear(&u->idle_check);
    tls_context_drop(u->options.tls);
    free(u->host);
    free(u);
}

static void bury_upstream(struct corpse *corpse)
{
    struct upstream *u = CONTAINER_OF(corpse, struct upstream, corpse);
    resolver_drop(&u->resolver, free_upstream);
}

void upstream_maybe_free(struct upstream *u)
{
    if (!u->dropped || u->freeing || u->open || !list_empty(&u->waiting)) return;
    u->freeing = true;
    loop_bury(u->options.loop, &u->corpse, bury_upstream); /* it may be in use further up the stack */
}

static void on_idle_check(struct deadline *d)
{
    struct upstream *u = CONTAINER_OF(d, struct upstream, idle_check);
    int64_t now_us = time_mono_us();
    LIST_EACH (it, &u->idle) {
        struct client_conn *c = LIST_ENTRY(it, struct client_conn, link);
        if (now_us - c->idle_since_us >= u->options.idle_us) client_conn_close(c);
    }
    if (!list_empty(&u->idle)) deadline_set(u->options.loop, d, now_us + u->options.idle_us / 4);
}

static void on_resolved(struct resolver *r)
{
    struct upstream *u = r->owner;
    u->serving = true; /* a failure here must not change the list under our feet */
    LIST_EACH (it, &u->busy) {
        struct client_conn *c = LIST_ENTRY(it, struct client_conn, link);
        if (c->state == CLIENT_RESOLVING) client_conn_connect(c);
    }
    u->serving = false;
    upstream_serve(u);
}

static void serve_one(struct upstream *u, struct http_call *call)
{
    list_remove(&call->link);
    if (list_empty(&u->idle)) {
        client_conn_open(u, call);
        return;
    }
    struct client_conn *c = LIST_ENTRY(u->idle.next, struct client_conn, link);
    list_remove(&c->link);
    list_add_last(&u->busy, &c->link);
    u->idle_count--;
    c->call = call;
    call->conn = c;
    client_conn_begin(c, true);
}

void upstream_serve(struct upstream *u)
{
    if (u->serving) return; /* whoever is at it goes on: no recursion, however many fail at once */
    u->serving = true;
    while (!list_empty(&u->waiting) && (!list_empty(&u->idle) || u->open < u->options.connections)) {
        serve_one(u, LIST_ENTRY(u->waiting.next, struct http_call, link));
    }
    u->serving = false;
}

struct upstream *upstream_new(const struct upstream_options *options)
{
    struct upstream *u = mem_zalloc(sizeof(*u));
    u->options = *options;
    u->host = str_dup(options->host);
    list_init(&u->idle);
    list_init(&u->busy);
    list_init(&u->waiting);
    deadline_init(&u->idle_check, on_idle_check);
    resolver_init(&u->resolver, options->loop, options->host, options->port, on_resolved, u);
    return u;
}

void upstream_drop(struct upstream *u)
{
    u->dropped = true;
    while (!list_empty(&u->idle)) client_conn_close(LIST_ENTRY(u->idle.next, struct client_conn, link));
    upstream_maybe_free(u);
}

void upstream_counts(const struct upstream *u, unsigned *open, unsigned *idle)
{
    *open = u->open;
    *idle = u->idle_count;
}

/* ---- calls */

static void tell_failure(struct task *t)
{
    struct http_call *call = CONTAINER_OF(t, struct http_call, failing);
    const struct http_call_events *on = call->on;
    call->on = NULL;
    on->fail(call, call->failed, call->failed_why);
}

void http_call_drop_pieces(struct http_call *c)
{
    if (!c->starting) free(c->pieces);
    c->pieces = NULL;
    c->piece_count = c->piece_at = 0;
}

/* The pieces lay on the starter's stack: what was not written at once is kept. */
static void keep_pieces(struct http_call *c)
{
    if (!c->pieces) return;
    size_t size = (c->piece_count - c->piece_at) * sizeof(*c->pieces);
    struct iovec *kept = mem_alloc(size);
    memcpy(kept, c->pieces + c->piece_at, size);
    c->pieces = kept;
    c->piece_count -= c->piece_at;
    c->piece_at = 0;
}

void http_call_start(struct http_call *c, struct upstream *u, const struct http_call_events *on, struct arena *arena,
                     const struct iovec *pieces, size_t count)
{
    struct iovec own[HTTP_CALL_PIECES_MAX];
    bool head_request = c->head_request;
    if (count > HTTP_CALL_PIECES_MAX) abort(); /* a caller's mistake */
    memcpy(own, pieces, count * sizeof(*pieces));
    *c = (struct http_call){
        .upstream = u,
        .on = on,
        .arena = arena,
        .pieces = own,
        .piece_count = count,
        .head_request = head_request,
        .starting = true,
    };
    task_init(&c->failing, tell_failure);
    list_init(&c->link);
    list_add_last(&u->waiting, &c->link);
    upstream_serve(u);
    keep_pieces(c);
    c->starting = false;
}

void http_call_pause(struct http_call *c)
{
    if (!c->conn || c->conn->paused) return;
    c->conn->paused = true;
    client_conn_update_want(c->conn);
}

void http_call_resume(struct http_call *c)
{
    if (!c->conn || !c->conn->paused) return;
    c->conn->paused = false;
    client_conn_update_want(c->conn);
}

void http_call_cancel(struct http_call *c)
{
    if (!c->on) return;
    c->on = NULL;
    task_clear(&c->failing);
    http_call_drop_pieces(c);
    if (c->conn) {
        client_conn_close(c->conn);
    } else if (!list_empty(&c->link)) {
        list_remove(&c->link);
        upstream_maybe_free(c->upstream);
    }
}

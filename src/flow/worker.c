#include "flow/worker.h"

#include "base/time.h"
#include "flow/purser.h"
#include "flow/request.h"
#include "flow/switching.h"
#include "flow/watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- mail */

void mail_init(struct mail *m, void (*deliver)(struct mail *m))
{
    list_init(&m->link);
    m->deliver = deliver;
}

void mail_send(struct worker *w, struct mail *m)
{
    pthread_mutex_lock(&w->mail_lock);
    if (list_empty(&m->link)) list_add_last(&w->mail, &m->link);
    pthread_mutex_unlock(&w->mail_lock);
    loop_wake(&w->loop);
}

void mail_clear(struct worker *w, struct mail *m)
{
    if (!m->deliver) return; /* never initialised */
    pthread_mutex_lock(&w->mail_lock);
    list_remove(&m->link);
    pthread_mutex_unlock(&w->mail_lock);
}

static struct http_limits limits_of(const struct worker *w, const struct settings *s)
{
    const struct setting_ceilings *c = &s->ceilings;
    unsigned workers = w->purser->worker_count ? w->purser->worker_count : 1;
    struct http_limits l = {
        .header_bytes = (size_t)c->header_bytes,
        .body_bytes = (size_t)c->body_bytes,
        .connections = (unsigned)((c->connections + workers - 1) / workers),
        .connections_per_ip = (unsigned)c->connections_per_ip,
        .request_us = c->request_us,
        .idle_us = c->idle_us,
        .write_us = c->write_us,
        .queue_bytes = (size_t)c->tape_bytes,
    };
    return l;
}

static void stop_if_drained(struct worker *w)
{
    if (!w->stopping || w->request_count || http_server_connections(w->server)) return;
    loop_stop(&w->loop);
}

static void begin_drain(struct worker *w);

static bool waits_for_sync(const struct attempt *a)
{
    return a && a->step == ATTEMPT_hold && a->hold.journaled;
}

static void on_mail(struct loop *l)
{
    struct worker *w = l->owner;
    pthread_mutex_lock(&w->mail_lock);
    struct snapshot *offered = w->offered;
    w->offered = NULL;
    while (!list_empty(&w->mail)) {
        struct mail *m = LIST_ENTRY(w->mail.next, struct mail, link);
        list_remove(&m->link);
        pthread_mutex_unlock(&w->mail_lock); /* taken out: its sender may send it again */
        m->deliver(m);
        pthread_mutex_lock(&w->mail_lock);
    }
    pthread_mutex_unlock(&w->mail_lock);
    if (offered) {
        lease_adopt(w, offered);
        struct http_limits limits = limits_of(w, offered->settings);
        http_server_set_limits(w->server, &limits);
    }
    switching_adopt(w);
    if (__atomic_load_n(&w->synced, __ATOMIC_ACQUIRE)) { /* the journal reached the disk, or has room again */
        __atomic_store_n(&w->synced, false, __ATOMIC_RELEASE);
        LIST_EACH (it, &w->requests) {
            struct request *r = LIST_ENTRY(it, struct request, link);
            if (waits_for_sync(r->attempt) || waits_for_sync(r->rival)) request_wake(r);
        }
    }
    if (__atomic_load_n(&w->stop_asked, __ATOMIC_ACQUIRE) && !w->stopping) begin_drain(w);
}

/* ---- the server's events */

static void on_request(struct http_exchange *x)
{
    struct worker *w = http_server_owner(x->server);
    request_start(w, x);
}

static void on_drained(struct http_exchange *x)
{
    struct request *r = x->user;
    if (!r || !r->answer.paused) return;
    r->answer.paused = false;
    if (r->attempt) watchdog_resume(r->attempt);
}

/* A client that only closed its sending half still reads: an answer that is not
 * streamed is finished for it; a stream is taken for given up, and so is a call that
 * waits for budget: it would be paid for, and there is hardly ever a reader. */
static bool on_half_closed(struct http_exchange *x)
{
    struct request *r = x->user;
    bool at_the_provider = r && r->attempt && r->attempt->began;
    return !at_the_provider || !r->attribute.finish_on_disconnect;
}

static void on_gone(struct http_exchange *x)
{
    struct request *r = x->user;
    if (r) request_client_gone(r);
}

static void on_done(struct http_exchange *x)
{
    struct request *r = x->user;
    if (r) request_leave_client(r);
}

static void on_refused(struct http_server *s, enum err e)
{
    struct worker *w = http_server_owner(s);
    metrics_refused(&w->metrics, e);
}

static void render(struct buf *out, enum err e, str message)
{
    openai_render_error(out, e, message, STR_NONE, STR_NONE);
}

static const struct http_handler *handler(void)
{
    static const struct http_handler table = {
        .request = on_request,
        .drained = on_drained,
        .half_closed = on_half_closed,
        .gone = on_gone,
        .done = on_done,
        .refused = on_refused,
        .render = render,
    };
    return &table;
}

/* ---- the second hand: progress records, so that a crash leaves good estimates */

static void note_progress(struct worker *w, struct attempt *a, int64_t now_us)
{
    struct row row;
    if (!a || a->over || !a->began || now_us - a->hold.since_us < US_PER_SECOND) return;
    if (now_us - a->body.progress_us < US_PER_SECOND) return;
    a->body.progress_us = now_us;
    row_fill(a, now_us, &row);
    row_guess(a, now_us, &row);
    journal_append(w->journal, JOURNAL_PROGRESS, &row);
}

static void on_pulse(struct deadline *d)
{
    struct worker *w = CONTAINER_OF(d, struct worker, pulse);
    int64_t now_us = time_mono_us();
    LIST_EACH (it, &w->requests) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        note_progress(w, r->attempt, now_us);
        note_progress(w, r->rival, now_us);
    }
    if (w->stopping) stop_if_drained(w);
    deadline_set(&w->loop, d, now_us + US_PER_SECOND / (w->stopping ? 20 : 1));
}

static void on_drain_late(struct deadline *d)
{
    struct worker *w = CONTAINER_OF(d, struct worker, drain);
    w->drain_over = true;
    LIST_EACH (it, &w->requests) {
        request_cancel(LIST_ENTRY(it, struct request, link), ERR_SHUTTING_DOWN,
                       "purser is stopping and the drain's deadline has passed");
    }
    deadline_set(&w->loop, &w->pulse, 1);
}

static void begin_drain(struct worker *w)
{
    w->stopping = true;
    http_server_drain(w->server);
    int64_t now_us = time_mono_us();
    deadline_set(&w->loop, &w->drain, now_us + w->lease->snapshot->settings->ceilings.drain_us);
    deadline_set(&w->loop, &w->pulse, now_us + 1);
}

/* ---- life */

struct worker *worker_new(struct purser *p, unsigned index)
{
    struct worker *w = mem_zalloc(sizeof(*w));
    w->purser = p;
    w->index = index;
    loop_init(&w->loop, w);
    w->loop.on_mail = on_mail;
    w->journal = ledger_journal(p->ledger, index);
    rng_seed(&w->rng, (uint64_t)time_mono_us() << 8 | index);
    list_init(&w->upstreams);
    list_init(&w->requests);
    pool_init(&w->spare_requests, sizeof(struct request));
    pool_init(&w->spare_attempts, sizeof(struct attempt));
    list_init(&w->mail);
    pthread_mutex_init(&w->mail_lock, NULL);
    json_init(&w->json);
    json_init(&w->event_json);
    buf_init(&w->joined, 0);
    buf_init(&w->scratch, 0);
    metrics_init(&w->metrics);
    deadline_init(&w->pulse, on_pulse);
    deadline_init(&w->drain, on_drain_late);
    return w;
}

bool worker_listen(struct worker *w, struct buf *why)
{
    const struct settings *s = w->lease->snapshot->settings;
    struct http_server_options options = {
        .loop = &w->loop, .handler = handler(), .limits = limits_of(w, s), .peers = w->purser->peers, .owner = w};
    w->server = http_server_new(&options);
    for (size_t i = 0; i < s->listener_count; i++) {
        const struct setting_listener *l = &s->listeners[i];
        char *cert = str_dup(l->tls_cert), *key = str_dup(l->tls_key), *host = str_dup(l->host);
        int inherited = purser_inherited_socket(w->purser, i);
        bool ok = inherited >= 0 ? http_server_adopt(w->server, inherited, cert, key, why)
                                 : http_server_listen(w->server, host, l->port, cert, key, why);
        free(cert);
        free(key);
        free(host);
        if (!ok) return false;
    }
    return true;
}

static void *thread_main(void *arg)
{
    struct worker *w = arg;
    char name[16];
    snprintf(name, sizeof(name), "worker-%u", w->index);
    pthread_setname_np(pthread_self(), name);
    deadline_set(&w->loop, &w->pulse, time_mono_us() + US_PER_SECOND);
    loop_run(&w->loop);
    http_server_drop(w->server);
    loop_turn(&w->loop);
    return NULL;
}

void worker_start(struct worker *w)
{
    if (pthread_create(&w->thread, NULL, thread_main, w) != 0) abort();
}

void worker_offer(struct worker *w, struct snapshot *s)
{
    pthread_mutex_lock(&w->mail_lock);
    struct snapshot *unseen = w->offered;
    w->offered = snapshot_get(s);
    pthread_mutex_unlock(&w->mail_lock);
    snapshot_put(unseen);
    loop_wake(&w->loop);
}

void worker_synced(struct worker *w)
{
    if (__atomic_exchange_n(&w->synced, true, __ATOMIC_ACQ_REL)) return;
    loop_wake(&w->loop);
}

void worker_stop(struct worker *w)
{
    __atomic_store_n(&w->stop_asked, true, __ATOMIC_RELEASE);
    loop_wake(&w->loop);
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}

void worker_drop(struct worker *w)
{
    deadline_clear(&w->pulse);
    deadline_clear(&w->drain);
    if (w->lease) lease_end(w);
    snapshot_put(w->offered);
    switches_put(w->switching.offered);
    switches_put(w->switches);
    loop_free(&w->loop);
    metrics_free(&w->metrics);
    json_free(&w->json);
    json_free(&w->event_json);
    buf_free(&w->joined);
    buf_free(&w->scratch);
    pool_free(&w->spare_requests);
    pool_free(&w->spare_attempts);
    pthread_mutex_destroy(&w->mail_lock);
    free(w);
}

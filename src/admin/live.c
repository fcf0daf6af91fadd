#include "admin/live.h"

#include "admin/api.h"
#include "admin/inside.h"
#include "admin/now.h"
#include "admin/tail.h"
#include "base/time.h"
#include "net/http_server.h"

#include <stdlib.h>

/* One job a second on the pool, whoever listens; sums of the ledger every fifth of them. A listener that reads too
 * slowly misses events. */
enum { LISTENERS_MAX = 100, EVERY_MS = 1000, SUMS_EVERY = 5, QUEUED_BYTES_MAX = 256 * 1024 };

struct live {
    struct admin *admin;
    struct list listeners; /* of struct api_call */
    unsigned count, tails; /* all; those that want calls */
    struct tail *tail;
    uv_timer_t timer;
    uv_work_t work;
    bool working;
    unsigned ticks;

    /* the job's */
    char *dir;
    struct now_sums sums;
    bool summed, asks_sums, asks_calls;
    struct buf event;
};

/* ---- the job */

static void add_totals(struct buf *out, struct purser *p)
{
    struct metrics all;
    uint64_t attempts = 0, refused = 0;
    metrics_init(&all);
    for (unsigned i = 0; i < p->worker_count; i++) metrics_merge(&all, &p->workers[i]->metrics);
    for (size_t i = 0; i < all.count; i++) attempts += all.series[i].attempts;
    if (all.series) attempts += all.series[METRIC_SERIES_MAX].attempts;
    for (int e = 1; e < ERR_COUNT; e++) refused += all.refused[e];
    buf_printf(out, ",\"attempts_total\":%llu,\"refused_total\":%llu", (unsigned long long)attempts,
               (unsigned long long)refused);
    metrics_free(&all);
}

static void work(uv_work_t *work)
{
    struct live *l = CONTAINER_OF(work, struct live, work);
    struct purser *p = l->admin->purser;
    const struct api_scope all = {.restricted = false};
    struct buf why;
    char text[40];
    buf_init(&why, 0);
    if (l->asks_sums) {
        if (l->summed) now_sums_free(&l->sums);
        l->summed = now_sum(l->dir, &all, time_now_us(), &l->sums, &why);
    }
    buf_free(&why);
    if (l->asks_calls) tail_look(l->tail, p->ledger, l->dir);
    buf_clear(&l->event);
    buf_add(&l->event, S("{\"at\":"));
    buf_add_json(&l->event, time_format(time_now_us(), text));
    add_totals(&l->event, p);
    buf_add(&l->event, S(",\"in_flight\":"));
    now_add_in_flight(&l->event, p);
    buf_add(&l->event, S(",\"targets\":"));
    now_add_targets(&l->event, p, l->summed ? &l->sums : NULL, false);
    if (l->summed) {
        buf_add(&l->event, S(",\"spend\":"));
        now_add_spend(&l->event, &l->sums);
        buf_add(&l->event, S(",\"hour\":"));
        now_add_hour(&l->event, &l->sums);
    }
    buf_add_byte(&l->event, '}');
}

static void worked(uv_work_t *work, int status)
{
    struct live *l = CONTAINER_OF(work, struct live, work);
    (void)status;
    l->working = false;
    LIST_EACH (it, &l->listeners) {
        struct api_call *c = LIST_ENTRY(it, struct api_call, link);
        if (!api_may_stay(c)) {
            api_end(c);
            continue;
        }
        if (http_queued(c->x) >= QUEUED_BYTES_MAX) continue;
        if (!c->scope.restricted) api_send_event(c, "now", buf_str(&l->event));
        if (c->wish && l->asks_calls) tail_tell(l->tail, c, c->wish);
    }
    loop_turn(&l->admin->loop);
}

static void tick(uv_timer_t *timer)
{
    struct live *l = timer->data;
    if (l->working || !l->count) return;
    l->working = true;
    l->asks_calls = l->tails > 0;
    if (!l->asks_calls) tail_forget(l->tail);
    l->asks_sums = l->ticks++ % SUMS_EVERY == 0;
    uv_queue_work(&l->admin->loop.uv, &l->work, work, worked);
}

/* ---- listeners */

struct live *live_new(struct admin *a)
{
    struct live *l = mem_zalloc(sizeof(*l));
    l->admin = a;
    l->tail = tail_new();
    l->dir = str_dup(a->snapshot->settings->data);
    list_init(&l->listeners);
    buf_init(&l->event, 0);
    uv_timer_init(&a->loop.uv, &l->timer);
    l->timer.data = l;
    return l;
}

void live_drop(struct live *l)
{
    if (!l) return;
    if (l->summed) now_sums_free(&l->sums);
    tail_drop(l->tail);
    free(l->dir);
    buf_free(&l->event);
    free(l);
}

bool live_join(struct live *l, struct api_call *c)
{
    if (l->count >= LISTENERS_MAX) return false;
    if (l->count++ == 0) {
        l->ticks = 0; /* sums at once */
        uv_timer_start(&l->timer, tick, 0, EVERY_MS);
    }
    l->tails += c->wish != NULL;
    list_add_last(&l->listeners, &c->link);
    return true;
}

void live_leave(struct live *l, struct api_call *c)
{
    list_remove(&c->link);
    l->tails -= c->wish != NULL;
    if (--l->count == 0) uv_timer_stop(&l->timer);
}

void serve_live_get(struct api_call *c)
{
    bool tail = false;
    if (!api_param_bool(c, S("tail"), &tail)) return;
    if (tail && !(c->wish = tail_wish_new(c))) return;
    if (live_join(c->admin->live, c)) return;
    api_header(c, "retry-after", S("60"));
    api_fail(c, 503, "too_many", "%d listen already: close a dashboard, or ask /api/v1/now instead.", LISTENERS_MAX);
}

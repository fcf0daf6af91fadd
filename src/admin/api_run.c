/* A call's way: its handler, on the thread that it wants, and the answer back.
 *
 * Questions may take seconds, so only a few run at a time, and changes never wait behind them. A question that is
 * asked with `Accept: text/event-stream` is told how far it is: events `progress`, then `answer` or `problem`. */
#include "admin/api.h"

#include "admin/inside.h"
#include "admin/live.h"
#include "base/hash.h"
#include "base/time.h"

#include <stdlib.h>

enum { ASKS_AT_ONCE = 2, STEERS_AT_ONCE = 3, SWITCHES_AT_ONCE = 2, COMMANDS_AT_ONCE = 2, WAITING_MAX = 64 };
enum { TELL_EVERY_MS = 200, SILENCE_MAX_US = 5 * US_PER_SECOND };

/* Answers are whole, and wait in memory for whoever reads them slowly: above this, questions wait, too. */
enum { QUEUED_BYTES_MAX = 64 << 20 };

/* With the live stream's job. */
_Static_assert(ASKS_AT_ONCE + STEERS_AT_ONCE + SWITCHES_AT_ONCE + COMMANDS_AT_ONCE + 1 <= ADMIN_POOL_THREADS - 4,
               "workers look up names on the rest");

/* ---- answering */

static str etag_of(struct api_call *c)
{
    if (c->etag.n) return c->etag;
    static const struct hash_key key = {0x70757273, 0x65720001};
    return arena_printf(&c->arena, "W/\"%016llx\"", (unsigned long long)hash_text(key, c->out.p, c->out.n));
}

static void send_whole(struct api_call *c)
{
    struct http_exchange *x = c->x;
    struct buf headers;
    buf_init(&headers, 0);
    buf_add(&headers, buf_str(&c->headers));
    buf_add(&headers, S("cache-control: no-store\r\nx-content-type-options: nosniff\r\n"));
    if (c->warning.n) buf_printf(&headers, "x-purser-warning: %" STR_FMT "\r\n", STR_ARG(c->warning));
    bool read = str_eq(c->route->method, S("GET")) && c->status == 200;
    if (read) {
        str etag = etag_of(c);
        buf_printf(&headers, "etag: %" STR_FMT "\r\n", STR_ARG(etag));
        str have = http_header_find(&x->request, S("if-none-match"));
        if (have.n && (str_eq(have, S("*")) || str_find(have, etag, 0) != SIZE_MAX)) {
            http_respond(x, 304, buf_str(&headers), STR_NONE);
            buf_free(&headers);
            return;
        }
    }
    if (c->out.n || c->status != 204) buf_printf(&headers, "content-type: %" STR_FMT "\r\n", STR_ARG(c->content_type));
    http_respond(x, c->status, buf_str(&headers), buf_str(&c->out));
    buf_free(&headers);
}

/* Data of several lines is several lines of `data:`. */
static void send_event(struct http_exchange *x, const char *name, str data)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "event: %s\n", name);
    for (data = str_trim(data); data.p;) {
        str line = str_cut(&data, '\n');
        buf_printf(&out, "data: %" STR_FMT "\n", STR_ARG(line));
    }
    buf_add_byte(&out, '\n');
    (void)http_send_str(x, buf_str(&out));
    buf_free(&out);
}

static void tell_progress(struct api_call *c)
{
    int now = atomic_load(&c->progress);
    if (!c->streams || !c->x || now == c->told) return;
    char text[40];
    int n = snprintf(text, sizeof(text), "{\"done\":%d.%03d}", now / 1000, now % 1000);
    c->told = now;
    c->said_us = time_mono_us();
    send_event(c->x, "progress", str_of(text, (size_t)n));
}

/* Who waits knows that somebody is there. */
static void break_silence(struct api_call *c)
{
    int64_t now_us = time_mono_us();
    if (!c->streams || !c->x || now_us - c->said_us < SILENCE_MAX_US) return;
    c->said_us = now_us;
    (void)http_send_str(c->x, S(": still here\n\n"));
}

static void send_text(struct http_exchange *x, const char *name, const char *member, str text)
{
    struct buf out;
    buf_init(&out, 0);
    buf_printf(&out, "{\"%s\":", member);
    buf_add_json(&out, text);
    buf_add_byte(&out, '}');
    send_event(x, name, buf_str(&out));
    buf_free(&out);
}

/* What is no JSON goes as a text in JSON: lines of an event would not keep how its own lines end. */
static void send_answer(struct api_call *c)
{
    if (c->warning.n) send_text(c->x, "warning", "detail", c->warning);
    if (str_eq(c->content_type, S("application/json")))
        send_event(c->x, "answer", buf_str(&c->out));
    else
        send_text(c->x, "answer", "text", buf_str(&c->out));
}

static void answer(struct api_call *c)
{
    enum api_answers answers = c->route->answers;
    if (!c->status) c->status = answers == API_NOTHING ? 204 : answers == API_MADE ? 201 : 200;
    if (!c->content_type.n) c->content_type = S("application/json");
    struct http_exchange *x = c->x;
    if (!x) return;
    x->user = NULL;
    if (!c->streams) {
        send_whole(c);
        return;
    }
    if (api_failed(c))
        send_event(x, "problem", buf_str(&c->out));
    else
        send_answer(c);
    http_end(x);
}

static void drop(struct api_call *c)
{
    snapshot_put(c->snapshot);
    buf_free(&c->out);
    buf_free(&c->headers);
    arena_free(&c->arena);
    free(c);
}

void api_answer(struct api_call *c)
{
    answer(c);
    drop(c);
}

/* ---- running */

static void start_waiting(struct lane *lane);

/* A command that is told how far its question is asks one that may take minutes, and those who look at the dashboard do
 * not wait behind it. */
static struct lane *lane_of(const struct api_call *c)
{
    struct lane *lanes = c->admin->lanes;
    if (c->route->where == API_ASK) return &lanes[c->streams && c->visitor.by_socket ? 3 : 0];
    return &lanes[c->route->where == API_STEER ? 1 : 2];
}

static bool is_full(const struct api_call *c)
{
    static const unsigned at_once[] = {ASKS_AT_ONCE, STEERS_AT_ONCE, SWITCHES_AT_ONCE, COMMANDS_AT_ONCE};
    const struct lane *lane = lane_of(c);
    const struct admin *a = c->admin;
    if (lane->running >= at_once[lane - a->lanes]) return true;
    return c->route->where == API_ASK && http_server_queued(a->port) + http_server_queued(a->socket) > QUEUED_BYTES_MAX;
}

static void work(uv_work_t *work)
{
    struct api_call *c = CONTAINER_OF(work, struct api_call, work);
    if (!atomic_load(&c->gone)) c->route->handler(c);
}

static void worked(uv_work_t *work, int status)
{
    struct api_call *c = CONTAINER_OF(work, struct api_call, work);
    struct admin *a = c->admin;
    struct loop *l = &a->loop;
    struct lane *lane = lane_of(c);
    (void)status;
    list_remove(&c->link);
    lane->running--;
    if (c->access_changed) visitors_reload(a);
    api_answer(c);
    start_waiting(lane);
    loop_turn(l);
}

static void start(struct api_call *c)
{
    struct admin *a = c->admin;
    c->running = true;
    lane_of(c)->running++;
    list_add_last(&a->running_calls, &c->link);
    uv_queue_work(&a->loop.uv, &c->work, work, worked);
}

static void start_waiting(struct lane *lane)
{
    while (!list_empty(&lane->waiting)) {
        struct api_call *c = LIST_ENTRY(lane->waiting.next, struct api_call, link);
        if (is_full(c)) return;
        list_remove(&c->link);
        lane->count--;
        start(c);
    }
}

static void tell_all(uv_timer_t *timer)
{
    struct admin *a = timer->data;
    LIST_EACH (it, &a->running_calls) {
        tell_progress(LIST_ENTRY(it, struct api_call, link));
        break_silence(LIST_ENTRY(it, struct api_call, link));
    }
    for (size_t i = 0; i < COUNT_OF(a->lanes); i++) {
        LIST_EACH (it, &a->lanes[i].waiting) break_silence(LIST_ENTRY(it, struct api_call, link));
        start_waiting(&a->lanes[i]); /* slow readers may have read */
    }
    loop_turn(&a->loop);
}

void api_init(struct admin *a)
{
    list_init(&a->running_calls);
    for (size_t i = 0; i < COUNT_OF(a->lanes); i++) list_init(&a->lanes[i].waiting);
    uv_timer_init(&a->loop.uv, &a->teller);
    a->teller.data = a;
    uv_timer_start(&a->teller, tell_all, TELL_EVERY_MS, TELL_EVERY_MS);
}

void api_send_event(struct api_call *c, const char *name, str data)
{
    send_event(c->x, name, data);
}

/* The handler refuses, or keeps it. */
static void stay(struct api_call *c)
{
    c->route->handler(c);
    if (api_failed(c)) {
        api_answer(c);
        return;
    }
    c->x->user = c;
    http_begin(c->x, 200, S("content-type: text/event-stream\r\ncache-control: no-store\r\nx-accel-buffering: no\r\n"));
    (void)http_send_str(c->x, S(": here\n\n"));
}

void api_run(struct api_call *c)
{
    if (c->route->where == API_STAY) {
        stay(c);
        return;
    }
    if (c->route->where == API_HERE) {
        c->route->handler(c);
        api_answer(c);
        return;
    }
    struct lane *lane = lane_of(c);
    if (lane->count >= WAITING_MAX) {
        c->streams = false; /* nothing was begun */
        api_header(c, "retry-after", S("5"));
        api_fail(c, 503, "too_many", "Too many %s wait. Ask again in a few seconds.",
                 c->route->where == API_ASK ? "questions" : "changes");
        api_answer(c);
        return;
    }
    c->x->user = c;
    if (c->streams) {
        c->said_us = time_mono_us();
        http_begin(c->x, 200, S("content-type: text/event-stream\r\ncache-control: no-store\r\n"));
    }
    if (is_full(c)) {
        lane->count++;
        list_add_last(&lane->waiting, &c->link);
    } else {
        start(c);
    }
}

void api_gone(struct api_call *c)
{
    c->x = NULL;
    atomic_store(&c->gone, true);
    if (c->running) return;
    if (c->route->where == API_STAY) {
        live_leave(c->admin->live, c);
    } else {
        list_remove(&c->link);
        lane_of(c)->count--;
    }
    drop(c);
}

void api_end(struct api_call *c)
{
    struct http_exchange *x = c->x;
    x->user = NULL;
    api_gone(c);
    http_end(x);
}

void api_stop(struct admin *a)
{
    LIST_EACH (it, &a->running_calls) atomic_store(&LIST_ENTRY(it, struct api_call, link)->gone, true);
}

bool api_progress(void *ctx, double done)
{
    struct api_call *c = ctx;
    atomic_store(&c->progress, (int)(done < 0 ? 0 : done > 1 ? 1000 : done * 1000));
    return !atomic_load(&c->gone);
}

bool api_part_progress(void *part, double done)
{
    const struct api_part *p = part;
    double share = done < 0 ? 0 : done > 1 ? 1 : done;
    return api_progress(p->c, p->from + (p->to - p->from) * share);
}

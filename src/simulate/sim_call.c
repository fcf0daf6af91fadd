/* The life of one call: wait, answer, end. Events (timer, drained, gone) only
 * ever move it on from where it is. */
#include "simulate/sim_call.h"

#include "base/time.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    HELD_KEEP_BYTES = 16 * 1024, /* a spare call keeps no more */
    TRICKLE_LEAST_BYTES = 32,
};

static void run(struct sim_call *c);

/* ---- beginning and end */

static void on_timer(uv_timer_t *timer)
{
    struct sim_call *c = CONTAINER_OF(timer, struct sim_call, timer);
    struct loop *loop = &c->worker->loop;
    run(c);
    loop_turn(loop);
}

void sim_call_wake_in(struct sim_call *c, int64_t us)
{
    uint64_t ms = us > 0 ? ((uint64_t)us + US_PER_MS - 1) / US_PER_MS : 0;
    uv_timer_start(&c->timer, on_timer, ms, 0);
}

struct sim_call *sim_call_new(struct sim_worker *w, struct http_exchange *x)
{
    struct sim_call *c;
    if (list_empty(&w->spare)) {
        c = mem_zalloc(sizeof *c);
        c->worker = w;
        buf_init(&c->held, 0);
        uv_timer_init(&w->loop.uv, &c->timer);
    } else {
        c = LIST_ENTRY(w->spare.next, struct sim_call, link);
        list_remove(&c->link);
    }
    list_add_last(&w->calls, &c->link);
    c->x = x;
    x->user = c;
    return c;
}

static void make_spare(struct sim_call *c)
{
    uv_timer_stop(&c->timer);
    list_remove(&c->link);
    list_add_first(&c->worker->spare, &c->link);
    if (c->held.cap > HELD_KEEP_BYTES) buf_free(&c->held);
    buf_clear(&c->held);
    if (c->x) c->x->user = NULL;
    c->x = NULL;
    c->answer = NULL;
    c->record = (struct sim_record){0};
    c->fault = SIM_FAULT_NONE;
    c->raw = c->blocked = c->told = false;
    c->held_at = c->held_piece = 0;
}

void sim_calls_free(struct sim_worker *w)
{
    struct list *lists[] = {&w->calls, &w->spare};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        LIST_EACH (it, lists[i]) {
            struct sim_call *c = LIST_ENTRY(it, struct sim_call, link);
            buf_free(&c->held);
            free(c);
        }
        list_init(lists[i]);
    }
}

void sim_call_cut(struct sim_call *c)
{
    struct http_exchange *x = c->x;
    make_spare(c); /* first: http_abort() may find the connection broken and call gone */
    http_abort(x);
}

void sim_call_tell_end(struct sim_call *c, bool finished)
{
    if (c->told) return;
    c->told = true;
    c->record.finished = finished;
    if (c->answer) {
        c->record.generated_tokens = c->answer->generated;
        c->record.units = sim_answer_units(c->answer);
    }
    sim_truth_end(&c->worker->sim->truth, &c->record);
}

void sim_call_add_id(enum sim_kind kind, uint64_t id, struct buf *out)
{
    static const char *const names[SIM_KIND_COUNT] = {
        [SIM_MESSAGES] = "request-id", [SIM_CONVERSE] = "x-amzn-requestid", [SIM_COHERE] = "x-debug-trace-id"};
    if (names[kind]) buf_printf(out, "%s: sim-%" PRIu64 "\r\n", names[kind], id);
    if (kind <= SIM_MODERATIONS) buf_add(out, S("openai-version: 2020-10-01\r\n"));
}

str sim_call_head_lines(struct sim_call *c)
{
    enum sim_kind kind = (enum sim_kind)c->record.kind;
    bool events = !c->answer && kind >= SIM_IMAGES && c->record.streamed; /* made at once, told in events */
    bool streamed = (c->answer || events) && c->record.streamed, array = c->answer && streamed && c->answer->array;
    const char *type = "application/json";
    if (streamed && !array)
        type = kind == SIM_CONVERSE ? "application/vnd.amazon.eventstream" : "text/event-stream; charset=utf-8";
    if (kind == SIM_SPEECH && !streamed) type = "audio/mpeg";
    struct buf b;
    buf_init(&b, 0);
    buf_printf(&b, "content-type: %s\r\n%sx-request-id: sim-%" PRIu64 "\r\n", type,
               streamed ? "cache-control: no-cache\r\n" : "", c->record.id);
    sim_call_add_id(kind, c->record.id, &b);
    str lines = arena_str(&c->x->arena, buf_str(&b));
    buf_free(&b);
    return lines;
}

void sim_call_begin_raw(struct sim_call *c)
{
    str lines = sim_call_head_lines(c);
    c->raw = true;
    http_send_raw(c->x, arena_printf(&c->x->arena, "HTTP/1.1 200 OK\r\nconnection: close\r\n%.*s\r\n", STR_ARG(lines)));
}

void sim_call_say(struct sim_call *c, str bytes)
{
    if (bytes.n == 0) return;
    bool room = c->raw ? http_send_raw(c->x, bytes) : http_send_str(c->x, bytes);
    if (!room) c->blocked = true;
}

void sim_call_end(struct sim_call *c, str bytes)
{
    if (c->raw) {
        sim_call_say(c, bytes);
        c->phase = SIM_CLOSING;
        if (http_queued(c->x) == 0) sim_call_cut(c);
        return;
    }
    c->phase = SIM_ENDED;
    struct iovec piece = {(void *)(uintptr_t)bytes.p, bytes.n};
    http_send_last(c->x, &piece, bytes.n ? 1 : 0);
}

bool sim_call_tells_usage(const struct sim_call *c)
{
    if (!c->answer) return c->record.usage_sent;
    if (c->record.streamed && (c->answer->kind == SIM_CHAT || c->answer->kind == SIM_COMPLETIONS))
        return !(c->answer->place & SIM_USAGE_ABSENT);
    return !(c->answer->shape & SIM_USAGE_ABSENT);
}

/* ---- a body that trickles, or whose second half comes late */

void sim_call_trickle(struct sim_call *c)
{
    str rest = str_from_at(buf_str(&c->held), c->held_at);
    if (rest.n <= c->held_piece) {
        sim_call_tell_end(c, true);
        sim_call_end(c, rest);
        return;
    }
    c->held_at += c->held_piece;
    sim_call_say(c, str_head(rest, c->held_piece));
    sim_call_wake_in(c, c->fault_ms * US_PER_MS);
}

void sim_call_hold(struct sim_call *c, str bytes, size_t piece)
{
    size_t inside = (size_t)(bytes.p - c->held.p);
    if (c->held.n && inside < c->held.n) { /* the rest of what is held already */
        buf_consume(&c->held, inside);
    } else {
        buf_clear(&c->held);
        buf_add(&c->held, bytes);
    }
    c->held_at = 0;
    c->held_piece = piece < TRICKLE_LEAST_BYTES ? TRICKLE_LEAST_BYTES : piece;
    c->phase = SIM_TRICKLING;
}

/* ---- events */

static void run(struct sim_call *c)
{
    switch (c->phase) {
    case SIM_WAITING: {
        int64_t left_us = c->begun_us + c->wait_us - time_mono_us();
        if (c->wait_us > 0 && left_us > 0) {
            sim_call_wake_in(c, left_us);
        } else if (c->answer && c->record.streamed) {
            sim_call_begin_stream(c);
        } else {
            sim_call_answer_whole(c);
        }
        break;
    }
    case SIM_TOKENS:
        buf_clear(&c->worker->out);
        sim_call_run_tokens(c);
        break;
    case SIM_TRICKLING:
        sim_call_trickle(c);
        break;
    case SIM_CLOSING:
    case SIM_ENDED:
        break;
    }
}

void sim_call_start(struct sim_call *c, int64_t wait_us)
{
    c->phase = SIM_WAITING;
    c->begun_us = time_mono_us();
    c->wait_us = wait_us;
    run(c);
}

void sim_call_drained(struct sim_call *c)
{
    if (c->phase == SIM_CLOSING) {
        if (http_queued(c->x) == 0) sim_call_cut(c);
        return;
    }
    if (!c->blocked) return;
    c->blocked = false;
    if (c->phase == SIM_TOKENS) run(c);
}

void sim_call_gone(struct sim_call *c)
{
    struct sim_truth *truth = &c->worker->sim->truth;
    if (c->told) {
        sim_truth_abort(truth, c->record.id);
    } else {
        bool silent = c->phase == SIM_WAITING && c->answer && !c->record.streamed && c->wait_us > 0;
        if (silent) { /* generated in proportion to the time it had */
            double share = (double)(time_mono_us() - c->begun_us) / (double)c->wait_us;
            sim_answer_skip(c->answer, (int64_t)((double)c->answer->planned * (share < 1 ? share : 1)));
        }
        c->record.aborted = true;
        sim_call_tell_end(c, false);
    }
    make_spare(c);
}

void sim_call_done(struct sim_call *c)
{
    make_spare(c);
}

/* The life of one call: wait, head, tokens, end, with the faults that may come
 * between. Events (timer, drained, gone) only ever move it on from where it is. */
#include "simulate/sim_worker.h"

#include "base/time.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    TOKENS_PER_TURN = 256, /* of one stream, before others get their turn */
    FLUSH_BYTES = 16 * 1024,
    HELD_KEEP_BYTES = 16 * 1024, /* a spare call keeps no more */
    TRICKLE_PIECES = 16,
    TRICKLE_LEAST_BYTES = 32,
    CUT_BYTES = 24, /* of an event, before the connection closes inside its chunk */
};

/* More than any answer has. */
#define WRONG_STREAM_LENGTH (UINT64_C(1) << 40)
#define WRONG_BODY_EXTRA    64

static void run(struct sim_call *c);

/* ---- beginning and end */

static void on_timer(uv_timer_t *timer)
{
    struct sim_call *c = CONTAINER_OF(timer, struct sim_call, timer);
    struct loop *loop = &c->worker->loop;
    run(c);
    loop_turn(loop);
}

/* Rounded up: nothing comes before its time. */
static void wake_in(struct sim_call *c, int64_t us)
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

/* Closes the connection without an end. */
static void cut(struct sim_call *c)
{
    struct http_exchange *x = c->x;
    make_spare(c); /* first: http_abort() may find the connection broken and call gone */
    http_abort(x);
}

/* Before the last bytes leave: who has read them finds the truth told. */
static void tell_end(struct sim_call *c, bool finished)
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

static str head_lines(struct sim_call *c)
{
    bool events = c->answer && c->record.streamed;
    return arena_printf(&c->x->arena,
                        "content-type: %s\r\n%sx-request-id: sim-%" PRIu64 "\r\nopenai-version: 2020-10-01\r\n",
                        events ? "text/event-stream; charset=utf-8" : "application/json",
                        events ? "cache-control: no-cache\r\n" : "", c->record.id);
}

/* A head of our own: neither a length nor chunks. */
static void begin_raw(struct sim_call *c)
{
    str lines = head_lines(c);
    c->raw = true;
    http_send_raw(c->x, arena_printf(&c->x->arena, "HTTP/1.1 200 OK\r\nconnection: close\r\n%.*s\r\n", STR_ARG(lines)));
}

static void say(struct sim_call *c, str bytes)
{
    if (bytes.n == 0) return;
    bool room = c->raw ? http_send_raw(c->x, bytes) : http_send_str(c->x, bytes);
    if (!room) c->blocked = true;
}

static void flush(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    say(c, buf_str(out));
    buf_clear(out);
}

/* The last bytes, and HTTP's own end. */
static void end(struct sim_call *c, str bytes)
{
    if (c->raw) {
        say(c, bytes);
        c->phase = SIM_CLOSING;
        if (http_queued(c->x) == 0) cut(c);
        return;
    }
    c->phase = SIM_ENDED;
    struct iovec piece = {(void *)(uintptr_t)bytes.p, bytes.n};
    http_send_last(c->x, &piece, bytes.n ? 1 : 0);
}

/* ---- a body that trickles, or whose second half comes late */

static void trickle(struct sim_call *c)
{
    str rest = str_from_at(buf_str(&c->held), c->held_at);
    if (rest.n <= c->held_piece) {
        tell_end(c, true);
        end(c, rest);
        return;
    }
    c->held_at += c->held_piece;
    say(c, str_head(rest, c->held_piece));
    wake_in(c, c->fault_ms * US_PER_MS);
}

static void hold(struct sim_call *c, str bytes, size_t piece)
{
    if (bytes.p != c->held.p) {
        buf_clear(&c->held);
        buf_add(&c->held, bytes);
    }
    c->held_at = 0;
    c->held_piece = piece < TRICKLE_LEAST_BYTES ? TRICKLE_LEAST_BYTES : piece;
    c->phase = SIM_TRICKLING;
}

/* ---- an answer that is not streamed */

static bool tells_usage(const struct sim_call *c)
{
    if (!c->answer) return c->record.usage_sent;
    if (c->record.streamed && c->answer->kind != SIM_RESPONSES) return !(c->answer->place & SIM_USAGE_ABSENT);
    return !(c->answer->shape & SIM_USAGE_ABSENT);
}

static void answer_error(struct sim_call *c)
{
    struct sim_problem p = {.message = S("The server had an error while processing your request. Sorry about that!"),
                            .type = S("server_error")};
    struct buf *out = &c->worker->out;
    buf_clear(out);
    sim_problem_print(&p, out);
    c->answer = NULL; /* nothing was generated, nothing is billed */
    c->record.units = (struct sim_units){0};
    c->record.usage_sent = false;
    tell_end(c, false);
    c->phase = SIM_ENDED;
    http_respond(c->x, 200, head_lines(c), buf_str(out));
}

/* Half of the body, then what the fault says. */
static void answer_half(struct sim_call *c, enum sim_fault fault, str body)
{
    str half = str_head(body, body.n / 2);
    bool whole_in_the_end = fault == SIM_FAULT_STALL;
    if (!whole_in_the_end) {
        c->record.usage_sent = false;
        tell_end(c, fault == SIM_FAULT_MALFORMED);
    }
    if (fault == SIM_FAULT_MALFORMED) {
        c->phase = SIM_ENDED;
        http_respond(c->x, 200, head_lines(c), half);
        return;
    }
    if (fault == SIM_FAULT_END_EARLY) {
        http_begin(c->x, 200, head_lines(c));
        end(c, half);
        return;
    }
    http_begin_length(c->x, 200, head_lines(c), body.n);
    say(c, half);
    if (!whole_in_the_end) {
        cut(c);
        return;
    }
    hold(c, str_from_at(body, half.n), body.n);
    wake_in(c, c->fault_ms * US_PER_MS);
}

static void answer_whole(struct sim_call *c)
{
    enum sim_fault fault = c->fault;
    struct buf *out = c->answer ? &c->worker->out : &c->held;
    c->record.status = 200;
    if (fault == SIM_FAULT_ERROR_IN_STREAM || fault == SIM_FAULT_FAILED) {
        answer_error(c);
        return;
    }
    if (c->answer) {
        buf_clear(out);
        sim_answer_whole(c->answer, out);
    }
    str body = buf_str(out);
    c->record.usage_sent = tells_usage(c);
    switch (fault) {
    case SIM_FAULT_MALFORMED:
    case SIM_FAULT_END_EARLY:
    case SIM_FAULT_CUT:
    case SIM_FAULT_CUT_CLEAN:
    case SIM_FAULT_STALL:
        answer_half(c, fault, body);
        return;
    case SIM_FAULT_WRONG_LENGTH:
        tell_end(c, false);
        http_begin_length(c->x, 200, head_lines(c), body.n + WRONG_BODY_EXTRA);
        end(c, body);
        return;
    case SIM_FAULT_CLOSE_DELIMITED:
        tell_end(c, true);
        begin_raw(c);
        end(c, body);
        return;
    case SIM_FAULT_SLOW_BODY:
        http_begin_length(c->x, 200, head_lines(c), body.n);
        hold(c, body, body.n / TRICKLE_PIECES);
        trickle(c);
        return;
    default:
        tell_end(c, true);
        c->phase = SIM_ENDED;
        http_respond(c->x, 200, head_lines(c), body);
    }
}

/* ---- a stream */

static void end_stream(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    sim_answer_close(c->answer, out);
    c->record.usage_sent = tells_usage(c);
    tell_end(c, true);
    end(c, buf_str(out));
    buf_clear(out);
}

/* An event's beginning in a chunk that says it is whole, then nothing. */
static void cut_inside(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    if (!sim_answer_step(c->answer, out)) sim_answer_close(c->answer, out);
    size_t n = out->n;
    tell_end(c, false);
    if (!c->raw) http_send_raw(c->x, arena_printf(&c->x->arena, "%zx\r\n", n));
    http_send_raw(c->x, str_head(buf_str(out), CUT_BYTES));
    buf_clear(out);
    cut(c);
}

/* The fault's moment has come. True: the stream goes on at once. */
static bool strike(struct sim_call *c)
{
    enum sim_fault fault = c->fault;
    struct buf *out = &c->worker->out;
    c->fault = SIM_FAULT_NONE;
    if (fault == SIM_FAULT_MALFORMED) {
        sim_answer_garble(c->answer, out);
        return true;
    }
    if (fault == SIM_FAULT_ERROR_IN_STREAM || fault == SIM_FAULT_FAILED) {
        bool event = fault == SIM_FAULT_FAILED && c->answer->kind == SIM_RESPONSES;
        sim_answer_fail(c->answer, event, out);
        c->record.usage_sent = event && tells_usage(c);
        tell_end(c, false);
        end(c, buf_str(out));
        buf_clear(out);
        return false;
    }
    flush(c);
    switch (fault) {
    case SIM_FAULT_STALL:
        c->next_us = time_mono_us() + c->fault_ms * US_PER_MS;
        wake_in(c, c->fault_ms * US_PER_MS);
        return false;
    case SIM_FAULT_CUT:
        cut_inside(c);
        return false;
    case SIM_FAULT_CUT_CLEAN:
        tell_end(c, false);
        cut(c);
        return false;
    case SIM_FAULT_END_EARLY:
        tell_end(c, false);
        end(c, STR_NONE);
        return false;
    default:
        return true;
    }
}

/* Generates what is due. `out` may hold the stream's opening already. */
static void run_tokens(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    bool paced = c->between.kind != DIST_FIXED || c->between.a > 0;
    int64_t now_us = time_mono_us();
    for (int i = 0; i < TOKENS_PER_TURN; i++) {
        if (c->next_us > now_us) {
            flush(c);
            wake_in(c, c->next_us - now_us);
            return;
        }
        if (c->fault && c->answer->generated >= c->fault_after) {
            if (!strike(c)) return;
        }
        if (!sim_answer_step(c->answer, out)) {
            end_stream(c);
            return;
        }
        if (paced) c->next_us += dist_draw(&c->between, &c->rng);
        if (out->n >= FLUSH_BYTES) {
            flush(c);
            if (c->blocked) return;
        }
    }
    flush(c);
    if (!c->blocked) wake_in(c, 0);
}

static void begin_stream(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    buf_clear(out);
    c->record.status = 200;
    enum sim_fault fault = c->fault;
    bool by_now = fault == SIM_FAULT_CLOSE_DELIMITED || fault == SIM_FAULT_WRONG_LENGTH || fault == SIM_FAULT_SLOW_BODY;
    if (fault == SIM_FAULT_CLOSE_DELIMITED)
        begin_raw(c);
    else if (fault == SIM_FAULT_WRONG_LENGTH)
        http_begin_length(c->x, 200, head_lines(c), WRONG_STREAM_LENGTH);
    else
        http_begin(c->x, 200, head_lines(c));
    if (by_now) c->fault = SIM_FAULT_NONE;
    sim_answer_open(c->answer, out);
    if (fault == SIM_FAULT_SLOW_BODY) {
        while (sim_answer_step(c->answer, out)) continue;
        sim_answer_close(c->answer, out);
        c->record.usage_sent = tells_usage(c);
        hold(c, buf_str(out), out->n / TRICKLE_PIECES);
        buf_clear(out);
        trickle(c);
        return;
    }
    c->phase = SIM_TOKENS;
    c->next_us = time_mono_us();
    run_tokens(c);
}

/* ---- events */

static void run(struct sim_call *c)
{
    switch (c->phase) {
    case SIM_WAITING: {
        int64_t left_us = c->begun_us + c->wait_us - time_mono_us();
        if (c->wait_us > 0 && left_us > 0) {
            wake_in(c, left_us);
        } else if (c->answer && c->record.streamed) {
            begin_stream(c);
        } else {
            answer_whole(c);
        }
        break;
    }
    case SIM_TOKENS:
        buf_clear(&c->worker->out);
        run_tokens(c);
        break;
    case SIM_TRICKLING:
        trickle(c);
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
        if (http_queued(c->x) == 0) cut(c);
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
        tell_end(c, false);
    }
    make_spare(c);
}

void sim_call_done(struct sim_call *c)
{
    make_spare(c);
}

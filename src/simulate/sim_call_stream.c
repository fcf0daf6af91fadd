/* A stream: its head, its tokens as they fall due, its end, and the faults that
 * may come between. */
#include "simulate/sim_call.h"

#include "base/time.h"

enum {
    TOKENS_PER_TURN = 256, /* of one stream, before others get their turn */
    FLUSH_BYTES = 16 * 1024,
    CUT_BYTES = 24, /* of an event, before the connection closes inside its chunk */
};

/* More than any answer has. */
#define WRONG_STREAM_LENGTH (UINT64_C(1) << 40)

static void flush(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    sim_call_say(c, buf_str(out));
    buf_clear(out);
}

static void end_stream(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    sim_answer_close(c->answer, out);
    c->record.usage_sent = sim_call_tells_usage(c);
    sim_call_tell_end(c, true);
    sim_call_end(c, buf_str(out));
    buf_clear(out);
}

/* An event's beginning in a chunk that says it is whole, then nothing. */
static void cut_inside(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    if (!sim_answer_step(c->answer, out)) sim_answer_close(c->answer, out);
    size_t n = out->n;
    sim_call_tell_end(c, false);
    bool chunked = !c->raw && c->x->request.version_minor > 0;
    if (chunked) http_send_raw(c->x, arena_printf(&c->x->arena, "%zx\r\n", n));
    http_send_raw(c->x, str_head(buf_str(out), CUT_BYTES));
    buf_clear(out);
    sim_call_cut(c);
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
        c->record.usage_sent = event && sim_call_tells_usage(c);
        sim_call_tell_end(c, false);
        sim_call_end(c, buf_str(out));
        buf_clear(out);
        return false;
    }
    flush(c);
    switch (fault) {
    case SIM_FAULT_STALL:
        c->next_us = time_mono_us() + c->fault_ms * US_PER_MS;
        sim_call_wake_in(c, c->fault_ms * US_PER_MS);
        return false;
    case SIM_FAULT_CUT:
        cut_inside(c);
        return false;
    case SIM_FAULT_CUT_CLEAN:
        sim_call_tell_end(c, false);
        sim_call_cut(c);
        return false;
    case SIM_FAULT_END_EARLY:
        sim_call_tell_end(c, false);
        sim_call_end(c, STR_NONE);
        return false;
    default:
        return true;
    }
}

/* `out` may hold the stream's opening already. */
void sim_call_run_tokens(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    bool paced = c->between.kind != DIST_FIXED || c->between.a > 0;
    int64_t now_us = time_mono_us();
    for (int i = 0; i < TOKENS_PER_TURN; i++) {
        if (c->next_us > now_us) {
            flush(c);
            sim_call_wake_in(c, c->next_us - now_us);
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
    if (!c->blocked) sim_call_wake_in(c, 0);
}

void sim_call_begin_stream(struct sim_call *c)
{
    struct buf *out = &c->worker->out;
    buf_clear(out);
    c->record.status = 200;
    enum sim_fault fault = c->fault;
    bool by_now = fault == SIM_FAULT_CLOSE_DELIMITED || fault == SIM_FAULT_WRONG_LENGTH || fault == SIM_FAULT_SLOW_BODY;
    if (fault == SIM_FAULT_CLOSE_DELIMITED)
        sim_call_begin_raw(c);
    else if (fault == SIM_FAULT_WRONG_LENGTH)
        http_begin_length(c->x, 200, sim_call_head_lines(c), WRONG_STREAM_LENGTH);
    else
        http_begin(c->x, 200, sim_call_head_lines(c));
    if (by_now) c->fault = SIM_FAULT_NONE;
    sim_answer_open(c->answer, out);
    if (fault == SIM_FAULT_SLOW_BODY) {
        while (sim_answer_step(c->answer, out)) continue;
        sim_answer_close(c->answer, out);
        c->record.usage_sent = sim_call_tells_usage(c);
        sim_call_hold(c, buf_str(out), out->n / SIM_TRICKLE_PIECES);
        buf_clear(out);
        sim_call_trickle(c);
        return;
    }
    c->phase = SIM_TOKENS;
    c->next_us = time_mono_us();
    sim_call_run_tokens(c);
}

/* An answer that is not streamed, and what may befall its body. */
#include "simulate/sim_call.h"

#include "base/time.h"
#include "simulate/sim_error.h"

enum { WRONG_BODY_EXTRA = 64 }; /* bytes that Content-Length promises and nobody sends */

static void answer_error(struct sim_call *c)
{
    struct sim_problem p = {.message = S("The server had an error while processing your request. Sorry about that!"),
                            .type = S("server_error")};
    struct buf *out = &c->worker->out;
    buf_clear(out);
    sim_problem_print((enum sim_kind)c->record.kind, &p, c->record.id, out);
    c->answer = NULL; /* nothing was generated, nothing is billed */
    c->record.units = (struct sim_units){0};
    c->record.usage_sent = false;
    sim_call_tell_end(c, false);
    c->phase = SIM_ENDED;
    http_respond(c->x, 200, sim_call_head_lines(c), buf_str(out));
}

/* Half of the body, then what the fault says. */
static void answer_half(struct sim_call *c, enum sim_fault fault, str body)
{
    str half = str_head(body, body.n / 2);
    bool whole_in_the_end = fault == SIM_FAULT_STALL;
    if (!whole_in_the_end) {
        c->record.usage_sent = false;
        sim_call_tell_end(c, fault == SIM_FAULT_MALFORMED);
    }
    if (fault == SIM_FAULT_MALFORMED) {
        c->phase = SIM_ENDED;
        http_respond(c->x, 200, sim_call_head_lines(c), half);
        return;
    }
    if (fault == SIM_FAULT_END_EARLY) {
        http_begin(c->x, 200, sim_call_head_lines(c));
        sim_call_end(c, half);
        return;
    }
    http_begin_length(c->x, 200, sim_call_head_lines(c), body.n);
    sim_call_say(c, half);
    if (!whole_in_the_end) {
        sim_call_cut(c);
        return;
    }
    sim_call_hold(c, str_from_at(body, half.n), body.n);
    sim_call_wake_in(c, c->fault_ms * US_PER_MS);
}

void sim_call_answer_whole(struct sim_call *c)
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
    c->record.usage_sent = sim_call_tells_usage(c);
    switch (fault) {
    case SIM_FAULT_MALFORMED:
    case SIM_FAULT_END_EARLY:
    case SIM_FAULT_CUT:
    case SIM_FAULT_CUT_CLEAN:
    case SIM_FAULT_STALL:
        answer_half(c, fault, body);
        return;
    case SIM_FAULT_WRONG_LENGTH:
        sim_call_tell_end(c, false);
        http_begin_length(c->x, 200, sim_call_head_lines(c), body.n + WRONG_BODY_EXTRA);
        sim_call_end(c, body);
        return;
    case SIM_FAULT_CLOSE_DELIMITED:
        sim_call_tell_end(c, true);
        sim_call_begin_raw(c);
        sim_call_end(c, body);
        return;
    case SIM_FAULT_SLOW_BODY:
        http_begin_length(c->x, 200, sim_call_head_lines(c), body.n);
        sim_call_hold(c, body, body.n / SIM_TRICKLE_PIECES);
        sim_call_trickle(c);
        return;
    default:
        sim_call_tell_end(c, true);
        c->phase = SIM_ENDED;
        http_respond(c->x, 200, sim_call_head_lines(c), body);
    }
}

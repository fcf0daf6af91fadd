/* What the files of a call's life share: sim_call.c, sim_call_whole.c,
 * sim_call_stream.c. */
#ifndef SIMULATE_SIM_CALL_H
#define SIMULATE_SIM_CALL_H

#include "simulate/sim_worker.h"

enum { SIM_TRICKLE_PIECES = 16 };

/* Lets the call go on later. Rounded up to milliseconds: nothing comes before its time. */
void sim_call_wake_in(struct sim_call *c, int64_t us);
/* The header line that carries the call's id in its family, besides x-request-id. */
void sim_call_add_id(enum sim_kind kind, uint64_t id, struct buf *out);
/* Tells the truth the end, once; before the last bytes leave, so that who has read them finds it told. */
void sim_call_tell_end(struct sim_call *c, bool finished);
bool sim_call_tells_usage(const struct sim_call *c);

/* Header lines of a 200; in the exchange's arena. */
str sim_call_head_lines(struct sim_call *c);
/* A head of our own, with neither a length nor chunks: bytes go out as they are from here on. */
void sim_call_begin_raw(struct sim_call *c);
void sim_call_say(struct sim_call *c, str bytes);
/* The last bytes and HTTP's own end. */
void sim_call_end(struct sim_call *c, str bytes);
/* Closes the connection without an end. `c` is a spare afterwards. */
void sim_call_cut(struct sim_call *c);

/* Keeps `bytes` to go out in pieces of that size, `fault_ms` apart. */
void sim_call_hold(struct sim_call *c, str bytes, size_t piece);
void sim_call_trickle(struct sim_call *c);

/* What follows the waiting. */
void sim_call_answer_whole(struct sim_call *c);
void sim_call_begin_stream(struct sim_call *c);
/* Generates what is due. */
void sim_call_run_tokens(struct sim_call *c);

#endif

/* What the files of the running simulator share: the process, its threads and
 * the calls in flight. */
#ifndef SIMULATE_SIM_WORKER_H
#define SIMULATE_SIM_WORKER_H

#include "net/http_server.h"
#include "simulate/sim_answer.h"
#include "simulate/sim_capture.h"
#include "simulate/sim_server.h"
#include "simulate/sim_truth.h"

#include <stdatomic.h>

struct sim_worker {
    struct sim *sim;
    struct loop loop;
    struct http_server *server;
    uv_signal_t on_term, on_int; /* the first worker's */
    pthread_t thread;
    struct list calls, spare; /* of struct sim_call: in flight; to be used again */
    /* scratch of the running event */
    struct json doc;
    struct buf out;
};

struct sim {
    struct sim_options options;
    struct sim_truth truth;
    struct sim_capture capture;
    struct sim_times times;
    atomic_uint_fast64_t sequence; /* calls since the last reset: what their seeds are made of */
    unsigned worker_count;
    struct sim_worker workers[];
};

enum sim_phase {
    SIM_WAITING,   /* for the first token, or for all of an answer that is not streamed */
    SIM_TOKENS,    /* a stream in its tokens */
    SIM_TRICKLING, /* `held` goes out piece by piece */
    SIM_CLOSING,   /* everything was said: the connection is cut as soon as the queue is empty */
    SIM_ENDED,     /* everything was said: HTTP takes it from here */
};

/* A call in flight. It lives from its request to done or gone, then waits as a
 * spare: its timer is opened once. */
struct sim_call {
    struct list link;
    struct sim_worker *worker;
    uv_timer_t timer;
    struct http_exchange *x;   /* NULL: a spare */
    struct sim_answer *answer; /* in the exchange's arena; NULL: not generated (`held` is all of it) */
    struct sim_record record;
    struct rng rng;
    struct dist between;
    enum sim_phase phase;
    enum sim_fault fault; /* still to come */
    int64_t fault_after, fault_ms;
    int64_t begun_us, wait_us; /* of SIM_WAITING */
    int64_t next_us;           /* when the next token is due */
    bool raw;                  /* bytes go out without framing */
    bool blocked;              /* the client reads slowly */
    bool told;                 /* the truth has the end */
    struct buf held;           /* an answer's body, or what trickles */
    size_t held_at, held_piece;
};

/* Starts answering; the call belongs to the exchange. */
struct sim_call *sim_call_new(struct sim_worker *w, struct http_exchange *x);
void sim_call_start(struct sim_call *c, int64_t wait_us);
void sim_call_drained(struct sim_call *c);
/* The client hung up, or has everything. */
void sim_call_gone(struct sim_call *c);
void sim_call_done(struct sim_call *c);
/* When the loop is closed. */
void sim_calls_free(struct sim_worker *w);

/* A request has come: routes it, reads it, starts or refuses it. */
void sim_route(struct http_exchange *x);

#endif

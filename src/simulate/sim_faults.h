/* Which fault strikes a call, and the refusals among them. */
#ifndef SIMULATE_SIM_FAULTS_H
#define SIMULATE_SIM_FAULTS_H

#include "simulate/sim_request.h"

#include <pthread.h>

/* How often each strikes by itself: 429:0.05,cut:0.02. */
struct sim_rates {
    double share[SIM_FAULT_COUNT];
};

/* Fails: false for a fault that is not known, a share outside 0..1, or more than 1 in all. */
bool sim_rates_parse(str s, struct sim_rates *out) MUST_CHECK;
enum sim_fault sim_rates_draw(const struct sim_rates *rates, struct rng *r);

/* Counts of calls by their control words, for `times=N`. Thread: any. */
enum { SIM_TIMES_SLOTS = 4096 }; /* the oldest count in a slot's place is forgotten */
struct sim_times {
    pthread_mutex_t lock;
    struct {
        uint64_t hash;
        int64_t count;
    } slots[SIM_TIMES_SLOTS];
};

void sim_times_init(struct sim_times *t);
void sim_times_free(struct sim_times *t);
void sim_times_clear(struct sim_times *t);
/* Counts a call; true while it is one of the first `times`. */
bool sim_times_strike(struct sim_times *t, uint64_t hash, int64_t times);

/* True where `fault` refuses this request, with what to answer. */
bool sim_fault_refuses(enum sim_fault fault, const struct sim_request *r, struct sim_problem *problem);
/* The fault's delay where `ms` says nothing. Units: milliseconds. */
int64_t sim_fault_ms(enum sim_fault fault, int64_t ms);

#endif

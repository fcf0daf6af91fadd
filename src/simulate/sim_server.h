/* `purser simulate`: a provider of every family to test against. */
#ifndef SIMULATE_SIM_SERVER_H
#define SIMULATE_SIM_SERVER_H

#include "simulate/sim_faults.h"
#include "simulate/sim_random.h"

struct sim_options {
    const char *host;
    uint16_t port;
    const char *tls_cert, *tls_key; /* NULL: plain */
    unsigned threads;
    struct dist output_tokens;               /* of each choice */
    struct dist first_token, between_tokens; /* microseconds */
    uint64_t seed;
    uint32_t usage;           /* bits of enum sim_shape, for calls that say nothing */
    const char *service_tier; /* NULL: as asked */
    const char *require_key;  /* NULL: any, or none */
    struct sim_rates rates;
    uint64_t truth_keep;
    bool keep_requests;
};

enum { SIM_THREADS_MAX = 64, SIM_TRUTH_KEEP = 200 * 1000 };

void sim_options_default(struct sim_options *o);

struct sim;
/* Listens, with every thread ready to run.
 * Fails: NULL with a sentence in `why`. */
struct sim *sim_new(const struct sim_options *o, struct buf *why) MUST_CHECK;
/* The port that port 0 became. */
uint16_t sim_port(const struct sim *s);
/* Serves until SIGTERM, SIGINT or sim_stop(). */
void sim_run(struct sim *s);
/* Thread: any, and signal handlers. */
void sim_stop(struct sim *s);
void sim_drop(struct sim *s);

#endif

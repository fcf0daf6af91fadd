/* What the simulated provider truly did, call by call: the ledger is held
 * against it. A ring of the last calls, and sums over those that have ended
 * since the start or the last reset. Thread: any. */
#ifndef SIMULATE_SIM_TRUTH_H
#define SIMULATE_SIM_TRUTH_H

#include "simulate/sim_usage.h"

#include <pthread.h>

enum { SIM_MODEL_MAX = 64, SIM_ATTEMPT_MAX = 64, SIM_TRUTH_PAGE = 50 * 1000 };

struct sim_record {
    uint64_t id; /* 0: an empty place */
    int64_t at_us;
    int64_t generated_tokens;
    struct sim_units units;
    int32_t images;      /* of the prompt */
    int32_t status;      /* HTTP; 0: no head was sent */
    uint8_t kind, fault; /* enum sim_kind, enum sim_fault */
    bool streamed;
    bool finished;   /* generated and handed over to its end */
    bool aborted;    /* the client hung up before it had everything */
    bool usage_sent; /* the client was told the usage */
    char model[SIM_MODEL_MAX], attempt[SIM_ATTEMPT_MAX], service_tier[SIM_TIER_MAX];
};

struct sim_truth {
    pthread_mutex_t lock;
    struct sim_record *ring;
    uint64_t keep;
    uint64_t last_id;
    uint64_t first_id; /* behind the last reset: older calls are no longer told */
    int64_t live;      /* calls that have not ended */
    struct {
        int64_t calls; /* begun */
        int64_t finished, aborted, faulty;
        int64_t generated_tokens;
        struct sim_units units;
    } totals;
};

void sim_truth_init(struct sim_truth *t, uint64_t keep);
void sim_truth_free(struct sim_truth *t);
/* Forgets calls and sums; ids go on. Calls in flight are not told any more. */
void sim_truth_reset(struct sim_truth *t);
/* Writes a call down as soon as its request is there. Returns its id, 1 and up. */
uint64_t sim_truth_begin(struct sim_truth *t, const struct sim_record *r);
/* What is known by now. `r->id` is the call's. */
void sim_truth_update(struct sim_truth *t, const struct sim_record *r);
/* What is known in the end, once for each call; does nothing for one that was forgotten. */
void sim_truth_end(struct sim_truth *t, const struct sim_record *r);
/* The client hung up although everything was generated. */
void sim_truth_abort(struct sim_truth *t, uint64_t id);
/* {"calls":[...],"totals":{...},"last":ID,"more":bool,"dropped":N}: calls after `since`, `limit` at most. */
void sim_truth_print(struct sim_truth *t, uint64_t since, uint64_t limit, struct buf *out);

#endif

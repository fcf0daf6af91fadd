/* In which order a call tries the targets of its model, from what is known of them.
 * Pure: the caller brings the facts and the chance. */
#ifndef POLICY_BALANCE_H
#define POLICY_BALANCE_H

#include "base/money.h"
#include "base/str.h"

/* In which order a model's targets are tried. */
enum balance {
    BALANCE_ORDERED,    /* as they stand */
    BALANCE_WEIGHTED,   /* drawn by weight */
    BALANCE_LEAST_BUSY, /* fewest calls in flight first */
    BALANCE_FASTEST,    /* shortest time to first token first */
    BALANCE_CHEAPEST,   /* lowest bound first */
};

enum { BALANCE_TARGETS_MAX = 32 };

/* A target when a call is planned. */
struct balance_fact {
    int64_t weight; /* at least 1 */
    int64_t in_flight;
    int64_t first_token_us; /* what it usually takes; 0: not known yet, which is worth a try */
    picousd cost;           /* the call's bound there; below 0: not known */
    bool shut;              /* its breaker is open, or it rests: behind those that are not */
};

/* Writes a permutation of 0 to n - 1; equals stay as they stand. `n` is at most
 * BALANCE_TARGETS_MAX. BALANCE_FASTEST gives now and then the first place to any, so
 * that one that was slow once is measured again. */
void balance_order(enum balance how, const struct balance_fact *facts, size_t n, uint64_t random, uint8_t *order);
/* Moves a target to the first place, the others keep their order: for calls that stick to it. */
void balance_prefer(uint8_t *order, size_t n, uint8_t target);

#endif

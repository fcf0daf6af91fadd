/* Bodies of the calls that generate no text: embeddings, moderations, models. */
#ifndef SIMULATE_SIM_VECTOR_H
#define SIMULATE_SIM_VECTOR_H

#include "simulate/sim_request.h"

/* Texts that share words have vectors that lie close; the same text always has
 * the same one. Each has length 1. */
void sim_embeddings_print(const struct json *doc, const struct sim_request *r, const struct sim_units *u,
                          struct arena *scratch, struct buf *out);
void sim_moderations_print(const struct sim_request *r, const struct sim_units *u, uint64_t id, struct buf *out);
/* The list, or the one model of that name: any name is a model. */
void sim_models_print(enum sim_kind kind, str name, struct buf *out);

#endif

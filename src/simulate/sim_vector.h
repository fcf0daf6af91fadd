/* Bodies of the calls that generate no text: embeddings, moderations, models. */
#ifndef SIMULATE_SIM_VECTOR_H
#define SIMULATE_SIM_VECTOR_H

#include "simulate/sim_request.h"

/* Texts that share words have vectors that lie close; the same text always has
 * the same one. Each has length 1. */
void sim_embeddings_print(const struct json *doc, const struct sim_request *r, const struct sim_units *u,
                          struct arena *scratch, struct buf *out);
/* One vector: a list, or base64 of float32. */
void sim_vector_print(str text, int64_t dimensions, bool base64, struct buf *out);
/* The answers of sim_embed.c, sim_rerank.c and sim_media.c, with what they used. */
void sim_embed_print(const struct json *doc, const struct sim_request *r, uint64_t id, struct sim_units *u,
                     struct buf *out);
void sim_rerank_print(const struct sim_request *r, uint64_t id, struct sim_units *u, struct buf *out);
void sim_media_print(const struct sim_request *r, struct sim_units *u, struct buf *out);
/* A body of multipart/form-data: model, stream, and how long the sound is. Fails: false where it names no model. */
bool sim_media_read_form(str body, struct arena *keep, struct sim_request *r) MUST_CHECK;
void sim_moderations_print(const struct sim_request *r, const struct sim_units *u, uint64_t id, struct buf *out);
/* The list, or the one model of that name: any name is a model. */
void sim_models_print(enum sim_kind kind, str name, struct buf *out);

#endif

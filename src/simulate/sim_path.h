/* Which protocol a path speaks, and what it says by itself: Gemini and Bedrock have
 * the model in it, and whether to stream. */
#ifndef SIMULATE_SIM_PATH_H
#define SIMULATE_SIM_PATH_H

#include "base/arena.h"
#include "simulate/sim_usage.h"

struct sim_path {
    enum sim_kind kind;
    str model;     /* decoded; empty: the body says it */
    bool stream;   /* where `model` is there */
    bool array;    /* ... as an array of JSON */
    bool counting; /* only the prompt's tokens are wanted */
};

/* Reads the path of a POST. Owns: `model` lives in `arena`. Fails: false for one that is not known. */
bool sim_path_read(str path, str query, struct arena *arena, struct sim_path *out) MUST_CHECK;
/* Whose errors a path expects that is not known: by its looks. */
enum sim_kind sim_path_kind(str path);

#endif

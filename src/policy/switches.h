/* Which features may not use AI now: a small table, immutable once made, counted, swapped whole.
 *
 * A worker holds the current one, so that a look is a read of a pointer where nothing is off.
 * When a switch ends by itself is decided by the time of the look: nobody has to take it out. */
#ifndef POLICY_SWITCHES_H
#define POLICY_SWITCHES_H

#include "base/arena.h"
#include "base/str.h"

struct ai_switch {
    str feature;                /* empty: all of them */
    int64_t since_us, until_us; /* until 0: until it is switched on */
    str who, why;
};

struct switches;

/* Copies. `generation` tells tables apart. Owns: one use. */
struct switches *switches_new(const struct ai_switch *of, size_t count, uint32_t generation);
/* Counted. Thread: any; NULL is no table. */
struct switches *switches_get(struct switches *s);
void switches_put(struct switches *s);

uint32_t switches_generation(const struct switches *s);
/* Features by name; `all` first where it is off. */
size_t switches_count(const struct switches *s);
const struct ai_switch *switches_at(const struct switches *s, size_t i);
/* The switch that keeps `feature` (empty: a call of none) from AI at `now_us`, its own before the
 * one for all; NULL where it is on. Thread: any; allocates nothing. */
const struct ai_switch *switches_find(const struct switches *s, str feature, int64_t now_us);

/* The change that made this table ends what runs of `feature`, too (empty: of all). Before it is shared. */
void switches_end_running(struct switches *s, str feature);
bool switches_ends(const struct switches *s, str feature);

#endif

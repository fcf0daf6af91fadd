#include "simulate/sim_cite.h"

#include "base/hash.h"
#include "simulate/sim_random.h"

#include <inttypes.h>

size_t sim_citations_plan(struct arena *arena, uint64_t seed, size_t wanted, int64_t tokens, struct sim_citation **out)
{
    int64_t room = tokens > 0 ? (tokens - 1) / 2 : 0;
    size_t count = wanted < SIM_CITATIONS_MAX ? wanted : SIM_CITATIONS_MAX;
    if ((int64_t)count > room) count = (size_t)room;
    *out = count ? arena_alloc(arena, count * sizeof **out) : NULL;
    for (size_t i = 0; i < count; i++) {
        struct sim_citation *c = &(*out)[i];
        int64_t pieces = 2 * (int64_t)count + 1, n = 2 * (int64_t)i + 1;
        uint64_t source = sim_mix(seed + i);
        c->from = tokens * n / pieces;
        c->to = tokens * (n + 1) / pieces;
        c->url = arena_printf(arena, "https://sources.example/%08" PRIx64 "?page=%zu&of=log", source >> 32, i + 1);
        c->title = arena_printf(arena, "H\u00e4fen \"%zu\"", i + 1); /* beyond ASCII, and to be escaped */
        c->quote = arena_printf(arena, "As it stands in the log of %" PRIu64 ":\t\u00be.", 1600 + source % 400);
    }
    return count;
}

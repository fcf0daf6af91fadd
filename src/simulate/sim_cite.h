/* What an answer's text leans on: sources on the web, each cited for some of its words.
 * The words are whole tokens, so that a stream can tell them as it goes; each protocol
 * says in its own way where they stand. */
#ifndef SIMULATE_SIM_CITE_H
#define SIMULATE_SIM_CITE_H

#include "base/arena.h"

struct sim_citation {
    int64_t from, to;      /* tokens of the text; `to` is the first one behind */
    str url, title, quote; /* the source's; the quote are words of it */
};

/* How long the beginning of a text is. */
struct sim_extent {
    int64_t characters, bytes; /* UTF-8 */
};

enum { SIM_CITATIONS_MAX = 64 };

/* Spreads `wanted` citations over a text of so many tokens, with words before, between and behind them: fewer where it
 * is too short. Returns how many. Lives in `arena`. */
size_t sim_citations_plan(struct arena *arena, uint64_t seed, size_t wanted, int64_t tokens, struct sim_citation **out);

#endif

/* Where recorded bytes are cut before they are read again: whole, byte by byte, at each event's
 * edge and one byte before and after it, and at 64 seeded random sets of places. Edges are cut all
 * at once and, where that means reading no more than SPLITS_ALONE_BYTES, each on its own;
 * PURSER_REPLAY=all does so in every stream. */
#ifndef TESTS_SPLITS_H
#define TESTS_SPLITS_H

#include "base/rng.h"
#include "flow/frames.h"

#include <stdio.h>
#include <stdlib.h>

/* Sanitizers are slow, and look for other faults: they do fewer. Nothing here has a second thread. */
#if defined(__SANITIZE_THREAD__)
enum { SPLITS_RANDOM = 1, SPLITS_ALONE_BYTES = 0, SPLITS_SINGLE_BYTES = 4 * 1024 };
#elif defined(__SANITIZE_ADDRESS__)
enum { SPLITS_RANDOM = 8, SPLITS_ALONE_BYTES = 64 * 1024, SPLITS_SINGLE_BYTES = INT32_MAX };
#else
enum { SPLITS_RANDOM = 64, SPLITS_ALONE_BYTES = 4 * 1024 * 1024, SPLITS_SINGLE_BYTES = INT32_MAX };
#endif
enum { SPLITS_CUTS_MAX = 6 }; /* of a random set */

/* `cuts`: ascending, each inside the body. `way` says what they are. */
typedef void cut_fn(const size_t *cuts, size_t count, const char *way, void *ctx);

struct splits {
    str body;
    size_t *edges, edge_count; /* where events end */
    size_t *cuts;              /* scratch */
    cut_fn *fn;
    void *ctx;
};

/* ---- where events end, found without the code under test */

static inline size_t splits_blank_line(str s, size_t at)
{
    static const str ends[] = {STR_INIT("\r\n\r\n"), STR_INIT("\n\n"), STR_INIT("\r\r")};
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (str_starts(str_from_at(s, at), ends[i])) return ends[i].n;
    return 0;
}

static inline void splits_find_edges(struct splits *s, enum framing framing)
{
    str b = s->body;
    const unsigned char *p = (const unsigned char *)b.p;
    if (framing == FRAMING_EVENT_STREAM) {
        for (size_t at = 0; at + 4 <= b.n;) {
            size_t n = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3];
            if (!n || n > b.n - at) break;
            s->edges[s->edge_count++] = at += n;
        }
    } else if (framing != FRAMING_NONE) {
        for (size_t at = 0, n; at < b.n; at += n ? n : 1)
            if ((n = splits_blank_line(b, at))) s->edges[s->edge_count++] = at + n;
    }
}

/* ---- the ways */

static inline void splits_at(struct splits *s, const size_t *places, size_t count, int shift, const char *way)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = places[i] + (size_t)shift;
        if (at > 0 && at < s->body.n && (!n || at > s->cuts[n - 1])) s->cuts[n++] = at;
    }
    if (n) s->fn(s->cuts, n, way, s->ctx);
}

static inline void splits_at_edges(struct splits *s)
{
    static const char *const ways[] = {"one byte before an edge", "at an edge", "one byte behind an edge"};
    const char *all = getenv("PURSER_REPLAY");
    bool alone = 3 * s->edge_count * s->body.n <= SPLITS_ALONE_BYTES || (all && str_eq(str_from(all), S("all")));
    for (int shift = -1; shift <= 1; shift++) {
        if (s->edge_count) splits_at(s, s->edges, s->edge_count, shift, ways[shift + 1]);
        for (size_t i = 0; alone && i < s->edge_count; i++) splits_at(s, &s->edges[i], 1, shift, ways[shift + 1]);
    }
}

static inline void splits_at_random(struct splits *s, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed);
    for (int i = 0; i < SPLITS_RANDOM; i++) {
        size_t places[SPLITS_CUTS_MAX] = {0}, count = 1 + rng_below(&rng, SPLITS_CUTS_MAX);
        for (size_t k = 0; k < count; k++) {
            size_t at = 1 + rng_below(&rng, s->body.n - 1), j = k;
            for (; j > 0 && places[j - 1] > at; j--) places[j] = places[j - 1];
            places[j] = at;
        }
        splits_at(s, places, count, 0, "at random");
    }
}

/* Gives every way to `fn`, the whole body first. */
static inline void splits_each(str body, enum framing framing, uint64_t seed, cut_fn *fn, void *ctx)
{
    struct splits s = {.body = body, .fn = fn, .ctx = ctx};
    fn(NULL, 0, "whole", ctx);
    if (body.n < 2) return;
    s.edges = malloc((body.n + 1) * sizeof(size_t));
    s.cuts = malloc((body.n + 1) * sizeof(size_t));
    if (!s.edges || !s.cuts) abort();
    for (size_t i = 1; i < body.n; i++) s.cuts[i - 1] = i;
    if (body.n <= SPLITS_SINGLE_BYTES) fn(s.cuts, body.n - 1, "byte by byte", ctx);
    splits_find_edges(&s, framing);
    splits_at_edges(&s);
    splits_at_random(&s, seed);
    free(s.edges);
    free(s.cuts);
}

#endif

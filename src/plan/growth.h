/* Prompts that creep: what of a call grows, from one period to the next and from day to day. Pure functions. */
#ifndef PLAN_GROWTH_H
#define PLAN_GROWTH_H

#include "base/str.h"

/* SEGMENT(constant, name, what it is) */
#define GROWTH_SEGMENTS(SEGMENT)                                                                                       \
    SEGMENT(SYSTEM, "system", "bytes of instructions")                                                                 \
    SEGMENT(HISTORY, "history", "bytes of earlier turns")                                                              \
    SEGMENT(RETRIEVED, "retrieved", "bytes of retrieved documents")                                                    \
    SEGMENT(TOOLS, "tools", "bytes of tools' definitions and results")                                                 \
    SEGMENT(REST, "rest", "the prompt's other bytes: what is asked")                                                   \
    SEGMENT(OUTPUT, "output", "tokens generated, thoughts among them")

enum growth_segment {
#define SEGMENT(constant, name, what) GROWTH_##constant,
    GROWTH_SEGMENTS(SEGMENT)
#undef SEGMENT
        GROWTH_SEGMENT_COUNT
};
str growth_segment_name(enum growth_segment s);

/* A day, or a period: sums over its calls. */
struct growth_use {
    int64_t calls; /* or attempts, where each is to count */
    __int128 amount[GROWTH_SEGMENT_COUNT];
};

/* Of one segment. */
struct growth {
    double before, after; /* a call; 0 where there was none */
    bool known;           /* both periods had calls, and before there was some of it */
    double change;        /* after / before - 1 */
};

struct growth growth_between(const struct growth_use *before, const struct growth_use *after, enum growth_segment s);

enum { GROWTH_DAYS_MIN = 7, GROWTH_DAYS_MAX = 366 };

/* How a segment moves from day to day: the median of the slopes between all pairs of days, so that a third of the
 * days may be wild. Source: P. K. Sen (1968); the test is Mann's and Kendall's. */
struct growth_trend {
    bool known;           /* GROWTH_DAYS_MIN days with calls at least */
    unsigned days;        /* with calls */
    double share_per_day; /* slope as a share of the median day */
    double chance;        /* that days in no order would show as much: below 0.01 it is no accident */
};

/* One entry a day, in order, days without calls among them (they are passed over, but count as time). Beyond
 * GROWTH_DAYS_MAX the last ones. */
struct growth_trend growth_trend(const struct growth_use *days, size_t count, enum growth_segment s);

#endif

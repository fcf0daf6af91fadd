/* Tokens a minute, against the session's own median minute.
 *
 * The pace is that of a sliding minute: this one's tokens, and of the one before as much as
 * still lies in it. Minutes without calls do not count: a session that rests is not slow.
 * A minute that was too fast is remembered as one at the threshold: traffic that grew
 * for good is taken as normal after eight minutes, one burst changes nothing. */
#include "policy/runaway_inner.h"

#include <stdlib.h>

enum { MINUTES_KNOWN_MIN = 5, SLOW_TIMES = 2, BLOCK_TIMES = 10 };

static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(const struct pace *p)
{
    int64_t sorted[PACE_MINUTES];
    memcpy(sorted, p->past, p->known * sizeof(sorted[0]));
    qsort(sorted, p->known, sizeof(sorted[0]), order);
    return sorted[p->known / 2];
}

static int64_t clipped(const struct pace *p, int64_t tokens)
{
    return p->threshold && tokens > p->threshold ? p->threshold : tokens;
}

static void keep_minute(struct pace *p, int64_t tokens)
{
    if (tokens <= 0) return;
    memmove(p->past + 1, p->past, sizeof(p->past) - sizeof(p->past[0]));
    p->past[0] = clipped(p, tokens);
    if (p->known < PACE_MINUTES) p->known++;
    p->median = median(p);
}

static void advance(struct pace *p, int64_t now_us)
{
    int64_t minute = now_us / US_PER_MINUTE;
    if (minute <= p->minute) return;
    keep_minute(p, p->tokens);
    p->tokens_before = minute == p->minute + 1 ? p->tokens : 0;
    p->tokens = 0;
    p->minute = minute;
}

static int64_t sliding_minute(const struct pace *p, int64_t now_us)
{
    int64_t left_us = US_PER_MINUTE - now_us % US_PER_MINUTE;
    int64_t before = (int64_t)((__int128)p->tokens_before * left_us / US_PER_MINUTE);
    return p->tokens + before;
}

/* 0: nothing is known to be too fast. A session that has just begun has no median: the
 * floor stands in for it. A key's stream has no floor that would suit all. */
static int64_t threshold_of(const struct pace *p, const struct runaway_limits *l, bool named)
{
    if (p->known < MINUTES_KNOWN_MIN && !named) return 0;
    int64_t usual = p->known < MINUTES_KNOWN_MIN ? l->pace_floor : p->median, threshold;
    if (__builtin_mul_overflow(usual, (int64_t)l->pace_factor, &threshold)) return 0;
    return threshold > l->pace_floor ? threshold : l->pace_floor;
}

void pace_check(struct pace *p, const struct runaway_ask *ask, bool named, struct finding *out)
{
    const struct runaway_limits *l = ask->limits;
    advance(p, ask->now_us);
    if (ask->tokens > 0 && __builtin_add_overflow(p->tokens, ask->tokens, &p->tokens)) p->tokens = INT64_MAX;
    p->threshold = l->pace_factor ? threshold_of(p, l, named) : 0;
    int64_t pace = sliding_minute(p, ask->now_us);
    if (!p->threshold || pace <= p->threshold) return;
    struct finding f = {RUNAWAY_WARN, RUNAWAY_PACE, 0, pace, p->threshold};
    int64_t times = pace / p->threshold;
    if (times >= SLOW_TIMES) {
        f.action = named && times >= BLOCK_TIMES ? RUNAWAY_BLOCK : RUNAWAY_SLOW;
        f.delay_us =
            times < l->delay_max_us / (l->delay_us > 0 ? l->delay_us : 1) ? times * l->delay_us : l->delay_max_us;
    }
    finding_add(out, &f);
}

void pace_correct(struct pace *p, int64_t now_us, int64_t asked, int64_t used)
{
    advance(p, now_us);
    int64_t more;
    if (__builtin_sub_overflow(used, asked > 0 ? asked : 0, &more)) return;
    if (__builtin_add_overflow(p->tokens, more, &p->tokens)) p->tokens = INT64_MAX;
    if (p->tokens < 0) p->tokens = 0; /* what is taken back may have been asked a minute ago */
}

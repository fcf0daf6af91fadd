/* How many calls a target may have in flight, and when it rests.
 *
 * AIMD, as TCP does it: the limit grows by one for each limit's worth of successes that
 * it was in the way of, and shrinks to 7/10 of what was in flight at a sign of overload
 * (429, 503, 529, a timeout). Algorithms that watch latency instead (gradient, Vegas) do not
 * suit: how long an answer takes depends on how long it is, and that differs a hundredfold
 * from call to call at no load at all, while providers say plainly that they are overloaded.
 *
 * Providers also fail at random, and fewer calls at a time would not help: a loss that says nothing of congestion,
 * which a limit that believes each one pays for with its size (5 % of 503 would leave room for eight calls). So
 * where a call was in the row counts: with as many in flight others were answered well lately, so that was not it.
 * A provider that is full answers those that came before it was, and turns away those that came behind. A 429 needs no
 * such proof: it is no accident.
 *
 * It starts at the ceiling: a healthy target is not slowed down. The first sign of overload
 * brings it to what the target really took. Of many calls that one overload hits, one
 * shrinks the limit: only what was admitted after the last shrinking is news. When
 * it has been quiet for a while it doubles with each round, as a new TCP connection does. */
#include "policy/health_inner.h"

enum {
    SHRINK_TO_TENTHS = 7,
    SHORT_TENTHS = 8,
    NARROW_MIN = 8,
    LIMITED_IN_A_ROW = 5,
    WINDOW_CALLS = 64,
    DOUBTS = 3,
    RUN = 6
};
#define QUIET_US        (30 * US_PER_SECOND)
#define REST_FIRST_US   US_PER_SECOND
#define REST_MAX_US     US_PER_MINUTE
#define RETRY_AFTER_MAX US_PER_HOUR

void room_init(struct health *h)
{
    h->room = (struct health_room){.limit = h->rules.limit_max, .shrunk_us = INT64_MIN};
}

bool room_is_left(const struct health *h)
{
    return health_inside(h) < h->room.limit;
}

bool room_is_short(const struct health *h)
{
    return (uint64_t)health_inside(h) * 10 >= (uint64_t)h->room.limit * SHORT_TENTHS;
}

static bool is_overload(const struct health_result *r)
{
    return r->outcome == HEALTH_LIMITED || r->outcome == HEALTH_TIMED_OUT || r->status == 503 || r->status == 529;
}

static void shrink_to(struct health *h, uint64_t limit)
{
    if (limit < h->room.limit) h->room.limit = (uint32_t)limit;
    if (h->room.limit == 0) h->room.limit = 1;
    h->room.grown = 0;
}

static void grow(struct health *h, int64_t now_us)
{
    struct health_room *room = &h->room;
    if (room->limit >= h->rules.limit_max) return;
    bool quiet = room->shrunk_us == INT64_MIN || now_us - room->shrunk_us >= QUIET_US;
    if (!quiet && ++room->grown < room->limit) return;
    room->limit++;
    room->grown = 0;
}

static uint32_t borne(const struct health_room *room)
{
    return room->borne_now > room->borne_before ? room->borne_now : room->borne_before;
}

static void note_borne(struct health_room *room, const struct health_pass *p, bool good)
{
    room->run = good ? 0 : room->run + 1;
    if (!good) room->doubts += p->place > borne(room);
    if (good && p->place >= borne(room)) room->doubts = 0;
    if (good && p->place > room->borne_now) room->borne_now = p->place;
    if (++room->window < WINDOW_CALLS) return;
    room->borne_before = room->borne_now;
    room->borne_now = room->window = 0;
}

/* Too many calls at a time may be what was wrong. */
static bool is_crowd(const struct health *h, const struct health_result *r)
{
    if (health_inside(h) == 0) return false; /* it was alone */
    return r->outcome == HEALTH_LIMITED || h->room.doubts >= DOUBTS || h->room.run >= RUN;
}

/* Called after the call has left. */
void room_learn(struct health *h, const struct health_pass *p, const struct health_result *r)
{
    bool good = r->outcome == HEALTH_OK, overload = is_overload(r);
    if (good && p->pressed) grow(h, r->now_us);
    bool news = p->at_us > h->room.shrunk_us;
    if (good || (overload && news)) note_borne(&h->room, p, good);
    if (!overload || !news || !is_crowd(h, r)) return;
    shrink_to(h, ((uint64_t)health_inside(h) + 1) * SHRINK_TO_TENTHS / 10);
    h->room.shrunk_us = r->now_us;
}

void room_narrow(struct health *h)
{
    uint32_t half = health_inside(h) / 2;
    shrink_to(h, half > NARROW_MIN ? half : NARROW_MIN);
}

/* A target that limits us and does not say for how long is left alone for a while after
 * some times in a row: a quota that is used up answers like that for days. */
static int64_t own_rest(uint32_t limited, uint64_t random)
{
    if (limited < LIMITED_IN_A_ROW) return 0;
    int64_t time = REST_FIRST_US;
    for (uint32_t i = LIMITED_IN_A_ROW; i < limited && time < REST_MAX_US; i++) time *= 2;
    if (time > REST_MAX_US) time = REST_MAX_US;
    return time - (int64_t)(random % (uint64_t)(time / 5 + 1));
}

void rest_learn(struct health *h, const struct health_result *r)
{
    struct health_rest *rest = &h->rest;
    bool rests = r->now_us < rest->until_us;
    if (r->outcome == HEALTH_OK) rest->limited = 0;
    if (r->outcome == HEALTH_LIMITED && !rests) rest->limited++; /* while it rests: of the same overload */
    int64_t time = r->retry_after_us;
    if (time > RETRY_AFTER_MAX) time = RETRY_AFTER_MAX;
    if (time <= 0 && r->outcome == HEALTH_LIMITED && !rests) time = own_rest(rest->limited, r->random);
    if (time <= 0) return;
    rest->until_us = later_of(rest->until_us, r->now_us + time);
    waiters_dismiss(h, HEALTH_RESTING, rest->until_us);
}

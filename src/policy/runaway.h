/* Runaways: loops and bursts, seen before the call that would go on with them.
 *
 * What is looked at:
 * - repeat: the same message (or tool call and arguments) over and over in a session;
 * - ping-pong: two messages in turn, A B A B A B;
 * - no progress: the same answer again and again;
 * - pace: tokens a minute far above the session's own median minute;
 * - task: steps or cost far beyond what tasks of its type (the feature) take.
 * First it warns, then it slows down, then it blocks. It blocks and slows repeats only inside a
 * session or task that the client named: elsewhere a key's calls of a feature are one
 * stream, in which a batch may honestly ask the same question a thousand times; there
 * it warns, and slows by pace.
 *
 * Messages and answers come as hashes. Tables are bounded, the longest unused goes first.
 * Units: times are of the monotonic clock and passed in. Thread: any; a mutex a shard. */
#ifndef POLICY_RUNAWAY_H
#define POLICY_RUNAWAY_H

#include "base/hash.h"
#include "base/money.h"

enum runaway_action { RUNAWAY_NONE, RUNAWAY_WARN, RUNAWAY_SLOW, RUNAWAY_BLOCK, RUNAWAY_ACTIONS };
enum runaway_reason {
    RUNAWAY_REPEAT,
    RUNAWAY_PING_PONG,
    RUNAWAY_NO_PROGRESS,
    RUNAWAY_TASK_STEPS,
    RUNAWAY_TASK_COST,
    RUNAWAY_PACE,
    RUNAWAY_REASONS,
};
str runaway_action_name(enum runaway_action a);
str runaway_reason_name(enum runaway_reason r);

/* Of a feature. A 0 turns off what it is the number of. */
struct runaway_limits {
    int64_t within_us;                               /* how far back repeats count */
    uint32_t repeat_warn, repeat_slow, repeat_block; /* the same message this often; in turn: calls together */
    uint32_t swings_warn;                            /* A B this often in turn */
    uint32_t same_answers;                           /* in a row: warns; to the same message: slows */
    uint32_t pace_factor;                            /* times the median minute */
    int64_t pace_floor;                              /* tokens a minute below which no pace is too high */
    uint32_t task_factor;                            /* times the 99th percentile of its type */
    int64_t task_steps_floor;                        /* fewer steps are never too many */
    picousd task_cost_floor;
    int64_t delay_us, delay_max_us; /* of a call that is slowed down: the first, doubling; at most */
};
void runaway_limits_default(struct runaway_limits *l);

struct runaways; /* outlives reloads */

struct runaways_ceilings {
    size_t sessions, tasks, features;
};
/* `key` seeds the tables: clients choose the names in them. */
struct runaways *runaways_new(struct hash_key key, const struct runaways_ceilings *max);
void runaways_drop(struct runaways *r);

/* Whose call it is. Empty where it is not known. */
struct runaway_where {
    str key, feature;
    str session, task; /* as the client named them */
};

struct runaway_ask {
    struct runaway_where where;
    const struct runaway_limits *limits;
    int64_t now_us;
    uint64_t message;         /* hash of the last user message, or of the last tool call and its arguments; 0: none */
    int64_t tokens;           /* of the input: what is likely, not an upper bound */
    enum runaway_action most; /* the hardest thing that is done; RUNAWAY_NONE: whatever it takes */
};

/* Which records a call was counted in. Plain data. */
struct runaway_at {
    uint64_t session, task; /* 0: none */
};

enum { RUNAWAY_TEXT_MAX = 400 };

struct runaway_verdict {
    struct runaway_at at;
    enum runaway_action action;
    enum runaway_reason reason;  /* of the action; meaningless with RUNAWAY_NONE */
    int64_t delay_us;            /* RUNAWAY_SLOW */
    int64_t retry_after_us;      /* RUNAWAY_BLOCK: when it may be over by itself; 0: not by itself */
    int64_t seen, limit;         /* in the reason's unit: times, steps, pico-dollars, tokens a minute */
    char text[RUNAWAY_TEXT_MAX]; /* what was seen and how to lift it, for people; empty with RUNAWAY_NONE */
};

/* Counts the call, blocked or not, and judges it. Never blocks its thread, allocates at most one record. */
void runaway_check(struct runaways *r, const struct runaway_ask *ask, struct runaway_verdict *out);

/* How a call that was let through ended. */
struct runaway_end {
    struct runaway_at at; /* of its verdict */
    int64_t now_us;
    uint64_t message, answer; /* hashes; 0: none */
    int64_t tokens_asked;     /* as runaway_check() was told */
    int64_t tokens;           /* that were used in truth, of all units */
    picousd cost;
};
void runaway_note(struct runaways *r, const struct runaway_end *end);

/* Whether anything is known of a session or task of that name. */
bool runaway_knows(struct runaways *r, str key, str session_or_task);
/* Forgets a session or task of a key: lifts what blocks it. False: there is none. */
bool runaway_lift(struct runaways *r, str key, str session_or_task);
/* Ends idle tasks, which is how their type's history learns of them, and drops idle
 * sessions. Called now and then (a minute is fine) by one thread. */
void runaways_sweep(struct runaways *r, int64_t now_us);

struct runaways_view {
    size_t sessions, tasks, features;
    uint64_t counts[RUNAWAY_REASONS][RUNAWAY_ACTIONS]; /* calls */
};
void runaways_see(struct runaways *r, struct runaways_view *out);

enum { RUNAWAY_STOPPED_MAX = 64, RUNAWAY_NAME_MAX = 256 };

/* A session or task of which calls were blocked. */
struct runaway_stopped {
    bool task;              /* `name` is a task's; else a session's */
    str name, key, feature; /* cut to RUNAWAY_NAME_MAX bytes */
    str seen;               /* what was seen when a call was blocked last, for people */
    uint64_t blocked;       /* calls */
    int64_t last_us;
};
typedef void runaway_stopped_visit(void *ctx, const struct runaway_stopped *s);
/* The RUNAWAY_STOPPED_MAX of them that were blocked latest, without those that were lifted, are forgotten
 * (runaways_sweep()) or were not blocked since `since_us`; in no order. `visit` must not call anything of this header. Thread: any. */
void runaways_each_stopped(struct runaways *r, int64_t since_us, runaway_stopped_visit *visit, void *ctx);

#endif

/* What the files of runaway share. */
#ifndef POLICY_RUNAWAY_INNER_H
#define POLICY_RUNAWAY_INNER_H

#include "base/list.h"
#include "base/time.h"
#include "policy/decay.h"
#include "policy/runaway.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- runaway_recents.c: records by 64-bit id, the longest unused goes first */

struct recent {
    struct list order; /* in its shard, the latest used first */
    struct recent *next_same_hash;
    uint64_t id;
    int64_t last_us;
};

struct recents_shard {
    _Alignas(64) pthread_mutex_t mutex;
    struct recent **bucket;
    struct list order;
    size_t count;
};

enum { RECENTS_SHARDS = 32 };

struct recents {
    size_t bytes_each, shard_max, bucket_mask;
    struct recent **buckets;                  /* of all shards */
    void (*end)(void *ctx, struct recent *r); /* before it goes; under the shard's mutex. May be NULL */
    void *ctx;
    struct recents_shard shard[RECENTS_SHARDS];
};

void recents_init(struct recents *t, size_t bytes_each, size_t max, void (*end)(void *, struct recent *), void *ctx);
/* Without `end`. */
void recents_free(struct recents *t);
/* Found or, with `make`, made: zeroed behind struct recent. Owns: the shard's mutex is held until
 * recents_give(), also where it returns NULL. */
struct recent *recents_take(struct recents *t, uint64_t id, int64_t now_us, bool make);
void recents_give(struct recents *t, uint64_t id);
/* Under its mutex; `r` is freed. */
void recents_remove(struct recents *t, struct recent *r);
void recents_sweep(struct recents *t, int64_t idle_since_us);
size_t recents_count(struct recents *t);

/* ---- what was found, the worst of it */

struct finding {
    enum runaway_action action;
    enum runaway_reason reason;
    int64_t delay_us, seen, limit;
};

/* The graver one stays; of two equal ones the first. The longest delay counts. */
static inline void finding_add(struct finding *all, const struct finding *one)
{
    int64_t delay_us = one->delay_us > all->delay_us ? one->delay_us : all->delay_us;
    if (one->action > all->action) *all = *one;
    all->delay_us = delay_us;
}

/* ---- runaway_loop.c, runaway_pace.c: a session */

enum { REPEATS = 16, REPEAT_SLOTS = 5, PACE_MINUTES = 15 };

/* One message, and how often it came lately: by parts of the time that counts. */
struct repeat {
    uint64_t message, answer;
    int64_t slot;  /* the latest part */
    uint64_t used; /* the session's call that brought it last */
    uint32_t count[REPEAT_SLOTS];
    uint32_t same_answers; /* in a row, to this message */
};

struct loops_seen {
    uint64_t calls;
    uint64_t last[2]; /* messages, the latest first */
    int64_t last_us;
    uint32_t swings; /* calls that came in turn with the one before, after the first two */
    uint64_t answer;
    uint32_t same_answers;
    struct repeat repeat[REPEATS];
};

struct pace {
    int64_t minute; /* the current one's number */
    int64_t tokens, tokens_before;
    int64_t threshold; /* as last judged; 0: none yet */
    int64_t median;    /* of `past` */
    uint32_t known;    /* finished minutes in which anything came */
    int64_t past[PACE_MINUTES];
};

struct session_seen {
    struct recent recent;
    struct pace pace;
    struct loops_seen loop;
};

void loops_check(struct loops_seen *l, const struct runaway_ask *ask, struct finding *out);
void loops_note(struct loops_seen *l, const struct runaway_end *end);
void pace_check(struct pace *p, const struct runaway_ask *ask, bool named, struct finding *out);
/* What was asked did not happen, or took another number of tokens. */
void pace_correct(struct pace *p, int64_t now_us, int64_t asked, int64_t used);

/* ---- runaway_task.c: a task, and the history of its type */

struct task_type {
    uint64_t id;
    pthread_mutex_t mutex;
    struct decay steps, cost;            /* of finished tasks, in units of task_steps_unit(), task_cost_unit() */
    _Atomic int64_t steps_p99, cost_p99; /* 0: not known yet */
};

/* Types never go: a pointer stays good. */
struct task_types {
    pthread_mutex_t mutex; /* making them */
    size_t max;
    _Atomic size_t count;
    struct task_type *type; /* [0] is shared by those beyond the ceiling */
};

struct task_seen {
    struct recent recent;
    struct task_type *type;
    int64_t heard_us;
    int64_t steps;
    picousd cost;
    int64_t steps_limit, cost_limit; /* as last judged; 0: none */
};

void task_types_init(struct task_types *t, size_t max);
void task_types_free(struct task_types *t);
struct task_type *task_type_find(struct task_types *t, uint64_t id);
void task_seen_check(struct task_seen *t, const struct runaway_ask *ask, struct finding *out);
void task_seen_note(struct task_seen *t, const struct runaway_end *end);
/* Its type learns from it. */
void task_seen_end(struct task_seen *t);

/* ---- runaway_say.c */
void runaway_say(const struct runaway_ask *ask, const struct finding *found, char text[RUNAWAY_TEXT_MAX]);

#endif

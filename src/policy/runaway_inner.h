/* What the files of runaway share. */
#ifndef POLICY_RUNAWAY_INNER_H
#define POLICY_RUNAWAY_INNER_H

#include "base/time.h"
#include "policy/decay.h"
#include "policy/recents.h"
#include "policy/runaway.h"

#include <pthread.h>
#include <stdatomic.h>

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
/* The first half of it: without how to lift it. */
void runaway_say_seen(const struct runaway_ask *ask, const struct finding *found, char text[RUNAWAY_TEXT_MAX]);

/* ---- runaway_stopped.c: what was blocked lately */
struct stopped_list {
    pthread_mutex_t mutex;
    struct stopped {
        uint64_t id;               /* of the session or task; 0: free */
        bool by_steps;             /* in the table of tasks; else in that of sessions */
        struct runaway_stopped is; /* its texts are those that follow */
        char name[RUNAWAY_NAME_MAX], key[RUNAWAY_NAME_MAX], feature[RUNAWAY_NAME_MAX], seen[RUNAWAY_TEXT_MAX];
    } of[RUNAWAY_STOPPED_MAX];
};
void stopped_init(struct stopped_list *l);
void stopped_free(struct stopped_list *l);
void stopped_add(struct stopped_list *l, struct runaway_at at, const struct runaway_ask *ask,
                 const struct finding *found);
void stopped_lift(struct stopped_list *l, uint64_t id);
/* Of those that the tables know no longer: they begin anew, and cannot be lifted. */
void stopped_sweep(struct stopped_list *l, struct recents *sessions, struct recents *tasks);
void stopped_each(struct stopped_list *l, int64_t since_us, runaway_stopped_visit *visit, void *ctx);

#endif

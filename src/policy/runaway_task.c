/* Tasks, against what tasks of their type took: three times the 99th percentile is too far.
 *
 * A task is over when nothing was heard of it for ten minutes: then its type learns. One
 * that went too far teaches only as much as it was allowed, so that a runaway does not
 * make room for the next, and a type whose tasks have become longer still gets there. */
#include "policy/runaway_inner.h"

#include "base/arena.h"

#include <stdlib.h>

enum { TASKS_KNOWN_MIN = 50 };
#define HISTORY_HALF_US (7 * US_PER_DAY)
/* Both histories in units in which what matters lies well above DECAY_LOW. */
#define STEPS_UNIT       DECAY_LOW /* a step is so many */
#define PICOUSD_PER_UNIT INT64_C(1000)

void task_types_init(struct task_types *t, size_t max)
{
    pthread_mutex_init(&t->mutex, NULL);
    t->max = max > 0 ? max : 1;
    t->type = mem_map(t->max * sizeof(*t->type));
    pthread_mutex_init(&t->type[0].mutex, NULL); /* the others when they are made: until then they cost no memory */
    atomic_init(&t->count, 1);
}

void task_types_free(struct task_types *t)
{
    for (size_t i = 0; i < atomic_load(&t->count); i++) pthread_mutex_destroy(&t->type[i].mutex);
    mem_unmap(t->type, t->max * sizeof(*t->type));
    pthread_mutex_destroy(&t->mutex);
}

static struct task_type *find_type(const struct task_types *t, uint64_t id, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (t->type[i].id == id) return &t->type[i];
    }
    return NULL;
}

struct task_type *task_type_find(struct task_types *t, uint64_t id)
{
    struct task_type *type = find_type(t, id, atomic_load(&t->count));
    if (type) return type;
    pthread_mutex_lock(&t->mutex);
    size_t count = atomic_load(&t->count);
    type = find_type(t, id, count);
    if (!type && count < t->max) {
        type = &t->type[count];
        type->id = id;
        pthread_mutex_init(&type->mutex, NULL);
        atomic_store(&t->count, count + 1);
    }
    pthread_mutex_unlock(&t->mutex);
    return type ? type : &t->type[0];
}

static int64_t limit_of(int64_t p99, uint32_t factor, int64_t floor)
{
    int64_t limit;
    if (!p99 || !factor || __builtin_mul_overflow(p99, (int64_t)factor, &limit)) return 0;
    return limit > floor ? limit : floor;
}

/* Warns beyond the limit, slows down beyond one and a half, blocks beyond twice the limit. */
static enum runaway_action judge(const struct runaway_limits *l, enum runaway_reason reason, int64_t seen,
                                 int64_t limit, struct finding *out)
{
    if (!limit || seen <= limit) return RUNAWAY_NONE;
    int64_t over = seen - limit;
    struct finding f = {RUNAWAY_WARN, reason, 0, seen, limit};
    if (over > limit) {
        f.action = RUNAWAY_BLOCK;
    } else if (over > limit / 2) {
        f.action = RUNAWAY_SLOW;
        f.delay_us = l->delay_us + (int64_t)((__int128)(l->delay_max_us - l->delay_us) * over / limit);
    }
    finding_add(out, &f);
    return f.action;
}

void task_seen_check(struct task_seen *t, const struct runaway_ask *ask, struct finding *out)
{
    const struct runaway_limits *l = ask->limits;
    t->steps++;
    t->steps_limit = limit_of(atomic_load(&t->type->steps_p99), l->task_factor, l->task_steps_floor);
    t->cost_limit = limit_of(atomic_load(&t->type->cost_p99), l->task_factor, l->task_cost_floor);
    enum runaway_action steps = judge(l, RUNAWAY_TASK_STEPS, t->steps, t->steps_limit, out);
    enum runaway_action cost = judge(l, RUNAWAY_TASK_COST, t->cost, t->cost_limit, out);
    if (steps == RUNAWAY_BLOCK || cost == RUNAWAY_BLOCK) t->steps--; /* a step that is not taken */
}

void task_seen_note(struct task_seen *t, const struct runaway_end *end)
{
    if (__builtin_add_overflow(t->cost, end->cost, &t->cost)) t->cost = INT64_MAX;
}

static int64_t at_most(int64_t n, int64_t limit)
{
    return limit && n > limit ? limit : n;
}

void task_seen_end(struct task_seen *t)
{
    struct task_type *type = t->type;
    if (!type || !t->steps) return;
    int64_t steps = at_most(t->steps, t->steps_limit), now_us = t->heard_us;
    pthread_mutex_lock(&type->mutex);
    decay_add(&type->steps, steps < DECAY_TOP / STEPS_UNIT ? steps * STEPS_UNIT : DECAY_TOP, now_us, HISTORY_HALF_US);
    decay_add(&type->cost, at_most(t->cost, t->cost_limit) / PICOUSD_PER_UNIT, now_us, HISTORY_HALF_US);
    if (decay_samples(&type->steps) >= TASKS_KNOWN_MIN) {
        /* rounded up: the middle of a bucket may lie below its only value */
        atomic_store(&type->steps_p99, (decay_quantile(&type->steps, 990) + STEPS_UNIT - 1) / STEPS_UNIT);
        atomic_store(&type->cost_p99, decay_quantile(&type->cost, 990) * PICOUSD_PER_UNIT);
    }
    pthread_mutex_unlock(&type->mutex);
}

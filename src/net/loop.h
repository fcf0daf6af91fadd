/* A thread's event loop (libuv) and what every user of it shares: one read
 * buffer, a tick that ends what is overdue, and a list of what dies this turn.
 *
 * Thread: all of it is the loop's own thread's, but for loop_wake(). */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"
#include "base/pool.h"
#include "base/str.h"

#include <uv.h>

enum {
    LOOP_READ_BYTES = 64 * 1024, /* the shared read buffer: one read(2) */
    LOOP_TICK_MS = 50,           /* how often deadlines are looked at */
};

struct loop {
    uv_loop_t uv;
    uv_check_t turn_end;
    uv_timer_t tick;
    uv_async_t mail;
    char *read_buffer;     /* LOOP_READ_BYTES; valid until the next read of this loop */
    struct pool blocks;    /* of the arenas of what this loop serves */
    struct list deadlines; /* of struct deadline */
    int64_t soonest_us;    /* no deadline lies before it: most ticks look no further */
    struct list runnable;  /* of struct task */
    struct list dead;      /* of struct corpse: freed at the end of the turn */
    void (*on_mail)(struct loop *l);
    void *owner;
};

/* Something that can run. Events only mark it; it runs once, at the end of the
 * turn, when nobody else's callback is on the stack. */
struct task {
    struct list link;
    void (*run)(struct task *t);
};

/* Something that must have happened by `at_us` (monotonic). Looked at every tick. */
struct deadline {
    struct list link;
    int64_t at_us; /* monotonic; 0: none */
    void (*late)(struct deadline *d);
};

/* Something to free when nothing on the stack can still point at it. */
struct corpse {
    struct list link;
    void (*bury)(struct corpse *c);
};

void loop_init(struct loop *l, void *owner);
/* Runs until loop_stop(). Thread: the loop's, from here on. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* After loop_run(): closes what is left. */
void loop_free(struct loop *l);
/* Calls on_mail on the loop's thread soon. Thread: any. */
void loop_wake(struct loop *l);

/* Runs `t` at the end of this turn; marking it twice is once. */
void task_init(struct task *t, void (*run)(struct task *t));
void task_mark(struct loop *l, struct task *t);
void task_clear(struct task *t);
/* Ends the turn: runs what is runnable, then frees the dead. Every event callback
 * of net/ calls it last. */
void loop_turn(struct loop *l);

/* Monotonic, in whole milliseconds, as the turn began: for deadlines, which are looked at
 * every LOOP_TICK_MS. Reading the clock for each would be a part of a call that shows. */
static inline int64_t loop_now_us(const struct loop *l)
{
    return (int64_t)uv_now(&l->uv) * 1000;
}

/* The deadline stays linked while the loop lives or until deadline_clear(). */
void deadline_init(struct deadline *d, void (*late)(struct deadline *d));
void deadline_set(struct loop *l, struct deadline *d, int64_t at_us);
void deadline_clear(struct deadline *d);
void loop_bury(struct loop *l, struct corpse *c, void (*bury)(struct corpse *c));

#endif

#include "net/loop.h"

#include "base/arena.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

static void on_mail(uv_async_t *async)
{
    struct loop *l = async->data;
    if (l->on_mail) l->on_mail(l);
    loop_turn(l);
}

static void on_check(uv_check_t *check)
{
    loop_turn(check->data);
}

static void end_overdue(struct loop *l, int64_t now_us)
{
    struct list overdue; /* first gather, then call: a callback may clear or set any deadline */
    list_init(&overdue);
    l->soonest_us = INT64_MAX;
    LIST_EACH (it, &l->deadlines) {
        int64_t at_us = LIST_ENTRY(it, struct deadline, link)->at_us;
        if (at_us > now_us) {
            if (at_us < l->soonest_us) l->soonest_us = at_us;
            continue;
        }
        list_remove(it);
        list_add_last(&overdue, it);
    }
    while (!list_empty(&overdue)) {
        struct deadline *d = LIST_ENTRY(overdue.next, struct deadline, link);
        int64_t at_us = d->at_us;
        deadline_clear(d);
        if (at_us > now_us)
            deadline_set(l, d, at_us); /* put off by the callback of another one */
        else
            d->late(d);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    int64_t now_us = time_mono_us();
    if (now_us >= l->soonest_us) end_overdue(l, now_us);
    if (list_empty(&l->deadlines)) uv_timer_stop(&l->tick);
    loop_turn(l);
}

static void must(int status, const char *what)
{
    if (status == 0) return;
    fprintf(stderr, "purser: %s: %s\n", what, uv_strerror(status));
    abort();
}

void loop_init(struct loop *l, void *owner)
{
    *l = (struct loop){.owner = owner};
    must(uv_loop_init(&l->uv), "event loop");
    must(uv_check_init(&l->uv, &l->turn_end), "event loop");
    must(uv_timer_init(&l->uv, &l->tick), "event loop");
    must(uv_async_init(&l->uv, &l->mail, on_mail), "event loop");
    l->turn_end.data = l->tick.data = l->mail.data = l;
    must(uv_check_start(&l->turn_end, on_check), "event loop");
    l->read_buffer = mem_alloc(LOOP_READ_BYTES);
    pool_init(&l->blocks, ARENA_BLOCK_BYTES);
    list_init(&l->deadlines);
    l->soonest_us = INT64_MAX;
    list_init(&l->runnable);
    list_init(&l->dead);
}

void loop_run(struct loop *l)
{
    loop_turn(l); /* what was marked before there was a turn */
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void loop_free(struct loop *l)
{
    loop_turn(l);
    uv_walk(&l->uv, close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    loop_turn(l);
    uv_loop_close(&l->uv);
    pool_free(&l->blocks);
    free(l->read_buffer);
}

void loop_wake(struct loop *l)
{
    uv_async_send(&l->mail);
}

void task_init(struct task *t, void (*run)(struct task *t))
{
    list_init(&t->link);
    t->run = run;
}

void task_mark(struct loop *l, struct task *t)
{
    if (list_empty(&t->link)) list_add_last(&l->runnable, &t->link);
}

void task_clear(struct task *t)
{
    list_remove(&t->link);
}

void loop_turn(struct loop *l)
{
    while (!list_empty(&l->runnable)) {
        struct task *t = LIST_ENTRY(l->runnable.next, struct task, link);
        task_clear(t);
        t->run(t);
    }
    while (!list_empty(&l->dead)) {
        struct corpse *c = LIST_ENTRY(l->dead.next, struct corpse, link);
        list_remove(&c->link);
        c->bury(c);
    }
}

void deadline_init(struct deadline *d, void (*late)(struct deadline *d))
{
    list_init(&d->link);
    d->at_us = 0;
    d->late = late;
}

void deadline_set(struct loop *l, struct deadline *d, int64_t at_us)
{
    d->at_us = at_us;
    if (at_us < l->soonest_us) l->soonest_us = at_us;
    if (!list_empty(&d->link)) return;
    if (list_empty(&l->deadlines)) uv_timer_start(&l->tick, on_tick, LOOP_TICK_MS, LOOP_TICK_MS);
    list_add_last(&l->deadlines, &d->link);
}

void deadline_clear(struct deadline *d)
{
    d->at_us = 0;
    list_remove(&d->link);
}

void loop_bury(struct loop *l, struct corpse *c, void (*bury)(struct corpse *c))
{
    c->bury = bury;
    list_add_last(&l->dead, &c->link);
}

#include "flow/switching.h"

#include "base/time.h"
#include "flow/purser.h"
#include "flow/request.h"

#include <stdlib.h>
#include <unistd.h>

enum { SWITCHES_MAX = 10000 };

struct reading {
    struct arena arena;
    struct ai_switch *of;
    size_t count, cap;
};

static void add(void *ctx, const struct ledger_switch *s)
{
    struct reading *r = ctx;
    if (r->count == r->cap) {
        if (r->cap >= SWITCHES_MAX) return;
        r->cap = r->cap ? r->cap * 2 : 16;
        r->of = mem_realloc(r->of, r->cap * sizeof(*r->of));
    }
    r->of[r->count++] = (struct ai_switch){.feature = arena_str(&r->arena, s->feature),
                                           .since_us = s->since_us,
                                           .until_us = s->until_us,
                                           .who = arena_str(&r->arena, s->who),
                                           .why = arena_str(&r->arena, s->why)};
}

/* The stored switches as a new table. Fails: NULL with a sentence in `why`. */
static struct switches *read_table(struct purser *p, struct buf *why)
{
    struct reading r = {0};
    struct snapshot *shown = purser_shown(p);
    char *dir = str_dup(shown->settings->data);
    snapshot_put(shown);
    arena_init(&r.arena);
    bool ok = ledger_switches_each(dir, time_now_us(), add, &r, why);
    struct switches *s = ok ? switches_new(r.of, r.count, switches_generation(p->switches) + 1) : NULL;
    free(r.of);
    arena_free(&r.arena);
    free(dir);
    return s;
}

bool switching_restore(struct purser *p, struct buf *why)
{
    p->switches = read_table(p, why);
    if (!p->switches) return false;
    for (unsigned i = 0; i < p->worker_count; i++) p->workers[i]->switches = switches_get(p->switches);
    return true;
}

/* ---- a change */

static void offer(struct worker *w, struct switches *s)
{
    pthread_mutex_lock(&w->mail_lock);
    struct switches *unseen = w->switching.offered;
    w->switching.offered = switches_get(s);
    pthread_mutex_unlock(&w->mail_lock);
    switches_put(unseen);
    loop_wake(&w->loop);
}

/* A turn of the loop: milliseconds. */
static void await(struct purser *p, const struct worker *w, uint32_t generation)
{
    while (__atomic_load_n(&w->switching.adopted, __ATOMIC_ACQUIRE) < generation) {
        if (__atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE)) return;
        usleep(500);
    }
}

enum err switching_change(struct purser *p, const struct ledger_switching *change, struct buf *why)
{
    pthread_mutex_lock(&p->switching);
    enum err e = ledger_switch(p->ledger, change, why);
    struct switches *next = e ? NULL : read_table(p, why);
    if (next) {
        pthread_mutex_lock(&p->showing);
        struct switches *old = p->switches;
        p->switches = next;
        pthread_mutex_unlock(&p->showing);
        if (change->off && change->ends_running) switches_end_running(next, change->feature);
        for (unsigned i = 0; i < p->worker_count; i++) offer(p->workers[i], next);
        for (unsigned i = 0; i < p->worker_count; i++) await(p, p->workers[i], switches_generation(next));
        switches_put(old);
    }
    pthread_mutex_unlock(&p->switching);
    return e ? e : next ? ERR_NONE : ERR_INTERNAL;
}

struct switches *switching_current(struct purser *p)
{
    pthread_mutex_lock(&p->showing);
    struct switches *s = switches_get(p->switches);
    pthread_mutex_unlock(&p->showing);
    return s;
}

void switching_drop(struct purser *p)
{
    switches_put(p->switches);
    p->switches = NULL;
}

/* ---- a worker */

/* A call that only waits for money or for its turn meets the switch before it reaches a provider; one that waits to be
 * repeated, which may take long, meets it now. */
static void meet(struct worker *w)
{
    int64_t now_us = time_now_us();
    LIST_EACH (it, &w->requests) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (switches_find(w->switches, r->attribute.payer.is[SCOPE_FEATURE], now_us)) answer_end_wait(r);
        bool runs = r->rival || (r->attempt && !r->attempt->over);
        if (!runs) continue;
        if (!switches_ends(w->switches, r->attribute.payer.is[SCOPE_FEATURE])) continue;
        request_cancel(r, ERR_SWITCHED_OFF, "AI was switched off");
    }
}

void switching_adopt(struct worker *w)
{
    pthread_mutex_lock(&w->mail_lock);
    struct switches *offered = w->switching.offered;
    w->switching.offered = NULL;
    pthread_mutex_unlock(&w->mail_lock);
    if (!offered) return;
    struct switches *old = w->switches;
    w->switches = offered;
    switches_put(old);
    meet(w);
    __atomic_store_n(&w->switching.adopted, switches_generation(offered), __ATOMIC_RELEASE);
}

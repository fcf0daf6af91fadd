/* What was blocked lately, for people: the tables know sessions and tasks by their hashes only. */
#include "policy/runaway_inner.h"

void stopped_init(struct stopped_list *l)
{
    pthread_mutex_init(&l->mutex, NULL);
}

void stopped_free(struct stopped_list *l)
{
    pthread_mutex_destroy(&l->mutex);
}

/* Under the lock, as what follows. NULL: it is not there. */
static struct stopped *find(struct stopped_list *l, uint64_t id)
{
    for (size_t i = 0; i < RUNAWAY_STOPPED_MAX; i++)
        if (l->of[i].id == id) return &l->of[i];
    return NULL;
}

/* A free place, or that of the one whose last call is the longest ago. */
static struct stopped *make_room(struct stopped_list *l)
{
    struct stopped *oldest = &l->of[0];
    for (size_t i = 0; i < RUNAWAY_STOPPED_MAX; i++) {
        if (!l->of[i].id) return &l->of[i];
        if (l->of[i].is.last_us < oldest->is.last_us) oldest = &l->of[i];
    }
    return oldest;
}

static str keep(char room[RUNAWAY_NAME_MAX], str name)
{
    name = str_head(name, RUNAWAY_NAME_MAX);
    if (name.n) memcpy(room, name.p, name.n);
    return str_of(room, name.n);
}

void stopped_add(struct stopped_list *l, struct runaway_at at, const struct runaway_ask *ask,
                 const struct finding *found)
{
    const struct runaway_where *w = &ask->where;
    bool by_steps = found->reason == RUNAWAY_TASK_STEPS || found->reason == RUNAWAY_TASK_COST;
    bool of_task = by_steps || !w->session.n;
    uint64_t id = of_task ? at.task : at.session;
    pthread_mutex_lock(&l->mutex);
    struct stopped *s = find(l, id);
    if (!s) {
        s = make_room(l);
        s->id = id;
        s->is = (struct runaway_stopped){.task = of_task,
                                         .name = keep(s->name, of_task ? w->task : w->session),
                                         .key = keep(s->key, w->key)};
    }
    s->by_steps = by_steps;
    s->is.feature = keep(s->feature, w->feature);
    runaway_say_seen(ask, found, s->seen);
    s->is.seen = str_from(s->seen);
    s->is.blocked++;
    s->is.last_us = ask->now_us;
    pthread_mutex_unlock(&l->mutex);
}

void stopped_lift(struct stopped_list *l, uint64_t id)
{
    pthread_mutex_lock(&l->mutex);
    struct stopped *s = find(l, id);
    if (s) s->id = 0;
    pthread_mutex_unlock(&l->mutex);
}

void stopped_sweep(struct stopped_list *l, struct recents *sessions, struct recents *tasks)
{
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < RUNAWAY_STOPPED_MAX; i++) {
        struct stopped *s = &l->of[i];
        if (s->id && !recents_has(s->by_steps ? tasks : sessions, s->id)) s->id = 0;
    }
    pthread_mutex_unlock(&l->mutex);
}

void stopped_each(struct stopped_list *l, int64_t since_us, runaway_stopped_visit *visit, void *ctx)
{
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < RUNAWAY_STOPPED_MAX; i++) {
        const struct stopped *s = &l->of[i];
        if (s->id && s->is.last_us >= since_us) visit(ctx, &s->is);
    }
    pthread_mutex_unlock(&l->mutex);
}

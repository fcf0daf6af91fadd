#include "flow/machine.h"

#include "base/arena.h"

#include <stdlib.h>

struct machine {
    struct machine *next;
    char *name;
    int64_t active, full;    /* calls now; calls that fill it */
    int64_t changed_us;      /* monotonic: up to here it is counted */
    int64_t counted_from_us; /* monotonic: since the last line */
    double busy_us;          /* of one machine, since the last line */
};

struct machines {
    pthread_mutex_t lock;
    struct machine *first;
};

struct machines *machines_new(void)
{
    struct machines *m = mem_zalloc(sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void machines_drop(struct machines *m)
{
    for (struct machine *it = m->first, *next; it; it = next) {
        next = it->next;
        free(it->name);
        free(it);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static struct machine *find(struct machines *m, const struct setting_provider *p, int64_t mono_us)
{
    for (struct machine *it = m->first; it; it = it->next) {
        if (str_eq(str_from(it->name), p->name)) return it;
    }
    struct machine *it = mem_zalloc(sizeof(*it));
    it->name = str_dup(p->name);
    it->changed_us = it->counted_from_us = mono_us;
    it->next = m->first;
    m->first = it;
    return it;
}

static void count_up_to(struct machine *it, int64_t mono_us)
{
    int64_t full = it->full > 0 ? it->full : 1;
    int64_t share = it->active < full ? it->active : full;
    if (mono_us > it->changed_us) it->busy_us += (double)(mono_us - it->changed_us) * (double)share / (double)full;
    it->changed_us = mono_us;
}

void machine_use(struct machines *m, const struct setting_provider *p, int change, int64_t mono_us)
{
    pthread_mutex_lock(&m->lock);
    struct machine *it = find(m, p, mono_us);
    count_up_to(it, mono_us);
    it->full = p->concurrency_at_full;
    it->active += change;
    pthread_mutex_unlock(&m->lock);
}

int64_t machine_take_idle_us(struct machines *m, const struct setting_provider *p, int64_t mono_us, int64_t *since_us)
{
    pthread_mutex_lock(&m->lock);
    struct machine *it = find(m, p, mono_us);
    count_up_to(it, mono_us);
    int64_t elapsed_us = mono_us - it->counted_from_us;
    int64_t idle_us = elapsed_us - (int64_t)it->busy_us;
    it->busy_us = 0;
    it->counted_from_us = mono_us;
    pthread_mutex_unlock(&m->lock);
    *since_us = elapsed_us;
    return idle_us > 0 ? idle_us : 0;
}

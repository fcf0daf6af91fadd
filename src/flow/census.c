#include "flow/census.h"

#include "base/time.h"
#include "flow/purser.h"
#include "flow/request.h"

#include <errno.h>
#include <stdlib.h>

/* One question to all workers. The last one to let go of it frees it: a worker that
 * answers too late finds it there. */
struct asking {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned uses, open; /* under the lock */
    struct census sum;
    struct slip *slips;
};

struct slip {
    struct mail mail;
    struct asking *asking;
    struct worker *worker;
};

static void let_go(struct asking *a)
{
    pthread_mutex_lock(&a->lock);
    bool last = --a->uses == 0;
    pthread_mutex_unlock(&a->lock);
    if (!last) return;
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->answered);
    free(a->slips);
    free(a);
}

static void count_attempt(const struct attempt *a, struct census *out)
{
    if (a && !a->over && a->step < ATTEMPT_STEPS) out->steps[REQUEST_STEPS + a->step]++;
}

static void count_all(const struct worker *w, struct census *out)
{
    LIST_EACH (it, &w->requests) {
        const struct request *r = LIST_ENTRY(it, const struct request, link);
        out->calls++;
        out->streams += r->attribute.call.stream;
        if (r->step < REQUEST_STEPS) out->steps[r->step]++;
        count_attempt(r->attempt, out);
        count_attempt(r->rival, out);
    }
}

static void deliver(struct mail *m)
{
    struct slip *slip = CONTAINER_OF(m, struct slip, mail);
    struct asking *a = slip->asking;
    struct census mine = {0};
    count_all(slip->worker, &mine);
    pthread_mutex_lock(&a->lock);
    a->sum.calls += mine.calls;
    a->sum.streams += mine.streams;
    for (int i = 0; i < METRIC_STEPS; i++) a->sum.steps[i] += mine.steps[i];
    a->open--;
    pthread_cond_signal(&a->answered);
    pthread_mutex_unlock(&a->lock);
    let_go(a);
}

/* Takes the question back from a worker that has not read it. */
static void withdraw(struct slip *slip)
{
    pthread_mutex_lock(&slip->worker->mail_lock);
    bool unread = !list_empty(&slip->mail.link);
    list_remove(&slip->mail.link);
    pthread_mutex_unlock(&slip->worker->mail_lock);
    if (unread) let_go(slip->asking);
}

void census_take(struct purser *p, struct census *out)
{
    struct asking *a = mem_zalloc(sizeof(*a));
    struct timespec until;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->answered, NULL);
    a->open = p->worker_count;
    a->uses = p->worker_count + 1;
    a->slips = mem_zalloc(p->worker_count * sizeof(*a->slips));
    for (unsigned i = 0; i < p->worker_count; i++) {
        a->slips[i] = (struct slip){.asking = a, .worker = p->workers[i]};
        mail_init(&a->slips[i].mail, deliver);
        mail_send(p->workers[i], &a->slips[i].mail);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 500 * 1000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&a->lock);
    while (a->open && pthread_cond_timedwait(&a->answered, &a->lock, &until) != ETIMEDOUT) {}
    *out = a->sum;
    out->missing = a->open;
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; out->missing && i < p->worker_count; i++) withdraw(&a->slips[i]);
    let_go(a);
}

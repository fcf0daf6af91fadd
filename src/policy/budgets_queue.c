/* Who waits for a cell, in order of arrival. All of it under the budgets' mutex. */
#include "policy/budgets_inner.h"

#include <stdlib.h>

/* A smaller call may pass a head that has waited less than this. */
#define PASS_US US_PER_SECOND

struct budget_queue {
    struct list waiters;
    int64_t least_slack; /* no waiter's limit - amount is smaller: spent beyond it, somebody can never fit */
};

static struct budget_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct budget_waiter, link);
}

void budget_waiter_init(struct budget_waiter *w, void (*wake)(struct budget_waiter *), void *owner)
{
    *w = (struct budget_waiter){.wake = wake, .owner = owner};
    list_init(&w->link);
}

/* Whoever came before must fit, too; else only a smaller newcomer may go first, and
 * not for long. A ticket of 0 is a newcomer's. */
bool queue_lets_pass(const struct budget_cell *c, const struct place *p, uint64_t ticket, int64_t at_us)
{
    if (!c->queue || !p->rule->is.enforced) return true;
    int64_t room = p->rule->is.limit - cell_used(c);
    const struct budget_waiter *head = NULL;
    LIST_EACH (it, &c->queue->waiters) {
        const struct budget_waiter *w = waiter_of(it);
        if (ticket && w->ticket >= ticket) break;
        if (!head) head = w;
        if (room < w->amount) {
            room = -1;
            break;
        }
        room -= w->amount;
    }
    if (!head || p->amount <= room) return true;
    return !ticket && p->amount < head->amount && at_us - head->since_us < PASS_US;
}

void queue_enter(struct budgets *b, struct budget_cell *c, struct budget_waiter *w, const struct place *p,
                 int64_t at_us)
{
    if (!w->ticket) {
        w->ticket = ++b->tickets;
        w->since_us = at_us;
    }
    w->amount = p->amount;
    w->limit = p->rule->is.limit;
    w->woken = false;
    if (!c->queue) {
        c->queue = mem_alloc(sizeof(*c->queue));
        list_init(&c->queue->waiters);
        c->queue->least_slack = INT64_MAX;
    }
    int64_t slack = w->limit - w->amount;
    if (slack < c->queue->least_slack) c->queue->least_slack = slack;
    if (w->cell == c) return; /* keeps its place */
    struct list *place = &c->queue->waiters;
    while (place->prev != &c->queue->waiters && waiter_of(place->prev)->ticket > w->ticket) place = place->prev;
    list_insert_before(place, &w->link);
    w->cell = c;
    atomic_fetch_add(&c->waiting, 1);
}

void queue_leave(struct budget_waiter *w)
{
    struct budget_cell *c = w->cell;
    if (!c) return;
    list_remove(&w->link);
    w->cell = NULL;
    w->woken = false;
    atomic_fetch_sub(&c->waiting, 1);
    if (!list_empty(&c->queue->waiters)) return;
    free(c->queue);
    c->queue = NULL;
}

static void wake(struct budget_waiter *w)
{
    if (w->woken) return;
    w->woken = true;
    w->wake(w);
}

static bool never_fits(const struct budget_waiter *w, int64_t spent)
{
    return w->amount > w->limit - spent;
}

/* Those who can never fit any more must hear of it at once. */
static void wake_hopeless(struct budget_queue *q, int64_t spent)
{
    if (spent <= q->least_slack) return;
    q->least_slack = INT64_MAX;
    LIST_EACH (it, &q->waiters) {
        struct budget_waiter *w = waiter_of(it);
        int64_t slack = w->limit - w->amount;
        if (never_fits(w, spent)) {
            wake(w);
        } else if (slack < q->least_slack) {
            q->least_slack = slack;
        }
    }
}

/* Those at the head who fit together. One that was woken before keeps its share. */
void queue_wake(struct budget_cell *c)
{
    if (!c->queue) return;
    int64_t spent = cell_spent(c), used = cell_used(c), ahead = 0;
    wake_hopeless(c->queue, spent);
    LIST_EACH (it, &c->queue->waiters) {
        struct budget_waiter *w = waiter_of(it);
        if (never_fits(w, spent)) continue;
        if (w->amount > w->limit - used - ahead) return;
        wake(w);
        ahead += w->amount;
    }
}

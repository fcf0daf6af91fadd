/* Who waits for room at a target: by tier, and within a tier fair between keys.
 *
 * A list for each tier, sorted by round. A call's round is one later than that of the last
 * call of its key that waits, or the round that is being served: so each round holds at
 * most one call of each key, and whoever has a hundred waiting stands in a hundred rounds, while
 * another's single call is served in the next. (Start-time fair queueing, each call
 * of length one.) The last one of a list is the latest of the greediest key: that one is
 * sent away when the queue is full, of the lowest tier first. */
#include "policy/health_inner.h"

static struct health_waiter *waiter_of(struct list *node)
{
    return LIST_ENTRY(node, struct health_waiter, link);
}

void health_waiter_init(struct health_waiter *w, void (*wake)(struct health_waiter *), void *owner)
{
    *w = (struct health_waiter){.wake = wake, .owner = owner};
    list_init(&w->link);
}

void waiters_init(struct health_queue *q)
{
    for (int t = 0; t < FEATURE_TIER_COUNT; t++) list_init(&q->waiters[t]);
}

void waiters_remove(struct health *h, struct health_waiter *w)
{
    list_remove(&w->link);
    h->queue.count--;
}

static void send_away(struct health *h, struct health_waiter *w, enum health_verdict verdict, int64_t until_us)
{
    waiters_remove(h, w);
    w->verdict = verdict;
    w->pass = (struct health_pass){.until_us = until_us};
    if (verdict == HEALTH_SHED) h->shed[w->tier]++;
    w->wake(w);
}

static uint64_t round_of(const struct health_queue *q, enum feature_tier tier, uint64_t key)
{
    const struct list *all = &q->waiters[tier];
    for (struct list *it = all->prev; it != all; it = it->prev) {
        if (waiter_of(it)->key == key) return waiter_of(it)->round + 1;
    }
    return q->round[tier];
}

/* Makes room for a call of this tier and round. */
static bool send_worse_away(struct health *h, enum feature_tier tier, uint64_t round)
{
    for (int t = FEATURE_TIER_COUNT - 1; t >= (int)tier; t--) {
        if (list_empty(&h->queue.waiters[t])) continue;
        struct health_waiter *last = waiter_of(h->queue.waiters[t].prev);
        if (t == (int)tier && last->round <= round) return false;
        send_away(h, last, HEALTH_SHED, 0);
        return true;
    }
    return false;
}

bool waiters_enter(struct health *h, struct health_waiter *w, const struct health_ask *ask)
{
    struct health_queue *q = &h->queue;
    uint64_t round = round_of(q, ask->tier, ask->key);
    if (q->count >= h->rules.queue_max && !send_worse_away(h, ask->tier, round)) return false;
    struct list *place = &q->waiters[ask->tier];
    while (place->prev != &q->waiters[ask->tier] && waiter_of(place->prev)->round > round) place = place->prev;
    list_insert_before(place, &w->link);
    q->count++;
    h->waited++;
    w->health = h;
    w->key = ask->key;
    w->tier = ask->tier;
    w->round = round;
    w->since_us = ask->now_us;
    w->until_us = ask->until_us;
    w->verdict = HEALTH_WAIT;
    return true;
}

static struct health_waiter *next_waiter(const struct health_queue *q)
{
    for (int t = 0; t < FEATURE_TIER_COUNT; t++) {
        if (!list_empty(&q->waiters[t])) return waiter_of(q->waiters[t].next);
    }
    return NULL;
}

/* Room is given to the one whose turn it is, not fought for by those that wake. */
void waiters_serve(struct health *h, int64_t now_us)
{
    struct health_waiter *w;
    while (h->breaker.state == HEALTH_CLOSED && room_is_left(h) && (w = next_waiter(&h->queue))) {
        if (now_us >= w->until_us) {
            send_away(h, w, HEALTH_SHED, 0);
            continue;
        }
        waiters_remove(h, w);
        h->queue.round[w->tier] = w->round;
        w->verdict = HEALTH_GO;
        health_admit(h, now_us, false, &w->pass);
        w->wake(w);
    }
}

void waiters_dismiss(struct health *h, enum health_verdict verdict, int64_t until_us)
{
    struct health_waiter *w;
    while ((w = next_waiter(&h->queue))) send_away(h, w, verdict, until_us);
}

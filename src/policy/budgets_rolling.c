/* Rolling windows: a head with the limit, and a cell for each step.
 *
 * The head's figures are those of all steps that are not wholly older than the
 * window, so it errs towards the strict side by less than one step. Steps are
 * ordinary cells: what the ledger restores is found when the head is made. */
#include "policy/budgets_inner.h"

static int64_t expiry(const struct rolling_head *h, const struct budget_cell *step)
{
    return step->id.window_start_us + h->span_us;
}

/* Counts a step into its head. */
void rolling_attach(struct budget_cell *head, struct budget_cell *step)
{
    struct rolling_head *h = head->roll.head;
    if (!step->roll.step) step->roll.step = mem_alloc(sizeof(*step->roll.step));
    int64_t spent = cell_spent(step);
    *step->roll.step = (struct rolling_step){.head = head, .next = h->steps};
    atomic_init(&step->roll.step->counted, spent);
    h->steps = step;
    h->pins++;
    cell_add_spent(head, spent);
    if (expiry(h, step) < atomic_load(&h->expires_us)) atomic_store(&h->expires_us, expiry(h, step));
}

static struct cell_want want_step(const struct rule *r, const struct budget_cell *head, const struct budgets *b,
                                  int64_t start_us)
{
    struct cell_want want = {.name = r->is.cells, .name_hash = r->name_hash, .window_start_us = start_us};
    want.value = cell_value(&head->id);
    want.value_hash = cells_value_hash(b->cells, want.value);
    want.hash = cells_hash(&want);
    return want;
}

/* What was restored before there was a head. */
static void adopt(struct budgets *b, const struct place *p, struct budget_cell *head)
{
    struct cell_want want = want_step(p->rule, head, b, p->start_us);
    for (int i = 0; i <= WINDOW_ROLLING_STEPS; i++) {
        struct budget_cell *step = budget_cell_of(cells_find(b->cells, &want));
        if (step && !step->roll.step) rolling_attach(head, step);
        want.window_start_us = window_start(&p->rule->is.window, want.window_start_us - 1);
        want.hash = cells_hash(&want);
    }
}

struct budget_cell *rolling_find_head(struct budgets *b, const struct place *p)
{
    struct budget_cell *head = cell_make(b, &p->want, true);
    if (head->roll.head->span_us) return head;
    head->roll.head->span_us = p->rule->is.window.rolling_us + p->rule->step_us;
    adopt(b, p, head);
    return head;
}

struct budget_cell *rolling_find_step(struct budgets *b, const struct place *p, struct budget_cell *head)
{
    struct rolling_head *h = head->roll.head;
    struct cell_want want = want_step(p->rule, head, b, p->start_us);
    struct budget_cell *step = cell_make(b, &want, false);
    if (!step->roll.step) rolling_attach(head, step);
    struct budget_cell *newest = atomic_load(&h->newest);
    if (!newest || newest->id.window_start_us < p->start_us) atomic_store(&h->newest, step);
    return step;
}

/* Takes a step's spending out of its head. */
static void expire(struct budget_cell *step)
{
    struct budget_cell *head = step->roll.step->head;
    int64_t counted = atomic_exchange(&step->roll.step->counted, STEP_EXPIRED);
    if (counted <= 0) return;
    atomic_fetch_sub(&head->spent, counted); /* first: used must not be the smaller one */
    atomic_fetch_sub(&head->used, counted);
}

void rolling_expire(struct budget_cell *head, int64_t now_us)
{
    struct rolling_head *h = head->roll.head;
    if (now_us < atomic_load(&h->expires_us)) return;
    int64_t next_us = INT64_MAX;
    for (struct budget_cell **at = &h->steps; *at;) {
        struct budget_cell *step = *at;
        if (expiry(h, step) > now_us) {
            if (expiry(h, step) < next_us) next_us = expiry(h, step);
            at = &step->roll.step->next;
            continue;
        }
        *at = step->roll.step->next;
        expire(step);
    }
    atomic_store(&h->expires_us, next_us);
}

/* Of a step that dies: its head forgets it. */
void rolling_detach(struct budget_cell *step)
{
    struct rolling_head *h = step->roll.step->head->roll.head;
    for (struct budget_cell **at = &h->steps; *at; at = &(*at)->roll.step->next) {
        if (*at != step) continue;
        *at = step->roll.step->next;
        break;
    }
    expire(step);
    if (atomic_load(&h->newest) == step) atomic_store(&h->newest, NULL);
    h->pins--;
}

/* Counts what is posted, unless the step is over: then the head has nothing of it. */
static int64_t count(struct rolling_step *step, int64_t used)
{
    int64_t counted = atomic_load(&step->counted);
    int64_t add;
    do {
        if (counted == STEP_EXPIRED) return 0;
        add = used < INT64_MAX - counted ? used : INT64_MAX - counted;
    } while (!atomic_compare_exchange_weak(&step->counted, &counted, counted + add));
    return add;
}

void rolling_post(struct budgets *b, struct budget_cell *step, int64_t held, int64_t used)
{
    struct rolling_step *s = step->roll.step;
    /* More than was held: an expiry between the two figures would take out of the
     * head what is not in it yet. */
    bool above = used > held;
    if (above) pthread_mutex_lock(&b->mutex);
    cell_post(s->head, held, count(s, used));
    if (above) pthread_mutex_unlock(&b->mutex);
}

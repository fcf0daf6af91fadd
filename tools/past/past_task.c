#include "past.h"

#include <math.h>

/* ---- tasks under way: a heap, the next call on top */

static void swap(struct past_task *a, struct past_task *b)
{
    struct past_task t = *a;
    *a = *b;
    *b = t;
}

static void sink(struct past *p, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < p->heap_count; c++) {
            if (p->heap[c].due_us < p->heap[least].due_us) least = c;
        }
        if (least == i) return;
        swap(&p->heap[i], &p->heap[least]);
        i = least;
    }
}

static void push(struct past *p, const struct past_task *t)
{
    if (p->heap_count == p->heap_cap) {
        p->heap_cap = p->heap_cap ? p->heap_cap * 2 : 256;
        p->heap = mem_realloc(p->heap, p->heap_cap * sizeof(*p->heap));
    }
    size_t i = p->heap_count++;
    p->heap[i] = *t;
    for (; i && p->heap[i].due_us < p->heap[(i - 1) / 2].due_us; i = (i - 1) / 2)
        swap(&p->heap[i], &p->heap[(i - 1) / 2]);
}

static void pop(struct past *p)
{
    p->heap[0] = p->heap[--p->heap_count];
    sink(p, 0);
}

/* ---- beginning */

/* Zipf's law, exponent 1.05: few users call all day, most of them once in weeks. By the inverse of its integral. */
static uint64_t draw_user(struct past *p)
{
    double n = (double)p->ask.users, e = -0.05;
    uint64_t rank = (uint64_t)pow((pow(n, e) - 1) * rng_unit(&p->rng) + 1, 1 / e) - 1;
    if (rank >= (uint64_t)p->ask.users) rank = (uint64_t)p->ask.users - 1;
    return (rank * p->user_step + 7) % (uint64_t)p->ask.users + 1;
}

static int draw_calls(struct past *p, const struct past_feature *f)
{
    double most = f->calls_max - f->calls_min, u = rng_unit(&p->rng);
    return f->calls_min + (int)(most * u * u + 0.5); /* short ones are the usual ones */
}

/* Prompts' versions are counted from 1, and come every so many days. */
static int version_at(const struct past *p, const struct past_feature *f, int64_t at_us)
{
    return 1 + (int)((at_us - p->rhythm.from_us) / (f->version_days * US_PER_DAY));
}

static struct past_task begin(struct past *p, const struct past_feature *f, int64_t at_us)
{
    struct past_task t = {
        .due_us = at_us, .feature = f, .number = ++p->task_count, .calls = draw_calls(p, f), .hostile = -1};
    t.key = past_chance(&p->rng, 0.7) ? f->key : f->other_key;
    for (size_t k = 0; k < PAST_KEYS; k++) {
        if (strcmp(past_keys[k].name, t.key) == 0) t.team = past_keys[k].team;
    }
    if (f->of_users) t.user = draw_user(p);
    t.version = version_at(p, f, at_us);
    /* A new version does not reach everybody at once. */
    if (t.version > 1 && past_chance(&p->rng, 0.08)) t.version--;
    if (p->ask.hostile && past_chance(&p->rng, 0.03)) t.hostile = p->hostile_count++;
    return t;
}

/* Something calls itself for a whole weekend, and nobody looks. */
static void begin_loop(struct past *p)
{
    struct past_task t = begin(p, &past_features[4], p->rhythm.loop_from_us);
    t.loop = true;
    t.user = 0;
    t.hostile = -1;
    t.calls = (int)p->loop_rows;
    push(p, &t);
}

static bool is_off(const struct past *p, const struct past_feature *f, int64_t at_us)
{
    return strcmp(f->name, "legacy-summary") == 0 && at_us > p->rhythm.until_us - 5 * US_PER_DAY;
}

void tasks_begin_hour(struct past *p, size_t hour)
{
    const struct past_rhythm *r = &p->rhythm;
    int64_t from_us = r->from_us + (int64_t)hour * US_PER_HOUR, until_us = from_us + US_PER_HOUR;
    if (until_us > r->until_us) until_us = r->until_us;
    if (r->loop_from_us >= from_us && r->loop_from_us < until_us) begin_loop(p);
    int64_t wanted = (int64_t)((double)(p->ask.rows - p->loop_rows) * r->sum[hour] + 0.5);
    int64_t due = p->rows + p->coming;
    while (due < wanted) {
        int64_t at_us = from_us + (int64_t)rng_below(&p->rng, (uint64_t)(until_us - from_us));
        const struct past_feature *f = rhythm_feature(r, at_us, &p->rng);
        if (is_off(p, f, at_us)) continue;
        struct past_task t = begin(p, f, at_us);
        p->coming += t.calls;
        due += t.calls;
        push(p, &t);
    }
}

/* ---- going on */

int tasks_step(struct past *p, int64_t until_us)
{
    if (!p->heap_count || p->heap[0].due_us >= until_us) return 0;
    struct past_task *t = &p->heap[0];
    p->now_us = t->due_us;
    if (!call_make(p, t)) return -1;
    if (!t->loop) p->coming--;
    if (++t->made >= t->calls || (t->unanswered && !t->loop && past_chance(&p->rng, 0.5))) {
        if (!t->loop) p->coming -= t->calls - t->made;
        bool ok = after_task(p, t);
        pop(p);
        return ok ? 1 : -1;
    }
    const struct past_rhythm *r = &p->rhythm;
    double gap_s = t->loop ? (double)(r->loop_until_us - r->loop_from_us) / 1e6 / t->calls : t->feature->gap_s;
    t->due_us += (int64_t)(gap_s * 1e6 * (t->loop ? 1 : exp(0.7 * past_normal(&p->rng))));
    sink(p, 0);
    return 1;
}

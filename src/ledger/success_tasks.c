#include "ledger/success_inside.h"

#include <stdlib.h>

/* Outcomes of tasks and what was spent on tasks lie in the order of hashes, each day's by itself. They are walked
 * through side by side, a stretch of hashes after the other, each with so few tasks that these stay in the processor's
 * cache: in there the days are put together by a small table. */

enum { STRETCH = 2048 }; /* about so many outcomes */

struct task {
    int64_t began_us, dearest, dearest_day;
    __int128 cost;
    uint32_t feature;
    bool found;
};

struct slot {
    uint64_t hash; /* 0: free */
    uint32_t task;
};

struct joining {
    struct told *told;
    struct spending spending;
    unsigned bits; /* stretches, as a power of two */
    uint64_t first, last;
    uint32_t no_feature; /* of tasks that nothing was spent on */
    struct slot *slots;
    unsigned slot_bits;
    struct task *tasks;
    uint32_t task_count;
    uint32_t *task_of; /* each outcome, in the order of runs */
    size_t cap;        /* outcomes that there is room for */
};

/* ---- the outcomes of a stretch */

static size_t find_outcomes(struct joining *j)
{
    size_t count = 0;
    for (size_t i = 0; i < j->told->run_count; i++) {
        struct told_run *run = &j->told->runs[i];
        while (run->end < run->until && run->end->hash <= j->last) run->end++;
        count += (size_t)(run->end - run->at);
    }
    return count;
}

static void make_room(struct joining *j, size_t count)
{
    if (count > j->cap) {
        j->cap = count + count / 2;
        for (j->slot_bits = 4; (size_t)1 << j->slot_bits < 2 * j->cap;) j->slot_bits++;
        j->slots = mem_realloc(j->slots, sizeof(*j->slots) << j->slot_bits);
        j->tasks = mem_realloc(j->tasks, j->cap * sizeof(*j->tasks));
        j->task_of = mem_realloc(j->task_of, j->cap * sizeof(*j->task_of));
    }
    memset(j->slots, 0, sizeof(*j->slots) << j->slot_bits);
    j->task_count = 0;
}

/* Its slot, or a free one. Slots lie in the order of hashes, too. */
static inline struct slot *slot_of(const struct joining *j, uint64_t hash)
{
    size_t mask = ((size_t)1 << j->slot_bits) - 1, at = (size_t)(hash << j->bits >> (64 - j->slot_bits));
    while (j->slots[at].hash && j->slots[at].hash != hash) at = (at + 1) & mask;
    return &j->slots[at];
}

static uint32_t place_task(struct joining *j, uint64_t hash)
{
    struct slot *slot = slot_of(j, hash);
    if (!slot->hash) {
        *slot = (struct slot){.hash = hash, .task = j->task_count++};
        j->tasks[slot->task] = (struct task){.began_us = INT64_MAX, .dearest = -1, .feature = j->no_feature};
    }
    return slot->task;
}

static void place_tasks(struct joining *j)
{
    size_t count = 0;
    for (size_t i = 0; i < j->told->run_count; i++) {
        const struct told_run *run = &j->told->runs[i];
        for (const struct told_task *one = run->at; one < run->end; one++)
            j->task_of[count++] = place_task(j, one->hash);
    }
}

/* ---- what was spent on them */

/* Where two cost as much the feature of the first day counts, and there the first by name. */
static bool is_dearer(const struct joining *j, const struct task *t, const struct spent *s)
{
    if (s->cost != t->dearest || s->cost < 0) return s->cost > t->dearest;
    if (s->day_us != t->dearest_day) return s->day_us < t->dearest_day;
    const str *features = j->told->features.all;
    return str_cmp(features[s->feature], features[t->feature]) < 0;
}

static void add_spent(struct joining *j, const struct spent *s)
{
    const struct slot *slot = slot_of(j, s->hash);
    if (!slot->hash) return;
    struct task *t = &j->tasks[slot->task];
    t->found = true;
    t->cost += s->cost;
    if (s->day_us < t->began_us) t->began_us = s->day_us;
    if (!is_dearer(j, t, s)) return;
    t->dearest = s->cost;
    t->dearest_day = s->day_us;
    t->feature = s->feature;
}

/* ---- what came of them */

static void add_outcome(struct joining *j, const struct told_task *one, const struct task *t, bool sees_all)
{
    struct success *out = j->told->groups->out;
    if (!t->found) out->missing += sees_all;
    if (!t->found || t->began_us < out->from_us || t->began_us >= out->to_us) return;
    struct success_row *row = told_row(j->told, one->name, t->feature);
    if (row) success_add(row, t->cost, t->cost, one->success, one->worth);
}

static void add_outcomes(struct joining *j)
{
    bool sees_all = success_sees(&j->told->groups->ask->scope, STR_NONE);
    size_t count = 0;
    for (size_t i = 0; i < j->told->run_count; i++) {
        struct told_run *run = &j->told->runs[i];
        for (; run->at < run->end; run->at++) add_outcome(j, run->at, &j->tasks[j->task_of[count++]], sees_all);
    }
}

/* ---- stretches */

static bool add_stretch(struct joining *j)
{
    size_t outcomes = find_outcomes(j), spent;
    if (!spent_take(&j->spending, j->first, j->last, &spent)) return false;
    if (!outcomes) return true;
    make_room(j, outcomes);
    place_tasks(j);
    for (size_t i = 0; i < spent; i++) add_spent(j, &j->spending.taken[i]);
    add_outcomes(j);
    return !j->told->groups->too_many;
}

static bool has_outcomes(const struct joining *j, uint32_t part)
{
    for (size_t i = 0; i < j->told->run_count; i++) {
        const struct told_run *run = &j->told->runs[i];
        if (run->at < run->until && crowd_part(run->at->hash) == part) return true;
    }
    return false;
}

static bool add_part(struct joining *j, uint32_t part)
{
    bool ok = spent_begin_part(&j->spending, part, has_outcomes(j, part));
    for (uint64_t i = 0, stretches = UINT64_C(1) << (j->bits - CROWD_PART_BITS); ok && i < stretches; i++) {
        j->first = (part * stretches + i) << (64 - j->bits);
        j->last = j->first + ((UINT64_C(1) << (64 - j->bits)) - 1);
        ok = add_stretch(j);
    }
    return ok;
}

bool told_add_tasks(struct told *t, struct costing *c)
{
    struct joining j = {.told = t, .bits = CROWD_PART_BITS};
    if (!t->task_count) return true;
    j.no_feature = texts_place(&t->features, S(""));
    while (t->task_count >> j.bits > STRETCH) j.bits++;
    bool ok = spent_open(&j.spending, t, c);
    for (uint32_t part = 0; ok && part < CROWD_PARTS; part++)
        ok = add_part(&j, part) && cost_goes_on(c, (part + 1.0) / CROWD_PARTS);
    if (j.spending.damaged) buf_add(c->why, S("a packed day is damaged; 'purser ledger verify' tells more"));
    spent_close(&j.spending);
    free(j.slots);
    free(j.tasks);
    free(j.task_of);
    return ok;
}

#include "admin/budgets_fullest.h"

#include "base/arena.h"

#include <stdlib.h>

/* Counters of one budget have one limit: what is used decides alone. */
static bool is_fuller(const struct budget_state *a, const struct budget_state *b)
{
    return (__int128)a->spent + a->held > (__int128)b->spent + b->held;
}

/* Counters of one budget mostly come in a row. */
static struct fullest_group *group_of(struct fullest *f, const struct budget_rule *rule)
{
    if (f->count && f->groups[f->last].rule == rule) return &f->groups[f->last];
    for (f->last = 0; f->last < f->count; f->last++)
        if (f->groups[f->last].rule == rule) return &f->groups[f->last];
    f->groups = mem_realloc(f->groups, (f->count + 1) * sizeof(*f->groups));
    f->groups[f->count++] = (struct fullest_group){.rule = rule};
    return &f->groups[f->last];
}

/* A heap whose root is the least full: a newcomer has to be fuller than that one alone. */
static void sink(struct fullest_group *g, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < g->count; at = child) {
        if (child + 1 < g->count && is_fuller(&g->of[child], &g->of[child + 1])) child++;
        if (!is_fuller(&g->of[at], &g->of[child])) return;
        struct budget_state moved = g->of[at];
        g->of[at] = g->of[child];
        g->of[child] = moved;
    }
}

static struct budget_state copy_of(const struct budget_state *s)
{
    struct budget_state copy = *s;
    copy.value = str_of(str_dup(s->value), s->value.n);
    return copy;
}

void fullest_offer(struct fullest *f, const struct budget_state *s)
{
    struct fullest_group *g = group_of(f, s->rule);
    g->counters++;
    if (g->count < f->most) {
        g->of = mem_realloc(g->of, (g->count + 1) * sizeof(*g->of));
        g->of[g->count++] = copy_of(s);
        for (size_t i = g->count; g->count == f->most && i > 0; i--) sink(g, i - 1); /* a heap from now on */
    } else if (g->count && is_fuller(s, &g->of[0])) {
        free((char *)g->of[0].value.p);
        g->of[0] = copy_of(s);
        sink(g, 0);
    }
}

static int compare(const void *a, const void *b)
{
    return is_fuller(b, a) - is_fuller(a, b);
}

void fullest_sort(struct fullest *f)
{
    for (size_t i = 0; i < f->count; i++) qsort(f->groups[i].of, f->groups[i].count, sizeof(*f->groups[i].of), compare);
}

void fullest_free(struct fullest *f)
{
    for (size_t i = 0; i < f->count; i++) {
        for (size_t j = 0; j < f->groups[i].count; j++) free((char *)f->groups[i].of[j].value.p);
        free(f->groups[i].of);
    }
    free(f->groups);
}

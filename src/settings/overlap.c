/* How many rules one call may match: a call holds a fixed number of them.
 *
 * A call has one value in each dimension (a model has two names, its public one
 * and its target's). The search fixes one dimension after another and keeps the
 * rules that still fit; a branch with too few of them left is not entered, so
 * that ordinary settings cost a sort. Where the search takes too long, the answer
 * is the bound above: rather one refusal too many than a call too wide. */
#include "settings/load.h"

#include <stdlib.h>

enum { STEPS_MAX = 2000000 };

struct search {
    size_t ceiling, best, steps;
};

/* Rules with the same value in one dimension: [from, from + n) of the sorted ones. */
struct run {
    size_t from, n;
};

static bool is_any(str want)
{
    return !want.p || str_eq(want, S("*"));
}

static int by_want(const void *a, const void *b, void *arg)
{
    unsigned dim = *(unsigned *)arg;
    str x = (*(const struct scope *const *)a)->want[dim], y = (*(const struct scope *const *)b)->want[dim];
    bool any_x = is_any(x), any_y = is_any(y);
    if (any_x || any_y) return any_y - any_x; /* those first */
    return str_cmp(x, y);
}

static void visit(struct search *s, const struct scope **rules, size_t count, unsigned dim);

/* Goes on with the rules of any value and those of two runs (twice the same: of one). */
static void branch(struct search *s, const struct scope **rules, size_t any, struct run a, struct run b, unsigned dim)
{
    size_t more = b.from == a.from ? 0 : b.n, count = any + a.n + more;
    if (count <= s->best) return;
    const struct scope **fit = mem_alloc(count * sizeof(const struct scope *));
    if (any) memcpy(fit, rules, any * sizeof(const struct scope *));
    memcpy(fit + any, rules + a.from, a.n * sizeof(const struct scope *));
    if (more) memcpy(fit + any + a.n, rules + b.from, more * sizeof(const struct scope *));
    s->steps += count;
    visit(s, fit, count, dim + 1);
    free(fit);
}

static void visit(struct search *s, const struct scope **rules, size_t count, unsigned dim)
{
    if (count <= s->best || s->best > s->ceiling) return;
    if (dim == SCOPE_DIMS || s->steps > STEPS_MAX) {
        s->best = count;
        return;
    }
    qsort_r(rules, count, sizeof(const struct scope *), by_want, &dim);
    size_t any = 0, runs = 0, widest = 0;
    while (any < count && is_any(rules[any]->want[dim])) any++;
    struct run *run = mem_alloc((count - any + 1) * sizeof(*run));
    for (size_t i = any; i < count; i++) {
        bool same = runs && str_eq(rules[i]->want[dim], rules[i - 1]->want[dim]);
        if (!same) run[runs++] = (struct run){i, 0};
        if (++run[runs - 1].n > widest) widest = run[runs - 1].n;
    }
    if (!runs) visit(s, rules, count, dim + 1);
    for (size_t i = 0; i < runs; i++) {
        if (dim != SCOPE_MODEL)
            branch(s, rules, any, run[i], run[i], dim);
        else if (any + run[i].n + widest > s->best) {
            for (size_t j = i; j < runs; j++) branch(s, rules, any, run[i], run[j], dim);
        }
    }
    free(run);
}

size_t scope_overlap(const struct scope *const *scopes, size_t count, size_t ceiling)
{
    /* Fewer than that never matter, so the search need not look below. */
    struct search s = {.ceiling = ceiling, .best = ceiling};
    if (count <= ceiling) return count;
    const struct scope **all = mem_alloc(count * sizeof(const struct scope *));
    memcpy(all, scopes, count * sizeof(const struct scope *));
    visit(&s, all, count, 0);
    free(all);
    return s.best;
}

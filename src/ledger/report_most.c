#include "ledger/report_inside.h"

#include <stdlib.h>

/* The dearest of very many names, from rows. A group with all its sums is some 700 bytes: of a million users that would
 * be more than a gigabyte. So when there are many groups, the cheaper half become lines: what decides who is shown
 * (report_lines.h), and no more. A name that is one of the dearest in the end was so before, as a rule; those that
 * were not are read once more. */

enum { SHOWN_MAX = 1000, GROUPS_WHOLE = 49152 };

size_t most_groups(const struct plan *p)
{
    const struct report_ask *ask = p->ask;
    bool rows = p->main == SOURCE_ROWS_BY_TIME || p->main == SOURCE_ROWS_BY_ID;
    if (!rows || ask->ladder || !ask->by_count || ask->limit <= 0 || ask->limit > SHOWN_MAX) return SIZE_MAX;
    for (size_t i = 0; i < ask->by_count; i++)
        if (p->by[i]->kind != DIM_TEXT) return SIZE_MAX;
    return ask->groups_whole ? ask->groups_whole : GROUPS_WHOLE;
}

/* ---- the cheaper half */

static int dearest_first(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    if (x->sums[SUM_cost] != y->sums[SUM_cost]) return x->sums[SUM_cost] > y->sums[SUM_cost] ? -1 : 1;
    if (x->sums[SUM_attempts] != y->sums[SUM_attempts]) return x->sums[SUM_attempts] > y->sums[SUM_attempts] ? -1 : 1;
    return str_cmp(x->key, y->key);
}

/* It goes to other groups, or becomes a line. Fails: false beyond the ceilings. */
static bool move(struct scanner *s, struct group *g, struct groups *to)
{
    if (!to) {
        struct line_rank rank = {.head.name = g->key,
                                 .cost = g->sums[SUM_cost],
                                 .unpriced_cost = g->sums[SUM_unpriced_cost],
                                 .attempts = (int64_t)g->sums[SUM_attempts]};
        group_add(&s->rest, g);
        return lines_add_rank(s->late, &rank);
    }
    struct group *kept = groups_at(to, g->key);
    if (!kept) return false;
    group_add(kept, g);
    return true;
}

static bool make_room(struct scanner *s)
{
    struct groups kept;
    size_t n = 0, keep = s->groups.count / 2;
    struct group **all = mem_alloc((s->groups.count + 1) * sizeof(*all));
    for (size_t i = 0; i < s->groups.slot_count; i++)
        if (s->groups.slots[i].group) all[n++] = s->groups.slots[i].group;
    qsort(all, n, sizeof(struct group *), dearest_first);
    groups_init(&kept, s->groups.secret);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) ok = move(s, all[i], i < keep ? &kept : NULL);
    free(all);
    groups_free(&s->groups);
    s->groups = kept;
    s->last = NULL;
    return ok;
}

bool most_is_late(struct scanner *s, str key)
{
    if (s->to->count < s->scan->groups_whole && !s->late) return false;
    if (groups_find(s->to, key)) return false;
    if (!s->late) {
        s->late = lines_new(s->scan->late);
        atomic_store(&s->scan->late->crowded, true);
    }
    if (lines_has(s->late, key)) return true;
    /* beyond the ceiling of lines: the name becomes one, which fails */
    return s->to->count >= s->scan->groups_whole && !make_room(s);
}

/* ---- who is shown */

struct candidate {
    struct line_rank rank;
    bool again; /* its group has not all of its rows */
};

struct candidates {
    struct candidate *first; /* the dearest first */
    size_t count, cap, names;
};

/* As compare_sums() of report.c orders groups. */
static bool comes_before(const struct line_rank *a, const struct line_rank *b)
{
    if (a->cost != b->cost) return a->cost > b->cost;
    if (a->unpriced_cost != b->unpriced_cost) return a->unpriced_cost > b->unpriced_cost;
    if (a->attempts != b->attempts) return a->attempts > b->attempts;
    return str_cmp(a->head.name, b->head.name) < 0;
}

static void offer(struct candidates *c, const struct candidate *one)
{
    size_t at = c->count;
    c->names++;
    while (at > 0 && comes_before(&one->rank, &c->first[at - 1].rank)) at--;
    if (at == c->cap) return;
    if (c->count < c->cap) c->count++;
    memmove(&c->first[at + 1], &c->first[at], (c->count - 1 - at) * sizeof(*c->first));
    c->first[at] = *one;
}

static struct candidate of_group(const struct group *g)
{
    return (struct candidate){.rank = {.head.name = g->key,
                                       .cost = g->sums[SUM_cost],
                                       .unpriced_cost = g->sums[SUM_unpriced_cost],
                                       .attempts = (int64_t)g->sums[SUM_attempts]}};
}

/* Names that have a group, a line, or both: a thread may have met one early that the other met late. */
static void gather(struct candidates *c, const struct groups *groups, struct lines *lines)
{
    for (size_t i = 0; i < lines_count(lines); i++) {
        struct candidate one = {.rank = *lines_at(lines, i), .again = true};
        const struct group *g = groups_find(groups, one.rank.head.name);
        if (g) {
            one.rank.cost += g->sums[SUM_cost];
            one.rank.unpriced_cost += g->sums[SUM_unpriced_cost];
            one.rank.attempts += (int64_t)g->sums[SUM_attempts];
        }
        offer(c, &one);
    }
    for (size_t i = 0; i < groups->slot_count; i++) {
        const struct group *g = groups->slots[i].group;
        if (!g || lines_has(lines, g->key)) continue; /* a name is in both where the threads met it */
        struct candidate one = of_group(g);
        offer(c, &one);
    }
}

/* ---- those that were met late */

static bool read_again(struct report *r, const struct scan *scan, const struct candidates *c, sqlite3 *db,
                       struct scan_passes *passes, struct buf *why)
{
    struct plan plan = *scan->plan;
    struct groups wanted, found, none;
    struct group unasked = {0};
    groups_init(&wanted, r->groups.secret);
    groups_init(&found, r->groups.secret);
    groups_init(&none, r->groups.secret);
    for (size_t i = 0; i < c->count; i++)
        if (c->first[i].again) (void)groups_at(&wanted, c->first[i].rank.head.name);
    plan.wanted = true;
    passes->second = true;
    struct scan again = {.plan = &plan, .dir = scan->dir, .progress = {passes_tell, passes}, .wanted = &wanted};
    bool ok = !wanted.count || scan_run(&again, db, &found, &none, &unasked, why);
    for (size_t i = 0; ok && i < c->count; i++) {
        struct group *more = c->first[i].again ? groups_find(&found, c->first[i].rank.head.name) : NULL;
        if (!c->first[i].again) continue;
        struct group *g = groups_at(&r->groups, c->first[i].rank.head.name);
        if (!g) continue;
        group_empty(g);
        if (more) group_add(g, more);
    }
    groups_free(&wanted);
    groups_free(&found);
    groups_free(&none);
    group_free(&unasked);
    return ok;
}

/* ---- all of it */

static bool show_dearest(struct report *r, const struct scan *scan, struct lines *lines, sqlite3 *db,
                         struct scan_passes *passes, struct buf *why)
{
    struct candidates c = {.cap = (size_t)scan->plan->ask->limit};
    c.first = mem_alloc((c.cap + 1) * sizeof(*c.first));
    gather(&c, &r->groups, lines);
    r->group_count = c.names;
    bool ok = read_again(r, scan, &c, db, passes, why);
    r->shown = mem_alloc((c.count + 1) * sizeof(*r->shown));
    for (size_t i = 0; ok && i < c.count; i++) {
        struct group *g = groups_find(&r->groups, c.first[i].rank.head.name);
        if (g) r->shown[r->shown_count++] = g;
    }
    free(c.first);
    mem_trim(); /* groups that went left holes */
    return ok;
}

/* As if nothing had been read. */
static void begin_anew(struct report *r, struct groups *back, struct buf *why)
{
    struct hash_key secret = r->groups.secret;
    groups_free(&r->groups);
    groups_init(&r->groups, secret);
    groups_free(back);
    groups_init(back, secret);
    group_free(&r->totals);
    r->totals = (struct group){0};
    buf_clear(why);
}

bool most_run(struct report *r, struct scan *scan, sqlite3 *db, struct groups *back, struct buf *why)
{
    struct lines_form form = {.cells_max = 1, .secret = r->groups.secret, .most = scan->plan->ask->names_most};
    struct scan_passes passes = {.progress = scan->progress, .more = &form.crowded};
    form.all = lines_new(&form);
    scan->progress = (struct scan_progress){passes_tell, &passes};
    scan->late = &form;
    scan->groups_whole = most_groups(scan->plan);
    bool ok = scan_run(scan, db, &r->groups, back, &r->totals, why);
    r->group_count = r->groups.count;
    if (ok && lines_count(form.all)) ok = show_dearest(r, scan, form.all, db, &passes, why);
    lines_drop(form.all);
    if (!ok && atomic_load(&form.full)) {
        begin_anew(r, back, why);
        passes.second = true;
        ok = many_run(r, scan, db, back, why);
    }
    scan->late = NULL;
    scan->progress = passes.progress;
    return ok;
}

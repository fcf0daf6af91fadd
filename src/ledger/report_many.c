#include "ledger/report_inside.h"
#include "ledger/tally_inside.h"

#include <stdlib.h>

/* The dearest of more names than there is room for lines: who they are is tallied, a part of the names at a time; then
 * the rows are read once more for these, and for the sum of all. */

static struct tallies *find_dearest(const struct scan *scan, struct tally_ask *tally, struct buf *why)
{
    static const enum tally_sum sums[] = {TALLY_cost, TALLY_unpriced_cost, TALLY_attempts};
    const struct report_ask *ask = scan->plan->ask;
    *tally = (struct tally_ask){.by_count = ask->by_count,
                                .sums = sums,
                                .sum_count = COUNT_OF(sums),
                                .since_us = ask->since_us,
                                .until_us = ask->until_us,
                                .limit = (size_t)ask->limit,
                                .most = ask->names_most};
    _Static_assert((int)TALLY_BY_MAX >= (int)REPORT_BY_MAX, "a tally is by as many names as a report");
    memcpy(tally->by, ask->by, sizeof(ask->by));
    return tallies_run(scan->dir, ask, tally, 1, scan->progress.go_on, scan->progress.ctx, why);
}

static bool read_them(struct report *r, const struct scan *scan, const struct tally *dearest, sqlite3 *db,
                      struct groups *back, struct buf *why)
{
    struct groups wanted;
    groups_init(&wanted, r->groups.secret);
    for (size_t i = 0; i < dearest->shown_count; i++) (void)groups_at(&wanted, dearest->shown[i].entry->head.name);
    struct scan again = {
        .plan = scan->plan, .dir = scan->dir, .progress = scan->progress, .wanted = &wanted, .rests = true};
    bool ok = scan_run(&again, db, &r->groups, back, &r->totals, why);
    groups_free(&wanted);
    return ok;
}

bool many_run(struct report *r, const struct scan *scan, sqlite3 *db, struct groups *back, struct buf *why)
{
    struct tally_ask ask;
    struct tallies *t = find_dearest(scan, &ask, why);
    const struct tally *dearest = t ? t->of[0] : NULL;
    bool ok = t && read_them(r, scan, dearest, db, back, why);
    if (ok) {
        r->group_count = tally_names(dearest);
        r->shown = mem_alloc((dearest->shown_count + 1) * sizeof(*r->shown));
    }
    for (size_t i = 0; ok && i < dearest->shown_count; i++) {
        struct group *g = groups_find(&r->groups, dearest->shown[i].entry->head.name);
        if (g) r->shown[r->shown_count++] = g;
    }
    tallies_drop(t);
    return ok;
}

#include "ledger/report.h"

#include "base/time.h"
#include "ledger/report_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* ---- keys of groups */

struct key_part key_next(const struct dim *d, str *key)
{
    struct key_part part = {0};
    if (d->kind == DIM_TEXT) {
        uint32_t n;
        memcpy(&n, key->p, sizeof(n));
        part.text = str_of(key->p + sizeof(n), n);
        *key = str_from_at(*key, sizeof(n) + n);
    } else {
        memcpy(&part.time_us, key->p, sizeof(part.time_us));
        *key = str_from_at(*key, sizeof(part.time_us));
    }
    return part;
}

str report_value(const struct report *r, const struct group *g, size_t i, char text[40])
{
    str key = g->key;
    struct key_part part = {0};
    for (size_t at = 0; at <= i; at++) part = key_next(r->by[at], &key);
    switch (r->by[i]->kind) {
    case DIM_DAY:
        return time_format_date(part.time_us, text);
    case DIM_HOUR:
    case DIM_MINUTE: /* "2026-11-21T10:00:00Z": without the fraction, which is always zero */
        time_format(part.time_us, text);
        text[19] = 'Z';
        return str_of(text, 20);
    case DIM_TEXT:
    case DIM_INT:
        break;
    }
    return part.text;
}

/* ---- order */

/* Later first, as far as days and hours are asked for. */
static int compare_times(const struct report *r, const struct group *a, const struct group *b)
{
    str key_a = a->key, key_b = b->key;
    for (size_t i = 0; i < r->by_count; i++) {
        struct key_part x = key_next(r->by[i], &key_a), y = key_next(r->by[i], &key_b);
        if (x.time_us != y.time_us) return x.time_us > y.time_us ? -1 : 1;
    }
    return 0;
}

/* The dearest first, then the busiest. */
static int compare_figures(const struct group *a, const struct group *b)
{
    static const enum sum order[] = {SUM_cost, SUM_unpriced_cost, SUM_attempts};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        __int128 x = a->sums[order[i]], y = b->sums[order[i]];
        if (x != y) return x > y ? -1 : 1;
    }
    return 0;
}

/* Names decide the rest, so that a report is the same each time. */
static int compare_sums(const struct group *a, const struct group *b)
{
    int order = compare_figures(a, b);
    return order ? order : str_cmp(a->key, b->key);
}

static bool has_time(const struct report *r)
{
    for (size_t i = 0; i < r->by_count; i++) {
        if (r->by[i]->kind != DIM_TEXT) return true;
    }
    return false;
}

static int newest_first(const void *a, const void *b, void *report)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    int order = compare_times(report, x, y);
    return order ? order : compare_sums(x, y);
}

static int oldest_first(const void *a, const void *b, void *report)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    int order = compare_times(report, x, y);
    return order ? -order : compare_sums(x, y);
}

static int dearest_first(const void *a, const void *b, void *report)
{
    (void)report;
    return compare_sums(*(struct group *const *)a, *(struct group *const *)b);
}

/* As report_rank.c chooses: it knows no names. */
static int as_ranked(const void *a, const void *b, void *report)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    const struct report *r = report;
    str key_x = x->key, key_y = y->key;
    int order = compare_figures(x, y);
    if (order) return order;
    uint64_t hash_x = crowd_hash(r->key, key_next(r->by[0], &key_x).text);
    uint64_t hash_y = crowd_hash(r->key, key_next(r->by[0], &key_y).text);
    return (hash_x > hash_y) - (hash_x < hash_y);
}

static int lowest_first(const void *a, const void *b, void *report)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    int order = rung_compare(report, x, y);
    return order ? order : compare_sums(x, y);
}

typedef int group_order(const void *a, const void *b, void *report);

static void sift_down(struct group **heap, size_t n, size_t at, group_order *order, void *report)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && order(&heap[child], &heap[child + 1], report) < 0) child++;
        if (order(&heap[at], &heap[child], report) >= 0) return;
        struct group *g = heap[at];
        heap[at] = heap[child];
        heap[child] = g;
    }
}

/* The first `keep` of all come to the front: a heap whose top is the last of them. */
static void select_first(struct group **all, size_t n, size_t keep, group_order *order, void *report)
{
    for (size_t i = keep / 2; i-- > 0;) sift_down(all, keep, i, order, report);
    for (size_t i = keep; i < n; i++) {
        if (order(&all[i], &all[0], report) >= 0) continue;
        struct group *g = all[0];
        all[0] = all[i];
        all[i] = g;
        sift_down(all, keep, 0, order, report);
    }
}

/* The first `limit` groups; of days and hours the newest, shown as time goes. */
static void choose_shown(struct report *r, int64_t limit)
{
    size_t n = 0;
    group_order *order = r->ladder ? lowest_first : has_time(r) ? newest_first : dearest_first;
    r->shown = mem_alloc((r->groups.count + 1) * sizeof(struct group *));
    for (size_t i = 0; i < r->groups.slot_count; i++) {
        if (r->groups.slots[i].group) r->shown[n++] = r->groups.slots[i].group;
    }
    r->shown_count = limit > 0 && (uint64_t)limit < n ? (size_t)limit : n;
    if (r->shown_count < n) select_first(r->shown, n, r->shown_count, order, r);
    qsort_r(r->shown, r->shown_count, sizeof(struct group *), has_time(r) ? oldest_first : order, r);
}

void report_turn(struct report *r, size_t from)
{
    group_order *chosen = has_time(r) ? newest_first : r->top ? as_ranked : NULL; /* else as they are shown */
    r->turned = true;
    if (from > r->shown_count) from = r->shown_count;
    if (from < r->shown_count && r->shown_count < r->group_count) r->next = r->shown_count;
    if (chosen && from) qsort_r(r->shown, r->shown_count, sizeof(struct group *), chosen, r);
    r->shown_count -= from;
    memmove(r->shown, r->shown + from, r->shown_count * sizeof(*r->shown));
    if (chosen && from)
        qsort_r(r->shown, r->shown_count, sizeof(struct group *), has_time(r) ? oldest_first : dearest_first, r);
}

size_t report_next(const struct report *r)
{
    return r->next;
}

static void finish(struct report *r)
{
    spread_finish(&r->totals.latency);
    spread_finish(&r->totals.first_token);
    for (size_t i = 0; i < r->shown_count; i++) {
        spread_finish(&r->shown[i]->latency);
        spread_finish(&r->shown[i]->first_token);
    }
}

static void subtract(struct group *g, struct group *less)
{
    spread_finish(&less->latency);
    spread_finish(&less->first_token);
    histogram_subtract(&g->latency.sparse, &less->latency.sparse);
    histogram_subtract(&g->first_token.sparse, &less->first_token.sparse);
}

/* Of what is shown, and of all. */
static void take_back_histograms(struct report *r, const struct groups *back, bool of_all)
{
    struct group all = {0};
    if (!back->count) return;
    for (size_t i = 0; i < back->slot_count; i++)
        if (back->slots[i].group) group_add(&all, back->slots[i].group);
    if (of_all) subtract(&r->totals, &all);
    for (size_t i = 0; i < r->shown_count; i++) {
        struct group *less = groups_find(back, r->shown[i]->key);
        if (less) subtract(r->shown[i], less);
    }
    group_free(&all);
}

/* ---- running */

/* Of many users, prompts or tasks few are shown: then only their histograms are put together. */
static bool wants_sums_first(const struct plan *p)
{
    if (p->top || !p->packed_count || p->ask->limit <= 0) return false;
    for (size_t i = 0; i < p->ask->by_count; i++) {
        if (p->by[i]->in_day) return true;
    }
    return false;
}

/* Finding a row of a rollup takes as long as passing over some hundreds of a pack's. */
static bool few_are_shown(const struct report *r)
{
    enum { PASSED_OVER = 256 };
    return r->shown_count < r->groups.count / PASSED_OVER;
}

/* The histograms of the groups that are shown, of days that were scanned for sums. */
static bool add_histograms(struct report *r, struct scan *scan, sqlite3 *db, struct buf *why)
{
    struct groups wanted, found, none;
    struct group unasked = {0};
    groups_init(&wanted, r->groups.secret);
    groups_init(&found, r->groups.secret);
    groups_init(&none, r->groups.secret);
    for (size_t i = 0; i < r->shown_count; i++) (void)groups_at(&wanted, r->shown[i]->key);
    struct scan again = {.plan = scan->plan, .dir = scan->dir, .want = SCAN_HISTOGRAMS, .wanted = &wanted};
    uint64_t *bits = NULL;
    str *values = NULL;
    if (few_are_shown(r)) {
        again.want = SCAN_SEEKS;
        again.values = values = scan_wanted_values(scan->plan, r->shown, r->shown_count, &again.value_count);
    } else {
        again.wanted_bits = bits = scan_wanted_bits(scan->plan, r->shown, r->shown_count);
    }
    bool ok = scan_run(&again, db, &found, &none, &unasked, why);
    free(bits);
    free(values);
    for (size_t i = 0; ok && i < r->shown_count; i++) {
        struct group *g = groups_find(&found, r->shown[i]->key);
        if (g) group_add(r->shown[i], g);
    }
    groups_free(&wanted);
    groups_free(&found);
    groups_free(&none);
    return ok;
}

sqlite3 *report_open(const char *dir, struct buf *why)
{
    return schema_exists(dir, why) ? schema_open(dir, false, why) : NULL;
}

/* Runs the plan. Fails: false with a sentence in `why`. */
static bool answer(struct report *r, const struct plan *plan, const char *dir, sqlite3 *db,
                   struct scan_progress progress, struct buf *why)
{
    struct scan scan = {.plan = plan, .dir = dir, .progress = progress};
    r->by_count = plan->ask->by_count;
    memcpy(r->by, plan->by, sizeof(r->by));
    r->main = plan->seeks ? SOURCE_SEEK : plan->main;
    r->ladder = plan->ask->ladder;
    r->top = plan->top;
    r->key = plan->key;
    r->since_us = plan->since_us;
    r->until_us = plan->until_us;
    r->rows_from_us = plan->rows_from_us;
    if (wants_sums_first(plan)) scan.want = SCAN_SUMS;
    struct groups back;
    groups_init(&back, r->groups.secret);
    bool most = most_groups(plan) != SIZE_MAX;
    bool ok = plan->top ? top_run(&scan, db, &r->groups, &back, &r->group_count, &r->totals, why)
              : most    ? most_run(r, &scan, db, &back, why)
                        : scan_run(&scan, db, &r->groups, &back, &r->totals, why);
    if (ok && !r->shown) {
        groups_take_back(&r->groups, plan->top ? NULL : &r->totals, &back);
        if (!plan->top) r->group_count = r->groups.count;
        if (r->by_count == 0) (void)groups_at(&r->groups, S("")); /* one row, also where nothing was spent */
        choose_shown(r, plan->ask->limit);
        ok = scan.want != SCAN_SUMS || add_histograms(r, &scan, db, why);
    }
    if (ok) {
        finish(r);
        take_back_histograms(r, &back, !plan->top);
    }
    groups_free(&back);
    return ok;
}

struct asking {
    const char *dir;
    sqlite3 *db;
    const struct report_ask *ask;
    struct hash_key secret;
    struct scan_progress progress;
};

/* Asks once. `*stale`: a pack that was counted on went meanwhile. Fails: NULL. */
static struct report *ask_once(const struct asking *a, bool *stale, struct buf *why)
{
    struct plan plan;
    struct report *r = NULL;
    int64_t dropped = 0;
    *stale = false;
    if (plan_make(&plan, a->db, a->ask, why)) {
        r = mem_zalloc(sizeof(*r));
        groups_init(&r->groups, a->secret);
        bool ok = answer(r, &plan, a->dir, a->db, a->progress, why);
        bool packed = plan.packed_count || plan.crowd_count;
        if (packed && !plan_packs_dropped(a->db, &dropped)) {
            buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(a->db));
            ok = false;
        }
        *stale = packed && dropped != plan.packs_dropped; /* what was half gone may have looked damaged */
        if (*stale) buf_clear(why);
        if (!ok || *stale) {
            report_drop(r);
            r = NULL;
        }
    }
    plan_free(&plan);
    return r;
}

struct report *report_run(const char *dir, const struct report_ask *ask, bool (*go_on)(void *ctx, double done),
                          void *ctx, struct buf *why)
{
    enum { TRIES = 10 };
    struct asking a = {.dir = dir, .ask = ask, .progress = {go_on, ctx}};
    if (getrandom(&a.secret, sizeof(a.secret), 0) != sizeof(a.secret)) {
        buf_printf(why, "the kernel gives no random numbers");
        return NULL;
    }
    a.db = report_open(dir, why);
    if (!a.db) return NULL;
    struct report *r = NULL;
    bool stale = true;
    for (int i = 0; i < TRIES && stale; i++) r = ask_once(&a, &stale, why);
    if (stale) buf_printf(why, "rows of days that are over keep coming in: ask again in a minute");
    sqlite3_close(a.db);
    return r;
}

void report_drop(struct report *r)
{
    if (!r) return;
    groups_free(&r->groups);
    group_free(&r->totals);
    free(r->shown);
    free(r);
}

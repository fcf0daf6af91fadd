#include "ledger/report.h"

#include "base/time.h"
#include "ledger/report_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- keys of groups */

struct key_part {
    int64_t time_us; /* of a day or an hour */
    str text;
};

static struct key_part next_part(const struct dim *d, str *key)
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
    for (size_t at = 0; at <= i; at++) part = next_part(r->by[at], &key);
    switch (r->by[i]->kind) {
    case DIM_DAY:
        return time_format_date(part.time_us, text);
    case DIM_HOUR: /* "2026-11-21T10:00:00Z": without the fraction, which is always zero */
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
        struct key_part x = next_part(r->by[i], &key_a), y = next_part(r->by[i], &key_b);
        if (x.time_us != y.time_us) return x.time_us > y.time_us ? -1 : 1;
    }
    return 0;
}

/* The dearest first, then the busiest; names decide the rest, so that a report is the same each time. */
static int compare_sums(const struct group *a, const struct group *b)
{
    static const enum sum order[] = {SUM_cost, SUM_unpriced_cost, SUM_attempts};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        __int128 x = a->sums[order[i]], y = b->sums[order[i]];
        if (x != y) return x > y ? -1 : 1;
    }
    return str_cmp(a->key, b->key);
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

/* The first `limit` groups; of days and hours the newest, shown as time goes. */
static void choose_shown(struct report *r, int64_t limit)
{
    size_t n = 0;
    bool time = has_time(r);
    r->shown = mem_alloc((r->groups.count + 1) * sizeof(struct group *));
    for (size_t i = 0; i < r->groups.slot_count; i++) {
        if (r->groups.slots[i].group) r->shown[n++] = r->groups.slots[i].group;
    }
    qsort_r(r->shown, n, sizeof(struct group *), time ? newest_first : dearest_first, r);
    r->shown_count = limit > 0 && (uint64_t)limit < n ? (size_t)limit : n;
    if (time) qsort_r(r->shown, r->shown_count, sizeof(struct group *), oldest_first, r);
}

static void sum_up(struct report *r)
{
    for (size_t i = 0; i < r->groups.count; i++) group_add(&r->totals, r->shown[i]);
    spread_finish(&r->totals.latency);
    spread_finish(&r->totals.first_token);
    for (size_t i = 0; i < r->shown_count; i++) {
        spread_finish(&r->shown[i]->latency);
        spread_finish(&r->shown[i]->first_token);
    }
}

/* ---- running */

static bool has_ledger(const char *dir, struct buf *why)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/purser.db", dir);
    if (n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0) return true;
    buf_printf(why, "there is no ledger in '%s': 'purser serve' makes it when it first runs there", dir);
    return false;
}

struct report *report_run(const char *dir, const struct report_ask *ask, void (*progress)(void *ctx, double done),
                          void *ctx, struct buf *why)
{
    struct hash_key secret;
    struct plan plan;
    if (!has_ledger(dir, why)) return NULL;
    if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) {
        buf_printf(why, "the kernel gives no random numbers");
        return NULL;
    }
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return NULL;
    if (!plan_make(&plan, db, ask, why)) {
        plan_free(&plan);
        sqlite3_close(db);
        return NULL;
    }
    struct report *r = mem_zalloc(sizeof(*r));
    groups_init(&r->groups, secret);
    r->by_count = ask->by_count;
    memcpy(r->by, plan.by, sizeof(r->by));
    r->main = plan.main;
    r->since_us = ask->since_us;
    r->until_us = ask->until_us;
    r->rows_from_us = plan.rows_from_us;
    bool ok = scan_run(&plan, dir, db, &r->groups, (struct scan_progress){progress, ctx}, why);
    plan_free(&plan);
    sqlite3_close(db);
    if (!ok) {
        report_drop(r);
        return NULL;
    }
    if (ask->by_count == 0) (void)groups_at(&r->groups, S("")); /* one row, also where nothing was spent */
    choose_shown(r, ask->limit);
    sum_up(r);
    return r;
}

void report_drop(struct report *r)
{
    if (!r) return;
    groups_free(&r->groups);
    spread_free(&r->totals.latency);
    spread_free(&r->totals.first_token);
    free(r->shown);
    free(r);
}

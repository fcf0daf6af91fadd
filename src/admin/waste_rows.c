#include "admin/waste.h"
#include "ledger/tally.h"

/* The parts of an answer that rows alone know: one reading of them tallies for each. */

static const enum tally_sum kind_sums[] = {TALLY_wasted, TALLY_wasted_cost, TALLY_cost, TALLY_saved_cost};
static const enum tally_sum loop_sums[] = {TALLY_cost, TALLY_unpriced_cost, TALLY_attempts, TALLY_calls,
                                           TALLY_wasted_cost};
static const enum unit cache_units[] = {UNIT_INPUT, UNIT_CACHE_READ, UNIT_CACHE_WRITE_5M, UNIT_CACHE_WRITE_1H};

/* The sums of the cache's part. Returns how many there are. */
static size_t list_cache_sums(enum tally_sum *sums)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(cache_units); i++) {
        sums[n++] = (enum tally_sum)(TALLY_UNITS + cache_units[i]);
        sums[n++] = (enum tally_sum)(TALLY_UNIT_COSTS + cache_units[i]);
    }
    return n;
}

static void take_kinds(const struct tally *t, struct waste_picture *p)
{
    for (size_t i = 0; i < tally_rows(t); i++)
        waste_add_kind(p, tally_name(t, i, 0), tally_name(t, i, 1),
                       (struct waste_line){tally_sum(t, i, TALLY_wasted), tally_sum(t, i, TALLY_wasted_cost)});
    p->cost = tally_sum(t, REPORT_TOTALS, TALLY_cost);
    p->ladder = tally_sum(t, REPORT_TOTALS, TALLY_saved_cost);
}

static void take_cache(const struct tally *t, struct waste_picture *p)
{
    for (size_t i = 0; i < tally_rows(t); i++) {
        struct mix_sums sums = {0};
        for (size_t u = 0; u < COUNT_OF(cache_units); u++) {
            enum unit unit = cache_units[u];
            sums.units[unit] = tally_sum(t, i, (enum tally_sum)(TALLY_UNITS + unit));
            sums.cost_by_unit[unit] = tally_sum(t, i, (enum tally_sum)(TALLY_UNIT_COSTS + unit));
        }
        waste_add_cache(p, &sums);
    }
}

static void take_loops(const struct api_call *c, const struct tally *t, struct waste_picture *p)
{
    for (size_t i = 0; i < tally_rows(t); i++) {
        struct waste_task task = {.task = tally_name(t, i, 0),
                                  .feature = tally_name(t, i, 1),
                                  .calls = tally_sum(t, i, TALLY_calls),
                                  .used_cost = tally_sum(t, i, TALLY_cost) - tally_sum(t, i, TALLY_wasted_cost)};
        waste_add_loop(c, p, &task);
    }
}

/* What each part is tallied by. The cache's speaks of whole days, as the mix does. */
static void write_asks(const struct waste_question *q, const enum tally_sum *cache_sums, size_t cache_count,
                       struct tally_ask asks[WASTE_PARTS])
{
    struct tally_ask *kind = &asks[WASTE_BY_KIND], *cache = &asks[WASTE_BY_CACHE], *loops = &asks[WASTE_BY_LOOPS];
    *kind = (struct tally_ask){.by = {S("reason"), S("status")}, .sums = kind_sums, .sum_count = COUNT_OF(kind_sums)};
    *cache = (struct tally_ask){.by = {S("provider"), S("model")}, .sums = cache_sums, .sum_count = cache_count};
    *loops = (struct tally_ask){.by = {S("task"), S("feature")},
                                .sums = loop_sums,
                                .sum_count = COUNT_OF(loop_sums),
                                .limit = WASTE_LOOPS_MAX};
    for (int i = 0; i < WASTE_PARTS; i++) {
        asks[i].by_count = 2;
        asks[i].since_us = q->since_us;
        asks[i].until_us = q->until_us;
    }
    mix_whole_days(&cache->since_us, &cache->until_us);
}

bool waste_read_rows(struct api_part part, struct waste_question *q, const bool parts[WASTE_PARTS],
                     struct waste_picture *p)
{
    struct api_call *c = part.c;
    enum tally_sum cache_sums[TALLY_SUM_COUNT];
    struct tally_ask all[WASTE_PARTS], asks[WASTE_PARTS];
    enum waste_part of[WASTE_PARTS];
    size_t count = 0;
    struct report_ask rows;
    struct buf why;
    waste_ask(c, q, &rows);
    write_asks(q, cache_sums, list_cache_sums(cache_sums), all);
    for (enum waste_part i = 0; i < WASTE_PARTS; i++) {
        if (!parts[i]) continue;
        asks[count] = all[i];
        of[count++] = i;
    }
    buf_init(&why, 0);
    struct tallies *t = tallies_run(c->dir, &rows, asks, count, api_part_progress, &part, &why);
    if (t)
        waste_tell_rows_from(q, t->rows_from_us > q->since_us ? t->rows_from_us : INT64_MIN);
    else
        waste_fail(c, &why);
    for (size_t i = 0; t && i < count; i++) {
        if (of[i] == WASTE_BY_KIND) take_kinds(t->of[i], p);
        if (of[i] == WASTE_BY_CACHE) take_cache(t->of[i], p);
        if (of[i] == WASTE_BY_LOOPS) take_loops(c, t->of[i], p);
    }
    bool ok = t != NULL;
    tallies_drop(t);
    buf_free(&why);
    return ok;
}

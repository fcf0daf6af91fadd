#include "ledger/tally.h"

#include "ledger/tally_inside.h"

#include <stdlib.h>
#include <sys/random.h>

/* ---- what is shown */

static __int128 sum_of(const struct tally *t, const __int128 *sums, enum tally_sum sum)
{
    for (size_t s = 0; s < t->ask->sum_count; s++)
        if (t->ask->sums[s] == sum) return sums[s];
    return 0;
}

/* As compare_sums() of report.c orders groups. */
static bool comes_before(const struct tally *t, const struct tally_entry *a, const struct tally_entry *b)
{
    static const enum tally_sum order[] = {TALLY_cost, TALLY_unpriced_cost, TALLY_attempts};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        __int128 x = sum_of(t, a->sums, order[i]), y = sum_of(t, b->sums, order[i]);
        if (x != y) return x > y;
    }
    return str_cmp(a->head.name, b->head.name) < 0;
}

static void offer(struct tally *t, const struct tally_entry *e)
{
    size_t at = t->shown_count, limit = t->ask->limit;
    while (at > 0 && comes_before(t, e, t->shown[at - 1].entry)) at--;
    if (at == limit) return;
    if (t->shown_count < limit) t->shown_count++;
    memmove(&t->shown[at + 1], &t->shown[at], (t->shown_count - 1 - at) * sizeof(*t->shown));
    t->shown[at] = (struct tally_shown){.entry = e};
}

/* What is among the dearest of the table, which may then go. */
static void offer_all(struct tally *t, struct name_table *table)
{
    t->names += table->count;
    for (size_t i = 0; i < table->count; i++) offer(t, name_table_at(table, i));
    for (size_t i = 0; i < t->shown_count; i++) {
        struct tally_shown *shown = &t->shown[i];
        if (shown->kept) continue;
        size_t bytes = tally_entry_bytes(t->ask);
        struct tally_entry *copy = arena_alloc(&t->kept, bytes);
        memcpy(copy, shown->entry, bytes);
        copy->head.name = arena_str(&t->kept, copy->head.name);
        *shown = (struct tally_shown){copy, true};
    }
}

static void show(struct tally *t)
{
    size_t count = t->ask->limit ? t->ask->limit : t->table.count;
    t->shown = mem_alloc((count + 1) * sizeof(*t->shown));
    if (t->ask->limit) {
        offer_all(t, &t->table);
        name_table_free(&t->table);
        return;
    }
    t->names = count;
    for (size_t i = 0; i < count; i++) {
        const struct tally_entry *e = name_table_at(&t->table, i);
        for (size_t s = 0; s < t->ask->sum_count; s++) t->totals[s] += e->sums[s];
        t->shown[t->shown_count++] = (struct tally_shown){.entry = e};
    }
}

size_t tally_names(const struct tally *t)
{
    return t->names;
}

size_t tally_rows(const struct tally *t)
{
    return t->shown_count;
}

__int128 tally_sum(const struct tally *t, size_t row, enum tally_sum sum)
{
    return sum_of(t, row == REPORT_TOTALS ? t->totals : t->shown[row].entry->sums, sum);
}

static struct key_part part_of(const struct tally *t, size_t row, size_t by)
{
    str key = t->shown[row].entry->head.name;
    struct key_part part = {0};
    for (size_t at = 0; at <= by; at++) part = key_next(t->by[at], &key);
    return part;
}

str tally_name(const struct tally *t, size_t row, size_t by)
{
    return part_of(t, row, by).text;
}

int64_t tally_time_us(const struct tally *t, size_t row, size_t by)
{
    return part_of(t, row, by).time_us;
}

/* ---- the ask */

/* Names of all tallies, each once. Times are no columns. */
static bool join_names(struct tally_reading *r, struct buf *why)
{
    struct report_ask *rows = &r->rows;
    rows->by_count = 0;
    for (size_t t = 0; t < r->count; t++) {
        for (size_t i = 0; i < r->asks[t].by_count; i++) {
            str name = r->asks[t].by[i];
            size_t at = 0;
            while (at < rows->by_count && !str_eq(rows->by[at], name)) at++;
            if (at < rows->by_count) continue;
            if (at == REPORT_BY_MAX) {
                buf_printf(why, "there are too many names to group by");
                return false;
            }
            rows->by[rows->by_count++] = name;
        }
    }
    return true;
}

static void join_times(struct tally_reading *r)
{
    r->rows.since_us = INT64_MAX;
    r->rows.until_us = INT64_MIN;
    for (size_t t = 0; t < r->count; t++) {
        if (r->asks[t].since_us < r->rows.since_us) r->rows.since_us = r->asks[t].since_us;
        if (r->asks[t].until_us > r->rows.until_us) r->rows.until_us = r->asks[t].until_us;
    }
}

/* ---- running */

/* Readings so far, and that are known to come: progress of all together, which only grows. */
struct telling {
    struct scan_progress progress;
    struct tally_reading *r; /* the one that runs */
    size_t done, waiting;
    double told;
};

static bool tell(void *telling, double done)
{
    struct telling *t = telling;
    size_t more = t->waiting;
    for (size_t i = 0; i < t->r->count; i++) more += atomic_load(&t->r->bits[i]) - t->r->part.bits;
    done = ((double)t->done + done) / (double)(t->done + 1 + more);
    if (done > t->told) t->told = done;
    return !t->progress.go_on || t->progress.go_on(t->progress.ctx, t->told);
}

struct running {
    const char *dir;
    sqlite3 *db;
    struct telling telling;
    struct buf *why;
};

static bool run(struct running *g, struct tally_reading *r)
{
    join_times(r);
    g->telling.r = r;
    bool ok = tally_reading_run(r, g->dir, g->db, (struct scan_progress){tell, &g->telling}, g->why);
    g->telling.done++;
    return ok;
}

/* What it left to others. */
static void push(struct tally_part *parts, size_t *count, struct tally_part of, uint32_t bits)
{
    for (uint32_t bit = of.bits; bit < bits; bit++)
        parts[(*count)++] = (struct tally_part){of.part | UINT32_C(1) << bit, bit + 1};
}

/* A tally's names that the first reading had no room for. */
static bool read_rest(struct running *g, const struct tally_reading *first, size_t i)
{
    struct tally_part parts[TALLY_BITS_MAX + 1];
    struct tally *t = first->all->of[i];
    size_t count = 0;
    bool ok = true;
    push(parts, &count, first->part, atomic_load(&first->bits[i]));
    while (ok && count) {
        struct tally_reading r = {
            .asks = &first->asks[i], .count = 1, .rows = first->rows, .secret = first->secret, .part = parts[--count]};
        g->telling.waiting = count;
        ok = join_names(&r, g->why) && run(g, &r);
        if (ok) {
            push(parts, &count, r.part, atomic_load(&r.bits[0]));
            offer_all(t, &r.all->of[0]->table);
        }
        tallies_drop(r.all);
        buf_free(&r.columns);
    }
    return ok;
}

static bool run_all(struct running *g, struct tally_reading *r)
{
    bool ok = run(g, r);
    for (size_t i = 0; ok && i < r->count; i++) show(r->all->of[i]);
    for (size_t i = 0; ok && i < r->count; i++) ok = read_rest(g, r, i);
    return ok;
}

struct tallies *tallies_run(const char *dir, const struct report_ask *rows, const struct tally_ask *asks, size_t count,
                            bool (*go_on)(void *ctx, double done), void *ctx, struct buf *why)
{
    struct tally_reading r = {.asks = asks, .count = count, .rows = *rows};
    struct running g = {.dir = dir, .telling = {.progress = {go_on, ctx}}, .why = why};
    if (getrandom(&r.secret, sizeof(r.secret), 0) != sizeof(r.secret)) {
        buf_printf(why, "the kernel gives no random numbers");
        return NULL;
    }
    if (!join_names(&r, why)) return NULL;
    g.db = report_open(dir, why);
    if (!g.db) return NULL;
    bool ok = run_all(&g, &r);
    buf_free(&r.columns);
    sqlite3_close(g.db);
    if (ok) return r.all;
    tallies_drop(r.all);
    return NULL;
}

void tallies_drop(struct tallies *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->count; i++) {
        name_table_free(&t->of[i]->table);
        free(t->of[i]->shown);
        arena_free(&t->of[i]->kept);
        free(t->of[i]);
    }
    free(t);
}

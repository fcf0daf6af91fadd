#include "base/time.h"
#include "ledger/report_inside.h"
#include "ledger/seal.h"

#include <stdlib.h>

/* ---- slices of time */

enum { ROLLUP_SLICES = 32, ROW_SLICES = 64 };

/* What there is. INT64_MAX and INT64_MIN where there is nothing. */
struct extent {
    int64_t rows_first, rows_last, rollup_first, rollup_last;
    int64_t retired_to; /* retention deleted rows admitted up to then */
};

static bool ask_int(sqlite3 *db, const char *sql, int64_t nothing, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    *out = nothing;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

static bool read_extent(sqlite3 *db, enum source source, struct extent *e)
{
    bool day = source == SOURCE_DAY;
    return ask_int(db, "SELECT min(at_us) FROM attempts", INT64_MAX, &e->rows_first) &&
           ask_int(db, "SELECT max(at_us) FROM attempts", INT64_MIN, &e->rows_last) &&
           ask_int(db, day ? "SELECT min(day_us) FROM rollup_day" : "SELECT min(hour_us) FROM rollup_hour", INT64_MAX,
                   &e->rollup_first) &&
           ask_int(db, day ? "SELECT max(day_us) FROM rollup_day" : "SELECT max(hour_us) FROM rollup_hour", INT64_MIN,
                   &e->rollup_last) &&
           ask_int(db, "SELECT max(value) FROM totals WHERE name = 'retired_to_us' AND value <> 0", INT64_MIN,
                   &e->retired_to);
}

static void add_slice(struct plan *p, enum source source, int64_t from, int64_t until)
{
    if (from >= until) return;
    if (p->slice_count == p->slice_cap) {
        p->slice_cap = p->slice_cap ? p->slice_cap * 2 : 64;
        p->slices = mem_realloc(p->slices, p->slice_cap * sizeof(*p->slices));
    }
    p->slices[p->slice_count++] = (struct slice){.source = source, .from = from, .until = until};
}

/* [from, until) in about `count` slices, none shorter than `least`. */
static void cut(struct plan *p, enum source source, int64_t from, int64_t until, int64_t least, int64_t count)
{
    if (from >= until) return;
    int64_t step = (int64_t)(((uint64_t)until - (uint64_t)from) / (uint64_t)count);
    if (step < least) step = least;
    for (int64_t at = from, next; at < until; at = next) {
        if (__builtin_add_overflow(at, step, &next) || next > until) next = until;
        add_slice(p, source, at, next);
    }
}

static int64_t length_of(const struct stretch *all, size_t count)
{
    int64_t length = 0;
    for (size_t i = 0; i < count; i++) length += all[i].until - all[i].from;
    return length;
}

/* Into about ROW_SLICES of them. */
static void cut_stretches(struct plan *p, const struct stretch *all, size_t count)
{
    int64_t length = length_of(all, count) / ROW_SLICES + 1;
    for (size_t i = 0; i < count; i++) {
        int64_t slices = (all[i].until - all[i].from) / length;
        cut(p, SOURCE_ROWS_BY_TIME, all[i].from, all[i].until, US_PER_SECOND, slices ? slices : 1);
    }
}

/* Rows admitted in [from, until), as far as there are any. Fails: false, see sqlite3_errmsg(). */
static bool cut_rows(struct plan *p, sqlite3 *db, const struct extent *e, int64_t from, int64_t until)
{
    struct stretch *all;
    size_t count;
    if (e->rows_first > e->rows_last) return true;
    if (from < e->rows_first) from = e->rows_first;
    if (until > e->rows_last) until = e->rows_last + 1;
    bool ok = plan_stretches(p, db, from, until, &all, &count);
    if (ok) cut_stretches(p, all, count);
    free(all);
    return ok;
}

static int64_t ceil_to(int64_t at_us, int64_t step_us)
{
    int64_t low = time_floor_us(at_us, step_us);
    return low == at_us ? low : low + step_us;
}

/* ---- packs */

bool plan_packs_dropped(sqlite3 *db, int64_t *out)
{
    return ask_int(db, "SELECT max(value) FROM totals WHERE name = 'packs_dropped'", 0, out);
}

/* Days and hours are told apart where they are asked for. */
static enum pack_kind kind_of(const struct plan *p)
{
    enum pack_kind kind = PACK_SUM;
    for (size_t i = 0; i < p->ask->by_count; i++) {
        if (p->by[i]->kind == DIM_HOUR) kind = PACK_HOUR;
    }
    if (p->main != SOURCE_DAY) return kind;
    for (kind = PACK_USER; !str_eq(pack_kind_dimension(kind), p->dimension);) kind++;
    return kind;
}

static bool find_kind(struct plan *p, sqlite3 *db, enum pack_kind kind, int64_t low, int64_t high)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT day_us FROM packs WHERE kind = ? AND part = 0 AND day_us >= ? AND day_us <= ? ORDER BY 1";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    str name = pack_kind_name(kind);
    sqlite3_bind_text(q, 1, name.p, (int)name.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, low);
    sqlite3_bind_int64(q, 3, high - pack_kind_days(kind) * US_PER_DAY);
    int rc;
    p->packed_count = 0;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        if (p->packed_count == p->packed_cap) {
            p->packed_cap = p->packed_cap ? p->packed_cap * 2 : 64;
            p->packed = mem_realloc(p->packed, p->packed_cap * sizeof(*p->packed));
        }
        p->packed[p->packed_count++] = sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

/* Are there packs at all? A store that no server of this version has opened has none. */
static bool have_packs(sqlite3 *db, int64_t high, bool *there)
{
    int64_t count;
    bool ok = ask_int(db, "SELECT count(*) FROM sqlite_master WHERE name = 'packs'", 0, &count);
    *there = ok && count && high >= INT64_MIN + 64 * US_PER_DAY;
    return ok;
}

/* Which days of [low, high) are packed. */
static bool find_packs(struct plan *p, sqlite3 *db, int64_t low, int64_t high)
{
    bool there;
    p->kind = kind_of(p);
    p->packed_count = 0;
    if (!have_packs(db, high, &there)) return false;
    return !there || (plan_packs_dropped(db, &p->packs_dropped) && find_kind(p, db, p->kind, low, high));
}

static int compare_days(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

bool plan_has_pack(const struct plan *p, int64_t day_us)
{
    return bsearch(&day_us, p->packed, p->packed_count, sizeof(day_us), compare_days) != NULL;
}

/* ---- crowds of many days */

static int compare_crowds(const void *a, const void *b)
{
    const struct crowd_at *x = a, *y = b;
    return x->day_us != y->day_us ? (x->day_us > y->day_us) - (x->day_us < y->day_us) : (int)y->kind - (int)x->kind;
}

/* All there are in [low, high), in order, the longest of a day first. */
static bool find_crowds(struct plan *p, sqlite3 *db, int64_t low, int64_t high)
{
    if (!find_packs(p, db, low, high)) return false;
    bool any = p->packed_count > 0;
    for (enum pack_kind kind = p->kind; any && kind < PACK_KINDS; kind++) {
        if (!str_eq(pack_kind_dimension(kind), p->dimension)) continue;
        if (!find_kind(p, db, kind, low, high)) return false;
        if (p->crowd_count + p->packed_count > p->crowd_cap) {
            p->crowd_cap = p->crowd_count + 2 * p->packed_count;
            p->crowds = mem_realloc(p->crowds, p->crowd_cap * sizeof(*p->crowds));
        }
        for (size_t i = 0; i < p->packed_count; i++)
            p->crowds[p->crowd_count++] = (struct crowd_at){kind, p->packed[i]};
    }
    if (p->crowd_count) qsort(p->crowds, p->crowd_count, sizeof(*p->crowds), compare_crowds);
    return true;
}

/* As few of them as answer for what they can; the rollup's rows between them. */
static bool cut_crowds(struct plan *p, sqlite3 *db, int64_t low, int64_t high)
{
    size_t kept = 0;
    int64_t at = low;
    if (!find_crowds(p, db, low, high)) return false;
    for (size_t i = 0; i < p->crowd_count; i++) {
        struct crowd_at c = p->crowds[i];
        if (c.day_us < at) continue; /* within one that is taken */
        cut(p, SOURCE_DAY, at, c.day_us, US_PER_DAY, ROLLUP_SLICES);
        at = c.day_us + pack_kind_days(c.kind) * US_PER_DAY;
        p->crowds[kept++] = c;
    }
    p->crowd_count = kept;
    cut(p, SOURCE_DAY, at, high, US_PER_DAY, ROLLUP_SLICES);
    return true;
}

/* Whole hours or days: packs where there are some, the rollup's rows between them. */
static bool cut_rollup(struct plan *p, sqlite3 *db, int64_t low, int64_t high)
{
    int64_t step = p->main == SOURCE_DAY ? US_PER_DAY : US_PER_HOUR, at = low;
    if (p->seeks) {
        for (; at < high; at += step) add_slice(p, SOURCE_SEEK, at, at + step);
        return true;
    }
    if (p->top) return cut_crowds(p, db, low, high);
    if (!find_packs(p, db, low, high)) return false;
    for (size_t i = 0; i < p->packed_count; i++) {
        cut(p, p->main, at, p->packed[i], step, ROLLUP_SLICES);
        at = p->packed[i] + US_PER_DAY;
    }
    /* first the longest slice, the day that is not over: then the threads end together */
    cut(p, p->main, at, high, step, ROLLUP_SLICES);
    for (uint32_t part = 0; part < PACK_PARTS && p->packed_count; part++) {
        add_slice(p, SOURCE_PACK, p->packed[0], p->packed[p->packed_count - 1] + 1);
        p->slices[p->slice_count - 1].part = part;
    }
    return true;
}

/* A packed day that the report begins in, before its noon: the whole of it is read, and the rows of the
 * shorter part taken off again, since a row takes as long as dozens of a pack's. Only of packed days is it sure
 * that nothing came in between (packs_dropped). `*low` becomes its beginning. */
static bool plan_back(struct plan *p, sqlite3 *db, const struct extent *e, int64_t since, int64_t *low)
{
    int64_t begin = time_floor_us(since, US_PER_DAY);
    if (p->main != SOURCE_DAY || p->seeks || begin == since || since - begin > US_PER_DAY / 2 || e->retired_to >= begin)
        return true;
    if (!find_packs(p, db, begin, begin + US_PER_DAY)) return false;
    if (p->packed_count) *low = begin;
    p->packed_count = 0; /* cut_rollup() looks for all of them */
    return true;
}

/* Whole hours or days from the rollup; what sticks out at both ends from rows, so
 * that `since` and `until` are exact. Where retention has deleted those rows, the
 * hour or day at that end counts as a whole. */
static bool plan_rollup(struct plan *p, sqlite3 *db, const struct extent *e)
{
    int64_t step = p->main == SOURCE_DAY ? US_PER_DAY : US_PER_HOUR;
    if (e->rollup_first > e->rollup_last) return true;
    int64_t since = p->since_us, until = p->until_us, end = e->rollup_last + step;
    if (since < e->rollup_first) since = e->rollup_first;
    if (until > e->rows_last && until > e->retired_to) until = end; /* nothing was admitted later */
    if (since >= until || since >= end) return true;
    int64_t low = e->retired_to >= since ? time_floor_us(since, step) : ceil_to(since, step);
    int64_t high = time_floor_us(until, step);
    if (e->retired_to >= high) high = ceil_to(until, step);
    if (low >= high) {
        return cut_rows(p, db, e, since, until);
    }
    if (e->retired_to >= since) p->whole_from_us = low;
    if (e->retired_to >= time_floor_us(until, step)) p->whole_until_us = high;
    int64_t planned = low;
    if (!plan_back(p, db, e, since, &low) || !cut_rollup(p, db, low, high)) return false;
    if (low < planned) {
        size_t first = p->slice_count;
        if (!cut_rows(p, db, e, low, since)) return false;
        while (first < p->slice_count) p->slices[first++].back = true;
    } else if (since < low && !cut_rows(p, db, e, since, low)) {
        return false;
    }
    return high >= until || cut_rows(p, db, e, high, until);
}

/* All rows in the order of their ids, in slices of as many rows as each other: the
 * seals know how many there are in each block of ids. */
static bool plan_ids(struct plan *p, sqlite3 *db)
{
    int64_t total, part = 0, from = 0;
    sqlite3_stmt *q = NULL;
    if (!ask_int(db, "SELECT total(row_count) FROM seals", 0, &total) ||
        sqlite3_prepare_v2(db, "SELECT block, row_count FROM seals ORDER BY block", -1, &q, NULL) != SQLITE_OK)
        return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        part += sqlite3_column_int64(q, 1);
        if (part < total / ROW_SLICES) continue;
        int64_t until = (sqlite3_column_int64(q, 0) + 1) << SEAL_BLOCK_SHIFT;
        add_slice(p, SOURCE_ROWS_BY_ID, from, until);
        from = until;
        part = 0;
    }
    add_slice(p, SOURCE_ROWS_BY_ID, from, INT64_MAX); /* and what comes in meanwhile */
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

static bool plan_rows(struct plan *p, sqlite3 *db, const struct extent *e)
{
    if (e->retired_to >= p->since_us) p->rows_from_us = e->retired_to + 1;
    if (e->rows_first > e->rows_last) return true;
    int64_t from = p->since_us > e->rows_first ? p->since_us : e->rows_first;
    int64_t until = p->until_us > e->rows_last ? e->rows_last + 1 : p->until_us;
    struct stretch *all;
    size_t count;
    bool ok = plan_stretches(p, db, from, until, &all, &count);
    /* By the index each row is found apart; from half of all rows on reading them all is faster. */
    if (ok && length_of(all, count) > (e->rows_last - e->rows_first) / 2) {
        p->main = SOURCE_ROWS_BY_ID;
        ok = plan_ids(p, db);
    } else if (ok) {
        cut_stretches(p, all, count);
    }
    free(all);
    return ok;
}

bool plan_slices(struct plan *p, sqlite3 *db)
{
    struct extent e;
    p->whole_from_us = p->since_us;
    p->whole_until_us = p->until_us;
    if (!read_extent(db, p->main, &e)) return false;
    return p->main == SOURCE_ROWS_BY_TIME ? plan_rows(p, db, &e) : plan_rollup(p, db, &e);
}

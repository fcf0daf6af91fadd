#include "base/time.h"
#include "ledger/report_inside.h"
#include "ledger/seal.h"

#include <stdlib.h>

static const struct dim dims[] = {
    {STR_INIT("feature"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("model"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("user"), DIM_TEXT, .by = true, .where = true, .in_day = true},
    {STR_INIT("team"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("key"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("provider"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("prompt"), DIM_TEXT, .by = true, .where = true, .in_day = true},
    {STR_INIT("task"), DIM_TEXT, .by = true, .where = true, .in_day = true},
    {STR_INIT("reason"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("day"), DIM_DAY, .by = true},
    {STR_INIT("hour"), DIM_HOUR, .by = true},
    {STR_INIT("status"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("operation"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("service_tier"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("model_requested"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("model_answered"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("rung"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("session"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("tags"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("finish_reason"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("cost_state"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("price_source"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("provider_request_id"), DIM_TEXT, .where = true},
    {STR_INIT("http_status"), DIM_INT, .where = true},
    {STR_INIT("number"), DIM_INT, .where = true},
    {STR_INIT("streamed"), DIM_INT, .where = true},
    {STR_INIT("wasted"), DIM_INT, .where = true},
    {STR_INIT("accepted"), DIM_INT, .where = true},
    {STR_INIT("client_retries"), DIM_INT, .where = true},
    {STR_INIT("call_id"), DIM_INT, .where = true},
    {STR_INIT("attempt_id"), DIM_INT, .where = true},
};

const struct dim *dim_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(dims); i++) {
        if (str_eq(dims[i].name, name)) return &dims[i];
    }
    return NULL;
}

static str nth(size_t i, bool where)
{
    for (size_t d = 0; d < COUNT_OF(dims); d++) {
        if (where ? !dims[d].where : !dims[d].by) continue;
        if (i-- == 0) return dims[d].name;
    }
    return STR_NONE;
}

str report_by_name(size_t i)
{
    return nth(i, false);
}

str report_where_name(size_t i)
{
    return nth(i, true);
}

/* ---- the question */

static void list_names(struct buf *why, bool where)
{
    str name;
    for (size_t i = 0; (name = nth(i, where)).p; i++) buf_printf(why, "%s%" STR_FMT, i ? ", " : "", STR_ARG(name));
}

static bool read_by(struct plan *p, struct buf *why)
{
    for (size_t i = 0; i < p->ask->by_count; i++) {
        str name = p->ask->by[i];
        p->by[i] = dim_find(name);
        if (!p->by[i] || !p->by[i]->by) {
            buf_printf(why, "'%" STR_FMT "' is nothing to group by; there are: ", STR_ARG(name));
            list_names(why, false);
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (p->by[j] != p->by[i]) continue;
            buf_printf(why, "'%" STR_FMT "' stands twice among what to group by", STR_ARG(name));
            return false;
        }
    }
    return true;
}

static bool read_where(struct plan *p, struct buf *why)
{
    for (size_t i = 0; i < p->ask->where_count; i++) {
        str name = p->ask->where[i].column, value = p->ask->where[i].equals;
        p->where[i] = dim_find(name);
        if (p->where[i] && !p->where[i]->where) {
            buf_printf(why, "'%" STR_FMT "' is no filter: a stretch of time is chosen with since and until",
                       STR_ARG(name));
            return false;
        }
        if (!p->where[i]) {
            buf_printf(why, "'%" STR_FMT "' is nothing to filter on; there are: ", STR_ARG(name));
            list_names(why, true);
            return false;
        }
        if (p->where[i]->kind == DIM_INT && !str_to_i64(value, &p->where_int[i])) {
            buf_printf(why, "'%" STR_FMT "' is a number: '%" STR_FMT "' is none", STR_ARG(name), STR_ARG(value));
            return false;
        }
    }
    return true;
}

/* Which table knows all names that are asked for? */
static enum source choose(struct plan *p)
{
    const struct report_ask *ask = p->ask;
    bool hour = true, day = true;
    const struct dim *dimension = NULL;
    for (size_t i = 0; i < ask->by_count + ask->where_count; i++) {
        const struct dim *d = i < ask->by_count ? p->by[i] : p->where[i - ask->by_count];
        bool time = d->kind == DIM_DAY || d->kind == DIM_HOUR;
        hour = hour && (d->in_hour || time);
        day = day && (d->in_day || d->kind == DIM_DAY || str_eq(d->name, S("feature")));
        if (d->in_day && dimension && d != dimension) day = false;
        if (d->in_day) dimension = d;
    }
    if (hour) return SOURCE_HOUR;
    if (!day || !dimension) return SOURCE_ROWS_BY_TIME;
    p->dimension = dimension->name;
    return SOURCE_DAY;
}

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

/* Rows admitted in [from, until), as far as there are any. */
static void cut_rows(struct plan *p, const struct extent *e, int64_t from, int64_t until)
{
    if (e->rows_first > e->rows_last) return;
    if (from < e->rows_first) from = e->rows_first;
    if (until > e->rows_last) until = e->rows_last + 1;
    cut(p, SOURCE_ROWS_BY_TIME, from, until, US_PER_SECOND, ROW_SLICES);
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

/* Which days of [low, high) are packed. */
static bool find_packs(struct plan *p, sqlite3 *db, int64_t low, int64_t high)
{
    int64_t there;
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT day_us FROM packs WHERE kind = ? AND part = 0 AND day_us >= ? AND day_us <= ? ORDER BY 1";
    p->kind = PACK_HOUR;
    while (p->main == SOURCE_DAY && !str_eq(pack_kind_name(p->kind), p->dimension)) p->kind++;
    /* a store that no server of this version has opened has none */
    if (!ask_int(db, "SELECT count(*) FROM sqlite_master WHERE name = 'packs'", 0, &there)) return false;
    if (!there || high < INT64_MIN + US_PER_DAY) return true;
    if (!plan_packs_dropped(db, &p->packs_dropped) || sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
        return false;
    str kind = pack_kind_name(p->kind);
    sqlite3_bind_text(q, 1, kind.p, (int)kind.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, low);
    sqlite3_bind_int64(q, 3, high - US_PER_DAY);
    int rc;
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

/* Whole hours or days: packs where there are some, the rollup's rows between them. */
static bool cut_rollup(struct plan *p, sqlite3 *db, int64_t low, int64_t high)
{
    int64_t step = p->main == SOURCE_DAY ? US_PER_DAY : US_PER_HOUR, at = low;
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
    if (p->main != SOURCE_DAY || begin == since || since - begin > US_PER_DAY / 2 || e->retired_to >= begin)
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
        cut_rows(p, e, since, until);
        return true;
    }
    int64_t planned = low;
    if (!plan_back(p, db, e, since, &low) || !cut_rollup(p, db, low, high)) return false;
    if (low < planned) {
        size_t first = p->slice_count;
        cut_rows(p, e, low, since);
        while (first < p->slice_count) p->slices[first++].back = true;
    } else if (since < low) {
        cut_rows(p, e, since, low);
    }
    if (high < until) cut_rows(p, e, high, until);
    return true;
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
    int64_t until = p->until_us < e->rows_last ? p->until_us : e->rows_last;
    /* By the index each row is found apart; from half of all rows on reading them all is faster. */
    if (until > from && until - from >= (e->rows_last - e->rows_first) / 2) {
        p->main = SOURCE_ROWS_BY_ID;
        return plan_ids(p, db);
    }
    cut_rows(p, e, p->since_us, p->until_us);
    return true;
}

bool plan_make(struct plan *p, sqlite3 *db, const struct report_ask *ask, struct buf *why)
{
    struct extent e;
    *p = (struct plan){.ask = ask, .since_us = ask->since_us, .until_us = ask->until_us, .rows_from_us = INT64_MIN};
    p->version = schema_version(db);
    if (!read_by(p, why) || !read_where(p, why)) return false;
    p->main = choose(p);
    bool ok = read_extent(db, p->main, &e);
    if (ok && p->main == SOURCE_ROWS_BY_TIME) {
        ok = plan_rows(p, db, &e);
    } else if (ok) {
        ok = plan_rollup(p, db, &e);
    }
    if (!ok) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    return ok;
}

void plan_free(struct plan *p)
{
    free(p->slices);
    free(p->packed);
    p->slices = NULL;
    p->packed = NULL;
    p->slice_count = p->slice_cap = p->packed_count = p->packed_cap = 0;
}

#include "ledger/report_inside.h"

#include <stdlib.h>

/* Rows of few users, prompts or tasks, of a feature or a model that came and went: rollups are written with the rows in
 * one transaction and outlive them, so that a day of which they do not know them has no row of them either. Looking
 * there takes some microseconds, reading a day's rows many milliseconds. */

enum { LOOKS_MAX = 200000 };

/* Filters on one of rollup_day's names, and the first of each name. */
static bool is_sought(const struct plan *p, size_t i)
{
    return p->where[i]->in_day;
}

static bool is_first(const struct plan *p, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (p->where[j] == p->where[i]) return false;
    return true;
}

static size_t count_sought(const struct plan *p)
{
    size_t n = p->ask->scoped;
    for (size_t i = 0; i < p->ask->where_count; i++) n += is_sought(p, i) || p->where[i]->in_hour;
    return n;
}

struct looks {
    sqlite3_stmt *day, *hour; /* hour: NULL where no filter is one of its names */
};

static bool has_value(sqlite3_stmt *q, int64_t day_us, str dimension, str value, bool *has)
{
    sqlite3_bind_int64(q, 1, day_us);
    sqlite3_bind_text(q, 2, dimension.p, (int)dimension.n, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, value.n ? value.p : "", (int)value.n, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    sqlite3_reset(q);
    *has = *has || rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* Of each name any of its values. */
static bool has_day(const struct plan *p, sqlite3_stmt *q, int64_t day_us, bool *has)
{
    const size_t count = p->ask->where_count;
    *has = true;
    for (size_t i = 0; i < count && *has; i++) {
        if (!is_sought(p, i) || !is_first(p, i)) continue;
        *has = false;
        for (size_t j = i; j < count && !*has; j++) {
            if (p->where[j] != p->where[i]) continue;
            if (!has_value(q, day_us, p->where[i]->name, p->ask->where[j].equals, has)) return false;
        }
    }
    return true;
}

static bool has_row(sqlite3_stmt *q, int64_t from_us, int64_t until_us, bool *has)
{
    sqlite3_bind_int64(q, 1, from_us);
    sqlite3_bind_int64(q, 2, until_us);
    int rc = sqlite3_step(q);
    sqlite3_reset(q);
    *has = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool look(const struct plan *p, const struct looks *l, int64_t day_us, bool *has)
{
    bool ok = has_day(p, l->day, day_us, has);
    return !ok || !*has || !l->hour ? ok : has_row(l->hour, day_us, day_us + US_PER_DAY, has);
}

static bool looks_open(struct looks *l, const struct plan *p, sqlite3 *db)
{
    const char *sql = "SELECT 1 FROM rollup_day WHERE day_us = ?1 AND dimension = ?2 AND value = ?3 LIMIT 1";
    *l = (struct looks){0};
    return sqlite3_prepare_v2(db, sql, -1, &l->day, NULL) == SQLITE_OK && plan_prepare_hours(p, db, &l->hour);
}

static void looks_close(struct looks *l)
{
    sqlite3_finalize(l->day);
    sqlite3_finalize(l->hour);
}

static void add_stretch(struct stretch *all, size_t *count, int64_t from, int64_t until)
{
    if (*count && all[*count - 1].until == from)
        all[*count - 1].until = until;
    else
        all[(*count)++] = (struct stretch){from, until};
}

bool plan_stretches(const struct plan *p, sqlite3 *db, int64_t from, int64_t until, struct stretch **out, size_t *count)
{
    size_t sought = count_sought(p);
    int64_t first = time_floor_us(from, US_PER_DAY);
    uint64_t days = from < until ? ((uint64_t)until - 1 - (uint64_t)first) / (uint64_t)US_PER_DAY + 1 : 0;
    bool may_look = sought && days <= LOOKS_MAX / sought, has;
    *count = 0;
    *out = mem_alloc((size_t)(may_look ? days + 1 : 1) * sizeof(**out));
    if (!may_look) {
        if (from < until) (*out)[(*count)++] = (struct stretch){from, until};
        return true;
    }
    struct looks looks;
    bool ok = looks_open(&looks, p, db);
    for (uint64_t i = 0; ok && i < days; i++) {
        int64_t day = first + (int64_t)i * US_PER_DAY, next = day + US_PER_DAY;
        ok = look(p, &looks, day, &has);
        if (ok && has) add_stretch(*out, count, day > from ? day : from, next < until ? next : until);
    }
    looks_close(&looks);
    return ok;
}

#include "ledger/calls_inside.h"

#include "base/time.h"

/* Rollups are written with their rows in one transaction, and outlive them: where a rollup knows nothing of an hour or
 * a day there is nothing in it. The hour's parameters: 1 from, 2 until, then the filter's; the day's: 1 the day,
 * 2 dimension, 3 value. */

static bool is_one_of(str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_from(names[i]))) return true;
    return false;
}

static bool in_hour(const struct calls_where *w)
{
    static const char *const names[] = {"feature", "model", "provider", "key", "team", "reason", "status"};
    return is_one_of(w->column, names, COUNT_OF(names));
}

static bool in_day(const struct calls_filter *f, const struct calls_where *w)
{
    static const char *const names[] = {"user", "prompt", "task"};
    size_t values = 0;
    for (size_t i = 0; i < f->where_count; i++) values += str_eq(f->where[i].column, w->column);
    return values == 1 && !w->differs && is_one_of(w->column, names, COUNT_OF(names));
}

/* The conditions that rollup_hour can answer, alone. */
static struct calls_filter hour_filter(const struct calls_filter *f)
{
    struct calls_filter hour = {.scoped = f->scoped, .features = f->features, .feature_count = f->feature_count};
    for (size_t i = 0; i < f->where_count; i++)
        if (in_hour(&f->where[i])) hour.where[hour.where_count++] = f->where[i];
    return hour;
}

static bool prepare_hour(struct calls_skip *s)
{
    struct calls_filter hour = hour_filter(s->filter);
    if (!hour.where_count && !hour.scoped) return true;
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT hour_us FROM rollup_hour WHERE hour_us >= ?1 AND hour_us <= ?2"));
    calls_filter_write(&hour, SCHEMA_VERSION, 3, &sql);
    buf_add(&sql, S(" ORDER BY hour_us DESC LIMIT 1"));
    bool ok = sqlite3_prepare_v2(s->db, sql.p, (int)sql.n, &s->hour, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (ok) calls_filter_bind(&hour, 3, s->hour);
    return ok;
}

static bool prepare_day(struct calls_skip *s)
{
    for (size_t i = 0; i < s->filter->where_count && s->dimension_count < COUNT_OF(s->dimension); i++) {
        const struct calls_where *w = &s->filter->where[i];
        if (!in_day(s->filter, w)) continue;
        s->dimension[s->dimension_count] = w->column;
        s->value[s->dimension_count++] = w->value;
    }
    if (!s->dimension_count) return true;
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(s->db, "SELECT min(day_us) FROM rollup_day", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW;
    s->first_day_us = INT64_MAX;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) s->first_day_us = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    const char *sql = "SELECT 1 FROM rollup_day WHERE day_us = ?1 AND dimension = ?2 AND value = ?3 LIMIT 1";
    return ok && sqlite3_prepare_v2(s->db, sql, -1, &s->day, NULL) == SQLITE_OK;
}

bool calls_skip_open(struct calls_skip *s, sqlite3 *db, const struct calls_filter *filter)
{
    *s = (struct calls_skip){.db = db, .filter = filter};
    return prepare_hour(s) && prepare_day(s);
}

void calls_skip_close(struct calls_skip *s)
{
    sqlite3_finalize(s->hour);
    sqlite3_finalize(s->day);
}

static void bind(sqlite3_stmt *q, int at, str s)
{
    sqlite3_bind_text(q, at, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
}

/* Whether all that is asked for was there on that day. */
static bool has_day(struct calls_skip *s, int64_t day_us, bool *has)
{
    *has = true;
    for (size_t i = 0; i < s->dimension_count && *has; i++) {
        sqlite3_bind_int64(s->day, 1, day_us);
        bind(s->day, 2, s->dimension[i]);
        bind(s->day, 3, s->value[i]);
        int rc = sqlite3_step(s->day);
        sqlite3_reset(s->day);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) return false;
        *has = rc == SQLITE_ROW;
    }
    return true;
}

/* Back to the latest day, day by day: a key of a rollup begins with the day. */
static bool find_day(struct calls_skip *s, int64_t *from, int64_t *until, bool *none)
{
    for (int64_t day = time_floor_us(*until, US_PER_DAY); day >= s->first_day_us; day -= US_PER_DAY) {
        bool has;
        if (day + US_PER_DAY <= *from) break;
        if (!has_day(s, day, &has)) return false;
        if (!has) continue;
        if (*until > day + US_PER_DAY - 1) *until = day + US_PER_DAY - 1;
        if (*from < day) *from = day;
        return true;
    }
    *none = true;
    return true;
}

static bool find_hour(struct calls_skip *s, int64_t *from, int64_t *until, bool *none)
{
    sqlite3_bind_int64(s->hour, 1, *from < INT64_MIN + US_PER_HOUR ? INT64_MIN : time_floor_us(*from, US_PER_HOUR));
    sqlite3_bind_int64(s->hour, 2, *until);
    int rc = sqlite3_step(s->hour);
    int64_t hour = rc == SQLITE_ROW ? sqlite3_column_int64(s->hour, 0) : 0;
    sqlite3_reset(s->hour);
    *none = rc == SQLITE_DONE;
    if (rc != SQLITE_ROW) return rc == SQLITE_DONE;
    if (*until > hour + US_PER_HOUR - 1) *until = hour + US_PER_HOUR - 1;
    if (*from < hour) *from = hour;
    return true;
}

bool calls_skip_find(struct calls_skip *s, int64_t *from, int64_t *until, bool *none)
{
    int64_t since = *from;
    *none = *from > *until;
    while (!*none) {
        if (s->day && !find_day(s, from, until, none)) return false;
        if (*none || !s->hour) return true;
        int64_t day_from = *from;
        if (!find_hour(s, from, until, none)) return false;
        if (!*none) return true;
        if (!s->day || day_from <= since) return true;
        /* the day has what was asked of it, but not at an hour that has the rest: on to the day before */
        *none = false;
        *until = day_from - 1;
        *from = since;
    }
    return true;
}

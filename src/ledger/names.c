#include "ledger/names.h"

#include "base/time.h"
#include "ledger/calls_inside.h"
#include "ledger/sql.h"

#include <string.h>

/* A key of rollup_day begins with day, dimension and value: of each day the first names with the prefix are read, and
 * the first of all days kept. */

enum { PARAM_SCOPE = 6 };

struct finding {
    const struct names_ask *ask;
    struct arena *arena;
    struct names *out;
};

/* In order; what is beyond the ceiling falls out at the end. */
static void take(struct finding *f, str name)
{
    struct names *n = f->out;
    size_t at = 0;
    while (at < n->count && str_cmp(n->of[at], name) < 0) at++;
    if (at < n->count && str_eq(n->of[at], name)) return;
    if (n->count == NAMES_MAX) {
        n->more = true;
        if (at == NAMES_MAX) return;
        n->count--;
    }
    memmove(&n->of[at + 1], &n->of[at], (n->count - at) * sizeof(*n->of));
    n->of[at] = arena_str(f->arena, name);
    n->count++;
}

static bool take_day(struct finding *f, sqlite3_stmt *q, int64_t day_us)
{
    int rc;
    sqlite3_bind_int64(q, 1, day_us);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) take(f, sql_text(q, 0));
    sqlite3_reset(q);
    return rc == SQLITE_DONE;
}

static bool find_days(sqlite3 *db, const struct names_ask *ask, int64_t *first, int64_t *last)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT (SELECT min(day_us) FROM rollup_day), (SELECT max(day_us) FROM rollup_day)";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    *first = INT64_MAX;
    *last = INT64_MIN;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        *first = sqlite3_column_int64(q, 0);
        *last = sqlite3_column_int64(q, 1);
        if (ask->since_us > *first) *first = time_floor_us(ask->since_us, US_PER_DAY);
        if (ask->until_us <= *last) *last = time_floor_us(ask->until_us - 1, US_PER_DAY);
    }
    sqlite3_finalize(q);
    return ok;
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct names_ask *ask, str end)
{
    struct calls_filter scope = {.scoped = ask->scoped, .features = ask->features, .feature_count = ask->feature_count};
    sqlite3_stmt *q = NULL;
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT DISTINCT value FROM rollup_day"
                    " WHERE day_us = ?1 AND dimension = ?2 AND value >= ?3 AND value < ?4"));
    (void)calls_scope_write(&scope, PARAM_SCOPE, &sql);
    buf_add(&sql, S(" ORDER BY value LIMIT ?5"));
    bool ok = sqlite3_prepare_v2(db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (!ok) return NULL;
    sql_bind(q, 2, ask->dimension);
    sql_bind(q, 3, ask->prefix);
    sql_bind(q, 4, end);
    sqlite3_bind_int(q, 5, NAMES_MAX + 1);
    calls_scope_bind(&scope, PARAM_SCOPE, q);
    return q;
}

bool names_find(const char *dir, const struct names_ask *ask, struct arena *arena, struct names *out, struct buf *why)
{
    static const struct calls_filter any = {.where_count = 0};
    struct finding f = {.ask = ask, .arena = arena, .out = out};
    int64_t first, last;
    out->count = 0;
    out->more = false;
    sqlite3 *db = calls_open_store(dir, &any, why);
    if (!db) return false;
    char *end = arena_alloc(arena, ask->prefix.n + 1); /* no text has the byte 0xff in it */
    if (ask->prefix.n) memcpy(end, ask->prefix.p, ask->prefix.n);
    end[ask->prefix.n] = (char)0xff;
    sqlite3_stmt *q = prepare(db, ask, str_of(end, ask->prefix.n + 1));
    bool ok = q && find_days(db, ask, &first, &last);
    for (int64_t day = ok ? first : 0; ok && day <= last; day += US_PER_DAY) ok = take_day(&f, q, day);
    if (!ok) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_finalize(q);
    sqlite3_close(db);
    return ok;
}

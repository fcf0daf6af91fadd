#include "ledger/success_inside.h"

#include "base/time.h"
#include "ledger/sql.h"

bool cost_goes_on(struct costing *c, double done)
{
    if (c->ask->go_on && !c->ask->go_on(c->ask->ctx, done)) c->ended = true;
    return !c->ended;
}

bool cost_read_extent(sqlite3 *db, const char *sql, int64_t *first, int64_t *last)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    *first = INT64_MAX;
    *last = INT64_MIN;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        *first = sqlite3_column_int64(q, 0);
        *last = sqlite3_column_int64(q, 1);
    }
    sqlite3_finalize(q);
    return ok;
}

/* ---- from rows: all of the time since */

static const char *column_of(enum success_by by)
{
    switch (by) {
    case SUCCESS_PROMPT:
        return "prompt";
    case SUCCESS_MODEL:
        return "model";
    case SUCCESS_USER:
        return "user";
    case SUCCESS_FEATURE:
    case SUCCESS_ALL:
        break;
    }
    return "feature";
}

/* Columns: task, call_id, at_us, cost without what is unpriced, feature, value, whether the conditions are true. */
static void add_row(struct costing *c, sqlite3_stmt *q)
{
    bool matches = sqlite3_column_int(q, 6) != 0;
    str task = sql_text(q, 0);
    bool calls = c->units->count > c->units->tasks;
    struct unit_of *of[] = {
        task.n ? units_find(c->units, task, 0) : NULL,
        calls ? units_find(c->units, STR_NONE, (uint64_t)sqlite3_column_int64(q, 1)) : NULL,
    };
    for (size_t i = 0; i < COUNT_OF(of); i++) {
        if (!of[i]) continue;
        of[i]->matched = of[i]->matched || matches;
        if (matches) of[i]->covered += sqlite3_column_int64(q, 3);
        unit_add_cost(c->units, of[i], sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3), sql_text(q, 4),
                      sql_text(q, 5));
    }
}

bool cost_from_rows(struct costing *c)
{
    enum { STRETCHES = 100 };
    sqlite3_stmt *q = NULL;
    struct buf sql;
    struct calls_filter conditions = c->ask->scope;
    int64_t first, last;
    conditions.scoped = false; /* a unit's feature is known once all of it is */
    buf_init(&sql, 0);
    buf_printf(
        &sql,
        "SELECT task, call_id, at_us, CASE cost_state WHEN 'unpriced' THEN 0 ELSE cost_picousd END, feature, %s, (1",
        column_of(c->ask->by));
    calls_filter_write(&conditions, schema_version(c->db), 3, &sql);
    buf_add(&sql, S(") FROM attempts INDEXED BY attempts_at WHERE at_us >= ?1 AND at_us < ?2"));
    bool ok = cost_read_extent(c->db, "SELECT (SELECT min(at_us) FROM attempts), (SELECT max(at_us) FROM attempts)",
                               &first, &last) &&
              sqlite3_prepare_v2(c->db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (ok) calls_filter_bind(&conditions, 3, q);
    if (first < c->from_us) first = c->from_us;
    int64_t step = last >= first ? (last - first) / STRETCHES + 1 : 1;
    for (int64_t at = first; ok && at <= last; at += step) {
        int rc;
        sqlite3_bind_int64(q, 1, at);
        sqlite3_bind_int64(q, 2, at + step);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW) add_row(c, q);
        sqlite3_reset(q);
        ok = rc == SQLITE_DONE && cost_goes_on(c, (double)(at - first) / (double)(last - first + 1));
    }
    sqlite3_finalize(q);
    return ok;
}

#include "ledger/verify_inside.h"

#include <inttypes.h>

/* Counters, totals and rollups against what the rows add up to; modulo 2^64, which
 * hides nothing but a coincidence. */

uint64_t verify_total(struct verifying *v, enum store_total t)
{
    char sql[128];
    int64_t value = 0;
    str name = store_total_name(t);
    sqlite3_snprintf(sizeof(sql), sql, "SELECT value FROM totals WHERE name = '%.*s'", (int)name.n, name.p);
    verify_ask(v, sql, &value);
    return (uint64_t)value;
}

static void verify_cells(struct verifying *v)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT key, budget, value, spent, retired FROM cells";
    if (sqlite3_prepare_v2(v->db, sql, -1, &q, NULL) != SQLITE_OK) {
        verify_problem(v, "the store cannot be read: %s", sqlite3_errmsg(v->db));
        return;
    }
    while (sqlite3_step(q) == SQLITE_ROW) {
        struct amount *rows = amounts_at(&v->cells, (uint64_t)sqlite3_column_int64(q, 0));
        uint64_t spent = (uint64_t)sqlite3_column_int64(q, 3), retired = (uint64_t)sqlite3_column_int64(q, 4);
        rows->seen = true;
        v->out->cells++;
        if (spent != rows->wrap + retired)
            verify_problem(v, "budget %s, %s: its counter says %" PRId64 ", the rows add up to %" PRId64,
                           (const char *)sqlite3_column_text(q, 1), (const char *)sqlite3_column_text(q, 2),
                           (int64_t)spent, (int64_t)(rows->wrap + retired));
    }
    sqlite3_finalize(q);
    uint64_t forgotten = 0;
    size_t at = 0;
    for (const struct amount *a; (a = amounts_next(&v->cells, &at));) forgotten += a->seen ? 0 : a->wrap;
    if (forgotten != verify_total(v, TOTAL_FORGOTTEN))
        verify_problem(v, "rows have %" PRId64 " in budget counters that are gone, %" PRId64 " of it is accounted for",
                       (int64_t)forgotten, (int64_t)verify_total(v, TOTAL_FORGOTTEN));
}

static void verify_totals(struct verifying *v)
{
    struct verify_result *out = v->out;
    out->retired.count = verify_total(v, TOTAL_RETIRED_ROWS);
    out->retired.cost = (__int128)(int64_t)verify_total(v, TOTAL_RETIRED_COST);
    uint64_t rows = verify_total(v, TOTAL_ROWS), cost = verify_total(v, TOTAL_COST);
    if (rows != out->rows.count + out->retired.count)
        verify_problem(v,
                       "%" PRIu64 " rows were posted, %" PRIu64 " are there and %" PRIu64 " were deleted by retention",
                       rows, out->rows.count, out->retired.count);
    if (cost != (uint64_t)out->rows.cost + (uint64_t)out->retired.cost)
        verify_problem(v, "the rows' cost is not the cost that was posted");
}

/* Of all columns of all rows, modulo 2^64. Fails: false, a problem is noted. */
static bool sum_columns(struct verifying *v, const char *sql, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    uint64_t sum = 0;
    int rc = sqlite3_prepare_v2(v->db, sql, -1, &q, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        for (int i = 0; rc == SQLITE_ROW && i < sqlite3_column_count(q); i++)
            sum += (uint64_t)sqlite3_column_int64(q, i);
    }
    if (rc != SQLITE_DONE) verify_problem(v, "the store cannot be read: %s", sqlite3_errmsg(v->db));
    sqlite3_finalize(q);
    *out = (int64_t)sum;
    return rc == SQLITE_DONE;
}

static void verify_rollup(struct verifying *v, const char *from, const char *name)
{
    char sql[256];
    int64_t attempts = 0, cost = 0;
    sqlite3_snprintf(sizeof(sql), sql, "SELECT coalesce(sum(attempts), 0) FROM %s", from);
    if (!verify_ask(v, sql, &attempts)) return;
    sqlite3_snprintf(sizeof(sql), sql, "SELECT cost_picousd, unpriced_picousd FROM %s", from);
    if (!sum_columns(v, sql, &cost)) return;
    if ((uint64_t)attempts != verify_total(v, TOTAL_ROWS))
        verify_problem(v, "%s counts %" PRId64 " attempts, %" PRIu64 " were posted", name, attempts,
                       verify_total(v, TOTAL_ROWS));
    if ((uint64_t)cost != verify_total(v, TOTAL_COST))
        verify_problem(v, "%s does not add up to the cost that was posted", name);
}

/* Unpriced rows' cost is in no sum of it: it is held against what the hours' sums have of the priced ones. */
static void verify_mix(struct verifying *v)
{
    int64_t attempts = 0, mix = 0, hours = 0;
    if (schema_version(v->db) < SCHEMA_STEERING) return;
    if (verify_total(v, TOTAL_MIX_TO) < verify_total(v, TOTAL_MIX_UNTIL)) return; /* an older store's: not yet whole */
    if (!verify_ask(v, "SELECT coalesce(sum(attempts), 0) FROM rollup_mix", &attempts) ||
        !sum_columns(v, "SELECT cost_picousd FROM rollup_mix", &mix) ||
        !sum_columns(v, "SELECT cost_picousd FROM rollup_hour", &hours))
        return;
    uint64_t posted = verify_total(v, TOTAL_ROWS) - verify_total(v, TOTAL_MIX_MISSING);
    if ((uint64_t)attempts != posted)
        verify_problem(v, "rollup_mix counts %" PRId64 " attempts, %" PRIu64 " were posted since it is there", attempts,
                       posted);
    if ((uint64_t)hours - (uint64_t)mix != verify_total(v, TOTAL_MIX_MISSING_COST))
        verify_problem(v, "rollup_mix does not add up to the cost of rollup_hour");
}

void verify_sums(struct verifying *v)
{
    verify_totals(v);
    verify_cells(v);
    verify_rollup(v, "rollup_hour", "rollup_hour");
    verify_rollup(v, "rollup_day WHERE dimension = 'user'", "rollup_day by user");
    verify_rollup(v, "rollup_day WHERE dimension = 'prompt'", "rollup_day by prompt");
    verify_rollup(v, "rollup_day WHERE dimension = 'task'", "rollup_day by task");
    verify_mix(v);
}

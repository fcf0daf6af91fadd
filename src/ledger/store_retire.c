#include "ledger/store_inside.h"

#include "ledger/seal.h"

/* Retention: the oldest rows go, the rollups stay. What goes is told to the seals,
 * the totals and the cells, so that the proofs of `purser ledger verify` still add up. */

struct retiring {
    int64_t attempt_id, checksum, cost, at_us;
};

/* The amounts that a row had posted: its cells remember them. */
static bool retire_amounts(struct store *s, int64_t attempt_id)
{
    sqlite3_stmt *q = s->q[Q_CELLS_OF], *add = s->q[Q_CELL_RETIRE];
    struct ledger_cell cells[ROW_CELLS_MAX];
    sqlite3_bind_int64(q, 1, attempt_id);
    size_t bytes = 0;
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        bytes = (size_t)sqlite3_column_bytes(q, 0);
        if (bytes > sizeof(cells)) bytes = sizeof(cells);
        if (bytes) memcpy(cells, sqlite3_column_blob(q, 0), bytes);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) store_fail(s);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return false;
    for (size_t i = 0; i < bytes / sizeof(*cells); i++) {
        sqlite3_bind_int64(add, 1, (int64_t)cells[i].key);
        sqlite3_bind_int64(add, 2, cells[i].amount);
        if (!store_run(s, Q_CELL_RETIRE)) return false;
        /* the window is forgotten: its amount leaves that total instead */
        if (!sqlite3_changes(s->db)) s->total[TOTAL_FORGOTTEN] -= (uint64_t)cells[i].amount;
    }
    return true;
}

static bool retire(struct store *s, const struct retiring *row)
{
    if (!retire_amounts(s, row->attempt_id)) return false;
    sqlite3_bind_int64(s->q[Q_DROP_ROW], 1, row->attempt_id);
    sqlite3_bind_int64(s->q[Q_DROP_DETAILS], 1, row->attempt_id);
    if (!store_run(s, Q_DROP_ROW) || !store_run(s, Q_DROP_DETAILS)) return false;
    struct store_seal *seal = store_seal_of(s, (uint64_t)row->attempt_id);
    seal->rows--;
    seal->checksum -= (uint64_t)row->checksum;
    seal->cost -= (uint64_t)row->cost;
    s->total[TOTAL_RETIRED_ROWS]++;
    if ((int64_t)s->total[TOTAL_RETIRED_TO] < row->at_us) s->total[TOTAL_RETIRED_TO] = (uint64_t)row->at_us;
    s->total[TOTAL_RETIRED_COST] += (uint64_t)row->cost;
    return true;
}

bool store_retire(struct store *s, int64_t before_us, uint64_t keep, uint32_t rows, uint32_t *deleted)
{
    enum { SLICE = 512 };
    struct retiring going[SLICE];
    uint64_t have = s->total[TOTAL_ROWS] - s->total[TOTAL_RETIRED_ROWS];
    uint64_t above = keep && have > keep ? have - keep : 0;
    uint32_t n = 0;
    sqlite3_stmt *q = s->q[Q_OLDEST];
    *deleted = 0;
    if (!store_mix_is_whole(s)) return true;
    sqlite3_bind_int64(q, 1, rows < SLICE ? rows : SLICE);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        if (n >= above && sqlite3_column_int64(q, 3) >= before_us) break;
        going[n++] = (struct retiring){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                                       sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3)};
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) store_fail(s);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!retire(s, &going[i])) return false;
    }
    *deleted = n;
    return true;
}

bool store_shrink(struct store *s, uint32_t pages)
{
    char sql[64];
    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%u)", pages);
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool store_forget_cells(struct store *s, str budget, int64_t before_us)
{
    sqlite3_stmt *q = s->q[Q_FORGET];
    sqlite3_bind_text(q, 1, budget.p, (int)budget.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, before_us);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW)
        s->total[TOTAL_FORGOTTEN] += (uint64_t)sqlite3_column_int64(q, 0) - (uint64_t)sqlite3_column_int64(q, 1);
    if (rc != SQLITE_DONE) store_fail(s);
    sqlite3_reset(q);
    return rc == SQLITE_DONE;
}

#include "ledger/verify_inside.h"

#include "base/err.h"
#include "ledger/seal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Rows in the order of their ids, beside their details and their blocks' seals. */

enum { PROGRESS_EVERY = 1 << 16 };

struct walk {
    struct verifying *v;
    sqlite3_stmt *rows, *seals;
    int columns;
    uint64_t expected; /* rows, for the progress */
    /* the block that is being summed */
    bool in_block;
    int64_t block, count;
    uint64_t checksum, cost;
};

static bool prepare(struct walk *w)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT "));
    int version = schema_version(w->v->db);
    for (size_t i = 0; i < schema_attempt_columns(); i++) buf_printf(&sql, "%s, ", schema_attempt_read(i, version));
    buf_add(&sql, S("a.checksum, d.cells, d.usage_raw FROM attempts a LEFT JOIN details d USING (attempt_id)"
                    " ORDER BY a.attempt_id"));
    w->columns = (int)schema_attempt_columns();
    bool ok = sqlite3_prepare_v2(w->v->db, sql.p, (int)sql.n, &w->rows, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(w->v->db, "SELECT row_count, checksum_sum, cost_sum FROM seals WHERE block = ?", -1,
                                 &w->seals, NULL) == SQLITE_OK;
    if (!ok) verify_problem(w->v, "the store cannot be read: %s", sqlite3_errmsg(w->v->db));
    buf_free(&sql);
    return ok;
}

static void end_block(struct walk *w)
{
    if (!w->in_block) return;
    w->in_block = false;
    int64_t count = 0, checksum = 0, cost = 0;
    sqlite3_bind_int64(w->seals, 1, w->block);
    if (sqlite3_step(w->seals) == SQLITE_ROW) {
        count = sqlite3_column_int64(w->seals, 0);
        checksum = sqlite3_column_int64(w->seals, 1);
        cost = sqlite3_column_int64(w->seals, 2);
    }
    sqlite3_reset(w->seals);
    int64_t first = w->block * (INT64_C(1) << SEAL_BLOCK_SHIFT);
    int64_t last = first + (INT64_C(1) << SEAL_BLOCK_SHIFT) - 1;
    if (count > w->count)
        verify_problem(w->v, "attempts %" PRId64 " to %" PRId64 ": %" PRId64 " rows are missing", first, last,
                       count - w->count);
    else if (count < w->count)
        verify_problem(w->v, "attempts %" PRId64 " to %" PRId64 ": %" PRId64 " rows are there that were never posted",
                       first, last, w->count - count);
    else if ((uint64_t)checksum != w->checksum || (uint64_t)cost != w->cost)
        verify_problem(w->v, "attempts %" PRId64 " to %" PRId64 ": the rows are not the ones that were posted", first,
                       last);
}

/* The checksum of the row as it stands in the store. */
static int64_t stored_checksum(const struct walk *w)
{
    struct seal seal = {0};
    for (int i = 0; i < w->columns; i++) {
        if (schema_attempt_is_late((size_t)i)) {
            seal_late(&seal, str_from(schema_attempt_column((size_t)i)), sqlite3_column_int64(w->rows, i));
        } else if (sqlite3_column_type(w->rows, i) == SQLITE_INTEGER) {
            seal_int(&seal, sqlite3_column_int64(w->rows, i));
        } else {
            const void *text = sqlite3_column_text(w->rows, i);
            seal_bytes(&seal, text, (size_t)sqlite3_column_bytes(w->rows, i));
        }
    }
    for (int i = w->columns + 1; i < w->columns + 3; i++) {
        const void *bytes = sqlite3_column_blob(w->rows, i);
        seal_bytes(&seal, bytes, (size_t)sqlite3_column_bytes(w->rows, i));
    }
    return seal_value(&seal);
}

static void add_amounts(struct walk *w)
{
    const char *cells = sqlite3_column_blob(w->rows, w->columns + 1);
    size_t bytes = (size_t)sqlite3_column_bytes(w->rows, w->columns + 1);
    for (size_t at = 0; at + sizeof(struct ledger_cell) <= bytes; at += sizeof(struct ledger_cell)) {
        struct ledger_cell cell;
        memcpy(&cell, cells + at, sizeof(cell));
        amounts_add(&w->v->cells, cell.key, cell.amount);
    }
}

static void check_row(struct walk *w, int cost_column)
{
    int64_t id = sqlite3_column_int64(w->rows, 0), checksum = sqlite3_column_int64(w->rows, w->columns);
    if (!w->in_block || id >> SEAL_BLOCK_SHIFT != w->block) {
        end_block(w);
        w->in_block = true;
        w->block = id >> SEAL_BLOCK_SHIFT;
        w->count = 0;
        w->checksum = w->cost = 0;
    }
    picousd cost = sqlite3_column_int64(w->rows, cost_column);
    w->count++;
    w->checksum += (uint64_t)checksum;
    w->cost += (uint64_t)cost;
    w->v->out->rows.count++;
    w->v->out->rows.cost += cost;
    if (stored_checksum(w) != checksum) verify_problem(w->v, "attempt %" PRId64 ": its row was changed", id);
    add_amounts(w);
}

/* Blocks that should have rows and have none at all. */
static void find_lost_blocks(struct verifying *v)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT block, row_count FROM seals WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE attempt_id"
                      " BETWEEN block << 20 AND (block << 20) + 1048575)";
    _Static_assert(SEAL_BLOCK_SHIFT == 20, "the question's shift");
    if (sqlite3_prepare_v2(v->db, sql, -1, &q, NULL) == SQLITE_OK) {
        while (sqlite3_step(q) == SQLITE_ROW)
            verify_problem(v, "attempts from %" PRId64 " on: %" PRId64 " rows are missing",
                           (int64_t)sqlite3_column_int64(q, 0) << SEAL_BLOCK_SHIFT,
                           (int64_t)sqlite3_column_int64(q, 1));
    }
    sqlite3_finalize(q);
}

static void find_lone_details(struct verifying *v)
{
    int64_t lone = 0;
    if (verify_ask(v, "SELECT count(*) FROM details WHERE attempt_id NOT IN (SELECT attempt_id FROM attempts)",
                   &lone) &&
        lone)
        verify_problem(v, "%" PRId64 " rows of `details` belong to no attempt", lone);
}

void verify_rows(struct verifying *v)
{
    struct walk w = {.v = v};
    int64_t expected = 0;
    int cost_column = 0;
    verify_ask(v, "SELECT coalesce(sum(row_count), 0) FROM seals", &expected);
    w.expected = expected > 0 ? (uint64_t)expected : 1;
    while (strcmp(schema_attempt_column((size_t)cost_column), "cost_picousd") != 0) cost_column++;
    if (prepare(&w)) {
        int rc;
        while ((rc = sqlite3_step(w.rows)) == SQLITE_ROW) {
            check_row(&w, cost_column);
            if (v->progress && v->out->rows.count % PROGRESS_EVERY == 0)
                v->progress(v->ctx, (double)v->out->rows.count / (double)w.expected);
        }
        end_block(&w);
        if (rc != SQLITE_DONE) verify_problem(v, "the store cannot be read: %s", sqlite3_errmsg(v->db));
        find_lost_blocks(v);
        find_lone_details(v);
    }
    sqlite3_finalize(w.rows);
    sqlite3_finalize(w.seals);
}

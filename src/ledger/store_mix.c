#include "ledger/store_inside.h"

/* rollup_mix of rows that were stored before there was that table: summed some at a time, in the order of their ids,
 * between other work. Which rows: those up to the id `mix_until_id` that the migration noted; up to `mix_to_id` they are
 * done. A row of that stretch that is stored late is left to it, unless it is past it already. */

#define UNIT_BOTH_COLUMNS(unit, count, cost) ", " count ", " cost
static const char rows_sql[] =
    "SELECT attempt_id, at_us, feature, model, provider, key, team, prompt, cost_state = 'unpriced', cost_picousd,"
    " number, wasted, saved_picousd, prompt_bytes, system_bytes, history_bytes, retrieved_bytes, "
    "tools_bytes" UNIT_COLUMNS(
        UNIT_BOTH_COLUMNS) " FROM attempts WHERE attempt_id > ?1 AND attempt_id <= ?2 ORDER BY attempt_id LIMIT ?3";

bool store_mix_takes(const struct store *s, uint64_t attempt_id)
{
    return attempt_id > s->total[TOTAL_MIX_UNTIL] || attempt_id <= s->total[TOTAL_MIX_TO];
}

bool store_mix_is_whole(const struct store *s)
{
    return s->total[TOTAL_MIX_TO] >= s->total[TOTAL_MIX_UNTIL];
}

static void read_row(sqlite3_stmt *q, struct row *row)
{
    static const enum row_text texts[] = {ROW_FEATURE, ROW_MODEL, ROW_PROVIDER, ROW_KEY, ROW_TEAM, ROW_PROMPT};
    struct row_numbers *n = &row->n;
    int at = 0;
    *row = (struct row){0};
    n->attempt_id = (uint64_t)sqlite3_column_int64(q, at++);
    n->at_us = sqlite3_column_int64(q, at++);
    for (size_t i = 0; i < COUNT_OF(texts); i++, at++) {
        const char *text = (const char *)sqlite3_column_text(q, at);
        row->text[texts[i]] = str_of(text, (size_t)sqlite3_column_bytes(q, at));
    }
    n->cost_state = sqlite3_column_int(q, at++) ? COST_UNPRICED : COST_EXACT;
    n->cost_picousd = sqlite3_column_int64(q, at++);
    n->number = (uint8_t)sqlite3_column_int(q, at++);
    n->wasted = (uint8_t)sqlite3_column_int(q, at++);
    n->saved_picousd = sqlite3_column_int64(q, at++);
    int64_t *const bytes[] = {&n->prompt_bytes, &n->system_bytes, &n->history_bytes, &n->retrieved_bytes,
                              &n->tools_bytes};
    for (size_t i = 0; i < COUNT_OF(bytes); i++) *bytes[i] = sqlite3_column_int64(q, at++);
    for (int u = 0; u < UNIT_COUNT; u++) {
        n->units[u] = sqlite3_column_int64(q, at++);
        n->cost_by_unit[u] = sqlite3_column_int64(q, at++);
    }
}

static bool add_rows(struct store *s, uint32_t most, uint32_t *count)
{
    sqlite3_stmt *q = NULL;
    struct row row;
    *count = 0;
    if (sqlite3_prepare_v2(s->db, rows_sql, -1, &q, NULL) != SQLITE_OK) return store_fail(s);
    sqlite3_bind_int64(q, 1, (int64_t)s->total[TOTAL_MIX_TO]);
    sqlite3_bind_int64(q, 2, (int64_t)s->total[TOTAL_MIX_UNTIL]);
    sqlite3_bind_int64(q, 3, most);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        read_row(q, &row);
        rollups_add_mix(s->rollups, &row);
        s->total[TOTAL_MIX_TO] = row.n.attempt_id;
        ++*count;
    }
    if (rc != SQLITE_DONE) store_fail(s);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

/* Modulo 2^64. */
static bool sum_cost(struct store *s, const char *sql, uint64_t *out)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK) return store_fail(s);
    int rc;
    for (*out = 0; (rc = sqlite3_step(q)) == SQLITE_ROW;) *out += (uint64_t)sqlite3_column_int64(q, 0);
    if (rc != SQLITE_DONE) store_fail(s);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

/* What retention had deleted is in the other rollups alone: noted, so that `ledger verify` still adds up. */
static bool finish(struct store *s)
{
    uint64_t hours = 0, mix = 0;
    if (!sum_cost(s, "SELECT cost_picousd FROM rollup_hour", &hours) ||
        !sum_cost(s, "SELECT cost_picousd FROM rollup_mix", &mix))
        return false;
    s->total[TOTAL_MIX_MISSING_COST] = hours - mix;
    s->total[TOTAL_MIX_TO] = s->total[TOTAL_MIX_UNTIL];
    return true;
}

bool store_mix_fill(struct store *s, uint32_t rows, bool *whole)
{
    uint32_t count;
    *whole = store_mix_is_whole(s);
    if (*whole) return true;
    bool ok = store_begin(s) && add_rows(s, rows, &count) && (count || finish(s)) && store_commit(s);
    if (!ok) store_rollback(s);
    *whole = store_mix_is_whole(s);
    return ok;
}

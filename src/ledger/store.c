#include "ledger/store_inside.h"

#include "base/arena.h"
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const char *const statements[] = {
#define Q(name, sql) [Q_##name] = sql,
    STORE_STATEMENTS(Q) // NOLINT(bugprone-suspicious-missing-comma): long ones go over several lines
#undef Q
};

static const str total_names[TOTAL_COUNT] = {
#define TOTAL(constant, name, what) [TOTAL_##constant] = STR_INIT(name),
    STORE_TOTALS(TOTAL)
#undef TOTAL
};

str store_total_name(enum store_total t)
{
    return total_names[t];
}

bool store_fail(struct store *s)
{
    buf_clear(&s->fault);
    buf_printf(&s->fault, "%s", sqlite3_errmsg(s->db));
    buf_add_byte(&s->fault, '\0');
    return false;
}

const char *store_fault(struct store *s)
{
    return s->fault.n ? s->fault.p : "";
}

bool store_run(struct store *s, enum store_statement q)
{
    bool ok = sqlite3_step(s->q[q]) == SQLITE_DONE;
    if (!ok) store_fail(s);
    sqlite3_reset(s->q[q]);
    return ok;
}

/* Addition modulo 2^64: SQLite's own turns into floating point at the end of the range. */
static void wrap_add(sqlite3_context *ctx, int n, sqlite3_value **value)
{
    (void)n;
    sqlite3_result_int64(ctx,
                         (int64_t)((uint64_t)sqlite3_value_int64(value[0]) + (uint64_t)sqlite3_value_int64(value[1])));
}

/* ---- open and close */

static bool prepare_insert(struct store *s)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("INSERT INTO attempts ("));
    for (size_t i = 0; i < schema_attempt_columns(); i++) buf_printf(&sql, "%s, ", schema_attempt_column(i));
    buf_add(&sql, S("checksum) VALUES ("));
    for (size_t i = 0; i < schema_attempt_columns(); i++) buf_add(&sql, S("?, "));
    buf_add(&sql, S("?)"));
    bool ok =
        sqlite3_prepare_v3(s->db, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, &s->q[Q_INSERT], NULL) == SQLITE_OK;
    buf_free(&sql);
    return ok;
}

static bool prepare_all(struct store *s)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    bool ok = sqlite3_create_function_v2(s->db, "wrap_add", 2, flags, NULL, wrap_add, NULL, NULL, NULL) == SQLITE_OK;
    for (size_t i = 0; i < COUNT_OF(statements) && ok; i++)
        ok = sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &s->q[i], NULL) == SQLITE_OK;
    return ok && prepare_insert(s);
}

/* The folder's secret: read, or made and kept. */
static bool read_key(struct store *s)
{
    sqlite3_stmt *q = NULL;
    bool found = false,
         ok = sqlite3_prepare_v2(s->db, "SELECT value FROM meta WHERE name = 'hash_key'", -1, &q, NULL) == SQLITE_OK;
    if (ok && sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == (int)sizeof(s->key)) {
        memcpy(&s->key, sqlite3_column_blob(q, 0), sizeof(s->key));
        found = true;
    }
    sqlite3_finalize(q);
    if (!ok || found) return ok;
    if (getrandom(&s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key)) return false;
    ok = sqlite3_prepare_v2(s->db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('hash_key', ?)", -1, &q, NULL) ==
         SQLITE_OK;
    if (ok) {
        sqlite3_bind_blob(q, 1, &s->key, sizeof(s->key), SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool read_totals(struct store *s)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, "SELECT name, value FROM totals", -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        str name = str_from((const char *)sqlite3_column_text(q, 0));
        for (int t = 0; t < TOTAL_COUNT; t++) {
            if (str_eq(name, total_names[t])) s->total[t] = (uint64_t)sqlite3_column_int64(q, 1);
        }
    }
    sqlite3_finalize(q);
    if (rc != SQLITE_DONE || sqlite3_prepare_v2(s->db, "SELECT count(*) FROM open_holds", -1, &q, NULL) != SQLITE_OK)
        return false;
    if (sqlite3_step(q) == SQLITE_ROW) s->holds_kept = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return true;
}

struct store *store_open(const char *dir, struct buf *why)
{
    sqlite3 *db = schema_open(dir, true, why);
    if (!db) return NULL;
    struct store *s = mem_zalloc(sizeof(*s));
    s->db = db;
    amounts_init(&s->cells);
    buf_init(&s->fault, 4096);
    /* NORMAL: a commit does not wait for the disk. The journal stands for it until
     * store_sync(). 8 MB of cache, checkpoints of 32 MB. */
    bool ok = sqlite3_exec(db,
                           "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000; PRAGMA wal_autocheckpoint = 4000;"
                           "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
                           NULL, NULL, NULL) == SQLITE_OK &&
              read_key(s) && prepare_all(s) && (s->rollups = rollups_new(db, s->key)) && read_totals(s) &&
              store_pack_open(s);
    if (ok) return s;
    buf_printf(why, "%s/purser.db: %s", dir, sqlite3_errmsg(db));
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s) return;
    rollups_drop(s->rollups);
    store_pack_cancel(s);
    free(s->packs.late.all);
    free(s->packs.late_told.all);
    for (int i = 0; i < Q_COUNT; i++) sqlite3_finalize(s->q[i]);
    sqlite3_close(s->db);
    amounts_free(&s->cells);
    buf_free(&s->fault);
    free(s->seals);
    free(s);
}

sqlite3 *store_db(struct store *s)
{
    return s->db;
}

uint64_t store_total(const struct store *s, enum store_total t)
{
    return s->total[t];
}

struct hash_key store_key(const struct store *s)
{
    return s->key;
}

/* ---- the transaction */

bool store_begin(struct store *s)
{
    memcpy(s->total_was, s->total, sizeof(s->total));
    s->holds_kept_was = s->holds_kept;
    return store_run(s, Q_BEGIN);
}

static bool flush_cells(struct store *s)
{
    sqlite3_stmt *q = s->q[Q_CELL_ADD];
    size_t at = 0;
    for (const struct amount *a; (a = amounts_next(&s->cells, &at));) {
        sqlite3_bind_int64(q, 1, (int64_t)a->key);
        sqlite3_bind_int64(q, 2, a->sum);
        if (!store_run(s, Q_CELL_ADD)) return false;
    }
    amounts_clear(&s->cells);
    return true;
}

bool store_flush_seals(struct store *s)
{
    for (size_t i = 0; i < s->seal_count; i++) {
        const struct store_seal *seal = &s->seals[i];
        sqlite3_bind_int64(s->q[Q_SEAL_ADD], 1, seal->block);
        sqlite3_bind_int64(s->q[Q_SEAL_ADD], 2, seal->rows);
        sqlite3_bind_int64(s->q[Q_SEAL_ADD], 3, (int64_t)seal->checksum);
        sqlite3_bind_int64(s->q[Q_SEAL_ADD], 4, (int64_t)seal->cost);
        if (!store_run(s, Q_SEAL_ADD)) return false;
        if (seal->rows >= 0) continue;
        sqlite3_bind_int64(s->q[Q_SEAL_DROP], 1, seal->block);
        if (!store_run(s, Q_SEAL_DROP)) return false;
    }
    s->seal_count = 0;
    return true;
}

static bool flush_totals(struct store *s)
{
    for (int t = 0; t < TOTAL_COUNT; t++) {
        if (s->total[t] == s->total_was[t]) continue;
        sqlite3_bind_text(s->q[Q_TOTAL], 1, total_names[t].p, (int)total_names[t].n, SQLITE_STATIC);
        sqlite3_bind_int64(s->q[Q_TOTAL], 2, (int64_t)s->total[t]);
        if (!store_run(s, Q_TOTAL)) return false;
    }
    return true;
}

bool store_commit(struct store *s)
{
    if (!store_pack_drop_late(s)) return false;
    if (!flush_cells(s) || !store_flush_seals(s) || !flush_totals(s)) return false;
    if (!rollups_flush(s->rollups)) return store_fail(s);
    return store_run(s, Q_COMMIT);
}

void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db)) {
        sqlite3_step(s->q[Q_ROLLBACK]);
        sqlite3_reset(s->q[Q_ROLLBACK]);
    }
    rollups_clear(s->rollups);
    amounts_clear(&s->cells);
    s->seal_count = 0;
    s->packs.late.count = s->packs.late_told.count = 0;
    memcpy(s->total, s->total_was, sizeof(s->total));
    s->holds_kept = s->holds_kept_was;
}

bool store_sync(struct store *s)
{
    sqlite3_file *wal = NULL;
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (rc == SQLITE_OK && wal && wal->pMethods) rc = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
    if (rc == SQLITE_OK) return true;
    buf_clear(&s->fault);
    buf_printf(&s->fault, "%s", sqlite3_errstr(rc));
    buf_add_byte(&s->fault, '\0');
    return false;
}

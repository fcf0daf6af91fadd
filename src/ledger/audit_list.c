#include "ledger/audit.h"

#include "ledger/schema.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

static bool read_all(sqlite3 *db, const struct audit_ask *a, audit_visit *visit, void *ctx)
{
    static const unsigned char none[AUDIT_HASH_BYTES];
    const char *sql = "SELECT id, at_us, who, what, object, before, after, why, origin, hash FROM audit"
                      " WHERE id < ?1 AND at_us >= ?2 AND at_us < ?3 AND (?4 = '' OR instr(who, ?4))"
                      " AND (?5 = '' OR instr(what, ?5)) AND (?6 = '' OR instr(object, ?6)) ORDER BY id DESC LIMIT ?7";
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(q, 1, a->before_id ? a->before_id : INT64_MAX);
    sqlite3_bind_int64(q, 2, a->since_us);
    sqlite3_bind_int64(q, 3, a->until_us);
    sql_bind(q, 4, a->who);
    sql_bind(q, 5, a->what);
    sql_bind(q, 6, a->object);
    sqlite3_bind_int64(q, 7, (int64_t)a->limit);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        bool whole = sqlite3_column_bytes(q, 9) == AUDIT_HASH_BYTES;
        struct audit_row row = {.id = sqlite3_column_int64(q, 0),
                                .entry = {.at_us = sqlite3_column_int64(q, 1),
                                          .who = sql_text(q, 2),
                                          .what = sql_text(q, 3),
                                          .object = sql_text(q, 4),
                                          .before = sql_text(q, 5),
                                          .after = sql_text(q, 6),
                                          .why = sql_text(q, 7),
                                          .origin = sql_text(q, 8)},
                                .hash = whole ? sqlite3_column_blob(q, 9) : none};
        visit(ctx, &row);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

/* NULL without a word in `why`: there is no store. */
static sqlite3 *open_store(const char *dir, struct buf *why)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/purser.db", dir) >= (int)sizeof(path) || access(path, F_OK) != 0) return NULL;
    return schema_open(dir, false, why);
}

bool audit_each(const char *dir, const struct audit_ask *ask, audit_visit *visit, void *ctx, struct buf *why)
{
    sqlite3 *db = open_store(dir, why);
    if (!db) return why->n == 0;
    bool ok = schema_version(db) < SCHEMA_SWITCHES || read_all(db, ask, visit, ctx);
    if (!ok) buf_printf(why, "the audit cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

bool audit_check_folder(const char *dir, struct audit_walk *walk, struct buf *why)
{
    sqlite3 *db = open_store(dir, why);
    if (!db) return why->n == 0;
    bool ok = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK && /* the rows and their end as of one moment */
              (schema_version(db) < SCHEMA_SWITCHES || audit_check(db, walk));
    if (!ok) buf_printf(why, "the audit cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

#include "ledger/inside.h"

#include "ledger/sql.h"

/* Who owns what providers store: an index of its own carries all that is asked for. */

static const char objects_sql[] = "SELECT object_id, key, provider FROM attempts INDEXED BY attempts_object"
                                  " WHERE object_id != '' AND at_us >= ?1 ORDER BY at_us DESC LIMIT ?2";

bool ledger_objects_each(struct ledger *l, int64_t from_us, size_t count, ledger_object_visit *visit, void *ctx)
{
    struct buf why;
    buf_init(&why, 0);
    (void)ledger_flush(l); /* what the journals still hold is to be known, too, where it can be stored */
    sqlite3 *db = schema_open(l->dir, false, &why);
    sqlite3_stmt *q = NULL;
    bool ok = db && sqlite3_prepare_v2(db, objects_sql, -1, &q, NULL) == SQLITE_OK;
    int rc = SQLITE_DONE;
    if (ok) {
        sqlite3_bind_int64(q, 1, from_us);
        sqlite3_bind_int64(q, 2, (int64_t)count);
    }
    while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW) visit(ctx, sql_text(q, 0), sql_text(q, 1), sql_text(q, 2));
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&why);
    return ok && rc == SQLITE_DONE;
}

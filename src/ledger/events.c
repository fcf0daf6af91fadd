#include "ledger/events.h"

#include "ledger/inside.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

static bool insert(sqlite3 *db, sqlite3_stmt *q, const struct ledger_event *e, size_t *fresh)
{
    sqlite3_bind_int64(q, 1, e->at_us);
    sql_bind(q, 2, e->kind);
    sql_bind(q, 3, e->object);
    sqlite3_bind_int64(q, 4, e->level);
    sqlite3_bind_int64(q, 5, e->window_us);
    sql_bind(q, 6, e->text);
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    *fresh += ok && sqlite3_changes(db) > 0;
    sqlite3_reset(q);
    return ok;
}

static bool insert_all(sqlite3 *db, const struct ledger_event *events, size_t count, size_t *fresh)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "INSERT OR IGNORE INTO events (at_us, kind, object, level, window_us, text)"
                      " VALUES (?, ?, ?, ?, ?, ?)";
    bool ok = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    for (size_t i = 0; ok && i < count; i++) ok = insert(db, q, &events[i], fresh);
    sqlite3_finalize(q);
    return ok && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

bool ledger_events_add(struct ledger *l, const struct ledger_event *events, size_t count, size_t *fresh)
{
    struct buf why;
    buf_init(&why, 0);
    *fresh = 0;
    sqlite3 *db = schema_open(l->dir, true, &why);
    bool ok = db && insert_all(db, events, count, fresh);
    if (!ok) *fresh = 0;
    sqlite3_close(db); /* rolls back what was not committed */
    buf_free(&why);
    return ok;
}

bool ledger_events_trim(struct ledger *l)
{
    struct buf why;
    char sql[128];
    buf_init(&why, 0);
    snprintf(sql, sizeof(sql), "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - %d", EVENTS_KEPT);
    sqlite3 *db = schema_open(l->dir, true, &why);
    bool ok = db && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_close(db);
    buf_free(&why);
    return ok;
}

static bool read_all(sqlite3 *db, int64_t since_us, int64_t limit, ledger_event_visit *visit, void *ctx)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT at_us, kind, object, level, window_us, text FROM events WHERE at_us >= ?"
                      " ORDER BY id DESC LIMIT ?";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(q, 1, since_us);
    sqlite3_bind_int64(q, 2, limit);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct ledger_event e = {.at_us = sqlite3_column_int64(q, 0),
                                 .kind = sql_text(q, 1),
                                 .object = sql_text(q, 2),
                                 .level = sqlite3_column_int64(q, 3),
                                 .window_us = sqlite3_column_int64(q, 4),
                                 .text = sql_text(q, 5)};
        visit(ctx, &e);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

bool ledger_events_each(const char *dir, int64_t since_us, int64_t limit, ledger_event_visit *visit, void *ctx,
                        struct buf *why)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/purser.db", dir) >= (int)sizeof(path) || access(path, F_OK) != 0) return true;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    bool ok = schema_version(db) < SCHEMA_SWITCHES || read_all(db, since_us, limit, visit, ctx);
    if (!ok) buf_printf(why, "the events cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

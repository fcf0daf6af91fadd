#include "ledger/runtime.h"

#include "ledger/audit.h"
#include "ledger/inside.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

/* A connection of its own each time, as for switches: settings change rarely. */

/* ---- reading */

static bool has_store(const char *dir)
{
    char path[4096];
    return snprintf(path, sizeof(path), "%s/purser.db", dir) < (int)sizeof(path) && access(path, F_OK) == 0;
}

static bool read_all(sqlite3 *db, ledger_runtime_visit *visit, void *ctx)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT kind, name, body, at_us, who FROM runtime ORDER BY kind, name";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct ledger_runtime r = {.kind = sql_text(q, 0),
                                   .name = sql_text(q, 1),
                                   .body = sql_text(q, 2),
                                   .at_us = sqlite3_column_int64(q, 3),
                                   .who = sql_text(q, 4)};
        visit(ctx, &r);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

bool ledger_runtime_each(const char *dir, ledger_runtime_visit *visit, void *ctx, struct buf *why)
{
    if (!has_store(dir)) return true;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    /* a store that no server of this version has opened yet has none */
    bool ok = schema_version(db) < SCHEMA_STEERING || read_all(db, visit, ctx);
    if (!ok) buf_printf(why, "the settings made at run time cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

bool ledger_runtime_of(struct ledger *l, ledger_runtime_visit *visit, void *ctx, struct buf *why)
{
    return ledger_runtime_each(l->dir, visit, ctx, why);
}

/* ---- changing */

/* Fails: false; `body` stays empty where there is none. */
static bool read_body(sqlite3 *db, const struct ledger_runtime_change *c, struct buf *body)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT body FROM runtime WHERE kind = ?1 AND name = ?2";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    sql_bind(q, 1, c->kind);
    sql_bind(q, 2, c->name);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) buf_add(body, sql_text(q, 0));
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool has_room(sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, "SELECT count(*) FROM runtime", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int64(q, 0) < RUNTIME_ENTRIES_MAX;
    sqlite3_finalize(q);
    return ok;
}

static bool put(sqlite3 *db, const struct ledger_runtime_change *c)
{
    sqlite3_stmt *q = NULL;
    const char *sql = c->body.n ? "INSERT OR REPLACE INTO runtime (kind, name, body, at_us, who)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5)"
                                : "DELETE FROM runtime WHERE kind = ?1 AND name = ?2";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sql_bind(q, 1, c->kind);
        sql_bind(q, 2, c->name);
        if (c->body.n) {
            sql_bind(q, 3, c->body);
            sqlite3_bind_int64(q, 4, c->at_us);
            sql_bind(q, 5, c->who);
        }
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool note(sqlite3 *db, const struct ledger_runtime_change *c, str before)
{
    struct buf what, object;
    buf_init(&what, 0);
    buf_init(&object, 0);
    buf_printf(&what, "%" STR_FMT " %s", STR_ARG(c->kind), c->body.n ? "set" : "removed");
    buf_printf(&object, "%" STR_FMT " %" STR_FMT, STR_ARG(c->kind), STR_ARG(c->name));
    struct audit_entry entry = {.at_us = c->at_us,
                                .who = c->who,
                                .what = buf_str(&what),
                                .object = buf_str(&object),
                                .before = before,
                                .after = c->body,
                                .why = c->why,
                                .origin = c->origin};
    bool ok = audit_append(db, &entry);
    buf_free(&what);
    buf_free(&object);
    return ok;
}

static enum runtime_result cannot_store(sqlite3 *db, struct buf *why)
{
    buf_printf(why, "it cannot be stored, so nothing was changed: %s", sqlite3_errmsg(db));
    return RUNTIME_FAILED;
}

static enum runtime_result change(sqlite3 *db, const struct ledger_runtime_change *c, struct buf *before,
                                  struct buf *why)
{
    if (!read_body(db, c, before)) return cannot_store(db, why);
    if (c->expected && !str_eq(*c->expected, buf_str(before))) {
        buf_printf(why, "somebody has changed the %" STR_FMT " '%" STR_FMT "' meanwhile: read it again",
                   STR_ARG(c->kind), STR_ARG(c->name));
        return RUNTIME_STALE;
    }
    if (!c->body.n && !before->n) {
        buf_printf(why, "no %" STR_FMT " '%" STR_FMT "' was made at run time", STR_ARG(c->kind), STR_ARG(c->name));
        return RUNTIME_MISSING;
    }
    if (str_eq(c->body, buf_str(before))) return RUNTIME_SAME;
    if (!before->n && !has_room(db)) {
        buf_printf(why,
                   "%d settings were made at run time, the ceiling: remove some, or move them to the settings file",
                   RUNTIME_ENTRIES_MAX);
        return RUNTIME_FAILED;
    }
    return put(db, c) && note(db, c, buf_str(before)) ? RUNTIME_CHANGED : cannot_store(db, why);
}

enum runtime_result ledger_runtime_change(struct ledger *l, const struct ledger_runtime_change *c, struct buf *why)
{
    sqlite3 *db = schema_open(l->dir, true, why);
    if (!db) return RUNTIME_FAILED;
    struct buf before;
    buf_init(&before, 0);
    enum runtime_result r = RUNTIME_FAILED;
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        r = cannot_store(db, why);
    } else {
        r = change(db, c, &before, why);
        bool ok = sqlite3_exec(db, r == RUNTIME_CHANGED ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK;
        if (!ok && r == RUNTIME_CHANGED) r = cannot_store(db, why);
    }
    sqlite3_close(db); /* rolls back what was not committed */
    buf_free(&before);
    return r;
}

#include "ledger/access.h"

#include "base/time.h"
#include "ledger/audit.h"
#include "ledger/inside.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

/* A connection of its own each time, as for keys: tokens change rarely. */

/* ---- reading */

static bool has_store(const char *dir)
{
    char path[4096];
    return snprintf(path, sizeof(path), "%s/purser.db", dir) < (int)sizeof(path) && access(path, F_OK) == 0;
}

static bool read_all(sqlite3 *db, ledger_access_visit *visit, void *ctx)
{
    sqlite3_stmt *q = NULL;
    const char *sql =
        "SELECT name, role, owner, hash, created_us, expires_us, revoked_us, who FROM access ORDER BY name";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct ledger_access a = {.name = sql_text(q, 0),
                                  .role = sql_text(q, 1),
                                  .owner = sql_text(q, 2),
                                  .created_us = sqlite3_column_int64(q, 4),
                                  .expires_us = sqlite3_column_int64(q, 5),
                                  .revoked_us = sqlite3_column_int64(q, 6),
                                  .who = sql_text(q, 7)};
        const void *hash = sqlite3_column_blob(q, 3);
        if (sqlite3_column_bytes(q, 3) != (int)sizeof(a.hash)) continue; /* nobody can have its secret */
        memcpy(a.hash, hash, sizeof(a.hash));
        visit(ctx, &a);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

bool ledger_access_each(const char *dir, ledger_access_visit *visit, void *ctx, struct buf *why)
{
    if (!has_store(dir)) return true;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    bool ok = schema_version(db) < SCHEMA_STEERING || read_all(db, visit, ctx);
    if (!ok) buf_printf(why, "the tokens cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

/* ---- changing */

static bool insert(sqlite3 *db, const struct ledger_access *a, bool *there)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "INSERT INTO access (name, role, owner, hash, created_us, expires_us, revoked_us, who)"
                      " VALUES (?, ?, ?, ?, ?, ?, 0, ?)";
    int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) {
        sql_bind(q, 1, a->name);
        sql_bind(q, 2, a->role);
        sql_bind(q, 3, a->owner);
        sqlite3_bind_blob(q, 4, a->hash, sizeof(a->hash), SQLITE_STATIC);
        sqlite3_bind_int64(q, 5, a->created_us);
        sqlite3_bind_int64(q, 6, a->expires_us);
        sql_bind(q, 7, a->who);
        rc = sqlite3_step(q);
    }
    sqlite3_finalize(q);
    *there = rc == SQLITE_CONSTRAINT;
    return rc == SQLITE_DONE;
}

static enum err add(sqlite3 *db, const struct ledger_access *a, const struct audit_entry *entry, struct buf *why)
{
    struct buf object, after;
    bool there = false;
    char until[40];
    buf_init(&object, 0);
    buf_init(&after, 0);
    buf_printf(&object, "token %" STR_FMT, STR_ARG(a->name));
    buf_printf(&after, "role %" STR_FMT, STR_ARG(a->role));
    if (a->owner.n) buf_printf(&after, " of %" STR_FMT, STR_ARG(a->owner));
    if (a->expires_us) buf_printf(&after, ", until %" STR_FMT, STR_ARG(time_format(a->expires_us, until)));
    struct audit_entry row = *entry;
    row.what = S("token made");
    row.object = buf_str(&object);
    row.before = S("");
    row.after = buf_str(&after);
    bool ok = insert(db, a, &there) && audit_append(db, &row);
    if (there)
        buf_printf(why, "there is a token '%" STR_FMT "' already (a revoked one keeps its name, for the audit's sake)",
                   STR_ARG(a->name));
    else if (!ok)
        buf_printf(why, "the token cannot be stored: %s", sqlite3_errmsg(db));
    buf_free(&object);
    buf_free(&after);
    return ok ? ERR_NONE : there ? ERR_BAD_REQUEST : ERR_INTERNAL;
}

static enum err end(sqlite3 *db, str name, const struct audit_entry *entry, struct buf *why)
{
    sqlite3_stmt *q = NULL;
    struct buf object;
    buf_init(&object, 0);
    buf_printf(&object, "token %" STR_FMT, STR_ARG(name));
    struct audit_entry row = *entry;
    row.what = S("token revoked");
    row.object = buf_str(&object);
    row.before = S("held");
    row.after = S("revoked");
    const char *sql = "UPDATE access SET revoked_us = ? WHERE name = ? AND revoked_us = 0";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_int64(q, 1, entry->at_us);
        sql_bind(q, 2, name);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    bool none = ok && sqlite3_changes(db) == 0;
    ok = ok && !none && audit_append(db, &row);
    if (none)
        buf_printf(why, "there is no token '%" STR_FMT "' that holds", STR_ARG(name));
    else if (!ok)
        buf_printf(why, "the token cannot be revoked: %s", sqlite3_errmsg(db));
    buf_free(&object);
    return ok ? ERR_NONE : none ? ERR_BAD_REQUEST : ERR_INTERNAL;
}

static sqlite3 *begin(struct ledger *l, struct buf *why)
{
    sqlite3 *db = schema_open(l->dir, true, why);
    if (!db || sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) return db;
    buf_printf(why, "the store takes no change now: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return NULL;
}

static enum err finish(sqlite3 *db, enum err e, struct buf *why)
{
    bool ok = sqlite3_exec(db, e ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    if (!ok && !e) {
        buf_printf(why, "the change cannot be stored: %s", sqlite3_errmsg(db));
        e = ERR_INTERNAL;
    }
    sqlite3_close(db);
    return e;
}

enum err ledger_access_add(struct ledger *l, const struct ledger_access *a, const struct audit_entry *entry,
                           struct buf *why)
{
    sqlite3 *db = begin(l, why);
    return db ? finish(db, add(db, a, entry, why), why) : ERR_INTERNAL;
}

enum err ledger_access_revoke(struct ledger *l, str name, const struct audit_entry *entry, struct buf *why)
{
    sqlite3 *db = begin(l, why);
    return db ? finish(db, end(db, name, entry, why), why) : ERR_INTERNAL;
}

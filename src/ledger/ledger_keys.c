#include "ledger/inside.h"

#include "ledger/sql.h"

/* Keys that `purser keys add` made: on a connection of their own each time, since
 * they change rarely and the store thread's is its own. */

static sqlite3 *open_keys(struct ledger *l, bool write, struct buf *why)
{
    return schema_open(l->dir, write, why);
}

bool ledger_keys_each(struct ledger *l, ledger_key_visit *visit, void *ctx)
{
    struct buf why;
    buf_init(&why, 0);
    sqlite3 *db = open_keys(l, false, &why);
    sqlite3_stmt *q = NULL;
    const char *sql =
        "SELECT name, team, models, hash, created_us, revoked_us, expires_us FROM keys ORDER BY created_us, name";
    bool ok = db && sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    int rc = SQLITE_DONE;
    while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct ledger_key key = {.name = sql_text(q, 0),
                                 .team = sql_text(q, 1),
                                 .models = sql_text(q, 2),
                                 .created_us = sqlite3_column_int64(q, 4),
                                 .revoked_us = sqlite3_column_int64(q, 5),
                                 .expires_us = sqlite3_column_int64(q, 6)};
        const void *hash = sqlite3_column_blob(q, 3);
        if (sqlite3_column_bytes(q, 3) != (int)sizeof(key.hash)) continue; /* nobody can have its secret */
        memcpy(key.hash, hash, sizeof(key.hash));
        visit(ctx, &key);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&why);
    return ok && rc == SQLITE_DONE;
}

static enum err add_key(sqlite3 *db, const struct ledger_key *key, struct buf *why)
{
    sqlite3_stmt *q = NULL;
    const char *sql =
        "INSERT INTO keys (name, team, models, hash, created_us, revoked_us, expires_us) VALUES (?, ?, ?, ?, ?, ?, ?)";
    int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) {
        sql_bind(q, 1, key->name);
        sql_bind(q, 2, key->team);
        sql_bind(q, 3, key->models);
        sqlite3_bind_blob(q, 4, key->hash, sizeof(key->hash), SQLITE_STATIC);
        sqlite3_bind_int64(q, 5, key->created_us);
        sqlite3_bind_int64(q, 6, key->revoked_us);
        sqlite3_bind_int64(q, 7, key->expires_us);
        rc = sqlite3_step(q);
    }
    enum err e = ERR_NONE;
    if (rc == SQLITE_CONSTRAINT) {
        buf_printf(why,
                   "a key named '%" STR_FMT
                   "' exists (a revoked one keeps its name, for the ledger's sake): choose another",
                   STR_ARG(key->name));
        e = ERR_BAD_REQUEST;
    } else if (rc != SQLITE_DONE) {
        buf_printf(why, "the key cannot be stored: %s", sqlite3_errmsg(db));
        e = ERR_INTERNAL;
    }
    sqlite3_finalize(q);
    return e;
}

enum err ledger_key_add(struct ledger *l, const struct ledger_key *key, struct buf *why)
{
    sqlite3 *db = open_keys(l, true, why);
    if (!db) return ERR_INTERNAL;
    enum err e = add_key(db, key, why);
    sqlite3_close(db);
    return e;
}

static enum err revoke_key(sqlite3 *db, str name, int64_t at_us, struct buf *why)
{
    sqlite3_stmt *q = NULL;
    /* the first revocation stands */
    const char *sql = "UPDATE keys SET revoked_us = CASE revoked_us WHEN 0 THEN ?2 ELSE revoked_us END WHERE name = ?1";
    int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) {
        sql_bind(q, 1, name);
        sqlite3_bind_int64(q, 2, at_us);
        rc = sqlite3_step(q);
    }
    enum err e = ERR_NONE;
    if (rc != SQLITE_DONE) {
        buf_printf(why, "the key cannot be revoked: %s", sqlite3_errmsg(db));
        e = ERR_INTERNAL;
    } else if (!sqlite3_changes(db)) {
        buf_printf(why, "no key is named '%" STR_FMT "': `purser keys list` shows them", STR_ARG(name));
        e = ERR_NOT_FOUND;
    }
    sqlite3_finalize(q);
    return e;
}

enum err ledger_key_revoke(struct ledger *l, str name, int64_t at_us, struct buf *why)
{
    sqlite3 *db = open_keys(l, true, why);
    if (!db) return ERR_INTERNAL;
    enum err e = revoke_key(db, name, at_us, why);
    sqlite3_close(db);
    return e;
}

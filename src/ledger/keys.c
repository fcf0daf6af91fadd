#include "ledger/keys.h"

#include "base/time.h"
#include "ledger/audit.h"
#include "ledger/inside.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

/* A connection of its own each time: keys change rarely, and the store thread's is its own. */

/* ---- reading */

static bool read_all(sqlite3 *db, ledger_key_visit *visit, void *ctx)
{
    sqlite3_stmt *q = NULL;
    const char *sql =
        "SELECT name, team, models, hash, created_us, revoked_us, expires_us FROM keys ORDER BY created_us, name";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
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
    return rc == SQLITE_DONE;
}

bool ledger_keys_in(const char *dir, ledger_key_visit *visit, void *ctx, struct buf *why)
{
    char path[4096];
    bool there = snprintf(path, sizeof(path), "%s/purser.db", dir) < (int)sizeof(path) && access(path, F_OK) == 0;
    if (!there) return true; /* no server has run yet */
    sqlite3 *db = schema_open(dir, false, why);
    bool ok = db && read_all(db, visit, ctx);
    if (db && !ok) buf_printf(why, "the keys cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

bool ledger_keys_each(struct ledger *l, ledger_key_visit *visit, void *ctx, struct buf *why)
{
    return ledger_keys_in(l->dir, visit, ctx, why);
}

/* One row with all that belongs to it; texts in `arena`. */
struct found {
    struct arena arena;
    str name;
    struct ledger_key key;
    bool any;
};

static void keep(void *ctx, const struct ledger_key *key)
{
    struct found *f = ctx;
    if (!str_eq(key->name, f->name)) return;
    f->any = true;
    f->key = *key;
    f->key.name = f->name;
    f->key.team = arena_str(&f->arena, key->team);
    f->key.models = arena_str(&f->arena, key->models);
}

/* ---- the audit's words */

static void tell(struct buf *out, const struct ledger_key *k)
{
    char text[40];
    buf_add(out, S("{\"team\":"));
    buf_add_json(out, k->team);
    buf_add(out, S(",\"models\":"));
    buf_add_json(out, k->models);
    buf_add(out, S(",\"expires\":"));
    if (k->expires_us)
        buf_add_json(out, time_format(k->expires_us, text));
    else
        buf_add(out, S("null"));
    buf_add_byte(out, '}');
}

static bool note(sqlite3 *db, const struct audit_entry *entry, const char *what, str name, str before, str after)
{
    struct buf object;
    buf_init(&object, 0);
    buf_printf(&object, "key %" STR_FMT, STR_ARG(name));
    struct audit_entry row = *entry;
    row.what = str_from(what);
    row.object = buf_str(&object);
    row.before = before;
    row.after = after;
    bool ok = audit_append(db, &row);
    buf_free(&object);
    return ok;
}

static bool note_keys(sqlite3 *db, const struct audit_entry *entry, const char *what, str name,
                      const struct ledger_key *before, const struct ledger_key *after)
{
    struct buf was, is;
    buf_init(&was, 0);
    buf_init(&is, 0);
    if (before) tell(&was, before);
    if (after) tell(&is, after);
    bool ok = note(db, entry, what, name, buf_str(&was), buf_str(&is));
    buf_free(&was);
    buf_free(&is);
    return ok;
}

/* ---- changing, within a transaction */

struct change {
    sqlite3 *db;
    const struct audit_entry *entry;
    struct buf *why;
};

static enum err broken(struct change *c)
{
    buf_printf(c->why, "the key cannot be stored: %s", sqlite3_errmsg(c->db));
    return ERR_INTERNAL;
}

static enum err taken(struct change *c, str name)
{
    buf_printf(c->why,
               "a key named '%" STR_FMT
               "' exists (a revoked one keeps its name, for the ledger's sake): choose another",
               STR_ARG(name));
    return ERR_BAD_REQUEST;
}

static int insert(sqlite3 *db, const struct ledger_key *key)
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
    sqlite3_finalize(q);
    return rc;
}

/* Of a key's own row and that of its old secret; ?1 is the name, ?2 that of the other. */
static bool run(sqlite3 *db, const char *sql, str name, const struct ledger_key *key, int64_t at_us)
{
    sqlite3_stmt *q = NULL;
    struct buf old;
    buf_init(&old, 0);
    buf_printf(&old, "%s%" STR_FMT, LEDGER_KEY_OLD, STR_ARG(name));
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sql_bind(q, 1, name);
        sql_bind(q, 2, buf_str(&old));
        if (key) {
            sql_bind(q, 3, key->team);
            sql_bind(q, 4, key->models);
            sqlite3_bind_int64(q, 5, key->expires_us);
            sqlite3_bind_blob(q, 6, key->hash, sizeof(key->hash), SQLITE_STATIC);
        }
        sqlite3_bind_int64(q, 7, at_us);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    buf_free(&old);
    return ok;
}

static enum err find(struct change *c, str name, struct found *f)
{
    *f = (struct found){.name = name};
    arena_init(&f->arena);
    if (!read_all(c->db, keep, f)) return broken(c);
    if (f->any) return ERR_NONE;
    buf_printf(c->why, "no key is named '%" STR_FMT "': `purser keys list` shows them", STR_ARG(name));
    return ERR_NOT_FOUND;
}

static enum err add(struct change *c, const struct ledger_key *key)
{
    int rc = insert(c->db, key);
    if (rc == SQLITE_CONSTRAINT) return taken(c, key->name);
    return rc == SQLITE_DONE && note_keys(c->db, c->entry, "key made", key->name, NULL, key) ? ERR_NONE : broken(c);
}

static enum err revoke_key(struct change *c, const struct ledger_key *key)
{
    if (key->revoked_us) return ERR_NONE; /* the first one stands */
    bool ok =
        run(c->db, "UPDATE keys SET revoked_us = ?7 WHERE name = ?1 OR name = ?2", key->name, NULL, c->entry->at_us) &&
        note_keys(c->db, c->entry, "key revoked", key->name, key, NULL);
    return ok ? ERR_NONE : broken(c);
}

static enum err refuse_revoked(struct change *c, const struct ledger_key *key)
{
    if (!key->revoked_us) return ERR_NONE;
    buf_printf(c->why, "the key '%" STR_FMT "' is revoked: make another", STR_ARG(key->name));
    return ERR_BAD_REQUEST;
}

static enum err rotate(struct change *c, const struct ledger_key *key, const unsigned char hash[32],
                       int64_t old_until_us)
{
    struct ledger_key next = *key, old = *key;
    enum err e = refuse_revoked(c, key);
    if (e) return e;
    struct buf name, until;
    char text[40];
    buf_init(&name, 0);
    buf_init(&until, 0);
    buf_printf(&name, "%s%" STR_FMT, LEDGER_KEY_OLD, STR_ARG(key->name));
    memcpy(next.hash, hash, sizeof(next.hash));
    old.name = buf_str(&name);
    old.created_us = c->entry->at_us; /* behind the key itself, whoever looks for one by its name */
    old.expires_us = key->expires_us && key->expires_us < old_until_us ? key->expires_us : old_until_us;
    if (old_until_us)
        buf_printf(&until, "a new secret; the old one holds until %" STR_FMT,
                   STR_ARG(time_format(old.expires_us, text)));
    else
        buf_add(&until, S("a new secret"));
    bool ok = run(c->db, "DELETE FROM keys WHERE name = ?2", key->name, NULL, 0) &&
              run(c->db, "UPDATE keys SET hash = ?6 WHERE name = ?1", key->name, &next, 0) &&
              (!old_until_us || insert(c->db, &old) == SQLITE_DONE) &&
              note(c->db, c->entry, "key rotated", key->name, S(""), buf_str(&until));
    buf_free(&name);
    buf_free(&until);
    return ok ? ERR_NONE : broken(c);
}

static enum err alter(struct change *c, const struct ledger_key *key, const struct ledger_key_change *change)
{
    struct ledger_key next = *key;
    enum err e = refuse_revoked(c, key);
    if (e) return e;
    if (change->team) next.team = *change->team;
    if (change->models) next.models = *change->models;
    if (change->expires_us) next.expires_us = *change->expires_us;
    bool same = str_eq(next.team, key->team) && str_eq(next.models, key->models) && next.expires_us == key->expires_us;
    if (same) return ERR_NONE;
    bool ok = run(c->db,
                  "UPDATE keys SET team = ?3, models = ?4, expires_us = CASE WHEN name = ?1 THEN ?5"
                  " WHEN ?5 != 0 AND ?5 < expires_us THEN ?5 ELSE expires_us END WHERE name = ?1 OR name = ?2",
                  key->name, &next, 0) &&
              note_keys(c->db, c->entry, "key changed", key->name, key, &next);
    return ok ? ERR_NONE : broken(c);
}

/* ---- the transaction around it */

static bool begin(struct change *c, struct ledger *l, const struct audit_entry *entry, struct buf *why)
{
    *c = (struct change){.db = schema_open(l->dir, true, why), .entry = entry, .why = why};
    if (!c->db) return false;
    if (sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) return true;
    broken(c);
    sqlite3_close(c->db);
    return false;
}

static enum err end(struct change *c, enum err e)
{
    bool ok = sqlite3_exec(c->db, e ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    if (!ok && !e) e = broken(c);
    sqlite3_close(c->db);
    return e;
}

enum err ledger_key_add(struct ledger *l, const struct ledger_key *key, const struct audit_entry *entry,
                        struct buf *why)
{
    struct change c;
    return begin(&c, l, entry, why) ? end(&c, add(&c, key)) : ERR_INTERNAL;
}

enum err ledger_key_revoke(struct ledger *l, str name, const struct audit_entry *entry, struct buf *why)
{
    struct change c;
    struct found f;
    if (!begin(&c, l, entry, why)) return ERR_INTERNAL;
    enum err e = find(&c, name, &f);
    e = end(&c, e ? e : revoke_key(&c, &f.key));
    arena_free(&f.arena);
    return e;
}

enum err ledger_key_rotate(struct ledger *l, str name, const unsigned char hash[32], int64_t old_until_us,
                           const struct audit_entry *entry, struct buf *why)
{
    struct change c;
    struct found f;
    if (!begin(&c, l, entry, why)) return ERR_INTERNAL;
    enum err e = find(&c, name, &f);
    e = end(&c, e ? e : rotate(&c, &f.key, hash, old_until_us));
    arena_free(&f.arena);
    return e;
}

enum err ledger_key_change(struct ledger *l, str name, const struct ledger_key_change *change,
                           const struct audit_entry *entry, struct buf *why)
{
    struct change c;
    struct found f;
    if (!begin(&c, l, entry, why)) return ERR_INTERNAL;
    enum err e = find(&c, name, &f);
    e = end(&c, e ? e : alter(&c, &f.key, change));
    arena_free(&f.arena);
    return e;
}

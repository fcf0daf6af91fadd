#include "ledger/switches.h"

#include "base/time.h"
#include "ledger/audit.h"
#include "ledger/inside.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

/* A connection of its own each time, as for keys: switches change rarely. */

/* ---- reading */

static bool has_store(const char *dir)
{
    char path[4096];
    return snprintf(path, sizeof(path), "%s/purser.db", dir) < (int)sizeof(path) && access(path, F_OK) == 0;
}

static bool read_all(sqlite3 *db, int64_t now_us, ledger_switch_visit *visit, void *ctx)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT feature, since_us, until_us, who, why FROM switches"
                      " WHERE until_us = 0 OR until_us > ? ORDER BY feature";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(q, 1, now_us);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct ledger_switch s = {.feature = sql_text(q, 0),
                                  .since_us = sqlite3_column_int64(q, 1),
                                  .until_us = sqlite3_column_int64(q, 2),
                                  .who = sql_text(q, 3),
                                  .why = sql_text(q, 4)};
        visit(ctx, &s);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

bool ledger_switches_each(const char *dir, int64_t now_us, ledger_switch_visit *visit, void *ctx, struct buf *why)
{
    if (!has_store(dir)) return true;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    /* a store that no server of this version has opened yet has no switches */
    bool ok = schema_version(db) < SCHEMA_SWITCHES || read_all(db, now_us, visit, ctx);
    if (!ok) buf_printf(why, "the switches cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

/* ---- changing */

struct state {
    bool off, all_off;
    char text[64]; /* "on", "off", "off until 2026-11-26T02:00:00Z" */
};

static void tell_state(struct state *s, bool off, int64_t until_us)
{
    char when[40];
    s->off = off;
    if (off && until_us)
        snprintf(s->text, sizeof(s->text), "off until %.*s", STR_ARG(time_format(until_us, when)));
    else
        snprintf(s->text, sizeof(s->text), "%s", off ? "off" : "on");
}

struct looking {
    str feature;
    struct state *found;
};

static void look(void *ctx, const struct ledger_switch *s)
{
    struct looking *l = ctx;
    if (str_eq(s->feature, l->feature)) tell_state(l->found, true, s->until_us);
    if (!s->feature.n) l->found->all_off = true;
}

static bool put(sqlite3 *db, const struct ledger_switching *c)
{
    sqlite3_stmt *q = NULL;
    const char *sql = c->off ? "INSERT OR REPLACE INTO switches (feature, since_us, until_us, who, why)"
                               " VALUES (?1, ?2, ?3, ?4, ?5)"
                             : "DELETE FROM switches WHERE feature = ?1 OR (until_us != 0 AND until_us <= ?2)";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sql_bind(q, 1, c->feature);
        sqlite3_bind_int64(q, 2, c->at_us);
        if (c->off) {
            sqlite3_bind_int64(q, 3, c->until_us);
            sql_bind(q, 4, c->who);
            sql_bind(q, 5, c->why);
        }
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool note(sqlite3 *db, const struct ledger_switching *c, const struct state *before)
{
    struct state after = {0};
    struct buf object, state;
    buf_init(&object, 0);
    buf_init(&state, 0);
    tell_state(&after, c->off, c->until_us);
    buf_printf(&object, c->feature.n ? "feature %" STR_FMT : "all features", STR_ARG(c->feature));
    buf_printf(&state, "%s%s", after.text, c->off && c->ends_running ? ", running calls ended" : "");
    struct audit_entry entry = {.at_us = c->at_us,
                                .who = c->who,
                                .what = c->off ? S("ai off") : S("ai on"),
                                .object = buf_str(&object),
                                .before = str_from(before->text),
                                .after = buf_str(&state),
                                .why = c->why,
                                .origin = c->origin};
    bool ok = audit_append(db, &entry);
    buf_free(&object);
    buf_free(&state);
    return ok;
}

static enum err change(sqlite3 *db, const struct ledger_switching *c, struct buf *why)
{
    struct state before = {.text = "on"};
    struct looking looking = {c->feature, &before};
    bool ok = read_all(db, c->at_us, look, &looking);
    if (ok && !c->off && !before.off) {
        if (!c->feature.n || !before.all_off) return ERR_NONE;
        buf_printf(why,
                   "the feature '%" STR_FMT
                   "' is not switched off by itself: AI is off for all features, and `purser ai on` ends that",
                   STR_ARG(c->feature));
        return ERR_BAD_REQUEST;
    }
    if (ok && put(db, c) && note(db, c, &before)) return ERR_NONE;
    buf_printf(why, "the switch cannot be stored, so nothing was changed: %s", sqlite3_errmsg(db));
    return ERR_INTERNAL;
}

enum err ledger_switch(struct ledger *l, const struct ledger_switching *c, struct buf *why)
{
    sqlite3 *db = schema_open(l->dir, true, why);
    if (!db) return ERR_INTERNAL;
    enum err e = ERR_INTERNAL;
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
        buf_printf(why, "the switch cannot be stored, so nothing was changed: %s", sqlite3_errmsg(db));
    } else {
        e = change(db, c, why);
        bool ok = sqlite3_exec(db, e ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
        if (!ok && !e) {
            buf_printf(why, "the switch cannot be stored, so nothing was changed: %s", sqlite3_errmsg(db));
            e = ERR_INTERNAL;
        }
    }
    sqlite3_close(db);
    return e;
}

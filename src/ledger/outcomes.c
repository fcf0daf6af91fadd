#include "ledger/outcomes.h"

#include "base/time.h"
#include "ledger/calls_inside.h"
#include "ledger/inside.h"
#include "ledger/sql.h"

#include <stdio.h>
#include <unistd.h>

/* ---- whose they are */

/* A store for writing, in a transaction, and what finds calls in it. */
struct telling {
    sqlite3 *db;
    struct calls_reader calls;
    sqlite3_stmt *put, *task, *first_day, *unpack;
    struct arena arena;
};

static const struct calls_filter any_call = {0};

/* Fails: ERR_BAD_REQUEST where there is no such call. */
static enum err find_call(struct telling *t, uint64_t call_id, str *feature, struct buf *why)
{
    struct calls_read call;
    if (!calls_reader_read(&t->calls, call_id, 0, &t->arena, &call)) return ERR_INTERNAL;
    if (call.count) {
        *feature = call_text(&call.attempts[0], "feature");
        return ERR_NONE;
    }
    buf_printf(why, "there is no call %016llx in the ledger", (unsigned long long)call_id);
    return ERR_BAD_REQUEST;
}

/* The dearest feature of the latest day on which the task had calls; a task that is not known yet has none. */
static bool find_task(struct telling *t, str task, int64_t now_us, str *feature)
{
    sqlite3_reset(t->first_day);
    if (sqlite3_step(t->first_day) != SQLITE_ROW) return false;
    int64_t first =
        sqlite3_column_type(t->first_day, 0) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(t->first_day, 0);
    sqlite3_reset(t->first_day);
    for (int64_t day = time_floor_us(now_us, US_PER_DAY); day >= first; day -= US_PER_DAY) {
        sqlite3_bind_int64(t->task, 1, day);
        sql_bind(t->task, 2, task);
        int rc = sqlite3_step(t->task);
        if (rc == SQLITE_ROW) *feature = arena_str(&t->arena, sql_text(t->task, 0));
        sqlite3_reset(t->task);
        if (rc != SQLITE_DONE) return rc == SQLITE_ROW;
    }
    return true;
}

static bool telling_open(struct telling *t, struct ledger *l, const char *put, struct buf *why)
{
    const char *task = "SELECT feature FROM rollup_day WHERE day_us = ?1 AND dimension = 'task' AND value = ?2"
                       " ORDER BY cost_picousd DESC LIMIT 1";
    /* of the day on which it came about, and of that on which it had before (ledger/told.h) */
    const char *unpack = "DELETE FROM packs WHERE kind = 'told' AND part IN (0, 1) AND day_us IN (?1, (SELECT at_us -"
                         " (at_us % 86400000000 + 86400000000) % 86400000000 FROM outcomes"
                         " WHERE task = ?2 AND call_id = ?3 AND name = ?4))";
    *t = (struct telling){.db = schema_open(l->dir, true, why)};
    arena_init(&t->arena);
    return t->db && calls_reader_open(&t->calls, t->db, &any_call) &&
           sqlite3_prepare_v2(t->db, put, -1, &t->put, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(t->db, task, -1, &t->task, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(t->db, unpack, -1, &t->unpack, NULL) == SQLITE_OK &&
           sqlite3_prepare_v2(t->db, "SELECT min(day_us) FROM rollup_day", -1, &t->first_day, NULL) == SQLITE_OK &&
           sqlite3_exec(t->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
}

/* Commits where nothing failed: closing rolls back what was not. */
static enum err telling_close(struct telling *t, enum err e, struct buf *why)
{
    if (!e && sqlite3_exec(t->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) e = ERR_INTERNAL;
    if (e == ERR_INTERNAL && t->db && !why->n) buf_printf(why, "it cannot be stored: %s", sqlite3_errmsg(t->db));
    calls_reader_close(&t->calls);
    sqlite3_finalize(t->put);
    sqlite3_finalize(t->task);
    sqlite3_finalize(t->unpack);
    sqlite3_finalize(t->first_day);
    sqlite3_close(t->db);
    arena_free(&t->arena);
    return e;
}

static bool run(sqlite3_stmt *q)
{
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    return sqlite3_reset(q) == SQLITE_OK && ok;
}

static bool unpack(struct telling *t, const struct outcome *o)
{
    sqlite3_bind_int64(t->unpack, 1, time_floor_us(o->at_us, US_PER_DAY));
    sql_bind(t->unpack, 2, o->task);
    sqlite3_bind_int64(t->unpack, 3, (int64_t)o->call_id);
    sql_bind(t->unpack, 4, o->name);
    return run(t->unpack);
}

/* ---- telling */

static enum err put_outcome(struct telling *t, const struct outcome *o, struct buf *why)
{
    str feature = S("");
    if ((o->call_id != 0) == (o->task.n > 0) || !o->name.n) {
        buf_printf(why, "an outcome has a name, and is of a task or of a call: tell which, one of the two");
        return ERR_BAD_REQUEST;
    }
    enum err e = o->call_id                                    ? find_call(t, o->call_id, &feature, why)
                 : find_task(t, o->task, o->told_us, &feature) ? ERR_NONE
                                                               : ERR_INTERNAL;
    if (e) return e;
    sqlite3_bind_int64(t->put, 1, o->at_us);
    sqlite3_bind_int64(t->put, 2, o->told_us);
    sql_bind(t->put, 3, o->task);
    sqlite3_bind_int64(t->put, 4, (int64_t)o->call_id);
    sql_bind(t->put, 5, o->name);
    sqlite3_bind_int(t->put, 6, o->success);
    sqlite3_bind_int64(t->put, 7, o->value);
    sql_bind(t->put, 8, feature);
    sql_bind(t->put, 9, o->who);
    return unpack(t, o) && run(t->put) ? ERR_NONE : ERR_INTERNAL;
}

enum err outcomes_put(struct ledger *l, const struct outcome *all, size_t count, struct buf *why)
{
    const char *sql =
        "INSERT INTO outcomes (at_us, told_us, task, call_id, name, success, value_picousd, feature, who)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (task, call_id, name) DO UPDATE SET at_us = excluded.at_us,"
        " told_us = excluded.told_us, success = excluded.success, value_picousd = excluded.value_picousd,"
        " feature = excluded.feature, who = excluded.who";
    struct telling t;
    enum err e = telling_open(&t, l, sql, why) ? ERR_NONE : ERR_INTERNAL;
    for (size_t i = 0; !e && i < count; i++) e = put_outcome(&t, &all[i], why);
    return telling_close(&t, e, why);
}

static enum err put_feedback(struct telling *t, const struct feedback *f, struct buf *why)
{
    str feature = S("");
    enum err e = find_call(t, f->call_id, &feature, why);
    if (e) return e;
    sqlite3_bind_int64(t->put, 1, f->at_us);
    sqlite3_bind_int64(t->put, 2, (int64_t)f->call_id);
    sqlite3_bind_int64(t->put, 3, f->scored ? f->score_ppm : 0);
    sqlite3_bind_int(t->put, 4, f->scored);
    sql_bind(t->put, 5, f->label);
    sql_bind(t->put, 6, f->comment);
    sql_bind(t->put, 7, feature);
    sql_bind(t->put, 8, f->who);
    return run(t->put) ? ERR_NONE : ERR_INTERNAL;
}

enum err feedback_put(struct ledger *l, const struct feedback *all, size_t count, struct buf *why)
{
    const char *sql = "INSERT INTO feedback (at_us, call_id, score_ppm, scored, label, comment, feature, who)"
                      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM feedback"
                      " WHERE call_id = ?2 AND score_ppm = ?3 AND scored = ?4 AND label = ?5 AND comment = ?6"
                      " AND who = ?8)";
    struct telling t;
    enum err e = telling_open(&t, l, sql, why) ? ERR_NONE : ERR_INTERNAL;
    for (size_t i = 0; !e && i < count; i++) e = put_feedback(&t, &all[i], why);
    return telling_close(&t, e, why);
}

/* ---- reading */

/* Parameters: 1 since, 2 until, 3 and 4 the last row's time and id, 5 call, 6 task, 7 name, 8 feature, then the scope. */
static sqlite3_stmt *ask_rows(sqlite3 *db, const struct told_ask *a, const char *columns, const char *table,
                              const char *name)
{
    struct calls_filter scope = {.scoped = a->scoped, .features = a->features, .feature_count = a->feature_count};
    sqlite3_stmt *q = NULL;
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "SELECT %s FROM %s WHERE at_us >= ?1 AND at_us < ?2 AND at_us <= ?3 AND (at_us < ?3 OR id < ?4)",
               columns, table);
    if (a->call_id) buf_add(&sql, S(" AND call_id = ?5"));
    if (a->task.n) buf_add(&sql, S(" AND task = ?6"));
    if (a->name.n) buf_printf(&sql, " AND %s = ?7", name);
    if (a->feature.n) buf_add(&sql, S(" AND feature = ?8"));
    (void)calls_scope_write(&scope, 9, &sql);
    buf_printf(&sql, " ORDER BY at_us DESC, id DESC LIMIT %zu", a->limit);
    bool ok = sqlite3_prepare_v2(db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (!ok) return NULL;
    sqlite3_bind_int64(q, 1, a->since_us);
    sqlite3_bind_int64(q, 2, a->until_us);
    sqlite3_bind_int64(q, 3, a->after ? a->after->at_us : INT64_MAX);
    sqlite3_bind_int64(q, 4, a->after ? (int64_t)a->after->attempt_id : INT64_MAX);
    if (a->call_id) sqlite3_bind_int64(q, 5, (int64_t)a->call_id);
    if (a->task.n) sql_bind(q, 6, a->task);
    if (a->name.n) sql_bind(q, 7, a->name);
    if (a->feature.n) sql_bind(q, 8, a->feature);
    calls_scope_bind(&scope, 9, q);
    return q;
}

typedef void read_row(sqlite3_stmt *q, void *visit, void *ctx);

struct telling_table {
    const char *columns, *table, *name;
    read_row *read;
};

/* `visit`: points to the caller's function. */
static bool each(const char *dir, const struct told_ask *ask, const struct telling_table *t, void *visit, void *ctx,
                 struct calls_cursor *next, bool *more, struct buf *why)
{
    char path[4096];
    *more = false;
    if (snprintf(path, sizeof(path), "%s/purser.db", dir) >= (int)sizeof(path) || access(path, F_OK) != 0) return true;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    bool ok = true;
    if (schema_version(db) >= SCHEMA_STEERING) {
        size_t count = 0;
        int rc = SQLITE_ERROR;
        sqlite3_stmt *q = ask_rows(db, ask, t->columns, t->table, t->name);
        while (q && (rc = sqlite3_step(q)) == SQLITE_ROW) {
            *next = (struct calls_cursor){sqlite3_column_int64(q, 1), (uint64_t)sqlite3_column_int64(q, 0)};
            t->read(q, visit, ctx);
            count++;
        }
        sqlite3_finalize(q);
        ok = rc == SQLITE_DONE;
        *more = ok && count == ask->limit;
    }
    if (!ok) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

static void read_outcome(sqlite3_stmt *q, void *visit, void *ctx)
{
    struct outcome o = {.id = sqlite3_column_int64(q, 0),
                        .at_us = sqlite3_column_int64(q, 1),
                        .told_us = sqlite3_column_int64(q, 2),
                        .task = sql_text(q, 3),
                        .call_id = (uint64_t)sqlite3_column_int64(q, 4),
                        .name = sql_text(q, 5),
                        .success = sqlite3_column_int(q, 6) != 0,
                        .value = sqlite3_column_int64(q, 7),
                        .feature = sql_text(q, 8),
                        .who = sql_text(q, 9)};
    (*(outcome_visit **)visit)(ctx, &o);
}

bool outcomes_each(const char *dir, const struct told_ask *ask, outcome_visit *visit, void *ctx,
                   struct calls_cursor *next, bool *more, struct buf *why)
{
    static const struct telling_table table = {
        "id, at_us, told_us, task, call_id, name, success, value_picousd, feature, who", "outcomes", "name",
        read_outcome};
    return each(dir, ask, &table, &visit, ctx, next, more, why);
}

static void read_feedback(sqlite3_stmt *q, void *visit, void *ctx)
{
    struct feedback f = {.id = sqlite3_column_int64(q, 0),
                         .at_us = sqlite3_column_int64(q, 1),
                         .call_id = (uint64_t)sqlite3_column_int64(q, 2),
                         .score_ppm = sqlite3_column_int64(q, 3),
                         .scored = sqlite3_column_int(q, 4) != 0,
                         .label = sql_text(q, 5),
                         .comment = sql_text(q, 6),
                         .feature = sql_text(q, 7),
                         .who = sql_text(q, 8)};
    (*(feedback_visit **)visit)(ctx, &f);
}

bool feedback_each(const char *dir, const struct told_ask *ask, feedback_visit *visit, void *ctx,
                   struct calls_cursor *next, bool *more, struct buf *why)
{
    static const struct telling_table table = {"id, at_us, call_id, score_ppm, scored, label, comment, feature, who",
                                               "feedback", "label", read_feedback};
    struct told_ask calls = *ask;
    calls.task = STR_NONE; /* feedback is a call's */
    return each(dir, &calls, &table, &visit, ctx, next, more, why);
}

/* What the ledger's tests share: a folder of their own, rows to write, questions to SQL. */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "ledger/ledger.h"
#include "ledger/schema.h"
#include "ledger/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static inline char *folder_new(void)
{
    const char *tmp = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof(path), "%s/purser-ledger-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    return str_dup(str_from(path));
}

/* Runs a shell line with $1 and $2: for copies and removals of a test's own folders. */
static inline int shell(const char *line, const char *a, const char *b)
{
    char command[2048];
    snprintf(command, sizeof(command), "set -- '%s' '%s'; %s", a, b ? b : "", line);
    return system(command);
}

static inline void folder_drop(char *dir)
{
    assert_int_equal(shell("rm -rf \"$1\"", dir, NULL), 0);
    free(dir);
}

static inline struct ledger *must_open_with(const struct ledger_options *options, struct buf *why)
{
    struct ledger *l = ledger_open(options, why);
    if (!l) fail_msg("ledger_open: %.*s", (int)why->n, why->p);
    return l;
}

/* Opens without warnings. */
static inline struct ledger *must_open(const char *dir, unsigned workers)
{
    struct buf why;
    buf_init(&why, 0);
    struct ledger_options options = {.dir = dir, .workers = workers, .sync_us = 2000};
    struct ledger *l = must_open_with(&options, &why);
    if (why.n) fail_msg("ledger_open warns: %.*s", (int)why.n, why.p);
    buf_free(&why);
    return l;
}

enum { CELL_MONEY = 101, CELL_TOKENS = 102 };

/* A hold of 1,000,000 pico-dollars in a money cell and of 500 in a token cell. */
static inline struct row row_hold(struct journal *j)
{
    struct row row = {0};
    row.n.attempt_id = row.n.call_id = journal_next_id(j);
    row.n.at_us = INT64_C(1790000000000000);
    row.n.number = 1;
    row.n.streamed = 1;
    row.n.held_picousd = 1000000;
    row.n.provider_cost_picousd = -1;
    row.text[ROW_KEY] = S("alice");
    row.text[ROW_TEAM] = S("support");
    row.text[ROW_USER] = S("user-1");
    row.text[ROW_FEATURE] = S("support-bot");
    row.text[ROW_PROVIDER] = S("openai");
    row.text[ROW_MODEL] = S("gpt-5-mini");
    row.cells[0] = (struct ledger_cell){CELL_MONEY, 1000000};
    row.cells[1] = (struct ledger_cell){CELL_TOKENS, 500};
    row.cell_count = 2;
    return row;
}

/* The same attempt, ended: 700 pico-dollars, 70 tokens. */
static inline struct row row_post(const struct row *hold)
{
    struct row row = *hold;
    row.n.ended_us = row.n.at_us + 900000;
    row.n.total_us = 900000;
    row.n.first_byte_us = 200000;
    row.n.units[UNIT_INPUT] = 50;
    row.n.units[UNIT_OUTPUT] = 20;
    row.n.cost_by_unit[UNIT_INPUT] = 500;
    row.n.cost_by_unit[UNIT_OUTPUT] = 200;
    row.n.cost_picousd = row.n.cost_max_picousd = 700;
    row.n.http_status = 200;
    row.n.usage_known = 1;
    row.text[ROW_FINISH] = S("stop");
    row.text[ROW_USAGE_RAW] = S("{\"prompt_tokens\":50,\"completion_tokens\":20}");
    row.cells[0].amount = 700;
    row.cells[1].amount = 70;
    return row;
}

static inline void append_pair(struct journal *j)
{
    struct row hold = row_hold(j), post = row_post(&hold);
    assert_true(journal_append(j, JOURNAL_HOLD, &hold) > 0);
    assert_true(journal_append(j, JOURNAL_POST, &post) > 0);
}

/* Packs all days of a store that ended before `before_us`. */
static inline void pack_days(const char *dir, int64_t before_us)
{
    struct buf why;
    buf_init(&why, 0);
    struct store *s = store_open(dir, &why);
    if (!s) fail_msg("%.*s", (int)why.n, why.p);
    enum store_packed step;
    do {
        step = store_pack(s, before_us, 100);
    } while (step == STORE_PACK_MORE);
    assert_int_equal(step, STORE_PACK_NOTHING);
    store_close(s);
    buf_free(&why);
}

/* Changes the store beside the ledger. Returns SQLite's result. */
static inline int try_sql(const char *dir, const char *sql)
{
    char path[512];
    sqlite3 *db = NULL;
    snprintf(path, sizeof(path), "%s/purser.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000); /* the store may write meanwhile */
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

static inline void run_sql(const char *dir, const char *sql)
{
    int rc = try_sql(dir, sql);
    if (rc != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errstr(rc));
}

/* A disk without room: no file of this process grows beyond so many bytes. */
static inline void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The one integer that a question gives. */
static inline int64_t ask(const char *dir, const char *sql)
{
    struct buf why;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, false, &why);
    if (!db) fail_msg("%.*s", (int)why.n, why.p);
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (sqlite3_step(q) != SQLITE_ROW) fail_msg("%s: no row: %s", sql, sqlite3_errmsg(db));
    int64_t v = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    buf_free(&why);
    return v;
}

/* Its tables become those of an earlier version. */
static inline void make_older(const char *dir, int version)
{
    char sql[64];
    struct buf why;
    buf_init(&why, 0);
    sqlite3 *db = schema_open(dir, true, &why);
    assert_non_null(db);
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    if (version < 2) assert_int_equal(sqlite3_exec(db, "DROP TABLE packs", NULL, NULL, NULL), SQLITE_OK);
    if (version < SCHEMA_SWITCHES) {
        const char *gone = "DROP TABLE switches; DROP TABLE audit; DROP TABLE events";
        assert_int_equal(sqlite3_exec(db, gone, NULL, NULL, NULL), SQLITE_OK);
    }
    if (version < SCHEMA_RUNGS) {
        const char *gone = "ALTER TABLE attempts DROP COLUMN rung; ALTER TABLE attempts DROP COLUMN rung_number;"
                           "ALTER TABLE attempts DROP COLUMN accepted";
        assert_int_equal(sqlite3_exec(db, gone, NULL, NULL, NULL), SQLITE_OK);
    }
    if (version < SCHEMA_STEERING) {
        const char *gone =
            "DROP TABLE runtime; DROP TABLE access; DROP TABLE outcomes; DROP TABLE feedback;"
            "DROP TABLE rollup_mix; DROP INDEX attempts_again; DELETE FROM totals WHERE name LIKE 'mix_%'";
        assert_int_equal(sqlite3_exec(db, gone, NULL, NULL, NULL), SQLITE_OK);
    }
    sqlite3_close(db);
    buf_free(&why);
}

#endif

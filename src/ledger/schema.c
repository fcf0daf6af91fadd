#include "ledger/schema.h"

#include "ledger/sum128.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNIT_SUM(unit, count, cost)      ", " count " INTEGER NOT NULL"
#define MEASURE_SUM(field, column, what) ", " column " INTEGER NOT NULL"
#define ROLLUP_VALUES                                                                                                  \
    ROLLUP_MEASURES(MEASURE_SUM) UNIT_COLUMNS(UNIT_SUM) ", latency BLOB NOT NULL, first_token BLOB NOT NULL"

/* Without NOT NULL: the checks would cost a quarter of an insert, and we bind every column.
 * attempts, in the order of columns.def; then the row's checksum (ledger/seal.h). */
static const char create_attempts[] = "CREATE TABLE attempts ("
#define INT(name, value, what)               name " INTEGER, "
#define TEXT(name, id, what)                 name " TEXT, "
#define NAME(name, value, what)              name " TEXT, "
#define LATE(name, value, what)              name " INTEGER DEFAULT 0, "
#define UNIT_COUNT_COLUMN(unit, count, cost) count " INTEGER, "
#define UNIT_COST_COLUMN(unit, count, cost)  cost " INTEGER, "
#define UNITS()                              UNIT_COLUMNS(UNIT_COUNT_COLUMN)
#define COSTS()                              UNIT_COLUMNS(UNIT_COST_COLUMN)
#include "ledger/columns.def"
#undef INT
#undef TEXT
#undef NAME
#undef LATE
#undef UNITS
#undef COSTS
                                      "checksum INTEGER NOT NULL, PRIMARY KEY (attempt_id)); "
                                      "CREATE INDEX attempts_at ON attempts (at_us); "
                                      /* who owns what providers store: read whole at each start */
                                      "CREATE INDEX attempts_object ON attempts (at_us, object_id, key, provider)"
                                      " WHERE object_id != '';";

static const char create_rest[] =
    /* One row an attempt, apart so that scans of `attempts` stay short. cells:
     * pairs of 8-byte little-endian integers, the cell's key and the amount. */
    "CREATE TABLE details (attempt_id INTEGER NOT NULL, cells BLOB NOT NULL, usage_raw TEXT NOT NULL,"
    " PRIMARY KEY (attempt_id));"

    "CREATE TABLE rollup_hour (hour_us INTEGER NOT NULL, feature TEXT NOT NULL, model TEXT NOT NULL,"
    " provider TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL, reason TEXT NOT NULL, status TEXT NOT "
    "NULL" ROLLUP_VALUES ", PRIMARY KEY (hour_us, " ROLLUP_HOUR_KEYS ")) WITHOUT ROWID;"
    /* dimension: user, prompt or task; value: which, '' where none is known. */
    "CREATE TABLE rollup_day (day_us INTEGER NOT NULL, dimension TEXT NOT NULL, value TEXT NOT NULL,"
    " feature TEXT NOT NULL" ROLLUP_VALUES ", PRIMARY KEY (day_us, dimension, value, feature)) WITHOUT ROWID;"

    /* A budget's counter. retired: of it, what rows had posted that retention deleted. */
    "CREATE TABLE cells (key INTEGER NOT NULL, budget TEXT NOT NULL, value TEXT NOT NULL,"
    " window_start_us INTEGER NOT NULL, spent INTEGER NOT NULL, retired INTEGER NOT NULL, PRIMARY KEY (key));"

    /* How far each journal is stored; closed: to its end, its segments are gone. */
    "CREATE TABLE positions (epoch INTEGER NOT NULL, worker INTEGER NOT NULL, position INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, closed INTEGER NOT NULL, PRIMARY KEY (epoch, worker)) WITHOUT ROWID;"
    /* Holds without an end whose segment is gone: the journal's record as it was. */
    "CREATE TABLE open_holds (attempt_id INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (attempt_id));"

    /* What must be in `attempts`, by block = attempt_id >> 20: sums modulo 2^64. */
    "CREATE TABLE seals (block INTEGER NOT NULL, row_count INTEGER NOT NULL, checksum_sum INTEGER NOT NULL,"
    " cost_sum INTEGER NOT NULL, PRIMARY KEY (block));"
    /* Running totals modulo 2^64: rows and cost ever stored, retired by retention,
     * and of budget windows that were forgotten. */
    "CREATE TABLE totals (name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name)) WITHOUT ROWID;"
    /* Gaps and bad records that were found in journals. */
    "CREATE TABLE damage (id INTEGER NOT NULL, at_us INTEGER NOT NULL, what TEXT NOT NULL, PRIMARY KEY (id));"

    "CREATE TABLE keys (name TEXT NOT NULL, team TEXT NOT NULL, models TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,"
    " created_us INTEGER NOT NULL, revoked_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, PRIMARY KEY (name));"
    "CREATE TABLE meta (name TEXT NOT NULL, value NOT NULL, PRIMARY KEY (name)) WITHOUT ROWID;";

/* Days of the rollups that are over, for reports (ledger/pack.h). By part, since a
 * report reads one of many days. */
static const char create_packs[] =
    "CREATE TABLE packs (kind TEXT NOT NULL, part INTEGER NOT NULL, day_us INTEGER NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (kind, part, day_us));";

/* What people switch off, who changed what (ledger/audit.h), what should be known (ledger/events.h). */
static const char create_switches[] =
    "CREATE TABLE switches (feature TEXT NOT NULL, since_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
    " who TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (feature)) WITHOUT ROWID;"
    "CREATE TABLE audit (id INTEGER NOT NULL, at_us INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,"
    " object TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, why TEXT NOT NULL, origin TEXT NOT NULL,"
    " hash BLOB NOT NULL, PRIMARY KEY (id));"
    "CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit"
    " BEGIN SELECT raise(ABORT, 'rows of the audit are never changed'); END;"
    "CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit"
    " BEGIN SELECT raise(ABORT, 'rows of the audit are never deleted'); END;"
    "CREATE TABLE events (id INTEGER NOT NULL, at_us INTEGER NOT NULL, kind TEXT NOT NULL, object TEXT NOT NULL,"
    " level INTEGER NOT NULL, window_us INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id));"
    "CREATE UNIQUE INDEX events_once ON events (kind, object, level, window_us);"
    "CREATE INDEX events_at ON events (at_us);";

#define MIX_SUM(field, column, what)      ", " column " INTEGER NOT NULL"
#define UNIT_BOTH_SUMS(unit, count, cost) ", " count " INTEGER NOT NULL, " cost " INTEGER NOT NULL"

static const char create_steering[] =
    /* Settings that were made while it ran: body is a JSON object with the keys that the settings file has for such
     * an entry. kind: budget, limit, feature, price, key ... */
    "CREATE TABLE runtime (kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, at_us INTEGER NOT NULL,"
    " who TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
    /* Who may see and steer: tokens of the API, by their SHA-256. owner: whose features a token of role owner sees. */
    "CREATE TABLE access (name TEXT NOT NULL, role TEXT NOT NULL, owner TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,"
    " created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, revoked_us INTEGER NOT NULL, who TEXT NOT NULL,"
    " PRIMARY KEY (name)) WITHOUT ROWID;"
    /* What came of a task or a call ('' or 0: the other is meant); told again, it replaces what was told. */
    "CREATE TABLE outcomes (id INTEGER NOT NULL, at_us INTEGER NOT NULL, told_us INTEGER NOT NULL, task TEXT NOT NULL,"
    " call_id INTEGER NOT NULL, name TEXT NOT NULL, success INTEGER NOT NULL, value_picousd INTEGER NOT NULL,"
    " feature TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY (id));"
    "CREATE UNIQUE INDEX outcomes_once ON outcomes (task, call_id, name);"
    "CREATE INDEX outcomes_at ON outcomes (at_us);"
    /* What people thought of an answer. score: in millionths. */
    "CREATE TABLE feedback (id INTEGER NOT NULL, at_us INTEGER NOT NULL, call_id INTEGER NOT NULL,"
    " score_ppm INTEGER NOT NULL, scored INTEGER NOT NULL, label TEXT NOT NULL, comment TEXT NOT NULL,"
    " feature TEXT NOT NULL, who TEXT NOT NULL, PRIMARY KEY (id));"
    "CREATE INDEX feedback_call ON feedback (call_id);"
    "CREATE INDEX feedback_at ON feedback (at_us);"
    /* A call's further attempts, which few rows are: its first one has the call's own id. */
    "CREATE INDEX attempts_again ON attempts (call_id) WHERE attempt_id != call_id;"
    "CREATE TABLE rollup_mix (day_us INTEGER NOT NULL, feature TEXT NOT NULL, prompt TEXT NOT NULL, model TEXT NOT "
    "NULL,"
    " provider TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL" MIX_MEASURES(MIX_SUM)
        UNIT_COLUMNS(UNIT_BOTH_SUMS) ", PRIMARY KEY (day_us, " ROLLUP_MIX_KEYS ")) WITHOUT ROWID;";

/* Which rung of a ladder an attempt was at: older rows were at none. */
static const char add_rungs[] =
#define INT(name, value, what)
#define TEXT(name, id, what)
#define NAME(name, value, what)
#define LATE(name, value, what) "ALTER TABLE attempts ADD COLUMN " name " INTEGER DEFAULT 0; "
#define UNITS()
#define COSTS()
#include "ledger/columns.def"
#undef INT
#undef TEXT
#undef NAME
#undef LATE
#undef UNITS
#undef COSTS
    ;

struct column {
    const char *name, *what;
    bool late, text;
};

static const struct column attempt_columns[] = {
#define INT(column, value, what)           {column, what},
#define TEXT(column, id, what)             {column, what, .text = true},
#define NAME(column, value, what)          {column, what, .text = true},
#define LATE(column, value, what)          {column, what, .late = true},
#define UNIT_COUNT_TEXT(unit, count, cost) {count, "used, disjoint from the others"},
#define UNIT_COST_TEXT(unit, count, cost)  {cost, "the cost of " count},
#define UNITS()                            UNIT_COLUMNS(UNIT_COUNT_TEXT)
#define COSTS()                            UNIT_COLUMNS(UNIT_COST_TEXT)
#include "ledger/columns.def"
#undef INT
#undef TEXT
#undef NAME
#undef LATE
#undef UNITS
#undef COSTS
};

size_t schema_attempt_columns(void)
{
    return COUNT_OF(attempt_columns);
}

const char *schema_attempt_column(size_t i)
{
    return attempt_columns[i].name;
}

bool schema_attempt_is_late(size_t i)
{
    return attempt_columns[i].late;
}

bool schema_attempt_is_text(size_t i)
{
    return attempt_columns[i].text;
}

const char *schema_attempt_read(size_t i, int version)
{
    return attempt_columns[i].late && version < SCHEMA_RUNGS ? "0" : attempt_columns[i].name;
}

size_t schema_find_attempt_column(str name)
{
    for (size_t i = 0; i < COUNT_OF(attempt_columns); i++) {
        if (str_eq(name, str_from(attempt_columns[i].name))) return i;
    }
    return SIZE_MAX;
}

bool schema_is_attempt_column(str name)
{
    return schema_find_attempt_column(name) != SIZE_MAX;
}

const char *schema_attempt_column_text(size_t i)
{
    return attempt_columns[i].what;
}

/* Not inside a transaction: the page layout must be chosen before the first table. */
static bool create(sqlite3 *db)
{
    char version[64];
    snprintf(version, sizeof(version), "PRAGMA user_version = %d; COMMIT;", SCHEMA_VERSION);
    return sqlite3_exec(db, "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;",
                        NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, "BEGIN IMMEDIATE;", NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, create_attempts, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, create_rest, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, create_packs, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, create_switches, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, create_steering, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, version, NULL, NULL, NULL) == SQLITE_OK;
}

/* What the store fills rollup_mix from, see store_mix.c. One more than the last: it ends behind that. */
static const char note_rows_without_mix[] =
    "INSERT OR REPLACE INTO totals (name, value) SELECT 'mix_until_id', coalesce(max(attempt_id), 0) + 1 FROM attempts;"
    "INSERT OR REPLACE INTO totals (name, value) SELECT 'mix_missing_rows', value FROM totals"
    " WHERE name = 'retired_rows';";

/* From each version to the next. */
static bool migrate(sqlite3 *db, int version)
{
    char done[64];
    snprintf(done, sizeof(done), "PRAGMA user_version = %d; COMMIT;", SCHEMA_VERSION);
    bool ok = sqlite3_exec(db, "BEGIN IMMEDIATE;", NULL, NULL, NULL) == SQLITE_OK;
    if (ok && version < 2) ok = sqlite3_exec(db, create_packs, NULL, NULL, NULL) == SQLITE_OK;
    if (ok && version < SCHEMA_SWITCHES) ok = sqlite3_exec(db, create_switches, NULL, NULL, NULL) == SQLITE_OK;
    if (ok && version < SCHEMA_RUNGS) ok = sqlite3_exec(db, add_rungs, NULL, NULL, NULL) == SQLITE_OK;
    if (ok && version < SCHEMA_STEERING)
        ok = sqlite3_exec(db, create_steering, NULL, NULL, NULL) == SQLITE_OK &&
             sqlite3_exec(db, note_rows_without_mix, NULL, NULL, NULL) == SQLITE_OK;
    return ok && sqlite3_exec(db, done, NULL, NULL, NULL) == SQLITE_OK;
}

int schema_version(sqlite3 *db)
{
    sqlite3_stmt *ask = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &ask, NULL) == SQLITE_OK && sqlite3_step(ask) == SQLITE_ROW)
        version = sqlite3_column_int(ask, 0);
    sqlite3_finalize(ask);
    return version;
}

static bool prepare(sqlite3 *db, const char *path, bool write, struct buf *why)
{
    sqlite3_busy_timeout(db, 5000);
    if (sum128_register(db) != SQLITE_OK) {
        buf_printf(why, "%s: %s", path, sqlite3_errmsg(db));
        return false;
    }
    int version = schema_version(db);
    if (version == 0 && write) {
        if (!create(db)) {
            buf_printf(why, "%s: cannot make the tables: %s", path, sqlite3_errmsg(db));
            return false;
        }
        version = schema_version(db);
        sqlite3_db_release_memory(db); /* a page for each table and index, all empty */
    }
    if (version > 0 && version < SCHEMA_VERSION && write) {
        if (!migrate(db, version)) {
            buf_printf(why, "%s: its tables cannot be brought from version %d to %d: %s", path, version, SCHEMA_VERSION,
                       sqlite3_errmsg(db));
            return false;
        }
        version = SCHEMA_VERSION;
    }
    if (version < 0) {
        buf_printf(why, "%s: %s", path, sqlite3_errmsg(db));
        return false;
    }
    if (version < 1 || version > SCHEMA_VERSION) {
        buf_printf(why, "%s: its schema is version %d, this purser knows %d", path, version, SCHEMA_VERSION);
        return false;
    }
    return true;
}

/* Counting its memory would cost SQLite a lock for each piece of it; nobody asks for the count.
 * Where it runs already this is refused, and does no harm. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

bool schema_exists(const char *dir, struct buf *why)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/purser.db", dir) >= (int)sizeof(path))
        buf_printf(why, "the data folder's name is too long");
    else if (access(path, F_OK) == 0)
        return true;
    else if (errno == ENOENT || errno == ENOTDIR)
        buf_printf(why, "there is no ledger in '%s': 'purser serve' makes it when it first runs there", dir);
    else
        buf_printf(why, "%s: %s", path, strerror(errno));
    return false;
}

sqlite3 *schema_open(const char *dir, bool write, struct buf *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure);
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/purser.db", dir) >= (int)sizeof(path)) {
        buf_printf(why, "the data folder's name is too long");
        return NULL;
    }
    sqlite3 *db = NULL;
    if (write) { /* SQLite would let the umask decide who may read it. Only where it is new: closing any
                  * descriptor of a file drops this process's POSIX locks on it, SQLite's too. */
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) close(fd);
    }
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    /* A reader of a WAL store writes to its -shm file: read-only by choice, not by mode. */
    if (rc == SQLITE_OK && !write) rc = sqlite3_exec(db, "PRAGMA query_only = 1", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        buf_printf(why, "%s: %s", path, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
        sqlite3_close(db);
        return NULL;
    }
    if (prepare(db, path, write, why)) return db;
    sqlite3_close(db);
    return NULL;
}

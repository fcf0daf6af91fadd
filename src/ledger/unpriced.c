#include "ledger/unpriced.h"

#include "base/time.h"
#include "ledger/inside.h"
#include "ledger/sql.h"
#include "ledger/sum128.h"

#include <stdio.h>
#include <unistd.h>

#define UNIT_TOTAL(unit, count, cost) ", sum128(" count ")"

static const char sql[] =
    "SELECT provider, model, sum128(unpriced), sum128(attempts - unpriced), sum128(unpriced_picousd),"
    " min(hour_us), max(hour_us)" UNIT_COLUMNS(
        UNIT_TOTAL) " FROM rollup_hour WHERE hour_us >= ?1 AND hour_us < ?2 AND unpriced > 0"
                    " GROUP BY provider, model ORDER BY sum(unpriced) DESC, 1, 2";

static int64_t whole(sqlite3_stmt *q, int at)
{
    __int128 sum = 0;
    if (!sum128_parse(sql_text(q, at), &sum) || sum > INT64_MAX) return INT64_MAX;
    return sum < 0 ? 0 : (int64_t)sum;
}

static bool read_all(sqlite3 *db, int64_t since_us, int64_t until_us, ledger_unpriced_visit *visit, void *ctx)
{
    enum { FIRST_UNIT = 7 };
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(q, 1, since_us);
    sqlite3_bind_int64(q, 2, until_us);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct ledger_unpriced u = {.provider = sql_text(q, 0),
                                    .model = sql_text(q, 1),
                                    .attempts = whole(q, 2),
                                    .others = whole(q, 3),
                                    .posted = whole(q, 4),
                                    .first_us = sqlite3_column_int64(q, 5),
                                    .last_us = sqlite3_column_int64(q, 6),
                                    .usage = {.known = true}};
        for (int i = 0; i < UNIT_COUNT; i++) u.usage.units[i] = whole(q, FIRST_UNIT + i);
        visit(ctx, &u);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

bool ledger_unpriced_each(const char *dir, int64_t since_us, int64_t until_us, ledger_unpriced_visit *visit, void *ctx,
                          struct buf *why)
{
    char path[4096];
    bool there = snprintf(path, sizeof(path), "%s/purser.db", dir) < (int)sizeof(path) && access(path, F_OK) == 0;
    if (!there) return true;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    bool ok = read_all(db, since_us - since_us % US_PER_HOUR, until_us, visit, ctx);
    if (!ok) buf_printf(why, "the rollups cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return ok;
}

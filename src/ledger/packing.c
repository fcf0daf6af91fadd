#include "ledger/packing.h"

#include "base/time.h"

#include <stdlib.h>

struct packing {
    sqlite3_stmt *q;
    struct pack_maker *maker;
    uint32_t name_count;
    int64_t day_us;
};

#define MEASURE_COLUMN(field, column, what)  ", " column
#define UNIT_COUNT_COLUMN(unit, count, cost) ", " count
#define VALUE_COLUMNS                        ROLLUP_MEASURES(MEASURE_COLUMN) UNIT_COLUMNS(UNIT_COUNT_COLUMN) ", latency, first_token"

/* By the primary keys: the same rows in the same order make the same bytes. */
static const char hour_sql[] =
    "SELECT hour_us, " ROLLUP_HOUR_KEYS VALUE_COLUMNS " FROM rollup_hour WHERE hour_us >= ?1 AND hour_us < ?2"
    " ORDER BY hour_us, " ROLLUP_HOUR_KEYS;
static const char day_sql[] = "SELECT day_us, value, feature" VALUE_COLUMNS
                              " FROM rollup_day WHERE day_us = ?1 AND dimension = ?2 ORDER BY value, feature";

struct packing *packing_new(sqlite3 *db, enum pack_kind kind, int64_t day_us, struct hash_key secret)
{
    struct packing *p = mem_zalloc(sizeof(*p));
    p->maker = pack_maker_new(kind, secret);
    p->name_count = pack_kind_names(kind);
    p->day_us = day_us;
    if (sqlite3_prepare_v2(db, kind == PACK_HOUR ? hour_sql : day_sql, -1, &p->q, NULL) != SQLITE_OK) return p;
    sqlite3_bind_int64(p->q, 1, day_us);
    if (kind == PACK_HOUR) {
        sqlite3_bind_int64(p->q, 2, day_us + US_PER_DAY);
    } else {
        str name = pack_kind_name(kind);
        sqlite3_bind_text(p->q, 2, name.p, (int)name.n, SQLITE_STATIC);
    }
    return p;
}

void packing_drop(struct packing *p)
{
    if (!p) return;
    sqlite3_finalize(p->q);
    pack_maker_drop(p->maker);
    free(p);
}

static str column_str(sqlite3_stmt *q, int at)
{
    const char *p = sqlite3_column_blob(q, at); /* a text's bytes as well */
    return str_of(p, (size_t)sqlite3_column_bytes(q, at));
}

static bool take_row(struct packing *p)
{
    struct pack_row row;
    int at = 0;
    row.hour = (uint32_t)((sqlite3_column_int64(p->q, at++) - p->day_us) / US_PER_HOUR);
    for (uint32_t i = 0; i < p->name_count; i++) row.name[i] = column_str(p->q, at++);
    for (int i = 0; i < PACK_SUMS; i++) row.sums[i] = sqlite3_column_int64(p->q, at++);
    row.latency = column_str(p->q, at++);
    row.first_token = column_str(p->q, at);
    return pack_maker_add(p->maker, &row);
}

enum packing_step packing_read(struct packing *p, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++) {
        int rc = sqlite3_step(p->q);
        if (rc == SQLITE_DONE) return PACKING_DONE;
        if (rc != SQLITE_ROW) return PACKING_FAILED;
        if (!take_row(p)) return PACKING_TOO_LARGE;
    }
    return PACKING_MORE;
}

const struct pack_maker *packing_made(const struct packing *p)
{
    return p->maker;
}

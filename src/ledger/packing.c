#include "ledger/packing.h"

#include "base/time.h"
#include "ledger/histogram.h"
#include "ledger/packing_inside.h"
#include "ledger/told.h"

#include <stdlib.h>

#define MEASURE_COLUMN(field, column, what)  ", " column
#define UNIT_COUNT_COLUMN(unit, count, cost) ", " count
#define VALUE_COLUMNS                        ROLLUP_MEASURES(MEASURE_COLUMN) UNIT_COLUMNS(UNIT_COUNT_COLUMN) ", latency, first_token"

/* By the primary keys: the same rows in the same order make the same bytes. */
static const char hour_sql[] =
    "SELECT hour_us, " ROLLUP_HOUR_KEYS VALUE_COLUMNS " FROM rollup_hour WHERE hour_us >= ?1 AND hour_us < ?2"
    " ORDER BY hour_us, " ROLLUP_HOUR_KEYS;
static const char sum_sql[] =
    "SELECT ?1, " ROLLUP_HOUR_KEYS VALUE_COLUMNS " FROM rollup_hour WHERE hour_us >= ?1 AND hour_us < ?2"
    " ORDER BY " ROLLUP_HOUR_KEYS ", hour_us";
static const char crowd_sql[] = "SELECT day_us, value, feature" VALUE_COLUMNS
                                " FROM rollup_day WHERE day_us = ?1 AND dimension = ?2 ORDER BY value, feature";

struct packing *packing_new(sqlite3 *db, enum pack_kind kind, int64_t day_us, struct hash_key key)
{
    struct packing *p = mem_zalloc(sizeof(*p));
    *p = (struct packing){.db = db, .kind = kind, .day_us = day_us, .key = key};
    buf_init(&p->values, 0);
    if (kind == PACK_TOLD) return p;
    if (pack_kind_of(kind) != kind) {
        crowd_merge_begin(p);
        return p;
    }
    bool crowd = pack_kind_is_crowd(kind);
    const char *sql = crowd ? crowd_sql : kind == PACK_SUM ? sum_sql : hour_sql;
    if (crowd)
        p->crowd = crowd_maker_new();
    else
        p->maker = pack_maker_new(kind, key);
    if (sqlite3_prepare_v2(db, sql, -1, &p->q, NULL) != SQLITE_OK) return p;
    sqlite3_bind_int64(p->q, 1, day_us);
    if (crowd) {
        str name = pack_kind_dimension(kind);
        sqlite3_bind_text(p->q, 2, name.p, (int)name.n, SQLITE_STATIC);
    } else {
        sqlite3_bind_int64(p->q, 2, day_us + US_PER_DAY);
    }
    return p;
}

void packing_drop(struct packing *p)
{
    if (!p) return;
    crowd_merge_end(p);
    sqlite3_finalize(p->q);
    pack_maker_drop(p->maker);
    crowd_maker_drop(p->crowd);
    histogram_free(&p->latency);
    histogram_free(&p->first_token);
    buf_free(&p->values);
    for (size_t i = 0; i < COUNT_OF(p->blob); i++) buf_free(&p->blob[i]);
    arena_free(&p->names);
    free(p);
}

static str column_str(sqlite3_stmt *q, int at)
{
    const char *p = sqlite3_column_blob(q, at); /* a text's bytes as well */
    return str_of(p, (size_t)sqlite3_column_bytes(q, at));
}

static void read_row(struct packing *p, uint32_t names, struct pack_row *row)
{
    int at = 0;
    row->hour = (uint32_t)((sqlite3_column_int64(p->q, at++) - p->day_us) / US_PER_HOUR);
    for (uint32_t i = 0; i < names; i++) row->name[i] = column_str(p->q, at++);
    for (int i = 0; i < PACK_SUMS; i++) row->sums[i] = sqlite3_column_int64(p->q, at++);
    row->latency = column_str(p->q, at++);
    row->first_token = column_str(p->q, at);
}

/* ---- crowds */

static bool take_user(struct packing *p)
{
    struct pack_row row;
    read_row(p, 2, &row);
    buf_clear(&p->values);
    pack_put_values(&p->values, &row);
    return crowd_maker_add(p->crowd, &(struct crowd_entry){.hash = crowd_hash(p->key, row.name[0]),
                                                           .name = row.name[0],
                                                           .feature = row.name[1],
                                                           .values = buf_str(&p->values),
                                                           .cost = row.sums[PACK_SUM_cost],
                                                           .attempts = row.sums[PACK_SUM_attempts],
                                                           .unpriced = row.sums[PACK_SUM_unpriced_cost]});
}

/* ---- a day without its hours */

static bool is_same(const struct packing *p, const struct pack_row *row)
{
    for (uint32_t i = 0; i < PACK_NAMES_MAX; i++) {
        if (!str_eq(p->sum.name[i], row->name[i])) return false;
    }
    return true;
}

/* Gives the sum of the hours that have come to the pack. */
static bool flush_sum(struct packing *p)
{
    if (!p->summing) return true;
    buf_clear(&p->blob[0]);
    buf_clear(&p->blob[1]);
    histogram_encode(&p->latency, &p->blob[0]);
    histogram_encode(&p->first_token, &p->blob[1]);
    p->sum.latency = buf_str(&p->blob[0]);
    p->sum.first_token = buf_str(&p->blob[1]);
    p->summing = false;
    return pack_maker_add(p->maker, &p->sum);
}

static bool take_hour(struct packing *p)
{
    struct pack_row row;
    read_row(p, PACK_NAMES_MAX, &row);
    if (p->kind != PACK_SUM) return pack_maker_add(p->maker, &row);
    if (p->summing && !is_same(p, &row) && !flush_sum(p)) return false;
    if (!p->summing) {
        p->sum = (struct pack_row){0};
        arena_free(&p->names);
        for (uint32_t i = 0; i < PACK_NAMES_MAX; i++) p->sum.name[i] = arena_str(&p->names, row.name[i]);
        histogram_clear(&p->latency);
        histogram_clear(&p->first_token);
        p->summing = true;
    }
    for (int i = 0; i < PACK_SUMS; i++) {
        if (__builtin_add_overflow(p->sum.sums[i], row.sums[i], &p->sum.sums[i]))
            p->sum.sums[i] = row.sums[i] < 0 ? INT64_MIN : INT64_MAX;
    }
    return histogram_merge_encoded(&p->latency, row.latency) &&
           histogram_merge_encoded(&p->first_token, row.first_token);
}

/* ---- both */

enum packing_step packing_read(struct packing *p, uint32_t rows)
{
    if (p->merge) return crowd_merge_read(p);
    if (p->done) return PACKING_DONE;
    if (p->kind == PACK_TOLD) return PACKING_READY; /* read as it is written: outcomes are told to other connections */
    for (uint32_t i = 0; i < rows; i++) {
        int rc = sqlite3_step(p->q);
        if (rc == SQLITE_DONE) return flush_sum(p) ? PACKING_READY : PACKING_NONE;
        if (rc != SQLITE_ROW) return PACKING_FAILED;
        if (!(p->crowd ? take_user(p) : take_hour(p))) return PACKING_NONE;
    }
    return PACKING_MORE;
}

static bool write_parts(const struct packing *p, crowd_put *put, void *ctx)
{
    struct buf body;
    bool ok = true;
    buf_init(&body, 0);
    for (uint32_t part = PACK_PARTS; part-- > 0 && ok;) {
        buf_clear(&body);
        pack_maker_body(p->maker, part, &body);
        if (body.n) ok = put(ctx, part, buf_str(&body));
    }
    buf_free(&body);
    return ok;
}

bool packing_write(struct packing *p, crowd_put *put, void *ctx)
{
    if (p->merge) return crowd_merge_write(p, put, ctx);
    p->done = true;
    if (p->kind == PACK_TOLD) return told_pack(p->db, p->day_us, p->key, put, ctx);
    return p->crowd ? crowd_maker_write(p->crowd, 0, 0, CROWD_PARTS, put, ctx) : write_parts(p, put, ctx);
}

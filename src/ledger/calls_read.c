#include "ledger/calls_inside.h"

#include "base/time.h"
#include "ledger/sql.h"

#include <stdio.h>

/* The two statements' parameters: 1 the id, 2 a time near it, then the filter's. */
enum { PARAM_ID = 1, PARAM_NEAR, PARAM_FILTER, ATTEMPTS_MAX = 1024 };

/* Without the index: a call's attempts are sought so far from one another. */
#define APART_US US_PER_HOUR

bool calls_has_index(sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT 1 FROM sqlite_master WHERE name = 'attempts_again'";
    bool has = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    sqlite3_finalize(q);
    return has;
}

static const char further[] = "call_id = ?1 AND attempt_id != call_id";

/* Of each attempt what calls_reader_weigh() reads. */
static bool prepare_weight(struct calls_reader *r)
{
    struct buf sql;
    buf_init(&sql, 0);
    const char *columns = "SELECT at_us, ended_us, CASE cost_state WHEN 'unpriced' THEN 0 ELSE cost_picousd END";
    buf_printf(&sql,
               "%s FROM attempts WHERE attempt_id = ?1 UNION ALL %s FROM attempts INDEXED BY attempts_again WHERE %s",
               columns, columns, further);
    bool ok = sqlite3_prepare_v2(r->db, sql.p, (int)sql.n, &r->weight, NULL) == SQLITE_OK;
    buf_free(&sql);
    return ok;
}

bool calls_reader_weigh(struct calls_reader *r, uint64_t call_id, struct calls_weight *out)
{
    int64_t began_us = INT64_MAX, ended_us = INT64_MIN;
    int rc;
    *out = (struct calls_weight){.known = r->weight != NULL};
    if (!r->weight) return true;
    sqlite3_bind_int64(r->weight, 1, (int64_t)call_id);
    while ((rc = sqlite3_step(r->weight)) == SQLITE_ROW) {
        int64_t at_us = sqlite3_column_int64(r->weight, 0), end_us = sqlite3_column_int64(r->weight, 1);
        if (at_us < began_us) began_us = at_us;
        if (end_us > ended_us) ended_us = end_us;
        out->cost += sqlite3_column_int64(r->weight, 2);
        out->attempts++;
    }
    sqlite3_reset(r->weight);
    out->began_us = began_us;
    if (ended_us > began_us) out->total_us = ended_us - began_us;
    return rc == SQLITE_DONE;
}

static bool prepare(const struct calls_reader *r, const char *index, const char *where, sqlite3_stmt **out)
{
    struct buf sql;
    int version = schema_version(r->db);
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT "));
    for (size_t i = 0; i < schema_attempt_columns(); i++) buf_printf(&sql, "%s, ", schema_attempt_read(i, version));
    buf_add(&sql, S("coalesce(d.usage_raw, ''), (1"));
    calls_filter_write(r->filter, version, PARAM_FILTER, &sql);
    buf_printf(&sql, ") FROM attempts a %s LEFT JOIN details d USING (attempt_id) WHERE %s", index, where);
    bool ok = sqlite3_prepare_v2(r->db, sql.p, (int)sql.n, out, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (ok) calls_filter_bind(r->filter, PARAM_FILTER, *out);
    return ok;
}

bool calls_reader_open(struct calls_reader *r, sqlite3 *db, const struct calls_filter *filter)
{
    *r = (struct calls_reader){.db = db, .filter = filter};
    bool indexed = calls_has_index(db);
    char where[256];
    if (indexed)
        snprintf(where, sizeof(where), "%s ORDER BY number, attempt_id", further);
    else
        snprintf(where, sizeof(where), "at_us BETWEEN ?2 - %lld AND ?2 + %lld AND %s ORDER BY number, attempt_id",
                 (long long)APART_US, (long long)APART_US, further);
    return prepare(r, "", "attempt_id = ?1", &r->one) &&
           prepare(r, indexed ? "INDEXED BY attempts_again" : "INDEXED BY attempts_at", where, &r->more) &&
           (!indexed || prepare_weight(r));
}

void calls_reader_close(struct calls_reader *r)
{
    sqlite3_finalize(r->one);
    sqlite3_finalize(r->more);
    sqlite3_finalize(r->weight);
}

/* ---- a row */

#define UNIT_PAIR(unit, count, cost) {count, cost},
static const struct {
    const char *count, *cost;
} unit_pairs[UNIT_COUNT] = {UNIT_COLUMNS(UNIT_PAIR)};
#undef UNIT_PAIR

static const struct call_value *value_of(const struct call_attempt *a, const char *column)
{
    return &a->values[schema_find_attempt_column(str_from(column))];
}

int64_t call_number(const struct call_attempt *a, const char *column)
{
    return value_of(a, column)->number;
}

str call_text(const struct call_attempt *a, const char *column)
{
    return value_of(a, column)->text;
}

static void write_lines(struct call_attempt *a)
{
    a->rest = call_number(a, "cost_picousd");
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        struct call_line line = {.unit = u,
                                 .count = call_number(a, unit_pairs[u].count),
                                 .cost = call_number(a, unit_pairs[u].cost)};
        if (!line.count && !line.cost) continue;
        line.each = line.count > 0 && line.cost >= 0 && line.cost % line.count == 0 ? line.cost / line.count : -1;
        /* where the sum leaves the range, what no unit says does, too: both turn over together */
        (void)__builtin_sub_overflow(a->rest, line.cost, &a->rest);
        a->lines[a->line_count++] = line;
    }
}

static void read_row(sqlite3_stmt *q, struct arena *arena, struct call_attempt *out)
{
    size_t columns = schema_attempt_columns();
    struct call_value *values = arena_zalloc(arena, columns * sizeof(*values));
    for (size_t i = 0; i < columns; i++) {
        if (schema_attempt_is_text(i))
            values[i].text = arena_str(arena, sql_text(q, (int)i));
        else
            values[i].number = sqlite3_column_int64(q, (int)i);
    }
    *out = (struct call_attempt){.values = values,
                                 .usage_raw = arena_str(arena, sql_text(q, (int)columns)),
                                 .matched = sqlite3_column_int(q, (int)columns + 1) != 0};
    write_lines(out);
}

/* ---- a call */

static bool read_all(sqlite3_stmt *q, struct arena *arena, struct calls_read *out)
{
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && out->count < ATTEMPTS_MAX) {
        struct call_attempt a;
        read_row(q, arena, &a);
        /* few have a second one: room is made as it is needed */
        struct call_attempt *all = arena_alloc(arena, (out->count + 1) * sizeof(*all));
        if (out->count) memcpy(all, out->attempts, out->count * sizeof(*all));
        all[out->count++] = a;
        out->attempts = all;
    }
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    sqlite3_reset(q);
    return ok;
}

bool calls_reader_read_attempt(struct calls_reader *r, uint64_t attempt_id, struct arena *arena, struct calls_read *out)
{
    *out = (struct calls_read){0};
    sqlite3_bind_int64(r->one, PARAM_ID, (int64_t)attempt_id);
    return read_all(r->one, arena, out);
}

bool calls_reader_read(struct calls_reader *r, uint64_t call_id, int64_t near_us, struct arena *arena,
                       struct calls_read *out)
{
    if (!calls_reader_read_attempt(r, call_id, arena, out)) return false;
    if (out->count && (uint64_t)call_number(&out->attempts[0], "call_id") != call_id) out->count = 0;
    if (out->count) near_us = call_number(&out->attempts[0], "at_us");
    sqlite3_bind_int64(r->more, PARAM_ID, (int64_t)call_id);
    if (sqlite3_bind_parameter_count(r->more) >= PARAM_NEAR) sqlite3_bind_int64(r->more, PARAM_NEAR, near_us);
    return read_all(r->more, arena, out);
}

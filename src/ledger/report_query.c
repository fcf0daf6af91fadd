#include "ledger/report_inside.h"

/* The query of each source. Numbered parameters: 1 and 2 a slice's ends, then
 * the filters, then what all slices have in common. */
enum { PARAM_WHERE = 3, PARAM_DIMENSION = PARAM_WHERE + REPORT_WHERE_MAX, PARAM_SINCE, PARAM_UNTIL, PARAM_SCOPE };

#define MEASURE_COLUMN(field, column, what)  ", " column
#define UNIT_COUNT_COLUMN(unit, count, cost) ", " count
static const char rollup_columns[] =
    ROLLUP_MEASURES(MEASURE_COLUMN) UNIT_COLUMNS(UNIT_COUNT_COLUMN) ", latency, first_token";
static const char row_columns[] = ", number, status, cost_state, cost_picousd, cost_max_picousd, saved_picousd, wasted,"
                                  " streamed, total_us, first_byte_us" UNIT_COLUMNS(UNIT_COUNT_COLUMN);

struct form {
    const char *time, *columns, *from;
};

static const struct form forms[SOURCE_COUNT] = {
    [SOURCE_HOUR] = {"hour_us", rollup_columns, "rollup_hour WHERE hour_us >= ?1 AND hour_us < ?2"},
    [SOURCE_DAY] = {"day_us", rollup_columns, "rollup_day WHERE day_us >= ?1 AND day_us < ?2"},
    [SOURCE_SEEK] = {"day_us", rollup_columns, "rollup_day WHERE day_us = ?1 AND ?2"},
    [SOURCE_ROWS_BY_TIME] = {"at_us", row_columns, "attempts INDEXED BY attempts_at WHERE at_us >= ?1 AND at_us < ?2"},
    [SOURCE_ROWS_BY_ID] = {"at_us", row_columns, "attempts NOT INDEXED WHERE attempt_id >= ?1 AND attempt_id < ?2"},
};

/* In rollup_day users, prompts and tasks share a column. No rung is called by no name, as no user is. */
static void add_column(struct buf *sql, const struct plan *p, const struct dim *d, enum source source)
{
    bool value = (source == SOURCE_DAY || source == SOURCE_SEEK) && d->in_day, rung = str_eq(d->name, S("rung"));
    size_t column = schema_find_attempt_column(d->name);
    bool there = column == SIZE_MAX || strcmp(schema_attempt_read(column, p->version), "0") != 0;
    if (!there)
        buf_add(sql, rung ? S("''") : S("0"));
    else if (rung)
        buf_add(sql, S("iif(rung, CAST(rung AS TEXT), '')"));
    else
        buf_printf(sql, "\"%" STR_FMT "\"", STR_ARG(value ? S("value") : d->name));
}

/* Filters on one name: any of them; on several names: all of them. `known`: on rollup_hour's names alone. */
static void add_filters_of(struct buf *sql, const struct plan *p, enum source source, bool known)
{
    size_t count = p->ask->where_count;
    for (size_t i = 0; i < count; i++) {
        bool before = known && !p->where[i]->in_hour;
        for (size_t j = 0; j < i; j++) before = before || p->where[j] == p->where[i];
        if (before) continue;
        buf_add(sql, S(" AND ("));
        for (size_t j = i; j < count; j++) {
            if (p->where[j] != p->where[i]) continue;
            if (j > i) buf_add(sql, S(" OR "));
            add_column(sql, p, p->where[j], source);
            buf_printf(sql, " = ?%zu", PARAM_WHERE + j);
            /* one of several */
            if (str_eq(p->where[j]->name, S("tags")))
                buf_printf(sql, " OR instr(',' || replace(tags, ', ', ',') || ',', ',' || ?%zu || ',')",
                           PARAM_WHERE + j);
        }
        buf_add_byte(sql, ')');
    }
    if (!p->ask->scoped) return;
    buf_add(sql, S(" AND feature IN ("));
    for (size_t i = 0; i < p->ask->feature_count; i++) buf_printf(sql, "%s?%zu", i ? ", " : "", PARAM_SCOPE + i);
    buf_add_byte(sql, ')');
}

static void add_filters(struct buf *sql, const struct plan *p, enum source source)
{
    add_filters_of(sql, p, source, false);
}

static void add_by(struct buf *sql, const struct plan *p, enum source source)
{
    for (size_t i = 0; i < p->ask->by_count; i++) {
        if (p->by[i]->kind != DIM_TEXT) continue;
        buf_add(sql, S(", "));
        add_column(sql, p, p->by[i], source);
    }
}

static void add_wanted(struct buf *sql, const struct plan *p, enum source source)
{
    buf_printf(sql, " AND wanted(%s", forms[source].time);
    add_by(sql, p, source);
    buf_add_byte(sql, ')');
}

static void write_query(struct buf *sql, const struct plan *p, enum source source)
{
    const struct form *f = &forms[source];
    buf_printf(sql, "SELECT collect(%s", f->time);
    add_by(sql, p, source);
    buf_add(sql, str_from(p->columns ? p->columns : f->columns));
    if (p->ask->ladder) rung_write_columns(sql, p->version);
    buf_printf(sql, ") FROM %s", f->from);
    if (source == SOURCE_DAY || source == SOURCE_SEEK) buf_printf(sql, " AND dimension = ?%d", PARAM_DIMENSION);
    if (source == SOURCE_ROWS_BY_ID) buf_printf(sql, " AND at_us >= ?%d AND at_us < ?%d", PARAM_SINCE, PARAM_UNTIL);
    add_filters(sql, p, source);
    if (p->wanted) add_wanted(sql, p, source);
}

static void bind(const struct plan *p, enum source source, sqlite3_stmt *q)
{
    for (size_t i = 0; p->ask->scoped && i < p->ask->feature_count; i++) {
        str name = p->ask->features[i];
        sqlite3_bind_text(q, PARAM_SCOPE + (int)i, name.n ? name.p : "", (int)name.n, SQLITE_STATIC);
    }
    for (size_t i = 0; i < p->ask->where_count; i++) {
        str value = p->ask->where[i].equals;
        int at = PARAM_WHERE + (int)i;
        if (p->where[i]->kind == DIM_INT)
            sqlite3_bind_int64(q, at, p->where_int[i]);
        else
            sqlite3_bind_text(q, at, value.n ? value.p : "", (int)value.n, SQLITE_STATIC);
    }
    if (source == SOURCE_DAY || source == SOURCE_SEEK)
        sqlite3_bind_text(q, PARAM_DIMENSION, p->dimension.p, (int)p->dimension.n, SQLITE_STATIC);
    if (source != SOURCE_ROWS_BY_ID) return;
    sqlite3_bind_int64(q, PARAM_SINCE, p->since_us);
    sqlite3_bind_int64(q, PARAM_UNTIL, p->until_us);
}

static sqlite3_stmt *prepare(const struct plan *p, enum source source, struct buf *sql, sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql->p, (int)sql->n, &q, NULL) == SQLITE_OK) bind(p, source, q);
    buf_free(sql);
    return q;
}

sqlite3_stmt *plan_prepare(const struct plan *p, enum source source, sqlite3 *db)
{
    struct buf sql;
    buf_init(&sql, 0);
    write_query(&sql, p, source);
    return prepare(p, source, &sql, db);
}

sqlite3_stmt *plan_prepare_seek(const struct plan *p, bool sums, sqlite3 *db)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT collect(day_us"));
    add_by(&sql, p, SOURCE_DAY);
    buf_printf(&sql, "%s) FROM rollup_day WHERE day_us = ?1 AND dimension = ?%d AND value = ?2",
               sums ? rollup_columns : ", latency, first_token", PARAM_DIMENSION);
    add_filters(&sql, p, SOURCE_DAY);
    return prepare(p, SOURCE_DAY, &sql, db);
}

bool plan_prepare_hours(const struct plan *p, sqlite3 *db, sqlite3_stmt **out)
{
    struct buf sql;
    bool known = p->ask->scoped;
    for (size_t i = 0; i < p->ask->where_count; i++) known = known || p->where[i]->in_hour;
    *out = NULL;
    if (!known) return true;
    buf_init(&sql, 0);
    buf_printf(&sql, "SELECT 1 FROM %s", forms[SOURCE_HOUR].from);
    add_filters_of(&sql, p, SOURCE_HOUR, true);
    buf_add(&sql, S(" LIMIT 1"));
    *out = prepare(p, SOURCE_HOUR, &sql, db);
    return *out != NULL;
}

sqlite3_stmt *plan_prepare_row(const struct plan *p, sqlite3 *db)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT collect(at_us"));
    add_by(&sql, p, SOURCE_ROWS_BY_TIME);
    buf_printf(&sql, "%s) FROM attempts WHERE attempt_id = ?1", row_columns);
    return prepare(p, SOURCE_ROWS_BY_TIME, &sql, db);
}

sqlite3_stmt *plan_prepare_rank(const struct plan *p, enum source source, sqlite3 *db)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT "));
    add_column(&sql, p, p->by[0], source);
    buf_printf(&sql, ", %s FROM %s",
               source == SOURCE_DAY ? "cost_picousd, unpriced_picousd, attempts"
                                    : "cost_picousd, cost_state, attempt_id",
               forms[source].from);
    if (source == SOURCE_DAY) buf_printf(&sql, " AND dimension = ?%d", PARAM_DIMENSION);
    add_filters(&sql, p, source);
    return prepare(p, source, &sql, db);
}

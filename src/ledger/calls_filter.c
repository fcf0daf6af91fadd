#include "ledger/calls_inside.h"

#include "ledger/id.h"
#include "ledger/report.h"

enum { FEATURES_MAX = 10000 };

static bool is_id(str column)
{
    return str_eq(column, S("call_id")) || str_eq(column, S("attempt_id"));
}

static bool may_filter(str column)
{
    str name;
    for (size_t i = 0; (name = report_where_name(i)).p; i++)
        if (str_eq(name, column)) return true;
    return false;
}

static bool read_value(const struct calls_where *w, int64_t *out)
{
    uint64_t id;
    *out = 0;
    if (str_eq(w->column, S("rung")) && !w->value.n) return true; /* of no ladder, as reports name it */
    if (!is_id(w->column)) return str_to_i64(w->value, out);
    if (!id_parse(w->value, &id)) return false;
    *out = (int64_t)id;
    return true;
}

static bool check(const struct calls_where *w, struct buf *why)
{
    int64_t number;
    if (!may_filter(w->column)) {
        buf_printf(why, "'%" STR_FMT "' is nothing to filter on; there are: ", STR_ARG(w->column));
        str name;
        for (size_t i = 0; (name = report_where_name(i)).p; i++)
            buf_printf(why, "%s%" STR_FMT, i ? ", " : "", STR_ARG(name));
        return false;
    }
    if (schema_attempt_is_text(schema_find_attempt_column(w->column)) || read_value(w, &number)) return true;
    buf_printf(why, "'%" STR_FMT "' is %s: '%" STR_FMT "' is none", STR_ARG(w->column),
               is_id(w->column) ? "an id of 16 hexadecimal digits" : "a number", STR_ARG(w->value));
    return false;
}

bool calls_filter_check(const struct calls_filter *f, struct buf *why)
{
    uint64_t from, until;
    if (f->where_count > CALLS_WHERE_MAX || f->feature_count > FEATURES_MAX) {
        buf_printf(why, "there are too many filters");
        return false;
    }
    for (size_t i = 0; i < f->where_count; i++)
        if (!check(&f->where[i], why)) return false;
    if (!f->id_prefix.n || id_parse_prefix(f->id_prefix, &from, &until)) return true;
    buf_printf(why, "'%" STR_FMT "' is no beginning of an id: ids are 16 hexadecimal digits", STR_ARG(f->id_prefix));
    return false;
}

int calls_scope_write(const struct calls_filter *f, int param, struct buf *sql)
{
    if (!f->scoped) return 0;
    buf_add(sql, S(" AND feature IN ("));
    for (size_t i = 0; i < f->feature_count; i++) buf_printf(sql, "%s?%d", i ? "," : "", param + (int)i);
    buf_add_byte(sql, ')');
    return (int)f->feature_count;
}

void calls_scope_bind(const struct calls_filter *f, int param, sqlite3_stmt *q)
{
    for (size_t i = 0; f->scoped && i < f->feature_count; i++) {
        str s = f->features[i];
        sqlite3_bind_text(q, param + (int)i, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
    }
}

/* Several values of one column: any of them. That a value differs stands alone: none of several. */
static bool is_same_column(const struct calls_filter *f, size_t i, size_t j)
{
    return !f->where[i].differs && !f->where[j].differs && str_eq(f->where[i].column, f->where[j].column);
}

static bool is_earlier(const struct calls_filter *f, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (is_same_column(f, j, i)) return true;
    return false;
}

/* Of tags, which are a list, any one fits, as in reports. */
static void write_condition(const struct calls_where *w, int version, int param, struct buf *sql)
{
    const char *column = schema_attempt_read(schema_find_attempt_column(w->column), version);
    if (str_eq(w->column, S("tags")))
        buf_printf(sql, "%s(tags = ?%d OR instr(',' || replace(tags, ', ', ',') || ',', ',' || ?%d || ','))",
                   w->differs ? "NOT " : "", param, param);
    else
        buf_printf(sql, "%s %s ?%d", column, w->differs ? "!=" : "=", param);
}

void calls_filter_write(const struct calls_filter *f, int version, int param, struct buf *sql)
{
    for (size_t i = 0; i < f->where_count; i++) {
        if (is_earlier(f, i)) continue;
        buf_add(sql, S(" AND ("));
        for (size_t j = i; j < f->where_count; j++) {
            if (j > i && !is_same_column(f, i, j)) continue;
            if (j > i) buf_add(sql, S(" OR "));
            write_condition(&f->where[j], version, param + (int)j, sql);
        }
        buf_add_byte(sql, ')');
    }
    param += (int)f->where_count;
    if (f->id_prefix.n) {
        buf_printf(sql, " AND (attempt_id BETWEEN ?%d AND ?%d OR call_id BETWEEN ?%d AND ?%d)", param, param + 1, param,
                   param + 1);
        param += 2;
    }
    (void)calls_scope_write(f, param, sql);
}

void calls_filter_bind(const struct calls_filter *f, int param, sqlite3_stmt *q)
{
    for (size_t i = 0; i < f->where_count; i++, param++) {
        const struct calls_where *w = &f->where[i];
        int64_t number = 0;
        if (schema_attempt_is_text(schema_find_attempt_column(w->column)))
            sqlite3_bind_text(q, param, w->value.n ? w->value.p : "", (int)w->value.n, SQLITE_STATIC);
        else if (read_value(w, &number))
            sqlite3_bind_int64(q, param, number);
    }
    uint64_t from, until;
    if (f->id_prefix.n && id_parse_prefix(f->id_prefix, &from, &until)) {
        sqlite3_bind_int64(q, param++, from > INT64_MAX ? INT64_MAX : (int64_t)from);
        sqlite3_bind_int64(q, param++, until > INT64_MAX ? INT64_MAX : (int64_t)until);
    }
    calls_scope_bind(f, param, q);
}

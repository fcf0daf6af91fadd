#include "ledger/export.h"

#include "ledger/schema.h"

enum { SLICE_ROWS = 5000, CHUNK_BYTES = 256 * 1024 };

struct exporting {
    const struct export_ask *ask;
    export_write *write;
    void *ctx;
    sqlite3_stmt *q;
    int columns;   /* of attempts, without the checksum; then usage_raw */
    int at_column; /* at_us */
    int64_t after_at_us, after_id;
    bool first;
    struct buf out;
};

/* Parameters: 1 and 2 the last row's at_us and id, 3 until_us, then the values. */
static void write_question(const struct export_ask *ask, int version, struct buf *sql)
{
    buf_add(sql, S("SELECT "));
    for (size_t i = 0; i < schema_attempt_columns(); i++) buf_printf(sql, "%s, ", schema_attempt_read(i, version));
    buf_add(sql, S("coalesce(d.usage_raw, '') FROM attempts a LEFT JOIN details d USING (attempt_id)"
                   " WHERE (a.at_us, a.attempt_id) > (?1, ?2) AND a.at_us < ?3"));
    for (size_t i = 0; i < ask->where_count; i++) {
        const char *column = schema_attempt_read(schema_find_attempt_column(ask->where[i].column), version);
        /* as text, so that numbers given on a command line compare as well */
        buf_printf(sql, " AND CAST(%s AS TEXT) = ?%d", column, (int)i + 4);
    }
    buf_printf(sql, " ORDER BY a.at_us, a.attempt_id LIMIT %d", SLICE_ROWS);
}

static bool knows_columns(const struct export_ask *ask, struct buf *why)
{
    for (size_t i = 0; i < ask->where_count; i++) {
        str column = ask->where[i].column;
        if (schema_is_attempt_column(column)) continue;
        buf_printf(why, "'%" STR_FMT "' is no column of the ledger; docs/ledger.md lists them", STR_ARG(column));
        return false;
    }
    return true;
}

static const char *column_name(const struct exporting *e, int i)
{
    return i < e->columns ? schema_attempt_column((size_t)i) : "usage_raw";
}

static void add_value(struct exporting *e, int i)
{
    if (sqlite3_column_type(e->q, i) == SQLITE_INTEGER) {
        buf_printf(&e->out, "%lld", (long long)sqlite3_column_int64(e->q, i));
        return;
    }
    const char *text = (const char *)sqlite3_column_text(e->q, i);
    str s = str_of(text, (size_t)sqlite3_column_bytes(e->q, i));
    if (e->ask->format == EXPORT_CSV)
        buf_add_csv(&e->out, s);
    else
        buf_add_json(&e->out, s);
}

static void add_row(struct exporting *e)
{
    bool csv = e->ask->format == EXPORT_CSV;
    if (e->ask->format == EXPORT_JSON && !e->first) buf_add(&e->out, S(",\n"));
    e->first = false;
    if (!csv) buf_add_byte(&e->out, '{');
    for (int i = 0; i <= e->columns; i++) {
        if (i) buf_add_byte(&e->out, ',');
        if (!csv) buf_printf(&e->out, "\"%s\":", column_name(e, i));
        add_value(e, i);
    }
    if (!csv) buf_add_byte(&e->out, '}');
    if (e->ask->format != EXPORT_JSON) buf_add_byte(&e->out, '\n');
}

static bool flush(struct exporting *e)
{
    bool ok = e->out.n == 0 || e->write(e->ctx, buf_str(&e->out));
    buf_clear(&e->out);
    return ok;
}

/* Up to SLICE_ROWS rows behind the last one. Fails: false. */
static bool export_slice(struct exporting *e, int *rows, struct buf *why)
{
    sqlite3_bind_int64(e->q, 1, e->after_at_us);
    sqlite3_bind_int64(e->q, 2, e->after_id);
    sqlite3_bind_int64(e->q, 3, e->ask->until_us);
    for (size_t i = 0; i < e->ask->where_count; i++) {
        str s = e->ask->where[i].equals;
        sqlite3_bind_text(e->q, (int)i + 4, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
    }
    int rc;
    bool ok = true;
    *rows = 0;
    while (ok && (rc = sqlite3_step(e->q)) == SQLITE_ROW) {
        ++*rows;
        e->after_id = sqlite3_column_int64(e->q, 0);
        e->after_at_us = sqlite3_column_int64(e->q, e->at_column);
        add_row(e);
        if (e->out.n >= CHUNK_BYTES) ok = flush(e);
    }
    if (ok && rc != SQLITE_DONE) {
        buf_printf(why, "the store cannot be read: %s", sqlite3_errmsg(sqlite3_db_handle(e->q)));
        ok = false;
    }
    sqlite3_reset(e->q);
    return ok;
}

static void add_head(struct exporting *e)
{
    if (e->ask->format == EXPORT_JSON) buf_add(&e->out, S("{\"rows\":[\n"));
    for (int i = 0; e->ask->format == EXPORT_CSV && i <= e->columns; i++)
        buf_printf(&e->out, "%s%s", column_name(e, i), i < e->columns ? "," : "\n");
}

bool ledger_export(const char *dir, const struct export_ask *ask, export_write *write, void *ctx, struct buf *why)
{
    struct exporting e = {.ask = ask, .write = write, .ctx = ctx, .first = true};
    struct buf sql;
    buf_init(&sql, 0);
    buf_init(&e.out, 0);
    e.columns = (int)schema_attempt_columns();
    while (strcmp(schema_attempt_column((size_t)e.at_column), "at_us") != 0) e.at_column++;
    e.after_at_us = ask->since_us;
    e.after_id = INT64_MIN;
    sqlite3 *db = knows_columns(ask, why) ? schema_open(dir, false, why) : NULL;
    if (db) write_question(ask, schema_version(db), &sql);
    if (db && sqlite3_prepare_v2(db, sql.p, (int)sql.n, &e.q, NULL) != SQLITE_OK)
        buf_printf(why, "%s/purser.db: %s", dir, sqlite3_errmsg(db));
    bool ok = e.q != NULL;
    if (ok) add_head(&e);
    for (int rows = SLICE_ROWS; ok && rows == SLICE_ROWS;) ok = export_slice(&e, &rows, why);
    if (ok && ask->format == EXPORT_JSON) buf_add(&e.out, S("\n]}\n"));
    ok = ok && flush(&e);
    sqlite3_finalize(e.q);
    sqlite3_close(db);
    buf_free(&e.out);
    buf_free(&sql);
    return ok;
}

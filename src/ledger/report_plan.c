#include "base/time.h"
#include "ledger/id.h"
#include "ledger/report_inside.h"
#include "ledger/report_series.h"

#include <stdlib.h>

static const struct dim dims[] = {
    {STR_INIT("feature"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("model"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("user"), DIM_TEXT, .by = true, .where = true, .in_day = true},
    {STR_INIT("team"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("key"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("provider"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("prompt"), DIM_TEXT, .by = true, .where = true, .in_day = true},
    {STR_INIT("task"), DIM_TEXT, .by = true, .where = true, .in_day = true},
    {STR_INIT("reason"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("day"), DIM_DAY, .by = true},
    {STR_INIT("hour"), DIM_HOUR, .by = true},
    {STR_INIT("minute"), DIM_MINUTE, .by = true},
    {STR_INIT("status"), DIM_TEXT, .by = true, .where = true, .in_hour = true},
    {STR_INIT("operation"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("service_tier"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("model_requested"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("model_answered"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("rung"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("session"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("tags"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("finish_reason"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("cost_state"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("price_source"), DIM_TEXT, .by = true, .where = true},
    {STR_INIT("provider_request_id"), DIM_TEXT, .where = true},
    {STR_INIT("http_status"), DIM_INT, .where = true},
    {STR_INIT("number"), DIM_INT, .where = true},
    {STR_INIT("streamed"), DIM_INT, .where = true},
    {STR_INIT("wasted"), DIM_INT, .where = true},
    {STR_INIT("accepted"), DIM_INT, .where = true},
    {STR_INIT("client_retries"), DIM_INT, .where = true},
    {STR_INIT("call_id"), DIM_INT, .where = true},
    {STR_INIT("attempt_id"), DIM_INT, .where = true},
};

const struct dim *dim_find(str name)
{
    for (size_t i = 0; i < COUNT_OF(dims); i++) {
        if (str_eq(dims[i].name, name)) return &dims[i];
    }
    return NULL;
}

static str nth(size_t i, bool where)
{
    for (size_t d = 0; d < COUNT_OF(dims); d++) {
        if (where ? !dims[d].where : !dims[d].by) continue;
        if (i-- == 0) return dims[d].name;
    }
    return STR_NONE;
}

str report_by_name(size_t i)
{
    return nth(i, false);
}

str report_where_name(size_t i)
{
    return nth(i, true);
}

/* ---- the question */

static void list_names(struct buf *why, bool where)
{
    str name;
    for (size_t i = 0; (name = nth(i, where)).p; i++) buf_printf(why, "%s%" STR_FMT, i ? ", " : "", STR_ARG(name));
}

static bool read_by(struct plan *p, struct buf *why)
{
    for (size_t i = 0; i < p->ask->by_count; i++) {
        str name = p->ask->by[i];
        p->by[i] = dim_find(name);
        if (!p->by[i] || !p->by[i]->by) {
            buf_printf(why, "'%" STR_FMT "' is nothing to group by; there are: ", STR_ARG(name));
            list_names(why, false);
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (p->by[j] != p->by[i]) continue;
            buf_printf(why, "'%" STR_FMT "' stands twice among what to group by", STR_ARG(name));
            return false;
        }
    }
    return true;
}

static bool is_id(str name)
{
    return str_eq(name, S("call_id")) || str_eq(name, S("attempt_id"));
}

/* Of ids as people see them; or as the columns have them. */
static bool read_number(str name, str value, int64_t *out)
{
    uint64_t id;
    if (!is_id(name) || !id_parse(value, &id)) return str_to_i64(value, out);
    *out = (int64_t)id;
    return true;
}

static bool read_where(struct plan *p, struct buf *why)
{
    for (size_t i = 0; i < p->ask->where_count; i++) {
        str name = p->ask->where[i].column, value = p->ask->where[i].equals;
        p->where[i] = dim_find(name);
        if (p->where[i] && !p->where[i]->where) {
            buf_printf(why, "'%" STR_FMT "' is no filter: a stretch of time is chosen with since and until",
                       STR_ARG(name));
            return false;
        }
        if (!p->where[i]) {
            buf_printf(why, "'%" STR_FMT "' is nothing to filter on; there are: ", STR_ARG(name));
            list_names(why, true);
            return false;
        }
        if (p->where[i]->kind == DIM_INT && !read_number(name, value, &p->where_int[i])) {
            buf_printf(why, "'%" STR_FMT "' is %s: '%" STR_FMT "' is none", STR_ARG(name),
                       is_id(name) ? "an id of 16 hexadecimal digits" : "a number", STR_ARG(value));
            return false;
        }
    }
    return true;
}

/* Which table knows all names that are asked for? */
static enum source choose(struct plan *p)
{
    const struct report_ask *ask = p->ask;
    bool hour = true, day = true;
    const struct dim *dimension = NULL;
    for (size_t i = 0; i < ask->by_count + ask->where_count; i++) {
        const struct dim *d = i < ask->by_count ? p->by[i] : p->where[i - ask->by_count];
        hour = hour && (d->in_hour || d->kind == DIM_DAY || d->kind == DIM_HOUR);
        day = day && (d->in_day || d->kind == DIM_DAY || str_eq(d->name, S("feature")));
        if (d->in_day && dimension && d != dimension) day = false;
        if (d->in_day) dimension = d;
    }
    if (hour) return SOURCE_HOUR;
    if (!day || !dimension) return SOURCE_ROWS_BY_TIME;
    p->dimension = dimension->name;
    for (size_t i = 0; i < ask->where_count; i++) p->seeks = p->seeks || p->where[i] == dimension;
    return SOURCE_DAY;
}

/* The dearest few of one name. */
static bool is_top(const struct plan *p)
{
    const struct report_ask *ask = p->ask;
    return p->main == SOURCE_DAY && !p->seeks && ask->by_count == 1 && p->by[0]->in_day && ask->limit > 0;
}

/* By which crowds are in order. */
static bool read_key(struct plan *p, sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    int rc = SQLITE_ERROR;
    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'hash_key'", -1, &q, NULL) == SQLITE_OK) {
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == (int)sizeof(p->key))
            memcpy(&p->key, sqlite3_column_blob(q, 0), sizeof(p->key));
    }
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* Fails: false with a sentence in `why`. */
static bool begin(struct plan *p, sqlite3 *db, const struct report_ask *ask, struct buf *why)
{
    *p = (struct plan){.ask = ask, .since_us = ask->since_us, .until_us = ask->until_us, .rows_from_us = INT64_MIN};
    p->version = schema_version(db);
    return read_by(p, why) && read_where(p, why);
}

static bool end(struct plan *p, sqlite3 *db, struct buf *why)
{
    if (read_key(p, db) && plan_slices(p, db)) return true;
    buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    return false;
}

bool plan_make(struct plan *p, sqlite3 *db, const struct report_ask *ask, struct buf *why)
{
    if (!begin(p, db, ask, why)) return false;
    p->main = choose(p);
    p->top = is_top(p);
    return end(p, db, why);
}

bool plan_make_rows(struct plan *p, sqlite3 *db, const struct report_ask *ask, const char *columns, struct buf *why)
{
    if (!begin(p, db, ask, why)) return false;
    p->main = SOURCE_ROWS_BY_TIME;
    p->columns = columns;
    return end(p, db, why);
}

bool report_reads_rows(const struct report_ask *ask)
{
    struct plan p = {.ask = ask};
    struct buf why;
    buf_init(&why, 0);
    bool known = read_by(&p, &why) && read_where(&p, &why);
    buf_free(&why);
    return known && choose(&p) == SOURCE_ROWS_BY_TIME;
}

void plan_free(struct plan *p)
{
    free(p->slices);
    free(p->packed);
    free(p->crowds);
    p->slices = NULL;
    p->packed = NULL;
    p->crowds = NULL;
    p->slice_count = p->slice_cap = p->packed_count = p->packed_cap = p->crowd_count = p->crowd_cap = 0;
}

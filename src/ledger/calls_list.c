#include "ledger/calls_inside.h"

#include "base/text.h"
#include "base/time.h"
#include "ledger/id.h"

enum {
    STRETCH_ROWS = 20000, /* looked through between two statements */
    TELL_EVERY = 20000,   /* steps of SQLite's machine: a millisecond or two */
};

/* ---- cursors */

str calls_cursor_format(const struct calls_cursor *c, char out[CALLS_CURSOR_TEXT + 1])
{
    id_format((uint64_t)c->at_us, out);
    id_format(c->attempt_id, out + ID_TEXT);
    return str_of(out, CALLS_CURSOR_TEXT);
}

bool calls_cursor_parse(str s, struct calls_cursor *out)
{
    uint64_t at;
    if (s.n != CALLS_CURSOR_TEXT || !id_parse(str_head(s, ID_TEXT), &at) ||
        !id_parse(str_from_at(s, ID_TEXT), &out->attempt_id))
        return false;
    out->at_us = (int64_t)at;
    return true;
}

/* ---- the walk */

struct walk {
    sqlite3 *db;
    const struct calls_ask *ask;
    struct calls_reader reader;
    struct calls_skip skip;
    struct calls_more more;
    sqlite3_stmt *rows, *bound;
    struct calls_page *page;
    size_t cap;
    int64_t since_us, from_us; /* the oldest that is asked for and there; where the walk began */
    struct calls_cursor at;    /* all from here on was looked at */
    bool full;
};

/* The rows' parameters: 1 and 2 the stretch (from, until], 3 the id of the row above at its end, 4 and 5 what a call
 * costs and takes at least, then the filter's. */
enum { PARAM_FILTER = 6 };

/* A call of several attempts may together be what none of them is alone. */
static bool write_least(struct walk *w, struct buf *sql)
{
    const struct calls_ask *a = w->ask;
    if (a->cost_from <= 0 && a->total_from_us <= 0) return true;
    buf_add(sql, S(" AND ((cost_picousd >= ?4 AND total_us >= ?5)"));
    buf_add(sql, a->single ? S(")") : S(" OR may_have_more(call_id))"));
    return a->single || calls_more_open(&w->more, w->db);
}

/* What a machine costs while it idles is a row, but nobody's call. */
static bool wants_idle(const struct calls_filter *f)
{
    for (size_t i = 0; i < f->where_count; i++)
        if (str_eq(f->where[i].column, S("reason"))) return true;
    return false;
}

static bool prepare(struct walk *w)
{
    const struct calls_filter *f = &w->ask->filter;
    const char *bound = "SELECT at_us FROM attempts INDEXED BY attempts_at WHERE at_us <= ?1 AND at_us > ?2"
                        " ORDER BY at_us DESC LIMIT 1 OFFSET ?3";
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT at_us, attempt_id, call_id FROM attempts a INDEXED BY attempts_at"
                    " WHERE at_us > ?1 AND at_us <= ?2 AND (at_us < ?2 OR attempt_id < ?3)"));
    if (!wants_idle(f)) buf_add(&sql, S(" AND reason != 'idle'"));
    calls_filter_write(f, schema_version(w->db), PARAM_FILTER, &sql);
    bool ok = write_least(w, &sql);
    buf_add(&sql, S(" ORDER BY at_us DESC, attempt_id DESC"));
    ok = ok && sqlite3_prepare_v2(w->db, sql.p, (int)sql.n, &w->rows, NULL) == SQLITE_OK &&
         sqlite3_prepare_v2(w->db, bound, -1, &w->bound, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (!ok) return false;
    calls_filter_bind(f, PARAM_FILTER, w->rows);
    if (sqlite3_bind_parameter_index(w->rows, "?5")) {
        sqlite3_bind_int64(w->rows, 4, w->ask->cost_from);
        sqlite3_bind_int64(w->rows, 5, w->ask->total_from_us);
    }
    sqlite3_bind_int64(w->bound, 3, STRETCH_ROWS);
    return calls_reader_open(&w->reader, w->db, f) && calls_skip_open(&w->skip, w->db, f);
}

static double done_of(const struct walk *w)
{
    double all = (double)w->from_us - (double)w->since_us;
    return all > 0 ? ((double)w->from_us - (double)w->at.at_us) / all : 1;
}

static int on_progress(void *walk)
{
    struct walk *w = walk;
    if (!w->ask->go_on(w->ask->ctx, done_of(w))) w->page->stopped = true;
    return w->page->stopped;
}

/* ---- a call that is found */

static struct call_row *add_row(struct walk *w)
{
    struct calls_page *p = w->page;
    if (p->count == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 64;
        struct call_row *rows = arena_alloc(&p->arena, w->cap * sizeof(*rows));
        if (p->count) memcpy(rows, p->rows, p->count * sizeof(*rows));
        p->rows = rows;
    }
    return &p->rows[p->count++];
}

/* Each call is listed once, where its first attempt is that the filter is true of. */
static bool is_first(const struct calls_read *call, uint64_t attempt_id)
{
    for (size_t i = 0; i < call->count; i++)
        if (call->attempts[i].matched) return (uint64_t)call_number(&call->attempts[i], "attempt_id") == attempt_id;
    return false;
}

static bool weighs(const struct calls_ask *a)
{
    return a->cost_from > 0 || a->total_from_us > 0;
}

/* Whether the call is listed at this place. Fails: false. */
static bool is_listed(struct walk *w, const struct calls_cursor *place, uint64_t call_id, bool *listed)
{
    const struct calls_ask *a = w->ask;
    struct calls_weight weight = {.known = false};
    *listed = a->single || (place->attempt_id == call_id && !weighs(a));
    if (*listed) return true;
    if (weighs(a) && !calls_reader_weigh(&w->reader, call_id, &weight)) return false;
    if (weighs(a) && weight.known && (weight.cost < a->cost_from || weight.total_us < a->total_from_us)) return true;
    struct calls_read call;
    struct arena scratch;
    arena_init(&scratch);
    bool ok = calls_reader_read(&w->reader, call_id, place->at_us, &scratch, &call);
    if (ok && is_first(&call, place->attempt_id)) {
        struct call_row row;
        calls_sum_up(&call, &row);
        *listed = row.cost >= a->cost_from && row.total_us >= a->total_from_us;
    }
    arena_free(&scratch);
    return ok;
}

static bool consider(struct walk *w, const struct calls_cursor *place, uint64_t call_id)
{
    const struct calls_ask *a = w->ask;
    struct calls_read call;
    bool listed = false;
    if (!is_listed(w, place, call_id, &listed)) return false;
    if (!listed) return true;
    if (a->single ? !calls_reader_read_attempt(&w->reader, place->attempt_id, &w->page->arena, &call)
                  : !calls_reader_read(&w->reader, call_id, place->at_us, &w->page->arena, &call))
        return false;
    if (!call.count) return true; /* retention was faster */
    struct call_row *row = add_row(w);
    calls_sum_up(&call, row);
    row->place = *place;
    if (a->with_attempts) row->attempts = call.attempts;
    w->full = w->page->count == a->limit;
    return true;
}

/* ---- stretches */

/* Rows in (from, until], those above `w->at` at its end left out. */
static bool walk_stretch(struct walk *w, int64_t from, int64_t until)
{
    sqlite3_bind_int64(w->rows, 1, from);
    sqlite3_bind_int64(w->rows, 2, until);
    sqlite3_bind_int64(w->rows, 3, w->at.at_us == until ? (int64_t)w->at.attempt_id : INT64_MAX);
    int rc;
    while (!w->full && (rc = sqlite3_step(w->rows)) == SQLITE_ROW) {
        struct calls_cursor place = {sqlite3_column_int64(w->rows, 0), (uint64_t)sqlite3_column_int64(w->rows, 1)};
        if (!consider(w, &place, (uint64_t)sqlite3_column_int64(w->rows, 2))) break;
        w->at = place;
    }
    bool ok = w->full || rc == SQLITE_DONE;
    sqlite3_reset(w->rows);
    if (!ok || w->full) return ok;
    w->at = (struct calls_cursor){from, INT64_MAX};
    return true;
}

/* Where a stretch that ends at `until` begins: behind so many rows, at the latest at `from`. */
static bool find_begin(struct walk *w, int64_t *from, int64_t until)
{
    sqlite3_bind_int64(w->bound, 1, until);
    sqlite3_bind_int64(w->bound, 2, *from);
    int rc = sqlite3_step(w->bound);
    if (rc == SQLITE_ROW) *from = sqlite3_column_int64(w->bound, 0);
    sqlite3_reset(w->bound);
    if (*from == until) *from = until - 1; /* very many rows of one moment stay together */
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool walk_all(struct walk *w)
{
    while (!w->full && w->at.at_us >= w->since_us) {
        int64_t from = w->since_us, until = w->at.at_us;
        bool none = false;
        if (!calls_skip_find(&w->skip, &from, &until, &none)) return false;
        if (none) break;
        from = from == INT64_MIN ? from : from - 1;
        if (!find_begin(w, &from, until) || !walk_stretch(w, from, until)) return false;
        if (w->ask->go_on && !w->full && on_progress(w)) return true;
    }
    if (!w->full) w->at = (struct calls_cursor){INT64_MIN, 0};
    return true;
}

/* Of the index, or by ids where few are asked for. NULL where there are none. */
static bool read_extent(sqlite3 *db, const char *sql, int64_t a, int64_t b, int64_t *first, int64_t *last)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok && sqlite3_bind_parameter_count(q)) {
        sqlite3_bind_int64(q, 1, a);
        sqlite3_bind_int64(q, 2, b);
    }
    ok = ok && sqlite3_step(q) == SQLITE_ROW;
    *first = INT64_MAX;
    *last = INT64_MIN;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) *first = sqlite3_column_int64(q, 0);
    if (ok && sqlite3_column_type(q, 1) != SQLITE_NULL) *last = sqlite3_column_int64(q, 1);
    sqlite3_finalize(q);
    return ok;
}

/* Ids follow each other in time: those of a long prefix are of a short while. */
static bool narrow_by_id(struct walk *w, int64_t *first, int64_t *last)
{
    enum { FEW_IDS = 1 << 28 }; /* of up to a million attempts of each worker */
    uint64_t from, until;
    str prefix = w->ask->filter.id_prefix;
    if (!prefix.n || !id_parse_prefix(prefix, &from, &until) || until - from > FEW_IDS || until > INT64_MAX ||
        !calls_has_index(w->db))
        return true;
    return read_extent(
        w->db,
        "SELECT min(at_us), max(at_us) FROM (SELECT at_us FROM attempts WHERE attempt_id BETWEEN ?1 AND ?2"
        " UNION ALL SELECT at_us FROM attempts INDEXED BY attempts_again"
        " WHERE call_id BETWEEN ?1 AND ?2 AND attempt_id != call_id)",
        (int64_t)from, (int64_t)until, first, last);
}

/* Where to begin, and where there is nothing any more. */
static bool set_ends(struct walk *w)
{
    const struct calls_ask *a = w->ask;
    int64_t first, last;
    if (!read_extent(w->db, "SELECT (SELECT min(at_us) FROM attempts), (SELECT max(at_us) FROM attempts)", 0, 0, &first,
                     &last) ||
        !narrow_by_id(w, &first, &last))
        return false;
    w->since_us = a->since_us > first ? a->since_us : first;
    w->at = (struct calls_cursor){a->until_us == INT64_MIN ? INT64_MIN : a->until_us - 1, INT64_MAX};
    if (w->at.at_us > last) w->at.at_us = last;
    if (a->after && a->after->at_us <= w->at.at_us) w->at = *a->after;
    w->from_us = w->at.at_us;
    return true;
}

/* ---- the question */

struct calls_page *calls_list(const char *dir, const struct calls_ask *ask, struct buf *why)
{
    sqlite3 *db = calls_open_store(dir, &ask->filter, why);
    if (!db) return NULL;
    struct walk w = {.db = db, .ask = ask, .page = calls_page_new()};
    bool ok = prepare(&w) && set_ends(&w);
    if (ok && ask->go_on) sqlite3_progress_handler(db, TELL_EVERY, on_progress, &w);
    bool none = ask->filter.scoped && !ask->filter.feature_count; /* nothing may be seen */
    ok = ok && (none || walk_all(&w) || w.page->stopped);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    if (!ok) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    w.page->more = !none && (w.full || w.page->stopped);
    w.page->next = w.at;
    calls_reader_close(&w.reader);
    calls_skip_close(&w.skip);
    sqlite3_finalize(w.rows);
    sqlite3_finalize(w.bound);
    sqlite3_close(db);
    calls_more_close(&w.more);
    if (ok) return w.page;
    calls_page_drop(w.page);
    return NULL;
}

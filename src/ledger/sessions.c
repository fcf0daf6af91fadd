#include "ledger/chains.h"

#include "base/hash.h"
#include "base/time.h"
#include "ledger/calls_inside.h"
#include "ledger/sql.h"

#include <stdlib.h>
#include <sys/random.h>

/* Each row of the range is read once, and added to its session in a table; or to its task, where a list of these is
 * narrowed by what rollups do not know. Stretches of rows are statements of their
 * own, so that a running server's write-ahead log can be emptied meanwhile. */

enum { SESSIONS_MAX = 500000, TELL_EVERY = 20000 };
#define STRETCH_US (6 * US_PER_HOUR)

struct gathering {
    sqlite3 *db;
    const struct chains_ask *ask;
    const char *column; /* session or task */
    sqlite3_stmt *rows;
    struct hash_key secret; /* clients choose sessions */
    struct arena arena;
    struct chain_row **slots;
    size_t slot_count, count;
    int64_t since_us, until_us, at_us; /* as far as there are rows; how far it is */
    bool ended, too_many;
};

static struct chain_row *at(struct gathering *g, str name)
{
    size_t i = hash_sip(g->secret, name.p, name.n) & (g->slot_count - 1);
    for (; g->slots[i]; i = (i + 1) & (g->slot_count - 1))
        if (str_eq(g->slots[i]->name, name)) return g->slots[i];
    if (g->count == SESSIONS_MAX) {
        g->too_many = true;
        return NULL;
    }
    struct chain_row *row = arena_zalloc(&g->arena, sizeof(*row));
    row->name = arena_str(&g->arena, name);
    row->feature = S("");
    row->sums.first_us = INT64_MAX;
    row->sums.last_us = INT64_MIN;
    g->count++;
    return g->slots[i] = row;
}

static void grow(struct gathering *g)
{
    size_t old = g->slot_count;
    struct chain_row **slots = g->slots;
    g->slot_count = old ? 2 * old : 1024;
    g->slots = mem_zalloc(g->slot_count * sizeof(void *));
    for (size_t s = 0; s < old; s++) {
        if (!slots[s]) continue;
        size_t i = hash_sip(g->secret, slots[s]->name.p, slots[s]->name.n) & (g->slot_count - 1);
        while (g->slots[i]) i = (i + 1) & (g->slot_count - 1);
        g->slots[i] = slots[s];
    }
    free(slots);
}

/* Columns: session or task, at_us, number, status, cost_state, cost_picousd, wasted, feature. */
static bool add_row(struct gathering *g)
{
    sqlite3_stmt *q = g->rows;
    if (2 * g->count >= g->slot_count) grow(g);
    struct chain_row *row = at(g, sql_text(q, 0));
    if (!row) return false;
    struct chain_sums *s = &row->sums;
    int64_t at_us = sqlite3_column_int64(q, 1), cost = sqlite3_column_int64(q, 5);
    bool wasted = sqlite3_column_int(q, 6) != 0;
    str state = sql_text(q, 4);
    bool priced = !str_eq(state, cost_state_name(COST_UNPRICED));
    s->calls += sqlite3_column_int(q, 2) == 1;
    s->attempts++;
    s->errors += !str_eq(sql_text(q, 3), S("ok"));
    s->wasted += wasted;
    s->unpriced += !priced;
    s->estimated += str_eq(state, cost_state_name(COST_ESTIMATED));
    if (priced) s->cost += cost;
    if (priced && wasted) s->wasted_cost += cost;
    if (at_us < s->first_us) s->first_us = at_us;
    if (at_us >= s->last_us) {
        str feature = sql_text(q, 7);
        s->last_us = at_us;
        if (!str_eq(feature, row->feature)) row->feature = arena_str(&g->arena, feature);
    }
    return true;
}

static int on_progress(void *gathering)
{
    struct gathering *g = gathering;
    double all = (double)g->until_us - (double)g->since_us;
    if (!g->ask->go_on(g->ask->ctx, all > 0 ? ((double)g->at_us - (double)g->since_us) / all : 1)) g->ended = true;
    return g->ended;
}

static bool prepare(struct gathering *g)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql,
               "SELECT %s, at_us, number, status, cost_state, cost_picousd, wasted, feature"
               " FROM attempts INDEXED BY attempts_at WHERE at_us >= ?1 AND at_us < ?2 AND %s != ''",
               g->column, g->column);
    calls_filter_write(&g->ask->filter, schema_version(g->db), 3, &sql);
    bool ok = sqlite3_prepare_v2(g->db, sql.p, (int)sql.n, &g->rows, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (ok) calls_filter_bind(&g->ask->filter, 3, g->rows);
    return ok;
}

static bool find_range(struct gathering *g)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT (SELECT min(at_us) FROM attempts), (SELECT max(at_us) FROM attempts)";
    bool ok = sqlite3_prepare_v2(g->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        int64_t first = sqlite3_column_int64(q, 0), last = sqlite3_column_int64(q, 1);
        g->since_us = g->ask->since_us > first ? g->ask->since_us : first;
        g->until_us = g->ask->until_us <= last ? g->ask->until_us : last + 1;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool gather(struct gathering *g)
{
    for (g->at_us = g->since_us; g->at_us < g->until_us;) {
        int64_t end;
        if (__builtin_add_overflow(g->at_us, STRETCH_US, &end) || end > g->until_us) end = g->until_us;
        sqlite3_bind_int64(g->rows, 1, g->at_us);
        sqlite3_bind_int64(g->rows, 2, end);
        int rc;
        while ((rc = sqlite3_step(g->rows)) == SQLITE_ROW)
            if (!add_row(g)) break;
        sqlite3_reset(g->rows);
        if (rc != SQLITE_DONE) return false;
        g->at_us = end;
    }
    return true;
}

static int latest_first(const void *a, const void *b)
{
    const struct chain_row *x = *(struct chain_row *const *)a, *y = *(struct chain_row *const *)b;
    if (x->sums.last_us != y->sums.last_us) return x->sums.last_us > y->sums.last_us ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static int dearest_first(const void *a, const void *b)
{
    const struct chain_row *x = *(struct chain_row *const *)a, *y = *(struct chain_row *const *)b;
    if (x->sums.cost != y->sums.cost) return x->sums.cost > y->sums.cost ? -1 : 1;
    return latest_first(a, b);
}

static struct chains_page *show(struct gathering *g)
{
    struct chains_page *p = mem_zalloc(sizeof(*p));
    struct chain_row **all = mem_alloc((g->count + 1) * sizeof(void *));
    size_t n = 0;
    for (size_t i = 0; i < g->slot_count; i++)
        if (g->slots[i]) all[n++] = g->slots[i];
    qsort(all, n, sizeof(void *), g->ask->dearest_first ? dearest_first : latest_first);
    if (n > g->ask->limit) n = g->ask->limit;
    arena_init(&p->arena);
    p->rows = arena_alloc(&p->arena, (n + 1) * sizeof(*p->rows));
    for (size_t i = 0; i < n; i++) {
        struct chain_row *row = &p->rows[p->count++];
        *row = *all[i];
        row->name = arena_str(&p->arena, row->name);
        row->feature = arena_str(&p->arena, row->feature);
    }
    free(all);
    return p;
}

static struct chains_page *list(const char *dir, const char *column, const struct chains_ask *ask, struct buf *why)
{
    struct gathering g = {.ask = ask, .column = column, .db = calls_open_store(dir, &ask->filter, why)};
    if (!g.db) return NULL;
    arena_init(&g.arena);
    bool ok = getrandom(&g.secret, sizeof(g.secret), 0) == sizeof(g.secret) && prepare(&g) && find_range(&g);
    if (ok && ask->go_on) sqlite3_progress_handler(g.db, TELL_EVERY, on_progress, &g);
    ok = ok && ((ask->filter.scoped && !ask->filter.feature_count) || gather(&g));
    sqlite3_progress_handler(g.db, 0, NULL, NULL);
    if (g.too_many)
        buf_printf(why, "there are more than %d %ss in this time: ask for less of it", SESSIONS_MAX, column);
    else if (!ok && !g.ended)
        buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(g.db));
    struct chains_page *page = ok ? show(&g) : NULL;
    sqlite3_finalize(g.rows);
    sqlite3_close(g.db);
    arena_free(&g.arena);
    free(g.slots);
    return page;
}

struct chains_page *sessions_list(const char *dir, const struct chains_ask *ask, struct buf *why)
{
    return list(dir, "session", ask, why);
}

struct chains_page *tasks_list_rows(const char *dir, const struct chains_ask *ask, struct buf *why)
{
    return list(dir, "task", ask, why);
}

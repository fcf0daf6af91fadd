#include "ledger/success.h"

#include "base/time.h"
#include "ledger/report.h"
#include "ledger/sql.h"
#include "ledger/success_inside.h"

#include <stdlib.h>

enum { GROUPS_MAX = 300000 };
/* A task that goes on for longer than this, and than it takes to be mature, counts where it is met first. */
#define LOOK_BACK_US (7 * US_PER_DAY)

/* ---- groups: of a name, a value */

static size_t place_of(const struct grouping *g, str name, str value)
{
    uint64_t hash =
        hash_sip(g->secret, name.n ? name.p : "", name.n) * 31 + hash_sip(g->secret, value.n ? value.p : "", value.n);
    return hash & (g->slot_count - 1);
}

static void put(struct grouping *g, struct success_row *row)
{
    size_t i = place_of(g, row->name, row->value);
    while (g->slots[i]) i = (i + 1) & (g->slot_count - 1);
    g->slots[i] = row;
}

static void grow(struct grouping *g)
{
    size_t old = g->slot_count;
    struct success_row **slots = g->slots;
    g->slot_count = old ? 2 * old : 256;
    g->slots = mem_zalloc(g->slot_count * sizeof(void *));
    for (size_t i = 0; i < old; i++)
        if (slots[i]) put(g, slots[i]);
    free(slots);
}

struct success_row *success_group(struct grouping *g, str name, str value)
{
    if (2 * g->count >= g->slot_count) grow(g);
    for (size_t i = place_of(g, name, value); g->slots[i]; i = (i + 1) & (g->slot_count - 1))
        if (str_eq(g->slots[i]->name, name) && str_eq(g->slots[i]->value, value)) return g->slots[i];
    g->too_many = g->count == GROUPS_MAX;
    if (g->too_many) return NULL;
    struct success_row *row = arena_zalloc(&g->out->arena, sizeof(*row));
    row->name = arena_str(&g->out->arena, name);
    row->value = arena_str(&g->out->arena, value);
    row->spend = -1;
    put(g, row);
    g->count++;
    return row;
}

bool success_sees(const struct calls_filter *scope, str feature)
{
    for (size_t i = 0; i < scope->feature_count; i++)
        if (str_eq(scope->features[i], feature)) return true;
    return !scope->scoped;
}

void success_add(struct success_row *row, __int128 cost, __int128 covered, bool success, picousd worth)
{
    row->units++;
    row->cost += cost;
    row->covered += covered;
    /* nearly all fit into 64 bits, which are turned into a floating-point number in no time */
    long double whole = cost == (int64_t)cost ? (long double)(int64_t)cost : (long double)cost;
    row->cost_squares += whole * whole;
    row->worth += worth;
    if (!success) return;
    row->successes++;
    row->success_cost += cost;
}

void success_add_sum(struct success_row *row, const struct told_sum *sum)
{
    row->units += sum->units;
    row->cost += sum->cost;
    row->covered += sum->cost;
    row->cost_squares += (long double)sum->squares;
    row->worth += sum->worth;
    if (!sum->success) return;
    row->successes += sum->units;
    row->success_cost += sum->cost;
}

static bool add_unit(struct grouping *g, const struct unit_of *u)
{
    enum success_by by = g->ask->by;
    str value = by == SUCCESS_ALL ? S("") : by == SUCCESS_FEATURE ? u->feature : u->value;
    bool conditions = g->ask->scope.where_count > 0;
    if (!success_sees(&g->ask->scope, u->feature) || (conditions && u->found && !u->matched)) return true;
    for (const struct told_outcome *o = u->outcomes; o; o = o->next) {
        if (!u->found) g->out->missing++;
        if (!u->found || u->began_us < g->out->from_us || u->began_us >= g->out->to_us) continue;
        struct success_row *row = success_group(g, o->name, value);
        if (!row) return false;
        success_add(row, u->cost, conditions ? u->covered : u->cost, o->success, o->worth);
    }
    return true;
}

static int most_units_first(const void *a, const void *b)
{
    const struct success_row *x = *(struct success_row *const *)a, *y = *(struct success_row *const *)b;
    if (x->units != y->units) return x->units > y->units ? -1 : 1;
    int order = str_cmp(x->value, y->value);
    return order ? order : str_cmp(x->name, y->name);
}

static bool add_units(struct grouping *g, const struct unit_table *units)
{
    for (size_t i = 0; i < units->slot_count; i++)
        if (units->slots[i] && !add_unit(g, units->slots[i])) return false;
    return true;
}

static void order_groups(struct grouping *g)
{
    struct success *out = g->out;
    struct success_row **all = mem_alloc((g->count + 1) * sizeof(void *));
    size_t n = 0;
    for (size_t i = 0; i < g->slot_count; i++)
        if (g->slots[i]) all[n++] = g->slots[i];
    qsort(all, n, sizeof(void *), most_units_first);
    out->count = n < g->ask->limit ? n : g->ask->limit;
    out->rows = arena_alloc(&out->arena, (out->count + 1) * sizeof(*out->rows));
    for (size_t i = 0; i < out->count; i++) out->rows[i] = *all[i];
    free(all);
}

/* ---- what was spent at all in these days */

static struct report_ask ask_spend(const struct grouping *g)
{
    const struct calls_filter *scope = &g->ask->scope;
    struct report_ask ask = {.since_us = g->out->from_us,
                             .until_us = g->out->to_us,
                             .scoped = scope->scoped,
                             .features = scope->features,
                             .feature_count = scope->feature_count,
                             .limit = 100000};
    if (g->ask->by == SUCCESS_FEATURE) ask.by[ask.by_count++] = S("feature");
    if (g->ask->by == SUCCESS_MODEL) ask.by[ask.by_count++] = S("model");
    if (g->ask->by == SUCCESS_USER) ask.by[ask.by_count++] = S("user");
    if (g->ask->by == SUCCESS_PROMPT) ask.by[ask.by_count++] = S("prompt");
    for (size_t i = 0; i < scope->where_count; i++) {
        ask.where[ask.where_count].column = scope->where[i].column;
        ask.where[ask.where_count++].equals = scope->where[i].value;
    }
    return ask;
}

static int by_value(const void *a, const void *b)
{
    return str_cmp((*(struct success_row *const *)a)->value, (*(struct success_row *const *)b)->value);
}

/* Of features, models, all: few values, which packs tell at once; and of anything under conditions. Of several names
 * each has the whole. */
static bool report_spend(struct grouping *g, const char *dir, struct buf *why)
{
    struct success *out = g->out;
    struct report_ask ask = ask_spend(g);
    if (!out->count) return true;
    struct report *r = report_run(dir, &ask, g->ask->go_on, g->ask->ctx, why);
    if (!r) return false;
    struct success_row **rows = mem_alloc(out->count * sizeof(void *));
    for (size_t i = 0; i < out->count; i++) rows[i] = &out->rows[i];
    qsort(rows, out->count, sizeof(void *), by_value);
    for (size_t i = 0; i < report_rows(r); i++) {
        char text[40];
        struct success_row key = {.value = ask.by_count ? report_key(r, i, 0, text) : S("")}, *wanted = &key;
        struct success_row **at = bsearch(&wanted, rows, out->count, sizeof(void *), by_value);
        while (at && at > rows && str_eq(at[-1]->value, key.value)) at--;
        for (; at && at < rows + out->count && str_eq((*at)->value, key.value); at++)
            (*at)->spend = report_sum(r, i, REPORT_cost);
    }
    free(rows);
    report_drop(r);
    return true;
}

/* The first day that there is, not before `from_us`. */
static bool first_day(sqlite3 *db, int64_t from_us, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, "SELECT min(day_us) FROM rollup_day", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW;
    *out = from_us;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL && sqlite3_column_int64(q, 0) > from_us)
        *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

/* Of users and prompts, of which there may be a million: those that are shown, day by day. */
static bool seek_spend(struct grouping *g, sqlite3 *db, struct buf *why)
{
    struct success *out = g->out;
    const struct calls_filter *scope = &g->ask->scope;
    sqlite3_stmt *q = NULL;
    struct buf sql;
    buf_init(&sql, 0);
    buf_add(&sql, S("SELECT cost_picousd FROM rollup_day WHERE day_us = ?1 AND dimension = ?2 AND value = ?3"));
    (void)calls_scope_write(scope, 4, &sql);
    bool ok = sqlite3_prepare_v2(db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK;
    buf_free(&sql);
    if (ok) {
        calls_scope_bind(scope, 4, q);
        sql_bind(q, 2, g->ask->by == SUCCESS_USER ? S("user") : S("prompt"));
    }
    int64_t first_us;
    ok = ok && first_day(db, out->from_us, &first_us);
    for (size_t i = 0; ok && i < out->count; i++) {
        struct success_row *row = &out->rows[i];
        row->spend = 0;
        sql_bind(q, 3, row->value);
        for (int64_t day = first_us; ok && day < out->to_us; day += US_PER_DAY) {
            sqlite3_bind_int64(q, 1, day);
            int rc;
            while ((rc = sqlite3_step(q)) == SQLITE_ROW) row->spend += sqlite3_column_int64(q, 0);
            sqlite3_reset(q);
            ok = rc == SQLITE_DONE;
        }
    }
    sqlite3_finalize(q);
    if (!ok) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    return ok;
}

static bool find_spend(struct grouping *g, const char *dir, sqlite3 *db, struct buf *why)
{
    const struct calls_filter *scope = &g->ask->scope;
    bool many = (g->ask->by == SUCCESS_USER || g->ask->by == SUCCESS_PROMPT) && !scope->where_count;
    for (size_t i = 0; i < scope->where_count; i++)
        if (scope->where[i].differs) return true; /* which no report can ask */
    return many ? seek_spend(g, db, why) : report_spend(g, dir, why);
}

/* ---- the question */

/* Whole days, of which the last is mature. */
static void set_days(struct success *out, const struct success_ask *ask)
{
    int64_t mature_us = ask->now_us - ask->mature_us, until_us = ask->until_us < mature_us ? ask->until_us : mature_us;
    out->from_us = ask->since_us <= 0 ? 0 : time_floor_us(ask->since_us, US_PER_DAY);
    out->to_us = until_us <= 0 ? 0 : time_floor_us(until_us, US_PER_DAY);
}

/* By what crowds and rollups know. */
static bool read_told(struct costing *c, struct grouping *g)
{
    struct told told = {.groups = g, .names.secret = g->secret, .features.secret = g->secret};
    bool ok = sqlite3_exec(c->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK && /* one state of it: packs come and go */
              told_read(&told, c) && told_add_tasks(&told, c);
    (void)sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL);
    c->units->too_many = told.too_many;
    told_free(&told);
    return ok;
}

static bool read_units(struct costing *c, struct grouping *g)
{
    /* a clock that goes after ours may tell an outcome before its unit began */
    bool ok = units_read(c->units, c->db, g->out->from_us - US_PER_DAY, c->ask->name);
    return ok && (!c->units->count || cost_from_rows(c)) && add_units(g, c->units);
}

static bool find_groups(struct costing *c, struct grouping *g, struct buf *why)
{
    const struct success_ask *ask = c->ask;
    struct success *out = g->out;
    bool ok = true;
    int64_t back_us = ask->mature_us > LOOK_BACK_US ? ask->mature_us : LOOK_BACK_US;
    c->from_us = out->from_us - (back_us < out->from_us ? back_us : out->from_us);
    if (out->from_us < out->to_us)
        ok = !ask->scope.where_count && (ask->by == SUCCESS_ALL || ask->by == SUCCESS_FEATURE) ? read_told(c, g)
                                                                                               : read_units(c, g);
    if (c->units->too_many)
        buf_add(why, S("there are more outcomes in this time than are read at once: ask for less of it"));
    else if (g->too_many)
        buf_printf(why, "there are more than %d values: ask for less time", GROUPS_MAX);
    else if (!ok && !c->ended && !why->n)
        buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(c->db));
    return ok && !g->too_many;
}

void success_drop(struct success *s)
{
    if (!s) return;
    arena_free(&s->arena);
    free(s);
}

struct success *success_read(const char *dir, const struct success_ask *ask, struct buf *why)
{
    struct unit_table units;
    struct success *out = mem_zalloc(sizeof(*out));
    struct costing c = {.ask = ask, .units = &units, .why = why, .db = calls_open_store(dir, &ask->scope, why)};
    struct grouping g = {.ask = ask, .out = out};
    arena_init(&out->arena);
    set_days(out, ask);
    bool ok = units_init(&units) && c.db;
    g.secret = units.secret;
    if (ok && schema_version(c.db) >= SCHEMA_STEERING) ok = find_groups(&c, &g, why);
    if (ok) order_groups(&g);
    ok = ok && (schema_version(c.db) < SCHEMA_STEERING || find_spend(&g, dir, c.db, why));
    sqlite3_close(c.db);
    units_free(&units);
    free(g.slots);
    if (ok) return out;
    success_drop(out);
    return NULL;
}

#include "base/err.h"
#include "base/time.h"
#include "ledger/report_inside.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS_MAX = 2, TELL_EVERY = 1 << 14 };

bool scan_may_go_on(struct scanner *s)
{
    struct scan *scan = s->scan;
    double done = (double)atomic_load(&scan->done) / (double)(scan->steps ? scan->steps : 1);
    if (s->tells && scan->progress.go_on && !scan->progress.go_on(scan->progress.ctx, done))
        atomic_store(&scan->failed, true);
    size_t most = scan->plan->ask->groups_max;
    if (most && s->groups.count > most && !s->why.n) {
        buf_add(&s->why, report_too_many());
        atomic_store(&scan->failed, true);
    }
    return !atomic_load(&scan->failed);
}

bool passes_tell(void *passes, double done)
{
    struct scan_passes *p = passes;
    if (p->second) done = 0.5 + done / 2;
    if (!p->second && atomic_load(p->more)) done /= 2;
    if (done > p->told) p->told = done;
    return !p->progress.go_on || p->progress.go_on(p->progress.ctx, p->told);
}

static const str damaged = STR_INIT("a rollup's histogram is damaged; 'purser ledger verify' tells more");

/* The row's key; the place behind the names. */
static int write_key(struct scanner *s, sqlite3_value **row)
{
    const struct plan *p = s->scan->plan;
    int64_t at_us = sqlite3_value_int64(row[0]);
    int place = 1;
    buf_clear(&s->key);
    for (size_t i = 0; i < p->ask->by_count; i++) {
        if (p->by[i]->kind == DIM_TEXT) {
            const char *text = (const char *)sqlite3_value_text(row[place]);
            uint32_t n = (uint32_t)sqlite3_value_bytes(row[place++]);
            buf_add(&s->key, str_of((char *)&n, sizeof(n)));
            buf_add(&s->key, str_of(text, n));
        } else {
            int64_t begin = time_floor_us(at_us, dim_step_us(p->by[i]));
            buf_add(&s->key, str_of((char *)&begin, sizeof(begin)));
        }
    }
    return place;
}

/* The group of that key; NULL beyond the ceiling. */
static struct group *group_of(struct scanner *s)
{
    if (s->last && str_eq(s->last->key, buf_str(&s->key))) return s->last;
    if (s->scan->rests && !groups_find(s->scan->wanted, buf_str(&s->key))) return &s->rest;
    if (s->scan->late && most_is_late(s, buf_str(&s->key))) return &s->rest;
    s->last = groups_at(s->to, buf_str(&s->key));
    if (!s->last) buf_add(&s->why, groups_too_many());
    return s->last;
}

/* Most counts are zero: their memory is left alone. */
static inline void bump(struct group *g, int sum, int64_t more)
{
    if (more) g->sums[sum] += more;
}

static str value_blob(sqlite3_value *v)
{
    const char *p = sqlite3_value_blob(v);
    return str_of(p, (size_t)sqlite3_value_bytes(v));
}

/* Of SCAN_SEEKS: a rollup's histograms, where its group is wanted. */
static bool add_histograms(struct scanner *s, sqlite3_value **row)
{
    int at = write_key(s, row);
    if (!groups_find(s->scan->wanted, buf_str(&s->key))) return true;
    struct group *g = group_of(s);
    if (!g) return false;
    if (spread_add_encoded(&g->latency, value_blob(row[at])) &&
        spread_add_encoded(&g->first_token, value_blob(row[at + 1])))
        return true;
    buf_add(&s->why, damaged);
    return false;
}

static bool add_rollup(struct scanner *s, sqlite3_value **row)
{
    int at = write_key(s, row);
    struct group *g = group_of(s);
    if (!g) return false;
    for (int i = 0; i < SUM_COUNT; i++) bump(g, i, sqlite3_value_int64(row[at++]));
    if (spread_add_encoded(&g->latency, value_blob(row[at])) &&
        spread_add_encoded(&g->first_token, value_blob(row[at + 1])))
        return true;
    buf_add(&s->why, damaged);
    return false;
}

static bool value_is(sqlite3_value *v, str word)
{
    const char *text = (const char *)sqlite3_value_text(v);
    return str_eq(str_of(text, (size_t)sqlite3_value_bytes(v)), word);
}

static bool add_late(struct scanner *s, bool priced, int64_t cost)
{
    struct line_rank rank = {.head.name = buf_str(&s->key), .attempts = 1};
    *(priced ? &rank.cost : &rank.unpriced_cost) = cost;
    if (lines_add_rank(s->late, &rank)) return true;
    buf_add(&s->why, groups_too_many());
    return false;
}

/* As ledger/rollup.c sums a row when it comes in. */
static bool add_row(struct scanner *s, sqlite3_value **row)
{
    enum { NUMBER, STATUS, STATE, COST, COST_MAX, SAVED, WASTED, STREAMED, TOTAL_US, FIRST_BYTE_US, UNITS };
    int at = write_key(s, row);
    struct group *g = group_of(s);
    if (!g) return false;
    row += at;
    bool ok = value_is(row[STATUS], err_info(ERR_NONE)->name);
    bool rejected = value_is(row[STATUS], err_info(ERR_NOT_ACCEPTED)->name);
    bool priced = !value_is(row[STATE], cost_state_name(COST_UNPRICED));
    bool estimated = value_is(row[STATE], cost_state_name(COST_ESTIMATED));
    int64_t cost = sqlite3_value_int64(row[COST]), first_byte_us = sqlite3_value_int64(row[FIRST_BYTE_US]);
    bool wasted = sqlite3_value_int64(row[WASTED]) != 0, streamed = sqlite3_value_int64(row[STREAMED]) != 0;
    g->sums[SUM_calls] += sqlite3_value_int64(row[NUMBER]) == 1;
    g->sums[SUM_attempts] += 1;
    bump(g, SUM_errors, !ok);
    bump(g, SUM_cost, priced ? cost : 0);
    bump(g, SUM_cost_max, priced ? sqlite3_value_int64(row[COST_MAX]) : 0);
    bump(g, SUM_wasted, wasted);
    bump(g, SUM_wasted_cost, priced && wasted ? cost : 0);
    bump(g, SUM_saved_cost, sqlite3_value_int64(row[SAVED]));
    bump(g, SUM_estimated, estimated);
    bump(g, SUM_estimated_cost, estimated ? cost : 0);
    bump(g, SUM_unpriced, !priced);
    bump(g, SUM_unpriced_cost, priced ? 0 : cost);
    for (int u = 0; u < UNIT_COUNT; u++) bump(g, SUM_UNITS + u, sqlite3_value_int64(row[UNITS + u]));
    int64_t total_us = sqlite3_value_int64(row[TOTAL_US]);
    if (total_us > 0) spread_add(&g->latency, total_us);
    if (streamed && first_byte_us > 0) spread_add(&g->first_token, first_byte_us);
    if (s->scan->plan->ask->ladder)
        rung_add_row(g, &(struct rung_row){.used = ok && !wasted,
                                           .whole = (ok && !wasted) || (rejected && !estimated),
                                           .priced = priced,
                                           .cost = cost,
                                           .units = row + UNITS,
                                           .more = row + UNITS + UNIT_COUNT});
    return g != &s->rest || !s->late || add_late(s, priced, cost);
}

static bool add_to_sink(struct scanner *s, sqlite3_value **row)
{
    str too_much = s->scan->sink->add(s->own, row);
    buf_add(&s->why, too_much);
    return !too_much.n;
}

/* The SQL function collect(...), an aggregate that takes whole rows: handing forty
 * columns to it costs half of what sqlite3_step() and sqlite3_column_...() do. */
static void collect_row(sqlite3_context *ctx, int n, sqlite3_value **row)
{
    struct scanner *s = sqlite3_user_data(ctx);
    (void)n;
    bool seeks = s->scan->want == SCAN_SEEKS;
    bool ok = s->own      ? add_to_sink(s, row)
              : seeks     ? add_histograms(s, row)
              : s->rollup ? add_rollup(s, row)
                          : add_row(s, row);
    if (ok && ++s->rows % TELL_EVERY == 0) ok = scan_may_go_on(s);
    if (!ok) sqlite3_result_error(ctx, "stopped", -1);
}

/* The SQL function wanted(time, texts that are grouped by). */
static void is_wanted(sqlite3_context *ctx, int n, sqlite3_value **row)
{
    struct scanner *s = sqlite3_user_data(ctx);
    (void)n;
    (void)write_key(s, row);
    sqlite3_result_int(ctx, groups_find(s->scan->wanted, buf_str(&s->key)) != NULL);
}

static void collect_end(sqlite3_context *ctx)
{
    sqlite3_result_null(ctx);
}

bool scanner_open(struct scanner *s, sqlite3 *db)
{
    s->db = db;
    return sqlite3_create_function_v2(db, "collect", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, s, NULL, collect_row,
                                      collect_end, NULL) == SQLITE_OK &&
           sqlite3_create_function_v2(db, "wanted", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, s, is_wanted, NULL, NULL,
                                      NULL) == SQLITE_OK;
}

/* What two threads share as they do packs: each value is in one of the parts. */
static bool scan_seeks(struct scanner *s, const struct slice *slice)
{
    const struct scan *scan = s->scan;
    sqlite3_stmt **q = &s->q[SOURCE_PACK];
    if (!*q) *q = plan_prepare_seek(scan->plan, false, s->db);
    bool ok = *q != NULL;
    for (size_t v = slice->part; ok && v < scan->value_count; v += PACK_PARTS) {
        str value = scan->values[v];
        sqlite3_bind_text(*q, 2, value.n ? value.p : "", (int)value.n, SQLITE_STATIC);
        for (size_t day = 0; ok && day < scan->plan->packed_count; day++) {
            sqlite3_bind_int64(*q, 1, scan->plan->packed[day]);
            ok = sqlite3_step(*q) == SQLITE_ROW;
            sqlite3_reset(*q);
        }
    }
    return ok;
}

/* Unless it is known, or the other thread's. */
void scan_tell_fault(struct scanner *s)
{
    if (s->why.n || atomic_load(&s->scan->failed)) return;
    buf_printf(&s->why, "the ledger cannot be read: %s", sqlite3_errmsg(s->db));
}

/* One query a slice: between two of them the store may put its WAL back. */
static bool scan_slice(struct scanner *s, const struct slice *slice)
{
    sqlite3_stmt **q = &s->q[slice->source];
    if (slice->source == SOURCE_PACK) {
        bool ok = s->scan->want == SCAN_SEEKS               ? scan_seeks(s, slice)
                  : pack_kind_is_crowd(s->scan->plan->kind) ? scan_crowds(s, slice)
                                                            : scan_packs(s, slice);
        if (ok) return true;
        scan_tell_fault(s);
        return false;
    }
    if (s->scan->want >= SCAN_HISTOGRAMS) return true; /* these came along with the sums */
    struct groups *to = slice->back ? &s->back : &s->groups;
    if (s->to != to) s->last = NULL;
    s->to = to;
    s->rollup = slice->source <= SOURCE_SEEK;
    if (!*q) *q = plan_prepare(s->scan->plan, slice->source, s->db);
    bool ok = *q != NULL;
    if (ok) {
        sqlite3_bind_int64(*q, 1, slice->from);
        sqlite3_bind_int64(*q, 2, slice->until);
        ok = sqlite3_step(*q) == SQLITE_ROW;
    }
    if (!ok) scan_tell_fault(s);
    sqlite3_reset(*q);
    return ok;
}

/* By each thread for its own: of a hundred thousand groups this is a good part of what there is to do. */
static void sum_up(struct scanner *s)
{
    for (size_t i = 0; i < s->groups.slot_count; i++)
        if (s->groups.slots[i].group) group_add(&s->totals, s->groups.slots[i].group);
    group_add(&s->totals, &s->rest);
}

void scan_finalize(struct scanner *s)
{
    for (int i = 0; i < SOURCE_COUNT; i++) {
        sqlite3_finalize(s->q[i]);
        s->q[i] = NULL;
    }
    sqlite3_finalize(s->read_row);
    s->read_row = NULL;
}

static void scan_all(struct scanner *s)
{
    const struct plan *p = s->scan->plan;
    while (!atomic_load(&s->scan->failed)) {
        size_t i = atomic_fetch_add(&s->scan->next, 1);
        if (i >= p->slice_count) break;
        if (!scan_slice(s, &p->slices[i])) {
            atomic_store(&s->scan->failed, true);
            break;
        }
        atomic_fetch_add(&s->scan->done, 1);
        if (!scan_may_go_on(s)) break;
    }
    scan_finalize(s);
    if (s->scan->want < SCAN_HISTOGRAMS) sum_up(s);
}

/* The second thread, with a connection of its own. */
static void *scan_main(void *arg)
{
    struct scanner *s = arg;
    sqlite3 *db = schema_open(s->scan->dir, false, &s->why);
    if (db && scanner_open(s, db))
        scan_all(s);
    else
        atomic_store(&s->scan->failed, true);
    sqlite3_close(db);
    return NULL;
}

void scanner_init(struct scanner *s, struct scan *scan, struct hash_key secret)
{
    *s = (struct scanner){.scan = scan};
    if (scan->sink) s->own = scan->sink->open(scan->sink->ctx);
    groups_init(&s->groups, secret);
    groups_init(&s->back, secret);
    s->to = &s->groups;
    buf_init(&s->key, 0);
    buf_init(&s->why, 0);
}

bool scanner_end(struct scanner *s, struct groups *into, struct groups *back, struct group *totals, struct buf *why)
{
    scan_finalize(s);
    bool ok = s->why.n == 0 && !atomic_load(&s->scan->failed);
    if (!ok && why->n == 0) buf_add(why, buf_str(&s->why));
    if (ok && into) {
        ok = groups_merge(into, &s->groups) && groups_merge(back, &s->back) &&
             (!s->late || lines_merge(s->scan->late->all, s->late));
        if (!ok) buf_add(why, groups_too_many());
        str too_much = ok && s->own ? s->scan->sink->merge(s->scan->sink->ctx, s->own) : STR_NONE;
        buf_add(why, too_much);
        ok = ok && !too_much.n;
        group_add(totals, &s->totals);
    }
    if (s->own) s->scan->sink->close(s->own);
    lines_drop(s->late);
    group_free(&s->rest);
    groups_free(&s->groups);
    groups_free(&s->back);
    group_free(&s->totals);
    buf_free(&s->key);
    buf_free(&s->why);
    return ok;
}

/* On one core a second thread would find each group once more, and hold all of them twice. */
static bool may_use_two(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof(cores), &cores) != 0 || CPU_COUNT(&cores) > 1;
}

bool scan_run(struct scan *scan, sqlite3 *db, struct groups *into, struct groups *back, struct group *totals,
              struct buf *why)
{
    struct scanner all[THREADS_MAX];
    pthread_t thread;
    bool two = scan->plan->slice_count > 1 && may_use_two();
    scan->steps = scan->plan->slice_count;
    for (int i = 0; i < THREADS_MAX; i++) scanner_init(&all[i], scan, into->secret);
    all[0].tells = true;
    bool ok = scan_may_go_on(&all[0]); /* before the other can be done with all of it */
    two = two && pthread_create(&thread, NULL, scan_main, &all[1]) == 0;
    if (scanner_open(&all[0], db))
        scan_all(&all[0]);
    else
        buf_printf(&all[0].why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    if (two) pthread_join(thread, NULL);
    for (int i = 0; i < THREADS_MAX; i++) ok = scanner_end(&all[i], ok ? into : NULL, back, totals, why) && ok;
    return ok;
}

bool scan_run_sink(struct scan *scan, sqlite3 *db, struct buf *why)
{
    struct groups none, back;
    struct group unasked = {0};
    groups_init(&none, (struct hash_key){0});
    groups_init(&back, (struct hash_key){0});
    bool ok = scan_run(scan, db, &none, &back, &unasked, why);
    groups_free(&none);
    groups_free(&back);
    group_free(&unasked);
    return ok;
}

#include "ledger/chains.h"

#include "base/hash.h"
#include "base/time.h"
#include "ledger/calls_inside.h"
#include "ledger/id.h"
#include "ledger/sql.h"

#include <stdlib.h>
#include <sys/random.h>

/* A task's rows in rollup_day: one for each day and feature. */
struct finder {
    sqlite3 *db;
    const struct chains_ask *ask;
    sqlite3_stmt *names, *sums; /* tasks of a day behind a name; a task's sums on a day */
    int64_t first_us, last_us;  /* days: the first and the last of the range that there are */
    struct chains_page *page;
    bool ended;
};

enum { PARAM_SCOPE = 4 };

static bool prepare(struct finder *f)
{
    struct buf names, sums;
    buf_init(&names, 0);
    buf_init(&sums, 0);
    buf_add(&names, S("SELECT DISTINCT value FROM rollup_day WHERE day_us = ?1 AND dimension = 'task' AND value > ?2"));
    (void)calls_scope_write(&f->ask->filter, PARAM_SCOPE, &names);
    buf_add(&names, S(" ORDER BY value LIMIT ?3"));
    buf_add(&sums,
            S("SELECT feature, calls, attempts, errors, wasted, estimated, unpriced, cost_picousd, wasted_picousd"
              " FROM rollup_day WHERE day_us = ?1 AND dimension = 'task' AND value = ?2"));
    (void)calls_scope_write(&f->ask->filter, PARAM_SCOPE, &sums);
    bool ok = sqlite3_prepare_v2(f->db, names.p, (int)names.n, &f->names, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(f->db, sums.p, (int)sums.n, &f->sums, NULL) == SQLITE_OK;
    buf_free(&names);
    buf_free(&sums);
    if (!ok) return false;
    calls_scope_bind(&f->ask->filter, PARAM_SCOPE, f->names);
    calls_scope_bind(&f->ask->filter, PARAM_SCOPE, f->sums);
    return true;
}

/* The days of the range, as far as there are any. */
static bool find_days(struct finder *f)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT (SELECT min(day_us) FROM rollup_day), (SELECT max(day_us) FROM rollup_day)";
    bool ok = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    f->first_us = INT64_MAX;
    f->last_us = INT64_MIN;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        int64_t first = sqlite3_column_int64(q, 0), last = sqlite3_column_int64(q, 1);
        f->first_us = f->ask->since_us > first ? time_floor_us(f->ask->since_us, US_PER_DAY) : first;
        f->last_us = last;
        if (f->ask->until_us <= first)
            f->last_us = INT64_MIN;
        else if (f->ask->until_us <= last)
            f->last_us = time_floor_us(f->ask->until_us - 1, US_PER_DAY);
    }
    sqlite3_finalize(q);
    return ok;
}

/* Adds one day's; `*dearest`: the cost of out->feature so far. */
static bool add_day(struct finder *f, int64_t day_us, struct chain_row *out, __int128 *dearest, bool *there)
{
    sqlite3_bind_int64(f->sums, 1, day_us);
    sql_bind(f->sums, 2, out->name);
    int rc;
    *there = false;
    while ((rc = sqlite3_step(f->sums)) == SQLITE_ROW) {
        struct chain_sums *s = &out->sums;
        int64_t *const counts[] = {&s->calls, &s->attempts, &s->errors, &s->wasted, &s->estimated, &s->unpriced};
        for (size_t i = 0; i < COUNT_OF(counts); i++) *counts[i] += sqlite3_column_int64(f->sums, 1 + (int)i);
        int64_t cost = sqlite3_column_int64(f->sums, 7);
        s->cost += cost;
        s->wasted_cost += sqlite3_column_int64(f->sums, 8);
        if (cost > *dearest) {
            *dearest = cost;
            out->feature = arena_str(&f->page->arena, sql_text(f->sums, 0));
        }
        *there = true;
    }
    sqlite3_reset(f->sums);
    if (*there && day_us < out->sums.first_us) out->sums.first_us = day_us;
    if (*there && day_us > out->sums.last_us) out->sums.last_us = day_us;
    return rc == SQLITE_DONE;
}

/* All days, the latest first: `*later`, and nothing more, where it was there after `newest_us`. */
static bool add_task(struct finder *f, str name, int64_t newest_us, struct chain_row *out, bool *later)
{
    __int128 dearest = -1;
    *out = (struct chain_row){.name = name, .feature = S(""), .sums = {.first_us = INT64_MAX, .last_us = INT64_MIN}};
    *later = false;
    for (int64_t day = f->last_us; day >= f->first_us; day -= US_PER_DAY) {
        bool there;
        if (!add_day(f, day, out, &dearest, &there)) return false;
        *later = there && day > newest_us;
        if (*later) return true;
    }
    return true;
}

/* ---- the latest first: each task on its last day, by name */

/* A place is a day and a name: 16 digits, then the name itself. */
static bool read_place(const struct chains_ask *ask, int64_t *day_us, str *name)
{
    uint64_t day;
    if (!ask->after.n) return true;
    if (ask->after.n < ID_TEXT || !id_parse(str_head(ask->after, ID_TEXT), &day)) return false;
    if ((int64_t)day < *day_us) *day_us = time_floor_us((int64_t)day, US_PER_DAY);
    *name = str_from_at(ask->after, ID_TEXT);
    return true;
}

static str write_place(struct finder *f, int64_t day_us, str name)
{
    char day[ID_TEXT + 1];
    id_format((uint64_t)day_us, day);
    return arena_printf(&f->page->arena, "%s%" STR_FMT, day, STR_ARG(name));
}

/* The next names of a day behind `*name`, at most 64 of them. */
static bool read_names(struct finder *f, int64_t day_us, str behind, str *names, size_t *count)
{
    enum { NAMES = 64 };
    sqlite3_bind_int64(f->names, 1, day_us);
    sql_bind(f->names, 2, behind);
    sqlite3_bind_int(f->names, 3, NAMES);
    int rc;
    *count = 0;
    while ((rc = sqlite3_step(f->names)) == SQLITE_ROW && *count < NAMES)
        names[(*count)++] = arena_str(&f->page->arena, sql_text(f->names, 0));
    sqlite3_reset(f->names);
    return rc == SQLITE_DONE || rc == SQLITE_ROW;
}

static bool goes_on(struct finder *f, int64_t day_us)
{
    double days = (double)(f->last_us - f->first_us + US_PER_DAY);
    if (f->ask->go_on && !f->ask->go_on(f->ask->ctx, (double)(day_us - f->first_us) / days)) f->ended = true;
    return !f->ended;
}

static bool list_latest(struct finder *f)
{
    struct chains_page *p = f->page;
    int64_t day = f->last_us;
    str name = S("");
    if (!read_place(f->ask, &day, &name)) return true;
    for (; day >= f->first_us; day -= US_PER_DAY, name = S("")) {
        str names[64];
        size_t count;
        do {
            if (!goes_on(f, f->last_us - day + f->first_us) || !read_names(f, day, name, names, &count)) return false;
            for (size_t i = 0; i < count; i++) {
                bool later;
                if (!add_task(f, name = names[i], day, &p->rows[p->count], &later)) return false;
                if (later || ++p->count < f->ask->limit) continue;
                p->next = write_place(f, day, name);
                return true;
            }
        } while (count == COUNT_OF(names));
    }
    return true;
}

/* ---- the dearest first: the cost of each, then all of the dearest */

enum { TASKS_MAX = 2000000 };

struct cost_of {
    str name;
    int64_t cost; /* saturates: it decides the order alone */
};

struct costs {
    struct hash_key secret; /* clients choose tasks */
    struct arena arena;
    struct cost_of *slots; /* a power of two; no name: free */
    size_t slot_count, count;
};

static struct cost_of *cost_slot(const struct costs *c, str name)
{
    size_t i = hash_sip(c->secret, name.p, name.n) & (c->slot_count - 1);
    while (c->slots[i].name.p && !str_eq(c->slots[i].name, name)) i = (i + 1) & (c->slot_count - 1);
    return &c->slots[i];
}

static void grow_costs(struct costs *c)
{
    struct costs old = *c;
    c->slot_count = old.slot_count ? 2 * old.slot_count : 1024;
    c->slots = mem_zalloc(c->slot_count * sizeof(*c->slots));
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].name.p) *cost_slot(c, old.slots[i].name) = old.slots[i];
    free(old.slots);
}

/* Fails: false beyond the ceiling. */
static bool add_cost(struct costs *c, str name, int64_t cost)
{
    if (4 * c->count >= 3 * c->slot_count) grow_costs(c);
    struct cost_of *slot = cost_slot(c, name);
    if (!slot->name.p) {
        if (c->count == TASKS_MAX) return false;
        c->count++;
        slot->name = arena_str(&c->arena, name);
    }
    if (__builtin_add_overflow(slot->cost, cost, &slot->cost)) slot->cost = INT64_MAX;
    return true;
}

static bool add_costs(struct finder *f, struct costs *c, struct buf *why)
{
    struct buf sql;
    sqlite3_stmt *q = NULL;
    buf_init(&sql, 0);
    buf_add(&sql,
            S("SELECT value, cost_picousd FROM rollup_day WHERE day_us = ?1 AND dimension = 'task' AND value > ''"));
    (void)calls_scope_write(&f->ask->filter, PARAM_SCOPE, &sql);
    bool ok = sqlite3_prepare_v2(f->db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK, few = true;
    buf_free(&sql);
    if (ok) calls_scope_bind(&f->ask->filter, PARAM_SCOPE, q);
    for (int64_t day = f->first_us; ok && few && day <= f->last_us; day += US_PER_DAY) {
        int rc;
        sqlite3_bind_int64(q, 1, day);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW && few)
            few = add_cost(c, sql_text(q, 0), sqlite3_column_int64(q, 1));
        sqlite3_reset(q);
        ok = (rc == SQLITE_DONE || !few) && goes_on(f, day);
    }
    sqlite3_finalize(q);
    if (!few) buf_printf(why, "there are more than %d tasks in this time: ask for less of it", TASKS_MAX);
    return ok && few;
}

static int dearer(const struct cost_of *a, const struct cost_of *b)
{
    return a->cost != b->cost ? (a->cost > b->cost ? -1 : 1) : str_cmp(a->name, b->name);
}

static int compare_costs(const void *a, const void *b)
{
    return dearer(a, b);
}

/* The dearest `limit` in order: each that is dearer than the last of them takes its place. */
static size_t choose_dearest(const struct costs *c, struct cost_of *out, size_t limit)
{
    size_t n = 0;
    for (size_t i = 0; i < c->slot_count; i++) {
        if (!c->slots[i].name.p) continue;
        out[n++] = c->slots[i];
        if (n < 2 * limit) continue;
        qsort(out, n, sizeof(*out), compare_costs);
        n = limit;
    }
    qsort(out, n, sizeof(*out), compare_costs);
    return n < limit ? n : limit;
}

static bool list_dearest(struct finder *f, struct buf *why)
{
    struct costs c = {.count = 0};
    size_t limit = f->ask->limit;
    arena_init(&c.arena);
    bool ok = getrandom(&c.secret, sizeof(c.secret), 0) == sizeof(c.secret) && add_costs(f, &c, why);
    if (ok) {
        struct cost_of *dearest = mem_alloc(2 * limit * sizeof(*dearest));
        size_t n = choose_dearest(&c, dearest, limit);
        for (size_t i = 0; ok && i < n; i++) {
            bool later;
            str name = arena_str(&f->page->arena, dearest[i].name);
            ok = add_task(f, name, INT64_MAX, &f->page->rows[f->page->count++], &later);
        }
        free(dearest);
    }
    free(c.slots);
    arena_free(&c.arena);
    return ok;
}

/* ---- the question */

static struct chains_page *page_new(size_t limit)
{
    struct chains_page *p = mem_zalloc(sizeof(*p));
    arena_init(&p->arena);
    p->rows = arena_alloc(&p->arena, limit * sizeof(*p->rows));
    return p;
}

void chains_page_drop(struct chains_page *page)
{
    if (!page) return;
    arena_free(&page->arena);
    free(page);
}

struct chains_page *tasks_list(const char *dir, const struct chains_ask *ask, struct buf *why)
{
    struct finder f = {.ask = ask, .db = calls_open_store(dir, &ask->filter, why)};
    if (!f.db) return NULL;
    f.page = page_new(ask->limit);
    bool ok = prepare(&f) && find_days(&f);
    bool any = f.first_us <= f.last_us && !(ask->filter.scoped && !ask->filter.feature_count);
    ok = ok && (!any || (ask->dearest_first ? list_dearest(&f, why) : list_latest(&f)));
    if (!ok && !f.ended && !why->n) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(f.db));
    sqlite3_finalize(f.names);
    sqlite3_finalize(f.sums);
    sqlite3_close(f.db);
    if (ok) return f.page;
    chains_page_drop(f.page);
    return NULL;
}

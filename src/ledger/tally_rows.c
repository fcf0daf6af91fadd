#include "ledger/tally_inside.h"

#include <stdlib.h>

/* A thread holds half as many names as both together. */
enum { HALVES = 2 };

struct own {
    struct tally_reading *r;
    struct tallies *tallies;
    struct buf key;
};

/* ---- columns: those that every tally has, then what the sums name */

#define BASE_COLUMNS ", number, cost_state, cost_picousd, saved_picousd, wasted"
enum { NUMBER, STATE, COST, SAVED, WASTED, BASES };

static const char *const columns[TALLY_SUM_COUNT] = {[TALLY_prompt_bytes] = "prompt_bytes",
                                                     [TALLY_system_bytes] = "system_bytes",
                                                     [TALLY_history_bytes] = "history_bytes",
                                                     [TALLY_retrieved_bytes] = "retrieved_bytes",
                                                     [TALLY_tools_bytes] = "tools_bytes",
#define UNIT_BOTH(unit, count, cost) [TALLY_UNITS + UNIT_##unit] = count, [TALLY_UNIT_COSTS + UNIT_##unit] = cost,
                                                     UNIT_COLUMNS(UNIT_BOTH)
#undef UNIT_BOTH
};

static bool has_sum(const struct tally_reading *r, enum tally_sum sum)
{
    for (size_t t = 0; t < r->count; t++) {
        for (size_t i = 0; i < r->asks[t].sum_count; i++)
            if (r->asks[t].sums[i] == sum) return true;
    }
    return false;
}

static void write_columns(struct tally_reading *r)
{
    buf_add(&r->columns, S(BASE_COLUMNS));
    for (enum tally_sum sum = 0; sum < TALLY_SUM_COUNT; sum++) {
        if (!columns[sum] || !has_sum(r, sum)) continue;
        buf_printf(&r->columns, ", %s", columns[sum]);
        r->sums[r->sum_count++] = sum;
    }
    buf_add_byte(&r->columns, '\0');
}

/* Where a row has it; of none: how many texts come before the other columns. */
static size_t place_of(const struct tally_reading *r, str name)
{
    size_t place = 1;
    for (size_t i = 0; i < r->rows.by_count && !str_eq(r->rows.by[i], name); i++)
        place += dim_find(r->rows.by[i])->kind == DIM_TEXT;
    return place;
}

/* ---- life */

size_t tally_entry_bytes(const struct tally_ask *ask)
{
    return sizeof(struct tally_entry) + ask->sum_count * sizeof(__int128);
}

static struct tally *tally_new(const struct tally_reading *r, const struct tally_ask *ask, size_t halves)
{
    struct tally *t = mem_zalloc(sizeof(*t));
    t->ask = ask;
    for (size_t i = 0; i < ask->by_count; i++) {
        t->by[i] = dim_find(ask->by[i]);
        if (t->by[i]->kind == DIM_TEXT) t->place[i] = place_of(r, ask->by[i]);
    }
    size_t most = ask->most ? ask->most : groups_most();
    if (ask->limit) most = (most + 1) / HALVES * halves;
    name_table_init(&t->table, r->secret, tally_entry_bytes(ask), most);
    if (ask->limit) {
        t->table.part = r->part.part;
        t->table.bits = r->part.bits;
    }
    arena_init(&t->kept);
    return t;
}

static struct tallies *tallies_new(const struct tally_reading *r, size_t halves)
{
    struct tallies *all = mem_zalloc(sizeof(*all));
    all->rows_from_us = INT64_MIN;
    for (size_t i = 0; i < r->count; i++) all->of[all->count++] = tally_new(r, &r->asks[i], halves);
    return all;
}

/* ---- rows */

static str text_of(sqlite3_value *v)
{
    const char *text = (const char *)sqlite3_value_text(v);
    return str_of(text, (size_t)sqlite3_value_bytes(v));
}

static void write_key(struct buf *key, const struct tally *t, int64_t at_us, sqlite3_value **row)
{
    buf_clear(key);
    for (size_t i = 0; i < t->ask->by_count; i++) {
        if (t->place[i]) {
            str text = text_of(row[t->place[i]]);
            uint32_t n = (uint32_t)text.n;
            buf_add(key, str_of((char *)&n, sizeof(n)));
            buf_add(key, text);
        } else {
            int64_t begin_us = time_floor_us(at_us, dim_step_us(t->by[i]));
            buf_add(key, str_of((char *)&begin_us, sizeof(begin_us)));
        }
    }
}

/* As ledger/rollup.c sums a row when it comes in. */
static void read_sums(const struct tally_reading *r, sqlite3_value **row, int64_t *v)
{
    bool priced = !str_eq(text_of(row[STATE]), cost_state_name(COST_UNPRICED));
    bool wasted = sqlite3_value_int64(row[WASTED]) != 0;
    int64_t posted = sqlite3_value_int64(row[COST]);
    v[TALLY_calls] = sqlite3_value_int64(row[NUMBER]) == 1;
    v[TALLY_attempts] = 1;
    v[TALLY_cost] = priced ? posted : 0;
    v[TALLY_unpriced_cost] = priced ? 0 : posted;
    v[TALLY_wasted] = wasted;
    v[TALLY_wasted_cost] = priced && wasted ? posted : 0;
    v[TALLY_saved_cost] = sqlite3_value_int64(row[SAVED]);
    for (size_t i = 0; i < r->sum_count; i++) {
        bool costs = r->sums[i] >= TALLY_UNIT_COSTS;
        v[r->sums[i]] = costs && !priced ? 0 : sqlite3_value_int64(row[BASES + i]);
    }
}

static str too_many(const struct tally *t)
{
    return t->ask->too_many.n ? t->ask->too_many : groups_too_many();
}

/* `*out`: NULL for a name of another part. Where there is no room for a name of the dearest, a part of them is left to
 * another reading. Fails: false beyond the ceiling. */
static bool find_entry(struct tally *t, _Atomic uint32_t *bits, str key, struct tally_entry **out)
{
    size_t place;
    while (!(place = name_table_find(&t->table, key, true))) {
        uint32_t had = t->table.bits, more = had + 1;
        if (!t->ask->limit || had == TALLY_BITS_MAX) return false;
        if (!atomic_compare_exchange_strong(bits, &had, more)) more = had; /* the other thread did */
        name_table_split(&t->table, more);
    }
    *out = place == NAME_ELSEWHERE ? NULL : name_table_at(&t->table, place - 1);
    return true;
}

static void add(__int128 *to, const struct tally_ask *ask, const int64_t *v)
{
    for (size_t s = 0; s < ask->sum_count; s++)
        if (v[ask->sums[s]]) to[s] += v[ask->sums[s]];
}

static str add_row(void *own, sqlite3_value **row)
{
    struct own *o = own;
    struct tally_reading *r = o->r;
    int64_t at_us = sqlite3_value_int64(row[0]), v[TALLY_SUM_COUNT];
    read_sums(r, row + r->place, v);
    for (size_t i = 0; i < o->tallies->count; i++) {
        struct tally *t = o->tallies->of[i];
        const struct tally_ask *ask = t->ask;
        if (at_us < ask->since_us || at_us >= ask->until_us) continue;
        write_key(&o->key, t, at_us, row);
        struct tally_entry *e;
        if (!find_entry(t, &r->bits[i], buf_str(&o->key), &e)) return too_many(t);
        if (e) add(e->sums, ask, v);
        if (ask->limit) add(t->totals, ask, v); /* of all names */
    }
    return STR_NONE;
}

/* ---- threads */

static void *open_own(void *reading)
{
    struct own *o = mem_zalloc(sizeof(*o));
    o->r = reading;
    o->tallies = tallies_new(o->r, 1);
    buf_init(&o->key, 0);
    return o;
}

static void close_own(void *own)
{
    struct own *o = own;
    tallies_drop(o->tallies);
    buf_free(&o->key);
    free(o);
}

static bool merge_tally(struct tally *to, struct tally *from, _Atomic uint32_t *bits)
{
    for (size_t s = 0; s < to->ask->sum_count; s++) to->totals[s] += from->totals[s];
    if (!to->table.count) { /* as they are: nothing came before */
        struct name_table none = to->table;
        to->table = from->table;
        to->table.most = none.most;
        from->table = none;
    }
    if (to->ask->limit) {
        name_table_split(&to->table, atomic_load(bits));
        name_table_split(&from->table, atomic_load(bits));
    }
    for (size_t i = 0; i < from->table.count; i++) {
        const struct tally_entry *more = name_table_at(&from->table, i);
        struct tally_entry *e;
        if (!find_entry(to, bits, more->head.name, &e)) return false;
        for (size_t s = 0; e && s < to->ask->sum_count; s++) e->sums[s] += more->sums[s];
    }
    return true;
}

static str merge_own(void *reading, void *own)
{
    struct tally_reading *r = reading;
    const struct tallies *from = ((struct own *)own)->tallies;
    for (size_t i = 0; i < r->count; i++)
        if (!merge_tally(r->all->of[i], from->of[i], &r->bits[i])) return too_many(r->all->of[i]);
    return STR_NONE;
}

/* ---- running */

bool tally_reading_run(struct tally_reading *r, const char *dir, sqlite3 *db, struct scan_progress progress,
                       struct buf *why)
{
    struct plan plan;
    struct scan_sink sink = {open_own, add_row, merge_own, close_own, r};
    struct scan scan = {.plan = &plan, .dir = dir, .progress = progress, .sink = &sink};
    bool none = r->rows.scoped && !r->rows.feature_count;
    buf_init(&r->columns, 0);
    write_columns(r);
    for (size_t i = 0; i < r->count; i++) atomic_store(&r->bits[i], r->part.bits);
    bool ok = plan_make_rows(&plan, db, &r->rows, r->columns.p, why);
    if (ok) {
        r->place = place_of(r, STR_NONE);
        r->all = tallies_new(r, HALVES);
        r->all->rows_from_us = plan.rows_from_us;
        ok = none || scan_run_sink(&scan, db, why);
    }
    plan_free(&plan);
    return ok;
}

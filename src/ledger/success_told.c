#include "ledger/success_inside.h"

#include "base/time.h"
#include "ledger/sql.h"
#include "ledger/told.h"

#include <stdlib.h>

/* Outcomes as they were told, as little of each as may be: there are millions of them. */

enum { TOLD_MAX = 4 << 20, TASKS_BYTES = (TOLD_MAX + 1) * sizeof(struct told_task) };

/* ---- groups, by places */

static size_t row_slot(const struct told *t, uint64_t key)
{
    size_t mask = t->row_slots - 1, at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (t->row_keys[at] && t->row_keys[at] != key) at = (at + 1) & mask;
    return at;
}

static void grow_rows(struct told *t)
{
    struct told was = *t;
    t->row_slots = was.row_slots ? 2 * was.row_slots : 256;
    t->rows = mem_alloc(t->row_slots * sizeof(*t->rows));
    t->row_keys = mem_zalloc(t->row_slots * sizeof(*t->row_keys));
    for (size_t i = 0; i < was.row_slots; i++) {
        if (!was.row_keys[i]) continue;
        size_t at = row_slot(t, was.row_keys[i]);
        t->row_keys[at] = was.row_keys[i];
        t->rows[at] = was.rows[i];
    }
    free(was.rows);
    free(was.row_keys);
}

struct success_row *told_row(struct told *t, uint32_t name, uint32_t feature)
{
    struct grouping *g = t->groups;
    uint64_t key = (uint64_t)name << 32 | (uint64_t)(feature + 1);
    if (2 * t->row_count >= t->row_slots) grow_rows(t);
    size_t at = row_slot(t, key);
    if (t->row_keys[at]) return t->rows[at];
    str value = t->features.all[feature];
    struct success_row *row = NULL;
    if (success_sees(&g->ask->scope, value))
        row = success_group(g, t->names.all[name], g->ask->by == SUCCESS_ALL ? S("") : value);
    t->row_keys[at] = key;
    t->rows[at] = row;
    t->row_count++;
    return row;
}

/* ---- tasks, in runs */

static void end_run(struct told *t, size_t first)
{
    t->runs = mem_realloc(t->runs, (t->run_count + 1) * sizeof(*t->runs));
    t->runs[t->run_count++] =
        (struct told_run){.at = &t->tasks[first], .end = &t->tasks[first], .until = &t->tasks[t->task_count]};
}

static int by_hash(const void *a, const void *b)
{
    const struct told_task *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Of rows, which come in no order. */
static void end_rows(struct told *t, size_t *first)
{
    size_t count = t->task_count - *first;
    if (!count) return;
    qsort(&t->tasks[*first], count, sizeof(*t->tasks), by_hash);
    end_run(t, *first);
    *first = t->task_count;
}

/* ---- one after the other */

/* Fails: false, it is ended or there are too many. */
static bool count_outcome(struct told *t, struct costing *c)
{
    t->too_many = ++t->outcomes > TOLD_MAX;
    return !t->too_many && (t->outcomes % 4096 != 0 || cost_goes_on(c, 0));
}

/* Its places are those of `t`. */
static bool add_call(struct told *t, struct costing *c, const struct told_call *one)
{
    struct success *out = t->groups->out;
    struct calls_weight weight = {.known = true, .attempts = 1, .began_us = one->began_us, .cost = one->cost};
    if (!count_outcome(t, c) || (!one->weighed && !calls_reader_weigh(&c->calls, one->call_id, &weight))) return false;
    if (!weight.known || !weight.attempts) {
        out->missing += success_sees(&t->groups->ask->scope, t->features.all[one->feature]);
        return true;
    }
    if (weight.began_us < out->from_us || weight.began_us >= out->to_us) return true;
    struct success_row *row = told_row(t, one->name, one->feature);
    if (row) success_add(row, weight.cost, weight.cost, one->success, one->worth);
    return true;
}

/* ---- of days that are not packed */

static bool add_row(struct told *t, struct costing *c, sqlite3_stmt *q, size_t *first)
{
    struct told_one one;
    told_read_row(q, t->key, &one);
    uint32_t name = texts_place(&t->names, one.name);
    if (!one.task_hash)
        return add_call(t, c,
                        &(struct told_call){.name = name,
                                            .feature = texts_place(&t->features, one.feature),
                                            .success = one.success,
                                            .worth = one.worth,
                                            .call_id = one.call_id});
    t->tasks[t->task_count++] =
        (struct told_task){.hash = one.task_hash, .worth = one.worth, .name = name, .success = one.success};
    if (t->task_count - *first == RUN_MAX) end_rows(t, first);
    return count_outcome(t, c);
}

static bool read_rows(struct told *t, struct costing *c, sqlite3_stmt *q, int64_t from_us, int64_t until_us)
{
    size_t first = t->task_count;
    int rc = SQLITE_DONE;
    bool ok = true;
    if (from_us >= until_us) return true;
    sqlite3_bind_int64(q, 1, from_us);
    sqlite3_bind_int64(q, 2, until_us);
    sql_bind(q, 3, c->ask->name);
    while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW) ok = add_row(t, c, q, &first);
    sqlite3_reset(q);
    end_rows(t, &first);
    return ok && rc == SQLITE_DONE;
}

/* ---- of packs */

struct reading {
    struct told *told;
    struct costing *c;
    sqlite3_stmt *packs, *summed, *rows;
    struct told_pack pack;
    uint32_t *names, *features; /* places in `told` of those of the pack */
};

/* Looked up once a pack. */
static uint32_t *places_of(struct texts *t, struct arena *arena, const str *texts, uint32_t count)
{
    uint32_t *places = arena_alloc(arena, (count + 1) * sizeof(*places));
    for (uint32_t i = 0; i < count; i++) places[i] = texts_place(t, texts[i]);
    return places;
}

static bool is_asked(const struct reading *r, uint32_t name)
{
    str asked = r->c->ask->name;
    return !asked.n || str_eq(asked, r->pack.names[name]);
}

/* These four end early with PACK_ENTRY: it is ended, there are too many, or the store cannot be read. */
static enum pack_step add_tasks(struct reading *r)
{
    struct told *t = r->told;
    size_t first = t->task_count;
    bool all = !r->c->ask->name.n, ok = true;
    enum pack_step step;
    while (ok && (step = told_next_task(&r->pack, &t->tasks[t->task_count])) == PACK_ENTRY) {
        struct told_task *one = &t->tasks[t->task_count];
        if (!all && !is_asked(r, one->name)) continue;
        one->name = r->names[one->name];
        t->task_count++;
        ok = count_outcome(t, r->c);
    }
    end_run(t, first);
    return step;
}

/* `whole`: of all calls in the sums it is asked what came of them; their sums are added. */
static enum pack_step add_sums(struct reading *r, bool whole)
{
    struct told_sum sum;
    enum pack_step step;
    while ((step = told_next_sum(&r->pack, &sum)) == PACK_ENTRY) {
        if (!whole || !is_asked(r, sum.name)) continue;
        struct success_row *row = told_row(r->told, r->names[sum.name], r->features[sum.feature]);
        if (row) success_add_sum(row, &sum);
    }
    return step;
}

static enum pack_step add_calls(struct reading *r)
{
    struct told_call one;
    enum pack_step step;
    bool ok = true;
    while (ok && (step = told_next_call(&r->pack, &one)) == PACK_ENTRY) {
        if (!is_asked(r, one.name)) continue;
        one.name = r->names[one.name];
        one.feature = r->features[one.feature];
        ok = add_call(r->told, r->c, &one);
    }
    return step;
}

static enum pack_step add_summed(struct reading *r, int64_t day_us)
{
    enum pack_step step = PACK_BAD;
    sqlite3_bind_int64(r->summed, 1, day_us);
    if (sqlite3_step(r->summed) == SQLITE_ROW) {
        const char *p = sqlite3_column_blob(r->summed, 0);
        if (told_open_summed(&r->pack, str_of(p, (size_t)sqlite3_column_bytes(r->summed, 0)))) step = add_calls(r);
    }
    sqlite3_reset(r->summed);
    return step;
}

static bool read_pack(struct reading *r, str body, int64_t day_us)
{
    const struct success *out = r->told->groups->out;
    struct arena arena;
    arena_init(&arena);
    enum pack_step step = PACK_BAD;
    if (told_open(&r->pack, &arena, body, day_us)) {
        r->names = places_of(&r->told->names, &arena, r->pack.names, r->pack.name_count);
        r->features = places_of(&r->told->features, &arena, r->pack.features, r->pack.feature_count);
        bool whole = r->pack.sums && r->pack.first_us >= out->from_us && r->pack.last_us < out->to_us;
        step = add_tasks(r);
        if (step == PACK_END) step = add_sums(r, whole);
        if (step == PACK_END) step = add_calls(r);
        if (step == PACK_END && r->pack.summed && !whole) step = add_summed(r, day_us);
    }
    arena_free(&arena);
    if (step == PACK_BAD) buf_add(r->c->why, S("a packed day is damaged; 'purser ledger verify' tells more"));
    return step == PACK_END;
}

static bool each_day(struct reading *r, int64_t since_us)
{
    int rc = SQLITE_DONE;
    bool ok = true;
    sqlite3_bind_int64(r->packs, 1, since_us);
    while (ok && (rc = sqlite3_step(r->packs)) == SQLITE_ROW) {
        int64_t day_us = sqlite3_column_int64(r->packs, 0);
        const char *p = sqlite3_column_blob(r->packs, 1);
        str body = str_of(p, (size_t)sqlite3_column_bytes(r->packs, 1));
        if (!told_has_all(body)) continue;
        ok = read_rows(r->told, r->c, r->rows, since_us, day_us) && read_pack(r, body, day_us);
        since_us = day_us + US_PER_DAY;
    }
    return ok && rc == SQLITE_DONE && read_rows(r->told, r->c, r->rows, since_us, INT64_MAX);
}

static bool read_days(struct told *t, struct costing *c, int64_t since_us)
{
    struct reading r = {.told = t, .c = c};
    const char *packs =
        "SELECT day_us, body FROM packs WHERE kind = 'told' AND part = 0 AND day_us >= ? ORDER BY day_us";
    const char *summed = "SELECT body FROM packs WHERE kind = 'told' AND part = 1 AND day_us = ?";
    bool ok = sqlite3_prepare_v2(c->db, packs, -1, &r.packs, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(c->db, summed, -1, &r.summed, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(c->db, told_rows_sql, -1, &r.rows, NULL) == SQLITE_OK && each_day(&r, since_us);
    sqlite3_finalize(r.packs);
    sqlite3_finalize(r.summed);
    sqlite3_finalize(r.rows);
    return ok;
}

static bool read_key(sqlite3 *db, struct hash_key *key)
{
    sqlite3_stmt *q = NULL;
    int rc = SQLITE_ERROR;
    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'hash_key'", -1, &q, NULL) == SQLITE_OK) {
        rc = sqlite3_step(q);
        if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == (int)sizeof(*key))
            memcpy(key, sqlite3_column_blob(q, 0), sizeof(*key));
    }
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

bool told_read(struct told *t, struct costing *c)
{
    static const struct calls_filter any = {0};
    if (!read_key(c->db, &t->key)) return false;
    t->tasks = mem_map_large(TASKS_BYTES);
    /* a clock that goes after ours may tell an outcome before its unit began */
    bool ok = calls_reader_open(&c->calls, c->db, &any) && read_days(t, c, t->groups->out->from_us - US_PER_DAY);
    calls_reader_close(&c->calls);
    return ok && !t->groups->too_many;
}

void told_free(struct told *t)
{
    mem_unmap(t->tasks, TASKS_BYTES);
    free(t->runs);
    texts_free(&t->names);
    texts_free(&t->features);
    free(t->rows);
    free(t->row_keys);
}

#include "ledger/success_inside.h"

#include "base/time.h"
#include "ledger/sql.h"

#include <stdlib.h>

enum { SPENT_MAX = 16 << 20, FEW_ROWS = 1 << 16, WANTED_BITS = 1 << 23 };

/* ---- rows */

static uint32_t bit_of(uint64_t hash)
{
    return (uint32_t)(hash >> 16) % WANTED_BITS;
}

static void note_wanted(struct spending *s)
{
    s->wanted = mem_zalloc(WANTED_BITS / 8);
    for (size_t i = 0; i < s->told->task_count; i++) {
        uint32_t bit = bit_of(s->told->tasks[i].hash);
        s->wanted[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static bool is_wanted(struct spending *s, uint64_t hash)
{
    if (!s->wanted && s->spent > FEW_ROWS) note_wanted(s);
    return !s->wanted || s->wanted[bit_of(hash) / 64] >> bit_of(hash) % 64 & 1;
}

static int by_hash(const void *a, const void *b)
{
    const struct spent *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static struct spent_run *begin_run(struct spending *s)
{
    s->runs = mem_realloc(s->runs, (s->run_count + 1) * sizeof(*s->runs));
    struct spent_run *run = &s->runs[s->run_count++];
    *run = (struct spent_run){.all = mem_alloc(RUN_MAX * sizeof(*run->all))};
    return run;
}

static void end_run(struct spent_run *run)
{
    qsort(run->all, run->count, sizeof(*run->all), by_hash);
    run->all = mem_realloc(run->all, (run->count + 1) * sizeof(*run->all)); /* gives back what it has no use for */
}

/* Fails: false beyond the ceiling. */
static bool add_row(struct spending *s, struct spent_run **run, const struct spent *row)
{
    if (!is_wanted(s, row->hash)) return true;
    if (++s->spent > SPENT_MAX) {
        s->told->too_many = true;
        return false;
    }
    if (!*run) *run = begin_run(s);
    (*run)->all[(*run)->count++] = *row;
    if ((*run)->count < RUN_MAX) return true;
    end_run(*run);
    *run = NULL;
    return true;
}

static bool read_rows(struct spending *s, sqlite3_stmt *q, int64_t day_us)
{
    struct spent_run *run = NULL;
    bool ok = true;
    int rc = SQLITE_DONE;
    sqlite3_bind_int64(q, 1, day_us);
    while (ok && (rc = sqlite3_step(q)) == SQLITE_ROW)
        ok = add_row(s, &run,
                     &(struct spent){.hash = crowd_hash(s->told->key, sql_text(q, 0)),
                                     .cost = sqlite3_column_int64(q, 2),
                                     .day_us = day_us,
                                     .feature = texts_place(&s->told->features, sql_text(q, 1))});
    sqlite3_reset(q);
    if (run) end_run(run);
    return ok && rc == SQLITE_DONE;
}

/* ---- heads of crowds */

static str body_of(sqlite3_stmt *q, int column)
{
    const char *p = sqlite3_column_blob(q, column);
    return str_of(p, (size_t)sqlite3_column_bytes(q, column));
}

/* Copies. Fails: false where it is damaged. */
static bool add_head(struct spending *s, struct spent_heads *to, str body, int64_t day_us)
{
    struct spent_head h = {.day_us = day_us};
    s->damaged = !crowd_open(&h.crowd, &to->arena, arena_str(&to->arena, body));
    if (s->damaged) return false;
    h.places = h.crowd.feature_places;
    h.costs = h.crowd.costs;
    h.features = arena_alloc(&to->arena, (h.crowd.feature_count + 1) * sizeof(*h.features));
    for (uint32_t i = 0; i < h.crowd.feature_count; i++)
        h.features[i] = texts_place(&s->told->features, h.crowd.features[i]);
    if (to->count == to->cap) {
        to->cap = to->cap ? 2 * to->cap : 64;
        to->all = mem_realloc(to->all, to->cap * sizeof(*to->all));
    }
    to->all[to->count++] = h;
    return true;
}

bool spent_begin_part(struct spending *s, uint32_t part, bool wanted)
{
    size_t day = 0;
    int rc = SQLITE_DONE;
    bool ok = true;
    arena_free(&s->large.arena);
    s->large.count = 0;
    if (!s->day_count || !wanted) return true;
    sqlite3_bind_int64(s->part, 1, part);
    sqlite3_bind_int64(s->part, 2, s->days[0]);
    while (ok && (rc = sqlite3_step(s->part)) == SQLITE_ROW) {
        int64_t day_us = sqlite3_column_int64(s->part, 0);
        while (day < s->day_count && s->days[day] < day_us) day++;
        if (day == s->day_count) break;
        if (s->days[day] == day_us) ok = add_head(s, &s->large, body_of(s->part, 1), day_us);
    }
    sqlite3_reset(s->part);
    return ok && (rc == SQLITE_DONE || rc == SQLITE_ROW);
}

/* ---- days */

/* The head that a crowd has in any case says whether it is small. `*packed`: there is one. */
static bool read_first_head(struct spending *s, sqlite3_stmt *q, int64_t day_us, bool *packed)
{
    struct arena arena;
    struct crowd_head head;
    sqlite3_bind_int64(q, 1, day_us);
    int rc = sqlite3_step(q);
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    *packed = rc == SQLITE_ROW;
    arena_init(&arena);
    if (*packed) {
        s->damaged = !crowd_open(&head, &arena, body_of(q, 0));
        ok = !s->damaged;
        if (ok && head.heads == 1) ok = add_head(s, &s->small, body_of(q, 0), day_us);
        if (ok && head.heads > 1) {
            s->days = mem_realloc(s->days, (s->day_count + 1) * sizeof(*s->days));
            s->days[s->day_count++] = day_us;
        }
    }
    arena_free(&arena);
    sqlite3_reset(q);
    return ok;
}

static bool read_days(struct spending *s, sqlite3_stmt *heads, sqlite3_stmt *rows)
{
    const char *extent = "SELECT (SELECT min(day_us) FROM rollup_day), (SELECT max(day_us) FROM rollup_day)";
    int64_t first, last;
    bool ok = cost_read_extent(s->c->db, extent, &first, &last);
    if (ok && first < s->c->from_us) first = time_floor_us(s->c->from_us, US_PER_DAY);
    for (int64_t day = first; ok && day <= last; day += US_PER_DAY) {
        bool packed;
        ok = read_first_head(s, heads, day, &packed) && (packed || read_rows(s, rows, day)) && cost_goes_on(s->c, 0);
    }
    return ok;
}

bool spent_open(struct spending *s, struct told *t, struct costing *c)
{
    sqlite3_stmt *heads = NULL, *rows = NULL;
    const char *head = "SELECT body FROM packs WHERE kind = 'task.1' AND part = 0 AND day_us = ?1",
               *part = "SELECT day_us, body FROM packs WHERE kind = 'task.1' AND part = ?1 AND day_us >= ?2"
                       " ORDER BY day_us",
               *row = "SELECT value, feature, cost_picousd FROM rollup_day"
                      " WHERE day_us = ?1 AND dimension = 'task' AND value > ''";
    *s = (struct spending){.told = t, .c = c};
    bool ok = sqlite3_prepare_v2(c->db, part, -1, &s->part, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(c->db, head, -1, &heads, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(c->db, row, -1, &rows, NULL) == SQLITE_OK && read_days(s, heads, rows);
    sqlite3_finalize(heads);
    sqlite3_finalize(rows);
    return ok;
}

void spent_close(struct spending *s)
{
    sqlite3_finalize(s->part);
    for (size_t i = 0; i < s->run_count; i++) free(s->runs[i].all);
    arena_free(&s->small.arena);
    arena_free(&s->large.arena);
    free(s->small.all);
    free(s->large.all);
    free(s->runs);
    free(s->days);
    free(s->wanted);
    free(s->taken);
}

/* ---- in the order of hashes */

/* Where the next of so many goes. */
static struct spent *room(struct spending *s, size_t count, size_t more)
{
    if (count + more > s->taken_cap) {
        s->taken_cap = 2 * (count + more);
        s->taken = mem_realloc(s->taken, s->taken_cap * sizeof(*s->taken));
    }
    return &s->taken[count];
}

static uint32_t head_end(const struct spent_head *h, uint64_t last)
{
    uint32_t end = h->at;
    while (end < h->crowd.count && crowd_hash_at(&h->crowd, end) <= last) end++;
    return end;
}

static bool take_head(struct spending *s, struct spent_head *h, uint64_t first, uint64_t last, size_t *count)
{
    bool no_places = !h->crowd.feature_places.n, no_costs = !h->crowd.costs.n, ok = true;
    uint32_t end = head_end(h, last);
    struct spent *to = room(s, *count, end - h->at);
    str places = h->places, costs = h->costs;
    *count += end - h->at;
    for (; h->at < end && ok; h->at++) {
        uint64_t hash = crowd_hash_at(&h->crowd, h->at), place, cost;
        ok = hash >= first && crowd_next(&places, no_places, &place) && crowd_next(&costs, no_costs, &cost) &&
             place < h->crowd.feature_count;
        if (ok) *to++ = (struct spent){hash, varint_unfold(cost), h->day_us, h->features[place]};
    }
    h->places = places;
    h->costs = costs;
    s->damaged = !ok;
    return ok;
}

static bool take_heads(struct spending *s, struct spent_heads *heads, uint64_t first, uint64_t last, size_t *count)
{
    bool ok = true;
    for (size_t i = 0; ok && i < heads->count; i++) ok = take_head(s, &heads->all[i], first, last, count);
    return ok;
}

bool spent_take(struct spending *s, uint64_t first, uint64_t last, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        struct spent_run *run = &s->runs[i];
        for (; run->at < run->count && run->all[run->at].hash <= last; run->at++)
            *room(s, (*count)++, 1) = run->all[run->at];
    }
    return take_heads(s, &s->small, first, last, count) && take_heads(s, &s->large, first, last, count);
}

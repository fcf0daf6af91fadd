#include "ledger/mix_inside.h"

#include "base/hash.h"
#include "base/time.h"
#include "ledger/report.h"
#include "ledger/store.h"

#include <stdlib.h>
#include <sys/random.h>

static const str names[] = {STR_INIT("feature"), STR_INIT("prompt"), STR_INIT("model"), STR_INIT("provider"),
                            STR_INIT("key"),     STR_INIT("team"),   STR_INIT("day")};

static bool keeps(str name)
{
    for (size_t i = 0; i + 1 < COUNT_OF(names); i++)
        if (str_eq(name, names[i])) return true;
    return false;
}

static bool is_filter(str name)
{
    str known;
    for (size_t i = 0; (known = report_where_name(i)).p; i++)
        if (str_eq(name, known)) return true;
    return false;
}

static bool check(const struct mix_ask *ask, struct buf *why)
{
    for (size_t i = 0; i < ask->by_count; i++) {
        str name = ask->by[i];
        if (keeps(name) || str_eq(name, S("day"))) continue;
        buf_printf(why, "'%" STR_FMT "' is nothing that the mix is kept by; there are: ", STR_ARG(name));
        for (size_t n = 0; n < COUNT_OF(names); n++) buf_printf(why, "%s%" STR_FMT, n ? ", " : "", STR_ARG(names[n]));
        return false;
    }
    for (size_t i = 0; i < ask->where_count; i++) {
        str name = ask->where[i].column, known;
        if (is_filter(name)) continue;
        buf_printf(why, "'%" STR_FMT "' is nothing to filter on; there are: ", STR_ARG(name));
        for (size_t n = 0; (known = report_where_name(n)).p; n++)
            buf_printf(why, "%s%" STR_FMT, n ? ", " : "", STR_ARG(known));
        return false;
    }
    return true;
}

/* Else rollup_mix has the answer. */
bool mix_reads_rows(const struct mix_ask *ask)
{
    for (size_t i = 0; i < ask->where_count; i++)
        if (!keeps(ask->where[i].column)) return true;
    return false;
}

/* ---- the question */

#define MIX_COLUMN(field, column, what)      ", " column
#define UNIT_BOTH_COLUMNS(unit, count, cost) ", " count ", " cost

static void write_query(struct buf *sql, const struct mix_ask *ask)
{
    buf_add(sql, S("SELECT day_us"));
    for (size_t i = 0; i < ask->by_count; i++) {
        if (!str_eq(ask->by[i], S("day"))) buf_printf(sql, ", \"%" STR_FMT "\"", STR_ARG(ask->by[i]));
    }
    buf_add(sql, S(MIX_MEASURES(MIX_COLUMN) UNIT_COLUMNS(UNIT_BOTH_COLUMNS) " FROM rollup_mix"
                                                                            " WHERE day_us >= ? AND day_us < ?"));
    for (size_t i = 0; i < ask->where_count; i++) {
        bool before = false;
        for (size_t j = 0; j < i; j++) before = before || str_eq(ask->where[j].column, ask->where[i].column);
        if (before) continue;
        buf_printf(sql, " AND \"%" STR_FMT "\" IN (", STR_ARG(ask->where[i].column));
        for (size_t j = i, n = 0; j < ask->where_count; j++) {
            if (str_eq(ask->where[j].column, ask->where[i].column)) buf_printf(sql, "%s?%zu", n++ ? ", " : "", 3 + j);
        }
        buf_add_byte(sql, ')');
    }
    if (!ask->scoped) return;
    buf_add(sql, S(" AND feature IN ("));
    for (size_t i = 0; i < ask->feature_count; i++) buf_printf(sql, "%s?%zu", i ? ", " : "", 3 + ask->where_count + i);
    buf_add_byte(sql, ')');
}

static void bind_text(sqlite3_stmt *q, size_t at, str s)
{
    sqlite3_bind_text(q, (int)at, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
}

static sqlite3_stmt *prepare(sqlite3 *db, const struct mix_ask *ask)
{
    struct buf sql;
    sqlite3_stmt *q = NULL;
    buf_init(&sql, 0);
    write_query(&sql, ask);
    if (sqlite3_prepare_v2(db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK) {
        sqlite3_bind_int64(q, 1, time_floor_us(ask->since_us, US_PER_DAY));
        sqlite3_bind_int64(q, 2, ask->until_us);
        for (size_t i = 0; i < ask->where_count; i++) bind_text(q, 3 + i, ask->where[i].equals);
        for (size_t i = 0; ask->scoped && i < ask->feature_count; i++)
            bind_text(q, 3 + ask->where_count + i, ask->features[i]);
    }
    buf_free(&sql);
    return q;
}

/* ---- the answer */

/* Rows by the names that are asked for: places in m->rows from 1, by hash; 0: free. */
struct mix_table {
    struct mix *m;
    const struct mix_ask *ask;
    struct hash_key secret; /* clients choose prompts */
    uint32_t *slots;
    size_t slot_count, cap;
    struct buf key;
};

static str column_str(sqlite3_stmt *q, int at)
{
    const char *text = (const char *)sqlite3_column_text(q, at);
    return str_of(text, (size_t)sqlite3_column_bytes(q, at));
}

static bool is_same(const struct mix_table *t, const struct mix_row *a, const struct mix_row *b)
{
    if (a->day_us != b->day_us) return false;
    for (size_t i = 0; i < t->ask->by_count; i++) {
        if (!str_eq(a->by[i], b->by[i])) return false;
    }
    return true;
}

static uint32_t *slot_of(struct mix_table *t, const struct mix_row *row)
{
    buf_clear(&t->key);
    buf_add(&t->key, str_of((const char *)&row->day_us, sizeof(row->day_us)));
    for (size_t i = 0; i < t->ask->by_count; i++) {
        buf_add(&t->key, str_of((const char *)&row->by[i].n, sizeof(row->by[i].n)));
        buf_add(&t->key, row->by[i]);
    }
    size_t at = hash_sip(t->secret, t->key.p, t->key.n) & (t->slot_count - 1);
    while (t->slots[at] && !is_same(t, &t->m->rows[t->slots[at] - 1], row)) at = (at + 1) & (t->slot_count - 1);
    return &t->slots[at];
}

static void grow(struct mix_table *t)
{
    t->cap = t->cap ? t->cap * 2 : 64;
    t->m->rows = mem_realloc(t->m->rows, t->cap * sizeof(*t->m->rows));
    t->slot_count = t->cap * 2;
    free(t->slots);
    t->slots = mem_zalloc(t->slot_count * sizeof(*t->slots));
    for (size_t i = 0; i < t->m->count; i++) *slot_of(t, &t->m->rows[i]) = (uint32_t)i + 1;
}

/* The sums of this row's names, made where they are missing; NULL beyond the ceiling. */
static struct mix_sums *sums_of(struct mix_table *t, const struct mix_row *names_of)
{
    struct mix *m = t->m;
    if (m->count == t->cap) grow(t);
    uint32_t *slot = slot_of(t, names_of);
    if (*slot) return &m->rows[*slot - 1].sums;
    if (m->count == MIX_ROWS_MAX) return NULL;
    struct mix_row *row = &m->rows[m->count++];
    *row = *names_of;
    for (size_t i = 0; i < t->ask->by_count; i++) row->by[i] = arena_str(&m->arena, row->by[i]);
    *slot = (uint32_t)m->count;
    return &row->sums;
}

/* Adds the row that the statement stands on. Fails: false beyond the ceiling. */
static bool take_row(struct mix_table *t, sqlite3_stmt *q)
{
    struct mix_row row = {0};
    int at = 1;
    for (size_t i = 0; i < t->ask->by_count; i++) {
        if (str_eq(t->ask->by[i], S("day")))
            row.day_us = sqlite3_column_int64(q, 0);
        else
            row.by[i] = column_str(q, at++);
    }
    struct mix_sums *sums = sums_of(t, &row), *totals = &t->m->totals;
    if (!sums) return false;
    for (int i = 0; i < MIX_SUM_COUNT; i++) {
        int64_t v = sqlite3_column_int64(q, at++);
        sums->of[i] += v;
        totals->of[i] += v;
    }
    for (int u = 0; u < UNIT_COUNT; u++) {
        int64_t count = sqlite3_column_int64(q, at++), cost = sqlite3_column_int64(q, at++);
        sums->units[u] += count;
        totals->units[u] += count;
        sums->cost_by_unit[u] += cost;
        totals->cost_by_unit[u] += cost;
    }
    return true;
}

void mix_tell_too_many(struct buf *why)
{
    buf_printf(why, "there are more than %d combinations: group by fewer names, or ask for a shorter time",
               MIX_ROWS_MAX);
}

static bool read_all(struct mix_table *t, sqlite3 *db, struct buf *why)
{
    sqlite3_stmt *q = prepare(db, t->ask);
    int rc = q ? SQLITE_ROW : SQLITE_ERROR;
    bool fits = true;
    while (fits && rc == SQLITE_ROW && (rc = sqlite3_step(q)) == SQLITE_ROW) fits = take_row(t, q);
    if (!fits)
        mix_tell_too_many(why);
    else if (rc != SQLITE_DONE)
        buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    sqlite3_finalize(q);
    return fits && rc == SQLITE_DONE;
}

static bool ask_whole(sqlite3 *db, bool *whole)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT coalesce(max(value) FILTER (WHERE name = 'mix_to_id'), 0) >="
                      " coalesce(max(value) FILTER (WHERE name = 'mix_until_id'), 0) FROM totals";
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    *whole = ok && sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return ok;
}

struct mix *mix_new(void)
{
    struct mix *m = mem_zalloc(sizeof(*m));
    arena_init(&m->arena);
    m->rows_from_us = INT64_MIN;
    return m;
}

static struct mix *read_rollup(sqlite3 *db, const struct mix_ask *ask, struct buf *why)
{
    struct mix_table t = {.ask = ask, .m = mix_new()};
    if (getrandom(&t.secret, sizeof(t.secret), 0) != sizeof(t.secret)) {
        buf_printf(why, "the kernel gives no random numbers");
        return t.m;
    }
    buf_init(&t.key, 0);
    bool ok = ask_whole(db, &t.m->whole) && read_all(&t, db, why);
    if (!ok && !why->n) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    free(t.slots);
    buf_free(&t.key);
    return t.m;
}

bool mix_read_each(const char *dir, const struct mix_ask *asks, size_t count, struct mix **out, struct buf *why)
{
    for (size_t i = 0; i < count; i++)
        if (!check(&asks[i], why)) return false;
    sqlite3 *db = schema_open(dir, false, why);
    if (!db) return false;
    bool ok = true, old = schema_version(db) < SCHEMA_STEERING; /* no server of now has opened it */
    if (!old && mix_reads_rows(asks)) {
        ok = mix_read_rows(dir, asks, count, out, why);
    } else {
        for (size_t i = 0; i < count; i++) out[i] = old || why->n ? mix_new() : read_rollup(db, &asks[i], why);
        ok = !why->n;
        for (size_t i = 0; !ok && i < count; i++) mix_drop(out[i]);
    }
    sqlite3_close(db);
    return ok;
}

struct mix *mix_read(const char *dir, const struct mix_ask *ask, struct buf *why)
{
    struct mix *m;
    return mix_read_each(dir, ask, 1, &m, why) ? m : NULL;
}

void mix_whole_days(int64_t *since_us, int64_t *until_us)
{
    int64_t end_us = time_floor_us(*until_us, US_PER_DAY), next_us;
    *since_us = time_floor_us(*since_us, US_PER_DAY);
    if (end_us != *until_us && !__builtin_add_overflow(end_us, US_PER_DAY, &next_us)) *until_us = next_us;
}

void mix_drop(struct mix *m)
{
    if (!m) return;
    free(m->rows);
    arena_free(&m->arena);
    free(m);
}

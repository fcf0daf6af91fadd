#include "base/time.h"
#include "ledger/calls_inside.h"
#include "ledger/sql.h"
#include "ledger/texts.h"
#include "ledger/told.h"

#include <stdlib.h>

enum { SUMS_MAX = 512 };

struct calls_made {
    struct buf all;
    uint64_t count;
};

struct maker {
    struct texts names, features;
    struct told_task *tasks;
    size_t task_count, task_cap;
    struct calls_made summed, others;
    struct told_sum *sums; /* SUMS_MAX of them */
    size_t sum_count;      /* one more: too many */
    struct calls_reader calls;
    int64_t end_us;            /* of the day */
    int64_t first_us, last_us; /* as in struct told_pack */
    bool failed;               /* the store cannot be read */
};

static void put_number(struct buf *out, uint64_t v)
{
    char bytes[VARINT_MAX];
    buf_add(out, str_of(bytes, varint_put(bytes, v)));
}

static void put_run(struct buf *out, str bytes)
{
    put_number(out, bytes.n);
    buf_add(out, bytes);
}

/* Fails: false beyond the ceiling. */
static bool find_place(struct texts *t, str text, uint32_t *out)
{
    *out = texts_place(t, text);
    return t->count <= TOLD_TEXTS_MAX;
}

/* ---- calls */

/* Few, as names and features are: looked through from the end. NULL: there are too many for sums to be of use. */
static struct told_sum *sum_of(struct maker *m, uint32_t name, uint32_t feature, bool success)
{
    if (m->sum_count > SUMS_MAX) return NULL;
    for (size_t i = m->sum_count; i-- > 0;) {
        struct told_sum *sum = &m->sums[i];
        if (sum->name == name && sum->feature == feature && sum->success == success) return sum;
    }
    if (m->sum_count++ == SUMS_MAX) return NULL;
    struct told_sum *sum = &m->sums[m->sum_count - 1];
    *sum = (struct told_sum){.name = name, .feature = feature, .success = success};
    return sum;
}

static void add_to_sum(struct maker *m, const struct told_call *c)
{
    struct told_sum *sum = sum_of(m, c->name, c->feature, c->success);
    if (c->began_us < m->first_us) m->first_us = c->began_us;
    if (c->began_us > m->last_us) m->last_us = c->began_us;
    if (!sum) return;
    sum->units++;
    sum->cost += c->cost;
    sum->squares += (__int128)c->cost * c->cost;
    sum->worth += c->worth;
}

static bool can_be_weighed(const struct maker *m, const struct calls_weight *w)
{
    return w->known && w->attempts && w->began_us >= m->end_us - TOLD_MOST_US &&
           w->began_us < m->end_us - TOLD_LEAST_US && w->cost <= TOLD_COST_MAX && w->cost >= -TOLD_COST_MAX;
}

static void put_call(struct maker *m, const struct told_call *c)
{
    bool in_sums = c->weighed && c->began_us >= m->end_us - 2 * US_PER_DAY;
    struct calls_made *to = in_sums ? &m->summed : &m->others;
    to->count++;
    put_number(&to->all, (uint64_t)c->name << 1 | c->success);
    put_number(&to->all, varint_fold(c->worth));
    put_number(&to->all, c->feature);
    put_number(&to->all, c->weighed ? (uint64_t)(m->end_us - c->began_us) : 0);
    if (c->weighed)
        put_number(&to->all, varint_fold(c->cost));
    else
        buf_add(&to->all, str_of((const char *)&c->call_id, sizeof(c->call_id)));
    if (in_sums) add_to_sum(m, c);
}

static bool add_call(struct maker *m, const struct told_one *one, uint32_t name)
{
    struct calls_weight w;
    struct told_call call = {.name = name, .success = one->success, .worth = one->worth, .call_id = one->call_id};
    if (!find_place(&m->features, one->feature, &call.feature)) return false;
    m->failed = !calls_reader_weigh(&m->calls, one->call_id, &w);
    if (m->failed) return true;
    call.weighed = can_be_weighed(m, &w);
    call.began_us = w.began_us;
    call.cost = call.weighed ? (int64_t)w.cost : 0;
    put_call(m, &call);
    return true;
}

/* ---- tasks */

static void add_task(struct maker *m, const struct told_one *one, uint32_t name)
{
    if (m->task_count == m->task_cap) {
        m->task_cap = m->task_cap ? m->task_cap + m->task_cap / 2 : 1024;
        m->tasks = mem_realloc(m->tasks, m->task_cap * sizeof(*m->tasks));
    }
    m->tasks[m->task_count++] =
        (struct told_task){.hash = one->task_hash, .worth = one->worth, .name = name, .success = one->success};
}

/* Of one task its names differ. */
static int by_hash(const void *a, const void *b)
{
    const struct told_task *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->name > y->name) - (x->name < y->name);
}

/* What all of them are multiples of; 1 where that is more than a number has. */
static uint64_t unit_of(const struct told_task *all, size_t count)
{
    uint64_t unit = 0;
    for (size_t i = 0; i < count && unit != 1; i++) {
        uint64_t rest = all[i].worth < 0 ? 0 - (uint64_t)all[i].worth : (uint64_t)all[i].worth;
        while (rest) {
            uint64_t less = unit % rest;
            unit = rest;
            rest = less;
        }
    }
    return unit && unit <= INT64_MAX ? unit : 1;
}

static void put_tasks(struct buf *out, struct maker *m)
{
    struct buf names, worths;
    bool any_name = false, any_worth = false;
    uint64_t unit = unit_of(m->tasks, m->task_count);
    buf_init(&names, 0);
    buf_init(&worths, 0);
    if (m->task_count) qsort(m->tasks, m->task_count, sizeof(*m->tasks), by_hash);
    put_number(out, m->task_count);
    put_number(out, 8 * m->task_count);
    for (size_t i = 0; i < m->task_count; i++) {
        const struct told_task *t = &m->tasks[i];
        buf_add(out, str_of((const char *)&t->hash, sizeof(t->hash)));
        put_number(&names, (uint64_t)t->name << 1 | t->success);
        put_number(&worths, varint_fold(t->worth / (int64_t)unit));
        any_name = any_name || t->name || t->success;
        any_worth = any_worth || t->worth;
    }
    put_run(out, any_name ? buf_str(&names) : STR_NONE);
    put_number(out, unit);
    put_run(out, any_worth ? buf_str(&worths) : STR_NONE);
    buf_free(&names);
    buf_free(&worths);
}

/* ---- all of a day */

static bool add(struct maker *m, const struct told_one *one)
{
    uint32_t name;
    if (!find_place(&m->names, one->name, &name)) return false;
    if (!one->task_hash) return add_call(m, one, name);
    add_task(m, one, name);
    return true;
}

static void put_texts(struct buf *out, const struct texts *t)
{
    put_number(out, t->count);
    for (uint32_t i = 0; i < t->count; i++) put_run(out, t->all[i]);
}

static void put_sums(struct buf *out, const struct maker *m)
{
    size_t count = m->sum_count > SUMS_MAX ? 0 : m->sum_count;
    put_number(out, count ? (uint64_t)(m->first_us - (m->end_us - 2 * US_PER_DAY)) : 0);
    put_number(out, count ? (uint64_t)(m->last_us - (m->end_us - 2 * US_PER_DAY)) : 0);
    put_number(out, count);
    for (size_t i = 0; i < count; i++) {
        const struct told_sum *sum = &m->sums[i];
        put_number(out, (uint64_t)sum->name << 1 | sum->success);
        put_number(out, sum->units);
        put_number(out, sum->feature);
        buf_add(out, str_of((const char *)&sum->cost, sizeof(sum->cost)));
        buf_add(out, str_of((const char *)&sum->squares, sizeof(sum->squares)));
        buf_add(out, str_of((const char *)&sum->worth, sizeof(sum->worth)));
    }
}

static bool write_parts(struct maker *m, crowd_put *put, void *ctx)
{
    struct buf body;
    bool ok = true;
    buf_init(&body, 0);
    if (m->summed.count) {
        put_number(&body, TOLD_VERSION);
        buf_add(&body, buf_str(&m->summed.all));
        ok = put(ctx, 1, buf_str(&body));
        buf_clear(&body);
    }
    put_number(&body, TOLD_VERSION);
    put_texts(&body, &m->names);
    put_texts(&body, &m->features);
    put_tasks(&body, m);
    put_sums(&body, m);
    put_number(&body, m->summed.count);
    put_number(&body, m->others.count);
    buf_add(&body, buf_str(&m->others.all));
    ok = ok && put(ctx, 0, buf_str(&body));
    buf_free(&body);
    return ok;
}

/* So that it is known: else it would be tried again whenever an outcome is told. */
static bool put_too_many(crowd_put *put, void *ctx)
{
    char version[VARINT_MAX];
    return put(ctx, 0, str_of(version, varint_put(version, TOLD_VERSION)));
}

/* `*fits`: not too many. */
static bool read_day(struct maker *m, sqlite3_stmt *q, struct hash_key key, bool *fits)
{
    int rc = SQLITE_DONE;
    for (*fits = true; *fits && !m->failed && (rc = sqlite3_step(q)) == SQLITE_ROW;) {
        struct told_one one;
        told_read_row(q, key, &one);
        *fits = add(m, &one);
    }
    return !m->failed && (rc == SQLITE_DONE || !*fits);
}

/* Counted first: of a day that has too many none need be read. */
static bool count_outcomes(sqlite3 *db, int64_t day_us, bool *fits)
{
    static const char sql[] = "SELECT count(*) FROM (SELECT 1 FROM outcomes INDEXED BY outcomes_at"
                              " WHERE at_us >= ?1 AND at_us < ?2 LIMIT ?3)";
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_int64(q, 1, day_us);
        sqlite3_bind_int64(q, 2, day_us + US_PER_DAY);
        sqlite3_bind_int64(q, 3, TOLD_OUTCOMES_MAX + 1);
        ok = sqlite3_step(q) == SQLITE_ROW;
        *fits = ok && sqlite3_column_int64(q, 0) <= TOLD_OUTCOMES_MAX;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool read_outcomes(struct maker *m, sqlite3 *db, int64_t day_us, struct hash_key key, bool *fits)
{
    static const struct calls_filter any = {0};
    sqlite3_stmt *q = NULL;
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "%s ORDER BY at_us, id", told_rows_sql); /* the same rows make the same bytes */
    bool ok =
        sqlite3_prepare_v2(db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK && calls_reader_open(&m->calls, db, &any);
    if (ok) {
        sqlite3_bind_int64(q, 1, day_us);
        sqlite3_bind_int64(q, 2, day_us + US_PER_DAY);
        sql_bind(q, 3, S(""));
        ok = read_day(m, q, key, fits);
    }
    sqlite3_finalize(q);
    calls_reader_close(&m->calls);
    buf_free(&sql);
    return ok;
}

bool told_pack(sqlite3 *db, int64_t day_us, struct hash_key key, crowd_put *put, void *ctx)
{
    struct maker m = {.names.secret = key,
                      .features.secret = key,
                      .end_us = day_us + US_PER_DAY,
                      .first_us = INT64_MAX,
                      .last_us = INT64_MIN};
    bool fits = false;
    m.sums = mem_alloc(SUMS_MAX * sizeof(*m.sums));
    buf_init(&m.summed.all, 0); /* TOLD_OUTCOMES_MAX of them */
    buf_init(&m.others.all, 0); /* likewise */
    bool ok = count_outcomes(db, day_us, &fits) && (!fits || read_outcomes(&m, db, day_us, key, &fits)) &&
              (fits ? write_parts(&m, put, ctx) : put_too_many(put, ctx));
    texts_free(&m.names);
    texts_free(&m.features);
    free(m.tasks);
    free(m.sums);
    buf_free(&m.summed.all);
    buf_free(&m.others.all);
    return ok;
}

#include "ledger/rollup.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"
#include "ledger/histogram.h"
#include "ledger/schema.h"

#include <stdlib.h>

enum measure {
#define MEASURE(field, column, what) MEASURE_##field,
    ROLLUP_MEASURES(MEASURE)
#undef MEASURE
        MEASURE_COUNT
};

enum { KEYS_MAX = 7, KEY_BYTES_MAX = 8 + 1 + KEYS_MAX * (2 + ROW_TEXT_MAX) };

/* One row of a rollup table, as this transaction adds to it. */
struct group {
    struct group *next; /* of the same slot */
    uint64_t hash;
    uint32_t key_bytes;
    char *key; /* packed: time, table, lengths and texts */
    int64_t sums[MEASURE_COUNT + UNIT_COUNT];
    struct histogram latency, first_token;
};

enum table { TABLE_HOUR, TABLE_DAY, TABLE_COUNT };

struct rollups {
    struct hash_key secret;
    struct arena arena;
    struct group **slots;
    size_t slot_count, count;
    sqlite3_stmt *upsert[TABLE_COUNT];
    struct buf blob[2];
    char packed[KEY_BYTES_MAX];
};

#define MEASURE_COLUMN(field, column, what)  ", " column
#define UNIT_COUNT_COLUMN(unit, count, cost) ", " count
#define MEASURE_ADD(field, column, what)     column " = sat_add(" column ", excluded." column "), "
#define UNIT_ADD(unit, count, cost)          count " = sat_add(" count ", excluded." count "), "
#define MEASURE_PLACE(field, column, what)   ", ?"
#define UNIT_PLACE(unit, count, cost)        ", ?"
#define VALUE_COLUMNS                        ROLLUP_MEASURES(MEASURE_COLUMN) UNIT_COLUMNS(UNIT_COUNT_COLUMN) ", latency, first_token) VALUES ("
#define VALUE_PLACES                         ROLLUP_MEASURES(MEASURE_PLACE) UNIT_COLUMNS(UNIT_PLACE) ", ?, ?) ON CONFLICT DO UPDATE SET "
#define VALUE_ADDS                                                                                                     \
    ROLLUP_MEASURES(MEASURE_ADD)                                                                                       \
    UNIT_COLUMNS(UNIT_ADD)                                                                                             \
    "latency = histogram_merge(latency, excluded.latency), first_token = histogram_merge(first_token, "                \
    "excluded.first_token)"

static const char *const upserts[TABLE_COUNT] = {
    [TABLE_HOUR] = "INSERT INTO rollup_hour (hour_us, " ROLLUP_HOUR_KEYS VALUE_COLUMNS
                   "?, ?, ?, ?, ?, ?, ?, ?" VALUE_PLACES VALUE_ADDS,
    [TABLE_DAY] =
        "INSERT INTO rollup_day (day_us, dimension, value, feature" VALUE_COLUMNS "?, ?, ?, ?" VALUE_PLACES VALUE_ADDS,
};

static str blob_of(sqlite3_value *v)
{
    const char *p = sqlite3_value_blob(v);
    return str_of(p, (size_t)sqlite3_value_bytes(v));
}

static void sql_histogram_merge(sqlite3_context *ctx, int n, sqlite3_value **value)
{
    struct histogram h;
    struct buf out;
    (void)n;
    histogram_init(&h);
    buf_init(&out, 0);
    if (!histogram_merge_encoded(&h, blob_of(value[0])) || !histogram_merge_encoded(&h, blob_of(value[1]))) {
        sqlite3_result_error(ctx, "a rollup's histogram is damaged", -1);
    } else {
        histogram_encode(&h, &out);
        sqlite3_result_blob(ctx, out.n ? out.p : "", (int)out.n, SQLITE_TRANSIENT);
    }
    buf_free(&out);
    histogram_free(&h);
}

struct rollups *rollups_new(sqlite3 *db, struct hash_key key)
{
    struct rollups *r = mem_zalloc(sizeof(*r));
    r->secret = key;
    r->slot_count = 1024;
    r->slots = mem_zalloc(r->slot_count * sizeof(void *));
    arena_init(&r->arena);
    buf_init(&r->blob[0], 0);
    buf_init(&r->blob[1], 0);
    bool ok = sqlite3_create_function_v2(db, "histogram_merge", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                         sql_histogram_merge, NULL, NULL, NULL) == SQLITE_OK;
    for (int t = 0; t < TABLE_COUNT && ok; t++)
        ok = sqlite3_prepare_v3(db, upserts[t], -1, SQLITE_PREPARE_PERSISTENT, &r->upsert[t], NULL) == SQLITE_OK;
    if (ok) return r;
    rollups_drop(r);
    return NULL;
}

void rollups_clear(struct rollups *r)
{
    for (size_t i = 0; i < r->slot_count; i++) {
        for (struct group *g = r->slots[i]; g; g = g->next) {
            histogram_free(&g->latency);
            histogram_free(&g->first_token);
        }
        r->slots[i] = NULL;
    }
    arena_free(&r->arena);
    r->count = 0;
}

void rollups_drop(struct rollups *r)
{
    if (!r) return;
    rollups_clear(r);
    for (int t = 0; t < TABLE_COUNT; t++) sqlite3_finalize(r->upsert[t]);
    buf_free(&r->blob[0]);
    buf_free(&r->blob[1]);
    free(r->slots);
    free(r);
}

static void grow(struct rollups *r)
{
    size_t count = r->slot_count * 2;
    struct group **slots = mem_zalloc(count * sizeof(void *));
    for (size_t i = 0; i < r->slot_count; i++) {
        for (struct group *g = r->slots[i], *next; g; g = next) {
            next = g->next;
            g->next = slots[g->hash & (count - 1)];
            slots[g->hash & (count - 1)] = g;
        }
    }
    free(r->slots);
    r->slots = slots;
    r->slot_count = count;
}

/* The group with this packed key, made where it is missing. */
static struct group *group_of(struct rollups *r, const char *packed, size_t n)
{
    uint64_t hash = hash_sip(r->secret, packed, n);
    for (struct group *g = r->slots[hash & (r->slot_count - 1)]; g; g = g->next) {
        if (g->hash == hash && g->key_bytes == n && memcmp(g->key, packed, n) == 0) return g;
    }
    if (r->count >= r->slot_count) grow(r);
    struct group *g = arena_zalloc(&r->arena, sizeof(*g));
    g->hash = hash;
    g->key_bytes = (uint32_t)n;
    g->key = arena_alloc(&r->arena, n);
    memcpy(g->key, packed, n);
    g->next = r->slots[hash & (r->slot_count - 1)];
    r->slots[hash & (r->slot_count - 1)] = g;
    r->count++;
    return g;
}

static size_t pack(char *to, enum table table, int64_t at_us, const str *keys, size_t count)
{
    char *p = to;
    memcpy(p, &at_us, 8);
    p += 8;
    *p++ = (char)table;
    for (size_t i = 0; i < count; i++) {
        uint16_t n = (uint16_t)(keys[i].n < ROW_TEXT_MAX ? keys[i].n : ROW_TEXT_MAX);
        memcpy(p, &n, 2);
        if (n) memcpy(p + 2, keys[i].p, n);
        p += 2 + n;
    }
    return (size_t)(p - to);
}

static inline void bump(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum)) *sum = more < 0 ? INT64_MIN : INT64_MAX;
}

static void measures_of(const struct row_numbers *n, int64_t out[MEASURE_COUNT])
{
    bool priced = n->cost_state != COST_UNPRICED, estimated = n->cost_state == COST_ESTIMATED;
    out[MEASURE_calls] = n->number == 1;
    out[MEASURE_attempts] = 1;
    out[MEASURE_errors] = n->err != ERR_NONE;
    out[MEASURE_cost] = priced ? n->cost_picousd : 0;
    out[MEASURE_cost_max] = priced ? n->cost_max_picousd : 0;
    out[MEASURE_wasted] = n->wasted != 0;
    out[MEASURE_wasted_cost] = priced && n->wasted ? n->cost_picousd : 0;
    out[MEASURE_saved_cost] = n->saved_picousd;
    out[MEASURE_estimated] = estimated;
    out[MEASURE_estimated_cost] = estimated ? n->cost_picousd : 0;
    out[MEASURE_unpriced] = !priced;
    out[MEASURE_unpriced_cost] = priced ? 0 : n->cost_picousd;
}

static void add_to(struct group *g, const int64_t measures[MEASURE_COUNT], const struct row_numbers *n)
{
    for (int i = 0; i < MEASURE_COUNT; i++) bump(&g->sums[i], measures[i]);
    for (int u = 0; u < UNIT_COUNT; u++) bump(&g->sums[MEASURE_COUNT + u], n->units[u]);
    if (n->total_us > 0) histogram_add(&g->latency, n->total_us); /* not known of a crash, none of an idle machine */
    if (n->streamed && n->first_byte_us > 0) histogram_add(&g->first_token, n->first_byte_us);
}

/* Rounds down, also before 1970. */
static int64_t begin_of(int64_t at_us, int64_t step_us)
{
    int64_t into = at_us % step_us;
    return at_us - (into < 0 ? into + step_us : into);
}

void rollups_add(struct rollups *r, const struct row *row)
{
    const struct row_numbers *n = &row->n;
    const str *t = row->text;
    int64_t measures[MEASURE_COUNT];
    measures_of(n, measures);
    str hour[] = {t[ROW_FEATURE],        t[ROW_MODEL],
                  t[ROW_PROVIDER],       t[ROW_KEY],
                  t[ROW_TEAM],           attempt_reason_name(n->reason),
                  err_info(n->err)->name};
    size_t size = pack(r->packed, TABLE_HOUR, begin_of(n->at_us, US_PER_HOUR), hour, COUNT_OF(hour));
    add_to(group_of(r, r->packed, size), measures, n);
    const str dimensions[][2] = {{S("user"), t[ROW_USER]}, {S("prompt"), t[ROW_PROMPT]}, {S("task"), t[ROW_TASK]}};
    for (size_t i = 0; i < COUNT_OF(dimensions); i++) {
        str day[] = {dimensions[i][0], dimensions[i][1], t[ROW_FEATURE]};
        size = pack(r->packed, TABLE_DAY, begin_of(n->at_us, US_PER_DAY), day, COUNT_OF(day));
        add_to(group_of(r, r->packed, size), measures, n);
    }
}

static void bind_blob(sqlite3_stmt *q, int at, struct buf *blob, const struct histogram *h)
{
    buf_clear(blob);
    histogram_encode(h, blob);
    sqlite3_bind_blob(q, at, blob->n ? blob->p : "", (int)blob->n, SQLITE_STATIC);
}

static bool write_group(struct rollups *r, struct group *g)
{
    const char *p = g->key, *end = g->key + g->key_bytes;
    int64_t at_us;
    memcpy(&at_us, p, 8);
    sqlite3_stmt *q = r->upsert[(unsigned char)p[8]];
    int at = 1;
    sqlite3_bind_int64(q, at++, at_us);
    for (p += 9; p < end;) {
        uint16_t n;
        memcpy(&n, p, 2);
        sqlite3_bind_text(q, at++, p + 2, n, SQLITE_STATIC);
        p += 2 + n;
    }
    for (int i = 0; i < MEASURE_COUNT + UNIT_COUNT; i++) sqlite3_bind_int64(q, at++, g->sums[i]);
    bind_blob(q, at++, &r->blob[0], &g->latency);
    bind_blob(q, at, &r->blob[1], &g->first_token);
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    return sqlite3_reset(q) == SQLITE_OK && ok;
}

bool rollups_flush(struct rollups *r)
{
    bool ok = true;
    for (size_t i = 0; i < r->slot_count && ok; i++) {
        for (struct group *g = r->slots[i]; g && ok; g = g->next) ok = write_group(r, g);
    }
    rollups_clear(r);
    return ok;
}

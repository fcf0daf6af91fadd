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

enum mix {
#define MIX(field, column, what) MIX_##field,
    MIX_MEASURES(MIX)
#undef MIX
        MIX_COUNT
};

enum table { TABLE_HOUR, TABLE_DAY, TABLE_MIX, TABLE_COUNT };

enum { KEYS_MAX = 7, KEY_BYTES_MAX = 8 + 1 + KEYS_MAX * (2 + ROW_TEXT_MAX) };

/* One row of a rollup table, as this transaction adds to it. */
struct group {
    struct group *next; /* of the same slot */
    uint64_t hash;
    uint32_t key_bytes;
    char *key;         /* packed: time, table, lengths and texts */
    struct group *mix; /* of an hour's: where the last of its rows went in rollup_mix; NULL: none yet */
    struct histogram latency, first_token; /* rollup_mix has none */
    int64_t sums[];
};

struct rollups {
    struct hash_key secret;
    struct arena arena;
    struct group **slots;
    size_t slot_count, count;
    sqlite3_stmt *upsert[TABLE_COUNT][2]; /* [1]: the rare sums as well; made where there are some */
    struct buf blob[2];
    char packed[KEY_BYTES_MAX];
};

#define MEASURE_NAME(field, column, what) column,
#define COUNT_NAME(unit, count, cost)     count,
#define BOTH_NAMES(unit, count, cost)     count, cost,
static const char *const value_columns[] = {ROLLUP_MEASURES(MEASURE_NAME) UNIT_COLUMNS(COUNT_NAME)};
static const char *const mix_columns[] = {MIX_MEASURES(MEASURE_NAME) UNIT_COLUMNS(BOTH_NAMES)};

/* Sums that are zero in most rows, as bits: adding a zero costs as much as adding anything else. */
#define BIT(i)  (UINT64_C(1) << (i))
#define BOTH(u) (UINT64_C(3) << (MIX_COUNT + 2 * (u)))
#define RARE_UNITS(U)                                                                                                  \
    (U(UNIT_CACHE_WRITE_5M) | U(UNIT_CACHE_WRITE_1H) | U(UNIT_AUDIO_IN) | U(UNIT_AUDIO_OUT) | U(UNIT_IMAGE) |          \
     U(UNIT_TOOL_CALLS) | U(UNIT_SEARCHES) | U(UNIT_SECONDS))
#define UNIT_BIT(u) BIT(MEASURE_COUNT + (u))
static const uint64_t rare_values = BIT(MEASURE_errors) | BIT(MEASURE_wasted) | BIT(MEASURE_wasted_cost) |
                                    BIT(MEASURE_saved_cost) | BIT(MEASURE_estimated) | BIT(MEASURE_estimated_cost) |
                                    BIT(MEASURE_unpriced) | BIT(MEASURE_unpriced_cost) | RARE_UNITS(UNIT_BIT);
static const uint64_t rare_mix = BIT(MIX_wasted_cost) | BIT(MIX_saved_cost) | RARE_UNITS(BOTH);
_Static_assert(COUNT_OF(value_columns) <= 64 && COUNT_OF(mix_columns) <= 64, "a bit for each sum");

struct form {
    const char *into; /* the table and its key's columns */
    int key_count;
    const char *const *columns; /* of the sums */
    int sum_count;
    uint64_t rare;
    bool histograms;
};

static const struct form forms[TABLE_COUNT] = {
    [TABLE_HOUR] = {"rollup_hour (hour_us, " ROLLUP_HOUR_KEYS, 8, value_columns, COUNT_OF(value_columns), rare_values,
                    true},
    [TABLE_DAY] = {"rollup_day (day_us, dimension, value, feature", 4, value_columns, COUNT_OF(value_columns),
                   rare_values, true},
    [TABLE_MIX] = {"rollup_mix (day_us, " ROLLUP_MIX_KEYS, 7, mix_columns, COUNT_OF(mix_columns), rare_mix, false},
};

static bool prepare_upsert(sqlite3 *db, const struct form *f, bool rare, sqlite3_stmt **out)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "INSERT INTO %s", f->into);
    for (int i = 0; i < f->sum_count; i++) buf_printf(&sql, ", %s", f->columns[i]);
    if (f->histograms) buf_add(&sql, S(", latency, first_token"));
    buf_add(&sql, S(") VALUES (?"));
    for (int i = 1; i < f->key_count + f->sum_count + 2 * f->histograms; i++) buf_add(&sql, S(", ?"));
    buf_add(&sql, S(") ON CONFLICT DO UPDATE SET "));
    for (int i = 0, n = 0; i < f->sum_count; i++) {
        const char *c = f->columns[i];
        if (rare || !(f->rare >> i & 1)) buf_printf(&sql, "%s%s = sat_add(%s, excluded.%s)", n++ ? ", " : "", c, c, c);
    }
    if (f->histograms)
        buf_add(&sql, S(", latency = histogram_merge(latency, excluded.latency)"
                        ", first_token = histogram_merge(first_token, excluded.first_token)"));
    bool ok = sqlite3_prepare_v3(db, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK;
    buf_free(&sql);
    return ok;
}

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
    for (int t = 0; t < TABLE_COUNT && ok; t++) ok = prepare_upsert(db, &forms[t], false, &r->upsert[t][0]);
    if (ok) return r;
    rollups_drop(r);
    return NULL;
}

size_t rollups_count(const struct rollups *r)
{
    return r->count;
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
    for (int t = 0; t < TABLE_COUNT; t++) {
        sqlite3_finalize(r->upsert[t][0]);
        sqlite3_finalize(r->upsert[t][1]);
    }
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
    const struct form *f = &forms[(unsigned char)packed[8]];
    struct group *g = arena_zalloc(&r->arena, sizeof(*g) + (size_t)f->sum_count * sizeof(*g->sums));
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

/* Whose rows differ in what they were asked with alone: mostly the same as the last one's. */
static bool has_prompt(const struct group *mix, str prompt)
{
    const char *p = mix->key + 9;
    uint16_t n;
    memcpy(&n, p, 2); /* the feature */
    p += 2 + n;
    memcpy(&n, p, 2);
    return str_eq(str_of(p + 2, n), prompt);
}

static struct group *mix_of(struct rollups *r, const struct row *row)
{
    const str *t = row->text;
    str mix[] = {t[ROW_FEATURE], t[ROW_PROMPT], t[ROW_MODEL], t[ROW_PROVIDER], t[ROW_KEY], t[ROW_TEAM]};
    size_t size = pack(r->packed, TABLE_MIX, begin_of(row->n.at_us, US_PER_DAY), mix, COUNT_OF(mix));
    return group_of(r, r->packed, size);
}

static void add_to_mix(struct group *g, const int64_t measures[MEASURE_COUNT], const struct row_numbers *n)
{
    bool priced = !measures[MEASURE_unpriced];
    int64_t *sums = g->sums;
    bump(&sums[MIX_calls], measures[MEASURE_calls]);
    bump(&sums[MIX_attempts], measures[MEASURE_attempts]);
    bump(&sums[MIX_cost], measures[MEASURE_cost]);
    bump(&sums[MIX_wasted_cost], measures[MEASURE_wasted_cost]);
    bump(&sums[MIX_saved_cost], measures[MEASURE_saved_cost]);
    bump(&sums[MIX_prompt_bytes], n->prompt_bytes);
    bump(&sums[MIX_system_bytes], n->system_bytes);
    bump(&sums[MIX_history_bytes], n->history_bytes);
    bump(&sums[MIX_retrieved_bytes], n->retrieved_bytes);
    bump(&sums[MIX_tools_bytes], n->tools_bytes);
    sums += MIX_COUNT;
    for (int u = 0; u < UNIT_COUNT; u++, sums += 2) {
        if (n->units[u]) bump(&sums[0], n->units[u]);
        if (n->cost_by_unit[u] && priced) bump(&sums[1], n->cost_by_unit[u]);
    }
}

void rollups_add_mix(struct rollups *r, const struct row *row)
{
    int64_t measures[MEASURE_COUNT];
    measures_of(&row->n, measures);
    add_to_mix(mix_of(r, row), measures, &row->n);
}

void rollups_add(struct rollups *r, const struct row *row, bool mix)
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
    struct group *g = group_of(r, r->packed, size);
    add_to(g, measures, n);
    if (mix) {
        if (!g->mix || !has_prompt(g->mix, t[ROW_PROMPT])) g->mix = mix_of(r, row);
        add_to_mix(g->mix, measures, n);
    }
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

static bool has_rare(const struct form *f, const struct group *g)
{
    for (uint64_t bits = f->rare; bits; bits &= bits - 1) {
        if (g->sums[__builtin_ctzll(bits)]) return true;
    }
    return false;
}

static sqlite3_stmt *upsert_of(struct rollups *r, unsigned table, bool rare)
{
    sqlite3_stmt **upsert = r->upsert[table];
    if (!upsert[rare] && !prepare_upsert(sqlite3_db_handle(upsert[0]), &forms[table], rare, &upsert[rare])) return NULL;
    return upsert[rare];
}

static bool write_group(struct rollups *r, struct group *g)
{
    const char *p = g->key, *end = g->key + g->key_bytes;
    int64_t at_us;
    memcpy(&at_us, p, 8);
    const struct form *f = &forms[(unsigned char)p[8]];
    sqlite3_stmt *q = upsert_of(r, (unsigned char)p[8], has_rare(f, g));
    if (!q) return false;
    int at = 1;
    sqlite3_bind_int64(q, at++, at_us);
    for (p += 9; p < end;) {
        uint16_t n;
        memcpy(&n, p, 2);
        sqlite3_bind_text(q, at++, p + 2, n, SQLITE_STATIC);
        p += 2 + n;
    }
    for (int i = 0; i < f->sum_count; i++) sqlite3_bind_int64(q, at++, g->sums[i]);
    if (f->histograms) {
        bind_blob(q, at++, &r->blob[0], &g->latency);
        bind_blob(q, at, &r->blob[1], &g->first_token);
    }
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

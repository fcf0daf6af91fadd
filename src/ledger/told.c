#include "ledger/told.h"

#include "base/time.h"
#include "ledger/sql.h"

const char told_rows_sql[] = "SELECT task, call_id, name, success, value_picousd, feature FROM outcomes"
                             " INDEXED BY outcomes_at WHERE at_us >= ?1 AND at_us < ?2 AND (?3 = '' OR name = ?3)";

void told_read_row(sqlite3_stmt *q, struct hash_key key, struct told_one *out)
{
    str task = sql_text(q, 0);
    *out = (struct told_one){.task_hash = task.n ? crowd_hash(key, task) : 0,
                             .call_id = (uint64_t)sqlite3_column_int64(q, 1),
                             .name = sql_text(q, 2),
                             .success = sqlite3_column_int(q, 3) != 0,
                             .worth = sqlite3_column_int64(q, 4),
                             .feature = sql_text(q, 5)};
}

/* ---- the head of a pack */

static bool get_run(str *from, str *out)
{
    uint64_t n;
    if (!varint_get(from, &n) || n > from->n) return false;
    *out = str_of(from->p, n);
    *from = str_from_at(*from, n);
    return true;
}

static bool get_texts(struct told_pack *p, struct arena *arena, str **texts, uint32_t *count)
{
    uint64_t n;
    if (!varint_get(&p->rest, &n) || n > TOLD_TEXTS_MAX) return false;
    *count = (uint32_t)n;
    *texts = arena_alloc(arena, (n + 1) * sizeof(str));
    for (uint64_t i = 0; i < n; i++)
        if (!get_run(&p->rest, &(*texts)[i])) return false;
    return true;
}

static bool get_tasks(struct told_pack *p)
{
    uint64_t unit;
    str hashes;
    if (!varint_get(&p->rest, &p->tasks.count) || !get_run(&p->rest, &hashes) || !get_run(&p->rest, &p->tasks.names) ||
        !varint_get(&p->rest, &unit) || !unit || unit > INT64_MAX || !get_run(&p->rest, &p->tasks.worths))
        return false;
    p->tasks.hashes = hashes.p;
    p->tasks.no_names = !p->tasks.names.n;
    p->tasks.no_worths = !p->tasks.worths.n;
    p->tasks.unit = (int64_t)unit;
    return p->tasks.count == hashes.n / 8 && hashes.n % 8 == 0;
}

static bool get_extent(struct told_pack *p)
{
    uint64_t first, last;
    if (!varint_get(&p->rest, &first) || !varint_get(&p->rest, &last) || last > 2 * (uint64_t)US_PER_DAY ||
        first > last || !varint_get(&p->rest, &p->sums))
        return false;
    p->first_us = p->end_us - 2 * US_PER_DAY + (int64_t)first;
    p->last_us = p->end_us - 2 * US_PER_DAY + (int64_t)last;
    return true;
}

/* Behind the sums. */
static bool get_counts(struct told_pack *p)
{
    return p->sums || (varint_get(&p->rest, &p->summed) && varint_get(&p->rest, &p->calls));
}

bool told_has_all(str part_0)
{
    uint64_t version = 0;
    return varint_get(&part_0, &version) && version == TOLD_VERSION && part_0.n;
}

bool told_open(struct told_pack *p, struct arena *arena, str part_0, int64_t day_us)
{
    uint64_t version = 0;
    *p = (struct told_pack){.rest = part_0, .end_us = day_us + US_PER_DAY};
    return varint_get(&p->rest, &version) && version == TOLD_VERSION &&
           get_texts(p, arena, &p->names, &p->name_count) && get_texts(p, arena, &p->features, &p->feature_count) &&
           get_tasks(p) && get_extent(p) && get_counts(p);
}

/* ---- what is in it */

static uint64_t hash_at(const struct told_pack *p, uint64_t i)
{
    uint64_t hash;
    memcpy(&hash, p->tasks.hashes + 8 * i, sizeof(hash));
    return hash;
}

enum pack_step told_next_task(struct told_pack *p, struct told_task *out)
{
    uint64_t name, worth;
    if (p->tasks.at == p->tasks.count) return p->tasks.names.n || p->tasks.worths.n ? PACK_BAD : PACK_END;
    uint64_t before = p->tasks.at ? hash_at(p, p->tasks.at - 1) : 1; /* none is 0 */
    out->hash = hash_at(p, p->tasks.at++);
    if (!crowd_next(&p->tasks.names, p->tasks.no_names, &name) || name >> 1 >= p->name_count ||
        !crowd_next(&p->tasks.worths, p->tasks.no_worths, &worth) ||
        __builtin_mul_overflow(varint_unfold(worth), p->tasks.unit, &out->worth))
        return PACK_BAD;
    out->name = (uint32_t)(name >> 1);
    out->success = name & 1;
    return out->hash >= before ? PACK_ENTRY : PACK_BAD;
}

static bool get_bytes(str *from, void *out, size_t n)
{
    if (from->n < n) return false;
    memcpy(out, from->p, n);
    *from = str_from_at(*from, n);
    return true;
}

/* Of a name and a feature, with whether it was a success. */
static bool get_places(struct told_pack *p, uint32_t *name, uint32_t *feature, bool *success, uint64_t *between)
{
    uint64_t name_at, feature_at;
    if (!varint_get(&p->rest, &name_at) || name_at >> 1 >= p->name_count || !varint_get(&p->rest, between) ||
        !varint_get(&p->rest, &feature_at) || feature_at >= p->feature_count)
        return false;
    *name = (uint32_t)(name_at >> 1);
    *success = name_at & 1;
    *feature = (uint32_t)feature_at;
    return true;
}

static bool is_within(__int128 v, __int128 most)
{
    return v <= most && v >= -most;
}

/* What a million units may have: so that whatever is read, sums of sums have room. */
static bool may_be(const struct told_sum *sum)
{
    __int128 units = sum->units;
    return sum->units <= TOLD_OUTCOMES_MAX && is_within(sum->cost, units * TOLD_COST_MAX) && sum->squares >= 0 &&
           sum->squares <= units * TOLD_COST_MAX * TOLD_COST_MAX && is_within(sum->worth, units << 63);
}

enum pack_step told_next_sum(struct told_pack *p, struct told_sum *out)
{
    if (!p->sums) return PACK_END;
    if (!get_places(p, &out->name, &out->feature, &out->success, &out->units) ||
        !get_bytes(&p->rest, &out->cost, sizeof(out->cost)) ||
        !get_bytes(&p->rest, &out->squares, sizeof(out->squares)) ||
        !get_bytes(&p->rest, &out->worth, sizeof(out->worth)) || !may_be(out))
        return PACK_BAD;
    p->sums--;
    return get_counts(p) ? PACK_ENTRY : PACK_BAD;
}

enum pack_step told_next_call(struct told_pack *p, struct told_call *out)
{
    uint64_t worth, began, cost;
    if (!p->calls) return p->rest.n ? PACK_BAD : PACK_END;
    p->calls--;
    *out = (struct told_call){0};
    if (!get_places(p, &out->name, &out->feature, &out->success, &worth) || !varint_get(&p->rest, &began))
        return PACK_BAD;
    out->worth = varint_unfold(worth);
    out->weighed = began > 0;
    if (!began) return get_bytes(&p->rest, &out->call_id, sizeof(out->call_id)) ? PACK_ENTRY : PACK_BAD;
    if (began > (uint64_t)TOLD_MOST_US || !varint_get(&p->rest, &cost)) return PACK_BAD;
    out->began_us = p->end_us - (int64_t)began;
    out->cost = varint_unfold(cost);
    return is_within(out->cost, TOLD_COST_MAX) ? PACK_ENTRY : PACK_BAD;
}

bool told_open_summed(struct told_pack *p, str part_1)
{
    uint64_t version = 0;
    p->calls = p->summed;
    p->rest = part_1;
    return varint_get(&p->rest, &version) && version == TOLD_VERSION;
}

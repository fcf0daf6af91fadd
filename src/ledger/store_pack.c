#include "ledger/store_inside.h"

#include "base/time.h"
#include "ledger/sql.h"
#include "ledger/told.h"

/* Packs (ledger/pack.h, crowd.h, told.h), as the store keeps them: a day of each kind is packed once it is over, days of
 * users then by eight and by thirty-two; a row that comes later still takes the packs of its day away, in its own
 * transaction, and they are made anew. `packs_dropped` in table `totals` counts that, so that a report sees that a pack
 * it counts on is gone.
 *
 * Of a crowd that goes only the first row goes: without it the crowd is not there, and what is left is replaced when it
 * is made anew, or never read: rows that are summed up stay, so that a crowd only grows. */

static void bind_pack(sqlite3_stmt *q, enum pack_kind kind, int64_t part, int64_t day_us)
{
    str name = pack_kind_name(kind);
    sqlite3_bind_text(q, 1, name.p, (int)name.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, part);
    sqlite3_bind_int64(q, 3, day_us);
}

/* ---- late rows */

static void add_day(struct store_days *d, int64_t at_us)
{
    int64_t day_us = time_floor_us(at_us, US_PER_DAY);
    for (size_t i = d->count; i-- > 0;) {
        if (d->all[i] == day_us) return;
    }
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 16;
        d->all = mem_realloc(d->all, d->cap * sizeof(*d->all));
    }
    d->all[d->count++] = day_us;
}

/* A further attempt may have begun behind all packs, and one of these have its call: where a provider is waited for so
 * long. */
bool store_pack_late(struct store *s, const struct row *row)
{
    bool late = row->n.at_us < s->packs.until_us;
    sqlite3_stmt *q = s->q[Q_PACK_OUTCOMES];
    if (!late && row->n.attempt_id == row->n.call_id) return true;
    if (late) add_day(&s->packs.late, row->n.at_us);
    sqlite3_bind_int64(q, 1, (int64_t)row->n.call_id);
    sqlite3_bind_int64(q, 2, (int64_t)row->n.attempt_id);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) add_day(&s->packs.late_told, sqlite3_column_int64(q, 0));
    if (rc != SQLITE_DONE) store_fail(s);
    sqlite3_reset(q);
    return rc == SQLITE_DONE;
}

static bool drop(struct store *s, enum pack_kind kind, int64_t day_us, bool *dropped)
{
    struct store_packs *p = &s->packs;
    if (p->packing && p->kind == kind && p->day_us == day_us) store_pack_cancel(s);
    if (p->from_us[kind] > day_us) p->from_us[kind] = day_us;
    for (uint32_t part = 0; part < (pack_kind_is_crowd(kind) ? 1 : PACK_PARTS); part++) {
        bind_pack(s->q[Q_PACK_DROP], kind, part, day_us);
        if (!store_run(s, Q_PACK_DROP)) return false;
        if (part == 0 && !sqlite3_changes(s->db)) break; /* none without part 0 */
        *dropped = true;
    }
    return true;
}

static bool drop_day(struct store *s, int64_t day_us)
{
    bool dropped = false;
    for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) {
        if (!drop(s, kind, pack_kind_begin(kind, day_us), &dropped)) return false;
    }
    s->total[TOTAL_PACKS_DROPPED] += dropped;
    return true;
}

bool store_pack_drop_late(struct store *s)
{
    struct store_packs *p = &s->packs;
    bool dropped; /* no report counts on these */
    for (size_t i = 0; i < p->late.count; i++) {
        if (!drop_day(s, p->late.all[i])) return false;
    }
    for (size_t i = 0; i < p->late_told.count; i++) {
        if (!drop(s, PACK_TOLD, p->late_told.all[i], &dropped)) return false;
    }
    p->late.count = p->late_told.count = 0;
    return true;
}

/* ---- packing */

void store_pack_cancel(struct store *s)
{
    packing_drop(s->packs.packing);
    s->packs.packing = NULL;
}

/* The first day at or behind `from_us` that has rows; INT64_MAX: none. */
static bool next_day(struct store *s, enum pack_kind kind, int64_t from_us, int64_t *day_us)
{
    sqlite3_stmt *q = s->q[pack_kind_is_crowd(kind) ? Q_PACK_NEXT_DAY : Q_PACK_NEXT_HOUR];
    sqlite3_bind_int64(q, 1, from_us);
    bool ok = sqlite3_step(q) == SQLITE_ROW;
    *day_us = INT64_MAX;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) *day_us = time_floor_us(sqlite3_column_int64(q, 0), US_PER_DAY);
    if (!ok) store_fail(s);
    sqlite3_reset(q);
    return ok;
}

static bool is_packed(struct store *s, enum pack_kind kind, int64_t day_us, bool *packed)
{
    sqlite3_stmt *q = s->q[Q_PACK_IS];
    bind_pack(q, kind, 0, day_us);
    int rc = sqlite3_step(q);
    *packed = rc == SQLITE_ROW;
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    if (!ok) store_fail(s);
    sqlite3_reset(q);
    return ok;
}

/* Are all smaller packs there, of all days that have rows? One that was too large is not. */
static bool can_merge(struct store *s, enum pack_kind kind, int64_t begin_us, bool *can)
{
    enum pack_kind of = pack_kind_of(kind);
    int64_t end_us = begin_us + pack_kind_days(kind) * US_PER_DAY, step_us = pack_kind_days(of) * US_PER_DAY;
    *can = true;
    if (of == kind) return true;
    for (int64_t at = begin_us; *can && at < end_us; at += step_us) {
        int64_t day_us;
        if (!is_packed(s, of, at, can)) return false;
        if (*can) continue;
        if (!next_day(s, kind, at, &day_us)) return false;
        *can = day_us >= at + step_us;
    }
    return true;
}

/* The next pack of that kind which is over and not there. */
static bool find_next(struct store *s, enum pack_kind kind, int64_t before_us, bool *found)
{
    struct store_packs *p = &s->packs;
    int64_t length_us = pack_kind_days(kind) * US_PER_DAY, day_us;
    for (*found = false;;) {
        bool packed, can = false;
        if (!next_day(s, kind, p->from_us[kind], &day_us)) return false;
        if (day_us == INT64_MAX) return true;
        int64_t begin_us = pack_kind_begin(kind, day_us);
        if (begin_us > before_us - length_us) return true; /* not over */
        if (!is_packed(s, kind, begin_us, &packed) || (!packed && !can_merge(s, kind, begin_us, &can))) return false;
        p->from_us[kind] = begin_us;
        p->day_us = begin_us;
        *found = can;
        if (can) return true;
        p->from_us[kind] += length_us;
    }
}

/* Outcomes are told to other connections, which take packs of theirs away. */
static bool look_for_outcomes(struct store *s)
{
    struct store_packs *p = &s->packs;
    sqlite3_stmt *q = s->q[Q_DATA_VERSION];
    bool ok = sqlite3_step(q) == SQLITE_ROW;
    int64_t version = ok ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    if (!ok) return store_fail(s);
    if (version != p->data_version) p->from_us[PACK_TOLD] = INT64_MIN;
    p->data_version = version;
    return true;
}

static enum store_packed begin(struct store *s, int64_t before_us)
{
    struct store_packs *p = &s->packs;
    if (!p->old_gone) {
        static const char version = TOLD_VERSION; /* all of its LEB128 */
        sqlite3_bind_blob(s->q[Q_PACK_OLD], 1, &version, 1, SQLITE_STATIC);
        if (!store_run(s, Q_PACK_OLD)) return STORE_PACK_FAILED;
        p->old_gone = !sqlite3_changes(s->db);
        return STORE_PACK_MORE;
    }
    if (!look_for_outcomes(s)) return STORE_PACK_FAILED;
    for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) {
        bool found;
        if (!find_next(s, kind, before_us, &found)) return STORE_PACK_FAILED;
        if (!found) continue;
        int64_t end_us = p->day_us + pack_kind_days(kind) * US_PER_DAY;
        p->packing = packing_new(s->db, kind, p->day_us, s->key);
        p->kind = kind;
        if (p->until_us < end_us) p->until_us = end_us;
        return STORE_PACK_MORE;
    }
    return STORE_PACK_NOTHING;
}

static bool put(void *ctx, int64_t number, str body)
{
    struct store *s = ctx;
    bind_pack(s->q[Q_PACK_PUT], s->packs.kind, number, s->packs.day_us);
    sqlite3_bind_blob(s->q[Q_PACK_PUT], 4, body.p, (int)body.n, SQLITE_STATIC);
    return store_run(s, Q_PACK_PUT);
}

enum store_packed store_pack(struct store *s, int64_t before_us, uint32_t rows)
{
    struct store_packs *p = &s->packs;
    if (!p->packing) return begin(s, before_us);
    bool ok = true;
    switch (packing_read(p->packing, rows)) {
    case PACKING_MORE:
        return STORE_PACK_MORE;
    case PACKING_READY:
        ok = store_begin(s) && packing_write(p->packing, put, s) && store_commit(s);
        if (ok) return STORE_PACK_MORE;
        store_rollback(s);
        break;
    case PACKING_DONE:
    case PACKING_NONE: /* then its rows answer */
        p->from_us[p->kind] = p->day_us + pack_kind_days(p->kind) * US_PER_DAY;
        break;
    case PACKING_FAILED:
        ok = store_fail(s);
        break;
    }
    store_pack_cancel(s);
    return ok ? STORE_PACK_MORE : STORE_PACK_FAILED;
}

/* Where the last one of that kind ends; INT64_MIN: there is none. */
static bool find_end(sqlite3_stmt *q, enum pack_kind kind, int64_t *end_us)
{
    str name = pack_kind_name(kind);
    sql_bind(q, 1, name);
    bool ok = sqlite3_step(q) == SQLITE_ROW;
    *end_us = INT64_MIN;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL)
        *end_us = sqlite3_column_int64(q, 0) + pack_kind_days(kind) * US_PER_DAY;
    sqlite3_reset(q);
    return ok;
}

bool store_pack_open(struct store *s)
{
    struct store_packs *p = &s->packs;
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT max(day_us) FROM packs WHERE kind = ? AND part = 0";
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK;
    p->until_us = INT64_MIN;
    for (enum pack_kind kind = 0; ok && kind < PACK_KINDS; kind++) {
        int64_t end_us;
        ok = find_end(q, kind, &end_us);
        p->from_us[kind] = INT64_MIN;
        if (p->until_us < end_us) p->until_us = end_us;
    }
    sqlite3_finalize(q);
    return ok;
}

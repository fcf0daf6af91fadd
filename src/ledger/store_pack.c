#include "ledger/store_inside.h"

#include "base/time.h"

/* Packs (ledger/pack.h), as the store keeps them: a day of each kind is packed once
 * it is over; a row that comes later still takes the day's packs away, in its own
 * transaction, and the day is packed anew. `packs_dropped` in table `totals` counts
 * that, so that a report sees that a pack it counts on is gone. */

static void bind_pack(sqlite3_stmt *q, enum pack_kind kind, uint32_t part, int64_t day_us)
{
    str name = pack_kind_name(kind);
    sqlite3_bind_text(q, 1, name.p, (int)name.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, part);
    sqlite3_bind_int64(q, 3, day_us);
}

/* ---- late rows */

void store_pack_late(struct store *s, int64_t at_us)
{
    struct store_packs *p = &s->packs;
    if (at_us >= p->until_us) return;
    int64_t into = at_us % US_PER_DAY, day_us = at_us - (into < 0 ? into + US_PER_DAY : into);
    for (size_t i = p->late_count; i-- > 0;) {
        if (p->late[i] == day_us) return;
    }
    if (p->late_count == p->late_cap) {
        p->late_cap = p->late_cap ? p->late_cap * 2 : 16;
        p->late = mem_realloc(p->late, p->late_cap * sizeof(*p->late));
    }
    p->late[p->late_count++] = day_us;
}

static bool drop_day(struct store *s, int64_t day_us)
{
    struct store_packs *p = &s->packs;
    if (p->packing && p->day_us == day_us) store_pack_cancel(s);
    int dropped = 0;
    for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) {
        for (uint32_t part = 0; part < PACK_PARTS; part++) {
            bind_pack(s->q[Q_PACK_DROP], kind, part, day_us);
            if (!store_run(s, Q_PACK_DROP)) return false;
            dropped += sqlite3_changes(s->db);
            if (part == 0 && !sqlite3_changes(s->db)) break; /* none without part 0 */
        }
        if (p->from_us[kind] > day_us) p->from_us[kind] = day_us;
    }
    s->total[TOTAL_PACKS_DROPPED] += dropped > 0;
    return true;
}

bool store_pack_drop_late(struct store *s)
{
    struct store_packs *p = &s->packs;
    for (size_t i = 0; i < p->late_count; i++) {
        if (!drop_day(s, p->late[i])) return false;
    }
    p->late_count = 0;
    return true;
}

/* ---- packing */

void store_pack_cancel(struct store *s)
{
    packing_drop(s->packs.packing);
    s->packs.packing = NULL;
}

/* The kind's first day at or behind from_us that has rows; INT64_MAX: none. */
static bool next_day(struct store *s, enum pack_kind kind, int64_t *day_us)
{
    enum store_statement which = kind == PACK_HOUR ? Q_PACK_NEXT_HOUR : Q_PACK_NEXT_DAY;
    sqlite3_stmt *q = s->q[which];
    sqlite3_bind_int64(q, 1, s->packs.from_us[kind]);
    bool ok = sqlite3_step(q) == SQLITE_ROW;
    *day_us = INT64_MAX;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        int64_t at_us = sqlite3_column_int64(q, 0), into = at_us % US_PER_DAY;
        *day_us = at_us - (into < 0 ? into + US_PER_DAY : into);
    }
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

/* Begins with the next day that is over and not packed. */
static enum store_packed begin(struct store *s, int64_t before_us)
{
    struct store_packs *p = &s->packs;
    for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) {
        for (;;) {
            int64_t day_us;
            bool packed;
            if (!next_day(s, kind, &day_us)) return STORE_PACK_FAILED;
            if (day_us > before_us - US_PER_DAY) break; /* not over, or none */
            if (!is_packed(s, kind, day_us, &packed)) return STORE_PACK_FAILED;
            p->from_us[kind] = day_us;
            if (!packed) {
                p->packing = packing_new(s->db, kind, day_us, s->key);
                p->kind = kind;
                p->day_us = day_us;
                if (p->until_us < day_us + US_PER_DAY) p->until_us = day_us + US_PER_DAY;
                return STORE_PACK_MORE;
            }
            p->from_us[kind] = day_us + US_PER_DAY;
        }
    }
    return STORE_PACK_NOTHING;
}

static bool write_parts(struct store *s)
{
    struct store_packs *p = &s->packs;
    struct buf body;
    bool ok = true;
    buf_init(&body, 0);
    for (uint32_t part = 0; part < PACK_PARTS && ok; part++) {
        buf_clear(&body);
        pack_maker_body(packing_made(p->packing), part, &body);
        if (!body.n) continue;
        bind_pack(s->q[Q_PACK_PUT], p->kind, part, p->day_us);
        sqlite3_bind_blob(s->q[Q_PACK_PUT], 4, body.p, (int)body.n, SQLITE_STATIC);
        ok = store_run(s, Q_PACK_PUT);
    }
    buf_free(&body);
    return ok;
}

enum store_packed store_pack(struct store *s, int64_t before_us, uint32_t rows)
{
    struct store_packs *p = &s->packs;
    if (!p->packing) return begin(s, before_us);
    enum packing_step step = packing_read(p->packing, rows);
    if (step == PACKING_MORE) return STORE_PACK_MORE;
    bool ok = step == PACKING_TOO_LARGE; /* then its rows answer */
    if (step == PACKING_FAILED) store_fail(s);
    if (step == PACKING_DONE) {
        ok = store_begin(s) && write_parts(s) && store_commit(s);
        if (!ok) store_rollback(s);
    }
    if (ok) p->from_us[p->kind] = p->day_us + US_PER_DAY;
    store_pack_cancel(s);
    return ok ? STORE_PACK_MORE : STORE_PACK_FAILED;
}

bool store_pack_open(struct store *s)
{
    for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) s->packs.from_us[kind] = INT64_MIN;
    s->packs.until_us = INT64_MIN;
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(s->db, "SELECT max(day_us) FROM packs WHERE part = 0", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW;
    if (ok && sqlite3_column_type(q, 0) != SQLITE_NULL) s->packs.until_us = sqlite3_column_int64(q, 0) + US_PER_DAY;
    sqlite3_finalize(q);
    return ok;
}

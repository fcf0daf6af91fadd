#include "ledger/store_inside.h"

#include "base/arena.h"
#include "base/err.h"
#include "ledger/seal.h"

#include <stdlib.h>

struct store_seal *store_seal_of(struct store *s, uint64_t attempt_id)
{
    int64_t block = (int64_t)(attempt_id >> SEAL_BLOCK_SHIFT);
    for (size_t i = s->seal_count; i-- > 0;) { /* the latest is the likeliest */
        if (s->seals[i].block == block) return &s->seals[i];
    }
    if (s->seal_count == s->seal_cap) {
        s->seal_cap = s->seal_cap ? s->seal_cap * 2 : 16;
        s->seals = mem_realloc(s->seals, s->seal_cap * sizeof(*s->seals));
    }
    s->seals[s->seal_count] = (struct store_seal){.block = block};
    return &s->seals[s->seal_count++];
}

/* What a column of the insert holds since the row before: SQLite keeps bindings,
 * and most columns of most rows are what they were (zero, mostly). */
static void bind_int(struct store *s, int at, int64_t value)
{
    if (s->bound_known && s->bound[at] == value) return;
    s->bound[at] = value;
    sqlite3_bind_int64(s->q[Q_INSERT], at, value);
}

/* A text's bytes die with its row, so only the empty one can stay bound. */
static void bind_text(struct store *s, int at, str value)
{
    bool was_empty = s->bound_known && s->bound[at] == 0;
    s->bound[at] = value.n != 0;
    if (value.n)
        sqlite3_bind_text(s->q[Q_INSERT], at, value.p, (int)value.n, SQLITE_STATIC);
    else if (!was_empty)
        sqlite3_bind_text(s->q[Q_INSERT], at, "", 0, SQLITE_STATIC);
}

/* Binds every column of `attempts` in order. */
static void bind_row(struct store *s, const struct row *row, int64_t checksum)
{
    const struct row_numbers *n = &row->n;
    int at = 1;
#define INT(column, value, what)           bind_int(s, at++, (int64_t)(value));
#define TEXT(column, id, what)             bind_text(s, at++, row->text[id]);
#define NAME(column, value, what)          bind_text(s, at++, value);
#define LATE(column, value, what)          bind_int(s, at++, (int64_t)(value));
#define UNIT_COUNT_BIND(unit, count, cost) bind_int(s, at++, n->units[UNIT_##unit]);
#define UNIT_COST_BIND(unit, count, cost)  bind_int(s, at++, n->cost_by_unit[UNIT_##unit]);
#define UNITS()                            UNIT_COLUMNS(UNIT_COUNT_BIND)
#define COSTS()                            UNIT_COLUMNS(UNIT_COST_BIND)
#include "ledger/columns.def"
#undef INT
#undef TEXT
#undef NAME
#undef LATE
#undef UNITS
#undef COSTS
    bind_int(s, at, checksum);
    if ((size_t)at >= COUNT_OF(s->bound)) abort(); /* columns.def has outgrown it */
    s->bound_known = true;
}

static bool insert_details(struct store *s, const struct row *row)
{
    sqlite3_stmt *q = s->q[Q_DETAILS];
    str usage = row->text[ROW_USAGE_RAW];
    sqlite3_bind_int64(q, 1, (int64_t)row->n.attempt_id);
    sqlite3_bind_blob(q, 2, row->cells, (int)(row->cell_count * sizeof(*row->cells)), SQLITE_STATIC);
    sqlite3_bind_text(q, 3, usage.n ? usage.p : "", (int)usage.n, SQLITE_STATIC);
    return store_run(s, Q_DETAILS);
}

enum store_result store_post(struct store *s, const struct row *row)
{
    sqlite3_stmt *q = s->q[Q_INSERT];
    int64_t checksum = row_checksum(row);
    bind_row(s, row, checksum);
    int rc = sqlite3_step(q);
    sqlite3_reset(q);
    if (rc == SQLITE_CONSTRAINT) {
        s->total[TOTAL_DOUBLES]++;
        return STORE_DOUBLE;
    }
    if (rc != SQLITE_DONE) {
        store_fail(s);
        return STORE_FAILED;
    }
    if (!insert_details(s, row)) return STORE_FAILED;
    for (uint32_t i = 0; i < row->cell_count; i++) amounts_add(&s->cells, row->cells[i].key, row->cells[i].amount);
    struct store_seal *seal = store_seal_of(s, row->n.attempt_id);
    seal->rows++;
    seal->checksum += (uint64_t)checksum;
    seal->cost += (uint64_t)row->n.cost_picousd;
    s->total[TOTAL_ROWS]++;
    s->total[TOTAL_COST] += (uint64_t)row->n.cost_picousd;
    rollups_add(s->rollups, row, store_mix_takes(s, row->n.attempt_id));
    return store_pack_late(s, row) ? STORE_DONE : STORE_FAILED;
}

bool store_cell(struct store *s, const struct record_cell *cell)
{
    sqlite3_stmt *q = s->q[Q_CELL_NAME];
    sqlite3_bind_int64(q, 1, (int64_t)cell->key);
    sqlite3_bind_text(q, 2, cell->budget.p, (int)cell->budget.n, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, cell->value.p, (int)cell->value.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 4, cell->window_start_us);
    return store_run(s, Q_CELL_NAME);
}

bool store_hold_keep(struct store *s, const struct record *hold)
{
    sqlite3_bind_int64(s->q[Q_HOLD_KEEP], 1, (int64_t)record_attempt(hold));
    sqlite3_bind_blob(s->q[Q_HOLD_KEEP], 2, hold->at, (int)hold->length, SQLITE_STATIC);
    s->holds_kept++;
    return store_run(s, Q_HOLD_KEEP);
}

bool store_hold_end(struct store *s, uint64_t attempt_id)
{
    sqlite3_bind_int64(s->q[Q_HOLD_END], 1, (int64_t)attempt_id);
    if (!store_run(s, Q_HOLD_END)) return false;
    s->holds_kept -= (uint64_t)sqlite3_changes(s->db);
    return true;
}

uint64_t store_holds_kept(const struct store *s)
{
    return s->holds_kept;
}

bool store_position(struct store *s, uint32_t epoch, uint32_t worker, uint64_t position, uint64_t seq, bool closed)
{
    sqlite3_stmt *q = s->q[Q_POSITION];
    sqlite3_bind_int64(q, 1, epoch);
    sqlite3_bind_int64(q, 2, worker);
    sqlite3_bind_int64(q, 3, (int64_t)position);
    sqlite3_bind_int64(q, 4, (int64_t)seq);
    sqlite3_bind_int(q, 5, closed);
    return store_run(s, Q_POSITION);
}

bool store_damage(struct store *s, int64_t at_us, str what)
{
    sqlite3_bind_int64(s->q[Q_DAMAGE], 1, at_us);
    sqlite3_bind_text(s->q[Q_DAMAGE], 2, what.p, (int)what.n, SQLITE_STATIC);
    return store_run(s, Q_DAMAGE);
}

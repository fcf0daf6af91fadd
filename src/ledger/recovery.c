#include "ledger/inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A start reads every segment that is left, once: which holds have no end, and what
 * was spent in records that are not stored yet. Records are stored later, by the
 * store thread, from the position that the last transaction left. */

struct past_position {
    uint32_t epoch, worker;
    uint64_t position, seq;
    bool closed, seen;
};

struct recovery {
    struct ledger *l;
    struct buf *why;
    struct past_position *positions;
    size_t position_count;
    uint32_t epoch; /* the highest one seen */
};

/* ---- what the store knows */

static bool read_positions(struct recovery *r)
{
    sqlite3_stmt *q = NULL;
    size_t cap = 0;
    const char *sql = "SELECT epoch, worker, position, seq, closed FROM positions ORDER BY epoch, worker";
    if (sqlite3_prepare_v2(store_db(r->l->store), sql, -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        if (r->position_count == cap) {
            cap = cap ? cap * 2 : 64;
            r->positions = mem_realloc(r->positions, cap * sizeof(*r->positions));
        }
        r->positions[r->position_count++] = (struct past_position){
            .epoch = (uint32_t)sqlite3_column_int64(q, 0),
            .worker = (uint32_t)sqlite3_column_int64(q, 1),
            .position = (uint64_t)sqlite3_column_int64(q, 2),
            .seq = (uint64_t)sqlite3_column_int64(q, 3),
            .closed = sqlite3_column_int(q, 4) != 0,
        };
        if ((uint32_t)sqlite3_column_int64(q, 0) > r->epoch) r->epoch = (uint32_t)sqlite3_column_int64(q, 0);
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

static struct past_position *position_of(struct recovery *r, uint32_t epoch, uint32_t worker)
{
    for (size_t i = 0; i < r->position_count; i++) {
        if (r->positions[i].epoch == epoch && r->positions[i].worker == worker) return &r->positions[i];
    }
    return NULL;
}

static bool read_kept_holds(struct recovery *r)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT attempt_id FROM open_holds";
    if (sqlite3_prepare_v2(store_db(r->l->store), sql, -1, &q, NULL) != SQLITE_OK) return false;
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) holds_put(&r->l->holds, (uint64_t)sqlite3_column_int64(q, 0), NULL, 0);
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

/* ---- reading what is left of the journals */

static void remember_cell(struct ledger *l, const struct record *record)
{
    struct record_cell cell;
    if (!record_cell(record, &cell)) return;
    if (l->named_count == l->named_cap) {
        l->named_cap = l->named_cap ? l->named_cap * 2 : 64;
        l->named = mem_realloc(l->named, l->named_cap * sizeof(*l->named));
    }
    cell.budget = arena_str(&l->named_texts, cell.budget);
    cell.value = arena_str(&l->named_texts, cell.value);
    l->named[l->named_count++] = cell;
}

static void remember_amounts(struct ledger *l, const struct record *record)
{
    struct ledger_cell cells[ROW_CELLS_MAX];
    uint32_t count;
    if (!record_amounts(record, cells, &count)) return;
    for (uint32_t i = 0; i < count; i++) amounts_add(&l->tail, cells[i].key, cells[i].amount);
}

static void scan(struct recovery *r, struct chain *c)
{
    struct ledger *l = r->l;
    struct chain_cursor at = chain_begin(c);
    struct record record;
    struct segment *reading = c->first;
    while (chain_next(&at, UINT64_MAX, &record, r->why) == CHAIN_RECORD) {
        /* what was read stays in the page cache, not in our memory */
        for (; reading != at.segment; reading = reading->next) madvise(reading->map, reading->size, MADV_DONTNEED);
        bool stored = POSITION(at.segment->id.number, record.offset) < c->position;
        struct open_hold was;
        switch (record.kind) {
        case RECORD_HOLD:
        case RECORD_PROGRESS:
            holds_put(&l->holds, record_attempt(&record), at.segment, record.offset);
            break;
        case RECORD_POST:
            if (!stored) remember_amounts(l, &record);
            holds_remove(&l->holds, record_attempt(&record), &was);
            break;
        case RECORD_VOID:
            holds_remove(&l->holds, record_attempt(&record), &was);
            break;
        case RECORD_CELL:
            if (!stored) remember_cell(l, &record);
            break;
        }
    }
}

static void keep_spare(struct ledger *l, struct segment_id id)
{
    l->spares = mem_realloc(l->spares, (l->spare_count + 1) * sizeof(*l->spares));
    l->spares[l->spare_count++] = id;
}

/* Segments at the end that were never written to serve again. */
static void take_spares(struct ledger *l, struct chain *c)
{
    for (;;) {
        struct segment **last = &c->first;
        while (*last && (*last)->next) last = &(*last)->next;
        struct segment *s = *last;
        if (!s || s->damaged || s->id.number <= POSITION_NUMBER(c->position) || !segment_unused(s)) return;
        keep_spare(l, s->id);
        segment_drop(s);
        *last = NULL;
    }
}

static void add_chain(struct ledger *l, const struct chain *c)
{
    l->chains = mem_realloc(l->chains, (l->chain_count + 1) * sizeof(*l->chains));
    l->chains[l->chain_count++] = *c;
}

/* Of a journal that was stored to its end: a crash came before its files were removed. */
static bool is_stale(const struct past_position *p, struct segment_id id)
{
    return p && p->closed && id.number <= POSITION_NUMBER(p->position);
}

/* Adds a segment to the end of a chain. One that is no segment is put aside: left where it is, it would be taken for
 * stored once the journal is. Fails: false where the system refuses it, which a later start may not. */
static bool open_segment(struct recovery *r, struct segment_id id, struct segment ***last)
{
    size_t told = r->why->n;
    struct segment *s = segment_open(r->l->journal_fd, id, r->why);
    if (!s && (errno || !segment_unlink(r->l->journal_fd, id, true))) return false;
    if (r->why->n > told) buf_add_byte(r->why, '\n');
    if (!s) return true;
    **last = s;
    *last = &s->next;
    return true;
}

/* One journal's segments: `count` of them, in order. Fails: as open_segment(). */
static bool open_chain(struct recovery *r, const struct segment_id *ids, size_t count)
{
    struct ledger *l = r->l;
    struct past_position *p = position_of(r, ids[0].epoch, ids[0].worker);
    struct chain c = {.epoch = ids[0].epoch, .worker = ids[0].worker};
    struct segment **last = &c.first;
    if (p) {
        p->seen = true;
        c.position = p->position;
        c.seq = p->seq;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_stale(p, ids[i])) {
            segment_unlink(l->journal_fd, ids[i], false);
        } else if (!open_segment(r, ids[i], &last)) {
            chain_free(&c);
            return false;
        }
    }
    if (ids[0].epoch > r->epoch) r->epoch = ids[0].epoch;
    take_spares(l, &c);
    if (p && p->closed && !c.first) return true;
    /* the segment that holds the stored position is never removed before the next one is begun */
    uint32_t due = POSITION_NUMBER(c.position) ? POSITION_NUMBER(c.position) : 1;
    if (c.first && c.first->id.number > due)
        buf_printf(r->why, "journal %u/%u: segments %u to %u are missing\n", c.epoch, c.worker, due,
                   c.first->id.number - 1);
    scan(r, &c);
    add_chain(l, &c);
    return true;
}

static bool open_chains(struct recovery *r)
{
    struct segment_id *ids = NULL;
    size_t count = 0;
    if (!segments_list(r->l->journal_fd, true, &ids, &count)) {
        buf_printf(r->why, "%s/journal: %s", r->l->dir, strerror(errno));
        return false;
    }
    bool ok = true;
    for (size_t from = 0, to; from < count && ok; from = to) {
        for (to = from + 1; to < count && ids[to].epoch == ids[from].epoch && ids[to].worker == ids[from].worker;) to++;
        ok = open_chain(r, ids + from, to - from);
    }
    free(ids);
    if (!ok) return false;
    /* journals without any file: nothing was appended, or somebody removed them */
    for (size_t i = 0; i < r->position_count; i++) {
        const struct past_position *p = &r->positions[i];
        if (p->closed || p->seen) continue;
        if (p->position) buf_printf(r->why, "journal %u/%u: all segments are missing\n", p->epoch, p->worker);
        struct chain c = {.epoch = p->epoch, .worker = p->worker, .position = p->position, .seq = p->seq};
        add_chain(r->l, &c);
    }
    return true;
}

/* ---- this boot */

static bool begin_epoch(struct recovery *r)
{
    struct ledger *l = r->l;
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT value FROM meta WHERE name = 'epoch'";
    if (sqlite3_prepare_v2(store_db(l->store), sql, -1, &q, NULL) != SQLITE_OK) return false;
    if (sqlite3_step(q) == SQLITE_ROW && (uint32_t)sqlite3_column_int64(q, 0) > r->epoch)
        r->epoch = (uint32_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    l->epoch = r->epoch + 1;
    char set[96];
    sqlite3_snprintf(sizeof(set), set, "INSERT OR REPLACE INTO meta (name, value) VALUES ('epoch', %u)", l->epoch);
    bool ok = store_begin(l->store) && sqlite3_exec(store_db(l->store), set, NULL, NULL, NULL) == SQLITE_OK;
    for (unsigned w = 0; w < l->journal_count && ok; w++) {
        struct chain c = {.epoch = l->epoch, .worker = w, .live = &l->journals[w]};
        l->journals[w].epoch = l->epoch;
        ok = store_position(l->store, l->epoch, w, 0, 0, false);
        add_chain(l, &c);
    }
    if (ok && store_commit(l->store)) return true;
    store_rollback(l->store);
    return false;
}

/* What a call that was cut off by a crash cost, as far as it is known. */
static void estimate(struct row *row, bool progressed)
{
    struct row_numbers *n = &row->n;
    picousd held = n->held_picousd, cost = n->cost_picousd;
    if (!progressed && cost <= 0) cost = held;
    if (held > 0 && cost > held) cost = held;
    for (uint32_t i = 0; i < row->cell_count; i++) {
        if (row->cells[i].amount == held) row->cells[i].amount = cost; /* a money cell; others keep what they held */
    }
    if (cost != n->cost_picousd) memset(n->cost_by_unit, 0, sizeof(n->cost_by_unit));
    n->cost_picousd = cost;
    n->cost_max_picousd = cost > held ? cost : held;
    if (n->cost_state == COST_EXACT) n->cost_state = COST_ESTIMATED;
    n->err = ERR_CRASH;
    n->wasted = 1;
    if (n->ended_us < n->at_us) n->ended_us = n->at_us;
}

/* Appends the end of one hold to this boot's first journal. */
static bool end_hold(struct recovery *r, const struct record *record)
{
    struct ledger *l = r->l;
    struct journal *j = &l->journals[0];
    struct row row;
    if (!record_row(record, &row)) {
        buf_printf(r->why, "attempt %" PRIu64 ": its hold cannot be read and is given up\n", record_attempt(record));
        atomic_fetch_add(&l->errors, 1);
        return true;
    }
    estimate(&row, record->kind == RECORD_PROGRESS);
    while (!journal_append(j, JOURNAL_POST, &row)) {
        if (!ledger_make_segment_now(l, j)) {
            buf_printf(r->why, "%s/journal: no room to end the calls that a crash cut off: %s", l->dir,
                       strerror(errno));
            return false;
        }
    }
    for (uint32_t i = 0; i < row.cell_count; i++) amounts_add(&l->tail, row.cells[i].key, row.cells[i].amount);
    return true;
}

static bool end_kept_hold(struct recovery *r, uint64_t attempt_id)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(store_db(r->l->store), "SELECT record FROM open_holds WHERE attempt_id = ?", -1, &q,
                                 NULL) == SQLITE_OK;
    if (ok) sqlite3_bind_int64(q, 1, (int64_t)attempt_id);
    int rc = ok ? sqlite3_step(q) : SQLITE_ERROR;
    if (rc == SQLITE_ROW) {
        struct record record = record_view(sqlite3_column_blob(q, 0), (uint32_t)sqlite3_column_bytes(q, 0));
        ok = end_hold(r, &record);
    } else if (rc != SQLITE_DONE) { /* a call that is not ended now would never be */
        buf_printf(r->why, "%s/purser.db: %s", r->l->dir, sqlite3_errmsg(store_db(r->l->store)));
        ok = false;
    }
    sqlite3_finalize(q);
    return ok;
}

/* They stay in the table until the store thread has stored their ends: a segment
 * that goes before takes them along into the store. */
static bool end_open_holds(struct recovery *r)
{
    size_t at = 0;
    for (const struct open_hold *h; (h = holds_next(&r->l->holds, &at));) {
        struct record record;
        if (!h->segment) {
            if (!end_kept_hold(r, h->attempt_id)) return false;
            continue;
        }
        const struct segment *s = h->segment;
        if (record_read(s->map, SEGMENT_BYTES, s->seed, h->offset, &record) != RECORD_FOUND) continue;
        if (!end_hold(r, &record)) return false;
    }
    return true;
}

bool ledger_recover(struct ledger *l, struct buf *why)
{
    struct recovery r = {.l = l, .why = why};
    bool ok = read_positions(&r) && read_kept_holds(&r);
    if (ok)
        ok = open_chains(&r) && (begin_epoch(&r) || (buf_printf(why, "%s", store_fault(l->store)), false));
    else
        buf_printf(why, "%s/purser.db: %s", l->dir, sqlite3_errmsg(store_db(l->store)));
    if (ok) ok = end_open_holds(&r);
    free(r.positions);
    return ok;
}

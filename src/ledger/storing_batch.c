/* Journals of earlier starts come first, in order, so that an end which a start wrote for them is met behind its hold. */
#include "ledger/storing_inside.h"

#include "base/time.h"

#include <errno.h>

enum { BATCH_RECORDS = 32 * 1024 };

/* ---- one record */

static bool store_end(struct storing *t, const struct record *r)
{
    struct ledger *l = t->l;
    struct open_hold was;
    holds_remove(&l->holds, record_attempt(r), &was);
    return store_holds_kept(l->store) == 0 || store_hold_end(l->store, record_attempt(r));
}

static bool store_row(struct storing *t, const struct record *r)
{
    struct row row;
    if (!record_row(r, &row)) {
        buf_printf(&t->damage, "attempt %llu: its record cannot be read\n", (unsigned long long)record_attempt(r));
        return true;
    }
    enum store_result result = store_post(t->l->store, &row);
    if (result == STORE_DOUBLE)
        buf_printf(&t->damage, "attempt %llu was posted twice; the first post stands\n",
                   (unsigned long long)row.n.attempt_id);
    t->posts += result == STORE_DONE;
    return result != STORE_FAILED;
}

static bool store_record(struct storing *t, struct segment *segment, const struct record *r)
{
    struct record_cell cell;
    switch (r->kind) {
    case RECORD_HOLD:
    case RECORD_PROGRESS:
        holds_put(&t->l->holds, record_attempt(r), segment, r->offset);
        return true;
    case RECORD_POST:
        return store_row(t, r) && store_end(t, r);
    case RECORD_VOID:
        return store_end(t, r);
    case RECORD_CELL:
        return !record_cell(r, &cell) || store_cell(t->l->store, &cell);
    }
    return true;
}

/* ---- one chain */

static uint64_t limit_of(const struct chain *c)
{
    return c->live ? atomic_load_explicit(&c->live->synced, memory_order_acquire) : UINT64_MAX;
}

/* Where reading begins, once there is something to read. */
static bool begin_reading(struct chain *c, struct reading *reading)
{
    if (reading->begun) return true;
    if (c->live) {
        if (!limit_of(c)) return false;
        c->first = c->live->chain_first;
    }
    reading->committed = chain_resume(c);
    reading->at = reading->committed;
    reading->begun = true;
    return true;
}

/* Holds whose latest record lies in a segment that is passed go into the store:
 * so the segment may go, however long a call lasts. */
static bool keep_holds(struct storing *t, const struct chain *c, const struct reading *reading)
{
    struct ledger *l = t->l;
    uint32_t up_to = reading->finished ? UINT32_MAX : reading->at.segment->id.number;
    bool any = false;
    for (const struct segment *s = c->first; s && s->id.number < up_to; s = s->next) any = any || s->open_holds;
    size_t at = 0;
    for (const struct open_hold *h; any && (h = holds_next(&l->holds, &at));) {
        const struct segment *s = h->segment;
        if (!s || s->id.epoch != c->epoch || s->id.worker != c->worker || s->id.number >= up_to) continue;
        struct record r;
        if (record_read(s->map, SEGMENT_BYTES, s->seed, h->offset, &r) != RECORD_FOUND) continue;
        if (!store_hold_keep(l->store, &r)) return false;
    }
    return true;
}

/* The transaction that kept them is committed. */
static void mark_kept(struct ledger *l, const struct chain *c)
{
    uint32_t up_to = c->closed ? UINT32_MAX : POSITION_NUMBER(c->position);
    bool any = false;
    for (const struct segment *s = c->first; s && s->id.number < up_to; s = s->next) any = any || s->open_holds;
    size_t at = 0;
    for (struct open_hold *h; any && (h = holds_next(&l->holds, &at));) {
        struct segment *s = h->segment;
        if (!s || s->id.epoch != c->epoch || s->id.worker != c->worker || s->id.number >= up_to) continue;
        s->open_holds--;
        h->segment = NULL;
    }
}

/* Reads one chain into the running transaction, up to `most` records. */
static bool store_chain(struct storing *t, struct chain *c, struct reading *reading, uint32_t most)
{
    struct record r;
    uint64_t limit = limit_of(c);
    uint32_t before = t->records;
    most += before;
    size_t told = t->damage.n;
    while (t->records < most) {
        if (chain_next(&reading->at, limit, &r, &t->damage) == CHAIN_END) {
            reading->finished = !c->live;
            break;
        }
        t->records++;
        if (!store_record(t, reading->at.segment, &r)) return false;
    }
    if (t->damage.n > told && reading->at.segment) reading->at.segment->damaged = true;
    reading->records = t->records - before;
    if (!reading->records && !reading->finished && t->damage.n == told) return true;
    if (reading->at.segment && !keep_holds(t, c, reading)) return false;
    uint64_t position = reading->at.segment ? chain_position(&reading->at) : c->position;
    return store_position(t->l->store, c->epoch, c->worker, position, reading->at.seq, reading->finished);
}

/* ---- one batch */

static bool store_damages(struct storing *t)
{
    str rest = buf_str(&t->damage);
    while (rest.n) {
        str line = str_cut(&rest, '\n');
        if (line.n && !store_damage(t->l->store, time_now_us(), line)) return false;
    }
    return true;
}

static uint64_t count_lines(str s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += s.p[i] == '\n';
    return n;
}

static bool fill_batch(struct storing *t)
{
    struct ledger *l = t->l;
    for (size_t i = 0; i < l->chain_count; i++) {
        struct chain *c = &l->chains[i];
        struct reading *reading = &t->reading[i];
        if (c->closed || !begin_reading(c, reading)) continue;
        uint32_t most = c->live ? BATCH_RECORDS / l->journal_count : BATCH_RECORDS - t->records;
        if (!store_chain(t, c, reading, most)) return false;
        if (!c->live && !reading->finished) break; /* this one first */
    }
    return store_damages(t);
}

/* Removes the segments that this chain no longer needs. */
static void release_segments(struct storing *t, struct chain *c)
{
    struct ledger *l = t->l;
    while (c->first && (c->closed || c->first->id.number < POSITION_NUMBER(c->position))) {
        struct segment *s = c->first;
        if (!segment_unlink(l->journal_fd, s->id, s->damaged) && errno != ENOENT) storing_count_errors(l, 1);
        c->first = s->next;
        segment_drop(s);
    }
}

static bool may_release(const struct chain *c)
{
    return c->first && (c->closed || c->first->id.number < POSITION_NUMBER(c->position));
}

static void take_over(struct storing *t)
{
    struct ledger *l = t->l;
    bool release = false;
    for (size_t i = 0; i < l->chain_count; i++) {
        struct chain *c = &l->chains[i];
        struct reading *reading = &t->reading[i];
        if (c->closed || !reading->begun) continue;
        reading->committed = reading->at;
        if (reading->at.segment) c->position = chain_position(&reading->at);
        c->seq = reading->at.seq;
        c->closed = reading->finished;
        if (c->live) atomic_store_explicit(&c->live->stored, c->position, memory_order_release);
        mark_kept(l, c);
        release = release || may_release(c);
    }
    if (!release) return;
    if (!store_sync(l->store)) { /* a segment goes only when its rows are durable */
        storing_count_errors(l, 1);
        return;
    }
    for (size_t i = 0; i < l->chain_count; i++) {
        if (may_release(&l->chains[i])) release_segments(t, &l->chains[i]);
    }
}

bool storing_has_work(const struct storing *t)
{
    const struct ledger *l = t->l;
    for (size_t i = 0; i < l->chain_count; i++) {
        const struct chain *c = &l->chains[i];
        if (!c->closed && (!c->live || limit_of(c) > c->position)) return true;
    }
    return false;
}

void storing_publish(struct storing *t)
{
    struct ledger *l = t->l;
    uint64_t waiting = 0, left = 0;
    for (size_t i = 0; i < l->chain_count; i++) {
        const struct chain *c = &l->chains[i];
        if (c->closed) continue;
        left += !c->live;
        for (const struct segment *s = c->live ? NULL : c->first; s; s = s->next) waiting += SEGMENT_BYTES;
        if (c->live && limit_of(c) > c->position) waiting += limit_of(c) - c->position;
    }
    atomic_store(&l->bytes_waiting, waiting);
    atomic_store(&l->chains_left, left);
    atomic_store(&l->rows, store_total(l->store, TOTAL_ROWS) - store_total(l->store, TOTAL_RETIRED_ROWS));
    atomic_store(&l->open_holds, l->holds.count);
    atomic_store(&l->oldest_us, waiting ? time_mono_us() : 0);
}

bool storing_batch(struct storing *t)
{
    struct ledger *l = t->l;
    t->records = t->posts = 0;
    buf_clear(&t->damage);
    if (store_begin(l->store) && fill_batch(t) && store_commit(l->store)) {
        storing_count_errors(l, count_lines(buf_str(&t->damage)));
        atomic_fetch_add(&l->stored, t->records);
        take_over(t);
        storing_publish(t);
        return true;
    }
    store_rollback(l->store);
    ledger_refused(l);
    for (size_t i = 0; i < l->chain_count; i++) {
        t->reading[i].at = t->reading[i].committed;
        t->reading[i].finished = false;
    }
    return false;
}

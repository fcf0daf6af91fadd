#include "ledger/inside.h"

#include "base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* The store thread: synced records into SQLite, one transaction a batch, in which
 * the position reached is stored too: a record is there exactly once. Journals of
 * earlier starts come first, in order, so that an end which a start wrote for them
 * is met behind its hold. */

enum {
    BATCH_RECORDS = 32 * 1024,
    RETRY_US = 200 * 1000,
    RETIRE_ROWS = 512, /* a transaction of retention */
    RETIRE_PAGES = 256,
    RETIRE_EVERY_US = 1000 * 1000,
    PACK_ROWS = 4096,         /* of a rollup, between two looks at the clock */
    PACK_FOR_US = 100 * 1000, /* at least, even where there is something to store */
    PACK_EVERY_US = 60 * 1000 * 1000,
    STOP_TRIES = 3,
    /* under load batches gather: rollups and commits cost by the batch, rows by the row */
    GATHER_US = 500 * 1000,
    LOAD_PER_SECOND = 500, /* records up to the batch before: that is load */
};

/* One chain, as the running batch has it. */
struct reading {
    struct chain_cursor committed, at;
    bool begun, finished;
    uint32_t records;
};

struct storing {
    struct ledger *l;
    struct reading *reading; /* one a chain */
    uint32_t records, posts; /* of this batch */
    struct buf damage;
    int64_t stored_us; /* when something was stored last */
    int64_t retired_us, packed_us;
};

static void count_errors(struct ledger *l, uint64_t n)
{
    atomic_fetch_add_explicit(&l->errors, n, memory_order_relaxed);
}

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
        if (!segment_unlink(l->journal_fd, s->id, s->damaged) && errno != ENOENT) count_errors(l, 1);
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
        count_errors(l, 1);
        return;
    }
    for (size_t i = 0; i < l->chain_count; i++) {
        if (may_release(&l->chains[i])) release_segments(t, &l->chains[i]);
    }
}

static bool anything_to_store(const struct storing *t)
{
    const struct ledger *l = t->l;
    for (size_t i = 0; i < l->chain_count; i++) {
        const struct chain *c = &l->chains[i];
        if (!c->closed && (!c->live || limit_of(c) > c->position)) return true;
    }
    return false;
}

static void publish_state(struct storing *t)
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

/* One transaction. Fails: false, with nothing changed. */
static bool store_batch(struct storing *t)
{
    struct ledger *l = t->l;
    t->records = t->posts = 0;
    buf_clear(&t->damage);
    if (store_begin(l->store) && fill_batch(t) && store_commit(l->store)) {
        count_errors(l, count_lines(buf_str(&t->damage)));
        atomic_fetch_add(&l->stored, t->records);
        take_over(t);
        publish_state(t);
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

/* ---- retention and wishes */

/* One slice. Returns whether there may be more. */
static bool retire(struct storing *t)
{
    struct ledger *l = t->l;
    const struct ledger_options *o = &l->options;
    if (!o->keep_rows && !o->keep_us) return false;
    int64_t before_us = o->keep_us ? time_now_us() - o->keep_us : INT64_MIN;
    uint32_t deleted = 0;
    if (!store_begin(l->store) || !store_retire(l->store, before_us, (uint64_t)o->keep_rows, RETIRE_ROWS, &deleted) ||
        !store_commit(l->store)) {
        store_rollback(l->store);
        count_errors(l, 1);
        return false;
    }
    if (deleted && !store_shrink(l->store, RETIRE_PAGES)) count_errors(l, 1);
    publish_state(t);
    return deleted == RETIRE_ROWS;
}

/* Does anybody want this thread? */
static bool is_wanted(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    bool wanted = l->work || l->stop_store || l->forget || l->flushing;
    pthread_mutex_unlock(&l->lock);
    return wanted;
}

/* Packs days that are over. An hour later, since a row counts for the day in which its
 * call was admitted. Under load it takes its time all the same: while a day is being
 * read, SQLite cannot begin its write-ahead log anew. */
static void pack(struct storing *t)
{
    struct ledger *l = t->l;
    if (t->packed_us && time_mono_us() - t->packed_us < PACK_EVERY_US) return;
    int64_t until_us = time_mono_us() + PACK_FOR_US;
    enum store_packed step;
    do {
        step = store_pack(l->store, time_now_us() - US_PER_HOUR, PACK_ROWS);
    } while (step == STORE_PACK_MORE && (time_mono_us() < until_us || !is_wanted(l)));
    if (step == STORE_PACK_FAILED) count_errors(l, 1);
    t->packed_us = step == STORE_PACK_MORE ? 0 : time_mono_us();
}

/* A store of before rollup_mix: its rows, between other work. */
static void fill_mix(struct storing *t)
{
    struct ledger *l = t->l;
    int64_t until_us = time_mono_us() + PACK_FOR_US;
    bool whole = false, ok = true;
    while (ok && !whole && (time_mono_us() < until_us || !is_wanted(l)))
        ok = store_mix_fill(l->store, PACK_ROWS, &whole);
    if (!ok) count_errors(l, 1);
    if (whole) return;
    pthread_mutex_lock(&l->lock);
    l->work = true; /* more of it in the next turn */
    pthread_mutex_unlock(&l->lock);
}

static void grant_wishes(struct storing *t, struct forget_wish *wishes)
{
    for (struct forget_wish *w = wishes, *next; w; w = next) {
        next = w->next;
        struct store *s = t->l->store;
        if (!store_begin(s) || !store_forget_cells(s, str_of(w->budget, w->budget_bytes), w->before_us) ||
            !store_commit(s)) {
            store_rollback(s);
            count_errors(t->l, 1);
        }
        free(w);
    }
}

/* ---- the thread */

static void wait_until(struct ledger *l, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / US_PER_SECOND;
    until.tv_nsec += us % US_PER_SECOND * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&l->store_wake, &l->lock, &until);
}

/* Sleeps until there is something to do; says whether the thread shall end. */
static bool wait_for_work(struct storing *t, struct forget_wish **wishes)
{
    struct ledger *l = t->l;
    bool keeps = l->options.keep_rows || l->options.keep_us;
    pthread_mutex_lock(&l->lock);
    while (!l->work && !l->stop_store && !l->forget) {
        if (!keeps) {
            pthread_cond_wait(&l->store_wake, &l->lock);
            continue;
        }
        wait_until(l, 10 * RETIRE_EVERY_US);
        break;
    }
    l->work = false;
    *wishes = l->forget;
    l->forget = NULL;
    bool stop = l->stop_store;
    pthread_mutex_unlock(&l->lock);
    return stop;
}

/* Lets a batch grow, unless somebody waits for it. */
static void gather(struct ledger *l)
{
    int64_t until_us = time_mono_us() + GATHER_US;
    pthread_mutex_lock(&l->lock);
    l->gathering = true;
    for (int64_t now_us = time_mono_us(); now_us < until_us && !l->stop_store && !l->flushing;
         now_us = time_mono_us()) {
        wait_until(l, until_us - now_us);
    }
    l->gathering = false;
    l->work = false; /* what came meanwhile is stored now */
    pthread_mutex_unlock(&l->lock);
}

static void tell_stored(struct ledger *l, bool ended)
{
    pthread_mutex_lock(&l->lock);
    l->store_ended = ended;
    pthread_cond_broadcast(&l->stored_wake);
    pthread_mutex_unlock(&l->lock);
}

/* Stores what there is. Fails: false when the store refuses; the caller waits and tries again. */
static bool store_all(struct storing *t)
{
    while (anything_to_store(t)) {
        if (!store_batch(t)) return false;
        tell_stored(t->l, false);
    }
    return true;
}

/* Stores, and learns whether records come so fast that the next batch shall gather. */
static bool store_and_learn(struct storing *t, bool *load)
{
    const _Atomic uint64_t *stored = &t->l->stored;
    uint64_t before = atomic_load_explicit(stored, memory_order_relaxed);
    bool ok = store_all(t);
    uint64_t records = atomic_load_explicit(stored, memory_order_relaxed) - before;
    int64_t now_us = time_mono_us();
    if (records == 0) return ok;
    *load = (int64_t)records * US_PER_SECOND >= LOAD_PER_SECOND * (now_us - t->stored_us);
    t->stored_us = now_us;
    return ok;
}

static void pause_after_failure(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    if (!l->stop_store) wait_until(l, RETRY_US);
    l->work = true;
    pthread_mutex_unlock(&l->lock);
}

void *ledger_store_main(void *ledger)
{
    struct ledger *l = ledger;
    struct storing t = {.l = l, .reading = mem_zalloc(l->chain_count * sizeof(*t.reading))};
    buf_init(&t.damage, 1024 * 1024);
    unsigned tries = 0;
    bool load = false;
    for (bool stop = false; !stop;) {
        struct forget_wish *wishes;
        bool asked = wait_for_work(&t, &wishes);
        if (!asked && load) gather(l);
        bool ok = store_and_learn(&t, &load);
        grant_wishes(&t, wishes);
        if (!ok) pause_after_failure(l);
        /* what a failing store does not take stays in the journal, for the next start */
        stop = asked && (ok || ++tries == STOP_TRIES);
        if (!ok || stop) continue;
        pack(&t);
        fill_mix(&t);
        if (time_mono_us() - t.retired_us < RETIRE_EVERY_US) continue;
        while (retire(&t) && !anything_to_store(&t)) continue;
        t.retired_us = time_mono_us();
    }
    tell_stored(l, true);
    free(t.reading);
    buf_free(&t.damage);
    return NULL;
}

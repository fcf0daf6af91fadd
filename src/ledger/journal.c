#include "ledger/inside.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A post must always fit once its call was admitted. Each open hold therefore keeps
 * RECORD_TRIMMED_MAX bytes free: enough for its end with the texts cut short, which
 * is how a post is written when nothing else is left. */

void sleeper_wake(struct sleeper *s)
{
    if (atomic_exchange(&s->asleep, 0)) syscall(SYS_futex, &s->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void journal_give(struct journal *j, struct segment *s)
{
    if (!j->chain_first) j->chain_first = j->syncing = s;
    if (j->last) j->last->next = s;
    j->last = s;
    uint32_t put = atomic_load_explicit(&j->ready_put, memory_order_relaxed);
    j->ready[put % READY_MAX] = s;
    atomic_store_explicit(&j->ready_put, put + 1, memory_order_release);
}

/* What was taken first: what is made meanwhile is more, and none is taken that was not made. */
uint32_t journal_segments_ready(const struct journal *j)
{
    uint32_t taken = atomic_load_explicit(&j->ready_taken, memory_order_acquire);
    return atomic_load_explicit(&j->ready_put, memory_order_acquire) - taken;
}

/* Bytes that are sure to be usable when `at` bytes of this segment are used and
 * `ready` others wait, whatever a record at a segment's end leaves unused. */
static uint64_t usable(uint32_t at, uint32_t ready)
{
    uint64_t here = at + RECORD_TRIMMED_MAX < SEGMENT_END ? SEGMENT_END - RECORD_TRIMMED_MAX - at : 0;
    return here + (uint64_t)ready * (SEGMENT_END - SEGMENT_HEAD_BYTES - RECORD_TRIMMED_MAX);
}

static uint64_t needed(uint64_t open)
{
    return (open + 1) * RECORD_TRIMMED_MAX + 2 * RECORD_MAX;
}

bool journal_ready(const struct journal *j)
{
    return usable(j->segment ? j->at : SEGMENT_END, journal_segments_ready(j)) >= needed(j->open);
}

/* The place first: a segment that a worker takes meanwhile is counted neither as its own nor as ready, never as both. */
bool journal_seen_ready(const struct journal *j)
{
    uint64_t appended = atomic_load_explicit(&j->appended, memory_order_acquire);
    uint32_t at = appended ? POSITION_OFFSET(appended) : SEGMENT_END;
    return usable(at, journal_segments_ready(j)) >= needed(atomic_load_explicit(&j->open_now, memory_order_relaxed));
}

uint64_t journal_next_id(struct journal *j)
{
    return (uint64_t)j->epoch << ID_EPOCH_SHIFT | ++j->counter << ID_COUNTER_SHIFT | j->worker;
}

/* Would `length` more bytes leave room for the ends of `open` holds? */
static bool fits(const struct journal *j, uint32_t length, uint64_t open)
{
    uint32_t ready = journal_segments_ready(j);
    if (j->segment && SEGMENT_END - j->at >= length) return usable(j->at + length, ready) >= open * RECORD_TRIMMED_MAX;
    if (!ready) return false;
    /* the new segment's place is counted as this one's */
    uint64_t left = SEGMENT_END - SEGMENT_HEAD_BYTES - RECORD_TRIMMED_MAX - length;
    return left + usable(SEGMENT_END, ready - 1) >= open * RECORD_TRIMMED_MAX;
}

/* The place for `length` bytes: here or in the next segment. Fails: false. */
static bool make_room(struct journal *j, uint32_t length)
{
    if (j->segment && SEGMENT_END - j->at >= length) return true;
    uint32_t taken = atomic_load_explicit(&j->ready_taken, memory_order_relaxed);
    if (atomic_load_explicit(&j->ready_put, memory_order_acquire) == taken) return false;
    j->segment = j->ready[taken % READY_MAX];
    j->at = SEGMENT_HEAD_BYTES;
    atomic_store_explicit(&j->ready_taken, taken + 1, memory_order_release);
    return true;
}

static uint64_t appended(struct journal *j, uint32_t length)
{
    j->at += length;
    j->seq++;
    uint64_t position = POSITION(j->segment->id.number, j->at);
    atomic_store_explicit(&j->records, j->seq, memory_order_relaxed);
    atomic_store_explicit(&j->open_now, j->open, memory_order_relaxed);
    atomic_store_explicit(&j->appended, position, memory_order_release);
    /* No fence: before it sleeps deeply the sync thread puts one into this thread
     * (membarrier), so that either it sees the record or this sees it asleep. */
    if (atomic_load_explicit(&j->sleeper->asleep, memory_order_relaxed)) sleeper_wake(j->sleeper);
    return position;
}

static uint64_t *open_word(struct journal *j, uint64_t attempt_id, uint64_t *bit)
{
    uint64_t counter = attempt_id >> ID_COUNTER_SHIFT & (OPEN_BITS - 1);
    *bit = UINT64_C(1) << counter % 64;
    return &j->open_bits[counter / 64];
}

uint64_t journal_append(struct journal *j, enum journal_kind kind, const struct row *row)
{
    static const enum record_kind kinds[] = {
        [JOURNAL_HOLD] = RECORD_HOLD,
        [JOURNAL_PROGRESS] = RECORD_PROGRESS,
        [JOURNAL_POST] = RECORD_POST,
        [JOURNAL_VOID] = RECORD_VOID,
    };
    uint64_t bit, *word = open_word(j, row->n.attempt_id, &bit), was = *word & bit;
    bool ends = kind == JOURNAL_POST || kind == JOURNAL_VOID;
    uint64_t open = j->open + (kind == JOURNAL_HOLD && !was) - (ends && was);
    struct record_plan plan;
    record_plan(&plan, kinds[kind], row, 0);
    if (!fits(j, plan.length, open)) {
        if (!ends) return 0;
        record_plan(&plan, kinds[kind], row, RECORD_TRIM_TEXT);
        if (!was && !fits(j, plan.length, open)) return 0;
    }
    if (!make_room(j, plan.length)) return 0;
    record_write(j->segment->map, j->at, j->segment->seed, j->seq + 1, &plan, row);
    *word = kind == JOURNAL_HOLD ? *word | bit : ends ? *word & ~bit : *word;
    j->open = open;
    return appended(j, plan.length);
}

uint64_t journal_append_cell(struct journal *j, uint64_t key, str budget, str value, int64_t window_start_us)
{
    struct record_cell cell = {.key = key, .window_start_us = window_start_us, .budget = budget, .value = value};
    uint32_t length = record_cell_length(&cell);
    if (!fits(j, length, j->open) || !make_room(j, length)) return 0;
    record_cell_write(j->segment->map, j->at, j->segment->seed, j->seq + 1, &cell);
    return appended(j, length);
}

bool journal_synced(const struct journal *j, uint64_t position)
{
    return atomic_load_explicit(&j->synced, memory_order_acquire) >= position;
}

#include "ledger/inside.h"

#include "base/time.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The sync thread: a group sync every sync_us while something is appended, segments
 * made ahead a slice at a time, deep sleep when nothing has happened for a second. */

enum {
    PAGE = 4096,
    AWAKE_US = 1000 * 1000, /* goes on polling this long behind the last record */
    RETRY_US = 200 * 1000,  /* behind a failure */
    SHALLOW_US = 50 * 1000, /* without membarrier(): the longest sleep */
    BUSY_BYTES = 64 * 1024, /* appended in one round: then pages are touched ahead */
};

static void count_error(struct ledger *l)
{
    atomic_fetch_add_explicit(&l->errors, 1, memory_order_relaxed);
}

/* Writes a range of one segment to the disk. */
static bool sync_range(const struct segment *s, uint32_t from, uint32_t to)
{
    from &= ~(uint32_t)(PAGE - 1);
    return to <= from || msync(s->map + from, to - from, MS_SYNC) == 0;
}

/* A first write to a page costs a fault of some 0.5 us: under load this thread takes
 * them. Only under load, because pages that are mapped count as the process's memory. */
static void touch_ahead(struct segment *s, uint32_t at, uint64_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    if (bytes < BUSY_BYTES) return;
    uint64_t to = at + 2 * bytes;
    if (to > SEGMENT_BYTES) to = SEGMENT_BYTES;
    uint32_t from = s->populated > at ? s->populated : at & ~(uint32_t)(PAGE - 1);
    to = (to + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (to <= from) return;
    if (madvise(s->map + from, to - from, MADV_POPULATE_WRITE) == 0) s->populated = (uint32_t)to;
#else
    (void)s, (void)at, (void)bytes;
#endif
}

/* One journal's new records. Returns whether there were any that are now durable. */
static bool sync_journal(struct ledger *l, struct journal *j)
{
    uint64_t appended = atomic_load_explicit(&j->appended, memory_order_acquire);
    uint64_t synced = atomic_load_explicit(&j->synced, memory_order_relaxed);
    if (appended <= synced) return false;
    int64_t none = 0;
    atomic_compare_exchange_strong(&l->oldest_us, &none, time_mono_us());
    struct segment *s = j->syncing;
    uint32_t from = s->id.number == POSITION_NUMBER(synced) ? POSITION_OFFSET(synced) : 0;
    for (; s->id.number < POSITION_NUMBER(appended); s = s->next, from = 0) {
        if (!sync_range(s, from, SEGMENT_BYTES)) {
            ledger_refused(l);
            return false;
        }
    }
    if (!sync_range(s, from, POSITION_OFFSET(appended))) {
        ledger_refused(l);
        return false;
    }
    touch_ahead(s, POSITION_OFFSET(appended), appended - synced);
    j->syncing = s;
    atomic_store_explicit(&j->synced, appended, memory_order_release);
    return true;
}

static void wake_worker(struct ledger *l, const struct journal *j)
{
    if (l->options.wake) l->options.wake(l->options.wake_ctx, j->worker);
}

static void wake_store(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->work = true;
    if (!l->gathering) pthread_cond_signal(&l->store_wake);
    pthread_mutex_unlock(&l->lock);
}

static bool sync_all(struct ledger *l)
{
    bool any = false;
    if (atomic_load(&l->dir_dirty)) {
        atomic_store(&l->dir_dirty, false);
        if (fsync(l->journal_fd) != 0) {
            atomic_store(&l->dir_dirty, true);
            ledger_refused(l);
            return false;
        }
    }
    for (unsigned w = 0; w < l->journal_count; w++) {
        if (!sync_journal(l, &l->journals[w])) continue;
        wake_worker(l, &l->journals[w]);
        any = true;
    }
    if (any) wake_store(l);
    return any;
}

/* ---- making segments */

/* Each open hold reserves room: many of them need more segments at hand. */
static uint32_t segments_wanted(const struct journal *j)
{
    uint64_t reserve = atomic_load_explicit(&j->open_now, memory_order_relaxed) * RECORD_TRIMMED_MAX;
    uint64_t want = READY_WANTED + reserve / (SEGMENT_BYTES / 2);
    return want < READY_MAX - 1 ? (uint32_t)want : READY_MAX - 1;
}

static bool begin_making(struct ledger *l, struct journal *j)
{
    const struct segment_id *spare = l->spare_count ? &l->spares[l->spare_count - 1] : NULL;
    struct segment_id id = {l->epoch, j->worker, j->numbers + 1};
    bool ok = segment_make_begin(&l->making, l->journal_fd, id, spare);
    if (spare) l->spare_count--; /* one that cannot be taken is left alone */
    if (!ok) return false;
    j->numbers++;
    l->making_for = j->worker;
    return true;
}

static bool end_making(struct ledger *l, bool sync)
{
    struct journal *j = &l->journals[l->making_for];
    struct segment *s = segment_make_end(&l->making, sync);
    if (s) journal_give(j, s);
    return s != NULL;
}

static void making_failed(struct ledger *l)
{
    int why = errno;
    if (l->making.fd >= 0) {
        segment_make_cancel(&l->making);
        l->journals[l->making_for].numbers--;
    }
    count_error(l);
    l->retry_us = time_mono_us() + RETRY_US;
    errno = why;
}

bool ledger_make_segment_now(struct ledger *l, struct journal *j)
{
    bool ok = begin_making(l, j);
    while (ok && !segment_make_done(&l->making)) ok = segment_make_go_on(&l->making, false);
    ok = ok && end_making(l, false);
    if (ok)
        atomic_store(&l->dir_dirty, true);
    else
        making_failed(l);
    return ok;
}

/* One slice of work, if there is any. Returns whether there was. */
static bool make_ahead(struct ledger *l)
{
    if (time_mono_us() < l->retry_us) return false;
    if (l->making.fd < 0) {
        struct journal *poorest = NULL;
        uint32_t missing = 0;
        for (unsigned w = 0; w < l->journal_count; w++) {
            struct journal *j = &l->journals[w];
            uint32_t want = segments_wanted(j), have = journal_segments_ready(j);
            if (want <= have || want - have <= missing) continue;
            missing = want - have;
            poorest = j;
        }
        if (!poorest) return false;
        if (!begin_making(l, poorest)) {
            making_failed(l);
            return false;
        }
    }
    struct journal *j = &l->journals[l->making_for];
    bool done = segment_make_done(&l->making);
    if (done ? !end_making(l, true) : !segment_make_go_on(&l->making, true)) {
        making_failed(l);
        return false;
    }
    if (done) wake_worker(l, j);
    return true;
}

/* ---- sleeping */

static void futex_sleep(struct ledger *l, int64_t us)
{
    struct timespec t = {.tv_sec = us / US_PER_SECOND, .tv_nsec = us % US_PER_SECOND * 1000};
    syscall(SYS_futex, &l->sleeper.asleep, FUTEX_WAIT_PRIVATE, 1, us < 0 ? NULL : &t, NULL, 0);
}

static bool anything_new(struct ledger *l)
{
    if (atomic_load(&l->stop_sync) || atomic_load(&l->nudged)) return true;
    for (unsigned w = 0; w < l->journal_count; w++) {
        const struct journal *j = &l->journals[w];
        if (atomic_load(&j->appended) > atomic_load(&j->synced)) return true;
    }
    return false;
}

/* Sleeps until a worker appends. `asleep` is set, then every thread of the process
 * passes a fence, then the journals are looked at once more: a record that this
 * look misses was appended by a thread that sees `asleep` and wakes us. */
static void sleep_deeply(struct ledger *l, int64_t at_most_us)
{
    for (unsigned w = 0; w < l->journal_count; w++) { /* idle memory: the mapped pages are the page cache's, not ours */
        struct segment *s = l->journals[w].syncing;
        if (!s) continue;
        madvise(s->map, SEGMENT_BYTES, MADV_DONTNEED);
        s->populated = 0;
    }
    atomic_store(&l->sleeper.asleep, 1);
    if (l->barrier)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    else if (at_most_us < 0 || at_most_us > SHALLOW_US)
        at_most_us = SHALLOW_US;
    if (!anything_new(l)) futex_sleep(l, at_most_us);
    atomic_store(&l->sleeper.asleep, 0);
}

/* Between two rounds: workers do not wake this, a stop or a flush does. */
static void sleep_shortly(struct ledger *l, int64_t us)
{
    if (us <= 0) return;
    struct timespec t = {.tv_sec = us / US_PER_SECOND, .tv_nsec = us % US_PER_SECOND * 1000};
    syscall(SYS_futex, &l->nudged, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
}

void ledger_nudge(struct ledger *l)
{
    atomic_store(&l->nudged, 1);
    syscall(SYS_futex, &l->nudged, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    sleeper_wake(&l->sleeper);
}

void *ledger_sync_main(void *ledger)
{
    struct ledger *l = ledger;
    int64_t active_us = time_mono_us();
    for (;;) {
        bool stop = atomic_load(&l->stop_sync);
        int64_t began_us = time_mono_us();
        atomic_store(&l->nudged, 0);
        bool any = sync_all(l);
        if (any) active_us = began_us;
        if (stop && !any) break;              /* all is synced, or the disk refuses: then the page cache has it */
        if (!stop && make_ahead(l)) continue; /* a sync comes before the next slice */
        int64_t now_us = time_mono_us();
        if (now_us - active_us < AWAKE_US) {
            sleep_shortly(l, l->options.sync_us - (now_us - began_us));
        } else {
            sleep_deeply(l, l->retry_us > now_us ? RETRY_US : -1);
        }
    }
    segment_make_cancel(&l->making);
    return NULL;
}

#include "ledger/inside.h"

#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the folder */

/* Says who holds the lock: the pid that stands in the file. */
static void tell_holder(struct ledger *l, struct buf *why)
{
    char pid[32] = "";
    ssize_t n = pread(l->lock_fd, pid, sizeof(pid) - 1, 0);
    str who = n > 0 ? str_trim(str_of(pid, (size_t)n)) : S("unknown");
    buf_printf(why, "%s is in use by another purser, process %" STR_FMT, l->dir, STR_ARG(who));
}

static bool lock_folder(struct ledger *l, struct buf *why)
{
    char path[4096], pid[32];
    if (mkdir(l->dir, 0700) != 0 && errno != EEXIST) {
        buf_printf(why, "%s cannot be made: %s", l->dir, strerror(errno));
        return false;
    }
    if (snprintf(path, sizeof(path), "%s/lock", l->dir) >= (int)sizeof(path)) {
        buf_add(why, S("the data folder's name is too long"));
        return false;
    }
    l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->lock_fd < 0) {
        buf_printf(why, "%s: %s", path, strerror(errno));
        return false;
    }
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            tell_holder(l, why);
        else
            buf_printf(why, "%s cannot be locked: %s", path, strerror(errno));
        return false;
    }
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(l->lock_fd, 0) != 0 || pwrite(l->lock_fd, pid, (size_t)n, 0) != n) {
        buf_printf(why, "%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static bool open_journal_folder(struct ledger *l, struct buf *why)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/journal", l->dir);
    if (mkdir(path, 0700) == 0 || errno == EEXIST) l->journal_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->journal_fd >= 0) return true;
    buf_printf(why, "%s: %s", path, strerror(errno));
    return false;
}

/* ---- open and close */

static void init_journals(struct ledger *l)
{
    unsigned workers = l->options.workers ? l->options.workers : 1;
    l->journal_count = workers < WORKERS_MAX ? workers : WORKERS_MAX;
    l->journals = aligned_alloc(64, l->journal_count * sizeof(*l->journals));
    if (!l->journals) abort();
    memset(l->journals, 0, l->journal_count * sizeof(*l->journals));
    for (unsigned w = 0; w < l->journal_count; w++) {
        l->journals[w].worker = w;
        l->journals[w].sleeper = &l->sleeper;
        l->journals[w].open_bits = mem_map(OPEN_BITS / 8);
    }
}

static void init_threads(struct ledger *l)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->store_wake, &attr);
    pthread_cond_init(&l->stored_wake, &attr);
    pthread_condattr_destroy(&attr);
    l->barrier = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

struct ledger *ledger_open(const struct ledger_options *options, struct buf *why)
{
    /* No cache pages ahead of use: 160 kB for each connection. Too late for a process that opened one already. */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    struct ledger *l = mem_zalloc(sizeof(*l));
    l->options = *options;
    l->dir = str_dup(str_from(options->dir));
    l->options.dir = l->dir;
    if (l->options.sync_us <= 0) l->options.sync_us = 10 * US_PER_MS;
    l->lock_fd = l->journal_fd = l->making.fd = -1;
    holds_init(&l->holds);
    amounts_init(&l->tail);
    arena_init(&l->named_texts);
    init_journals(l);
    init_threads(l);
    if (lock_folder(l, why) && open_journal_folder(l, why) && (l->store = store_open(l->dir, why))) {
        l->key = store_key(l->store);
        if (ledger_recover(l, why)) {
            atomic_store(&l->rows, store_total(l->store, TOTAL_ROWS) - store_total(l->store, TOTAL_RETIRED_ROWS));
            atomic_store(&l->open_holds, l->holds.count);
            for (size_t i = 0; i < l->chain_count; i++) l->chains_left += !l->chains[i].live;
            return l;
        }
    }
    ledger_close(l);
    return NULL;
}

/* A journal's segments that no chain has: made, but never read. */
static void drop_journal(struct journal *j, const struct chain *c)
{
    struct segment *s = c && c->first ? NULL : j->chain_first;
    for (struct segment *next; s; s = next) {
        next = s->next;
        segment_drop(s);
    }
    mem_unmap(j->open_bits, OPEN_BITS / 8);
}

void ledger_close(struct ledger *l)
{
    if (!l) return;
    ledger_stop(l);
    ledger_forget_recovered(l);
    for (unsigned w = 0; w < l->journal_count; w++) {
        const struct chain *mine = NULL;
        for (size_t i = 0; i < l->chain_count; i++) {
            if (l->chains[i].live == &l->journals[w]) mine = &l->chains[i];
        }
        drop_journal(&l->journals[w], mine);
    }
    for (size_t i = 0; i < l->chain_count; i++) chain_free(&l->chains[i]);
    holds_free(&l->holds);
    store_close(l->store);
    if (l->journal_fd >= 0) close(l->journal_fd);
    if (l->lock_fd >= 0) close(l->lock_fd);
    pthread_cond_destroy(&l->stored_wake);
    pthread_cond_destroy(&l->store_wake);
    pthread_mutex_destroy(&l->lock);
    free(l->journals);
    free(l->chains);
    free(l->spares);
    free(l->dir);
    free(l);
}

/* ---- start and stop */

void ledger_start(struct ledger *l)
{
    if (l->started) return;
    ledger_forget_recovered(l);
    /* where there is no room a journal is not ready, and the sync thread tries again */
    for (unsigned w = 0; w < l->journal_count; w++) {
        if (!journal_segments_ready(&l->journals[w]) && !l->journals[w].segment)
            ledger_make_segment_now(l, &l->journals[w]);
    }
    atomic_store(&l->stop_sync, false);
    l->stop_store = l->store_ended = false;
    l->work = true;
    if (pthread_create(&l->store_thread, NULL, ledger_store_main, l) != 0 ||
        pthread_create(&l->sync_thread, NULL, ledger_sync_main, l) != 0) {
        fprintf(stderr, "purser: no thread for the ledger: %s\n", strerror(errno));
        abort();
    }
    pthread_setname_np(l->store_thread, "ledger-store"); /* for top -H and perf */
    pthread_setname_np(l->sync_thread, "ledger-sync");
    l->started = true;
}

void ledger_stop(struct ledger *l)
{
    if (!l->started) return;
    atomic_store(&l->stop_sync, true);
    ledger_nudge(l);
    pthread_join(l->sync_thread, NULL);
    pthread_mutex_lock(&l->lock);
    l->stop_store = true;
    pthread_cond_broadcast(&l->store_wake);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->store_thread, NULL);
    l->started = false;
    while (l->forget) {
        struct forget_wish *next = l->forget->next;
        free(l->forget);
        l->forget = next;
    }
}

static bool stored_up_to(const struct ledger *l, const uint64_t *target)
{
    if (atomic_load(&l->chains_left)) return false;
    for (unsigned w = 0; w < l->journal_count; w++) {
        if (atomic_load_explicit(&l->journals[w].stored, memory_order_acquire) < target[w]) return false;
    }
    return true;
}

void ledger_refused(struct ledger *l)
{
    atomic_fetch_add_explicit(&l->errors, 1, memory_order_relaxed);
    pthread_mutex_lock(&l->lock);
    l->refusals++;
    pthread_cond_broadcast(&l->stored_wake);
    pthread_mutex_unlock(&l->lock);
}

bool ledger_flush(struct ledger *l)
{
    if (!l->started) return true;
    uint64_t target[WORKERS_MAX] = {0};
    for (unsigned w = 0; w < l->journal_count; w++)
        target[w] = atomic_load_explicit(&l->journals[w].appended, memory_order_acquire);
    ledger_nudge(l);
    pthread_mutex_lock(&l->lock);
    l->flushing++;
    pthread_cond_signal(&l->store_wake);
    uint64_t refusals = l->refusals;
    bool stored;
    while (!(stored = stored_up_to(l, target)) && l->refusals == refusals && !l->store_ended)
        pthread_cond_wait(&l->stored_wake, &l->lock);
    l->flushing--;
    pthread_mutex_unlock(&l->lock);
    return stored;
}

void ledger_forget_cells(struct ledger *l, str budget, int64_t before_us)
{
    struct forget_wish *w = mem_alloc(sizeof(*w) + budget.n);
    w->before_us = before_us;
    w->budget_bytes = budget.n;
    if (budget.n) memcpy(w->budget, budget.p, budget.n);
    pthread_mutex_lock(&l->lock);
    w->next = l->forget;
    l->forget = w;
    pthread_cond_signal(&l->store_wake);
    pthread_mutex_unlock(&l->lock);
}

/* ---- figures */

struct hash_key ledger_hash_key(const struct ledger *l)
{
    return l->key;
}

uint32_t ledger_epoch(const struct ledger *l)
{
    return l->epoch;
}

struct journal *ledger_journal(struct ledger *l, unsigned worker)
{
    return worker < l->journal_count ? &l->journals[worker] : NULL;
}

void ledger_state(struct ledger *l, struct ledger_state *out)
{
    *out = (struct ledger_state){
        .stored = atomic_load(&l->stored),
        .rows = atomic_load(&l->rows),
        .bytes_waiting = atomic_load(&l->bytes_waiting),
        .errors = atomic_load(&l->errors),
        .open_holds = atomic_load(&l->open_holds),
    };
    int64_t oldest_us = atomic_load(&l->oldest_us);
    if (oldest_us) out->lag_us = time_mono_us() - oldest_us;
    for (unsigned w = 0; w < l->journal_count; w++) {
        out->appended += atomic_load_explicit(&l->journals[w].records, memory_order_relaxed);
    }
}

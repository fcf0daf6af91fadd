#include "flow/purser.h"

#include "base/time.h"
#include "flow/burn.h"
#include "flow/past.h"
#include "flow/ports.h"
#include "flow/reload.h"
#include "flow/stored_keys.h"
#include "flow/switching.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- budgets' cells */

static void restore_cell(void *ctx, uint64_t key, str budget, str value, int64_t window_start_us, int64_t spent)
{
    struct purser *p = ctx;
    budgets_restore(p->budgets, key, budget, value, window_start_us, spent);
}

/* A budget that was not in force all the time since its window began cannot trust
 * the last run's counters: it counts the rows instead. */
static void count_pasts(struct purser *p, const struct settings *s)
{
    int64_t now_us = time_now_us();
    for (size_t i = 0; i < s->budget_count; i++) {
        const struct budget_rule *rule = &s->budgets[i];
        if (known_budgets_trusted(p->known, rule, now_us) || ledger_epoch(p->ledger) == 1) continue;
        budgets_forget(p->budgets, rule->cells);
        past_count(p, rule, UINT32_MAX);
    }
    int64_t since_us = ledger_epoch(p->ledger) == 1 ? 0 : now_us;
    known_budgets_store(p->known, s->data, s->budgets, s->budget_count, since_us);
}

/* ---- start */

static void wake_worker(void *ctx, unsigned index)
{
    struct purser *p = ctx;
    if (p->workers && index < p->worker_count && p->workers[index]) worker_synced(p->workers[index]);
}

static unsigned count_workers(const struct settings *s)
{
    if (s->workers > 0) return (unsigned)s->workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

static unsigned inherited_sockets(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    uint64_t wanted = 0, n = 0;
    if (!pid || !count || !str_to_u64(str_from(pid), &wanted) || !str_to_u64(str_from(count), &n)) return 0;
    return wanted == (uint64_t)getpid() && n < 64 ? (unsigned)n : 0; /* sd_listen_fds(3) */
}

/* A kilobyte each, made as they come: the longest unused go first. */
static const struct runaways_ceilings watched = {.sessions = 32768, .tasks = 32768, .features = 1024};

enum { BURNS_MAX = 16384 }; /* half a kilobyte each, likewise */

struct purser *purser_open(struct settings *settings, const char *settings_file, struct buf *why)
{
    struct trust *trust = trust_read(settings, why);
    if (!trust) return NULL;
    struct purser *p = mem_zalloc(sizeof(*p));
    char *dir = str_dup(settings->data);
    p->settings_file = settings_file;
    p->worker_count = count_workers(settings);
    p->started_us = time_now_us();
    p->inherited = inherited_sockets();
    pthread_mutex_init(&p->steering, NULL);
    pthread_mutex_init(&p->control, NULL);
    pthread_mutex_init(&p->showing, NULL);
    pthread_mutex_init(&p->switching, NULL);
    pthread_mutex_init(&p->clock_lock, NULL);
    pthread_cond_init(&p->clock_wake, NULL);
    struct ledger_options options = {.dir = dir,
                                     .workers = p->worker_count + 1, /* the last journal is the clockwork's */
                                     .sync_us = settings->ledger_sync_us,
                                     .keep_rows = settings->ledger_keep_rows,
                                     .keep_us = settings->ledger_keep_us,
                                     .wake = wake_worker,
                                     .wake_ctx = p};
    p->ledger = ledger_open(&options, why);
    free(dir);
    if (!p->ledger || !(p->log = access_log_open(settings->log, why))) {
        if (p->ledger) ledger_close(p->ledger);
        trust_drop(trust);
        free(p);
        return NULL;
    }
    struct hash_key key = ledger_hash_key(p->ledger);
    p->budgets = budgets_new(key, settings->max_counters);
    p->limits = limits_new(key, settings->max_counters);
    p->peers = peers_new(key);
    p->machines = machines_new();
    p->healths = healths_new(WORKER_TARGETS_MAX);
    p->stickies = stickies_new();
    p->items = items_new(key);
    p->secret = key;
    p->objects = objects_new(key, OBJECTS_MAX);
    p->runaways = runaways_new(key, &watched);
    p->idempotency = idempotency_new(key);
    p->thresholds = thresholds_new();
    p->burns = burns_new(key, BURNS_MAX);
    p->known = known_budgets_load(settings->data);
    reload_name_cells(settings);
    ledger_each_cell(p->ledger, restore_cell, p); /* before the start, which frees what recovery found */
    struct stored_keys stored;
    (void)stored_keys_load(p, &stored);
    p->generation = 1;
    p->current = snapshot_new(settings, trust, stored.keys, stored.count, p->generation);
    purser_show(p);
    stored_keys_free(&stored);
    p->workers = mem_zalloc(p->worker_count * sizeof(*p->workers));
    for (unsigned i = 0; i < p->worker_count; i++) {
        p->workers[i] = worker_new(p, i);
        lease_adopt(p->workers[i], snapshot_get(p->current));
    }
    ledger_start(p->ledger);
    count_pasts(p, settings);
    if (ledger_epoch(p->ledger) != 1) burn_restore(p, settings, NULL);
    if (why->n) fprintf(stderr, "purser: the ledger says: %" STR_FMT "\n", STR_ARG(buf_str(why)));
    buf_clear(why);
    return p;
}

int purser_inherited_socket(const struct purser *p, size_t i)
{
    return i < p->inherited ? 3 + (int)i : -1;
}

bool purser_start(struct purser *p, struct buf *why)
{
    if (!ports_free(p, p->current->settings, why)) return false;
    if (!switching_restore(p, why)) return false; /* what was off must not come on by a start */
    reload_fetch_tokens(p->current->settings);
    for (unsigned i = 0; i < p->worker_count; i++) {
        if (!worker_listen(p->workers[i], why)) return false;
    }
    for (unsigned i = 0; i < p->worker_count; i++) worker_start(p->workers[i]);
    p->running = true;
    clockwork_start(p);
    return true;
}

bool purser_has_room(const struct purser *p)
{
    for (unsigned i = 0; i < p->worker_count; i++) {
        if (!journal_seen_ready(p->workers[i]->journal)) return false;
    }
    return true;
}

bool purser_ready(const struct purser *p)
{
    if (__atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE)) return false;
    return purser_has_room(p);
}

/* ---- stop */

void purser_stop(struct purser *p)
{
    __atomic_store_n(&p->stopping, true, __ATOMIC_RELEASE);
    if (!p->running) return;
    for (unsigned i = 0; i < p->worker_count; i++) worker_stop(p->workers[i]);
    for (unsigned i = 0; i < p->worker_count; i++) worker_join(p->workers[i]);
    clockwork_stop(p);
    p->running = false;
}

void purser_drop(struct purser *p)
{
    purser_stop(p);
    ledger_stop(p->ledger); /* before the workers go: its sync thread wakes them */
    for (unsigned i = 0; i < p->worker_count; i++) worker_drop(p->workers[i]);
    free(p->workers);
    ledger_close(p->ledger);
    snapshot_put(p->current);
    snapshot_put(p->shown);
    switching_drop(p);
    budgets_drop(p->budgets);
    limits_drop(p->limits);
    peers_drop(p->peers);
    machines_drop(p->machines);
    healths_drop(p->healths);
    stickies_drop(p->stickies);
    items_drop(p->items);
    objects_drop(p->objects);
    runaways_drop(p->runaways);
    idempotency_drop(p->idempotency);
    thresholds_drop(p->thresholds);
    burns_drop(p->burns);
    known_budgets_drop(p->known);
    access_log_close(p->log);
    pthread_mutex_destroy(&p->switching);
    pthread_mutex_destroy(&p->showing);
    pthread_mutex_destroy(&p->control);
    pthread_mutex_destroy(&p->steering);
    free(p);
}

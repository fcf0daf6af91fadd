#include "flow/purser.h"

#include "base/time.h"
#include "flow/burn.h"
#include "flow/past.h"
#include "flow/ports.h"
#include "flow/switching.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- keys made by `purser keys add` */

enum { STORED_KEYS_MAX = 100000 };

struct stored_keys {
    struct arena arena;
    struct key *keys;
    size_t count, cap;
};

static void add_stored(void *ctx, const struct ledger_key *from)
{
    struct stored_keys *s = ctx;
    if (str_starts(from->name, S("("))) return; /* purser's own: the admin token */
    if (s->count == s->cap) {
        if (s->cap == STORED_KEYS_MAX) return;
        s->cap = s->cap ? s->cap * 2 : 64;
        s->keys = mem_realloc(s->keys, s->cap * sizeof(*s->keys));
    }
    struct key *k = &s->keys[s->count++];
    *k = (struct key){.name = arena_str(&s->arena, from->name),
                      .team = arena_str(&s->arena, from->team),
                      .created_us = from->created_us,
                      .expires_us = from->expires_us,
                      .revoked = from->revoked_us != 0,
                      .stored = true};
    memcpy(k->hash, from->hash, sizeof(k->hash));
    if (!from->models.n) return;
    str *models = arena_alloc(&s->arena, KEY_MODELS_MAX * sizeof(*models));
    str rest = arena_str(&s->arena, from->models);
    while (rest.p && k->model_count < KEY_MODELS_MAX) models[k->model_count++] = str_trim(str_cut(&rest, ','));
    k->models = models;
}

static void load_stored(struct purser *p, struct stored_keys *s)
{
    *s = (struct stored_keys){0};
    arena_init(&s->arena);
    ledger_keys_each(p->ledger, add_stored, s);
}

static void free_stored(struct stored_keys *s)
{
    free(s->keys);
    arena_free(&s->arena);
}

/* ---- budgets' cells */

/* A budget that changes its scope, window or measure counts anew, into cells of
 * its own, even if it keeps its name. A zone is told by its offsets over a year. */
static void name_cells(struct settings *s)
{
    for (size_t i = 0; i < s->budget_count; i++) {
        struct budget_rule *rule = &s->budgets[i];
        uint64_t h = (uint64_t)rule->measure * 31 + (uint64_t)rule->window.kind;
        h = h * 1099511628211u + (uint64_t)rule->window.rolling_us;
        for (int d = 0; d < SCOPE_DIMS; d++) {
            h = h * 1099511628211u + (rule->scope.want[d].p ? hash_fnv(rule->scope.want[d]) + 1 : 0);
        }
        for (int month = 1; month <= 12; month++) {
            h = h * 1099511628211u +
                (uint64_t)zone_offset_s(rule->window.zone, time_from_civil(2026, month, 15, 0, 0, 0));
        }
        rule->since = 1;
        rule->cells = arena_printf(&s->arena, "%" STR_FMT "#%08x", STR_ARG(rule->name), (unsigned)(h ^ (h >> 32)));
    }
}

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
    pthread_mutex_init(&p->control, NULL);
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
    name_cells(settings);
    ledger_each_cell(p->ledger, restore_cell, p); /* before the start, which frees what recovery found */
    struct stored_keys stored;
    load_stored(p, &stored);
    p->generation = 1;
    p->current = snapshot_new(settings, trust, stored.keys, stored.count, p->generation);
    free_stored(&stored);
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

/* Tokens are there before the first call needs them; what fails is tried again (clockwork.c). */
static void fetch_tokens(const struct settings *s)
{
    struct buf problems;
    buf_init(&problems, 0);
    settings_refresh(s, time_now_us(), NULL, &problems);
    if (problems.n) fprintf(stderr, "purser: warning: %" STR_FMT, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
}

bool purser_start(struct purser *p, struct buf *why)
{
    if (!ports_free(p, p->current->settings, why)) return false;
    if (!switching_restore(p, why)) return false; /* what was off must not come on by a start */
    fetch_tokens(p->current->settings);
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

/* ---- changes while it runs; `control` is held */

static void offer(struct purser *p, struct snapshot *s)
{
    struct snapshot *old = p->current;
    p->current = s;
    for (unsigned i = 0; i < p->worker_count; i++) worker_offer(p->workers[i], s);
    for (unsigned i = 0; i < p->worker_count; i++) { /* a turn of each loop: milliseconds */
        while (__atomic_load_n(&p->workers[i]->adopted, __ATOMIC_ACQUIRE) < s->generation) {
            if (__atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE)) break;
            usleep(500);
        }
    }
    snapshot_put(old);
}

static const struct budget_rule *same_rule(const struct settings *s, const struct budget_rule *rule)
{
    for (size_t i = 0; i < s->budget_count; i++) {
        if (past_same_cells(&s->budgets[i], rule)) return &s->budgets[i];
    }
    return NULL;
}

/* Adds budgets without a moment in which they are enforced but know no past:
 * first they count beside the old rules, then the rows of before are added, then
 * the new rules take over. What old calls post in between counts for both (late.c). */
static bool add_budgets(struct purser *p, struct settings *next)
{
    const struct settings *now = p->current->settings;
    size_t added = 0;
    struct budget_rule *both = mem_alloc((now->budget_count + next->budget_count + 1) * sizeof(*both));
    if (now->budget_count) memcpy(both, now->budgets, now->budget_count * sizeof(*both));
    for (size_t i = 0; i < next->budget_count; i++) {
        const struct budget_rule *same = same_rule(now, &next->budgets[i]);
        next->budgets[i].since = same ? same->since : p->generation + 1;
        if (same) continue;
        budgets_forget(p->budgets, next->budgets[i].cells); /* one that was there before: its rows are counted anew */
        both[now->budget_count + added] = next->budgets[i];
        both[now->budget_count + added].burn = (struct burn_rule){0};
        both[now->budget_count + added++].enforced = false;
    }
    bool ok = true;
    if (added && now->budget_count + added <= BUDGETS_PER_CALL_MAX * 64) {
        struct stored_keys stored;
        load_stored(p, &stored);
        uint32_t generation = ++p->generation;
        offer(p, snapshot_again(p->current, stored.keys, stored.count, both, now->budget_count + added, generation));
        free_stored(&stored);
        ok = ledger_flush(p->ledger);
        for (size_t i = 0; i < added && ok; i++) ok = past_count(p, &both[now->budget_count + i], generation);
    }
    free(both);
    return ok;
}

bool purser_reload(struct purser *p, struct buf *why)
{
    struct settings_report report = {0};
    struct settings *next = settings_load(p->settings_file, &report);
    if (!next) {
        buf_add(why, buf_str(&report.errors));
        settings_report_free(&report);
        return false;
    }
    settings_report_free(&report);
    struct trust *trust = trust_read(next, why);
    if (!trust) {
        buf_add_byte(why, '\n');
        settings_drop(next);
        return false;
    }
    name_cells(next);
    pthread_mutex_lock(&p->control);
    struct snapshot *now = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    settings_adopt(next, now->settings);
    snapshot_put(now);
    fetch_tokens(next);
    pthread_mutex_lock(&p->control);
    bool ok = add_budgets(p, next);
    if (ok) {
        struct stored_keys stored;
        load_stored(p, &stored);
        burn_restore(p, next, p->current->settings);
        offer(p, snapshot_new(next, trust, stored.keys, stored.count, ++p->generation));
        free_stored(&stored);
        known_budgets_store(p->known, next->data, next->budgets, next->budget_count, time_now_us());
    } else {
        buf_printf(why, "the past of a new budget could not be counted; nothing was changed\n");
        settings_drop(next);
        trust_drop(trust);
    }
    pthread_mutex_unlock(&p->control);
    access_log_reopen(p->log);
    return ok;
}

void purser_refresh_keys(struct purser *p)
{
    pthread_mutex_lock(&p->control);
    struct stored_keys stored;
    load_stored(p, &stored);
    const struct settings *s = p->current->settings;
    offer(p, snapshot_again(p->current, stored.keys, stored.count, s->budgets, s->budget_count, ++p->generation));
    free_stored(&stored);
    pthread_mutex_unlock(&p->control);
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
    pthread_mutex_destroy(&p->control);
    free(p);
}

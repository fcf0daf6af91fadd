/* The clockwork thread: what has to happen now and then, and belongs to no call. */
#include "flow/purser.h"

#include "base/time.h"
#include "ledger/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum { SWEEP_SECONDS = 60, IDLE_LINE_SECONDS = 60, EVENTS_TRIM_SECONDS = 3600, OBJECTS_DAYS = 30 };
enum { DISK_TELL_SECONDS = 60, DISK_WELL_SECONDS = 5 };

/* What a machine by the hour cost while nobody used it: a line of its own. */
static void write_idle_lines(struct purser *p, const struct settings *s)
{
    int64_t mono_us = time_mono_us(), now_us = time_now_us();
    struct journal *j = ledger_journal(p->ledger, p->worker_count);
    for (size_t i = 0; i < s->provider_count; i++) {
        const struct setting_provider *provider = &s->providers[i];
        if (provider->off || provider->cost_per_hour == PRICE_UNSET) continue;
        int64_t since_us = 0;
        int64_t idle_us = machine_take_idle_us(p->machines, provider, mono_us, &since_us);
        if (idle_us <= 0 || !journal_ready(j)) continue;
        struct row row = {0};
        row.n.attempt_id = row.n.call_id = journal_next_id(j);
        row.n.at_us = now_us - since_us;
        row.n.ended_us = now_us;
        row.n.units[UNIT_SECONDS] = (idle_us + US_PER_SECOND - 1) / US_PER_SECOND;
        row.n.cost_picousd = row.n.cost_max_picousd = price_of_time(provider->cost_per_hour, idle_us);
        row.n.cost_by_unit[UNIT_SECONDS] = row.n.cost_picousd;
        row.n.provider_cost_picousd = -1;
        row.n.reason = REASON_IDLE;
        row.n.cost_state = COST_EXACT;
        row.n.wasted = 1;
        row.text[ROW_PROVIDER] = provider->name;
        row.text[ROW_PRICE_SOURCE] = S("cost_per_hour");
        journal_append(j, JOURNAL_POST, &row);
    }
}

static void sweep(struct purser *p)
{
    pthread_mutex_lock(&p->control);
    struct snapshot *s = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    int64_t now_us = time_now_us();
    budgets_sweep(p->budgets, s->budgets, now_us);
    for (size_t i = 0; i < budget_rules_count(s->budgets); i++) {
        const struct budget_rule *rule = budget_rules_at(s->budgets, i);
        if (rule->window.kind == WINDOW_TOTAL) continue;
        int64_t keep_us = rule->window.kind == WINDOW_ROLLING ? rule->window.rolling_us : 0;
        ledger_forget_cells(p->ledger, rule->cells, window_start(&rule->window, now_us - keep_us) - US_PER_DAY);
    }
    limits_sweep(p->limits, time_mono_us());
    idempotency_sweep(p->idempotency, time_mono_us());
    runaways_sweep(p->runaways, time_mono_us());
    snapshot_put(s);
}

static void look_at_thresholds(struct purser *p)
{
    pthread_mutex_lock(&p->control);
    struct snapshot *s = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    thresholds_look(p->thresholds, p->budgets, s->budgets, p->ledger);
    snapshot_put(s);
}

static void idle_lines(struct purser *p)
{
    pthread_mutex_lock(&p->control);
    struct snapshot *s = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    write_idle_lines(p, s->settings);
    snapshot_put(s);
}

/* Fetches the tokens that are due: a program may take seconds, so no worker does it. */
static void fetch_tokens(struct purser *p)
{
    pthread_mutex_lock(&p->control);
    struct snapshot *s = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    struct buf problems;
    buf_init(&problems, 0);
    settings_refresh(s->settings, time_now_us(), &p->stopping, &problems);
    if (problems.n) fprintf(stderr, "purser: warning: %" STR_FMT, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
    snapshot_put(s);
}

/* What the operator should hear of the ledger's disk: when it fails, and when it is well again. */
struct disk_news {
    uint64_t errors; /* heard of */
    unsigned told_at, failed_at;
    bool fails;
};

static void tell_of_failure(struct purser *p, const struct ledger_state *l)
{
    pthread_mutex_lock(&p->control);
    struct snapshot *s = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    struct buf path;
    buf_init(&path, 0);
    buf_add(&path, s->settings->data);
    buf_add_byte(&path, '\0');
    snapshot_put(s);
    struct statvfs disk;
    double free_mb = statvfs(path.p, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize / 1e6 : 0;
    fprintf(stderr, "purser: the ledger in '%s' met errors (%llu so far, %.1f MB free there)%s\n", path.p,
            (unsigned long long)l->errors, free_mb,
            purser_has_room(p) ? "; nothing is lost, it tries again"
                               : ": until it has room, calls get 503 'ledger_full'");
    buf_free(&path);
}

static void look_at_disk(struct purser *p, struct disk_news *news, unsigned second)
{
    struct ledger_state l;
    ledger_state(p->ledger, &l);
    bool more = l.errors > news->errors;
    news->errors = l.errors;
    if (more) {
        news->failed_at = second;
        if (news->fails && second - news->told_at < DISK_TELL_SECONDS) return;
        tell_of_failure(p, &l);
        news->told_at = second;
        news->fails = true;
    } else if (news->fails && purser_has_room(p) && second - news->failed_at >= DISK_WELL_SECONDS) {
        fprintf(stderr, "purser: the ledger writes again\n");
        news->fails = false;
    }
}

static void add_object(void *ctx, str id, str key, str provider)
{
    objects_put_old(ctx, id, key, provider);
}

/* Here, not before the start: many of them take longer than a start may. */
static void load_objects(struct purser *p)
{
    int64_t from_us = time_now_us() - OBJECTS_DAYS * US_PER_DAY;
    ledger_objects_each(p->ledger, from_us, OBJECTS_MAX, add_object, p->objects);
    objects_set_loaded(p->objects);
}

static void *thread_main(void *arg)
{
    struct purser *p = arg;
    struct disk_news news = {0};
    pthread_setname_np(pthread_self(), "clockwork");
    idle_lines(p); /* from now on is counted */
    load_objects(p);
    mem_trim(); /* what the start left behind in every thread */
    pthread_mutex_lock(&p->clock_lock);
    for (unsigned second = 1; !p->clock_stop; second++) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        while (!p->clock_stop && pthread_cond_timedwait(&p->clock_wake, &p->clock_lock, &until) != ETIMEDOUT) continue;
        pthread_mutex_unlock(&p->clock_lock);
        if (!__atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE)) fetch_tokens(p);
        if (__atomic_load_n(&p->keys_unread, __ATOMIC_ACQUIRE)) purser_refresh_keys(p);
        look_at_thresholds(p);
        look_at_disk(p, &news, second);
        if (second % SWEEP_SECONDS == 0) sweep(p);
        if (second % EVENTS_TRIM_SECONDS == 0) ledger_events_trim(p->ledger);
        if (second % IDLE_LINE_SECONDS == 0) idle_lines(p);
        pthread_mutex_lock(&p->clock_lock);
    }
    pthread_mutex_unlock(&p->clock_lock);
    idle_lines(p);
    return NULL;
}

void clockwork_start(struct purser *p)
{
    p->clock_stop = false;
    if (pthread_create(&p->clockwork, NULL, thread_main, p) != 0) abort();
}

void clockwork_stop(struct purser *p)
{
    pthread_mutex_lock(&p->clock_lock);
    p->clock_stop = true;
    pthread_cond_signal(&p->clock_wake);
    pthread_mutex_unlock(&p->clock_lock);
    pthread_join(p->clockwork, NULL);
}

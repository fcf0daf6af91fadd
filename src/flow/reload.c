/* What changes while purser runs: the settings file, what is set at run time, keys. */
#include "flow/reload.h"

#include "base/time.h"
#include "flow/burn.h"
#include "flow/past.h"
#include "flow/runtime.h"
#include "flow/stored_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A budget that changes its scope, window or measure counts anew, into cells of
 * its own, even if it keeps its name. A zone is told by its offsets over a year. */
void reload_name_cells(struct settings *s)
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

void reload_fetch_tokens(const struct settings *s)
{
    struct buf problems;
    buf_init(&problems, 0);
    settings_refresh(s, time_now_us(), NULL, &problems);
    if (problems.n) fprintf(stderr, "purser: warning: %" STR_FMT, STR_ARG(buf_str(&problems)));
    buf_free(&problems);
}

/* ---- `control` is held */

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

void purser_show(struct purser *p)
{
    struct snapshot *now = snapshot_get(p->current);
    pthread_mutex_lock(&p->showing);
    struct snapshot *old = p->shown;
    p->shown = now;
    pthread_mutex_unlock(&p->showing);
    snapshot_put(old);
}

struct snapshot *purser_shown(struct purser *p)
{
    pthread_mutex_lock(&p->showing);
    struct snapshot *s = snapshot_get(p->shown);
    pthread_mutex_unlock(&p->showing);
    return s;
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
        (void)stored_keys_load(p, &stored);
        uint32_t generation = ++p->generation;
        offer(p, snapshot_again(p->current, stored.keys, stored.count, both, now->budget_count + added, generation));
        stored_keys_free(&stored);
        ok = ledger_flush(p->ledger);
        for (size_t i = 0; i < added && ok; i++) ok = past_count(p, &both[now->budget_count + i], generation);
    }
    free(both);
    return ok;
}

/* Those that a failed change let count beside the rules in force go again. */
static void drop_added(struct purser *p)
{
    struct stored_keys stored;
    const struct settings *s = p->current->settings;
    (void)stored_keys_load(p, &stored);
    offer(p, snapshot_again(p->current, stored.keys, stored.count, s->budgets, s->budget_count, ++p->generation));
    purser_show(p);
    stored_keys_free(&stored);
}

static bool swap(struct purser *p, struct settings *next, struct trust *trust, const struct reload_store *store,
                 struct buf *why)
{
    uint32_t before = p->generation;
    bool counted = add_budgets(p, next), stored_it = counted && (!store || store->store(store->ctx, why));
    if (!counted) buf_printf(why, "the past of a new budget could not be counted; nothing was changed\n");
    if (!stored_it) {
        if (p->generation != before) drop_added(p);
        return false;
    }
    struct stored_keys stored;
    (void)stored_keys_load(p, &stored);
    burn_restore(p, next, p->current->settings);
    offer(p, snapshot_new(next, trust, stored.keys, stored.count, ++p->generation));
    purser_show(p);
    stored_keys_free(&stored);
    known_budgets_store(p->known, next->data, next->budgets, next->budget_count, time_now_us());
    return true;
}

/* ---- */

bool reload_take_over(struct purser *p, struct settings *next, bool fetch, const struct reload_store *store,
                      struct buf *why)
{
    struct trust *trust = trust_read(next, why);
    if (!trust) {
        buf_add_byte(why, '\n');
        settings_drop(next);
        return false;
    }
    reload_name_cells(next);
    pthread_mutex_lock(&p->control);
    struct snapshot *now = snapshot_get(p->current);
    pthread_mutex_unlock(&p->control);
    settings_adopt(next, now->settings);
    snapshot_put(now);
    if (fetch) reload_fetch_tokens(next);
    pthread_mutex_lock(&p->control);
    bool ok = swap(p, next, trust, store, why);
    pthread_mutex_unlock(&p->control);
    if (ok) return true;
    settings_drop(next);
    trust_drop(trust);
    return false;
}

bool purser_reload(struct purser *p, struct buf *why)
{
    struct settings_report report = {0};
    pthread_mutex_lock(&p->steering);
    struct settings *next = runtime_read_again(p, &report);
    if (!next) buf_add(why, buf_str(&report.errors));
    bool ok = next && reload_take_over(p, next, true, NULL, why);
    pthread_mutex_unlock(&p->steering);
    if (ok) buf_add(why, buf_str(&report.warnings));
    settings_report_free(&report);
    access_log_reopen(p->log);
    return ok;
}

void purser_refresh_keys(struct purser *p)
{
    struct stored_keys stored;
    pthread_mutex_lock(&p->control);
    if (stored_keys_load(p, &stored)) {
        const struct settings *s = p->current->settings;
        offer(p, snapshot_again(p->current, stored.keys, stored.count, s->budgets, s->budget_count, ++p->generation));
        purser_show(p);
    }
    stored_keys_free(&stored);
    pthread_mutex_unlock(&p->control);
}

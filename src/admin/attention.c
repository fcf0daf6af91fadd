/* What somebody should look at: money that runs out, that nobody owns, that nobody can tell; and what is stopped. */
#include "admin/api.h"
#include "admin/inside.h"
#include "admin/now.h"
#include "base/time.h"
#include "flow/purser.h"
#include "flow/switching.h"
#include "ledger/report.h"
#include "policy/runaway.h"

#include <stdlib.h>

enum { NOTES_MAX = 100, FEATURES_MAX = 1000, NEAR_PERMILLE = 800, ESTIMATED_PERMILLE = 50 };

enum level { LEVEL_SERIOUS, LEVEL_WARNING, LEVEL_NOTE, LEVELS };
static const char *const level_names[LEVELS] = {"serious", "warning", "note"};

struct notes {
    struct arena arena;
    struct note {
        enum level level;
        int64_t weight; /* among those of a level, the heavier first */
        const char *kind, *page;
        str object, text;
    } of[NOTES_MAX];
    size_t count, left_out;
    const struct snapshot *snapshot;
    const struct api_scope *scope;
};

static void note(struct notes *n, struct note one)
{
    if (n->count < NOTES_MAX)
        n->of[n->count++] = one;
    else
        n->left_out++;
}

/* In the place of the least of those that are told. */
static void note_left_out(struct notes *n)
{
    if (!n->left_out) return;
    n->of[n->count - 1] =
        (struct note){LEVEL_NOTE, 0,        "more",
                      "budgets",  STR_NONE, arena_printf(&n->arena, "%zu more are not shown", n->left_out + 1)};
}

/* ---- budgets */

static void look_at_budget(void *ctx, const struct budget_state *s)
{
    struct notes *n = ctx;
    __int128 used = (__int128)s->spent + s->held;
    int64_t limit = s->rule->limit;
    int64_t permille = limit <= 0                     ? 1000
                       : used <= 0                    ? 0
                       : used >= (__int128)limit * 10 ? 10000
                                                      : (int64_t)(used * 1000 / limit);
    if (permille < NEAR_PERMILLE) return;
    if (n->scope->restricted && !api_in_scope(n->scope, s->rule->scope.want[SCOPE_FEATURE])) return;
    if (n->count == NOTES_MAX) { /* there may be a million counters */
        n->left_out++;
        return;
    }
    str whose = s->value.n
                    ? arena_printf(&n->arena, "%" STR_FMT " of %" STR_FMT, STR_ARG(s->rule->name), STR_ARG(s->value))
                    : arena_str(&n->arena, s->rule->name);
    char until[40];
    str resets = s->resets_us == INT64_MAX ? S("never") : time_format_date(s->resets_us, until);
    note(n,
         (struct note){permille >= 1000 ? LEVEL_SERIOUS : LEVEL_WARNING, permille, "budget", "budgets", whose,
                       arena_printf(&n->arena, "%lld %% of the budget %" STR_FMT " is used; it starts over %" STR_FMT,
                                    (long long)(permille / 10), STR_ARG(whose), STR_ARG(resets))});
}

/* ---- targets */

static void look_at_target(void *ctx, const struct health_view *v)
{
    struct notes *n = ctx;
    if (v->state == HEALTH_CLOSED || !v->last_us) return;
    str state = health_state_name(v->state);
    note(n, (struct note){LEVEL_SERIOUS, 0, "target", "providers", arena_str(&n->arena, v->target),
                          arena_printf(&n->arena, "The breaker of %" STR_FMT " is %" STR_FMT " (%" STR_FMT ")",
                                       STR_ARG(v->target), STR_ARG(state), STR_ARG(err_info(v->opened_by)->name))});
}

/* ---- runaways */

static void look_at_stopped(void *ctx, const struct runaway_stopped *s)
{
    struct notes *n = ctx;
    if (!api_in_scope(n->scope, s->feature)) return;
    note(n, (struct note){LEVEL_SERIOUS, 0, "runaway", s->task ? "tasks" : "sessions", arena_str(&n->arena, s->name),
                          arena_printf(&n->arena,
                                       "Blocked as a runaway: %" STR_FMT " (key %" STR_FMT "; %llu call%s refused)",
                                       STR_ARG(s->seen), STR_ARG(s->key), (unsigned long long)s->blocked,
                                       s->blocked == 1 ? "" : "s")});
}

/* ---- switches */

static void look_at_switches(struct notes *n, struct purser *p, int64_t now_us)
{
    struct switches *s = switching_current(p);
    for (size_t i = 0; i < switches_count(s); i++) {
        const struct ai_switch *one = switches_at(s, i);
        if (one->until_us && one->until_us <= now_us) continue;
        if (one->feature.n && !api_in_scope(n->scope, one->feature)) continue;
        str what =
            one->feature.n ? arena_printf(&n->arena, "for %" STR_FMT, STR_ARG(one->feature)) : S("for all features");
        note(n, (struct note){LEVEL_WARNING, 0, "switch", "budgets", arena_str(&n->arena, one->feature),
                              arena_printf(&n->arena, "AI is switched off %" STR_FMT ": %" STR_FMT, STR_ARG(what),
                                           STR_ARG(one->why))});
    }
    switches_put(s);
}

/* ---- the last seven days */

static str dollars(struct notes *n, __int128 amount)
{
    char text[MONEY_TEXT_MAX];
    return arena_printf(&n->arena, "$%" STR_FMT,
                        STR_ARG(money_format_short(amount > INT64_MAX ? INT64_MAX : (int64_t)amount, text)));
}

static void look_at_feature(struct notes *n, const struct report *r, size_t row)
{
    char text[40];
    str name = arena_str(&n->arena, report_key(r, row, 0, text));
    const struct setting_feature *f = settings_feature(n->snapshot->settings, name);
    __int128 cost = report_sum(r, row, REPORT_cost);
    if ((f && f->owner.n) || cost <= 0) return;
    str shown = name.n ? name : S("(no feature)");
    note(n, (struct note){LEVEL_WARNING, cost > INT64_MAX ? INT64_MAX : (int64_t)cost, "unowned", "features", name,
                          arena_printf(&n->arena, "Nobody owns %" STR_FMT ": %" STR_FMT " in seven days",
                                       STR_ARG(shown), STR_ARG(dollars(n, cost)))});
}

static void look_at_totals(struct notes *n, const struct report *r)
{
    __int128 unpriced = report_sum(r, REPORT_TOTALS, REPORT_unpriced),
             attempts = report_sum(r, REPORT_TOTALS, REPORT_attempts);
    __int128 estimated = report_sum(r, REPORT_TOTALS, REPORT_estimated);
    if (unpriced > 0)
        note(n, (struct note){LEVEL_SERIOUS, 0, "unpriced", "providers", STR_NONE,
                              arena_printf(&n->arena, "%lld attempts in seven days have no known price",
                                           (long long)unpriced)});
    if (attempts > 0 && estimated * 1000 > attempts * ESTIMATED_PERMILLE)
        note(n, (struct note){LEVEL_WARNING, 0, "estimated", "costs", STR_NONE,
                              arena_printf(&n->arena, "%lld %% of the attempts of seven days have an estimated cost",
                                           (long long)(estimated * 100 / attempts))});
}

static void look_at_week(struct notes *n, const struct snapshot *s, int64_t now_us)
{
    struct report_ask ask = {.by = {S("feature")},
                             .by_count = 1,
                             .since_us = now_us - 7 * US_PER_DAY,
                             .until_us = INT64_MAX,
                             .limit = FEATURES_MAX};
    struct buf why;
    buf_init(&why, 0);
    api_scope_report(n->scope, &ask);
    char *dir = str_dup(s->settings->data);
    struct report *r = report_run(dir, &ask, NULL, NULL, &why);
    if (r) {
        for (size_t i = 0; i < report_rows(r); i++) look_at_feature(n, r, i);
        look_at_totals(n, r);
    }
    report_drop(r);
    free(dir);
    buf_free(&why);
}

/* ---- the list */

static int compare(const void *a, const void *b)
{
    const struct note *x = a, *y = b;
    if (x->level != y->level) return (int)x->level - (int)y->level;
    return (x->weight < y->weight) - (x->weight > y->weight);
}

void now_add_attention(struct buf *out, struct api_call *c)
{
    struct notes *n = mem_zalloc(sizeof(*n));
    struct purser *p = c->admin->purser;
    arena_init(&n->arena);
    n->snapshot = c->snapshot;
    n->scope = &c->scope;
    if (!c->scope.restricted) healths_each(p->healths, time_mono_us(), look_at_target, n);
    look_at_switches(n, p, c->now_us);
    runaways_each_stopped(p->runaways, time_mono_us() - US_PER_HOUR, look_at_stopped, n);
    look_at_week(n, c->snapshot, c->now_us);
    budgets_each(p->budgets, c->snapshot->budgets, c->now_us, look_at_budget, n); /* may be very many */
    qsort(n->of, n->count, sizeof(n->of[0]), compare);
    note_left_out(n);
    buf_add_byte(out, '[');
    for (size_t i = 0; i < n->count; i++) {
        const struct note *one = &n->of[i];
        buf_printf(out, "%s{\"kind\":\"%s\",\"level\":\"%s\",\"page\":\"%s\",\"object\":", i ? "," : "", one->kind,
                   level_names[one->level], one->page);
        buf_add_json(out, one->object);
        buf_add(out, S(",\"text\":"));
        buf_add_json(out, one->text);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
    arena_free(&n->arena);
    free(n);
}

#include "admin/expect.h"

#include "base/arena.h"
#include "ledger/report.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* The past is read anew every ten minutes; a budget whose feature has just begun to spend may wait that long. */
enum { KEPT_MAX = 64, KEY_BYTES_MAX = 512 };
static const int64_t keep_us = 10 * US_PER_MINUTE;

struct kept {
    char key[KEY_BYTES_MAX]; /* the scope; empty with at_us 0: free */
    int64_t at_us;
    struct expectation e;
};

struct expecting {
    pthread_mutex_t lock;
    struct kept of[KEPT_MAX];
};

struct expecting *expecting_new(void)
{
    struct expecting *e = mem_map(sizeof(*e));
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

void expecting_drop(struct expecting *e)
{
    if (!e) return;
    pthread_mutex_destroy(&e->lock);
    mem_unmap(e, sizeof(*e));
}

/* ---- scopes */

/* "feature=bot,team=a". Fails: false where sums by hour cannot tell it. */
static bool write_key(const struct scope *scope, char out[KEY_BYTES_MAX])
{
    size_t n = 0;
    out[0] = '\0';
    for (int d = 0; scope && d < SCOPE_DIMS; d++) {
        str want = scope->want[d], name = scope_dim_name((enum scope_dim)d);
        if (!want.p) continue;
        if (scope_is_each(want) || d == SCOPE_MODEL || d == SCOPE_USER) return false;
        int more = snprintf(out + n, KEY_BYTES_MAX - n, "%" STR_FMT "=%" STR_FMT ",", STR_ARG(name), STR_ARG(want));
        if (more < 0 || n + (size_t)more >= KEY_BYTES_MAX) return false;
        n += (size_t)more;
    }
    return true;
}

static void add_filters(struct report_ask *ask, const struct scope *scope)
{
    for (int d = 0; scope && d < SCOPE_DIMS; d++) {
        if (!scope->want[d].p) continue;
        ask->where[ask->where_count].column = scope_dim_name((enum scope_dim)d);
        ask->where[ask->where_count++].equals = scope->want[d];
    }
}

/* ---- the past */

static int64_t whole_hour(int64_t at_us)
{
    return at_us - at_us % US_PER_HOUR;
}

static picousd clip(__int128 amount)
{
    return amount > INT64_MAX ? INT64_MAX : amount < 0 ? 0 : (picousd)amount;
}

/* `ask` has what the spending is narrowed to. */
static bool make(const char *dir, struct report_ask ask, int64_t now_us, struct expectation *out, struct buf *why)
{
    enum { HOURS = EXPECTED_WEEKS_MAX * EXPECTED_WEEK_HOURS };
    int64_t until_us = whole_hour(now_us), since_us = until_us - HOURS * US_PER_HOUR, first_us = until_us;
    ask.by[ask.by_count++] = S("hour");
    ask.since_us = since_us, ask.until_us = until_us, ask.limit = HOURS;
    struct report *r = report_run(dir, &ask, NULL, NULL, why);
    if (!r) return false;
    picousd *spent = mem_zalloc(HOURS * sizeof(*spent));
    for (size_t i = 0; i < report_rows(r); i++) {
        char text[40];
        int64_t at_us = 0;
        if (!time_parse(report_key(r, i, 0, text), &at_us) || at_us < since_us || at_us >= until_us) continue;
        spent[(at_us - since_us) / US_PER_HOUR] = clip(report_sum(r, i, REPORT_cost));
        if (at_us < first_us) first_us = at_us;
    }
    size_t skipped = (size_t)((first_us - since_us) / US_PER_HOUR);
    struct expected_past past = {.from_us = first_us, .spent = spent + skipped, .hours = HOURS - skipped};
    expected_make(&past, &out->curve);
    out->level_permille = expected_level_permille(&out->curve, &past);
    free(spent);
    report_drop(r);
    return true;
}

static struct kept *find(struct expecting *e, const char *key, int64_t now_us)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *k = &e->of[i];
        if (k->at_us && strcmp(k->key, key) == 0 && now_us - k->at_us < keep_us && k->at_us <= now_us) return k;
    }
    return NULL;
}

static void keep(struct expecting *e, const char *key, int64_t now_us, const struct expectation *made)
{
    struct kept *to = &e->of[0];
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *k = &e->of[i];
        if (k->at_us && strcmp(k->key, key) == 0) {
            to = k;
            break;
        }
        if (k->at_us < to->at_us) to = k;
    }
    to->at_us = now_us;
    to->e = *made;
    snprintf(to->key, sizeof(to->key), "%s", key);
}

/* `key` NULL: it is not kept. */
static bool find_or_make(struct expecting *e, const char *dir, const char *key, const struct report_ask *ask,
                         int64_t now_us, struct expectation *out, struct buf *why)
{
    pthread_mutex_lock(&e->lock);
    struct kept *k = key ? find(e, key, now_us) : NULL;
    if (k) *out = k->e;
    pthread_mutex_unlock(&e->lock);
    if (k) return true;
    if (!make(dir, *ask, now_us, out, why)) return false;
    pthread_mutex_lock(&e->lock);
    if (key) keep(e, key, now_us, out);
    pthread_mutex_unlock(&e->lock);
    return true;
}

bool expect(struct expecting *e, const char *dir, const struct scope *scope, int64_t now_us, struct expectation *out,
            struct buf *why)
{
    char key[KEY_BYTES_MAX];
    struct report_ask ask = {.by_count = 0};
    if (!write_key(scope, key)) return false;
    add_filters(&ask, scope);
    return find_or_make(e, dir, key, &ask, now_us, out, why);
}

/* In front stands what no scope's key begins with; a name's length keeps two sets of names apart. */
static bool write_features_key(const str *features, size_t count, char out[KEY_BYTES_MAX])
{
    int n = snprintf(out, KEY_BYTES_MAX, "of:");
    for (size_t i = 0; i < count; i++) {
        int more = snprintf(out + n, (size_t)(KEY_BYTES_MAX - n), "%zu:%" STR_FMT, features[i].n, STR_ARG(features[i]));
        if (more < 0 || n + more >= KEY_BYTES_MAX) return false;
        n += more;
    }
    return true;
}

bool expect_features(struct expecting *e, const char *dir, const str *features, size_t count, int64_t now_us,
                     struct expectation *out, struct buf *why)
{
    char key[KEY_BYTES_MAX];
    struct report_ask ask = {.scoped = true, .features = features, .feature_count = count};
    return find_or_make(e, dir, write_features_key(features, count, key) ? key : NULL, &ask, now_us, out, why);
}

bool expect_spent(const char *dir, const struct scope *scope, int64_t since_us, int64_t now_us, picousd *out,
                  struct buf *why)
{
    struct report_ask ask = {.since_us = since_us, .until_us = now_us, .limit = 1};
    add_filters(&ask, scope);
    struct report *r = report_run(dir, &ask, NULL, NULL, why);
    if (r) *out = clip(report_sum(r, REPORT_TOTALS, REPORT_cost));
    report_drop(r);
    return r != NULL;
}

/* ---- budgets */

void expect_budget(struct expecting *e, const char *dir, const struct budget_state *s, int64_t now_us,
                   struct budget_outlook *out)
{
    const struct budget_rule *rule = s->rule;
    const struct scope *scope = &rule->scope;
    struct expectation of;
    struct buf why;
    int64_t from_us = s->window_start_us, hour_us = now_us - US_PER_HOUR;
    *out = (struct budget_outlook){.burn_rate = NAN, .run_out_us = INT64_MAX};
    if (rule->measure != BUDGET_MONEY || rule->limit <= 0 || rule->window.kind == WINDOW_TOTAL || !from_us) return;
    if (rule->window.kind == WINDOW_ROLLING) return; /* what falls out of it again has no end to run towards */
    buf_init(&why, 0);
    picousd lately = 0;
    if (hour_us < from_us) hour_us = from_us;
    if (expect(e, dir, scope, now_us, &of, &why) && expect_spent(dir, scope, hour_us, now_us, &lately, &why)) {
        struct expected_budget b = {.limit = rule->limit,
                                    .spent = s->spent,
                                    .from_us = from_us,
                                    .until_us = window_end(&rule->window, now_us)};
        __int128 rest = expected_between(&of.curve, now_us, b.until_us);
        out->known = true;
        if (!expected_burn_rate(&of.curve, &b, lately, hour_us, now_us, &out->burn_rate)) out->burn_rate = NAN;
        out->planned = clip(expected_between(&of.curve, from_us, now_us));
        out->end = clip((__int128)s->spent + rest * of.level_permille / 1000);
        out->run_out_us = expected_run_out_us(&of.curve, &b, of.level_permille, now_us);
    }
    buf_free(&why);
}

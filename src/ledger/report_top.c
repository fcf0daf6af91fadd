#include "ledger/report_rank.h"

#include <stdlib.h>

/* The dearest few of very many users, prompts or tasks: first who they are (report_rank.c), then all that is known of
 * these few. What all together cost is what the hours' sums say. */

struct top {
    struct ranking ranking;
    struct scanner *s;
    struct group **group; /* of each of the best; NULL: its name is not known yet */
    struct groups *groups;
};

static struct group *group_of(struct top *t, size_t at, str name)
{
    if (t->group[at]) return t->group[at];
    struct buf *key = &t->s->key;
    uint32_t n = (uint32_t)name.n;
    buf_clear(key);
    buf_add(key, str_of((char *)&n, sizeof(n)));
    buf_add(key, name);
    return t->group[at] = groups_at(t->groups, buf_str(key));
}

/* ---- from crowds */

/* Chunk after chunk as they lie in the store. */
static int compare_places(const void *a, const void *b, void *plan)
{
    const struct rank_place *x = a, *y = b;
    const struct plan *p = plan;
    enum pack_kind kx = p->crowds[x->crowd].kind, ky = p->crowds[y->crowd].kind;
    if (kx != ky) return kx < ky ? -1 : 1;
    int64_t cx = crowd_chunk(x->head, x->entry / CROWD_CHUNK), cy = crowd_chunk(y->head, y->entry / CROWD_CHUNK);
    if (cx != cy) return cx < cy ? -1 : 1;
    if (x->crowd != y->crowd) return x->crowd < y->crowd ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static bool add_entry(struct top *t, size_t at, str chunk, uint32_t entry)
{
    str name, values, rest, latency, first_token;
    if (!crowd_chunk_find(chunk, entry % CROWD_CHUNK, &name, &values)) return false;
    struct group *g = group_of(t, at, name);
    return pack_add_sums(values, g->sums, &rest) && pack_histograms(rest, &latency, &first_token) &&
           spread_add_encoded(&g->latency, latency) && spread_add_encoded(&g->first_token, first_token);
}

static bool add_places(struct top *t)
{
    struct ranking *r = &t->ranking;
    const struct plan *p = t->s->scan->plan;
    size_t kept = 0;
    for (size_t i = 0; i < r->place_count; i++) {
        if (ranking_find(r, r->places[i].hash) != SIZE_MAX) r->places[kept++] = r->places[i];
    }
    r->place_count = kept;
    if (kept) qsort_r(r->places, kept, sizeof(*r->places), compare_places, (void *)p);
    str chunk = STR_NONE;
    int64_t of = -1;
    for (size_t i = 0; i < kept; i++) {
        const struct rank_place *at = &r->places[i];
        const struct crowd_at *crowd = &p->crowds[at->crowd];
        int64_t number = crowd_chunk(at->head, at->entry / CROWD_CHUNK);
        if (number != of || at->crowd != r->places[i - 1].crowd) {
            if (i % 256 == 0 && !scan_may_go_on(t->s)) return false;
            if (!scan_read_row(t->s, crowd->kind, number, crowd->day_us, &chunk)) return false;
            of = number;
        }
        if (add_entry(t, ranking_find(r, at->hash), chunk, at->entry)) continue;
        buf_add(&t->s->why, S("a packed day is damaged; 'purser ledger verify' tells more"));
        return false;
    }
    return true;
}

/* ---- what no crowd answers for */

static bool run(sqlite3_stmt *q)
{
    bool ok = sqlite3_step(q) == SQLITE_ROW;
    sqlite3_reset(q);
    return ok;
}

/* Today's sums of one of the best, and of other days that are not packed. */
static bool add_days(struct top *t, str name)
{
    const struct plan *p = t->s->scan->plan;
    sqlite3_stmt **q = &t->s->q[SOURCE_SEEK];
    bool ok = true;
    if (!*q) *q = plan_prepare_seek(p, true, t->s->db);
    if (!*q) return false;
    sqlite3_bind_text(*q, 2, name.n ? name.p : "", (int)name.n, SQLITE_STATIC);
    for (size_t i = 0; ok && i < p->slice_count; i++) {
        if (p->slices[i].source != SOURCE_DAY) continue;
        for (int64_t day = p->slices[i].from; ok && day < p->slices[i].until; day += US_PER_DAY) {
            sqlite3_bind_int64(*q, 1, day);
            ok = run(*q);
        }
    }
    return ok;
}

/* One by one, where they are few. */
static bool add_rows_by_id(struct top *t)
{
    const struct loose *l = &t->ranking.loose;
    sqlite3_stmt **q = &t->s->q[SOURCE_ROWS_BY_ID];
    bool ok = true;
    if (!*q) *q = plan_prepare_row(t->s->scan->plan, t->s->db);
    if (!*q) return false;
    for (size_t i = 0; ok && i < l->row_count; i++) {
        if (ranking_find(&t->ranking, l->rows[i].hash) == SIZE_MAX) continue;
        t->s->to = l->rows[i].back ? &t->s->back : &t->s->groups;
        t->s->last = NULL;
        sqlite3_bind_int64(*q, 1, l->rows[i].attempt_id);
        ok = run(*q);
    }
    return ok;
}

/* Of these groups those of the best. */
static void keep_best(struct top *t, struct groups *all, struct groups *into)
{
    for (size_t i = 0; i < t->ranking.best_count; i++) {
        struct group *g = t->group[i] ? groups_find(all, t->group[i]->key) : NULL;
        struct group *to = g ? groups_at(into, g->key) : NULL;
        if (to) group_add(to, g);
    }
    groups_free(all);
}

/* All of them, in the order of time, where most belong to the best: to each of a few tasks, say. */
static bool add_rows_by_time(struct top *t)
{
    struct scanner *s = t->s;
    const struct plan *p = s->scan->plan;
    struct groups all[2];
    sqlite3_stmt *q = plan_prepare(p, SOURCE_ROWS_BY_TIME, s->db);
    bool ok = q != NULL;
    for (int i = 0; i < 2; i++) groups_init(&all[i], s->groups.secret);
    for (size_t i = 0; ok && i < p->slice_count; i++) {
        if (p->slices[i].source != SOURCE_ROWS_BY_TIME) continue;
        s->to = &all[p->slices[i].back];
        s->last = NULL;
        sqlite3_bind_int64(q, 1, p->slices[i].from);
        sqlite3_bind_int64(q, 2, p->slices[i].until);
        ok = run(q);
    }
    sqlite3_finalize(q);
    s->last = NULL;
    keep_best(t, &all[0], &s->groups);
    keep_best(t, &all[1], &s->back);
    return ok;
}

static bool add_rows(struct top *t)
{
    const struct loose *l = &t->ranking.loose;
    size_t wanted = 0;
    for (size_t i = 0; i < l->row_count; i++) wanted += ranking_find(&t->ranking, l->rows[i].hash) != SIZE_MAX;
    t->s->rollup = false;
    return wanted > l->row_count / 3 ? add_rows_by_time(t) : add_rows_by_id(t);
}

/* Those that are in no crowd. */
static void name_the_rest(struct top *t)
{
    for (size_t i = 0; i < t->ranking.best_count; i++) {
        const struct loose_name *n = loose_find(&t->ranking.loose, t->ranking.best[i].hash);
        if (n) (void)group_of(t, i, n->name);
    }
}

static bool add_loose(struct top *t)
{
    bool ok = true;
    name_the_rest(t);
    t->s->rollup = true;
    t->s->to = &t->s->groups;
    for (size_t i = 0; ok && i < t->ranking.best_count; i++) {
        const struct loose_name *n = loose_find(&t->ranking.loose, t->ranking.best[i].hash);
        if (n) ok = add_days(t, n->name);
    }
    return ok && add_rows(t);
}

/* ---- all */

/* From the sums by hour: each attempt is in them once, as it is in each day's of users. */
static bool add_totals(struct scan *scan, sqlite3 *db, struct group *totals, struct buf *why)
{
    const struct plan *p = scan->plan;
    struct report_ask ask = *p->ask;
    struct plan all;
    ask.by_count = 0;
    ask.since_us = p->whole_from_us;
    ask.until_us = p->whole_until_us;
    bool ok = plan_make(&all, db, &ask, why);
    if (ok) {
        struct scan whole = {.plan = &all, .dir = scan->dir};
        struct groups groups, back;
        struct hash_key secret = {0};
        groups_init(&groups, secret);
        groups_init(&back, secret);
        ok = scan_run(&whole, db, &groups, &back, totals, why);
        groups_free(&groups);
        groups_free(&back);
    }
    plan_free(&all);
    return ok;
}

bool top_run(struct scan *scan, sqlite3 *db, struct groups *into, struct groups *back, size_t *names,
             struct group *totals, struct buf *why)
{
    struct scanner s;
    struct top t = {.s = &s, .groups = into};
    scan->steps = CROWD_PARTS;
    scanner_init(&s, scan, into->secret);
    s.tells = true;
    bool ok = scanner_open(&s, db) && ranking_make(&t.ranking, &s, (size_t)scan->plan->ask->limit);
    t.group = mem_zalloc((t.ranking.best_count + 1) * sizeof(struct group *));
    ok = ok && add_places(&t);
    if (!ok) scan_tell_fault(&s);
    scan_finalize(&s); /* what is read ends with it */
    (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (ok && !add_loose(&t)) {
        scan_tell_fault(&s);
        ok = false;
    }
    *names = t.ranking.names;
    ranking_free(&t.ranking);
    free(t.group);
    struct group unasked = {0};
    ok = scanner_end(&s, ok ? into : NULL, back, &unasked, why) && ok;
    group_free(&unasked);
    return ok && add_totals(scan, db, totals, why);
}

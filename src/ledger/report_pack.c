#include "base/time.h"
#include "ledger/report_inside.h"

#include <stdlib.h>

/* Days of rollup_hour that are packed, into groups. The names of a pack's rows are numbers, its
 * own: filters are decided once for each different name, and a small table tells
 * the group of each combination without hashing its texts once more. */

enum { CACHE_MAX = 16384 };

/* One pack, as a report reads it. */
struct reading {
    struct scanner *s;
    struct groups *groups;
    struct pack pack;
    int64_t day_us;
    struct arena arena;
    int column[REPORT_BY_MAX];          /* of the pack's names, for each of plan->by; -1: a time */
    const bool *passes[PACK_NAMES_MAX]; /* NULL: all do */
    struct group **cache;               /* by the combination of names; NULL: there are too many */
};

/* Which of a pack's names this is; -1: none, a time. */
static int column_of(const struct dim *d)
{
    static const str hour[] = {STR_INIT("feature"), STR_INIT("model"),  STR_INIT("provider"), STR_INIT("key"),
                               STR_INIT("team"),    STR_INIT("reason"), STR_INIT("status")};
    if (d->kind != DIM_TEXT) return -1;
    for (size_t i = 0; i < COUNT_OF(hour); i++) {
        if (str_eq(hour[i], d->name)) return (int)i;
    }
    return -1;
}

/* Filters on one name: any of them; on several names: all of them. */
static void read_filters(struct reading *r)
{
    const struct plan *p = r->s->scan->plan;
    for (size_t i = 0; i < p->ask->where_count; i++) {
        int column = column_of(p->where[i]);
        const struct pack_names *names = &r->pack.names[column];
        bool *passes = (bool *)r->passes[column];
        if (!passes) r->passes[column] = passes = arena_zalloc(&r->arena, names->count + 1);
        for (uint32_t n = 0; n < names->count; n++)
            passes[n] = passes[n] || str_eq(names->text[n], p->ask->where[i].equals);
    }
}

/* How many values the i-th of what is grouped by can have in this pack, and which one a row has. */
static uint32_t values_of(const struct reading *r, size_t i)
{
    if (r->column[i] >= 0) return r->pack.names[r->column[i]].count;
    return r->s->scan->plan->by[i]->kind == DIM_HOUR ? 24 : 1;
}

static uint32_t value_of(const struct reading *r, size_t i, const struct pack_entry *e)
{
    if (r->column[i] >= 0) return e->name[r->column[i]];
    return r->s->scan->plan->by[i]->kind == DIM_HOUR ? e->hour : 0;
}

/* And of these features alone. */
static void read_scope(struct reading *r)
{
    const struct report_ask *ask = r->s->scan->plan->ask;
    int column = column_of(dim_find(S("feature")));
    const struct pack_names *names = &r->pack.names[column];
    bool *passes = arena_zalloc(&r->arena, names->count + 1);
    for (uint32_t n = 0; n < names->count; n++) {
        for (size_t i = 0; i < ask->feature_count; i++)
            passes[n] = passes[n] || str_eq(names->text[n], ask->features[i]);
        passes[n] = passes[n] && (!r->passes[column] || r->passes[column][n]);
    }
    r->passes[column] = passes;
}

static void make_cache(struct reading *r)
{
    const struct plan *p = r->s->scan->plan;
    uint64_t combinations = 1;
    for (size_t i = 0; i < p->ask->by_count && combinations <= CACHE_MAX; i++) combinations *= values_of(r, i);
    if (combinations <= CACHE_MAX) r->cache = arena_zalloc(&r->arena, (combinations + 1) * sizeof(struct group *));
}

/* The group of this key; NULL beyond the ceiling. */
static struct group *look_up(struct reading *r, const struct pack_entry *e)
{
    struct scanner *s = r->s;
    const struct plan *p = s->scan->plan;
    buf_clear(&s->key);
    for (size_t i = 0; i < p->ask->by_count; i++) {
        if (r->column[i] >= 0) {
            str text = r->pack.names[r->column[i]].text[e->name[r->column[i]]];
            uint32_t n = (uint32_t)text.n;
            buf_add(&s->key, str_of((char *)&n, sizeof(n)));
            buf_add(&s->key, text);
        } else {
            int64_t begin = r->day_us + (p->by[i]->kind == DIM_HOUR ? e->hour * US_PER_HOUR : 0);
            buf_add(&s->key, str_of((char *)&begin, sizeof(begin)));
        }
    }
    struct group *g = groups_at(r->groups, buf_str(&s->key));
    if (!g) buf_add(&s->why, groups_too_many());
    return g;
}

static struct group *group_of(struct reading *r, const struct pack_entry *e)
{
    if (!r->cache) return look_up(r, e);
    size_t at = 0;
    for (size_t i = 0; i < r->s->scan->plan->ask->by_count; i++) at = at * values_of(r, i) + value_of(r, i, e);
    if (!r->cache[at]) r->cache[at] = look_up(r, e);
    return r->cache[at];
}

static bool add_entry(struct reading *r, const struct pack_entry *e)
{
    str rest, latency, first_token;
    struct group *g = group_of(r, e);
    return g && pack_add_sums(e->values, g->sums, &rest) && pack_histograms(rest, &latency, &first_token) &&
           spread_add_encoded(&g->latency, latency) && spread_add_encoded(&g->first_token, first_token);
}

static bool passes(const struct reading *r, const struct pack_entry *e)
{
    for (uint32_t i = 0; i < r->pack.name_count; i++) {
        if (r->passes[i] && !r->passes[i][e->name[i]]) return false;
    }
    return true;
}

static bool read_body(struct reading *r, str body)
{
    const struct plan *p = r->s->scan->plan;
    struct pack_entry e;
    if (!pack_open(&r->pack, &r->arena, body) || r->pack.name_count != PACK_NAMES_MAX) return false;
    for (size_t i = 0; i < p->ask->by_count; i++) r->column[i] = column_of(p->by[i]);
    read_filters(r);
    if (p->ask->scoped) read_scope(r);
    make_cache(r);
    for (;;) {
        switch (pack_next(&r->pack, &e)) {
        case PACK_END:
            return true;
        case PACK_BAD:
            return false;
        case PACK_ENTRY:
            if (passes(r, &e) && !add_entry(r, &e)) return false;
        }
    }
}

static bool read_pack(struct scanner *s, struct groups *groups, int64_t day_us, str body)
{
    struct reading r = {.s = s, .groups = groups, .day_us = day_us};
    arena_init(&r.arena);
    bool ok = read_body(&r, body);
    arena_free(&r.arena);
    if (!ok && !s->why.n) buf_printf(&s->why, "a packed day is damaged; 'purser ledger verify' tells more");
    return ok;
}

static bool read_part(struct scanner *s, const struct slice *slice, struct groups *groups)
{
    const struct plan *p = s->scan->plan;
    sqlite3_stmt **q = &s->q[SOURCE_PACK];
    const char *sql = "SELECT day_us, body FROM packs WHERE kind = ? AND part = ? AND day_us >= ? AND day_us < ?";
    if (!*q && sqlite3_prepare_v2(s->db, sql, -1, q, NULL) != SQLITE_OK) return false;
    str kind = pack_kind_name(p->kind);
    sqlite3_bind_text(*q, 1, kind.p, (int)kind.n, SQLITE_STATIC);
    sqlite3_bind_int64(*q, 2, slice->part);
    sqlite3_bind_int64(*q, 3, slice->from);
    sqlite3_bind_int64(*q, 4, slice->until);
    int rc = SQLITE_ROW;
    bool ok = true;
    while (ok && (rc = sqlite3_step(*q)) == SQLITE_ROW) {
        const char *body = sqlite3_column_blob(*q, 1);
        int64_t day_us = sqlite3_column_int64(*q, 0);
        if (!plan_has_pack(p, day_us)) continue;
        if (!scan_may_go_on(s)) return false;
        ok = read_pack(s, groups, day_us, str_of(body, (size_t)sqlite3_column_bytes(*q, 1)));
    }
    sqlite3_reset(*q);
    return ok && rc == SQLITE_DONE;
}

/* Into groups of its own: a part's fit into the processor's cache, all of them do not. */
bool scan_packs(struct scanner *s, const struct slice *slice)
{
    struct groups groups;
    groups_init(&groups, s->groups.secret);
    bool ok = read_part(s, slice, &groups);
    if (ok && !groups_merge(&s->groups, &groups)) {
        buf_add(&s->why, groups_too_many());
        ok = false;
    }
    groups_free(&groups);
    return ok;
}

#include "base/time.h"
#include "ledger/report_inside.h"

#include <stdlib.h>

/* Days that are packed, into groups. The names of a pack's rows are numbers, its
 * own: filters are decided once for each different name, and a small table tells
 * the group of each combination without hashing its texts once more. */

enum { CACHE_MAX = 16384 };

/* The packs of a part are much the same users in much the same order, day after day: the group
 * that came behind the last one yesterday is mostly today's next, and need not be looked for. */
struct trail {
    struct group *first, *last;
};

/* One pack, as a report reads it. */
struct reading {
    struct scanner *s;
    struct groups *groups;
    struct trail *trail;
    struct pack pack;
    int64_t day_us;
    struct arena arena;
    int column[REPORT_BY_MAX];          /* of the pack's names, for each of plan->by; -1: a time */
    const bool *passes[PACK_NAMES_MAX]; /* NULL: all do */
    struct group **cache;               /* by the combination of names; NULL: there are too many */
};

/* Which of a pack's names this is; -1: none, a time. */
static int column_of(const struct plan *p, const struct dim *d)
{
    static const str hour[] = {STR_INIT("feature"), STR_INIT("model"),  STR_INIT("provider"), STR_INIT("key"),
                               STR_INIT("team"),    STR_INIT("reason"), STR_INIT("status")};
    if (d->kind != DIM_TEXT) return -1;
    if (p->kind != PACK_HOUR) return d->in_day ? 0 : 1;
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
        int column = column_of(p, p->where[i]);
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

/* Of a report's hundred users most packs have none, and each has thousands of others:
 * a bit for each hash of a wanted one sorts them out. */
enum { WANTED_BITS = 1 << 16 };

static uint32_t bit_of(str text)
{
    return hash_crc32c(0, text.p, text.n) % WANTED_BITS;
}

uint64_t *scan_wanted_bits(const struct plan *p, struct group *const *wanted, size_t count)
{
    uint64_t *bits = mem_zalloc(WANTED_BITS / 8);
    for (size_t i = 0; i < count; i++) {
        str key = wanted[i]->key;
        for (size_t at = 0; at < p->ask->by_count; at++) {
            struct key_part part = key_next(p->by[at], &key);
            uint32_t bit = bit_of(part.text);
            if (p->by[at]->in_day) bits[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
    return bits;
}

static int compare_values(const void *a, const void *b)
{
    return str_cmp(*(const str *)a, *(const str *)b);
}

str *scan_wanted_values(const struct plan *p, struct group *const *wanted, size_t count, size_t *values)
{
    str *all = mem_alloc((count + 1) * sizeof(*all));
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < count; i++) {
        str key = wanted[i]->key;
        for (size_t at = 0; at < p->ask->by_count; at++) {
            struct key_part part = key_next(p->by[at], &key);
            if (p->by[at]->in_day) all[n++] = part.text;
        }
    }
    qsort(all, n, sizeof(*all), compare_values);
    for (size_t i = 0; i < n; i++)
        if (!kept || !str_eq(all[kept - 1], all[i])) all[kept++] = all[i];
    *values = kept;
    return all;
}

static void read_wanted(struct reading *r)
{
    const struct pack_names *names = &r->pack.names[0];
    const uint64_t *bits = r->s->scan->wanted_bits;
    bool *passes = (bool *)r->passes[0];
    if (!passes) {
        r->passes[0] = passes = arena_alloc(&r->arena, names->count + 1);
        memset(passes, true, names->count);
    }
    for (uint32_t n = 0; n < names->count; n++) {
        uint32_t bit = bit_of(names->text[n]);
        passes[n] = passes[n] && bits[bit / 64] >> bit % 64 & 1;
    }
}

static void make_cache(struct reading *r)
{
    const struct plan *p = r->s->scan->plan;
    uint64_t combinations = 1;
    for (size_t i = 0; i < p->ask->by_count && combinations <= CACHE_MAX; i++) combinations *= values_of(r, i);
    if (combinations <= CACHE_MAX) r->cache = arena_zalloc(&r->arena, (combinations + 1) * sizeof(struct group *));
}

/* What stands for a combination that the report does not want. */
static struct group unwanted;

/* The group of this key, where the trail leads to it in a few steps; else NULL. */
static struct group *follow(struct trail *t, str key)
{
    enum { STEPS = 4 };
    struct group *g = t->last ? t->last->next : t->first;
    for (int i = 0; g && i < STEPS; i++, g = g->next) {
        if (!str_eq(g->key, key)) continue;
        t->last = g;
        return g;
    }
    return NULL;
}

static void leave_trail(struct trail *t, struct group *g)
{
    struct group **at = t->last ? &t->last->next : &t->first;
    if (!g->next && *at != g) g->next = *at;
    *at = g;
    t->last = g;
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
    struct group *known = follow(r->trail, buf_str(&s->key));
    if (known) return known;
    if (s->scan->want == SCAN_HISTOGRAMS && !groups_find(s->scan->wanted, buf_str(&s->key))) return &unwanted;
    struct group *g = groups_at(r->groups, buf_str(&s->key));
    if (g)
        leave_trail(r->trail, g);
    else
        buf_add(&s->why, groups_too_many());
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

static bool add_histograms(struct spread *to_latency, struct spread *to_first_token, str latency, str first_token)
{
    return spread_add_encoded(to_latency, latency) && spread_add_encoded(to_first_token, first_token);
}

static bool add_entry(struct reading *r, const struct pack_entry *e)
{
    struct pack_values v;
    const struct scan *scan = r->s->scan;
    str rest, latency, first_token;
    struct group *g = group_of(r, e);
    if (!g) return false;
    if (g == &unwanted) return true;
    if (scan->want == SCAN_HISTOGRAMS)
        return pack_values(e->values, &v) && add_histograms(&g->latency, &g->first_token, v.latency, v.first_token);
    if (!pack_add_sums(e->values, g->sums, &rest)) return false;
    bool apart = scan->want == SCAN_SUMS;
    struct group *all = &r->s->totals;
    if (apart && !scan->plan->ask->where_count) return true; /* the pack's own were added */
    return pack_histograms(rest, &latency, &first_token) &&
           add_histograms(apart ? &all->latency : &g->latency, apart ? &all->first_token : &g->first_token, latency,
                          first_token);
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
    if (!pack_open(&r->pack, &r->arena, body) || r->pack.name_count != pack_kind_names(p->kind)) return false;
    for (size_t i = 0; i < p->ask->by_count; i++) r->column[i] = column_of(p, p->by[i]);
    read_filters(r);
    if (r->s->scan->want == SCAN_HISTOGRAMS) read_wanted(r);
    make_cache(r);
    if (r->s->scan->want == SCAN_SUMS && !p->ask->where_count &&
        !(spread_add_encoded(&r->s->totals.latency, r->pack.latency) &&
          spread_add_encoded(&r->s->totals.first_token, r->pack.first_token)))
        return false;
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

static int compare_days(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Another one may have come since the plan was made, whose day is counted from its rows. */
static bool is_planned(const struct plan *p, int64_t day_us)
{
    return bsearch(&day_us, p->packed, p->packed_count, sizeof(day_us), compare_days) != NULL;
}

static bool read_pack(struct scanner *s, struct groups *groups, struct trail *trail, int64_t day_us, str body)
{
    struct reading r = {.s = s, .groups = groups, .trail = trail, .day_us = day_us};
    trail->last = NULL;
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
    struct trail trail = {0};
    while (ok && (rc = sqlite3_step(*q)) == SQLITE_ROW) {
        const char *body = sqlite3_column_blob(*q, 1);
        int64_t day_us = sqlite3_column_int64(*q, 0);
        if (!is_planned(p, day_us)) continue;
        ok = read_pack(s, groups, &trail, day_us, str_of(body, (size_t)sqlite3_column_bytes(*q, 1)));
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

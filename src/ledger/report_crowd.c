#include "ledger/report_inside.h"

#include <stdlib.h>

/* Packed days of users, prompts or tasks (ledger/crowd.h), each entry into its group. Where one name alone is asked for
 * and few are shown, report_top.c is faster. */

/* The crowds of a part are much the same users in much the same order, day after day: the group
 * that came behind the last one yesterday is mostly today's next, and need not be looked for. */
struct trail {
    struct group *first, *last;
};

/* One head of a crowd, as a report reads it. */
struct reading {
    struct scanner *s;
    struct groups *groups;
    struct trail *trail;
    int64_t day_us;
    struct crowd_head head;
    struct crowd_walk walk;
    struct arena arena;
    const bool *passes; /* by the place of the feature; NULL: all do */
};

bool *plan_features_that_pass(const struct plan *p, const str *features, uint32_t count, struct arena *arena)
{
    const struct report_ask *ask = p->ask;
    if (!ask->where_count && !ask->scoped) return NULL;
    bool *passes = arena_zalloc(arena, count + 1);
    for (uint32_t n = 0; n < count; n++) {
        bool seen = !ask->scoped, wanted = !ask->where_count; /* filters are on features, or this is no crowd's */
        for (size_t i = 0; i < ask->feature_count && !seen; i++) seen = str_eq(features[n], ask->features[i]);
        for (size_t i = 0; i < ask->where_count && !wanted; i++) wanted = str_eq(features[n], ask->where[i].equals);
        passes[n] = seen && wanted;
    }
    return passes;
}

/* Of a report's hundred users most crowds have none, and each has thousands of others:
 * a bit for each hash of a wanted one sorts them out. */
enum { WANTED_BITS = 1 << 16 };

static uint32_t bit_of(uint64_t hash)
{
    return (uint32_t)(hash >> 16) % WANTED_BITS;
}

uint64_t *scan_wanted_bits(const struct plan *p, struct group *const *wanted, size_t count)
{
    uint64_t *bits = mem_zalloc(WANTED_BITS / 8);
    for (size_t i = 0; i < count; i++) {
        str key = wanted[i]->key;
        for (size_t at = 0; at < p->ask->by_count; at++) {
            struct key_part part = key_next(p->by[at], &key);
            if (!p->by[at]->in_day) continue;
            uint32_t bit = bit_of(crowd_hash(p->key, part.text));
            bits[bit / 64] |= UINT64_C(1) << bit % 64;
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

/* ---- groups */

/* What stands for an entry that the report does not want. */
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

static void write_key(struct reading *r, str name)
{
    struct scanner *s = r->s;
    const struct plan *p = s->scan->plan;
    buf_clear(&s->key);
    for (size_t i = 0; i < p->ask->by_count; i++) {
        if (p->by[i]->kind == DIM_TEXT) {
            str text = p->by[i]->in_day ? name : r->head.features[r->walk.place];
            uint32_t n = (uint32_t)text.n;
            buf_add(&s->key, str_of((char *)&n, sizeof(n)));
            buf_add(&s->key, text);
        } else {
            buf_add(&s->key, str_of((char *)&r->day_us, sizeof(r->day_us)));
        }
    }
}

/* The group of this entry; NULL beyond the ceiling. */
static struct group *group_of(struct reading *r, str name)
{
    struct scanner *s = r->s;
    write_key(r, name);
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

static bool add_entry(struct reading *r, str name, str values)
{
    struct pack_values v;
    const struct scan *scan = r->s->scan;
    str rest, latency, first_token;
    struct group *g = group_of(r, name);
    if (!g) return false;
    if (g == &unwanted) return true;
    if (scan->want == SCAN_HISTOGRAMS)
        return pack_values(values, &v) && spread_add_encoded(&g->latency, v.latency) &&
               spread_add_encoded(&g->first_token, v.first_token);
    struct group *to = scan->want == SCAN_SUMS ? &r->s->totals : g; /* then those of all together are enough */
    return pack_add_sums(values, g->sums, &rest) && pack_histograms(rest, &latency, &first_token) &&
           spread_add_encoded(&to->latency, latency) && spread_add_encoded(&to->first_token, first_token);
}

/* ---- reading */

bool scan_read_row(struct scanner *s, enum pack_kind kind, int64_t number, int64_t day_us, str *body)
{
    sqlite3_stmt **q = &s->read_row;
    const char *sql = "SELECT body FROM packs WHERE kind = ? AND part = ? AND day_us = ?";
    if (!*q && sqlite3_prepare_v2(s->db, sql, -1, q, NULL) != SQLITE_OK) return false;
    str name = pack_kind_name(kind);
    sqlite3_reset(*q);
    sqlite3_bind_text(*q, 1, name.p, (int)name.n, SQLITE_STATIC);
    sqlite3_bind_int64(*q, 2, number);
    sqlite3_bind_int64(*q, 3, day_us);
    int rc = sqlite3_step(*q);
    *body = STR_NONE;
    if (rc == SQLITE_ROW) {
        const char *p = sqlite3_column_blob(*q, 0);
        *body = str_of(p, (size_t)sqlite3_column_bytes(*q, 0));
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool read_chunk(void *ctx, int64_t number, str *body)
{
    struct reading *r = ctx;
    return scan_read_row(r->s, r->s->scan->plan->kind, number, r->day_us, body);
}

static bool read_entries(struct reading *r)
{
    const uint64_t *bits = r->s->scan->want == SCAN_HISTOGRAMS ? r->s->scan->wanted_bits : NULL;
    for (;;) {
        str name, values;
        enum crowd_step step = crowd_walk_next(&r->walk);
        if (step == CROWD_END) return true;
        if (step != CROWD_ENTRY) return false;
        if (r->passes && !r->passes[r->walk.place]) continue;
        uint32_t bit = bit_of(r->walk.hash);
        if (bits && !(bits[bit / 64] >> bit % 64 & 1)) continue;
        if (crowd_walk_detail(&r->walk, read_chunk, r, &name, &values) != CROWD_ENTRY) return false;
        if (!add_entry(r, name, values)) return false;
    }
}

static bool read_head(struct scanner *s, const struct slice *slice, int64_t day_us, struct groups *groups,
                      struct trail *trail)
{
    const struct plan *p = s->scan->plan;
    struct reading r = {.s = s, .groups = groups, .trail = trail, .day_us = day_us};
    str body;
    trail->last = NULL;
    if (!scan_read_row(s, p->kind, slice->part, day_us, &body)) return false;
    if (!body.n) return true;
    arena_init(&r.arena);
    bool ok = crowd_open(&r.head, &r.arena, arena_str(&r.arena, body));
    if (ok) {
        r.passes = plan_features_that_pass(p, r.head.features, r.head.feature_count, &r.arena);
        crowd_walk_begin(&r.walk, &r.head, slice->part);
        ok = read_entries(&r);
    }
    arena_free(&r.arena);
    if (!ok && !s->why.n) buf_printf(&s->why, "a packed day is damaged; 'purser ledger verify' tells more");
    return ok;
}

/* Into groups of its own: a part's fit into the processor's cache, all of them do not. */
bool scan_crowds(struct scanner *s, const struct slice *slice)
{
    const struct plan *p = s->scan->plan;
    struct groups groups;
    struct trail trail = {0};
    bool ok = true;
    groups_init(&groups, s->groups.secret);
    for (size_t day = 0; ok && day < p->packed_count; day++)
        ok = scan_may_go_on(s) && read_head(s, slice, p->packed[day], &groups, &trail);
    if (ok && !groups_merge(&s->groups, &groups)) {
        buf_add(&s->why, groups_too_many());
        ok = false;
    }
    groups_free(&groups);
    return ok;
}

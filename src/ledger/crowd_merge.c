#include "ledger/packing_inside.h"

#include "base/time.h"

#include <stdlib.h>

/* A crowd of many days, merged of the smaller ones that lie in it: part by part, from the last to the first. */

enum { FROM_MAX = 64 };

struct crowd_merge {
    sqlite3_stmt *read; /* a row of table `packs` */
    enum pack_kind of;
    int64_t day_us[FROM_MAX]; /* where those that it is made of begin */
    uint32_t heads_of[FROM_MAX];
    size_t count;
    uint32_t heads, next; /* of what comes; heads from `next` - 1 down are still to come */
    struct crowd_maker *made;
};

void crowd_merge_begin(struct packing *p)
{
    struct crowd_merge *m = p->merge = mem_zalloc(sizeof(*m));
    m->of = pack_kind_of(p->kind);
    (void)sqlite3_prepare_v2(p->db, "SELECT body FROM packs WHERE kind = ? AND part = ? AND day_us = ?", -1, &m->read,
                             NULL);
}

void crowd_merge_end(struct packing *p)
{
    if (!p->merge) return;
    crowd_maker_drop(p->merge->made);
    sqlite3_finalize(p->merge->read);
    free(p->merge);
    p->merge = NULL;
}

/* Borrowed until the next. An empty one: there is none. Fails: false. */
static bool read_body(struct crowd_merge *m, int64_t number, int64_t day_us, str *out)
{
    str kind = pack_kind_name(m->of);
    sqlite3_reset(m->read);
    sqlite3_bind_text(m->read, 1, kind.p, (int)kind.n, SQLITE_STATIC);
    sqlite3_bind_int64(m->read, 2, number);
    sqlite3_bind_int64(m->read, 3, day_us);
    int rc = sqlite3_step(m->read);
    *out = STR_NONE;
    if (rc == SQLITE_ROW) {
        const char *body = sqlite3_column_blob(m->read, 0);
        *out = str_of(body, (size_t)sqlite3_column_bytes(m->read, 0));
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* Which there are, and whether it needs heads for all parts. */
static bool find_all(struct packing *p, bool *damaged)
{
    struct crowd_merge *m = p->merge;
    uint64_t entries = 0;
    bool parted = false;
    int64_t step_us = pack_kind_days(m->of) * US_PER_DAY, end_us = p->day_us + pack_kind_days(p->kind) * US_PER_DAY;
    for (int64_t at = p->day_us; at < end_us; at += step_us) {
        struct arena arena;
        struct crowd_head head;
        str body;
        if (!read_body(m, 0, at, &body)) return false;
        if (!body.n) continue;
        arena_init(&arena);
        *damaged = !crowd_open(&head, &arena, body);
        arena_free(&arena);
        if (*damaged) return true;
        m->day_us[m->count] = at;
        m->heads_of[m->count++] = head.heads;
        entries += head.count;
        parted = parted || head.heads > 1;
    }
    m->heads = parted || entries > CROWD_SMALL ? CROWD_PARTS : 1;
    m->next = m->heads;
    return true;
}

struct reading {
    struct crowd_merge *m;
    int64_t day_us;
};

static bool read_chunk(void *ctx, int64_t number, str *out)
{
    struct reading *r = ctx;
    return read_body(r->m, number, r->day_us, out);
}

static bool add_entry(struct crowd_maker *made, const struct crowd_walk *w, str name, str values)
{
    struct pack_values v;
    struct crowd_entry e = {.hash = w->hash, .name = name, .feature = w->head->features[w->place], .values = values};
    if (!pack_values(values, &v)) return false;
    if (v.present >> PACK_SUM_cost & 1) e.cost = v.sums[PACK_SUM_cost];
    if (v.present >> PACK_SUM_attempts & 1) e.attempts = v.sums[PACK_SUM_attempts];
    if (v.present >> PACK_SUM_unpriced_cost & 1) e.unpriced = v.sums[PACK_SUM_unpriced_cost];
    return crowd_maker_add(made, &e);
}

/* The entries of one head that belong to `part` (CROWD_PARTS: all). */
static enum crowd_step add_head(struct crowd_merge *m, int64_t day_us, uint32_t number, uint32_t part)
{
    struct crowd_head head;
    struct crowd_walk walk;
    struct arena arena;
    struct reading reading = {m, day_us};
    str body, name, values;
    if (!read_body(m, number, day_us, &body)) return CROWD_UNREAD;
    if (!body.n) return CROWD_END;
    arena_init(&arena);
    enum crowd_step step = crowd_open(&head, &arena, arena_str(&arena, body)) ? CROWD_ENTRY : CROWD_BAD;
    crowd_walk_begin(&walk, &head, number);
    while (step == CROWD_ENTRY && (step = crowd_walk_next(&walk)) == CROWD_ENTRY) {
        if (part < CROWD_PARTS && crowd_part(walk.hash) != part) continue;
        step = crowd_walk_detail(&walk, read_chunk, &reading, &name, &values);
        if (step == CROWD_ENTRY && !add_entry(m->made, &walk, name, values)) step = CROWD_BAD;
    }
    arena_free(&arena);
    return step;
}

enum packing_step crowd_merge_read(struct packing *p)
{
    struct crowd_merge *m = p->merge;
    bool damaged = false;
    if (!m->read) return PACKING_FAILED;
    if (!m->heads && !find_all(p, &damaged)) return PACKING_FAILED;
    if (damaged) return PACKING_NONE;
    if (!m->next || !m->count) return PACKING_DONE;
    uint32_t part = m->heads == 1 ? CROWD_PARTS : m->next - 1;
    crowd_maker_drop(m->made);
    m->made = crowd_maker_new();
    for (size_t i = 0; i < m->count; i++) {
        uint32_t number = m->heads_of[i] == 1 ? 0 : part;
        enum crowd_step step = add_head(m, m->day_us[i], number, part);
        if (step != CROWD_END) return step == CROWD_UNREAD ? PACKING_FAILED : PACKING_NONE;
    }
    if (!crowd_maker_sort(m->made)) return PACKING_NONE;
    sqlite3_reset(m->read); /* no lock while it waits to be written */
    return PACKING_READY;
}

bool crowd_merge_write(struct packing *p, crowd_put *put, void *ctx)
{
    struct crowd_merge *m = p->merge;
    m->next--;
    return crowd_maker_write(m->made, m->heads, m->next, m->next + 1, put, ctx);
}

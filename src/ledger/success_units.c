#include "ledger/success_inside.h"

#include "ledger/sql.h"

#include <stdlib.h>
#include <sys/random.h>

bool units_init(struct unit_table *t)
{
    *t = (struct unit_table){0};
    arena_init(&t->arena);
    return getrandom(&t->secret, sizeof(t->secret), 0) == sizeof(t->secret);
}

void units_free(struct unit_table *t)
{
    arena_free(&t->arena);
    free(t->texts.slots);
    free(t->slots);
}

static str *text_slot(const struct unit_table *t, str text)
{
    const struct text_pool *p = &t->texts;
    size_t i = hash_sip(t->secret, text.n ? text.p : "", text.n) & (p->slot_count - 1);
    while (p->slots[i].p && !str_eq(p->slots[i], text)) i = (i + 1) & (p->slot_count - 1);
    return &p->slots[i];
}

static str share(struct unit_table *t, str text)
{
    struct text_pool *p = &t->texts;
    if (2 * p->count >= p->slot_count) {
        struct text_pool old = *p;
        p->slot_count = old.slot_count ? 2 * old.slot_count : 256;
        p->slots = mem_zalloc(p->slot_count * sizeof(*p->slots));
        for (size_t i = 0; i < old.slot_count; i++)
            if (old.slots[i].p) *text_slot(t, old.slots[i]) = old.slots[i];
        free(old.slots);
    }
    str *slot = text_slot(t, text);
    if (!slot->p) {
        *slot = arena_str(&t->arena, text);
        p->count++;
    }
    return *slot;
}

static size_t place_of(const struct unit_table *t, str task, uint64_t call_id)
{
    uint64_t hash = task.n ? hash_sip(t->secret, task.p, task.n) : hash_sip(t->secret, &call_id, sizeof(call_id));
    return hash & (t->slot_count - 1);
}

struct unit_of *units_find(const struct unit_table *t, str task, uint64_t call_id)
{
    if (!t->slot_count) return NULL;
    for (size_t i = place_of(t, task, call_id); t->slots[i]; i = (i + 1) & (t->slot_count - 1)) {
        struct unit_of *u = t->slots[i];
        if (task.n ? str_eq(u->task, task) : !u->task.n && u->call_id == call_id) return u;
    }
    return NULL;
}

static void put(struct unit_table *t, struct unit_of *u)
{
    size_t i = place_of(t, u->task, u->call_id);
    while (t->slots[i]) i = (i + 1) & (t->slot_count - 1);
    t->slots[i] = u;
}

static void grow(struct unit_table *t)
{
    size_t old = t->slot_count;
    struct unit_of **slots = t->slots;
    t->slot_count = old ? 2 * old : 1024;
    t->slots = mem_zalloc(t->slot_count * sizeof(void *));
    for (size_t i = 0; i < old; i++)
        if (slots[i]) put(t, slots[i]);
    free(slots);
}

static struct unit_of *make(struct unit_table *t, str task, uint64_t call_id)
{
    struct unit_of *u = units_find(t, task, call_id);
    if (u) return u;
    if (2 * t->count >= t->slot_count) grow(t);
    u = arena_zalloc(&t->arena, sizeof(*u));
    u->task = arena_str(&t->arena, task);
    u->call_id = call_id;
    u->began_us = INT64_MAX;
    u->dearest_feature = u->dearest_value = -1;
    put(t, u);
    t->count++;
    t->tasks += task.n > 0;
    return u;
}

/* Columns: task, call_id, name, success, value_picousd, feature. */
static void add_outcome(struct unit_table *t, sqlite3_stmt *q)
{
    struct unit_of *u = make(t, sql_text(q, 0), (uint64_t)sqlite3_column_int64(q, 1));
    struct told_outcome *o = arena_alloc(&t->arena, sizeof(*o));
    *o = (struct told_outcome){.next = u->outcomes,
                               .name = share(t, sql_text(q, 2)),
                               .success = sqlite3_column_int(q, 3) != 0,
                               .worth = sqlite3_column_int64(q, 4)};
    u->outcomes = o;
    if (!u->feature.p && u->call_id) u->feature = share(t, sql_text(q, 5));
}

bool units_read(struct unit_table *t, sqlite3 *db, int64_t since_us, str name)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT task, call_id, name, success, value_picousd, feature FROM outcomes"
                      " WHERE at_us >= ?1 AND (?2 = '' OR name = ?2)";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    sqlite3_bind_int64(q, 1, since_us);
    sql_bind(q, 2, name);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && !t->too_many) {
        add_outcome(t, q);
        t->too_many = ++t->outcomes > SUCCESS_OUTCOMES_MAX;
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

static void keep(struct unit_table *t, str *to, str text, picousd *dearest, picousd cost)
{
    if (cost <= *dearest) return;
    *dearest = cost;
    if (!to->p || !str_eq(*to, text)) *to = share(t, text);
}

void unit_add_cost(struct unit_table *t, struct unit_of *u, int64_t at_us, picousd cost, str feature, str value)
{
    u->found = true;
    u->cost += cost;
    if (at_us < u->began_us) u->began_us = at_us;
    keep(t, &u->feature, feature, &u->dearest_feature, cost);
    keep(t, &u->value, value, &u->dearest_value, cost);
}

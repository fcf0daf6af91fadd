#include "ledger/inside.h"

#include <stdlib.h>

/* Budget cells after recovery: what the store has, plus what the journals' tails add. */

struct visiting {
    struct ledger *l;
    struct amounts named; /* key -> 1 + index in l->named */
    ledger_cell_visit *visit;
    void *ctx;
};

/* What the tails add to a cell. */
static int64_t tail_of(struct ledger *l, uint64_t key)
{
    struct amount *more = amounts_find(&l->tail, key);
    if (!more) return 0;
    more->seen = true;
    return more->sum;
}

static void visit_stored(struct visiting *v, sqlite3_stmt *q)
{
    uint64_t key = (uint64_t)sqlite3_column_int64(q, 0);
    str budget = str_of((const char *)sqlite3_column_text(q, 1), (size_t)sqlite3_column_bytes(q, 1));
    str value = str_of((const char *)sqlite3_column_text(q, 2), (size_t)sqlite3_column_bytes(q, 2));
    int64_t start_us = sqlite3_column_int64(q, 3);
    int64_t spent = money_add_sat(sqlite3_column_int64(q, 4), tail_of(v->l, key));
    struct amount *named = amounts_find(&v->named, key);
    if (named) {
        const struct record_cell *cell = &v->l->named[named->sum - 1];
        budget = cell->budget;
        value = cell->value;
        start_us = cell->window_start_us;
        named->seen = true;
    }
    v->visit(v->ctx, key, budget, value, start_us, spent);
}

static void visit_stored_ones(struct visiting *v)
{
    sqlite3_stmt *q = NULL;
    const char *sql = "SELECT key, budget, value, window_start_us, spent FROM cells";
    if (sqlite3_prepare_v2(store_db(v->l->store), sql, -1, &q, NULL) == SQLITE_OK) {
        while (sqlite3_step(q) == SQLITE_ROW) visit_stored(v, q);
    }
    sqlite3_finalize(q);
}

void ledger_each_cell(struct ledger *l, ledger_cell_visit *visit, void *ctx)
{
    struct visiting v = {.l = l, .visit = visit, .ctx = ctx};
    size_t at = 0;
    amounts_init(&v.named);
    for (size_t i = 0; i < l->named_count; i++) amounts_at(&v.named, l->named[i].key)->sum = (int64_t)i + 1;
    for (struct amount *a; (a = amounts_next(&l->tail, &at));) a->seen = false;
    visit_stored_ones(&v);
    at = 0;
    for (struct amount *a; (a = amounts_next(&v.named, &at));) {
        if (a->seen) continue;
        const struct record_cell *cell = &l->named[a->sum - 1];
        visit(ctx, cell->key, cell->budget, cell->value, cell->window_start_us, tail_of(l, cell->key));
    }
    at = 0;
    for (struct amount *a; (a = amounts_next(&l->tail, &at));) {
        if (!a->seen) visit(ctx, a->key, STR_NONE, STR_NONE, 0, a->sum);
    }
    amounts_free(&v.named);
}

void ledger_forget_recovered(struct ledger *l)
{
    amounts_free(&l->tail);
    arena_free(&l->named_texts);
    free(l->named);
    l->named = NULL;
    l->named_count = l->named_cap = 0;
}

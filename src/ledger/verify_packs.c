#include "ledger/verify_inside.h"

#include "base/time.h"
#include "ledger/packing.h"
#include "ledger/told.h"

/* Packed days against what their rollup rows make: byte for byte. */

struct comparing {
    sqlite3_stmt *stored; /* a row of table `packs` */
    enum pack_kind kind;
    int64_t day_us;
};

/* Borrowed until the statement is reset; none: STR_NONE. */
static str stored_body(const struct comparing *c, int64_t number)
{
    str name = pack_kind_name(c->kind);
    sqlite3_bind_text(c->stored, 1, name.p, (int)name.n, SQLITE_STATIC);
    sqlite3_bind_int64(c->stored, 2, number);
    sqlite3_bind_int64(c->stored, 3, c->day_us);
    if (sqlite3_step(c->stored) != SQLITE_ROW) return STR_NONE;
    const char *p = sqlite3_column_blob(c->stored, 0);
    return str_of(p, (size_t)sqlite3_column_bytes(c->stored, 0));
}

/* Is this row stored as it was made anew? */
static bool is_same(void *ctx, int64_t number, str body)
{
    const struct comparing *c = ctx;
    bool same = str_eq(stored_body(c, number), body);
    sqlite3_reset(c->stored);
    return same;
}

static bool verify_one(struct verifying *v, struct hash_key key, struct comparing *c)
{
    struct packing *packing = packing_new(v->db, c->kind, c->day_us, key);
    enum packing_step step = PACKING_MORE;
    while (step == PACKING_MORE || step == PACKING_READY) {
        step = packing_read(packing, UINT32_MAX);
        if (step == PACKING_READY && !packing_write(packing, is_same, c)) break;
    }
    packing_drop(packing);
    return step == PACKING_DONE;
}

/* One of another version is made anew by the server that opens the store next; where there were too many it says
 * nothing. */
static bool is_to_verify(const struct comparing *c)
{
    bool has_all = c->kind != PACK_TOLD || told_has_all(stored_body(c, 0));
    sqlite3_reset(c->stored);
    return has_all;
}

/* The folder's secret, by which crowds are in order. */
static struct hash_key read_key(struct verifying *v)
{
    struct hash_key key = {0};
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(v->db, "SELECT value FROM meta WHERE name = 'hash_key'", -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == (int)sizeof(key))
        memcpy(&key, sqlite3_column_blob(q, 0), sizeof(key));
    sqlite3_finalize(q);
    return key;
}

static void verify_kind(struct verifying *v, sqlite3_stmt *days, sqlite3_stmt *stored, enum pack_kind kind)
{
    struct comparing c = {.stored = stored, .kind = kind};
    struct hash_key key = read_key(v);
    int64_t retired_to_us = 0;
    str name = pack_kind_name(kind);
    if (!verify_ask(v, "SELECT coalesce(max(value), 0) FROM totals WHERE name = 'retired_to_us'", &retired_to_us))
        return;
    sqlite3_bind_text(days, 1, name.p, (int)name.n, SQLITE_STATIC);
    while (sqlite3_step(days) == SQLITE_ROW) {
        char text[40];
        c.day_us = sqlite3_column_int64(days, 0);
        if (kind == PACK_TOLD && c.day_us + US_PER_DAY - TOLD_MOST_US <= retired_to_us)
            continue; /* it may know more than the rows */
        if (!is_to_verify(&c) || verify_one(v, key, &c)) continue;
        str day = time_format_date(c.day_us, text);
        verify_problem(v, "the pack of %" STR_FMT ", %" STR_FMT ", is not what its rollup makes", STR_ARG(day),
                       STR_ARG(name));
    }
    sqlite3_reset(days);
}

void verify_packs(struct verifying *v)
{
    sqlite3_stmt *days = NULL, *stored = NULL;
    int64_t there = 0;
    if (!verify_ask(v, "SELECT count(*) FROM sqlite_master WHERE name = 'packs'", &there) || !there) return;
    if (sqlite3_prepare_v2(v->db, "SELECT day_us FROM packs WHERE kind = ? AND part = 0 ORDER BY 1", -1, &days, NULL) ==
            SQLITE_OK &&
        sqlite3_prepare_v2(v->db, "SELECT body FROM packs WHERE kind = ? AND part = ? AND day_us = ?", -1, &stored,
                           NULL) == SQLITE_OK) {
        for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) verify_kind(v, days, stored, kind);
    } else {
        verify_problem(v, "the store cannot be read: %s", sqlite3_errmsg(v->db));
    }
    sqlite3_finalize(days);
    sqlite3_finalize(stored);
}

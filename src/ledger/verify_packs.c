#include "ledger/verify_inside.h"

#include "base/time.h"
#include "ledger/packing.h"

#include <sys/random.h>

/* Packed days against what their rollup rows make: byte for byte. */

/* Is this part stored as it was made anew? An empty body: it must not be there. */
static bool is_same(sqlite3_stmt *q, enum pack_kind kind, uint32_t part, int64_t day_us, str body)
{
    str name = pack_kind_name(kind);
    sqlite3_bind_text(q, 1, name.p, (int)name.n, SQLITE_STATIC);
    sqlite3_bind_int64(q, 2, part);
    sqlite3_bind_int64(q, 3, day_us);
    str stored = STR_NONE;
    if (sqlite3_step(q) == SQLITE_ROW) {
        const char *p = sqlite3_column_blob(q, 0);
        stored = str_of(p, (size_t)sqlite3_column_bytes(q, 0));
    }
    bool same = str_eq(stored, body);
    sqlite3_reset(q);
    return same;
}

static bool verify_day(struct verifying *v, sqlite3_stmt *part_of, enum pack_kind kind, int64_t day_us)
{
    struct hash_key secret = {0};
    struct buf body;
    if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) return false;
    struct packing *packing = packing_new(v->db, kind, day_us, secret);
    bool same = packing_read(packing, UINT32_MAX) == PACKING_DONE;
    buf_init(&body, 0);
    for (uint32_t part = 0; part < PACK_PARTS && same; part++) {
        buf_clear(&body);
        pack_maker_body(packing_made(packing), part, &body);
        same = is_same(part_of, kind, part, day_us, buf_str(&body));
    }
    buf_free(&body);
    packing_drop(packing);
    return same;
}

static void verify_kind(struct verifying *v, sqlite3_stmt *days, sqlite3_stmt *part_of, enum pack_kind kind)
{
    str name = pack_kind_name(kind);
    sqlite3_bind_text(days, 1, name.p, (int)name.n, SQLITE_STATIC);
    while (sqlite3_step(days) == SQLITE_ROW) {
        int64_t day_us = sqlite3_column_int64(days, 0);
        char text[40];
        if (verify_day(v, part_of, kind, day_us)) continue;
        str day = time_format_date(day_us, text);
        verify_problem(v, "the pack of %" STR_FMT ", by %" STR_FMT ", is not what its rollup makes", STR_ARG(day),
                       STR_ARG(name));
    }
    sqlite3_reset(days);
}

void verify_packs(struct verifying *v)
{
    sqlite3_stmt *days = NULL, *part_of = NULL;
    int64_t there = 0;
    if (!verify_ask(v, "SELECT count(*) FROM sqlite_master WHERE name = 'packs'", &there) || !there) return;
    if (sqlite3_prepare_v2(v->db, "SELECT DISTINCT day_us FROM packs WHERE kind = ?", -1, &days, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(v->db, "SELECT body FROM packs WHERE kind = ? AND part = ? AND day_us = ?", -1, &part_of,
                           NULL) == SQLITE_OK) {
        for (enum pack_kind kind = 0; kind < PACK_KINDS; kind++) verify_kind(v, days, part_of, kind);
    } else {
        verify_problem(v, "the store cannot be read: %s", sqlite3_errmsg(v->db));
    }
    sqlite3_finalize(days);
    sqlite3_finalize(part_of);
}

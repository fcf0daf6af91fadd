#include "ledger/calls_inside.h"

/* Which calls have further attempts, as bits by a hash of their ids: a look into the index for each row would take
 * twice as long as reading the row. A bit may be set for others, too; who asks then looks closer. */

enum { MORE_BITS = 1 << 25 };

static uint32_t place_of(int64_t call_id)
{
    return (uint32_t)((uint64_t)call_id * UINT64_C(0x9e3779b97f4a7c15) >> 39);
}
_Static_assert(MORE_BITS == 1 << (64 - 39), "a place is one of the bits");

static void may_have_more(sqlite3_context *ctx, int n, sqlite3_value **value)
{
    const struct calls_more *more = sqlite3_user_data(ctx);
    uint32_t at = place_of(sqlite3_value_int64(value[0]));
    (void)n;
    sqlite3_result_int(ctx, !more->bits || more->bits[at / 64] >> at % 64 & 1);
}

bool calls_more_open(struct calls_more *m, sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    *m = (struct calls_more){0};
    if (sqlite3_create_function_v2(db, "may_have_more", 1, SQLITE_UTF8, m, may_have_more, NULL, NULL, NULL) !=
        SQLITE_OK)
        return false;
    if (!calls_has_index(db)) return true; /* any may */
    const char *sql = "SELECT call_id FROM attempts INDEXED BY attempts_again WHERE attempt_id != call_id";
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK) return false;
    m->bits = mem_map(MORE_BITS / 8);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        uint32_t at = place_of(sqlite3_column_int64(q, 0));
        m->bits[at / 64] |= UINT64_C(1) << at % 64;
    }
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

void calls_more_close(struct calls_more *m)
{
    if (m->bits) mem_unmap(m->bits, MORE_BITS / 8);
    m->bits = NULL;
}

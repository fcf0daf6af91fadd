/* The store: SQLite as the ledger writes it. One transaction carries rows, details,
 * rollups, cells, seals, totals and the positions reached: all of it or nothing.
 * Thread: one at a time. */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "base/buf.h"
#include "base/hash.h"
#include "ledger/record.h"
#include "ledger/schema.h"

/* Running totals, kept in table `totals` under these names; sums modulo 2^64. */
#define STORE_TOTALS(TOTAL)                                                                                            \
    TOTAL(ROWS, "rows", "rows ever stored")                                                                            \
    TOTAL(COST, "cost_picousd", "their cost")                                                                          \
    TOTAL(RETIRED_ROWS, "retired_rows", "of them: deleted by retention")                                               \
    TOTAL(RETIRED_COST, "retired_cost_picousd", "their cost")                                                          \
    TOTAL(RETIRED_TO, "retired_to_us", "retention deleted rows admitted up to then")                                   \
    TOTAL(FORGOTTEN, "forgotten", "amounts in rows whose budget window was forgotten")                                 \
    TOTAL(DOUBLES, "doubles", "posts refused because their attempt had a row already")                                 \
    TOTAL(PACKS_DROPPED, "packs_dropped", "days whose packs went because a row came late")                             \
    TOTAL(MIX_UNTIL, "mix_until_id", "rows up to this attempt were stored before there was rollup_mix")                \
    TOTAL(MIX_TO, "mix_to_id", "of them, those up to this one have been added to it")                                  \
    TOTAL(MIX_MISSING, "mix_missing_rows", "rows that retention had deleted before")                                   \
    TOTAL(MIX_MISSING_COST, "mix_missing_picousd", "their cost, unpriced rows left out")

enum store_total {
#define TOTAL(constant, name, what) TOTAL_##constant,
    STORE_TOTALS(TOTAL)
#undef TOTAL
        TOTAL_COUNT
};
str store_total_name(enum store_total t);

struct store;

/* Owns: store_close(). Fails: NULL with a sentence in `why`. */
struct store *store_open(const char *dir, struct buf *why);
void store_close(struct store *s);
sqlite3 *store_db(struct store *s);
uint64_t store_total(const struct store *s, enum store_total t);
/* Made once per folder, with the tables. */
struct hash_key store_key(const struct store *s);

/* Each fails with false: roll back, see store_fault(), try again later. */
bool store_begin(struct store *s) MUST_CHECK;
bool store_commit(struct store *s) MUST_CHECK;
void store_rollback(struct store *s);
const char *store_fault(struct store *s);

enum store_result { STORE_DONE, STORE_DOUBLE, STORE_FAILED };
/* A row and all that follows from it. STORE_DOUBLE: the attempt has a row; nothing was changed. */
enum store_result store_post(struct store *s, const struct row *row) MUST_CHECK;
bool store_cell(struct store *s, const struct record_cell *cell) MUST_CHECK;
bool store_hold_keep(struct store *s, const struct record *hold) MUST_CHECK;
bool store_hold_end(struct store *s, uint64_t attempt_id) MUST_CHECK;
/* Kept holds, this transaction's included. */
uint64_t store_holds_kept(const struct store *s);
bool store_position(struct store *s, uint32_t epoch, uint32_t worker, uint64_t position, uint64_t seq,
                    bool closed) MUST_CHECK;
bool store_damage(struct store *s, int64_t at_us, str what) MUST_CHECK;
/* Deletes up to `rows` of the oldest rows (none while they are not all in rollup_mix): those admitted before `before_us`, or as
 * many as are above `keep` (0: all may stay). `*deleted` says how many. */
bool store_retire(struct store *s, int64_t before_us, uint64_t keep, uint32_t rows, uint32_t *deleted) MUST_CHECK;
/* Gives freed pages back to the file system, some at a time. */
bool store_shrink(struct store *s, uint32_t pages);
/* Packs days of the rollups that ended before `before_us` (ledger/pack.h), up to
 * `rows` rollup rows at a time. Not inside a transaction. */
enum store_packed { STORE_PACK_NOTHING, STORE_PACK_MORE, STORE_PACK_FAILED };
enum store_packed store_pack(struct store *s, int64_t before_us, uint32_t rows) MUST_CHECK;
/* Adds rows that were stored before there was rollup_mix to it, up to so many. Not inside a transaction. `*whole`:
 * none is left, as in every store that is not older than that. Fails: false. */
bool store_mix_fill(struct store *s, uint32_t rows, bool *whole) MUST_CHECK;
bool store_mix_is_whole(const struct store *s);
/* Forgets the windows of a budget that began before `before_us`. */
bool store_forget_cells(struct store *s, str budget, int64_t before_us) MUST_CHECK;
/* Makes all committed transactions durable (they are safe against a crash of the
 * process without it): before a journal segment goes. Fails: false. */
bool store_sync(struct store *s) MUST_CHECK;

#endif

/* The store's inside: shared by store*.c alone. */
#ifndef LEDGER_STORE_INSIDE_H
#define LEDGER_STORE_INSIDE_H

#include "ledger/amounts.h"
#include "ledger/packing.h"
#include "ledger/rollup.h"
#include "ledger/store.h"

#define STORE_STATEMENTS(Q)                                                                                            \
    Q(BEGIN, "BEGIN IMMEDIATE")                                                                                        \
    Q(COMMIT, "COMMIT")                                                                                                \
    Q(ROLLBACK, "ROLLBACK")                                                                                            \
    Q(DETAILS, "INSERT INTO details (attempt_id, cells, usage_raw) VALUES (?, ?, ?)")                                  \
    Q(CELL_ADD, "INSERT INTO cells (key, budget, value, window_start_us, spent, retired) VALUES (?, '', '', 0, ?, 0)"  \
                " ON CONFLICT DO UPDATE SET spent = sat_add(spent, excluded.spent)")                                   \
    Q(CELL_NAME, "INSERT INTO cells (key, budget, value, window_start_us, spent, retired) VALUES (?, ?, ?, ?, 0, 0)"   \
                 " ON CONFLICT DO UPDATE SET budget = excluded.budget, value = excluded.value,"                        \
                 " window_start_us = excluded.window_start_us")                                                        \
    Q(CELL_RETIRE, "UPDATE cells SET retired = sat_add(retired, ?2) WHERE key = ?1")                                   \
    Q(HOLD_KEEP, "INSERT OR REPLACE INTO open_holds (attempt_id, record) VALUES (?, ?)")                               \
    Q(HOLD_END, "DELETE FROM open_holds WHERE attempt_id = ?")                                                         \
    Q(POSITION, "INSERT OR REPLACE INTO positions (epoch, worker, position, seq, closed) VALUES (?, ?, ?, ?, ?)")      \
    Q(DAMAGE, "INSERT INTO damage (at_us, what) VALUES (?, ?)")                                                        \
    Q(SEAL_ADD, "INSERT INTO seals (block, row_count, checksum_sum, cost_sum) VALUES (?, ?, ?, ?) ON CONFLICT DO"      \
                " UPDATE SET row_count = row_count + excluded.row_count,"                                              \
                " checksum_sum = wrap_add(checksum_sum, excluded.checksum_sum),"                                       \
                " cost_sum = wrap_add(cost_sum, excluded.cost_sum)")                                                   \
    Q(SEAL_DROP, "DELETE FROM seals WHERE block = ? AND row_count = 0")                                                \
    Q(TOTAL, "INSERT OR REPLACE INTO totals (name, value) VALUES (?, ?)")                                              \
    Q(OLDEST, "SELECT attempt_id, checksum, cost_picousd, at_us FROM attempts INDEXED BY attempts_at"                  \
              " ORDER BY at_us, attempt_id LIMIT ?")                                                                   \
    Q(CELLS_OF, "SELECT cells FROM details WHERE attempt_id = ?")                                                      \
    Q(DROP_ROW, "DELETE FROM attempts WHERE attempt_id = ?")                                                           \
    Q(DROP_DETAILS, "DELETE FROM details WHERE attempt_id = ?")                                                        \
    Q(PACK_NEXT_HOUR, "SELECT min(hour_us) FROM rollup_hour WHERE hour_us >= ?")                                       \
    Q(PACK_NEXT_DAY, "SELECT min(day_us) FROM rollup_day WHERE day_us >= ?")                                           \
    Q(PACK_IS, "SELECT 1 FROM packs WHERE kind = ? AND part = ? AND day_us = ?")                                       \
    Q(PACK_PUT, "INSERT OR REPLACE INTO packs (kind, part, day_us, body) VALUES (?, ?, ?, ?)")                         \
    Q(PACK_OLD, "DELETE FROM packs WHERE rowid IN (SELECT rowid FROM packs WHERE kind IN ('user', 'prompt', 'task')"   \
                " UNION ALL SELECT rowid FROM packs WHERE kind = 'told' AND substr(body, 1, 1) != ?1 LIMIT 64)")       \
    Q(DATA_VERSION, "PRAGMA data_version")                                                                             \
    Q(PACK_OUTCOMES, "SELECT at_us FROM outcomes WHERE task = '' AND call_id IN (?1, ?2)")                             \
    Q(PACK_DROP, "DELETE FROM packs WHERE kind = ? AND part = ? AND day_us = ?")                                       \
    Q(FORGET, "DELETE FROM cells WHERE budget = ? AND window_start_us < ? RETURNING spent, retired")

enum store_statement {
#define Q(name, sql) Q_##name,
    STORE_STATEMENTS(Q)
#undef Q
        Q_INSERT, /* into attempts: made from columns.def */
    Q_COUNT
};

/* Sums of one seal block, as this transaction changes them. */
struct store_seal {
    int64_t block;
    int64_t rows;
    uint64_t checksum, cost;
};

/* A few, each once. */
struct store_days {
    int64_t *all;
    size_t count, cap;
};

struct store_packs {
    struct packing *packing; /* one of a kind; NULL: none */
    enum pack_kind kind;
    int64_t day_us;
    int64_t from_us[PACK_KINDS]; /* days before this are packed, or need not be */
    int64_t until_us;            /* a row admitted before this may lie in a packed day */
    int64_t data_version;        /* another one: another connection has written */
    bool old_gone;               /* packs of a format that is no more */
    struct store_days late;      /* days that this transaction's rows lie in, of those */
    struct store_days late_told; /* days on which outcomes of their calls came about */
};

struct store {
    sqlite3 *db;
    int64_t bound[128]; /* of the insert's parameters, from 1; a text's: whether it has bytes */
    bool bound_known;
    sqlite3_stmt *q[Q_COUNT];
    struct hash_key key;
    struct rollups *rollups;
    struct amounts cells; /* spent, by cell */
    struct store_seal *seals;
    size_t seal_count, seal_cap;
    uint64_t total[TOTAL_COUNT]; /* with this transaction's */
    uint64_t total_was[TOTAL_COUNT];
    uint64_t holds_kept, holds_kept_was;
    struct store_packs packs;
    struct buf fault;
};

/* Runs a statement that gives no rows, and resets it. Fails: false, remembered. */
bool store_run(struct store *s, enum store_statement q) MUST_CHECK;
struct store_seal *store_seal_of(struct store *s, uint64_t attempt_id);
bool store_flush_seals(struct store *s) MUST_CHECK;
bool store_fail(struct store *s);

/* Goes this row to rollup_mix as it is stored? Else store_mix_fill() comes to it (store_mix.c). */
bool store_mix_takes(const struct store *s, uint64_t attempt_id);

/* Packs (store_pack.c). */
bool store_pack_open(struct store *s) MUST_CHECK;
void store_pack_cancel(struct store *s);
/* Notes the days whose packs this row changes; the drop, before the commit, takes them away. Fails: false. */
bool store_pack_late(struct store *s, const struct row *row) MUST_CHECK;
bool store_pack_drop_late(struct store *s) MUST_CHECK;

#endif

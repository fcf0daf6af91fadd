/* Rollups: rows are summed in memory for the length of one transaction, then each
 * touched group is written once. Thread: one. */
#ifndef LEDGER_ROLLUP_H
#define LEDGER_ROLLUP_H

#include "base/hash.h"
#include "ledger/row.h"

#include <sqlite3.h>

struct rollups;

/* Prepares on `db`, which must outlive it. `key`: clients choose users and tasks,
 * so groups are hashed with a secret. Fails: NULL, see sqlite3_errmsg(). */
struct rollups *rollups_new(sqlite3 *db, struct hash_key key);
void rollups_drop(struct rollups *r);
/* `mix`: to rollup_mix as well. */
void rollups_add(struct rollups *r, const struct row *row, bool mix);
/* To rollup_mix alone: of a row that was stored before there was that table. */
void rollups_add_mix(struct rollups *r, const struct row *row);
size_t rollups_count(const struct rollups *r); /* groups that wait to be written */
/* Writes all groups, inside the caller's transaction, and forgets them. Fails: false. */
bool rollups_flush(struct rollups *r) MUST_CHECK;
/* Forgets what was added: the transaction was rolled back. */
void rollups_clear(struct rollups *r);

#endif

/* Makes a pack of a rollup's rows (ledger/pack.h, crowd.h), some at a time: the store thread has other work, and the
 * verifier compares what is there with what the rollup makes. A crowd of many days is merged of smaller ones,
 * one part of it after the other. Thread: one. */
#ifndef LEDGER_PACKING_H
#define LEDGER_PACKING_H

#include "ledger/crowd.h"

struct packing;
/* One of a kind, that begins on this day. Statements stay open on `db` until the drop. `key`: the store's.
 * Owns: packing_drop(). */
struct packing *packing_new(sqlite3 *db, enum pack_kind kind, int64_t day_us, struct hash_key key);
void packing_drop(struct packing *p);
/* READY: packing_write() has something to write. NONE: there will be no such pack; it would be too large, or what it is
 * made of is damaged. FAILED: see sqlite3_errmsg(). */
enum packing_step { PACKING_MORE, PACKING_READY, PACKING_DONE, PACKING_NONE, PACKING_FAILED };
/* Reads on; of a rollup so many rows. Not before what is ready has been written. */
enum packing_step packing_read(struct packing *p, uint32_t rows) MUST_CHECK;
/* Hands over rows of table `packs`; the one with number 0 is the last of all, since with it the pack is there.
 * Fails: false, `put` did. */
bool packing_write(struct packing *p, crowd_put *put, void *ctx) MUST_CHECK;

#endif

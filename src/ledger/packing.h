/* Reads a day of a rollup into a pack (ledger/pack.h), some rows at a time: the
 * store thread has other work, and the verifier compares what is there with what
 * the rollup makes. Thread: one. */
#ifndef LEDGER_PACKING_H
#define LEDGER_PACKING_H

#include "ledger/pack.h"

struct packing;
/* One day of one kind. The statement stays open on `db` until the drop. Owns: packing_drop(). */
struct packing *packing_new(sqlite3 *db, enum pack_kind kind, int64_t day_us, struct hash_key secret);
void packing_drop(struct packing *p);
enum packing_step { PACKING_MORE, PACKING_DONE, PACKING_TOO_LARGE, PACKING_FAILED };
enum packing_step packing_read(struct packing *p, uint32_t rows);
/* What was read, as bodies: behind PACKING_DONE. */
const struct pack_maker *packing_made(const struct packing *p);

#endif

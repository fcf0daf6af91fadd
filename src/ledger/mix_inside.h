/* The inside of mix*.c, shared by nobody else: rows of rollup_mix are added up in a table (mix.c); where the filters name
 * something that it is not kept by, those of `attempts` are tallied (mix_rows.c). */
#ifndef LEDGER_MIX_INSIDE_H
#define LEDGER_MIX_INSIDE_H

#include "ledger/mix.h"

/* The sentence beyond the ceiling. */
void mix_tell_too_many(struct buf *why);

/* As mix_read_each(), of all rows on the days that are asked for. */
bool mix_read_rows(const char *dir, const struct mix_ask *asks, size_t count, struct mix **out,
                   struct buf *why) MUST_CHECK;

/* With nothing in it. */
struct mix *mix_new(void);

#endif

/* sum128(x): a SUM that does not overflow, returned as decimal TEXT; integers only. */
#ifndef LEDGER_SUM128_H
#define LEDGER_SUM128_H

#include "base/str.h"

#include <sqlite3.h>

/* Registers sum128(x) and sat_add(a, b), which stops at the ends of int64. */
int sum128_register(sqlite3 *db);
/* Reads what sum128() returned. Fails: false when it is no whole number in range. */
bool sum128_parse(str s, __int128 *out) MUST_CHECK;

#endif

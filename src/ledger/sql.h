/* Text between SQLite and us. */
#ifndef LEDGER_SQL_H
#define LEDGER_SQL_H

#include "base/str.h"

#include <sqlite3.h>

/* Of the row that the statement stands on; valid until its next step. */
static inline str sql_text(sqlite3_stmt *q, int at)
{
    const char *text = (const char *)sqlite3_column_text(q, at);
    return str_of(text ? text : "", (size_t)sqlite3_column_bytes(q, at));
}

/* The bytes must live until the statement has run. No text is NULL in our tables. */
static inline void sql_bind(sqlite3_stmt *q, int at, str s)
{
    sqlite3_bind_text(q, at, s.n ? s.p : "", (int)s.n, SQLITE_STATIC);
}

#endif

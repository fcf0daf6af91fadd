/* All rows with all columns, streamed: read in slices, so that a running server's
 * write-ahead log can be emptied meanwhile. Thread: any that may wait. */
#ifndef LEDGER_EXPORT_H
#define LEDGER_EXPORT_H

#include "base/buf.h"

enum export_format { EXPORT_CSV, EXPORT_JSON, EXPORT_JSONL };
enum { EXPORT_WHERE_MAX = 16 };

struct export_ask {
    int64_t since_us, until_us; /* admitted in [since, until) */
    struct {
        str column, equals;
    } where[EXPORT_WHERE_MAX];
    size_t where_count;
    enum export_format format;
};

/* Takes the next bytes. Fails: false ends the export. */
typedef bool export_write(void *ctx, str bytes);
/* Fails: false with a sentence in `why`, empty where `write` failed. */
bool ledger_export(const char *dir, const struct export_ask *ask, export_write *write, void *ctx,
                   struct buf *why) MUST_CHECK;

#endif

/* Settings that were made while purser runs, as the store keeps them: table `runtime`, and a row of the
 * audit for each change. What a body means is told by src/settings alone. */
#ifndef LEDGER_RUNTIME_H
#define LEDGER_RUNTIME_H

#include "base/buf.h"

struct ledger;

enum { RUNTIME_ENTRIES_MAX = 10000 };

struct ledger_runtime {
    str kind; /* "budget" */
    str name;
    str body; /* a JSON object */
    int64_t at_us;
    str who;
};

/* All of them, by kind and name. Works beside a running server and without one; a folder without a store has none.
 * Fails: false with a sentence in `why`. Blocks. */
typedef void ledger_runtime_visit(void *ctx, const struct ledger_runtime *r);
bool ledger_runtime_each(const char *dir, ledger_runtime_visit *visit, void *ctx, struct buf *why) MUST_CHECK;
bool ledger_runtime_of(struct ledger *l, ledger_runtime_visit *visit, void *ctx, struct buf *why) MUST_CHECK;

struct ledger_runtime_change {
    str kind, name;
    str body;            /* empty: it is removed */
    const str *expected; /* the body that must stand there (empty: none), else nothing is changed; NULL: any */
    int64_t at_us;
    str who, why, origin; /* for the audit */
};

enum runtime_result {
    RUNTIME_CHANGED,
    RUNTIME_SAME,    /* it stands there already: nothing was done */
    RUNTIME_MISSING, /* there is nothing to remove */
    RUNTIME_STALE,   /* what stands there is not what was expected */
    RUNTIME_FAILED,
};

/* Writes the change and its row of the audit, both or none. Fails: RUNTIME_MISSING to RUNTIME_FAILED, with a sentence
 * in `why`. Thread: control threads; blocks. */
enum runtime_result ledger_runtime_change(struct ledger *l, const struct ledger_runtime_change *change,
                                          struct buf *why) MUST_CHECK;

#endif

/* What people switched off, as the store keeps it: table `switches`, and a row of the audit for
 * each change. docs/ledger.md says what the columns mean. */
#ifndef LEDGER_SWITCHES_H
#define LEDGER_SWITCHES_H

#include "base/buf.h"
#include "base/err.h"

struct ledger;

struct ledger_switch {
    str feature;                /* empty: all of them */
    int64_t since_us, until_us; /* until 0: until it is switched on */
    str who, why;
};

/* Those that hold at `now_us`, all features first. Works beside a running server and without one; a folder
 * without a store has none. Fails: false with a sentence in `why`. Blocks. */
typedef void ledger_switch_visit(void *ctx, const struct ledger_switch *s);
bool ledger_switches_each(const char *dir, int64_t now_us, ledger_switch_visit *visit, void *ctx,
                          struct buf *why) MUST_CHECK;

struct ledger_switching {
    bool off;
    bool ends_running; /* what runs was ended, too: for the audit */
    str feature;       /* empty: all of them */
    int64_t at_us, until_us;
    str who, why, origin;
};

/* Writes the change and its row of the audit. Switching on what is on already changes nothing.
 * Fails: a sentence in `why` that says what to do. Thread: control threads. */
enum err ledger_switch(struct ledger *l, const struct ledger_switching *change, struct buf *why);

#endif

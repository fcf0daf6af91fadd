/* Who changed what in a running purser, when and why: rows that are only ever added.
 *
 * Each row carries a hash of itself and of the row before it, and `meta` the count and the last
 * hash, so that a row which is changed, left out or cut off at the end is found by `ledger verify`.
 * Whoever may write the whole file can forge the whole chain: note the last hash elsewhere
 * where that matters. */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

#include "base/buf.h"

struct ledger;
struct sqlite3;

enum { AUDIT_HASH_BYTES = 32 };

struct audit_entry {
    int64_t at_us;
    str who;    /* a local user, the admin token */
    str what;   /* "ai off" */
    str object; /* what it was done to: "all features", "feature support-bot" */
    str before, after;
    str why;
    str origin; /* whence: "control socket", "10.0.0.7" */
};

/* Inside the caller's transaction, so that a change and its row are there together or not at all.
 * Fails: false; sqlite3_errmsg() says why. */
bool audit_append(struct sqlite3 *db, const struct audit_entry *entry) MUST_CHECK;

/* Entries that go with no other change of the store: all of them or none. Fails: false with a sentence in `why`.
 * Thread: control threads; blocks. */
bool ledger_audit(struct ledger *l, const struct audit_entry *entries, size_t count, struct buf *why) MUST_CHECK;

/* Rows of the audit, the newest first. */
struct audit_row {
    int64_t id;
    struct audit_entry entry;
    const unsigned char *hash; /* AUDIT_HASH_BYTES */
};
struct audit_ask {
    int64_t since_us, until_us; /* in [since, until) */
    str who, what, object;      /* what each has somewhere in it; empty: any */
    int64_t before_id;          /* 0: begin with the newest */
    size_t limit;
};
/* Works beside a running server; a folder without a store, and a store that is older, has none.
 * Fails: false with a sentence in `why`. Thread: any that may wait. */
typedef void audit_visit(void *ctx, const struct audit_row *row);
bool audit_each(const char *dir, const struct audit_ask *ask, audit_visit *visit, void *ctx,
                struct buf *why) MUST_CHECK;

/* Walks the chain. `problem` is called for each thing that is wrong; `count` and `last` tell where it ends.
 * Fails: false where the table cannot be read. */
struct audit_walk {
    void (*problem)(void *ctx, const char *what, int64_t id);
    void *ctx;
    uint64_t count;
    unsigned char last[AUDIT_HASH_BYTES];
};
bool audit_check(struct sqlite3 *db, struct audit_walk *walk) MUST_CHECK;
/* The same for a folder, beside a running server or without one. Fails: false with a sentence in `why`. */
bool audit_check_folder(const char *dir, struct audit_walk *walk, struct buf *why) MUST_CHECK;

#endif

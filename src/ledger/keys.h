/* Keys that were made at run time, as the store keeps them: of a secret its SHA-256. Each change is there with its row
 * of the audit, or not at all. What a key may do is told by src/policy/keys.h. */
#ifndef LEDGER_KEYS_H
#define LEDGER_KEYS_H

#include "base/buf.h"
#include "base/err.h"

struct ledger;
struct audit_entry;

struct ledger_key {
    str name, team, models; /* models: comma-separated globs; empty: all */
    unsigned char hash[32];
    int64_t created_us, revoked_us, expires_us; /* 0: it holds; never */
};

/* A secret that a rotation replaced, and that holds until `expires_us`: a row of its own, with the key's name behind it. */
#define LEDGER_KEY_OLD "(old) "

/* All rows, by the time that they were made. Fails: false with a sentence in `why`, perhaps after some of them.
 * Thread: control threads, here and below; blocks. */
typedef void ledger_key_visit(void *ctx, const struct ledger_key *key);
bool ledger_keys_each(struct ledger *l, ledger_key_visit *visit, void *ctx, struct buf *why) MUST_CHECK;
/* Beside a running server, and without one. */
bool ledger_keys_in(const char *dir, ledger_key_visit *visit, void *ctx, struct buf *why) MUST_CHECK;

/* Of `entry` who, why, origin and at_us are the caller's. They fail with a sentence in `why`: ERR_NOT_FOUND where there
 * is no such key, ERR_BAD_REQUEST where it cannot be, as where the name is taken or the key is revoked. */
enum err ledger_key_add(struct ledger *l, const struct ledger_key *key, const struct audit_entry *entry,
                        struct buf *why) MUST_CHECK;
/* The first revocation stands. */
enum err ledger_key_revoke(struct ledger *l, str name, const struct audit_entry *entry, struct buf *why) MUST_CHECK;
/* Another secret; the one of before holds until `old_until_us` (0: no longer). */
enum err ledger_key_rotate(struct ledger *l, str name, const unsigned char hash[32], int64_t old_until_us,
                           const struct audit_entry *entry, struct buf *why) MUST_CHECK;

struct ledger_key_change {
    const str *team, *models; /* NULL: as before */
    const int64_t *expires_us;
};
enum err ledger_key_change(struct ledger *l, str name, const struct ledger_key_change *change,
                           const struct audit_entry *entry, struct buf *why) MUST_CHECK;

#endif

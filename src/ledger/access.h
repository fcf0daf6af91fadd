/* Tokens of the admin API, as the store keeps them: their SHA-256, a role, and for a token of role owner whose
 * features it speaks for. What the roles mean is told by src/admin/visitor.h alone. */
#ifndef LEDGER_ACCESS_H
#define LEDGER_ACCESS_H

#include "base/buf.h"
#include "base/err.h"

struct ledger;
struct audit_entry;

enum { ACCESS_HASH_BYTES = 32 };

struct ledger_access {
    str name, role;
    str owner; /* of role owner: the `owner` of its features; else empty */
    unsigned char hash[ACCESS_HASH_BYTES];
    int64_t created_us;
    int64_t expires_us; /* 0: never */
    int64_t revoked_us; /* 0: it holds */
    str who;            /* made it */
};

/* All of them, revoked ones too, by name. Works beside a running server and without one; a folder without a store has
 * none. Fails: false with a sentence in `why`. Blocks. */
typedef void ledger_access_visit(void *ctx, const struct ledger_access *a);
bool ledger_access_each(const char *dir, ledger_access_visit *visit, void *ctx, struct buf *why) MUST_CHECK;

/* Writes the change and its row of the audit, both or none. Of `entry` who, why, origin and at_us are the caller's.
 * Fails: ERR_BAD_REQUEST where there is such a name already, or none to revoke; a sentence in `why`.
 * Thread: control threads; blocks. */
enum err ledger_access_add(struct ledger *l, const struct ledger_access *a, const struct audit_entry *entry,
                           struct buf *why) MUST_CHECK;
enum err ledger_access_revoke(struct ledger *l, str name, const struct audit_entry *entry, struct buf *why) MUST_CHECK;

#endif

/* The secrets of the first start: a key to call with, and the admin token, each shown this once. */
#include "admin/inside.h"

#include "base/time.h"
#include "ledger/audit.h"
#include "ledger/keys.h"

#include <stdlib.h>

static const char token_name[] = "(admin token)";

static void find_token(void *ctx, const struct ledger_key *key)
{
    struct admin *a = ctx;
    if (!str_eq(key->name, S("(admin token)")) || key->revoked_us) return;
    memcpy(a->token_hash, key->hash, sizeof(a->token_hash));
    a->has_token = true;
}

static bool make(struct admin *a, const char *name, char secret[64])
{
    struct ledger_key key = {.name = str_from(name), .created_us = time_now_us()};
    struct audit_entry entry = {.at_us = key.created_us,
                                .who = S("purser"),
                                .why = S("there was none at the first start"),
                                .origin = S("first start")};
    struct buf why;
    buf_init(&why, 0);
    key_make_secret(secret);
    key_hash(str_from(secret), key.hash);
    enum err e = ledger_key_add(a->purser->ledger, &key, &entry, &why);
    if (e) {
        buf_add_byte(&why, '\0');
        fprintf(stderr, "purser: the key '%s' could not be stored: %s\n", name, why.p);
    }
    buf_free(&why);
    return !e;
}

/* Fails: false after a warning. What cannot be read may be there: nothing is made then. */
static bool read_token(struct admin *a)
{
    struct buf why;
    buf_init(&why, 0);
    bool ok = ledger_keys_each(a->purser->ledger, find_token, a, &why);
    if (!ok) fprintf(stderr, "purser: warning: %" STR_FMT "\n", STR_ARG(buf_str(&why)));
    buf_free(&why);
    return ok;
}

void admin_first_start(struct admin *a, FILE *out)
{
    char secret[64];
    if (!read_token(a)) return;
    bool token_set = a->snapshot->settings->admin_token.n > 0;
    if (key_table_count(a->snapshot->keys) == 0 && make(a, "first", secret)) {
        purser_refresh_keys(a->purser);
        fprintf(out, "No key was set: made the key 'first'. It is shown this once:\n  %s\n", secret);
    }
    if (!token_set && !a->has_token && make(a, token_name, secret)) {
        key_hash(str_from(secret), a->token_hash);
        a->has_token = true;
        fprintf(out, "No admin token was set: made one. It is shown this once:\n  %s\n", secret);
    }
    explicit_bzero(secret, sizeof(secret));
    fflush(out);
}

/* A change that a command makes: by the running server, over the API, else in the store, which nobody holds then. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "cli/control.h"
#include "ledger/audit.h"
#include "ledger/ledger.h"

#define OPTION_WHY                                                                                                     \
    {                                                                                                                  \
        "why", "TEXT", "the reason, for the audit"                                                                     \
    }

enum { CHANGE_SECRET_BYTES = 64 };

/* The change in the store, to be audited with `entry`. Fails: an error, with `why` unless it complained itself. */
typedef enum err change_fn(struct ledger *l, void *ctx, const struct audit_entry *entry, struct buf *why);

struct change {
    const char *method, *path; /* of the API */
    str body;                  /* JSON; empty: none */
    const char *why;           /* NULL: no reason is given */
    change_fn *in_store;       /* without a server; where there is `secret`, it makes one there */
    void *ctx;
    char *secret; /* CHANGE_SECRET_BYTES: the one that was made; NULL: none is */
};

/* Fails: false after complaining. */
bool change_run(const struct options *o, const struct data_folder *f, const struct change *c) MUST_CHECK;

/* Where no server runs. Fails: false after complaining. */
bool change_in_store(const struct options *o, const struct data_folder *f, change_fn *fn, void *ctx,
                     const char *why) MUST_CHECK;

/* Alone on standard output, or as a row of its columns: `role` NULL has none. `what`: "key".
 * Fails: false when it cannot be written. */
bool change_print_secret(const char *what, const char *name, const char *role, const char *secret,
                         enum output_format format) MUST_CHECK;

#endif

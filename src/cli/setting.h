/* What commands share that change settings while purser runs: by the running server, else in the store. */
#ifndef CLI_SETTING_H
#define CLI_SETTING_H

#include "cli/change.h"

/* Options that each of them has. */
struct setting_wish {
    const char *name, *why, *dir, *config;
};

/* Where the API has one of a kind: "/api/v1/budgets/tight". */
void setting_path(const char *kind, str name, struct buf *out);
/* `body`: JSON with the keys that the settings file has for such an entry; empty: it is removed. Says what is in force
 * then, and from when on. Returns the exit code, after complaining where it failed. */
int setting_change(const struct options *o, const struct setting_wish *w, const char *kind, str body);

int budgets_set(int argc, char **argv);
int budgets_remove(int argc, char **argv);

#endif

/* New settings in a running server: taken over by every worker, or by none. */
#ifndef FLOW_RELOAD_H
#define FLOW_RELOAD_H

#include "flow/purser.h"

/* Names the cells of its budgets. Before they are shared. */
void reload_name_cells(struct settings *s);
/* Tokens are there before the first call needs them; what fails is tried again (clockwork.c). Blocks. */
void reload_fetch_tokens(const struct settings *s);

/* What must be stored for the settings to be in force: once all else has gone well. */
struct reload_store {
    bool (*store)(void *ctx, struct buf *why); /* false: with a sentence; then nothing was changed */
    void *ctx;
};

/* `steering` is held. Takes `next` over. `fetch`: providers' tokens may be new. `store` may be NULL.
 * Fails: false with a sentence in `why`; the old settings stay. Blocks. */
bool reload_take_over(struct purser *p, struct settings *next, bool fetch, const struct reload_store *store,
                      struct buf *why) MUST_CHECK;

#endif

/* One generation of the settings with all that is made of them: immutable,
 * counted, swapped whole. */
#ifndef FLOW_SNAPSHOT_H
#define FLOW_SNAPSHOT_H

#include "flow/trust.h"
#include "policy/budgets.h"
#include "policy/keys.h"
#include "policy/limits.h"
#include "settings/settings.h"

struct ledger;

struct snapshot {
    unsigned uses; /* atomic */
    uint32_t generation;
    struct settings *settings; /* shared by the snapshots of one load */
    struct trust *trust;       /* likewise */
    unsigned *settings_uses;   /* atomic */
    struct key_table *keys;
    struct budget_rules *budgets;
    struct limit_rules *limits;
};

/* Takes `settings` and their `trust` over. `stored` are the keys made by `purser keys add`. `rules`
 * replace the settings' budgets where not NULL. */
struct snapshot *snapshot_new(struct settings *settings, struct trust *trust, const struct key *stored,
                              size_t stored_count, uint32_t generation);
/* Another generation of the same settings: other keys, other budget rules. */
struct snapshot *snapshot_again(struct snapshot *of, const struct key *stored, size_t stored_count,
                                const struct budget_rule *rules, size_t rule_count, uint32_t generation);
struct snapshot *snapshot_get(struct snapshot *s);
void snapshot_put(struct snapshot *s);

#endif

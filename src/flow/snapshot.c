#include "flow/snapshot.h"

#include <stdlib.h>

static struct snapshot *make(struct settings *settings, struct trust *trust, unsigned *settings_uses,
                             const struct key *stored, size_t stored_count, const struct budget_rule *rules,
                             size_t rule_count, uint32_t generation)
{
    struct snapshot *s = mem_zalloc(sizeof(*s));
    s->uses = 1;
    s->generation = generation;
    s->settings = settings;
    s->trust = trust;
    s->settings_uses = settings_uses;
    size_t count = settings->key_count + stored_count;
    struct key *keys = mem_alloc((count + 1) * sizeof(*keys));
    if (settings->key_count) memcpy(keys, settings->keys, settings->key_count * sizeof(*keys));
    if (stored_count) memcpy(keys + settings->key_count, stored, stored_count * sizeof(*keys));
    s->keys = key_table_new(keys, count);
    free(keys);
    s->budgets = budget_rules_new(rules, rule_count, generation);
    s->limits = limit_rules_new(settings->limits, settings->limit_count);
    return s;
}

struct snapshot *snapshot_new(struct settings *settings, struct trust *trust, const struct key *stored,
                              size_t stored_count, uint32_t generation)
{
    unsigned *uses = mem_alloc(sizeof(*uses));
    *uses = 1;
    return make(settings, trust, uses, stored, stored_count, settings->budgets, settings->budget_count, generation);
}

struct snapshot *snapshot_again(struct snapshot *of, const struct key *stored, size_t stored_count,
                                const struct budget_rule *rules, size_t rule_count, uint32_t generation)
{
    __atomic_fetch_add(of->settings_uses, 1, __ATOMIC_RELAXED);
    return make(of->settings, of->trust, of->settings_uses, stored, stored_count, rules, rule_count, generation);
}

struct snapshot *snapshot_get(struct snapshot *s)
{
    __atomic_fetch_add(&s->uses, 1, __ATOMIC_RELAXED);
    return s;
}

void snapshot_put(struct snapshot *s)
{
    if (!s || __atomic_sub_fetch(&s->uses, 1, __ATOMIC_ACQ_REL) != 0) return;
    key_table_drop(s->keys);
    budget_rules_drop(s->budgets);
    limit_rules_drop(s->limits);
    if (__atomic_sub_fetch(s->settings_uses, 1, __ATOMIC_ACQ_REL) == 0) {
        settings_drop(s->settings);
        trust_drop(s->trust);
        free(s->settings_uses);
    }
    free(s);
}

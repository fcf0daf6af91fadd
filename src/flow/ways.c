/* Where a model's name leads: its entry in the settings, its budget of attempts, and the ways, as they stand there. */
#include "flow/ladder.h"
#include "flow/purser.h"

/* One target that the name leads to. False: it leads nowhere, with the request failed. */
static struct way *add_way(struct request *r, str name)
{
    str why = STR_NONE;
    struct target *t = lease_target(r->worker, r->lease, name, &r->arena, &why);
    if (t) return plan_add_way(r, t);
    request_fail_param(r, ERR_MODEL_NOT_FOUND, why, S("model"));
    return NULL;
}

/* All that the entry names; those whose provider is off are left out while one is left. */
static bool add_ways(struct request *r, const struct setting_model *m)
{
    enum request_step step = r->step;
    if (m->rung_count && !ladder_add_ways(r)) return false;
    for (size_t i = 0; i < m->target_count && !m->rung_count; i++) (void)add_way(r, m->targets[i].name);
    size_t usual = r->plan.count;
    for (enum mishap i = 0; i < MISHAP_COUNT && usual; i++) {
        if (m->on[i].what != REACTION_TARGET) continue;
        struct way *way = add_way(r, m->on[i].to.name);
        if (way) way->only_for = i;
    }
    if (usual) request_forgive(r, step);
    return usual > 0;
}

static bool has_several(const struct setting_model *m)
{
    return m && (m->rung_count || m->target_count > 1 || m->attempts.max > 1);
}

size_t ways_most(const struct request *r)
{
    const struct setting_model *m = r->plan.model;
    if (!has_several(m)) return 1;
    size_t most = m->rung_count ? m->rung_count : m->target_count;
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) most += m->on[i].what == REACTION_TARGET;
    return most;
}

bool ways_find(struct request *r, str name)
{
    const struct setting_model *m = settings_model(r->lease->snapshot->settings, name);
    r->plan.model = m;
    r->plan.attempts = m ? m->attempts : (struct setting_attempts){.max = 1, .money = -1};
    return has_several(m) ? add_ways(r, m) : add_way(r, name) != NULL;
}

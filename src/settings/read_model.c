/* Public model names: one target tried once, or a map that says how calls are carried. */
#include "settings/load.h"

#include <stdlib.h>

/* ---- single values */

bool read_balance(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {[BALANCE_ORDERED] = STR_INIT("ordered"),
                                [BALANCE_WEIGHTED] = STR_INIT("weighted"),
                                [BALANCE_LEAST_BUSY] = STR_INIT("least_busy"),
                                [BALANCE_FASTEST] = STR_INIT("fastest"),
                                [BALANCE_CHEAPEST] = STR_INIT("cheapest")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "order of targets",
                        "ordered, weighted, least_busy, fastest or cheapest");
    if (i >= 0) *(enum balance *)into = (enum balance)i;
    return i >= 0;
}

bool read_sticky(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("session"), STR_INIT("user"), STR_INIT("key")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "thing to stick to", "session, user or key");
    if (i >= 0) *(enum sticky *)into = (enum sticky)(STICKY_SESSION + i);
    return i >= 0;
}

bool read_reaction(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {[REACTION_NEXT] = STR_INIT("next"), [REACTION_STOP] = STR_INIT("stop")};
    struct setting_reaction *out = into;
    struct target_draft t;
    if (str_find_byte(v->text, '/', 0) != SIZE_MAX) {
        if (!read_target(l, v, &t)) return false;
        *out = (struct setting_reaction){REACTION_TARGET, to_of(&t, 1)};
        return true;
    }
    int i = load_one_of(l, v, words, COUNT_OF(words), "reaction", "next, stop or provider/model");
    if (i >= 0) *out = (struct setting_reaction){.what = (enum reaction)i};
    return i >= 0;
}

bool read_hedge_after(struct loader *l, const struct value *v, void *into)
{
    *(int64_t *)into = 0;
    bool digits = v->text.n && v->text.p[0] >= '0' && v->text.p[0] <= '9';
    if (digits) return read_wait(l, v, into);
    return str_eq(v->text, S("p95")) || load_reject(l, v, "moment to hedge", S("p95"), "p95, or a duration such as 2s");
}

bool read_status(struct loader *l, const struct value *v, void *into)
{
    int64_t status = 0;
    bool number = str_to_i64(v->text, &status);
    *(int64_t *)into = status;
    if (number && (status == 200 || (status >= 400 && status <= 599))) return true;
    return load_reject(l, v, "status to answer with", STR_NONE, "200, or an error from 400 to 599");
}

/* ---- maps */

bool read_attempts(struct loader *l, const struct value *v, void *into)
{
    struct setting_attempts *out = into;
    out->money = -1;
    if (!load_group(l, v->node, v->path, GROUP_ATTEMPTS, out)) return false;
    if (out->money) return true;
    load_error(l, v->line, load_path_key(l, v->path, S("money_usd")), "must be more than 0: no attempt is free");
    return false;
}

bool read_reactions(struct loader *l, const struct value *v, void *into)
{
    return load_group(l, v->node, v->path, GROUP_REACTIONS, into);
}

bool read_hedge(struct loader *l, const struct value *v, void *into)
{
    struct setting_hedge *out = into;
    out->on = v->node != NULL;
    return !out->on || load_group(l, v->node, v->path, GROUP_HEDGE, out);
}

static bool read_degraded_rule(struct loader *l, const struct tree_node *node, str path, struct setting_degraded *out)
{
    *out = (struct setting_degraded){.set = true};
    if (!load_group(l, node, path, GROUP_DEGRADED, out)) return false;
    if (!out->status) out->status = out->reply.n ? 200 : 503;
    if (out->reply.n || out->status >= 400) return true;
    load_error(l, node->line, path, "has nothing to say: add 'reply: \"...\"', or an error's status");
    return false;
}

bool read_degraded(struct loader *l, const struct value *v, void *into)
{
    struct setting_degraded *out = into;
    if (!v->node) return true;
    if (v->node->kind != TREE_LIST) return read_degraded_rule(l, v->node, v->path, out);
    bool ok = true;
    size_t i = 0;
    struct setting_degraded *rule = out;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        str path = load_path_index(l, v->path, i);
        ok = read_degraded_rule(l, it, path, rule) && ok;
        if (!it->next) break;
        if (ok && !rule->match.code) {
            load_error(l, it->line, path, "matches every call: the rules behind it are never reached");
            ok = false;
        }
        struct setting_degraded *next = arena_zalloc(&l->s.arena, sizeof(*next));
        rule->next = next;
        rule = next;
    }
    return ok;
}

static bool read_to(struct loader *l, const struct tree_node *it, str path, struct to_draft *out)
{
    struct value v;
    out->weight = 1;
    if (it->kind == TREE_MAP) return load_group(l, it, path, GROUP_TO, out);
    return load_value(l, it, path, false, &v) && load_want(l, &v, TREE_SCALAR, "provider/model") &&
           read_target(l, &v, &out->target);
}

bool read_targets(struct loader *l, const struct value *v, void *into)
{
    struct targets_draft *out = into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "[ openai/gpt-5-mini, azure/gpt-5-mini ]")) return false;
    if (!v->node->count || v->node->count > MODEL_TARGETS_MAX) {
        load_error(l, v->line, v->path, "names %u targets: 1 to %d", v->node->count, MODEL_TARGETS_MAX);
        return false;
    }
    out->items = arena_zalloc(&l->s.arena, v->node->count * sizeof(*out->items));
    struct unique *names = arena_alloc(&l->scratch, v->node->count * sizeof(*names));
    bool ok = true;
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct to_draft to = {0};
        str path = load_path_index(l, v->path, i);
        if (!read_to(l, it, path, &to)) {
            ok = false;
            continue;
        }
        names[out->count] = (struct unique){to.target.name, it->line, path};
        out->items[out->count++] = to_of(&to.target, to.weight);
    }
    return load_unique(l, names, out->count, "is the same target as in") && ok;
}

/* ---- a model */

/* One target, tried once: its error is the client's answer. */
static void plain_model(struct setting_model *m, const struct target_draft *t, struct arena *arena)
{
    struct setting_to *to = arena_zalloc(arena, sizeof(*to));
    *to = to_of(t, 1);
    m->targets = to;
    m->target_count = 1;
    m->attempts = (struct setting_attempts){.max = 1, .money = -1};
    for (enum mishap i = 0; i < MISHAP_COUNT; i++) m->on[i].what = REACTION_STOP;
}

static void check_ladder(struct loader *l, const struct setting_model *m, str path, uint32_t line)
{
    const struct setting_rung *last = &m->rungs[m->rung_count - 1];
    if (m->attempts.max < (int64_t)m->target_count) {
        load_warn(l, line, path,
                  "has more models in its ladder than attempts.max (%lld): the last ones may never be asked",
                  (long long)m->attempts.max);
    }
    bool takes_all = !last->when.set && !(last->kind == RUNG_REPLY && last->match.code);
    if (takes_all || m->degraded.set) return;
    load_warn(l, line, path,
              "has no rung for every call: one that comes to the end is refused; add a last rung without 'when', "
              "or 'degraded: { reply: ... }'");
}

/* What is allowed, but will not do what was meant. */
static void check_model(struct loader *l, const struct setting_model *m, str path, uint32_t line)
{
    bool weighed = false;
    for (size_t i = 0; i < m->target_count; i++) weighed = weighed || m->targets[i].weight != 1;
    if (weighed && m->balance != BALANCE_WEIGHTED) {
        load_warn(l, line, path, "has weights that nothing uses: add 'balance: weighted'");
    }
    if (m->rung_count) check_ladder(l, m, path, line);
    if (m->hedge.on && m->attempts.max == 1) {
        load_warn(l, line, path, "can never hedge: attempts.max is 1, so that nothing is left for a second attempt");
    }
}

/* Exactly one of the three says where calls go. */
static bool check_ways(struct loader *l, const struct model_draft *d, str path, uint32_t line)
{
    int ways = (d->target.provider.n > 0) + (d->targets.count > 0) + (d->ladder.count > 0);
    const char *wrong = NULL;
    if (ways == 0) wrong = "has no target: add 'targets: [ provider/model, ... ]'";
    if (ways > 1) wrong = "has more than one of target, targets and ladder";
    if (!wrong && d->ladder.count && d->m.balance != BALANCE_ORDERED) {
        wrong = "has a ladder, which is an order of its own: leave balance out";
    }
    if (wrong) load_error(l, line, path, "%s", wrong);
    return !wrong;
}

static void take_targets(struct setting_model *m, const struct model_draft *d, struct arena *arena)
{
    m->targets = d->targets.items;
    m->target_count = d->targets.count;
    if (m->target_count) return;
    m->targets = arena_zalloc(arena, (m->rung_count + 1) * sizeof(*m->targets));
    if (!m->rung_count) m->targets[m->target_count++] = to_of(&d->target, 1);
    for (size_t i = 0; i < m->rung_count; i++) {
        if (m->rungs[i].kind == RUNG_TARGET) m->targets[m->target_count++] = m->rungs[i].to;
    }
}

/* As many as a ladder may need: each rung once, and once more where it may repair its answer. */
static int64_t usual_attempts(const struct setting_model *m)
{
    int64_t count = 0;
    for (size_t i = 0; i < m->rung_count; i++) {
        const struct setting_rung *r = &m->rungs[i];
        count += r->kind == RUNG_REPLY ? 0 : 1;
        count += r->kind == RUNG_TARGET && r->accept.json_schema && r->accept.repair;
    }
    return count < 3 ? 3 : count > MODEL_ATTEMPTS_MAX ? MODEL_ATTEMPTS_MAX : count;
}

static bool read_model(struct loader *l, const struct tree_node *it, str path, struct setting_model *m)
{
    struct model_draft d = {0};
    if (it->kind == TREE_SCALAR) {
        struct value v;
        if (!load_value(l, it, path, false, &v) || !read_target(l, &v, &d.target)) return false;
        plain_model(m, &d.target, &l->s.arena);
        return true;
    }
    if (it->kind != TREE_MAP) {
        load_error(l, it->key_line, path, "must be provider/model or a map, not a list: { targets: [ ... ] }");
        return false;
    }
    if (!load_group(l, it, path, GROUP_MODEL, &d)) return false;
    if (!check_ways(l, &d, path, it->key_line)) return false;
    str name = m->name;
    *m = d.m;
    m->name = name;
    m->rungs = d.ladder.items;
    m->rung_count = d.ladder.count;
    if (!m->attempts.max) m->attempts.max = usual_attempts(m);
    take_targets(m, &d, &l->s.arena);
    check_model(l, m, path, it->key_line);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct setting_model *)a)->name, ((const struct setting_model *)b)->name);
}

bool read_models(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_MAP, "NAME: provider/model")) return false;
    l->s.models = arena_zalloc(&l->s.arena, (v->node->count + 1) * sizeof(*l->s.models));
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        str path = load_path_key(l, v->path, load_show(l, it->key));
        struct setting_model *m = &l->s.models[l->s.model_count];
        *m = (struct setting_model){.name = arena_str(&l->s.arena, it->key)};
        bool good = load_name(l, it, path, false) && read_model(l, it, path, m);
        if (good) {
            m->provider = m->targets[0].provider;
            m->model = m->targets[0].model;
            l->s.model_count++;
        }
        ok = good && ok;
    }
    qsort(l->s.models, l->s.model_count, sizeof(*l->s.models), by_name);
    return load_services(l) && ok;
}

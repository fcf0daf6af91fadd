/* Keys, features and scopes: who may spend, and for what. */
#include "settings/load.h"

#include <stdlib.h>

bool read_admin(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    return load_group(l, v->node, v->path, GROUP_ADMIN, l);
}

bool read_ledger(struct loader *l, const struct value *v, void *into)
{
    return load_group(l, v->node, v->path, GROUP_LEDGER, into);
}

bool read_ceilings(struct loader *l, const struct value *v, void *into)
{
    return load_group(l, v->node, v->path, GROUP_CEILINGS, into);
}

bool read_idempotency(struct loader *l, const struct value *v, void *into)
{
    return load_group(l, v->node, v->path, GROUP_IDEMPOTENCY, into);
}

bool read_runaway_action(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {[RUNAWAY_NONE] = STR_INIT("off"),
                                [RUNAWAY_WARN] = STR_INIT("warn"),
                                [RUNAWAY_SLOW] = STR_INIT("slow"),
                                [RUNAWAY_BLOCK] = STR_INIT("block")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "answer to a runaway", "off, warn, slow or block");
    if (i >= 0) *(enum runaway_action *)into = (enum runaway_action)i;
    return i >= 0;
}

/* One number stands for the three steps to a block; what is 0 is not looked at. */
static void finish_runaway(struct runaway_limits *l)
{
    enum { WARN_AT = 3 };
    uint32_t half = l->repeat_block / 2 + l->repeat_block % 2;
    l->repeat_slow = half;
    l->repeat_warn = half < WARN_AT ? half : WARN_AT;
    if (!l->pace_floor) l->pace_factor = 0;
}

bool read_runaway(struct loader *l, const struct value *v, void *into)
{
    struct setting_runaway *out = into;
    runaway_limits_default(&out->limits);
    if (!load_group(l, v->node, v->path, GROUP_RUNAWAY, out)) return false;
    finish_runaway(&out->limits);
    return true;
}

bool read_feature_runaway(struct loader *l, const struct value *v, void *into)
{
    struct setting_runaway *out = into;
    struct runaway_limits usual;
    *out = l->s.runaway; /* read before */
    runaway_limits_default(&usual);
    out->limits.pace_factor = usual.pace_factor; /* a floor of its own turns it on again */
    if (!load_group(l, v->node, v->path, GROUP_FEATURE_RUNAWAY, out)) return false;
    finish_runaway(&out->limits);
    return true;
}

bool read_feature_tier(struct loader *l, const struct value *v, void *into)
{
    str words[FEATURE_TIER_COUNT];
    for (enum feature_tier t = 0; t < FEATURE_TIER_COUNT; t++) words[t] = feature_tier_name(t);
    int i = load_one_of(l, v, words, FEATURE_TIER_COUNT, "tier", "critical, normal or background");
    if (i >= 0) *(enum feature_tier *)into = (enum feature_tier)i;
    return i >= 0;
}

bool read_ai(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("on"), STR_INIT("off")};
    struct setting_ai *out = into;
    if (v->node && v->node->kind == TREE_SCALAR) {
        int i = load_one_of(l, v, words, COUNT_OF(words), "state of AI", "on, off, or { off: true, why: ... }");
        out->off = i == 1;
        return i >= 0;
    }
    return load_group(l, v->node, v->path, GROUP_AI, into);
}

bool read_slo(struct loader *l, const struct value *v, void *into)
{
    enum { STEP_PPM = 1000, MOST_PPM = 999000 };
    struct setting_slo *out = into;
    if (!v->node) return true;
    if (!load_group(l, v->node, v->path, GROUP_SLO, out)) return false;
    if (!out->latency_us && !out->first_token_us) {
        load_error(l, v->line, v->path, "promises nothing: add 'latency: 2s', 'first_token: 800ms', or both");
        return false;
    }
    if (out->target_ppm >= STEP_PPM && out->target_ppm <= MOST_PPM && out->target_ppm % STEP_PPM == 0) return true;
    load_error(l, v->line, load_path_key(l, v->path, S("target")),
               "is no share that can be kept or missed: 0.1%% to 99.9%%, in tenths of a percent");
    return false;
}

bool read_texts(struct loader *l, const struct value *v, void *into)
{
    struct texts *out = into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "[ a, b ]")) return false;
    out->items = arena_alloc(&l->s.arena, (v->node->count + 1) * sizeof(str));
    out->shown = arena_alloc(&l->scratch, (v->node->count + 1) * sizeof(str));
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct value item;
        if (!load_value(l, it, load_path_index(l, v->path, i), false, &item) ||
            !load_want(l, &item, TREE_SCALAR, "text") || !read_text(l, &item, &out->items[i])) {
            return false;
        }
        out->shown[i] = item.shown;
    }
    out->count = i;
    return true;
}

/* ---- keys */

static bool finish_key(struct loader *l, struct key_draft *d, str path, uint32_t line, bool *off)
{
    struct key *k = &d->k;
    *off = false;
    if (d->secret.set && d->hash.set) {
        load_error(l, line, path, "has both secret and secret_hash: one of the two");
        return false;
    }
    if (!d->secret.set && !d->hash.set) {
        load_error(l, line, path,
                   "has no secret: add 'secret: ${NAME}' or 'secret_hash: ...' (purser keys add makes one)");
        return false;
    }
    if (d->secret.set && !d->secret.text.n) {
        *off = true;
        if (d->secret.missing.p) {
            load_warn(l, d->secret.line, path, "is off: the environment variable %" STR_FMT " is not set",
                      STR_ARG(d->secret.missing));
        } else {
            load_warn(l, d->secret.line, path, "is off: its secret is empty");
        }
        return true;
    }
    if (d->secret.set && d->secret.text.n < 16) {
        load_warn(l, d->secret.line, path, "has a secret of less than 16 bytes: easy to guess");
    }
    if (d->secret.set)
        key_hash(d->secret.text, k->hash);
    else
        memcpy(k->hash, d->hash.bytes, sizeof(k->hash));
    return true;
}

static bool finish_lists(struct loader *l, struct key_draft *d, str path, uint32_t line)
{
    if (d->models.count > KEY_MODELS_MAX) {
        load_error(l, line, path, "names more than %d models: use '*', such as \"openai/*\"", KEY_MODELS_MAX);
        return false;
    }
    for (size_t i = 0; i < d->passthrough.count; i++) {
        if (str_starts(d->passthrough.items[i], S("/v1/")) || str_eq(d->passthrough.items[i], S("*"))) continue;
        load_error(l, line, path, "passthrough: '%" STR_FMT "' is no path; it begins with '/v1/', or is \"*\"",
                   STR_ARG(d->passthrough.shown[i]));
        return false;
    }
    d->k.models = d->models.items;
    d->k.model_count = d->models.count;
    d->k.passthrough = d->passthrough.items;
    d->k.passthrough_count = d->passthrough.count;
    return true;
}

bool read_keys(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "- { name: alice, secret: ${ALICE_KEY} }")) return false;
    struct settings *s = &l->s;
    size_t room = v->node->count + 1, i = 0, secrets = 0;
    s->keys = arena_zalloc(&s->arena, room * sizeof(*s->keys));
    s->key_shown = arena_zalloc(&s->arena, room * sizeof(str));
    l->key_names = arena_alloc(&l->scratch, room * sizeof(str));
    struct unique *names = arena_alloc(&l->scratch, room * sizeof(*names));
    struct unique *hashes = arena_alloc(&l->scratch, room * sizeof(*hashes));
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct key_draft d = {0};
        bool off;
        str path = load_path_index(l, v->path, i);
        if (!load_group(l, it, path, GROUP_KEY, &d) || !finish_key(l, &d, path, it->line, &off) ||
            !finish_lists(l, &d, path, it->line)) {
            ok = false;
            continue;
        }
        names[l->key_name_count] = (struct unique){d.k.name, it->line, path};
        l->key_names[l->key_name_count++] = d.k.name;
        if (off) continue;
        s->key_shown[s->key_count] = d.hash.set ? STR_NONE : settings_mask(d.secret.text, &s->arena);
        struct key *k = &s->keys[s->key_count++];
        *k = d.k;
        hashes[secrets++] = (struct unique){str_of((char *)k->hash, sizeof(k->hash)), it->line, path};
    }
    ok = load_unique(l, names, l->key_name_count, "has the same name as the key in") && ok;
    return load_unique(l, hashes, secrets, "has the same secret as the key in") && ok;
}

/* ---- features */

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct setting_feature *)a)->name, ((const struct setting_feature *)b)->name);
}

bool read_features(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_MAP, "NAME: { owner: ... }")) return false;
    l->s.features = arena_zalloc(&l->s.arena, (v->node->count + 1) * sizeof(*l->s.features));
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        struct setting_feature f = {.name = arena_str(&l->s.arena, it->key), .where = load_where(l, it->key_line)};
        str path = load_path_entry(l, v, it, 0);
        if (!load_name(l, it, path, false)) {
            ok = false;
            continue;
        }
        ok = load_group(l, it, path, GROUP_FEATURE, &f) && ok;
        l->s.features[l->s.feature_count++] = f;
    }
    qsort(l->s.features, l->s.feature_count, sizeof(*l->s.features), by_name);
    return ok;
}

/* ---- scopes */

static bool known_team(const struct loader *l, str team)
{
    for (size_t i = 0; i < l->s.key_count; i++) {
        if (str_eq(l->s.keys[i].team, team)) return true;
    }
    return false;
}

static bool known_key(const struct loader *l, str name)
{
    for (size_t i = 0; i < l->key_name_count; i++) {
        if (str_eq(l->key_names[i], name)) return true;
    }
    return false;
}

/* A rule that can match nothing is rather a typo than a wish. */
static void check_scope_value(struct loader *l, const struct value *v, enum scope_dim dim)
{
    if (str_eq(v->text, S("*"))) return;
    /* keys that were made at run time are not known here: whoever makes such an entry looks for them */
    if ((dim == SCOPE_KEY || dim == SCOPE_TEAM) && load_entry(l, v->line)) return;
    const char *hint = NULL;
    if (dim == SCOPE_KEY && !known_key(l, v->text))
        hint = "no key of that name stands under keys; was it made with `purser keys add`?";
    if (dim == SCOPE_TEAM && !known_team(l, v->text)) hint = "no key under keys belongs to that team";
    if (dim == SCOPE_FEATURE && !settings_feature(&l->s, v->text))
        hint = "no feature of that name stands under features";
    if (dim == SCOPE_PROVIDER && !settings_provider(&l->s, v->text) && !settings_service(&l->s, v->text))
        hint = "no provider of that name stands under providers";
    if (hint) load_warn(l, v->line, v->path, "'%" STR_FMT "': %s", STR_ARG(v->shown), hint);
}

static bool read_dimension(struct loader *l, const struct tree_node *it, str path, struct scope *out)
{
    enum scope_dim dim;
    if (!scope_dim_find(it->key, &dim)) {
        struct suggest near;
        suggest_init(&near, it->key);
        for (enum scope_dim d = 0; d < SCOPE_DIMS; d++) suggest_offer(&near, scope_dim_name(d));
        bool hint = near.best.p != NULL;
        load_error(l, it->key_line, path,
                   "a scope has no such part%s%" STR_FMT "%s (key, team, user, feature, model, provider)",
                   hint ? "; did you mean '" : "", STR_ARG(hint ? near.best : S("")), hint ? "'?" : "");
        return false;
    }
    struct value v;
    if (it->twice) {
        load_twice(l, it, path);
        return false;
    }
    if (!load_value(l, it, path, false, &v) || !load_want(l, &v, TREE_SCALAR, "a name or \"*\"")) return false;
    if (!read_text(l, &v, &out->want[dim])) return false;
    check_scope_value(l, &v, dim);
    return true;
}

bool read_scope(struct loader *l, const struct value *v, void *into)
{
    struct scope *out = into;
    if (!v->node) return true; /* every call */
    if (!load_want(l, v, TREE_MAP, "{ key: alice }")) return false;
    bool ok = true;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        ok = read_dimension(l, it, load_path_key(l, v->path, load_show(l, it->key)), out) && ok;
    }
    return ok;
}

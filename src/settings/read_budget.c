/* Budgets and limits: how much may be spent, and how fast. */
#include "settings/load.h"

#include "policy/burn.h"

/* ---- budgets */

/* Whom a budget hands its calls on to: a name that leads somewhere. */
static bool check_downgrade(struct loader *l, const struct value *v, str model)
{
    if (settings_model(&l->s, model)) return true;
    if (str_find_byte(model, '/', 0) != SIZE_MAX) {
        struct target_draft t;
        struct value target = *v;
        target.text = model;
        return read_target(l, &target, &t);
    }
    struct suggest near;
    suggest_init(&near, model);
    for (size_t i = 0; i < l->s.model_count; i++) suggest_offer(&near, l->s.models[i].name);
    return load_reject(l, v, "way down", near.best,
                       "downgrade: and a name of models, or provider/model, such as downgrade:openai/gpt-5-nano");
}

bool read_on_exceed(struct loader *l, const struct value *v, void *into)
{
    static const char expected[] = "block, degrade, downgrade:MODEL or alert";
    struct budget_rule *b = into;
    if (on_exceed_find(v->text, &b->on_exceed, &b->downgrade_to)) {
        return b->on_exceed != ON_EXCEED_DOWNGRADE || check_downgrade(l, v, b->downgrade_to);
    }
    struct suggest near;
    str word = v->text;
    word = str_cut(&word, ':');
    suggest_init(&near, word);
    for (enum on_exceed e = ON_EXCEED_BLOCK; e <= ON_EXCEED_ALERT; e++) suggest_offer(&near, on_exceed_name(e));
    bool down = str_eq(near.best, on_exceed_name(ON_EXCEED_DOWNGRADE));
    return load_reject(l, v, "answer to a spent budget", down ? S("downgrade:MODEL") : near.best, expected);
}

static bool read_threshold(struct loader *l, const struct value *v, uint16_t *out)
{
    int64_t percent = 0;
    str digits = str_ends(v->text, S("%")) ? str_head(v->text, v->text.n - 1) : v->text;
    bool number = str_to_i64(digits, &percent) && percent >= 1 && percent <= BUDGET_THRESHOLD_PERCENT_MAX;
    *out = (uint16_t)percent;
    return number || load_reject(l, v, "threshold", STR_NONE, "a whole number of percent from 1 to 1000, such as 80");
}

bool read_thresholds(struct loader *l, const struct value *v, void *into)
{
    struct budget_thresholds *out = into;
    *out = (struct budget_thresholds){{50, 80, 100}, 3};
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "[ 50, 80, 100 ]")) return false;
    if (v->node->count > BUDGET_THRESHOLDS_MAX) {
        load_error(l, v->line, v->path, "names %u thresholds: at most %d", v->node->count, BUDGET_THRESHOLDS_MAX);
        return false;
    }
    out->count = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next) {
        struct value item;
        str path = load_path_index(l, v->path, out->count);
        uint16_t *percent = &out->percent[out->count];
        if (!load_value(l, it, path, false, &item) || !load_want(l, &item, TREE_SCALAR, "80") ||
            !read_threshold(l, &item, percent)) {
            return false;
        }
        if (out->count++ && percent[-1] >= *percent) {
            load_error(l, item.line, path, "must be more than the one before it: thresholds ascend");
            return false;
        }
    }
    return true;
}

bool read_rate(struct loader *l, const struct value *v, void *into)
{
    picousd millionths = 0; /* any exact decimal */
    bool number = money_parse_per_million(v->text, &millionths);
    int64_t milli = millionths / 1000;
    *(int64_t *)into = milli;
    return (number && millionths % 1000 == 0 && milli >= 1000 && milli <= BURN_RATE_MILLI_MAX) ||
           load_reject(l, v, "rate", STR_NONE, "from 1 to 1000, with at most three decimals, such as 14.4");
}

bool read_burn_action(struct loader *l, const struct value *v, void *into)
{
    static const str words[] = {STR_INIT("degrade"), STR_INIT("alert")};
    int i = load_one_of(l, v, words, COUNT_OF(words), "answer to a burn rate", "degrade or alert");
    *(bool *)into = i == 1;
    return i >= 0;
}

/* `over` alone tells that it is set; it has a default, so it is never 0 then. */
bool read_burn(struct loader *l, const struct value *v, void *into)
{
    return !v->node || load_group(l, v->node, v->path, GROUP_BURN, into);
}

/* A pace that could never be seen is rather a mistake than a wish. */
static bool check_burn(struct loader *l, const struct budget_rule *b, str path, uint32_t line)
{
    char text[40];
    const struct burn_rule *burn = &b->burn;
    int64_t window_us = burn_window_us(&b->window);
    if (!burn->over_us) return true;
    if (burn->over_us < BURN_OVER_MIN_US) {
        load_error(l, line, path, "burn.over must be 12s at least");
        return false;
    }
    if (!window_us) {
        load_error(l, line, path,
                   "has window: total, which has no end and so no pace: leave out burn, or set a window");
        return false;
    }
    if ((__int128)burn->rate_milli * burn->over_us < (__int128)window_us * 1000) return true;
    load_error(l, line, path,
               "burn: at that rate the limit is spent within %" STR_FMT
               ", so it would never be seen: lower rate, or over",
               STR_ARG(time_format_duration(burn->over_us, text)));
    return false;
}

static bool finish_budget(struct loader *l, struct budget_draft *d, str path, uint32_t line)
{
    struct budget_rule *b = &d->b;
    int set = (d->usd >= 0) + (d->tokens >= 0) + (d->requests >= 0);
    if (set != 1) {
        load_error(l, line, path, "%s: exactly one of limit_usd, limit_tokens and limit_requests",
                   set ? "has more than one limit" : "has no limit");
        return false;
    }
    b->measure = d->usd >= 0 ? BUDGET_MONEY : d->tokens >= 0 ? BUDGET_TOKENS : BUDGET_REQUESTS;
    b->limit = d->usd >= 0 ? d->usd : d->tokens >= 0 ? d->tokens : d->requests;
    b->enforced = true;
    if (!check_burn(l, b, path, line)) return false;
    b->where = load_where(l, line);
    return true;
}

bool read_budgets(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "- { name: all, limit_usd: 500, window: month }")) return false;
    struct settings *s = &l->s;
    s->budgets = arena_zalloc(&s->arena, (v->node->count + 1) * sizeof(*s->budgets));
    const struct scope **scopes = arena_alloc(&l->scratch, (v->node->count + 1) * sizeof(const struct scope *));
    struct unique *names = arena_alloc(&l->scratch, (v->node->count + 1) * sizeof(*names));
    bool ok = true;
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct budget_draft d = {.usd = -1, .tokens = -1, .requests = -1};
        str path = load_path_entry(l, v, it, i);
        if (!load_group(l, it, path, GROUP_BUDGET, &d) || !finish_budget(l, &d, path, it->line)) {
            ok = false;
            continue;
        }
        names[s->budget_count] = (struct unique){d.b.name, it->line, path};
        scopes[s->budget_count] = &s->budgets[s->budget_count].scope;
        s->budgets[s->budget_count++] = d.b;
    }
    ok = load_unique(l, names, s->budget_count, "has the same name as the budget in") && ok;
    if (scope_overlap(scopes, s->budget_count, BUDGETS_PER_CALL_MAX) <= BUDGETS_PER_CALL_MAX) return ok;
    return load_overlaps(l, v, "budgets", BUDGETS_PER_CALL_MAX);
}

/* ---- limits */

/* A name for a limit that has none. */
static str scope_words(struct loader *l, const struct scope *s)
{
    struct buf out;
    buf_init(&out, 0);
    for (enum scope_dim d = 0; d < SCOPE_DIMS; d++) {
        if (!s->want[d].p) continue;
        str name = scope_dim_name(d);
        buf_printf(&out, "%s%" STR_FMT "=%" STR_FMT, out.n ? "," : "", STR_ARG(name), STR_ARG(s->want[d]));
    }
    str words = arena_str(&l->s.arena, out.n ? buf_str(&out) : S("every call"));
    buf_free(&out);
    return words;
}

bool read_limits(struct loader *l, const struct value *v, void *into)
{
    (void)into;
    if (!v->node) return true;
    if (!load_want(l, v, TREE_LIST, "- { scope: { key: alice }, requests_per_minute: 600 }")) return false;
    struct settings *s = &l->s;
    s->limits = arena_zalloc(&s->arena, (v->node->count + 1) * sizeof(*s->limits));
    const struct scope **scopes = arena_alloc(&l->scratch, (v->node->count + 1) * sizeof(const struct scope *));
    bool ok = true;
    size_t i = 0;
    for (const struct tree_node *it = v->node->first; it; it = it->next, i++) {
        struct limit_rule r = {0};
        str path = load_path_entry(l, v, it, i);
        if (!load_group(l, it, path, GROUP_LIMIT, &r)) {
            ok = false;
            continue;
        }
        if (!r.requests_per_minute && !r.tokens_per_minute && !r.concurrency) {
            load_error(l, it->line, path, "limits nothing: add requests_per_minute, tokens_per_minute or concurrency");
            ok = false;
        }
        if (!r.name.p) r.name = scope_words(l, &r.scope);
        r.where = load_where(l, it->line);
        scopes[s->limit_count] = &s->limits[s->limit_count].scope;
        s->limits[s->limit_count++] = r;
    }
    if (scope_overlap(scopes, s->limit_count, LIMITS_PER_CALL_MAX) <= LIMITS_PER_CALL_MAX) return ok;
    return load_overlaps(l, v, "limits", LIMITS_PER_CALL_MAX);
}

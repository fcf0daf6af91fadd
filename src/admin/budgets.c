/* Budgets as they stand, for `purser budgets`, the dashboard and whoever asks the port; and their settings. */
#include "admin/budgets_fullest.h"
#include "admin/inside.h"
#include "admin/settings.h"

enum { BUDGETS_MAX = 10000, FILTERS_MAX = 8, FULLEST_MAX = 1000 };

struct listing {
    struct api_rows rows;
    struct api_filter filters[FILTERS_MAX];
    size_t filter_count, count;
    struct fullest fullest; /* most == 0: all are told, as they come */
};

static const char *const measures[BUDGET_MEASURES] = {"usd", "tokens", "requests"};

static str origin_of(const struct budget_rule *rule)
{
    return settings_is_runtime(rule->where) ? S("runtime") : S("file");
}

/* Of "user=bob,feature=chat" the value of one dimension; empty where it is not there. Commas and the like are escaped in
 * it, as scope_value() has them. */
static str value_of(str scope, str dimension)
{
    while (scope.n) {
        size_t end = 0;
        while (end < scope.n && scope.p[end] != ',') end += scope.p[end] == '\\' && end + 1 < scope.n ? 2 : 1;
        str value = str_head(scope, end);
        scope = end < scope.n ? str_from_at(scope, end + 1) : STR_NONE;
        str name = str_cut(&value, '=');
        if (str_eq(name, dimension)) return value;
    }
    return STR_NONE;
}

/* `value` as scope_value() has it, a backslash in front of some characters. */
static bool is_value(str value, str plain)
{
    size_t n = 0;
    for (size_t i = 0; i < value.n; i++, n++) {
        if (value.p[i] == '\\' && i + 1 < value.n) i++;
        if (n == plain.n || value.p[i] != plain.p[n]) return false;
    }
    return n == plain.n;
}

static bool fits(const struct budget_state *s, const struct api_filter *f)
{
    enum scope_dim dim;
    if (str_eq(f->column, S("budget"))) return str_eq(f->equals, s->rule->name);
    if (str_eq(f->column, S("measure"))) return str_eq(f->equals, str_from(measures[s->rule->measure]));
    if (str_eq(f->column, S("origin"))) return str_eq(f->equals, origin_of(s->rule));
    if (!scope_dim_find(f->column, &dim)) return false;
    str want = s->rule->scope.want[dim];
    return scope_is_each(want) ? is_value(value_of(s->value, f->column), f->equals) : str_eq(f->equals, want);
}

/* Of filters on one column any must fit, of each column one. */
static bool passes(const struct listing *l, const struct budget_state *s)
{
    for (size_t i = 0; i < l->filter_count; i++) {
        bool any = false;
        for (size_t j = 0; j < l->filter_count && !any; j++)
            any = str_eq(l->filters[i].column, l->filters[j].column) && fits(s, &l->filters[j]);
        if (!any) return false;
    }
    return true;
}

/* An owner sees budgets of its features alone. */
static bool is_seen(const struct api_call *c, const struct budget_state *s)
{
    str want = s->rule->scope.want[SCOPE_FEATURE];
    if (!c->scope.restricted) return true;
    if (!scope_is_each(want)) return want.n && api_sees(c, want);
    for (size_t i = 0; i < c->scope.count; i++) {
        if (is_value(value_of(s->value, S("feature")), c->scope.features[i])) return true;
    }
    return false;
}

static void put_thresholds(struct api_rows *r, const struct budget_thresholds *t)
{
    struct buf list;
    buf_init(&list, 0);
    buf_add_byte(&list, '[');
    for (size_t i = 0; i < t->count; i++) buf_printf(&list, "%s%u", i ? "," : "", t->percent[i]);
    buf_add_byte(&list, ']');
    api_put_json(r, "thresholds", buf_str(&list));
    buf_free(&list);
}

/* `counters` of its budget; 0: not known. */
static void put_state(struct api_rows *r, const struct budget_state *s, int64_t counters)
{
    const struct budget_rule *rule = s->rule;
    int64_t left = rule->limit - s->spent - s->held;
    char text[40];
    api_row(r);
    api_put_str(r, "budget", rule->name);
    api_put_str(r, "scope", s->value.p ? s->value : S(""));
    api_put_str(r, "measure", str_from(measures[rule->measure]));
    api_put_time(r, "resets", s->resets_us != INT64_MAX ? s->resets_us : 0);
    api_put_int(r, "limit", rule->limit);
    api_put_int(r, "spent", s->spent);
    api_put_int(r, "held", s->held);
    api_put_int(r, "left", left > 0 ? left : 0);
    api_put_int(r, "waiting", s->waiting);
    api_put_int(r, "window_start_us", s->window_start_us);
    api_put_str(r, "origin", origin_of(rule));
    api_put_str(r, "window", window_format(&rule->window, text));
    api_put_str(r, "on_exceed", on_exceed_name(rule->on_exceed));
    put_thresholds(r, &rule->thresholds);
    if (counters)
        api_put_int(r, "counters", counters);
    else
        api_put_null(r, "counters");
}

static void add(void *ctx, const struct budget_state *s)
{
    struct listing *l = ctx;
    if (!passes(l, s) || !is_seen(l->rows.c, s)) return;
    if (l->fullest.most)
        fullest_offer(&l->fullest, s);
    else if (l->count++ < BUDGETS_MAX)
        put_state(&l->rows, s, 0);
}

static void put_fullest(struct listing *l)
{
    for (size_t i = 0; i < l->fullest.count; i++) {
        const struct fullest_group *g = &l->fullest.groups[i];
        for (size_t j = 0; j < g->count && l->count < BUDGETS_MAX; j++, l->count++)
            put_state(&l->rows, &g->of[j], g->counters);
    }
}

static bool read_filters(struct api_call *c, struct listing *l)
{
    static const str names[] = {STR_INIT("budget"), STR_INIT("measure"), STR_INIT("origin")};
    if (!api_filters_asked(c, l->filters, FILTERS_MAX, &l->filter_count)) return false;
    for (size_t i = 0; i < l->filter_count; i++) {
        enum scope_dim dim;
        bool known = scope_dim_find(l->filters[i].column, &dim);
        for (size_t j = 0; j < COUNT_OF(names); j++) known = known || str_eq(l->filters[i].column, names[j]);
        if (known) continue;
        api_fail(c, 400, "bad_parameter",
                 "where: budget, measure, origin, or one of key, team, user, feature, model, provider");
        return false;
    }
    return true;
}

void serve_budgets_get(struct api_call *c)
{
    struct listing l = {.count = 0};
    int64_t most = 0;
    if (!read_filters(c, &l) || !api_param_count(c, S("fullest"), FULLEST_MAX, &most)) return;
    l.fullest.most = (size_t)most;
    api_rows_begin(&l.rows, c, API_RESOURCE_budget);
    if (!api_rows_page(&l.rows)) return;
    budgets_each(c->admin->purser->budgets, c->snapshot->budgets, c->now_us, add, &l);
    fullest_sort(&l.fullest);
    put_fullest(&l);
    fullest_free(&l.fullest);
    api_rows_end(&l.rows, STR_NONE);
}

void serve_budget_get(struct api_call *c)
{
    setting_get(c, "budget", c->path_args[0]);
}

void serve_budget_put(struct api_call *c)
{
    setting_put(c, "budget", c->path_args[0]);
}

void serve_budget_delete(struct api_call *c)
{
    setting_delete(c, "budget", c->path_args[0]);
}

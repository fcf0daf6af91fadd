/* Limits on rate and concurrency, and their settings. */
#include "admin/settings.h"

#include "admin/inside.h"

static void put_scope(struct api_rows *r, const struct scope *s)
{
    struct buf out;
    buf_init(&out, 0);
    for (enum scope_dim d = 0; d < SCOPE_DIMS; d++) {
        if (!s->want[d].p) continue;
        buf_add_byte(&out, out.n ? ',' : '{');
        buf_add_json(&out, scope_dim_name(d));
        buf_add_byte(&out, ':');
        buf_add_json(&out, s->want[d]);
    }
    buf_add(&out, out.n ? S("}") : S("{}"));
    api_put_json(r, "scope", buf_str(&out));
    buf_free(&out);
}

static void put_count(struct api_rows *r, const char *name, int64_t value)
{
    if (value)
        api_put_int(r, name, value);
    else
        api_put_null(r, name);
}

enum { FILTERS_MAX = 8 };

static str origin_of(const struct limit_rule *l)
{
    return settings_is_runtime(l->where) ? S("runtime") : S("file");
}

/* What a limit says of a filter's name; `known` is false where it is no name to filter on. */
static str value_of(const struct limit_rule *l, str column, bool *known)
{
    enum scope_dim dim;
    *known = true;
    if (str_eq(column, S("limit"))) return l->name;
    if (str_eq(column, S("origin"))) return origin_of(l);
    if (scope_dim_find(column, &dim)) return l->scope.want[dim];
    *known = false;
    return STR_NONE;
}

static bool read_filters(struct api_call *c, struct api_filter *filters, size_t *count)
{
    static const struct limit_rule none = {.where = {NULL, 0}};
    if (!api_filters_asked(c, filters, FILTERS_MAX, count)) return false;
    for (size_t i = 0; i < *count; i++) {
        bool known;
        (void)value_of(&none, filters[i].column, &known);
        if (known) continue;
        api_fail(c, 400, "bad_parameter", "where: limit, origin, or one of key, team, user, feature, model, provider");
        return false;
    }
    return true;
}

/* Of filters on one column any must fit, of each column one. */
static bool passes(const struct limit_rule *l, const struct api_filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool any = false, known;
        for (size_t j = 0; j < count && !any; j++)
            any = str_eq(filters[i].column, filters[j].column) &&
                  str_eq(value_of(l, filters[j].column, &known), filters[j].equals);
        if (!any) return false;
    }
    return true;
}

void serve_limits_get(struct api_call *c)
{
    const struct settings *s = c->snapshot->settings;
    struct api_filter filters[FILTERS_MAX];
    struct api_rows r;
    size_t count;
    if (!read_filters(c, filters, &count)) return;
    api_rows_begin(&r, c, API_RESOURCE_limit);
    if (!api_rows_page(&r)) return;
    for (size_t i = 0; i < s->limit_count; i++) {
        const struct limit_rule *l = &s->limits[i];
        if (!passes(l, filters, count)) continue;
        api_row(&r);
        api_put_str(&r, "limit", l->name);
        put_scope(&r, &l->scope);
        put_count(&r, "requests_per_minute", l->requests_per_minute);
        put_count(&r, "tokens_per_minute", l->tokens_per_minute);
        put_count(&r, "concurrency", l->concurrency);
        api_put_str(&r, "origin", origin_of(l));
    }
    api_rows_end(&r, STR_NONE);
}

void serve_limit_get(struct api_call *c)
{
    setting_get(c, "limit", c->path_args[0]);
}

void serve_limit_put(struct api_call *c)
{
    setting_put(c, "limit", c->path_args[0]);
}

void serve_limit_delete(struct api_call *c)
{
    setting_delete(c, "limit", c->path_args[0]);
}

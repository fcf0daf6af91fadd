/* Who spent what: users at any number of them, teams, models. */
#include "admin/api.h"
#include "admin/inside.h"
#include "ledger/names.h"
#include "ledger/report.h"

#include <math.h>

#define NO_NAME "\x01" /* that nobody can have */

enum { GROUPS_MAX = 100000 };

static const struct {
    const char *name;
    enum report_sum sum;
} sums[] = {{"calls", REPORT_calls},
            {"attempts", REPORT_attempts},
            {"errors", REPORT_errors},
            {"cost_picousd", REPORT_cost},
            {"wasted_cost_picousd", REPORT_wasted_cost},
            {"saved_cost_picousd", REPORT_saved_cost},
            {"estimated", REPORT_estimated},
            {"unpriced", REPORT_unpriced}};

static void put_ms(struct api_rows *r, const char *name, int64_t us)
{
    api_put_number(r, name, us ? (double)us / 1000 : NAN);
}

static void put_figures(struct api_rows *r, const struct report *report, size_t row)
{
    for (size_t i = 0; i < COUNT_OF(sums); i++) api_put_big(r, sums[i].name, report_sum(report, row, sums[i].sum));
    put_ms(r, "p50_ms", report_latency_us(report, row, 500));
    put_ms(r, "p95_ms", report_latency_us(report, row, 950));
    put_ms(r, "first_token_p95_ms", report_first_token_us(report, row, 950));
}

static void answer(struct api_call *c, const struct report *report, bool more)
{
    struct api_rows r, totals;
    size_t next = report_next(report);
    api_rows_begin(&r, c, API_RESOURCE_spender);
    for (size_t i = 0; i < report_rows(report); i++) {
        char text[40];
        api_row(&r);
        api_put_str(&r, "name", report_key(report, i, 0, text));
        put_figures(&r, report, i);
    }
    api_rows_end_open(&r, next ? arena_printf(&c->arena, "%zu", next) : STR_NONE);
    if (r.csv) return;
    buf_add(&c->out, S(",\n\"totals\":"));
    api_member_begin(&totals, &r);
    api_put_str(&totals, "name", S(""));
    put_figures(&totals, report, REPORT_TOTALS);
    api_member_end(&totals);
    buf_printf(&c->out, ",\n\"groups\":%zu,\"more\":%s}\n", report_groups(report), more ? "true" : "false");
}

/* Narrows to names that begin so, by name: each is found apart. Fails: false after api_fail(). */
static bool add_prefix(struct api_call *c, str by, struct report_ask *ask, bool *more)
{
    struct names *names = arena_zalloc(&c->arena, sizeof(*names));
    struct names_ask find = {.dimension = by,
                             .prefix = api_param(c, S("prefix")),
                             .since_us = ask->since_us,
                             .until_us = ask->until_us,
                             .scoped = c->scope.restricted,
                             .features = c->scope.features,
                             .feature_count = c->scope.count};
    struct buf why;
    if (!find.prefix.n) return true;
    for (size_t i = 0; i < ask->where_count; i++) {
        if (!str_eq(ask->where[i].column, by)) continue;
        api_fail(c, 400, "bad_parameter", "prefix: `where` names the %" STR_FMT " already", STR_ARG(by));
        return false;
    }
    if (ask->where_count + NAMES_MAX > REPORT_WHERE_MAX) {
        api_fail(c, 400, "bad_parameter", "where: too many filters beside prefix");
        return false;
    }
    buf_init(&why, 0);
    bool ok = names_find(c->dir, &find, &c->arena, names, &why);
    if (!ok) api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    if (!names->count) names->of[names->count++] = S(NO_NAME);
    for (size_t i = 0; i < names->count; i++) {
        ask->where[ask->where_count].column = by;
        ask->where[ask->where_count++].equals = names->of[i];
    }
    *more = names->more;
    return ok;
}

static void serve(struct api_call *c, str by)
{
    bool more = false;
    struct report_ask ask = {.by = {by}, .by_count = 1};
    struct api_filter filters[REPORT_WHERE_MAX];
    struct buf why;
    int64_t from = 0;
    if (!api_range(c, &ask.since_us, &ask.until_us) || !api_limit(c, &ask.limit) ||
        !api_param_count(c, S("cursor"), GROUPS_MAX, &from) ||
        !api_filters_asked(c, filters, REPORT_WHERE_MAX, &ask.where_count))
        return;
    api_scope_report(&c->scope, &ask);
    ask.limit += from;
    if (ask.limit > GROUPS_MAX) ask.limit = GROUPS_MAX;
    for (size_t i = 0; i < ask.where_count; i++) {
        ask.where[i].column = filters[i].column;
        ask.where[i].equals = filters[i].equals;
    }
    (void)ledger_flush(c->admin->purser->ledger);
    if (!add_prefix(c, by, &ask, &more)) return;
    buf_init(&why, 0);
    struct report *report = report_run(c->dir, &ask, api_progress, c, &why);
    if (report) {
        report_turn(report, (size_t)from);
        answer(c, report, more);
    } else {
        api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(buf_str(&why)));
    }
    report_drop(report);
    buf_free(&why);
}

void serve_users_get(struct api_call *c)
{
    serve(c, S("user"));
}

void serve_teams_get(struct api_call *c)
{
    serve(c, S("team"));
}

void serve_models_get(struct api_call *c)
{
    serve(c, S("model"));
}

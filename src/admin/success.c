/* What success costs, with how sure that is. */
#include "ledger/success.h"
#include "admin/api.h"
#include "admin/calls.h"
#include "admin/inside.h"
#include "base/time.h"
#include "plan/ratio.h"

#include <math.h>

static bool read_by(struct api_call *c, enum success_by *out)
{
    static const str names[] = {[SUCCESS_ALL] = STR_INIT(""),
                                [SUCCESS_FEATURE] = STR_INIT("feature"),
                                [SUCCESS_PROMPT] = STR_INIT("prompt"),
                                [SUCCESS_MODEL] = STR_INIT("model"),
                                [SUCCESS_USER] = STR_INIT("user")};
    str by = S("");
    if (!api_param_word(c, S("by"), &by)) return false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(by, names[i])) *out = (enum success_by)i;
    return true;
}

/* Fails: false after api_fail(). */
static bool read_ask(struct api_call *c, struct success_ask *ask)
{
    int64_t limit;
    str mature = api_param(c, S("mature"));
    *ask = (struct success_ask){
        .mature_us = US_PER_DAY, .now_us = c->now_us, .name = api_param(c, S("name")), .go_on = api_progress, .ctx = c};
    if (!api_range(c, &ask->since_us, &ask->until_us) || !api_limit(c, &limit) || !read_by(c, &ask->by)) return false;
    if (mature.n && (!time_parse_duration(mature, &ask->mature_us) || ask->mature_us < 0)) {
        api_fail(c, 400, "bad_parameter", "mature: a duration such as 7d");
        return false;
    }
    ask->limit = (size_t)limit;
    return calls_read_filter(c, &ask->scope);
}

static void put_big_or_null(struct api_rows *r, const char *name, bool known, __int128 value)
{
    if (known)
        api_put_big(r, name, value);
    else
        api_put_null(r, name);
}

static void put_row(struct api_rows *r, const struct success_row *row, bool by)
{
    struct ratio sums = {.units = row->units,
                         .successes = row->successes,
                         .cost_picousd = row->cost,
                         .cost_squares = row->cost_squares,
                         .success_squares = (long double)row->successes,
                         .products = (long double)row->success_cost};
    struct ratio_cost each = ratio_cost_each(&sums);
    struct ratio_share rate = ratio_share(row->successes, row->units);
    api_row(r);
    api_put_str(r, "name", row->name);
    api_put_str(r, "value", by ? row->value : STR_NONE);
    api_put_int(r, "units", (int64_t)row->units);
    api_put_int(r, "successes", (int64_t)row->successes);
    api_put_number(r, "success_rate", rate.share);
    api_put_number(r, "success_rate_low", rate.low);
    api_put_number(r, "success_rate_high", rate.high);
    api_put_big(r, "cost_picousd", row->cost);
    api_put_big(r, "cost_per_unit_picousd", row->cost / (__int128)row->units);
    put_big_or_null(r, "cost_per_success_picousd", each.known, each.each_picousd);
    put_big_or_null(r, "cost_per_success_low_picousd", each.known && each.bounded, each.low_picousd);
    put_big_or_null(r, "cost_per_success_high_picousd", each.known && each.bounded, each.high_picousd);
    api_put_big(r, "worth_picousd", row->worth);
    put_big_or_null(r, "spend_picousd", row->spend >= 0, row->spend);
    /* a call with an outcome in a task with one counts in both */
    double share = row->spend > 0 ? (double)row->covered / (double)row->spend : NAN;
    api_put_number(r, "coverage", share > 1 ? 1 : share);
}

static void end(struct api_rows *r, const struct success *s)
{
    char from[40], to[40];
    api_rows_end_open(r, STR_NONE);
    if (r->csv) return;
    buf_printf(&r->c->out, ",\"from\":\"%" STR_FMT "\",\"to\":\"%" STR_FMT "\",\"missing\":%llu}\n",
               STR_ARG(time_format_date(s->from_us, from)), STR_ARG(time_format_date(s->to_us, to)),
               (unsigned long long)s->missing);
}

void serve_success_get(struct api_call *c)
{
    struct success_ask ask;
    struct api_rows r;
    struct buf why;
    if (!read_ask(c, &ask)) return;
    buf_init(&why, 0);
    struct success *s = success_read(c->dir, &ask, &why);
    if (!s) {
        api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(why.n ? buf_str(&why) : S("It was ended.")));
    } else {
        api_rows_begin(&r, c, API_RESOURCE_success);
        for (size_t i = 0; i < s->count; i++) put_row(&r, &s->rows[i], ask.by != SUCCESS_ALL);
        end(&r, s);
    }
    success_drop(s);
    buf_free(&why);
}

/* Who answers calls: the providers of the settings, how their targets do, and what they cost. */
#include "admin/api.h"
#include "admin/inside.h"
#include "admin/now.h"
#include "base/time.h"
#include "ledger/report.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 10000 };

struct question {
    struct api_rows rows;
    const struct settings *settings;
    struct report *providers, *targets; /* of the range */
    bool *told;                         /* rows of `providers` that are in the answer */
    struct health_view *views;
    size_t view_count, view_room;
    int64_t mono_us;
};

/* ---- what is read before */

static void keep_view(void *ctx, const struct health_view *v)
{
    struct question *q = ctx;
    if (!v->last_us || q->view_count == ROWS_MAX) return; /* nobody has asked it yet */
    if (q->view_count == q->view_room) {
        q->view_room = q->view_room ? 2 * q->view_room : 64;
        q->views = mem_realloc(q->views, q->view_room * sizeof(*q->views));
    }
    q->views[q->view_count++] = *v; /* the names live as long as the process */
}

static struct report *ask(struct api_part part, struct report_ask *what, struct buf *why)
{
    what->limit = ROWS_MAX;
    return report_run(part.c->dir, what, api_part_progress, &part, why);
}

/* Fails: false after api_fail(). */
static bool read_ledger(struct api_call *c, struct question *q)
{
    struct report_ask one = {.by = {S("provider")}, .by_count = 1};
    struct report_ask both = {.by = {S("provider"), S("model")}, .by_count = 2};
    struct api_filter filters[REPORT_WHERE_MAX];
    struct buf why;
    if (!api_range(c, &one.since_us, &one.until_us)) return false;
    if (!api_filters(c, filters, REPORT_WHERE_MAX, &one.where_count)) return false;
    both.since_us = one.since_us, both.until_us = one.until_us, both.where_count = one.where_count;
    for (size_t i = 0; i < one.where_count; i++) {
        one.where[i].column = both.where[i].column = filters[i].column;
        one.where[i].equals = both.where[i].equals = filters[i].equals;
    }
    buf_init(&why, 0);
    (void)ledger_flush(c->admin->purser->ledger);
    q->providers = ask((struct api_part){c, 0, 0.5}, &one, &why);
    q->targets = q->providers ? ask((struct api_part){c, 0.5, 1}, &both, &why) : NULL;
    if (!q->targets && one.where_count)
        api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(why.n ? buf_str(&why) : S("It was ended.")));
    else if (!q->targets)
        api_fail(c, 500, "internal", "The ledger cannot be read: %" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return q->targets != NULL;
}

/* ---- one provider */

static void add_ms(struct buf *out, const char *name, int64_t us)
{
    buf_printf(out, us ? ",\"%s\":%.1f" : ",\"%s\":null", name, (double)us / 1000);
}

static void add_count(struct buf *out, const char *name, __int128 value)
{
    buf_printf(out, ",\"%s\":%lld", name, (long long)(value > INT64_MAX ? INT64_MAX : value));
}

/* The row of a target in the range; SIZE_MAX: there is none. */
static size_t find_row(const struct question *q, str provider, str model)
{
    for (size_t i = 0; i < report_rows(q->targets); i++) {
        char text[40];
        if (str_eq(report_key(q->targets, i, 0, text), provider) && str_eq(report_key(q->targets, i, 1, text), model))
            return i;
    }
    return SIZE_MAX;
}

static void add_sums(const struct question *q, struct buf *out, size_t row)
{
    bool known = row != SIZE_MAX;
    __int128 attempts = known ? report_sum(q->targets, row, REPORT_attempts) : 0;
    __int128 errors = known ? report_sum(q->targets, row, REPORT_errors) : 0;
    add_count(out, "attempts", attempts);
    add_count(out, "errors", errors);
    add_count(out, "cost_picousd", known ? report_sum(q->targets, row, REPORT_cost) : 0);
    add_count(out, "unpriced", known ? report_sum(q->targets, row, REPORT_unpriced) : 0);
    add_ms(out, "p50_ms", known ? report_latency_us(q->targets, row, 500) : 0);
    add_ms(out, "p95_ms", known ? report_latency_us(q->targets, row, 950) : 0);
    add_ms(out, "first_token_p95_ms", known ? report_first_token_us(q->targets, row, 950) : 0);
}

/* `v` NULL: nothing guards it, as it has nothing to fall back on, or was not asked since the start. */
static void add_target(const struct question *q, struct buf *out, str model, const struct health_view *v, size_t row)
{
    buf_add(out, out->n > 1 ? S(",{\"model\":") : S("{\"model\":"));
    buf_add_json(out, model);
    if (v)
        now_add_health(out, v, q->mono_us);
    else
        buf_add(out, S(",\"state\":null"));
    add_sums(q, out, row);
    buf_add_byte(out, '}');
}

static void put_targets(struct question *q, str provider)
{
    struct buf out;
    bool *seen = mem_zalloc(report_rows(q->targets) + 1);
    buf_init(&out, 0);
    buf_add_byte(&out, '[');
    for (size_t i = 0; i < q->view_count; i++) {
        const struct health_view *v = &q->views[i];
        if (v->target.n <= provider.n + 1 || !str_starts(v->target, provider) || v->target.p[provider.n] != '/')
            continue;
        str model = str_from_at(v->target, provider.n + 1);
        size_t row = find_row(q, provider, model);
        if (row != SIZE_MAX) seen[row] = true;
        add_target(q, &out, model, v, row);
    }
    for (size_t i = 0; i < report_rows(q->targets); i++) {
        char text[2][40];
        if (seen[i] || !str_eq(report_key(q->targets, i, 0, text[0]), provider)) continue;
        add_target(q, &out, report_key(q->targets, i, 1, text[1]), NULL, i);
    }
    buf_add_byte(&out, ']');
    api_put_json(&q->rows, "targets", buf_str(&out));
    buf_free(&out);
    free(seen);
}

static void put_protocols(struct question *q, const struct setting_provider *p)
{
    struct buf out;
    buf_init(&out, 0);
    buf_add_byte(&out, '[');
    for (size_t i = 0; i < p->protocols.count; i++) {
        if (i) buf_add_byte(&out, ',');
        buf_add_json(&out, protocol_name(p->protocols.at[i]));
    }
    buf_add_byte(&out, ']');
    api_put_json(&q->rows, "protocols", buf_str(&out));
    buf_free(&out);
}

/* Public names that lead to it, and by which targets. */
static void put_models(struct question *q, str provider)
{
    const struct settings *s = q->settings;
    struct buf out;
    buf_init(&out, 0);
    buf_add_byte(&out, '[');
    for (size_t i = 0; i < s->model_count; i++) {
        const struct setting_model *m = &s->models[i];
        for (size_t t = 0; t < m->target_count; t++) {
            if (!str_eq(m->targets[t].provider, provider)) continue;
            buf_add(&out, out.n > 1 ? S(",{\"name\":") : S("{\"name\":"));
            buf_add_json(&out, m->name);
            buf_add(&out, S(",\"model\":"));
            buf_add_json(&out, m->targets[t].model);
            buf_printf(&out, ",\"place\":%zu,\"of\":%zu}", t + 1, m->target_count);
        }
    }
    buf_add_byte(&out, ']');
    api_put_json(&q->rows, "models", buf_str(&out));
    buf_free(&out);
}

/* How it is shown who calls; never with what. */
static str shown_by(const struct setting_provider *p)
{
    if (p->credential) {
        enum credential_kind kind = credential_source(p->credential)->kind;
        return kind == CREDENTIAL_COMMAND ? S("token command")
               : kind == CREDENTIAL_FILE  ? S("token file")
                                          : S("AWS profile");
    }
    if (p->api_key.n || (p->service && p->service->api_key.n)) return S("key");
    return p->aws_key.id.n ? S("AWS keys") : S("nothing");
}

static size_t find_provider(struct question *q, str name)
{
    char text[40];
    for (size_t i = 0; i < report_rows(q->providers); i++) {
        if (str_eq(report_key(q->providers, i, 0, text), name)) return i;
    }
    return SIZE_MAX;
}

static void put_sums(struct question *q, size_t row)
{
    static const struct {
        const char *name;
        enum report_sum sum;
    } sums[] = {{"cost_picousd", REPORT_cost},   {"wasted_cost_picousd", REPORT_wasted_cost},
                {"attempts", REPORT_attempts},   {"errors", REPORT_errors},
                {"estimated", REPORT_estimated}, {"unpriced", REPORT_unpriced}};
    bool known = row != SIZE_MAX;
    for (size_t i = 0; i < COUNT_OF(sums); i++)
        api_put_big(&q->rows, sums[i].name, known ? report_sum(q->providers, row, sums[i].sum) : 0);
    int64_t p50_us = known ? report_latency_us(q->providers, row, 500) : 0;
    int64_t p95_us = known ? report_latency_us(q->providers, row, 950) : 0;
    int64_t first_us = known ? report_first_token_us(q->providers, row, 950) : 0;
    api_put_number(&q->rows, "p50_ms", p50_us ? (double)p50_us / 1000 : NAN);
    api_put_number(&q->rows, "p95_ms", p95_us ? (double)p95_us / 1000 : NAN);
    api_put_number(&q->rows, "first_token_p95_ms", first_us ? (double)first_us / 1000 : NAN);
    if (known) q->told[row] = true;
}

static void put_provider(struct question *q, const struct setting_provider *p)
{
    struct api_rows *r = &q->rows;
    str why = p->service && p->service->why_off.n ? p->service->why_off : p->why_off;
    bool on = !p->off && !why.n;
    api_row(r);
    api_put_str(r, "name", p->name);
    api_put_str(r, "kind", p->service ? S("service") : p->vendor->kind);
    api_put_str(r, "base_url", p->service ? p->service->url : p->base_url);
    api_put_bool(r, "on", on);
    api_put_str(r, "why_off", on ? STR_NONE : why);
    api_put_str(r, "shown_by", shown_by(p));
    put_protocols(q, p);
    api_put_str(r, "book", p->book.n ? p->book : STR_NONE);
    put_models(q, p->name);
    put_sums(q, find_provider(q, p->name));
    put_targets(q, p->name);
}

/* Money went there, though the settings do not have it any more. */
static void put_gone(struct question *q, size_t row)
{
    char text[40];
    struct api_rows *r = &q->rows;
    str name = report_key(q->providers, row, 0, text);
    if (!name.n) return; /* refused before anybody was asked */
    api_row(r);
    api_put_str(r, "name", name);
    api_put_null(r, "kind");
    api_put_null(r, "base_url");
    api_put_bool(r, "on", false);
    api_put_str(r, "why_off", S("no provider of this name stands in the settings any more"));
    api_put_null(r, "shown_by");
    api_put_json(r, "protocols", S("[]"));
    api_put_null(r, "book");
    api_put_json(r, "models", S("[]"));
    put_sums(q, row);
    put_targets(q, name);
}

static void put_all(struct question *q)
{
    size_t count = q->settings->provider_count + q->settings->service_count;
    for (size_t i = 0; i < count; i++) put_provider(q, &q->settings->providers[i]);
    for (size_t i = 0; i < report_rows(q->providers); i++) {
        if (!q->told[i]) put_gone(q, i);
    }
    api_rows_end(&q->rows, STR_NONE);
}

void serve_providers_get(struct api_call *c)
{
    struct question q = {.settings = c->snapshot->settings, .mono_us = time_mono_us()};
    if (read_ledger(c, &q)) {
        q.told = mem_zalloc(report_rows(q.providers) + 1);
        healths_each(c->admin->purser->healths, q.mono_us, keep_view, &q);
        api_rows_begin(&q.rows, c, API_RESOURCE_provider);
        if (api_rows_page(&q.rows)) put_all(&q);
    }
    report_drop(q.providers);
    report_drop(q.targets);
    free(q.views);
    free(q.told);
}

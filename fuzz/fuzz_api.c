/* What is asked of the admin API, from any bytes: a byte that chooses the route, then a query, a line break and a body.
 * Never a crash; what is refused is a problem that is JSON; a filter that an owner gets keeps to its features; what is
 * put into rows is JSON, and as many fields of CSV as there are columns. */
#include "admin/api.h"
#include "ledger/report.h"

#include <stdio.h>
#include <stdlib.h>

static void fail(const char *what, const struct buf *text)
{
    fprintf(stderr, "%s: %" STR_FMT "\n", what, STR_ARG(buf_str(text)));
    abort();
}

static void must_be_json(const char *what, const struct buf *text)
{
    struct json doc;
    struct json_fail why;
    json_init(&doc);
    if (!json_parse(&doc, buf_str(text), &why)) fail(what, text);
    json_free(&doc);
}

static void read_params(struct api_call *c)
{
    for (size_t i = 0; i < c->route->param_count && !api_failed(c); i++) {
        str name = c->route->params[i].name;
        int64_t number = 0;
        bool yes = false;
        (void)api_param(c, name);
        switch (c->route->params[i].type) {
        case API_TIME:
            (void)!api_param_time(c, name, &number);
            break;
        case API_INT:
            (void)!api_param_count(c, name, 1000, &number);
            break;
        case API_BOOL:
            (void)!api_param_bool(c, name, &yes);
            break;
        default:
            break;
        }
    }
}

static void read_filters(struct api_call *c)
{
    struct api_filter filters[8];
    size_t count = 0, of_features = 0;
    if (!api_filters(c, filters, COUNT_OF(filters), &count)) return;
    if (count > COUNT_OF(filters)) abort();
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(filters[i].column, S("feature"))) continue;
        of_features++;
        bool none = str_eq(filters[i].equals, S("\x01")) && count >= 1;
        if (c->scope.restricted && !none && !api_sees(c, filters[i].equals)) abort();
    }
    if (c->scope.restricted && !of_features) abort();
}

/* The texts of the body as a row of the same resource. */
static void write_row(struct api_call *c, const struct json *doc, bool csv)
{
    const struct api_resource *of = api_resource(c->route->takes);
    struct api_rows r;
    c->query = csv ? S("format=csv") : S("");
    api_rows_begin(&r, c, c->route->takes);
    api_row(&r);
    for (size_t i = 0; i < of->field_count; i++) {
        char name[64];
        if (!str_copy(name, sizeof(name), of->fields[i].name)) abort();
        api_put_str(&r, name, api_member(c, doc, of->fields[i].name));
    }
    api_rows_end(&r, S("next"));
    if (!csv) must_be_json("a row is no JSON", &c->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const str own[] = {STR_INIT("bot"), STR_INIT("mail")};
    struct api_call c = {.now_us = INT64_C(1790000000000000)};
    size_t routes = 1;
    if (size < 2) return 0;
    while (api_route_at(routes)) routes++; /* there is one at least */
    str text = str_of((const char *)data + 1, size - 1);
    arena_init(&c.arena);
    c.route = api_route_at((data[0] & 127) % routes);
    c.scope = (struct api_scope){.restricted = data[0] >> 7, .features = own, .count = COUNT_OF(own)};
    c.query = str_cut(&text, '\n');
    c.body = text;
    (void)api_decode(&c.arena, c.query, false);
    read_params(&c);
    if (!api_failed(&c)) read_filters(&c);
    if (!api_failed(&c) && c.route->takes < API_RESOURCES) {
        struct json doc;
        if (api_body(&c, &doc)) {
            write_row(&c, &doc, false);
            write_row(&c, &doc, true);
        }
        json_free(&doc);
    }
    if (api_failed(&c)) must_be_json("a problem is no JSON", &c.out);
    buf_free(&c.out);
    buf_free(&c.headers);
    arena_free(&c.arena);
    return 0;
}

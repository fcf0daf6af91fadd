/* Answers: rows of a resource as JSON or CSV, objects, problems. */
#include "admin/api.h"
#include "admin/inside.h"
#include "base/time.h"
#include "net/http_server.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table of resources */

#define RESOURCE(resource, text)         {.name = {NULL, 0}},
#define FIELD(field, type, always, text) {STR_INIT(field), API_##type, always, STR_INIT(text)},
static const struct api_field fields[] = {
#include "admin/api_fields.def"
};
#undef RESOURCE
#undef FIELD

static struct api_resource resources[] = {
#define RESOURCE(resource, text) {STR_INIT(#resource), STR_INIT(text), NULL, 0},
#define FIELD(name, type, required, meaning)
#include "admin/api_fields.def"
#undef RESOURCE
#undef FIELD
};

static void find_fields(void)
{
    size_t r = 0;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].name.p)
            resources[r - 1].field_count++;
        else
            resources[r++].fields = &fields[i + 1];
    }
}

const struct api_resource *api_resource(enum api_resource_id id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_fields);
    return &resources[id];
}

/* ---- problems */

void api_fail(struct api_call *c, int status, const char *code, const char *fmt, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    size_t size = n < 0 ? 0 : (size_t)n < sizeof(detail) ? (size_t)n : sizeof(detail) - 1;
    c->status = status;
    c->content_type = S("application/problem+json");
    buf_clear(&c->out);
    buf_printf(&c->out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":",
               http_reason(status), status, code);
    buf_add_json(&c->out, str_trim(str_of(detail, size)));
    buf_add(&c->out, S("}\n"));
}

void api_header(struct api_call *c, const char *name, str value)
{
    buf_printf(&c->headers, "%s: %" STR_FMT "\r\n", name, STR_ARG(value));
}

/* ---- rows */

static void begin(struct api_rows *r, struct api_call *c, enum api_resource_id of, bool one)
{
    *r = (struct api_rows){.c = c, .of = api_resource(of), .one = one, .csv = !one && api_wants_csv(c)};
    r->field = r->of->field_count;
    buf_clear(&c->out);
    if (one) return;
    if (!r->csv) {
        buf_add(&c->out, S("{\"rows\":["));
        return;
    }
    c->content_type = S("text/csv; charset=utf-8");
    for (size_t i = 0; i < r->of->field_count; i++)
        buf_printf(&c->out, "%s%" STR_FMT, i ? "," : "", STR_ARG(r->of->fields[i].name));
    buf_add_byte(&c->out, '\n');
}

/* A row with a field too few or too many is a mistake of ours that every such row has. */
static void must_be_whole(const struct api_rows *r)
{
    if (r->field == r->of->field_count) return;
    fprintf(stderr, "purser: a row of '%" STR_FMT "' has %zu of %zu fields\n", STR_ARG(r->of->name), r->field,
            r->of->field_count);
    abort();
}

static void open_row(struct api_rows *r)
{
    must_be_whole(r);
    r->field = 0;
    r->count += !r->skips;
    r->open = true;
    if (!r->csv) buf_add_byte(&r->c->out, '{');
}

static void close_row(struct api_rows *r)
{
    must_be_whole(r);
    if (r->open) buf_add(&r->c->out, r->csv ? S("\n") : S("}"));
    if (r->skips) r->c->out.n = r->row_at;
    r->open = r->skips = false;
}

static void place_row(struct api_rows *r)
{
    r->row_at = r->c->out.n;
    r->skips = r->most && (r->seen < r->from || r->seen - r->from >= r->most);
    r->more = r->most && r->seen - r->from >= r->most;
    r->seen++;
}

void api_rows_begin(struct api_rows *r, struct api_call *c, enum api_resource_id of)
{
    begin(r, c, of, false);
}

bool api_page(struct api_call *c, int64_t *from, int64_t *most)
{
    enum { FROM_MAX = 100000 };
    if (!api_limit(c, most) || !api_param_count(c, S("cursor"), FROM_MAX, from)) return false;
    if (!api_param(c, S("limit")).n && !*from) *most = 0;
    return true;
}

bool api_rows_page(struct api_rows *r)
{
    return api_page(r->c, &r->from, &r->most);
}

void api_row(struct api_rows *r)
{
    close_row(r);
    place_row(r);
    if (!r->csv) buf_add(&r->c->out, r->count ? S(",\n") : S("\n"));
    open_row(r);
}

/* A link that names the cursor alone would ask for something else: without the filters, and in JSON. */
void api_link_next(struct api_call *c, str next)
{
    struct buf *out = &c->headers;
    buf_add(out, S("link: <?"));
    for (str rest = c->query; rest.n;) {
        str param = str_cut(&rest, '&');
        if (!param.n || str_eq(str_head(param, str_find_byte(param, '=', 0)), S("cursor"))) continue;
        for (size_t i = 0; i < param.n; i++) {
            bool plain = param.p[i] > ' ' && param.p[i] < 0x7f && !strchr("<>\"\\", param.p[i]);
            if (plain)
                buf_add_byte(out, param.p[i]);
            else
                buf_printf(out, "%%%02X", (unsigned char)param.p[i]);
        }
        buf_add_byte(out, '&');
    }
    buf_printf(out, "cursor=%" STR_FMT ">; rel=\"next\"\r\n", STR_ARG(next));
}

void api_rows_end_open(struct api_rows *r, str next)
{
    close_row(r);
    if (r->more) next = arena_printf(&r->c->arena, "%lld", (long long)r->from + (long long)r->most);
    if (r->csv) {
        if (next.p) api_link_next(r->c, next);
        return;
    }
    buf_add(&r->c->out, S("],\n\"next\":"));
    if (next.p)
        buf_add_json(&r->c->out, next);
    else
        buf_add(&r->c->out, S("null"));
}

void api_rows_end(struct api_rows *r, str next)
{
    api_rows_end_open(r, next);
    if (!r->csv) buf_add(&r->c->out, S("}\n"));
}

void api_one_begin(struct api_rows *r, struct api_call *c, enum api_resource_id of)
{
    begin(r, c, of, true);
    open_row(r);
}

void api_one_end(struct api_rows *r)
{
    close_row(r);
    buf_add_byte(&r->c->out, '\n');
}

/* ---- fields */

static struct buf *put(struct api_rows *r, const char *name)
{
    if (r->field >= r->of->field_count || !str_eq(r->of->fields[r->field].name, str_from(name))) {
        fprintf(stderr, "purser: '%s' is not field %zu of '%" STR_FMT "'\n", name, r->field, STR_ARG(r->of->name));
        abort();
    }
    struct buf *out = &r->c->out;
    if (r->field++) buf_add_byte(out, ',');
    if (!r->csv) buf_printf(out, "\"%s\":", name);
    return out;
}

void api_put_null(struct api_rows *r, const char *name)
{
    struct buf *out = put(r, name);
    if (!r->csv) buf_add(out, S("null"));
}

void api_put_str(struct api_rows *r, const char *name, str value)
{
    if (!value.p) {
        api_put_null(r, name);
        return;
    }
    struct buf *out = put(r, name);
    if (r->csv)
        buf_add_csv_cell(out, value);
    else
        buf_add_json(out, value);
}

void api_put_int(struct api_rows *r, const char *name, int64_t value)
{
    buf_printf(put(r, name), "%lld", (long long)value);
}

void api_add_big(struct buf *out, __int128 value)
{
    char text[44], *at = text + sizeof(text);
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do *--at = (char)('0' + (int)(rest % 10));
    while (rest /= 10);
    if (value < 0) *--at = '-';
    buf_add(out, str_of(at, (size_t)(text + sizeof(text) - at)));
}

void api_add_time(struct buf *out, int64_t at_us)
{
    char text[40];
    if (at_us == INT64_MIN)
        buf_add(out, S("null"));
    else
        buf_add_json(out, time_format(at_us, text));
}

void api_put_big(struct api_rows *r, const char *name, __int128 value)
{
    api_add_big(put(r, name), value);
}

void api_put_number(struct api_rows *r, const char *name, double value)
{
    if (!isfinite(value))
        api_put_null(r, name);
    else
        buf_printf(put(r, name), "%.10g", value);
}

void api_put_bool(struct api_rows *r, const char *name, bool value)
{
    buf_add(put(r, name), value ? S("true") : S("false"));
}

void api_put_time(struct api_rows *r, const char *name, int64_t at_us)
{
    char text[40];
    if (at_us)
        api_put_str(r, name, time_format(at_us, text));
    else
        api_put_null(r, name);
}

void api_put_id(struct api_rows *r, const char *name, uint64_t id)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
    if (id)
        api_put_str(r, name, str_of(text, (size_t)n));
    else
        api_put_null(r, name);
}

void api_put_json(struct api_rows *r, const char *name, str json)
{
    struct buf *out = put(r, name);
    if (r->csv)
        buf_add_csv_cell(out, json);
    else
        buf_add(out, json.n ? json : S("null"));
}

/* ---- rows in a field */

void api_nest_begin(struct api_rows *inner, struct api_rows *r, const char *name, enum api_resource_id of)
{
    buf_add_byte(put(r, name), '[');
    *inner = (struct api_rows){.c = r->c, .of = api_resource(of)};
    inner->field = inner->of->field_count;
}

void api_nest_end(struct api_rows *inner)
{
    close_row(inner);
    buf_add_byte(&inner->c->out, ']');
}

/* ---- one more row, behind the others */

void api_member_begin(struct api_rows *inner, const struct api_rows *r)
{
    *inner = (struct api_rows){.c = r->c, .of = r->of, .one = true};
    inner->field = inner->of->field_count;
    open_row(inner);
}

void api_member_end(struct api_rows *inner)
{
    close_row(inner);
}

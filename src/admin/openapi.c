/* The OpenAPI 3.1 document: api.def and api_fields.def, written down for programs. */
#include "admin/api.h"
#include "admin/inside.h"
#include "net/http_server.h"

static void add_text(struct buf *out, const char *name, str value)
{
    buf_printf(out, "\"%s\":", name);
    buf_add_json(out, value);
}

/* ---- schemas */

/* What admin_is_plain() takes. */
#define PLAIN_TEXT "\"type\":\"string\",\"maxLength\":500,\"pattern\":\"^[^\\\\u0000-\\\\u001f\\\\u007f]*$\""

/* `taken`: it is held to that; what is answered may be whatever clients chose. */
static const char *schema_of(enum api_type type, bool taken)
{
    switch (type) {
    case API_TEXT:
        return taken ? PLAIN_TEXT : "\"type\":\"string\"";
    case API_INT:
    case API_USD:
        return "\"type\":\"integer\",\"format\":\"int64\",\"minimum\":-9223372036854775808,"
               "\"maximum\":9223372036854775807";
    case API_NUMBER:
        return "\"type\":\"number\"";
    case API_BOOL:
        return "\"type\":\"boolean\"";
    case API_TIME:
        return "\"type\":\"string\",\"format\":\"date-time\"";
    case API_ID:
        return "\"type\":\"string\",\"pattern\":\"^[0-9a-f]{16}$\"";
    case API_JSON:
        return "";
    }
    return "";
}

static void add_field_schema(struct buf *out, const struct api_field *f, bool taken)
{
    const char *schema = schema_of(f->type, taken);
    buf_add_json(out, f->name);
    buf_add(out, S(":{"));
    if (*schema && f->required)
        buf_printf(out, "%s,", schema);
    else if (*schema)
        buf_printf(out, "\"anyOf\":[{%s},{\"type\":\"null\"}],", schema);
    add_text(out, "description", f->meaning);
    buf_add_byte(out, '}');
}

static bool is_taken(const struct api_resource *r)
{
    for (size_t i = 0; api_route_at(i); i++) {
        enum api_resource_id takes = api_route_at(i)->takes;
        if (takes < API_RESOURCES && api_resource(takes) == r) return true;
    }
    return false;
}

static void add_resource(struct buf *out, const struct api_resource *r)
{
    bool any = false, taken = is_taken(r);
    buf_add_json(out, r->name);
    buf_add(out, S(":{\"type\":\"object\",\"additionalProperties\":false,"));
    add_text(out, "description", r->meaning);
    buf_add(out, S(",\"properties\":{"));
    for (size_t i = 0; i < r->field_count; i++) {
        if (i) buf_add_byte(out, ',');
        add_field_schema(out, &r->fields[i], taken);
    }
    buf_add(out, S("},\"required\":["));
    for (size_t i = 0; i < r->field_count; i++) {
        if (!r->fields[i].required) continue;
        if (any) buf_add_byte(out, ',');
        buf_add_json(out, r->fields[i].name);
        any = true;
    }
    buf_add(out, S("]}"));
}

static const char problem[] =
    "\"problem\":{\"type\":\"object\",\"description\":\"What was wrong, where, and what to do about it (RFC 9457)\","
    "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
    "\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}},"
    "\"required\":[\"type\",\"title\",\"status\",\"code\",\"detail\"]}";

/* ---- paths */

static void add_param(struct buf *out, const char *in, str name, str schema, str meaning, bool *any)
{
    buf_add(out, *any ? S(",{") : S("{"));
    *any = true;
    add_text(out, "name", name);
    buf_printf(out, ",\"in\":\"%s\",\"required\":%s,\"schema\":{%" STR_FMT "}", in,
               strcmp(in, "path") == 0 ? "true" : "false", STR_ARG(schema));
    if (meaning.n) {
        buf_add_byte(out, ',');
        add_text(out, "description", meaning);
    }
    buf_add_byte(out, '}');
}

/* As api_param_time() reads it: how long ago, or when; nothing is as if it were not there. */
#define DAY_PATTERN  "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
#define HOUR_PATTERN "([01][0-9]|2[0-3]):[0-5][0-9]"
#define MOMENT                                                                                                         \
    "\"type\":\"string\",\"pattern\":\"^(|0|[0-9]{1,6}([.][0-9]{1,6})?(us|ms|s|m|h|d|w)|" DAY_PATTERN                  \
    "([Tt ]" HOUR_PATTERN "(:[0-5][0-9]([.][0-9]{1,9})?)?([Zz]|[+-]" HOUR_PATTERN "))?)$\""
#define FILTERS "\"type\":\"string\",\"pattern\":\"^(|[^=,]*[^=, ][^=,]*=[^\\\\u0000]*)$\""

static const char *query_schema(const struct api_route *r, const struct api_param *p)
{
    if (str_eq(p->name, S("format")))
        return api_prints_tables(r) ? "\"type\":\"string\",\"enum\":[\"json\",\"csv\",\"table\"]"
                                    : "\"type\":\"string\",\"enum\":[\"json\",\"csv\"]";
    if (!str_eq(r->method, S("GET")) && (str_eq(p->name, S("why")) || str_eq(p->name, S("who")))) return PLAIN_TEXT;
    if (str_eq(p->name, S("where"))) return FILTERS;
    switch (p->type) {
    case API_TIME:
        return MOMENT;
    case API_BOOL:
        return "\"type\":\"boolean\"";
    case API_ID:
        return "\"type\":\"string\",\"pattern\":\"^([0-9a-f]{16})?$\"";
    default:
        return "\"type\":\"string\"";
    }
}

static void add_words(struct buf *out, const char *words)
{
    buf_add(out, S("\"type\":\"string\",\"enum\":["));
    bool any = false;
    for (str rest = str_from(words); rest.n; any = true) {
        if (any) buf_add_byte(out, ',');
        buf_add_json(out, str_trim(str_cut(&rest, ',')));
    }
    buf_add_byte(out, ']');
}

static void add_query(struct buf *out, const struct api_route *r, const struct api_param *p, bool *any)
{
    struct buf schema;
    buf_init(&schema, 0);
    if (p->type == API_INT)
        buf_printf(&schema, "\"type\":\"integer\",\"minimum\":1,\"maximum\":%lld",
                   (long long)(p->most ? p->most : INT64_MAX));
    else if (p->words)
        add_words(&schema, p->words);
    else
        buf_add(&schema, str_from(query_schema(r, p)));
    add_param(out, "query", p->name, buf_str(&schema), p->meaning, any);
    buf_free(&schema);
}

static void add_params(struct buf *out, const struct api_route *r)
{
    bool any = false;
    buf_add(out, S("\"parameters\":["));
    for (str path = r->path; path.p;) {
        str part = str_cut(&path, '/');
        if (!str_starts(part, S("{"))) continue;
        add_param(out, "path", str_of(part.p + 1, part.n - 2), S("\"minLength\":1," PLAIN_TEXT), STR_NONE, &any);
    }
    for (size_t i = 0; i < r->param_count; i++) add_query(out, r, &r->params[i], &any);
    buf_add(out, S("],"));
}

/* What only the handler knows: its kinds are told, its members are not. */
static void add_free_answer(struct buf *out, const struct api_route *r)
{
    const char *text = "{\"schema\":{\"type\":\"string\"}}";
    buf_add(out, S("\"200\":{\"description\":\"As the summary says\",\"content\":{"));
    if (r->where == API_STAY)
        buf_printf(out, "\"text/event-stream\":%s", text);
    else if (str_eq(r->operation, S("settings_export")))
        buf_add(out, S("\"application/yaml\":{\"schema\":{}}"));
    else
        buf_add(out, S("\"application/json\":{\"schema\":{\"type\":\"object\"}}"));
    if (api_find_param(r, S("format"))) buf_printf(out, ",\"text/csv\":%s", text);
    if (api_prints_tables(r)) buf_printf(out, ",\"text/plain\":%s", text);
    buf_add(out, S("}}"));
}

static void add_answer(struct buf *out, const struct api_route *r)
{
    str name = r->gives < API_RESOURCES ? api_resource(r->gives)->name : STR_NONE;
    switch (r->answers) {
    case API_LIST:
        buf_printf(out,
                   "\"200\":{\"description\":\"Rows\",\"content\":{\"application/json\":{\"schema\":{\"type\":"
                   "\"object\",\"properties\":{\"rows\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/"
                   "%" STR_FMT "\"}},\"next\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}},\"required\":["
                   "\"rows\",\"next\"]}},\"text/csv\":{\"schema\":{\"type\":\"string\"}}}}",
                   STR_ARG(name));
        break;
    case API_ONE:
    case API_MADE:
        buf_printf(out,
                   "\"%d\":{\"description\":\"It\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
                   "\"#/components/schemas/%" STR_FMT "\"}}}}",
                   r->answers == API_MADE ? 201 : 200, STR_ARG(name));
        break;
    case API_NOTHING:
        buf_add(out, S("\"204\":{\"description\":\"Done\"}"));
        break;
    case API_FREE:
        add_free_answer(out, r);
        break;
    }
    buf_add(out, S(",\"default\":{\"description\":\"A problem\",\"content\":{\"application/problem+json\":{\"schema\":{"
                   "\"$ref\":\"#/components/schemas/problem\"}}}}"));
}

static void add_route(struct buf *out, const struct api_route *r)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < r->method.n; i++) buf_add_byte(out, (char)(r->method.p[i] | 0x20));
    buf_add(out, S("\":{"));
    add_text(out, "operationId", r->operation);
    buf_add_byte(out, ',');
    add_text(out, "summary", r->summary);
    buf_add_byte(out, ',');
    if (r->least == ROLE_NONE) buf_add(out, S("\"security\":[],"));
    buf_printf(out, "\"x-purser-role\":\"%s\",\"x-purser-owners\":%s,", role_name(r->least),
               r->owners ? "true" : "false");
    add_params(out, r);
    if (r->takes < API_RESOURCES) {
        buf_printf(out,
                   "\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
                   "\"#/components/schemas/%" STR_FMT "\"}}}},",
                   STR_ARG(api_resource(r->takes)->name));
    }
    buf_add(out, S("\"responses\":{"));
    add_answer(out, r);
    buf_add(out, S("}}"));
}

static bool seen_before(size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (str_eq(api_route_at(i)->path, api_route_at(at)->path)) return true;
    }
    return false;
}

void openapi_write(struct buf *out)
{
    buf_add(out, S("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"purser admin API\",\"version\":\"1\",\"description\":"
                   "\"Everything that the dashboard and the command line do. Money is whole pico-dollars, times are "
                   "UTC.\"},\"security\":[{\"token\":[]},{\"session\":[]}],\n\"paths\":{"));
    for (size_t i = 0; api_route_at(i); i++) {
        if (seen_before(i)) continue;
        buf_printf(out, "%s\n\"%" STR_FMT "\":{", i ? "," : "", STR_ARG(api_route_at(i)->path));
        bool any = false;
        for (size_t j = i; api_route_at(j); j++) {
            if (!str_eq(api_route_at(j)->path, api_route_at(i)->path)) continue;
            if (any) buf_add_byte(out, ',');
            add_route(out, api_route_at(j));
            any = true;
        }
        buf_add_byte(out, '}');
    }
    buf_printf(out,
               "},\n\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
               "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"%s\"}},\n\"schemas\":{%s",
               SESSION_COOKIE, problem);
    for (int i = 0; i < API_RESOURCES; i++) {
        buf_add(out, S(",\n"));
        add_resource(out, api_resource((enum api_resource_id)i));
    }
    buf_add(out, S("}}}\n"));
}

void serve_openapi_get(struct api_call *c)
{
    openapi_write(&c->out);
}

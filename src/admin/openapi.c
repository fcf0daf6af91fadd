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

static const char *schema_of(enum api_type type)
{
    switch (type) {
    case API_TEXT:
        return "\"type\":\"string\"";
    case API_INT:
    case API_USD:
        return "\"type\":\"integer\"";
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

static void add_field_schema(struct buf *out, const struct api_field *f)
{
    const char *schema = schema_of(f->type);
    buf_add_json(out, f->name);
    buf_add(out, S(":{"));
    if (*schema && f->required)
        buf_printf(out, "%s,", schema);
    else if (*schema)
        buf_printf(out, "\"anyOf\":[{%s},{\"type\":\"null\"}],", schema);
    add_text(out, "description", f->meaning);
    buf_add_byte(out, '}');
}

static void add_resource(struct buf *out, const struct api_resource *r)
{
    bool any = false;
    buf_add_json(out, r->name);
    buf_add(out, S(":{\"type\":\"object\",\"additionalProperties\":false,"));
    add_text(out, "description", r->meaning);
    buf_add(out, S(",\"properties\":{"));
    for (size_t i = 0; i < r->field_count; i++) {
        if (i) buf_add_byte(out, ',');
        add_field_schema(out, &r->fields[i]);
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

static void add_param(struct buf *out, const char *in, str name, const char *schema, str meaning, bool *any)
{
    buf_add(out, *any ? S(",{") : S("{"));
    *any = true;
    add_text(out, "name", name);
    buf_printf(out, ",\"in\":\"%s\",\"required\":%s,\"schema\":{%s}", in, strcmp(in, "path") == 0 ? "true" : "false",
               schema);
    if (meaning.n) {
        buf_add_byte(out, ',');
        add_text(out, "description", meaning);
    }
    buf_add_byte(out, '}');
}

/* Times and numbers of a query may be durations: they are texts there. */
static const char *query_schema(const struct api_route *r, const struct api_param *p)
{
    if (str_eq(p->name, S("format")))
        return api_prints_tables(r) ? "\"type\":\"string\",\"enum\":[\"json\",\"csv\",\"table\"]"
                                    : "\"type\":\"string\",\"enum\":[\"json\",\"csv\"]";
    return p->type == API_INT ? "\"type\":\"integer\",\"minimum\":1" : "\"type\":\"string\"";
}

static void add_params(struct buf *out, const struct api_route *r)
{
    bool any = false;
    buf_add(out, S("\"parameters\":["));
    for (str path = r->path; path.p;) {
        str part = str_cut(&path, '/');
        if (!str_starts(part, S("{"))) continue;
        add_param(out, "path", str_of(part.p + 1, part.n - 2), "\"type\":\"string\"", STR_NONE, &any);
    }
    for (size_t i = 0; i < r->param_count; i++)
        add_param(out, "query", r->params[i].name, query_schema(r, &r->params[i]), r->params[i].meaning, &any);
    buf_add(out, S("],"));
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
        buf_printf(out,
                   "\"200\":{\"description\":\"It\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":"
                   "\"#/components/schemas/%" STR_FMT "\"}}}}",
                   STR_ARG(name));
        break;
    case API_NOTHING:
        buf_add(out, S("\"204\":{\"description\":\"Done\"}"));
        break;
    case API_FREE:
        buf_add(out, S("\"200\":{\"description\":\"As the summary says\"}"));
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

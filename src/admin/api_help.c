/* The routes of the API for people: `purser check --help-api`, and the second half of docs/api.md. */
#include "admin/api.h"

#include "admin/admin.h"

static void add_role(struct buf *out, const struct api_route *r)
{
    buf_printf(out, "%s", r->least == ROLE_NONE ? "anybody" : role_name(r->least));
    if (r->owners && r->least > ROLE_OWNER) buf_add(out, S(", owner"));
}

static const char *answer_of(const struct api_route *r)
{
    switch (r->answers) {
    case API_LIST:
        return "rows of ";
    case API_ONE:
    case API_MADE:
        return "a ";
    case API_NOTHING:
        return "nothing";
    case API_FREE:
        return "as described";
    }
    return "";
}

static void add_answer(struct buf *out, const struct api_route *r)
{
    buf_add(out, str_from(answer_of(r)));
    if (r->gives < API_RESOURCES) buf_add(out, api_resource(r->gives)->name);
}

static void markdown_route(struct buf *out, const struct api_route *r)
{
    buf_printf(out, "### `%" STR_FMT " %" STR_FMT "`\n\n%" STR_FMT ". Role: ", STR_ARG(r->method), STR_ARG(r->path),
               STR_ARG(r->summary));
    add_role(out, r);
    buf_add(out, S(". Answers "));
    add_answer(out, r);
    if (r->takes < API_RESOURCES) buf_printf(out, "; takes a %" STR_FMT, STR_ARG(api_resource(r->takes)->name));
    buf_add(out, S(".\n\n"));
    if (!r->param_count) return;
    buf_add(out, S("| parameter | meaning |\n|---|---|\n"));
    for (size_t i = 0; i < r->param_count; i++)
        buf_printf(out, "| `%" STR_FMT "` | %" STR_FMT " |\n", STR_ARG(r->params[i].name),
                   STR_ARG(r->params[i].meaning));
    buf_add_byte(out, '\n');
}

static const char *type_name(enum api_type t)
{
    static const char *const names[] = {
        [API_TEXT] = "text",     [API_INT] = "whole number",   [API_USD] = "pico-dollars",
        [API_NUMBER] = "number", [API_BOOL] = "true or false", [API_TIME] = "time",
        [API_ID] = "id",         [API_JSON] = "JSON"};
    return names[t];
}

static void markdown_resource(struct buf *out, const struct api_resource *r)
{
    buf_printf(out, "### %" STR_FMT "\n\n%" STR_FMT ".\n\n| field | type | meaning |\n|---|---|---|\n",
               STR_ARG(r->name), STR_ARG(r->meaning));
    for (size_t i = 0; i < r->field_count; i++) {
        const struct api_field *f = &r->fields[i];
        buf_printf(out, "| `%" STR_FMT "` | %s%s | %" STR_FMT " |\n", STR_ARG(f->name), type_name(f->type),
                   f->required ? "" : " or null", STR_ARG(f->meaning));
    }
    buf_add_byte(out, '\n');
}

static void plain_route(struct buf *out, const struct api_route *r)
{
    buf_printf(out, "%-6" STR_FMT " %" STR_FMT "  (", STR_ARG(r->method), STR_ARG(r->path));
    add_role(out, r);
    buf_printf(out, ")\n    %" STR_FMT ".\n", STR_ARG(r->summary));
    for (size_t i = 0; i < r->param_count; i++)
        buf_printf(out, "    %-8" STR_FMT "  %" STR_FMT "\n", STR_ARG(r->params[i].name),
                   STR_ARG(r->params[i].meaning));
}

void api_help(bool markdown, struct buf *out)
{
    if (markdown) buf_add(out, S("## Routes\n\n"));
    for (size_t i = 0; api_route_at(i); i++) {
        if (markdown)
            markdown_route(out, api_route_at(i));
        else
            plain_route(out, api_route_at(i));
    }
    if (!markdown) return;
    buf_add(out, S("## Resources\n\n"));
    for (int i = 0; i < API_RESOURCES; i++) markdown_resource(out, api_resource((enum api_resource_id)i));
    out->n--; /* one empty line at the end is one too many */
}

/* Single calls and attempts, for people who look for one, and for whoever draws a call as a timeline. */
#include "admin/calls.h"
#include "admin/inside.h"
#include "admin/told.h"
#include "ledger/id.h"
#include "ledger/schema.h"

/* ---- the question */

void calls_read_scope(const struct api_call *c, struct calls_filter *out)
{
    out->scoped = c->scope.restricted;
    out->features = c->scope.features;
    out->feature_count = c->scope.count;
}

/* `name!=value` came as the column `name!`. */
bool calls_read_filter(struct api_call *c, struct calls_filter *out)
{
    struct api_filter filters[CALLS_WHERE_MAX];
    if (!api_filters_asked(c, filters, CALLS_WHERE_MAX, &out->where_count)) return false; /* the scope comes apart */
    for (size_t i = 0; i < out->where_count; i++) {
        str column = filters[i].column;
        bool differs = str_ends(column, S("!"));
        if (differs) column = str_trim(str_head(column, column.n - 1));
        out->where[i] = (struct calls_where){column, filters[i].equals, differs};
    }
    calls_read_scope(c, out);
    return true;
}

static bool read_cursor(struct api_call *c, struct calls_cursor *out, struct calls_ask *ask)
{
    str cursor = api_param(c, S("cursor"));
    if (!cursor.n) return true;
    if (!calls_cursor_parse(cursor, out)) {
        api_fail(c, 400, "bad_parameter", "cursor: take `next` of the page before as it is");
        return false;
    }
    ask->after = out;
    return true;
}

/* Fails: false after api_fail(). */
static bool read_ask(struct api_call *c, struct calls_ask *ask, struct calls_cursor *cursor)
{
    int64_t limit;
    if (!api_range(c, &ask->since_us, &ask->until_us) || !api_limit(c, &limit) || !read_cursor(c, cursor, ask) ||
        !calls_read_filter(c, &ask->filter) || !api_param_count(c, S("min_cost_picousd"), INT64_MAX, &ask->cost_from) ||
        !api_param_count(c, S("min_total_us"), INT64_MAX, &ask->total_from_us))
        return false;
    ask->filter.id_prefix = str_trim(api_param(c, S("id")));
    ask->limit = (size_t)limit;
    ask->go_on = api_progress;
    ask->ctx = c;
    return true;
}

/* Fails: NULL after api_fail(). */
static struct calls_page *list(struct api_call *c, bool single)
{
    struct calls_ask ask = {.single = single, .with_attempts = single};
    struct calls_cursor cursor;
    struct buf why;
    if (!read_ask(c, &ask, &cursor)) return NULL;
    buf_init(&why, 0);
    (void)ledger_flush(c->admin->purser->ledger); /* what has ended is in the answer, unless the store refuses it */
    struct calls_page *page = calls_list(c->dir, &ask, &why);
    if (!page) api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(buf_str(&why)));
    buf_free(&why);
    return page; /* cppcheck-suppress returnDanglingLifetime ; it keeps neither the scope nor the sentence */
}

/* Fails: NULL after api_fail(). */
static struct calls_page *find(struct api_call *c, const char *what,
                               struct calls_page *(*ask)(const char *, uint64_t, const struct calls_filter *,
                                                         struct buf *))
{
    struct calls_filter *scope = arena_zalloc(&c->arena, sizeof(*scope));
    struct calls_page *page = NULL;
    struct buf why;
    uint64_t id;
    buf_init(&why, 0);
    calls_read_scope(c, scope);
    bool is_id = id_parse(c->path_args[0], &id);
    if (is_id) {
        (void)ledger_flush(c->admin->purser->ledger);
        page = ask(c->dir, id, scope, &why);
    }
    if (is_id && !page) {
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    } else if (!page || !page->count) {
        api_fail(c, 404, "not_found",
                 "There is no %s with this id in the ledger; ids are 16 hexadecimal digits, as in the header "
                 "x-purser-request-id.",
                 what);
        calls_page_drop(page);
        page = NULL;
    }
    buf_free(&why);
    return page; /* cppcheck-suppress returnDanglingLifetime ; it keeps neither the scope nor the sentence */
}

/* ---- a call's row */

void calls_put(struct api_rows *r, const struct call_row *c)
{
    api_put_id(r, "id", c->call_id);
    api_put_time(r, "at", c->at_us);
    api_put_str(r, "feature", c->feature);
    api_put_str(r, "key", c->key);
    api_put_str(r, "team", c->team);
    api_put_str(r, "user", c->user);
    api_put_str(r, "prompt", c->prompt);
    api_put_str(r, "task", c->task);
    api_put_str(r, "session", c->session);
    api_put_str(r, "operation", c->operation);
    api_put_str(r, "model_requested", c->model_requested);
    api_put_str(r, "model", c->model);
    api_put_str(r, "provider", c->provider);
    api_put_str(r, "reason", c->reason);
    api_put_str(r, "status", c->status);
    api_put_str(r, "finish_reason", c->finish_reason);
    api_put_int(r, "attempts", c->attempt_count);
    api_put_int(r, "wasted", c->wasted_count);
    api_put_big(r, "cost_picousd", c->cost);
    api_put_big(r, "cost_max_picousd", c->cost_max);
    api_put_str(r, "cost_state", cost_state_name(c->cost_state));
    api_put_big(r, "wasted_picousd", c->wasted_cost);
    api_put_big(r, "saved_picousd", c->saved_cost);
    api_put_int(r, "total_us", c->total_us);
    if (c->first_byte_us)
        api_put_int(r, "first_byte_us", c->first_byte_us);
    else
        api_put_null(r, "first_byte_us");
    api_put_int(r, "input_tokens", c->input_tokens);
    api_put_int(r, "cached_tokens", c->cached_tokens);
    api_put_int(r, "output_tokens", c->output_tokens);
    api_put_int(r, "client_retries", c->client_retries);
    api_put_bool(r, "streamed", c->streamed);
}

/* ---- an attempt */

static bool is_id(const char *column)
{
    return str_eq(str_from(column), S("attempt_id")) || str_eq(str_from(column), S("call_id"));
}

static void write_lines(const struct call_attempt *a, struct buf *out)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < a->line_count; i++) {
        const struct call_line *l = &a->lines[i];
        buf_printf(out,
                   "%s{\"unit\":\"%" STR_FMT "\",\"count\":%lld,\"cost_picousd\":%lld,\"each_picousd\":", i ? "," : "",
                   STR_ARG(unit_name(l->unit)), (long long)l->count, (long long)l->cost);
        if (l->each < 0)
            buf_add(out, S("null}"));
        else
            buf_printf(out, "%lld}", (long long)l->each);
    }
    buf_add_byte(out, ']');
}

static void put_attempt(struct api_rows *r, const struct call_attempt *a)
{
    struct buf lines;
    buf_init(&lines, 0);
    api_put_time(r, "at", call_number(a, "at_us"));
    for (size_t i = 0; i < schema_attempt_columns(); i++) {
        const char *name = schema_attempt_column(i);
        if (is_id(name))
            api_put_id(r, name, (uint64_t)a->values[i].number);
        else if (schema_attempt_is_text(i))
            api_put_str(r, name, a->values[i].text);
        else
            api_put_int(r, name, a->values[i].number);
    }
    write_lines(a, &lines);
    api_put_json(r, "lines", buf_str(&lines));
    api_put_int(r, "rest_picousd", a->rest);
    api_put_str(r, "usage_raw", a->usage_raw);
    buf_free(&lines);
}

/* ---- routes */

static void end_list(struct api_rows *r, const struct calls_page *page)
{
    char text[CALLS_CURSOR_TEXT + 1];
    api_rows_end(r, page->more ? calls_cursor_format(&page->next, text) : STR_NONE);
}

void serve_calls_get(struct api_call *c)
{
    struct api_rows r;
    struct calls_page *page = list(c, false);
    if (!page) return;
    api_rows_begin(&r, c, API_RESOURCE_call);
    for (size_t i = 0; i < page->count; i++) {
        api_row(&r);
        calls_put(&r, &page->rows[i]);
    }
    end_list(&r, page);
    calls_page_drop(page);
}

void serve_attempts_get(struct api_call *c)
{
    struct api_rows r;
    struct calls_page *page = list(c, true);
    if (!page) return;
    api_rows_begin(&r, c, API_RESOURCE_attempt);
    for (size_t i = 0; i < page->count; i++) {
        api_row(&r);
        put_attempt(&r, &page->rows[i].attempts[0]);
    }
    end_list(&r, page);
    calls_page_drop(page);
}

void serve_attempt_get(struct api_call *c)
{
    struct api_rows r;
    struct calls_page *page = find(c, "attempt", calls_find_attempt);
    if (!page) return;
    api_one_begin(&r, c, API_RESOURCE_attempt);
    put_attempt(&r, &page->rows[0].attempts[0]);
    api_one_end(&r);
    calls_page_drop(page);
}

void serve_call_get(struct api_call *c)
{
    struct api_rows r, attempts;
    struct calls_page *page = find(c, "call", calls_find);
    if (!page) return;
    api_one_begin(&r, c, API_RESOURCE_call_whole);
    calls_put(&r, &page->rows[0]);
    api_nest_begin(&attempts, &r, "rows", API_RESOURCE_attempt);
    for (int64_t i = 0; i < page->rows[0].attempt_count; i++) {
        api_row(&attempts);
        put_attempt(&attempts, &page->rows[0].attempts[i]);
    }
    api_nest_end(&attempts);
    if (told_put_call(&r, page->rows[0].call_id)) api_one_end(&r);
    calls_page_drop(page);
}

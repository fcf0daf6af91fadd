/* Tasks and sessions: lists, and one of them as a tree of calls and attempts. */
#include "ledger/chains.h"
#include "admin/api.h"
#include "admin/calls.h"
#include "admin/inside.h"
#include "admin/told.h"
#include "ledger/id.h"

/* ---- fields */

static void put_sums(struct api_rows *r, str feature, const struct chain_sums *s)
{
    api_put_str(r, "feature", feature);
    api_put_int(r, "calls", s->calls);
    api_put_int(r, "attempts", s->attempts);
    api_put_int(r, "errors", s->errors);
    api_put_int(r, "wasted", s->wasted);
    api_put_big(r, "cost_picousd", s->cost);
    api_put_big(r, "wasted_picousd", s->wasted_cost);
    api_put_int(r, "estimated", s->estimated);
    api_put_int(r, "unpriced", s->unpriced);
    api_put_time(r, "first", s->first_us == INT64_MAX ? 0 : s->first_us);
    api_put_time(r, "last", s->last_us == INT64_MIN ? 0 : s->last_us);
}

static void put_step(struct api_rows *r, const struct call_attempt *a)
{
    api_put_id(r, "id", (uint64_t)call_number(a, "attempt_id"));
    api_put_int(r, "number", call_number(a, "number"));
    api_put_time(r, "at", call_number(a, "at_us"));
    api_put_str(r, "provider", call_text(a, "provider"));
    api_put_str(r, "model", call_text(a, "model"));
    api_put_str(r, "reason", call_text(a, "reason"));
    api_put_str(r, "status", call_text(a, "status"));
    api_put_int(r, "cost_picousd", call_number(a, "cost_picousd"));
    api_put_str(r, "cost_state", call_text(a, "cost_state"));
    api_put_bool(r, "wasted", call_number(a, "wasted") != 0);
    api_put_int(r, "total_us", call_number(a, "total_us"));
    api_put_int(r, "first_byte_us", call_number(a, "first_byte_us"));
    api_put_int(r, "wait_us", call_number(a, "wait_us"));
}

static void put_call(struct api_rows *r, const struct call_row *call)
{
    struct api_rows steps;
    calls_put(r, call);
    api_nest_begin(&steps, r, "rows", API_RESOURCE_chain_step);
    for (int64_t i = 0; i < call->attempt_count; i++) {
        api_row(&steps);
        put_step(&steps, &call->attempts[i]);
    }
    api_nest_end(&steps);
}

/* ---- lists */

/* Fails: false after api_fail(). */
static bool read_ask(struct api_call *c, struct chains_ask *ask)
{
    int64_t limit;
    str order = STR_NONE;
    if (!api_range(c, &ask->since_us, &ask->until_us) || !api_limit(c, &limit) ||
        !api_param_word(c, S("order"), &order))
        return false;
    ask->dearest_first = str_eq(order, S("dearest"));
    ask->limit = (size_t)limit;
    ask->go_on = api_progress;
    ask->ctx = c;
    return true;
}

/* A name behind a day may have any byte in it: hexadecimal digits are safe in every address. */
static str cursor_of(struct api_call *c, str place)
{
    static const char digits[] = "0123456789abcdef";
    if (!place.p) return STR_NONE;
    char *out = arena_alloc(&c->arena, 2 * place.n);
    for (size_t i = 0; i < place.n; i++) {
        out[2 * i] = digits[(unsigned char)place.p[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)place.p[i] & 15];
    }
    return str_of(out, 2 * place.n);
}

static bool read_cursor(struct api_call *c, str *out)
{
    str s = api_param(c, S("cursor"));
    char *place = arena_alloc(&c->arena, s.n / 2 + 1);
    bool ok = s.n % 2 == 0 && (!s.n || s.n >= 2 * ID_TEXT);
    for (size_t i = 0; ok && i < s.n / 2; i++) {
        uint64_t byte, last;
        ok = id_parse_prefix(str_of(s.p + 2 * i, 2), &byte, &last);
        if (ok) place[i] = (char)(byte >> 56);
    }
    if (!ok) api_fail(c, 400, "bad_parameter", "cursor: take `next` of the page before as it is");
    *out = str_of(place, s.n / 2);
    return ok;
}

typedef struct chains_page *chains_list(const char *dir, const struct chains_ask *ask, struct buf *why);

static void answer_list(struct api_call *c, const struct chains_ask *ask, chains_list *list)
{
    struct api_rows r;
    struct buf why;
    buf_init(&why, 0);
    (void)ledger_flush(c->admin->purser->ledger);
    struct chains_page *page = list(c->dir, ask, &why);
    if (!page) {
        api_fail(c, 400, "bad_parameter", "%" STR_FMT, STR_ARG(why.n ? buf_str(&why) : S("It was ended.")));
    } else {
        api_rows_begin(&r, c, API_RESOURCE_chain);
        for (size_t i = 0; i < page->count; i++) {
            api_row(&r);
            api_put_str(&r, "name", page->rows[i].name);
            put_sums(&r, page->rows[i].feature, &page->rows[i].sums);
        }
        api_rows_end(&r, cursor_of(c, page->next));
    }
    chains_page_drop(page);
    buf_free(&why);
}

void serve_tasks_get(struct api_call *c)
{
    struct chains_ask ask = {.dearest_first = false};
    str feature = api_param(c, S("feature"));
    if (!read_ask(c, &ask) || !read_cursor(c, &ask.after) || !calls_read_filter(c, &ask.filter)) return;
    if (ask.filter.where_count && ask.after.n) {
        api_fail(c, 400, "bad_parameter", "cursor: with `where` there are no pages");
        return;
    }
    if (feature.p) {
        ask.filter.feature_count = api_sees(c, feature);
        ask.filter.scoped = true;
        ask.filter.features = &feature;
    }
    answer_list(c, &ask, ask.filter.where_count ? tasks_list_rows : tasks_list);
}

void serve_sessions_get(struct api_call *c)
{
    struct chains_ask ask = {.dearest_first = false};
    if (!read_ask(c, &ask) || !calls_read_filter(c, &ask.filter)) return;
    answer_list(c, &ask, sessions_list);
}

/* ---- one */

static void answer_chain(struct api_call *c, const struct chain_ask *ask, const struct chains_one *chain, size_t limit)
{
    struct api_rows r, calls;
    size_t count = chain->page->count, shown = count < limit ? count : limit;
    api_one_begin(&r, c, API_RESOURCE_chain_whole);
    api_put_str(&r, "name", ask->name);
    put_sums(&r, chain->page->rows[0].feature, &chain->sums);
    api_put_bool(&r, "more", chain->more);
    api_nest_begin(&calls, &r, "rows", API_RESOURCE_chain_call);
    for (size_t i = shown; i-- > 0;) {
        api_row(&calls);
        put_call(&calls, &chain->page->rows[i]);
    }
    api_nest_end(&calls);
    if (told_put_outcomes(&r, ask->kind == CHAIN_TASK ? ask->name : STR_NONE, 0)) api_one_end(&r);
}

static void serve_chain(struct api_call *c, struct chain_ask *ask)
{
    struct calls_filter *scope = arena_zalloc(&c->arena, sizeof(*scope));
    struct chains_one chain;
    struct buf why;
    int64_t limit;
    if (!api_limit(c, &limit)) return;
    buf_init(&why, 0);
    calls_read_scope(c, scope);
    ask->name = c->path_args[0];
    ask->scope = scope;
    ask->go_on = api_progress;
    ask->ctx = c;
    (void)ledger_flush(c->admin->purser->ledger);
    if (!chains_read(c->dir, ask, &chain, &why))
        api_fail(c, 500, "internal", "%" STR_FMT, STR_ARG(buf_str(&why)));
    else if (!chain.page->count)
        api_fail(c, 404, "not_found", "There is no call of this %s in the time that is asked for.",
                 ask->kind == CHAIN_TASK ? "task" : "session");
    else
        answer_chain(c, ask, &chain, (size_t)limit);
    chains_one_free(&chain);
    buf_free(&why);
}

void serve_task_get(struct api_call *c)
{
    struct chain_ask ask = {.kind = CHAIN_TASK, .since_us = INT64_MIN, .until_us = INT64_MAX};
    if (api_param_time(c, S("since"), &ask.since_us) && api_param_time(c, S("until"), &ask.until_us))
        serve_chain(c, &ask);
}

void serve_session_calls_get(struct api_call *c)
{
    struct chain_ask ask = {.kind = CHAIN_SESSION};
    if (api_range(c, &ask.since_us, &ask.until_us)) serve_chain(c, &ask);
}

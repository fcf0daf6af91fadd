/* What came of tasks and calls: told by applications, joined with what was spent on them. */
#include "admin/told.h"

#include "admin/inside.h"
#include "base/time.h"

void told_put_outcome(struct api_rows *r, const struct outcome *o)
{
    api_put_str(r, "task", o->task.n ? o->task : STR_NONE);
    api_put_id(r, "call", o->call_id);
    api_put_str(r, "name", o->name);
    api_put_bool(r, "success", o->success);
    api_put_int(r, "value_picousd", o->value);
    api_put_time(r, "at", o->at_us);
    api_put_time(r, "told", o->told_us);
    api_put_str(r, "feature", o->feature.n ? o->feature : STR_NONE);
    api_put_str(r, "who", o->who);
}

static void add_row(void *rows, const struct outcome *o)
{
    api_row(rows);
    told_put_outcome(rows, o);
}

void serve_outcomes_get(struct api_call *c)
{
    struct told_ask ask;
    struct calls_cursor cursor, next;
    struct api_rows r;
    struct buf why;
    bool more;
    if (!told_read_ask(c, &ask, &cursor)) return;
    ask.name = api_param(c, S("name"));
    buf_init(&why, 0);
    api_rows_begin(&r, c, API_RESOURCE_outcome);
    bool ok = outcomes_each(c->dir, &ask, add_row, &r, &next, &more, &why);
    told_end(&r, ok, &next, more, &why);
    buf_free(&why);
}

/* Fails: false after api_fail(). */
static bool read_outcome(struct api_call *c, const struct json *doc, struct outcome *out)
{
    bool given;
    str at = api_member(c, doc, S("at"));
    *out = (struct outcome){.at_us = c->now_us,
                            .told_us = c->now_us,
                            .task = api_member(c, doc, S("task")),
                            .name = str_trim(api_member(c, doc, S("name"))),
                            .success = json_is_true(doc, json_find(doc, JSON_ROOT, S("success"), NULL)),
                            .who = api_who(c)};
    if (!told_read_call(c, doc, &out->call_id)) return false;
    if (!told_read_decimal(doc, S("value_usd"), 12, &out->value, &given))
        api_fail(c, 422, "bad_member", "value_usd: dollars, at most nine million");
    else if (at.n && (!time_parse(at, &out->at_us) || out->at_us > c->now_us + US_PER_DAY))
        api_fail(c, 422, "bad_member", "at: a time such as 2026-11-01T12:00:00Z, not one to come");
    return !api_failed(c);
}

static void add_one(void *rows, const struct outcome *o)
{
    struct api_rows *r = rows;
    if (r->of) return;
    api_one_begin(r, r->c, API_RESOURCE_outcome);
    told_put_outcome(r, o);
    api_one_end(r);
}

/* As it stands in the store then, with its feature. */
static void tell_stored(struct api_call *c, const struct outcome *o, struct buf *why)
{
    struct told_ask ask = {.since_us = o->at_us,
                           .until_us = INT64_MAX,
                           .task = o->task,
                           .call_id = o->call_id,
                           .name = o->name,
                           .limit = 1};
    struct calls_cursor next;
    struct api_rows r = {.c = c};
    bool more;
    if (!outcomes_each(c->dir, &ask, add_one, &r, &next, &more, why) || !r.of)
        api_fail(c, 500, "internal", "It is stored, but cannot be read back: %" STR_FMT, STR_ARG(buf_str(why)));
}

void serve_outcomes_post(struct api_call *c)
{
    struct json doc;
    struct outcome o;
    struct buf why;
    buf_init(&why, 0);
    if (api_body(c, &doc) && read_outcome(c, &doc, &o)) {
        (void)ledger_flush(c->admin->purser->ledger); /* the call may have ended just now */
        enum err e = outcomes_put(c->admin->purser->ledger, &o, 1, &why);
        if (e)
            told_fail(c, e, &why);
        else
            tell_stored(c, &o, &why);
    }
    json_free(&doc);
    buf_free(&why);
}

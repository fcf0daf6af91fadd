#include "admin/tail.h"

#include "admin/calls.h"
#include "base/time.h"
#include "ledger/ledger.h"

#include <stdlib.h>

/* A call's row comes when its last attempt has ended, which may be long after it was admitted, by which rows are found:
 * the newest calls of a while are looked at each time, and those that were not there before are new. More than can be
 * shown in a second are not told. */
enum { SHOWN_MAX = 50, SEEN_MAX = 1024, FILTERS_MAX = 32 };
static const int64_t look_back_us = 15 * US_PER_MINUTE;

struct tail {
    struct calls_page *page; /* NULL: nothing */
    bool fresh[SHOWN_MAX];   /* of its rows */
    uint64_t seen[SEEN_MAX]; /* a ring */
    size_t seen_at;
    bool primed;
    struct api_call scratch; /* rows are written as answers are */
};

struct tail *tail_new(void)
{
    return mem_zalloc(sizeof(struct tail));
}

void tail_drop(struct tail *t)
{
    if (!t) return;
    calls_page_drop(t->page);
    buf_free(&t->scratch.out);
    free(t);
}

void tail_forget(struct tail *t)
{
    calls_page_drop(t->page);
    t->page = NULL;
    t->primed = false;
}

static bool is_new(struct tail *t, uint64_t id)
{
    for (size_t i = 0; i < SEEN_MAX; i++) {
        if (t->seen[i] == id) return false;
    }
    t->seen[t->seen_at++ % SEEN_MAX] = id;
    return true;
}

void tail_look(struct tail *t, struct ledger *ledger, const char *dir)
{
    struct calls_ask ask = {.since_us = time_now_us() - look_back_us, .until_us = INT64_MAX, .limit = SHOWN_MAX};
    struct buf why;
    buf_init(&why, 0);
    if (!t->primed) (void)ledger_flush(ledger); /* what has ended by now is not new */
    calls_page_drop(t->page);
    t->page = calls_list(dir, &ask, &why);
    for (size_t i = 0; t->page && i < t->page->count; i++) {
        bool fresh = is_new(t, t->page->rows[i].call_id);
        t->fresh[i] = fresh && t->primed;
    }
    t->primed = true;
    buf_free(&why);
}

/* ---- listeners */

struct tail_wish {
    struct api_filter filters[FILTERS_MAX];
    size_t count;
};

/* p == NULL: no name to filter on. */
static str value_of(const struct call_row *r, str column)
{
    const struct {
        str name, value;
    } columns[] = {{S("feature"), r->feature}, {S("key"), r->key},
                   {S("team"), r->team},       {S("user"), r->user},
                   {S("prompt"), r->prompt},   {S("task"), r->task},
                   {S("session"), r->session}, {S("operation"), r->operation},
                   {S("model"), r->model},     {S("provider"), r->provider},
                   {S("reason"), r->reason},   {S("status"), r->status}};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (str_eq(columns[i].name, column)) return columns[i].value.p ? columns[i].value : S("");
    }
    return STR_NONE;
}

struct tail_wish *tail_wish_new(struct api_call *c)
{
    static const struct call_row none = {.call_id = 0};
    struct tail_wish *w = arena_zalloc(&c->arena, sizeof(*w));
    if (!api_filters(c, w->filters, FILTERS_MAX, &w->count)) return NULL;
    for (size_t i = 0; i < w->count; i++) {
        if (value_of(&none, w->filters[i].column).p) continue;
        api_fail(c, 400, "bad_parameter",
                 "where: '%" STR_FMT
                 "' is nothing that the live stream filters on. There are: feature, key, team, user, "
                 "prompt, task, session, operation, model, provider, reason, status.",
                 STR_ARG(w->filters[i].column));
        return NULL;
    }
    return w;
}

/* Several filters on one column: any of them; on several columns: all of them. */
static bool wants(const struct tail_wish *w, const struct call_row *r)
{
    for (size_t i = 0; i < w->count; i++) {
        bool any = false;
        for (size_t j = 0; j < w->count && !any; j++) {
            if (!str_eq(w->filters[j].column, w->filters[i].column)) continue;
            any = str_eq(value_of(r, w->filters[j].column), w->filters[j].equals);
        }
        if (!any) return false;
    }
    return true;
}

void tail_tell(const struct tail *t, struct api_call *c, const struct tail_wish *wish)
{
    struct api_call *scratch = (struct api_call *)&t->scratch;
    for (size_t i = t->page ? t->page->count : 0; i-- > 0;) { /* the oldest first */
        const struct call_row *row = &t->page->rows[i];
        struct api_rows r;
        if (!t->fresh[i] || !wants(wish, row)) continue;
        api_one_begin(&r, scratch, API_RESOURCE_call);
        calls_put(&r, row);
        api_one_end(&r);
        api_send_event(c, "call", buf_str(&scratch->out));
    }
}

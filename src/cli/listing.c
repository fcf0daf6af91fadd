#include "cli/listing.h"

#include "base/time.h"

/* ---- a row */

static json_ref member(struct listing_row *r, const char *name)
{
    json_ref at = json_find(r->doc, r->at, str_from(name), NULL);
    if (at == JSON_ABSENT) r->wrong = true;
    return at != JSON_ABSENT && json_type(r->doc, at) == JSON_NULL ? JSON_ABSENT : at;
}

str listing_str(struct listing_row *r, const char *name)
{
    str out = S("");
    json_ref at = member(r, name);
    if (at != JSON_ABSENT && !json_string(r->doc, at, r->arena, &out)) r->wrong = true;
    return out;
}

int64_t listing_i64(struct listing_row *r, const char *name)
{
    int64_t out = 0;
    json_ref at = member(r, name);
    if (at != JSON_ABSENT && !json_i64(r->doc, at, &out)) r->wrong = true;
    return out;
}

int64_t listing_time(struct listing_row *r, const char *name)
{
    int64_t out = 0;
    str text = listing_str(r, name);
    if (text.n && !time_parse(text, &out)) r->wrong = true;
    return out;
}

str listing_names(struct listing_row *r, const char *name)
{
    struct buf all;
    json_ref list = member(r, name);
    if (json_type(r->doc, list) != JSON_ARRAY) {
        r->wrong = true;
        return S("");
    }
    buf_init(&all, 0);
    for (json_ref at = json_first(r->doc, list); at != JSON_ABSENT; at = json_next(r->doc, list, at)) {
        str one = S("");
        if (!json_string(r->doc, at, r->arena, &one)) r->wrong = true;
        if (all.n) buf_add_byte(&all, ',');
        buf_add(&all, one);
    }
    str out = arena_str(r->arena, buf_str(&all));
    buf_free(&all);
    return out;
}

/* ---- a page */

struct page {
    int64_t count;
    struct buf next; /* the cursor of the one behind it; empty: there is none */
};

static bool read_rows(const struct listing *l, const struct json *doc, struct arena *arena, struct table *t,
                      struct page *page)
{
    json_ref rows = json_find(doc, JSON_ROOT, l->member ? str_from(l->member) : S("rows"), NULL);
    bool ok = rows != JSON_ABSENT && json_type(doc, rows) == JSON_ARRAY;
    for (json_ref at = ok ? json_first(doc, rows) : JSON_ABSENT; ok && at != JSON_ABSENT;
         at = json_next(doc, rows, at)) {
        struct listing_row row = {.doc = doc, .at = at, .arena = arena};
        l->add(t, &row, l->ctx);
        page->count++;
        ok = !row.wrong;
    }
    return ok;
}

static bool read_page(const struct listing *l, str answer, struct table *t, struct page *page)
{
    struct json doc;
    struct json_fail fail;
    struct arena arena;
    str next = STR_NONE;
    json_init(&doc);
    arena_init(&arena);
    page->count = 0;
    bool ok = json_parse(&doc, answer, &fail) && read_rows(l, &doc, &arena, t, page);
    json_ref at = ok ? json_find(&doc, JSON_ROOT, S("next"), NULL) : JSON_ABSENT;
    if (at != JSON_ABSENT && json_type(&doc, at) != JSON_NULL) ok = json_string(&doc, at, &arena, &next);
    bool advances = !next.n || !str_eq(next, buf_str(&page->next));
    buf_clear(&page->next);
    buf_add(&page->next, next);
    json_free(&doc);
    arena_free(&arena);
    return ok && advances && (page->count || !page->next.n);
}

static enum control_result ask_page(const struct listing *l, int64_t rows, const struct page *page, struct buf *answer,
                                    struct buf *why)
{
    struct buf path;
    buf_init(&path, 0);
    buf_add(&path, str_from(l->path));
    if (rows) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%lld", (long long)rows);
        control_add_param(&path, "limit", str_of(text, (size_t)n));
    }
    if (page->next.n) control_add_param(&path, "cursor", buf_str(&page->next));
    buf_add_byte(&path, '\0');
    struct control_call call = {.dir = l->dir, .method = "GET", .path = path.p};
    enum control_result got = control_get(&call, answer, why);
    buf_free(&path);
    return got;
}

/* ---- all of it */

static enum control_result ask_server(const struct listing *l, struct table *t, struct buf *why)
{
    enum control_result got;
    struct page page = {.count = 0};
    struct buf answer;
    int64_t left = l->most;
    buf_init(&page.next, 0);
    buf_init(&answer, 0);
    do {
        buf_clear(&answer);
        int64_t rows = l->most && (!l->page || left < l->page) ? left : l->page;
        got = ask_page(l, rows, &page, &answer, why);
        if (got == CONTROL_ANSWERED && !read_page(l, buf_str(&answer), t, &page)) {
            buf_add(why, S("the server's answer is not what it should be"));
            got = CONTROL_FAILED;
        }
        left -= page.count;
    } while (got == CONTROL_ANSWERED && page.next.n && (!l->most || left > 0));
    buf_free(&page.next);
    buf_free(&answer);
    return got;
}

bool listing_fill(const struct options *o, const struct listing *l, struct table *t)
{
    struct buf why;
    buf_init(&why, 0);
    enum control_result got = ask_server(l, t, &why);
    bool ok = got == CONTROL_ANSWERED;
    if (got == CONTROL_FAILED)
        options_complain(o, "warning: %" STR_FMT "; this is what is stored", STR_ARG(buf_str(&why)));
    if (!ok) {
        buf_clear(&why);
        table_clear(t);
        ok = l->read_store(l->dir, t, l->ctx, &why);
        if (!ok) options_complain(o, "%" STR_FMT, STR_ARG(buf_str(&why)));
    }
    buf_free(&why);
    return ok;
}

#include "ledger/calls_inside.h"

struct calls_page *calls_page_new(void)
{
    struct calls_page *p = mem_zalloc(sizeof(*p));
    arena_init(&p->arena);
    return p;
}

void calls_page_drop(struct calls_page *page)
{
    if (!page) return;
    arena_free(&page->arena);
    free(page);
}

sqlite3 *calls_open_store(const char *dir, const struct calls_filter *filter, struct buf *why)
{
    if (filter && !calls_filter_check(filter, why)) return NULL;
    return schema_exists(dir, why) ? schema_open(dir, false, why) : NULL;
}

/* ---- one call */

typedef bool read_call(struct calls_reader *r, uint64_t id, struct arena *arena, struct calls_read *out);

static bool read_whole(struct calls_reader *r, uint64_t id, struct arena *arena, struct calls_read *out)
{
    return calls_reader_read(r, id, 0, arena, out);
}

static struct calls_page *find(const char *dir, uint64_t id, const struct calls_filter *scope, read_call *read,
                               struct buf *why)
{
    static const struct calls_filter any = {0};
    const struct calls_filter *filter = scope ? scope : &any;
    sqlite3 *db = calls_open_store(dir, filter, why);
    if (!db) return NULL;
    struct calls_page *page = calls_page_new();
    struct calls_reader reader;
    struct calls_read call;
    bool ok = calls_reader_open(&reader, db, filter) && read(&reader, id, &page->arena, &call);
    if (ok && call.count && call.attempts[0].matched) {
        page->rows = arena_alloc(&page->arena, sizeof(*page->rows));
        page->count = 1;
        calls_sum_up(&call, page->rows);
        page->rows->attempts = call.attempts;
    }
    if (!ok) buf_printf(why, "the ledger cannot be read: %s", sqlite3_errmsg(db));
    calls_reader_close(&reader);
    sqlite3_close(db);
    if (ok) return page;
    calls_page_drop(page);
    return NULL;
}

struct calls_page *calls_find(const char *dir, uint64_t call_id, const struct calls_filter *scope, struct buf *why)
{
    return find(dir, call_id, scope, read_whole, why);
}

struct calls_page *calls_find_attempt(const char *dir, uint64_t attempt_id, const struct calls_filter *scope,
                                      struct buf *why)
{
    return find(dir, attempt_id, scope, calls_reader_read_attempt, why);
}

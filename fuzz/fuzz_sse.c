/* Server-sent events: the same bytes cut anywhere give the same events. */
#include "net/sse.h"

#include <stdlib.h>

enum { INPUT_MAX = 4 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

static void write_event(struct buf *out, const struct sse_event *e)
{
    buf_printf(out, "[%zu|%zu|%d|", e->raw.n, e->name.n, e->data.p != NULL);
    buf_add(out, e->raw);
    buf_add(out, e->name);
    buf_add(out, e->data);
}

/* All events, the bytes coming in steps; `remember`: with the resume mark. */
static void read_all(str all, size_t first, size_t step, bool remember, struct buf *out)
{
    struct buf pending, joined;
    struct sse_place resume = {0};
    size_t raw = 0;
    buf_init(&pending, 0);
    buf_init(&joined, 0);
    for (size_t at = 0, n = first; at < all.n; at += n, n = step) {
        buf_add(&pending, str_head(str_from_at(all, at), n));
        struct sse_event e;
        size_t took;
        while ((took = sse_next(buf_str(&pending), remember ? &resume : NULL, &joined, &e)) > 0) {
            check(took == e.raw.n && e.raw.p == pending.p && resume.line == 0 && resume.searched == 0);
            check(e.data.n <= e.raw.n && e.name.n <= e.raw.n);
            write_event(out, &e);
            raw += took;
            buf_consume(&pending, took);
        }
        check(!remember || (resume.line <= resume.searched && resume.searched <= pending.n));
    }
    check(raw + pending.n == all.n); /* nothing is lost */
    buf_free(&pending);
    buf_free(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX) return 0;
    size_t first = data[0] + 1u;
    str all = str_of((const char *)data + 1, size - 1);
    struct buf whole;
    buf_init(&whole, 0);
    read_all(all, all.n, all.n, true, &whole);
    size_t steps[] = {1, 3, 64, all.n};
    for (size_t i = 0; i < 2 * COUNT_OF(steps); i++) {
        struct buf cut;
        buf_init(&cut, 0);
        read_all(all, i % 2 ? first : steps[i / 2], steps[i / 2], i % 2, &cut);
        check(str_eq(buf_str(&cut), buf_str(&whole)));
        buf_free(&cut);
    }
    buf_free(&whole);
    return 0;
}

/* A JSON array as a stream: the same bytes cut anywhere give the same elements, and those of a
 * text that is JSON are the array's own. */
#include "net/json_array.h"

#include "base/json.h"

#include <stdlib.h>

enum { INPUT_MAX = 4 * 1024 };

static void check(bool holds)
{
    if (!holds) abort();
}

static void read_all(str all, size_t step, struct buf *out, struct json_array *state)
{
    struct buf pending;
    struct json_element e;
    size_t raw = 0;
    buf_init(&pending, 0);
    for (size_t at = 0; at < all.n; at += step) {
        buf_add(&pending, str_head(str_from_at(all, at), step));
        for (size_t n; (n = json_array_next(buf_str(&pending), state, &e)) > 0; buf_consume(&pending, n)) {
            check(n == e.raw.n && e.raw.p == pending.p && e.data.n > 0 && e.data.n <= n && n <= pending.n);
            check(e.data.p + e.data.n == e.raw.p + e.raw.n);
            buf_printf(out, "[%zu|", e.data.n);
            buf_add(out, e.data);
            raw += n;
        }
        check(state->at <= pending.n);
    }
    check(raw + pending.n == all.n); /* nothing is lost */
    buf_free(&pending);
}

static void compare_with_parser(str all, str got, const struct json_array *state)
{
    struct json doc;
    struct json_fail why;
    struct buf want;
    buf_init(&want, 0);
    json_init(&doc);
    if (json_parse(&doc, all, &why) && json_type(&doc, JSON_ROOT) == JSON_ARRAY) {
        for (json_ref at = json_first(&doc, JSON_ROOT); at; at = json_next(&doc, JSON_ROOT, at)) {
            str raw = json_raw(&doc, at);
            buf_printf(&want, "[%zu|", raw.n);
            buf_add(&want, raw);
        }
        check(state->closed && !state->wrong);
        check(str_eq(buf_str(&want), got));
    }
    json_free(&doc);
    buf_free(&want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX) return 0;
    str all = str_of((const char *)data, size);
    struct json_array whole_state = {0};
    struct buf whole;
    buf_init(&whole, 0);
    read_all(all, all.n, &whole, &whole_state);
    compare_with_parser(all, buf_str(&whole), &whole_state);
    size_t steps[] = {1, 2, 3, 7, 64};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct json_array state = {0};
        struct buf cut;
        buf_init(&cut, 0);
        read_all(all, steps[i], &cut, &state);
        check(str_eq(buf_str(&cut), buf_str(&whole)));
        check(state.closed == whole_state.closed && state.wrong == whole_state.wrong);
        buf_free(&cut);
    }
    buf_free(&whole);
    return 0;
}

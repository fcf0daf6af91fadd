/* A JSON array as a stream of elements. */
#include "net/json_array.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Elements in order, each in angle brackets, the bytes coming in pieces of `step`. */
static void read_all(str all, size_t step, struct buf *out, struct json_array *state)
{
    struct buf pending;
    struct json_element e;
    buf_init(&pending, 0);
    for (size_t at = 0; at < all.n; at += step) {
        buf_add(&pending, str_head(str_from_at(all, at), step));
        for (size_t n; (n = json_array_next(buf_str(&pending), state, &e)) > 0; buf_consume(&pending, n))
            buf_printf(out, "<%.*s>", (int)e.data.n, e.data.p);
    }
    buf_free(&pending);
}

static void expect(const char *text, const char *want, bool closed, bool wrong)
{
    str all = str_from(text);
    for (size_t step = 1; step <= all.n; step++) {
        struct json_array state = {0};
        struct buf out;
        buf_init(&out, 0);
        read_all(all, step, &out, &state);
        if (!str_eq(buf_str(&out), str_from(want)))
            fail_msg("%s in steps of %zu: %.*s", text, step, (int)out.n, out.n ? out.p : "");
        assert_int_equal(state.closed, closed);
        assert_int_equal(state.wrong, wrong);
        buf_free(&out);
    }
}

static void finds_elements(void **state)
{
    (void)state;
    expect("[{\"a\":1}\n,\r\n{\"b\":[1,{\"c\":2}]}\n]\n", "<{\"a\":1}><{\"b\":[1,{\"c\":2}]}>", true, false);
    expect(" [ ] ", "", true, false);
    expect("[{\"a\":", "", false, false);
    expect("[{\"a\":\"K\xc3\xb6ln \xe2\x82\xac\"},\r\n{}]", "<{\"a\":\"K\xc3\xb6ln \xe2\x82\xac\"}><{}>", true, false);
    expect("[1,true,\"x\",[2],null]", "<1><true><\"x\"><[2]><null>", true, false);
}

static void follows_strings(void **state)
{
    (void)state;
    expect("[{\"a\":\"}],[{\\\"\"},{\"b\\\\\":\"\\\\\"}]", "<{\"a\":\"}],[{\\\"\"}><{\"b\\\\\":\"\\\\\"}>", true,
           false);
}

static void takes_one_object(void **state)
{
    (void)state;
    expect("{\"error\":{\"code\":400}}\n", "<{\"error\":{\"code\":400}}>", true, false);
    expect("{\"a\":1}{\"b\":2}", "<{\"a\":1}>", true, true);
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    expect("data: {}", "", false, true);
    expect("[{}]x", "<{}>", true, true);
    expect("[{}}", "<{}>", false, true);
}

static void has_a_ceiling(void **state)
{
    (void)state;
    struct json_array deep = {0};
    struct json_element e;
    struct buf text;
    buf_init(&text, 0);
    for (int i = 0; i < JSON_ARRAY_DEPTH_MAX + 2; i++) buf_add_byte(&text, '[');
    assert_int_equal(json_array_next(buf_str(&text), &deep, &e), 0);
    assert_true(deep.wrong);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_elements),       cmocka_unit_test(follows_strings), cmocka_unit_test(takes_one_object),
        cmocka_unit_test(refuses_what_is_none), cmocka_unit_test(has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

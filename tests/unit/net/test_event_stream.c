#include "net/event_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A frame of Bedrock's, as recorded: {"contentBlockIndex":0} with its headers. */
static void writes_and_reads(void **state)
{
    struct buf out;
    struct event_stream_frame f;
    const char *why = NULL;
    (void)state;
    buf_init(&out, 0);
    event_stream_write(&out, S("messageStart"), S("{\"role\":\"assistant\"}"), false);
    event_stream_write(&out, S("throttlingException"), S("{\"message\":\"slow\"}"), true);
    size_t n = event_stream_next(buf_str(&out), &f, &why);
    assert_true(n > 0 && n < out.n);
    assert_true(str_eq(f.type, S("messageStart")));
    assert_true(str_eq(f.payload, S("{\"role\":\"assistant\"}")));
    assert_false(f.exception);
    assert_int_equal(f.raw.n, n);
    str rest = str_from_at(buf_str(&out), n);
    assert_int_equal(event_stream_next(rest, &f, &why), rest.n);
    assert_true(str_eq(f.type, S("throttlingException")));
    assert_true(f.exception);
    buf_free(&out);
}

/* However it is cut: more bytes are needed, until there are enough. */
static void waits_for_the_rest(void **state)
{
    struct buf out;
    struct event_stream_frame f;
    const char *why = NULL;
    (void)state;
    buf_init(&out, 0);
    event_stream_write(&out, S("metadata"), S("{\"usage\":{}}"), false);
    for (size_t n = 0; n < out.n; n++) assert_int_equal(event_stream_next(str_head(buf_str(&out), n), &f, &why), 0);
    assert_int_equal(event_stream_next(buf_str(&out), &f, &why), out.n);
    buf_free(&out);
}

/* Any flipped bit is found: by a checksum, or by a length that cannot be. */
static void finds_every_flipped_bit(void **state)
{
    struct buf out;
    struct event_stream_frame f;
    (void)state;
    buf_init(&out, 0);
    event_stream_write(&out, S("contentBlockDelta"), S("{\"delta\":{\"text\":\"hi\"}}"), false);
    for (size_t bit = 0; bit < out.n * 8; bit++) {
        const char *why = NULL;
        out.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_true(event_stream_next(buf_str(&out), &f, &why) == SIZE_MAX);
        assert_non_null(why);
        out.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_free(&out);
}

static void refuses_what_is_no_frame(void **state)
{
    struct event_stream_frame f;
    const char *why = NULL;
    (void)state;
    assert_true(event_stream_next(S("{\"message\":\"not authorised\"}"), &f, &why) == SIZE_MAX);
    assert_non_null(why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(waits_for_the_rest),
        cmocka_unit_test(finds_every_flipped_bit),
        cmocka_unit_test(refuses_what_is_no_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

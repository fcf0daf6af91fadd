/* Calls to providers that answer in every framing, badly, late, early or not at all. */
#include "client_rig.h"

static void answers_in_every_framing(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *body;
        enum err e;
        bool once; /* the connection is not kept */
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ERR_NONE, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", ERR_NONE, false},
        {"HTTP/1.1 204 None\r\n\r\n", "", ERR_NONE, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n", "hello",
         ERR_NONE, false},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "5\r\n\r\nhello",
         "hello", ERR_NONE, false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "hello", ERR_NONE, true},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ERR_NONE, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1", "hello", ERR_NONE, true},
        {"HTTP/1.1 101 Switch\r\n\r\n", "", ERR_PROVIDER_PROTOCOL, true},
        {"HTTP/1.1 2x0 OK\r\n\r\n", "", ERR_PROVIDER_PROTOCOL, true},
        {"hello\r\n\r\n", "", ERR_PROVIDER_PROTOCOL, true},
        {"HTTP/1.1 200 OK\n\n", "", ERR_PROVIDER_PROTOCOL, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "", ERR_PROVIDER_PROTOCOL, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "hello", ERR_PROVIDER_PROTOCOL,
         true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rig r = {.provider = {.answer = cases[i].answer}};
        rig_begin(&r, 4);
        for (int n = 1; n <= 3; n++) {
            struct caller a = {0};
            caller_get(&a, r.upstream);
            TURN_UNTIL(&r.turner, caller_over(&a));
            assert_int_equal(a.err, cases[i].e);
            assert_int_equal(a.sent, 1);
            if (!a.err) assert_int_equal(a.head, 1);
            if (a.err) assert_true(a.why[0]);
            assert_true(str_eq(buf_str(&a.body), str_from(cases[i].body)));
            assert_int_equal(a.call.reused, n > 1 && !cases[i].once);
            caller_free(&a);
        }
        assert_int_equal(r.provider.accepted, cases[i].once ? 3 : 1);
        rig_end(&r);
    }
}

/* What a cut leaves of an answer, and whose word it is. */
static void serve_then_close(struct provider *p, int nth, int fd)
{
    (void)nth;
    if (provider_read(fd)) provider_send(fd, str_from(p->answer));
}

static void serve_then_reset(struct provider *p, int nth, int fd)
{
    struct linger now = {.l_onoff = 1};
    serve_then_close(p, nth, fd);
    usleep(20000); /* so that the bytes are read before the reset comes */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void connections_that_end(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *body;
        bool reset;
        enum err e;
    } cases[] = {
        {"", "", false, ERR_PROVIDER_CUT},
        {"HTTP/1.1 200 OK\r\nConte", "", false, ERR_PROVIDER_CUT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", false, ERR_PROVIDER_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello", false, ERR_PROVIDER_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "hello", false, ERR_PROVIDER_CUT},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", false, ERR_NONE},
        {"HTTP/1.1 200 OK\r\n\r\n", "", false, ERR_NONE},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", true, ERR_PROVIDER_CUT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", true, ERR_PROVIDER_CUT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rig r = {
            .provider = {.answer = cases[i].answer, .serve = cases[i].reset ? serve_then_reset : serve_then_close}};
        rig_begin(&r, 4);
        struct caller a = {0};
        caller_get(&a, r.upstream);
        TURN_UNTIL(&r.turner, caller_over(&a));
        assert_int_equal(a.err, cases[i].e);
        assert_true(str_eq(buf_str(&a.body), str_from(cases[i].body)));
        assert_int_equal(a.call.truncated, a.err && a.head);
        caller_free(&a);
        rig_end(&r);
    }
}

/* Bytes and the reset behind them wait together: both are seen. */
static void serve_and_reset_at_once(struct provider *p, int nth, int fd)
{
    struct linger now = {.l_onoff = 1};
    serve_then_close(p, nth, fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void what_came_before_a_reset_is_read(void **state)
{
    (void)state;
    struct rig r = {
        .provider = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", .serve = serve_and_reset_at_once}};
    struct caller a = {0};
    rig_begin(&r, 4);
    caller_get(&a, r.upstream);
    TURN_UNTIL(&r.turner, a.sent);
    usleep(50 * 1000);
    TURN_UNTIL(&r.turner, caller_over(&a));
    assert_int_equal(a.err, ERR_PROVIDER_CUT);
    assert_true(str_eq(buf_str(&a.body), S("hello")));
    caller_free(&a);
    rig_end(&r);
}

/* ---- sending */

static void serve_early(struct provider *p, int nth, int fd)
{
    (void)p;
    (void)nth;
    char some[100];
    if (recv(fd, some, sizeof(some), 0) <= 0) return;
    provider_send(fd, S("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"));
    while (recv(fd, some, sizeof(some), 0) > 0) continue;
}

static void large_request(struct caller *a, struct upstream *u, char *body, size_t size)
{
    static char head[128];
    int n = snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %zu\r\n\r\n", size);
    struct iovec pieces[] = {{head, (size_t)n}, {body, size / 2}, {body, 0}, {body + size / 2, size - size / 2}};
    caller_start(a, u, pieces, 4);
}

static void large_requests(void **state)
{
    (void)state;
    enum { SIZE = 32 * 1024 * 1024 };
    char *body = calloc(1, SIZE);
    struct provider whole = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
                    early = {.serve = serve_early};
    struct turner t;
    struct caller a = {0}, b = {0};
    turner_init(&t);
    provider_start(&whole);
    struct upstream *u = upstream_to(&t, "127.0.0.1", whole.port, 4);
    large_request(&a, u, body, SIZE);
    TURN_UNTIL(&t, caller_over(&a));
    assert_int_equal(a.ended, 1);
    assert_int_equal(a.connected, 1);
    assert_int_equal(a.sent, 1);
    caller_free(&a);
    upstream_drop(u);
    provider_start(&early);
    u = upstream_to(&t, "127.0.0.1", early.port, 4);
    large_request(&b, u, body, SIZE);
    TURN_UNTIL(&t, b.head || caller_over(&b));
    free(body); /* an early answer ends the sending: its bytes are not needed any more */
    TURN_UNTIL(&t, caller_over(&b));
    assert_int_equal(b.status, 413);
    assert_int_equal(b.ended, 1);
    assert_int_equal(b.sent, 0);
    caller_free(&b);
    upstream_drop(u);
    turner_free(&t);
    provider_stop(&whole);
    provider_stop(&early);
}

/* ---- pausing and cancelling */

static void serve_much(struct provider *p, int nth, int fd)
{
    static const char piece[64 * 1024];
    (void)nth;
    (void)p;
    if (!provider_read(fd)) return;
    provider_send(fd, S("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n"));
    for (int i = 0; i < 128; i++) provider_send(fd, str_of(piece, sizeof(piece)));
}

static void paused_calls_rest(void **state)
{
    (void)state;
    struct rig r = {.provider = {.serve = serve_much}};
    struct caller a = {.pause_in_body = true};
    rig_begin(&r, 4);
    caller_get(&a, r.upstream);
    TURN_UNTIL(&r.turner, a.body.n);
    while (a.body.n < 1024 * 1024) {
        size_t before = a.body.n;
        turn_once(&r.turner); /* only the tick turns it */
        turn_once(&r.turner);
        assert_int_equal(a.body.n, before);
        http_call_resume(&a.call);
        TURN_UNTIL(&r.turner, a.body.n > before || caller_over(&a));
    }
    a.pause_in_body = false;
    http_call_resume(&a.call);
    TURN_UNTIL(&r.turner, caller_over(&a));
    assert_int_equal(a.ended, 1);
    assert_int_equal(a.body.n, 8388608);
    caller_free(&a);
    rig_end(&r);
}

static void cancel_in_every_callback(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\nx\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        for (enum event e = EVENT_CONNECTED; e <= EVENT_FAIL; e++) {
            for (int drop = 0; drop < 2; drop++) {
                struct provider p = {.answer = answers[i]};
                struct turner t;
                struct caller a = {.cancel_in = e}, after = {0};
                provider_start(&p);
                turner_init(&t);
                struct upstream *u = upstream_to(&t, "127.0.0.1", p.port, 1);
                caller_get(&a, u);
                caller_get(&after, u); /* waits: gets its turn all the same */
                if (drop) upstream_drop(u);
                TURN_UNTIL(&t, caller_over(&a) && caller_over(&after));
                assert_int_equal(after.err, i == 2 ? ERR_PROVIDER_PROTOCOL : ERR_NONE);
                caller_free(&a);
                caller_free(&after);
                if (!drop) upstream_drop(u);
                turner_free(&t);
                provider_stop(&p);
            }
        }
    }
}

static void cancel_after_any_number_of_turns(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        struct rig r = {.provider = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}};
        struct caller a = {0};
        rig_begin(&r, 1);
        caller_get(&a, r.upstream);
        for (int i = 0; i < turns; i++) uv_run(&r.turner.loop.uv, UV_RUN_NOWAIT);
        caller_free(&a);
        caller_free(&a); /* twice is once */
        rig_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_in_every_framing),
        cmocka_unit_test(connections_that_end),
        cmocka_unit_test(what_came_before_a_reset_is_read),
        cmocka_unit_test(large_requests),
        cmocka_unit_test(paused_calls_rest),
        cmocka_unit_test(cancel_in_every_callback),
        cmocka_unit_test(cancel_after_any_number_of_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

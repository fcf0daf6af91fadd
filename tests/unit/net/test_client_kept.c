/* Connections that are kept: who gets them next, and what their end means. */
#include "client_rig.h"

/* Kept, closed by the provider while it rests: the next call gets a fresh one. */
static void serve_once_keeping(struct provider *p, int nth, int fd)
{
    (void)p;
    (void)nth;
    if (provider_read(fd)) provider_send(fd, S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
}

static void idle_connection_closed_by_the_provider(void **state)
{
    (void)state;
    struct rig r = {.provider = {.serve = serve_once_keeping}};
    unsigned open, idle;
    rig_begin(&r, 4);
    for (int n = 1; n <= 3; n++) {
        struct caller a = {0};
        caller_get(&a, r.upstream);
        TURN_UNTIL(&r.turner, caller_over(&a));
        assert_int_equal(a.ended, 1);
        caller_free(&a);
        for (open = 1; open;) {
            turn_once(&r.turner);
            upstream_counts(r.upstream, &open, &idle);
        }
        assert_int_equal(r.provider.accepted, n);
    }
    rig_end(&r);
}

/* Kept, and closed in the moment that the next request is on its way: its bytes
 * were written, so it is not written again. */
static void serve_once_then_read(struct provider *p, int nth, int fd)
{
    serve_once_keeping(p, nth, fd);
    provider_read(fd);
}

static void stale_is_not_repeated(void **state)
{
    (void)state;
    struct rig r = {.provider = {.serve = serve_once_then_read}};
    rig_begin(&r, 4);
    struct caller a = {0}, b = {0};
    caller_get(&a, r.upstream);
    TURN_UNTIL(&r.turner, caller_over(&a));
    caller_get(&b, r.upstream);
    TURN_UNTIL(&r.turner, caller_over(&b));
    assert_int_equal(b.err, ERR_STALE);
    assert_int_equal(r.provider.accepted, 1);
    caller_free(&a);
    caller_free(&b);
    rig_end(&r);
}

/* Broken before the first byte: written on a fresh connection. The break is made
 * by shutting the kept socket down under the client. */
static void broken_before_the_first_byte_is_repeated(void **state)
{
    (void)state;
    struct rig r = {.provider = {.serve = serve_once_keeping}};
    rig_begin(&r, 4);
    struct caller a = {0}, b = {0};
    int kept;
    caller_get(&a, r.upstream);
    TURN_UNTIL(&r.turner, caller_over(&a));
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof(peer);
    for (kept = 3; kept < 64; kept++) { /* the one whose peer is the provider */
        size = sizeof(peer);
        if (getpeername(kept, (struct sockaddr *)&peer, &size) == 0 && ntohs(peer.sin_port) == r.provider.port) break;
    }
    assert_true(kept < 64);
    shutdown(kept, SHUT_WR);
    caller_get(&b, r.upstream);
    TURN_UNTIL(&r.turner, caller_over(&b));
    assert_int_equal(b.err, ERR_NONE);
    assert_int_equal(b.ended, 1);
    assert_false(b.call.reused);
    assert_int_equal(b.sent, 1);
    caller_free(&a);
    caller_free(&b);
    rig_end(&r);
}

static void waiting_calls_are_served_in_order(void **state)
{
    (void)state;
    enum { CALLS = 20 };
    struct rig r = {.provider = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}};
    struct caller a[CALLS] = {0};
    unsigned open, idle;
    rig_begin(&r, 1);
    for (int i = 0; i < CALLS; i++) caller_get(&a[i], r.upstream);
    http_call_cancel(&a[7].call); /* while it waits */
    a[7].cancelled = true;
    for (int over = 0; over < CALLS;) {
        turn_once(&r.turner);
        upstream_counts(r.upstream, &open, &idle);
        assert_true(open <= 1);
        while (over < CALLS && caller_over(&a[over])) over++;
        for (int i = over; i < CALLS; i++) assert_true(i == 7 || !caller_over(&a[i]));
    }
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(a[i].ended, i != 7);
        caller_free(&a[i]);
    }
    assert_int_equal(r.provider.accepted, 1);
    rig_end(&r);
}

/* Paused in its last piece, then kept and closed by the provider: the idle
 * connection must be seen to end, not wake the loop for ever. */
static void paused_at_the_end(void **state)
{
    (void)state;
    struct rig r = {.provider = {.serve = serve_once_keeping}};
    struct caller a = {.pause_in_body = true};
    unsigned open = 1, idle;
    rig_begin(&r, 4);
    caller_get(&a, r.upstream);
    TURN_UNTIL(&r.turner, caller_over(&a));
    int turns = 0;
    for (; open && turns < 1000; turns++) {
        turn_once(&r.turner);
        upstream_counts(r.upstream, &open, &idle);
    }
    assert_int_equal(open, 0);
    caller_free(&a);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_connection_closed_by_the_provider),
        cmocka_unit_test(stale_is_not_repeated),
        cmocka_unit_test(broken_before_the_first_byte_is_repeated),
        cmocka_unit_test(waiting_calls_are_served_in_order),
        cmocka_unit_test(paused_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

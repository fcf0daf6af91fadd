/* How connections end: hang-ups, half-closes, slow peers, ceilings, draining.
 * Deadlines are short here and waited for; nothing measures how long. */
#include "server_rig.h"

#include <errno.h>
#include <sys/resource.h>

static struct rig *rig_with(void (*change)(struct http_limits *l))
{
    struct rig *r = rig_new();
    if (change) change(&r->limits);
    rig_start(r);
    return r;
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

/* A client that waits, then closes or resets, is gone: once, and not done. */
static void hang_up_is_noticed_while_waiting(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hold-stream HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /info HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    struct rig *r = rig_with(NULL);
    int n = 0;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        for (int how = 0; how < 2; how++) {
            int fd = rig_dial(r);
            rig_send(fd, str_from(requests[i]));
            assert_true(rig_waits(&r->requests, n + 1));
            if (how)
                reset(fd);
            else
                close(fd);
            assert_true(rig_waits(&r->gone, ++n));
        }
    }
    assert_int_equal(r->requests, n);
    assert_int_equal(r->done, 0);
    rig_stop(r);
}

static void handler_decides_on_half_close(void **state)
{
    (void)state;
    struct rig *r = rig_with(NULL);
    int fd = rig_dial(r);
    rig_send(fd, S("GET /finish HTTP/1.1\r\nHost: a\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    struct buf got = rig_read_all(fd, NULL);
    assert_true(str_ends(buf_str(&got), S("later")));
    buf_free(&got);
    close(fd);
    assert_true(rig_waits(&r->done, 1));
    fd = rig_dial(r);
    rig_send(fd, S("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    got = rig_read_all(fd, NULL);
    assert_int_equal(got.n, 0);
    buf_free(&got);
    close(fd);
    assert_true(rig_waits(&r->gone, 1));
    rig_stop(r);
}

/* ---- back-pressure */

static void small_queue(struct http_limits *l)
{
    l->queue_bytes = 128 * 1024;
}

static void slow_reader_gets_all_of_it(void **state)
{
    (void)state;
    struct rig *r = rig_with(small_queue);
    int fd = rig_dial(r), small = 128 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    rig_send(fd, S("GET /big-length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    usleep(20000);
    struct buf got = rig_read_all(fd, NULL);
    size_t body = str_find(buf_str(&got), S("\r\n\r\n"), 0) + 4;
    assert_int_equal(got.n - body, RIG_BIG);
    assert_true(r->drained > 0);
    buf_free(&got);
    close(fd);
    assert_true(rig_waits(&r->done, 1));
    rig_stop(r);
}

static void short_writes(struct http_limits *l)
{
    l->queue_bytes = 128 * 1024;
    l->write_us = 100 * 1000;
}

static void reader_that_stops_is_cut(void **state)
{
    (void)state;
    struct rig *r = rig_with(short_writes);
    int fd = rig_dial(r);
    rig_send(fd, S("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(rig_waits(&r->gone, 1));
    assert_int_equal(r->done, 0);
    close(fd);
    rig_stop(r);
}

/* ---- slow clients */

static void short_requests(struct http_limits *l)
{
    l->request_us = 150 * 1000;
    l->idle_us = 10 * 1000 * 1000;
}

/* One byte now and then, in the head or in either kind of body, buys no time. */
static void dripping_request_times_out(void **state)
{
    (void)state;
    static const char *const begins[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nx: ",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    };
    struct rig *r = rig_with(short_requests);
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        int fd = rig_dial(r);
        rig_send(fd, str_from(begins[i]));
        char answer[13] = "";
        bool ended = false;
        for (int n = 0; n < 2000 && !ended; n++) {
            rig_send(fd, S("x"));
            usleep(5000);
            ended = recv(fd, answer, 12, MSG_DONTWAIT) == 12;
        }
        assert_string_equal(answer, "HTTP/1.1 408");
        close(fd);
    }
    assert_int_equal(r->requests, 0);
    assert_int_equal(r->refused, 3);
    rig_stop(r);
}

static void short_idle(struct http_limits *l)
{
    l->idle_us = 100 * 1000;
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    struct rig *r = rig_with(short_idle);
    int silent = rig_dial(r), used = rig_dial(r);
    rig_send(used, S("GET /info HTTP/1.1\r\nHost: a\r\n\r\n"));
    bool clean;
    struct buf got = rig_read_all(silent, &clean);
    assert_true(clean && got.n == 0);
    buf_free(&got);
    got = rig_read_all(used, &clean);
    assert_true(clean && str_ends(buf_str(&got), S("GET /info  0")));
    buf_free(&got);
    close(silent);
    close(used);
    rig_stop(r);
}

/* ---- ceilings */

static void expect_turned_away(const struct rig *r)
{
    int fd = rig_dial(r);
    struct buf got = rig_read_all(fd, NULL);
    rig_expect(buf_str(&got), "HTTP/1.1 503 ");
    buf_free(&got);
    close(fd);
}

static void expect_let_in(const struct rig *r)
{
    struct buf got = rig_talk(r, S("GET /info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    rig_expect(buf_str(&got), " 200 OK");
    buf_free(&got);
}

static int hold_one(struct rig *r)
{
    int fd = rig_dial(r);
    int before = r->requests;
    rig_send(fd, S("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(rig_waits(&r->requests, before + 1));
    return fd;
}

static void two_connections(struct http_limits *l)
{
    l->connections = 2;
}

static void ceiling_of_connections(void **state)
{
    (void)state;
    struct rig *r = rig_with(two_connections);
    int held[] = {hold_one(r), hold_one(r)};
    expect_turned_away(r);
    close(held[0]);
    assert_true(rig_waits(&r->gone, 1));
    expect_let_in(r);
    close(held[1]);
    rig_stop(r);
}

/* Whichever of the servers that share the count it comes to. */
static void ceiling_of_an_address(void **state)
{
    (void)state;
    struct peers *peers = peers_new((struct hash_key){1, 2});
    struct rig *r[2];
    for (size_t i = 0; i < COUNT_OF(r); i++) {
        r[i] = rig_new();
        r[i]->limits.connections_per_ip = 2;
        r[i]->peers = peers;
        rig_start(r[i]);
    }
    int held[] = {hold_one(r[0]), hold_one(r[1])};
    expect_turned_away(r[0]);
    expect_turned_away(r[1]);
    close(held[0]);
    assert_true(rig_waits(&r[0]->gone, 1));
    expect_let_in(r[1]);
    close(held[1]);
    for (size_t i = 0; i < COUNT_OF(r); i++) rig_stop(r[i]);
    assert_true(peers_enter(peers, "127.0.0.1", 1)); /* nobody is left */
    assert_false(peers_enter(peers, "127.0.0.1", 1));
    assert_true(peers_enter(peers, "::1", 1));
    peers_leave(peers, "127.0.0.1");
    assert_true(peers_enter(peers, "127.0.0.1", 1));
    peers_drop(peers);
}

/* Out of descriptors: the loop rests instead of spinning, and goes on when there are some. */
static void no_descriptors_left(void **state)
{
    (void)state;
    struct rig *r = rig_with(NULL);
    struct rlimit old, few;
    int fd = rig_dial(r); /* accepted before there are too few */
    struct buf got;
    rig_send(fd, S("GET /info HTTP/1.1\r\nHost: a\r\n\r\n"));
    got = rig_read_until(fd, "GET /info");
    buf_free(&got);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = (rlim_t)late + 1;
    setrlimit(RLIMIT_NOFILE, &few);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(r->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof(to)), 0);
    int before = r->turns;
    usleep(300 * 1000);
    int turns = r->turns - before;
    setrlimit(RLIMIT_NOFILE, &old);
    if (turns > 200) fail_msg("%d turns in vain", turns);
    rig_send(late, S("GET /info HTTP/1.1\r\nHost: a\r\n\r\n"));
    got = rig_read_until(late, "GET /info");
    buf_free(&got);
    close(fd);
    close(late);
    rig_stop(r);
}

/* A connection in any state that waits must not keep waking the loop. */
static void waiting_does_not_spin(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "",
        "GET /hold HTTP/1.1\r\nHo",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel",
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /info HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\n\n",                            /* lingering */
        "GET /finish-never HTTP/1.0\r\nHost: a\r\n\r\n", /* the same after an answer */
    };
    struct rig *r = rig_with(NULL);
    int fds[COUNT_OF(requests) + 1];
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        fds[i] = rig_dial(r);
        rig_send(fds[i], str_from(requests[i]));
    }
    static const char flood[512 * 1024];
    int fd = fds[COUNT_OF(requests)] = rig_dial(r); /* pipelines more than is taken in advance */
    rig_send(fd, S("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    send(fd, flood, sizeof(flood), MSG_DONTWAIT | MSG_NOSIGNAL);
    usleep(100 * 1000);
    int before = r->turns;
    usleep(400 * 1000);
    int turns = r->turns - before;
    if (turns > 200) fail_msg("%d turns with nothing to do", turns);
    for (size_t i = 0; i < COUNT_OF(fds); i++) close(fds[i]);
    rig_stop(r);
}

/* ---- draining */

static void drain_lets_the_running_end(void **state)
{
    (void)state;
    struct rig *r = rig_with(NULL);
    int idle = rig_dial(r), running = rig_dial(r);
    rig_send(idle, S("GET /info HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct buf got = rig_read_until(idle, "GET /info");
    buf_free(&got);
    rig_send(running, S("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"));
    usleep(20000);
    r->drain = true;
    loop_wake(&r->loop);
    bool clean;
    got = rig_read_all(idle, &clean);
    assert_true(clean && got.n == 0);
    buf_free(&got);
    rig_send(running, S("lo"));
    got = rig_read_all(running, NULL);
    rig_expect(buf_str(&got), "connection: close\r\n");
    assert_true(str_ends(buf_str(&got), S("hello")));
    buf_free(&got);
    close(idle);
    close(running);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(r->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    rig_stop(r);
}

/* Dropped with a client in every state: each request still ends in exactly one way (rig_stop). */
static void dropped_in_every_state(void **state)
{
    (void)state;
    static const char *const requests[] = {"",
                                           "GET /ho",
                                           "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
                                           "GET /hold-stream HTTP/1.1\r\nHost: a\r\n\r\n",
                                           "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
                                           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"};
    struct rig *r = rig_with(NULL);
    int fds[COUNT_OF(requests)];
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        fds[i] = rig_dial(r);
        rig_send(fds[i], str_from(requests[i]));
    }
    assert_true(rig_waits(&r->requests, 3));
    rig_stop(r);
    for (size_t i = 0; i < COUNT_OF(requests); i++) close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hang_up_is_noticed_while_waiting),
        cmocka_unit_test(handler_decides_on_half_close),
        cmocka_unit_test(slow_reader_gets_all_of_it),
        cmocka_unit_test(reader_that_stops_is_cut),
        cmocka_unit_test(dripping_request_times_out),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(ceiling_of_connections),
        cmocka_unit_test(ceiling_of_an_address),
        cmocka_unit_test(no_descriptors_left),
        cmocka_unit_test(waiting_does_not_spin),
        cmocka_unit_test(drain_lets_the_running_end),
        cmocka_unit_test(dropped_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

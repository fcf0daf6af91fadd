/* Many clients that send random pieces, pipeline, stop, hang up or reset, against
 * handlers that answer now, later, in pieces, or break off. Whatever happens:
 * every request ends in exactly one way (rig_stop), and the sanitizers are quiet. */
#include "server_rig.h"

#include "base/rng.h"

#include <fcntl.h>
#include <poll.h>

enum { CLIENTS = 48, ROUNDS = 40, SCRIPT_MAX = 4096 };

static const char *const requests[] = {
    "GET /info HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /info HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /finish HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /short HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /abort HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /late-abort HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /hold-stream HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big-length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
    "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
};

struct client {
    int fd;
    struct buf script;
    size_t sent;
};

static void begin(struct client *c, const struct rig *r, struct rng *rng)
{
    c->fd = rig_dial(r);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    buf_clear(&c->script);
    c->sent = 0;
    for (uint64_t n = rng_below(rng, 5) + 1; n; n--)
        buf_add(&c->script, str_from(requests[rng_below(rng, COUNT_OF(requests))]));
}

static void end(struct client *c, bool hard)
{
    struct linger now = {.l_onoff = 1};
    if (hard) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(c->fd);
    c->fd = -1;
}

static void act(struct client *c, struct rng *rng)
{
    static char sink[256 * 1024];
    str rest = str_from_at(buf_str(&c->script), c->sent);
    switch (rng_below(rng, 12)) {
    case 0:
        end(c, true);
        return;
    case 1:
        end(c, false);
        return;
    case 2:
        shutdown(c->fd, SHUT_WR);
        return;
    case 3:
    case 4:
    case 5:
        while (recv(c->fd, sink, sizeof(sink), 0) > 0) continue;
        return;
    case 6:
        rest = str_head(rest, 1);
        break;
    default:
        rest = str_head(rest, rng_below(rng, 300));
        break;
    }
    ssize_t n = rest.n ? send(c->fd, rest.p, rest.n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    if (n > 0) c->sent += (size_t)n;
}

static void torture(void **state, const char *cert, const char *key, uint64_t seed)
{
    (void)state;
    struct client clients[CLIENTS] = {0};
    struct rng rng;
    struct rig *r = rig_new();
    rng_seed(&rng, seed);
    r->cert = cert;
    r->key = key;
    r->limits.queue_bytes = 64 * 1024;
    r->limits.body_bytes = 64 * 1024;
    r->limits.write_us = 60 * 1000;
    r->limits.request_us = 80 * 1000;
    r->limits.connections = CLIENTS - 4;
    rig_start(r);
    for (int i = 0; i < CLIENTS; i++) clients[i].fd = -1;
    for (int round = 0; round < ROUNDS * CLIENTS; round++) {
        struct client *c = &clients[rng_below(&rng, CLIENTS)];
        if (c->fd < 0)
            begin(c, r, &rng);
        else
            act(c, &rng);
        if (round % 64 == 0) usleep(1000);
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0 && i % 2) end(&clients[i], i % 4 == 1);
    }
    if (seed % 2) { /* once all are gone, nothing is left; else the server goes first */
        for (int i = 0; i < CLIENTS; i++) {
            if (clients[i].fd >= 0) end(&clients[i], false);
        }
        for (int i = 0; i < 5000 && r->requests != r->done + r->gone + r->aborted; i++) usleep(1000);
        assert_int_equal(r->requests, r->done + r->gone + r->aborted);
    }
    assert_true(r->requests > 0 && r->gone > 0 && r->done > 0 && r->aborted > 0);
    rig_stop(r);
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0) close(clients[i].fd);
        buf_free(&clients[i].script);
    }
}

static void random_clients(void **state)
{
    const char *chosen = getenv("TORTURE_SEED");
    uint64_t first = chosen ? strtoull(chosen, NULL, 10) : 1, last = chosen ? first : 8;
    for (uint64_t seed = first; seed <= last; seed++) torture(state, NULL, NULL, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_clients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

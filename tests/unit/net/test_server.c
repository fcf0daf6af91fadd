/* The server over a socket: what goes on the wire for which request. */
#include "server_rig.h"

#include <zlib.h>
#include <zstd.h>

static int start(void **state)
{
    struct rig *r = rig_new();
    r->limits.header_bytes = 4096;
    r->limits.body_bytes = 1024 * 1024;
    rig_start(r);
    *state = r;
    return 0;
}

static int stop(void **state)
{
    rig_stop(*state);
    return 0;
}

static void refused_with_a_status(void **state)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET / HTTP/1.1\n\n", " 400 "},
        {"GET / HTTP/1.1\r\n\r\n", " 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", " 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", " 400 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n: 6\r\n\r\nhello", " 400 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " 400 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", " 400 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", " 413 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", " 413 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nContent-Length: 5\r\n\r\n", " 417 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello", " 415 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", " 400 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf all = rig_talk(*state, str_from(cases[i].request));
        rig_expect(str_head(buf_str(&all), 16), cases[i].status);
        assert_int_equal(rig_count(buf_str(&all), "HTTP/1.1"), 1);
        rig_expect(buf_str(&all), "connection: close\r\n");
        rig_expect(buf_str(&all), "{\"error\":{\"message\":");
        buf_free(&all);
    }
}

static void head_ceiling(void **state)
{
    char request[8192];
    for (int n = 3900; n <= 4200; n += 300) {
        int size = snprintf(request, sizeof(request),
                            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\na: %0*d\r\n\r\n", n, 0);
        struct buf all = rig_talk(*state, str_of(request, (size_t)size));
        rig_expect(buf_str(&all), n < 4000 ? " 200 OK" : " 431 ");
        buf_free(&all);
    }
    memset(request, 'a', sizeof(request)); /* no line end at all */
    struct buf all = rig_talk(*state, str_of(request, sizeof(request)));
    rig_expect(buf_str(&all), " 431 ");
    buf_free(&all);
}

static void bodies_end_where_they_end(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"},
        {"GET /stream HTTP/1.0\r\n\r\n", "\r\n\r\nonetwo"},
        {"GET /empty-stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "\r\n\r\n0\r\n\r\n"},
        {"HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "transfer-encoding: chunked\r\n\r\n"},
        {"HEAD /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "content-length: 5\r\n\r\n"},
        {"HEAD /info?a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "content-length: 14\r\n\r\n"},
        {"GET /204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "connection: close\r\n\r\n"},
        {"GET /begin-204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "connection: close\r\n\r\n"},
        {"GET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "content-length: 5\r\n\r\n12345"},
        {"GET http://b:1/info?x=y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "\r\n\r\nGET /info x=y 0"},
        {"GET HTTPS://b?x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "content-length: 0\r\n\r\n"},
        {"GET /info HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n\r\n", "\r\n\r\nGET /info  0"},
        {"HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "x-should-retry: false\r\n\r\n"},
        {"HEAD / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n", "x-should-retry: false\r\n\r\n"},
        {"HEAD / HTTP/1.1\nHost: a\r\n\r\n", "x-should-retry: false\r\n\r\n"},
        {"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", "x-should-retry: false\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf all = rig_talk(*state, str_from(cases[i].request));
        if (!str_ends(buf_str(&all), str_from(cases[i].answer)))
            fail_msg("%s\ngot: %.*s", cases[i].request, STR_ARG(buf_str(&all)));
        buf_free(&all);
    }
}

/* Five requests in one write, and cut at every byte: five answers, in order. */
static void pipelining(void **state)
{
    static const char text[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nthi\r\n2\r\nrd\r\n0\r\nT: r\r\n\r\n"
        "\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfifth"
        "GET /never HTTP/1.1\r\nHost: a\r\n\r\n";
    str all = str_of(text, sizeof(text) - 1);
    for (size_t cut = 0; cut < all.n; cut += 7) {
        int fd = rig_dial(*state);
        rig_send(fd, str_head(all, cut));
        if (cut % 2) usleep(500);
        rig_send(fd, str_from_at(all, cut));
        struct buf got = rig_read_all(fd, NULL);
        close(fd);
        str g = buf_str(&got);
        assert_int_equal(rig_count(g, "HTTP/1.1 200"), 5);
        size_t at = 0;
        static const char *const order[] = {"first", "later", "third", "two", "fifth"};
        for (size_t i = 0; i < COUNT_OF(order); i++) {
            at = str_find(g, str_from(order[i]), at);
            if (at == SIZE_MAX) fail_msg("cut at %zu: no %s in order: %.*s", cut, order[i], STR_ARG(g));
        }
        buf_free(&got);
    }
}

/* A client that sends all it has and closes its sending half gets all its answers. */
static void pipelined_then_half_closed(void **state)
{
    int fd = rig_dial(*state);
    rig_send(fd, S("GET /finish HTTP/1.1\r\nHost: a\r\n\r\nGET /info HTTP/1.1\r\nHost: a\r\n\r\nGET /fini"));
    shutdown(fd, SHUT_WR);
    struct buf got = rig_read_all(fd, NULL);
    close(fd);
    assert_int_equal(rig_count(buf_str(&got), "HTTP/1.1 200"), 2);
    rig_expect(buf_str(&got), "later");
    rig_expect(buf_str(&got), "GET /info  0");
    buf_free(&got);
}

static void expect_continue(void **state)
{
    int fd = rig_dial(*state);
    rig_send(fd, S("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
    struct buf got = rig_read_until(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(got.n, 25);
    buf_free(&got);
    rig_send(fd, S("bo"));
    usleep(2000);
    rig_send(fd, S("dy"));
    got = rig_read_until(fd, "body");
    assert_int_equal(rig_count(buf_str(&got), "100 Continue"), 0); /* once */
    buf_free(&got);
    rig_send(fd, S("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"));
    got = rig_read_until(fd, "body"); /* it did not wait: nothing to tell */
    assert_int_equal(rig_count(buf_str(&got), "100 Continue"), 0);
    buf_free(&got);
    rig_send(fd, S("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"));
    got = rig_read_until(fd, "100 Continue");
    buf_free(&got);
    rig_send(fd, S("4\r\nlast\r\n0\r\n\r\n"));
    got = rig_read_until(fd, "last");
    buf_free(&got);
    close(fd);
}

static void keep_alive(void **state)
{
    struct buf got =
        rig_talk(*state, S("GET /info HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /info HTTP/1.0\r\n\r\n"));
    assert_int_equal(rig_count(buf_str(&got), "GET /info"), 2);
    assert_int_equal(rig_count(buf_str(&got), "connection: keep-alive"), 1);
    assert_int_equal(rig_count(buf_str(&got), "connection: close"), 1);
    buf_free(&got);
}

static void answers_cut_on_purpose(void **state)
{
    bool clean;
    int fd = rig_dial(*state);
    rig_send(fd, S("GET /short HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct buf got = rig_read_all(fd, NULL); /* it ends: the client sees that five of ten bytes are missing */
    assert_true(str_ends(buf_str(&got), S("content-length: 10\r\n\r\n12345")));
    buf_free(&got);
    close(fd);
    fd = rig_dial(*state);
    rig_send(fd, S("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n"));
    got = rig_read_all(fd, NULL);
    assert_true(str_ends(buf_str(&got), S("4\r\npart\r\n")));
    buf_free(&got);
    close(fd);
    fd = rig_dial(*state);
    rig_send(fd, S("GET /abort HTTP/1.0\r\n\r\n"));
    got = rig_read_all(fd, &clean); /* until close: an orderly end would be a lie */
    assert_false(clean);
    buf_free(&got);
    close(fd);
}

/* 48 MB that nobody wants: the refusal arrives all the same. */
static void early_refusal_reaches_a_client_that_sends(void **state)
{
    static const char piece[256 * 1024];
    int fd = rig_dial(*state);
    rig_send(fd, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50331648\r\n\r\n"));
    for (int i = 0; i < 192; i++) assert_true(rig_send(fd, str_of(piece, sizeof(piece))));
    struct buf got = rig_read_all(fd, NULL);
    rig_expect(buf_str(&got), " 413 ");
    buf_free(&got);
    close(fd);
}

/* ---- compressed bodies */

static size_t zip(int window_bits, str plain, char *out, size_t size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)plain.p,
                  .avail_in = (uInt)plain.n,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)size};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return size - z.avail_out;
}

static void post_encoded(void **state, const char *encoding, str body, const char *expect)
{
    int fd = rig_dial(*state);
    char head[256];
    int n = snprintf(head, sizeof(head),
                     "POST /info HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: %s\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     encoding, body.n);
    rig_send(fd, str_of(head, (size_t)n));
    rig_send(fd, body);
    struct buf got = rig_read_all(fd, NULL);
    close(fd);
    rig_expect(buf_str(&got), expect);
    buf_free(&got);
}

static void compressed_bodies(void **state)
{
    enum { CEILING = 1024 * 1024 };
    char *plain = calloc(1, CEILING + 1), *z = malloc(64 * 1024);
    for (int excess = 0; excess < 2; excess++) { /* exactly the ceiling, and a byte more */
        const char *expect = excess ? " 413 " : "POST /info  1048576";
        str p = str_of(plain, CEILING + (size_t)excess);
        post_encoded(state, "gzip", str_of(z, zip(15 + 16, p, z, 64 * 1024)), expect);
        post_encoded(state, "Deflate", str_of(z, zip(15, p, z, 64 * 1024)), expect);
        post_encoded(state, "zstd", str_of(z, ZSTD_compress(z, 64 * 1024, p.p, p.n, 3)), expect);
    }
    str hello = S("hello");
    size_t n = zip(15 + 16, hello, z, 64 * 1024);
    for (size_t cut = 1; cut < n; cut++) post_encoded(state, "gzip", str_of(z, cut), " 400 ");
    size_t twice = n + zip(15 + 16, hello, z + n, 1024);
    post_encoded(state, "x-gzip", str_of(z, twice), "POST /info  10");
    z[twice] = '!';
    post_encoded(state, "gzip", str_of(z, twice + 1), " 400 ");
    post_encoded(state, "deflate", str_of(z, n), " 400 ");
    n = ZSTD_compress(z, 1024, hello.p, hello.n, 3);
    for (size_t cut = 1; cut < n; cut++) post_encoded(state, "zstd", str_of(z, cut), " 400 ");
    twice = n + ZSTD_compress(z + n, 1024, hello.p, hello.n, 3);
    post_encoded(state, "zstd", str_of(z, twice), "POST /info  10");
    z[twice] = '!';
    post_encoded(state, "zstd", str_of(z, twice + 1), " 400 ");
    /* a frame that asks for a window of 64 MB, RFC 8878, 3.1.1 */
    post_encoded(state, "zstd", str_of("\x28\xb5\x2f\xfd\x00\x80\x09\x00\x00x", 10), " 400 ");
    post_encoded(state, "gzip, zstd", hello, " 415 ");
    post_encoded(state, "identity", hello, "POST /info  5");
    free(plain);
    free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_with_a_status),
        cmocka_unit_test(head_ceiling),
        cmocka_unit_test(bodies_end_where_they_end),
        cmocka_unit_test(pipelining),
        cmocka_unit_test(pipelined_then_half_closed),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(keep_alive),
        cmocka_unit_test(answers_cut_on_purpose),
        cmocka_unit_test(early_refusal_reaches_a_client_that_sends),
        cmocka_unit_test(compressed_bodies),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

/* Heads and chunks as pure functions of bytes: what is taken, what is refused,
 * and that cutting the bytes anywhere changes nothing. */
#include "help.h"

#include "base/buf.h"
#include "net/http1.h"

#include <stdio.h>

/* ---- where a head ends */

static void ends_of_heads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n, end;
    } cases[] = {
#define HEAD(text, end) {text, sizeof(text) - 1, end}
        HEAD("", 0),
        HEAD("GET / HTTP/1.1", 0),
        HEAD("GET / HTTP/1.1\r\n", 0),
        HEAD("GET / HTTP/1.1\r\n\r", 0),
        HEAD("GET / HTTP/1.1\r\n\r\n", 18),
        HEAD("GET / HTTP/1.1\r\n\r\nmore", 18),
        HEAD("\r\nGET / HTTP/1.1\r\n\r\n", 20), /* RFC 9112, 2.2 */
        HEAD("GET / HTTP/1.1\n", SIZE_MAX),
        HEAD("\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: b\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: b\r\n\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: \rb\r\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: b\r\r\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: \0b\r\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\na: b\r\n\tc\r\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\n a: b\r\n\r\n", SIZE_MAX),
        HEAD("GET / HTTP/1.1\r\n: b\r\n\r\n", SIZE_MAX), /* llhttp takes it for more of the header before it */
#undef HEAD
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str all = str_of(cases[i].text, cases[i].n);
        assert_int_equal(http1_head_end(all, 0), cases[i].end);
        size_t seen = 0, got = 0; /* the same, byte by byte */
        for (size_t n = 1; n <= all.n && !got; n++) {
            got = http1_head_end(str_head(all, n), seen);
            seen = n;
        }
        assert_int_equal(got, cases[i].end);
    }
}

/* ---- requests */

static enum err read_request(const char *text, struct arena *arena, struct http_head *h)
{
    const char *why = NULL;
    enum err e = http1_read_request(str_from(text), arena, h, &why);
    if (e && (!why || !*why)) fail_msg("no reason: %s", text);
    return e;
}

static void refused_requests(void **state)
{
    (void)state;
    static const struct {
        enum err e;
        const char *text;
    } cases[] = {
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\n\r\n"}, /* no Host */
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nauthorization: Bearer y\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
        {ERR_HTTP_VERSION, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
        {ERR_HTTP_VERSION, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"},
        {ERR_HTTP_VERSION, "\r\nPOST / HTTP/9.9\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/2\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTQ/2.0\r\nHost: a\r\n\r\n"},
        {ERR_HTTP_VERSION, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
        {ERR_HTTP_VERSION, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/11\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET /\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "NOPE / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / RTSP/1.0\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"},
        {ERR_HTTP_VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nb(: c\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nb: \x01\r\n\r\n"},
        {ERR_BAD_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\nb: \x7f\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5a\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
        {ERR_BAD_REQUEST,
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
                          "chunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n"},
        {ERR_BAD_REQUEST, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {ERR_EXPECTATION_FAILED, "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n"},
        {ERR_EXPECTATION_FAILED,
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, tea\r\nContent-Length: 1\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct http_head h;
        arena_init(&arena);
        enum err e = read_request(cases[i].text, &arena, &h);
        if (e != cases[i].e) fail_msg("error %d for: %s", (int)e, cases[i].text);
        arena_free(&arena);
    }
}

static void says_what_a_line_without_version_lacks(void **state)
{
    (void)state;
    struct arena arena;
    struct http_head h;
    const char *why = NULL;
    arena_init(&arena);
    assert_int_equal(http1_read_request(S("GET /\r\n\r\n"), &arena, &h, &why), ERR_BAD_REQUEST);
    assert_non_null(strstr(why, "HTTP/1.1"));
    arena_free(&arena);
}

/* A list may stand in several lines (RFC 9110, 5.3). */
static void lists_are_joined(void **state)
{
    (void)state;
    struct arena arena;
    struct http_head h;
    arena_init(&arena);
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-one,\r\nX: y\r\nconnection:\r\nCONNECTION: "
                       "close, X-Two\r\n\r\n";
    assert_int_equal(read_request(text, &arena, &h), ERR_NONE);
    str list = http_head_list(&h, S("connection"), &arena);
    assert_true(http_connection_names(list, S("X-One")) && http_connection_names(list, S("x-two")));
    assert_true(http_connection_names(list, S("close")) && !http_connection_names(list, S("x")));
    assert_true(str_eq(http_head_list(&h, S("x"), &arena), S("y")));
    assert_null(http_head_list(&h, S("z"), &arena).p);
    arena_free(&arena);
}

static void taken_requests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum http_framing framing;
        uint64_t length;
        bool keep_alive, expect, websocket;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_NO_BODY, 0, true, false, false},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_NO_BODY, 0, true, false, false},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_NO_BODY, 0, true, false, false},
        {"GET / HTTP/1.1\r\nHost: [::1]:8400\r\n\r\n", HTTP_NO_BODY, 0, true, false, false},
        {"GET / HTTP/1.0\r\n\r\n", HTTP_NO_BODY, 0, false, false, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP_NO_BODY, 0, true, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", HTTP_NO_BODY, 0, false, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: x\r\n\r\n", HTTP_NO_BODY, 0, false, false,
         false},
        {"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:  5  \r\n\r\n", HTTP_LENGTH, 5, true, false, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", HTTP_NO_BODY, 0, true, false, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", HTTP_CHUNKED, 0, true, false, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", HTTP_LENGTH, 1, true, true,
         false},
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", HTTP_LENGTH, 1, false, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n", HTTP_NO_BODY, 0, true, false,
         true},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: "
         "x\r\n\r\n",
         HTTP_NO_BODY, 0, true, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct http_head h;
        arena_init(&arena);
        if (read_request(cases[i].text, &arena, &h) != ERR_NONE) fail_msg("refused: %s", cases[i].text);
        assert_int_equal(h.framing, cases[i].framing);
        assert_int_equal(h.length, cases[i].length);
        assert_int_equal(h.keep_alive, cases[i].keep_alive);
        assert_int_equal(h.expect_continue, cases[i].expect);
        assert_int_equal(h.upgrade_websocket, cases[i].websocket);
        arena_free(&arena);
    }
}

static void headers_have_a_ceiling(void **state)
{
    (void)state;
    for (unsigned n = HTTP_HEADERS_MAX - 1; n <= HTTP_HEADERS_MAX; n++) {
        struct buf text;
        struct arena arena;
        struct http_head h;
        const char *why;
        buf_init(&text, 0);
        arena_init(&arena);
        buf_add(&text, S("GET / HTTP/1.1\r\nHost: a\r\n"));
        for (unsigned i = 0; i < n; i++) buf_printf(&text, "h%u: %u\r\n", i, i);
        buf_add(&text, S("\r\n"));
        enum err e = http1_read_request(buf_str(&text), &arena, &h, &why);
        assert_int_equal(e, n < HTTP_HEADERS_MAX ? ERR_NONE : ERR_HEAD_TOO_LARGE);
        if (!e) assert_true(str_eq(http_head_find(&h, S("H98")), S("98")));
        arena_free(&arena);
        buf_free(&text);
    }
}

/* ---- answers */

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool head_request, refused;
        enum http_framing framing;
        uint64_t length;
        bool keep_alive;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, HTTP_LENGTH, 5, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, false, HTTP_NO_BODY, 0, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", false, false, HTTP_LENGTH, 5, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, HTTP_LENGTH, 5, false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", false, false, HTTP_LENGTH, 5, true},
        {"HTTP/1.1 200 OK\r\n\r\n", false, false, HTTP_UNTIL_CLOSE, 0, false},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, false, HTTP_NO_BODY, 0, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", false, false, HTTP_NO_BODY, 0, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, false, HTTP_NO_BODY, 0, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, false, HTTP_NO_BODY, 0, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, false, HTTP_CHUNKED, 0, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 600 Odd\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 20 Odd\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"ICY 200 OK\r\nContent-Length: 5\r\n\r\n", false, true, 0, 0, 0},
        {"HTTP/1.1 200 OK\r\nBad Name: 5\r\n\r\n", false, true, 0, 0, 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, true, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        struct http_head h;
        const char *why = NULL;
        arena_init(&arena);
        enum err e = http1_read_response(str_from(cases[i].text), cases[i].head_request, &arena, &h, &why);
        if (e != (cases[i].refused ? ERR_PROVIDER_PROTOCOL : ERR_NONE)) fail_msg("error %d: %s", e, cases[i].text);
        if (!e) {
            assert_int_equal(h.framing, cases[i].framing);
            if (h.framing == HTTP_LENGTH) assert_int_equal(h.length, cases[i].length);
            assert_int_equal(h.keep_alive, cases[i].keep_alive);
        } else {
            assert_non_null(why);
        }
        arena_free(&arena);
    }
}

/* ---- chunks */

static void collect(void *ctx, str bytes)
{
    buf_add(ctx, bytes);
}

struct outcome {
    struct buf body;
    bool done, bad;
    size_t used;
};

static struct outcome feed(str all, bool request, size_t step)
{
    struct outcome o = {0};
    struct http1_chunks c;
    buf_init(&o.body, 0);
    http1_chunks_init(&c, request, collect, &o.body);
    for (size_t at = 0; at < all.n && !c.done && !c.bad; at += step) {
        o.used += http1_chunks_feed(&c, str_head(str_from_at(all, at), step));
    }
    o.done = c.done;
    o.bad = c.bad;
    return o;
}

static void chunks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *body; /* NULL: bad */
        int behind;              /* bytes of the next message; -1: not whole */
        bool answers_only;
    } cases[] = {
        {"0\r\n\r\n", "", 0, false},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", 0, false},
        {"5\r\nhello\r\n0\r\n\r\nGET", "hello", 3, false},
        {"1\r\nh\r\n004\r\nello\r\n000\r\n\r\n", "hello", 0, false},
        {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0, false},
        {"5;x=y\r\nhello\r\n0;z\r\n\r\n", "hello", 0, false},
        {"5 ; x=\"a;b\"\r\nhello\r\n0\r\n\r\n", "hello", 0, false},
        {"5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n", "hello", 0, false},
        {"5  \r\nhello\r\n0  \r\n\r\n", "hello", 0, true},
        {"5\r\nhello\r\n", "hello", -1, false},
        {"5\r\nhel", "hel", -1, false},
        {"-5\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"+5\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"0x5\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {" 5\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"g\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"5\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"5\r\rhello\r\n0\r\n\r\n", NULL, 0, false},
        {"5\r\nhello\n0\r\n\r\n", NULL, 0, false},
        {"5\r\nhello0\r\n\r\n", NULL, 0, false},
        {"5\r\nhelloX\r\n0\r\n\r\n", NULL, 0, false},
        {"5;a\nb\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"5;a\x01\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"5 5\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"10000000000000005\r\nhello\r\n0\r\n\r\n", NULL, 0, false}, /* 2^64 + 5 */
        {"0000000000000005\r\nhello\r\n0\r\n\r\n", NULL, 0, false},
        {"0\r\n\n", NULL, 0, false},
        {"0\r\nA: b\n\r\n", NULL, 0, false},
        {"0\r\n A: b\r\n\r\n", NULL, 0, false},
        {"0\r\nA : b\r\n\r\n", NULL, 0, false},
        {"0\r\nA\r\n\r\n", NULL, 0, false},
        {"0\r\n: b\r\n\r\n", NULL, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str all = str_from(cases[i].text);
        for (size_t step = 1; step <= all.n; step++) {
            struct outcome o = feed(all, true, step);
            bool bad = !cases[i].body || cases[i].answers_only;
            if (o.bad != bad) fail_msg("bad is %d at step %zu: %s", o.bad, step, cases[i].text);
            if (!bad) {
                assert_true(str_eq(buf_str(&o.body), str_from(cases[i].body)));
                assert_int_equal(o.done, cases[i].behind >= 0);
                if (o.done) assert_int_equal(o.used, all.n - (size_t)cases[i].behind);
            }
            buf_free(&o.body);
            o = feed(all, false, step);
            assert_int_equal(o.bad, !cases[i].body);
            buf_free(&o.body);
        }
    }
}

/* Extensions and trailers stop at a ceiling over the whole message, not a chunk. */
static void chunk_extras_have_a_ceiling(void **state)
{
    (void)state;
    for (int trailers = 0; trailers < 2; trailers++) {
        for (unsigned times = 30; times <= 34; times += 4) {
            struct buf text;
            buf_init(&text, 0);
            if (trailers) buf_add(&text, S("0\r\n"));
            for (unsigned i = 0; i < times; i++) {
                if (trailers)
                    buf_printf(&text, "t: %0512d\r\n", 0);
                else
                    buf_printf(&text, "1;%0512d\r\nx\r\n", 0);
            }
            buf_add(&text, trailers ? S("\r\n") : S("0\r\n\r\n"));
            struct outcome o = feed(buf_str(&text), true, 64 * 1024);
            assert_int_equal(o.done, times == 30);
            assert_int_equal(o.bad, times != 30);
            buf_free(&o.body);
            buf_free(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_heads),
        cmocka_unit_test(refused_requests),
        cmocka_unit_test(says_what_a_line_without_version_lacks),
        cmocka_unit_test(lists_are_joined),
        cmocka_unit_test(taken_requests),
        cmocka_unit_test(headers_have_a_ceiling),
        cmocka_unit_test(answers),
        cmocka_unit_test(chunks),
        cmocka_unit_test(chunk_extras_have_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* TLS on both sides: who is trusted, what is negotiated, sessions continued, and
 * that plain HTTP's behaviour stays. Certificates are made here, by OpenSSL. */
#include "client_rig.h"

#include "net/http_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

/* ---- certificates */

struct made {
    char cert[64], key[64];
};

/* A self-signed certificate for `name` ("DNS:localhost"), valid from now on for `days`. */
static struct made make_cert(const char *folder, const char *what, const char *name, int days)
{
    struct made m;
    snprintf(m.cert, sizeof(m.cert), "%s/%s.crt", folder, what);
    snprintf(m.key, sizeof(m.key), "%s/%s.key", folder, what);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60 * 60 * 24 * 10);
    X509_gmtime_adj(X509_getm_notAfter(cert), (long)60 * 60 * 24 * days);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)what, -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *f = fopen(m.cert, "w");
    PEM_write_X509(f, cert);
    fclose(f);
    f = fopen(m.key, "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
    return m;
}

static char folder[] = "/tmp/test_tls.XXXXXX";
static struct made good, other, expired, by_address;

static int make_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as every program that speaks TLS must */
    if (!mkdtemp(folder)) return -1;
    good = make_cert(folder, "good", "DNS:localhost", 10);
    other = make_cert(folder, "other", "DNS:example.org", 10);
    expired = make_cert(folder, "expired", "DNS:localhost", -1);
    by_address = make_cert(folder, "address", "IP:127.0.0.1", 10);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    const struct made *all[] = {&good, &other, &expired, &by_address};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        unlink(all[i]->cert);
        unlink(all[i]->key);
    }
    return rmdir(folder);
}

/* ---- a server on the same loop as the calls */

enum { PIECE = 100 * 1000, RECORDS = 20 };

static void on_request(struct http_exchange *x)
{
    static const char piece[PIECE];
    if (str_eq(x->request.path, S("/big"))) {
        http_begin(x, 200, STR_NONE);
        for (int i = 0; i < 10; i++) http_send_str(x, str_of(piece, sizeof(piece)));
        http_end(x);
    } else if (str_eq(x->request.path, S("/records"))) {
        http_begin(x, 200, STR_NONE);
        for (int i = 0; i < RECORDS; i++) http_send_str(x, S("a record of its own"));
        http_end(x);
    } else if (str_eq(x->request.path, S("/abort"))) {
        http_begin(x, 200, STR_NONE);
        http_send_str(x, S("part"));
        http_abort(x);
    } else {
        http_respond(x, 200, STR_NONE, x->request.body);
    }
}

struct pair {
    struct turner t;
    struct http_server *server;
    struct upstream *upstream;
};

/* Instead of a file: nobody is checked. */
static const char anyone[] = "anyone";

static void pair_init(struct pair *p, const struct made *served, const char *trusted, const char *host,
                      int64_t request_us)
{
    static const struct http_handler handler = {.request = on_request};
    struct buf why;
    buf_init(&why, 0);
    turner_init(&p->t);
    struct http_server_options so = {.loop = &p->t.loop, .handler = &handler};
    http_limits_default(&so.limits);
    if (request_us) so.limits.request_us = request_us;
    p->server = http_server_new(&so);
    if (!http_server_listen(p->server, "127.0.0.1", 0, served->cert, served->key, &why))
        fail_msg("%.*s", STR_ARG(buf_str(&why)));
    struct tls_roots *roots = trusted == anyone ? NULL : tls_roots_read(trusted, &why);
    if (!roots && trusted != anyone) fail_msg("%.*s", STR_ARG(buf_str(&why)));
    struct upstream_options uo = {.loop = &p->t.loop,
                                  .host = str_from(host),
                                  .port = http_server_port(p->server),
                                  .tls = tls_client_context(roots),
                                  .connections = 4,
                                  .idle_us = 30 * US_PER_SECOND};
    p->upstream = upstream_new(&uo);
    tls_roots_put(roots); /* the context has its own */
    buf_free(&why);
}

static void pair_free(struct pair *p)
{
    upstream_drop(p->upstream);
    http_server_drop(p->server);
    turner_free(&p->t);
}

static void who_is_trusted(void **state)
{
    (void)state;
    const struct {
        const struct made *served;
        const char *trusted, *host, *why; /* why: NULL where it works */
    } cases[] = {
        {&good, good.cert, "localhost", NULL},
        {&by_address, by_address.cert, "127.0.0.1", NULL},
        {&other, other.cert, "localhost", "hostname mismatch"},
        {&good, good.cert, "127.0.0.1", "IP address mismatch"},
        {&expired, expired.cert, "localhost", "expired"},
        {&good, other.cert, "localhost", "self-signed"},
        {&good, NULL, "localhost", "self-signed"},
        {&other, anyone, "localhost", NULL},
        {&expired, anyone, "127.0.0.1", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pair p;
        struct caller a = {0};
        pair_init(&p, cases[i].served, cases[i].trusted, cases[i].host, 0);
        caller_get(&a, p.upstream);
        TURN_UNTIL(&p.t, caller_over(&a));
        assert_int_equal(a.err, cases[i].why ? ERR_PROVIDER_TLS : ERR_NONE);
        if (cases[i].why && !strstr(a.why, cases[i].why)) fail_msg("'%s' does not say '%s'", a.why, cases[i].why);
        caller_free(&a);
        pair_free(&p);
    }
}

static void sessions_are_resumed(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &good, good.cert, "localhost", 0);
    for (int n = 0; n < 3; n++) {
        struct caller a = {0};
        arena_init(&a.arena);
        struct iovec piece = iov_of(S("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
        caller_start(&a, p.upstream, &piece, 1);
        TURN_UNTIL(&p.t, caller_over(&a));
        assert_int_equal(a.err, ERR_NONE);
        assert_int_equal(a.call.resumed, n > 0);
        assert_int_equal(a.connected, 1);
        assert_int_equal(a.sent, 1);
        caller_free(&a);
    }
    pair_free(&p);
}

static void large_bodies_both_ways(void **state)
{
    (void)state;
    struct pair p;
    struct caller a = {0}, b = {0};
    enum { SIZE = 3 * 1024 * 1024 };
    char *body = malloc(SIZE), head[128];
    for (size_t i = 0; i < SIZE; i++) body[i] = (char)(i * 7 + i / 1000);
    pair_init(&p, &good, good.cert, "localhost", 0);
    int n = snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n", SIZE);
    struct iovec pieces[] = {{head, (size_t)n}, {body, 10}, {body + 10, 20000}, {body + 20010, SIZE - 20010}};
    caller_start(&a, p.upstream, pieces, 4);
    TURN_UNTIL(&p.t, caller_over(&a));
    assert_int_equal(a.err, ERR_NONE);
    assert_int_equal(a.body.n, SIZE);
    assert_memory_equal(a.body.p, body, SIZE);
    caller_free(&a);
    struct iovec get = iov_of(S("GET /big HTTP/1.1\r\nhost: a\r\n\r\n"));
    b.pause_in_body = true; /* TLS must not keep bytes back that nothing wakes for */
    caller_start(&b, p.upstream, &get, 1);
    while (!caller_over(&b)) {
        turn_once(&p.t);
        http_call_resume(&b.call);
    }
    assert_int_equal(b.ended, 1);
    assert_int_equal(b.body.n, 10 * PIECE);
    caller_free(&b);
    free(body);
    pair_free(&p);
}

/* Many records come with one read: those behind the one that the call paused in lie
 * within TLS, and no poll tells of them. */
static void what_was_read_ahead_is_not_lost(void **state)
{
    (void)state;
    struct pair p;
    struct caller a = {.pause_in_body = true};
    pair_init(&p, &good, good.cert, "localhost", 0);
    struct iovec get = iov_of(S("GET /records HTTP/1.1\r\nhost: a\r\n\r\n"));
    caller_start(&a, p.upstream, &get, 1);
    size_t rests = 0;
    while (!caller_over(&a)) {
        size_t before = a.body.n;
        turn_once(&p.t);
        turn_once(&p.t);
        if (a.body.n == before && before) rests++;
        http_call_resume(&a.call);
    }
    assert_int_equal(a.ended, 1);
    assert_int_equal(a.body.n, RECORDS * (sizeof("a record of its own") - 1));
    assert_true(rests < RECORDS);
    caller_free(&a);
    pair_free(&p);
}

/* Until close: close_notify is a whole answer, its absence is a cut. */
static void truncation_is_noticed(void **state)
{
    (void)state;
    for (int abort = 0; abort < 2; abort++) {
        struct pair p;
        struct caller a = {0};
        pair_init(&p, &good, good.cert, "localhost", 0);
        struct iovec get = iov_of(abort ? S("GET /abort HTTP/1.0\r\n\r\n") : S("GET /big HTTP/1.0\r\n\r\n"));
        caller_start(&a, p.upstream, &get, 1);
        TURN_UNTIL(&p.t, caller_over(&a));
        assert_int_equal(a.err, abort ? ERR_PROVIDER_CUT : ERR_NONE);
        if (!abort) assert_int_equal(a.body.n, 10 * PIECE);
        caller_free(&a);
        pair_free(&p);
    }
}

/* ---- a provider of another kind: more than was asked for */

/* An answer and, in a record of its own but of the same segment, one that nobody
 * asked for; a plain answer on the connections after the first. */
static void serve_two_for_one(struct provider *p, int nth, int fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(ctx, good.cert);
    SSL_CTX_use_PrivateKey_file(ctx, good.key, SSL_FILETYPE_PEM);
    SSL *ssl = SSL_new(ctx);
    char request[1000];
    (void)p;
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0) {
        static const char asked[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nasked";
        static const char stray[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
        BIO *gathers = BIO_push(BIO_new(BIO_f_buffer()), BIO_new_socket(fd, BIO_NOCLOSE));
        SSL_set0_wbio(ssl, gathers);
        SSL_write(ssl, asked, sizeof(asked) - 1);
        if (nth == 0) SSL_write(ssl, stray, sizeof(stray) - 1);
        (void)BIO_flush(gathers);
        SSL_read(ssl, request, sizeof(request)); /* until the client closes */
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

static void what_comes_unasked_answers_nobody(void **state)
{
    (void)state;
    struct provider provider = {.serve = serve_two_for_one};
    struct turner t;
    struct caller a = {0}, b = {0};
    provider_start(&provider);
    turner_init(&t);
    struct upstream_options uo = {.loop = &t.loop,
                                  .host = S("localhost"),
                                  .port = provider.port,
                                  .tls = tls_client_context(NULL),
                                  .connections = 1, /* the second call waits for the first one's connection */
                                  .idle_us = 30 * US_PER_SECOND};
    struct upstream *u = upstream_new(&uo);
    caller_get(&a, u);
    caller_get(&b, u);
    TURN_UNTIL(&t, caller_over(&a) && caller_over(&b));
    assert_int_equal(a.ended, 1);
    assert_int_equal(b.ended, 1);
    assert_memory_equal(a.body.p, "asked", 5);
    assert_memory_equal(b.body.p, "asked", 5);
    assert_int_equal(provider.accepted, 2);
    caller_free(&a);
    caller_free(&b);
    upstream_drop(u);
    turner_free(&t);
    provider_stop(&provider);
}

/* ---- a client of another kind, on a thread: what our server insists on */

struct visitor {
    uint16_t port;
    const unsigned char *alpn;
    unsigned alpn_size;
    bool silent;
    atomic_bool over;
    int handshake;
    unsigned long error;
    unsigned char chosen[16];
    ssize_t last;
};

static void *visit(void *arg)
{
    struct visitor *v = arg;
    int fd = dial_loopback(v->port);
    if (v->silent) {
        char byte;
        v->last = recv(fd, &byte, 1, 0);
    } else {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        SSL *ssl = SSL_new(ctx);
        const unsigned char *chosen;
        unsigned n;
        if (v->alpn) SSL_set_alpn_protos(ssl, v->alpn, v->alpn_size);
        SSL_set_fd(ssl, fd);
        v->handshake = SSL_connect(ssl);
        v->error = ERR_peek_last_error();
        SSL_get0_alpn_selected(ssl, &chosen, &n);
        if (n < sizeof(v->chosen) && n) memcpy(v->chosen, chosen, n);
        SSL_free(ssl);
        SSL_CTX_free(ctx);
    }
    close(fd);
    v->over = true;
    return NULL;
}

static void visit_server(struct visitor *v, int64_t request_us)
{
    struct pair p;
    pthread_t thread;
    pair_init(&p, &good, good.cert, "localhost", request_us);
    v->port = http_server_port(p.server);
    pthread_create(&thread, NULL, visit, v);
    TURN_UNTIL(&p.t, v->over);
    pthread_join(thread, NULL);
    pair_free(&p);
}

static void alpn(void **state)
{
    (void)state;
    struct visitor h2 = {.alpn = (const unsigned char *)"\x02h2", .alpn_size = 3};
    visit_server(&h2, 0);
    assert_int_not_equal(h2.handshake, 1);
    assert_int_equal(ERR_GET_REASON(h2.error), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    struct visitor both = {.alpn = (const unsigned char *)"\x02h2\x08http/1.1", .alpn_size = 12};
    visit_server(&both, 0);
    assert_int_equal(both.handshake, 1);
    assert_string_equal(both.chosen, "http/1.1");
    struct visitor none = {0};
    visit_server(&none, 0);
    assert_int_equal(none.handshake, 1);
}

static void silent_handshake_times_out(void **state)
{
    (void)state;
    struct visitor silent = {.silent = true, .last = -1};
    visit_server(&silent, 100 * 1000);
    assert_int_equal(silent.last, 0);
}

static void bad_files_are_named(void **state)
{
    (void)state;
    struct buf why;
    buf_init(&why, 0);
    assert_null(tls_server_context("/nonexistent.crt", good.key, &why));
    assert_true(str_find(buf_str(&why), S("/nonexistent.crt"), 0) != SIZE_MAX);
    buf_clear(&why);
    assert_null(tls_server_context(good.cert, other.key, &why));
    assert_true(str_find(buf_str(&why), S("is not the key of the certificate in"), 0) != SIZE_MAX);
    buf_clear(&why);
    assert_null(tls_server_context(good.key, good.key, &why));
    assert_true(str_find(buf_str(&why), S("holds no certificate in PEM"), 0) != SIZE_MAX);
    buf_clear(&why);
    assert_null(tls_server_context(good.cert, good.cert, &why));
    assert_true(str_find(buf_str(&why), S("holds no private key"), 0) != SIZE_MAX);
    buf_clear(&why);
    struct made locked = make_cert(folder, "locked", "DNS:localhost", 10);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f = fopen(locked.key, "w");
    PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
    fclose(f);
    EVP_PKEY_free(key);
    int ends[2], input = dup(STDIN_FILENO); /* where no terminal is, OpenSSL would ask this for the passphrase */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "secret\n", 7), 7);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    assert_null(tls_server_context(locked.cert, locked.key, &why));
    dup2(input, STDIN_FILENO);
    close(ends[0]);
    close(input);
    assert_true(str_find(buf_str(&why), S("locked.key: holds no private key without a passphrase"), 0) != SIZE_MAX);
    unlink(locked.cert);
    unlink(locked.key);
    buf_clear(&why);
    assert_null(tls_roots_read("/nonexistent.pem", &why));
    assert_true(str_find(buf_str(&why), S("/nonexistent.pem"), 0) != SIZE_MAX);
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_trusted),
        cmocka_unit_test(sessions_are_resumed),
        cmocka_unit_test(large_bodies_both_ways),
        cmocka_unit_test(what_was_read_ahead_is_not_lost),
        cmocka_unit_test(truncation_is_noticed),
        cmocka_unit_test(what_comes_unasked_answers_nobody),
        cmocka_unit_test(alpn),
        cmocka_unit_test(silent_handshake_times_out),
        cmocka_unit_test(bad_files_are_named),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}

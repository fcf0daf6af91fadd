#include "net/tls.h"

#include "base/arena.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct tls_context {
    SSL_CTX *ctx;
    SSL_SESSION *session; /* client: the last one offered by the peer; one context serves one provider */
    bool verify;
};

struct tls {
    SSL *ssl;
    struct tls_context *context;
    char error[120];
};

static const unsigned char alpn_http11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
                       unsigned inlen, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, outlen, alpn_http11, sizeof(alpn_http11), in, inlen) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301, 3.2: no protocol in common */
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (context->session) SSL_SESSION_free(context->session);
    context->session = session;
    return 1; /* the reference is ours now */
}

static void why_openssl(struct buf *why, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    buf_printf(why, "%s %s: %s", what, file ? file : "", reason ? reason : "failed");
    ERR_clear_error();
}

static struct tls_context *context_new(const SSL_METHOD *method)
{
    struct tls_context *t = mem_zalloc(sizeof(*t));
    t->ctx = SSL_CTX_new(method);
    if (!t->ctx) abort();
    SSL_CTX_set_app_data(t->ctx, t);
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(t->ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(t->ctx, 1); /* else a record takes two reads: its head, then the rest */
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return t;
}

/* OpenSSL would ask the terminal for an encrypted key's passphrase, and wait. */
static int no_passphrase(char *to, int size, int writing, void *ctx)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

/* OpenSSL says "PEM lib" of a file that holds something else. */
static void why_not_held(struct buf *why, const char *what, const char *file, const char *wanted)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    buf_printf(why, "%s %s: holds no %s in PEM that can be read (OpenSSL: %s)", what, file, wanted,
               reason ? reason : "failed");
    ERR_clear_error();
}

struct tls_context *tls_server_context(const char *cert, const char *key, struct buf *why)
{
    struct tls_context *t = context_new(TLS_server_method());
    SSL_CTX_set_alpn_select_cb(t->ctx, choose_alpn, NULL);
    SSL_CTX_set_session_id_context(t->ctx, (const unsigned char *)"purser", 6);
    SSL_CTX_set_num_tickets(t->ctx, 1);
    SSL_CTX_set_default_passwd_cb(t->ctx, no_passphrase);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
    if (SSL_CTX_use_certificate_chain_file(t->ctx, cert) != 1) {
        why_not_held(why, "certificate", cert, "certificate");
    } else if (SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(t->ctx) != 1) {
        if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
            buf_printf(why, "private key %s: is not the key of the certificate in %s", key, cert);
        else
            why_not_held(why, "private key", key, "private key without a passphrase");
        ERR_clear_error();
    } else {
        return t;
    }
    tls_context_drop(t);
    return NULL;
}

/* A store of X.509 certificates by another name: OpenSSL counts and locks it. */
static X509_STORE *store_of(struct tls_roots *roots)
{
    return (X509_STORE *)roots;
}

struct tls_roots *tls_roots_read(const char *ca_file, struct buf *why)
{
    X509_STORE *store = X509_STORE_new();
    if (!store) abort();
    int loaded = ca_file ? X509_STORE_load_file(store, ca_file) : X509_STORE_set_default_paths(store);
    if (loaded == 1) return (struct tls_roots *)store;
    why_openssl(why, "certificate authorities", ca_file);
    X509_STORE_free(store);
    return NULL;
}

struct tls_roots *tls_roots_get(struct tls_roots *roots)
{
    X509_STORE_up_ref(store_of(roots));
    return roots;
}

void tls_roots_put(struct tls_roots *roots)
{
    X509_STORE_free(store_of(roots));
}

struct tls_context *tls_client_context(struct tls_roots *roots)
{
    struct tls_context *t = context_new(TLS_client_method());
    t->verify = roots != NULL;
    SSL_CTX_set_alpn_protos(t->ctx, alpn_http11, sizeof(alpn_http11));
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(t->ctx, keep_session);
    SSL_CTX_set_verify(t->ctx, roots ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (roots) SSL_CTX_set1_cert_store(t->ctx, store_of(roots));
    return t;
}

void tls_context_drop(struct tls_context *t)
{
    if (!t) return;
    if (t->session) SSL_SESSION_free(t->session);
    SSL_CTX_free(t->ctx);
    free(t);
}

static struct tls *tls_new(struct tls_context *context, int fd)
{
    struct tls *t = mem_zalloc(sizeof(*t));
    t->context = context;
    t->ssl = SSL_new(context->ctx);
    if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1) abort(); /* out of memory only */
    return t;
}

struct tls *tls_accept(struct tls_context *context, int fd)
{
    struct tls *t = tls_new(context, fd);
    SSL_set_accept_state(t->ssl);
    return t;
}

struct tls *tls_connect(struct tls_context *context, int fd, const char *host)
{
    struct tls *t = tls_new(context, fd);
    unsigned char address[16];
    bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (!is_address) SSL_set_tlsext_host_name(t->ssl, host);
    if (context->verify) {
        X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (is_address)
            X509_VERIFY_PARAM_set1_ip_asc(param, host);
        else
            X509_VERIFY_PARAM_set1_host(param, host, 0);
    }
    if (context->session) SSL_set_session(t->ssl, context->session);
    SSL_set_connect_state(t->ssl);
    return t;
}

void tls_shutdown(struct tls *t)
{
    if (SSL_is_init_finished(t->ssl)) SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void tls_abandon(struct tls *t)
{
    SSL_set_quiet_shutdown(t->ssl, 1);
}

void tls_drop(struct tls *t)
{
    tls_shutdown(t);
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t);
}

/* OpenSSL's verdict on a call that returned `result` <= 0. */
static int explain(struct tls *t, int result)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        break;
    }
    long verified = SSL_get_verify_result(t->ssl);
    unsigned long code = ERR_peek_last_error();
    const char *reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                         : code                ? ERR_reason_error_string(code)
                                               : "connection closed";
    str_copy(t->error, sizeof(t->error), str_from(reason ? reason : "failed"));
    ERR_clear_error();
    return TLS_BROKEN;
}

int tls_handshake(struct tls *t)
{
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    if (result == 1) return 1;
    int why = explain(t, result);
    return why == 0 ? TLS_BROKEN : why;
}

ssize_t tls_read(struct tls *t, char *to, size_t size)
{
    ERR_clear_error();
    size_t n = 0;
    int result = SSL_read_ex(t->ssl, to, size, &n);
    return result == 1 ? (ssize_t)n : explain(t, result);
}

bool tls_pending(const struct tls *t)
{
    return SSL_has_pending(t->ssl) == 1;
}

ssize_t tls_write(struct tls *t, const char *from, size_t size)
{
    ERR_clear_error();
    size_t n = 0;
    int result = SSL_write_ex(t->ssl, from, size, &n);
    if (result == 1) return (ssize_t)n;
    int why = explain(t, result);
    return why == 0 ? TLS_BROKEN : why;
}

const char *tls_error(const struct tls *t)
{
    return t->error;
}

bool tls_is_distrusted(const struct tls *t)
{
    return SSL_get_verify_result(t->ssl) != X509_V_OK;
}

bool tls_resumed(const struct tls *t)
{
    return SSL_session_reused(t->ssl) == 1;
}

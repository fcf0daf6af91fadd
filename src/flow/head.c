/* The head of a request to a provider: where it goes, what lets it in, and what of the
 * client's own headers goes along. */
#include "flow/request.h"

#include "base/text.h"
#include "provider/sign.h"

/* Not for the provider: the client's credentials, what belongs to its connection,
 * and what purser writes itself. */
static bool is_kept_back(str name)
{
    static const str names[] = {
        STR_INIT("host"),
        STR_INIT("authorization"),
        STR_INIT("api-key"),
        STR_INIT("x-api-key"),
        STR_INIT("x-goog-api-key"),
        STR_INIT("anthropic-version"),
        STR_INIT("cookie"),
        STR_INIT("content-length"),
        STR_INIT("content-type"),
        STR_INIT("content-encoding"),
        STR_INIT("transfer-encoding"),
        STR_INIT("connection"),
        STR_INIT("keep-alive"),
        STR_INIT("te"),
        STR_INIT("trailer"),
        STR_INIT("upgrade"),
        STR_INIT("expect"),
        STR_INIT("accept-encoding"),
        STR_INIT("user-agent"),
        STR_INIT("origin"),
        STR_INIT("referer"),
        STR_INIT("openai-organization"),
        STR_INIT("openai-project"),
        STR_INIT("forwarded"),
        STR_INIT("via"),
        STR_INIT("x-real-ip"),
    };
    static const str prefixes[] = {
        STR_INIT("x-purser-"),    STR_INIT("proxy-"),
        STR_INIT("x-forwarded-"), STR_INIT("helicone-"),
        STR_INIT("x-portkey-"),   STR_INIT("x-litellm-"),
        STR_INIT("sec-"),         STR_INIT("x-amz-"),
        STR_INIT("amz-sdk-"),     STR_INIT("x-goog-user-project"),
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (name.n == names[i].n && str_eq_nocase(name, names[i])) return true;
    }
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (name.n > prefixes[i].n && str_eq_nocase(str_head(name, prefixes[i].n), prefixes[i])) return true;
    }
    return false;
}

/* A translated call is no longer the client's own words: of its headers only the trace goes along. */
static bool is_trace(str name)
{
    return str_eq_nocase(name, S("traceparent")) || str_eq_nocase(name, S("tracestate")) ||
           str_eq_nocase(name, S("baggage"));
}

static bool is_set_by(const struct setting_provider *p, str name)
{
    for (size_t i = 0; i < p->header_count; i++) {
        if (str_eq_nocase(p->headers[i].name, name)) return true;
    }
    return false;
}

/* Those of the settings: for every call to the provider. */
static void add_own_headers(const struct setting_provider *p, struct buf *out)
{
    for (size_t i = 0; i < p->header_count; i++) {
        buf_add(out, p->headers[i].name);
        buf_add(out, S(": "));
        buf_add(out, p->headers[i].value);
        buf_add(out, S("\r\n"));
    }
}

static void add_client_headers(const struct attempt *a, struct buf *out)
{
    struct request *r = a->request;
    const struct http_request *q = &r->x->request;
    str connection = http_head_list(q->head, S("connection"), &r->arena);
    for (size_t i = 0; i < q->header_count; i++) {
        str name = q->headers[i].name;
        if (is_kept_back(name) || http_connection_names(connection, name)) continue;
        if (a->way->translated && !is_trace(name)) continue;
        if (is_set_by(a->way->target->provider, name)) continue;
        buf_add(out, name);
        buf_add(out, S(": "));
        buf_add(out, q->headers[i].value);
        buf_add(out, S("\r\n"));
    }
}

/* Path and query. Fails: false where the provider has nothing that answers such a call. */
static bool add_target(const struct attempt *a, struct buf *out)
{
    const struct request *r = a->request;
    const struct setting_provider *p = a->way->target->provider;
    const struct http_request *q = &r->x->request;
    if (r->receive.kind == CALL_PASSTHROUGH) {
        provider_passthrough(&p->paths, q->path, q->query, out);
        return true;
    }
    if (p->service) {
        buf_add(out, p->path);
        return true;
    }
    enum endpoint e = endpoint_of(a->way->kind);
    return e != ENDPOINT_NONE && provider_path(&p->paths, e, a->way->target->model, r->attribute.call.stream,
                                               a->way->translated ? STR_NONE : q->query, out);
}

static str host_of(struct attempt *a)
{
    struct request *r = a->request;
    const struct setting_provider *p = a->way->target->provider;
    if (p->port == (p->tls ? 443 : 80)) return p->host;
    struct buf *host = &r->worker->scratch;
    buf_clear(host);
    buf_add(host, p->host);
    buf_add_byte(host, ':');
    buf_add_u64(host, p->port);
    return arena_str(&r->arena, buf_str(host));
}

/* Fails: false after attempt_fail(), where the provider's token is not there or has expired. */
static bool add_credentials(struct attempt *a, str method, str host, str target, const struct iovec *body,
                            size_t body_count, struct buf *out)
{
    struct request *r = a->request;
    const struct setting_provider *p = a->way->target->provider;
    struct provider_secret secret;
    str why;
    if (!settings_secret(p, r->at_us, &r->arena, &secret, &why)) {
        attempt_fail(a, ERR_NO_CREDENTIAL, why.p);
        return false;
    }
    const struct sign_call call = {
        .method = method,
        .host = host,
        .target = target,
        .body = body,
        .body_count = body_count,
        .region = p->region,
        .anthropic_version = http_header_find(&r->x->request, S("anthropic-version")),
        .now_us = r->at_us,
    };
    provider_sign(p->auth, &secret, &call, out);
    return true;
}

bool head_write(struct attempt *a, const struct iovec *body, size_t body_count)
{
    struct request *r = a->request;
    struct buf *out = &a->wire.head;
    const struct http_request *q = &r->x->request;
    bool other = r->receive.kind == CALL_PASSTHROUGH;
    str method = other ? q->method : S("POST"), host = host_of(a);
    char id[TEXT_NUMBER_MAX];
    size_t body_bytes = 0;
    for (size_t i = 0; i < body_count; i++) body_bytes += body[i].iov_len;
    buf_init(out, 0);
    buf_reserve(out, 1024);
    buf_add(out, method);
    buf_add_byte(out, ' ');
    size_t from = out->n;
    if (!add_target(a, out)) return false;
    size_t to = out->n;
    buf_add(out, S(" HTTP/1.1\r\nhost: "));
    buf_add(out, host);
    buf_add(out, S("\r\n"));
    str target = arena_str(&r->arena, str_of(out->p + from, to - from));
    if (!add_credentials(a, method, host, target, body, body_count, out)) return false;
    if (body_bytes || !r->receive.reads) {
        buf_add(out, S("content-length: "));
        buf_add_u64(out, body_bytes);
        buf_add(out, S("\r\n"));
    }
    bool own = other || r->receive.form;
    str type = own ? http_header_find(q, S("content-type")) : S("application/json");
    if (type.n) {
        buf_add(out, S("content-type: "));
        buf_add(out, type);
        buf_add(out, S("\r\n"));
    }
    buf_add(out, S("accept-encoding: identity\r\nuser-agent: purser\r\n"));
    add_own_headers(a->way->target->provider, out);
    add_client_headers(a, out);
    buf_add(out, S("x-purser-attempt: "));
    buf_add(out, str_of(id, text_hex(id, a->id)));
    buf_add(out, S("\r\n\r\n"));
    return true;
}

#include "provider/sign.h"

static void add_line(struct buf *out, str name, str value)
{
    buf_add(out, name);
    buf_add(out, S(": "));
    buf_add(out, value);
    buf_add(out, S("\r\n"));
}

static void add_bearer(struct buf *out, str key)
{
    buf_add(out, S("authorization: Bearer "));
    buf_add(out, key);
    buf_add(out, S("\r\n"));
}

static void add_aws(const struct sigv4_key *key, const struct sign_call *c, struct buf *out)
{
    char date[SIGV4_DATE_BYTES], hash[SIGV4_HASH_HEX];
    sigv4_date(c->now_us, date);
    sigv4_hash(c->body, c->body_count, hash);
    size_t question = str_find_byte(c->target, '?', 0);
    const struct sigv4_header headers[] = {
        {S("host"), c->host},
        {S("x-amz-content-sha256"), str_of(hash, sizeof(hash))},
        {S("x-amz-date"), str_of(date, sizeof(date))},
        {S("x-amz-security-token"), key->session},
    };
    struct sigv4_request r = {
        .method = c->method,
        .path = str_head(c->target, question),
        .query = question == SIZE_MAX ? STR_NONE : str_from_at(c->target, question + 1),
        .headers = headers,
        .header_count = COUNT_OF(headers) - !key->session.n,
        .body_hash = headers[1].value,
        .region = c->region,
        .service = S("bedrock"),
        .now_us = c->now_us,
    };
    for (size_t i = 1; i < r.header_count; i++) add_line(out, headers[i].name, headers[i].value);
    size_t from = out->n;
    buf_add(out, S("authorization: "));
    if (sigv4_authorization(key, &r, out))
        buf_add(out, S("\r\n"));
    else
        out->n = from; /* a query of more than 64 parts: AWS will say that it is not signed */
}

void provider_sign(enum provider_auth auth, const struct provider_secret *secret, const struct sign_call *call,
                   struct buf *out)
{
    if (auth == AUTH_ANTHROPIC) {
        str version = call->anthropic_version;
        add_line(out, S("anthropic-version"), version.n ? version : S("2023-06-01"));
    }
    if (!secret->key.n) {
        if (auth == AUTH_AWS && secret->aws.id.n) add_aws(&secret->aws, call, out);
        return;
    }
    /* Google's OpenAI layer looks for a bearer alone. */
    bool bearer = secret->token || (auth == AUTH_GOOGLE && str_find(call->target, S("/openai/"), 0) != SIZE_MAX);
    if (bearer) auth = AUTH_BEARER;
    switch (auth) {
    case AUTH_API_KEY:
        add_line(out, S("api-key"), secret->key);
        break;
    case AUTH_ANTHROPIC:
        add_line(out, S("x-api-key"), secret->key);
        break;
    case AUTH_GOOGLE:
        add_line(out, S("x-goog-api-key"), secret->key);
        break;
    case AUTH_BEARER:
    case AUTH_AWS:
        add_bearer(out, secret->key);
        break;
    }
}

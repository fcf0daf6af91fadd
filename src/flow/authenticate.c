/* authenticate: API key -> who pays. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/purser.h"

/* AWS's clients sign: the key is the id that they sign with. Its secret is nobody's here, so
 * the signature itself proves nothing and is not looked at. */
static str signed_with(str authorization)
{
    str credential = S("Credential=");
    size_t at = str_find(authorization, credential, 0);
    if (!str_starts(authorization, S("AWS4-HMAC-SHA256 ")) || at == SIZE_MAX) return STR_NONE;
    str rest = str_from_at(authorization, at + credential.n);
    return str_head(rest, str_find_byte(rest, '/', 0));
}

/* Each protocol's own way to show a key. */
static str presented(const struct request *r)
{
    static const str names[] = {STR_INIT("x-api-key"), STR_INIT("api-key"), STR_INIT("x-goog-api-key")};
    const struct http_request *q = &r->x->request;
    str value = http_header_find(q, S("authorization"));
    if (value.n > 7 && str_eq_nocase(str_head(value, 7), S("bearer "))) return str_trim(str_from_at(value, 7));
    if (value.n) return signed_with(value);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        value = http_header_find(q, names[i]);
        if (value.n) return value;
    }
    if (r->receive.dialect != DIALECT_GEMINI) return STR_NONE;
    return paths_query(q->query, S("key"), &r->x->arena);
}

enum verdict step_authenticate(struct request *r)
{
    str secret = presented(r);
    if (!secret.n) {
        r->err_headers = S("www-authenticate: Bearer\r\n");
        return request_fail(r, ERR_UNAUTHENTICATED,
                            S("You didn't provide an API key. Send one of purser's keys as 'Authorization: Bearer ...' "
                              "(or as x-api-key, api-key, x-goog-api-key)."));
    }
    const struct key *key = key_cache_find(r->lease->keys, secret);
    if (!key || key->revoked || (key->expires_us && key->expires_us <= r->at_us)) {
        const char *what = !key           ? "The API key is not known here"
                           : key->revoked ? "The API key has been revoked"
                                          : "The API key has expired";
        r->err_headers = S("www-authenticate: Bearer\r\n");
        return request_fail(
            r, ERR_UNAUTHENTICATED,
            arena_printf(&r->arena, "%s. It must be one of purser's keys (see 'purser keys list'), not a provider's.",
                         what));
    }
    r->authenticate.key = key;
    return STEP_NEXT;
}

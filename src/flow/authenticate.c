/* authenticate: API key -> who pays. */
#include "flow/request.h"

#include "base/time.h"
#include "flow/purser.h"

static str presented(const struct http_request *q)
{
    str value = http_header_find(q, S("authorization"));
    if (value.n > 7 && str_eq_nocase(str_head(value, 7), S("bearer "))) return str_trim(str_from_at(value, 7));
    value = http_header_find(q, S("api-key"));
    return value.n ? value : http_header_find(q, S("x-api-key"));
}

enum verdict step_authenticate(struct request *r)
{
    str secret = presented(&r->x->request);
    if (!secret.n) {
        r->err_headers = S("www-authenticate: Bearer\r\n");
        return request_fail(
            r, ERR_UNAUTHENTICATED,
            S("You didn't provide an API key. Send one of purser's keys as 'Authorization: Bearer ...'."));
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

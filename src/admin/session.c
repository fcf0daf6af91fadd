/* Signing in, who is signed in, signing out. */
#include "admin/api.h"
#include "admin/inside.h"
#include "base/time.h"
#include "net/http_server.h"

/* Not over plain HTTP, where a cookie that is `Secure` would never come back. */
static void set_cookie(struct api_call *c, const char *id, int64_t seconds)
{
    const char *tls = admin_is_tls(c->admin, c->x) ? "; Secure" : "";
    str value = arena_printf(&c->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", SESSION_COOKIE, id,
                             (long long)seconds, tls);
    api_header(c, "set-cookie", value);
}

static void tell(struct api_call *c, const struct session *s)
{
    struct api_rows r;
    struct buf features;
    buf_init(&features, 0);
    buf_add_byte(&features, '[');
    for (size_t i = 0; i < c->scope.count; i++) {
        if (i) buf_add_byte(&features, ',');
        buf_add_json(&features, c->scope.features[i]);
    }
    buf_add_byte(&features, ']');
    api_one_begin(&r, c, API_RESOURCE_session);
    api_put_str(&r, "name", c->visitor.name);
    api_put_str(&r, "role", str_from(role_name(c->visitor.role)));
    api_put_str(&r, "owner", c->visitor.owner.n ? c->visitor.owner : STR_NONE);
    api_put_json(&r, "features", c->scope.restricted ? buf_str(&features) : STR_NONE);
    api_put_str(&r, "csrf", s ? session_proof(s) : STR_NONE);
    api_put_time(&r, "expires", s ? session_expires_us(s) : 0);
    api_one_end(&r);
    buf_free(&features);
}

void serve_session_post(struct api_call *c)
{
    struct json doc;
    int64_t wait_us = 0;
    if (api_body(c, &doc)) {
        str token = str_trim(api_member(c, &doc, S("token")));
        if (visitor_sign_in(c->admin, token, c->x->request.peer, &c->visitor, &wait_us)) {
            char id[SESSION_ID_MAX];
            const struct session *s = visitor_begin(c->admin, token, id);
            api_find_scope(c);
            set_cookie(c, id, (session_expires_us(s) - c->now_us) / US_PER_SECOND);
            tell(c, s);
            explicit_bzero(id, sizeof(id));
        } else if (wait_us) {
            long long seconds = visitor_wait_seconds(wait_us);
            api_header(c, "retry-after", arena_printf(&c->arena, "%lld", seconds));
            api_fail(c, 429, "too_many", "Too many tokens from this address were wrong. Try again in %lld seconds.",
                     seconds);
        } else {
            api_fail(c, 401, "unauthorized",
                     "This token is not known, or no longer holds. `purser access add NAME --role viewer` makes one.");
        }
    }
    json_free(&doc);
}

void serve_session_get(struct api_call *c)
{
    tell(c, c->visitor.by_session ? visitor_session(c->admin, c->x) : NULL);
}

void serve_session_delete(struct api_call *c)
{
    visitor_end(c->admin, c->x);
    set_cookie(c, "", 0);
}
